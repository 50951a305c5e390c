"""Runs have the same configuration if their commands differ only in the seed."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.configurations import by_configuration, identity, mean_cell, missing_seeds, seed_in, with_seed

OPTIONS = st.dictionaries(st.sampled_from(["lr", "units", "flag", "seed"]), st.sampled_from([0, 1, True, False, "0"]))
SEED = ("random_seed",)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"lr": 0.1, "random_seed": 1}, {"random_seed": 2, "lr": 0.1}, True),
        ({"lr": 0.1, "random_seed": 1}, {"lr": 0.1}, True),
        ({"lr": 0.1}, {"lr": "0.1"}, True),
        ({"lr": 0.1, "flag": False}, {"lr": 0.1}, True),
        ({"lr": 0.1, "flag": True}, {"lr": 0.1}, False),
        ({"lr": 0.1}, {"lr": 0.2}, False),
    ],
)
def test_a_configuration_is_its_command_without_the_seed(
    one: Mapping[str, object], other: Mapping[str, object], is_same: bool
) -> None:
    assert (identity(one, SEED) == identity(other, SEED)) is is_same


def _command(options: Mapping[str, object]) -> list[str]:
    """The definition, written down plainly."""
    return sorted(
        f"--{name}" + ("" if value is True else f"={value}")
        for name, value in options.items()
        if name != "seed" and value is not False
    )


@given(st.lists(OPTIONS))
def test_runs_of_the_same_command_are_a_group_those_without_a_seed_only_among_themselves(
    runs: list[Mapping[str, object]],
) -> None:
    groups = by_configuration(range(len(runs)), runs.__getitem__, ["seed"])
    commands = [_command(options) for options in runs]
    alike = [[k for k, command in enumerate(commands) if command == first] for first in commands]
    groups_of_all = [group for at, group in enumerate(alike) if group[0] == at]
    assert groups == [[k for k in group if "seed" in runs[k]] or group for group in groups_of_all]


@pytest.mark.parametrize(
    ("listed", "count", "gathered", "missing"),
    [
        ([5, 3, 5, 4], 0, {4}, [5, 3]),
        ([5], 9, {5}, []),
        ([], 3, set(), [0, 1, 2]),
        ([], 3, {0, 7}, [1]),
        ([], 4, {1}, [0, 2, 3]),
        ([], 2, {3, 4, 5}, []),
    ],
)
def test_seeds_that_are_missing_are_those_listed_or_the_first_ones(
    listed: list[int], count: int, gathered: set[int], missing: list[int]
) -> None:
    assert missing_seeds(listed, count, gathered) == missing


@pytest.mark.parametrize(
    ("options", "seed"),
    [
        ({"s": 3, "t": "3"}, 3),
        ({"s": 3, "t": 4}, None),
        ({"s": 3}, None),
        ({"s": "x", "t": "x"}, None),
        ({}, None),
    ],
)
def test_a_seed_is_the_whole_number_that_all_its_options_have(options: dict[str, object], seed: int | None) -> None:
    assert seed_in(options, ["s", "t"]) == seed


def test_a_seed_option_keeps_its_place_and_a_new_one_comes_last() -> None:
    assert list(with_seed({"s": 1, "a": 2}, ["s", "t"], 9).items()) == [("s", 9), ("a", 2), ("t", 9)]


@pytest.mark.parametrize(("cells", "mean"), [(["1", 4.0, "x", ""], 2.5), (["", "x", "b"], "b"), ([""], ""), ([], "")])
def test_runs_are_ranked_together_by_their_mean_or_else_by_the_best_word(cells: list[object], mean: object) -> None:
    assert mean_cell(cells) == mean
