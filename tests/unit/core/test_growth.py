"""What is new in a changed grid: the configurations whose commands no run of the search has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.configurations import KnownRun, growth_of
from hpsearch.core.model import Configuration

OPTIONS = st.dictionaries(st.sampled_from(["lr", "units", "flag"]), st.sampled_from([0, 1, True, False, "0"]))
RUNS = st.lists(st.tuples(OPTIONS, st.booleans()), max_size=8)


def configuration(options: Mapping[str, object]) -> Configuration:
    return Configuration(tuple(options.items()))


def command(options: Mapping[str, object]) -> tuple[str, ...]:
    """The definition of what is compared, written down plainly."""
    given = ((name, value) for name, value in options.items() if value is not False)
    words = (f"--{name}" if value is True else f"--{name}={value}" for name, value in given)
    return tuple(sorted(words))


@given(st.lists(OPTIONS, max_size=8), RUNS)
def test_every_command_of_the_grid_finishes_once(
    wanted: Sequence[Mapping[str, object]], runs: Sequence[tuple[Mapping[str, object], bool]]
) -> None:
    known = [KnownRun(number, options, is_finished) for number, (options, is_finished) in enumerate(runs, start=1)]
    growth = growth_of(map(configuration, wanted), known, ())
    grid, finished = set(map(command, wanted)), [command(run.options) for run in known if run.is_finished]
    new = [command(each.as_dict()) for each in growth.new]
    again = [command(run.options) for run in known if run.number in growth.again]
    assert sorted([*new, *again]) == sorted(grid - set(finished))
    assert not set(new) & {command(run.options) for run in known}
    assert growth.finished == len(grid & set(finished))
    assert growth.gone == sum(each not in grid for each in finished)
    assert growth.left_out == {run.number for run in known if not run.is_finished} - growth.again


def test_new_configurations_keep_the_order_of_the_grid() -> None:
    wanted = [configuration({"x": value}) for value in (3, 1, 2)]
    assert growth_of(wanted, [KnownRun(1, {"x": 1}, True)], ()).new == [wanted[0], wanted[2]]


def test_the_output_option_and_the_order_of_options_do_not_count() -> None:
    known = [KnownRun(None, {"out_dir": "d", "b": 2, "a": 1}, True)]
    assert growth_of([configuration({"a": 1, "b": 2})], known, ("out_dir",)).new == []


@pytest.mark.parametrize(("x", "again", "gone"), [(1, {2}, 0), (3, set(), 1)])
def test_added_seeds_of_a_configuration_in_the_grid_belong_to_it(x: int, again: set[int], gone: int) -> None:
    known = [KnownRun(1, {"x": x, "seed": 0}, True), KnownRun(2, {"x": x, "seed": 1}, False)]
    growth = growth_of([configuration({"x": 1})], known, (), ("seed",))
    assert (growth.again, growth.gone, len(growth.new)) == (again, gone, 1)
