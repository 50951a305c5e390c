"""How the table of a paper is written: as text, LaTeX or Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from hpsearch.console.markup import latex, latex_table, markdown, markdown_table
from hpsearch.console.text import aligned, printable
from hpsearch.core.ranking import number_of
from hpsearch.results.paper.cells import Mark
from hpsearch.startup.classes import dataclass

EMPTY = "-"
_PLUS_MINUS = "±"


@dataclass(frozen=True)
class ShownCell:
    """A cell as texts. std, count: empty if not shown."""

    mean: str = EMPTY
    std: str = ""
    count: str = ""
    mark: Mark = Mark.NONE


@dataclass(frozen=True)
class ShownTable:
    """A table as texts, nothing escaped.

    names: titles of the first columns. titles: (group, keyword) of each other column; one may be empty.
    rows: (labels in the first columns, other cells) of each.
    """

    names: Sequence[str]
    titles: Sequence[tuple[str, str]]
    rows: Sequence[tuple[Sequence[str], Sequence[ShownCell]]]


@dataclass(frozen=True)
class Format:
    """How a table is written. best, close: the marks' names in a legend; plus_minus: the sign before a spread.

    lines: (table, legend, command that made the table) -> lines.
    """

    best: str
    close: str
    lines: Callable[[ShownTable, Sequence[str], str], list[str]]
    plus_minus: str = "+-"


def _joined(titles: tuple[str, str]) -> str:
    return ", ".join(filter(None, titles))


def _text_lines(table: ShownTable, about: Sequence[str], _: str) -> list[str]:
    # Marks stand before numbers.
    titles = [*table.names, *(f"  {_joined(each)}" for each in table.titles)]
    rows = [[*labels, *map(_text_cell, cells)] for labels, cells in table.rows]
    return [*aligned([titles, *rows], printable), "", *map(printable, about)]


def _text_cell(cell: ShownCell) -> str:
    sign = {Mark.BEST: "*", Mark.CLOSE: "~", Mark.NONE: " "}[cell.mark]
    return " ".join(filter(None, [sign, cell.mean, cell.std and f"+- {cell.std}", cell.count]))


def _latex_lines(table: ShownTable, about: Sequence[str], command: str) -> list[str]:
    rows = [[*map(latex, labels), *map(_latex_cell, cells)] for labels, cells in table.rows]
    has_groups = all(label and keyword for label, keyword in table.titles)
    groups = [(latex(label), len(list(several))) for label, several in groupby(label for label, _ in table.titles)]
    titles = [keyword if has_groups else _joined((label, keyword)) for label, keyword in table.titles]
    letters = "l" * len(table.names) + "c" * len(titles)
    lines = latex_table([[*map(latex, (*table.names, *titles))], *rows], letters, groups if has_groups else ())
    return [*(f"% {printable(line)}" for line in (command, *about, r"needs \usepackage{booktabs}")), *lines]


def _latex_cell(cell: ShownCell) -> str:
    if cell.mean == EMPTY:
        return "--"
    mean = latex(cell.mean) if number_of(cell.mean) is None else cell.mean.replace("-", "$-$")
    number = mean + (rf" $\pm$ {cell.std.replace('-', '$-$')}" if cell.std else "")
    marked = {Mark.BEST: rf"\textbf{{{number}}}", Mark.CLOSE: rf"\underline{{{number}}}", Mark.NONE: number}[cell.mark]
    return " ".join(filter(None, [marked, cell.count]))


def _markdown_lines(table: ShownTable, about: Sequence[str], _: str) -> list[str]:
    titles = [markdown(each) for each in (*table.names, *map(_joined, table.titles))]
    rows = [[*map(markdown, labels), *map(_markdown_cell, cells)] for labels, cells in table.rows]
    # Two blanks at the end of a line keep its line break.
    return [*markdown_table([titles, *rows]), "", *(f"{markdown(line)}  " for line in about)]


def _markdown_cell(cell: ShownCell) -> str:
    number = markdown(cell.mean) + (f" {_PLUS_MINUS} {cell.std}" if cell.std else "")
    sign = {Mark.BEST: "**", Mark.CLOSE: "*", Mark.NONE: ""}[cell.mark]
    return " ".join(filter(None, [f"{sign}{number}{sign}", cell.count]))


FORMATS = {
    "text": Format("*", "~", _text_lines),
    "latex": Format("bold", "underlined", _latex_lines),
    "markdown": Format("bold", "italic", _markdown_lines, _PLUS_MINUS),
}
