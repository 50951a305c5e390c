"""The table of a paper as texts: rounded means, titles and a legend; or as records with all digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from hpsearch.console.text import amount
from hpsearch.core.ranking import SIGNIFICANT_P, number_of
from hpsearch.core.statistics import FEWEST_FOR_TEST, SAMPLE_STD, column_texts
from hpsearch.results.paper.cells import Axis, CellValue, Heading, Mark, Measure, PaperCells
from hpsearch.results.paper.formats import EMPTY, Format, ShownCell, ShownTable
from hpsearch.startup.classes import dataclass


@dataclass(frozen=True)
class PaperTable:
    """The cells of a table under one or more keywords. by: the measure that chose each cell's configuration."""

    table: PaperCells
    measures: Sequence[Measure]
    by: Measure

    @cached_property
    def columns(self) -> Mapping[tuple[Heading, Measure], Mapping[Heading, CellValue]]:
        """The values of each column, by row; empty cells are missing."""
        headings = self.table.columns.headings
        return {(heading, each): self.table.values(heading, each) for heading in headings for each in self.measures}

    @cached_property
    def counts(self) -> list[int]:
        """The number of runs behind each mean."""
        values = (value for column in self.columns.values() for value in column.values())
        return [value.spread.count for value in values if value.spread is not None]

    def lines(self, form: Format, command: str) -> list[str]:
        """Return the whole table with its legend. command: the one that printed the table."""
        names, is_one = self.table.rows.names, len(self.measures) == 1
        labels = [", ".join(each) for each in _titles_of(self.table.columns)]
        titles = [(label, "" if is_one and label else each.keyword) for label in labels for each in self.measures]
        columns = [self._shown(column) for column in self.columns.values()]
        rows = [
            (_labels(heading, names), [column.get(heading, ShownCell()) for column in columns])
            for heading in self.table.rows.headings
        ]
        return form.lines(ShownTable(names, titles, rows), self.about(form), command)

    def _shown(self, column: Mapping[Heading, CellValue]) -> dict[Heading, ShownCell]:
        """Return the cells of a column as texts; means and deviations have the same decimals if they can."""
        spreads = {heading: value.spread for heading, value in column.items() if value.spread is not None}
        texts = dict(zip(spreads, column_texts(list(spreads.values()))))
        most, cells = max(self.counts, default=0), {}
        for heading, value in column.items():
            if value.spread is None:
                cells[heading] = ShownCell(value.words[0] if len(value.words) == 1 and value.words[0] else EMPTY)
                continue
            count = f"({value.spread.count})" if value.spread.count < most else ""
            cells[heading] = ShownCell(*texts[heading], count, value.mark)
        return cells

    def about(self, form: Format) -> list[str]:
        """Return the legend."""
        return [*self._what(form.plus_minus), *self._marks(form), *self.choice()]

    def _what(self, plus_minus: str) -> list[str]:
        keywords, most = ", ".join(each.keyword for each in self.measures), max(self.counts, default=0)
        if most < 2:
            return [f"{keywords}: of one run each"]
        over = " and ".join(self.table.over) or "runs with the same options"
        fewer = " unless in brackets" if min(self.counts) < most else ""
        return [f"{keywords}: mean {plus_minus} std over {over}, n = {most}{fewer}; {SAMPLE_STD}"]

    def _marks(self, form: Format) -> list[str]:
        values = [value for column in self.columns.values() for value in column.values() if value.spread]
        marks = {value.mark for value in values}
        if Mark.BEST not in marks:
            return []
        ways = {each.keyword: "lowest" if each.is_low_good else "highest" for each in self.measures}
        way = ", ".join(ways.values() if len(ways) == 1 else (f"{keyword} {way}" for keyword, way in ways.items()))
        close = f"{form.close}: not significantly worse (Welch's t-test, p > {SIGNIFICANT_P})"
        is_untested = max(self.counts) > 1 and not all(value.is_tested for value in values)
        untested = [f"not tested with fewer than {FEWEST_FOR_TEST} runs"] * is_untested
        return ["; ".join([f"{form.best}: best of its column ({way})", *[close] * (Mark.CLOSE in marks), *untested])]

    def choice(self) -> list[str]:
        """Say how many configurations a cell was chosen from, and how they differ; nothing without a choice."""
        names = self.table.chosen_over()
        most = max((len(cell.choices) for cell in self.table.cells.values()), default=0)
        way, mean = "lowest" if self.by.is_low_good else "highest", "mean " * (max(self.counts, default=0) > 1)
        chosen = f"each cell has the best of up to {most:,} configurations by {mean}{self.by.keyword} ({way})"
        return [f"{chosen}, which differ in {', '.join(names)}"] if names else []

    def without_numbers(self) -> list[str]:
        """Say how many cells have finished runs but show no number, and why."""
        lines = []
        for measure in self.measures:
            columns = [column for (_, each), column in self.columns.items() if each is measure]
            lacking = [value.words for column in columns for value in column.values() if value.spread is None]
            if words := [each for each in lacking if each]:
                shown = ", ".join(dict.fromkeys(repr(word) if word else "nothing" for each in words for word in each))
                lines.append(f"{_cells_have(len(words))} no number under {measure.keyword!r} but {shown[:60]}")
            if undecided := len(lacking) - len(words):
                why = f"no number under {self.by.keyword!r}, by which its configuration is chosen"
                lines.append(f"{_cells_have(undecided)} no {measure.keyword!r}: {why}")
        return lines

    def records(self) -> tuple[list[str], list[dict[str, object]]]:
        """Return the cells one by one, with all digits: columns, rows."""
        names = [*self.table.rows.names, *self.table.columns.names]
        chosen = self.table.chosen_over()
        own = {name: _free(name, [*names, *chosen]) for name in ("key", "mean", "std", "n", "mark")}
        records = []
        for (column, measure), values in self.columns.items():
            for row in self.table.rows.headings:
                texts = {name: text for name, text in zip(names, (*row, *column)) if text is not None}
                cell, value = self.table.cells.get((row, column)), values.get(row, CellValue())
                about = {own[name]: number for name, number in _numbers(value, measure).items()}
                options = cell.chosen[0].options if cell and cell.chosen and value.spread else {}
                records.append({**texts, **about, **{name: options[name] for name in chosen if name in options}})
        return [*names, *own.values(), *chosen], records


def _cells_have(count: int) -> str:
    return f"{amount(count, 'cell')} {'has' if count == 1 else 'have'}"


def _free(name: str, taken: Sequence[str]) -> str:
    return _free(f"{name}_", taken) if name in taken else name


def _numbers(value: CellValue, measure: Measure) -> dict[str, object]:
    spread, numbers = value.spread, {"key": measure.keyword, "n": 0, "mark": value.mark.value}
    if spread is None:
        return numbers
    return {**numbers, "n": spread.count, "mean": spread.mean, **({"std": spread.std} if spread.count > 1 else {})}


def _labels(heading: Heading, names: Sequence[str]) -> list[str]:
    return [f"no {name}" if text is None else text for name, text in zip(names, heading)]


def _titles_of(axis: Axis) -> list[list[str]]:
    """Return the labels of each column: words as they are, other values with the option's name."""
    columns = list(zip(*axis.headings))
    named = [any(text in ("True", "False") or number_of(text) is not None for text in texts) for texts in columns]
    return [
        [
            f"{name}={text}" if is_named and text is not None else label
            for name, text, label, is_named in zip(axis.names, heading, _labels(heading, axis.names), named)
        ]
        for heading in axis.headings
    ]
