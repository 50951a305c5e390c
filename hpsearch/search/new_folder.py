"""The folder of a new search: made, locked, and taken away again if nothing comes of the search."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from hpsearch.core.errors import FolderError, StoreError, reason_of
from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import LockWays

#: How often the folders are made anew because a search that failed took away its own at the same moment.
_MOST_TRIES = 100


class FolderTakenError(Exception):
    """Another search made the folder first."""


@dataclass
class NewSearch:
    """A search folder that this process holds locked. keeps: it has something in it that is worth keeping."""

    live: LiveSearch
    keeps: bool = False


@contextlib.contextmanager
def new_search(
    path: Path, may_exist: bool, copies: Collection[str], tell: Callable[[str], None]
) -> Iterator[NewSearch]:
    """Make a folder with its parents and take its lock; if the block fails, take away what was made for it.

    Making it is claiming it, unless it may exist: then the lock is. What another process made or put there stays.
    copies: names of the files that the block puts there besides our own. tell: shows people a message.
    Raises FolderTakenError if the folder exists already and may not.
    """
    folder, made = SearchFolder(path), list[Path]()
    new: NewSearch | None = None
    try:
        with _made_and_locked(folder, may_exist, made, lock_ways(tell)) as live:
            is_own = path in made and not live.has_journal and os.listdir(path) == [folder.state.name]  # noqa: PTH208
            new = NewSearch(live)
            try:
                yield new
            except BaseException:
                if is_own and not new.keeps:
                    live.close_files()
                    _take_away(folder, copies)
                raise
    except BaseException as error:
        for each in [folder.state, *reversed(made)] if path in made else reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir()  # Never one that holds something.
        if isinstance(error, OSError):
            raise _not_writable(path, error) from error
        if isinstance(error, StoreError) and not (new is not None and new.keeps):
            # Nothing has run yet: as good as a folder that was refused from the start.
            raise FolderError(f"{error}; give another --out_dir, or make room") from error
        raise


def _made_and_locked(folder: SearchFolder, may_exist: bool, made: list[Path], ways: LockWays) -> LiveSearch:
    for _ in range(_MOST_TRIES):
        try:
            _make_folders(folder.path, may_exist, made)
            return LiveSearch(folder, this_controller(), ways)
        except FileNotFoundError:
            continue  # A search that failed has just taken away a folder on the way.
    _make_folders(folder.path, may_exist, made)
    return LiveSearch(folder, this_controller(), ways)


def _make_folders(path: Path, may_exist: bool, made: list[Path]) -> None:
    for folder in [*reversed(path.parents), path]:
        is_final = folder == path and not may_exist and folder not in made
        if folder.is_dir() and not is_final:
            continue
        try:
            folder.mkdir()
        except FileExistsError:
            if is_final:
                raise FolderTakenError from None
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None
        else:
            made.append(folder)


def _take_away(folder: SearchFolder, copies: Collection[str]) -> None:
    """Remove what the block put into the folder; the lock last, because up to then nobody else works there."""
    own = (folder.results, folder.commands, folder.commands_without_folders, folder.commands_pickle)
    for path in [*own, folder.not_completed, *(folder.path / name for name in copies)]:
        with contextlib.suppress(OSError):
            path.unlink()
    for path in folder.state.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != folder.lock:
            path.unlink(missing_ok=True)
    folder.lock.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> FolderError:
    where = f": {error.filename}" if error.filename else ""
    return FolderError(
        f"--out_dir: the search folder {path} cannot be made ({reason_of(error)}{where}); give another --out_dir"
    )
