"""A sample of the random histories of `script/torture`, and the faults that they use."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from crash.torture.faults import FAULTS, Control, Fault, need_library
from crash.torture.history import Act, History, Step, random_history
from crash.torture.oracle import findings
from crash.torture.player import play, prepared
from crash.torture.worlds import TROUBLES, USUAL
from project import ROOT, Project, journal_has, rows, wait_until

#: The largest number of steps of a history here, so that it takes a few seconds of CPU time.
STEPS = 4
#: A seed for each world. Together their histories have every act; those of the first ten seeds do not.
SEEDS = {"sequential": 144, "several": 136, "gpu": 184, "lsf": 178, "pbs": 312}


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library of faults, compiled."""
    return need_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def control(tmp_path: Path, library: Path) -> Control:
    return Control(tmp_path / "faults", library, tmp_path / "out")


def run(control: Control, folder: Path, program: str, module: str = "hpsearch") -> subprocess.CompletedProcess[str]:
    """Run a program under the name of a module, in a folder."""
    (folder / f"{module}.py").write_text(f"import os, time\n{program}\n")
    environment = {**os.environ, **control.environment(), "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", module]
    return subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["disk full", "no inodes", "EIO in fsync", "no locks", "read only"])
def test_a_fault_has_its_error(control: Control, tmp_path: Path, name: str) -> None:
    control.fail(FAULTS[name])
    program = "import fcntl\nfile = open('out', 'wb', 0)\nfcntl.flock(file, 2)\nwhile file.write(b'xx'): os.fsync(file)"
    done = run(control, tmp_path, program)
    assert f"[Errno {FAULTS[name].error}]" in done.stderr.splitlines()[-1]
    assert control.injected > 0


def test_a_fault_leaves_other_files_alone(control: Control, tmp_path: Path) -> None:
    control.fail(FAULTS["read only"])
    assert run(control, tmp_path, "open('other', 'w').write('x')").returncode == 0
    assert control.injected == 0


def test_a_fault_leaves_what_a_command_starts_alone(control: Control, tmp_path: Path) -> None:
    control.fail(FAULTS["read only"])
    done = run(control, tmp_path, "import subprocess\nsubprocess.run(['touch', 'out'], check=True)")
    assert (done.returncode, done.stderr, (tmp_path / "out").exists()) == (0, "", True)


def test_a_fault_leaves_other_programs_alone(control: Control, tmp_path: Path) -> None:
    control.fail(FAULTS["read only"])
    assert run(control, tmp_path, "open('out', 'w').write('x')", module="training").returncode == 0


def test_a_fault_can_come_now_and_then(control: Control, tmp_path: Path) -> None:
    control.fail(Fault(FAULTS["disk full"].calls, errno.EIO, every=3))
    program = "file = open('out', 'wb', 0)\nfor _ in range(9):\n  try: file.write(b'x')\n  except OSError: pass"
    run(control, tmp_path, program)
    assert (control.injected, (tmp_path / "out").read_bytes()) == (3, b"x" * 6)


@pytest.mark.parametrize("call", [2, 11, 12, 14, 20])
def test_a_command_names_the_file_that_cannot_be_read(
    control: Control, tmp_path: Path, project: Project, call: int
) -> None:
    project.grid({"x": [1]})
    out = project.search(f"--out_dir={tmp_path}/out", "--force_out_dir").folder
    control.fail_once(FAULTS["EIO in reading"], call)
    project.environment.update(control.environment())
    result = project.ask("resume", str(out))
    assert (result.exit_status in (0, 1, 2), control.injected) == (True, 1), result.stderr
    assert not re.search("a file: |Traceback", result.stderr), result.stderr


@pytest.mark.parametrize("call", [1, 3])
def test_a_run_whose_folder_cannot_be_looked_at_starts_later(
    library: Path, tmp_path: Path, project: Project, call: int
) -> None:
    project.grid({"x": [1, 2]})
    control = Control(tmp_path / "faults", library, tmp_path / "out" / "sim_")
    control.fail_once(FAULTS["EIO in reading"], call)
    project.environment.update(control.environment())
    result = project.search(f"--out_dir={tmp_path}/out", "--force_out_dir")
    assert (control.injected, sorted(row["acc"] for row in rows(result.folder))) == (1, ["1", "2"])


def test_a_search_whose_disk_goes_away_ends_with_1_and_says_how_to_go_on(
    control: Control, tmp_path: Path, project: Project
) -> None:
    project.grid({"x": [1, 2], "until": ["go"]})
    project.environment.update(control.environment())
    search = project.start(f"--out_dir={tmp_path}/out", "--force_out_dir")
    wait_until(lambda: journal_has(tmp_path / "out", "submitted", 1), "the first run")
    control.fail(Fault(FAULTS["ESTALE"].calls, errno.ESTALE))
    project.go()
    result = project.end(search)
    assert (result.exit_status, "then resume with: " in result.stderr.splitlines()[-1]) == (1, True), result.stderr


@pytest.mark.parametrize(("moment", "content"), [("before", b"ab"), ("halfway", b"abc"), ("after", b"abcd")])
def test_a_command_dies_at_a_call(control: Control, tmp_path: Path, moment: str, content: bytes) -> None:
    control.die_at(3, moment)  # The first is the opening.
    done = run(control, tmp_path, "file = open('out', 'wb', 0)\nfile.write(b'ab')\nfile.write(b'cd')\nos._exit(0)")
    assert (done.returncode, control.deaths, (tmp_path / "out").read_bytes()) == (-9, 1, content)


@pytest.mark.parametrize("offset_s", [-86400, 3600])
def test_the_clock_can_be_set(control: Control, tmp_path: Path, offset_s: int) -> None:
    control.set_clock(offset_s)
    done = run(control, tmp_path, "print(time.time() - os.stat('/proc/self').st_mtime)")
    assert float(done.stdout) == pytest.approx(offset_s, abs=60)


def test_the_sample_has_every_act() -> None:
    acts = {step.act for world, seed in SEEDS.items() for step in history_of(world, seed).steps}
    assert (acts, set(SEEDS)) == (set(Act), set(USUAL))


@pytest.mark.parametrize(("world", "seed"), SEEDS.items())
def test_nothing_is_lost_repeated_or_left(library: Path, tmp_path: Path, world: str, seed: int) -> None:
    history = history_of(world, seed)
    found = findings(play(history, tmp_path / "history", library).facts)
    assert found == [], "\n".join(
        [str(history), *map(str, found), f"script/torture --only {world} --seed {seed} --one"]
    )


def test_a_search_comes_to_its_end_after_a_command_that_hung(library: Path, tmp_path: Path) -> None:
    history = History("several", 0, 4, (Step(Act.GO, "1"),))
    with prepared(history, tmp_path / "history", library) as player:
        player.stuck.append("1. hpsearch best")
        found = findings(player.play().facts)
    assert list(map(str, found)) == ["other: did not end: 1. hpsearch best"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_torture_alone_ends_all_that_it_started(
    library: Path, tmp_path: Path, number: signal.Signals
) -> None:
    mark, folder = f"ENDED_BY={tmp_path}", tmp_path / "kept"
    words = ("5", "--only", "several", "--jobs", "2", "--steps", "200", "--dir", str(folder))
    environment = {
        **os.environ,
        "ENDED_BY": str(tmp_path),
        "PYTHONPATH": os.pathsep.join((str(ROOT / "tests"), str(ROOT))),
    }
    argv = [sys.executable, "-m", "crash.torture", *words]
    torture = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(list(folder.glob("*/my project/ledger.txt"))) == 2, "the first runs of both histories")
    os.kill(torture.pid, number)
    stdout, stderr = torture.communicate(timeout=60)
    # What was killed with kill -9 takes a moment to go.
    wait_until(lambda: not any(mark in environ_of(path) for path in Path("/proc").glob("[0-9]*/environ")), "their ends")
    assert (torture.returncode, stderr, folder.exists()) == (128 + number, "", False)
    assert stdout.splitlines()[-1] == "0 histories, 0 kills (), 0 failed system calls"


def environ_of(path: Path) -> list[str]:
    """Return the variables of a process, none if it is another user's or has ended."""
    try:
        return path.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def history_of(world: str, seed: int) -> History:
    return random_history(world, seed, TROUBLES.get(world, ()), steps=STEPS)
