"""Successive halving: which configurations go on to the next larger budget; pure.

The best at a budget go on, as many as the ratio of the two budgets leaves: from 5 to 15 epochs, one in three. A
configuration that is sure to be among them goes on first. If a place would be idle otherwise, a configuration goes on
that is among the best known so far (asynchronous successive halving, Li et al. 2020, promotion type).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hpsearch.startup.classes import dataclass

#: At most one in this many configurations goes on, however close two budgets are.
_LEAST_REDUCTION = 2.0


@dataclass(frozen=True)
class Promotion:
    """A configuration that goes on to the budget number `budget`. index: which one, among all.

    rank: its rank, from 1 (best), among the `known` configurations with a result at the budget before.
    is_sure: it is among the best whatever results come.
    """

    index: int
    budget: int
    rank: int
    known: int
    is_sure: bool


def sizes_at(count: int, budgets: Sequence[float]) -> list[int]:
    """Return how many of `count` configurations run at each budget, if none fails and none goes on too early."""
    sizes = [count]
    for small, large in pairwise(budgets):
        # A ratio such as 0.3 / 0.1 is a little below 3.
        reduction = max(_LEAST_REDUCTION, round(large / small, 9))
        sizes.append(min(sizes[-1], max(1, int(sizes[-1] / reduction))))
    return sizes


class Halving:
    """What is known at each budget, and which configurations go on.

    results: for each configuration, its results by budget, smallest first; NaN = no result (the run failed, or gave no
    number), None = not known yet.
    """

    def __init__(self, results: Sequence[Sequence[float | None]], sizes: Sequence[int], ascending: bool) -> None:
        """sizes: see `sizes_at`. ascending: small is good."""
        self._results, self._sizes = results, sizes
        by_budget = [[one[budget] for one in results if len(one) > budget] for budget in range(len(sizes))]
        self._had, self._running = [*map(len, by_budget)], [each.count(None) for each in by_budget]
        self._ranked = [self._ranking(budget, ascending) for budget in range(len(sizes))]
        self._coming = [max(0, sizes[0] - self._had[0])]
        for budget in range(1, len(sizes)):
            ranked, wanted = self._ranked[budget - 1], sizes[budget]
            # A configuration that went on too early does not take the place of one among the best.
            gone_on = sum(len(results[index]) > budget for index in ranked[:wanted])
            self._coming.append(min(wanted, len(ranked) + self._open(budget - 1)) - gone_on)

    def _open(self, budget: int) -> int:
        """Return how many results at a budget are not known yet, of present and coming runs."""
        return self._running[budget] + self._coming[budget]

    def _ranking(self, budget: int, ascending: bool) -> list[int]:
        """Return the configurations with a number at a budget, best first; ties keep their order."""
        known = {k: one[budget] for k, one in enumerate(self._results) if len(one) > budget}
        numbers = {k: value for k, value in known.items() if value is not None and not math.isnan(value)}
        return sorted(numbers, key=lambda k: numbers[k] if ascending else -numbers[k])

    @property
    def left(self) -> int:
        """How many more runs will come at larger budgets, as far as is known now."""
        return sum(self._coming[1:])

    def promotions(self) -> Iterator[Promotion]:
        """Yield the promotions possible now: sure ones first, larger budgets before smaller ones, best first."""
        found = [each for budget in range(1, len(self._sizes)) for each in self._to(budget)]
        sure = [each for each in found if each.is_sure]
        yield from sorted(sure, key=lambda each: (-each.budget, each.rank))
        # The fewer results are unknown, the less likely a run is in vain.
        early = [each for each in found if not each.is_sure]
        yield from sorted(early, key=lambda each: (self._unknown(each.budget - 1), -each.budget, each.rank))

    def _unknown(self, budget: int) -> float:
        return self._open(budget) / self._sizes[budget]

    def _to(self, budget: int) -> Iterator[Promotion]:
        """Yield the configurations that may go on to a budget now, best first."""
        before, wanted = budget - 1, self._sizes[budget]
        ranked, unknown = self._ranked[before], self._open(before)
        so_far = (self._had[before] - self._running[before]) * wanted // self._sizes[before]
        for rank, index in enumerate(ranked[:wanted], start=1):
            is_sure = rank + unknown <= wanted
            if len(self._results[index]) == budget and (is_sure or rank <= so_far):
                yield Promotion(index, budget, rank, len(ranked), is_sure)
