"""Which of several runs is best: one rule for numbers, infinity, NaN, words, missing values and ties."""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def number_of(cell: object) -> float | None:
    """Return a summary or table cell as a number; None if it is none (a word, several numbers, nothing)."""
    try:
        return float(str(cell).strip().strip('"'))
    except ValueError:
        return None


def rank_of(cell: object) -> float | None:
    """Return the number by which a cell is ranked; None if it has none, or NaN."""
    number = number_of(cell)
    return None if number is None or math.isnan(number) else number


def ranked(items: Iterable[T], cell: Callable[[T], object], ascending: bool) -> list[T]:
    """Return all items, best first: numbers by value, then NaN, then words by alphabet, then empty cells.

    Equal ones keep their order, so that the earlier run comes first. cell: an item's value under the performance key.
    """
    return sorted(items, key=lambda item: _sort_key(cell(item), ascending))


def best(items: Iterable[T], cell: Callable[[T], object], ascending: bool) -> list[T]:
    """Return the items that can be the best, best first: those whose cell is a number other than NaN."""
    return ranked((item for item in items if rank_of(cell(item)) is not None), cell, ascending)


def _sort_key(cell: object, ascending: bool) -> tuple[int, float, str]:
    number = number_of(cell)
    if number is None:
        return (2, 0.0, str(cell)) if str(cell) else (3, 0.0, "")
    if math.isnan(number):
        return (1, 0.0, "")
    return (0, number if ascending else -number, "")


def odd_performance(cells: Iterable[object], key: str) -> str:
    """Return a warning if some finished runs' values under the performance key are no numbers; empty if all are.

    cells: of all finished runs. NaN is a number here: it sorts behind all others.
    """
    cells = list(cells)
    odd = [str(cell) for cell in cells if number_of(cell) is None]
    if not odd:
        return ""
    words = [repr(word) if word else "nothing" for word in dict.fromkeys(odd)]
    shown = ", ".join(word if len(word) < 60 else word[:57] + "..." for word in words[:3])
    more = f" and {len(words) - 3:,} more" if len(words) > 3 else ""
    return (
        f"{len(odd):,} of {len(cells):,} finished runs have no number under {key!r} but {shown}{more}: they sort last"
    )
