"""``hpsearch best``: the best configurations as a table, as JSON, or as commands to run."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.config.given_paths import absolute
from hpsearch.config.option_values import at_least
from hpsearch.console.console import Console
from hpsearch.console.text import aligned, amount
from hpsearch.core.command import argv, shell_line
from hpsearch.core.configurations import by_configuration
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.hints import did_you_mean
from hpsearch.core.model import Run, RunState, Summary
from hpsearch.core.ranking import Mean, best, best_means, difference_text, number_of, p_of_second, ranking_number
from hpsearch.core.statistics import mean_text, spread_of
from hpsearch.core.value_text import whole_text
from hpsearch.folder.by_configuration import check_over, seeds_of
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.means import mean_cells, mean_json
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import (
    options_text,
    ranges,
    result_states,
    summaries,
    varying_options,
    with_largest_budget,
)
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.journal.values import readable
from hpsearch.startup.classes import dataclass, replace
from hpsearch.startup.garbage import collected_later
from hpsearch.store.classic_files import command_line, options_of_row
from hpsearch.store.layout import SearchFolder
from hpsearch.store.table import Row, columns_of, is_finished_row, read_table, row_of
from hpsearch.user_code.copied_module import constants_in

_EXAMPLE = """\
examples:
  hpsearch best                                the ten best runs
  hpsearch best DIR --top 3 --by loss --lowest
  hpsearch best --over random_seed             configurations, by their mean
  hpsearch best --differences                  only what tells the ten apart
  hpsearch best --command                      the best run's command
  hpsearch best --command --out_dir=out/again | sh

Also reads folders of the older tool (search_results.csv, no journal); these
have no commands.
"""


def main(argv: Sequence[str]) -> int:
    """Show the best runs; return the exit status."""
    parser = folder_parser("best", "Show the best configurations of a search, also while it runs.", _EXAMPLE)
    parser.add_argument("--top", type=at_least(1), metavar="K", help="Show the K best. Default: 10 (1 with --command).")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--command", action="store_true", help="Print their commands instead of a table.")
    how.add_argument("--json", action="store_true", help="Print a JSON list (keys: docs/asking.rst).")
    where = "With --command: let the run write to DIR, which must not exist."
    parser.add_argument("--out_dir", metavar="DIR", help=where)
    parser.add_argument("--by", metavar="KEY", help="Sort by KEY. Default: the search's performance key.")
    order = parser.add_mutually_exclusive_group()
    order.add_argument("--lowest", action="store_true", help="Lowest value first.")
    order.add_argument("--highest", action="store_true", help="Highest value first.")
    add_over(parser, "Show means of configurations, as in a search with seeds.")
    differences = "Of the options, show only those in which the shown ones differ."
    parser.add_argument("--differences", action="store_true", help=differences)
    options = parser.parse_args(argv)
    # Each look for garbage among 100,000 runs takes more than a tenth of a second.
    with collected_later():
        return _show(options, Console(stamps=False))


def _show(options: argparse.Namespace, console: Console) -> int:
    count = options.top or (1 if options.command else 10)
    if options.out_dir is not None and not (options.command and count == 1):
        raise UsageError("--out_dir is for the command of one run: give --command, and no --top")
    if options.differences and options.command:
        raise UsageError("--differences is for the table and --json: a command needs all its options")
    if options.out_dir == "":
        raise UsageError("--out_dir: expected a folder, found an empty text")
    runs = finished_runs(choose_folder(options.folder, console), options.over)
    settings = runs.settings
    # An option may also be a keyword of the summary.
    check_over(options.over, dict.fromkeys((*runs.option_names, *settings.option_names)), runs.folder.path)
    key = options.by or settings.performance_key
    runs = _with_largest_budget(runs, key, console)
    is_own_order = key == settings.performance_key and not options.highest
    ascending = options.lowest or (settings.sort_ascending and is_own_order)
    best, means = _best(runs, key, ascending)
    is_chosen = bool(options.by) and not (options.lowest or options.highest)
    order = _order(ascending, is_chosen)
    if is_chosen and (options.json or options.command):
        console.note(f"best by {key} ({order})")
    if options.differences:
        runs = _only_differences(runs, best[:count], console)
    if options.json:
        # The best one is compared with the second, each other one with the best.
        pairs = [[mean, *(means[:1] if index else means[1:2])] for index, mean in enumerate(means[:count])]
        objects = [_as_json(run, runs, key, pair) for run, pair in zip_longest(best[:count], pairs)]
        if options.differences:
            objects = [{**each, "options": _only(each["options"], runs.option_names)} for each in objects]
        console.results([json.dumps(objects)])
    elif options.command:
        _print_commands(best[:count], runs, options.out_dir, console)
    else:
        by = f"mean {key} over {' and '.join(runs.over)}" if runs.over else key
        of = amount(len(means), "configuration") if runs.over else amount(len(runs.runs), "finished run")
        console.note(f"best by {by} ({order}) of {of}")
        console.results(_table(best[:count], means[:count], runs, key, console))
        stopped = f"{amount(runs.stopped, 'run')} stopped early, not ranked" if runs.stopped else ""
        console.notes(filter(None, [difference_text(means), stopped]))
    return 0


def _only_differences(runs: FinishedRuns, shown: Sequence[FinishedRun], console: Console) -> FinishedRuns:
    """Keep only the options in which the shown runs differ; tell the values of other varying options they share."""
    apart, alike = set(_varying(runs, shown)), shown[0].row
    same = {name: alike[name] for name in _varying(runs, runs.runs) if name not in apart and name in alike}
    if same:
        console.note(f"the same in all that are shown: {options_text(same)}")
    return replace(runs, option_names=[name for name in runs.option_names if name in apart])


def _only(options: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    return {name: options[name] for name in names if name in options}


def _varying(runs: FinishedRuns, several: Sequence[FinishedRun]) -> list[str]:
    """Return the options that differ between these runs, except those that repeat configurations."""
    names = [name for name in runs.option_names if name not in runs.over]
    return [name for name in names if len({run.cell(name) for run in several}) > 1]


def _print_commands(best: Sequence[FinishedRun], runs: FinishedRuns, out_dir: str | None, console: Console) -> None:
    commands = [_command(run, runs, out_dir) for run in best]
    if runs.over:
        named = ", ".join(f"run {runs.label(run)}" for run in best)
        console.note(f"of each configuration, its first run that counts: {named}")
    if out_dir is None:
        how = f"add --{runs.settings.out_arg}=NEW_FOLDER to it, or call this with --out_dir"
        console.note(f"the output option is left out: {how}")
    console.results(commands)


def _order(ascending: bool, is_chosen: bool) -> str:
    direction, other = ("lowest", "highest") if ascending else ("highest", "lowest")
    # The user named a keyword, and nothing says which values are good.
    return f"{direction} first; --{other} reverses that" if is_chosen else f"{direction} first"


def _with_largest_budget(runs: FinishedRuns, key: str, console: Console) -> FinishedRuns:
    """Return the runs that can be the best: with budgets, those with the largest budget, which is told; else all."""
    if not runs.settings.budget_option:
        return runs
    ranked = [run for run in runs.runs if ranking_number(run.cell(key)) is not None] or runs.runs
    largest = with_largest_budget(ranked, lambda run: run.row, runs.settings)
    if len(largest) < len(runs.runs):
        name = runs.settings.budget_option
        console.note(f"{amount(len(largest), 'run')} with the largest {name} so far, {largest[0].row[name]}")
    return replace(runs, runs=largest)


def _best(runs: FinishedRuns, key: str, ascending: bool) -> tuple[Sequence[FinishedRun], Sequence[Mean[FinishedRun]]]:
    """Return the runs, best first; or the first counted run of each configuration, and the configurations."""
    if not runs.runs:
        raise FolderError(f"{runs.folder.path}: no run has finished yet")
    is_known = any(key in run.summary for run in runs.runs)
    known = {} if is_known else dict.fromkeys(name for run in runs.runs for name in run.row)
    if not key:
        raise FolderError(
            f"{runs.folder.path}: there is neither a journal nor a copy of the grid module that says which column "
            f"counts: give --by=KEY, one of: {', '.join(known)}"
        )
    if not is_known and key not in known:
        raise UsageError(
            f"--by={key}: no finished run has such a keyword; there are: {', '.join(known)}{did_you_mean(key, known)}"
        )
    means = runs.means(key, ascending)
    ranked = best(runs.runs, lambda run: run.cell(key), ascending)
    ranked = [mean.counted[0] for mean in means] if runs.over else ranked
    if not ranked:
        raise FolderError(f"{runs.folder.path}: no finished run has a number under {key!r}; choose another: --by=KEY")
    return ranked, means


def _table(
    best: Sequence[FinishedRun], means: Sequence[Mean[FinishedRun]], runs: FinishedRuns, key: str, console: Console
) -> list[str]:
    """Return the rows: value, run (its folder without a journal), varying options, and the keywords that fit.

    means: of the configurations; if there are any, each row is a configuration.
    """
    apart = {*runs.planned_apart, *([] if runs.are_as_planned else _varying(runs, runs.runs))}
    varying = [name for name in runs.option_names if name in apart and name not in runs.over]
    keywords = [name for name in runs.keywords if name not in (key, "finished", *varying, *runs.over)]
    first = mean_cells(means, key, lambda mean: runs.labels(mean.counted))
    first = first if means else [[key, "run"], *([run.row[key], runs.label(run)] for run in best)]
    rows = [_mean_row(mean, keywords) for mean in means] or [run.row for run in best]
    # Words and lists have no mean.
    keywords = [name for name in keywords if any(row.get(name) for row in rows)]
    for shown in range(len(keywords), -1, -1):
        names = [*varying, *keywords[:shown]]
        others = [names, *([row.get(name, "") for name in names] for row in rows)]
        lines = aligned([*cells, *more] for cells, more in zip(first, others))
        if console.width is None or max(map(len, lines)) < console.width:
            break
    if keywords[shown:]:
        file = runs.folder.results_by_configuration
        file = file if means and file.exists() else runs.folder.results
        console.note(f"no room for: {', '.join(keywords[shown:])} (all are in {file.name})")
    return lines


def _mean_row(mean: Mean[FinishedRun], keywords: Sequence[str]) -> Row:
    """Return a configuration's options, and the means of its runs under other keywords."""
    rows = [run.row for run in mean.counted]
    spreads = {name: spread_of(number_of(row.get(name, "")) for row in rows) for name in keywords}
    return {**rows[0], **{name: mean_text(spread) if spread else "" for name, spread in spreads.items()}}


def _command(run: FinishedRun, runs: FinishedRuns, out_dir: str | None) -> str:
    """Return a run's command as one line that works here, with another output folder or none."""
    settings = runs.settings
    if run.run is None:
        raise FolderError(
            f"{runs.folder.path}: there is no journal that knows the command of "
            f"{run.row.get(settings.out_arg, 'this row')}; it may be in commands.sh there"
        )
    if out_dir is not None:
        out_dir = str(absolute(out_dir, Path.cwd(), "--out_dir"))
    line = shell_line(argv(settings.program, run.run.configuration, settings.out_arg, out_dir))
    folder = runs.folder.work_folder(settings)
    is_here = folder == Path(os.getcwd())  # noqa: PTH109  (as the shell spells it)
    return line if is_here else f"cd {shlex.quote(str(folder))} && {line}"


def _as_json(
    run: FinishedRun, runs: FinishedRuns, key: str, means: Sequence[Mean[FinishedRun]] | None
) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return a run, or the configuration whose first run it is. means: that configuration and its rival."""
    planned, row = run.run, run.row
    options = {name: row[name] for name in runs.option_names if name in row}
    content = {
        "run": planned and planned.number,
        "key": key,
        "value": readable(number_of(row[key])),
        "options": options if planned is None else readable(planned.configuration.as_dict()),
        "summary": {name: row[name] for name in runs.keywords if name in row},
        "folder": row.get(runs.settings.out_arg),
        "command": planned and command_line(planned, runs.settings, with_folder=False),
    }
    if means:
        names = [each.run.number if each.run else each.row.get(runs.settings.out_arg) for each in means[0].counted]
        content |= mean_json(means[0], runs.over, p_of_second(means), runs=names)
    return content


@dataclass(slots=True)
class FinishedRun:
    """A finished run. summary: keyword -> list with one value. number, record: None without a journal that knows it."""

    summary: Summary
    number: int = 0
    record: SearchRecord | None = None
    made_row: Row | None = None

    @classmethod
    def of_row(cls, row: Row) -> FinishedRun:
        """Return the run of a row that is in no journal."""
        return cls({name: [cell] for name, cell in row.items()}, made_row=row)

    @property
    def run(self) -> Run | None:
        """The run; None without a journal that knows it."""
        return None if self.record is None else self.record.runs[self.number].result.run

    @property
    def row(self) -> Row:
        """Its row of the table of results, made when it is asked for: few of many runs are shown."""
        if self.made_row is None:
            assert self.record is not None
            self.made_row = row_of(self.record.runs[self.number].result, self.record.known_settings())
        return self.made_row

    def cell(self, name: str) -> str:
        """Return its cell in a column; empty if there is none."""
        value = self.summary.get(name)
        return self.row.get(name, "") if value is None else whole_text(value[0])


@dataclass(frozen=True)
class FinishedRuns:
    """All finished runs of a folder, and what the columns of the table mean.

    settings: without a program if there is no journal, and without a performance key if that is not known.
    over: the options that repeat a configuration, if any. stopped: how many runs were stopped early.
    planned_apart: the options in which the runs of the whole search differ, unfinished runs included. are_as_planned:
    these are all in which finished runs differ.
    """

    folder: SearchFolder
    runs: Sequence[FinishedRun]
    settings: Settings
    option_names: Sequence[str]
    keywords: Sequence[str]
    over: Sequence[str]
    stopped: int = 0
    planned_apart: Sequence[str] = ()
    are_as_planned: bool = False

    def means(self, key: str, ascending: bool) -> list[Mean[FinishedRun]]:
        """Return the configurations by the mean of a column, see `best_means`; none if `over` is empty."""
        others = (self.settings.out_arg, *self.keywords)

        def options_of(run: FinishedRun) -> Mapping[str, object]:
            return run.run.configuration.as_dict() if run.run else options_of_row(run.row, others)

        groups = by_configuration(self.runs, options_of, self.over) if self.over else []
        return best_means(groups, lambda run: number_of(run.cell(key)), ascending)

    def label(self, run: FinishedRun) -> str:
        """Return a run for people: its number, or its folder without a journal."""
        return str(run.run.number) if run.run else run.row.get(self.settings.out_arg, "").rpartition("/")[2]

    def labels(self, several: Sequence[FinishedRun]) -> str:
        """Return runs for people."""
        numbers = [run.run.number for run in several if run.run]
        return ranges(numbers) if len(numbers) == len(several) else f"{self.label(several[0])}, ..."


def finished_runs(folder: SearchFolder, given_over: Collection[str] = ()) -> FinishedRuns:
    """Read the finished runs of a folder, ours or the older tool's.

    given_over: see `seeds_of`; options that no run has are left out.
    Raises FolderError if the folder is neither, or cannot be read.
    """
    if folder.journal.exists() or not folder.results.is_file():
        return _from_journal(SearchReader(folder), given_over)
    # The older tool's folder: the copy of the grid module says what the columns mean.
    rows, settings = read_table(folder.results), _copied_settings(folder.path)
    columns = dict.fromkeys(name for row in rows for name in row)
    keywords = [name for name in columns if name in settings.summary_keywords]
    options = [name for name in columns if name not in (*keywords, settings.out_arg)]
    runs = [FinishedRun.of_row(row) for row in rows if is_finished_row(row)]
    over = [name for name in given_over if name in options]
    return FinishedRuns(folder, runs, settings, options, keywords, over)


def _from_journal(reader: SearchReader, given_over: Collection[str]) -> FinishedRuns:
    record, settings = reader.record, reader.record.known_settings()
    stopped = result_states(record)[RunState.STOPPED_EARLY]
    runs = [FinishedRun.of_row(row) for row in record.carried if is_finished_row(row)]
    runs += (FinishedRun(summary, number, record) for number, summary in summaries(record))
    options = [name for name in settings.option_names if name not in settings.summary_keywords]
    columns = columns_of(settings, (run.summary for run in runs))
    keywords = [name for name in columns if name not in (*options, settings.out_arg)]
    over = seeds_of(record, [name for name in given_over if name in settings.option_names])
    apart = varying_options(record)
    # A parser may return keywords that are also options.
    are_as_planned = not record.carried and set(options).isdisjoint(name for run in runs for name in run.summary)
    return FinishedRuns(reader.folder, runs, settings, options, keywords, over, stopped, apart, are_as_planned)


def _copied_settings(folder: Path) -> Settings:
    """Return the settings from the constants of the grid module's copy in a folder, without executing it."""
    copies = [constants_in(path) for path in sorted(folder.glob("*.py"))]
    found = next((constants for constants in copies if "_SUMMARY_KEYWORDS" in constants), copies[-1] if copies else {})
    listed = found.get("_SUMMARY_KEYWORDS")
    keywords = tuple(map(str, listed)) if isinstance(listed, (list, tuple)) else ()
    return Settings(
        out_arg=str(found.get("_OUT_ARG", "out_dir")),
        summary_filename="",
        summary_keywords=keywords,
        performance_key=str(found.get("_PERFORMANCE_KEY") or next(iter(keywords), "")),
        sort_ascending=bool(found.get("_PERFORMANCE_SORT_ASC", False)),
    )
