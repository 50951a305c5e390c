"""What is read from a state folder, checked before anybody believes it: no file there may block or break a search."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds since the epoch, and durations: far beyond any, and still a date that can be printed.
_LARGEST_TIME = 1e11
_LARGEST_INTEGER = 2**63 - 1
#: More than any of our small files holds.
_MOST_BYTES = 65536
_LONGEST_NAME = 255
#: What the system, or `open_file`, says of a folder, a pipe or a circle of links in the place of a file.
NO_FILE = (errno.EISDIR, errno.ENXIO, errno.ELOOP, errno.EINVAL)


def _is_integer(value: object) -> bool:
    return type(value) is int and abs(value) <= _LARGEST_INTEGER


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and -_LARGEST_TIME <= value <= _LARGEST_TIME  # type: ignore[operator]


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_texts(value: object) -> bool:
    return type(value) is dict and all(_is_text(key) and _is_text(text) for key, text in value.items())


def _is_pairs(value: object) -> bool:
    return type(value) is list and all(type(pair) is list and len(pair) == 2 and _is_text(pair[0]) for pair in value)


#: Annotation of a field -> whether a value fits it, and what was expected.
_FITS: dict[str, tuple[Callable[[object], bool], str]] = {
    "int": (_is_integer, "a whole number"),
    "int | None": (lambda value: value is None or _is_integer(value), "a whole number or null"),
    "float": (_is_number, "a number of seconds"),
    "bool": (lambda value: type(value) is bool, "true or false"),
    "str": (_is_text, "a text"),
    "tuple[str, ...]": (lambda value: type(value) in (list, tuple) and all(map(_is_text, value)), "a list of texts"),  # type: ignore[call-overload]
    "Mapping[str, str]": (_is_texts, "an object of texts"),
    "Mapping[str, Any]": (lambda value: type(value) is dict, "an object"),
    "Mapping[str, Any] | None": (lambda value: value is None or type(value) is dict, "an object or null"),
    "list[list[Any]]": (_is_pairs, "a list of pairs of a name and a value"),
}


@cache
def _shape(kind: type) -> tuple[dict[str, tuple[Callable[[object], bool], str]], frozenset[str]]:
    """Return what fits each field of a dataclass, and which fields have to be there."""
    every = fields(kind)
    needed = (each.name for each in every if each.default is MISSING and each.default_factory is MISSING)
    return {each.name: _FITS[str(each.type)] for each in every}, frozenset(needed)


def build(kind: type[T], found: Mapping[str, Any]) -> T:  # Any: whatever JSON can hold
    """Return an object of a dataclass from what a file says of its fields.

    Raises ValueError naming the field that is missing, unknown or of another type.
    """
    known, needed = _shape(kind)  # type: ignore[arg-type]
    for name, value in found.items():
        if name not in known:
            raise ValueError(f"the field {name[:40]!r} is not known")
        fits, expected = known[name]
        if not fits(value):
            raise ValueError(f"{name} is {str(value)[:40]!r}; expected {expected}")
    missing = needed.difference(found)
    if missing:
        raise ValueError(f"the field {min(missing)} is missing")
    return kind(**found)


def check_path(name: str, text: str) -> None:
    """Make sure that a text can be a path.

    Raises ValueError naming the field otherwise.
    """
    if not text or "\0" in text or not (text.isascii() or os.fsencode(text)):
        raise ValueError(f"{name} is {text[:40]!r}; expected a path")


def check_name(name: str, text: str) -> None:
    """Make sure that a text can be the name of a file in a folder, and leads to nowhere else.

    Raises ValueError naming the field otherwise.
    """
    check_path(name, text)
    length = len(text) if text.isascii() else len(os.fsencode(text))
    if text in (".", "..") or "/" in text or length > _LONGEST_NAME:
        raise ValueError(f"{name} is {text[:40]!r}; expected the name of a file")


def open_file(path: str, flags: int) -> int:
    """Open a file, and nothing that would block whoever reads or writes it for ever; an opener for `open`.

    Raises OSError if it is something else.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a file, found something else (a folder, a pipe)", path)
    return descriptor


def read_small(path: Path, most_bytes: int = _MOST_BYTES) -> bytes:
    """Return what a small file of ours holds; of one longer than `most_bytes`, its beginning.

    Raises OSError if it cannot be read, or is no file.
    """
    descriptor = open_file(str(path), os.O_RDONLY)
    try:
        return os.read(descriptor, most_bytes)
    finally:
        os.close(descriptor)
