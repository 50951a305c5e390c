"""Standard output is for results: output of the user's own code (grid modules, parsers) goes to standard error."""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from hpsearch.core.errors import StoreError, reason_of

_STDOUT, _STDERR = 1, 2


@contextlib.contextmanager
def writing_results() -> Iterator[None]:
    """In this context, if standard output cannot be written, print nothing more there.

    Raises StoreError then, or BrokenPipeError if its reader is gone.
    """
    try:
        yield
    except OSError as error:
        # Python flushes once more when it exits, and would complain.
        with contextlib.suppress(OSError):
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        if isinstance(error, BrokenPipeError):
            raise
        raise StoreError(f"standard output cannot be written: {reason_of(error)}") from error


@contextlib.contextmanager
def output_on_stderr() -> Iterator[None]:
    """In this context, send output of Python, C libraries and child processes to standard error.

    Standard output may be closed, or not be a file (a notebook, a test that captures it).
    """
    _DETOUR.begin()
    try:
        yield
    finally:
        _DETOUR.end()


class _Detour:
    """Sends standard output to standard error while anyone in this process needs it; each `begin` needs an `end`."""

    def __init__(self) -> None:
        self._lock = _thread.allocate_lock()
        self._users = 0
        self._stream: TextIO | None = None
        self._descriptor: int | None = None

    def begin(self) -> None:
        with self._lock:
            if self._users == 0:
                _flush(sys.stdout)
                self._stream, sys.stdout = sys.stdout, sys.stderr
                # A copy that children do not inherit; None if standard output is closed.
                self._descriptor = None
                with contextlib.suppress(OSError):
                    self._descriptor = os.dup(_STDOUT)
                _lead_stdout_aside()
            self._users += 1

    def end(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                # Flush what was printed through an older reference to standard output.
                _flush(self._stream)
                with contextlib.suppress(ImportError, OSError, AttributeError):
                    import ctypes

                    # C libraries would write their buffers only at the end of the process.
                    ctypes.CDLL(None).fflush(None)
                if self._stream is not None or sys.stdout is sys.stderr:
                    sys.stdout = self._stream  # None where the caller closed it
                if self._descriptor is None:
                    os.close(_STDOUT)
                else:
                    os.dup2(self._descriptor, _STDOUT)
                    os.close(self._descriptor)


#: One for the process, as file descriptor 1 is: searches may run in several threads.
_DETOUR = _Detour()
#: For the end of a process, when exit handlers of the user's modules may print.
leave_output_on_stderr = _DETOUR.begin


def _lead_stdout_aside() -> None:
    try:
        os.dup2(_STDERR, _STDOUT)
    except OSError:
        # There is no standard error, so discard the output.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        if nowhere != _STDOUT:
            os.close(nowhere)


def _flush(stream: TextIO | None) -> None:
    # Its reader may be gone, or the user's code may have closed it.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if stream is not None:
            stream.flush()
