"""The search that a command is about: the one that the user names, else the likeliest one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hpsearch.config.given_paths import absolute
from hpsearch.console.console import Console
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.hints import shown_path
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run
from hpsearch.folder.nearby import (
    USUAL_PLACE,
    default_searches,
    holds_search,
    nearest_search,
    search_above,
    searches_below,
    searches_called,
)
from hpsearch.folder.reading import SearchReader, find_folder
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import lock_holder


def choose_folder(given: str | None, console: Console, *bases: Path) -> SearchFolder:
    """Return the search folder that a user names, by path or name; None = the likeliest, which is told.

    bases: where a relative path may start, if not here. Raises UsageError if there is none.
    """
    searches = _candidates(given, bases)
    if searches is None:
        return find_folder(given or "", *bases)
    return _taken(searches[0], len(searches), console)


def choose_live(given: str | None, console: Console) -> SearchFolder:
    """Return the search folder that a user names, or among several possible ones the only one that may be live.

    Raises UsageError, with the live ones, unless there is exactly one.
    """
    searches = _candidates(given)
    if searches is None:
        folder = find_folder(given or "")
        if not holds_search(folder.path):
            _check_live_below(folder.path)
        return folder
    if search_above(Path.cwd()) in searches:
        return _taken(searches[0], 1, console)
    live = _live(searches)
    if not live:
        raise UsageError(f"there is nothing to cancel: no search is live (the newest is {shown_path(searches[0])})")
    if len(live) > 1:
        raise _several(live)
    return _taken(live[0], 1, console)


def _check_live_below(folder: Path) -> None:
    """Raise UsageError if searches below a folder, which is no search itself, may be live: cancel none on a guess."""
    below = searches_below(folder)
    live = _live(below)
    if len(live) > 1:
        raise _several(live)
    if live:
        count = f" (the only live one of {len(below):,})" if len(below) > 1 else ""
        raise UsageError(f"{folder}: not a search folder itself; did you mean {shown_path(live[0])}{count}?")


def _live(searches: Sequence[Path]) -> list[Path]:
    return [path for path in searches if may_be_live(SearchFolder(path))]


def _several(live: Sequence[Path]) -> UsageError:
    """Return the error that several searches may be meant, with the line that cancels each."""
    from hpsearch.config.program import command_hint  # only this message needs it

    lines = "".join(f"\n  {command_hint('cancel', path)}" for path in live)
    return UsageError(f"{len(live)} searches may be live; say which one is meant:{lines}")


def _taken(path: Path, count: int, console: Console) -> SearchFolder:
    """Tell which search is used, out of how many; return its folder."""
    shown = shown_path(path)
    name = f" ({path.name})" if path.name not in shown else ""
    console.note(f"using {shown}{name}" + (f" (newest of {count:,})" if count > 1 else ""))
    # Without links, as processes that work in the folder see its path.
    return SearchFolder(path.resolve())


def _candidates(given: str | None, bases: Sequence[Path] = ()) -> list[Path] | None:
    """Return the possible searches, newest first; None if the user names a folder.

    Raises UsageError if no search is named and none is nearby.
    """
    here = Path.cwd()
    if given is not None:
        return None if is_path(given, *bases) else named_searches(given)
    searches = default_searches(here)
    if not searches:
        raise UsageError(f"say which search: the current folder lies in none, and {_nothing_below(here)}")
    return searches


def is_path(given: str, *bases: Path) -> bool:
    """Return whether a user means a path, not a name. bases: where a relative path may start, if not here."""
    return (
        not given
        or given[0] == "~"
        or "/" in given
        or any(os.path.lexists(base / given) for base in bases or (Path(),))
    )


def named_searches(name: str) -> list[Path]:
    """Return the searches with a name, newest first. Raises UsageError if there is none."""
    searches = searches_called(name, Path.cwd())
    if not searches:
        absolute(name, Path.cwd())  # Raises if it cannot be a path, which says more.
        lacks = f"there is no such folder, and no search of this name below ./{USUAL_PLACE} or here"
        raise UsageError(f"{name}: {lacks}{nearest_hint(name) or '; hpsearch list shows all searches'}")
    return searches


def nearest_hint(name: str) -> str:
    """Return the end of a message, the search with the nearest name; empty if none is near."""
    near = nearest_search(name, Path.cwd())
    if near is None:
        return ""
    path, given = near
    return f"; did you mean {shown_path(path)}" + (f" (named {given})?" if given else "?")


def _nothing_below(here: Path) -> str:
    """Say that no search lies in the usual place, and what to do."""
    elsewhere = searches_below(here)
    if elsewhere:
        return f"none is below ./{USUAL_PLACE}; did you mean {shown_path(elsewhere[0])}?"
    return f"none is below ./{USUAL_PLACE}; give its folder, or start one: hpsearch run --help says how"


def may_be_live(folder: SearchFolder) -> bool:
    """Return whether a controller works on a search, or its runs may be live without one."""
    if liveness_of_controller(lock_holder(folder.lock)) is not Liveness.GONE:
        return True
    if not folder.journal.exists():
        return False
    try:
        record = SearchReader(folder, passes_over_damage=True).record
    except FolderError:
        return False  # No controller holds it, and no run is recorded.
    return any(liveness_of_run(entry, folder) is not Liveness.GONE for entry in record.with_events)
