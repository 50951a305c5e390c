"""What a search does when a scheduler takes no job: wait, give up, or let the run fail."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states

from hpsearch.core.errors import (
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
)

ODD = SubmissionUnexplained("sbatch refused the job: moon in the seventh house")
FINAL = SubmissionRefused("sbatch refused the job: invalid partition")
LIMIT = SubmitLimitReached("at most 10 jobs")


@pytest.fixture
def backend() -> FakeBackend:
    """A scheduler with one slot, which takes every job."""
    return FakeBackend(FakeClock(), is_scheduler=True)


def test_a_scheduler_that_has_taken_a_job_may_refuse_the_next_for_the_moment(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.answers = [None, ODD, ODD, ODD, ODD]
    with planned_search(tmp_path, 3) as search:
        dispatch(search, backend)
        assert states(search) == dict.fromkeys((1, 2, 3), "finished")
    assert backend.started == [1, 2, 3]
    assert capsys.readouterr().err.count("moon in the seventh house") == 1


def test_an_odd_refusal_of_the_very_first_job_is_believed(backend: FakeBackend, tmp_path: Path) -> None:
    backend.answers = [ODD]
    with planned_search(tmp_path, 2) as search, pytest.raises(SubmissionUnexplained):
        dispatch(search, backend)


@pytest.mark.parametrize("answer", [SubmissionDelayed("backup controller in standby mode"), LIMIT])
def test_a_refusal_that_is_known_to_pass_is_waited_out_at_the_first_job_too(
    backend: FakeBackend, tmp_path: Path, answer: Exception
) -> None:
    backend.answers = [answer, answer]
    with planned_search(tmp_path, 1) as search:
        dispatch(search, backend)
        assert states(search) == {1: "finished"}


def test_what_an_earlier_controller_submitted_counts_after_a_resume(backend: FakeBackend, tmp_path: Path) -> None:
    with planned_search(tmp_path, 2) as search:
        dispatch(search, backend, only=[1])
        backend.answers = [ODD]
        dispatch(search, backend)
        assert states(search) == {1: "finished", 2: "finished"}


def test_a_resumed_search_that_asks_for_what_is_refused_fails_no_run(backend: FakeBackend, tmp_path: Path) -> None:
    with planned_search(tmp_path, 2) as search:
        dispatch(search, backend, only=[1])
        backend.answers = [FINAL]
        with pytest.raises(SubmissionRefused):
            dispatch(search, backend)
        assert states(search) == {1: "finished", 2: "planned"}


def test_a_refusal_of_what_the_job_asks_for_is_final(backend: FakeBackend, tmp_path: Path) -> None:
    backend.answers = [None, FINAL]
    with planned_search(tmp_path, 3) as search:
        dispatch(search, backend)
        assert states(search) == {1: "finished", 2: "failed", 3: "finished"}


def test_pauses_grow_to_minutes(backend: FakeBackend, tmp_path: Path) -> None:
    backend.answers = [None, *[ODD] * 10]
    with planned_search(tmp_path, 2) as search:
        dispatch(search, backend)
    # 2, 4, ... 32 s, five times a minute; and the two runs.
    assert backend.clock.steady_s - 100 == pytest.approx(2 + 62 + 5 * 60, abs=10)


def test_in_a_long_outage_a_scheduler_is_asked_less_than_once_a_minute(backend: FakeBackend, tmp_path: Path) -> None:
    backend.answers = [SubmissionDelayed("standby")] * 1000
    with planned_search(tmp_path, 1) as search, pytest.raises(SubmissionRefused):
        dispatch(search, backend, longest_wait_s=5 * 3600)
    assert 60 < 1000 - len(backend.answers) < 110


def test_a_reason_is_told_once_whatever_the_numbers_in_it(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.answers = [SubmissionDelayed(f"{n} jobs are pending") for n in range(100, 107)]
    with planned_search(tmp_path, 1) as search:
        dispatch(search, backend)
    said = capsys.readouterr().err
    assert (said.count("jobs are pending"), said.count("runs can be started again (waited 3 min")) == (1, 1)


@pytest.mark.parametrize("hours, submissions", [(0, 2), (0.5, 28)])
def test_a_wait_that_the_user_limits_leaves_the_other_runs_for_later(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str], hours: float, submissions: int
) -> None:
    backend.answers = [None, *[ODD] * 100]
    with planned_search(tmp_path, 4) as search:
        dispatch(search, backend, longest_wait_s=3600 * hours)
        assert states(search) == {1: "finished", **dict.fromkeys((2, 3, 4), "planned")}
    assert 101 - len(backend.answers) == submissions
    assert "3 runs not submitted: cannot start runs at the moment" in capsys.readouterr().err
    assert backend.clock.steady_s - 100 == pytest.approx(3600 * hours, abs=5)


def test_a_first_job_that_is_not_taken_in_time_ends_the_search_as_a_refused_one(
    backend: FakeBackend, tmp_path: Path
) -> None:
    backend.answers = [LIMIT] * 1000
    with planned_search(tmp_path, 2) as search:
        with pytest.raises(
            SubmissionRefused, match=r"at most 10 jobs.*gave up waiting \(--max_wait_for_scheduler\)"
        ) as raised:
            dispatch(search, backend, longest_wait_s=3600)
        assert states(search) == {1: "planned", 2: "planned"}
        # This backend has asked nobody.
        assert raised.value.asked == ""


def test_a_submission_of_which_nobody_knows_is_left_to_a_resume_when_the_wait_is_over(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_answer(attempts: object) -> dict[str, str]:
        raise SubmissionUnsure("no answer")

    monkeypatch.setattr(backend, "find", no_answer)
    backend.answers = [SubmissionUnsure("timed out")]
    with planned_search(tmp_path, 2) as search:
        dispatch(search, backend, longest_wait_s=600)
        assert search.record.runs[1].is_open
    assert "1 run not submitted, and 1 submission may or may not be accepted" in capsys.readouterr().err


@pytest.mark.parametrize("answer, took_s", [(LIMIT, 1002), (SubmissionDelayed("standby"), 1042)])
def test_at_a_limit_of_jobs_the_end_of_one_is_a_reason_to_ask_soon(
    backend: FakeBackend, tmp_path: Path, answer: Exception, took_s: float
) -> None:
    backend.slots, backend.run_s = 2, 500
    backend.answers = [None, *[answer] * 13]
    with planned_search(tmp_path, 2) as search:
        dispatch(search, backend)
    assert backend.clock.steady_s - 100 == pytest.approx(took_s, abs=1)


def test_a_wait_ends_at_a_signal(backend: FakeBackend, tmp_path: Path) -> None:
    backend.answers = [LIMIT] * 1000
    backend.while_waiting = lambda: os.kill(os.getpid(), signal.SIGINT) if backend.waits == 50 else None
    with planned_search(tmp_path, 2) as search:
        stop = dispatch(search, backend)
        assert states(search) == {1: "planned", 2: "planned"}
    assert (stop.signal_number, backend.waits) == (signal.SIGINT, 50)


def test_a_second_signal_ends_the_last_questions_about_a_submission(
    backend: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def no_answer(attempts: object) -> dict[str, str]:
        asked.append(attempts)
        os.kill(os.getpid(), signal.SIGINT)
        raise SubmissionUnsure("no answer")

    monkeypatch.setattr(backend, "find", no_answer)
    backend.answers = [SubmissionUnsure("timed out")]
    with planned_search(tmp_path, 1) as search:
        dispatch(search, backend)
    assert len(asked) == 2


def test_a_wait_ends_at_a_request_from_another_machine(
    backend: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.answers = [LIMIT] * 1000
    with planned_search(tmp_path, 2) as search:
        asked = iter([None, None])
        monkeypatch.setattr(search, "who_asked_to_cancel", lambda: next(asked, "process 7 on login2"))
        assert dispatch(search, backend).signal_number == signal.SIGINT
    assert backend.clock.steady_s - 100 < 10


def test_three_refusals_in_a_row_leave_the_rest_for_later(
    backend: FakeBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.answers = [None, *[SubmissionRefused("no such account")] * 9]
    with planned_search(tmp_path, 6) as search:
        dispatch(search, backend)
        assert list(states(search).values()) == ["finished", *["failed"] * 3, "planned", "planned"]
    assert "2 runs not submitted: no such account; fix that, then resume with: " in capsys.readouterr().err
