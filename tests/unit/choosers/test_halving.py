"""Which configurations go on to larger budgets."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.choosers.halving import Halving, Promotion, sizes_at

#: A configuration has this result at each budget; NaN = the run fails.
VALUE = st.one_of(st.integers(-5, 5).map(float), st.just(math.nan), st.just(math.inf))
BUDGETS = st.lists(st.sampled_from([1, 2, 3, 5, 9, 15, 27, 45, 81]), min_size=2, max_size=4, unique=True).map(sorted)


@pytest.mark.parametrize(
    ("count", "budgets", "sizes"),
    [
        (27, [5, 15, 45], [27, 9, 3]),
        (27, [0.1, 0.3, 0.9], [27, 9, 3]),
        (10, [1, 3, 9], [10, 3, 1]),
        (2, [1, 3, 9], [2, 1, 1]),
        (1, [1, 10], [1, 1]),
        # However close two budgets are, at least half of the configurations do not go on.
        (8, [10, 11, 12], [8, 4, 2]),
        (100, [1, 100], [100, 1]),
    ],
)
def test_as_many_go_on_as_the_ratio_of_budgets_leaves(count: int, budgets: list[float], sizes: list[int]) -> None:
    assert sizes_at(count, budgets) == sizes


def promotions(results: Sequence[Sequence[float | None]], sizes: Sequence[int]) -> list[Promotion]:
    return list(Halving(results, sizes, ascending=False).promotions())


def test_the_best_go_on_best_first() -> None:
    found = promotions([[1.0], [3.0], [2.0], [0.0], [5.0], [4.0]], [6, 2, 1])
    assert found == [Promotion(4, 1, 1, 6, True), Promotion(5, 1, 2, 6, True)]


def test_small_numbers_are_the_best_where_that_is_so() -> None:
    (found,) = Halving([[1.0], [3.0], [2.0]], [3, 1], ascending=True).promotions()
    assert found.index == 0


def test_larger_budgets_come_first() -> None:
    found = promotions([[9.0, 9.0], [8.0, 7.0], [7.0, 6.0], [6.0], [1.0], [1.0]], [6, 4, 2])
    assert [(each.index, each.budget, each.is_sure) for each in found] == [(0, 2, True), (3, 1, True)]


def test_what_may_still_be_overtaken_is_sure_only_if_there_is_room() -> None:
    found = promotions([[3.0], [2.0], [1.0], [None], [0.0], [0.5]], [6, 2])
    assert [(each.index, each.is_sure) for each in found] == [(0, True)]


def test_early_ones_are_among_the_best_so_far() -> None:
    """Of nine, three may go on; of three known, one."""
    results: list[list[float | None]] = [[3.0], [2.0], [1.0], *([None] for _ in range(6))]
    assert [(each.index, each.is_sure) for each in promotions(results, [9, 3])] == [(0, False)]
    assert promotions([[3.0], [2.0], *([None] for _ in range(7))], [9, 3]) == []


def test_failures_never_go_on() -> None:
    assert [each.index for each in promotions([[math.nan], [1.0], [math.nan], [math.nan]], [4, 2])] == [1]
    assert promotions([[math.nan], [math.nan]], [2, 1]) == []


def test_one_that_went_on_too_early_takes_no_place() -> None:
    """Number 0 went on while it was the best known; two others are better."""
    halving = Halving([[1.0, 1.0], [2.0], [3.0], [0.0]], [4, 2], ascending=False)
    assert [each.index for each in halving.promotions()] == [2, 1]
    assert halving.left == 2


def carried_out(
    values: Sequence[Sequence[float]], budgets: Sequence[float], slots: int, seed: int
) -> tuple[list[list[float | None]], list[tuple[int, int]]]:
    """Run configurations with as many slots, in a random order of ends; return all results, and what went on when."""
    sizes, luck = sizes_at(len(values), budgets), random.Random(seed)
    running, order, waiting = list[int](), list[tuple[int, int]](), list(range(len(values)))
    # As in a search: all are planned at the smallest budget before anything is chosen.
    results: list[list[float | None]] = [[None] for _ in values]
    while True:
        while len(running) < slots:
            if waiting:
                running.append(waiting.pop(0))
                continue
            chosen = next(Halving(results, sizes, ascending=False).promotions(), None)
            if chosen is None:
                break
            assert len(results[chosen.index]) == chosen.budget
            results[chosen.index].append(None)
            order.append((chosen.index, chosen.budget))
            running.append(chosen.index)
        if not running:
            return results, order
        index = running.pop(luck.randrange(len(running)))
        results[index][-1] = values[index][len(results[index]) - 1]


def reference(values: Sequence[Sequence[float]], sizes: Sequence[int]) -> list[set[int]]:
    """Return which configurations run at each budget in successive halving that waits for all results of a budget."""
    there = [set(range(len(values)))]
    for budget, wanted in enumerate(sizes[1:]):
        known = [index for index in sorted(there[-1]) if not math.isnan(values[index][budget])]
        there.append(set(sorted(known, key=lambda index: -values[index][budget])[:wanted]))
    return there


@given(st.data(), BUDGETS, st.integers(0, 2**32))
def test_with_one_slot_it_is_successive_halving(data: st.DataObject, budgets: list[int], seed: int) -> None:
    row = st.lists(VALUE, min_size=len(budgets), max_size=len(budgets))
    values = data.draw(st.lists(row, min_size=1, max_size=20))
    results, _ = carried_out(values, budgets, 1, seed)
    sizes = sizes_at(len(values), budgets)
    for budget, expected in enumerate(reference(values, sizes)):
        assert {index for index, one in enumerate(results) if len(one) > budget} == expected


@given(st.data(), BUDGETS, st.integers(2, 9), st.integers(0, 2**32))
def test_with_several_slots_the_best_of_each_budget_goes_on(
    data: st.DataObject, budgets: list[int], slots: int, seed: int
) -> None:
    row = st.lists(VALUE, min_size=len(budgets), max_size=len(budgets))
    values = data.draw(st.lists(row, min_size=1, max_size=20))
    results, order = carried_out(values, budgets, slots, seed)
    sizes = sizes_at(len(values), budgets)
    assert len(order) == len(set(order))
    halving = Halving(results, sizes, ascending=False)
    assert halving.left == 0 and not list(halving.promotions())
    for budget, wanted in enumerate(sizes[1:]):
        there = {index: one[budget] for index, one in enumerate(results) if len(one) > budget}
        known = {index: value for index, value in there.items() if value is not None and not math.isnan(value)}
        best = sorted(known, key=lambda index: -known[index])[:wanted]
        assert all(len(results[index]) > budget + 1 for index in best)
        # While others run, only a few go on that would not have to.
        assert sum(len(one) > budget + 1 for one in results) <= wanted + len(there) // 2 + slots
