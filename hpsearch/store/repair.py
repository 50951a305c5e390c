"""A damaged journal made usable again: whole lines are kept, and what other files still know is put back."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hpsearch.core.errors import FolderError, StoreError, SummaryError, reason_of
from hpsearch.core.model import Run, RunState
from hpsearch.core.summary import is_finished
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    Event,
    RowCarried,
    RunCollected,
    RunPlanned,
    RunsPlanned,
    SearchStarted,
    encode_summary,
)
from hpsearch.journal.lines import from_line, to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.startup.classes import dataclass, field
from hpsearch.store.classic_files import folder_name, runs_of_commands
from hpsearch.store.layout import SearchFolder, free_name, read_small, write_whole
from hpsearch.store.table import Row, whole_rows

#: How a journal's line begins; a torn line with another one written behind it has this twice.
_BEGINNING = b'{"event":'
#: More bytes than the settings of any search take.
_MOST_SETTINGS = 2**24
#: The token in the names of an attempt's files: the run's folder, the number of the attempt, random digits.
_OF_ATTEMPT = re.compile(r"(?P<token>(?P<folder>.+)\.(?P<number>[0-9]{1,9})\.[0-9a-f]{6})(?:\.\w+)?")


@dataclass
class JournalRepair:
    """What a journal becomes. events: (number of its line, event), 0 if it is put back from elsewhere.

    found: how many lines there were. dropped, put_back: a message for each event.
    """

    events: list[tuple[int, Event]] = field(default_factory=list)
    found: int = 0
    dropped: list[str] = field(default_factory=list)
    put_back: list[str] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        """True if the journal is damaged."""
        return bool(self.dropped or self.put_back)


def journal_repair(folder: SearchFolder, check: Callable[[Event], None], lives: Callable[[str], bool]) -> JournalRepair:
    """Return what the journal of a folder becomes; nothing is written.

    check: raises ValueError for events that only later readers would refuse. lives: whether a token's attempt lives.
    Raises FolderError if the journal cannot be read.
    """
    repair = JournalRepair()
    for number, line in enumerate(_content_of(folder.journal).split(b"\n"), start=1):
        if line:
            repair.found += 1
            _take(repair, number, line, check)
    _put_back_plan(repair, folder)
    record = _fitting(repair)
    if repair.is_needed and record.settings is not None:
        _put_back_results_and_attempts(repair, folder, record, lives)
    return repair


def _content_of(journal: Path) -> bytes:
    """Return a journal's content; empty if it is lost. Raises FolderError if it cannot be read."""
    try:
        return journal.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise FolderError(f"{journal}: cannot be read ({reason_of(error)})") from error


def write_repair(folder: SearchFolder, repair: JournalRepair) -> Path | None:
    """Write a repaired journal; return where the old one lies, if there was one. Raises StoreError."""
    old = _name_aside(folder.journal) if folder.journal.exists() else None
    if old is not None:
        write_whole(old, _content_of(folder.journal))
    folder.create_state()
    write_whole(folder.journal, b"".join(to_line(event) for _, event in repair.events))
    return old


def set_aside_foreign(folder: SearchFolder) -> list[str]:
    """Rename what blocks the paths of our files and folders; return a message for each. Raises StoreError."""
    folders = (folder.exits, folder.logs, folder.attempts)
    exits = folder.exits.iterdir() if folder.exits.is_dir() else ()
    files = (folder.journal, folder.lock, folder.cancel_request, folder.log, folder.settings_copy, *exits)
    foreign = [(path, "folder") for path in folders if os.path.lexists(path) and not path.is_dir()]
    foreign += [(path, "file") for path in files if os.path.lexists(path) and not path.is_file()]
    return [
        f"{path}: expected a {kind}, found something else; renamed it to {_renamed(path)}" for path, kind in foreign
    ]


def _name_aside(path: Path) -> Path:
    return free_name(path.with_name(f"{path.name}.damaged"))


def _renamed(path: Path) -> str:
    target = _name_aside(path)
    try:
        path.rename(target)
    except OSError as error:
        raise StoreError(f"{path}: cannot be renamed ({reason_of(error)})") from error
    return target.name


def _take(repair: JournalRepair, number: int, line: bytes, check: Callable[[Event], None]) -> None:
    """Keep the event in a line; if a whole event follows a torn one on the same line, keep that."""
    start = 0
    while start >= 0:
        try:
            event = from_line(line[start:])
            check(event)
        except ValueError as error:
            repair.dropped += [f"line {number}: {error}"] if not start else []
            start = line.find(_BEGINNING, start + 1)
        else:
            repair.events.append((number, event))
            if start:
                repair.dropped[-1] += " (only its end is whole, and is kept)"
            return


def _put_back_plan(repair: JournalRepair, folder: SearchFolder) -> None:
    """Put back settings and lost plans of runs, the plans before all other events of these runs."""
    plans = (RunPlanned, RunsPlanned)
    record = SearchRecord()
    for event in (event for _, event in repair.events if isinstance(event, (*plans, SearchStarted))):
        with contextlib.suppress(ValueError):  # Some runs are planned twice; `_fitting` drops the second line.
            record.apply(event)
    copy = fill_in_settings(record, folder)
    if copy is not None:
        planned = [index for index, (_, event) in enumerate(repair.events) if isinstance(event, plans)]
        repair.events.insert(max(planned, default=-1) + 1, (0, copy))
        repair.put_back.append(f"the settings of the search, from {folder.settings_copy}")
    if lost := _lost_plans(folder, record):
        repair.events = sorted([*((0, plan) for plan in lost), *repair.events], key=_place)
        which = f"run {lost[0].run}" if len(lost) == 1 else f"{len(lost):,} runs, {lost[0].run} to {lost[-1].run}"
        repair.put_back.append(f"{which}, from {folder.commands_pickle}")


def _place(each: tuple[int, Event]) -> float:
    """Return a sort key: planned runs come first, by number; everything else keeps its order."""
    event = each[1]
    if isinstance(event, RunPlanned):
        return event.run
    return event.first if isinstance(event, RunsPlanned) else math.inf


def _fitting(repair: JournalRepair) -> SearchRecord:
    """Drop the events that do not fit the events before them; return what the others add up to."""
    record, fitting = SearchRecord(), []
    for number, event in repair.events:
        try:
            record.apply(event)
            fitting.append((number, event))
        except (KeyError, ValueError, TypeError) as error:
            repair.dropped.append(f"line {number}: it does not fit the lines before it ({error!r})")
    repair.events = fitting
    return record


def _put_back_results_and_attempts(
    repair: JournalRepair, folder: SearchFolder, record: SearchRecord, lives: Callable[[str], bool]
) -> None:
    """Put back lost lines from the table and from the newest attempts' files."""
    results = _lost_results(folder, record)
    for event in results:
        record.apply(event)
        if isinstance(event, RunCollected):
            repair.put_back.append(f"the result of run {event.run}, from {folder.results}")
        elif isinstance(event, RowCarried):
            repair.put_back.append(f"a row of an earlier search, from {folder.results}")
    attempts = _lost_attempts(folder, record, lives)
    repair.put_back += [f"attempt {attempt.token}, from its files" for attempt in attempts]
    repair.events += [(0, event) for event in (*results, *attempts)]


def fill_in(record: SearchRecord, folder: SearchFolder) -> None:
    """Complete a record from other files where its journal lost lines: settings, runs, results, attempts."""
    fill_in_settings(record, folder)
    if record.settings is not None:
        for lost in (_lost_plans, _lost_results, _lost_attempts):
            for event in lost(folder, record):
                record.apply(event)


def fill_in_settings(record: SearchRecord, folder: SearchFolder) -> SearchStarted | None:
    """Give a record without settings the copy beside the journal, if there is one; return its event."""
    if record.settings is not None:
        return None
    try:
        event = from_line(read_small(folder.settings_copy, _MOST_SETTINGS))
    except (OSError, ValueError):
        return None
    if not isinstance(event, SearchStarted):
        return None
    controller = record.controller
    record.apply(event)
    record.controller = controller
    return event


def _lost_plans(folder: SearchFolder, record: SearchRecord) -> list[RunPlanned]:
    """Return the runs in commands.pickle that the record lacks."""
    if record.settings is None or not folder.commands_pickle.is_file():
        return []
    known = {entry.run.folder for entry in record}
    runs, _ = runs_of_commands(folder.path, [folder.commands_pickle.name], record.settings.out_arg)
    return [RunPlanned.of(run) for run in runs if run.folder not in known and run.number not in record.runs]


def _lost_results(folder: SearchFolder, record: SearchRecord) -> list[Event]:
    """Return the table's results of runs without a known attempt, and its rows of unknown runs; none if unreadable."""
    settings = record.known_settings()
    runs = {entry.run.folder: entry for entry in record}
    try:
        rows = whole_rows(folder.results, settings.out_arg)
    except StoreError:
        return []
    reused = {entry.result.reused for entry in record}
    events: list[Event] = []
    for row in rows:
        if row.get(settings.out_arg) in reused:
            continue
        entry = runs.get(folder_name(row.get(settings.out_arg, "")))
        if entry is None:
            events += [RowCarried(row)] if row not in record.carried else []
        elif not entry.token:
            events += _finished_by(row, entry.run, settings.summary_keywords)
    return events


def _finished_by(row: Row, run: Run, keywords: Iterable[str]) -> list[Event]:
    """Return the events of a finished run from its row; none if the row does not say that it finished."""
    summary: dict[str, list[object]] = {keyword: [row[keyword]] for keyword in keywords if keyword in row}
    try:
        if not is_finished(summary):
            return []
    except (SummaryError, KeyError):
        return []
    token = f"{run.folder}.1.{'0' * 6}"
    return [
        AttemptIntended(run.number, token, 0.0),
        AttemptEnded(run.number, token, None, 0.0),
        RunCollected(run.number, token, RunState.FINISHED.value, 0.0, encode_summary(summary)),
    ]


def _lost_attempts(
    folder: SearchFolder, record: SearchRecord, lives: Callable[[str], bool] = lambda token: True
) -> list[AttemptIntended]:
    """Return attempts that left logs or exit files and are newer than the record's attempts of their runs.

    lives: whether the attempt of a token may have started although its files are empty. Resuming finds out whether an
    attempt is still live.
    """
    runs = {entry.run.folder: entry.run.number for entry in record}
    tokens = (_OF_ATTEMPT.fullmatch(entry.token) for entry in record)
    known = {token["folder"]: int(token["number"]) for token in tokens if token}
    newest: dict[str, AttemptIntended] = {}
    places = [place for place in (folder.logs, folder.exits) if place.is_dir()]
    for path in (path for place in places for path in sorted(place.iterdir()) if path.is_file()):
        named = _OF_ATTEMPT.fullmatch(path.name)
        if named and named["folder"] in runs and int(named["number"]) > known.get(named["folder"], 0):
            state = path.stat()
            if state.st_size > 0 or lives(named["token"]):
                known[named["folder"]] = int(named["number"])
                newest[named["folder"]] = AttemptIntended(runs[named["folder"]], named["token"], state.st_mtime)
    return list(newest.values())
