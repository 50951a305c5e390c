"""A search ends if it is cancelled while it starts or is being resumed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from project import PAUSED, Project, is_alive, journal_has, wait_until

LOCK, SEARCH, LIVE = (
    'import_module("hpsearch.store.lock").ControllerLock',
    'import_module("hpsearch.search.search")',
    'import_module("hpsearch.store.live").LiveSearch',
)


#: The command `hpsearch`; not as a module, so that it is not forked: its CPU time shows how far it is.
COMMAND = [sys.executable, "-c", "import sys; from hpsearch.__main__ import main; sys.exit(main())"]


def cancel(project: Project) -> subprocess.Popen[str]:
    return project.start_command([*COMMAND, "cancel", "s"])


def pids(project: Project) -> list[int]:
    return [int(path.name) for path in (project.path / "pids").iterdir()] if (project.path / "pids").exists() else []


@pytest.fixture
def long_runs(project: Project) -> Project:
    script = "import os, time\nos.makedirs('pids', exist_ok=True)\nopen(f'pids/{os.getpid()}', 'w')\ntime.sleep(60)\n"
    project.grid({"x": [1, 2]}, script=script)
    return project


@pytest.fixture
def killed(long_runs: Project) -> Project:
    """A search whose controller was killed; its run lives."""
    controller = long_runs.start("--out_dir=s", "--force_out_dir")
    wait_until(lambda: journal_has(long_runs.path / "s", "submitted", 1) and bool(pids(long_runs)), "a live run")
    controller.kill()
    controller.communicate()
    return long_runs


def assert_cancelled(project: Project, process: subprocess.Popen[str]) -> None:
    _, told = process.communicate(timeout=90)
    assert process.returncode == 0, told
    assert [pid for pid in pids(project) if is_alive(pid)] == []


@pytest.mark.parametrize(
    "target, function",
    [(LOCK, "_judged"), (LOCK, "_write_first"), (SEARCH, "choose_backend"), (SEARCH, "_carry_out")],
    ids=["it looks at the lock", "it has not said who it is", "it chooses where to run", "it begins"],
)
def test_a_search_that_is_just_resumed_is_cancelled(killed: Project, target: str, function: str) -> None:
    resumed = killed.start_python(PAUSED.format(target=target, function=function), "resume", "s")
    wait_until((killed.path / "waiting").exists, "the search is being resumed")
    cancel_while_paused(killed, resumed)


def test_a_search_that_a_script_resumes_in_the_background_is_cancelled(killed: Project) -> None:
    # A shell without job control does the same to what it starts by "&".
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    program = ignoring + PAUSED.format(target=SEARCH, function="choose_backend")
    resumed = killed.start_python(program, "resume", "s")
    wait_until((killed.path / "waiting").exists, "the search is being resumed")
    cancel_while_paused(killed, resumed)


def cancel_while_paused(project: Project, search: subprocess.Popen[str]) -> None:
    asked = cancel(project)
    wait_until(lambda: ticks(Path(f"/proc/{asked.pid}/stat")) > 5, "the request is being made")
    project.go()
    assert_cancelled(project, asked)
    search.communicate(timeout=60)
    assert search.returncode == 130


def ticks(stat: Path) -> int:
    fields = stat.read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_search_that_just_begins_is_cancelled(long_runs: Project) -> None:
    begun = long_runs.start_python(
        PAUSED.format(target=LIVE, function="add_plan"),
        *("run", "--grid_module=config", "--visible_gpus=-1", "--out_dir=s", "--force_out_dir"),
    )
    wait_until((long_runs.path / "waiting").exists, "the search has its lock")
    cancel_while_paused(long_runs, begun)


#: `hpsearch cancel` that goes on when the search has taken its folder away.
LATE = """
import sys, time
from pathlib import Path
from hpsearch.__main__ import main
from hpsearch.search import cancel
has_ended = cancel._has_ended_within
def late(*arguments):
    Path("asked").touch()
    ended = has_ended(*arguments)
    while Path("s").exists():
        time.sleep(0.01)
    return ended
cancel._has_ended_within = late
sys.exit(main())
"""


def test_a_search_that_takes_its_new_folder_away_is_cancelled(long_runs: Project) -> None:
    begun = long_runs.start_python(
        PAUSED.format(target=LIVE, function="write_commands"),
        *("run", "--grid_module=config", "--visible_gpus=-1", "--out_dir=s", "--force_out_dir"),
    )
    wait_until((long_runs.path / "waiting").exists, "the search writes its plan")
    asked = long_runs.start_command([sys.executable, "-c", LATE, "cancel", "s"])
    wait_until((long_runs.path / "asked").exists, "it was asked to stop")
    long_runs.go()
    _, told = asked.communicate(timeout=60)
    assert (asked.returncode, told.splitlines()[-1]) == (
        0,
        "Stopped: it had not started a run, and has taken its folder away",
    )
    assert begun.communicate(timeout=60) and begun.returncode == 130


@pytest.mark.parametrize("number", range(4))
def test_a_resumed_search_is_cancelled_whenever_it_is_asked(killed: Project, number: int) -> None:
    resumed = killed.start_command([*COMMAND, "resume", "s"])
    state = Path(f"/proc/{resumed.pid}/stat")
    wait_until(
        lambda: ticks(state) > 6 * (number + 1) or journal_has(killed.path / "s", "controller", 2),
        "the search is being resumed",
    )
    asked = cancel(killed)
    assert_cancelled(killed, asked)
    resumed.communicate(timeout=60)
    # Where the request came first, resuming the search was refused meanwhile.
    assert resumed.returncode in (130, 2, -signal.SIGINT)
