"""One controller a search folder: the second is refused, and told who the first is."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType

from hpsearch.core.errors import FolderError, reason_of


@dataclass(frozen=True)
class Holder:
    """Who took a search folder's lock, as the lock file says it.

    since: seconds since the epoch. process: what tells this process from a later one with its number; may be empty.
    takes_signals: True if SIGINT ends this search in good order (and no other search that its program may run).
    inode: of the lock file, by which a copy of the folder is told from the original; 0 = not known.
    """

    host: str
    pid: int
    since: float
    process: str = ""
    takes_signals: bool = False
    inode: int = 0

    def __str__(self) -> str:
        if not self.host:
            return "the lock file cannot be read"
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host}, since {started}"


class ControllerLock:
    """Held while a controller works on a folder; freed by the operating system when its process ends, however."""

    def __init__(self, path: Path, holder: Holder | None = None) -> None:
        """Take the lock for this process; `holder` says more about it.

        Raises FolderError naming the holder if another controller has it, FileNotFoundError if the folder has just been
        taken away.
        """
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise FolderError(f"{path}: cannot be written ({reason_of(error)})") from error
        try:
            # flock, not lockf: it also keeps apart two searches of one process, and Linux carries it over NFS.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise FolderError(
                f"{path.parent.parent}: another controller works on this search ({lock_holder(path) or 'just starting'}"
                "); wait for its end or stop it first"
            ) from error
        if os.fstat(self._descriptor).st_nlink == 0:
            os.close(self._descriptor)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        holder = holder or Holder(socket.gethostname(), os.getpid(), time.time())
        self.holder = replace(holder, inode=os.fstat(self._descriptor).st_ino)
        # Never empty in between: that would say that nobody is here.
        size = os.pwrite(self._descriptor, json.dumps(asdict(self.holder)).encode() + b"\n", 0)
        os.ftruncate(self._descriptor, size)

    def release(self) -> None:
        """Give the lock back; an empty file tells other machines, which may not see the lock itself."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)

    def __enter__(self) -> ControllerLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_holder(path: Path) -> Holder | None:
    """Return who took the lock and did not give it back: it holds it, or was killed; None if there is nobody.

    The lock itself is not tried: for that moment, a controller that starts would find it taken.
    """
    try:
        content = path.read_bytes()
        return Holder(**json.loads(content)) if content.strip() else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        return Holder(host="", pid=0, since=0.0)
