"""The classic command, and ``hpsearch cancel``, ``resume`` and ``retry``: options in, exit status out.

The modules that carry out a search are imported only when one starts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.config.command_parser import CommandParser, ExampleFormatter, folder_parser
from hpsearch.config.option_values import number_where
from hpsearch.config.options import DEFAULT_OUT_DIR, PLANNING_OPTIONS, SearchOptions, given_options, options_from
from hpsearch.config.parsers import add_options, hpsearch_cli_arguments
from hpsearch.console.exit_status import with_exit_status
from hpsearch.user_code.import_paths import add_current_folder, add_folders_above, searched_folders

if TYPE_CHECKING:
    from hpsearch.console.console import Console

__all__ = ["hpsearch_cli_arguments", "main", "run"]

_DESCRIPTION = "Run a script with many option values and gather the results in a table."
_EPILOG = """\
examples:
  hpsearch run --grid_module=my_grid --dry_run
  hpsearch run --grid_module=my_grid --num_cpu_jobs=4 --set lr=0.1,0.2
  hpsearch run --grid_module=sims.mnist.hpsearch_config --run_cwd=sims/mnist

exit status: 0 all runs finished; 1 some did not; 2 wrong usage or a mistake in
the grid module, nothing was written; 130, 143 stopped by Ctrl-C, SIGTERM
"""


def run(argv: Sequence[str] | None, out_dir: str, default_grid: str, prog: str | None = None) -> str:
    """Run a search; return the path of its table of results. Raises SearchError if it cannot be run."""
    parsed = _parsed(sys.argv[1:] if argv is None else argv, out_dir, default_grid, prog)
    from hpsearch.search.search import run_search

    return str(run_search(*parsed).results or "")


@with_exit_status
def main(argv: Sequence[str], default_grid: str = "", prog: str | None = None, beside: str = "") -> int:
    """Run a search; return the exit status. Errors are printed on standard error.

    beside: the folder of the file that was started, which may be a copy beside a simulation.
    """
    parsed = _parsed(argv, DEFAULT_OUT_DIR, default_grid, prog, beside)
    from hpsearch.search.search import run_search

    return run_search(*parsed).exit_status


def _parsed(
    argv: Sequence[str], out_dir: str, default_grid: str, prog: str | None, beside: str = ""
) -> tuple[SearchOptions, dict[str, Any], Console, list[str]]:  # Any: of the options' types
    """Return the arguments of `run_search`; grid modules can be imported from here on."""
    if prog is None and not sys.argv[0].endswith("hpsearch.py"):
        prog = "hpsearch"
    parser = CommandParser(
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

    add_current_folder()
    options = options_from(namespace, defaults)
    if beside:
        add_folders_above(Path(beside), options.grid_module)
    return options, given_options(namespace), Console(), searched_folders()


_SECONDS = number_where(lambda found: 0 <= found < 1e9, "a number of seconds")
_CANCEL_EXAMPLE = """\
examples:
  hpsearch cancel                the only live search below ./out
  hpsearch cancel DIR --timeout 600

exit status: 0 nothing of the search is running; 1 something is, or may be;
2 no such search
"""
_RESUME_EXAMPLE = """\
examples:
  hpsearch resume                 the newest search below ./out
  hpsearch resume DIR --num_cpu_jobs=4

The same as python -m hpsearch.hpsearch --resume DIR.
"""
_EXTEND_EXAMPLE = """\
examples:
  hpsearch extend                        the newest search below ./out
  hpsearch extend DIR --dry_run
  hpsearch extend DIR --set lr=0.1,0.2 --num_cpu_jobs=4
  hpsearch extend DIR --grid_module=other_grid --reuse EARLIER_SEARCH

All other options are those of the search. Options that you give replace them
from then on; options of hpsearch run that say what to search (--num_seeds,
--grid_config, ...) work here, too. --set and --reuse are for this extension
only. More: docs/extend.rst
"""
_RETRY_EXAMPLE = """\
examples:
  hpsearch retry                         all runs that failed
  hpsearch retry DIR --run 7 --run 12    these two, whatever became of them
  hpsearch retry DIR --failed --retries=2
"""


def cancel(argv: Sequence[str]) -> int:
    """Stop a search; return the exit status."""
    description = (
        "Stop a search and all its runs, as Ctrl-C would, also where the process that started them is gone. Results so "
        "far are kept. Cancel twice to kill runs at once."
    )
    folder_help = "The search: its folder or its --name. Default: the only live search below ./out."
    parser = folder_parser("cancel", description, _CANCEL_EXAMPLE, text=folder_help)
    wait_help = "Wait at most S seconds for the search to stop. Default: 120."
    parser.add_argument("--timeout", type=_SECONDS, default=120.0, metavar="S", help=wait_help)
    gone_help = "Assert that the process that controlled the search, on another machine, is gone."
    parser.add_argument("--controller_is_gone", action="store_true", help=gone_help)
    options = parser.parse_args(argv)
    from hpsearch.console.console import Console
    from hpsearch.search.cancel import cancel_search

    return cancel_search(options.folder, options.timeout, options.controller_is_gone, Console(stamps=False))


def _parser_with_search_options(
    name: str, description: str, example: str, shown: Sequence[str] = ()
) -> argparse.ArgumentParser:
    """Return a parser with the options that a planned search still takes, and the options `shown`."""
    parser = folder_parser(name, description, example)
    # argparse would print all options before the message about a wrong one.
    parser.usage = f"hpsearch {name} [options] [DIR]   (--help lists them)"
    dry_help = "Only print the commands that would run; start and write nothing."
    parser.add_argument("--dry_run", action="store_true", default=argparse.SUPPRESS, help=dry_help)
    # Hidden, not missing: options that shape the list of runs are refused with a reason.
    add_options(parser, None, ["resume", "dry_run"], hidden=[each for each in PLANNING_OPTIONS if each not in shown])
    return parser


def extend(argv: Sequence[str]) -> int:
    """Run what is new in the grid of a search; return the exit status."""
    description = (
        "Read the edited grid module of a search again, and run only what has not finished in its folder. All rows "
        "stay; what is no longer in the grid does not run."
    )
    parser = _parser_with_search_options("extend", description, _EXTEND_EXAMPLE, ("grid_module", "set", "reuse"))
    namespace = parser.parse_args(argv)
    from hpsearch.console.console import Console
    from hpsearch.folder.choice import choose_folder
    from hpsearch.search.extend import extend_search

    console = Console()
    folder = choose_folder(namespace.folder, console)
    return extend_search(folder, given_options(namespace), console).exit_status


def resume(argv: Sequence[str]) -> int:
    """Continue a search; return the exit status."""
    description = (
        "Continue a search: keep finished runs, wait for live ones, run the rest. "
        "No option is needed; those you give replace the search's own."
    )
    namespace = _parser_with_search_options("resume", description, _RESUME_EXAMPLE).parse_args(argv)
    from hpsearch.console.console import Console
    from hpsearch.folder.choice import choose_folder
    from hpsearch.search.search import resume_search

    console = Console()
    folder = choose_folder(namespace.folder, console)
    return resume_search(str(folder.path), given_options(namespace), console).exit_status


def retry(argv: Sequence[str]) -> int:
    """Run some runs of a search again; return the exit status."""
    description = "Run failed runs again, or those you name. What earlier attempts left is kept in .hpsearch/attempts."
    parser = _parser_with_search_options("retry", description, _RETRY_EXAMPLE)
    parser.add_argument("--failed", action="store_true", help="Run all that failed; the default if no --run is given.")
    run_help = "Run number K again, also if it finished; may be repeated."
    parser.add_argument("--run", type=int, action="append", default=[], metavar="K", help=run_help)
    namespace = parser.parse_args(argv)
    from hpsearch.config.option_checks import check_changeable
    from hpsearch.console.console import Console
    from hpsearch.folder.choice import choose_folder
    from hpsearch.folder.reading import SearchReader
    from hpsearch.search.resume import RunChoice
    from hpsearch.search.search import resume_search

    given = given_options(namespace)
    check_changeable(given)
    console = Console()
    reader = SearchReader(choose_folder(namespace.folder, console))
    named = set(namespace.run)
    for number in named:
        reader.run(number)
    takes_all_failed = namespace.failed or not named
    failed = {entry.run.number for entry in reader.record.with_events if entry.state.is_failure}
    numbers = named | failed if takes_all_failed else named
    if not numbers:
        console.note("no run of this search failed, so there is nothing to retry")
        return 0
    choice = RunChoice(numbers, named, takes_all_failed)
    return resume_search(str(reader.folder.path), given, console, choice).exit_status
