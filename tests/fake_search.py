"""A search on a backend without processes, and clocks that only tests move."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from searches import SETTINGS

from hpsearch.backends.base import LogFile
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, RunState, Status
from hpsearch.search.controller import Clocks, Controller, StopRequest
from hpsearch.search.dispatch import Dispatcher
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

CONFIG = SearchConfig(SETTINGS, "t.py")


@dataclass
class FakeClock:
    """Two clocks: waiting moves the steady one, and the wall clock with it; a test can set the wall clock."""

    steady_s: float = 100.0
    wall_s: float = 1_000_000.0

    def go_on(self, seconds: float) -> None:
        """Let time pass."""
        self.steady_s += seconds
        self.wall_s += seconds

    @property
    def clocks(self) -> Clocks:
        """The clocks as a controller takes them."""
        return Clocks(lambda: self.wall_s, lambda: self.steady_s)


@dataclass
class FakeBackend:
    """Runs that take one second each (or others) and finish, side by side in some slots.

    answers: the answers to the next submissions: an error, which is raised, or None = accepted.
    while_waiting: called at each wait, after time has passed.
    exit_statuses: run -> exit status; a run that is not there finishes with 0 and a summary.
    causes: run -> what else ended it, without a summary.
    noted_ends: run -> what its host noted as the time of its end.
    queued: runs that never leave the scheduler's queue.
    stop_takes_s: how long a run takes to end that is told to. stopped: those that were told.
    """

    clock: FakeClock
    slots: int = 1
    run_s: float = 1.0
    is_scheduler: bool = False
    name: str = "fake"
    shows_output: bool = False
    answers: list[Exception | None] = field(default_factory=list)
    while_waiting: Callable[[], None] = lambda: None
    exit_statuses: Mapping[int, int] = field(default_factory=dict)
    causes: Mapping[int, RunState] = field(default_factory=dict)
    noted_ends: Mapping[int, float] = field(default_factory=dict)
    queued: Sequence[int] = ()
    started: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    stopped: list[int] = field(default_factory=list)
    stop_takes_s: float = 0.0
    waits: int = 0
    _ends: dict[str, float] = field(default_factory=dict)

    @property
    def has_queue(self) -> bool:
        """A scheduler's jobs are queued, outlive its controller, may start at once and ask all for the same."""
        return self.is_scheduler

    jobs_outlive_controller = starts_unreleased = refusal_concerns_all = has_queue

    def check(self) -> None:
        """Do nothing: this backend needs nothing."""

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return a place while a slot is free."""
        return Place() if len(active) < self.slots else None

    def prepare(self, attempt: Attempt) -> None:
        """Nothing to prepare."""

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Accept the run, or raise the error that the test has put into `answers`."""
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        return [f"{attempt.run.number}@job" for attempt in attempts]

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run; each writes its output folder at once."""
        for job in (job for job in jobs if job.attempt.run.number not in self.queued):
            self.started.append(job.attempt.run.number)
            self._ends[job.attempt.token] = self.clock.steady_s + self.run_s
            folder = job.attempt.log_folder.parent.parent / job.attempt.run.folder
            folder.mkdir()
            if job.attempt.run.number not in {*self.exit_statuses, *self.causes}:
                (folder / "s.txt").write_text(f"acc {job.attempt.run.number}.{job.attempt.number}\nfinished 1\n")

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Find nothing."""
        return {}

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Return which runs have ended: those whose time is over, and those that were cancelled."""
        return {job.attempt.token: self._status(job) for job in active}

    def _status(self, job: Job) -> Status:
        number = job.attempt.run.number
        if number not in self.cancelled and self.clock.steady_s < self._ends.get(job.attempt.token, math.inf):
            return Status(JobPhase.QUEUED if number in self.queued else JobPhase.RUNNING)
        exit_status = self.exit_statuses.get(number, 0)
        reason = f"exit status {exit_status}" if exit_status else ""
        cause, ended_at = self.causes.get(number), self.noted_ends.get(number)
        return Status(JobPhase.ENDED, exit_status, cause, reason, ended_at=ended_at)

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Let the time pass, up to the next end of a run."""
        self.waits += 1
        assert self.waits < 10_000, "the search waits for ever"
        ends = [self._ends.get(job.attempt.token, math.inf) - self.clock.steady_s for job in active]
        self.clock.go_on(max(0.0, min([timeout_s if timeout_s is not None else 3600.0, *ends])))
        self.while_waiting()

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the jobs."""
        self.cancelled += [job.attempt.run.number for job in active]

    def stop(self, jobs: Sequence[Job]) -> list[str]:
        """Let the jobs end."""
        for job in (job for job in jobs if job.attempt.run.number not in self.stopped):
            self.stopped.append(job.attempt.run.number)
            self._ends[job.attempt.token] = self.clock.steady_s + self.stop_takes_s
        return [job.attempt.token for job in jobs]

    def take_back(self, jobs: Sequence[Job], alarm: int) -> list[str]:
        """Take all jobs that wait out of the queue."""
        return [job.attempt.token for job in jobs if job.attempt.run.number in self.queued]

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Leave no log."""
        return []

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def planned_search(folder: Path, runs: int, keep_out_dir: bool = False, continue_arg: str = "") -> LiveSearch:
    """Return a search in a folder, open for work."""
    search = LiveSearch(SearchFolder(folder))
    settings = replace(
        SETTINGS, run_cwd=str(folder), shown_folder=str(folder), keep_out_dir=keep_out_dir, continue_arg=continue_arg
    )
    plan = [Run(n, f"sim_{n}", Configuration((("x", n),)), str(folder / f"sim_{n}")) for n in range(1, runs + 1)]
    search.add_plan(plan, settings, 0.0)
    search.open_for_work()
    return search


def dispatch(
    search: LiveSearch,
    backend: FakeBackend,
    retries: int = 0,
    again: Sequence[int] = (),
    only: Sequence[int] = (),
    takes_up_all: bool = True,
    longest_wait_s: float = math.inf,
    max_failures: int = 0,
    trial_failures: int | None = None,
    max_continuations: int = 20,
    console: Console | None = None,
) -> StopRequest:
    """Run a search to its end; return its stop request. only: these runs; none = all."""
    console = console or Console()
    chosen = [number for number in search.record.runs if not only or number in only]
    with StopRequest() as stop:
        clocks = backend.clock.clocks
        hours = -1 if longest_wait_s == math.inf else longest_wait_s / 3600
        options = SearchOptions(
            retries=retries,
            max_wait_for_scheduler=hours,
            max_failures=max_failures,
            max_continuations=max_continuations,
        )
        controller = Controller(search, CONFIG, backend, console, options, stop, clocks, trial_failures=trial_failures)
        dispatcher = Dispatcher(controller)
        dispatcher.take_over(chosen, again, takes_up_all)
        dispatcher.run()
        dispatcher.finish()
    return stop


def states(search: LiveSearch) -> dict[int, str]:
    """Return the state of each run."""
    return {entry.run.number: entry.state.value for entry in search.record}
