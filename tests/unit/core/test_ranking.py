"""Which run is best."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.ranking import (
    best,
    best_means,
    difference_text,
    low_is_good,
    number_of,
    odd_performance,
    p_of_second,
    ranked,
)
from hpsearch.folder.run_tables import best_runs
from hpsearch.journal.run_record import RunRecord

CELLS = ["nan", "9", "adam", "108.04", "", "99.04", "-inf"]


def test_cells_sort_as_numbers_and_odd_ones_last() -> None:
    assert ranked(CELLS, str, ascending=False) == ["108.04", "99.04", "9", "-inf", "nan", "adam", ""]
    assert ranked(CELLS, str, ascending=True) == ["-inf", "9", "99.04", "108.04", "nan", "adam", ""]
    assert math.isnan(number_of("nan") or 0)


def test_a_name_may_tell_that_low_numbers_are_good() -> None:
    keywords = ["acc_val", "loss", "test_loss", "glossy", "RMSE", "time_s", "errors", "superb"]
    assert [name for name in keywords if low_is_good(name)] == ["loss", "test_loss", "RMSE", "time_s", "errors"]


def test_only_numbers_can_be_best() -> None:
    assert best(CELLS, str, ascending=False) == ["108.04", "99.04", "9", "-inf"]


def test_of_equal_values_the_earlier_comes_first() -> None:
    runs = [(1, "0.5"), (2, "0.9"), (3, "9e-1"), (4, 0.9)]
    assert [number for number, _ in best(runs, lambda run: run[1], ascending=False)] == [2, 3, 4, 1]
    assert [number for number, _ in best(runs, lambda run: run[1], ascending=True)] == [1, 2, 3, 4]


def test_the_earlier_run_is_the_best_also_where_it_ended_later() -> None:
    """So the bar, which hears of runs as they end, and the closing table name the same run."""
    runs = [Run(number, f"sim_{number}", Configuration(()), f"o/sim_{number}") for number in (3, 1, 2)]
    ended = [RunRecord(run, RunState.FINISHED, summary={"acc": ["0.5"]}) for run in runs]
    assert [entry.run.number for entry in best_runs(ended, SETTINGS)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        (["0.5", "nan", 1, "inf"], ""),
        ([], ""),
        (
            ["0.5", "diverged", "diverged", ""],
            "3 of 4 finished runs have no number under 'acc' but 'diverged', nothing: they sort last",
        ),
        (
            ["a", "b", "c", "d"],
            "4 of 4 finished runs have no number under 'acc' but 'a', 'b', 'c' and 1 more: they sort last",
        ),
    ],
)
def test_performance_values_that_are_no_numbers_are_told_once(cells: list[object], warning: str) -> None:
    assert odd_performance(cells, "acc") == warning


def names(configurations: list[list[float | None]], ascending: bool = False) -> list[float | None]:
    """Return the first number of each configuration, in the order of their means."""
    return [mean.counted[0] for mean in best_means(configurations, lambda value: value, ascending)]


def test_configurations_are_ranked_by_the_mean_of_the_runs_that_count() -> None:
    found = best_means([[1.0, 2.0], [None, 4.0, math.nan], [None], [3.0, 3.0]], lambda value: value, ascending=False)
    assert [mean.text for mean in found] == ["4 (1)", "3 +- 0 (2)", "1.5 +- 0.7 (2)"]
    assert [mean.lacks for mean in found] == ["1 of 2", "", ""]


@pytest.mark.parametrize(("lucky", "place"), [([9.0], 1), ([9.0, 9.0], 0), ([9.0, 9.0, None, math.nan], 0)])
def test_a_configuration_with_less_than_half_the_numbers_comes_last(lucky: list[float | None], place: int) -> None:
    assert names([[1.0, 1.0, 1.0, 1.0], lucky]).index(9.0) == place
    assert names([[10.0, 10.0, 10.0], lucky], ascending=True).index(9.0) == place


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=5), max_size=5), st.booleans())
def test_the_order_of_means_is_that_of_a_plain_sort(configurations: list[list[int]], ascending: bool) -> None:
    most = max(map(len, configurations), default=0)
    found = best_means(configurations, lambda value: value, ascending)
    plain = [(2 * len(mean.counted) < most, mean.spread.mean * (1 if ascending else -1)) for mean in found]
    assert plain == sorted(plain)
    assert sorted(map(list, (mean.counted for mean in found))) == sorted(configurations)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ([1.0, 2.0], ""),
        ([1.0, 2.0, 3.0], "first and second do not differ significantly (Welch's t, p = 1)"),
        ([-9.0, -9.5, -9.2], "first and second differ (Welch's t, p = 0.0016)"),
    ],
)
def test_a_verdict_takes_three_numbers_on_both_sides(second: list[float], said: str) -> None:
    means = best_means([[1.0, 2.0, 3.0], second], lambda value: value, ascending=False)
    assert difference_text(sorted(means, key=lambda mean: len(mean.counted), reverse=True)) == said
    assert (difference_text(means[:1]), p_of_second(means[:1])) == ("", None)
