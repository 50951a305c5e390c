#!/usr/bin/env python3
"""Put the results of a search in order: ``python -m hpsearch.hpsearch_postprocessing OUT_DIR``.

This file may also be started from inside its own folder: the `hpsearch.py` there then sees to it that ``hpsearch``
means the package.
"""

import sys

import hpsearch

if __name__ == "__main__":
    hpsearch.end_at_ctrl_c()

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from hpsearch.console.exit_status import told as _told

_DESCRIPTION = """\
Find everything that the runs of a search delivered, also after it was killed, moved, or written by the older tool.
Writes postprocessing_results.csv and postprocessing_{finished,unfinished,missing}_jobs.pickle into the search folder,
completes its search_results.csv if no search is live there, and moves logs that lie about into their runs' folders.
The search itself is not changed: it can go on, or be resumed later.
"""
_EPILOG = """\
examples:
  python -m hpsearch.hpsearch_postprocessing ./out/hyperparam_search/search_2024-05-17_10-00-00
  python -m hpsearch.hpsearch_postprocessing SEARCH_FOLDER --performance_criteria=90
  python -m hpsearch.hpsearch_postprocessing SEARCH_FOLDER --undo

The last line on standard output is the path of postprocessing_results.csv.
exit status: 0 all went well; 1 something could not be handled, which is named; 2 wrong usage, nothing was written
"""


def run(argv: Sequence[str] | None = None) -> str:
    """Postprocess a search folder; return the path of ``postprocessing_results.csv`` (empty if there is none).

    argv: the options, instead of those of the command line.
    Raises hpsearch.core.errors.SearchError if nothing could be done.
    """
    return str(_postprocess(sys.argv[1:] if argv is None else argv, None)[0] or "")


@_told
def main(argv: Sequence[str], prog: str | None = None) -> int:
    """Postprocess a search folder; return the command's exit status, errors told on standard error."""
    return _postprocess(argv, prog)[1]


def _parser(prog: str | None) -> argparse.ArgumentParser:
    from hpsearch.config.option_values import number_where, positive

    parser = argparse.ArgumentParser(
        prog=prog, description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("out_dir", metavar="OUT_DIR", help="The search folder. May be relative to --run_cwd.")
    moves = parser.add_mutually_exclusive_group()
    text = (
        "Move runs for which the grid module's _PERFORMANCE_EVAL_HANDLE(summary_dict, X) says False, and runs "
        "without a readable summary, to TO_BE_DELETED in the search folder. Runs that may be live stay."
    )
    number = number_where(lambda found: not math.isnan(found), "a number")
    moves.add_argument("--performance_criteria", metavar="X", type=number, help=text)
    moves.add_argument("--undo", action="store_true", help="Only move all runs back from TO_BE_DELETED.")
    text = "The grid module, if not the one that the search folder records or holds a copy of."
    add("--grid_module", metavar="MODULE", default="", help=text)
    text = "Working directory of the runs. Default: the search's own, or `.`."
    add("--run_cwd", metavar="DIR", default="", help=text)
    text = (
        "Seconds that a function of the grid module may take for a run (its own summary parser, or "
        "_PERFORMANCE_EVAL_HANDLE). Default: 60."
    )
    add("--parser_timeout", metavar="S", type=positive, default=60, help=text)
    return parser


def _postprocess(argv: Sequence[str], prog: str | None) -> tuple[Path | None, int]:
    options = _parser(prog).parse_args(list(argv))
    from hpsearch.config.import_paths import add_current_folder
    from hpsearch.console.console import Console
    from hpsearch.results.postprocess import postprocess

    add_current_folder()
    return postprocess(options, Console())


if __name__ == "__main__":
    from hpsearch.console.exit_status import whole_process

    sys.exit(whole_process(lambda: main(sys.argv[1:])))
