"""Ranges in place of lists: their values, what they cover, and what is no range."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch import IntUniform, LogUniform, Not, Uniform
from hpsearch.core.coding import Order
from hpsearch.core.conditions import RANGE_SIZE, Condition, Members, Range, key_in, ranges_in, size_without_ranges
from hpsearch.core.space import enumerate_space

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
BOUNDS = st.lists(FLOATS, min_size=2, max_size=2, unique=True).map(sorted)
RATIOS = st.lists(FLOATS.filter(lambda bound: bound > 0), min_size=2, max_size=2, unique=True).map(sorted)
INTEGERS = st.lists(st.integers(), min_size=2, max_size=2, unique=True).map(sorted)
ANY_RANGE = st.one_of(
    BOUNDS.map(lambda bounds: Uniform(*bounds)),
    RATIOS.map(lambda bounds: LogUniform(*bounds)),
    INTEGERS.map(lambda bounds: IntUniform(*bounds)),
)


@given(ANY_RANGE)
def test_values_are_distinct_in_order_and_have_both_ends(found: Range) -> None:
    assert found.problem() == ""
    assert found[0] == found.low
    assert found[-1] == found.high
    assert all(left < right for left, right in pairwise(found))
    assert len(found) <= RANGE_SIZE
    assert all(map(found.covers, found))


@pytest.mark.parametrize(
    ("found", "values"),
    [
        (LogUniform(1e-5, 1e-1), [1e-05, 1.009e-05, 1.019e-05]),
        (Uniform(0, 1), [0.0, 0.001001, 0.002002]),
        (Uniform(2020, 2021), [2020.0, 2020.001, 2020.002]),
        (IntUniform(1, 1e6), [1, 1002, 2003]),
        (IntUniform(10_000, 20_000), [10_000, 10_010, 10_020]),
        (LogUniform(0.99996e-5, 1e-1), [0.99996e-05, 1.009e-05, 1.019e-05]),
        (Uniform(-1e308, 1e308), [-1e308, -9.98e307, -9.96e307]),
    ],
    ids=repr,
)
def test_values_have_four_digits_or_as_many_as_tell_them_apart(found: Range, values: list[float]) -> None:
    assert len(found) == 1000
    assert found[:3] == values
    assert [*map(type, found[:3])] == [*map(type, values)]


def test_equal_ratios_of_a_log_range_have_equally_many_values() -> None:
    found = [math.floor(math.log10(value)) for value in LogUniform(1e-5, 1e-1)]
    assert [found.count(power) for power in (-5, -4, -3, -2)] == [250, 250, 250, 249]


def test_few_whole_numbers_stand_all_for_themselves() -> None:
    assert list(IntUniform(-2, 3)) == [-2, -1, 0, 1, 2, 3]
    assert list(IntUniform(10_000, 10_500)) == list(range(10_000, 10_501))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (LogUniform(0, 1), "numbers above 0"),
        (LogUniform(-1, 1), "numbers above 0"),
        (Uniform(1, 1), "two different numbers, the smaller one first"),
        (IntUniform(3, 1), "two different numbers, the smaller one first"),
        (IntUniform(0.5, 3), "whole numbers"),
        (Uniform(False, True), "two numbers, as in Uniform(1, 10)"),
        (Uniform(0, np.bool_(1)), "two numbers, as in Uniform(1, 10)"),
        (LogUniform("1e-5", "1e-1"), "two numbers, as in LogUniform(1, 10)"),
        (IntUniform([1], None), "two numbers, as in IntUniform(1, 10)"),
        (Uniform(0, math.inf), "finite numbers"),
        (IntUniform(math.nan, 3), "finite numbers"),
        (Uniform(0, 10**400), "finite numbers"),
        (Uniform(np.float32(0), np.int64(3)), ""),
    ],
    ids=repr,
)
def test_bounds_that_make_no_range_are_told(found: Range, expected: str) -> None:
    assert found.problem() == expected


@pytest.mark.parametrize(
    ("found", "value", "is_in"),
    [
        (Uniform(0, 1), 0.3333333, True),
        (Uniform(0, 1), np.float64(1), True),
        (Uniform(0, 1), 1.1, False),
        (Uniform(0, 1), True, False),
        (Uniform(0, 1), "0.5", False),
        (Uniform(0, 1), math.nan, False),
        (Uniform(0, 1), None, False),
        (IntUniform(1, 3), 2.0, True),
        (IntUniform(1, 3), 2.5, False),
    ],
)
def test_in_the_if_of_a_condition_a_range_matches_every_number_between(
    found: Range, value: object, is_in: bool
) -> None:
    assert (value in Members(found)) is is_in


def test_a_condition_replaces_what_lies_in_a_range_by_values_of_another() -> None:
    conditions = [Condition({"lr": Uniform(0.1, 1)}, {"decay": IntUniform(1, 3)})]
    found = [each.as_dict() for each in enumerate_space({"lr": [0.01, 0.5]}, conditions, Order(deterministic=True))]
    assert found == [{"lr": 0.01}, *({"lr": 0.5, "decay": decay} for decay in (1, 2, 3))]


def test_a_condition_that_never_matches_a_range_says_so() -> None:
    conditions = [Condition({"n": [9]}, {"x": [1]}), Condition({"n": Uniform(10, 20)}, {"x": [1]})]
    report = enumerate_space({"n": IntUniform(1, 3)}, conditions, Order()).report
    assert [each.problem for each in report.conditions] == [
        "n is never 9, only 1, 2 or 3",
        "n is never in Uniform(10, 20), only 1, 2 or 3",
    ]


def test_a_list_that_is_cut_short_keeps_the_configurations_without_a_range() -> None:
    grid = {"opt": ["adam", "sgd"], "n": range(10)}
    conditions = [Condition({"opt": ["sgd"]}, {"momentum": Uniform(0, 1)})]
    found = [each.as_dict()["opt"] for each in enumerate_space(grid, conditions, Order(limit=500, most_listed=10**6))]
    assert (found.count("adam"), found.count("sgd")) == (10, 490)


def test_a_key_of_a_grid_is_an_option_or_several_with_commas() -> None:
    assert [key_in(text) for text in ("lr", "a, b", "a,b,c")] == ["lr", ("a", "b"), ("a", "b", "c")]


def test_negations_of_equal_lists_are_equal() -> None:
    assert (Not((1, "a")) == Not([1, "a"]), Not([1]) == Not([2]), Not([1]) == [1]) == (True, False, False)
    assert repr(Not((1, "a"))) == "Not([1, 'a'])"


def test_not_takes_no_range() -> None:
    with pytest.raises(TypeError, match=r"Not expects a list of values, as in Not\(\[Uniform\(0, 1\)\]\)"):
        Not(Uniform(0, 1))


def test_ranges_are_counted_apart_from_lists() -> None:
    grids = [{"a": Uniform(0, 1), "b": [1, 2], ("c", "d"): [(1, 2)] * 3}, {"a": [1, 2]}]
    assert [ranges_in(grid) for grid in grids] == [["a"], []]
    assert size_without_ranges(grids) == 8


def test_a_copy_is_equal_and_carries_its_bounds_only() -> None:
    found = LogUniform(1, 10)
    assert len(found) == 1000
    assert pickle.loads(pickle.dumps(found)) == found != Uniform(1, 10)
    assert found.__getstate__() == {"low": 1, "high": 10}


def test_importing_a_range_loads_nothing_heavy() -> None:
    code = "import sys\nfrom hpsearch import IntUniform, LogUniform, Uniform\n"
    check = 'sys.exit(bool({"numpy", "scipy", "pandas"} & set(sys.modules)))'
    assert subprocess.run([sys.executable, "-c", code + check]).returncode == 0
