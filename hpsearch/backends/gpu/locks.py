"""One lock per GPU, shared by all searches and users of this machine, held while a run starts up there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pwd
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from hpsearch.core.errors import reason_of

#: The same for every user, so not TMPDIR.
LOCK_FOLDER = Path("/tmp/hpsearch-gpus")
#: Names another folder, for machines whose /tmp is not shared by all.
LOCK_FOLDER_VARIABLE = "HPSEARCH_GPU_LOCKS"
#: Anyone may have put anything there: follow no link, and do not wait for a FIFO.
_CAREFULLY = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_WITHOUT = "two searches may start on a GPU at once"
_OTHER_FOLDER = f"remove it, or give another folder by {LOCK_FOLDER_VARIABLE}, the same for all users"


class _NotALock(Exception):
    """Something lies there that is no lock, or no folder for locks; the text says why, and what to do."""

    def __init__(self, path: Path, problem: str, remedy: str = "") -> None:
        super().__init__("; ".join(filter(None, [f"{path}: {problem}", _WITHOUT, remedy])))


class GpuLocks:
    """The locks of one search. The operating system frees them whenever the controller ends: none goes stale.

    A lock's file holds the time when a search last started a run on that GPU: earlier readings are worthless. A GPU
    that can have no lock (a foreign file under its name, a file system without locks) is used without one.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        """warn: tells people, once, what is wrong with a lock."""
        self._folder, self._warn = folder, warn
        self._held: dict[str, int] = {}
        self._own_starts: dict[str, float] = {}
        self._said: set[str] = set()

    def prepare(self) -> None:
        """Make the folder, or tell people what is wrong with it."""
        with self._telling():
            os.close(self._open_folder())

    def take(self, uuid: str) -> bool:
        """Take a GPU's lock, or keep it; False if another search has it."""
        with self._telling():
            return uuid in self._held or self._lock(uuid)
        return True

    def has_other_start(self, uuid: str, since: float, now: float) -> bool:
        """Return whether another search started a run at `since` or later, on a GPU whose lock we hold.

        Times are seconds since this machine was started; a stamp beyond `now` is from before that start.
        """
        if uuid not in self._held:
            return False
        try:
            last = float(os.pread(self._held[uuid], 40, 0))
        except (ValueError, OSError):
            return False
        return since <= last <= now and last != self._own_starts.get(uuid)

    def note_start(self, uuid: str, now: float) -> None:
        """Tell other searches that a run starts now (seconds since this machine was started: the same for all)."""
        if uuid in self._held:
            text = f"{now:.6f}"
            self._own_starts[uuid] = float(text)
            # Another user's file may be read-only; the lock works all the same.
            with contextlib.suppress(OSError):
                os.pwrite(self._held[uuid], f"{text:<20}\n".encode("ascii"), 0)

    def keep_only(self, uuids: Collection[str]) -> None:
        """Take these locks, or keep them, and give back all others."""
        for uuid in self._held.keys() - uuids:
            os.close(self._held.pop(uuid))
        for uuid in uuids:
            self.take(uuid)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Within the context, tell once what is no lock, and go on without that lock."""
        try:
            yield
        except _NotALock as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                self._warn(str(error))

    def _lock(self, uuid: str) -> bool:
        folder = self._open_folder()
        try:
            while True:
                with contextlib.ExitStack() as to_close:
                    descriptor = self._open(folder, f"{uuid}.lock")
                    to_close.callback(os.close, descriptor)
                    is_free = self._flock(descriptor, uuid)
                    # A cleaner of /tmp may have removed the file meanwhile: a lock on it would keep nobody out.
                    if os.fstat(descriptor).st_nlink > 0:
                        if is_free:
                            self._held[uuid] = descriptor
                            to_close.pop_all()
                        return is_free
        finally:
            os.close(folder)

    def _flock(self, descriptor: int, uuid: str) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            problem = f"cannot be locked ({reason_of(error)})"
            remedy = f"give {LOCK_FOLDER_VARIABLE} a folder on a local disk"
            raise _NotALock(self._folder / f"{uuid}.lock", problem, remedy) from error
        return True

    def _open_folder(self) -> int:
        """Open the folder, or make it; done each time, since /tmp gets cleaned."""
        try:
            is_made = False
            with contextlib.suppress(FileExistsError):  # An earlier search made it, perhaps another user's.
                self._folder.mkdir(parents=True)
                is_made = True
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | _CAREFULLY)
            if is_made:
                # mkdir would apply the umask. The rights of /tmp: everyone may add files, nobody may remove others'.
                os.fchmod(folder, 0o1777)
        except OSError as error:
            # For a link, too, Linux says that it is no folder.
            raise self._no_folder(error) from error
        found, problem = os.fstat(folder), ""
        is_shared = found.st_mode & (stat.S_ISVTX | stat.S_IWOTH) == stat.S_ISVTX | stat.S_IWOTH
        if found.st_uid not in (0, os.geteuid()) and not is_shared:
            problem = f"belongs to {_owner(found)}, and its rights are not those of /tmp (drwxrwxrwt)"
        elif not os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
            problem = "cannot be written"
        if problem:
            os.close(folder)
            raise _NotALock(self._folder, problem, _OTHER_FOLDER)
        return folder

    def _no_folder(self, error: OSError) -> _NotALock:
        try:
            found = self._folder.lstat()
        except OSError:
            return _NotALock(self._folder, f"cannot be made ({reason_of(error)})")
        if stat.S_ISDIR(found.st_mode):
            return _NotALock(self._folder, f"cannot be opened ({reason_of(error)})", _OTHER_FOLDER)
        return _NotALock(self._folder, f"is {_kind(found)}, not a folder", _OTHER_FOLDER)

    def _open(self, folder: int, name: str) -> int:
        """Open a lock's file, or make it."""
        problem = ""
        # In a folder like /tmp, Linux refuses O_CREAT on another user's file, even if it is writable.
        for more in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR):
            try:
                descriptor = os.open(name, _CAREFULLY | more, 0o666, dir_fd=folder)
            except OSError as error:
                problem = f"cannot be opened ({reason_of(error)})"
                continue
            with contextlib.ExitStack() as to_close:
                to_close.callback(os.close, descriptor)
                self._refuse_foreign(name, os.fstat(descriptor))
                if more & os.O_CREAT:
                    os.fchmod(descriptor, 0o666)
                to_close.pop_all()
            return descriptor
        with contextlib.suppress(OSError):
            self._refuse_foreign(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
        raise _NotALock(self._folder / name, problem)

    def _refuse_foreign(self, name: str, found: os.stat_result) -> None:
        # With a second name it is also a file elsewhere, which our stamp would spoil. (No name: it was just removed.)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            problem = f"is {_kind(found)} of {_owner(found)}, not a lock"
            raise _NotALock(self._folder / name, problem, "remove it")


def _kind(found: os.stat_result) -> str:
    kinds = {stat.S_ISLNK: "a link", stat.S_ISFIFO: "a FIFO", stat.S_ISDIR: "a folder", stat.S_ISSOCK: "a socket"}
    kinds[stat.S_ISREG] = "a file with a second name" if found.st_nlink > 1 else "a file"
    return next((name for is_kind, name in kinds.items() if is_kind(found.st_mode)), "a device")


def _owner(found: os.stat_result) -> str:
    try:
        return pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        return f"user {found.st_uid}"
