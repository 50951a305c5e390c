"""A grid and its conditions as small integers: options as columns, values as codes, configurations as rows of codes.

A row is decoded only when its configuration is used: that is what keeps a grid of 10^6 configurations with conditions
within a second and some ten megabytes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.core.command import argument, text_of
from hpsearch.core.conditions import Condition, Members, Rule
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration
from hpsearch.core.space_report import (
    ConditionReport,
    SpaceReport,
    repeated_values,
    value_text,
    values_text,
    why_never,
    why_skipped,
)

#: More rows than this are not held in memory; only samples and the first N of a plain product are taken from them.
MAX_ROWS = 20_000_000


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
        """Return the values that configurations may give an option; of those with the same command word, the first."""
        found = (column for column in self.columns if column.name == name)
        return [
            column.values[code] for column in found for code in one_code_a_word(column, range(1, len(column.words)))
        ]

    def under_seeds(self, names: Sequence[str], seeds: Sequence[int]) -> "Selection":
        """Repeat all configurations under each seed: in their order under the first one, then under the second, ...

        names: the options that get the seed; one that the configurations have already keeps its place.
        Raises ConfigError if there would be too many runs.
        """
        size, columns = len(self), {column.name: column for column in self.columns}
        if size * len(seeds) > MAX_ROWS:
            raise ConfigError(
                f"{size:,} configurations under {len(seeds):,} seeds are too many runs: take fewer of each"
            )
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
    """Grid and conditions as columns of codes and rules over them."""

    def __init__(self, grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition]) -> None:
        self.columns: dict[str, Column] = {}
        self.grid = {name: self._column(name).add(values) for name, values in grid.items()}
        self._count = len(conditions)
        self.skipped: dict[int, str] = {}
        enforced: list[tuple[int, Condition]] = []
        for number, condition in enumerate(conditions, start=1):
            missing = next((name for name in condition.when if name not in grid), None)
            if missing is None:
                enforced.append((number, condition))
            else:
                added_by = next((n for n, each in enumerate(conditions, start=1) if missing in each.then), None)
                self.skipped[number] = why_skipped(missing, grid, added_by)
        replacements = [{name: self._column(name).add(values) for name, values in c.then.items()} for _, c in enforced]
        # Only now does every column know all its values.
        self.rules = [Rule(n, c, self._matching(c), then) for (n, c), then in zip(enforced, replacements)]
        self.grid_size = math.prod(len(codes) for codes in self.grid.values())

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
        """True if no condition changes anything and no two values of an option mean the same."""
        return not self.rules and all(
            len({column.words[code] for code in self.grid[name]}) == len(self.grid[name])
            for name, column in self.columns.items()
        )

    def report(
        self, outcomes: Sequence[ConditionReport] | None, duplicates: int = 0, available: int | None = None
    ) -> SpaceReport:
        """Return the report. outcomes: of the rules, in order; None if there is no table that would tell."""
        if outcomes is None:
            outcomes = [ConditionReport(problem=problem) for problem in self.never()]
        reports = {rule.number: outcome for rule, outcome in zip(self.rules, outcomes)}
        reports.update({n: ConditionReport(problem=why, is_skipped=True) for n, why in self.skipped.items()})
        conditions = tuple(reports[number] for number in range(1, self._count + 1))
        return SpaceReport(self.grid_size, conditions, tuple(self._repeated()), duplicates, available)

    def never(self) -> list[str]:
        """Return of each rule why it cannot match, whatever is combined; empty if it may."""
        values = {name: column.values for name, column in self.columns.items()}
        possible = {name: set(codes) for name, codes in self.grid.items()}
        problems = []
        for rule in self.rules:
            problems.append(why_never(rule, values, possible))
            if not problems[-1]:
                for name, codes in rule.then.items():
                    possible.setdefault(name, set()).update(codes)
        return problems

    def _repeated(self) -> Iterator[str]:
        """Return what the grid and the conditions list more than once."""
        lists = [("the grid", self.grid), *((f"condition {rule.number}", rule.then) for rule in self.rules)]
        for where, listed in lists:
            for name, codes in listed.items():
                column = self.columns[name]
                if len({column.words[code] for code in codes}) < len(codes):
                    pairs = [(column.words[code], column.values[code]) for code in codes]
                    yield f"{where} lists {repeated_values(name, pairs)}"


def product_row(axes: Sequence[range], position: int) -> list[int]:
    """Return the row at a position of a plain product, of any size; the last axis varies fastest."""
    row = []
    for axis in reversed(axes):
        position, digit = divmod(position, len(axis))
        row.append(axis[digit])
    return row[::-1]


def one_code_a_word(column: Column, codes: Sequence[int]) -> list[int]:
    """Return which of a column's codes are the first with their command word."""
    first: dict[int, int] = {}
    for code in codes:
        first.setdefault(column.words[code], code)
    return list(first.values())


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
