"""Job arrays: how large the next one may be, and how many jobs of the newest may run beside those of earlier ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from hpsearch.backends.scheduler import Command, Scheduler
from hpsearch.backends.shell import Answer

#: After a change that the scheduler did not accept: the pause before the next try, doubled each time up to the last.
_FIRST_PAUSE_S, _LAST_PAUSE_S = 2.0, 60.0
#: scontrol fails if some of an array's jobs have ended, and says this of the others, which it has changed.
_CHANGED_SOME = "No error"


class JobArrays:
    """The arrays of one controller.

    The newest one is widened as the jobs before it end, so that no slot stays empty and none is taken twice.
    """

    def __init__(
        self, scheduler: Scheduler, jobs: int, run: Callable[[Command], Answer], clock: Callable[[], float]
    ) -> None:
        """jobs: how many jobs of all arrays together may run at once."""
        self._scheduler, self._jobs, self._run, self._clock = scheduler, jobs, run, clock
        self._site_limit: int | None = None
        self._largest = math.inf
        self._newest, self._at_once = "", 0
        self._next_try, self._pause_s = 0.0, _FIRST_PAUSE_S

    @property
    def can_widen(self) -> bool:
        """True if an array may start small, because the scheduler lets it be widened later."""
        return self._scheduler.throttle_command("1", 1) is not None

    @property
    def size(self) -> int:
        """How many jobs the next array may have; asks the scheduler until it has answered once."""
        limit = self._site_limit
        if limit is None:
            command = self._scheduler.array_limit_command()
            answer = None if command is None else self._run(command)
            limit = self._scheduler.array_limit(answer)
            if answer is None or answer.exit_status == 0:
                self._site_limit = limit
        return int(min(self._largest, limit))

    def refused(self, jobs: int, for_good: bool) -> None:
        """Try half next time: an array of this size was refused. for_good: one of that size always will be."""
        self._largest = half = max(1, jobs // 2)
        if for_good:
            self._site_limit = half

    def submitted(self, array: str, at_once: int) -> None:
        """An array was accepted with room for `at_once` jobs at once; the next one may be larger."""
        self._newest, self._at_once = array, at_once
        self._largest *= 2

    def widen(self, job_ids: Iterable[str]) -> None:
        """Let more jobs of the newest array run if others have ended; a change that fails is tried again later.

        job_ids: of all jobs that have not ended.
        """
        ids = list(dict.fromkeys(job_ids))
        arrays = [self._scheduler.array_of(job_id) for job_id in ids]
        if not self._newest and len(set(arrays)) == 1:
            # The last array of an earlier controller: nobody knows how narrow it was left.
            self._newest = arrays[0] or ""
        others = len(ids) - arrays.count(self._newest)
        at_once = max(1, self._jobs - others)
        if self._newest and self._at_once < at_once and others < len(ids) and self._clock() >= self._next_try:
            self._set_width(at_once)

    def _set_width(self, at_once: int) -> None:
        command = self._scheduler.throttle_command(self._newest, at_once)
        answer = None if command is None else self._run(command)
        if answer is None or answer.exit_status == 0 or _CHANGED_SOME in f"{answer.stdout}{answer.stderr}":
            self._at_once, self._pause_s = at_once, _FIRST_PAUSE_S
        else:
            self._next_try = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, _LAST_PAUSE_S)
