"""Which run is best."""

from __future__ import annotations

import math

import pytest
from searches import SETTINGS

from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.ranking import best, number_of, odd_performance, ranked
from hpsearch.folder.run_tables import best_runs
from hpsearch.store.record import RunRecord

CELLS = ["nan", "9", "adam", "108.04", "", "99.04", "-inf"]


def test_cells_sort_as_numbers_and_odd_ones_last() -> None:
    assert ranked(CELLS, str, ascending=False) == ["108.04", "99.04", "9", "-inf", "nan", "adam", ""]
    assert ranked(CELLS, str, ascending=True) == ["-inf", "9", "99.04", "108.04", "nan", "adam", ""]
    assert math.isnan(number_of("nan") or 0)


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
