"""How numbers, times and tables are written for people, and whether texts arrive as UTF-8."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence

from hpsearch.core.errors import UsageError

_CELL_WIDTH = 28
#: A word in a cell; numbers are words, too.
_WORD = re.compile(r"[\w.+-]+")


def amount(number: int, noun: str) -> str:
    """Return a number with its noun, as in ``1 run`` and ``1,200 runs``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def aligned(rows: Iterable[Sequence[str]], cell: Callable[[str], str] | None = None) -> list[str]:
    """Return the rows of a table as lines, columns aligned. cell: how a cell is shown; None = long cells are cut."""
    cut = [list(map(cell or short_cell, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cut)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cut]


def printable(text: str) -> str:
    """Return a text on one line, without control characters, which could move the terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short_cell(cell: str) -> str:
    """Return a value for a table or line for people: printable, and shortened if it is long."""
    cell = printable(cell)
    return cell if len(cell) <= _CELL_WIDTH else _shortened(cell)


def _shortened(cell: str) -> str:
    """Return the beginning of a long cell, without a cut number, which would look like another number."""
    if (number := _short_number(cell)) is not None:
        return number
    words = [match for match in _WORD.finditer(cell) if match.start() < _CELL_WIDTH - 3]
    last = words[-1] if words else None
    if last is None or last.end() <= _CELL_WIDTH - 3 or _short_number(last[0]) is None:
        return cell[: _CELL_WIDTH - 3] + "..."
    if not any(map(str.isalnum, cell[: last.start()])):
        # The cell would have no number left.
        return f"{cell[: last.start()]}{_short_number(last[0])}..."
    return cell[: last.start()] + "..."


def _short_number(text: str) -> str | None:
    """Return a number with six digits and its magnitude; None if the text is no number."""
    from decimal import Decimal  # few cells need it, and it takes 2 ms

    try:
        return f"{Decimal(text).normalize():.6g}"
    except ArithmeticError:
        return None


def duration(seconds: float) -> str:
    """Return a time span for people: ``41 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"


def check_texts(texts: Iterable[str]) -> None:
    """Raise UsageError if a text does not reach other processes and the file system as UTF-8.

    A user's program that runs in another locale cannot pass on more than ASCII.
    """
    encoding = sys.getfilesystemencoding()
    for text in texts if encoding != "utf-8" else ():
        with contextlib.suppress(UnicodeEncodeError):
            if os.fsencode(text) == text.encode("utf-8", "surrogateescape"):
                continue
        raise UsageError(
            f"{text!a} cannot be passed on in this locale ({encoding}): "
            "start Python with -X utf8, or with LC_ALL=C.UTF-8"
        )
