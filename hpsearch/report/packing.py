"""Packs the content before it is written into the page, whose script unpacks it (`unpacked`)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

#: Any: whatever JSON can hold.
Json = Any

#: The parts of the content that are tables: column name -> a list with an entry for each row.
_TABLES = ("runs", "attempts")
#: Numbers from here on (mostly epoch seconds) are written as differences.
_LARGE = 1e6


def packed(content: Mapping[str, Json]) -> dict[str, Json]:
    """Return the content with the columns of its tables packed."""
    tables = {table: content[table] for table in _TABLES if table in content}
    return {
        **content,
        **{table: {name: _packed(values) for name, values in tables[table].items()} for table in tables},
    }


def _packed(values: Sequence[Json]) -> Json:
    """Return a column in the shortest of these forms.

    ``{"all": value, "count": n}``; ``{"first": k, "count": n}`` for k, k + 1, ...; ``{"base": b, "rest": [...]}`` for
    numbers ``b + rest``, or texts that begin with b. None stays None. Any other column stays a list.
    """
    present = [value for value in values if value is not None]
    if len(values) > 1 and all(value == values[0] and type(value) is type(values[0]) for value in values):
        return {"all": values[0], "count": len(values)}
    if len(values) > 2 and all(type(value) is int for value in values) and _are_consecutive(values):
        return {"first": values[0], "count": len(values)}
    if present and all(isinstance(value, str) for value in present):
        base = os.path.commonprefix(present)  # noqa: RUF071  (letters are wanted, not folders)
        return _after(base, [value and value[len(base) :] for value in values]) if len(base) > 1 else values
    if present and all(type(value) is float for value in present) and min(present) > _LARGE:
        start = int(min(present))
        return _after(start, [None if value is None else round(value - start, 2) for value in values])
    return values


def _are_consecutive(values: Sequence[int]) -> bool:
    return all(value == number for number, value in enumerate(values, start=values[0]))


def _after(base: Json, rest: Sequence[Json]) -> Json:
    return {"base": base, "rest": rest}
