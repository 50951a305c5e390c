"""Files that others write while we read: what is new in them, in bounded pieces, and never a wait."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from hpsearch.core.errors import reason_of
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import open_file

#: Most bytes of one file that are read at one look: a look at hundreds of runs must not hold up a search.
MOST_AT_ONCE = 1 << 20
#: How many of its first and newest bytes tell a file: one that is written anew may have its size and inode.
_HEAD, _TAIL = 1024, 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END, _ANY_LINE_END = re.compile(rb"\n"), re.compile(rb"[\n\r]")


@dataclass(frozen=True)
class Piece:
    """What is new in a file.

    is_anew: the file was written anew, so that nothing read before counts. is_all: this goes up to its end.
    """

    content: bytes = b""
    is_anew: bool = False
    is_all: bool = True


class GrowingFile:
    """A file that may appear later, grow, be cut, written anew or replaced. It is open only while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Why nothing can be read, for people; empty if it can.
        self.problem = ""
        self._seen: tuple[int, ...] = ()
        self._inode, self._offset, self._head, self._tail = (0, 0), 0, b"", b""

    def read(self, most: int = MOST_AT_ONCE) -> Piece:
        """Return what was added since the last time, at most `most` bytes; empty if it cannot be read."""
        try:
            return self._read(most)
        except (OSError, ValueError) as error:
            self.problem = _reason(self.path, error)
            return Piece()

    def _read(self, most: int) -> Piece:
        state = os.stat(self.path)  # noqa: PTH116  (many files are asked often)
        _check_is_file(state)
        now = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
        if now == self._seen and self._offset == state.st_size:
            return Piece()
        with open(self.path, "rb", buffering=0, opener=open_file) as file:
            self.problem = ""
            is_anew = self._offset > 0 and not self._is_known(file.fileno())
            if is_anew:
                self._offset, self._head, self._tail = 0, b"", b""
            content = os.pread(file.fileno(), most, self._offset)
            state = os.fstat(file.fileno())
        self._seen = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
        self._inode = (state.st_dev, state.st_ino)
        self._offset += len(content)
        self._head = (self._head + content)[:_HEAD]
        self._tail = (self._tail + content)[-_TAIL:]
        return Piece(content, is_anew, self._offset >= state.st_size)

    def _is_known(self, descriptor: int) -> bool:
        """Return whether the file that is open is the one that was read before, with what was read still in it."""
        state = os.fstat(descriptor)
        if (state.st_dev, state.st_ino) != self._inode or state.st_size < self._offset:
            return False
        head = os.pread(descriptor, len(self._head), 0)
        return head == self._head and os.pread(descriptor, _TAIL, max(0, self._offset - _TAIL)).startswith(self._tail)


class WholeFile:
    """A file that is written anew each time, such as a summary: read as a whole whenever it has changed."""

    def __init__(self, path: Path, most_bytes: int = MOST_AT_ONCE) -> None:
        self.path, self._most_bytes = path, most_bytes
        #: Why it cannot be read, for people; empty if it can.
        self.problem = ""
        self._seen: tuple[int, ...] = ()

    def read(self) -> bytes | None:
        """Return what the file holds; None if it was read already or cannot be read."""
        try:
            state = os.stat(self.path)  # noqa: PTH116  (see above)
            now = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if now == self._seen:
                return None
            content = _read_file(self.path, state, self._most_bytes)
        except (OSError, ValueError) as error:
            self.problem = _reason(self.path, error)
            return None
        self.problem, self._seen = "", now
        return content

    def forget(self) -> None:
        """Return the file once more at the next look, changed or not."""
        self._seen = ()


def _read_file(path: Path, state: os.stat_result, most: int) -> bytes:
    """Return what a file holds. Raises OSError, ValueError if it is no file or too long."""
    _check_is_file(state)
    if state.st_size > most:
        raise ValueError(f"it is {state.st_size:,} bytes long; at most {most:,} are read")
    with open(path, "rb", buffering=0, opener=open_file) as file:
        return file.read(most)


def _check_is_file(state: os.stat_result) -> None:
    """Raise ValueError of something else: opening a device may do something, reading a pipe takes from others."""
    if not stat.S_ISREG(state.st_mode):
        raise ValueError("expected a file, found something else (a folder, a pipe)")


def _reason(path: Path, error: OSError | ValueError) -> str:
    return f"there is no {path.name}" if isinstance(error, FileNotFoundError) else f"{path.name}: {reason_of(error)}"


@dataclass(frozen=True)
class Lines:
    """Whole lines that are new, without their ends. is_anew, is_all: as `Piece` has them."""

    texts: tuple[str, ...] = ()
    is_anew: bool = False
    is_all: bool = True


class LineFile:
    """The lines of a growing file; one that has not ended waits for its rest."""

    def __init__(
        self, path: Path, longest: int, returns_end_lines: bool = False, most_bytes: int = MOST_AT_ONCE
    ) -> None:
        """longest: how many bytes of a line are kept. returns_end_lines: as in the output of tqdm.

        most_bytes: read at one look.
        """
        self._most_bytes = most_bytes
        self.file = GrowingFile(path)
        self._longest, self._end = longest, _ANY_LINE_END if returns_end_lines else _LINE_END
        self._held_back = b""

    def read(self, is_last: bool = False) -> Lines:
        """Return the new lines. is_last: nothing will be added, so that a line without an end is one, too."""
        piece = self.file.read(self._most_bytes)
        content = (b"" if piece.is_anew else self._held_back) + piece.content
        *lines, rest = self._end.split(content)
        if is_last and piece.is_all and rest:
            lines, rest = [*lines, rest], b""
        self._held_back = rest[: self._longest]
        texts = tuple(self._text(line) for line in lines if line)
        return Lines(texts, piece.is_anew, piece.is_all)

    def _text(self, line: bytes) -> str:
        # A file system that lost power leaves NUL bytes where a line was to be.
        line = line[: self._longest].removeprefix(_BYTE_ORDER_MARK).replace(b"\0", b"")
        return line.decode("utf-8", "replace").rstrip("\r")
