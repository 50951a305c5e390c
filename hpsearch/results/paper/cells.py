"""The arithmetic of a paper's table: the runs of each cell, which configuration counts there, which cell is best."""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.core.command import argument, is_flag, text_of
from hpsearch.core.configurations import by_configuration
from hpsearch.core.model import RunState, Summary
from hpsearch.core.ranking import SIGNIFICANT_P, Mean, best_means, number_of, ranking_number
from hpsearch.core.statistics import Spread, welch_p
from hpsearch.core.summary import cell_under
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass

#: May stand for an option in rows or columns: the name of a run's search.
SEARCH = "search"
#: What a row or column stands for: the texts of its options' values, None if an option is missing.
Heading = tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class CellRun:
    """A run of one of the searches. summary: None unless it finished. number: 0 if it is known only from a row.

    search: its index, from 0; label: its name in the table. entry: None if no journal knows the run.
    """

    options: Mapping[str, object]
    summary: Summary | None
    state: RunState
    number: int
    search: int
    label: str
    entry: RunRecord | None = None

    def number_under(self, keyword: str) -> float | None:
        """Return the run's number under a keyword; None if there is none, or it is NaN."""
        return ranking_number(cell_under(self.summary, keyword))


@dataclass(frozen=True)
class Measure:
    """A keyword whose means are compared. is_low_good: small numbers are good."""

    keyword: str
    is_low_good: bool


class Mark(enum.Enum):
    """A cell's rank in its column. CLOSE: not significantly worse than the best."""

    BEST = "best"
    CLOSE = "close"
    NONE = ""


@dataclass(frozen=True)
class Cell:
    """The runs in one row and column of the table.

    chosen: the finished runs of the configuration that counts; none if no run finished, or nothing tells which counts.
    choices: the configurations with a finished run.
    """

    runs: Sequence[CellRun]
    chosen: Sequence[CellRun]
    choices: Sequence[Sequence[CellRun]]


@dataclass(frozen=True)
class CellValue:
    """What a cell shows under a keyword. spread: None if the configuration that counts has no number.

    words: what its runs have instead; none if they have numbers, but nothing tells which configuration counts.
    """

    spread: Spread | None = None
    mark: Mark = Mark.NONE
    is_tested: bool = True
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Axis:
    """The rows or columns: their options, and the combinations of values that occur, in order."""

    names: tuple[str, ...]
    headings: Sequence[Heading]


@dataclass(frozen=True)
class PaperCells:
    """All cells, by row and column; cells without any run are missing."""

    rows: Axis
    columns: Axis
    over: Sequence[str]
    cells: Mapping[tuple[Heading, Heading], Cell]

    def chosen_over(self) -> list[str]:
        """Return the options in which configurations of the same cell differ."""
        fixed = {*self.rows.names, *self.columns.names, *self.over}
        differences = dict[str, None]()
        for cell in self.cells.values():
            if len(cell.choices) > 1:
                differences.update(dict.fromkeys(differing([group[0].options for group in cell.choices])))
        return [name for name in differences if name not in fixed]

    def values(self, column: Heading, measure: Measure) -> dict[Heading, CellValue]:
        """Return what the cells of a column show under a keyword: row -> value; empty cells are missing."""
        cells = {row: self.cells[row, column] for row in self.rows.headings if (row, column) in self.cells}
        of_first = {id(run): row for row, cell in cells.items() for run in cell.chosen}
        numbers = [cell.chosen for cell in cells.values()]
        means = best_means(numbers, lambda run: run.number_under(measure.keyword), measure.is_low_good)
        values = {row: _without_number(cell, measure.keyword) for row, cell in cells.items() if _finished(cell.runs)}
        return values | {of_first[id(mean.counted[0])]: _value(mean, means) for mean in means}


def differing(several: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the options whose words on the command line differ."""
    names = dict.fromkeys(name for options in several for name in options)
    words = {name: {argument(name, options.get(name, False)) for options in several} for name in names}
    return [name for name, different in words.items() if len(different) > 1]


def paper_cells(
    runs: Sequence[CellRun],
    axes: tuple[Sequence[str], Sequence[str]],
    over: Sequence[str],
    by: Measure,
    orders: Mapping[str, Sequence[str]],
) -> PaperCells:
    """Put runs into the cells of a table.

    axes: the options of rows and columns. over: options that repeat a configuration. by: decides which configuration of
    a cell counts. orders: option -> texts of its values, in the order in which words are shown.
    """
    flags = _flags(runs, [*axes[0], *axes[1]])
    groups = defaultdict[tuple[Heading, Heading], list[CellRun]](list)
    for run in runs:
        groups[_heading(run, axes[0], flags), _heading(run, axes[1], flags)].append(run)
    rows, columns = (
        Axis(tuple(names), sorted({key[at] for key in groups}, key=lambda each: _order(each, names, orders)))
        for at, names in enumerate(axes)
    )
    cells = {key: _cell(group, over, by) for key, group in groups.items()}
    return PaperCells(rows, columns, over, cells)


def _flags(runs: Iterable[CellRun], names: Sequence[str]) -> frozenset[str]:
    """Return the options that are flags wherever they occur: if one is missing, it is off."""
    kinds = defaultdict[str, set[bool]](set)
    for run in runs:
        for name in names:
            if name in run.options:
                kinds[name].add(is_flag(run.options[name]))
    return frozenset(name for name, kind in kinds.items() if kind == {True})


def _heading(run: CellRun, names: Sequence[str], flags: Collection[str]) -> Heading:
    return tuple(_text(run, name, name in flags) for name in names)


def _text(run: CellRun, name: str, is_a_flag: bool) -> str | None:
    if name in run.options:
        return text_of(run.options[name])
    return run.label if name == SEARCH else "False" if is_a_flag else None


def _order(heading: Heading, names: Sequence[str], orders: Mapping[str, Sequence[str]]) -> list[tuple[int, float, str]]:
    """Return a sort key: numbers by size, then words in the listed order, then other words, missing values last."""
    key = []
    for name, text in zip(names, heading):
        number, listed = (None if text is None else number_of(text)), orders.get(name, ())
        if text is None:
            key.append((3, 0.0, ""))
        elif number is not None and number == number:
            key.append((0, number, text))
        else:
            key.append((1, float(listed.index(text)), "") if text in listed else (2, 0.0, text))
    return key


def _finished(runs: Iterable[CellRun]) -> list[CellRun]:
    return [run for run in runs if run.summary is not None]


def _cell(runs: Sequence[CellRun], over: Sequence[str], by: Measure) -> Cell:
    choices = by_configuration(_finished(runs), lambda run: run.options, over)
    means = best_means(choices, lambda run: run.number_under(by.keyword), by.is_low_good)
    best = next((mean.counted[0] for mean in means), None)
    chosen = next((group for group in choices if best in group), choices[0] if len(choices) == 1 else [])
    return Cell(runs, chosen, choices)


def _value(mean: Mean[CellRun], means: Sequence[Mean[CellRun]]) -> CellValue:
    """Return what the cell of a mean shows. means: of the column, best first."""
    best = means[0]
    if len(means) < 2:
        return CellValue(mean.spread)
    if mean is best or (mean.spread.mean == best.spread.mean and not mean.is_thin):
        return CellValue(mean.spread, Mark.BEST)
    # Two-sided, as in all views, so that they agree on which configurations differ.
    p = welch_p(best.spread, mean.spread)
    return CellValue(mean.spread, Mark.CLOSE if p is not None and p > SIGNIFICANT_P else Mark.NONE, p is not None)


def _without_number(cell: Cell, keyword: str) -> CellValue:
    runs = cell.chosen or _finished(cell.runs)
    if any(run.number_under(keyword) is not None for run in runs):
        return CellValue()
    return CellValue(words=tuple(dict.fromkeys(str(cell_under(run.summary, keyword)) for run in runs)))
