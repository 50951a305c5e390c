"""The runs that wait for a place, in order; those that ran out of memory wait for a place with more of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from hpsearch.backends.base import Backend, MemoryAware
from hpsearch.core.model import Job, Place
from hpsearch.search.delays import Clock
from hpsearch.store.record import RunRecord


class RunQueue:
    """What is still to be started on a backend. steady: a clock that only goes on."""

    def __init__(self, backend: Backend, steady: Clock) -> None:
        self._backend, self._steady = backend, steady
        self._since: dict[int, float] = {}
        self._ready: deque[RunRecord] = deque()
        self._memory_needs_mb: dict[int, float] = {}
        self._held: dict[int, RunRecord] = {}

    def __len__(self) -> int:
        return len(self._ready) + len(self._held)

    @property
    def first(self) -> RunRecord | None:
        """The run that goes to the next place of any kind; None if none waits for that."""
        return self._ready[0] if self._ready else None

    def append(self, entry: RunRecord) -> None:
        """Let a run wait behind all others."""
        self._since[entry.run.number] = self._steady()
        self._add(entry, self._ready.append)

    def put_back(self, entries: Sequence[RunRecord]) -> None:
        """Let runs that could not be started wait before all others, in this order."""
        for entry in reversed(entries):
            self._add(entry, self._ready.appendleft)

    def _add(self, entry: RunRecord, add: Callable[[RunRecord], None]) -> None:
        if entry.run.number in self._memory_needs_mb:
            self._held[entry.run.number] = entry
        else:
            add(entry)

    def next(self, active: Sequence[Job]) -> tuple[list[RunRecord], Place | None]:
        """Take out the runs that can be started now; return them with their place, which is None if there is none.

        Runs that need more memory than they had come last: others would not find a place either.
        """
        if self._ready:
            place = self._backend.place(active)
            capacity = 0 if place is None else min(place.capacity, len(self._ready))
            return [self._ready.popleft() for _ in range(capacity)], place
        if isinstance(self._backend, MemoryAware):
            for number in self._held:
                place = self._backend.place_with_memory(active, self._memory_needs_mb[number])
                if place is not None:
                    return [self._held.pop(number)], place
        return [], None

    def note_memory_need(self, job: Job) -> bool:
        """Note what a run that ran out of memory needs to be run again; False if no place can ever give it that."""
        if not isinstance(self._backend, MemoryAware):
            return True
        need_mb = self._backend.memory_need_mb(job)
        if need_mb is not None:
            self._memory_needs_mb[job.attempt.run.number] = need_mb
        return need_mb is not None

    def forget_memory_need(self, number: int) -> None:
        """A run has its place: what it needed is settled."""
        self._memory_needs_mb.pop(number, None)

    def waited_s(self, entry: RunRecord) -> float:
        """Return for how many seconds a run has waited, or had waited when it was taken out."""
        now = self._steady()
        return round(now - self._since.get(entry.run.number, now), 3)
