"""Values in files that a script or its framework writes: tables, JSON, event files."""

from __future__ import annotations

import contextlib
import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from hpsearch.stopping.curves import Curve, with_points
from hpsearch.stopping.event_files import EventReader
from hpsearch.stopping.growing import GrowingFile, LineFile, Lines, WholeFile
from hpsearch.stopping.rows import Row, RowCurve, number_in

#: A longer line is no row of values.
_LONGEST_LINE = 1 << 18
#: The size of a Hugging Face trainer_state.json with 100,000 entries.
_MOST_JSON_BYTES = 16 << 20
#: How many files matching a pattern are looked for, and how many of the last ones are read.
_MOST_FOUND, _MOST_FILES = 10_000, 20
_HAS_WILDCARD = re.compile(r"[*?\[]")
_DELIMITERS = ",;\t"
_EVENTS_NAME = "tfevents"


class Reader(Protocol):
    """Reads the values of one run from one place."""

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are."""

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the whole curve, and whether all that is there has been read."""


class ProgressReader:
    """The curve in a run's file, or in all files matching a pattern: at the same step, later files count."""

    def __init__(self, folders: Sequence[Path], name: str, value_key: str, step_key: str = "") -> None:
        """folders: of the run's attempts, in order. name: relative to them; it may hold ``*``, ``?`` and ``[...]``."""
        self._folders, self._name, self._keys = folders, name, (value_key, step_key)
        self._readers: dict[Path, Reader] = {}
        self._curve, self._earlier, self._parts = Curve(), Curve(), tuple[Curve, ...]()

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are."""
        if self._curve.points:
            return ""
        problems = [reader.problem for reader in self._readers.values() if reader.problem]
        return problems[-1] if problems else f"there is no {self._name}"

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the whole curve, and whether all that is there has been read."""
        paths = self._paths()
        for path in self._readers.keys() - set(paths):
            # It was removed, as old checkpoints are, or there are too many newer files: keep its values.
            self._earlier = _all_of([self._earlier, self._readers.pop(path).update()[0]])
        for path in paths:
            if path not in self._readers and (reader := self._reader(path)) is not None:
                self._readers[path] = reader
        found = [self._readers[path].update(is_last) for path in paths if path in self._readers]
        parts = (*([self._earlier] if self._earlier.points else []), *(curve for curve, _ in found))
        if len(parts) != len(self._parts) or any(new is not old for new, old in zip(parts, self._parts)):
            self._parts = parts
            self._curve = parts[0] if len(parts) == 1 else _all_of(parts)
        return self._curve, all(is_all for _, is_all in found)

    def _paths(self) -> list[Path]:
        if not _HAS_WILDCARD.search(self._name):
            return [folder / self._name for folder in self._folders]
        paths = list[Path]()
        for folder in self._folders:
            with contextlib.suppress(OSError):
                paths += sorted(islice(folder.glob(self._name), _MOST_FOUND), key=_natural)
        return paths[-_MOST_FILES:]

    def _reader(self, path: Path) -> Reader | None:
        """Return the reader for a file's format, by its name, else by its first bytes; None if it is still empty."""
        if _EVENTS_NAME in path.name:
            return EventReader(path, self._keys[0])
        kind = path.suffix.lower()
        if kind == ".json":
            return JsonReader(path, *self._keys)
        if kind in (".jsonl", ".ndjson"):
            return LinesReader(path, JsonLines(), *self._keys)
        if kind in (".csv", ".tsv"):
            return LinesReader(path, CsvLines(self._keys[0]), *self._keys)
        file = GrowingFile(path)
        start = file.read(512).content.lstrip(b"\xef\xbb\xbf \t\r\n")
        if not start:
            return None
        # A JSON object may go on in the next line, JSON lines do not.
        is_lines = start.startswith(b"{") and start.partition(b"\n")[0].rstrip() not in (b"{", b"[")
        if is_lines or start[:1] not in b"{[":
            parser = JsonLines() if is_lines else CsvLines(self._keys[0])
            return LinesReader(path, parser, *self._keys)
        return JsonReader(path, *self._keys)


def _all_of(curves: Sequence[Curve]) -> Curve:
    return with_points(Curve(), (point for curve in curves for point in curve.points))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that puts version_10 after version_9."""
    return [(int(part) if part.isdigit() else -1, part) for part in re.split(r"([0-9]+)", str(path))]


class LineParser(Protocol):
    """Parses lines into rows."""

    def rows(self, lines: Sequence[str]) -> Iterator[Row]:
        """Yield the row in each line that holds one."""

    def begin(self) -> None:
        """Forget what was read: the file was rewritten."""


class LinesReader:
    """The curve in a file that grows by lines."""

    def __init__(self, path: Path, parser: LineParser, value_key: str, step_key: str) -> None:
        self._file, self._parser, self._keys = LineFile(path, _LONGEST_LINE), parser, (value_key, step_key)
        self._rows = RowCurve(*self._keys)

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are."""
        return self._file.file.problem or self._rows.problem(self._file.file.path.name)

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the whole curve, and whether all that is there has been read."""
        lines: Lines = self._file.read(is_last)
        if lines.is_anew:
            self._rows = RowCurve(*self._keys)
            self._parser.begin()
        self._rows.add(self._parser.rows(lines.texts))
        return self._rows.curve, lines.is_all


class CsvLines:
    """Lines of a CSV file; a second header, as after a restart, counts from there on."""

    def __init__(self, value_key: str) -> None:
        self._value_key, self._header, self._delimiter = value_key, list[str](), ","

    def begin(self) -> None:
        """Forget the header."""
        self._header = []

    def rows(self, lines: Sequence[str]) -> Iterator[Row]:
        """Yield header -> cell for each line after a header."""
        for line in lines:
            if not self._header:
                self._delimiter = max(_DELIMITERS, key=line.count)
            cells = self._cells(line)
            if not self._header or self._is_header(cells):
                self._header = cells
            else:
                yield dict(zip(self._header, cells))

    def _cells(self, line: str) -> list[str]:
        try:
            found = csv.reader([line], delimiter=self._delimiter, skipinitialspace=True)
            return [cell.strip() for cell in next(found, [])]
        except csv.Error:
            return []

    def _is_header(self, cells: Sequence[str]) -> bool:
        return self._value_key in cells and all(number_in(cell) is None for cell in cells if cell)


class JsonLines:
    """Lines with one JSON object each."""

    def begin(self) -> None:
        """Do nothing: no state is kept."""

    def rows(self, lines: Sequence[str]) -> Iterator[Row]:
        """Yield each object."""
        for line in lines:
            row = _json(line)
            if isinstance(row, dict):
                yield row


class JsonReader:
    """The curve in a JSON file that is rewritten each time.

    The file holds a list of objects, at the top or inside an object (``log_history`` of a Hugging Face trainer), an
    object of lists, one object with the newest values, or one object a line.
    """

    def __init__(self, path: Path, value_key: str, step_key: str) -> None:
        self._file, self._value_key, self._step_key = WholeFile(path, _MOST_JSON_BYTES), value_key, step_key
        self._rows, self._wrong = RowCurve(value_key, step_key), ""

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are."""
        return self._file.problem or self._wrong or self._rows.problem(self._file.path.name)

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the whole curve, and True: the file is always read as a whole."""
        content = self._file.read()
        if content is not None:
            # A half-written file says nothing: keep what it said before.
            self._take(content.decode("utf-8-sig", "replace"))
        return self._rows.curve, True

    def _take(self, text: str) -> None:
        found = _json(text)
        rows = self._rows_in(found) if found is not None else list(JsonLines().rows(text.splitlines()))
        self._wrong = "" if rows else f"{self._file.path.name} is not JSON with objects that hold {self._value_key!r}"
        if not rows:
            return
        before = self._rows.curve
        self._rows = RowCurve(self._value_key, self._step_key)
        self._rows.add(rows)
        if isinstance(found, dict) and rows == [found]:
            self._add_newest(before)
        elif self._rows.curve == before:
            self._rows.curve = before

    def _add_newest(self, before: Curve) -> None:
        """Add the point of an object that holds only the newest values, if it has a step."""
        newest = self._rows.curve.points if self._rows.has_steps else ()
        if self._rows.curve.points and not newest:
            name, step = self._file.path.name, self._step_key or "epoch, step or global_step"
            self._wrong = f"{name} holds the newest value only, and does not say at which step ({step})"
        self._rows.curve = before if newest and newest[0] in before.points else with_points(before, newest)

    def _rows_in(self, found: Any) -> list[Row]:  # Any: JSON
        if isinstance(found, list):
            return [row for row in found if isinstance(row, dict)]
        if not isinstance(found, dict):
            return []
        if isinstance(found.get(self._value_key), list):
            return list(_transposed(found))
        lists = [list_ for list_ in found.values() if isinstance(list_, list)]
        inside: list[Row] = [row for list_ in lists for row in list_ if isinstance(row, dict)]
        return inside or [found]


def _transposed(columns: Mapping[str, Any]) -> Iterator[Row]:  # Any: JSON
    lists = {name: column for name, column in columns.items() if isinstance(column, list)}
    for index in range(max(map(len, lists.values()))):
        yield {name: column[index] for name, column in lists.items() if index < len(column)}


def _json(text: str) -> Any:  # Any: JSON
    """Return the value of a JSON text; None if it is no JSON, or null."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
