"""The finished runs of a search folder, from its journal, or from the table alone where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.copied_module import constants_in
from hpsearch.core.model import Run, RunState
from hpsearch.folder.reading import SearchReader
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import Settings
from hpsearch.store.table import Row, columns_of, is_finished_row, read_table, row_of


@dataclass(frozen=True)
class FinishedRun:
    """A row of the table of results. run: None where there is no journal that knows it."""

    row: Row
    run: Run | None


@dataclass(frozen=True)
class FinishedRuns:
    """All finished runs, and what the columns of the table mean.

    key: the performance key; empty where nobody knows it. settings: None where there is no journal.
    """

    folder: SearchFolder
    runs: Sequence[FinishedRun]
    key: str
    ascending: bool
    out_arg: str
    option_names: Sequence[str]
    keywords: Sequence[str]
    settings: Settings | None


def finished_runs(folder: SearchFolder) -> FinishedRuns:
    """Read the finished runs of a folder, ours or the older tool's.

    Raises FolderError if it is neither, or cannot be read.
    """
    if folder.journal.exists() or not folder.results.is_file():
        return _from_journal(SearchReader(folder))
    return _from_table(folder)


def _from_journal(reader: SearchReader) -> FinishedRuns:
    settings = reader.record.known_settings()
    runs = [FinishedRun(row, None) for row in reader.record.carried if is_finished_row(row)]
    runs += [
        FinishedRun(row_of(entry, settings), entry.run)
        for entry in (newest.result for newest in reader.record)
        if entry.state is RunState.FINISHED and entry.summary is not None
    ]
    columns = columns_of(settings, [run.row for run in runs])
    options = [name for name in settings.option_names if name not in settings.summary_keywords]
    keywords = [name for name in columns if name not in options and name != settings.out_arg]
    return FinishedRuns(
        reader.folder,
        runs,
        settings.performance_key,
        settings.sort_ascending,
        settings.out_arg,
        options,
        keywords,
        settings,
    )


def _from_table(folder: SearchFolder) -> FinishedRuns:
    """Read a folder of the older tool, whose copy of the grid module says what the columns mean."""
    rows = read_table(folder.results)
    attributes = _grid_module_attributes(folder.path)
    keywords = [str(keyword) for keyword in _listed(attributes.get("_SUMMARY_KEYWORDS"))]
    out_arg = str(attributes.get("_OUT_ARG", "out_dir"))
    columns = dict.fromkeys(name for row in rows for name in row)
    return FinishedRuns(
        folder,
        [FinishedRun(row, None) for row in rows if is_finished_row(row)],
        str(attributes.get("_PERFORMANCE_KEY") or next(iter(keywords), "")),
        bool(attributes.get("_PERFORMANCE_SORT_ASC", False)),
        out_arg,
        [name for name in columns if name not in keywords and name != out_arg],
        [name for name in columns if name in keywords],
        None,
    )


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def _grid_module_attributes(folder: Path) -> Mapping[str, object]:
    """Return the attributes with constant values of the grid module that was copied into a folder; it is not run."""
    found: dict[str, object] = {}
    for path in sorted(folder.glob("*.py")):
        found = constants_in(path)
        if "_SUMMARY_KEYWORDS" in found:
            break
    return found
