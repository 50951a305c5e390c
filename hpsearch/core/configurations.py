"""Which runs make up one configuration: those whose commands differ only in options that repeat it, such as a seed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from hpsearch.core.command import argument
from hpsearch.core.model import Configuration
from hpsearch.core.ranking import number_of, ranked
from hpsearch.core.statistics import spread_of
from hpsearch.startup.classes import dataclass

T = TypeVar("T")


def identity(options: Mapping[str, object], over: Collection[str]) -> Hashable:
    """Return what the runs of one configuration share: the words of their commands, except the options in `over`.

    over: the options that repeat a configuration, and the output option where `options` has it.
    """
    words = [argument(name, value) for name, value in options.items() if name not in over]
    return frozenset([word for word in words if word is not None])


def by_configuration(
    runs: Iterable[T], options_of: Callable[[T], Mapping[str, object]], over: Collection[str]
) -> list[list[T]]:
    """Return the runs of each configuration; configurations and their runs in order of first appearance.

    A run that lacks an option in `over` counts only if no run of its configuration has all these options: its seed is
    unknown, and may be the seed of another run.
    """
    groups: dict[Hashable, tuple[list[T], list[T]]] = {}
    names = set(over)
    for run in runs:
        options = options_of(run)
        seeded, others = groups.setdefault(identity(options, over), ([], []))
        (seeded if options.keys() >= names else others).append(run)
    return [seeded or others for seeded, others in groups.values()]


def missing_seeds(listed: Sequence[int], count: int, gathered: Collection[int]) -> list[int]:
    """Return the listed seeds that are missing, in order; without a list, the first that make it `count` in all."""
    if listed:
        return [seed for seed in dict.fromkeys(listed) if seed not in gathered]
    wanted = max(0, count - len(gathered))
    return [seed for seed in range(wanted + len(gathered)) if seed not in gathered][:wanted]


def seed_in(options: Mapping[str, object], seed_options: Sequence[str]) -> int | None:
    """Return the seed that all `seed_options` have; None if they differ, or one is missing or no whole number."""
    texts = {str(options.get(name, "")) for name in seed_options}
    try:
        return int(texts.pop()) if len(texts) == 1 else None
    except ValueError:
        return None


def with_seed(options: Mapping[str, object], seed_options: Collection[str], seed: float) -> dict[str, object]:
    """Return the options of a new run; a seed option keeps its place, one that the configuration lacks comes last."""
    return {**options, **dict.fromkeys(seed_options, seed)}


def mean_cell(cells: Sequence[object]) -> object:
    """Return the value by which `ranked` ranks a configuration: the mean of the numbers in the cells of its runs.

    Without any number, the cell that ranks first; without cells, an empty text.
    """
    spread = spread_of(map(number_of, cells))
    return spread.mean if spread is not None else next(iter(ranked(cells, lambda cell: cell, ascending=True)), "")


@dataclass(frozen=True)
class KnownRun:
    """A run that a search has already. number: None if only its row is known."""

    number: int | None
    options: Mapping[str, object]
    is_finished: bool


@dataclass(frozen=True)
class Growth:
    """What a changed grid means for the runs of its search.

    new: configurations without a run; indexes: where they stand in the grid. finished: how many configurations of the
    grid have a finished run. again: the number of one unfinished run for each other configuration. left_out: numbers of
    all other unfinished runs. gone: how many finished runs have configurations that are not in the grid.
    """

    new: Sequence[Configuration]
    finished: int
    again: frozenset[int]
    left_out: frozenset[int]
    gone: int
    indexes: Sequence[int] = ()


def growth_of(
    wanted: Iterable[Configuration], known: Sequence[KnownRun], over: Collection[str], seeds: Collection[str] = ()
) -> Growth:
    """Return what is new in a grid: configurations whose commands no run has.

    over: options that do not count. seeds: options that repeat configurations and that the grid does not list: a run is
    in the grid whatever values these have.
    """
    grid = {identity(each.as_dict(), over): (index, each) for index, each in enumerate(wanted)}
    configurations = {identity(each.as_dict(), (*over, *seeds)) for _, each in grid.values()} if seeds else grid.keys()
    finished, first, left_out, gone = set[Hashable](), dict[Hashable, int](), set[int](), 0
    # Finished runs first: they leave nothing to run again.
    for run in sorted(known, key=lambda run: not run.is_finished):
        key = identity(run.options, over)
        is_in_grid = (identity(run.options, (*over, *seeds)) if seeds else key) in configurations
        if run.is_finished:
            finished.add(key)
            gone += not is_in_grid
        elif run.number and is_in_grid and key not in finished and key not in first:
            first[key] = run.number
        elif run.number:
            left_out.add(run.number)
    new = [numbered for key, numbered in grid.items() if key not in finished and key not in first]
    count, indexes = sum(key in finished for key in grid), [index for index, _ in new]
    return Growth([each for _, each in new], count, frozenset(first.values()), frozenset(left_out), gone, indexes)
