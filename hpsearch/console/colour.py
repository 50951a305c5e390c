"""Colour for people, sparingly: what failed is red, what is best is green. Texts carry it; the console decides."""

import os
import re
from typing import TextIO

_RED, _GREEN, _END = "\033[31m", "\033[32m", "\033[0m"
_CODES = re.compile(r"\033\[(?:31|32|0)m")


def red(text: str) -> str:
    """Return a text that tells of a failure."""
    return f"{_RED}{text}{_END}" if text else ""


def green(text: str) -> str:
    """Return a text that tells what is best."""
    return f"{_GREEN}{text}{_END}" if text else ""


def without_colour(text: str) -> str:
    """Return the text as it is for files and for terminals without colour."""
    return _CODES.sub("", text) if "\033" in text else text


def cut(text: str, width: int) -> str:
    """Return the beginning of a text that takes at most `width` columns, its colours kept."""
    kept, room = [], width
    for part in re.split(f"({_CODES.pattern})", text):
        is_code = _CODES.fullmatch(part) is not None
        kept.append(part if is_code else part[:room])
        room -= 0 if is_code else len(kept[-1])
    return "".join(kept)


def takes_colour(stream: TextIO) -> bool:
    """Return whether a stream leads to a terminal that shows colours, and the user has not said no (NO_COLOR)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM", "dumb") != "dumb"
