"""The classic command: options in, exit status out. Imports what a search needs only when there is one."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.config.options import DEFAULT_OUT_DIR, given_options, options_from
from hpsearch.config.parsers import ExampleFormatter, add_options, hpsearch_cli_arguments
from hpsearch.console.exit_status import told
from hpsearch.core.errors import UsageError, reason_of

if TYPE_CHECKING:
    from hpsearch.search.search import SearchEnd

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
def main(argv: Sequence[str], default_grid: str = "", prog: str | None = None, beside: str = "") -> int:
    """Run a search; return the command's exit status, errors told on standard error.

    beside: the folder of the file that was started, which may be a copy beside a simulation.
    """
    return _search(argv, DEFAULT_OUT_DIR, default_grid, prog, beside).exit_status


def _search(argv: Sequence[str], out_dir: str, default_grid: str, prog: str | None, beside: str = "") -> SearchEnd:
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
    defaults = {"out_dir": out_dir, "grid_module": default_grid}
    add_options(parser, defaults)
    namespace = parser.parse_args(list(argv))

    from hpsearch.console.console import Console
    from hpsearch.search.search import run_search

    add_current_folder()
    options = options_from(namespace, defaults)
    if beside and Path(beside).resolve() != Path(__file__).resolve().parents[1]:
        _add_folder_above(Path(beside), options.grid_module)
    import_paths = [os.path.abspath(entry) for entry in sys.path if "site-packages" not in entry]  # noqa: PTH100
    return run_search(options, given_options(namespace), Console(), import_paths)


def _add_folder_above(copy: Path, grid_module: str) -> None:
    """Let a copy of the main module find a grid module whose dotted name begins in a folder above the copy.

    Where the copy lies in a package, also what the grid module imports may begin above that. Copies of the older tool's
    file reached both by way of an ``__init__.py`` beside them that set the search path.
    """
    inside = os.path.join(*grid_module.split("."))  # noqa: PTH118  (it may be empty)
    places = list(dict.fromkeys((copy, *copy.parents, *copy.resolve().parents)))
    # os.path takes a folder that may not be entered for one without the file; pathlib raises an error.
    has = os.path.isfile
    found = [folder for folder in places if has(folder / f"{inside}.py") or has(folder / inside / "__init__.py")][:1]
    outside = next(folder for folder in places if not has(folder / "__init__.py"))
    for folder in (outside, *found):
        if str(folder) not in sys.path:
            # Behind the copy's own folder, but before libraries that may have the same name.
            sys.path.insert(sys.path.index(str(copy)) + 1 if str(copy) in sys.path else 0, str(folder))


def add_current_folder() -> None:
    """Let grid modules be found where the user is: a console script has only its own folder on the search path.

    Raises UsageError if that folder is gone.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError as error:
        raise UsageError("the current folder does not exist any more: start this from another one") from error
    except OSError as error:
        raise UsageError(
            f"the current folder cannot be used ({reason_of(error)}): start this from another one"
        ) from error
    if "" not in sys.path and here not in sys.path:
        sys.path.insert(0, here)
