"""The table of configurations: one CSV row each, with mean and spread over the runs that repeat it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from hpsearch.core.configurations import by_configuration, mean_cell
from hpsearch.core.model import RunState, Summary
from hpsearch.core.ranking import ranked
from hpsearch.core.statistics import Spread, spreads_of
from hpsearch.core.summary import cell_under, numbers_of
from hpsearch.core.value_text import whole_text
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.classic_files import options_of_row
from hpsearch.store.layout import SearchFolder
from hpsearch.store.table import Row, is_finished_row, write_table

#: A finished run: its options, and what it delivered.
Repetition = tuple[Mapping[str, object], Summary]
#: The end of a column's name, behind the keyword -> the field of `Spread` that the column shows.
_FIELDS = {"mean": "mean", "std": "std", "sem": "sem", "min": "low", "max": "high"}


def repetitions(record: SearchRecord) -> Iterator[Repetition]:
    """Yield all finished runs, first those in the table from before the journal."""
    settings = record.known_settings()
    delivered = [(entry.result, entry.result.summary) for entry in record if entry.result.summary is not None]
    newer = {entry.run.out_dir for entry, _ in delivered}
    rows = (row for row in record.carried if row.get(settings.out_arg) not in newer)
    yield from repetitions_of_rows(rows, settings)
    for entry, summary in delivered:
        if entry.state is RunState.FINISHED:
            yield entry.run.configuration.as_dict(), summary


def repetitions_of_rows(rows: Iterable[Row], settings: Settings) -> Iterator[Repetition]:
    """Yield the finished runs among rows, if nothing but the rows is known."""
    keywords = settings.summary_keywords
    for row in filter(is_finished_row, rows):
        summary: Summary = {keyword: [row[keyword]] for keyword in keywords if keyword in row}
        yield options_of_row(row, (settings.out_arg, *keywords)), summary


def option_names(runs: Iterable[Repetition], settings: Settings) -> list[str]:
    """Return the options of the search and of all runs."""
    names = dict[str, object].fromkeys(settings.option_names)
    for options, _ in runs:
        names.update(options)
    return list(names)


def configuration_table(
    runs: Iterable[Repetition], settings: Settings, over: Collection[str]
) -> tuple[list[str], list[dict[str, object]]]:
    """Return columns and rows of the table of configurations, best mean first; an empty cell has no entry in its row.

    The columns are the options except those in `over`, n (how many runs finished), and five for each keyword with
    numbers; if a run's value is a list, the cells are lists, element by element. A keyword that has fewer numbers than
    n in some row also has a column with their count.
    """
    runs = list(runs)
    shown = [name for name in option_names(runs, settings) if name not in over]
    keywords = dict[str, object].fromkeys(settings.summary_keywords)
    for _, summary in runs:
        keywords.update(summary)
    keywords.pop("finished", None)
    groups = by_configuration(runs, lambda run: run[0], over)
    key, ascending = settings.performance_key, settings.sort_ascending
    groups = ranked(groups, lambda group: mean_cell([cell_under(summary, key) for _, summary in group]), ascending)
    rows = [{name: options[name] for name in shown if name in options} for (options, _), *_ in groups]
    columns, sizes = list(shown), [len(group) for group in groups]
    statistics = (_statistics(keyword, groups, sizes) for keyword in keywords)
    for name, cells in chain([("n", sizes)], *statistics):
        while name in columns:
            name += "_"
        columns.append(name)
        for row, cell in zip(rows, cells):
            if cell is not None:
                row[name] = cell
    return columns, rows


def _statistics(
    keyword: str, groups: Sequence[Sequence[Repetition]], sizes: Sequence[int]
) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield a keyword's columns, a cell for each group of runs, None = empty; no columns without numbers."""
    found = []
    for group in groups:
        # The spreads of long curves need much memory, their texts little.
        spreads = spreads_of(numbers_of(cell_under(summary, keyword)) for _, summary in group)
        count = max((spread.count for spread in spreads if spread), default=0)
        found.append((bool(spreads), count, *(_cell(spreads, field) for field in _FIELDS.values())))
    if any(has_numbers for has_numbers, *_ in found):
        _, counts, *columns = zip(*found)
        if list(counts) != sizes:
            yield f"{keyword}_n", counts
        yield from zip((f"{keyword}_{name}" for name in _FIELDS), columns)


def write_configurations(
    folder: SearchFolder, runs: Iterable[Repetition], settings: Settings, over: Collection[str]
) -> list[dict[str, object]]:
    """Write the table of configurations beside the table of runs; return its rows. Raises StoreError."""
    columns, rows = configuration_table(runs, settings, over)
    texts = ({name: whole_text(value) for name, value in row.items()} for row in rows)
    write_table(folder.results_by_configuration, columns, texts)
    return rows


def _cell(spreads: Sequence[Spread | None], field: str) -> object:
    """Return a statistic as a cell: a number, or a list as in a summary; None without any number."""
    values = [math.nan if spread is None else getattr(spread, field) for spread in spreads]
    if all(map(math.isnan, values)):
        return None
    return values[0] if len(values) == 1 else '"' + ",".join(map(str, values)) + '"'
