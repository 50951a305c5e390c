"""What the subcommands about an existing search have in common: their parser."""

from __future__ import annotations

import argparse
import textwrap

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
