"""Colour: who gets it, and what is left without it."""

from __future__ import annotations

import io

import pytest

from hpsearch.console.colour import cut, green, red, takes_colour, without_colour


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
    assert cut(f"a {red('bcd')} e", width) == kept
