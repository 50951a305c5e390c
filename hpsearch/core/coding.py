"""A grid and its conditions as small integers: options as columns, values as codes, configurations as rows of codes.

A row is decoded only when its configuration is used. This keeps a grid of 10^6 configurations with conditions within a
second and tens of megabytes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from hpsearch.core.command import argument
from hpsearch.core.conditions import (
    Axis,
    Condition,
    Grid,
    Members,
    Rule,
    axes_of,
    axis_size,
    lists_by_option,
    ranges_in,
    size_without_ranges,
)
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration
from hpsearch.core.space_report import (
    ConditionReport,
    SpaceReport,
    names_text,
    repeated_values,
    why_never,
    why_skipped,
)
from hpsearch.startup.classes import dataclass

if TYPE_CHECKING:
    # numpy takes longer to import than everything else, and not every grid needs it.
    import numpy as np

    Codes = np.ndarray[Any, np.dtype[Any]]  # Any: the shape and the width of the integers vary

#: Most rows held in memory. From a longer list only samples, or the first N of a plain product, are taken.
MAX_ROWS = 20_000_000

#: How many configurations are decoded at a time for a caller that iterates over them.
_AT_ONCE = 1_000

#: The axes of a product. Each maps its options to codes, the same number for each option.
Box = Sequence[Mapping[str, Sequence[int]]]


class Column:
    """One option: its known values by code (0 = the option is absent), and which codes give the same command word.

    options: (name, value) by code; all configurations, perhaps millions, share these pairs.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[object] = [None]
        self.options: list[tuple[str, object]] = [(name, None)]
        self.words: list[int] = [0]
        self._word_ids: dict[str | None, int] = {None: 0}

    def add(self, values: Sequence[object]) -> range:
        """Add values; return their codes."""
        first = len(self.values)
        for value in values:
            word = argument(self.name, value)
            self.values.append(value)
            self.options.append((self.name, value))
            self.words.append(self._word_ids.setdefault(word, len(self._word_ids)))
        return range(first, len(self.values))

    @property
    def word_count(self) -> int:
        """The number of different command words, absence included."""
        return len(self._word_ids)


@dataclass(frozen=True)
class Selection:
    """The chosen configurations in execution order; each is decoded when it is asked for.

    codes_at: returns for each column the codes at some positions.
    """

    columns: Sequence[Column]
    positions: Sequence[int]
    codes_at: Callable[[Sequence[int]], Sequence[Sequence[int]]]
    report: SpaceReport

    @property
    def option_names(self) -> tuple[str, ...]:
        """All options that any of the configurations may have, in the order of the command line."""
        return tuple(column.name for column in self.columns)

    def blocks(self, most: int) -> Iterator[Sequence[Sequence[int]]]:
        """Yield the codes of up to `most` configurations at a time: a sequence of codes for each column."""
        for first in range(0, len(self.positions), most):
            yield self.codes_at(self.positions[first : first + most])

    def rows(self) -> Iterator[Sequence[int]]:
        """Return the codes of each configuration."""
        return itertools.chain.from_iterable(zip(*block) for block in self.blocks(_AT_ONCE))

    def values_of(self, name: str) -> list[object]:
        """Return the values that grid and conditions list for an option, some perhaps twice."""
        return [value for column in self.columns if column.name == name for value in column.values[1:]]

    def under_seeds(self, names: Sequence[str], seeds: Sequence[float]) -> Selection:
        """Repeat all configurations under each seed: all of them under the first seed, then all under the second, ...

        names: the options that get the seed; an option that the configurations already have keeps its place.
        Raises ConfigError if there would be too many runs.
        """
        size, columns = len(self), {column.name: column for column in self.columns}
        if size * len(seeds) > MAX_ROWS:
            raise ConfigError(f"{size:,} configurations under {len(seeds):,} seeds are too many: take fewer of each")
        for name in names:
            columns[name] = Column(name)
            columns[name].add(seeds)
        seeded = [list(columns).index(name) for name in names]

        def codes_at(positions: Sequence[int]) -> Sequence[Sequence[int]]:
            codes = dict(enumerate(self.codes_at([self.positions[position % size] for position in positions])))
            seed_codes = [position // size + 1 for position in positions]
            return [seed_codes if k in seeded else codes[k] for k in range(len(columns))]

        return Selection(list(columns.values()), range(size * len(seeds)), codes_at, self.report)

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Configuration]:
        for row in self.rows():
            yield Configuration(tuple(column.options[code] for column, code in zip(self.columns, row) if code))


@dataclass(frozen=True)
class Order:
    """Which configurations are taken, and in which order.

    limit: how many at most; None = all. sample: draw `limit` at random without building the whole list.
    most_listed: if the whole list would be longer than this, a shuffled choice of `limit` is sampled, too.
    """

    deterministic: bool = False
    seed: int = 42
    limit: int | None = None
    sample: bool = False
    most_listed: int = MAX_ROWS


class Judge(Protocol):
    """The user's constraints, asked about configurations: codes of shape (configurations, columns).

    count: how many constraints there are.
    """

    count: int

    def verdicts(self, columns: Sequence[Column], rows: Codes) -> Codes:
        """Return for each configuration 0 if it is kept, else the number of the constraint that leaves it out."""

    def reasons(self, columns: Sequence[Column], rows: Codes) -> list[tuple[int, Sequence[str]]]:
        """Return for each configuration its verdict, as above, and the options that the verdict depends on."""


class Points(Protocol):
    """Points of a cube, one after another; a Sobol sequence fills it more evenly than chance does."""

    def draw(self, count: int, sides: int) -> Codes:
        """Return the next points: coordinates from 0 to below 1, of shape (count, sides); `sides` is always the same.

        Raises UsageError if it has no points with this many sides.
        """


class CodedSpace:
    """Grids and conditions as columns of codes and rules over them.

    grids: the axes of each grid; an option that a grid lacks is absent in its configurations.
    weights: how many configurations each grid's lists give, ranges not counted. has_ranges: whether there are ranges.
    """

    def __init__(self, grids: Sequence[Grid], conditions: Sequence[Condition]) -> None:
        self.columns: dict[str, Column] = {}
        self.grids = [self._axes(grid) for grid in grids]
        self._count = len(conditions)
        self.skipped: dict[int, str] = {}
        in_grids = list(self.columns)
        enforced: list[tuple[int, Condition]] = []
        for number, condition in enumerate(conditions, start=1):
            missing = next((name for name in condition.when if name not in in_grids), None)
            if missing is None:
                enforced.append((number, condition))
            else:
                adding = (n for n, each in enumerate(conditions, start=1) if missing in lists_by_option(each.then))
                self.skipped[number] = why_skipped(missing, in_grids, next(adding, None))
        replacements = [self._axes(condition.then) for _, condition in enforced]
        # Only now does every column know all its values.
        self.rules = [Rule(n, c, self._matching(c), then) for (n, c), then in zip(enforced, replacements)]
        self.grid_sizes = [math.prod(map(axis_size, axes)) for axes in self.grids]
        self.grid_size = sum(self.grid_sizes)
        self.weights = [size_without_ranges([grid]) for grid in grids]
        self.has_ranges = any(map(ranges_in, (*grids, *(condition.then for condition in conditions))))

    def _axes(self, grid: Grid) -> list[Axis]:
        return [{name: self._column(name).add(each) for name, each in axis.items()} for axis in axes_of(grid)]

    def _column(self, name: str) -> Column:
        return self.columns.setdefault(name, Column(name))

    def _matching(self, condition: Condition) -> dict[str, frozenset[int]]:
        matching = {}
        for name, listed in condition.when.items():
            members, values = Members(listed), self.columns[name].values
            matching[name] = frozenset(code for code in range(1, len(values)) if values[code] in members)
        return matching

    @property
    def bound(self) -> int:
        """An upper bound of the number of rows after all conditions."""
        return self.grid_size * math.prod(max(1, rule.product_size) for rule in self.rules)

    @property
    def is_plain(self) -> bool:
        """True if there is one grid, no condition changes it, and no two values of an option mean the same."""
        distinct = (len(set(self._words(axis))) == axis_size(axis) for axes in self.grids for axis in axes)
        return not self.rules and len(self.grids) == 1 and all(distinct)

    def _words(self, axis: Axis) -> list[tuple[int, ...]]:
        return list(zip(*([self.columns[name].words[code] for code in codes] for name, codes in axis.items())))

    @property
    def possible(self) -> dict[str, set[int]]:
        """The codes that each option has in any grid."""
        possible: dict[str, set[int]] = {}
        for axes in self.grids:
            for axis in axes:
                for name, codes in axis.items():
                    possible.setdefault(name, set()).update(codes)
        return possible

    def report(
        self,
        of_rules: Sequence[ConditionReport] | None,
        duplicates: int = 0,
        available: int | None = None,
        left_out: tuple[int, ...] = (),
        tried: int | None = None,
    ) -> SpaceReport:
        """Return the report. of_rules: their reports, in order; None if there is no table that would tell."""
        if of_rules is None:
            of_rules = [ConditionReport(problem=problem) for problem in self.never()]
        reports = {rule.number: report for rule, report in zip(self.rules, of_rules)}
        reports.update({n: ConditionReport(problem=why, is_skipped=True) for n, why in self.skipped.items()})
        conditions = tuple(reports[number] for number in range(1, self._count + 1))
        return SpaceReport(self.grid_size, conditions, tuple(self._repeated()), duplicates, available, left_out, tried)

    def never(self) -> list[str]:
        """Return of each rule why it cannot match, whatever is combined; empty if it may."""
        values, possible = {name: column.values for name, column in self.columns.items()}, self.possible
        problems = []
        for rule in self.rules:
            problems.append(why_never(rule, values, possible))
            if not problems[-1]:
                for name, codes in rule.replaced.items():
                    possible.setdefault(name, set()).update(codes)
        return problems

    def _repeated(self) -> Iterator[str]:
        """Return what the grids and the conditions list more than once."""
        names = ["the grid"] if len(self.grids) == 1 else [f"grid {n}" for n in range(1, len(self.grids) + 1)]
        lists = [*zip(names, self.grids), *((f"condition {rule.number}", rule.then) for rule in self.rules)]
        for where, axes in lists:
            for axis in axes:
                words = self._words(axis)
                if len(set(words)) < len(words):
                    columns = [[self.columns[name].values[code] for code in codes] for name, codes in axis.items()]
                    values = columns[0] if len(axis) == 1 else zip(*columns)
                    yield f"{where} lists {repeated_values(names_text(list(axis)), list(zip(words, values)))}"


def too_many(size: int | None = None) -> ConfigError:
    """Return the error of a grid that cannot be held in memory. size: None = it is not known how far above that."""
    many = f"more than {MAX_ROWS:,}" if size is None else f"{size:,}"
    return ConfigError(
        f"the grid has {many} configurations, too many to hold in memory; "
        "sample N of them with --num_searches=N --dont_generate_full_grid"
    )


def product_codes(axes: Sequence[Axis], positions: Sequence[int]) -> list[list[int]]:
    """Return for each option the codes at some positions of a plain product of any size; the last axis varies fastest.

    Option by option takes a third of the time that row by row takes.
    """
    columns, inner = list[list[int]](), 1
    for axis in reversed(axes):
        size = axis_size(axis)
        digits = [position // inner % size for position in positions]
        columns += [[codes[digit] for digit in digits] for codes in reversed([*axis.values()])]
        inner *= size
    return columns[::-1]


def in_columns(axes: Box, columns: Sequence[Column]) -> Box:
    """Return the axes with those of the columns that they lack: there the options are absent."""
    names = {name for axis in axes for name in axis}
    return [*axes, *({column.name: [0]} for column in columns if column.name not in names)]


def boxes_of(box: Box, rules: Sequence[Rule]) -> Iterator[Box]:
    """Split a box by the rules and apply them; together the results hold what the rules make of the box."""
    if not rules:
        yield box
        return
    rule, rest = rules[0], rules[1:]
    for name, codes in rule.when.items():
        box, outside = split_box(box, name, codes)
        if outside:
            yield from boxes_of(outside, rest)
        if not box:
            return
    names = set(rule.replaced)
    kept = [_without(axis, names) for axis in box]
    yield from boxes_of([*filter(None, kept), *rule.then], rest)


def split_box(box: Box, name: str, codes: Collection[int]) -> tuple[Box, Box]:
    """Return the part of a box in which an option has one of these codes, and the rest; empty if there is none."""
    at = next(number for number, axis in enumerate(box) if name in axis)
    inside = [code in codes for code in box[at][name]]
    if all(inside):
        return box, ()
    parts = []
    for points in (inside, [not is_inside for is_inside in inside]):
        axis = {each: list(itertools.compress(listed, points)) for each, listed in box[at].items()}
        parts.append([*box[:at], axis, *box[at + 1 :]])
    return (parts[0], parts[1]) if any(inside) else ((), box)


def _without(axis: Mapping[str, Sequence[int]], names: Collection[str]) -> Mapping[str, Sequence[int]]:
    """Return an axis without some options; its points are distinct."""
    left = [name for name in axis if name not in names]
    if len(left) == len(axis):
        return axis
    return dict(zip(left, zip(*dict.fromkeys(zip(*(axis[name] for name in left))))))
