#!/usr/bin/env python3
"""Put the results of a search in order: ``python -m hpsearch.hpsearch_postprocessing OUT_DIR``.

This file may also be started from inside its own folder: the `hpsearch.py` there then makes the package importable.
"""

from __future__ import annotations

import sys

import hpsearch

if __name__ == "__main__":
    hpsearch.end_at_ctrl_c()

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from hpsearch.console.exit_status import with_exit_status as _with_exit_status

_DESCRIPTION = """\
Gather all results of a search, also after it was killed or moved, or of the
older tool. Writes postprocessing_results.csv and
postprocessing_{finished,unfinished,missing}_jobs.pickle into the search folder,
completes its search_results.csv unless the search is running, and moves stray
logs into the folders of their runs. The search can still be resumed.
"""
_EPILOG = """\
examples:
  hpsearch postprocess out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch postprocess DIR --performance_criteria=90
  hpsearch postprocess DIR --undo
  hpsearch postprocess DIR --over random_seed

The last line on standard output is the path of postprocessing_results.csv.
exit status: 0 all went well; 1 there were problems, which are listed; 2 wrong
usage, nothing was written
"""


def run(argv: Sequence[str] | None = None) -> str:
    """Postprocess a search folder; return the path of ``postprocessing_results.csv`` (empty if there is none).

    argv: the options, instead of those of the command line.
    Raises hpsearch.core.errors.SearchError if nothing could be done.
    """
    return str(_postprocess(sys.argv[1:] if argv is None else argv, None)[0] or "")


@_with_exit_status
def main(argv: Sequence[str], prog: str | None = None) -> int:
    """Postprocess a search folder; return the exit status. Errors are printed on standard error."""
    return _postprocess(argv, prog)[1]


def _parser(prog: str | None) -> argparse.ArgumentParser:
    from hpsearch.config.command_parser import FOLDER_HELP, CommandParser, ExampleFormatter, add_over
    from hpsearch.config.option_values import number_where, positive

    parser = CommandParser(prog=prog, description=_DESCRIPTION, epilog=_EPILOG, formatter_class=ExampleFormatter)
    add = parser.add_argument
    if prog is None:
        add("out_dir", metavar="OUT_DIR", help="The search folder; may be relative to --run_cwd.")
    else:
        add("out_dir", metavar="DIR", nargs="?", help=FOLDER_HELP)
    moves = parser.add_mutually_exclusive_group()
    text = (
        "Move bad runs to the folder TO_BE_DELETED: those for which _PERFORMANCE_EVAL_HANDLE(summary_dict, X) of the "
        "grid module is False, and those without a readable summary. Runs that may be live stay."
    )
    number = number_where(lambda found: not math.isnan(found), "a number")
    moves.add_argument("--performance_criteria", metavar="X", type=number, help=text)
    moves.add_argument("--undo", action="store_true", help="Only move all runs back from TO_BE_DELETED.")
    text = "The grid module. Default: the one that the search used."
    add("--grid_module", metavar="MODULE", default="", help=text)
    text = "Working directory of the runs. Default: the one that the search used."
    add("--run_cwd", metavar="DIR", default="", help=text)
    text = (
        "Stop a function of the grid module (your own summary parser, or _PERFORMANCE_EVAL_HANDLE) if it takes longer "
        "than S seconds for a run. Default: 60."
    )
    add("--parser_timeout", metavar="S", type=positive, default=60, help=text)
    add_over(parser, "Also write search_results_by_configuration.csv: mean and spread of each configuration.")
    return parser


def _postprocess(argv: Sequence[str], prog: str | None) -> tuple[Path | None, int]:
    options = _parser(prog).parse_args(list(argv))
    from hpsearch.console.console import Console
    from hpsearch.results.postprocess import postprocess
    from hpsearch.user_code.import_paths import add_current_folder

    add_current_folder()
    return postprocess(options, Console())


if __name__ == "__main__":
    from hpsearch.console.exit_status import whole_process

    sys.exit(whole_process(lambda: main(sys.argv[1:])))
