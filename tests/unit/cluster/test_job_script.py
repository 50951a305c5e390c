"""The script of a run, executed as a scheduler would, perhaps twice."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.script import run_script, scripts_for, write_scripts
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.launcher import read_exit_note
from hpsearch.backends.scheduler import ClusterWishes, Scheduler, Submission
from hpsearch.core.model import Attempt, Configuration, Run

#: Notes its execution, refuses an existing folder as simulations do, and ends with the status in a file.
COMMAND = ("bash", "-c", "echo run >>runs.txt; mkdir out/sim_1 || exit 9; exit $(cat status)")


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    state = tmp_path / "out" / ".hpsearch"
    for name in ("logs", "exits", "attempts"):
        (state / name).mkdir(parents=True)
    run = Run(1, "sim_1", Configuration(()), "out/sim_1")
    made = Attempt(run, 1, "sim_1.1.abc", COMMAND, tmp_path, state / "exits" / "sim_1.1.abc", state / "logs")
    script(made).write_text(run_script(made))
    return made


def script(attempt: Attempt) -> Path:
    return attempt.log_folder / f"{attempt.token}.sh"


def execute(attempt: Attempt, status: int, text: str = "") -> int:
    """Execute the script, or its text as a scheduler keeps it; the command ends with this status."""
    (attempt.cwd / "status").write_text(str(status))
    text = text or script(attempt).read_text()
    return subprocess.run(["bash"], input=text, text=True, capture_output=True, check=False).returncode


def runs(attempt: Attempt) -> int:
    return len((attempt.cwd / "runs.txt").read_text().split())


@pytest.mark.parametrize("status", [0, 3])
def test_the_exit_status_is_kept_and_passed_on(attempt: Attempt, status: int) -> None:
    assert execute(attempt, status) == status
    note = read_exit_note(attempt.exit_file.read_text())
    assert note is not None
    assert (note.exit_status, note.was_told_to_stop) == (status, False)


@pytest.mark.parametrize("status", [0, 3])
def test_a_run_that_ended_by_itself_is_not_executed_again(attempt: Attempt, status: int) -> None:
    execute(attempt, status)
    assert (execute(attempt, 7), runs(attempt)) == (status, 1)
    assert attempt.exit_file.read_text().startswith(f"{status} 0 ")


def test_a_run_that_was_collected_is_not_executed_again(attempt: Attempt) -> None:
    text = script(attempt).read_text()
    execute(attempt, 0)
    attempt.exit_file.unlink()
    script(attempt).rename(attempt.cwd / "out" / "sim_1" / "sim_1_script.sh")
    assert (execute(attempt, 7, text), runs(attempt), attempt.exit_file.exists()) == (0, 1, False)


def test_a_run_that_was_told_to_stop_is_executed_again_in_a_folder_of_its_own(attempt: Attempt) -> None:
    execute(attempt, 3)
    attempt.exit_file.write_text("143 1 100 200 host\n")
    assert (execute(attempt, 0), runs(attempt)) == (0, 2)
    assert attempt.exit_file.read_text().startswith("0 0 ")
    (earlier,) = (attempt.log_folder.parent / "attempts").iterdir()
    assert earlier.name.startswith("sim_1.1.abc.restart.")


def test_setup_lines_come_first_and_may_end_the_job(attempt: Attempt) -> None:
    text = run_script(attempt, "cd /\nexport X=1\nexit 5")
    assert (execute(attempt, 0, text), (attempt.cwd / "runs.txt").exists()) == (5, False)
    assert attempt.exit_file.read_text().startswith("5 0 ")


@pytest.mark.parametrize(
    ("scheduler", "redirects"), [(Slurm(SlurmWishes()), False), (Lsf(LsfWishes()), True)], ids=["slurm", "lsf"]
)
def test_a_script_writes_the_output_where_the_scheduler_does_it_too_late(
    attempt: Attempt, scheduler: Scheduler, redirects: bool
) -> None:
    submission = Submission(attempt.token, "sim_1", attempt.log_folder, ((attempt,),))
    (text,) = scripts_for(submission, scheduler, ClusterWishes()).values()
    output = attempt.log_folder / attempt.token
    assert (f" >{output}.out 2>{output}.err" in text) is redirects


def test_a_path_of_bytes_that_are_no_text_stays_as_it_is_in_a_script(tmp_path: Path) -> None:
    write_scripts({tmp_path / "one.sh": "cd /x\udcff\n"})
    assert (tmp_path / "one.sh").read_bytes() == b"cd /x\xff\n"
