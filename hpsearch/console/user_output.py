"""Standard output is for results: what the user's own code prints (grid modules, parsers) goes to standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator

from hpsearch.core.errors import StoreError, reason_of
from hpsearch.startup.typing import TextIO

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def writing_results() -> Iterator[None]:
    """If what is printed in here cannot be written, print nothing more on standard output.

    Raises StoreError then, BrokenPipeError if nobody reads it any more.
    """
    try:
        yield
    except OSError as error:
        # Python flushes once more at its end, and would complain.
        with contextlib.suppress(OSError):
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        if isinstance(error, BrokenPipeError):
            raise
        raise StoreError(f"standard output cannot be written: {reason_of(error)}") from error


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """Send to standard error what is printed meanwhile by Python, by C libraries and by child processes.

    Standard output may be closed, or be no file (a notebook, a test that captures it).
    """
    _DETOUR.begin()
    try:
        yield
    finally:
        _DETOUR.end()


class _Detour:
    """Sends standard output to standard error while anyone in this process needs it; each `begin` needs an `end`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._stream: TextIO | None = None
        self._descriptor: int | None = None

    def begin(self) -> None:
        with self._lock:
            if self._users == 0:
                _flush(sys.stdout)
                self._stream, sys.stdout = sys.stdout, sys.stderr
                # A copy that child processes do not inherit; None if standard output is closed.
                self._descriptor = None
                with contextlib.suppress(OSError):
                    self._descriptor = os.dup(_STDOUT)
                _lead_stdout_aside()
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                # What was printed through an older reference to standard output still lies in a buffer.
                _flush(self._stream)
                with contextlib.suppress(ImportError, OSError, AttributeError):
                    import ctypes

                    # C libraries would write out their buffers at the end of the process.
                    ctypes.CDLL(None).fflush(None)
                if self._stream is not None or sys.stdout is sys.stderr:
                    sys.stdout = self._stream  # None where the caller closed it
                if self._descriptor is None:
                    os.close(_STDOUT)
                else:
                    os.dup2(self._descriptor, _STDOUT)
                    os.close(self._descriptor)


#: File descriptor 1 belongs to the whole process, and so does its detour: searches may run in several threads.
_DETOUR = _Detour()
#: For the end of a process, where exit handlers of the user's modules print.
leave_output_on_stderr = _DETOUR.begin


def _lead_stdout_aside() -> None:
    try:
        os.dup2(_STDERR, _STDOUT)
    except OSError:
        # There is no standard error: what is printed has no place to go.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        if nowhere != _STDOUT:
            os.close(nowhere)


def _flush(stream: TextIO | None) -> None:
    # Its reader may be gone, or the user's code has closed it.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            stream.flush()
