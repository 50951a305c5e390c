"""From a grid and its conditions to configurations: each once, in a fixed order, decoded only when it is used."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hpsearch.core.coding import MAX_ROWS, CodedSpace, Column, Selection, one_code_a_word, product_row
from hpsearch.core.conditions import Condition, Rule
from hpsearch.core.errors import ConfigError
from hpsearch.core.space_report import ConditionReport, why_not_here, why_unchanged

Codes = np.ndarray[Any, np.dtype[Any]]  # Any: the shape and the width of the integers vary

#: A sample is cut from the whole list where that is at most this long, or this many times the sample.
_SMALL, _DENSE = 100_000, 20
#: After this many draws in a row without a new configuration, a systematic search completes the sample.
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


def enumerate_space(grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition], order: Order) -> Selection:
    """Choose the configurations of a search.

    grid: option -> its values, not empty. order.limit must be given if order.sample is.
    Raises ConfigError if the whole list would be too long to hold, naming the options that avoid it.
    """
    coded = CodedSpace(grid, conditions)
    if order.sample or (coded.bound > MAX_ROWS and order.limit is not None and not order.deterministic):
        assert order.limit is not None
        return _sample(coded, order, order.limit)
    if coded.is_plain and (order.deterministic or coded.grid_size <= MAX_ROWS):
        return _plain(coded, order)
    return _full(coded, order)


def _plain(coded: CodedSpace, order: Order) -> Selection:
    """Select from a product in which nothing has to be replaced or dropped: no table is built."""
    size = coded.grid_size
    positions: Sequence[int] = range(size)
    if not order.deterministic:
        positions = _shuffled(size, order.seed)
    if order.limit is not None:
        positions = positions[: order.limit]
    elif size > MAX_ROWS:
        raise _too_many(size)
    axes = list(coded.grid.values())
    columns, report = list(coded.columns.values()), coded.report([], available=size)
    return Selection(columns, positions, lambda position: product_row(axes, int(position)), report)


def _full(coded: CodedSpace, order: Order) -> Selection:
    """Build the whole table, apply the conditions, drop duplicates, and select from what is left."""
    if coded.grid_size > MAX_ROWS:
        raise _too_many(coded.grid_size)
    table, outcomes = _apply_rules(coded, _grid_table(coded))
    columns = list(coded.columns.values())
    codes = [table[column.name] for column in columns]
    kept = _first_of_each(columns, codes)
    size = len(codes[0])
    report = coded.report(outcomes, duplicates=size - len(kept), available=len(kept))
    positions: Any = kept if order.deterministic else kept[_shuffled(len(kept), order.seed)]
    if order.limit is not None:
        positions = positions[: order.limit]
    return Selection(columns, positions, lambda position: [int(column[position]) for column in codes], report)


def _too_many(size: int) -> ConfigError:
    return ConfigError(
        f"the grid has {size:,} configurations, too many to hold in memory; "
        "sample N of them with --num_searches=N --dont_generate_full_grid"
    )


def _shuffled(size: int, seed: int) -> Any:  # Any: an array of positions, used as a sequence of integers
    # RandomState's streams are frozen for all versions of numpy; its successor's are not.
    return np.random.RandomState(seed).permutation(size)


def _grid_table(coded: CodedSpace) -> dict[str, Codes]:
    """Return the plain product, last option varying fastest: option -> codes of shape (configurations,)."""
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


def _apply_rules(coded: CodedSpace, table: dict[str, Codes]) -> tuple[dict[str, Codes], list[ConditionReport]]:
    """Apply the conditions one after another; return the new table and what each did."""
    outcomes = []
    for rule, never in zip(coded.rules, coded.never()):
        mask = _matches(rule, table, coded.columns)
        count = int(mask.sum())
        if not count:
            outcomes.append(ConditionReport((), 0, len(mask), never or why_not_here(rule, coded.grid)))
            continue
        size = len(mask) + count * (rule.product_size - 1)
        if size > MAX_ROWS:
            raise _too_many(size)
        outcomes.append(_outcome(rule, table, mask, coded.columns))
        table = _replace_matches(rule, table, mask)
    return table, outcomes


def _outcome(rule: Rule, table: Mapping[str, Codes], mask: Codes, columns: Mapping[str, Column]) -> ConditionReport:
    """Return what a rule is about to change in the rows that it matches."""
    changed, matched, options = np.zeros(int(mask.sum()), dtype=bool), int(mask.sum()), []
    for name, codes in rule.then.items():
        same = np.zeros(len(columns[name].values), dtype=bool)
        if len(new := {columns[name].words[code] for code in codes}) == 1:
            # An option that is absent is not the same as a flag that is off: it has no value in the table.
            same[1:] = [word in new for word in columns[name].words[1:]]
        here = ~same[table[name][mask]]
        options += [name] if here.any() else []
        changed |= here
    problem = "" if options else why_unchanged(rule, matched)
    return ConditionReport(tuple(options), int(changed.sum()), len(mask), problem)


def _replace_matches(rule: Rule, table: dict[str, Codes], mask: Codes) -> dict[str, Codes]:
    """Put in place of each matching row the product of the rule's `then`, last option varying fastest."""
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


def _code_type(column: Column) -> Any:  # Any: one of numpy's integer types
    return np.min_scalar_type(len(column.values))


def _matches(rule: Rule, table: Mapping[str, Codes], columns: Mapping[str, Column]) -> Codes:
    """Return which rows a rule matches: truth values of shape (rows,)."""
    mask = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, codes in rule.when.items():
        is_match = np.zeros(len(columns[name].values), dtype=bool)
        is_match[list(codes)] = True
        mask &= is_match[table[name]]
    return mask


def _first_of_each(columns: Sequence[Column], codes: Sequence[Codes]) -> Codes:
    """Return the positions of the rows that are the first with their command, in order."""
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
    # The last write to an entry stays; going backwards, that is the first row.
    first[key[::-1]] = np.arange(size - 1, -1, -1, dtype=np.int32)
    return np.flatnonzero(first[key] == np.arange(size, dtype=np.int32))


def _sample(coded: CodedSpace, order: Order, wanted: int) -> Selection:
    """Draw distinct configurations at random: exactly `wanted`, or all there are if those are fewer."""
    columns = list(coded.columns.values())
    if coded.bound <= min(MAX_ROWS, max(_SMALL, _DENSE * wanted)):
        # Few enough to look at all of them, and then a draw is a cut from the shuffled list.
        everything = _full(coded, replace(order, deterministic=False, sample=False))
        rows, report = list(everything.rows()), everything.report
    else:
        found = _draw(coded, order.seed, wanted)
        if len(found) < wanted:
            _search_systematically(coded, found, wanted)
        rows, report = list(found.values()), coded.report(None)
    if order.deterministic:
        rows.sort(key=tuple)
    return Selection(columns, range(len(rows)), rows.__getitem__, report)


def _identity(columns: Sequence[Column], row: Sequence[int]) -> tuple[int, ...]:
    return tuple(column.words[code] for column, code in zip(columns, row))


def _draw(coded: CodedSpace, seed: int, wanted: int) -> dict[tuple[int, ...], Sequence[int]]:
    """Draw rows at random until `wanted` distinct ones are found, or new ones no longer turn up."""
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


def _random_rows(coded: CodedSpace, count: int, random: np.random.RandomState) -> list[list[int]]:
    """Draw grid points uniformly; where conditions make several configurations of one, draw one of these."""
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


def _search_systematically(coded: CodedSpace, found: dict[tuple[int, ...], Sequence[int]], wanted: int) -> None:
    """Add to `found` until there are `wanted`, or until nothing else exists.

    The rows that a set of conditions leads to are a union of boxes (products of lists of codes), so a few rows that
    hide in a huge grid are found without walking through the grid: each step here is a new row or one already found.
    """
    columns = list(coded.columns.values())
    start: dict[str, Sequence[int]] = {name: coded.grid.get(name, range(1)) for name in coded.columns}
    for box in _boxes(start, coded.rules):
        axes = [one_code_a_word(column, box[column.name]) for column in columns]
        for row in itertools.product(*axes):
            found.setdefault(_identity(columns, row), row)
            if len(found) >= wanted:
                return


def _boxes(box: dict[str, Sequence[int]], rules: Sequence[Rule]) -> Iterator[dict[str, Sequence[int]]]:
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
