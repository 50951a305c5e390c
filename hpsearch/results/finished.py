"""The finished runs of a search folder, from its journal, or from the table alone where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.copied_module import constants_in
from hpsearch.core.model import Run, RunState
from hpsearch.folder.reading import SearchReader
from hpsearch.store.events import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.store.table import Row, columns_of, is_finished_row, read_table, row_of


@dataclass(frozen=True)
class FinishedRun:
    """A row of the table of results. run: None where there is no journal that knows it."""

    row: Row
    run: Run | None


@dataclass(frozen=True)
class FinishedRuns:
    """All finished runs of a folder, and what the columns of the table mean: options, the output option, keywords.

    settings: without a program where there is no journal, and without a performance key where nobody knows it.
    """

    folder: SearchFolder
    runs: Sequence[FinishedRun]
    settings: Settings
    option_names: Sequence[str]
    keywords: Sequence[str]


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
    options = [name for name in settings.option_names if name not in settings.summary_keywords]
    columns = columns_of(settings, [run.row for run in runs])
    keywords = [name for name in columns if name not in options and name != settings.out_arg]
    return FinishedRuns(reader.folder, runs, settings, options, keywords)


def _from_table(folder: SearchFolder) -> FinishedRuns:
    """Read a folder of the older tool, whose copy of the grid module says what the columns mean."""
    rows, settings = read_table(folder.results), _copied_settings(folder.path)
    columns = dict.fromkeys(name for row in rows for name in row)
    keywords = [name for name in columns if name in settings.summary_keywords]
    options = [name for name in columns if name not in (*keywords, settings.out_arg)]
    return FinishedRuns(
        folder, [FinishedRun(row, None) for row in rows if is_finished_row(row)], settings, options, keywords
    )


def _copied_settings(folder: Path) -> Settings:
    """Return what the constants say in the grid module that was copied into a folder; it is not executed."""
    found: dict[str, object] = {}
    for path in sorted(folder.glob("*.py")):
        found = constants_in(path)
        if "_SUMMARY_KEYWORDS" in found:
            break
    listed = found.get("_SUMMARY_KEYWORDS")
    keywords = tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()
    return Settings(
        out_arg=str(found.get("_OUT_ARG", "out_dir")),
        summary_filename="",
        summary_keywords=keywords,
        performance_key=str(found.get("_PERFORMANCE_KEY") or next(iter(keywords), "")),
        sort_ascending=bool(found.get("_PERFORMANCE_SORT_ASC", False)),
    )
