"""A search folder opened for reading: found by what the user names, without writing or locking anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.core.errors import FolderError
from hpsearch.core.hints import shown_path
from hpsearch.core.model import RunState, Summary
from hpsearch.folder.nearby import searches_below
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import replace
from hpsearch.store.journal_file import JournalReader, read_record, remedy_for
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, lock_holder
from hpsearch.store.run_folders import folder_of, folders_aside

_TABLE = "search_results.csv"


def find_folder(given: str, *bases: Path, option: str = "") -> SearchFolder:
    """Return the search folder that a user names, by itself or by the table of results in it.

    bases: where a relative path may start, if not here; the first that has the folder counts. option: its name, for
    the message. Raises UsageError if there is no such folder.
    """
    bases = bases or (Path.cwd(),)
    path = Path(given)
    if path.name == _TABLE and not any(os.path.isdir(absolute(given, base, option)) for base in bases):  # noqa: PTH112
        given = str(path.parent)
    if_missing = f"there is no such folder; give the one that holds {_TABLE}"
    return SearchFolder(existing_folder(given, *bases, option=option, if_missing=if_missing))


def recorded_search(path: Path) -> SearchRecord | None:
    """Return what a folder's journal adds up to; None if there is no journal, or no search in it.

    Raises FolderError if the journal cannot be read.
    """
    folder = SearchFolder(path)
    record = read_record(folder) if folder.journal.exists() else SearchRecord()
    return record if record.settings is not None else None


def every_run(record: SearchRecord) -> Iterator[RunRecord]:
    """Yield the counting record of each run; then the finished runs known only from rows, with number 0."""
    yield from (entry.result for entry in record)
    if not record.carried:
        return
    # Few searches have rows of an earlier tool, and only they need these modules.
    from hpsearch.store.classic_files import run_of_row
    from hpsearch.store.table import is_finished_row

    settings = record.known_settings()
    for row in filter(is_finished_row, record.carried):
        if (run := run_of_row(row, settings.out_arg, settings.summary_keywords, 0)) is not None:
            summary: Summary = {name: [cell] for name, cell in row.items() if name in settings.summary_keywords}
            yield RunRecord(replace(run, number=0), RunState.FINISHED, summary=summary)


class SearchReader:
    """Reads the state of a search; later calls read only what is new."""

    def __init__(
        self,
        folder: SearchFolder,
        passes_over_damage: bool = False,
        new_record: Callable[[bool], SearchRecord] = SearchRecord,
    ) -> None:
        """Read the journal. passes_over_damage: skip what cannot be used, and note it in `damage`.

        new_record: makes the record for the events; its argument says whether it fills gaps.
        Raises FolderError if there is no journal, naming the newest search below the folder if there is one.
        """
        self.folder, self._passes_over_damage, self._new_record = folder, passes_over_damage, new_record
        check_has_journal(folder)
        self._start_anew()
        self.update()

    def update(self) -> None:
        """Read new events. Raises FolderError if the journal cannot be read."""
        if self._journal.is_replaced():
            self._start_anew()
        self._journal.read_into(self.record)
        if self._passes_over_damage:
            # Imported late: only a damaged journal needs it.
            from hpsearch.store.repair import fill_in_settings

            fill_in_settings(self.record, self.folder)
        self.record.known_settings()

    def fill_in(self) -> None:
        """Complete a damaged journal's record from other files; only once its controller is gone."""
        if self.damage or not self._journal.has_settings:
            from hpsearch.store.repair import fill_in

            fill_in(self.record, self.folder)

    @property
    def damage(self) -> list[str]:
        """A message for each line of the journal that cannot be used."""
        return self._journal.damage

    def holder(self) -> Holder | None:
        """Return who took the search's lock and did not give it back."""
        return lock_holder(self.folder.lock)

    def is_copy(self, holder: Holder) -> bool:
        """Return whether the folder is a copy of the folder that this holder works on."""
        return bool(holder.inode) and self.folder.lock.stat().st_ino != holder.inode

    def run(self, number: int) -> RunRecord:
        """Return a run. Raises FolderError if no run has this number."""
        runs = self.record.runs
        if number not in runs:
            reach = f"runs go from {min(runs)} to {max(runs)}" if runs else "no run was chosen yet"
            raise FolderError(f"there is no run {number} in {self.folder.path}; {reach}")
        return runs[number]

    def _start_anew(self) -> None:
        self._journal = JournalReader(self.folder.journal, self._passes_over_damage)
        self.record = self._new_record(self._passes_over_damage)


def check_has_journal(folder: SearchFolder) -> None:
    """Raise FolderError if a folder has no journal, and so holds no search of this tool."""
    if not folder.journal.exists():
        raise no_search(folder)


def no_search(folder: SearchFolder, lacks: str = "", problems: Iterable[str] = ()) -> FolderError:
    """Return the error that a folder holds no search, naming the search that may be meant.

    lacks: what else was looked for besides the journal. problems: about files that could not be used.
    """
    below = [path for path in searches_below(folder.path) if path != folder.path]
    if below:
        others = f" (the newest of {len(below):,})" if len(below) > 1 else ""
        return FolderError(f"{folder.path}: not a search folder itself; did you mean {shown_path(below[0])}{others}?")
    if folder.settings_copy.exists():
        return FolderError(f"{folder.journal}: it is lost; {remedy_for(folder.journal)}")
    if os.listdir(folder.path) == [folder.state.name]:  # noqa: PTH208
        how = "if it was killed, remove the folder and start the search again"
        return FolderError(f"{folder.path}: its search is just starting, or was killed before it planned a run; {how}")
    return FolderError(
        f"{folder.path}: not a search folder of this tool (there is no {folder.journal}{lacks}); "
        f"give the folder that holds {_TABLE}" + "".join(f"\n  {problem}" for problem in problems)
    )


def logs_of_attempts(folder: SearchFolder, entry: RunRecord, suffix: str) -> dict[int, Path]:
    """Return a run's logs with this suffix (``.out`` or ``.err``): number of the attempt -> log, in order.

    A live attempt's logs lie with the search's own files, all others in the run's folder or where that was moved.
    """
    folders = folders_aside(folder, entry.run)
    # An earlier attempt's folder may have been moved back: then the newest one was moved aside.
    current = max(set(range(entry.attempts + 1)) - folders.keys(), default=0)
    folders[current] = folder_of(entry, folder)
    name = folders[current].name
    newest = {}
    for number, path in folders.items():
        # Schedulers put the job's id into a log's name; the newest log counts.
        logs = sorted(path.glob(f"*{name}*{suffix}*"), key=_changed_at)
        if logs:
            newest[number] = logs[-1]
    live = folder.logs / f"{entry.token}{suffix}"
    # An attempt that is only prepared may have an empty file before its submission.
    if entry.submitted is not None and live.exists():
        newest[entry.attempts] = live
    return dict(sorted(newest.items()))


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # The controller has just moved it, or it may not be read.
