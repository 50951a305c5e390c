"""Which runs are run again, how often, and how many at once."""

from __future__ import annotations

import signal
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, dispatch, planned_search, states

from hpsearch.console.console import Console
from hpsearch.core.errors import SubmissionRefused
from hpsearch.core.model import RunState
from hpsearch.search.controller import Controller, StopRequest
from hpsearch.search.dispatch import MAX_INTERRUPTIONS, Dispatcher
from hpsearch.store.live import LiveSearch


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend(FakeClock())


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, runs=2) as search:
        yield search


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_run_that_fails_is_tried_again_as_often_as_asked(
    search: LiveSearch, backend: FakeBackend, retries: int
) -> None:
    backend.exit_statuses = {1: 3}
    dispatch(search, backend, retries=retries)
    assert sorted(backend.started) == [*[1] * (retries + 1), 2]
    assert states(search) == {1: "failed", 2: "finished"}


def test_each_new_attempt_finds_a_free_folder(search: LiveSearch, backend: FakeBackend) -> None:
    backend.exit_statuses = {1: 3}
    dispatch(search, backend, retries=2)
    attempts = sorted(path.name for path in (search.folder.state / "attempts").iterdir())
    assert [name.startswith("sim_1") for name in attempts] == [True, True]
    assert search.folder.run_folder(search.record.runs[1].run).exists()


@pytest.mark.parametrize("cause", [RunState.PREEMPTED, RunState.LOST])
def test_what_something_else_keeps_ending_is_given_up_only_after_many_times(
    search: LiveSearch, backend: FakeBackend, cause: RunState
) -> None:
    backend.causes = {1: cause}
    dispatch(search, backend)
    assert backend.started.count(1) == MAX_INTERRUPTIONS + 1
    assert states(search) == {1: cause.value, 2: "finished"}


def test_a_run_that_somebody_cancelled_is_not_run_again(search: LiveSearch, backend: FakeBackend) -> None:
    backend.causes = {1: RunState.CANCELLED}
    dispatch(search, backend, retries=5)
    assert (backend.started, states(search)[1]) == ([1, 2], "cancelled")


def test_a_run_that_does_not_say_finished_is_not_run_again(
    search: LiveSearch, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpsearch.search.collect.is_finished", lambda summary: summary["acc"] != ["1.1"])
    dispatch(search, backend, retries=5)
    assert (backend.started, states(search)[1]) == ([1, 2], "unfinished")


@pytest.mark.parametrize("slots", [1, 3, 20])
def test_no_more_runs_live_at_once_than_there_are_slots(tmp_path: Path, backend: FakeBackend, slots: int) -> None:
    backend.slots = slots
    live: list[int] = []
    with planned_search(tmp_path, runs=9) as search:
        backend.while_waiting = lambda: live.append(sum(entry.is_live for entry in search.record))
        dispatch(search, backend)
    assert max(live) == min(slots, 9)


def test_on_this_machine_a_refusal_concerns_the_one_run(search: LiveSearch, backend: FakeBackend) -> None:
    backend.answers = [SubmissionRefused("cannot start train.py")]
    dispatch(search, backend)
    assert states(search) == {1: "failed", 2: "finished"}
    assert search.record.runs[1].problem.startswith("cannot start train.py")


def test_a_refused_run_is_tried_again_at_once(search: LiveSearch, backend: FakeBackend) -> None:
    backend.answers = [SubmissionRefused("cannot start train.py")]
    dispatch(search, backend, retries=1)
    assert states(search) == {1: "finished", 2: "finished"}
    # The search waited for nothing but the two runs.
    assert backend.clock.steady_s == pytest.approx(102, abs=0.1)


def test_while_nothing_happens_the_loop_looks_every_two_seconds(tmp_path: Path, backend: FakeBackend) -> None:
    backend.run_s = 10
    with planned_search(tmp_path, runs=1) as search:
        dispatch(search, backend)
    assert backend.waits == 5


class LeavesProcesses(FakeBackend):
    """A backend one of whose runs has left a process behind."""

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        return [f"process 7 of {len(tokens)} runs"]


def test_processes_that_runs_left_behind_are_told_when_the_search_is_stopped(
    search: LiveSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = LeavesProcesses(FakeClock())
    dispatch(search, backend)
    console = Console()
    with StopRequest() as stop:
        dispatcher = Dispatcher(Controller(search, CONFIG, backend, console, stop=stop, clocks=backend.clock.clocks))
        dispatcher.take_over([1, 2], again=[1])
        stop.request(signal.SIGINT)
        dispatcher.run()
    assert "ended a process that a run had left behind: process 7 of 2 runs\n" in capsys.readouterr().err
