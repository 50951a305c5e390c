"""``hpsearch export``: the runs of one or several searches as one table, mostly for other programs."""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.config.given_paths import written_file
from hpsearch.console.console import Console
from hpsearch.console.markup import latex, latex_table, markdown, markdown_table
from hpsearch.console.text import amount
from hpsearch.core.errors import StoreError, UsageError
from hpsearch.core.model import RunState
from hpsearch.core.ranking import number_of
from hpsearch.core.statistics import SAMPLE_STD
from hpsearch.core.value_text import whole_text
from hpsearch.folder.by_configuration import repetitions_in
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.failures import known_cause
from hpsearch.folder.folder_scan import find_search
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.values import readable
from hpsearch.results.parquet import as_parquet
from hpsearch.startup.classes import replace
from hpsearch.store.configuration_table import configuration_table
from hpsearch.store.layout import SearchFolder, write_whole
from hpsearch.store.table import is_finished_row

_EXAMPLE = """\
examples:
  hpsearch export > runs.csv
  hpsearch export DIR1 DIR2 --all --format=json -o runs.json
  hpsearch export DIR --over random_seed > means.csv
  hpsearch export DIR --format=parquet -o runs.parquet
"""
#: Columns of every table; an option or keyword with one of these names gets an underscore at its end.
COLUMNS = ("search", "run", "state", "submitted", "started", "ended", "seconds", "host", "job", "cause")

#: Column -> value; columns without a value for the run may be missing.
ExportedRow = dict[str, object]


def main(argv: Sequence[str]) -> int:
    """Write the table; return the exit status."""
    description = "Write the runs of searches as one table: state, times, options, results."
    parser = folder_parser("export", description, _EXAMPLE, nargs="*")
    what = "Default: csv (with commas). parquet keeps the types of numbers, and needs pyarrow; latex needs booktabs."
    parser.add_argument("--format", choices=tuple(_FORMATS), default="csv", help=what)
    parser.add_argument("--all", action="store_true", help="Include runs that did not finish (failed, planned, ...).")
    add_over(parser, "Write a row for each configuration instead: mean and spread over its runs.")
    parser.add_argument("-o", metavar="FILE", help="Write to FILE. Default: standard output.")
    which = "The grid module, for a folder of the older tool without a copy of it."
    parser.add_argument("--grid_module", default="", metavar="MODULE", help=which)
    options = parser.parse_args(argv)
    console = Console(stamps=False)
    folders = [choose_folder(given, console) for given in options.folder or [None]]
    path = None if options.o is None else _target(options.o, folders)
    if options.format == "parquet" and path is None and console.width is not None:
        raise UsageError("--format=parquet is no text for a terminal: give -o FILE")
    columns, rows = (_configurations if options.over else _runs)(folders, options, console)
    content = _FORMATS[options.format](columns, rows)
    if path is None:
        console.output(content)
        return 0
    try:
        write_whole(path, content)
    except StoreError as error:
        raise UsageError(f"-o {error}") from error
    return 0


def _runs(
    folders: Sequence[SearchFolder], options: argparse.Namespace, console: Console
) -> tuple[list[str], list[ExportedRow]]:
    """Return columns and rows of the table of all wanted runs."""
    columns, rows, left_out = dict.fromkeys(COLUMNS), list[ExportedRow](), 0
    for folder in folders:
        names, exported = rows_of_folder(folder, options.grid_module, console)
        wanted = [row for row in exported if options.all or row["state"] == RunState.FINISHED.value]
        rows, left_out = rows + wanted, left_out + len(exported) - len(wanted)
        columns.update(dict.fromkeys(names))
    columns.update(dict.fromkeys(name for row in rows for name in row))
    if left_out:
        console.note(f"{amount(len(rows), 'finished run')}; {left_out:,} more did not finish: --all exports them, too")
    return list(columns), rows


def _configurations(
    folders: Sequence[SearchFolder], options: argparse.Namespace, console: Console
) -> tuple[list[str], list[ExportedRow]]:
    """Return columns and rows of the table of configurations; each search has its own rows."""
    if options.all:
        raise UsageError("--over sums up finished runs: leave out --all")
    columns, rows = {"search": None}, list[ExportedRow]()
    for folder in folders:
        runs, settings = repetitions_in(folder, options.over, options.grid_module, console.notes)
        names, configurations = configuration_table(runs, settings, options.over)
        free = {name: f"{name}_" if name == "search" else name for name in names}
        columns.update(dict.fromkeys(free.values()))
        shared = {"search": str(folder.path)}
        rows += [{**shared, **{free[name]: value for name, value in row.items()}} for row in configurations]
    console.note(SAMPLE_STD)
    return list(columns), rows


def _target(given: str, folders: Sequence[SearchFolder]) -> Path:
    """Return the file to write. Raises UsageError if something else lies there, or a search's own table."""
    path = written_file(given, "-o")
    if path in [own for folder in folders for own in (folder.results, folder.results_by_configuration)]:
        raise UsageError(f"-o {path}: this is the search's own table; give another file")
    return path


def rows_of_folder(folder: SearchFolder, grid_module: str, console: Console) -> tuple[list[str], list[ExportedRow]]:
    """Return the columns that a search of any origin plans, and a row for each run.

    grid_module: the user's, for a folder without a journal; empty = the copy in the folder.
    Raises FolderError or ConfigError if the folder cannot be understood.
    """
    if folder.journal.exists():
        record = SearchReader(folder).record
        settings, of_table = record.known_settings(), record.carried
        entries = [(replace(newest.run, out_dir=newest.result.out_dir), newest.result) for newest in record]
        runs = [(run, entry.state.value, entry.summary, _known(entry, folder)) for run, entry in entries]
    else:
        search = find_search(folder.path, grid_module, Path.cwd(), needs_functions=False)
        console.notes(search.problems)
        settings, of_table = search.settings, search.rows_only
        found_runs = search.runs.values()
        runs = [(run.run, run.completion.value, run.summary, _because(run.problem)) for run in found_runs]
    newer = {run.out_dir for run, _, summary, _ in runs if summary is not None}
    parts: list[tuple[ExportedRow, ExportedRow]] = []
    for row in of_table:
        if row.get(settings.out_arg) not in newer:
            state = RunState.FINISHED if is_finished_row(row) else RunState.UNFINISHED
            parts.append(({"state": state.value}, {name: _measured(cell) for name, cell in row.items()}))
    for run, name, summary, moments in runs:
        results = {keyword: _measured(value[0]) for keyword, value in (summary or {}).items()}
        values = {**run.configuration.as_dict(), settings.out_arg: run.out_dir, **results}
        parts.append(({"run": run.number, "state": name, **moments}, values))
    shared = {"search": str(folder.path)}
    rows = [{**shared, **about, **{_free(name): value for name, value in values.items()}} for about, values in parts]
    return [_free(name) for name in settings.columns], rows


def _free(name: str) -> str:
    return f"{name}_" if name in COLUMNS else name


def _known(entry: RunRecord, folder: SearchFolder) -> ExportedRow:
    """Return what the journal knows of the latest attempt: when and where it ran, and why it did not finish."""
    has_failed = entry.state.is_final and entry.state is not RunState.FINISHED
    return {**_moments(entry), **_because(known_cause(entry, folder) if has_failed else "")}


def _because(cause: str) -> ExportedRow:
    return {"cause": cause} if cause else {}


def _moments(entry: RunRecord) -> ExportedRow:
    submitted, ended = entry.submitted, entry.ended
    if submitted is None:
        return {}
    started = entry.started if submitted.is_queued else submitted
    events = {"submitted": submitted, "started": started, "ended": ended}
    times = {name: datetime.fromtimestamp(event.at) for name, event in events.items() if event is not None}
    moments: ExportedRow = {name: time.isoformat(timespec="seconds") for name, time in times.items()}
    if entry.took_s is not None:
        moments["seconds"] = round(entry.took_s, 3)
    if not submitted.is_queued:
        return {**moments, "host": submitted.host}
    return {**moments, "job": submitted.id, **({"host": started.place} if started and started.place else {})}


def _measured(cell: object) -> object:
    """Return the number in a cell's text; any other cell as it is."""
    if not isinstance(cell, str):
        return cell
    number = number_of(cell)
    return int(cell) if re.fullmatch("[+-]?[0-9]{1,18}", cell) else cell if number is None else number


def as_json(columns: Sequence[str], rows: Sequence[ExportedRow]) -> bytes:
    """Return the rows as a list of objects; missing values are null."""
    # pandas writes only ten digits of a number: 1e-12 would be 0.0.
    lines = [json.dumps({name: readable(row.get(name)) for name in columns}) for row in rows]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def as_csv(columns: Sequence[str], rows: Sequence[ExportedRow]) -> bytes:
    """Return the rows as CSV; missing values are empty cells, all others have the text of the value."""
    import pandas

    texts = [[whole_text(row[name]) if name in row else "" for name in columns] for row in rows]
    # pandas does not quote a lone carriage return, which readers take for the end of the row.
    quoting = csv.QUOTE_ALL if any("\r" in text for cells in texts for text in cells) else csv.QUOTE_MINIMAL
    frame = pandas.DataFrame(texts, columns=list(columns), dtype=object)
    return str(frame.to_csv(index=False, quoting=quoting)).encode("utf-8", "surrogateescape")


def _as_latex(columns: Sequence[str], rows: Sequence[ExportedRow]) -> bytes:
    lines = latex_table(_escaped(columns, rows, latex), "l" * len(columns))
    return "\n".join([r"% needs \usepackage{booktabs}", *lines, ""]).encode()


def _as_markdown(columns: Sequence[str], rows: Sequence[ExportedRow]) -> bytes:
    return "\n".join([*markdown_table(_escaped(columns, rows, markdown)), ""]).encode()


def _escaped(columns: Sequence[str], rows: Sequence[ExportedRow], escape: Callable[[str], str]) -> list[list[str]]:
    cells = ([whole_text(row[name]) if name in row else "" for name in columns] for row in rows)
    return [list(map(escape, texts)) for texts in chain([columns], cells)]


_FORMATS: dict[str, Callable[[Sequence[str], Sequence[ExportedRow]], bytes]] = {
    "csv": as_csv,
    "json": as_json,
    "parquet": as_parquet,
    "latex": _as_latex,
    "markdown": _as_markdown,
}
