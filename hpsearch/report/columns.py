"""Options and results of all runs as compact columns, with what plots need to know."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from hpsearch.console.text import printable
from hpsearch.core.command import argument, is_flag, shell_line, text_of
from hpsearch.core.ranking import number_of
from hpsearch.core.summary import numbers_of
from hpsearch.core.value_text import whole_text

#: A column as the page has it. Any: whatever JSON can hold.
PageColumn = dict[str, Any]
#: What JSON can hold of a cell: a number, a text, a list of these, or None.
Cell = Any

_WHOLE = re.compile(r"[+-]?[0-9]+")
#: The form of most results, always a finite number.
_DECIMAL = re.compile(r"-?[0-9]{1,15}\.[0-9]{1,25}")
#: JavaScript holds whole numbers exactly up to here.
_LARGEST_WHOLE = 2**53
#: A column with more distinct values lists them only if each occurs twice on average.
_MOST_LISTED = 200
#: A logarithmic axis needs at least this factor between largest and smallest: percentages may be 0.1 and 99.
_WIDE_OPTION, _WIDE_RESULT = 50, 1000
#: The most characters of a cell's text, and of a column's texts together; the same for curves, in points.
_LONGEST_TEXT, _MOST_CHARACTERS = 1000, 400_000
_LONGEST_CURVE, _MOST_POINTS = 1000, 300_000
#: Significant digits of a curve's points, which are only drawn.
_DIGITS = 6


class OptionColumns:
    """The options of all runs, added run by run."""

    def __init__(self, names: Iterable[str], count: int) -> None:
        """names: of the options, in order; more may follow. count: of all runs."""
        self._count = count
        self._options = {name: _Option(count) for name in names}
        #: Address of a pair -> its code, and the pair itself, kept so that no other object gets its address.
        self._codes: dict[int, tuple[int, tuple[str, object]]] = {}

    def add(self, index: int, options: Iterable[tuple[str, object]]) -> None:
        """Take in the options of a run."""
        for pair in options:
            name, value = pair
            option = self._options.get(name)
            if option is None:
                option = self._options[name] = _Option(self._count)
            # By address: runs share most pairs, and a search may have a million runs.
            known = self._codes.get(id(pair))
            if known is None:
                known = self._codes[id(pair)] = (option.code_of(argument(name, value), value), pair)
            option.codes[index] = known[0]

    def columns(self, orders: Mapping[str, Sequence[str]] = MappingProxyType({})) -> list[PageColumn]:
        """Return the columns of options that any run has. orders: option -> texts of its values in the grid's order.

        Other words come after these, in order of appearance; numbers by size.
        """
        named = ((name, option) for name, option in self._options.items() if option.values)
        return [option.column(name, orders.get(name, ())) for name, option in named]


class _Option:
    """An option: its distinct values in order of appearance, and which value each run has; None = none."""

    def __init__(self, count: int) -> None:
        self.codes: list[int | None] = [None] * count
        self.values: list[object] = []
        self._words: dict[str | None, int] = {}

    def code_of(self, word: str | None, value: object) -> int:
        """Return the code of a value. word: on the command line; values with one word are equal. None = a flag off."""
        if word not in self._words:
            self._words[word] = len(self.values)
            self.values.append(value)
        return self._words[word]

    def column(self, name: str, order_in_grid: Sequence[str]) -> PageColumn:
        numbers = [_number_in_option(value) for value in self.values]
        is_number = all(number is not None for number in numbers)
        cells = numbers if is_number else [shown_text(value) for value in self.values]
        words = [shell_line([word]) if word else "" for word in self._words]
        varies = len(self.values) > 1 or None in self.codes
        column: PageColumn = {"name": printable(name), "role": "option", "kind": "number" if is_number else "word"}
        column |= {"log": is_number and is_for_log_axis(map(_as_float, cells)), "varies": varies}
        if not _is_listed(len(cells), self.codes):
            return {**column, "cells": _picked(cells, self.codes), "words": _picked(words, self.codes, "")}
        grid_index = {shown_text(text): index for index, text in enumerate(order_in_grid)}
        rank = _size if is_number else lambda word: (False, grid_index.get(word, len(grid_index)))
        order = sorted(range(len(cells)), key=lambda code: rank(cells[code]))
        return {**column, **_listed(cells, self.codes, order), "words": [words[code] for code in order]}


def result_column(name: str, found: Sequence[object]) -> tuple[PageColumn | None, str]:
    """Return the column of a summary's keyword (None if no run has a value), and what was left out, for people.

    found: each run's value; None = none.
    """
    cells = [_result_cell(value) for value in found]
    present = [cell for cell in cells if cell is not None]
    if not present:
        return None, ""
    column: PageColumn = {"name": printable(name), "role": "result", "kind": _kind_of_result(present), "log": False}
    column["varies"] = None in cells or any(cell != present[0] for cell in present)
    if column["kind"] == "list":
        lengths, thinned, left_out = _thinned(name, cells)
        return {**column, "cells": thinned, **({"lengths": lengths} if left_out else {})}, left_out
    cells, left_out = _shortened(name, cells)
    if column["kind"] == "word":
        values = list(dict.fromkeys(cell for cell in cells if cell is not None))
        known = {value: code for code, value in enumerate(values)}
        codes = [None if cell is None else known[cell] for cell in cells]
        if _is_listed(len(values), codes):
            return {**column, **_listed(values, codes, range(len(values)))}, left_out
    column["log"] = _is_wide_result(map(_as_float, present))
    return {**column, "cells": cells}, left_out


def cells_of(column: PageColumn) -> list[Cell]:
    """Return each run's value in a column; None = none."""
    if "cells" in column:
        return list(column["cells"])
    return [None if code is None else column["values"][code] for code in column["codes"]]


def shown_text(value: object) -> str:
    """Return a value's text with characters escaped that would move or reverse the text around it."""
    text = whole_text(value) if is_flag(value) else text_of(value)
    return cut_text(printable(text), _LONGEST_TEXT)


def cut_text(text: str, most: int) -> str:
    """Cut a text of more than `most` characters, ending it with dots."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def is_for_log_axis(values: Iterable[float]) -> bool:
    """Return whether an option's values are positive, and widely spread or evenly spaced in their logarithms."""
    distinct = sorted({value for value in values if math.isfinite(value)})
    if len(distinct) < 3 or distinct[0] <= 0:
        return False
    if distinct[-1] / distinct[0] >= _WIDE_OPTION:
        return True
    steps = [math.log(high / low) for low, high in pairwise(distinct)]
    return max(steps) - min(steps) < 1e-3 * max(steps)


def _is_wide_result(values: Iterable[float]) -> bool:
    distinct = {value for value in values if math.isfinite(value)}
    return len(distinct) > 2 and min(distinct) > 0 and max(distinct) / min(distinct) >= _WIDE_RESULT


def json_number(number: float) -> Cell:
    """Return a number for JSON; infinity and NaN as texts."""
    return number if math.isfinite(number) else str(number)


def _number_in_option(value: object) -> Cell:
    """Return a value as a number for JSON; None if it is no number, or too large for exactness."""
    return None if is_flag(value) else _number_in(text_of(value))


def _number_in(text: str) -> Cell:
    number = number_of(text)
    # Python takes 1_000 for a number.
    if number is None or "_" in text:
        return None
    if (number.is_integer() or math.isinf(number)) and _WHOLE.fullmatch(text):
        return int(text) if abs(number) < 2 * _LARGEST_WHOLE and abs(int(text)) <= _LARGEST_WHOLE else None
    return json_number(number)


def _result_cell(value: object) -> Cell:
    """Return a run's value under a keyword: a number, a list of numbers, or a text; None if there is none."""
    if type(value) is str and _DECIMAL.fullmatch(value):
        return float(value)
    text = "" if value is None else whole_text(value).strip()
    if not text:
        return None
    number = _number_in(text)
    if number is not None:
        return number
    numbers = [] if "_" in text else _numbers_in(text)
    return [json_number(each) for each in numbers] if len(numbers) > 1 else printable(text)


def _numbers_in(text: str) -> list[float]:
    """Return the numbers in a text of nothing but numbers; else none."""
    if text[0] in '"[':
        # The forms of summaries and of Python's lists, read fast: there may be millions.
        with contextlib.suppress(ValueError):
            return [float(part) for part in text[1:-1].split(",")]
    return numbers_of(text)


def _kind_of_result(present: Sequence[Cell]) -> str:
    if any(isinstance(cell, list) for cell in present):
        return "list"
    numbers = sum(not math.isnan(_as_float(cell)) or cell == "nan" for cell in present)
    return "number" if 2 * numbers >= len(present) else "word"


def _as_float(cell: Cell) -> float:
    """Return a cell as a number; NaN if it is no number."""
    if type(cell) is float:
        return cell
    if isinstance(cell, str):
        return float(cell) if cell in ("nan", "inf", "-inf") else math.nan
    return math.nan if cell is None or isinstance(cell, list) else float(cell)


def _size(cell: Cell) -> tuple[bool, float]:
    """Return a sort key: numbers by size, NaN last."""
    number = _as_float(cell)
    return math.isnan(number), 0.0 if math.isnan(number) else number


def _is_listed(distinct: int, codes: Sequence[int | None]) -> bool:
    return distinct <= _MOST_LISTED or 2 * distinct <= len(codes)


def _listed(cells: Sequence[Cell], codes: Sequence[int | None], order: Sequence[int]) -> PageColumn:
    """Return the distinct values in this order of codes, and each run's new code."""
    new_codes: dict[int | None, int | None] = {code: index for index, code in enumerate(order)}
    new_codes[None] = None
    return {"values": [cells[code] for code in order], "codes": [new_codes[code] for code in codes]}


def _picked(cells: Sequence[Cell], codes: Sequence[int | None], missing: Cell = None) -> list[Cell]:
    return [missing if code is None else cells[code] for code in codes]


def _shortened(name: str, cells: Sequence[Cell]) -> tuple[list[Cell], str]:
    """Return cells with texts cut to keep the column small, and a sentence about what was left out."""
    texts = [len(cell) for cell in cells if isinstance(cell, str)]
    most = max(20, min(_LONGEST_TEXT, _MOST_CHARACTERS // max(len(texts), 1)))
    if max(texts, default=0) <= _LONGEST_TEXT and sum(texts) <= _MOST_CHARACTERS:
        most = _LONGEST_TEXT
    cut = [cut_text(cell, most) if isinstance(cell, str) else cell for cell in cells]
    left_out = f"Texts of {printable(name)} are cut after {most:,} characters."
    return cut, left_out if max(texts, default=0) > most else ""


def _thinned(name: str, cells: Sequence[Cell]) -> tuple[list[int | None], list[Cell], str]:
    """Return each curve's length, curves thinned to evenly spaced points, and a sentence about what was left out."""
    lengths = [len(cell) if isinstance(cell, list) else None for cell in cells]
    known = [length for length in lengths if length is not None]
    most = _LONGEST_CURVE if sum(known) <= _MOST_POINTS else max(10, min(_LONGEST_CURVE, _MOST_POINTS // len(known)))
    thinned = [_curve(cell, most) if isinstance(cell, list) else cell for cell in cells]
    left_out = f"Curves of {printable(name)} are shown with {most:,} points at even distances."
    return lengths, thinned, left_out if max(known) > most else ""


def _curve(points: Sequence[Cell], most: int) -> list[Cell]:
    """Return at most `most` rounded points, including the first and the last."""
    if len(points) > most:
        points = [points[round(index * (len(points) - 1) / (most - 1))] for index in range(most)]
    return [_rounded(point) if isinstance(point, float) else point for point in points]


def _rounded(point: float) -> float:
    # As an int it has no ".0" in JSON.
    return int(point) if point.is_integer() and abs(point) < _LARGEST_WHOLE else float(f"{point:.{_DIGITS}g}")
