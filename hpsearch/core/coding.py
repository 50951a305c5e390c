"""A grid and its conditions as small integers: options as columns, values as codes, configurations as rows of codes.

A row is decoded only when its configuration is used: that is what keeps a grid of 10^6 configurations with conditions
within a second and some ten megabytes.
"""

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.core.command import argument, text_of
from hpsearch.core.conditions import Axis, Condition, Grid, Members, Rule, axes_of, axis_size, options_of
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration
from hpsearch.core.space_report import (
    ConditionReport,
    SpaceReport,
    names_text,
    repeated_values,
    value_text,
    values_text,
    why_never,
    why_skipped,
)

#: More rows than this are not held in memory; only samples and the first N of a plain product are taken from them.
MAX_ROWS = 20_000_000

#: Some axes of a product: for each, option -> codes, as many for each option.
Box = Sequence[Mapping[str, Sequence[int]]]


class Column:
    """One option: its known values by code (0 = the option is absent), and which codes give the same command word.

    options: name and value by code; all configurations, perhaps millions, share these pairs.
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

    row_at: returns the codes at a position, one a column.
    """

    columns: Sequence[Column]
    positions: Sequence[int]
    row_at: Callable[[int], Sequence[int]]
    report: SpaceReport

    @property
    def option_names(self) -> tuple[str, ...]:
        """All options that any of the configurations may have, in the order of the command line."""
        return tuple(column.name for column in self.columns)

    def rows(self) -> Iterator[Sequence[int]]:
        """Return the codes of each configuration."""
        return (self.row_at(position) for position in self.positions)

    def values_of(self, name: str) -> list[object]:
        """Return the values that grid and conditions list for an option, some perhaps twice."""
        return [value for column in self.columns if column.name == name for value in column.values[1:]]

    def under_seeds(self, names: Sequence[str], seeds: Sequence[int]) -> "Selection":
        """Repeat all configurations under each seed: in their order under the first one, then under the second, ...

        names: the options that get the seed; one that the configurations have already keeps its place.
        Raises ConfigError if there would be too many runs.
        """
        size, columns = len(self), {column.name: column for column in self.columns}
        if size * len(seeds) > MAX_ROWS:
            raise ConfigError(f"{size:,} configurations under {len(seeds):,} seeds are too many: take fewer of each")
        for name in names:
            columns[name] = Column(name)
            columns[name].add(seeds)
        seeded = [list(columns).index(name) for name in names]

        def row_at(position: int) -> Sequence[int]:
            seed, place = divmod(position, size)
            row = [*self.row_at(self.positions[place]), *[0] * (len(columns) - len(self.columns))]
            for k in seeded:
                row[k] = seed + 1
            return row

        return Selection(list(columns.values()), range(size * len(seeds)), row_at, self.report)

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Configuration]:
        for row in self.rows():
            yield Configuration(tuple(column.options[code] for column, code in zip(self.columns, row) if code))


class CodedSpace:
    """Grids and conditions as columns of codes and rules over them.

    grids: the axes of each; an option that a grid lacks is absent in its configurations.
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
                adding = (n for n, each in enumerate(conditions, start=1) if missing in options_of(each.then))
                self.skipped[number] = why_skipped(missing, in_grids, next(adding, None))
        replacements = [self._axes(condition.then) for _, condition in enforced]
        # Only now does every column know all its values.
        self.rules = [Rule(n, c, self._matching(c), then) for (n, c), then in zip(enforced, replacements)]
        self.grid_sizes = [math.prod(map(axis_size, axes)) for axes in self.grids]
        self.grid_size = sum(self.grid_sizes)

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
        outcomes: Sequence[ConditionReport] | None,
        duplicates: int = 0,
        available: int | None = None,
        left_out: tuple[int, ...] = (),
        tried: int | None = None,
    ) -> SpaceReport:
        """Return the report. outcomes: of the rules, in order; None if there is no table that would tell."""
        if outcomes is None:
            outcomes = [ConditionReport(problem=problem) for problem in self.never()]
        reports = {rule.number: outcome for rule, outcome in zip(self.rules, outcomes)}
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


def product_row(axes: Sequence[Axis], position: int) -> list[int]:
    """Return the row at a position of a plain product, of any size; the last axis varies fastest."""
    row: list[int] = []
    for axis in reversed(axes):
        position, digit = divmod(position, axis_size(axis))
        row += [codes[digit] for codes in reversed([*axis.values()])]
    return row[::-1]


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


def check_seed_options(names: Collection[str], grids: Sequence[Grid], conditions: Sequence[Condition]) -> None:
    """Raise ConfigError if options that get the seed would be different in some configurations, or missing."""
    same = "but every configuration is run under the same seeds"
    for name in names:
        for number, condition in enumerate(conditions, start=1):
            if name in condition.when or name in options_of(condition.then):
                problem = f"condition {number} names {name}, {same}"
                raise ConfigError(f"{problem}: take it out of the condition, or leave out --num_seeds")
        lacking = [number for number, grid in enumerate(grids, start=1) if name not in options_of(grid)]
        if 0 < len(lacking) < len(grids):
            problem = f"grid {lacking[0]} lacks {name}, which another one has, {same}"
            raise ConfigError(f"{problem}: take it out of all grids, or give all the same first seed")


def seeds_to_run(named: Mapping[str, Sequence[object]], count: int | None, listed: Sequence[int]) -> Sequence[int]:
    """Return the seeds of a search, in order: `count` from 0 on, or those listed.

    named: for each option that gets the seed, the values that the grid gives it. If it is one value, that is the first
    seed. Raises ConfigError if it cannot be.
    """
    given = [(name, value) for name, values in named.items() for value in values]
    if not given:
        return listed or range(count or 0)
    option, value = given[0]
    who = "--num_seeds" if count else "--seeds_list"
    remedy = f"take {option} out of the grid"
    if len({text_of(each) for _, each in given}) > 1:
        several = " and ".join(f"{name}={values_text(values)}" for name, values in named.items() if values)
        problem = f"the grid has {several}, but {who} gives every configuration its seeds"
        raise ConfigError(f"{problem}: {remedy}, or leave one value there, the first seed")
    try:
        first = int(text_of(value))
    except ValueError:
        problem = f"the grid has {option}={value_text(value)}, which would be the first seed of {who}"
        raise ConfigError(f"{problem}: expected a whole number; or {remedy}") from None
    if count:
        return range(first, first + count)
    if first not in listed:
        raise ConfigError(f"the grid has {option}={first}, which --seeds_list lacks: add it there, or {remedy}")
    return list(dict.fromkeys((first, *listed)))
