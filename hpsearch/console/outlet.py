"""Where text for people goes: a terminal, a pipe, a file. A reader that does not read holds up no search."""

from __future__ import annotations

import _thread
import atexit
import contextlib
import io
import os
import signal
import stat
import time

# Not from `queue`: it takes them from here, too, but its other imports would cost every command 2 ms.
from _queue import Empty, SimpleQueue
from collections import deque
from typing import BinaryIO, TextIO

#: How long a write waits to be taken, which keeps output in order; after that it waits in a queue.
_PATIENCE_S = 0.05
#: At the end of the program, the queue is given up if its reader takes nothing for this long.
_LAST_PATIENCE_S = 2.0
#: The most bytes in one call of write(): small, to tell a slow reader from one that reads nothing.
_PIECE = 16384


class Outlet:
    """Writes to a stream of text, always as UTF-8 and without Python's buffer.

    A regular file is written directly. A stream that can block (a pipe whose reader sleeps, a terminal after Ctrl-S) is
    written by a thread, the only one that may be held up: the stream cannot be made non-blocking, because other
    programs share that setting. Only `write_whole` tells of a reader that has gone away.

    The two threads share no lock: Ctrl-C may come between taking and releasing a lock, even inside
    `threading.Condition`, and then whoever waits for the lock waits forever.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        # There is no descriptor if a program has replaced the stream.
        buffer = getattr(stream, "buffer", None)
        raw = getattr(buffer, "raw", buffer)
        self._descriptor = raw.fileno() if isinstance(raw, io.FileIO) and not raw.closed else None
        self.reader = None if self._descriptor is None else _reader_of(self._descriptor)
        self.never_blocks = self.reader is None
        self._begin()

    def _begin(self) -> None:
        # The first piece stays in the queue until it is written.
        self._waiting: deque[memoryview] = deque()
        self._news: SimpleQueue[None] = SimpleQueue()
        self._taken: SimpleQueue[None] = SimpleQueue()
        self._is_stuck = self._has_thread = False
        self._error: OSError | None = None
        self._process = os.getpid()

    def write(self, text: str | bytes, most_waiting: int | None = None) -> bool:
        """Write, waiting only for a moment; False = dropped, since more than `most_waiting` bytes wait already."""
        content = _bytes_of(text)
        if self._is_direct():
            with contextlib.suppress(OSError):
                self._write_now(content)
            return True
        if most_waiting is not None and self._is_stuck and sum(map(len, tuple(self._waiting))) > most_waiting:
            return False
        self._put(content)
        if not self._is_stuck and not self._is_written_within(_PATIENCE_S):
            self._is_stuck = True
            atexit.unregister(self._finish_at_exit)
            atexit.register(self._finish_at_exit)
        return True

    def write_whole(self, text: str | bytes, patience_s: float | None = None) -> None:
        """Write, and return when all is written; with `patience_s`, also when nothing was taken for that long.

        Raises OSError if it cannot be written.
        """
        content = _bytes_of(text)
        if self._is_direct():
            self._write_now(content)
            return
        self._put(content)
        self._finish(patience_s)
        if self._error is not None:
            raise self._error

    def _is_direct(self) -> bool:
        if os.getpid() != self._process:
            # A forked process (one that runs a user's function) has no writing thread; its parent writes the queue.
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

    def _is_written_within(self, time_s: float) -> bool:
        until = time.monotonic() + time_s
        while self._waiting and (left_s := until - time.monotonic()) > 0:
            self._is_more_taken(left_s)
        return not self._waiting

    def _finish(self, patience_s: float | None) -> None:
        """Wait until all is written, or until nothing was taken for this long; None = however long it takes."""
        while self._waiting and (self._is_more_taken(patience_s or _LAST_PATIENCE_S) or patience_s is None):
            pass

    def _is_more_taken(self, time_s: float) -> bool:
        """Wait at most this long until the reader takes something more."""
        try:
            self._taken.get(timeout=time_s)
        except Empty:
            return False
        return True

    def _finish_at_exit(self) -> None:
        with contextlib.suppress(KeyboardInterrupt):
            self._finish(_LAST_PATIENCE_S)

    def _put(self, content: bytes) -> None:
        if self._error is not None or not content:
            return
        self._waiting.append(memoryview(content))
        self._news.put(None)
        if not self._has_thread:
            self._has_thread = True
            _thread.start_new_thread(self._write_what_comes, ())

    def _write_what_comes(self) -> None:
        # Signals must go to the main thread, and wake it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            self._news.get()
            while self._waiting:
                rest = self._waiting[0][self._written(self._waiting[0][:_PIECE]) :]
                if self._error is not None:
                    self._waiting.clear()
                elif rest:
                    self._waiting[0] = rest
                else:
                    self._waiting.popleft()
                self._is_stuck = self._is_stuck and bool(self._waiting)
                if self._taken.empty():
                    self._taken.put(None)

    def _written(self, piece: memoryview) -> int:
        """Wait until some bytes of a piece could be written; return how many."""
        assert self._descriptor is not None
        try:
            return os.write(self._descriptor, piece)
        except BlockingIOError:
            # Another program has made the shared stream non-blocking.
            import select

            poller = select.poll()
            poller.register(self._descriptor, select.POLLOUT)
            poller.poll()
        except OSError as error:
            self._error = error
        return 0


class OutletStream(io.TextIOBase):
    """An outlet as a text stream, for libraries that want one. most_waiting: see `Outlet.write`."""

    def __init__(self, outlet: Outlet, most_waiting: int | None = None) -> None:
        self._outlet, self.most_waiting = outlet, most_waiting

    @property
    def encoding(self) -> str:  # type: ignore[override]  # typeshed has a plain attribute
        """Progress bars ask for it before they draw in more than ASCII."""
        return "utf-8"

    def write(self, text: str) -> int:
        self._outlet.write(text, self.most_waiting)
        return len(text)

    @property
    def buffer(self) -> BinaryIO:
        """The underlying stream of bytes, which may block."""
        return self._outlet.stream.buffer

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._outlet.stream.isatty()

    def fileno(self) -> int:
        # Libraries ask it for a terminal's width.
        return self._outlet.stream.fileno()


#: The outlets of streams that can block, by stream and thread of the program: an outlet belongs to one thread, and two
#: outlets of one thread on the same stream would overtake each other.
_OUTLETS: dict[tuple[TextIO, int], Outlet] = {}


def outlets_of(out: TextIO, err: TextIO) -> tuple[Outlet, Outlet]:
    """Return the outlets of two streams; the same if both lead to one terminal or pipe, which keeps the order."""
    first, second = _outlet_of(out), _outlet_of(err)
    is_one = first.reader is not None and second.reader is not None and os.path.samestat(first.reader, second.reader)
    return (second, second) if is_one else (first, second)


def _outlet_of(stream: TextIO) -> Outlet:
    key = stream, _thread.get_ident()
    outlet = _OUTLETS.get(key) or Outlet(stream)
    if not outlet.never_blocks:
        _OUTLETS[key] = outlet
    return outlet


def _bytes_of(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    try:
        # Undecodable bytes from the caller's shell come out unchanged.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _reader_of(descriptor: int) -> os.stat_result | None:
    """Return the identity of a terminal or pipe, which can block; None for files, which never do."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        # A file on a disk that is away: what is written there is lost, but does not block.
        return None
    can_wait = stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode) or os.isatty(descriptor)
    return status if can_wait else None
