"""The wall clock may be set at any moment: nothing is waited for by it."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states
from searches import SETTINGS

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.gpu.backend import GpuBackend
from hpsearch.backends.gpu.slots import GpuLimits
from hpsearch.core.errors import SubmissionDelayed, SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run
from hpsearch.journal.events import ControllerStarted, RunCollected, RunPlanned, SearchStarted
from hpsearch.journal.record import SearchRecord
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import leave_request, lock_holder

HOUR_S = 3600.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, runs=2) as search:
        yield search


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
@pytest.mark.parametrize("answer", [SubmissionDelayed("full"), SubmissionUnsure("no answer")], ids=["full", "silent"])
def test_a_clock_that_is_set_changes_no_pause_between_submissions(
    search: LiveSearch, clock: FakeClock, step_s: float, answer: Exception
) -> None:
    backend = FakeBackend(clock, answers=[answer])
    steps = iter([step_s])

    def set_clock_once() -> None:
        clock.wall_s += next(steps, 0.0)

    backend.while_waiting = set_clock_once
    dispatch(search, backend)
    assert states(search) == {1: "finished", 2: "finished"}
    # A pause of two seconds, and two runs of one second one after another.
    assert clock.steady_s == pytest.approx(104)


def test_a_request_to_stop_is_seen_although_the_clock_was_set_back(search: LiveSearch, clock: FakeClock) -> None:
    backend = FakeBackend(clock, answers=[SubmissionDelayed("full")] * 100)
    clock_before = clock.steady_s

    def set_back_and_ask() -> None:
        if backend.waits == 1:
            clock.wall_s -= HOUR_S
            holder = lock_holder(search.folder.lock)
            assert holder is not None
            leave_request(search.folder.cancel_request, holder)

    backend.while_waiting = set_back_and_ask
    stop = dispatch(search, backend)
    assert stop.signal_number is not None
    assert clock.steady_s - clock_before < 10


def test_a_clock_that_is_set_back_lets_no_run_have_waited_for_less(search: LiveSearch, clock: FakeClock) -> None:
    backend = FakeBackend(clock)
    backend.while_waiting = lambda: setattr(clock, "wall_s", clock.wall_s - HOUR_S)
    dispatch(search, backend)
    submitted = search.record.runs[2].submitted
    assert submitted is not None
    assert submitted.waited_s == pytest.approx(1)


def job(folder: Path, submitted_at: float, environment: dict[str, str] | None = None) -> Job:
    run = Run(1, "sim_1", Configuration((("x", 1),)), str(folder / "sim_1"))
    attempt = Attempt(run, 1, "sim_1.1.abc", ("true",), folder, folder / "exit", folder)
    return Job(attempt, "12", Place("GPU 0", environment or {}), submitted_at)


@pytest.mark.parametrize("backend", [ClusterBackend, GpuBackend])
def test_backends_wait_by_a_clock_that_nobody_sets(backend: Callable[..., object]) -> None:
    assert inspect.signature(backend).parameters["clock"].default is time.monotonic


@pytest.mark.parametrize("step_s", [-HOUR_S, HOUR_S])
def test_a_clock_that_is_set_changes_no_start_up_time_on_a_gpu(tmp_path: Path, step_s: float) -> None:
    clock = FakeClock()
    clocks = clock.clocks
    backend = GpuBackend(GpuLimits(), lambda text: None, {}, clocks.steady, clocks.wall)
    live = job(tmp_path, clock.wall_s - 20, {"CUDA_VISIBLE_DEVICES": "0"})
    try:
        ages = [clock.steady_s - run.started_at for run in backend._runs([live])]
        clock.wall_s += step_s
        clock.go_on(30)
        ages += [clock.steady_s - run.started_at for run in backend._runs([live])]
    finally:
        backend.close()
    assert ages == pytest.approx([20, 50])


def test_which_controller_collected_a_run_is_told_by_the_order_and_not_by_the_clock() -> None:
    events = [
        RunPlanned(1, "sim_1", "o/sim_1", [["x", 1]]),
        RunPlanned(2, "sim_2", "o/sim_2", [["x", 2]]),
        SearchStarted(SETTINGS.to_json(), 0.0),
        ControllerStarted("h", 1, 5000.0),
        RunCollected(1, "a", "unfinished", 9000.0),
        # The clock was set back in between.
        ControllerStarted("h", 2, 1000.0),
        RunCollected(2, "b", "unfinished", 1100.0),
    ]
    record = SearchRecord.of(events)
    assert [entry.run.number for entry in record if record.is_of_now(entry)] == [2]
    assert record.collected_now == 1
