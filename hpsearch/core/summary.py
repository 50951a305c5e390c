"""A run's summary: from its text to values, and which of several runs is the best."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from hpsearch.core.errors import SummaryError
from hpsearch.core.model import Summary

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,;]+")


def parse_summary(text: str, keywords: Sequence[str], name: str) -> dict[str, list[object]]:
    """Read the text of a summary file: a line for each keyword, ``keyword value...``.

    Lines may come in any order; lines without a keyword are ignored; of two lines with one keyword the first counts.
    name: the file, for messages.
    Returns keyword -> list with one string, keywords in the given order: ``['0.5']`` for one number or a word,
    ``['"1,2,3"']`` for several numbers (the inner quotes keep them in one cell of a spreadsheet).
    Raises SummaryError, naming file, line and keyword, if a keyword or its value is missing.
    """
    if not text.strip():
        raise SummaryError(f"{name}: the file is empty; expected a line for each of: {', '.join(keywords)}")
    found: dict[str, str] = {}
    longest_first = sorted(keywords, key=len, reverse=True)
    for number, line in enumerate(text.split("\n"), start=1):
        keyword = _keyword_of(line, longest_first)
        if keyword is None or keyword in found:
            continue
        value = line.strip()[len(keyword) :].strip()
        if not value:
            raise SummaryError(f"{name}, line {number}: no value after the keyword {keyword!r}")
        if value.count("[") != value.count("]"):
            raise SummaryError(f"{name}, line {number}: the list after {keyword!r} does not end on its line")
        found[keyword] = value
    missing = [keyword for keyword in keywords if keyword not in found]
    if missing:
        last = len(text.strip("\n").split("\n"))
        raise SummaryError(f"{name}, lines 1-{last}: no line starts with the keyword {', '.join(map(repr, missing))}")
    return {keyword: [cell_of(found[keyword])] for keyword in keywords}


def _keyword_of(line: str, longest_first: Iterable[str]) -> str | None:
    line = line.strip()
    for keyword in longest_first:
        if line.startswith(keyword) and (len(line) == len(keyword) or line[len(keyword)].isspace()):
            return keyword
    return None


def cell_of(value: str) -> str:
    """Return the table cell for the text after a keyword: a number or word as it is, several numbers as ``"1,2,3"``."""
    bare = value.strip("[]() \t")
    parts = [part for part in _SEPARATORS.split(bare) if part]
    if not parts or not all(_NUMBER.fullmatch(part) for part in parts):
        return value
    return parts[0] if len(parts) == 1 else '"' + ",".join(parts) + '"'


def as_lists(summary: Mapping[str, object]) -> dict[str, list[object]]:
    """Return a custom parser's answer as keyword -> list with one value; bare values are wrapped.

    Raises SummaryError where a list does not hold exactly one value.
    """
    lists: dict[str, list[object]] = {}
    for keyword, value in summary.items():
        entry = list(value) if isinstance(value, (list, tuple)) else [value]
        if len(entry) != 1:
            raise SummaryError(f"the summary parser gave {len(entry)} values for {keyword!r}; expected a list with one")
        lists[str(keyword)] = entry
    return lists


def is_finished(summary: Summary) -> bool:
    """Return whether the summary says that its run finished.

    Raises SummaryError if the keyword ``finished`` is missing or is no number.
    """
    if "finished" not in summary:
        raise SummaryError("the summary has no keyword 'finished'")
    value = summary["finished"][0]
    try:
        return int(float(str(value))) == 1
    except (ValueError, OverflowError):
        raise SummaryError(f"the summary's 'finished' is {value!r}; expected 0 or 1") from None


def number_of(cell: object) -> float | None:
    """Return a summary or table cell as a number; None if it is none (a word, several numbers, nothing)."""
    try:
        return float(str(cell).strip().strip('"'))
    except ValueError:
        return None


def sort_key(cell: object, ascending: bool) -> tuple[int, float, str]:
    """Return a key that sorts cells best first: numbers by value, then ``nan``, then words, then empty cells."""
    number = number_of(cell)
    if number is not None and not math.isnan(number):
        return (0, number if ascending else -number, "")
    if number is not None:
        return (1, 0.0, "")
    return (2, 0.0, str(cell)) if str(cell) else (3, 0.0, "")
