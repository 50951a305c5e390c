"""Where everything lies in a search folder, and how files are written there."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.core.errors import StoreError, reason_of, unwritable
from hpsearch.core.model import Run
from hpsearch.core.value_text import integer
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass
from hpsearch.startup.host import host_name

if TYPE_CHECKING:
    from hpsearch.core.conditions import Condition

STATE_FOLDER = ".hpsearch"
#: How the name of a file ends that is not written whole yet: `.NAME.HOST.PID.part`.
_PART = ".part"
#: How the names of all runs' folders begin.
RUN_PREFIX = "sim_"
#: A part of every path in a snapshot.
_CODE = f"/{STATE_FOLDER}/code/"
#: More bytes than any of our small files has.
_MOST_SMALL = 65536
#: Errors of the system or `open_file` if a folder, a pipe or a circle of links is in the place of a file.
NO_FILE = (errno.EISDIR, errno.ENXIO, errno.ELOOP, errno.EINVAL)


class _Below:
    """A path in a search folder, made once: joining takes 3 us, and each run needs several paths."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __set_name__(self, _: object, name: str) -> None:
        self._name = name

    def __get__(self, folder: SearchFolder, _: object) -> Path:
        # From now on, the folder's own attribute hides this descriptor.
        path = folder.__dict__[self._name] = folder.path.joinpath(*self._names)
        return path


@dataclass(frozen=True)
class SearchFolder:
    """The paths of one search; `path` is absolute."""

    path: Path

    #: Everything that is ours alone. In it, the journal: one event a line; and a copy of the line with the settings of
    #: the latest search, for `hpsearch repair`.
    state = _Below(STATE_FOLDER)
    journal = _Below(STATE_FOLDER, "journal.jsonl")
    settings_copy = _Below(STATE_FOLDER, "settings.json")
    #: Held by the one controller of the search; and the request to stop, for a controller that no signal reaches.
    lock = _Below(STATE_FOLDER, "lock")
    cancel_request = _Below(STATE_FOLDER, "cancel-requested")
    #: The controller's own messages; and the questions to schedulers and nvidia-smi with answers (older: NAME.1).
    log = _Below(STATE_FOLDER, "controller.log")
    conversation = _Below(STATE_FOLDER, "conversation.jsonl")
    #: What each start of the search ran with: the code's commit, packages and the like.
    provenance = _Below(STATE_FOLDER, "provenance")
    #: The code that runs execute, after --snapshot.
    code = _Below(STATE_FOLDER, "code")
    #: The exit status of each attempt that has ended and is not collected yet.
    exits = _Below(STATE_FOLDER, "exits")
    #: The output of live runs; moved into the run's folder when it ended.
    logs = _Below(STATE_FOLDER, "logs")
    #: Folders of earlier attempts, moved aside.
    attempts = _Below(STATE_FOLDER, "attempts")
    results = _Below("search_results.csv")
    results_by_configuration = _Below("search_results_by_configuration.csv")
    #: All commands, one a line; with and without the output option.
    commands = _Below("commands.sh")
    commands_without_folders = _Below("commands_wo_dirs.sh")
    #: All configurations with their output option, as a list of dicts; the same of the runs that did not finish.
    commands_pickle = _Below("commands.pickle")
    not_completed = _Below("not_completed.pickle")
    #: Run folders that postprocessing moved out of the way; only the user deletes them.
    to_be_deleted = _Below("TO_BE_DELETED")
    postprocessing_results = _Below("postprocessing_results.csv")

    def postprocessing_jobs(self, which: str) -> Path:
        """Configurations as a list of dicts; `which`: finished, unfinished or missing."""
        return self.path / f"postprocessing_{which}_jobs.pickle"

    def run_folder(self, run: Run) -> Path:
        """Return a run's output folder."""
        return self.path / run.folder

    @staticmethod
    def has_code(path: Path) -> bool:
        """Return whether a path lies in the snapshot that a search executes."""
        return _CODE in f"{path}/"

    def in_code(self, path: str) -> Path:
        """Return a path in the snapshot of a search, wherever its folder lay before."""
        return Path(f"{self.path}{_CODE}{f'{path}/'.rpartition(_CODE)[2]}")

    def work_folder(self, settings: Settings) -> Path:
        """Return where a search's runs execute; a snapshot of their code moves with the search folder."""
        return self.in_code(settings.run_cwd) if settings.options.get("snapshot") else settings.home

    def short(self, path: Path) -> str:
        """Return a path for people who know this folder already: relative to the folder, if it lies in there."""
        return str(path.relative_to(self.path) if path.is_relative_to(self.path) else path)

    def exit_file(self, token: str) -> Path:
        """Return where an attempt's launcher leaves the exit status."""
        return self.exits / token

    def create_state(self) -> None:
        """Make the folders of our own. Raises StoreError if that cannot be done."""
        for folder in (self.exits, self.logs, self.attempts):
            make_folder(folder)


def make_folder(path: Path) -> None:
    """Make a folder and its parents, if they do not exist. Raises StoreError if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot make this folder ({reason_of(error)})") from error


def remove_if_empty(folder: Path) -> None:
    """Remove a folder if it is empty and can be removed."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def remove(path: Path | str) -> None:
    """Remove a file, if it is there. Raises StoreError if that cannot be done."""
    try:
        os.unlink(path)  # noqa: PTH108  (once a run; `Path.unlink` takes longer)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StoreError(f"{path}: cannot be removed ({reason_of(error)})") from error


def write_whole(path: Path, content: bytes, more: Iterable[bytes] = ()) -> None:
    """Write a file so that no reader and no crash ever sees a part. more: follows `content`, read one by one.

    Raises StoreError, naming the file, if it cannot be written (the earlier file then stays).
    """
    part = path.with_name(f".{path.name}.{host_name()}.{os.getpid()}{_PART}")
    try:
        # A killed process with the same number may have left one.
        part.unlink(missing_ok=True)
        # Made anew in any case: in a folder of several users, somebody may have put a link there.
        with part.open("xb") as file:
            file.write(content)
            file.writelines(more)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove what killed processes of this machine left of files in a folder. Never fails: leftovers do no harm."""
    with contextlib.suppress(OSError, StoreError):
        for name in os.listdir(folder):  # noqa: PTH208  A Path for each of thousands of runs would take long.
            if not (name.startswith(".") and name.endswith(_PART)):
                continue
            whole, pid = name.removesuffix(_PART).rpartition(".")[::2]
            number = integer(pid)
            if whole.endswith(f".{host_name()}") and number is not None and not _has_number(number):
                remove(folder / name)


def _has_number(pid: int) -> bool:
    """Return whether a process of this machine has this number, and so may be writing now."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def read_whole(path: Path | str, most_bytes: int) -> bytes:
    """Return the content of a file that others wrote. Raises OSError, or ValueError if it is too large or no file."""
    # `Path.read_bytes` makes twice as many system calls, and each run's summary is read here.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ValueError("expected a file, found something else (a folder, a pipe)")
        # One byte more than it has: it may grow meanwhile.
        content = _first_bytes(descriptor, state.st_size + 1) if state.st_size <= most_bytes else b""
    finally:
        os.close(descriptor)
    size = max(state.st_size, len(content))
    if size > most_bytes:
        raise ValueError(f"it is {size:,} bytes long; at most {most_bytes:,} are read")
    return content


def _first_bytes(descriptor: int, count: int) -> bytes:
    content = os.read(descriptor, count)
    # Almost always, one read gets all: the caller asks for one byte more than there should be.
    while 0 < len(content) < count - 1 and (more := os.read(descriptor, count - len(content))):
        content += more
    return content


def open_file(path: str, flags: int) -> int:
    """Open a file; an opener for `open`. Also raises OSError if it is no file: a pipe would block for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "expected a file, found something else (a folder, a pipe)", path)
    return descriptor


def open_log(path: str, flags: int) -> int:
    """Open what a run printed, as `open_file` does, and raise OSError for a link: it may lead to anybody's secrets."""
    if Path(path).is_symlink():
        raise OSError(errno.ELOOP, "expected a log, found a link", path)
    return open_file(path, flags | os.O_NOFOLLOW)


def read_small(path: Path, most_bytes: int = _MOST_SMALL) -> bytes:
    """Return the content of a small file of ours, cut at `most_bytes`. Raises OSError if it cannot be read."""
    try:
        with open(path, "rb", buffering=0, opener=open_file) as file:
            return file.read(most_bytes)
    except OSError as error:
        # Errors of calls on an open file do not name it.
        error.filename = error.filename or str(path)
        raise


def append_text(path: Path, text: str, most_bytes: float = math.inf) -> None:
    """Append to a file; before it grows beyond `most_bytes`, it becomes NAME.1. Never fails: no search ends for it."""
    content = text.encode("utf-8", "replace")
    with contextlib.suppress(OSError):
        if path.is_file() and path.stat().st_size + len(content) > most_bytes:
            path.replace(path.with_name(f"{path.name}.1"))
    with contextlib.suppress(OSError), open(path, "ab", buffering=0, opener=open_file) as file:
        file.write(content)


class GrowingLog:
    """A file for messages, kept open until `close`: opening it for each message takes 25 us. Never fails."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_closed = path, False
        self._descriptor: int | None = None

    def write(self, text: str) -> None:
        if self._is_closed:
            append_text(self._path, text)
            return
        with contextlib.suppress(OSError):
            if self._descriptor is None:
                self._descriptor = open_file(str(self._path), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(self._descriptor, text.encode("utf-8", "replace"))

    def close(self) -> None:
        self._is_closed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def free_name(path: Path) -> Path:
    """Return the path if nothing lies there, else the path with the first free number at its end."""
    candidate, number = path, 1
    while os.path.lexists(candidate):
        number += 1
        candidate = path.with_name(f"{path.name}.{number}")
    return candidate


def rename_with_stamp(*paths: Path) -> None:
    """Rename existing files, adding the time to their names, so that new files can take their names."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    for path in paths:
        if path.exists():
            path.rename(free_name(path.with_name(f"{path.stem}_{stamp}{path.suffix}")))


def write_grid_config(path: Path, grid: Mapping[str, Sequence[object]], conditions: Sequence[Condition]) -> None:
    """Write a file for ``--grid_config``; an existing file is renamed. Raises StoreError if it cannot be written."""
    import pickle

    pairs = [(dict(condition.when), dict(condition.then)) for condition in conditions]
    content = pickle.dumps({"grid": dict(grid), "conditions": pairs})
    make_folder(path.parent)
    try:
        if path.exists() and path.read_bytes() != content:
            rename_with_stamp(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({reason_of(error)})") from error
    write_whole(path, content)
