"""How many jobs of an array may run at once, while jobs of the array before it still run."""

from __future__ import annotations

from collections.abc import Iterable

from hpsearch.backends.scheduler import Command, Scheduler


class ArrayThrottle:
    """Widens the newest array as the jobs before it end, so that no slot stays empty and none is taken twice."""

    def __init__(self, scheduler: Scheduler, jobs: int) -> None:
        """jobs: so many of all arrays together may run at once."""
        self._scheduler, self._jobs = scheduler, jobs
        self._array, self._at_once = "", 0

    @property
    def can_widen(self) -> bool:
        """True if an array may start small, because the scheduler lets it be widened later."""
        return self._scheduler.throttle_command("1", 1) is not None

    def submitted(self, array: str, at_once: int) -> None:
        """An array was accepted, of which so many jobs run at once."""
        self._array, self._at_once = array, at_once

    def widen(self, job_ids: Iterable[str]) -> Command | None:
        """Return the command that widens the newest array now; None if there is nothing to do.

        job_ids: of all jobs that have not ended.
        """
        if not self._array or self._at_once >= self._jobs:
            return None
        ids = set(job_ids)
        others = sum(self._scheduler.array_of(job_id) != self._array for job_id in ids)
        at_once = max(1, self._jobs - others)
        if at_once <= self._at_once or others == len(ids):
            return None
        self._at_once = at_once
        return self._scheduler.throttle_command(self._array, at_once)
