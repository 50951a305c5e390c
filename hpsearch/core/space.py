"""From a grid and its conditions to configurations: each once, in a fixed order, decoded only when it is used.

The grid is kept as a table of small integers, a column an option and a row a configuration, never as a million dicts:
that is what keeps a grid of 10^6 configurations with conditions within a second and some ten megabytes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from hpsearch.core.command import argument
from hpsearch.core.conditions import Condition, Members
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration

if TYPE_CHECKING:
    import numpy as np

    Codes = np.ndarray[Any, np.dtype[Any]]  # Any: the shape and the width of the integers vary

#: More rows than this are not held in memory; only samples and the first N of a plain product are taken from them.
MAX_ROWS = 20_000_000
#: A sample is cut from the whole list where that is at most this long, or this many times the sample.
_SMALL, _DENSE = 100_000, 20
#: So many draws in a row without a new configuration, and the sample is completed by systematic search.
_PATIENCE = 5_000


@dataclass(frozen=True)
class Order:
    """Which configurations are taken, and in which order.

    limit: how many at most; None = all. sample: draw `limit` at random without building the whole list.
    """

    deterministic: bool = False
    seed: int = 42
    limit: int | None = None
    sample: bool = False


@dataclass(frozen=True)
class SpaceReport:
    """What enumeration did, for people.

    grid_size: configurations of the plain product. matched: of each condition, how many configurations it replaced
    (None where only a sample was drawn, or it was skipped). skipped: condition number (from 1) -> the missing option.
    duplicates: how many were dropped. available: distinct configurations there are; None if not counted.
    """

    grid_size: int
    matched: tuple[int | None, ...] = ()
    skipped: Mapping[int, str] = field(default_factory=dict)
    duplicates: int = 0
    available: int | None = None


class Column:
    """One option: its known values by code (0 = the option is absent), and which codes give the same command word."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: list[object] = [None]
        self.words: list[int] = [0]
        self._word_ids: dict[str | None, int] = {None: 0}

    def add(self, values: Sequence[object]) -> range:
        """Add values; return their codes."""
        first = len(self.values)
        for value in values:
            word = argument(self.name, value)
            self.values.append(value)
            self.words.append(self._word_ids.setdefault(word, len(self._word_ids)))
        return range(first, len(self.values))

    @property
    def word_count(self) -> int:
        """The number of different command words, absence included."""
        return len(self._word_ids)


@dataclass(frozen=True)
class _Rule:
    """A condition in terms of codes: option -> codes that match, option -> codes that replace."""

    when: Mapping[str, frozenset[int]]
    then: Mapping[str, range]

    @property
    def product_size(self) -> int:
        return math.prod(len(codes) for codes in self.then.values())


class Selection(Sequence[Configuration]):
    """The chosen configurations in execution order; each is decoded when it is asked for."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[int]], report: SpaceReport) -> None:
        self._columns = columns
        self._rows = rows
        self.report = report

    @property
    def option_names(self) -> tuple[str, ...]:
        """All options that any of the configurations may have, in the order of the command line."""
        return tuple(column.name for column in self._columns)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Configuration: ...
    @overload
    def __getitem__(self, index: slice) -> Selection: ...
    def __getitem__(self, index: int | slice) -> Configuration | Selection:
        if isinstance(index, slice):
            return Selection(self._columns, self._rows[index], self.report)
        row = self._rows[index]
        return Configuration(
            tuple((column.name, column.values[code]) for column, code in zip(self._columns, row) if code)
        )


def enumerate_space(grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition], order: Order) -> Selection:
    """Choose the configurations of a search.

    grid: option -> its values, not empty. order.limit must be given if order.sample is.
    Raises ConfigError if the whole list would be too long to hold, naming the options that avoid it.
    """
    coded = _Coded(grid, conditions)
    if order.sample or (coded.bound > MAX_ROWS and order.limit is not None and not order.deterministic):
        assert order.limit is not None
        return _sample(coded, order, order.limit)
    if coded.is_plain and (order.deterministic or coded.grid_size <= MAX_ROWS):
        return _plain(coded, order)
    return _full(coded, order)


class _Coded:
    """Grid and conditions as columns of codes and rules over them."""

    def __init__(self, grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition]) -> None:
        self.columns: dict[str, Column] = {}
        self.grid = {name: self._column(name).add(values) for name, values in grid.items()}
        self.skipped = {
            number: next(name for name in condition.when if name not in grid)
            for number, condition in enumerate(conditions, start=1)
            if any(name not in grid for name in condition.when)
        }
        enforced = [condition for number, condition in enumerate(conditions, start=1) if number not in self.skipped]
        replacements = [{name: self._column(name).add(values) for name, values in c.then.items()} for c in enforced]
        # Only now does every column know all its values.
        self.rules = [_Rule(self._matching(c), then) for c, then in zip(enforced, replacements)]
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
        """At least the number of rows that the conditions can lead to."""
        return self.grid_size * math.prod(max(1, rule.product_size) for rule in self.rules)

    @property
    def is_plain(self) -> bool:
        """True if no condition changes anything and no two values of an option mean the same."""
        return not self.rules and all(
            len({column.words[code] for code in self.grid[name]}) == len(self.grid[name])
            for name, column in self.columns.items()
        )

    def report(self, matched: Sequence[int] | None, duplicates: int = 0, available: int | None = None) -> SpaceReport:
        """Return the report, counts of enforced conditions put back to their places among all."""
        counts = iter(matched) if matched is not None else itertools.repeat(None)
        total = len(self.rules) + len(self.skipped)
        by_condition = tuple(None if number in self.skipped else next(counts) for number in range(1, total + 1))
        return SpaceReport(self.grid_size, by_condition, dict(self.skipped), duplicates, available)


class _Product(Sequence[Sequence[int]]):
    """The rows of a plain product at the given positions, computed when asked for; of any size."""

    def __init__(self, axes: Sequence[range], positions: Sequence[int]) -> None:
        self._axes, self._positions = axes, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> Sequence[int]: ...
    @overload
    def __getitem__(self, index: slice) -> _Product: ...
    def __getitem__(self, index: int | slice) -> Sequence[int] | _Product:
        if isinstance(index, slice):
            return _Product(self._axes, self._positions[index])
        position = int(self._positions[index])
        row = []
        for axis in reversed(self._axes):
            position, digit = divmod(position, len(axis))
            row.append(axis[digit])
        return row[::-1]


class _Table(Sequence[Sequence[int]]):
    """Some rows of a table of codes, in a given order."""

    def __init__(self, columns: Sequence[Codes], positions: Codes) -> None:
        self._columns, self._positions = columns, positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> Sequence[int]: ...
    @overload
    def __getitem__(self, index: slice) -> _Table: ...
    def __getitem__(self, index: int | slice) -> Sequence[int] | _Table:
        if isinstance(index, slice):
            return _Table(self._columns, self._positions[index])
        position = self._positions[index]
        return [int(column[position]) for column in self._columns]


def _plain(coded: _Coded, order: Order) -> Selection:
    """Select from a product in which nothing has to be replaced or dropped: no table is built."""
    size = coded.grid_size
    positions: Sequence[int] = range(size)
    if not order.deterministic:
        positions = _shuffled(size, order.seed)
    if order.limit is not None:
        positions = positions[: order.limit]
    elif size > MAX_ROWS:
        raise _too_many(size)
    rows = _Product(list(coded.grid.values()), positions)
    return Selection(list(coded.columns.values()), rows, coded.report([], available=size))


def _full(coded: _Coded, order: Order) -> Selection:
    """Build the whole table, apply the conditions, drop duplicates, and select from what is left."""
    if coded.grid_size > MAX_ROWS:
        raise _too_many(coded.grid_size)
    table, matched = _apply_rules(coded, _grid_table(coded))
    columns = list(coded.columns.values())
    kept = _first_of_each(columns, [table[column.name] for column in columns])
    size = len(next(iter(table.values())))
    report = coded.report(matched, duplicates=size - len(kept), available=len(kept))
    positions = kept if order.deterministic else kept[_shuffled(len(kept), order.seed)]
    if order.limit is not None:
        positions = positions[: order.limit]
    return Selection(columns, _Table([table[column.name] for column in columns], positions), report)


def _too_many(size: int) -> ConfigError:
    return ConfigError(
        f"the grid has {size:,} configurations, more than can be held in memory; "
        "give --num_searches=N with --dont_generate_full_grid to sample N of them"
    )


def _shuffled(size: int, seed: int) -> Any:  # Any: an array of positions, used as a sequence of integers
    import numpy as np

    # RandomState's streams are frozen for all versions of numpy, which those of its successor are not.
    return np.random.RandomState(seed).permutation(size)


def _code_type(column: Column) -> Any:  # Any: one of numpy's integer types
    import numpy as np

    return np.min_scalar_type(len(column.values))


def _grid_table(coded: _Coded) -> dict[str, Codes]:
    """Return the plain product, last option varying fastest: option -> codes of shape (configurations,)."""
    import numpy as np

    table: dict[str, Codes] = {}
    inner = coded.grid_size
    for name, column in coded.columns.items():
        kind = _code_type(column)
        if name not in coded.grid:
            table[name] = np.zeros(coded.grid_size, dtype=kind)
            continue
        codes = np.array(coded.grid[name], dtype=kind)
        outer, inner = coded.grid_size // inner, inner // len(codes)
        table[name] = np.tile(np.repeat(codes, inner), outer)
    return table


def _apply_rules(coded: _Coded, table: dict[str, Codes]) -> tuple[dict[str, Codes], list[int]]:
    """Apply the conditions one after another; return the new table and how many rows each matched."""
    matched = []
    for rule in coded.rules:
        mask = _matches(rule, table, coded.columns)
        count = int(mask.sum())
        matched.append(count)
        if not count:
            continue
        size = len(mask) + count * (rule.product_size - 1)
        if size > MAX_ROWS:
            raise _too_many(size)
        table = _replace_matches(rule, table, mask)
    return table, matched


def _matches(rule: _Rule, table: Mapping[str, Codes], columns: Mapping[str, Column]) -> Codes:
    """Return which rows a rule matches: truth values of shape (rows,)."""
    import numpy as np

    mask = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, codes in rule.when.items():
        is_match = np.zeros(len(columns[name].values), dtype=bool)
        is_match[list(codes)] = True
        mask &= is_match[table[name]]
    return mask


def _replace_matches(rule: _Rule, table: dict[str, Codes], mask: Codes) -> dict[str, Codes]:
    """Put in place of each matching row the product of the rule's `then`, last option varying fastest."""
    import numpy as np

    size = rule.product_size
    if size > 1:
        source = np.repeat(np.arange(len(mask), dtype=np.int32), np.where(mask, size, 1))
        table = {name: column[source] for name, column in table.items()}
        mask = mask[source]
    copies = int(mask.sum()) // size
    inner = size
    for name, codes in rule.then.items():
        inner //= len(codes)
        block = np.tile(np.repeat(np.array(codes, dtype=table[name].dtype), inner), size // (inner * len(codes)))
        table[name][mask] = np.tile(block, copies)
    return table


def _first_of_each(columns: Sequence[Column], codes: Sequence[Codes]) -> Codes:
    """Return the positions of the rows that are the first with their command, in order."""
    import numpy as np

    size = len(codes[0])
    key = np.zeros(size, dtype=np.int64)
    keys = 1
    for column, column_codes in zip(columns, codes):
        if keys * column.word_count >= 2**62:
            # Number the keys that occur: afterwards there are at most as many as rows.
            key = np.unique(key, return_inverse=True)[1].reshape(-1).astype(np.int64)
            keys = size
        key *= column.word_count
        key += np.array(column.words, dtype=np.int64)[column_codes]
        keys *= column.word_count
    if keys > 4 * size + 1_000_000:
        return np.sort(np.unique(key, return_index=True)[1])
    first = np.empty(keys, dtype=np.int32)
    # Of several writes to one entry the last one stays: going backwards, that is the first row.
    first[key[::-1]] = np.arange(size - 1, -1, -1, dtype=np.int32)
    return np.flatnonzero(first[key] == np.arange(size, dtype=np.int32))


def _sample(coded: _Coded, order: Order, wanted: int) -> Selection:
    """Draw distinct configurations at random: exactly `wanted`, or all there are if those are fewer."""
    columns = list(coded.columns.values())
    if coded.bound <= min(MAX_ROWS, max(_SMALL, _DENSE * wanted)):
        # Few enough to look at all of them, and then a draw is a cut from the shuffled list.
        everything = _full(coded, replace(order, deterministic=False, sample=False))
        rows, report = list(everything._rows), everything.report
    else:
        found = _draw(coded, order.seed, wanted)
        if len(found) < wanted:
            _search_systematically(coded, found, wanted)
        rows, report = list(found.values()), coded.report(None)
    if order.deterministic:
        rows.sort(key=tuple)
    return Selection(columns, rows, report)


def _identity(columns: Sequence[Column], row: Sequence[int]) -> tuple[int, ...]:
    return tuple(column.words[code] for column, code in zip(columns, row))


def _draw(coded: _Coded, seed: int, wanted: int) -> dict[tuple[int, ...], Sequence[int]]:
    """Draw rows at random until `wanted` distinct ones are found, or new ones no longer turn up."""
    import numpy as np

    random = np.random.RandomState(seed)
    columns = list(coded.columns.values())
    found: dict[tuple[int, ...], Sequence[int]] = {}
    misses = 0
    while len(found) < wanted and misses < _PATIENCE:
        batch = max(64, wanted - len(found))
        drawn = _random_rows(coded, batch, random)
        before = len(found)
        for row in drawn:
            if len(found) < wanted:
                found.setdefault(_identity(columns, row), row)
        misses = misses + batch if len(found) == before else 0
    return found


def _random_rows(coded: _Coded, count: int, random: np.random.RandomState) -> list[list[int]]:
    """Draw grid points uniformly, and of what the conditions make of each, one at random."""
    import numpy as np

    table: dict[str, Codes] = {}
    for name, column in coded.columns.items():
        axis = coded.grid.get(name, range(1))
        table[name] = random.randint(axis.start, axis.stop, count).astype(_code_type(column))
    for rule in coded.rules:
        mask = _matches(rule, table, coded.columns)
        for name, codes in rule.then.items():
            table[name][mask] = random.randint(codes.start, codes.stop, int(mask.sum()))
    rows: list[list[int]] = np.stack([table[name].astype(np.int64) for name in coded.columns], axis=1).tolist()
    return rows


def _search_systematically(coded: _Coded, found: dict[tuple[int, ...], Sequence[int]], wanted: int) -> None:
    """Add to `found` until there are `wanted`, or until nothing else exists.

    The rows that a set of conditions leads to are a union of boxes (products of lists of codes), so a few rows that
    hide in a huge grid are found without walking through the grid: each step here is a new row or one already found.
    """
    columns = list(coded.columns.values())
    start: dict[str, Sequence[int]] = {name: coded.grid.get(name, range(1)) for name in coded.columns}
    for box in _boxes(start, coded.rules):
        axes = [_one_code_a_word(column, box[column.name]) for column in columns]
        for row in itertools.product(*axes):
            found.setdefault(_identity(columns, row), row)
            if len(found) >= wanted:
                return


def _boxes(box: dict[str, Sequence[int]], rules: Sequence[_Rule]) -> Iterator[dict[str, Sequence[int]]]:
    """Split a box by the rules and apply them; together the results hold what the rules make of the box."""
    if not rules:
        yield box
        return
    rule, rest = rules[0], rules[1:]
    for name, codes in rule.when.items():
        outside = [code for code in box[name] if code not in codes]
        if outside:
            yield from _boxes({**box, name: outside}, rest)
        inside = [code for code in box[name] if code in codes]
        if not inside:
            return
        box = {**box, name: inside}
    yield from _boxes({**box, **rule.then}, rest)


def _one_code_a_word(column: Column, codes: Sequence[int]) -> list[int]:
    first: dict[int, int] = {}
    for code in codes:
        first.setdefault(column.words[code], code)
    return list(first.values())
