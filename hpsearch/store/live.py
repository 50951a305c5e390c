"""The search that this process controls: its lock, journal, record and table, kept in step."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence

from hpsearch.core.errors import ControllerPresent, FolderError, StoreError, reason_of
from hpsearch.core.model import Run
from hpsearch.journal.events import Event, RowCarried, RunPlanned, SearchStarted
from hpsearch.journal.lines import to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import replace
from hpsearch.store.classic_files import append_commands, write_commands, write_not_completed
from hpsearch.store.configuration_table import repetitions, write_configurations
from hpsearch.store.journal_file import Journal, read_record
from hpsearch.store.layout import GrowingLog, SearchFolder, remove, remove_parts, write_whole
from hpsearch.store.lock import ControllerLock, Holder, LockWays, take_request
from hpsearch.store.table import Columns, ResultsTable, Row, more_cells, read_table, row_of, whole_table


def refuse_other_script(earlier: Settings, settings: Settings, folder: SearchFolder, remedy: str) -> None:
    """Raise FolderError unless runs of an earlier search in a folder can be resumed with the settings of a new one."""
    if bool(earlier.options.get("snapshot")) != bool(settings.options.get("snapshot")):
        problem = "of this search and the one there, only one executes a copy of the code (--snapshot)"
        raise FolderError(f"{folder.path}: {problem}; {remedy}")
    # A snapshot of the code moves with the folder.
    earlier, settings = (replace(each, run_cwd=str(folder.work_folder(each))) for each in (earlier, settings))
    for name in ("program", "run_cwd", "out_arg", "summary_filename"):
        was, now = getattr(earlier, name), getattr(settings, name)
        if was != now:
            problem = f"the search there has {name} {was!r}, this one {now!r}"
            raise FolderError(f"{folder.path}: {problem}; searches in one folder must have the same; {remedy}")


class LiveSearch:
    """One controller's hold on a search folder: events go to the journal first, then everywhere else."""

    def __init__(
        self,
        folder: SearchFolder,
        holder: Holder | None = None,
        ways: LockWays | None = None,
        passes_over_damage: bool = False,
    ) -> None:
        """Take the lock and read the journal, if there is one.

        holder: what the lock file says of this controller. ways: how the lock is taken.
        passes_over_damage: skip what cannot be used in the journal.
        Raises FolderError if another controller holds the folder, StoreError if the folder cannot be written,
        FileNotFoundError if it has just been removed.
        """
        self.folder = folder
        try:
            folder.state.mkdir(exist_ok=True)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"{folder.state}: cannot make this folder ({reason_of(error)})") from error
        self._lock = ControllerLock(folder.lock, holder, ways)
        try:
            self.has_journal = folder.journal.exists()
            self.record = read_record(folder, passes_over_damage) if self.has_journal else SearchRecord()
        except BaseException:
            self._lock.release()
            raise
        #: The controller's own messages.
        self.log = GrowingLog(folder.log)
        self._journal: Journal | None = None
        self._table: ResultsTable | None = None
        self._columns = Columns(())
        #: Which runs the table shows: the output folders of its first rows, and the numbers of all runs added since.
        self._shown_at_first: set[str] = set()
        self._shown: set[int] = set()
        self._is_table_whole = True
        self._is_finished = False
        self._unwritten: list[Event] = []
        #: Why the journal could not be written at the last try; None if it could.
        self.trouble: StoreError | None = None
        self._before_plan = b""

    @property
    def settings(self) -> Settings:
        """The settings of the (latest) search in the folder."""
        return self.record.known_settings()

    def add_plan(self, runs: Iterable[Run], settings: Settings, at: float, more: Iterable[Event] = ()) -> None:
        """Add a planned search, whole or not at all, and before it the table's rows that the journal lacks.

        at: seconds since the epoch. more: events about these runs, or of more runs. Raises StoreError if it cannot be
        written.
        """
        self.folder.create_state()
        refuse_other_script(self.record.settings or settings, settings, self.folder, "give another --out_dir")
        started = SearchStarted(settings.to_json(), at)
        earlier = self.folder.journal.read_bytes() if self.folder.journal.exists() else b""
        self._before_plan = earlier[: earlier.rfind(b"\n") + 1]
        write_whole(self.folder.settings_copy, to_line(started))
        rows = self._unknown_rows(settings.out_arg)
        # One by one: with a million runs, only the record's own objects may be in memory.
        events: Iterator[Event] = itertools.chain(map(RowCarried, rows), map(RunPlanned.of, runs), more, [started])
        write_whole(self.folder.journal, self._before_plan, (self._applied_line(event) for event in events))

    def _unknown_rows(self, out_arg: str) -> list[Row]:
        """Return the table's rows that belong to no run of the journal."""
        places = [(row, row.get(out_arg, "")) for row in read_table(self.folder.results)]
        entries = list(self.record) if places else []
        known = {out_dir for entry in entries for out_dir in (entry.run.out_dir, entry.result.out_dir)}
        known |= {row.get(out_arg, "") for row in self.record.carried}
        # A table last written before the folder was moved has the runs' old paths.
        names = {entry.run.folder for entry in entries}
        return [row for row, place in places if place not in known and os.path.basename(place) not in names]  # noqa: PTH119

    def _applied_line(self, event: Event) -> bytes:
        self.record.apply(event)
        return to_line(event)

    def withdraw_plan(self) -> None:
        """Take back what `add_plan` added to an earlier search, if nothing was started. Nothing can be noted then."""
        if self._before_plan:
            write_whole(self.folder.journal, self._before_plan)
            self.record = read_record(self.folder)
            earlier = SearchStarted(self.settings.to_json(), self.record.started_at or 0.0)
            write_whole(self.folder.settings_copy, to_line(earlier))
            self.write_commands()

    def open_for_work(self, *first: Event) -> None:
        """Open journal and table for what is to come; note `first`. The table then shows what the journal knows."""
        self.folder.create_state()
        self._journal = Journal(self.folder.journal)
        if first:
            self.note(*first, durable=True)
        # Sorted, as the last controller left it: if nothing can be started, it stays so.
        self._columns, rows = whole_table(self.record, is_sorted=True)
        self._table = ResultsTable(self.folder.results, self._columns.names, rows)
        self._shown_at_first = {row.get(self.settings.out_arg, "") for row in rows}
        # A reused run that is run here after all keeps one row.
        self._shown_at_first |= {entry.run.out_dir for entry in self.record.with_events if entry.result.reused}

    def who_asked_to_cancel(self) -> str | None:
        """Return who asked this controller from elsewhere to stop; None if nobody did. A request is told once."""
        return take_request(self.folder.cancel_request, self._lock.holder)

    def write_commands(self) -> None:
        """Write the scripts and the pickle of all commands."""
        write_commands(self.folder, self.record)

    def add_commands(self, runs: Sequence[Run]) -> None:
        """Add new commands to the scripts. Never fails: `write_commands` writes them anew."""
        append_commands(self.folder, runs, self.settings)

    def note(self, *events: Event, durable: bool = False, at_once: bool = False) -> None:
        """Write events to the journal, then apply them; for what may happen only after it is written.

        durable, at_once: see `Journal.append`.
        Raises StoreError if the journal takes no more, ControllerPresent if another controller took the search over.
        """
        self._write(*self._unwritten, *events, durable=durable, at_once=at_once)
        for event in events:
            self.record.apply(event)

    def note_happened(self, *events: Event, durable: bool = False, at_once: bool = False) -> None:
        """Apply events that have happened already, and write them; during `trouble`, `note` writes them later."""
        for event in events:
            self.record.apply(event)
        self._unwritten += events
        with contextlib.suppress(StoreError):
            self._write(*self._unwritten, durable=durable, at_once=at_once)

    def note_soon(self, *events: Event) -> None:
        """Apply events that have happened already, or have no effect yet; they are written before the next ones.

        That saves a write, 20 us. `write_noted` writes it if nothing else is noted.
        """
        for event in events:
            self.record.apply(event)
        self._unwritten += events

    def write_noted(self) -> None:
        """Write the events of `note_soon`, unless there is `trouble`."""
        if self._unwritten and self.trouble is None:
            with contextlib.suppress(StoreError):
                self._write(*self._unwritten)

    def end_trouble(self) -> None:
        """Try to write what could not be written; success ends the `trouble`."""
        assert self._journal is not None
        try:
            self._journal.check_room()
            self._write(*self._unwritten, at_once=True)
        except StoreError as error:
            self.trouble = error

    def write_rest(self) -> None:
        """Write what could not be written before. Raises StoreError if the journal still takes no more."""
        if self._unwritten:
            self._write(*self._unwritten, at_once=True)

    def _write(self, *events: Event, durable: bool = False, at_once: bool = False) -> None:
        assert self._journal is not None
        self._lock.check()
        try:
            self._journal.append(*events, durable=durable, at_once=at_once)
        except StoreError as error:
            self.trouble = error
            raise
        self._unwritten.clear()
        self.trouble = None

    def add_row(self, entry: RunRecord) -> None:
        """Add a run's row to the table, at constant cost. Raises StoreError; the row then comes with the next one."""
        assert self._table is not None
        row = row_of(entry.result, self.settings)
        is_new = entry.run.number not in self._shown and entry.run.out_dir not in self._shown_at_first
        has_columns = (
            set(row) <= set(self._columns.classic) and bool(self._columns.more) == self.record.has_more_columns
        )
        can_grow = self._is_table_whole and is_new and has_columns
        self._is_table_whole = False
        if can_grow:
            cells = more_cells(entry.result) if self._columns.more else {}
            self._table.append(self._columns.row(row, cells))
        else:
            # A repeated run keeps one row, and an unannounced keyword gets a column.
            self._columns, rows = whole_table(self.record, is_sorted=False)
            self._table.rewrite(self._columns.names, rows)
        self._shown.add(entry.run.number)
        self._is_table_whole = True

    def finish(self) -> None:
        """Sort the table; write the table of configurations if the search has seeds, and the list of unfinished runs.

        Raises StoreError; the earlier files then stay.
        """
        assert self._table is not None
        self._lock.check()
        self._columns, rows = whole_table(self.record, is_sorted=True)
        self._table.rewrite(self._columns.names, rows)
        write_not_completed(self.folder, self.record)
        if self.record.over:
            write_configurations(self.folder, repetitions(self.record), self.settings, self.record.over)
        self._is_finished = True

    def close_files(self) -> None:
        """Close journal and table; the lock is kept. Raises StoreError if the disk does not take what was written."""
        if self._journal is not None:
            with contextlib.suppress(ControllerPresent):
                self.write_noted()
        table, self._table = self._table, None
        journal, self._journal = self._journal, None
        try:
            if table is not None:
                table.close()
            if journal is not None:
                journal.close()
        except OSError as error:
            raise StoreError(f"{self.folder.state}: cannot be written ({reason_of(error)})") from error

    def close(self) -> None:
        """Close all files and give the lock back."""
        self.log.close()
        try:
            self.close_files()
        finally:
            # Until then the journal may lack live runs: it is refused, or about to be repaired.
            if self._is_finished:
                self._remove_rests()
            self._lock.release()

    def _remove_rests(self) -> None:
        """Remove what killed controllers left: parts of files, exit files that were read, empty logs of no attempt.

        Also a request to stop that no controller has taken.
        """
        folder = self.folder
        try:
            self._lock.check()
        except ControllerPresent:
            return
        for each in (folder.path, folder.state, folder.provenance):
            remove_parts(each)
        with contextlib.suppress(OSError, StoreError):
            logs, notes = [*folder.logs.iterdir()], [*folder.exits.iterdir()]
            entries = self.record.with_events
            live = {entry.token for entry in entries if entry.is_open}
            # A live run's log may still be empty, too, and each backend names logs in its own way. A controller that
            # died while it tried whether a log can be written leaves one byte in it.
            known = {entry.token for entry in entries} if logs and not live else set[str]()
            empty = (log for log in logs if not live and log.stem not in known and log.stat().st_size <= 1)
            # A request to stop is void: the controller that it was for has ended.
            for path in (folder.cancel_request, *empty, *(note for note in notes if note.name not in live)):
                remove(path)

    def __enter__(self) -> LiveSearch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
