"""How large an array of jobs may be, and how many of its jobs may run at once beside those of the array before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hpsearch.backends.scheduler import Command, Scheduler
from hpsearch.backends.shell import Answer

Run = Callable[[Command], Answer]

#: After a change that the scheduler did not take: the first pause before the next try, doubled up to the last.
_FIRST_PAUSE_S, _LAST_PAUSE_S = 2.0, 60.0
#: scontrol fails where some of an array's jobs have ended, and says this of the others, which it has changed.
_CHANGED_SOME = "No error"


class ArraySize:
    """The largest array that may be submitted next: what the site allows, or less after a refusal for its size."""

    def __init__(self, scheduler: Scheduler, run: Run) -> None:
        self._scheduler, self._run = scheduler, run
        self._limit: int | None = None
        self._most: int | None = None

    @property
    def jobs(self) -> int:
        """How many jobs the next array may have; asks the scheduler until it has answered once."""
        limit = self._site_limit() if self._limit is None else self._limit
        return limit if self._most is None else min(self._most, limit)

    def refused(self, jobs: int, for_good: bool) -> None:
        """An array of so many jobs was refused for its size. for_good: one of that size will be refused again."""
        self._most = max(1, jobs // 2)
        if for_good:
            self._limit = self._most

    def accepted(self) -> None:
        """An array was accepted: the next one may be larger."""
        if self._most is not None:
            self._most *= 2

    def _site_limit(self) -> int:
        command = self._scheduler.array_limit_command()
        answer = None if command is None else self._run(command)
        limit = self._scheduler.array_limit(answer)
        if answer is None or answer.exit_status == 0:
            self._limit = limit
        return limit


class ArrayThrottle:
    """Widens the newest array as the jobs before it end, so that no slot stays empty and none is taken twice."""

    def __init__(self, scheduler: Scheduler, jobs: int, run: Run, clock: Callable[[], float]) -> None:
        """jobs: at most so many of all arrays together run at once."""
        self._scheduler, self._jobs, self._run, self._clock = scheduler, jobs, run, clock
        self._array, self._at_once = "", 0
        self._next_try, self._pause_s = 0.0, _FIRST_PAUSE_S

    @property
    def can_widen(self) -> bool:
        """True if an array may start small, because the scheduler lets it be widened later."""
        return self._scheduler.throttle_command("1", 1) is not None

    def submitted(self, array: str, at_once: int) -> None:
        """An array was accepted, of which at most so many jobs run at once."""
        self._array, self._at_once = array, at_once

    def widen(self, job_ids: Iterable[str]) -> None:
        """Let more jobs of the newest array run at once, if others have ended; job_ids: of all that have not.

        What the scheduler does not confirm is tried again.
        """
        ids = list(dict.fromkeys(job_ids))
        self._adopt(ids)
        if not self._array or self._at_once >= self._jobs or self._clock() < self._next_try:
            return
        others = sum(self._scheduler.array_of(job_id) != self._array for job_id in ids)
        at_once = max(1, self._jobs - others)
        if at_once > self._at_once and others < len(ids):
            self._change(at_once)

    def _adopt(self, ids: list[str]) -> None:
        """Take the last array of an earlier controller for the newest: how narrow it was left, nobody knows."""
        arrays = {self._scheduler.array_of(job_id) for job_id in ids}
        if not self._array and len(arrays) == 1:
            self._array = arrays.pop() or ""

    def _change(self, at_once: int) -> None:
        command = self._scheduler.throttle_command(self._array, at_once)
        answer = None if command is None else self._run(command)
        if answer is None or answer.exit_status == 0 or _CHANGED_SOME in f"{answer.stdout}{answer.stderr}":
            self._at_once, self._pause_s = at_once, _FIRST_PAUSE_S
        else:
            self._next_try = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LAST_PAUSE_S)
