"""What a controller does with the open runs of an earlier one."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states

from hpsearch.core.model import RunState
from hpsearch.folder.run_tables import best_runs
from hpsearch.journal.events import AttemptEnded, AttemptIntended, AttemptSubmitted, RunCollected
from hpsearch.journal.record import SearchRecord
from hpsearch.store.journal_file import JournalReader
from hpsearch.store.live import LiveSearch
from hpsearch.store.run_folders import move_aside
from hpsearch.store.table import read_table, rows_of


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(FakeClock())


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, runs=2) as search:
        yield search


def leave_open(search: LiveSearch, backend: FakeBackend, ends_in_s: float) -> str:
    """Let run 1 be left as live by a controller that was killed; it ends (or has ended) then. Return its name."""
    search.note(AttemptIntended(1, "token", 1.0), AttemptSubmitted(1, "token", "1@job", "here", 2.0))
    search.folder.run_folder(search.record.runs[1].run).mkdir()
    backend._ends["token"] = backend.clock.steady_s + ends_in_s
    return "token"


def collected(search: LiveSearch, number: int, state: RunState, summary: str) -> None:
    """Let a run have ended under an earlier controller; summary: what its file says now."""
    token = f"sim_{number}.1.ab"
    search.note(
        AttemptIntended(number, token, 1.0),
        AttemptSubmitted(number, token, "7@job", "here", 2.0),
        AttemptEnded(number, token, 0, 3.0),
        RunCollected(number, token, state.value, 4.0, None, "s.txt: cannot be read (Permission denied)"),
    )
    folder = search.folder.run_folder(search.record.runs[number].run)
    folder.mkdir()
    (folder / "s.txt").write_text(summary)


def test_a_run_that_failed_while_no_controller_was_there_is_run(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = {1: 3}
    leave_open(search, backend, ends_in_s=-5)
    dispatch(search, backend)
    assert backend.started == [2, 1]
    assert states(search) == {1: "failed", 2: "finished"}


def test_a_run_that_fails_under_the_new_controller_is_not_run_again(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = {1: 3}
    leave_open(search, backend, ends_in_s=5)
    dispatch(search, backend)
    assert backend.started == [2]
    assert states(search) == {1: "failed", 2: "finished"}


@pytest.mark.parametrize("state", [RunState.UNFINISHED, RunState.CANCELLED, RunState.FAILED, RunState.TIMED_OUT])
def test_whatever_ended_without_finishing_and_without_a_controller_is_run(
    search: LiveSearch, backend: FakeBackend, state: RunState
) -> None:
    leave_open(search, backend, ends_in_s=-5)
    search.note(AttemptEnded(1, "token", 1, 3.0, state.value))
    dispatch(search, backend)
    assert states(search) == {1: "finished", 2: "finished"}


def test_a_retry_of_named_runs_runs_nothing_else(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = {1: 3}
    leave_open(search, backend, ends_in_s=-5)
    dispatch(search, backend, again=[2], takes_up_all=False)
    assert backend.started == [2]
    assert states(search) == {1: "failed", 2: "finished"}


def first_column(search: LiveSearch) -> list[str]:
    """Return the results in the table, and those that a later reader of the journal would put there."""
    anew = rows_of(SearchRecord.of(JournalReader(search.folder.journal).new_events()))
    table = read_table(search.folder.results)
    assert sorted(row["acc"] for row in anew) == sorted(row["acc"] for row in table)
    return sorted(row["acc"] for row in table)


@pytest.fixture
def finished(search: LiveSearch, backend: FakeBackend) -> LiveSearch:
    """A search whose two runs finished with the values 1.1 and 2.1 (run and attempt)."""
    dispatch(search, backend)
    assert first_column(search) == ["1.1", "2.1"]
    return search


def summary_of(search: LiveSearch, number: int) -> str:
    return (search.folder.run_folder(search.record.runs[number].run) / "s.txt").read_text()


def test_a_retry_that_finishes_replaces_the_earlier_result(finished: LiveSearch, backend: FakeBackend) -> None:
    dispatch(finished, backend, again=[1])
    assert first_column(finished) == ["1.2", "2.1"]


def test_a_finished_run_that_is_retried_counts_as_done_only_when_it_has_ended(
    finished: LiveSearch, backend: FakeBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    dispatch(finished, backend, again=[1], only=[1])
    told = capsys.readouterr().err
    assert (told.count("[1 of 1 done]"), told.count(" done]")) == (1, 1)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_retry_that_fails_leaves_the_earlier_result_and_its_folder(
    finished: LiveSearch, backend: FakeBackend, retries: int
) -> None:
    backend.exit_statuses = {1: 3}
    dispatch(finished, backend, again=[1], retries=retries)
    assert backend.started == [1, 2, *[1] * (retries + 1)]
    assert first_column(finished) == ["1.1", "2.1"]
    assert summary_of(finished, 1).startswith("acc 1.1\n")
    assert states(finished) == {1: "finished", 2: "finished"}
    assert finished.record.runs[1].problem.endswith("keeping the result of attempt 1")
    before = list(backend.started)
    dispatch(finished, backend)
    assert backend.started == before, "what is kept is finished: there is nothing to resume"


def test_a_retry_that_is_stopped_leaves_the_earlier_result_and_its_folder(
    finished: LiveSearch, backend: FakeBackend
) -> None:
    backend.exit_statuses = {1: 143}
    during: list[list[str]] = []

    def stop() -> None:
        during.append(sorted(row["acc"] for row in rows_of(finished.record)))
        signal.raise_signal(signal.SIGINT)

    backend.while_waiting = stop
    dispatch(finished, backend, again=[1])
    assert during == [["1.1", "2.1"]]
    assert first_column(finished) == ["1.1", "2.1"]
    assert summary_of(finished, 1).startswith("acc 1.1\n")


def test_a_result_stays_in_every_reader_while_a_newer_attempt_lives(finished: LiveSearch, backend: FakeBackend) -> None:
    finished.note(AttemptIntended(1, "again", 5.0), AttemptSubmitted(1, "again", "8@job", "here", 6.0))
    record = SearchRecord.of(JournalReader(finished.folder.journal).new_events())
    assert [entry.run.number for entry in best_runs(record, record.known_settings())] == [2, 1]
    assert sorted(row["acc"] for row in rows_of(record)) == ["1.1", "2.1"]


def test_an_earlier_result_returns_also_if_its_controller_was_killed_before_that(
    finished: LiveSearch, backend: FakeBackend
) -> None:
    entry = finished.record.runs[1]
    moved = move_aside(finished.folder, entry.run, 1)
    finished.note(
        AttemptIntended(1, "again", 5.0),
        AttemptSubmitted(1, "again", "8@job", "here", 6.0),
        AttemptEnded(1, "again", 3, 7.0),
        RunCollected(1, "again", "failed", 8.0),
    )
    dispatch(finished, backend)
    assert (moved is not None and moved.exists(), backend.started) == (False, [1, 2])
    assert summary_of(finished, 1).startswith("acc 1.1\n")


FINISHED, NOT_FINISHED = "acc 7\nfinished 1\n", "acc 7\nfinished 0\n"


@pytest.mark.parametrize(
    "summary, started, value", [(FINISHED, [2], "7"), (NOT_FINISHED, [1, 2], "1.2"), ("nonsense", [1, 2], "1.2")]
)
def test_a_run_whose_summary_says_by_now_that_it_finished_is_not_run_again(
    search: LiveSearch, backend: FakeBackend, summary: str, started: Sequence[int], value: str
) -> None:
    collected(search, 1, RunState.FAILED, summary)
    dispatch(search, backend)
    assert sorted(backend.started) == sorted(started)
    assert states(search) == {1: "finished", 2: "finished"}
    assert sorted(row["acc"] for row in read_table(search.folder.results)) == sorted([value, "2.1"])


def test_a_run_that_is_named_is_run_again_although_its_summary_says_that_it_finished(
    search: LiveSearch, backend: FakeBackend
) -> None:
    collected(search, 1, RunState.FAILED, FINISHED)
    dispatch(search, backend, again=[1])
    assert sorted(backend.started) == [1, 2]


def test_a_retry_reads_the_summary_again_first(
    search: LiveSearch, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, unreadable = Path.read_bytes, [True]

    def read_bytes(path: Path) -> bytes:
        if path.parent.name == "sim_1" and unreadable[0]:
            raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    append = search.note_happened

    def note(*events: object, **how: bool) -> None:
        append(*events, **how)  # type: ignore[arg-type]
        # Once the run counts as failed, the file can be read.
        unreadable[0] = unreadable[0] and not any(
            isinstance(event, RunCollected) and event.run == 1 for event in events
        )

    monkeypatch.setattr(search, "note_happened", note)
    dispatch(search, backend, retries=1)
    assert (backend.started, states(search)) == ([1, 2], {1: "finished", 2: "finished"})
