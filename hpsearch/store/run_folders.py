"""The folders of runs: files put into them when a run ends, earlier attempts moved aside and back."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from hpsearch.core.errors import StoreError, reason_of
from hpsearch.core.model import Run
from hpsearch.core.value_text import integer
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.classic_files import COMMAND_FILE, write_run_command
from hpsearch.store.layout import SearchFolder, free_name, remove_if_empty


def folder_of(entry: RunRecord, folder: SearchFolder) -> Path:
    """Return the folder that holds a run's results; a reused run's lies in the other search."""
    return Path(entry.reused) if entry.reused else folder.run_folder(entry.run)


#: Endings of files that are renamed once they are complete.
_HALF_WRITTEN = (".new", ".part", ".tmp")


def put_files_in_place(run_folder: str, logs: Iterable[tuple[Path, str]], run: Run, settings: Settings) -> None:
    """Move a job's logs into the run's folder (made if the run did not), and write the run's command there.

    logs: path of each -> its name in the run's folder. Doing this twice does no harm. Raises OSError.
    """
    # Texts, as a `Path` for each file costs a run 15 us. Logs first: moving them works even if the disk is full.
    for path, name in logs:
        target = f"{run_folder}/{name}"
        try:
            move_file(path, free_name(Path(target)) if os.path.lexists(target) else target)
        except FileNotFoundError:
            if _is_there(path):
                Path(run_folder).mkdir(exist_ok=True)
                move_file(path, target)
    command = f"{run_folder}/{COMMAND_FILE}"
    try:
        write_run_command(command, run, settings)
    except FileNotFoundError:
        Path(run_folder).mkdir()
        write_run_command(command, run, settings)


def _is_there(path: Path) -> bool:
    """Return whether a file exists. Raises OSError if that cannot be found out; `Path.exists` may say no then."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def move_file(source: Path, target: Path | str) -> None:
    """Move a file, even to another file system: the user may have made a run's folder a link."""
    try:
        os.rename(source, target)  # noqa: PTH104  (`Path.rename` makes another `Path`, which takes time)
    except FileNotFoundError:
        raise
    except OSError:
        import shutil  # with its kinds of archives, it takes 3 ms, and few searches need it

        shutil.move(source, target)


def move_entry(source: Path, target: Path) -> None:
    """Move a run's folder within the search folder; a relative link still leads to the same place."""
    leads_to = source.readlink() if source.is_symlink() else None
    if leads_to is None or leads_to.is_absolute():
        source.rename(target)
        return
    old, new = source.parent.resolve(), target.parent.resolve()
    back = Path(os.path.relpath(new, old))
    is_back = leads_to.is_relative_to(back)
    target.symlink_to(leads_to.relative_to(back) if is_back else Path(os.path.relpath(old, new), leads_to))
    source.unlink()


def set_logs_aside(folder: SearchFolder, run: Run, attempt: int) -> None:
    """Move our own files from a run's folder to the folder of attempts; the script's files stay.

    A folder that is empty then is removed: the script has not made it. Raises StoreError.
    """
    source, target = folder.run_folder(run), folder.attempts / f"{run.folder}.attempt{attempt}"
    try:
        for name in filter(_is_ours(run), os.listdir(source)):  # noqa: PTH208  (names are all that is needed)
            target.mkdir(exist_ok=True)
            move_file(source / name, free_name(target / name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"{source}: its logs cannot be moved to {target} ({reason_of(error)})") from error
    remove_if_empty(source)


def holds_work(run_folder: Path, run: Run) -> bool:
    """Return whether the script has left anything in a run's folder, or in an earlier attempt's folder.

    A file that the script had yet to rename when it ended does not count.
    """
    with contextlib.suppress(OSError):
        names = os.listdir(run_folder)  # noqa: PTH208  (see above)
        return not all(name.endswith(_HALF_WRITTEN) or _is_ours(run)(name) for name in names)
    return False


def _is_ours(run: Run) -> Callable[[str], bool]:
    """Return a test for the names of files that `put_files_in_place` puts into a run's folder, for any backend."""
    log = re.compile(rf".*{re.escape(run.folder)}.*\.(?:out|err|sh|lsf)(?:\.[0-9]+)?")
    return lambda name: name == COMMAND_FILE or log.fullmatch(name) is not None


def place_aside(folder: SearchFolder, run: Run, attempt: int) -> Path:
    """Return where `move_aside` would put a run's folder."""
    return free_name(folder.attempts / f"{run.folder}.attempt{attempt}")


def move_aside(folder: SearchFolder, run: Run, attempt: int) -> Path | None:
    """Move a run's folder to the folder of attempts; return its new path, None if there was none. Raises StoreError."""
    source = f"{folder.path}/{run.folder}"
    try:
        os.lstat(source)  # A text, as in `put_files_in_place`: almost always, nothing lies there.
        target = place_aside(folder, run, attempt)
        move_entry(Path(source), target)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{source}: cannot be moved to {folder.attempts} ({reason_of(error)})") from error
    return target


def move_back(folder: SearchFolder, run: Run, moved: Path) -> None:
    """Undo `move_aside`. Raises StoreError if the folder cannot be moved."""
    source = folder.run_folder(run)
    try:
        move_entry(moved, source)
    except OSError as error:
        raise StoreError(f"{moved}: cannot be moved back to {source} ({reason_of(error)})") from error


def folders_aside(folder: SearchFolder, run: Run) -> dict[int, Path]:
    """Return the folders of a run's earlier attempts: number of the attempt -> where its folder lies now, in order."""
    found = {}
    for path in folder.attempts.glob(f"{run.folder}.attempt*"):
        number, _, copy = path.name[len(f"{run.folder}.attempt") :].partition(".")
        if (first := integer(number)) is not None:
            # Earlier versions told attempts apart by the number that `free_name` adds.
            found[first + (integer(copy) or 1) - 1] = path
    return dict(sorted(found.items()))


def move_log_aside(folder: SearchFolder, run: Run, attempt: int, log: Path) -> None:
    """Put a log of an earlier attempt into the folder of that attempt; if there is none, leave it. Raises OSError."""
    aside = folders_aside(folder, run).get(attempt)
    if aside is not None:
        move_file(log, free_name(aside / log.name))


def copy_run(source: Path, results: Path) -> None:
    """Copy a run's folder into the folder of results, whole or not at all. Raises StoreError if that fails."""
    import shutil

    part = results / f".{source.name}.part"
    try:
        results.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part, ignore_dangling_symlinks=True)
        part.rename(results / source.name)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        reason = reason_of(error) if not isinstance(error, shutil.Error) else str(error.args[0][0][2])
        raise StoreError(f"{source}: cannot be copied to {results} ({reason})") from error
