"""What the user's own code prints (grid modules, parsers, schedulers) is kept apart from our results."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """Lead to standard error whatever is printed meanwhile: by Python, by C libraries and by child processes.

    Works also where standard output is closed, or is no file (a notebook, a test that captures it).
    """
    _DETOUR.begin()
    try:
        yield
    finally:
        _DETOUR.end()


def leave_output_on_stderr() -> None:
    """Lead to standard error what is printed up to the end of the process: by exit handlers of the user's modules."""
    _DETOUR.begin()


class _Detour:
    """Leads standard output to standard error as long as anyone in this process needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._stream: TextIO | None = None
        self._descriptor: int | None = None

    def begin(self) -> None:
        """Lead standard output aside; every call needs one of `end`."""
        with self._lock:
            if self._users == 0:
                _flush(sys.stdout)
                self._stream, sys.stdout = sys.stdout, sys.stderr
                self._descriptor = _copy_of(_STDOUT)
                _lead(_STDOUT, _STDERR)
            self._users += 1

    def end(self) -> None:
        """Lead standard output back where it was, as soon as nobody needs the detour any more."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                # What was printed by way of an older reference to standard output still lies in a buffer.
                _flush(self._stream)
                _flush_c_libraries()
                if self._stream is not None or sys.stdout is sys.stderr:
                    sys.stdout = self._stream  # None where the caller closed it
                _lead_back(self._descriptor)


#: Descriptor 1 belongs to the whole process, and so does what leads it aside: searches may run in several threads.
_DETOUR = _Detour()


def _copy_of(descriptor: int) -> int | None:
    """Return a copy of a file descriptor that child processes do not inherit; None if it is closed."""
    try:
        return os.dup(descriptor)
    except OSError:
        return None


def _lead(descriptor: int, target: int) -> None:
    try:
        os.dup2(target, descriptor)
    except OSError:
        # There is no standard error: what is printed has no place to go.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        if nowhere != descriptor:
            os.close(nowhere)


def _lead_back(copy: int | None) -> None:
    if copy is None:
        os.close(_STDOUT)
    else:
        os.dup2(copy, _STDOUT)
        os.close(copy)


def _flush(stream: TextIO | None) -> None:
    # A reader that is gone, or a stream that the user's code closed.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            stream.flush()


def _flush_c_libraries() -> None:
    """Write out what C libraries have in their buffers, which they would do at the end of the process otherwise."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).fflush(None)
