"""The folder of a new search: made, locked, filled, and removed again if the search does not start."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Protocol

from hpsearch.core.errors import FolderError, StoreError, SubmissionRefused, reason_of, unwritable
from hpsearch.core.model import CodeTree
from hpsearch.journal.events import Event
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder, remove_if_empty, rename_with_stamp, write_whole
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import Holder, LockWays

#: How often making folders is tried again because another, failing search removes its own at the same moment.
_MOST_TRIES = 100


class FolderTakenError(Exception):
    """Another search made the folder first."""


class PlannedSearch(Protocol):
    """What the folder of a new search gets, before anything is written.

    folder: absolute. may_exist: the folder may be that of an earlier search. stamp: seconds since the epoch.
    code: the working tree whose copy runs execute; None without --snapshot.
    inputs: what is searched: name of the copy in the folder -> the file, or the content.
    events: the plan for the journal: runs, in execution order, and what else it keeps.
    """

    @property
    def folder(self) -> Path: ...
    @property
    def may_exist(self) -> bool: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def code(self) -> CodeTree | None: ...
    @property
    def stamp(self) -> float: ...
    def inputs(self) -> dict[str, Path | bytes]: ...
    def events(self, first_number: int) -> Iterator[Event]: ...


@contextlib.contextmanager
def new_search(plan: PlannedSearch, holder: Holder, ways: LockWays) -> Iterator[tuple[LiveSearch, range]]:
    """Make the folder of a planned search and take its lock; yield the search, ready for work, and its runs' numbers.

    Making the folder claims it; if it may exist already, taking the lock does. If the search does not start, what was
    made for it is removed; what others made or put there stays. holder, ways: see `LiveSearch`.
    Raises FolderTakenError if the folder exists already and may not.
    """
    folder, made, keeps = SearchFolder(plan.folder), list[Path](), False
    inputs = plan.inputs()
    try:
        with _made_and_locked(folder, plan.may_exist, made, holder, ways) as search:
            is_own = folder.path in made and not search.has_journal
            is_own = is_own and os.listdir(folder.path) == [folder.state.name]  # noqa: PTH208
            try:
                runs = _write_plan(search, plan, inputs)
                keeps = True
                try:
                    yield search, runs
                except SubmissionRefused:
                    search.withdraw_plan()
                    keeps = any(entry.submitted is not None for entry in search.record.with_events)
                    raise
            except BaseException:
                if is_own and not keeps:
                    search.close_files()
                    _take_away(folder, inputs)
                raise
    except BaseException as error:
        for each in [folder.state, *reversed(made)] if folder.path in made else reversed(made):
            remove_if_empty(each)
        if isinstance(error, OSError):
            raise _not_writable(folder.path, error) from error
        if isinstance(error, StoreError) and not keeps:
            # Nothing has run yet: treat the folder as refused from the start.
            raise FolderError(f"{error}; give another --out_dir, or make room") from error
        raise


def _write_plan(search: LiveSearch, plan: PlannedSearch, inputs: Mapping[str, Path | bytes]) -> range:
    """Note the planned runs and return their numbers; write the inputs and the commands into the folder."""
    folder = search.folder
    if not search.record.runs:
        # Keep files of another tool that have the names of ours.
        rename_with_stamp(*_own_views(folder))
    if plan.code is not None and not search.record.runs:
        # Runs that are added to a search execute the same code as its first runs.
        _copy_code(plan.code, folder.code)
    first = search.record.runs.last + 1
    search.add_plan((), plan.settings, plan.stamp, plan.events(first))
    for name, content in inputs.items():
        _write_input(folder.path / name, content)
    search.write_commands()
    search.open_for_work()
    return range(first, search.record.runs.last + 1)


def _own_views(folder: SearchFolder) -> list[Path]:
    return [folder.commands, folder.commands_without_folders, folder.commands_pickle, folder.not_completed]


def _write_input(target: Path, content: Path | bytes) -> None:
    """Copy or write a file; an existing file with other content is renamed first."""
    if isinstance(content, bytes):
        write_whole(target, content)
    elif not target.exists() or not (target.samefile(content) or target.read_bytes() == content.read_bytes()):
        rename_with_stamp(target)
        shutil.copyfile(content, target)


def add_inputs(folder: SearchFolder, inputs: Mapping[str, Path | bytes]) -> None:
    """Copy an extension's inputs beside the earlier copies, as ``my_grid.2.py``, unless the latest copy is the same.

    Raises StoreError if that cannot be done.
    """
    for name, given in inputs.items():
        first = folder.path / name
        try:
            content = given if isinstance(given, bytes) else given.read_bytes()
            latest, free = None, first
            for number in count(2):
                if not free.exists():
                    break
                latest, free = free, first.with_name(f"{first.stem}.{number}{first.suffix}")
            if latest is None or latest.read_bytes() != content:
                write_whole(free, content)
        except OSError as error:
            raise unwritable(first, error) from error


def _copy_code(code: CodeTree, target: Path) -> None:
    """Copy a working tree, whole or not at all; link what git ignores, which may be large."""
    part = target.with_name(f"{target.name}.part")
    for earlier in (part, target):
        shutil.rmtree(earlier, ignore_errors=True)
    part.mkdir(parents=True)
    for name in code.files:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        _copy_file(code.top / name, part / name, code.top)
    for name in (link.rstrip("/") for link in code.links):
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        (part / name).symlink_to(code.top / name)
    part.rename(target)


def _copy_file(source: Path, target: Path, top: Path) -> None:
    """Copy a file with its rights; a link to a file below `top` becomes a link to that file's copy."""
    if source.is_symlink():
        aim = os.path.normpath(source.parent / source.readlink())
        target.symlink_to(os.path.relpath(aim, source.parent) if Path(aim).is_relative_to(top) else aim)
    else:
        shutil.copy2(source, target)


def _made_and_locked(
    folder: SearchFolder, may_exist: bool, made: list[Path], holder: Holder, ways: LockWays
) -> LiveSearch:
    for _ in range(_MOST_TRIES):
        # A failing search may just have removed a parent folder.
        with contextlib.suppress(FileNotFoundError):
            _make_folders(folder.path, may_exist, made)
            return LiveSearch(folder, holder, ways)
    _make_folders(folder.path, may_exist, made)
    return LiveSearch(folder, holder, ways)


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


def _take_away(folder: SearchFolder, inputs: Collection[str]) -> None:
    """Remove what was put into the folder; the lock last, since it keeps others out until then."""
    for path in [folder.results, *_own_views(folder), *(folder.path / name for name in inputs)]:
        with contextlib.suppress(OSError):
            path.unlink()
    for path in folder.state.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path != folder.lock:
            path.unlink(missing_ok=True)
    folder.lock.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> FolderError:
    reason = f"{reason_of(error)}: {error.filename}" if error.filename else reason_of(error)
    return FolderError(f"--out_dir: the search folder {path} cannot be made ({reason}); give another --out_dir")
