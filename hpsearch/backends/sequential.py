"""Runs in the foreground of this machine: one after another, or a fixed number side by side."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from hpsearch.backends.base import LogFile
from hpsearch.backends.local import LocalProcesses, local_logs
from hpsearch.core.model import Attempt, Job, Place, Status

_log = logging.getLogger(__name__)


class SequentialBackend:
    """At most `slots` runs at once, no GPU assigned."""

    name = "foreground"
    has_queue = jobs_outlive_controller = starts_unreleased = refusal_concerns_all = False

    def __init__(self, slots: int = 1, tell: Callable[[str], None] = _log.warning) -> None:
        """Run so many at once; `tell` shows people a message."""
        self._slots = slots
        self._processes = LocalProcesses(tell)

    @property
    def shows_output(self) -> bool:
        """True if only one run prints at a time."""
        return self._slots == 1

    def check(self) -> None:
        """Nothing can be missing."""

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return a place while fewer than `slots` runs are active."""
        return Place() if len(active) < self._slots else None

    def prepare(self, attempt: Attempt) -> None:
        """Start the launcher of the next run, so that filling a slot takes no process start."""
        self._processes.prepare(attempt)

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Start the launchers; they wait for `release`."""
        return [self._processes.start(attempt, place.environment) for attempt in attempts]

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the launchers run their commands."""
        for job in jobs:
            self._processes.let_go(job.id)

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Look for their processes: there are none, unless a damaged journal has lost their ids."""
        return self._processes.find(attempts)

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Look at each process."""
        return {job.attempt.token: self._processes.status(job) for job in active}

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Sleep until a run ends."""
        self._processes.wait(active, timeout_s, alarm)

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the runs with all their processes."""
        self._processes.cancel(active, alarm)

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        """End what attempts that are over have left."""
        return self._processes.end_leftovers(tokens, alarm)

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the run's output files."""
        return local_logs(job)

    def close(self) -> None:
        """Forget the processes; they go on."""
        self._processes.close()
