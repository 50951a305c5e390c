"""``hpsearch table``: the table of a paper, means over seeds by options, the best of each column marked."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.config.option_values import option_names
from hpsearch.console.console import Console
from hpsearch.core.command import shell_line
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.hints import did_you_mean
from hpsearch.core.ranking import low_is_good
from hpsearch.folder.by_configuration import check_over
from hpsearch.folder.choice import choose_folder
from hpsearch.results.export import as_csv
from hpsearch.results.paper.cells import SEARCH, CellRun, Measure, PaperCells, paper_cells
from hpsearch.results.paper.empty_cells import filling_lines
from hpsearch.results.paper.formats import FORMATS
from hpsearch.results.paper.searches import TableSearch, table_searches
from hpsearch.results.paper.text import PaperTable
from hpsearch.user_code.copied_module import orders_of_grids

_EXAMPLE = """\
examples:
  hpsearch table --rows method --columns dataset
  hpsearch table DIR1 DIR2 --rows method,lr --value acc,loss
  hpsearch table DIR --rows method --columns dataset --over random_seed
  hpsearch table --rows method --columns dataset --format latex > table.tex

A legend below the table explains its signs; commands that fill empty cells
are printed on standard error. More: docs/results.rst
"""
#: A larger table is refused: nobody could read it.
_MOST_COLUMNS, _MOST_CELLS = 200, 200_000
#: The most messages about empty cells.
_MOST_FILLINGS = 10


def main(argv: Sequence[str]) -> int:
    """Print the table; return the exit status."""
    options = _parser().parse_intermixed_args(argv)
    console = Console(stamps=False)
    chosen = [choose_folder(given, console) for given in options.folder or [None]]
    folders = list({folder.path.resolve(): folder for folder in chosen}.values())
    searches = table_searches(folders, options.grid_module, console)
    runs = [run for search in searches for run in search.runs]
    over = _over(options, runs, searches)
    by, *measures = _measures(options, runs, searches)
    orders = orders_of_grids(folders)
    table = paper_cells(runs, (options.rows, options.columns), over, by, orders)
    _check_size(table, measures)
    paper = PaperTable(table, measures, by)
    if options.format == "csv":
        console.output(as_csv(*paper.records()))
        console.notes(paper.choice())
    else:
        console.results(paper.lines(FORMATS[options.format], shell_line(["hpsearch", "table", *argv])))
    _tell(paper, options, searches, console)
    return 0


def _parser() -> argparse.ArgumentParser:
    description = (
        "Print the table of a paper: mean and standard deviation over the random seeds, the best of each column "
        "marked. Where a cell has several configurations, the one that is best by the performance key counts."
    )
    parser = folder_parser("table", description, _EXAMPLE, nargs="*")
    names: dict[str, Any] = {"metavar": "NAME[,NAME]", "type": option_names}  # Any: argparse's own
    parser.add_argument("--rows", required=True, help="A row for each value of this option (or these).", **names)
    columns = "A column for each value of this option (or these). Default: one column. In both, `search` is the folder."
    parser.add_argument("--columns", default=(), help=columns, **names)
    keys: dict[str, Any] = {"metavar": "KEY[,KEY]", "type": _keywords, "default": ()}
    parser.add_argument("--value", help="What the cells show. Default: the search's performance key.", **keys)
    parser.add_argument("--lowest", help="The lowest is best under these keywords.", **keys)
    highest = (
        "The highest is. Default: as the grid module says of the performance key, else as names such as loss tell."
    )
    parser.add_argument("--highest", help=highest, **keys)
    add_over(parser, "Take the means over this, too.")
    shown = ("text", "latex", "markdown", "csv")
    how = "Default: text. csv: a line for each cell, with all digits. latex needs the package booktabs."
    parser.add_argument("--format", choices=shown, default="text", help=how)
    which = "The grid module, for a folder of the older tool without a copy of it."
    parser.add_argument("--grid_module", default="", metavar="MODULE", help=which)
    return parser


def _keywords(text: str) -> tuple[str, ...]:
    keywords = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    if not all(keywords):
        raise argparse.ArgumentTypeError(f"expected keywords of the summary such as acc,loss, found {text!r}")
    return keywords


def _over(options: argparse.Namespace, runs: Sequence[CellRun], searches: Sequence[TableSearch]) -> list[str]:
    """Return the options to take means over. Raises UsageError if no run has an option, or one is named twice."""
    known = dict.fromkeys(name for search in searches for name in search.settings.option_names)
    known.update(dict.fromkeys(name for run in runs for name in run.options))
    where = " or ".join(str(search.folder.path) for search in searches)
    check_over(options.over, known, where)
    axes = [("--rows", name) for name in options.rows] + [("--columns", name) for name in options.columns]
    for option, name in axes:
        if name not in known and name != SEARCH:
            there = f"there are: {', '.join(known)}{did_you_mean(name, known)}"
            raise UsageError(f"{option}={name}: no run in {where} has such an option; {there}")
    names = [*options.rows, *options.columns]
    twice = next((name for name in names if names.count(name) > 1 or name in options.over), "")
    if twice:
        raise UsageError(f"{twice} is named twice; an option is one of --rows, --columns and --over")
    seeds = dict.fromkeys((*options.over, *(name for search in searches for name in search.over)))
    return [name for name in seeds if name not in names]


def _measures(
    options: argparse.Namespace, runs: Sequence[CellRun], searches: Sequence[TableSearch]
) -> tuple[Measure, ...]:
    """Return the measure that chooses a cell's configuration, then the measures that cells show.

    Raises UsageError if no run has a keyword, FolderError if there is nothing to show.
    """
    finished = [run for run in runs if run.summary is not None]
    if not finished:
        raise FolderError(f"{' and '.join(str(each.folder.path) for each in searches)}: no run has finished yet")
    orders = {search.settings.performance_key: search.settings.sort_ascending for search in searches}
    if len(orders) > 1 and not options.value:
        raise UsageError(f"the searches have different performance keys ({', '.join(orders)}): give --value=KEY")
    shown = options.value or tuple(orders)
    by = shown[0] if len(orders) > 1 else next(iter(orders))
    _check_keywords(shown, options, finished)
    return tuple(Measure(name, _is_low_good(name, options, searches)) for name in (by, *shown))


def _check_keywords(shown: Sequence[str], options: argparse.Namespace, finished: Sequence[CellRun]) -> None:
    """Raise UsageError if no finished run has a keyword that the user names, FolderError if none has a number there."""
    known = dict.fromkeys(name for run in finished for name in run.summary or () if name != "finished")
    named = {"--value": shown, "--lowest": options.lowest, "--highest": options.highest}
    for option, name in ((option, name) for option, names in named.items() for name in names):
        if name not in known:
            there = f"there are: {', '.join(known)}{did_you_mean(name, known)}"
            raise UsageError(f"{option}={name}: no finished run has such a keyword; {there}")
    for name in shown:
        if all(run.number_under(name) is None for run in finished):
            raise FolderError(f"no finished run has a number under {name!r}; choose another: --value=KEY")


def _is_low_good(keyword: str, options: argparse.Namespace, searches: Sequence[TableSearch]) -> bool:
    """Return whether low numbers are good, by the user's word, else by the grid module's, else by the name."""
    if keyword in options.lowest or keyword in options.highest:
        if keyword in options.lowest and keyword in options.highest:
            raise UsageError(f"{keyword}: give --lowest or --highest, not both")
        return keyword in options.lowest
    said = {each.settings.sort_ascending for each in searches if each.settings.performance_key == keyword}
    if len(said) > 1:
        raise UsageError(f"the searches differ in what is good under {keyword}: give --lowest or --highest={keyword}")
    return said.pop() if said else low_is_good(keyword)


def _check_size(table: PaperCells, measures: Sequence[Measure]) -> None:
    rows, columns = len(table.rows.headings), len(table.columns.headings) * len(measures)
    if columns > _MOST_COLUMNS or rows * columns > _MOST_CELLS:
        raise UsageError(
            f"the table would have {rows:,} rows and {columns:,} columns: choose options with fewer values"
        )


def _tell(paper: PaperTable, options: argparse.Namespace, searches: Sequence[TableSearch], console: Console) -> None:
    """Tell people what was guessed, which cells lack runs, and what to do."""
    for name in (name for name in paper.table.chosen_over() if name.lower().endswith("seed")):
        console.warn(f"the best {name} was chosen in each cell; for the mean over it: --over {name}")
    said = (*(search.settings.performance_key for search in searches), *options.lowest, *options.highest)
    for measure in (each for each in paper.measures if each.keyword not in said):
        best, other = (
            ("lowest is best, by its name", "highest") if measure.is_low_good else ("highest is best", "lowest")
        )
        console.note(f"{measure.keyword}: the {best}; --{other}={measure.keyword} reverses that")
    console.notes(paper.without_numbers())
    console.notes(filling_lines(paper.table, searches, _MOST_FILLINGS))
