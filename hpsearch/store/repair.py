"""A damaged journal made usable again: whole lines are kept, and what other files still know is put back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.core.errors import FolderError, StoreError, reason_of
from hpsearch.store.events import (
    Event,
    RowCarried,
    RunCollected,
    RunPlanned,
    SearchStarted,
    Settings,
    from_line,
    to_line,
)
from hpsearch.store.layout import SearchFolder, free_name, write_whole
from hpsearch.store.record import SearchRecord
from hpsearch.store.remains import copy_of_settings, lost_attempts, lost_plans, lost_results

#: How a journal's line begins; a line that was torn and written on holds this once more.
_BEGINNING = b'{"event":'


@dataclass
class JournalRepair:
    """What a journal becomes. events: those that are kept, each with its line. found: how many lines there were.

    dropped: a message for each line that is left out. put_back: one for what other files knew.
    """

    events: list[tuple[int, Event]] = field(default_factory=list)
    found: int = 0
    dropped: list[str] = field(default_factory=list)
    put_back: list[str] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        """True if the journal is not as it should be."""
        return bool(self.dropped or self.put_back)

    @property
    def content(self) -> bytes:
        """The journal, repaired."""
        return b"".join(to_line(event) for _, event in self.events)


def journal_repair(folder: SearchFolder, check: Callable[[Event], None], lives: Callable[[str], bool]) -> JournalRepair:
    """Return what the journal of a folder becomes; nothing is written.

    check: raises ValueError for what only later readers would refuse. lives: whether an attempt is live, by its token.
    Raises FolderError if the journal cannot be read.
    """
    repair = JournalRepair()
    for number, line in enumerate(_content_of(folder.journal).split(b"\n"), start=1):
        if line:
            repair.found += 1
            _take(repair, number, line, check)
    _put_back_settings(repair, folder)
    _put_back_plans(repair, folder)
    _leave_out_misfits(repair)
    _put_back_results_and_attempts(repair, folder, lives)
    return repair


def _content_of(journal: Path) -> bytes:
    """Return what a journal holds; nothing if it is lost.

    Raises FolderError if it cannot be read.
    """
    try:
        return journal.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FolderError(f"{journal}: cannot be read ({reason_of(error)})") from error


def write_repair(folder: SearchFolder, repair: JournalRepair) -> Path | None:
    """Write a repaired journal; return where the old one lies now, None if there was none.

    Raises StoreError if that cannot be done; the old journal then stays.
    """
    old = free_name(folder.journal.with_name(f"{folder.journal.name}.damaged")) if folder.journal.exists() else None
    if old is not None:
        write_whole(old, _content_of(folder.journal))
    folder.create_state()
    write_whole(folder.journal, repair.content)
    return old


def set_aside_foreign(folder: SearchFolder) -> list[str]:
    """Rename what stands where our own files and folders belong and is none; return a message for each.

    Raises StoreError if that cannot be done.
    """
    return [f"{path}: {problem}; it is now {_renamed(path)}" for path, problem in _foreign(folder)]


def _foreign(folder: SearchFolder) -> Iterator[tuple[Path, str]]:
    for path in (folder.exits, folder.logs, folder.attempts):
        if os.path.lexists(path) and not path.is_dir():
            yield path, "expected a folder, found something else"
    exits = list(folder.exits.iterdir()) if folder.exits.is_dir() else []
    for path in (folder.journal, folder.lock, folder.cancel_request, folder.log, folder.settings_copy, *exits):
        if os.path.lexists(path) and not path.is_file():
            yield path, "expected a file, found something else"


def _renamed(path: Path) -> str:
    target = free_name(path.with_name(f"{path.name}.damaged"))
    try:
        path.rename(target)
    except OSError as error:
        raise StoreError(f"{path}: cannot be renamed ({reason_of(error)})") from error
    return target.name


def _take(repair: JournalRepair, number: int, line: bytes, check: Callable[[Event], None]) -> None:
    """Keep the event in a line; where another was written onto a torn one, the last."""
    try:
        event = from_line(line)
        check(event)
        repair.events.append((number, event))
    except ValueError as error:
        repair.dropped.append(f"line {number}: {error}")
        start = line.find(_BEGINNING, 1)
        if start > 0:
            _take_end(repair, number, line[start:], check)


def _take_end(repair: JournalRepair, number: int, line: bytes, check: Callable[[Event], None]) -> None:
    while line:
        try:
            event = from_line(line)
            check(event)
            repair.events.append((number, event))
            repair.dropped[-1] += " (only its end is whole, and is kept)"
            return
        except ValueError:
            start = line.find(_BEGINNING, 1)
            line = line[start:] if start > 0 else b""


def _put_back_settings(repair: JournalRepair, folder: SearchFolder) -> None:
    if any(isinstance(event, SearchStarted) for _, event in repair.events):
        return
    copy = copy_of_settings(folder)
    if copy is None:
        return
    planned = [index for index, (_, event) in enumerate(repair.events) if isinstance(event, RunPlanned)]
    repair.events.insert(max(planned, default=-1) + 1, (0, copy))
    repair.put_back.append(f"the settings of the search, from {folder.settings_copy}")


def _put_back_plans(repair: JournalRepair, folder: SearchFolder) -> None:
    """Put back runs whose planning is lost, in front of everything that tells of them."""
    started = next((event for _, event in repair.events if isinstance(event, SearchStarted)), None)
    if started is None:
        return
    known = [event for _, event in repair.events if isinstance(event, RunPlanned)]
    plans = lost_plans(folder, Settings.from_json(started.settings), known)
    if plans:
        repair.events = sorted([*((0, plan) for plan in plans), *repair.events], key=_planned_first)
    repair.put_back += [f"run {plan.run}, from {folder.commands_pickle}" for plan in plans]


def _put_back_results_and_attempts(repair: JournalRepair, folder: SearchFolder, lives: Callable[[str], bool]) -> None:
    """Put back what the table and the newest attempts' files tell where lines are lost.

    Whether an attempt lives is asked when the search is resumed.
    """
    record = SearchRecord.of(event for _, event in repair.events)
    if not repair.is_needed or record.settings is None:
        return
    results = lost_results(folder, record)
    for event in results:
        record.apply(event)
        if isinstance(event, RunCollected):
            repair.put_back.append(f"the result of run {event.run}, from {folder.results}")
        elif isinstance(event, RowCarried):
            repair.put_back.append(f"a row of an earlier search, from {folder.results}")
    attempts = lost_attempts(folder, record, lives)
    repair.put_back += [f"attempt {attempt.token}, from its files" for attempt in attempts]
    repair.events += [(0, event) for event in (*results, *attempts)]


def _planned_first(numbered: tuple[int, Event]) -> tuple[int, int]:
    """Return what sorts planned runs by their number, and everything else behind them in its order."""
    event = numbered[1]
    return (0, event.run) if isinstance(event, RunPlanned) else (1, 0)


def _leave_out_misfits(repair: JournalRepair) -> None:
    record, fitting = SearchRecord(), []
    for number, event in repair.events:
        try:
            record.apply(event)
            fitting.append((number, event))
        except (KeyError, ValueError, TypeError) as error:
            repair.dropped.append(f"line {number}: it does not fit what stands before it ({error!r})")
    repair.events = fitting
