"""The parser of a command, with what most commands take: the folder of a search, and ``--over``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

_HELP_WIDTH = 78


class ExampleFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the examples, and leaves room for long option names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=_columns() - 2)

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap

        # Not at a hyphen: an option's `--` would be left alone at the end of a line.
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def _columns() -> int:
    """Return how many columns the terminal has, as argparse does, but without importing `shutil`, which takes 3 ms."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]  # see below
    except (AttributeError, ValueError, OSError):
        # There is no standard output, or it is closed or no terminal.
        return 80


FOLDER_HELP = (
    "The search: its folder or its --name. Default: the search that the current folder is in, else the newest below "
    "./out."
)


class CommandParser(argparse.ArgumentParser):
    """The parser of a command; for an unknown option, its error names the known one that is most like it."""

    def format_help(self) -> str:
        """Return the help; the paragraphs of the description are wrapped for a terminal of 80 columns."""
        import textwrap

        paragraphs = (self.description or "").split("\n\n")
        self.description = "\n\n".join(textwrap.fill(text, _HELP_WIDTH) for text in paragraphs)
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """End the process with a message."""
        from hpsearch.core.hints import did_you_mean

        unknown = message.partition("unrecognized arguments: ")[2].split()
        names = [word.partition("=")[0] for word in unknown if word.startswith("--")]
        near = (did_you_mean(name, self._option_string_actions) for name in names)
        super().error(message + next(filter(None, near), ""))


def folder_parser(
    name: str, description: str, example: str, nargs: str = "?", metavar: str = "DIR", text: str = FOLDER_HELP
) -> argparse.ArgumentParser:
    """Return the parser of ``hpsearch NAME [DIR] ...``.

    example: one or more lines for the end of the help. nargs: how many folders, as argparse says it. metavar, text:
    name and help of the folder.
    """
    parser = CommandParser(
        prog=f"hpsearch {name}", description=description, epilog=example, formatter_class=ExampleFormatter
    )
    parser.add_argument("folder", metavar=metavar, nargs=nargs, help=text)
    return parser


def add_over(parser: argparse.ArgumentParser, what: str) -> None:
    """Add ``--over``: a tuple with the names of the options that repeat a configuration, empty if it is not given.

    what: what the command does with it, for the help.
    """
    text = f"{what} Runs that differ only in this option (or these), such as random_seed, are one configuration."
    parser.add_argument("--over", metavar="NAME[,NAME]", type=_option_names, default=(), help=text)


def _option_names(text: str) -> tuple[str, ...]:
    # `option_values` is a large module, and this option is rare.
    from hpsearch.config.option_values import option_names

    return option_names(text)
