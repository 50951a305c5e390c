"""Slots, in which runs take turns: how long they were idle. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: From when to when, in seconds since the epoch. A span that ends before it begins (a clock was set back) is no time.
Span = tuple[float, float]


@dataclass(frozen=True)
class SlotUse:
    """What became of the time of all slots between the first start and the last end of a search's attempts.

    began, ended: of that time. busy_s: seconds in which an attempt ran, over all slots; away_s: those in which none
    ran and no controller could have started one; idle_s: the rest.
    """

    slots: int
    began: float
    ended: float
    busy_s: float
    away_s: float
    idle_s: float


def slot_use(spans: Mapping[str, Sequence[Span]], away: Sequence[Span] = ()) -> SlotUse | None:
    """Return how the time of slots was used; None if nothing ran.

    spans: of the attempts in each slot; one that still runs ends now. away: when no controller was there.
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
    """Return for how many seconds at least one of the spans lasts."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
