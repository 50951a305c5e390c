"""The shortest history that still fails, made from a longer one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from .history import History, Step

Item = TypeVar("Item")
#: In how many lengths the beginning of a history is tried; a shorter one takes less time to play.
_LENGTHS = 8


def shrunk(
    history: History,
    suspects: int,
    failing: Callable[[Sequence[History], float], History | None],
    limit_s: float,
    tries: int = 2,
) -> History:
    """Return a history without the steps that the failure does not need.

    suspects: how many steps, from the first on, may be enough. failing: plays histories, given shortest first, and
    returns the first that fails in the same way, None if none does before a moment of the monotonic clock. tries: how
    often a shorter one is played before it counts as passing, since processes race. The whole takes `limit_s` seconds
    at most.
    """
    end = time.monotonic() + limit_s
    # The first step begins the search.
    first, rest = history.steps[:1], history.steps[1:]

    def enough(choices: Sequence[Sequence[Step]]) -> Sequence[Step] | None:
        shorter = [replace(history, steps=(*first, *steps)) for _ in range(tries) for steps in choices]
        found = failing(shorter, end) if time.monotonic() < end else None
        return None if found is None else found.steps[1:]

    before = rest[: suspects - 1]
    known = enough([before]) if len(before) < len(rest) else None
    return replace(history, steps=(*first, *minimal(rest if known is None else known, enough)))


def minimal(
    items: Sequence[Item], enough: Callable[[Sequence[Sequence[Item]]], Sequence[Item] | None]
) -> Sequence[Item]:
    """Return some of the items that are enough, none of which can be left out.

    enough: returns one of several choices that is enough, None if there is none. First it chooses among beginnings
    of the items, then among parts and what is left without them (Zeller's ddmin).
    """
    kept = items
    while (shorter := enough(_beginnings(kept))) is not None:
        kept = shorter
    parts = 2
    while len(kept) > 0:
        size = -(-len(kept) // parts)
        shorter = enough(_choices(kept, size))
        if shorter is not None:
            # After a part, its halves; after what was left without a part, the other parts of that size.
            kept, parts = shorter, 2 if len(shorter) <= size else max(2, parts - 1)
        elif size == 1:
            break
        else:
            parts = min(len(kept), 2 * parts)
    return kept


def _beginnings(items: Sequence[Item]) -> list[Sequence[Item]]:
    lengths = sorted({len(items) * part // _LENGTHS for part in range(_LENGTHS)} - {len(items)})
    return [items[:length] for length in lengths]


def _choices(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Return the parts of this size, and the items without each, shortest first and none twice."""
    starts = range(0, len(items), size)
    parts = [items[start : start + size] for start in starts]
    rests = [[*items[:start], *items[start + size :]] for start in starts]
    # With two parts, each is what is left without the other.
    choices = rests if len(parts) <= 2 else [*parts, *rests]
    return sorted((choice for choice in choices if len(choice) < len(items)), key=len)
