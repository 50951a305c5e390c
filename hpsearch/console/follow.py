"""The output of a live run, read from its log files as they grow."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterable, Iterator
from io import FileIO
from pathlib import Path

from hpsearch.startup.classes import dataclass

#: The most bytes in memory at once: a run may print without end.
_PIECE = 65536
#: A longer line is shown before its end.
_LONGEST_LINE = 8192
#: Bytes that continue a UTF-8 character.
_INSIDE_CHARACTER = bytes(range(0x80, 0xC0))
_UTF8 = codecs.getincrementaldecoder("utf-8")


@dataclass
class _Followed:
    """An open log file. held_back: the beginning of a character or line that is not complete yet."""

    file: FileIO
    held_back: bytes = b""

    @property
    def unread(self) -> int:
        return max(0, os.fstat(self.file.fileno()).st_size - self.file.tell())

    def pieces(self, whole_lines: bool) -> Iterator[bytes]:
        left = self.unread
        while left > 0 and (content := self.file.read(min(left, _PIECE))):
            left -= len(content)
            content = self.held_back + content
            whole = len(content) - (_cut_line(content) if whole_lines else _cut_character(content))
            self.held_back = content[whole:]
            yield content[:whole]

    def skip(self, keep: int) -> int:
        surplus = self.unread - keep
        if surplus <= 0:
            return 0
        self.file.seek(surplus, os.SEEK_CUR)
        # If the cut is inside a character, skip the rest of it, too.
        start = self.file.read(3 if keep else 0)
        inside = len(start) - len(start.lstrip(_INSIDE_CHARACTER))
        self.file.seek(inside - len(start), os.SEEK_CUR)
        skipped, self.held_back = surplus + inside + len(self.held_back), b""
        return skipped


class LogFollower:
    """Reads files as they grow; a file may appear late, and be renamed while it is read."""

    def __init__(self, paths: Iterable[Path], opener: Callable[[str, int], int] | None = None) -> None:
        """opener: opens each file, as that of `open` does; it may raise OSError, and then reading does, too."""
        # As texts: each look takes less time, and an opener gets the path as it is.
        self._files: dict[str, _Followed | None] = dict.fromkeys(map(str, paths))
        self._opener = opener

    def pieces(self, whole_lines: bool = False, is_last: bool = False) -> Iterator[bytes]:
        """Yield what was added since the last call; what is added meanwhile waits for the next call.

        No UTF-8 character is cut in two; with `whole_lines`, no line either, unless it is very long.
        is_last: nothing more will be added, so yield the rest as it is.
        """
        for file in self._open_files():
            yield from file.pieces(whole_lines)
            if is_last:
                yield file.held_back
                file.held_back = b""

    def skip(self, keep: int = 0) -> int:
        """Skip unread bytes, except the last `keep` of each file; return how many were skipped."""
        return sum(file.skip(keep) for file in self._open_files())

    def close(self) -> None:
        for file in filter(None, self._files.values()):
            file.file.close()

    def _open_files(self) -> Iterator[_Followed]:
        for path, file in self._files.items():
            if file is None:
                try:
                    # Most runs of a large search print nothing: do not open their files, unless the opener judges them.
                    if self._opener is None and os.stat(path).st_size == 0:  # noqa: PTH116  (see above)
                        continue
                    file = self._files[path] = _Followed(FileIO(path, "r", opener=self._opener))
                except FileNotFoundError:
                    continue
            yield file


def _cut_line(content: bytes) -> int:
    """Return how many bytes at the end are an unfinished line; for a very long line, only a cut character."""
    count = len(content) - 1 - max(content.rfind(b"\n"), content.rfind(b"\r"))
    return count if count <= _LONGEST_LINE else _cut_character(content)


def _cut_character(content: bytes) -> int:
    """Return how many bytes at the end are the beginning of an incomplete UTF-8 character."""
    decoder = _UTF8("replace")
    decoder.decode(content[-3:])
    return len(decoder.getstate()[0])
