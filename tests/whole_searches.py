"""Whole searches in this process, from a grid module to the table of results, on the fake backend."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fake_search import FakeBackend, FakeClock

from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.folder.reading import SearchReader
from hpsearch.search.extend import extend_search
from hpsearch.search.resume import RunChoice
from hpsearch.search.search import SearchEnd, resume_search, run_search
from hpsearch.store.layout import SearchFolder

GRID = """\
grid = {grid!r}
conditions = []
_SCRIPT_NAME = "train.py"
_SUMMARY_FILENAME = "s.txt"
_SUMMARY_KEYWORDS = ["acc", "finished"]
"""


@dataclass
class Searches:
    """Searches in the current folder, all on one fake backend; each has a folder named by the test."""

    here: Path
    backend: FakeBackend = field(default_factory=lambda: FakeBackend(FakeClock()))

    def write_grid(self, **grid: Sequence[object]) -> None:
        """Write the grid module."""
        (self.here / "fake_grid.py").write_text(GRID.format(grid=grid))

    def run(self, out_dir: str = "out", **more: Any) -> SearchEnd:  # Any: of the options' types
        """Run a new search in this folder, which is made."""
        more = {
            "grid_module": "fake_grid",
            "out_dir": out_dir,
            "deterministic_search": True,
            "force_out_dir": True,
            **more,
        }
        return run_search(SearchOptions(**more), more, Console())

    def resume(self, name: str = "out", choice: RunChoice | None = None, **given: Any) -> SearchEnd:  # Any: see run
        return resume_search(name, given, Console(), choice or RunChoice())

    def extend(self, name: str = "out", **given: Any) -> SearchEnd:  # Any: see run
        return extend_search(self.folder(name), given, Console())

    def folder(self, name: str = "out") -> SearchFolder:
        return SearchFolder(self.here / name)

    def read(self, name: str = "out") -> SearchReader:
        return SearchReader(self.folder(name))

    def states(self, name: str = "out") -> dict[int, str]:
        return {entry.run.number: entry.state.value for entry in self.read(name).record}


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the messages since the last look, without the time in front."""
    lines = capsys.readouterr().err.splitlines()
    return [re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line) for line in lines]
