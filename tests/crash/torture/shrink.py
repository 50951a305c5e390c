"""The shortest history that still fails, made from a longer one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from .history import History, Step

Item = TypeVar("Item")


def shrunk(history: History, fails: Callable[[History], bool], limit_s: float, tries: int = 2) -> History:
    """Return a history without the steps that the failure does not need.

    fails: plays one and says whether it fails in the same way. tries: how often a shorter one is played before it
    counts as passing, since processes race. No new try begins after `limit_s` seconds.
    """
    end = time.monotonic() + limit_s

    def is_enough(steps: Sequence[Step]) -> bool:
        shorter = replace(history, steps=tuple(steps))
        return any(time.monotonic() < end and fails(shorter) for _ in range(tries))

    # The first step begins the search.
    first, rest = history.steps[:1], history.steps[1:]
    kept = minimal(rest, lambda steps: is_enough([*first, *steps]))
    return replace(history, steps=(*first, *kept))


def minimal(items: Sequence[Item], is_enough: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Return some of the items that are enough, none of which can be left out (Zeller's ddmin)."""
    kept, parts = list(items), 2
    while kept:
        size = max(1, -(-len(kept) // parts))
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if is_enough(rest):
                kept, parts = rest, max(2, parts - 1)
                break
        else:
            if size == 1:
                break
            parts = min(len(kept), 2 * parts)
    return kept
