"""A table's empty cells, its cells with missing runs, and the commands that fill them."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice

from hpsearch.config.option_values import values_set
from hpsearch.config.program import command_hint, resume_hint, retry_hint
from hpsearch.console.text import amount
from hpsearch.core.command import is_flag, text_of
from hpsearch.core.configurations import identity
from hpsearch.core.errors import UsageError
from hpsearch.core.value_text import cut
from hpsearch.folder.failures import known_cause
from hpsearch.folder.run_tables import options_text
from hpsearch.results.paper.cells import SEARCH, CellRun, Heading, PaperCells
from hpsearch.results.paper.searches import TableSearch
from hpsearch.user_code.copied_module import tied_options

#: The most runs and rows that a command names, and the most cells on a line.
_MOST_RUNS, _MOST_ROWS, _MOST_CELLS = 12, 20, 4
#: The most characters shown of a cause.
_LONGEST_CAUSE = 60

#: A cell's row and column.
_Key = tuple[Heading, Heading]


def filling_lines(table: PaperCells, searches: Sequence[TableSearch], most: int) -> list[str]:
    """Say which cells are empty or have fewer runs than planned, each with the command that helps on the next line.

    most: the largest number of such pairs of lines.
    """
    every = [(row, column) for column in table.columns.headings for row in table.rows.headings]
    missing = [key for key in every if key not in table.cells]
    empty = [key for key in every if key in table.cells and not table.cells[key].choices]
    fewer = [key for key in every if key in table.cells and table.cells[key].chosen]
    pairs = chain(
        _unfinished("empty", {key: table.cells[key].runs for key in empty}, table, searches),
        _unfinished("fewer runs", {key: _siblings(table, key) for key in fewer}, table, searches),
        # Last: an extension leaves out unfinished runs that are not in its grid.
        _without_runs(missing, table, searches),
    )
    shown = [line for pair in islice(pairs, most) for line in pair]
    return [*shown, *(["... and there are more such cells"] if next(pairs, None) else [])]


def _siblings(table: PaperCells, key: _Key) -> list[CellRun]:
    """Return the unfinished runs of the configuration that counts in a cell."""
    cell = table.cells[key]
    wanted = identity(cell.chosen[0].options, table.over)
    return [run for run in cell.runs if run.summary is None and identity(run.options, table.over) == wanted]


def _unfinished(
    what: str, runs: Mapping[_Key, Sequence[CellRun]], table: PaperCells, searches: Sequence[TableSearch]
) -> Iterator[tuple[str, str]]:
    """Yield, for each search, the cells of its unfinished runs, and how to finish these. runs: of each cell."""
    for at, search in enumerate(searches):
        cells = {key: own for key, several in runs.items() if (own := [run for run in several if run.search == at])}
        if cells:
            own = [run for several in cells.values() for run in several]
            about = f"{what}: {_cells_text(cells, table)} ({_states_text(own, search)})"
            yield about, f"  {_how_to_finish(own, search)}"


def _cells_text(keys: Iterable[_Key], table: PaperCells) -> str:
    names, keys = (*table.rows.names, *table.columns.names), list(keys)
    texts = [_cell_text(dict(zip(names, (*row, *column)))) for row, column in keys[:_MOST_CELLS]]
    return "; ".join(texts) + (f"; and {amount(len(keys) - _MOST_CELLS, 'more cell')}" if keys[_MOST_CELLS:] else "")


def _cell_text(texts: Mapping[str, str | None]) -> str:
    lacking = [f"no {name}" for name, text in texts.items() if text is None]
    return " ".join([options_text({name: text for name, text in texts.items() if text is not None}), *lacking]).strip()


def _states_text(runs: Sequence[CellRun], search: TableSearch) -> str:
    """Say in which states runs are, and why the first failed run failed."""
    states = sorted(dict.fromkeys(run.state for run in runs), key=lambda state: state.is_failure)
    counts = ", ".join(f"{sum(run.state is state for run in runs):,} {state.value}" for state in states)
    failed = next((run.entry for run in runs if run.state.is_failure and run.entry is not None), None)
    return counts + (f": {cut(known_cause(failed, search.folder), _LONGEST_CAUSE)}" if failed else "")


def _how_to_finish(runs: Sequence[CellRun], search: TableSearch) -> str:
    """Return the command that runs these runs again, or, if the search is running, one that shows its progress."""
    path = search.folder.path
    if search.grid_module is not None:
        return command_hint("extend", path, f"--grid_module={search.grid_module}")
    if search.is_going:
        return f"the search is running: {command_hint('status', path)}"
    if any(not (run.state.is_failure or run.state.is_done or run.number in search.left_out) for run in runs):
        return resume_hint(path)
    failed, numbers = {run.number for run in search.runs if run.state.is_failure}, {run.number for run in runs}
    is_for_all = failed == numbers or (len(numbers) > _MOST_RUNS and failed >= numbers)
    return command_hint("retry", path) if is_for_all else retry_hint(path, numbers)


def _without_runs(
    keys: Sequence[_Key], table: PaperCells, searches: Sequence[TableSearch]
) -> Iterator[tuple[str, str]]:
    """Yield the cells without any run, by column, and how to extend a search to fill them.

    The search to extend is the one with most runs in the column, or else in the row.
    """
    in_row, in_column = Counter[tuple[Heading, int]](), Counter[tuple[Heading, int]]()
    for (row, column), cell in table.cells.items():
        in_row.update((row, run.search) for run in cell.runs)
        in_column.update((column, run.search) for run in cell.runs)
    groups = defaultdict[tuple[int, Heading], list[_Key]](list)
    for row, column in keys:
        at = max(range(len(searches)), key=lambda at: (in_column[column, at], in_row[row, at]))
        groups[at, column].append((row, column))
    for (at, _), cells in groups.items():
        when = "no such run; once the search has ended" if searches[at].is_going else "no such run"
        yield f"empty: {_cells_text(cells, table)} ({when})", f"  {_how_to_extend(at, searches, table, cells)}"


def _how_to_extend(at: int, searches: Sequence[TableSearch], table: PaperCells, keys: Sequence[_Key]) -> str:
    """Return the command that runs the missing cells in some rows of a column. at: index of the search.

    If some of its runs have options that others lack, its grid is a list of grids, or conditions add options: --set
    would give the rows' values to all of them. Then the command names only the column, all of whose missing rows run;
    also if there are many rows.
    """
    search, runs = searches[at], searches[at].runs
    there = {row for (row, _), cell in table.cells.items() if any(run.search == at for run in cell.runs)}
    is_uniform = len({frozenset(run.options) for run in runs}) == 1
    wanted = _values_of(table.columns.names, [column for _, column in keys])
    if (is_uniform and len(keys) <= _MOST_ROWS) or not wanted or not there.issuperset(row for row, _ in keys):
        wanted = _values_of(table.rows.names, [row for row, _ in keys]) | wanted
    wanted = {name: texts for name, texts in wanted.items() if {_text_in(run, name) for run in runs} != set(texts)}
    wanted.pop(SEARCH, None)
    path, words = search.folder.path, [] if search.grid_module is None else [f"--grid_module={search.grid_module}"]
    if not tied_options(search.folder).isdisjoint(wanted) or any(None in texts for texts in wanted.values()):
        return f"list it in the grid, then {command_hint('extend', path, *words)}"
    for name, texts in wanted.items():
        words += ["--set", f"{name}={','.join(_written(name, text or '', searches) for text in texts)}"]
    return command_hint("extend", path, *words)


def _values_of(names: Sequence[str], headings: Iterable[Heading]) -> dict[str, list[str | None]]:
    """Return each option's texts under these headings, each text once."""
    return dict(zip(names, (list(dict.fromkeys(texts)) for texts in zip(*headings))))


def _text_in(run: CellRun, name: str) -> str | None:
    return text_of(run.options[name]) if name in run.options else None


def _written(name: str, text: str, searches: Sequence[TableSearch]) -> str:
    """Return a value as it is written for ``--set``. text: as the script gets it."""
    values = (run.options[name] for search in searches for run in search.runs if name in run.options)
    if any(is_flag(value) for value in values if text_of(value) == text):
        return text
    with contextlib.suppress(ValueError, UsageError):
        (value,) = values_set([f"{name}={text}"])[name]
        if not is_flag(value) and text_of(value) == text:
            return text
    return repr(text)
