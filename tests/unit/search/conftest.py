"""Fixtures for tests of whole searches on the fake backend."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from whole_searches import Searches


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Searches:
    """Searches in the current folder, of a grid of two runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    made = Searches(tmp_path)
    (tmp_path / "train.py").touch()
    made.write_grid(x=[1, 2])
    for module in ("search", "cancel"):
        monkeypatch.setattr(f"hpsearch.search.{module}.choose_backend", lambda *_, **__: made.backend)
    return made
