"""A search folder of any origin and in any condition: its runs, and what each delivered. Changes nothing."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from hpsearch.backends.process_identity import processes
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.recorded import config_for_folder
from hpsearch.core.errors import FolderError, StoreError, SummaryError, reason_of
from hpsearch.core.model import Configuration, Run, RunState, Summary
from hpsearch.core.summary import is_finished
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run, runs_named_by
from hpsearch.folder.reading import no_search, recorded_search
from hpsearch.folder.run_files import read_summary
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass, field, replace
from hpsearch.store.classic_files import (
    Listing,
    folder_name,
    has_name_of_run,
    is_search_folder,
    list_folder,
    run_of_folder,
    run_of_row,
    runs_of_commands,
)
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import lock_holder
from hpsearch.store.table import Row, more_cells, row_with, whole_rows
from hpsearch.user_code.user_functions import DEFAULT_LIMIT_S, FunctionProcess


class Completion(enum.Enum):
    """How far a run came, in the terms of postprocessing's pickles."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    MISSING = "missing"


@dataclass
class FoundRun:
    """One run of a search folder.

    entry: its record from the journal, None if there is none. parent: the folder around its own, None if it has none.
    is_moved_away: it lies in TO_BE_DELETED. is_recorded: False if only the folder claims to belong to this search.
    summary: what it delivered; row: the same with its options, as in the table of results.
    problem: why there is no summary, or what is wrong with it.
    """

    run: Run
    entry: RunRecord | None
    parent: str | None
    is_moved_away: bool = False
    is_recorded: bool = True
    summary: Summary | None = None
    row: Row | None = None
    problem: str = ""
    completion: Completion = Completion.MISSING

    @property
    def path(self) -> Path | None:
        """The path of its folder, None if it has none."""
        # Made only when it is asked for: a Path for each of 100,000 runs takes a second.
        return None if self.parent is None else Path(self.parent, self.run.folder)

    @property
    def reused(self) -> str:
        """The folder of another search's run whose results count here; never moved. Empty if they are its own."""
        return "" if self.entry is None else self.entry.result.reused

    @property
    def label(self) -> str:
        """The run for people."""
        return f"run {self.run.number} ({self.run.folder})"


@dataclass
class FoundSearch:
    """A search folder as it is found.

    record: None if there is no journal, or an unreadable one (then `is_journal_damaged`).
    table: its rows, then rows that the journal found in it at the start and that are missing now.
    names_in_table: of its own rows only, see `name_of`. rows_only: rows without a run.
    problems: about files that cannot be used.
    reused: folder of a run of another search whose results count here -> name of our run.
    unrelated: folders sim_* that nothing connects with this search.
    """

    folder: SearchFolder
    listing: Listing
    config: SearchConfig
    record: SearchRecord | None
    is_journal_damaged: bool
    runs: dict[str, FoundRun] = field(default_factory=dict)
    table: list[Row] = field(default_factory=list)
    names_in_table: frozenset[str] = frozenset()
    rows_only: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reused: dict[str, str] = field(default_factory=dict)
    unrelated: list[str] = field(default_factory=list)

    @cached_property
    def parent(self) -> str:
        """The folder that holds the runs' folders."""
        return str(self.folder.path)

    @cached_property
    def parent_away(self) -> str:
        """The folder that holds the runs' folders that were moved away."""
        return str(self.folder.to_be_deleted)

    @property
    def more_cells(self) -> dict[str, dict[str, str]] | None:
        """The cells of the table's further columns by folder, for runs in the journal; None without such columns."""
        if self.record is None or not self.record.has_more_columns:
            return None
        return {found.run.folder: _more_cells(found, found.entry) for found in self.runs.values() if found.entry}

    @property
    def settings(self) -> Settings:
        """The recorded settings; without a record, those of the grid module."""
        return self.config.settings

    def name_of(self, row: Row) -> str:
        """Return the key in `runs` of a row's run; empty if the row names none."""
        out_dir = row.get(self.settings.out_arg, "")
        return self.reused.get(out_dir) or folder_name(out_dir)

    def of(self, completion: Completion) -> list[FoundRun]:
        """Return the runs with this completion."""
        return [found for found in self.runs.values() if found.completion is completion]

    @property
    def rows(self) -> list[Row]:
        """The rows of all runs that delivered a summary."""
        return self.rows_only + [found.row for found in self.runs.values() if found.row is not None]


def _more_cells(found: FoundRun, entry: RunRecord) -> dict[str, str]:
    cells = more_cells(entry.result)
    # A run that was given up may have finished after all.
    return {**cells, "state": Completion.FINISHED.value} if found.completion is Completion.FINISHED else cells


def find_search(
    path: Path, grid_module: str, run_cwd: Path, needs_functions: bool, parser_timeout_s: float = DEFAULT_LIMIT_S
) -> FoundSearch:
    """Read a search folder.

    grid_module: the user's, empty = the recorded one. run_cwd: for folders without a journal.
    Raises ConfigError or FolderError if the folder cannot be understood.
    """
    folder = SearchFolder(path)
    lacks = ", no usable commands.pickle, and no sim_* folder that names its own configuration"
    try:
        listing = list_folder(folder.path, folder.to_be_deleted)
    except OSError as error:
        raise FolderError(f"{folder.path}: cannot be listed ({reason_of(error)})") from error
    if not is_search_folder(folder, listing):
        raise no_search(folder, lacks)
    record, damage = None, []
    try:
        record = recorded_search(folder.path)
        if record is None and folder.journal.exists():
            damage = [f"{folder.journal}: it holds no search yet"]
    except FolderError as error:
        damage = [str(error)]
    recorded = None if record is None else record.settings
    config = config_for_folder(folder.path, listing.files, recorded, grid_module, run_cwd, needs_functions)
    config = config.in_process(FunctionProcess(parser_timeout_s))
    search = FoundSearch(folder, listing, config, record, bool(damage), problems=damage)
    _gather_runs(search)
    if not search.runs and record is not None:
        raise FolderError(f"{folder.path}: no run of this search was chosen yet")
    if not search.runs:
        raise no_search(folder, lacks, search.problems)
    _gather_results(search)
    return search


def _gather_runs(search: FoundSearch) -> None:
    """Find all runs: in the journal, the pickles of commands, the table, and folders with a command or config."""
    for entry in search.record or ():
        found = _add(search, entry.run, entry)
        search.reused.update({found.reused: entry.run.folder} if found.reused else {})
    out_arg, known = search.settings.out_arg, search.runs.keys()
    listed, problems = runs_of_commands(search.folder.path, search.listing.files, out_arg, known)
    search.problems += problems
    for run in listed:
        _add(search, run)
    _read_tables(search)
    added = _add_folders(search, search.folder.path, search.listing.run_folders)
    added += _add_folders(search, search.folder.to_be_deleted, search.listing.to_be_deleted)
    _switch_flags_off(search, added)
    names = (name for found in search.runs.values() for name, _ in found.run.configuration.options)
    columns = tuple(dict.fromkeys((*search.settings.option_names, *names)))
    search.config = replace(search.config, settings=replace(search.settings, option_names=columns))


def _read_tables(search: FoundSearch) -> None:
    """Read the table, and the rows that were in it when the journal began; add runs that only these name."""
    out_arg, keywords = search.settings.out_arg, search.settings.summary_keywords
    try:
        search.table = whole_rows(search.folder.results, out_arg)
    except StoreError as error:
        search.problems.append(str(error))
    carried = () if search.record is None else search.record.carried
    there = {_identity(row, out_arg) for row in search.table} if carried else ()
    search.names_in_table = frozenset(map(search.name_of, search.table))
    search.table += [row for row in carried if _identity(row, out_arg) not in there]
    for row in search.table:
        if search.name_of(row) not in search.runs:
            run = run_of_row(row, out_arg, keywords, len(search.runs) + 1)
            if run is not None:
                _add(search, run)


def _identity(row: Row, out_arg: str) -> object:
    return folder_name(row.get(out_arg, "")) or tuple(row.items())


def _add_folders(search: FoundSearch, parent: Path, names: Iterable[str]) -> list[FoundRun]:
    """Add the runs that only their own folders name; return them."""
    settings = search.settings
    added = []
    for name in sorted(set(names) - search.runs.keys()):
        number = len(search.runs) + 1
        run, problem = run_of_folder(parent / name, settings.out_arg, search.config.script_name, number)
        search.problems += [problem] if problem else []
        if run is not None:
            added.append(_add(search, run, is_recorded=search.record is None))
        elif has_name_of_run(name) and os.access(parent / name / settings.summary_filename, os.R_OK):
            _add(search, Run(number, name, Configuration(()), str(parent / name)), is_recorded=False)
        else:
            search.unrelated.append(name)
    return added


def _switch_flags_off(search: FoundSearch, runs: Iterable[FoundRun]) -> None:
    """Set missing flags to off in runs known by their command, which lacks flags that are off."""
    options = (option for found in search.runs.values() for option in found.run.configuration.options)
    flags = dict.fromkeys(name for name, value in options if value is True)
    for found in runs:
        given = found.run.configuration.as_dict()
        off = ((flag, False) for flag in flags if flag not in given)
        found.run = replace(found.run, configuration=Configuration((*given.items(), *off)))


def _add(search: FoundSearch, run: Run, entry: RunRecord | None = None, is_recorded: bool = True) -> FoundRun:
    if run.folder not in search.runs:
        is_here, is_away = run.folder in search.listing.run_folders, run.folder in search.listing.to_be_deleted
        parent = search.parent if is_here else search.parent_away if is_away else None
        search.runs[run.folder] = FoundRun(run, entry, parent, is_away and not is_here, is_recorded)
    return search.runs[run.folder]


def _gather_results(search: FoundSearch) -> None:
    named = [(search.name_of(row), row) for row in search.table]
    rows = dict(reversed(named))
    for name, found in search.runs.items():
        _read_result(found, search, rows.get(name))
    search.rows_only = [row for name, row in named if name not in search.runs]


def _read_result(found: FoundRun, search: FoundSearch, row: Row | None) -> None:
    """Take a run's summary from the surest source: journal, then its folder, then the table."""
    entry = None if found.entry is None else found.entry.result
    summary = None if entry is None else entry.summary
    if summary is None or (entry is not None and entry.state is not RunState.FINISHED):
        # A run that was given up may have gone on: its folder is more recent.
        summary = _summary_on_disk(found, search) or summary
    if summary is not None:
        found.summary = summary
        out_dir = found.reused or found.run.out_dir
        found.row = row_with(found.run.configuration, out_dir, summary, search.settings)
    elif row is not None:
        keywords = search.settings.summary_keywords
        found.row, found.summary = row, {keyword: [row[keyword]] for keyword in keywords if keyword in row}
    if found.parent is not None or found.summary is not None:
        found.completion = Completion.UNFINISHED
    try:
        if found.summary is not None and is_finished(found.summary):
            found.completion = Completion.FINISHED
    except (SummaryError, KeyError) as error:
        found.problem = found.problem or str(error)


def _summary_on_disk(found: FoundRun, search: FoundSearch) -> Summary | None:
    try:
        if found.parent is not None:
            return read_summary(f"{found.parent}/{found.run.folder}", found.run, search.config)
        found.problem = "it has no folder"
    except SummaryError as error:
        found.problem = str(error)
    return None


class SearchLiveness:
    """Liveness in a search folder of any origin. controller: its (possible) controller as text; None if none."""

    def __init__(self, search: FoundSearch) -> None:
        self._search = search
        holder = lock_holder(search.folder.lock)
        self.controller = {
            Liveness.GONE: None,
            Liveness.LIVE: str(holder),
            Liveness.UNKNOWN: f"{holder}, which cannot be seen from this machine",
        }[liveness_of_controller(holder)]

    @cached_property
    def _named_by_processes(self) -> frozenset[str]:
        return runs_named_by(processes(), self._search.folder.path, self._search.runs)

    def may_be_live(self, found: FoundRun) -> bool:
        """Return whether a run may be live, or be started at any moment; True if that is unknown."""
        record = self._search.record
        if self._search.is_journal_damaged or found.run.folder in self._named_by_processes:
            return True
        if found.entry is None or record is None:
            return False
        entry = found.entry
        if self.controller is not None:
            # A live controller leaves finished runs alone; a resumed search runs earlier unfinished runs again.
            is_over = entry.state.is_done or (entry.state is RunState.UNFINISHED and record.is_of_now(entry))
            return not is_over or entry.collected_at is None
        is_on_cluster = bool(record.options.get("run_cluster"))
        return liveness_of_run(entry, self._search.folder, is_on_cluster) is not Liveness.GONE
