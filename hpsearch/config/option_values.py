"""What the values of options may be: from text to value, with a message that says what was expected.

Each reader raises argparse.ArgumentTypeError, which argparse shows with the option's name.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

from hpsearch.core.integers import integer


def whole(text: str) -> int:
    """Read a whole number. Raises argparse.ArgumentTypeError saying what was expected."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, found {text!r}") from None


def at_least(least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers that are not below `least`."""

    def read(text: str) -> int:
        number = whole(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text}")
        return number

    return read


def search_limit(text: str) -> int:
    """Read a number of searches: positive, or -1 for no limit."""
    number = whole(text)
    if number != -1 and number < 1:
        raise argparse.ArgumentTypeError(f"expected a positive number, or -1 for no limit, found {text}")
    return number


def share(text: str) -> float:
    """Read a number between 0 and 1."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, found {text!r}")
    return number


def seed(text: str) -> int:
    """Read a seed of the random order: 0 to 2^32 - 1, as numpy takes it."""
    number = whole(text)
    if not 0 <= number < 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to {2**32 - 1}, found {text}")
    return number


def hours(text: str) -> float:
    """Read a time limit: hours, or ``H:MM``. Returns hours."""
    head, colon, tail = text.partition(":")
    full, minutes = integer(head), integer(tail)
    try:
        number = float(text) if not colon else math.nan
    except ValueError:
        number = math.nan
    if full is not None and minutes is not None and minutes < 60:
        number = full + minutes / 60
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number of hours (24, 0.5) or H:MM, found {text!r}")
    return int(number) if number == int(number) else number


def hours_or_forever(text: str) -> float:
    """Read how long something is waited for: hours or ``H:MM``, 0 = not at all, -1 = for ever."""
    if text in ("-1", "0"):
        return int(text)
    try:
        return hours(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; or 0 = not at all, -1 = for ever") from None


def positive(text: str) -> float:
    """Read a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, found {text!r}")
    return int(number) if number == int(number) else number


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
