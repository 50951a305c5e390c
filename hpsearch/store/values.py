"""Option values as JSON and back, each with its type."""

from __future__ import annotations

import math
import re
from typing import Any

from hpsearch.core.conditions import Not
from hpsearch.core.value_text import whole_text

#: Wider than what JSON and Python can hold.
_WIDE_FLOATS = ("float96", "float128", "longdouble")
#: Types of numpy that `encode` keeps.
_DTYPE = re.compile(r"bool|u?int(8|16|32|64)|float(16|32|64)|[<>|=]?([biuf][1248]|U[0-9]{1,6})")
_PLAIN = (str, int, float, bool, type(None))


def encode(value: object) -> Any:  # Any: whatever JSON can hold
    """Return a value as JSON can hold it; `decode` gives it back with its type.

    A value of a class that is not known here is kept as the text that the simulation gets.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [encode(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [encode(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if (
        type(value).__module__ == "numpy"
        and hasattr(value, "dtype")
        and value.dtype.kind in "biufU"
        and value.dtype.name not in _WIDE_FLOATS
    ):
        # A scalar is an array without dimensions here; tolist() knows both.
        return {"numpy": [str(value.dtype), type(value).__name__ == "ndarray", value.tolist()]}  # type: ignore[attr-defined]
    return {"text": whole_text(value)}


def decode(value: Any) -> object:  # Any: see encode
    """Return the value that `encode` was given."""
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    if "tuple" in value:
        return tuple(decode(item) for item in value["tuple"])
    if "dict" in value:
        return {decode(key): decode(item) for key, item in value["dict"]}
    if "numpy" in value:
        return _numpy_value(*value["numpy"])
    return value["text"]


def _numpy_value(dtype: str, is_array: bool, content: object) -> object:
    import numpy as np

    if not _DTYPE.fullmatch(dtype):
        raise ValueError(f"{dtype[:40]!r} is no type of numbers or texts")
    array = np.array(content, dtype=dtype)
    return array if is_array else array[()]


def readable(value: object) -> Any:  # Any: whatever JSON can hold
    """Return a grid, conditions or a value for a JSON file that people read; what JSON lacks becomes text."""
    if isinstance(value, Not):
        return {"not": readable(value.values)}
    if isinstance(value, dict):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range, set, frozenset)):
        return [readable(item) for item in value]
    if hasattr(value, "tolist"):
        return readable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, _PLAIN) else whole_text(value)
