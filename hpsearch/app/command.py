"""The classic command: options in, exit status out. Imports what a search needs only when there is one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.app.exit_status import told
from hpsearch.app.options import DEFAULT_OUT_DIR, add_options, hpsearch_cli_arguments, options_from
from hpsearch.app.subcommand import ExampleFormatter
from hpsearch.core.errors import UsageError

if TYPE_CHECKING:
    from hpsearch.app.search import SearchEnd

__all__ = ["hpsearch_cli_arguments", "main", "run"]

_DESCRIPTION = "Run a script with many configurations of its command-line options, and gather the results in one table."
_EPILOG = """\
example: python -m hpsearch.hpsearch --grid_module=sims.mnist.hpsearch_config --run_cwd=sims/mnist

exit status: 0 all runs finished; 1 some did not; 2 wrong usage or configuration, nothing was written;
130 / 143 stopped by Ctrl-C / SIGTERM (go on with --resume)
"""


def run(argv: Sequence[str] | None, out_dir: str, default_grid: str, prog: str | None = None) -> str:
    """Run a search; return the path of its table of results.

    Raises SearchError if it cannot be run.
    """
    return str(_search(sys.argv[1:] if argv is None else argv, out_dir, default_grid, prog).results or "")


@told
def main(argv: Sequence[str], default_grid: str = "", prog: str | None = None) -> int:
    """Run a search; return the command's exit status, errors told on standard error."""
    return _search(argv, DEFAULT_OUT_DIR, default_grid, prog).exit_status


def _search(argv: Sequence[str], out_dir: str, default_grid: str, prog: str | None) -> SearchEnd:
    if prog is None and not sys.argv[0].endswith("hpsearch.py"):
        prog = "hpsearch"
    parser = argparse.ArgumentParser(
        prog=prog,
        usage="%(prog)s --grid_module=NAME [options]   (--help lists them)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=ExampleFormatter,
        allow_abbrev=True,
    )
    add_options(parser, {"out_dir": out_dir, "grid_module": default_grid})
    namespace = parser.parse_args(list(argv))
    given_parser = argparse.ArgumentParser(add_help=False)
    add_options(given_parser, {}, given_only=True)
    given = vars(given_parser.parse_args(list(argv)))

    from hpsearch.app.screen import Screen
    from hpsearch.app.search import run_search

    add_current_folder()
    import_paths = [os.path.abspath(entry) for entry in sys.path if "site-packages" not in entry]  # noqa: PTH100
    return run_search(options_from(namespace), given, Screen(), import_paths)


def add_current_folder() -> None:
    """Let grid modules be found where the user is: a console script has only its own folder on the search path.

    Raises UsageError if that folder is gone.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more: start this from another one") from error
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
