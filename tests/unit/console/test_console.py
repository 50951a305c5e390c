"""What the console prints: whatever a path or text holds, a terminal gets no codes but ours."""

from __future__ import annotations

import os
import pty
import sys

import pytest

from hpsearch.console.console import Console


def test_a_path_among_the_results_has_no_codes_for_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, other_end = pty.openpty()
    with os.fdopen(other_end, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        Console().result("out\033[2J/search_results.csv")
        shown = os.read(terminal, 1000)
    os.close(terminal)
    assert shown == b"out\\x1b[2J/search_results.csv\r\n"


def test_a_path_among_the_results_goes_into_a_file_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Console().result("out\033[2J/search_results.csv")
    assert capsys.readouterr().out == "out\033[2J/search_results.csv\n"
