"""What a controller does with the runs that an earlier one left."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states

from hpsearch.core.model import RunState
from hpsearch.store.events import AttemptEnded, AttemptIntended, AttemptSubmitted, RunCollected
from hpsearch.store.live import LiveSearch
from hpsearch.store.table import read_table


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
