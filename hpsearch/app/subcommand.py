"""What the subcommands about an existing search have in common: their parser, and how errors are told."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

from hpsearch.core.errors import SearchError, reason_of

if TYPE_CHECKING:
    from hpsearch.app.screen import Screen


_HELP_WIDTH = 78


class ExampleFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the line breaks of the examples, and leaves room for long option names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def folder_parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of ``hpsearch NAME DIR ...``. example: one or more lines for the end of its help."""
    filled = textwrap.fill(description, _HELP_WIDTH)
    parser = argparse.ArgumentParser(
        prog=f"hpsearch {name}", description=filled, epilog=example, formatter_class=ExampleFormatter
    )
    parser.add_argument("folder", metavar="DIR", help="The search folder: the one that holds search_results.csv.")
    return parser


def answered(command: Callable[[Screen], int], stamps: bool = False) -> int:
    """Return the exit status of a command; errors are told on standard error. stamps: see Screen."""
    from hpsearch.app.screen import Screen

    screen = Screen(stamps=stamps)
    try:
        return command(screen)
    except SearchError as error:
        screen.error(str(error))
        return error.exit_status
    except OSError as error:
        # Another user's folder, a disk that does not answer: nothing that a traceback would explain better.
        screen.error(f"{error.filename or 'the search folder'}: {reason_of(error)}")
        return 2
    except KeyboardInterrupt:
        return 130
