"""One controller a search folder: the second is refused, and told who the first is.

Two things keep controllers apart, because file systems differ. The operating system's lock (flock) frees itself when a
process ends, but some file systems have none, and on others each machine sees only its own. So the lock file also names
its holder, with a heartbeat: if nothing else tells whether the holder lives, the heartbeat is watched.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hpsearch.core.errors import ControllerPresent, FolderError, reason_of, unwritable
from hpsearch.core.hints import hint
from hpsearch.journal.values import build
from hpsearch.startup.classes import asdict, dataclass, field, fields, replace
from hpsearch.startup.host import host_name
from hpsearch.store.layout import NO_FILE, open_file, read_small, write_whole

#: A heartbeat changes digits, never the file's length, so no reader sees half a beat.
_WIDTH = 20


@dataclass(frozen=True)
class Holder:
    """Who took a search folder's lock, according to the lock file.

    since: seconds since the epoch. process: tells this process from a later one with the same number; may be empty.
    takes_signals: True if SIGINT ends this search in good order (and no other search that its program may run).
    inode: of the lock file, which tells a copy of the folder from the original; 0 = not known. boot: id of the
    machine's boot. beat_s: seconds between two heartbeats, 0 = there are none. beat: the number of heartbeats so far.
    """

    host: str
    pid: int
    since: float
    process: str = ""
    takes_signals: bool = False
    inode: int = 0
    boot: str = ""
    beat_s: float = 0.0
    beat: int = field(default=0, compare=False)

    def __str__(self) -> str:
        if not self.host:
            return "the lock file cannot be read"
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {started}"


def record_of(holder: Holder) -> bytes:
    """Return a holder as one line of JSON, of the same length at each heartbeat."""
    return (json.dumps(asdict(holder)) + " " * (_WIDTH - len(str(holder.beat)))).encode() + b"\n"


def holder_in(content: bytes) -> Holder | None:
    """Return the holder that a lock file names; None if it is empty. An unreadable file gives a holder without host."""
    try:
        return holder_from(json.loads(content)) if content.strip() else None
    except (ValueError, RecursionError):
        return Holder(host="", pid=0, since=0.0)


def holder_from(found: object) -> Holder:
    """Return a holder from its JSON. Raises ValueError if that is no holder."""
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, found {type(found).__name__}")
    return build(Holder, {each.name: found[each.name] for each in fields(Holder) if each.name in found})


#: Errors of file systems without locks: Lustre without -o flock, NFS without its lock manager, some FUSE.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)
#: How long to wait for the lock of a dead holder: if it was killed while it started a run, the new process holds the
#: lock, too, until it executes its program. That takes milliseconds, more on a busy machine.
_UNBORN_S = 2.0
#: How often a watched heartbeat is read in each interval.
_LOOKS_AN_INTERVAL = 20


def _now() -> float:
    """Return the time, in seconds, of a clock that nobody sets and that counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True)
class LockWays:
    """What taking a lock needs; tests hand in their own.

    is_there: whether a holder lives; None = cannot be seen from here. tell: shows people a message.
    beat_s: between two heartbeats. flock: takes the operating system's lock. now: a clock that never goes back.
    """

    is_there: Callable[[Holder], bool | None] = lambda holder: None
    tell: Callable[[str], None] = lambda message: None
    beat_s: float = 5.0
    flock: Callable[[int, int], None] = fcntl.flock
    now: Callable[[], float] = _now
    sleep: Callable[[float], None] = time.sleep


class ControllerLock:
    """Held while a controller works on a folder; it becomes free when the process ends, in whatever way."""

    def __init__(self, path: Path, holder: Holder | None = None, ways: LockWays | None = None) -> None:
        """Take the lock for this process, which `holder` describes.

        Raises ControllerPresent naming the holder if another controller has it, FolderError if it is no file,
        StoreError if it cannot be written, FileNotFoundError if the folder has just been removed.
        """
        self._path, self._ways = path, ways or LockWays()
        self._descriptor = _open(path)
        self._taken_by: Holder | None = None
        import threading  # Here, because readers do not need it.

        self._mutex, self._ends = threading.Lock(), threading.Event()
        try:
            has_flock = self._take_flock()
            holder = holder or Holder(host_name(), os.getpid(), time.time())
            self.holder = replace(holder, inode=os.fstat(self._descriptor).st_ino, beat_s=self._ways.beat_s)
            judged = self._judged(has_flock)
            while not self._write_first(judged):
                judged = self._judged(has_flock)
        except BaseException as error:
            os.close(self._descriptor)
            if isinstance(error, OSError):
                error.filename = error.filename or str(path)
            raise
        self._beat_at = self._ways.now()
        self._heart = threading.Thread(target=self._beat_on, daemon=True)
        self._heart.start()

    def check(self) -> None:
        """Raise ControllerPresent if another controller took the lock over: this process stood still for too long."""
        if self._taken_by is None and self._ways.now() - self._beat_at > 1.5 * self._ways.beat_s:
            self._beat()
        if self._taken_by is not None:
            problem = f"another controller has taken over this search ({self._taken_by})"
            reason = "because this one showed no sign of life for too long; this one writes nothing more"
            raise ControllerPresent(f"{_search_of(self._path)}: {problem}, {reason}")

    def release(self) -> None:
        """Give the lock back; the file, now empty, tells that to machines that do not see the lock itself."""
        self._ends.set()
        self._heart.join()
        with contextlib.suppress(OSError):
            if holder_in(read_small(self._path)) == self.holder:
                os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def _take_flock(self) -> bool:
        """Take the operating system's lock; return whether the file system has locks."""
        end = self._ways.now() + _UNBORN_S
        while True:
            try:
                # flock, not lockf: it also keeps two searches of one process apart, and Linux carries it over NFS.
                self._ways.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = lock_holder(self._path)
                if holder is None or self._ways.is_there(holder) is not False or self._ways.now() >= end:
                    raise _present(self._path, holder) from None
                self._ways.sleep(0.01)
            except OSError as error:
                if error.errno in _NO_LOCKS:
                    return False
                raise FolderError(f"{self._path}: cannot be locked ({reason_of(error)})") from error
            else:
                return True

    def _judged(self, has_flock: bool) -> bytes:
        """Return the lock file's content if certainly nobody holds the lock; else raise ControllerPresent."""
        content = read_small(self._path)
        holder = holder_in(content)
        if holder is None:
            return content
        is_there = self._ways.is_there(holder)
        if is_there:
            raise _present(self._path, holder)
        if holder.host and not holder.beat_s:
            # An earlier version, which had no heartbeat.
            if has_flock or is_there is False:
                return content
            problem = f"{holder} may still be working on this search, and this machine cannot see it"
            remedy = f"if you know that it is not, remove {self._path}"
            raise ControllerPresent(f"{_search_of(self._path)}: {problem}; {remedy}")
        if is_there is False and holder.boot == self.holder.boot:
            return content
        return self._watched(content, holder)

    def _watched(self, content: bytes, holder: Holder) -> bytes:
        """Return the lock file's content if it stays the same for two heartbeats; machines' clocks may differ."""
        wait_s = 2 * (holder.beat_s or self._ways.beat_s)
        self._ways.tell(f"checking for {wait_s:g} s whether this search still runs elsewhere ({holder})")
        end = self._ways.now() + wait_s
        while self._ways.now() < end:
            self._ways.sleep(wait_s / 2 / _LOOKS_AN_INTERVAL)
            later = read_small(self._path)
            if later != content:
                if holder_in(later) is not None:
                    raise _present(self._path, holder_in(later))
                return later
        return content

    def _write_first(self, judged: bytes) -> bool:
        """Write who holds the lock now; False if the file has changed since it was judged."""
        try:
            with _claimed(self._path, self._ways):
                if self._path.stat().st_ino != self.holder.inode:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))
                if read_small(self._path) != judged:
                    return False
                self._write(self._descriptor)
                with contextlib.suppress(OSError):
                    # So that other machines see it, too; a file system that refuses this does no harm.
                    os.fsync(self._descriptor)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unwritable(error.filename or self._path, error) from error
        return True

    def _write(self, descriptor: int) -> None:
        # Never empty in between: an empty file says that nobody holds the lock.
        os.ftruncate(descriptor, os.pwrite(descriptor, record_of(self.holder), 0))

    def _beat_on(self) -> None:
        while not self._ends.wait(self._ways.beat_s) and self._taken_by is None:
            self._beat()

    def _beat(self) -> None:
        """Write a heartbeat, or notice that another controller has taken the lock over."""
        with self._mutex:
            try:
                holder = holder_in(read_small(self._path))
                if holder is not None and holder.host and holder != self.holder:
                    self._taken_by = holder
                    return
                self.holder = replace(self.holder, beat=self.holder.beat + 1)
                # Opened anew each time: NFS shows it to other machines when the file is closed.
                with open(self._path, "r+b", buffering=0, opener=open_file) as file:
                    self._write(file.fileno())
            except OSError:
                return  # The file system is away, or the folder is deleted: writing the next event will tell.
            self._beat_at = self._ways.now()

    def __enter__(self) -> ControllerLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock_holder(path: Path) -> Holder | None:
    """Return who took the lock and did not give it back (still alive, or killed); None if nobody."""
    # Do not try the lock itself: a controller that starts at that moment would find it taken.
    try:
        return holder_in(read_small(path))
    except FileNotFoundError:
        return None
    except OSError:
        return Holder(host="", pid=0, since=0.0)


@contextlib.contextmanager
def _claimed(path: Path, ways: LockWays) -> Iterator[None]:
    """Keep all others from writing the lock file, on any file system: only one process can make the claim file.

    The claim file exists for a moment. If one stays, its process was killed; the claim with the next number then
    counts instead.
    """
    claims = [path.with_name(f"{path.name}.claim")]
    while not _is_made(claims[-1], ways):
        claims.append(path.with_name(f"{path.name}.claim{len(claims)}"))
    try:
        yield
    finally:
        for claim in claims:
            claim.unlink(missing_ok=True)


def _is_made(claim: Path, ways: LockWays) -> bool:
    """Make a claim file; False if another process's claim stays for two heartbeats."""
    end = ways.now() + 2 * ways.beat_s
    while True:
        try:
            os.close(os.open(claim, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            if ways.now() >= end:
                return False
            ways.sleep(0.01)
        else:
            return True


def _open(path: Path) -> int:
    try:
        return open_file(str(path), os.O_RDWR | os.O_CREAT)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno not in NO_FILE:
            raise unwritable(path, error) from error
        remedy = f"{hint('repair', _search_of(path))} sets it aside"
        raise FolderError(f"{path}: expected a file, found something else; {remedy}") from error


def _search_of(path: Path) -> Path:
    return path.parent.parent


def _present(path: Path, holder: Holder | None) -> ControllerPresent:
    problem = f"this search is already running ({holder or 'just starting'})"
    return ControllerPresent(f"{_search_of(path)}: {problem}; wait until it ends, or stop it first (hpsearch cancel)")


def leave_request(path: Path, holder: Holder) -> None:
    """Ask this holder of the lock, and no other, to stop. Raises StoreError if the request cannot be written."""
    content = {"to": asdict(holder), "by": f"process {os.getpid()} on {host_name()}"}
    write_whole(path, json.dumps(content).encode() + b"\n")


def take_request(path: Path, holder: Holder) -> str | None:
    """Remove a request, even an unreadable one; return who asked, None if nobody asked this holder."""
    if not path.exists():
        return None
    try:
        content = read_small(path)
        path.unlink()
        request = json.loads(content)
        return str(request["by"]) if holder_from(request["to"]) == holder else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
