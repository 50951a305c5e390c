"""What a controller works with: its queue of runs, its signals, and the attempts it makes."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, planned_search

from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.model import Job, Place
from hpsearch.journal.events import ControllerStarted
from hpsearch.search.controller import Controller, OpenRun, RunQueue, StopRequest, new_attempt


class SmallGpus(FakeBackend):
    """A backend whose places have `most_mb` of memory; a run that ran out of it needs `needs_mb`."""

    needs_mb: float | None = 100
    most_mb = 1000.0

    def memory_need_mb(self, job: Job) -> float | None:
        return self.needs_mb

    def place_with_memory(self, active: Sequence[Job], free_mb: float) -> Place | None:
        return Place(label="GPU 1") if free_mb <= self.most_mb else None


def open_run(folder: Path, number: int) -> OpenRun:
    """Return a run with a job."""
    with planned_search(folder, number) as search:
        entry = search.record.runs[number]
        attempt = new_attempt(search, entry)
    return OpenRun(entry, attempt, Job(attempt, "7", Place(), 0.0))


def test_a_run_that_ran_out_of_memory_waits_for_a_place_with_more(tmp_path: Path) -> None:
    backend = SmallGpus(FakeClock())
    queue, run = RunQueue(backend, backend.clock.clocks.steady), open_run(tmp_path, 2)
    assert queue.can_have_memory(run)
    assert queue.memory_needs_mb == {2: 100}
    queue.fill([1, 2])
    assert [queue.next([]), len(queue)] == [([1], Place()), 1]
    backend.most_mb = 99
    assert [queue.next([]), len(queue)] == [([], None), 1]
    backend.most_mb = 100
    assert [queue.next([]), len(queue)] == [([2], Place(label="GPU 1")), 0]


def test_a_run_that_no_place_has_enough_memory_for_is_given_up(tmp_path: Path) -> None:
    backend = SmallGpus(FakeClock())
    backend.needs_mb = None
    queue = RunQueue(backend, backend.clock.clocks.steady)
    assert (queue.can_have_memory(open_run(tmp_path, 1)), queue.memory_needs_mb) == (False, {})


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2, signal.SIGHUP])
def test_a_signal_asks_for_a_stop_and_means_what_it_did_before_afterwards(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopRequest() as stop:
        signal.raise_signal(number)
    assert (stop.signal_number, signal.getsignal(number)) == (number, before)


def test_a_search_under_nohup_goes_on_without_its_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
        assert stop.signal_number is None
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("pattern", "words"), [("", ()), ("acc (.*)", ("env", "PYTHONUNBUFFERED=1"))])
def test_only_runs_whose_progress_is_read_print_at_once(tmp_path: Path, pattern: str, words: tuple[str, ...]) -> None:
    with planned_search(tmp_path, 1) as search:
        search.note(ControllerStarted("here", 1, 0.0, {"progress_pattern": pattern}))
        argv = new_attempt(search, search.record.runs[1]).argv
    assert tuple(argv) == (*words, "true", "--x=1", f"--out_dir={tmp_path / 'sim_1'}")


def test_a_controller_has_the_usual_options_and_clocks(tmp_path: Path) -> None:
    with planned_search(tmp_path, 1) as search:
        made = Controller(search, CONFIG, FakeBackend(FakeClock()), Console())
    assert (made.options, len(made.runs), made.stop.signal_number) == (SearchOptions(), 0, None)
