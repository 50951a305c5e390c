"""The searches around a folder: recognised by their files, found by a bounded walk."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from hpsearch.config.given_paths import file_name_of
from hpsearch.core.hints import nearest
from hpsearch.journal.events import SearchStarted
from hpsearch.journal.lines import from_line
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import RUN_PREFIX, SearchFolder, read_small

#: Where searches are looked for by default.
USUAL_PLACE = "out"
#: Limits of the walk: how many folders deep, and how many folders in all.
_DEEPEST, _MOST_FOLDERS = 6, 5000
#: The name of a folder that a search made for itself; no other search lies in there.
_OWN_FOLDER = re.compile(r"search_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d(?:_(?P<name>.+))?")


def holds_search(path: Path) -> bool:
    """Return whether a folder holds a search, ours or the older tool's."""
    # If the folder may not be entered, os.path says that there is no journal; pathlib raises an error.
    return all(map(os.path.isfile, _marks(path)))


def _marks(path: Path) -> list[Path]:
    """Return the files that mark a search folder: the journal of ours, two others of the older tool's."""
    folder = SearchFolder(path)
    journal = folder.journal
    return [journal] if os.path.lexists(journal) else [folder.results, folder.commands_pickle]


def last_activity(path: Path) -> float:
    """Return when something happened last in a search, in seconds since the epoch; 0.0 if that cannot be told."""
    return max(map(_changed_at, _marks(path)))


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # It has just been removed, or may not be read.


def search_above(folder: Path) -> Path | None:
    """Return the search that a folder is, or lies in at any depth; None if there is none."""
    return next(filter(holds_search, (folder, *folder.parents)), None)


def searches_below(folder: Path) -> list[Path]:
    """Return the searches in a folder and below it, the one with the latest activity first, ties by name."""
    found = ((last_activity(path), path.name, path) for path in _walk(folder) if holds_search(path))
    return [path for _, _, path in sorted(found, reverse=True)]


def _walk(folder: Path) -> Iterator[Path]:
    """Yield a folder and the folders below it, near ones first, each once; not runs' folders or hidden ones."""
    waiting, seen = deque([(folder, 0)]), set[tuple[int, int]]()
    while waiting and len(seen) < _MOST_FOLDERS:
        path, depth = waiting.popleft()
        try:
            status = path.stat()
            is_new = (status.st_dev, status.st_ino) not in seen
            seen.add((status.st_dev, status.st_ino))
            if is_new:
                yield path
            if is_new and depth < _DEEPEST and not _is_full(path):
                waiting.extend((below, depth + 1) for below in sorted(_folders_in(path)))
        except OSError:
            continue  # It may not be read, or has just been removed.


def _is_full(path: Path) -> bool:
    """Return whether a folder is a run's, or holds nothing but the runs of its search: there may be thousands."""
    if path.name.startswith(RUN_PREFIX):
        # Also the name of a folder with seeds gathered for a run.
        return True
    return _OWN_FOLDER.fullmatch(path.name) is not None and holds_search(path)


def _folders_in(path: Path) -> Iterator[Path]:
    has_runs, apart = holds_search(path), SearchFolder(path).to_be_deleted.name
    with os.scandir(path) as entries:
        for entry in entries:
            is_of_runs = entry.name == apart or (has_runs and entry.name.startswith(RUN_PREFIX))
            if not is_of_runs and not entry.name.startswith(".") and entry.is_dir():
                yield Path(entry)


def searches_named(name: str, searches: Iterable[Path]) -> list[Path]:
    """Return the searches whose folder or ``--name`` is this name."""
    return [path for path in searches if path.name == name or _is_called(path, name)]


def searches_called(name: str, here: Path) -> list[Path]:
    """Return the searches with this name below ./out, else in the ``out`` that `here` lies in, else below `here`."""
    found = (searches_named(name, searches_below(folder)) for folder in _usual_folders(here))
    return next(filter(None, found), [])


def nearest_search(name: str, here: Path) -> tuple[Path, str] | None:
    """Return the search whose name is most like this one, with its ``--name`` (may be empty); None if none is near."""
    by_name: dict[str, tuple[Path, str]] = {}
    for path in chain.from_iterable(map(searches_below, _usual_folders(here))):
        own = _given_name(path)
        for each in filter(None, (own, path.name)):
            by_name.setdefault(each, (path, own))
    # A part of the name says more than mere likeness: dates are always alike.
    holding = (each for each in by_name if name and name.casefold() in each.casefold())
    near = next(holding, "") or nearest(name, by_name)
    return by_name[near] if near else None


def _usual_folders(here: Path) -> list[Path]:
    """Return the folders below which a named search may lie, the likeliest first."""
    around = [folder for folder in (here, *here.parents) if folder.name == USUAL_PLACE]
    return [here / USUAL_PLACE, *around[:1], here]


def _is_called(path: Path, name: str) -> bool:
    given = _given_name(path)
    return bool(given) and given == (file_name_of(name) if _OWN_FOLDER.fullmatch(path.name) else name)


def _given_name(path: Path) -> str:
    """Return the ``--name`` of a search, as its own folder spells it; empty if it has none."""
    if own := _OWN_FOLDER.fullmatch(path.name):
        return own["name"] or ""
    try:
        # A folder that the user named does not tell the --name: ask the search.
        started = from_line(read_small(SearchFolder(path).settings_copy))
    except (OSError, ValueError):
        return ""
    return Settings.from_json(started.settings).name if isinstance(started, SearchStarted) else ""


def default_searches(here: Path) -> list[Path]:
    """Return the searches that may be meant if the user names none, the likeliest first."""
    above = search_above(here)
    return searches_below(here / USUAL_PLACE) if above is None else [above]
