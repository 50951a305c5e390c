"""SIGUSR1 before a job's time limit: how it is asked for, passed on, noted and understood."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.backends.cluster.jobs import JobWatch
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.script import run_script
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.launcher import ExitNote, read_exit_note
from hpsearch.backends.scheduler import ClusterWishes, Submission
from hpsearch.core.model import Attempt, Configuration, JobPhase, Run, RunState, Status

RUN = Run(1, "sim_1", Configuration(()), "out/sim_1")
ENDED = [
    (Status(JobPhase.ENDED, 0), RunState.TIMED_OUT),
    (Status(JobPhase.ENDED, None, None, "Slurm: FAILED"), RunState.TIMED_OUT),
    (Status(JobPhase.ENDED, None, RunState.TIMED_OUT, "Slurm: TIMEOUT"), RunState.TIMED_OUT),
    (Status(JobPhase.ENDED, None, RunState.PREEMPTED, "Slurm: PREEMPTED"), RunState.PREEMPTED),
    (Status(JobPhase.ENDED, None, RunState.CANCELLED, "Slurm: CANCELLED"), RunState.CANCELLED),
    (Status(JobPhase.ENDED, 143, RunState.CANCELLED), RunState.TIMED_OUT),  # LSF gives no reason
]


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """Return an attempt whose command signals itself before the end, as a scheduler would signal its script."""
    state = tmp_path / "out" / ".hpsearch"
    for name in ("logs", "exits", "attempts"):
        (state / name).mkdir(parents=True)
    command = ("bash", "-c", "trap 'exit 4' USR1; kill -s USR1 $PPID; while :; do read -t 0.02 <> <(:); done")
    made = Attempt(RUN, 1, "sim_1.1.abc", command, tmp_path, state / "exits" / "sim_1.1.abc", state / "logs")
    (state / "logs" / "sim_1.1.abc.sh").touch()
    return made


def _note(attempt: Attempt, text: str) -> ExitNote:
    subprocess.run(["bash"], input=text, text=True, capture_output=True, check=False)
    note = read_exit_note(attempt.exit_file.read_text())
    assert note is not None
    return note


@pytest.mark.parametrize("saves", [False, True])
@pytest.mark.parametrize("setup", ["", "export LINES_OF=the_user\n"])
def test_the_run_gets_the_signal_and_its_note_says_so(attempt: Attempt, setup: str, saves: bool) -> None:
    note = _note(attempt, run_script(attempt, setup, saves=saves))
    assert (note.exit_status, note.was_told_to_stop, note.was_told_to_save) == (4, True, saves)


@pytest.mark.parametrize("keeps_folder", [False, True])
def test_what_a_scheduler_starts_again_finds_a_kept_folder(attempt: Attempt, keeps_folder: bool) -> None:
    earlier = attempt.cwd / "out" / "sim_1"
    earlier.mkdir()
    _note(attempt, run_script(replace(attempt, argv=("true",), keeps_folder=keeps_folder)))
    assert earlier.exists() == keeps_folder


@pytest.mark.parametrize("told, cause", ENDED)
@pytest.mark.parametrize("exit_status", [0, 1, 138])
def test_a_run_that_was_told_to_save_has_timed_out_unless_the_scheduler_knows_better(
    told: Status, cause: RunState, exit_status: int
) -> None:
    watch = JobWatch()
    for now in (0, 3):
        watch.see_row(told, now)
    watch.see_note(ExitNote(exit_status, True, 20, 10, was_told_to_save=True), 3)
    status = watch.status(3)
    assert (status.phase, status.exit_status, status.cause) == (JobPhase.ENDED, exit_status, cause)


def test_it_has_timed_out_too_if_the_scheduler_says_nothing() -> None:
    watch = JobWatch()
    watch.see_note(ExitNote(1, True, 20, 10, was_told_to_save=True), 0)
    expected = Status(JobPhase.ENDED, 1, RunState.TIMED_OUT, "it ended after SIGUSR1 (exit status 1)", "", 20, 10)
    assert (watch.status(59).phase, watch.status(60)) == (JobPhase.UNKNOWN, expected)


def _words(scheduler: Slurm | Lsf, seconds: int) -> list[str]:
    attempt = Attempt(RUN, 1, "sim_1.1.abc", ("true",), Path("/"), Path("/s/exits/sim_1.1.abc"), Path("/s/logs"))
    job = Submission("sim_1.1.abc", "sim_1", Path("/s/logs"), ((attempt,),))
    return list(scheduler.submit_command(job, "", ClusterWishes(signal_before_end_s=seconds)).argv)


@pytest.mark.parametrize("seconds, words", [(0, []), (90, ["--signal=B:USR1@90"])])
def test_slurm_is_asked_to_tell_the_script(seconds: int, words: list[str]) -> None:
    assert [word for word in _words(Slurm(SlurmWishes()), seconds) if "signal" in word] == words


@pytest.mark.parametrize("seconds, minutes", [(1, "1"), (60, "1"), (61, "2"), (600, "10")])
def test_lsf_is_asked_in_whole_minutes_never_later(seconds: int, minutes: str) -> None:
    words = _words(Lsf(LsfWishes("")), seconds)
    assert words[:9] == ["bsub", "-W", "24:00", "-n", "1", "-wa", "USR1", "-wt", minutes]


def test_lsf_is_not_asked_without_need_nor_against_the_users_own_words() -> None:
    assert not {"-wa", "-wt"} & set(_words(Lsf(LsfWishes("")), 0))
    own = _words(Lsf(LsfWishes("", "", ("-wa", "URG", "-wt", "5"))), 60)
    assert own.count("-wa") == own.count("-wt") == 1
