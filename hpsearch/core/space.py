"""From a grid and its conditions to configurations: each once, in a fixed order, decoded only when it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hpsearch.core.coding import CodedSpace, Column, Rule, Selection, code_type, matches, product_row
from hpsearch.core.conditions import Condition
from hpsearch.core.errors import ConfigError
from hpsearch.core.sampling import draw, search_systematically

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: More rows than this are not held in memory; only samples and the first N of a plain product are taken from them.
MAX_ROWS = 20_000_000
#: A sample is cut from the whole list where that is at most this long, or this many times the sample.
_SMALL, _DENSE = 100_000, 20


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
    table, matched = _apply_rules(coded, _grid_table(coded))
    columns = list(coded.columns.values())
    codes = [table[column.name] for column in columns]
    kept = _first_of_each(columns, codes)
    size = len(codes[0])
    report = coded.report(matched, duplicates=size - len(kept), available=len(kept))
    positions: Any = kept if order.deterministic else kept[_shuffled(len(kept), order.seed)]
    if order.limit is not None:
        positions = positions[: order.limit]
    return Selection(columns, positions, lambda position: [int(column[position]) for column in codes], report)


def _too_many(size: int) -> ConfigError:
    return ConfigError(
        f"the grid has {size:,} configurations, more than can be held in memory; "
        "give --num_searches=N with --dont_generate_full_grid to sample N of them"
    )


def _shuffled(size: int, seed: int) -> Any:  # Any: an array of positions, used as a sequence of integers
    import numpy as np

    # RandomState's streams are frozen for all versions of numpy; its successor's are not.
    return np.random.RandomState(seed).permutation(size)


def _grid_table(coded: CodedSpace) -> dict[str, Codes]:
    """Return the plain product, last option varying fastest: option -> codes of shape (configurations,)."""
    import numpy as np

    table: dict[str, Codes] = {}
    inner = coded.grid_size
    for name, column in coded.columns.items():
        kind = code_type(column)
        if name not in coded.grid:
            table[name] = np.zeros(coded.grid_size, dtype=kind)
            continue
        codes = np.array(coded.grid[name], dtype=kind)
        outer, inner = coded.grid_size // inner, inner // len(codes)
        table[name] = np.tile(np.repeat(codes, inner), outer)
    return table


def _apply_rules(coded: CodedSpace, table: dict[str, Codes]) -> tuple[dict[str, Codes], list[int]]:
    """Apply the conditions one after another; return the new table and how many rows each matched."""
    matched = []
    for rule in coded.rules:
        mask = matches(rule, table, coded.columns)
        count = int(mask.sum())
        matched.append(count)
        if not count:
            continue
        size = len(mask) + count * (rule.product_size - 1)
        if size > MAX_ROWS:
            raise _too_many(size)
        table = _replace_matches(rule, table, mask)
    return table, matched


def _replace_matches(rule: Rule, table: dict[str, Codes], mask: Codes) -> dict[str, Codes]:
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
        found = draw(coded, order.seed, wanted)
        if len(found) < wanted:
            search_systematically(coded, found, wanted)
        rows, report = list(found.values()), coded.report(None)
    if order.deterministic:
        rows.sort(key=tuple)
    return Selection(columns, range(len(rows)), rows.__getitem__, report)
