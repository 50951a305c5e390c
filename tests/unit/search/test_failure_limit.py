"""When a search in which every run fails starts nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states

from hpsearch.core.errors import SubmissionRefused, SubmissionUnsure
from hpsearch.core.model import RunState
from hpsearch.store.journal_file import read_record
from hpsearch.store.live import LiveSearch

ALL_FAIL = dict.fromkeys(range(1, 7), 3)


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(FakeClock(), exit_statuses=ALL_FAIL)


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, runs=6) as search:
        yield search


def test_after_so_many_failures_alike_the_rest_stays_planned(
    search: LiveSearch, backend: FakeBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    dispatch(search, backend, max_failures=3)
    assert states(search) == {1: "failed", 2: "failed", 3: "failed", 4: "planned", 5: "planned", 6: "planned"}
    said = [line for line in capsys.readouterr().err.splitlines() if "--max_failures" in line]
    assert len(said) == 1
    assert "warning: --max_failures=3: 3 failures alike and no finished run, so nothing more starts: exit" in said[0]
    assert said[0].endswith(str(search.folder.path))


def test_without_the_option_all_runs_are_started(search: LiveSearch, backend: FakeBackend) -> None:
    dispatch(search, backend)
    assert set(states(search).values()) == {"failed"}


def test_failures_that_differ_are_counted_apart(search: LiveSearch, backend: FakeBackend) -> None:
    # Causes that differ only in numbers count as alike; another kind of end does not.
    backend.exit_statuses = {1: 3, 2: 139, 3: 3, 4: 139, 5: 3, 6: 3}
    dispatch(search, backend, max_failures=3)
    assert backend.started == [1, 2, 3, 4, 5]
    assert states(search)[6] == "planned"


def test_one_success_takes_the_limit_away(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = dict.fromkeys((1, 3, 4, 5, 6), 3)
    dispatch(search, backend, max_failures=2)
    assert "planned" not in states(search).values()


def test_live_runs_end_as_they_would(search: LiveSearch, backend: FakeBackend) -> None:
    backend.slots, backend.exit_statuses = 3, {1: 3, 2: 3}
    dispatch(search, backend, max_failures=2)
    assert states(search) == {1: "failed", 2: "failed", 3: "finished", 4: "planned", 5: "planned", 6: "planned"}


def test_attempts_count_and_none_follows(search: LiveSearch, backend: FakeBackend) -> None:
    dispatch(search, backend, retries=5, max_failures=3)
    assert len(backend.started) == 3


def test_interruptions_do_not_count(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses, backend.causes = {}, {1: RunState.LOST}
    dispatch(search, backend, only=[1], max_failures=2)
    assert backend.started.count(1) > 2


def test_runs_that_cannot_be_started_count(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = {}
    backend.answers = [SubmissionRefused("cannot start train.py")] * 2
    dispatch(search, backend, max_failures=2)
    assert backend.started == []


def test_a_resumed_search_counts_anew_and_runs_all(search: LiveSearch, backend: FakeBackend) -> None:
    dispatch(search, backend, max_failures=3)
    backend.exit_statuses = {4: 3, 5: 3}
    dispatch(search, backend, max_failures=3)
    assert states(search) == {1: "finished", 2: "finished", 3: "finished", 4: "failed", 5: "failed", 6: "finished"}


def test_what_waits_in_a_queue_is_taken_back_and_stays_planned(search: LiveSearch, backend: FakeBackend) -> None:
    backend.slots, backend.is_scheduler, backend.queued = 6, True, (4, 5, 6)
    dispatch(search, backend, max_failures=2)
    assert states(search) == {1: "failed", 2: "failed", 3: "failed", 4: "planned", 5: "planned", 6: "planned"}
    again = read_record(search.folder)
    assert [(again.runs[n].attempts, again.runs[n].is_open, again.runs[n].submitted) for n in (4, 5, 6)] == [
        (0, False, None)
    ] * 3


def test_a_run_taken_back_is_what_it_was_before_with_its_folder(search: LiveSearch, backend: FakeBackend) -> None:
    backend.slots, backend.is_scheduler = 6, True
    dispatch(search, backend)
    backend.queued = (6,)
    dispatch(search, backend, max_failures=2)
    assert (states(search)[6], search.record.runs[6].attempts) == ("failed", 1)
    assert search.folder.run_folder(search.record.runs[6].run).exists()


def test_a_submission_without_a_clear_answer_is_settled_before_the_end(
    search: LiveSearch, backend: FakeBackend
) -> None:
    backend.slots, backend.is_scheduler = 3, True
    backend.answers = [None, None, SubmissionUnsure("no answer")]
    dispatch(search, backend, max_failures=2)
    assert not any(entry.is_open for entry in search.record)
    assert list(states(search).values()) == ["failed"] * 2 + ["planned"] * 4


def test_what_finished_before_does_not_count_in_a_trial(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = dict.fromkeys(range(2, 7), 3)
    dispatch(search, backend, only=[1])
    dispatch(search, backend, only=range(2, 7), trial_failures=1)
    assert states(search) == {1: "finished", 2: "failed", **dict.fromkeys(range(3, 7), "planned")}


def test_a_success_ends_a_trial(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = dict.fromkeys(range(2, 7), 3)
    dispatch(search, backend, trial_failures=1)
    assert "planned" not in states(search).values()
