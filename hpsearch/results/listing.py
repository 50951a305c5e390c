"""``hpsearch list``: the searches below a folder, one a line."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpsearch.choosers.of_search import expected_runs, has_more
from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.config.given_paths import existing_folder
from hpsearch.console.console import Console
from hpsearch.console.text import aligned, duration, printable
from hpsearch.core.errors import SearchError
from hpsearch.core.hints import shown_path
from hpsearch.core.model import RunState
from hpsearch.core.ranking import NO_DIFFERENCE, SIGNIFICANT_P, Mean, best, number_of, p_of_second
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.choice import is_path, named_searches
from hpsearch.folder.liveness import SearchState, liveness_of_controller
from hpsearch.folder.means import mean_json, means_of
from hpsearch.folder.nearby import USUAL_PLACE, last_activity, searches_below
from hpsearch.folder.overview import overview
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import best_number, result_states
from hpsearch.journal.values import readable
from hpsearch.results.best import finished_runs
from hpsearch.startup.classes import dataclass
from hpsearch.store.classic_files import runs_of_commands
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import lock_holder

_EXAMPLE = """\
examples:
  hpsearch list
  hpsearch list long             searches named long
  hpsearch list /scratch/me/searches --json
"""
#: The shortest widths to which a key and a search's name are cut on a narrow terminal.
_LEAST_KEY, _LEAST_LABEL = 8, 12
#: Shown instead of a state if the journal cannot be read.
_DAMAGED = "damaged"


@dataclass(frozen=True)
class Listed:
    """One search in the list.

    state: value of a SearchState, or "damaged". runs: how many, None if unknown. done: finished ones.
    counts: by state, None if only the finished ones are known. best: value under `key`, None if there is none.
    over: the options that repeat a configuration; means: if there are any, the best two configurations.
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
    means: Sequence[Mean[Any]] = ()  # Any: a run, which the list does not show
    over: Sequence[str] = ()

    @property
    def p(self) -> float | None:
        """The p of Welch's t-test on the best two configurations; None without a verdict."""
        return p_of_second(self.means)


def main(argv: Sequence[str]) -> int:
    """List searches; return the exit status."""
    text = (
        "List the searches in this folder and below it, or with this --name. Default: ./out, or the current folder "
        "if there is no ./out."
    )
    parser = folder_parser("list", "List searches, the newest first.", _EXAMPLE, metavar="FOLDER", text=text)
    parser.add_argument("--json", action="store_true", help="Print a JSON list on one line (keys: docs/asking.rst).")
    add_over(parser, "Show means of configurations, as in a search with seeds.")
    options = parser.parse_args(argv)
    console = Console(stamps=False)
    folder, paths = _asked_for(options.folder)
    listed = [_listed(path.absolute(), options.over, console) for path in paths]
    if options.json:
        return console.results([json.dumps([_as_json(each) for each in listed])])
    if not listed:
        console.note(f"no searches in {shown_path(folder.absolute())} or below; hpsearch list FOLDER looks elsewhere")
        return 0
    # All commands find searches below the usual place by their names alone.
    has_short_names = folder.resolve() == Path(USUAL_PLACE).resolve()
    status = console.results(lines_of(listed, time.time(), console.width, has_short_names))
    if any(each.p is not None for each in listed):
        console.note(f"p: Welch's t-test, first and second; above {SIGNIFICANT_P} they {NO_DIFFERENCE}")
    return status


def _asked_for(given: str | None) -> tuple[Path, list[Path]]:
    """Return the folder to look in, and the searches found. Raises UsageError if there is no such folder or name."""
    usual = Path(USUAL_PLACE) if Path(USUAL_PLACE).is_dir() else Path()
    if given is not None and not is_path(given):
        return usual, named_searches(given)
    folder = usual if given is None else existing_folder(given, Path.cwd())
    return folder, searches_below(folder)


def _listed(path: Path, over: Sequence[str], console: Console) -> Listed:
    folder = SearchFolder(path)
    try:
        return _with_journal(folder, over) if os.path.lexists(folder.journal) else _of_older_tool(folder, over)
    except SearchError as error:
        console.warn(str(error))
        return Listed(path, _DAMAGED, last_activity(path))


def _with_journal(folder: SearchFolder, given_over: Sequence[str]) -> Listed:
    shown = overview(folder)
    record, settings = shown.record, shown.record.known_settings()
    over = seeds_of(record, [name for name in given_over if name in settings.option_names])
    # The overview lacks the options of the runs.
    means = means_of(SearchReader(folder).record, over) if over else []
    chooses_by_options = bool(settings.budget_option or record.options.get("race"))
    whole = SearchReader(folder).record if chooses_by_options else record
    to_come = expected_runs(whole)
    left = shown.left + max(to_come, has_more(whole))
    return Listed(
        folder.path,
        SearchState.of(liveness_of_controller(lock_holder(folder.lock)), left).value,
        record.last_event_at or 0.0,
        settings.name,
        shown.runs + to_come,
        result_states(record)[RunState.FINISHED],
        shown.counts,
        settings.performance_key,
        None if over else best_number(whole),
        record.started_at,
        means[:2],
        over,
    )


def _of_older_tool(folder: SearchFolder, over: Sequence[str]) -> Listed:
    finished = finished_runs(folder, over)
    key, done = finished.settings.performance_key, len(finished.runs)
    planned, _ = runs_of_commands(folder.path, [folder.commands_pickle.name], finished.settings.out_arg)
    first = next(iter(best(finished.runs, lambda run: run.row.get(key, ""), finished.settings.sort_ascending)), None)
    return Listed(
        folder.path,
        (SearchState.ENDED if planned and done >= len(planned) else SearchState.UNKNOWN).value,
        last_activity(folder.path),
        runs=len(planned) or None,
        done=done,
        key=key,
        best=None if first is None else number_of(first.row[key]),
        started_at=folder.commands_pickle.stat().st_mtime,
        means=finished.means(key, finished.settings.sort_ascending)[:2],
        over=finished.over,
    )


def lines_of(listed: Sequence[Listed], now: float, width: int | None, has_short_names: bool) -> list[str]:
    """Return the list as lines. width: of the terminal; None = cut nothing.

    has_short_names: a folder's name is enough to find it. Without room, the folders before a search's own name are cut
    first, then the key of the best value, and last the name.
    """
    key_width = max((len(each.key) for each in listed), default=0)
    columns, room = _columns(listed, now, key_width), None
    if width is not None:
        own_names = max((len(_forms(each, has_short_names)[-1]) for each in listed), default=0)
        # Some terminals wrap when the last column is written.
        missing = own_names + 2 + max(map(len, columns)) - (width - 1)
        if missing > 0:
            columns = _columns(listed, now, max(key_width - missing, _LEAST_KEY))
        room = max(width - max(map(len, columns)) - 3, _LEAST_LABEL)
    labels = ["search", *(_label(each, has_short_names, room) for each in listed)]
    longest = max(map(len, labels))
    return [f"{label:<{longest}}  {rest}" for label, rest in zip(labels, columns)]


def _columns(listed: Sequence[Listed], now: float, key_width: int) -> list[str]:
    """Return all columns but the first as lines, with the title."""
    rows = [["state", "done", "best", "p", "age"], *(_cells(each, now, key_width) for each in listed)]
    has_p = any(each.p is not None for each in listed)
    return aligned(rows if has_p else ([*row[:3], *row[4:]] for row in rows), cell=printable)


def _cells(listed: Listed, now: float, key_width: int) -> list[str]:
    done, runs = ("?" if number is None else f"{number:,}" for number in (listed.done, listed.runs))
    key = listed.key if len(listed.key) <= key_width else f"{listed.key[: key_width - 3]}..."
    best = listed.means[0].text if listed.means else "" if listed.best is None else f"{listed.best:g}"
    value, p = f"{best} {key}" if best else "", "" if listed.p is None else f"{listed.p:.2g}"
    age = "" if listed.started_at is None else duration(max(0.0, now - listed.started_at))
    return [listed.state, f"{done}/{runs}" if listed.done is not None else "", value, p, age]


def _label(listed: Listed, has_short_names: bool, room: int | None) -> str:
    """Return a search's name in the list, cut to `room` characters; None = not cut."""
    forms = _forms(listed, has_short_names)
    shortest = forms[-1]
    if room is None:
        return forms[0]
    # The end of a path tells searches apart.
    return next((form for form in forms if len(form) <= room), f"...{shortest[3 - room :]}")


def _forms(listed: Listed, has_short_names: bool) -> list[str]:
    """Return possible names of a search in the list: its path, with fewer and fewer leading folders.

    The search's --name follows if the folder's name does not end with it.
    """
    name = f" ({listed.name})" if listed.name and not listed.path.name.startswith("search_") else ""
    shown = shown_path(listed.path)
    # From inside the search's folder, its path would be only dots.
    whole = listed.path.name if has_short_names or listed.path.name not in shown else shown
    _, *parts = whole.split("/")
    paths = [whole, *("/".join(["...", *parts[start:]]) for start in range(len(parts)))]
    return [printable(f"{path}{name}") for path in paths]


def _as_json(listed: Listed) -> dict[str, Any]:  # Any: whatever JSON can hold
    best = None if listed.best is None else {"key": listed.key, "value": readable(listed.best)}
    for mean in listed.means[:1]:
        best = {"key": listed.key, **mean_json(mean, listed.over, listed.p)}
    return {
        "folder": str(listed.path),
        "name": listed.name or None,
        "state": listed.state,
        "started_at": listed.started_at,
        "last_event_at": listed.last_at,
        "runs": listed.runs,
        "done": listed.done,
        "counts": None if listed.counts is None else {state.value: listed.counts[state] for state in RunState},
        "best": best,
    }
