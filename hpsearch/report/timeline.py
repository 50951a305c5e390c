"""The timeline: the attempts of the shown searches in lanes, one at a time, and the use of these lanes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hpsearch.core.model import RunState
from hpsearch.report.attempts import AttemptRecord, lanes
from hpsearch.report.searches import NOT_COLLECTED, ShownRun, ShownSearch
from hpsearch.startup.classes import dataclass

#: Any: whatever JSON can hold.
Json = dict[str, Any]
#: (from, to), in seconds since the epoch. A span that ends before it begins (a clock was set back) counts as empty.
Span = tuple[float, float]


@dataclass(frozen=True)
class _Bar:
    """An attempt as it is drawn. run: its index; ended: None while it is live. place: empty if it has not started."""

    attempt: AttemptRecord
    run: int
    state: str
    started: float | None
    ended: float | None
    place: str

    def span(self, now: float) -> Span:
        """Return the span in which it ran, in seconds since the epoch."""
        start = self.started or 0.0
        return start, now if self.ended is None else self.ended


def timeline(searches: Sequence[ShownSearch], names: Sequence[str], now: float) -> tuple[Json, list[str]]:
    """Return the content about attempts, and each attempt's state. now: seconds since the epoch.

    names: of the searches.
    """
    bars, slots, use, first = list[_Bar](), list[str](), list[Json | None](), 0
    codes = list[int | None]()
    for number, search in enumerate(searches):
        own = list(_bars(search, first))
        lanes_of = _lanes(own, f"{names[number]}: " if len(searches) > 1 else "")
        names_of_lanes = sorted({lane for lane in lanes_of if lane}, key=_natural)
        code_of = {lane: len(slots) + index for index, lane in enumerate(names_of_lanes)}
        codes += [code_of.get(lane) for lane in lanes_of]
        use.append(_use(number, search, own, lanes_of, now))
        bars, slots, first = bars + own, slots + names_of_lanes, first + len(search.runs)
    attempts = {
        "run": [bar.run for bar in bars],
        "attempt": [bar.attempt.number for bar in bars],
        "slot": codes,
        "submitted": [moment(bar.attempt.submitted_at) for bar in bars],
        "started": [moment(bar.started) for bar in bars],
        "ended": [moment(bar.ended) for bar in bars],
        "queued": [bar.attempt.is_queued for bar in bars],
    }
    away = [[number, *span] for number, search in enumerate(searches) for span in search.away]
    return {"attempts": attempts, "slots": slots, "away": away, "use": use}, [bar.state for bar in bars]


def moment(at: float | None) -> float | None:
    """Return a moment, rounded to the precision shown."""
    return None if at is None else round(at, 2)


def place_of(of: ShownRun | AttemptRecord, names_hosts: bool) -> str:
    """Return where something ran, for people. names_hosts: name the hosts of processes, too."""
    return f"{of.host}: {of.place}" if names_hosts and of.host and of.place else of.place or of.host


def names_hosts(searches: Sequence[ShownSearch]) -> bool:
    """Return whether GPUs of several hosts were used, whose names are the same on each host."""
    return len({each.host for search in searches for each in search.attempts if each.place and each.host}) > 1


def _bars(search: ShownSearch, first: int) -> Iterator[_Bar]:
    """Yield the attempts of a search. first: index of its first run."""
    indexes = {run.run.number: index for index, run in enumerate(search.runs) if run.run.number}
    has_hosts = names_hosts([search])
    for attempt in search.attempts:
        index = indexes.get(attempt.run)
        if index is not None:
            run = search.runs[index]
            state = _state_of(attempt, run.state if attempt.token == run.token else "")
            ended = _end_of(attempt, state, search)
            place = "" if attempt.started_at is None else place_of(attempt, has_hosts) or "?"
            yield _Bar(attempt, first + index, state, attempt.started_at, ended, place)


def _state_of(attempt: AttemptRecord, of_run: str) -> str:
    """Return an attempt's state. of_run: its run's state if this is the newest attempt, else empty.

    While a run is repeated, its state is the state of the earlier attempt whose results count.
    """
    if attempt.collected is not None:
        return attempt.collected.state
    if attempt.is_withdrawn:
        return RunState.CANCELLED.value
    if not of_run:
        return RunState.LOST.value
    if of_run != RunState.FINISHED.value:
        return of_run
    doing = RunState.QUEUED if attempt.started_at is None else RunState.RUNNING
    return doing.value


def _end_of(attempt: AttemptRecord, state: str, search: ShownSearch) -> float | None:
    """Return when an attempt ended; None only while it is live. An unseen end counts at the next event."""
    is_live = state in (RunState.QUEUED.value, RunState.RUNNING.value)
    if attempt.ended_at is not None or is_live:
        return attempt.ended_at
    last = search.ended if state == NOT_COLLECTED else None
    return max(last or 0.0, attempt.started_at or attempt.submitted_at or 0.0)


def _lanes(bars: Sequence[_Bar], prefix: str) -> list[str]:
    """Return the lane of each attempt; empty if it has not started."""
    found = [""] * len(bars)
    started = [number for number, bar in enumerate(bars) if bar.place]
    spans = [(bars[number].place, *bars[number].span(math.inf)) for number in started]
    for number, lane in zip(started, lanes(spans)):
        found[number] = prefix + lane
    return found


def _use(number: int, search: ShownSearch, bars: Sequence[_Bar], lanes_of: Sequence[str], now: float) -> Json | None:
    """Return how the time of a search's slots was used; None if nothing ran."""
    spans: dict[str, list[Span]] = {}
    for bar, lane in zip(bars, lanes_of):
        if lane:
            spans.setdefault(lane, []).append(bar.span(now))
    found = slot_use(spans, search.away)
    if found is None:
        return None
    kind = "jobs" if any(bar.attempt.is_queued for bar in bars) else "slots"
    seconds: Mapping[str, float] = {"busy_s": found.busy_s, "away_s": found.away_s, "idle_s": found.idle_s}
    about = {"search": number, "kind": kind, "slots": found.slots}
    times = {"from": moment(found.began), "to": moment(found.ended)}
    return {**about, **times, **{name: round(value, 2) for name, value in seconds.items()}}


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key that puts ``GPU 2`` before ``GPU 10``."""
    parts = re.split(r"([0-9]{1,18})", name)
    return [(True, int(part), "") if part.isdigit() and part.isascii() else (False, 0, part) for part in parts]


@dataclass(frozen=True)
class SlotUse:
    """How the time of all slots was used, from the first start to the last end of a search's attempts.

    began, ended: of that time. busy_s: seconds with an attempt, over all slots; away_s: seconds without one and without
    a controller that could have started one; idle_s: the rest.
    """

    slots: int
    began: float
    ended: float
    busy_s: float
    away_s: float
    idle_s: float


def slot_use(spans: Mapping[str, Sequence[Span]], away: Sequence[Span] = ()) -> SlotUse | None:
    """Return how the time of slots was used; None if nothing ran.

    spans: of the attempts in each slot; a live one ends now. away: spans without a controller.
    """
    slots = [ran for ran in spans.values() if ran]
    if not slots:
        return None
    began = min(start for ran in slots for start, _ in ran)
    ended = max(max(span) for ran in slots for span in ran)
    between = [(max(start, began), min(end, ended)) for start, end in away]
    busy_s = sum(_covered_s(ran) for ran in slots)
    accounted_s = sum(_covered_s((*ran, *between)) for ran in slots)
    idle_s = max(0.0, len(slots) * (ended - began) - accounted_s)
    return SlotUse(len(slots), began, ended, busy_s, accounted_s - busy_s, idle_s)


def _covered_s(spans: Iterable[Span]) -> float:
    """Return how many seconds are covered by at least one span."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
