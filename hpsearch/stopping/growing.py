"""Files that others write while we read: new content, in bounded pieces, without ever waiting."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from hpsearch.core.errors import reason_of
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import open_file

#: The most bytes of one file read at a look: looking at hundreds of runs must not hold up a search.
MOST_AT_ONCE = 1 << 20
#: How many of its first and last read bytes identify a file: a rewritten file may keep size and inode.
_HEAD, _TAIL = 1024, 64
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END, _ANY_LINE_END = re.compile(rb"\n"), re.compile(rb"[\n\r]")


@dataclass(frozen=True)
class Piece:
    """New content of a file.

    is_anew: the file was rewritten, so forget what was read before. is_all: this reaches its end.
    """

    content: bytes = b""
    is_anew: bool = False
    is_all: bool = True


class GrowingFile:
    """A file that may appear late, grow, be cut, rewritten or replaced. It is open only while it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Why nothing can be read, for people; empty if it can.
        self.problem = ""
        self._seen: tuple[int, ...] = ()
        self._inode, self._offset, self._head, self._tail = (0, 0), 0, b"", b""

    def read(self, most: int = MOST_AT_ONCE) -> Piece:
        """Return what was added since the last call, at most `most` bytes; empty if it cannot be read."""
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
        """Return whether the open file is the one read before, with the content read before."""
        state = os.fstat(descriptor)
        if (state.st_dev, state.st_ino) != self._inode or state.st_size < self._offset:
            return False
        head = os.pread(descriptor, len(self._head), 0)
        return head == self._head and os.pread(descriptor, _TAIL, max(0, self._offset - _TAIL)).startswith(self._tail)


class WholeFile:
    """A file that is rewritten each time, such as a summary: read as a whole when it has changed."""

    def __init__(self, path: Path, most_bytes: int = MOST_AT_ONCE) -> None:
        self.path, self._most_bytes = path, most_bytes
        #: Why it cannot be read, for people; empty if it can.
        self.problem = ""
        self._seen: tuple[int, ...] = ()

    def read(self) -> bytes | None:
        """Return the content; None if it is unchanged since the last call or cannot be read."""
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
        """Let the next call return the content even if it is unchanged."""
        self._seen = ()


def _read_file(path: Path, state: os.stat_result, most: int) -> bytes:
    """Return a file's content. Raises OSError, or ValueError if it is no file or too long."""
    _check_is_file(state)
    if state.st_size > most:
        raise ValueError(f"it is {state.st_size:,} bytes long; at most {most:,} are read")
    with open(path, "rb", buffering=0, opener=open_file) as file:
        return file.read(most)


def _check_is_file(state: os.stat_result) -> None:
    """Raise ValueError if it is no regular file: opening a device may have effects, reading a pipe steals data."""
    if not stat.S_ISREG(state.st_mode):
        raise ValueError("expected a file, found something else (a folder, a pipe)")


def _reason(path: Path, error: OSError | ValueError) -> str:
    return f"there is no {path.name}" if isinstance(error, FileNotFoundError) else f"{path.name}: {reason_of(error)}"


@dataclass(frozen=True)
class Lines:
    """New complete lines, without their ends. is_anew, is_all: see `Piece`."""

    texts: tuple[str, ...] = ()
    is_anew: bool = False
    is_all: bool = True


class LineFile:
    """The lines of a growing file; an unfinished line waits for its end."""

    def __init__(
        self, path: Path, longest: int, returns_end_lines: bool = False, most_bytes: int = MOST_AT_ONCE
    ) -> None:
        """longest: how many bytes of a line are kept. returns_end_lines: a carriage return ends a line, as with tqdm.

        most_bytes: read at a look.
        """
        self._most_bytes = most_bytes
        self.file = GrowingFile(path)
        self._longest, self._end = longest, _ANY_LINE_END if returns_end_lines else _LINE_END
        self._held_back = b""

    def read(self, is_last: bool = False) -> Lines:
        """Return the new lines. is_last: nothing more will be added, so return an unfinished line, too."""
        piece = self.file.read(self._most_bytes)
        content = (b"" if piece.is_anew else self._held_back) + piece.content
        *lines, rest = self._end.split(content)
        if is_last and piece.is_all and rest:
            lines, rest = [*lines, rest], b""
        self._held_back = rest[: self._longest]
        texts = tuple(self._text(line) for line in lines if line)
        return Lines(texts, piece.is_anew, piece.is_all)

    def _text(self, line: bytes) -> str:
        # After a power failure, a file may have NUL bytes in place of a line.
        line = line[: self._longest].removeprefix(_BYTE_ORDER_MARK).replace(b"\0", b"")
        return line.decode("utf-8", "replace").rstrip("\r")
