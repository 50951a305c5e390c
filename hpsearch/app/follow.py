"""What a live run prints, read from its log files as they grow."""

from __future__ import annotations

from collections.abc import Iterable
from io import FileIO
from pathlib import Path


class LogFollower:
    """Reads on in some files from where it stopped; a file may appear late, and be renamed later."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files: dict[Path, FileIO | None] = dict.fromkeys(paths)

    def new_output(self) -> bytes:
        """Return what was added since the last call."""
        return b"".join(self._read_on(path) for path in self._files)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            if file is not None:
                file.close()

    def _read_on(self, path: Path) -> bytes:
        file = self._files[path]
        if file is None:
            try:
                file = self._files[path] = FileIO(path, "r")
            except FileNotFoundError:
                return b""
        return file.readall()
