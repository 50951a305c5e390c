"""The table of results: one CSV row a run, appended at constant cost, sorted when the search ends."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from hpsearch.core.errors import StoreError, SummaryError, reason_of, unwritable
from hpsearch.core.model import Configuration, Summary
from hpsearch.core.ranking import ranked
from hpsearch.core.summary import is_finished
from hpsearch.core.value_text import whole_text
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass, field
from hpsearch.store.layout import open_file, write_whole

Row = Mapping[str, str]
#: The columns that ``--more_columns`` adds at the end; a name that is taken gets an underscore.
MORE_COLUMNS = ("run", "state", "seconds", "seed")


def row_of(entry: RunRecord, settings: Settings) -> Row:
    """Return a run's row: column -> cell; without the options that the run lacks."""
    return row_with(entry.run.configuration, entry.out_dir, entry.summary or {}, settings)


def row_with(configuration: Configuration, out_dir: str, summary: Summary, settings: Settings) -> Row:
    """Return the row of a run with these results, see `row_of`."""
    row = {name: whole_text(value) for name, value in configuration.options}
    row[settings.out_arg] = out_dir
    for keyword, value in summary.items():
        row[keyword] = whole_text(value[0])
    return row


def rows_of(record: SearchRecord) -> list[Row]:
    """Return the rows from before the journal, then the rows of all runs that delivered a summary."""
    settings = record.known_settings()
    rows = [row_of(entry.result, settings) for entry in record.with_events if entry.result.summary is not None]
    newer = {row[settings.out_arg] for row in rows}
    return [row for row in record.carried if row.get(settings.out_arg) not in newer] + rows


def seed_of(options: Mapping[str, object]) -> str:
    """Return the random seed among a run's options, as text; empty if no option tells it for sure."""
    usual = [name for name in ("random_seed", "seed") if name in options]
    named = usual[:1] or [name for name in options if name.lower().endswith("seed")]
    return whole_text(options[named[0]]) if len(named) == 1 else ""


def more_cells(entry: RunRecord) -> dict[str, str]:
    """Return a run's cells under `MORE_COLUMNS`."""
    seconds = "" if entry.took_s is None else str(round(entry.took_s, 3))
    seed = seed_of(entry.run.configuration.as_dict())
    return dict(zip(MORE_COLUMNS, (str(entry.run.number), entry.state.value, seconds, seed)))


@dataclass(frozen=True)
class Columns:
    """The columns of a table. more: each of `MORE_COLUMNS` -> its name in this table; empty if they are not wanted."""

    classic: Sequence[str]
    more: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, classic: Sequence[str], has_more: bool) -> Columns:
        """Return the columns of a table with these classic ones."""
        return cls(classic, _more_names(classic) if has_more else {})

    @property
    def names(self) -> list[str]:
        """The names of all columns, in order."""
        return [*self.classic, *self.more.values()]

    def row(self, row: Row, cells: Mapping[str, str]) -> Row:
        """Return a row with its further cells. cells: from `more_cells`; empty for a run that the record lacks."""
        return {**row, **{name: cells[what] for what, name in self.more.items() if what in cells}}


def _more_names(classic: Collection[str]) -> dict[str, str]:
    names = {}
    for name in MORE_COLUMNS:
        free = name
        while free in classic:
            free += "_"
        names[name] = free
    return names


def whole_table(record: SearchRecord, is_sorted: bool) -> tuple[Columns, list[Row]]:
    """Return a search's table as its journal knows it. is_sorted: best first."""
    settings, rows = record.known_settings(), rows_of(record)
    rows = sorted_rows(rows, settings) if is_sorted else rows
    columns = Columns.of(columns_of(settings, rows), record.has_more_columns)
    if not columns.more:
        return columns, rows
    cells = {entry.result.out_dir: more_cells(entry.result) for entry in record.with_events}
    return columns, [columns.row(row, cells.get(row.get(settings.out_arg, ""), {})) for row in rows]


def columns_of(settings: Settings, rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the table's columns: those of the plan, then others from custom parsers or earlier rows."""
    columns = dict[str, object].fromkeys(settings.columns)
    for row in rows:
        columns.update(row)
    return list(columns)


def sorted_rows(rows: Iterable[Row], settings: Settings) -> list[Row]:
    """Return the rows best first; rows without a number under the performance key come last."""
    return ranked(rows, lambda row: row.get(settings.performance_key, ""), settings.sort_ascending)


def is_finished_row(row: Row) -> bool:
    """Return whether a row is of a finished run."""
    try:
        return is_finished({"finished": [row.get("finished", "")]})
    except SummaryError:
        return False


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write a whole table at once. Raises StoreError if it cannot be written; an earlier table then stays."""
    write_whole(path, _lines([columns, *([row.get(column, "") for column in columns] for row in rows)]))


class ResultsTable:
    """The CSV file of a search: separator ``;``, no index."""

    def __init__(self, path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Write the file with these rows and keep it open for more. Raises StoreError if it cannot be written."""
        self._path = path
        self._descriptor = self._written(columns, rows)

    def append(self, row: Row) -> None:
        """Add a row of known columns in one write. Raises StoreError if it cannot be written; no part of it is left."""
        content = _lines([[row.get(column, "") for column in self.columns]])
        try:
            size = os.fstat(self._descriptor).st_size
            try:
                written = os.write(self._descriptor, content)
                if written < len(content):
                    os.write(self._descriptor, content[written:])
            except OSError:
                os.ftruncate(self._descriptor, size)
                raise
        except OSError as error:
            raise unwritable(self._path, error) from error

    def rewrite(self, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Replace the whole table at once. Raises StoreError if it cannot be written; the earlier one then stays."""
        descriptor = self._written(columns, rows)
        self.close()
        self._descriptor = descriptor

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _written(self, columns: Sequence[str], rows: Iterable[Row]) -> int:
        self.columns = list(columns)
        write_table(self._path, self.columns, rows)
        try:
            return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        except OSError as error:
            raise unwritable(self._path, error) from error


class _Lines(list[str]):
    """Takes rows of the csv module, which calls `write` once a row, and ends each by a line feed alone."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    # The csv module quotes cells that hold a character of the line's end: with \r\n, a \r in a cell ends no row either.
    lines = _Lines()
    csv.writer(lines, delimiter=";", lineterminator="\r\n").writerows(rows)
    return "".join(lines).encode("utf-8", "surrogateescape")


def read_table(path: Path) -> list[Row]:
    """Return the rows of a table, ours or the older tool's, without `MORE_COLUMNS`; none without a file.

    Raises StoreError if it cannot be read.
    """
    try:
        with open(path, "rb", opener=open_file) as file:
            text = file.read().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({reason_of(error)})") from error
    csv.field_size_limit(2**31 - 1)
    # A DictReader takes twice as long.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    try:
        names = next(reader, [])
        classic, last = names[: -len(MORE_COLUMNS)], names[-len(MORE_COLUMNS) :]
        names = classic if last == list(_more_names(classic).values()) else names
        return [{name: cell for name, cell in zip(names, cells) if cell} for cells in reader if cells]
    except csv.Error as error:
        # Python 3.10 refuses NUL, which a crash of the machine may have left.
        raise StoreError(f"{path}: cannot be read as a table ({error})") from error


def whole_rows(path: Path, out_arg: str) -> list[Row]:
    """Return a table's rows, but not a last row that breaks off in its output option: it may be half copied."""
    rows = read_table(path)
    if rows and breaks_off(path) and (out_arg not in rows[-1] or list(rows[-1])[-1] == out_arg):
        return rows[:-1]
    return rows


def breaks_off(path: Path) -> bool:
    """Return whether a table lacks the line's end at its end, which every whole table has."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
        return file.read(1) not in (b"\n", b"")
