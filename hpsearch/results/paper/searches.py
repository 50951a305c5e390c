"""The searches behind the table of a paper: their runs and settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from hpsearch.console.console import Console
from hpsearch.core.model import RunState
from hpsearch.folder.folder_scan import Completion, FoundRun, find_search
from hpsearch.folder.liveness import Liveness, liveness_of_controller
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.results.paper.cells import CellRun
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.configuration_table import Repetition, repetitions_of_rows
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import lock_holder

_STATES = {Completion.FINISHED: RunState.FINISHED, Completion.UNFINISHED: RunState.UNFINISHED}


@dataclass(frozen=True)
class TableSearch:
    """A search of the table. over: its own seed options. is_going: a controller works on it, or may.

    left_out: numbers of runs that are no longer in its grid. grid_module: to extend a search of the older tool; None
    for a search with a journal.
    """

    folder: SearchFolder
    settings: Settings
    runs: Sequence[CellRun]
    over: tuple[str, ...] = ()
    is_going: bool = False
    left_out: Collection[int] = ()
    grid_module: str | None = None


def table_searches(folders: Sequence[SearchFolder], grid_module: str, console: Console) -> list[TableSearch]:
    """Read searches of any origin; a run that another search reuses counts only in its own search.

    grid_module: the user's, for folders without a journal; empty = the copy in the folder.
    Raises FolderError or ConfigError if a folder cannot be understood.
    """
    searches = []
    for at, (folder, label) in enumerate(zip(folders, _labels(folders))):
        is_ours = folder.journal.exists()
        search = _ours(folder, at, label) if is_ours else _older(folder, at, label, grid_module, console)
        searches.append(search)
    there = {folder.path.resolve() for folder in folders}
    return [replace(each, runs=[run for run in each.runs if not _is_elsewhere(run, there)]) for each in searches]


def _labels(folders: Sequence[SearchFolder]) -> list[str]:
    """Return each search's name in the table: its folder's name, or its path if others have the same name."""
    names = Counter(folder.path.name for folder in folders)
    return [str(folder.path) if names[folder.path.name] > 1 else folder.path.name for folder in folders]


def _is_elsewhere(run: CellRun, folders: Collection[Path]) -> bool:
    """Return whether a run is reused from another one of these searches."""
    return run.entry is not None and bool(run.entry.reused) and Path(run.entry.reused).resolve().parent in folders


def _ours(folder: SearchFolder, at: int, label: str) -> TableSearch:
    record = SearchReader(folder).record
    settings = record.known_settings()
    runs = [CellRun(*each, RunState.FINISHED, 0, at, label) for each in _carried(record, settings)]
    for entry in (newest.result for newest in record):
        summary = entry.summary if entry.state is RunState.FINISHED else None
        runs.append(
            CellRun(entry.run.configuration.as_dict(), summary, entry.state, entry.run.number, at, label, entry)
        )
    is_going = liveness_of_controller(lock_holder(folder.lock)) is not Liveness.GONE
    return TableSearch(folder, settings, runs, record.over, is_going, record.left_out)


def _carried(record: SearchRecord, settings: Settings) -> Iterator[Repetition]:
    """Yield the finished runs in the table from before the journal, except those that ran again."""
    newer = {entry.result.run.out_dir for entry in record if entry.result.summary is not None}
    return repetitions_of_rows((row for row in record.carried if row.get(settings.out_arg) not in newer), settings)


def _older(folder: SearchFolder, at: int, label: str, grid_module: str, console: Console) -> TableSearch:
    search = find_search(folder.path, grid_module, Path.cwd(), needs_functions=False)
    console.notes(search.problems)
    rows = repetitions_of_rows(search.rows_only, search.settings)
    runs = [CellRun(*each, RunState.FINISHED, 0, at, label) for each in rows]
    runs += [_of_older(found, at, label) for found in search.runs.values()]
    return TableSearch(folder, search.settings, runs, grid_module=grid_module or "MODULE")


def _of_older(found: FoundRun, at: int, label: str) -> CellRun:
    summary = found.summary if found.completion is Completion.FINISHED else None
    state = _STATES.get(found.completion, RunState.PLANNED)
    return CellRun(found.run.configuration.as_dict(), summary, state, found.run.number, at, label)
