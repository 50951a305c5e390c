"""A user's project for black-box tests: files in a folder, and the command started there as a real process."""

from __future__ import annotations

import csv
import ctypes
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forked import ForkServer

ROOT = Path(__file__).resolve().parent.parent

#: Lets commands start sooner: numpy with one thread, and GPUtil with Python's own distutils (up to 3.11), which needs
#: no setuptools.
QUICK = {"OPENBLAS_NUM_THREADS": "1"}
if Path(os.__file__).with_name("distutils").joinpath("spawn.py").exists():
    QUICK["SETUPTOOLS_USE_DISTUTILS"] = "stdlib"
#: The environment of all commands: they find the package, and none writes bytecode.
SURROUNDINGS = {
    **QUICK,
    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    "PYTHONDONTWRITEBYTECODE": "1",
}
FORK_SERVER = ForkServer({**os.environ, **SURROUNDINGS})

#: A simulation: takes options of its own, refuses an existing folder, leaves a summary.
#: With an option until=NAME it ends when there is a file of this name in its working folder.
#: In sh, because thousands of runs execute it, and Python takes 18 ms to start.
SCRIPT = """\
#!/bin/sh
set -eu
awaited=. sleep=0
for word; do
    case $word in
        --out_dir=*) out_dir=${word#*=} ;;
        --x=*) x=${word#*=} ;;
        --sleep=*) sleep=${word#*=} ;;
        --until=*) awaited=${word#*=} ;;
    esac
done
if [ -e "$out_dir" ]; then
    echo "the folder exists; delete it? "
    read -r answer
    exit 1
fi
mkdir -p "$out_dir"
echo "x is $x"
[ "$sleep" = 0 ] || sleep "$sleep"
while [ ! -e "$awaited" ]; do sleep 0.02; done
printf 'acc %s\\nfinished 1\\n' "$x" >"$out_dir/summary.txt"
"""
#: The same as most users write it.
PYTHON_SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
out_dir = options["out_dir"]
if os.path.exists(out_dir):
    input("the folder exists; delete it? ")
    sys.exit("refused: the folder exists")
os.makedirs(out_dir)
print("x is", options["x"], flush=True)
time.sleep(float(options.get("sleep", 0)))
while not os.path.exists(options.get("until", ".")):
    time.sleep(0.02)
with open(os.path.join(out_dir, "summary.txt"), "w") as file:
    file.write("acc %s\\nfinished 1\\n" % options["x"])
"""

GRID = """\
grid = {grid!r}
conditions = {conditions!r}
_SCRIPT_NAME = {script!r}
_SUMMARY_FILENAME = "summary.txt"
_SUMMARY_KEYWORDS = {keywords!r}
"""


#: The command `hpsearch`, paused once before FUNCTION of TARGET: it writes the file "waiting" and waits for "go".
PAUSED = """\
import sys, time
from importlib import import_module
from pathlib import Path
target = {target}
original = target.{function}
def paused(*args, **kwargs):
    target.{function} = original
    Path("waiting").touch()
    end = time.monotonic() + 60
    while not Path("go").exists() and time.monotonic() < end:
        time.sleep(0.005)
    return original(*args, **kwargs)
target.{function} = paused
from hpsearch.__main__ import main
sys.exit(main())
"""

#: Makes a CALL that ends at once, and fails if a heavy package was imported.
LIGHT = """\
import sys
try:
    {call}
except SystemExit:
    pass
heavy = {{'numpy', 'pandas', 'GPUtil', 'bsub', 'hpsearch.search.search'}} & set(sys.modules)
sys.exit(str(heavy) if heavy else 0)
"""


def wait_until(condition: Callable[[], bool], what: str, deadline_s: float = 30) -> None:
    """Return as soon as the condition holds; fail if the time is over first."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.01)


@dataclass
class Result:
    """The result of a command: its exit status, what it printed, and the search folder if there is one."""

    exit_status: int
    stdout: str
    stderr: str

    @property
    def folder(self) -> Path:
        """The search folder: where the table, named on the last line of standard output, lies."""
        return Path(self.stdout.splitlines()[-1]).parent


@dataclass
class Project:
    """A folder with the user's files; every command is a real process that starts in it."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str, executable: bool = False) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not executable:
            path.write_text(text, encoding="utf-8")
            return path
        # Not into the file itself: a script that a run is just starting cannot be written to.
        new = path.with_name(f"{path.name}.new")
        new.write_text(text, encoding="utf-8")
        new.chmod(0o755)
        new.replace(path)
        return path

    def grid(
        self,
        grid: Mapping[str, object],
        conditions: object = (),
        script: str = SCRIPT,
        more: str = "",
        name: str = "config",
        keywords: tuple[str, ...] = ("acc", "finished"),
        script_name: str | None = None,
    ) -> None:
        """Write a script and a grid module `name`; `more` is added to the module.

        script_name: train.sh or train.py, as the script begins, unless given.
        """
        in_shell = script.startswith("#!/bin/")
        script_name = script_name or ("train.sh" if in_shell else "train.py")
        self.write(script_name, script, executable=in_shell)
        text = GRID.format(grid=dict(grid), conditions=list(conditions), script=script_name, keywords=list(keywords))
        self.write(f"{name}.py", text + more)

    def environ(self) -> dict[str, str]:
        """The environment of commands."""
        return {**os.environ, **SURROUNDINGS, **self.environment}

    def argv(self, *options: str) -> list[str]:
        """The classic command: module `config`, in the foreground, in the grid's order, unless options say otherwise.

        A random order would import numpy, which takes as long as all else: where it matters, give a --random_seed.
        """
        words = [sys.executable, "-m", "hpsearch.hpsearch"]
        given = " ".join(options)
        if "--resume" in given:
            return [*words, *options]
        if "--grid_module" not in given:
            words.append("--grid_module=config")
        if "--visible_gpus" not in given and "--run_cluster" not in given:
            words.append("--visible_gpus=-1")
        if not any(option in given for option in ("--deterministic_search", "--random_seed", "--num_searches")):
            words.append("--deterministic_search")
        return [*words, *options]

    def start(self, *options: str, **popen: object) -> subprocess.Popen[str]:
        """Start the classic command; the caller ends it."""
        return self.start_command(self.argv(*options), **popen)

    def start_python(self, program: str, *words: str) -> subprocess.Popen[str]:
        """Start a program given as text, which may find modules of hpsearch imported already; the caller ends it."""
        argv = [sys.executable, "-c", program, *words]
        return FORK_SERVER.start(argv, self.path, self.environ()) or self._start_anew(argv, self.path)

    def start_command(self, argv: list[str], cwd: Path | None = None, **popen: object) -> subprocess.Popen[str]:
        """Start any command in the project; the caller ends it."""
        folder, may_fork = cwd or self.path, argv[1:2] == ["-m"] and not popen
        forked = FORK_SERVER.start(argv, folder, self.environ()) if may_fork else None
        return forked or self._start_anew(argv, folder, **popen)

    def _start_anew(self, argv: list[str], cwd: Path, **popen: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=self.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,  # type: ignore[call-overload]
        )

    def run(self, *options: str, timeout: float = 120) -> Result:
        """Run the classic command to its end."""
        return self.command(self.argv(*options), timeout=timeout)

    def end(self, process: subprocess.Popen[str], timeout: float = 120) -> Result:
        """Wait for the end of a command that was started."""
        stdout, stderr = process.communicate(timeout=timeout)
        return Result(process.returncode, stdout, stderr)

    def command(self, argv: list[str], cwd: Path | None = None, timeout: float = 120) -> Result:
        """Run any command in the project."""
        process = self.start_command(argv, cwd)
        try:
            return self.end(process, timeout)
        finally:
            process.kill()

    def ask(self, *words: str, cwd: Path | None = None, timeout: float = 60) -> Result:
        """Run a subcommand of ``hpsearch`` to its end."""
        return self.command([sys.executable, "-m", "hpsearch", *words], cwd=cwd, timeout=timeout)

    def call_lightly(self, call: str, *words: str) -> Result:
        """Make a call in Python that imports nothing heavy; words are its arguments."""
        result = self.command([sys.executable, "-c", LIGHT.format(call=call), *words])
        assert result.exit_status == 0, result.stderr
        return result

    def go(self) -> None:
        """Make the file `go`, for which runs and commands wait."""
        self.write("go", "")

    def search(self, *options: str, timeout: float = 120) -> Result:
        """Run a search that has to succeed."""
        result = self.run(*options, timeout=timeout)
        assert result.exit_status == 0, result.stderr
        return result


def journal_events(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Return the events of a search's journal in order, or those of some kinds; a line being written is left out."""
    journal = folder / ".hpsearch" / "journal.jsonl"
    lines = journal.read_text().rpartition("\n")[0].splitlines() if journal.exists() else []
    return [event for event in map(json.loads, lines) if not kinds or event["event"] in kinds]


def journal_has(folder: Path, event: str, count: int) -> bool:
    """Return whether a search's journal has at least `count` events of a kind."""
    journal = folder / ".hpsearch" / "journal.jsonl"
    return journal.exists() and journal.read_text().count(f'"event":"{event}"') >= count


def has_said(folder: Path, text: str) -> bool:
    """Return whether a search's log contains a text."""
    log = folder / ".hpsearch" / "controller.log"
    return log.exists() and text in log.read_text()


def is_alive(pid: int) -> bool:
    """Return whether a process is alive; a zombie is not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX" and os.getpid() != pid


def rows(folder: Path, name: str = "search_results.csv") -> list[dict[str, str]]:
    """Return the rows of a table of results."""
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


def has_rows(folder: Path, count: int) -> bool:
    """Return whether a search's table has at least `count` rows."""
    table = folder / "search_results.csv"
    return table.exists() and len(table.read_text().splitlines()) > count


def load(path: Path) -> object:
    """Return what a pickle of our own holds."""
    return pickle.loads(path.read_bytes())


def run_folders(folder: Path) -> list[Path]:
    """Return the runs' folders in a search folder, in order."""
    return sorted(path for path in folder.iterdir() if path.name.startswith("sim_"))


def let_permissions_count() -> None:
    """In a child, before it executes a command: drop root's capabilities to ignore permissions."""
    set_of_capabilities_without = 24  # PR_CAPBSET_DROP
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(set_of_capabilities_without, capability, 0, 0, 0)
