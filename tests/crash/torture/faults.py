"""Faults of system calls and a clock that jumps, for commands of hpsearch; faults.c carries them out."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
REQUIRE = "HPSEARCH_REQUIRE_CC"
#: The fields of `struct control` in faults.c: clock, calls to live, injected, deaths, moment, calls, error, every,
#: seen, prefix.
_LAYOUT = struct.Struct("=qqqqIIiIQ1024s")
_COUNTS = struct.Struct("=qq")
_COUNTS_AT, _RULE_AT, _SEEN_AT = 16, 32, 48
#: More calls than any command makes.
_MANY = 2**31
#: The kinds of calls, as in faults.c.
_OPENS, _CREATES, _WRITES, _READS, _SYNCS, _NAMES, _FOLDERS, _LOCKS, _LOOKS = (1 << bit for bit in range(9))
#: When a process dies: before a call, in the middle of what it writes, or after it.
MOMENTS = ("before", "halfway", "after")


@dataclass(frozen=True)
class Fault:
    """Calls that fail while it is there. every: only each n-th of them."""

    calls: int
    error: int
    every: int = 1


FAULTS: Mapping[str, Fault] = {
    "disk full": Fault(_WRITES | _FOLDERS, errno.ENOSPC),
    "no inodes": Fault(_CREATES | _FOLDERS, errno.ENOSPC),
    "quota": Fault(_WRITES | _CREATES | _FOLDERS, errno.EDQUOT),
    "EIO": Fault(_WRITES | _READS | _SYNCS, errno.EIO, every=3),
    "EIO in reading": Fault(_READS | _LOOKS, errno.EIO, every=5),
    "EIO in fsync": Fault(_SYNCS, errno.EIO),
    "ESTALE": Fault(_OPENS | _READS | _WRITES | _LOOKS | _NAMES, errno.ESTALE, every=4),
    "no locks": Fault(_LOCKS, errno.ENOSYS),
    "read only": Fault(_WRITES | _CREATES | _FOLDERS | _NAMES, errno.EROFS),
    "too many files": Fault(_OPENS, errno.EMFILE, every=2),
}


class NoCompilerError(Exception):
    """There is no C compiler, or it failed; the text says what to install."""


def build_library(folder: Path) -> Path:
    """Compile faults.c into a folder; return the library. Raises NoCompilerError."""
    compiler, library = shutil.which("cc") or shutil.which("gcc"), folder / "faults.so"
    if compiler is None:
        raise NoCompilerError("no C compiler here; apt-get install gcc libc6-dev")
    argv = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(HERE / "faults.c"), "-ldl"]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise NoCompilerError(f"{compiler} failed: {done.stderr.strip()}")
    return library


def need_library(folder: Path) -> Path:
    """Compile the library; skip the test where it cannot be, or fail it where the environment says that it must."""
    try:
        return build_library(folder)
    except NoCompilerError as error:
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(f"{REQUIRE}=1, but {error}", pytrace=False)
        pytest.skip(str(error))


class Control:
    """The control file of one history, mapped into memory: a change holds at once for all its commands."""

    def __init__(self, path: Path, library: Path, prefix: Path) -> None:
        """Let nothing fail as yet. prefix: what the paths that can fail begin with."""
        self._path, self._library = path, library
        empty = (0, 0, 0, 0, 0, 0, 0, 0, 0)
        path.write_bytes(_LAYOUT.pack(*empty, os.fsencode(prefix)))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def environment(self) -> dict[str, str]:
        """Return the variables by which commands load the library."""
        return {"LD_PRELOAD": str(self._library), "HPSEARCH_FAULTS": str(self._path)}

    def set_clock(self, offset_s: float) -> None:
        """Let commands see the time of day this many seconds later than it is."""
        struct.pack_into("=q", self._map, 0, int(offset_s * 1e9))

    def fail(self, fault: Fault | None) -> None:
        """Let calls fail from now on; None: no more."""
        if fault is None:
            struct.pack_into("=I", self._map, _RULE_AT + 4, 0)
            return
        # Which calls fail is written last: half a rule never holds.
        struct.pack_into("=iI", self._map, _RULE_AT + 8, fault.error, fault.every)
        struct.pack_into("=I", self._map, _RULE_AT + 4, fault.calls)

    def fail_once(self, fault: Fault, call: int) -> None:
        """Let the call-th call from now on fail, and no other."""
        struct.pack_into("=Q", self._map, _SEEN_AT, _MANY - call)
        self.fail(Fault(fault.calls, fault.error, every=_MANY))

    def die_at(self, call: int, moment: str) -> None:
        """Let a command die by SIGKILL at the call-th change of the search folder from now on; 0: none does."""
        struct.pack_into("=I", self._map, _RULE_AT, MOMENTS.index(moment))
        struct.pack_into("=q", self._map, 8, call)

    @property
    def injected(self) -> int:
        """How many calls have failed."""
        return int(_COUNTS.unpack_from(self._map, _COUNTS_AT)[0])

    @property
    def deaths(self) -> int:
        """How many commands have died at a call."""
        return int(_COUNTS.unpack_from(self._map, _COUNTS_AT)[1])

    def close(self) -> None:
        """Let nothing fail any more, and unmap the file."""
        self.fail(None)
        self.die_at(0, MOMENTS[0])
        self.set_clock(0)
        self._map.close()
