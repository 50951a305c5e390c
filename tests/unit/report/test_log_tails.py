"""Ends of logs: which file counts, what is cut, and how many folders are looked into."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpsearch.report.log_tails import WantedLog, log_tails
from hpsearch.store.layout import SearchFolder


def wanted(path: Path, index: int = 0, token: str = "", is_err_first: bool = False) -> WantedLog:
    return WantedLog(index, SearchFolder(path), f"sim_{index}", token, is_err_first)


def leave(path: Path, suffix: str, text: str | bytes, index: int = 0) -> Path:
    folder = path / f"sim_{index}"
    folder.mkdir(exist_ok=True)
    log = folder / f"job_sim_{index}{suffix}"
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    return log


@pytest.mark.parametrize("is_err_first, expected", [(True, "errors"), (False, "output")])
def test_of_failures_the_errors_come_first(tmp_path: Path, is_err_first: bool, expected: str) -> None:
    leave(tmp_path, ".out", "output\n")
    leave(tmp_path, ".err", "errors\n")
    assert log_tails([wanted(tmp_path, is_err_first=is_err_first)]) == {"0": expected}


def test_an_empty_log_gives_way_to_the_other(tmp_path: Path) -> None:
    leave(tmp_path, ".out", "output\n")
    leave(tmp_path, ".err", "\n")
    assert log_tails([wanted(tmp_path, is_err_first=True)]) == {"0": "output"}


def test_a_live_run_has_its_log_with_the_search(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    (folder.logs / "sim_0.1.abcdef.out").write_text("so far\n")
    assert log_tails([wanted(tmp_path, token="sim_0.1.abcdef")]) == {"0": "so far"}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("10 %\r50 %\r100 %\ndone\n", "100 %\ndone"),
        ("a\r\nb\r\n", "a\nb"),
        ("\x1b[31mred\x1b[0m \u202e\x07text", "red text"),
        (b"\xff\xfe\x00bytes", "\ufffd\ufffdbytes"),
    ],
)
def test_what_a_terminal_would_have_shown_is_left(tmp_path: Path, text: str | bytes, expected: str) -> None:
    leave(tmp_path, ".out", text)
    assert log_tails([wanted(tmp_path)]) == {"0": expected}


def test_the_end_of_a_long_log_begins_with_a_whole_line(tmp_path: Path) -> None:
    leave(tmp_path, ".out", "".join(f"line {number}\n" for number in range(10_000)))
    lines = log_tails([wanted(tmp_path)])["0"].split("\n")
    assert (lines[0], lines[1].startswith("line "), lines[-1]) == ("...", True, "line 9999")
    assert len("\n".join(lines)) <= 4010


def test_megabytes_in_one_line_are_cut(tmp_path: Path) -> None:
    leave(tmp_path, ".out", "x" * 5_000_000)
    assert len(log_tails([wanted(tmp_path)])["0"]) < 4010


def test_all_ends_together_stay_small(tmp_path: Path) -> None:
    for index in range(300):
        leave(tmp_path, ".out", "\u00e9" * 4000, index)
    found = log_tails(wanted(tmp_path, index) for index in range(300))
    assert 0 < sum(map(len, found.values())) * 6 <= 400_000


def test_not_every_run_of_many_is_looked_into(tmp_path: Path) -> None:
    asked = iter([wanted(tmp_path, index) for index in range(1000)])
    assert log_tails(asked) == {}
    assert next(asked).index <= 301


def test_a_pipe_in_the_place_of_a_log_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "sim_0").mkdir()
    os.mkfifo(tmp_path / "sim_0" / "sim_0.out")
    assert log_tails([wanted(tmp_path)]) == {}
