"""One lock a GPU, common to all searches and users of this machine, held while a run starts up there."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection
from pathlib import Path

from hpsearch.core.errors import reason_of

#: The same for every user, so not TMPDIR.
LOCK_FOLDER = Path("/tmp/hpsearch-gpus")
#: Where the folder lies instead, for machines whose /tmp is not common to all.
LOCK_FOLDER_VARIABLE = "HPSEARCH_GPU_LOCKS"


class GpuLocks:
    """The locks of one search. The operating system frees them when the controller ends, however, so none goes stale.

    A lock's file holds when a search last started a run on that GPU: readings from before that are worth nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, int] = {}
        self._own_starts: dict[str, float] = {}

    def prepare(self) -> str:
        """Make the folder; return what is wrong with it, nothing if it is fine."""
        try:
            self._folder.mkdir(parents=True)
            # Not by mkdir, which takes the umask away. Like /tmp: everyone may add, nobody may take others' away.
            self._folder.chmod(0o1777)
        except FileExistsError:
            pass  # An earlier search made it, perhaps another user's.
        except OSError as error:
            return f"{self._folder}: cannot be made ({reason_of(error)}); two searches may start on a GPU at once"
        if not os.access(self._folder, os.W_OK | os.X_OK):
            return f"{self._folder}: cannot be written; two searches may start on a GPU at once"
        return ""

    def take(self, uuid: str) -> bool:
        """Take a GPU's lock, or keep it; False if another search has it."""
        if uuid in self._held:
            return True
        descriptor = self._open(uuid)
        if descriptor is None:
            # A lock that cannot be had at all must not keep a search from its GPUs; `prepare` has warned.
            return True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._held[uuid] = descriptor
        return True

    def has_other_start(self, uuid: str, since: float, now: float) -> bool:
        """Return whether another search started a run on a GPU, whose lock is held now, at `since` or later.

        Both are seconds since this machine was started; a stamp beyond `now` was left before that.
        """
        if uuid not in self._held:
            return False
        try:
            last = float(os.pread(self._held[uuid], 40, 0))
        except ValueError:
            return False
        return since <= last <= now and last != self._own_starts.get(uuid)

    def note_start(self, uuid: str, now: float) -> None:
        """Leave for other searches that a run starts now (seconds since this machine was started: the same for all)."""
        if uuid in self._held:
            text = f"{now:.6f}"
            self._own_starts[uuid] = float(text)
            # Another user's file may be readable only; the lock itself works all the same.
            with contextlib.suppress(OSError):
                os.pwrite(self._held[uuid], f"{text:<20}\n".encode("ascii"), 0)

    def keep(self, uuids: Collection[str]) -> None:
        """Give back all locks but these."""
        for uuid in [uuid for uuid in self._held if uuid not in uuids]:
            os.close(self._held.pop(uuid))

    def held(self) -> frozenset[str]:
        """Return the GPUs whose locks are held."""
        return frozenset(self._held)

    def _open(self, uuid: str) -> int | None:
        path = self._folder / f"{uuid}.lock"
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        # In a folder like /tmp, Linux refuses O_CREAT for a file of another user, even where it may be written.
        for more in (os.O_RDWR, os.O_RDONLY, os.O_RDWR | os.O_CREAT | os.O_EXCL, os.O_RDWR):
            with contextlib.suppress(OSError):
                descriptor = os.open(path, flags | more, 0o666)
                if more & os.O_CREAT:
                    os.fchmod(descriptor, 0o666)
                return descriptor
        return None
