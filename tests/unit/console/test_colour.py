"""Colour: when it is used, and the text without it."""

from __future__ import annotations

import io

import pytest

from hpsearch.console.colour import RunOutput, cut_to_width, green, harmless, red, takes_colour, without_colour


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "takes"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
        ({}, False),
    ],
)
def test_a_terminal_gets_colour_unless_it_or_the_user_says_no(
    environment: dict[str, str], takes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (takes_colour(Terminal()), takes_colour(io.StringIO())) == (takes, False)


def test_without_colour_nothing_else_is_lost() -> None:
    assert without_colour(f"a {red('b')} \033[1mc\033[2J {green('')}d") == "a b \033[1mc\033[2J d"


@pytest.mark.parametrize(
    ("width", "kept"), [(0, "\033[31m\033[0m"), (4, "a \033[31mbc\033[0m"), (9, "a \033[31mbcd\033[0m e")]
)
def test_a_line_that_is_cut_keeps_its_colours(width: int, kept: str) -> None:
    assert cut_to_width(f"a {red('bcd')} e", width) == kept


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("lr=0.1\tä 中\n", "lr=0.1\tä 中\n"),
        (f"{red('failed')}: \033[2J\033]0;title\007", f"{red('failed')}: \\x1b[2J\\x1b]0;title\\x07"),
        ("1 of 2\r2 of 2\x9b2J", "1 of 2\\r2 of 2\\x9b2J"),
        ("\033[8mhidden\033[31", "\\x1b[8mhidden\\x1b[31"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_codes_that_are_not_our_colours_stand_as_escapes(text: str, shown: str) -> None:
    assert harmless(text) == shown


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"50%\r100%\033[K\n", b"\033[1;38:5:9mred\033[0m\x08"], "50%\r100%\033[K\n\033[1;38:5:9mred\033[0m\x08"),
        ([b"\033]52;c;aGk=\007 \033[2J \033[3A \033c"], "\\x1b]52;c;aGk=\\x07 \\x1b[2J \\x1b[3A \\x1bc"),
        ([b"\033", b"[2", b"J \033[3", b"1mred"], "\\x1b[2J \033[31mred"),
        ([b"\xc3", b"\xa4 \xc2", b"\x9b2J \xff"], "ä \\x9b2J \ufffd"),
    ],
)
def test_what_a_run_printed_may_colour_and_clear_lines_and_nothing_else(pieces: list[bytes], shown: str) -> None:
    output = RunOutput()
    assert "".join(map(output.harmless, pieces)) == shown
