"""Distinct configurations drawn at random from a grid of any size, without building it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hpsearch.core.coding import CodedSpace, Column, Rule, code_type, matches

if TYPE_CHECKING:
    import numpy as np

    from hpsearch.core.coding import Codes

#: After this many draws in a row without a new configuration, a systematic search completes the sample.
_PATIENCE = 5_000


def _identity(columns: Sequence[Column], row: Sequence[int]) -> tuple[int, ...]:
    return tuple(column.words[code] for column, code in zip(columns, row))


def draw(coded: CodedSpace, seed: int, wanted: int) -> dict[tuple[int, ...], Sequence[int]]:
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


def _random_rows(coded: CodedSpace, count: int, random: np.random.RandomState) -> list[list[int]]:
    """Draw grid points uniformly; where conditions make several configurations of one, draw one of these."""
    import numpy as np

    table: dict[str, Codes] = {}
    for name, column in coded.columns.items():
        axis = coded.grid.get(name, range(1))
        table[name] = random.randint(axis.start, axis.stop, count).astype(code_type(column))
    for rule in coded.rules:
        mask = matches(rule, table, coded.columns)
        for name, codes in rule.then.items():
            table[name][mask] = random.randint(codes.start, codes.stop, int(mask.sum()))
    rows: list[list[int]] = np.stack([table[name].astype(np.int64) for name in coded.columns], axis=1).tolist()
    return rows


def search_systematically(coded: CodedSpace, found: dict[tuple[int, ...], Sequence[int]], wanted: int) -> None:
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


def _one_code_a_word(column: Column, codes: Sequence[int]) -> list[int]:
    first: dict[int, int] = {}
    for code in codes:
        first.setdefault(column.words[code], code)
    return list(first.values())
