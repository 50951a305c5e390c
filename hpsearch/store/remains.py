"""What the other files of a search folder still tell where its journal is damaged or lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hpsearch.core.errors import StoreError, SummaryError
from hpsearch.core.model import Run, RunState
from hpsearch.core.summary import is_finished
from hpsearch.store.checked import read_small
from hpsearch.store.events import (
    AttemptEnded,
    AttemptIntended,
    Event,
    RowCarried,
    RunCollected,
    RunPlanned,
    SearchStarted,
    Settings,
    encode_summary,
    from_line,
    planned,
)
from hpsearch.store.layout import SearchFolder
from hpsearch.store.old_search import folder_name, runs_of_commands
from hpsearch.store.record import SearchRecord
from hpsearch.store.table import Row, whole_rows

#: More bytes than the settings of any search take.
_MOST_SETTINGS = 2**24
#: Files of an attempt are named by its token: the run's folder, the number of the attempt, something random.
_OF_ATTEMPT = re.compile(r"(?P<token>(?P<folder>.+)\.(?P<number>[0-9]{1,9})\.[0-9a-f]{6})(?:\.\w+)?")


def fill_in(record: SearchRecord, folder: SearchFolder) -> None:
    """Give a record what its journal has lost and other files still tell: settings, runs, results, attempts."""
    fill_in_settings(record, folder)
    if record.settings is None:
        return
    known = [RunPlanned(entry.run.number, entry.run.folder, entry.run.out_dir, []) for entry in record]
    for plan in lost_plans(folder, record.settings, known):
        record.apply(plan)
    for event in lost_results(folder, record):
        record.apply(event)
    for attempt in lost_attempts(folder, record):
        record.apply(attempt)


def fill_in_settings(record: SearchRecord, folder: SearchFolder) -> None:
    """Give a record whose settings are lost those that were written beside the journal, if they were."""
    copy = copy_of_settings(folder) if record.settings is None else None
    if copy is not None:
        controller = record.controller
        record.apply(copy)
        record.controller = controller


def copy_of_settings(folder: SearchFolder) -> SearchStarted | None:
    """Return the settings of the latest search as they were written beside the journal; None if they are not there."""
    try:
        event = from_line(read_small(folder.settings_copy, _MOST_SETTINGS))
    except (OSError, ValueError):
        return None
    return event if isinstance(event, SearchStarted) else None


def lost_plans(folder: SearchFolder, settings: Settings, known: Iterable[RunPlanned]) -> list[RunPlanned]:
    """Return the runs that commands.pickle tells of besides those that are known."""
    if not folder.commands_pickle.is_file():
        return []
    known = list(known)
    folders, numbers = {plan.folder for plan in known}, {plan.run for plan in known}
    runs, _ = runs_of_commands(folder.path, [folder.commands_pickle.name], settings.out_arg)
    return [planned(run) for run in runs if run.folder not in folders and run.number not in numbers]


def lost_results(folder: SearchFolder, record: SearchRecord) -> list[Event]:
    """Return what the table of results tells of runs of which the record knows no attempt, and of no run at all.

    Nothing if the table cannot be read either.
    """
    settings = record.known_settings()
    runs = {entry.run.folder: entry for entry in record}
    try:
        rows = whole_rows(folder.results, settings.out_arg)
    except StoreError:
        return []
    events: list[Event] = []
    for row in rows:
        entry = runs.get(folder_name(row.get(settings.out_arg, "")))
        if entry is None:
            events += [RowCarried(row)] if row not in record.carried else []
        elif not entry.token:
            events += _finished_by(row, entry.run, settings.summary_keywords)
    return events


def _finished_by(row: Row, run: Run, keywords: Iterable[str]) -> list[Event]:
    """Return the events of a run that finished, as its row tells it; none if it does not."""
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


def lost_attempts(
    folder: SearchFolder, record: SearchRecord, lives: Callable[[str], bool] = lambda token: True
) -> list[AttemptIntended]:
    """Return the attempts that left logs or exit files, and are newer than what a record knows of their runs.

    lives: whether an attempt that has printed nothing may be more than a preparation. Whether one is still live is for
    the backend to say.
    """
    runs = {entry.run.folder: entry for entry in record}
    newest: dict[str, tuple[int, str, float]] = {}
    for path in _files_of_attempts(folder):
        named = _OF_ATTEMPT.fullmatch(path.name)
        if named is not None and named["folder"] in runs:
            number = int(named["number"])
            known = max(_number_of(runs[named["folder"]].token), newest.get(named["folder"], (0,))[0])
            if number > known and (path.stat().st_size > 0 or lives(named["token"])):
                newest[named["folder"]] = (number, named["token"], path.stat().st_mtime)
    return [AttemptIntended(runs[name].run.number, token, at) for name, (_, token, at) in newest.items()]


def _files_of_attempts(folder: SearchFolder) -> Iterator[Path]:
    for place in (folder.logs, folder.exits):
        if place.is_dir():
            yield from (path for path in sorted(place.iterdir()) if path.is_file())


def _number_of(token: str) -> int:
    named = _OF_ATTEMPT.fullmatch(token)
    return 0 if named is None else int(named["number"])
