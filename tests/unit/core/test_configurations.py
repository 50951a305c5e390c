"""Runs have the same configuration if their commands differ only in the seed."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.configurations import by_configuration, identity

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
