"""What a start costs: CPU time of small commands beyond that of `python -c pass`, from a normal install.

Two peers run in the same rounds: `python -c pass` and `python -c "import argparse"`. `--all` adds more commands.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _measure import ROOT, answer, scratch_project

ROUNDS = 41
#: How much CPU time a command may take beyond the bare interpreter.
LIMIT_MS = 40
#: What pip needs to build and install the package.
SOURCES = ("hpsearch", "pyproject.toml", "setup.py", "README.rst", "LICENSE")


def main() -> None:
    """Print for each command what its start costs, against what it may cost."""
    with scratch_project("{'x': [1, 2, 3, 4]}") as folder:
        python = installed(folder / "installed")
        peers = {"python -c pass": [python, "-c", "pass"], "import argparse": [python, "-c", "import argparse"]}
        commands = commands_of(python, "--all" in sys.argv[1:])
        search = ["--grid_module=config", "--visible_gpus=-1", "--out_dir=out", "--force_out_dir"]
        cpu_ms([python, "-m", "hpsearch.hpsearch", *search], folder)
        medians = interleaved({**peers, **commands}, folder)
    bare_ms, argparse_ms = (medians.pop(peer) for peer in peers)
    for command, took_ms in medians.items():
        beyond_ms = took_ms - bare_ms
        details = f"{beyond_ms:.1f} ms (at most {LIMIT_MS}); python -c pass {bare_ms:.1f}, "
        details += f"import argparse {argparse_ms - bare_ms:.1f} beyond it"
        answer(f"{command}: CPU time beyond python -c pass / {LIMIT_MS} ms", beyond_ms / LIMIT_MS, 1, details)


def installed(folder: Path) -> str:
    """Install the package into a new virtual environment, as users do; return its Python."""
    source, python = folder / "source", folder / "venv" / "bin" / "python"
    source.mkdir(parents=True)
    for name in SOURCES:
        # pip builds inside the source folder, and would leave its files there.
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", source], check=True)
    return str(python)


def commands_of(python: str, all_of_them: bool) -> dict[str, list[str]]:
    """Return the commands to measure by what to call them."""
    ours, run = [str(Path(python).with_name("hpsearch"))], [python, "-m", "hpsearch.hpsearch"]
    commands = {
        "hpsearch --help": [*ours, "--help"],
        "hpsearch.py --help": [*run, "--help"],
        "status": [*ours, "status", "out"],
    }
    if all_of_them:
        more = ("best out", "list out", "logs out 1", "why out 1", "status --help", "completion --help")
        commands |= {words: [*ours, *words.split()] for words in more}
        commands["run --dry_run"] = [*run, "--grid_module=config", "--visible_gpus=-1", "--dry_run"]
    return commands


def interleaved(commands: dict[str, list[str]], folder: Path) -> dict[str, float]:
    """Return the median CPU time of each command, in ms."""
    rounds = [[cpu_ms(argv, folder) for argv in commands.values()] for _ in range(ROUNDS)]
    return dict(zip(commands, map(statistics.median, zip(*rounds))))


def cpu_ms(argv: Sequence[str], folder: Path) -> float:
    """Run a command to its end; return its CPU time, user and system, in ms."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{argv} failed: {output.read().decode()[-2000:]}")
    return (usage.ru_utime + usage.ru_stime) * 1000


if __name__ == "__main__":
    main()
