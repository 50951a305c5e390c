"""Which configurations get seeds, which seeds those lack, and the messages about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from hpsearch.core.configurations import missing_seeds, seed_in, with_seed
from hpsearch.seeds.choice import Options, best_configurations, changed, seeds_left, seeds_text
from hpsearch.seeds.runs import SeedRun, configuration_text, distinguishing_options

SEED = ("random_seed",)
BOTH = ("random_seed", "data_random_seed")


def run(seed: int | None, finished: bool = True, name: str = "") -> SeedRun:
    """A run of a configuration."""
    return SeedRun(Path(name or f"sim_{seed}"), seed, None, {"finished": ["1"]} if finished else None)


@pytest.mark.parametrize(
    ("options", "names", "seed"),
    [
        ({"random_seed": 3}, SEED, 3),
        ({"random_seed": "3"}, SEED, 3),
        ({"random_seed": "x"}, SEED, None),
        ({"lr": 1}, SEED, None),
        ({"random_seed": 3, "data_random_seed": 3}, BOTH, 3),
        ({"random_seed": 3, "data_random_seed": 42}, BOTH, None),
        ({"random_seed": 3}, BOTH, None),
    ],
)
def test_a_run_has_a_seed_if_all_seed_options_agree(options: Options, names: Sequence[str], seed: int | None) -> None:
    assert seed_in(options, names) == seed


@pytest.mark.parametrize(
    ("groups", "best"),
    [
        # The mean counts, not the luckiest run; NaN and texts do not count.
        ([(2, [9.0, 1.0]), (2, [6.0, 5.0]), (3, [7.0, math.nan, None])], [7.0, 5.5, 5.0]),
        # A lucky one is ranked after all that have twice as many seeds, also where those are still to come.
        ([(1, [9.0]), (3, [5.0, 5.0, 5.0]), (3, [6.0])], [5.0, 6.0, 9.0]),
        ([(5, [9.0, 9.0]), (10, [5.0, 5.0]), (6, [7.0])], [7.0, 5.0, 9.0]),
        ([(1, [9.0]), (3, [5.0]), (1, [8.0])], [5.0, 9.0, 8.0]),
        ([(1, [None]), (1, [math.nan])], []),
    ],
)
def test_the_best_configurations_are_those_with_the_best_means(
    groups: list[tuple[int, list[float]]], best: list[float]
) -> None:
    assert [mean.spread.mean for mean in best_configurations(groups, lambda value: value, False)] == best


def test_forced_options_replace_those_of_the_run_or_come_last() -> None:
    assert list(changed({"a": 1, "b": 2, "c": 3}, ["b"], {"c": 4, "d": 5}).items()) == [("a", 1), ("c", 4), ("d", 5)]


def test_a_seed_keeps_the_place_of_its_option() -> None:
    assert list(with_seed({"random_seed": 42, "lr": 1}, BOTH, 7)) == ["random_seed", "lr", "data_random_seed"]


@pytest.mark.parametrize(
    ("runs", "there", "again", "new"),
    [
        ([], 0, [], [0, 1, 2]),
        ([run(42)], 1, [], [0, 1]),
        ([run(None)], 0, [], [0, 1, 2]),
        ([run(0), run(1, finished=False), run(2)], 2, [1], []),
        ([run(1, finished=False), run(1)], 1, [], [0, 2]),
        ([run(seed) for seed in range(5)], 5, [], []),
    ],
)
def test_unfinished_seeds_are_run_again_and_missing_ones_anew(
    runs: list[SeedRun], there: int, again: list[int], new: list[int]
) -> None:
    left = seeds_left(runs, (), 3)
    assert (left.finished, [each.seed for each in left.again], left.new) == (there, again, new)


@pytest.mark.parametrize(
    ("listed", "count", "gathered", "missing"),
    [
        ((), 3, set(), [0, 1, 2]),
        ((), 3, {42}, [0, 1]),
        ((), 3, {1}, [0, 2]),
        ((), 2, {5, 6, 7}, []),
        ((), 5, {0, 1, 42}, [2, 3]),
        ((3, 1, 3), 10, {1}, [3]),
        ((3,), 10, {3}, []),
    ],
)
def test_only_seeds_that_are_missing_are_run(
    listed: tuple[int, ...], count: int, gathered: set[int], missing: list[int]
) -> None:
    assert missing_seeds(listed, count, gathered) == missing


@pytest.mark.parametrize(
    ("there", "seeds", "text"),
    [
        (0, [0, 1, 2, 3, 4], "Running 5 seeds (0-4)"),
        (1, [0, 1, 3], "Running 3 seeds (0-1, 3); 1 has finished"),
        (4, [7], "Running 1 seed (7); 4 have finished"),
        (5, [], "Nothing to run: all 5 seeds have finished"),
        (1, [], "Nothing to run: 1 seed has finished"),
    ],
)
def test_it_is_said_which_seeds_are_run(there: int, seeds: list[int], text: str) -> None:
    assert seeds_text(there, seeds, starts=True) == text


@pytest.mark.parametrize(
    ("configurations", "names"),
    [
        ([{"lr": 1, "epochs": 3, "random_seed": 0}, {"lr": 2, "epochs": 3, "random_seed": 1}], ["lr"]),
        ([{"lr": 1, "flag": True}, {"lr": 1}], ["flag"]),
        ([{"lr": 1, "epochs": 3, "random_seed": 0}], ["lr", "epochs"]),
    ],
)
def test_a_configuration_is_shown_by_what_differs_or_else_by_all(
    configurations: list[Options], names: list[str]
) -> None:
    assert distinguishing_options(configurations, SEED) == names


def test_options_are_shown_as_in_a_shell() -> None:
    assert configuration_text({"lr": 0.1, "name": "a b", "flag": True}, ["lr", "name", "flag", "gone"]) == (
        "lr=0.1 'name=a b' flag=True"
    )
