"""What the values of options may be: from text to value, with a message that says what was expected.

Each reader raises argparse.ArgumentTypeError, which argparse shows with the option's name.
"""

import argparse
import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from hpsearch.config.given_paths import file_name_of
from hpsearch.core.integers import integer

_N = TypeVar("_N", int, float)


def whole(text: str) -> int:
    """Read a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None


def _number_in(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _reader(
    read: Callable[[str], _N], shown: Callable[[str], str], fits: Callable[[_N], bool], expected: str
) -> Callable[[str], _N]:
    def checked(text: str) -> _N:
        number = read(text)
        if not fits(number):
            raise argparse.ArgumentTypeError(f"expected {expected}, found {shown(text)}")
        return number

    return checked


#: fits, expected -> a reader of numbers for which `fits` is true; it is asked about NaN where a text is no number.
number_where = partial(_reader, _number_in, repr)
_whole_where = partial(_reader, whole, str)


def at_least(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that are not below `least`."""
    return _whole_where(lambda number: number >= least, f"a whole number of at least {least}")


search_limit = _whole_where(lambda number: number == -1 or number >= 1, "a positive number, or -1 for no limit")
#: As numpy takes it.
seed = _whole_where(lambda number: 0 <= number < 2**32, f"a whole number from 0 to {2**32 - 1}")


def search_name(text: str) -> str:
    """Read the name of a search, which becomes a part of its folder's name; an empty text is the default."""
    if text and ("/" in text or not text.isprintable() or not file_name_of(text)):
        raise argparse.ArgumentTypeError(f"expected a text with a letter or digit and without a slash, found {text!r}")
    return text


def _shortest(found: float) -> float:
    return int(found) if found == int(found) else found


share = number_where(lambda found: 0 <= found <= 1, "a number between 0 and 1")


def positive(text: str) -> float:
    """Read a number above 0."""
    return _shortest(number_where(lambda found: 0 < found < math.inf, "a positive number")(text))


def hours(text: str) -> float:
    """Read a time limit: hours, or ``H:MM``. Returns hours."""
    head, colon, tail = text.partition(":")
    full, minutes = integer(head), integer(tail)
    found = _number_in(text) if not colon else math.nan
    if full is not None and minutes is not None and minutes < 60:
        found = full + minutes / 60
    if not 0 < found < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number of hours (24, 0.5) or H:MM, found {text!r}")
    return _shortest(found)


def hours_or_forever(text: str) -> float:
    """Read how long something is waited for: hours or ``H:MM``, 0 = not at all, -1 = for ever."""
    if text in ("-1", "0"):
        return int(text)
    try:
        return hours(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or 0 = not at all, -1 = for ever") from None


def gpu_list(text: str) -> str:
    """Read a list of GPU indices separated by commas; empty = all; -1 = none."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if parts != ["-1"] and (any(integer(part) is None for part in parts) or len(set(parts)) < len(parts)):
        raise argparse.ArgumentTypeError(f"expected GPU indices such as 0,1,3 (each once), or -1, found {text!r}")
    return ",".join(parts)


def scheduler_name(text: str) -> str:
    """Read the name of a scheduler, or ``MODULE:NAME`` of one of the user's own."""
    module, colon, name = text.partition(":")
    is_own = bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))
    if text not in ("lsf", "slurm") and not is_own:
        raise argparse.ArgumentTypeError(f"expected lsf, slurm, or MODULE:NAME of a scheduler's module, found {text!r}")
    return text
