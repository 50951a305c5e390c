"""``hpsearch list``: the searches below a folder, one a line."""

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.config.given_paths import existing_folder
from hpsearch.config.parsers import folder_parser
from hpsearch.console.console import Console
from hpsearch.console.text import aligned, duration
from hpsearch.core.errors import SearchError
from hpsearch.core.hints import shown_path
from hpsearch.core.model import RunState
from hpsearch.core.ranking import best, number_of
from hpsearch.folder.liveness import liveness_of_controller
from hpsearch.folder.nearby import USUAL_PLACE, last_activity, searches_below
from hpsearch.folder.overview import overview
from hpsearch.folder.run_tables import best_runs, performance
from hpsearch.results.best import finished_runs
from hpsearch.results.search_status import SearchState
from hpsearch.store.classic_files import runs_of_commands
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import lock_holder
from hpsearch.store.values import readable

_EXAMPLE = """\
examples:
  hpsearch list
  hpsearch list /scratch/me/searches --json
"""
#: How wide a list is where there is no terminal, and at most its column of the best value.
_WIDTH, _BEST_WIDTH = 80, 16
#: Instead of a state, where the journal cannot be read.
_DAMAGED = "damaged"


@dataclass(frozen=True)
class Listed:
    """One search in the list.

    state: value of a SearchState, or "damaged". runs: how many, None if unknown. done: finished ones.
    counts: by state, None where only the finished ones are known. best: value under `key`, None if there is none.
    started_at, last_at: seconds since the epoch.
    """

    path: Path
    state: str
    last_at: float
    name: str = ""
    runs: int | None = None
    done: int | None = None
    counts: Counter[RunState] | None = None
    key: str = ""
    best: float | None = None
    started_at: float | None = None


def main(argv: Sequence[str]) -> int:
    """List searches; return the exit status."""
    text = "List the searches in FOLDER and below it. Default: ./out, or the current folder if there is no ./out."
    parser = folder_parser("list", "List searches, the newest first.", _EXAMPLE, metavar="FOLDER", text=text)
    parser.add_argument("--json", action="store_true", help="Print a JSON list on one line (keys: docs/asking.rst).")
    options = parser.parse_args(argv)
    console = Console(stamps=False)
    usual = Path(USUAL_PLACE) if Path(USUAL_PLACE).is_dir() else Path()
    folder = usual if options.folder is None else existing_folder(options.folder, Path.cwd())
    listed = [_listed(path.absolute(), console) for path in searches_below(folder)]
    if options.json:
        return console.results([json.dumps([_as_json(each) for each in listed])])
    if not listed:
        console.note(f"no searches in {shown_path(folder.absolute())} or below; hpsearch list FOLDER looks elsewhere")
        return 0
    # Those below the usual place are known to all commands by their names alone.
    has_short_names = folder.resolve() == Path(USUAL_PLACE).resolve()
    return console.results(lines_of(listed, time.time(), console.width or _WIDTH, has_short_names))


def _listed(path: Path, console: Console) -> Listed:
    folder = SearchFolder(path)
    try:
        return _with_journal(folder) if os.path.lexists(folder.journal) else _of_older_tool(folder)
    except SearchError as error:
        console.warn(str(error))
        return Listed(path, _DAMAGED, last_activity(path))


def _with_journal(folder: SearchFolder) -> Listed:
    found = overview(folder)
    record, settings = found.record, found.record.known_settings()
    first = next(iter(best_runs(record, settings)), None)
    return Listed(
        folder.path,
        SearchState.of(liveness_of_controller(lock_holder(folder.lock)), found.left).value,
        record.last_event_at or 0.0,
        settings.name,
        found.runs,
        sum(entry.result.state is RunState.FINISHED for entry in record),
        found.counts,
        settings.performance_key,
        None if first is None else performance(first, settings.performance_key),
        record.started_at,
    )


def _of_older_tool(folder: SearchFolder) -> Listed:
    found = finished_runs(folder)
    key, done = found.settings.performance_key, len(found.runs)
    planned, _ = runs_of_commands(folder.path, [folder.commands_pickle.name], found.settings.out_arg)
    first = next(iter(best(found.runs, lambda run: run.row.get(key, ""), found.settings.sort_ascending)), None)
    return Listed(
        folder.path,
        (SearchState.ENDED if planned and done >= len(planned) else SearchState.UNKNOWN).value,
        last_activity(folder.path),
        runs=len(planned) or None,
        done=done,
        key=key,
        best=None if first is None else number_of(first.row[key]),
        started_at=folder.commands_pickle.stat().st_mtime,
    )


def lines_of(listed: Sequence[Listed], now: float, width: int, has_short_names: bool) -> list[str]:
    """Return the list as lines that fit into `width`. has_short_names: the name of a folder is enough to know it."""
    columns = aligned([["state", "done", "best", "age"], *(_cells(each, now) for each in listed)])
    room = max(width - max(map(len, columns)) - 3, 12)
    names = ["search", *(_label(each, has_short_names, room) for each in listed)]
    longest = max(map(len, names))
    return [f"{name:<{longest}}  {rest}" for name, rest in zip(names, columns)]


def _cells(listed: Listed, now: float) -> list[str]:
    done, runs = ("?" if number is None else f"{number:,}" for number in (listed.done, listed.runs))
    value = "" if listed.best is None else f"{listed.best:.4g} {listed.key}"
    value = value if len(value) <= _BEST_WIDTH else f"{value[: _BEST_WIDTH - 3]}..."
    age = "" if listed.started_at is None else duration(max(0.0, now - listed.started_at))
    return [listed.state, f"{done}/{runs}" if listed.done is not None else "", value, age]


def _label(listed: Listed, has_short_names: bool, room: int) -> str:
    """Return what the list calls a search: its folder, and its name where the folder's does not end with that."""
    label = listed.path.name if has_short_names else shown_path(listed.path)
    if listed.name and not listed.path.name.startswith("search_"):
        label = f"{label} ({listed.name})"
    # What tells searches apart stands at the end.
    return label if len(label) <= room else f"...{label[3 - room :]}"


def _as_json(listed: Listed) -> dict[str, Any]:  # Any: whatever JSON can hold
    return {
        "folder": str(listed.path),
        "name": listed.name or None,
        "state": listed.state,
        "started_at": listed.started_at,
        "last_event_at": listed.last_at,
        "runs": listed.runs,
        "done": listed.done,
        "counts": None if listed.counts is None else {state.value: listed.counts[state] for state in RunState},
        "best": None if listed.best is None else {"key": listed.key, "value": readable(listed.best)},
    }
