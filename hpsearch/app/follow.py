"""What a live run prints, read from its log files as they grow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class LogFollower:
    """Reads on in some files from where it stopped; a file may appear late, or be renamed meanwhile."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._positions = dict.fromkeys(paths, 0)

    def new_output(self) -> bytes:
        """Return what was added since the last call."""
        return b"".join(self._read_on(path) for path in self._positions)

    def _read_on(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(self._positions[path])
                added = file.read()
        except FileNotFoundError:
            return b""
        self._positions[path] += len(added)
        return added
