"""All attempts of a search from its journal: where and when each ran; lanes that hold one attempt at a time."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from hpsearch.journal.events import (
    AttemptEnded,
    AttemptStarted,
    AttemptSubmitted,
    AttemptWithdrawn,
    ControllerStarted,
    Event,
    OfAttempt,
    RunCollected,
)
from hpsearch.journal.record import SearchRecord
from hpsearch.startup.classes import dataclass


@dataclass(slots=True)
class AttemptRecord:
    """One attempt at a run, from the journal. number: counts from 1. None = that has not happened.

    withdrawn_at: when it was taken out of a queue; gone_at: when another attempt began without a recorded end of this
    one. Seconds since the epoch.
    """

    run: int
    number: int
    token: str
    submitted: AttemptSubmitted | None = None
    started: AttemptStarted | None = None
    ended: AttemptEnded | None = None
    collected: RunCollected | None = None
    withdrawn_at: float | None = None
    gone_at: float | None = None

    @property
    def place(self) -> str:
        """Where it runs or ran, for people: a GPU, or a job's host; empty if that is unnamed or unknown yet."""
        return (self.started and self.started.place) or (self.submitted.place if self.submitted else "")

    @property
    def host(self) -> str:
        """The host of a process; empty for a scheduler's job, whose host is its place."""
        return "" if self.submitted is None or self.submitted.is_queued else self.submitted.host

    @property
    def is_queued(self) -> bool:
        """Whether it is a scheduler's job."""
        return self.submitted is not None and self.submitted.is_queued

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was taken out of a queue."""
        return self.withdrawn_at is not None

    @property
    def submitted_at(self) -> float | None:
        """When it was submitted, in seconds since the epoch."""
        return None if self.submitted is None else self.submitted.at

    @property
    def started_at(self) -> float | None:
        """When it started, after its queue if there was one; None if it has not, or no controller saw it."""
        if self.ended is not None and self.ended.began is not None:
            return self.ended.began
        if self.started is not None:
            return self.started.at
        return None if self.submitted is None or self.submitted.is_queued else self.submitted.at

    @property
    def ended_at(self) -> float | None:
        """When it ended; None if it has not, or that is not known."""
        if self.ended is not None:
            return self.ended.at
        if self.collected is not None:
            return self.collected.at
        return self.gone_at if self.withdrawn_at is None else self.withdrawn_at

    @property
    def seconds(self) -> float:
        """How long it ran, as far as that is known."""
        began, end = self.started_at, self.ended_at
        return 0.0 if began is None or end is None else max(0.0, end - began)


class RecordWithAttempts(SearchRecord):
    """The state of a search, and all attempts at its runs; the record itself has only each run's newest attempt.

    away: spans without a controller (from, to), in seconds since the epoch, as far as events tell.
    """

    #: Each event of a run tells of its attempt.
    takes_stretches = False

    def __init__(self, fills_gaps: bool = False) -> None:
        super().__init__(fills_gaps)
        self.away: list[tuple[float, float]] = []
        self._attempts: dict[str, AttemptRecord] = {}
        self._newest: dict[int, AttemptRecord] = {}
        self._had_controller = False

    @property
    def attempts(self) -> Iterable[AttemptRecord]:
        """The attempts that were submitted, in order."""
        return (attempt for attempt in self._attempts.values() if attempt.submitted is not None)

    def apply(self, event: Event) -> None:
        """Take one event into account, as `SearchRecord` does."""
        if isinstance(event, ControllerStarted):
            if self._had_controller and self.last_event_at is not None:
                self.away.append((min(self.last_event_at, event.at), event.at))
            self._had_controller = True
        super().apply(event)
        if isinstance(event, OfAttempt):
            self._note(event)

    def _note(self, event: OfAttempt) -> None:
        attempt = self._attempts.get(event.token) or self._new_attempt(event)
        if isinstance(event, AttemptSubmitted):
            attempt.submitted = event
        elif isinstance(event, AttemptStarted):
            attempt.started = event
        elif isinstance(event, AttemptEnded):
            attempt.ended = event
        elif isinstance(event, RunCollected):
            attempt.collected = event
        elif isinstance(event, AttemptWithdrawn):
            attempt.withdrawn_at = event.at

    def _new_attempt(self, event: OfAttempt) -> AttemptRecord:
        before = self._newest.get(event.run)
        if before is not None and before.ended_at is None:
            before.gone_at = getattr(event, "at", None)
        attempt = AttemptRecord(event.run, self.runs[event.run].attempts, event.token)
        self._attempts[event.token] = self._newest[event.run] = attempt
        return attempt


def lanes(spans: Sequence[tuple[str, float, float]]) -> list[str]:
    """Return a lane for each span: its place, or ``node3 #2`` and the like if several were there at once.

    spans: (place, start, end), the end infinite if it has not ended. Each takes the first free lane of its place.
    """
    by_place: dict[str, list[int]] = defaultdict(list)
    for index in sorted(range(len(spans)), key=lambda index: spans[index][1]):
        by_place[spans[index][0]].append(index)
    found = [""] * len(spans)
    for place, indexes in by_place.items():
        numbers = list(_lane_numbers([spans[index][1:] for index in indexes]))
        is_shared = max(numbers) > 1
        for index, number in zip(indexes, numbers):
            found[index] = f"{place} #{number}" if is_shared else place
    return found


def _lane_numbers(spans: Iterable[tuple[float, float]]) -> Iterator[int]:
    """Yield the number of the first lane that is free when each span starts. spans: in order of their starts."""
    free, busy, count = list[int](), list[tuple[float, int]](), 0
    for start, end in spans:
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            count += 1
            heapq.heappush(free, count)
        lane = heapq.heappop(free)
        # The end may be before the start if a clock was set back.
        heapq.heappush(busy, (end if math.isinf(end) else max(start, end), lane))
        yield lane
