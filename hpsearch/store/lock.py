"""One controller a search folder: the second is refused, and told who the first is."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from pathlib import Path
from types import TracebackType

from hpsearch.core.errors import FolderError


class ControllerLock:
    """Held while a controller works on a folder; freed by the operating system when its process ends, however."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises FolderError naming the holder if another controller has it.
        """
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise FolderError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            # flock, not lockf: it also keeps apart two searches of one process, and Linux carries it over NFS.
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 500, 0).decode("utf-8", "replace").strip()
            os.close(self._descriptor)
            raise FolderError(
                f"{path.parent.parent}: another controller works on this search ({holder or 'just starting'}); "
                "wait for its end or stop it first"
            ) from error
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"process {os.getpid()} on {socket.gethostname()}, since {started}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)

    def __enter__(self) -> ControllerLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def lock_holder(path: Path) -> str | None:
    """Return who holds the lock (one line for people), or None if nobody does. Nothing is changed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except OSError:
        return os.pread(descriptor, 500, 0).decode("utf-8", "replace").strip()
    finally:
        os.close(descriptor)
