"""Where text for people goes: a terminal, a pipe, a file. One that nobody reads does not hold up who writes."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import select
import signal
import stat
import threading
from collections import deque
from typing import BinaryIO, TextIO

#: How long a write waits to be taken, so that what is printed in order appears in order; then it waits in a queue.
_PATIENCE_S = 0.05
#: At the end of the program: for how long a reader may take nothing until the rest of the queue is given up.
_LAST_PATIENCE_S = 2.0
#: In one call so much is written, so that a slow reader is told from one who has gone away.
_PIECE = 16384
#: The writing thread ends after so long without work.
_IDLE_S = 1.0


class Outlet:
    """Writes to a stream of text, always as UTF-8 and without Python's buffer.

    Into a regular file at once and whole. Into what can stop taking anything (a pipe whose reader sleeps, a terminal
    after Ctrl-S) by a thread of its own, which alone may be held up: such a file cannot be made non-blocking, because
    other programs share that setting. A reader that has gone away is no error, unless `write_whole` is asked for.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._descriptor = _descriptor_of(stream)
        self.never_blocks = self._descriptor is None or _never_blocks(self._descriptor)
        self._begin()

    def _begin(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[memoryview] = deque()
        self._waiting = 0
        self._is_stuck = self._has_thread = self._is_asked_at_exit = False
        self._error: OSError | None = None
        self._process = os.getpid()

    def write(self, text: str | bytes, most_waiting: int | None = None) -> bool:
        """Write, and wait only for a moment; False = dropped, because more than `most_waiting` bytes wait already.

        None = never dropped. Nothing is raised.
        """
        content = _bytes_of(text)
        if self._is_direct():
            with contextlib.suppress(OSError):
                self._write_now(content)
            return True
        with self._changed:
            if most_waiting is not None and self._is_stuck and self._waiting > most_waiting:
                return False
            self._put(content)
            if not self._is_stuck and not self._changed.wait_for(self._is_done, _PATIENCE_S):
                self._get_stuck()
        return True

    def write_whole(self, text: str | bytes, patience_s: float | None = None) -> None:
        """Write, and return when all is written; given a patience, also when nothing was taken for so long.

        Raises OSError if it cannot be written, BrokenPipeError if nobody will read it.
        """
        content = _bytes_of(text)
        if self._is_direct():
            self._write_now(content)
            return
        with self._changed:
            self._put(content)
        self.finish(patience_s)
        if self._error is not None:
            raise self._error

    def finish(self, patience_s: float | None = _LAST_PATIENCE_S) -> None:
        """Wait until all is written, or until nothing was taken for some time; None = for as long as it takes."""
        with self._changed:
            while self._waiting:
                left = self._waiting
                self._changed.wait(patience_s)
                if self._waiting >= left:
                    return

    def shares_reader(self, other: Outlet) -> bool:
        """Return whether both lead to the same terminal or pipe."""
        if self._descriptor is None or other._descriptor is None or self.never_blocks:
            return False
        return os.path.samestat(os.fstat(self._descriptor), os.fstat(other._descriptor))

    def _is_direct(self) -> bool:
        if os.getpid() != self._process:
            # A forked process, as that of the user's functions, has no writing thread, and what waits is not its own.
            self._begin()
        return self.never_blocks

    def _write_now(self, content: bytes) -> None:
        if self._descriptor is None:
            self.stream.write(content.decode("utf-8", "replace"))
            self.stream.flush()
            return
        self.stream.flush()
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def _put(self, content: bytes) -> None:
        if self._error is None and content:
            self._queue.append(memoryview(content))
            self._waiting += len(content)
            if not self._has_thread:
                self._has_thread = True
                threading.Thread(target=self._write_queue, daemon=True).start()
            self._changed.notify_all()

    def _is_done(self) -> bool:
        return not self._waiting

    def _get_stuck(self) -> None:
        self._is_stuck = True
        if not self._is_asked_at_exit:
            self._is_asked_at_exit = True
            atexit.register(self._finish_at_exit)

    def _finish_at_exit(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            self.finish()

    def _write_queue(self) -> None:
        """Write what is put into the queue, for as long as there is something."""
        # Signals are for the main thread, which they have to wake.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while (content := self._next_piece()) is not None:
            try:
                written = self._write_some(content)
            except OSError as error:
                self._give_up(error)
                return
            self._note_written(written)

    def _next_piece(self) -> memoryview | None:
        with self._changed:
            if not self._queue:
                self._changed.wait(_IDLE_S)
            if not self._queue:
                self._has_thread = False
                return None
            return self._queue[0][:_PIECE]

    def _write_some(self, content: memoryview) -> int:
        assert self._descriptor is not None
        try:
            return os.write(self._descriptor, content)
        except BlockingIOError:
            # Another program has made the shared file non-blocking.
            poller = select.poll()
            poller.register(self._descriptor, select.POLLOUT)
            poller.poll()
            return 0

    def _note_written(self, count: int) -> None:
        with self._changed:
            self._waiting -= count
            if count < len(self._queue[0]):
                self._queue[0] = self._queue[0][count:]
            else:
                self._queue.popleft()
            self._is_stuck = self._is_stuck and bool(self._waiting)
            self._changed.notify_all()

    def _give_up(self, error: OSError) -> None:
        with self._changed:
            self._error, self._has_thread, self._is_stuck = error, False, False
            self._queue.clear()
            self._waiting = 0
            self._changed.notify_all()


class OutletStream(io.TextIOBase):
    """An outlet as a stream of text, for libraries that want one. most_waiting: see `Outlet.write`."""

    def __init__(self, outlet: Outlet, most_waiting: int | None = None) -> None:
        self._outlet, self.most_waiting = outlet, most_waiting

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute
        """What a bar asks before it draws in more than ASCII."""
        return "utf-8"

    def write(self, text: str) -> int:
        """Write; nothing is raised, and nobody is waited for."""
        self._outlet.write(text, self.most_waiting)
        return len(text)

    @property
    def buffer(self) -> BinaryIO:
        """The stream of bytes below, which can be held up by its reader."""
        return self._outlet.stream.buffer

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """Return whether it leads to a terminal."""
        return self._outlet.stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor, which tells a terminal's width."""
        return self._outlet.stream.fileno()


def outlets_of(out: TextIO, err: TextIO) -> tuple[Outlet, Outlet]:
    """Return the outlets of two streams; it is the same one if both lead to one terminal or pipe: the order is kept."""
    first, second = Outlet(out), Outlet(err)
    return (second, second) if first.shares_reader(second) else (first, second)


def _bytes_of(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        # What the caller's shell gave as bytes of its own comes out as these bytes.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _descriptor_of(stream: TextIO) -> int | None:
    """Return the stream's file descriptor; None if a program has put something else in its place."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw.fileno() if isinstance(raw, io.FileIO) and not raw.closed else None


def _never_blocks(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor))
