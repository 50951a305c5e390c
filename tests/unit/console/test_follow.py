"""Logs are read as they grow: in pieces, no character cut, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.console.follow import LogFollower


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log that is there and empty."""
    path = tmp_path / "run.out"
    path.touch()
    return path


def add(log: Path, content: bytes) -> None:
    with log.open("ab") as file:
        file.write(content)


@pytest.mark.parametrize(("character", "cut"), [("é", 1), ("€", 1), ("€", 2), ("🙂", 1), ("🙂", 2), ("🙂", 3)], ids=str)
def test_a_character_written_in_two_parts_is_told_as_one(log: Path, character: str, cut: int) -> None:
    follower, content = LogFollower([log]), character.encode()
    add(log, b"loss " + content[:cut])
    first = b"".join(follower.pieces())
    add(log, content[cut:] + b"\n")
    second = b"".join(follower.pieces())
    assert (first.decode(), second.decode()) == ("loss ", f"{character}\n")


def test_on_request_a_line_is_told_when_it_is_at_its_end(log: Path) -> None:
    follower = LogFollower([log])
    add(log, b"epoch 1\nepo")
    first = list(follower.pieces(whole_lines=True))
    add(log, b"ch 2\r 10%")
    second = list(follower.pieces(whole_lines=True))
    assert (first, second, list(follower.pieces(is_last=True))) == ([b"epoch 1\n"], [b"epoch 2\r"], [b" 10%"])


def test_the_end_of_a_very_long_line_is_not_waited_for(log: Path) -> None:
    add(log, b"x" * 10_000)
    assert sum(map(len, LogFollower([log]).pieces(whole_lines=True))) == 10_000


def test_no_piece_of_a_long_log_ends_within_a_character(log: Path) -> None:
    add(log, "x€".encode() * 100_000)
    pieces = list(LogFollower([log]).pieces())
    assert "".join(piece.decode() for piece in pieces) == "x€" * 100_000
    assert max(map(len, pieces)) < 70_000


def test_bytes_that_are_no_text_come_out_as_they_are_at_the_end(log: Path) -> None:
    add(log, b"\xff\xfe\x80\xe9")
    assert b"".join(LogFollower([log]).pieces(is_last=True)) == b"\xff\xfe\x80\xe9"


def test_what_is_passed_over_is_counted_and_ends_before_a_whole_character(log: Path) -> None:
    follower = LogFollower([log])
    add(log, "€".encode() * 10)
    assert follower.skip(keep=7) == 24
    assert b"".join(follower.pieces()) == "€€".encode()


def test_a_short_log_is_not_passed_over(log: Path) -> None:
    follower = LogFollower([log])
    add(log, b"short\n")
    assert follower.skip(keep=100) == 0
    assert b"".join(follower.pieces()) == b"short\n"


def test_what_is_added_during_a_look_waits_for_the_next(log: Path) -> None:
    follower = LogFollower([log])
    add(log, b"one\n")
    look = follower.pieces()
    first = next(look)
    add(log, b"two\n")
    assert (first, list(look), list(follower.pieces())) == (b"one\n", [], [b"two\n"])


def test_a_log_that_appears_late_is_read_from_its_beginning(tmp_path: Path) -> None:
    follower = LogFollower([tmp_path / "late.out"])
    assert list(follower.pieces()) == []
    add(tmp_path / "late.out", b"here\n")
    assert list(follower.pieces()) == [b"here\n"]
