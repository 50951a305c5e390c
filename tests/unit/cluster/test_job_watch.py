"""When a cluster's job has ended, and how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.backends.cluster.jobs import JobWatch
from hpsearch.backends.launcher import ExitNote
from hpsearch.core.model import JobPhase, RunState, Status

QUEUED, RUNNING, UNKNOWN = Status(JobPhase.QUEUED), Status(JobPhase.RUNNING), Status(JobPhase.UNKNOWN)
COMPLETED = Status(JobPhase.ENDED, 0)
FAILED = Status(JobPhase.ENDED, reason="Slurm: FAILED")
NODE_FAIL = Status(JobPhase.ENDED, None, RunState.LOST, "Slurm: NODE_FAIL")
TIMEOUT = Status(JobPhase.ENDED, None, RunState.TIMED_OUT, "Slurm: TIMEOUT")
MEMORY = Status(JobPhase.ENDED, None, RunState.OUT_OF_MEMORY, "Slurm: OUT_OF_MEMORY")
CANCELLED = Status(JobPhase.ENDED, None, RunState.CANCELLED, "Slurm: CANCELLED")
GOOD, BAD, KILLED, TOLD = ExitNote(0), ExitNote(3), ExitNote(137), ExitNote(143, was_told_to_stop=True)


def watch(told: Status | None = None, note: ExitNote | None = None, at: float = 0) -> JobWatch:
    """Return a job after this answer of the scheduler (None = no answer yet) and then this exit file."""
    made = JobWatch()
    if told is not None:
        made.see_row(told, at)
    made.see_note(note, at)
    return made


@pytest.mark.parametrize("told", [None, QUEUED, RUNNING, COMPLETED, FAILED, NODE_FAIL, TIMEOUT, MEMORY, CANCELLED])
def test_a_good_exit_status_is_an_end_whatever_the_scheduler_says(told: Status | None) -> None:
    assert watch(told, GOOD).status(0) == COMPLETED


@pytest.mark.parametrize(
    "told, note, cause, reason",
    [
        (FAILED, BAD, None, "exit status 3"),
        (TIMEOUT, BAD, None, "exit status 3"),
        (MEMORY, BAD, RunState.OUT_OF_MEMORY, "Slurm: OUT_OF_MEMORY"),
        (FAILED, KILLED, None, "ended by signal 9 (SIGKILL)"),
        (MEMORY, KILLED, RunState.OUT_OF_MEMORY, "Slurm: OUT_OF_MEMORY"),
        (CANCELLED, KILLED, RunState.CANCELLED, "Slurm: CANCELLED"),
        (TIMEOUT, TOLD, RunState.TIMED_OUT, "Slurm: TIMEOUT"),
        (CANCELLED, TOLD, RunState.CANCELLED, "Slurm: CANCELLED"),
    ],
)
def test_the_exit_status_is_kept_and_the_scheduler_tells_the_cause(
    told: Status, note: ExitNote, cause: RunState | None, reason: str
) -> None:
    assert watch(told, note).status(0) == Status(JobPhase.ENDED, note.exit_status, cause, reason)


def test_a_run_that_was_told_to_stop_has_failed_only_if_its_job_stays_failed() -> None:
    job = watch(FAILED, TOLD)
    seen_once = job.status(1)
    job.see_row(FAILED, 3)
    ended = Status(JobPhase.ENDED, 143, None, "ended by signal 15 (SIGTERM)")
    assert (seen_once, job.status(3)) == (UNKNOWN, ended)


def test_a_job_that_looks_failed_on_its_way_back_into_the_queue_has_not_ended() -> None:
    job = watch(FAILED, TOLD)
    job.see_row(QUEUED, 1)
    assert job.status(1) == QUEUED


@pytest.mark.parametrize("note, wait_s", [(BAD, 20), (KILLED, 60), (TOLD, 60)])
def test_the_scheduler_has_time_to_tell_the_cause(note: ExitNote, wait_s: float) -> None:
    seen = watch(RUNNING, note)
    assert seen.status(wait_s - 1) == UNKNOWN
    assert seen.status(wait_s).phase is JobPhase.ENDED


@pytest.mark.parametrize("note, cause", [(BAD, None), (KILLED, None), (TOLD, RunState.LOST)])
def test_a_run_that_was_told_to_stop_for_an_unknown_cause_is_lost(note: ExitNote, cause: RunState | None) -> None:
    status = watch(RUNNING, note).status(60)
    assert (status.exit_status, status.cause) == (note.exit_status, cause)


def test_a_run_that_was_told_to_stop_and_ended_well_is_not_lost() -> None:
    assert watch(RUNNING, ExitNote(0, was_told_to_stop=True)).status(60) == COMPLETED


@pytest.mark.parametrize(
    ("exit_status", "reason"),
    [(0, "it ended after SIGUSR1"), (3, "it ended after SIGUSR1 (exit status 3)")],
)
def test_a_run_that_was_told_to_save_ended_by_its_time_limit(exit_status: int, reason: str) -> None:
    status = watch(None, ExitNote(exit_status, was_told_to_save=True)).status(20)
    assert status == Status(JobPhase.ENDED, exit_status, RunState.TIMED_OUT, reason)


def test_a_job_that_is_queued_again_after_its_end_has_not_ended() -> None:
    seen = watch(RUNNING, TOLD)
    seen.see_row(QUEUED, 5)
    assert seen.status(1000) == QUEUED


def test_a_job_queued_before_its_exit_file_came_is_not_queued_again() -> None:
    assert watch(QUEUED, TOLD, at=5).status(100).cause is RunState.LOST


def test_an_exit_file_that_went_again_is_forgotten() -> None:
    seen = watch(RUNNING, TOLD)
    seen.see_note(None, 1)
    assert seen.status(1000) == RUNNING


@pytest.mark.parametrize("told, wait_s", [(COMPLETED, 30), (FAILED, 30), (NODE_FAIL, 3), (CANCELLED, 3), (TIMEOUT, 3)])
def test_the_exit_file_may_come_after_the_end(told: Status, wait_s: float) -> None:
    seen = watch(told)
    assert (seen.status(wait_s - 1), seen.status(wait_s)) == (UNKNOWN, told)


def test_the_first_of_several_ends_counts() -> None:
    seen = watch(TIMEOUT)
    is_news = seen.see_row(CANCELLED, 1)
    assert (is_news, seen.status(3)) == (False, TIMEOUT)


def test_a_job_that_lives_again_after_an_end_has_not_ended() -> None:
    seen = watch(NODE_FAIL)
    seen.see_row(QUEUED, 1)
    assert seen.status(1000) == QUEUED


def test_one_absence_ends_no_job() -> None:
    seen = watch(RUNNING)
    seen.see_absence(1)
    assert seen.status(1000) == UNKNOWN


def test_absences_in_a_short_time_end_no_job() -> None:
    seen = watch(RUNNING)
    for second in range(1, 30):
        seen.see_absence(second)
    assert seen.status(30) == UNKNOWN


def test_a_job_that_stays_absent_is_lost() -> None:
    seen = watch(RUNNING)
    seen.see_absence(1)
    seen.see_absence(2)
    assert seen.status(31).cause is RunState.LOST


def test_a_job_that_is_seen_again_was_not_absent() -> None:
    seen = watch(RUNNING)
    seen.see_absence(1)
    seen.see_row(RUNNING, 20)
    seen.see_absence(40)
    assert seen.status(60) == UNKNOWN


@pytest.mark.parametrize(
    "told, array_is_there, cause",
    [(QUEUED, True, RunState.CANCELLED), (QUEUED, False, None), (RUNNING, True, None), (None, True, None)],
)
def test_a_waiting_job_that_leaves_its_array_was_cancelled(
    told: Status | None, array_is_there: bool, cause: RunState | None
) -> None:
    seen = watch(told, at=1)
    seen.see_absence(2, array_is_there)
    once = seen.status(3)
    seen.see_absence(3, array_is_there)
    assert (once, seen.status(3).cause) == (UNKNOWN, cause)


@pytest.mark.parametrize(
    "told, note, cause",
    [
        (QUEUED, None, RunState.CANCELLED),
        (RUNNING, TOLD, RunState.CANCELLED),
        (CANCELLED, None, RunState.CANCELLED),
        (RUNNING, GOOD, None),
    ],
)
def test_nothing_is_waited_for_after_a_job_was_taken_back(
    told: Status, note: ExitNote | None, cause: RunState | None
) -> None:
    seen = watch(told, note)
    seen.is_cancelled = True
    status = seen.status(0)
    assert (status.phase, status.cause) == (JobPhase.ENDED, cause)


EVENTS = st.tuples(st.floats(0, 100), st.sampled_from([QUEUED, RUNNING, None]))


@given(st.lists(EVENTS, max_size=30))
def test_no_job_that_is_seen_alive_at_last_has_ended(events: list[tuple[float, Status | None]]) -> None:
    seen, now = JobWatch(), 0.0
    for later, told in [*events, (1.0, RUNNING)]:
        now += later
        seen.see_absence(now) if told is None else seen.see_row(told, now)
    assert seen.status(now + 10_000) == RUNNING


@given(st.lists(st.tuples(st.floats(0, 100), st.sampled_from([QUEUED, RUNNING, NODE_FAIL, None])), max_size=30))
def test_a_good_exit_file_always_wins(events: list[tuple[float, Status | None]]) -> None:
    seen, now = JobWatch(), 0.0
    for later, told in events:
        now += later
        seen.see_absence(now) if told is None else seen.see_row(told, now)
    seen.see_note(GOOD, now)
    assert seen.status(now) == COMPLETED


def test_another_reason_for_the_same_is_no_news() -> None:
    reasons = ["Not enough slots: 12 hosts", "Not enough slots: 13 hosts"]
    seen = watch(Status(JobPhase.QUEUED, reason=reasons[0]))
    assert not seen.see_row(Status(JobPhase.QUEUED, reason=reasons[1]), 1)
    assert (seen.status(1).reason, seen.see_row(RUNNING, 2)) == (reasons[1], True)
