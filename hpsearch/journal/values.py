"""Option values as JSON and back, each with its type."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from hpsearch.core.value_text import whole_text
from hpsearch.startup.classes import MISSING, fields

#: Wider than the floats that JSON and Python can hold.
_WIDE_FLOATS = ("float96", "float128", "longdouble")
#: Types of numpy that `encode` keeps.
_DTYPE = r"bool|u?int(8|16|32|64)|float(16|32|64)|[<>|=]?([biuf][1248]|U[0-9]{1,6})"
_LARGEST_ARRAY = 10**8
_PLAIN = (str, int, float, bool, type(None))


def encode(value: object) -> Any:  # Any: whatever JSON can hold
    """Return a value in a form for JSON; `decode` gives it back with its type.

    A value of an unknown class is kept as the text that the simulation gets.
    """
    if type(value) in _PLAIN:
        return value
    if type(value) is list:
        return [encode(item) for item in value]
    if type(value) is tuple:
        return {"tuple": [encode(item) for item in value]}
    if type(value) is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    dtype = getattr(value, "dtype", None) if type(value).__module__ == "numpy" else None
    if dtype is not None and dtype.kind in "biufU" and dtype.name not in _WIDE_FLOATS:
        # A scalar is treated as an array without dimensions; tolist() works for both.
        return {"numpy": [str(dtype), type(value).__name__ == "ndarray", value.tolist()]}  # type: ignore[attr-defined]
    return {"text": whole_text(value)}


def decode(value: Any) -> object:  # Any: see encode
    """Return the value that `encode` was given."""
    if type(value) in _PLAIN:
        return value
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


def _numpy_value(dtype: str, is_array: bool, content: Any) -> object:  # Any: whatever JSON can hold
    import numpy as np

    if not re.fullmatch(_DTYPE, dtype):
        raise ValueError(f"{dtype[:40]!r} is not a type of numbers or texts")
    # Each text takes as much memory as the longest possible one.
    if "U" in dtype and np.size(content) * np.dtype(dtype).itemsize > _LARGEST_ARRAY:
        raise ValueError(f"texts of the type {dtype} take more than {_LARGEST_ARRAY:,} bytes")
    array = np.array(content, dtype=dtype)
    return array if is_array else array[()]


def readable(value: object) -> Any:  # Any: whatever JSON can hold
    """Return a grid, conditions or a value for a JSON file that people read; what JSON lacks becomes text."""
    if type(value) in (str, int, bool, type(None)):
        return value
    from hpsearch.core.conditions import Not, Range  # most values are plain

    if isinstance(value, Not):
        return {"not": readable(value.values)}
    if isinstance(value, Range):
        return {value.word: readable([value.low, value.high])}
    if isinstance(value, dict):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, range, set, frozenset)):
        return [readable(item) for item in value]
    if hasattr(value, "tolist"):
        return readable(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, _PLAIN) else whole_text(value)


T = TypeVar("T")

#: More seconds than any date or duration has; still a date that can be printed.
_LARGEST_TIME = 1e11
LARGEST_INTEGER = 2**63 - 1
_LONGEST_NAME = 255
#: Nearly all file names look like this, and need no closer check.
_USUAL_NAME = re.compile(r"\w[\w.-]{0,254}", re.ASCII)


def _is_integer(value: object) -> bool:
    return type(value) is int and abs(value) <= LARGEST_INTEGER


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_LARGEST_TIME <= value <= _LARGEST_TIME  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_texts(value: object) -> bool:
    return type(value) is dict and not any(type(part) is not str for pair in value.items() for part in pair)


def _is_pairs(value: object) -> bool:
    return type(value) is list and all(type(pair) is list and len(pair) == 2 and type(pair[0]) is str for pair in value)


#: Annotation of a field -> whether a value fits it, and what was expected.
_FITS: dict[str, tuple[Callable[[object], bool], str]] = {
    "int": (_is_integer, "a whole number"),
    "int | None": (lambda value: value is None or _is_integer(value), "a whole number or null"),
    "float": (_is_number, "a number of seconds"),
    "float | None": (lambda value: value is None or _is_number(value), "a number of seconds or null"),
    "bool": (lambda value: type(value) is bool, "true or false"),
    "str": (_is_text, "a text"),
    "str | None": (lambda value: value is None or _is_text(value), "a text or null"),
    "tuple[str, ...]": (lambda value: type(value) in (list, tuple) and all(map(_is_text, value)), "a list of texts"),  # type: ignore[call-overload]
    "Mapping[str, str]": (_is_texts, "an object of texts"),
    "Mapping[str, Any]": (lambda value: type(value) is dict, "an object"),
    "Mapping[str, Any] | None": (lambda value: value is None or type(value) is dict, "an object or null"),
    "list[int]": (lambda value: type(value) is list and all(map(_is_integer, value)), "a list of whole numbers"),
    "list[list[Any]]": (_is_pairs, "a list of pairs of a name and a value"),
}
#: Annotation of a field -> a type whose values all fit the field.
_ALWAYS_FITS: dict[str, type] = {
    "bool": bool,
    "str": str,
    "str | None": str,
    "Mapping[str, Any]": dict,
    "Mapping[str, Any] | None": dict,
}


@cache
def _shape(kind: type) -> tuple[dict[str, tuple[type | None, Callable[[object], bool], str]], frozenset[str]]:
    """Return what fits each field of a dataclass, and which fields have to be there."""
    every = fields(kind)
    needed = (each.name for each in every if each.default is MISSING and each.default_factory is MISSING)
    fitting = {each.name: (_ALWAYS_FITS.get(str(each.type)), *_FITS[str(each.type)]) for each in every}
    return fitting, frozenset(needed)


def build(kind: type[T], values: Mapping[str, Any]) -> T:  # Any: whatever JSON can hold
    """Return an object of a dataclass from what a file says. Raises ValueError naming the field that is wrong."""
    check_fields(kind, values)
    return kind(**values)


def build_plain(kind: type[T], values: dict[str, Any]) -> T:  # Any: see above
    """Like `build`, but faster; for a dataclass without slots and ``__post_init__``."""
    check_fields(kind, values)
    if len(values) < len(_shape(kind)[0]):  # type: ignore[arg-type]
        return kind(**values)
    # The __init__ of a frozen dataclass takes five times as long.
    made = object.__new__(kind)
    made.__dict__.update(values)
    return made


def check_fields(kind: type, values: Mapping[str, Any]) -> None:  # Any: see above
    """Raise ValueError, naming the field, if a dataclass cannot be made from what a file says."""
    checks, needed = _shape(kind)
    for name, value in values.items():
        if name not in checks:
            raise ValueError(f"the field {name[:40]!r} is not known")
        always_fits, fits, expected = checks[name]
        if type(value) is not always_fits and not fits(value):
            raise ValueError(f"{name} is {str(value)[:40]!r}; expected {expected}")
    if not needed <= values.keys():
        raise ValueError(f"the field {min(needed.difference(values))} is missing")


def check_path(name: str, text: str) -> None:
    """Raise ValueError, naming the field, if a text cannot be a path."""
    if not text or "\0" in text or not (text.isascii() or os.fsencode(text)):
        raise ValueError(f"{name} is {text[:40]!r}; expected a path")


def check_name(name: str, text: str) -> None:
    """Raise ValueError, naming the field, if a text cannot be the name of a file in a folder."""
    if _USUAL_NAME.fullmatch(text):
        return
    check_path(name, text)
    length = len(text) if text.isascii() else len(os.fsencode(text))
    if text in (".", "..") or "/" in text or length > _LONGEST_NAME:
        raise ValueError(f"{name} is {text[:40]!r}; expected the name of a file")
