"""Which of several runs or configurations is best: one rule for numbers, infinity, NaN, words, no value and ties."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Generic, TypeVar

from hpsearch.core.statistics import Spread, mean_text, spread_of, welch_p
from hpsearch.startup.classes import dataclass

T = TypeVar("T")
#: Two configurations differ if chance gives a difference like theirs with at most this probability.
SIGNIFICANT_P = 0.05
NO_DIFFERENCE = "do not differ significantly"
_LOW_IS_GOOD = r"(^|[_\W])(loss|err|error|mse|rmse|mae|nll|perplexity|ppl|fid|wer|cer|bpd|time)"


def low_is_good(keyword: str) -> bool:
    """Return whether small numbers are good under a keyword of this name, as far as a name can tell."""
    return re.search(_LOW_IS_GOOD, keyword, re.IGNORECASE) is not None


def number_of(cell: object) -> float | None:
    """Return a summary or table cell as a number; None if it is none (a word, several numbers, nothing)."""
    try:
        return float(str(cell).strip().strip('"'))
    except ValueError:
        return None


def ranking_number(cell: object) -> float | None:
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
    keys = ((_sort_key(cell(item), ascending), item) for item in items)
    numbers = [(key[1], item) for key, item in keys if key[0] == 0]
    return [item for _, item in sorted(numbers, key=itemgetter(0))]


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


@dataclass(frozen=True)
class Mean(Generic[T]):
    """A configuration ranked by its mean. counted: the runs with a number. most: the largest count of any."""

    counted: Sequence[T]
    spread: Spread
    most: int

    @property
    def is_thin(self) -> bool:
        """True if it has less than half as many numbers as another one: a lucky run must not win against many."""
        return 2 * self.spread.count < self.most

    @property
    def text(self) -> str:
        """Mean, standard deviation and count: ``0.951 +- 0.004 (5)``."""
        return mean_text(self.spread)

    @property
    def lacks(self) -> str:
        """Say that others have more numbers: ``4 of 5``; empty if none has."""
        few = ", too few" if self.is_thin else ""
        return f"{self.spread.count} of {self.most}{few}" if self.spread.count < self.most else ""


def best_means(
    configurations: Iterable[Sequence[T]], number: Callable[[T], float | None], ascending: bool
) -> list[Mean[T]]:
    """Return the configurations with a mean, best first; those with too few runs (`Mean.is_thin`) come last.

    configurations: the runs of each. number: a run's; None or NaN if it does not count.
    """
    found = []
    for runs in configurations:
        pairs = [(run, value) for run in runs if (value := number(run)) is not None and not math.isnan(value)]
        spread = spread_of(value for _, value in pairs)
        if spread is not None and not math.isnan(spread.mean):
            found.append(([run for run, _ in pairs], spread))
    most = max((spread.count for _, spread in found), default=0)
    means = ranked((Mean(runs, spread, most) for runs, spread in found), lambda mean: mean.spread.mean, ascending)
    return sorted(means, key=lambda mean: mean.is_thin)


def p_of_second(means: Sequence[Mean[T]]) -> float | None:
    """Return the p of Welch's t-test on the best two configurations; None if they cannot be compared."""
    return welch_p(means[0].spread, means[1].spread) if len(means) > 1 else None


def difference_text(means: Sequence[Mean[T]]) -> str:
    """Say whether the best two configurations differ by more than chance; empty if too few runs count to tell."""
    p = p_of_second(means)
    differ = "differ" if p is not None and p <= SIGNIFICANT_P else NO_DIFFERENCE
    return "" if p is None else f"first and second {differ} (Welch's t, p = {p:.2g})"
