"""Quasi-random samples: every value of an option about equally often, each configuration once, and N a part of more."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch import IntUniform, LogUniform, Uniform
from hpsearch.core.coding import Order
from hpsearch.core.conditions import Condition, Grid
from hpsearch.core.errors import UsageError
from hpsearch.core.space import enumerate_space
from hpsearch.samplers.sobol import SobolPoints

LISTS: Grid = {"a": [1, 2], "b": range(3), "c": range(5), "d": range(8), "e": range(7), "lr": LogUniform(1e-5, 1)}
BY_A = [Condition({"a": [2]}, {"m": ["x", "y", "z"]})]


def sample(
    grids: Grid | Sequence[Grid],
    count: int,
    conditions: Sequence[Condition] = (),
    is_sobol: bool = True,
    seed: int = 1,
    deterministic: bool = False,
) -> list[dict[str, object]]:
    order = Order(deterministic=deterministic, seed=seed, limit=count, sample=True)
    points = SobolPoints(seed) if is_sobol else None
    return [each.as_dict() for each in enumerate_space(grids, conditions, order, points=points)]


def unevenness(found: Sequence[dict[str, Any]], name: str) -> int:
    """Return how much more often the most frequent value of an option occurs than the rarest."""
    counts = Counter(each[name] for each in found if name in each).values()
    return max(counts) - min(counts)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([32, 64]))
def test_each_value_stands_there_about_equally_often(seed: int, count: int) -> None:
    found = sample(LISTS, count, BY_A, seed=seed)
    assert [unevenness(found, name) for name in "ad"] == [0, 0]
    # Each point lies in a stretch of its own, and a stretch may lie across the border of two values.
    assert max(unevenness(found, name) for name in "bce") <= 4


@pytest.mark.parametrize(("name", "most"), [("b", 1 / 3), ("d", 1 / 4), ("m", 2 / 3)])
def test_values_are_spread_more_evenly_than_by_chance(name: str, most: float) -> None:
    spreads = {
        is_sobol: np.mean([unevenness(sample(LISTS, 60, BY_A, is_sobol, seed), name) for seed in range(20)])
        for is_sobol in (True, False)
    }
    assert spreads[True] < most * spreads[False]


def test_the_values_of_a_range_are_spread_over_it() -> None:
    found = sample({"lr": LogUniform(1e-4, 1), "opt": ["adam", "sgd"]}, 32)
    powers = Counter(int(np.floor(np.log10(each["lr"]))) for each in found)  # type: ignore[arg-type]
    assert all(7 <= powers[power] <= 9 for power in (-4, -3, -2, -1))


@pytest.mark.parametrize("is_sobol", [True, False], ids=["sobol", "random"])
def test_a_range_is_no_thousand_configurations_where_other_grids_have_none(is_sobol: bool) -> None:
    union: list[Grid] = [{"o": ["sgd"], "lr": LogUniform(0.1, 1), "m": Uniform(0, 1)}, {"o": ["adam"], "n": range(40)}]
    condition = Condition({"o": ["sgd"]}, {"k": IntUniform(1, 9)})
    assert Counter(each["o"] for each in sample(union, 40, [condition], is_sobol))["sgd"] < 10
    few: Grid = {"o": ["sgd", "adam"], "n": range(20)}
    assert (
        8 < Counter(each["o"] for each in sample(few, 30, [Condition({"o": ["sgd"]}, union[0])], is_sobol))["sgd"] < 22
    )


@pytest.mark.parametrize("grid", [LISTS, {"a": [1, 2], "b": range(400)}], ids=["huge", "small"])
@pytest.mark.parametrize("is_sobol", [True, False], ids=["sobol", "random"])
def test_fewer_are_the_beginning_of_more(grid: Grid, is_sobol: bool) -> None:
    assert sample(grid, 90, BY_A, is_sobol) == sample(grid, 200, BY_A, is_sobol)[:90]


def test_the_seed_decides_and_the_order_of_the_grid_may_be_kept() -> None:
    first = sample(LISTS, 9)
    assert sample(LISTS, 9) == first != sample(LISTS, 9, seed=2)
    in_order = sample(LISTS, 9, deterministic=True)
    assert in_order == sorted(first, key=lambda each: list(each.values()))  # type: ignore[arg-type, return-value]


def test_more_than_exist_are_all() -> None:
    found = sample({"a": [1, 2, 2], "b": range(30)}, 1000, [Condition({"a": [1]}, {"b": [7], "c": range(20)})])
    assert len(found) == 50
    assert len({tuple(each.items()) for each in found}) == 50


def test_a_product_beyond_all_integers_of_numpy_is_drawn_from() -> None:
    grid: Grid = {f"x{number}": range(1000) for number in range(30)}
    found = sample([grid, {**grid, "y": [1, 2]}], 96)
    assert 62 <= sum("y" in each for each in found) <= 66
    assert len({each["x29"] for each in found}) > 80


def test_more_lists_than_a_sequence_has_sides_are_refused() -> None:
    with pytest.raises(UsageError) as error:
        SobolPoints(1).draw(1, 30_000)
    assert str(error.value) == (
        "--sampler=sobol knows at most 21,201 lists of values, and grid and conditions have 30,000: "
        "take --sampler=random"
    )


def test_without_scipy_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(
        UsageError, match=r'^--sampler=sobol needs SciPy 1\.15 or newer: pip install "hpsearch\[sobol\]"$'
    ):
        SobolPoints(1)
