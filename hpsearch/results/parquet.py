"""The table of all runs as a Parquet file: a type for each column."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Any

from hpsearch.config.program import interpreter_word
from hpsearch.core.command import is_flag
from hpsearch.core.errors import UsageError
from hpsearch.core.ranking import number_of
from hpsearch.core.value_text import whole_text

#: Floats hold whole numbers exactly up to the first; 64-bit integers end at the second.
_LARGEST_EXACT, _LARGEST_WHOLE = 2**53, 2**63 - 1
_PLAIN = (str, int, float, bool)
#: A time as `hpsearch export` writes it.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def as_parquet(columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> bytes:
    """Return the rows as a Parquet file; missing values are null.

    A column of whole numbers, numbers, truth values or times has that type; any other column has texts.
    Raises UsageError if pyarrow is not installed.
    """
    arrow, parquet = _pyarrow()
    arrays = [_array([_plain(row.get(name)) for row in rows], arrow) for name in columns]
    content = io.BytesIO()
    parquet.write_table(arrow.table(arrays, names=list(map(_readable, columns))), content)
    return content.getvalue()


def _pyarrow() -> tuple[Any, Any]:  # Any: a library without types
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        install = f"{interpreter_word()} -m pip install pyarrow"
        raise UsageError(f"--format=parquet needs pyarrow, which is not installed: {install}") from error


def _plain(value: object) -> object:
    """Return a value as one of Python's own types, None if it is missing; a collection becomes text."""
    if value is None or type(value) in _PLAIN:
        return value
    if is_flag(value):
        return bool(value)
    text = whole_text(value)
    number = number_of(text) if hasattr(value, "dtype") else None
    return text if number is None else int(text) if re.fullmatch("-?[0-9]+", text) else number


def _array(values: Sequence[object], arrow: Any) -> Any:  # Any: pyarrow's own
    """Return a column; NaN stays a number, not null."""
    there = [value for value in values if value is not None]
    kinds = set(map(type, there))
    if kinds == {bool}:
        return arrow.array(values, arrow.bool_(), from_pandas=False)
    if kinds == {int} and all(abs(value) <= _LARGEST_WHOLE for value in there):  # type: ignore[arg-type]
        return arrow.array(values, arrow.int64())
    if kinds in ({float}, {int, float}) and all(_is_exact(value) for value in there):
        floats = [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
        return arrow.array(floats, arrow.float64(), from_pandas=False)
    if kinds == {str} and all(_TIME.fullmatch(str(value)) for value in there):
        times = [None if value is None else datetime.fromisoformat(str(value)) for value in values]
        return arrow.array(times, arrow.timestamp("ms"))
    return arrow.array([None if value is None else _readable(str(value)) for value in values], arrow.string())


def _is_exact(value: object) -> bool:
    return isinstance(value, float) or abs(value) <= _LARGEST_EXACT  # type: ignore[arg-type]


def _readable(text: str) -> str:
    """Return a text without half characters, which Parquet cannot hold."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
