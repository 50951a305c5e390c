"""Tables as LaTeX and Markdown: rows of texts in, lines out, everything escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate

from hpsearch.console.text import printable

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # In LaTeX's usual fonts these print as other characters, or join with the next one.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
}
_DASHES = re.compile(r"-(?=-)")
#: An underscore inside a word does not begin or end emphasis.
_MARKDOWN = re.compile(r"[\\`*<>\[\]|~$&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def latex(text: str) -> str:
    """Escape a text so that LaTeX prints it as it is."""
    return _DASHES.sub("-{}", "".join(_LATEX.get(character, character) for character in printable(text)))


def markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, in one cell of a table."""
    return _MARKDOWN.sub(r"\\\g<0>", printable(text))


def latex_table(rows: Iterable[Sequence[str]], columns: str, groups: Sequence[tuple[str, int]] = ()) -> list[str]:
    """Return a table for the package booktabs. rows: escaped cells, titles first. columns: specified for LaTeX.

    groups: titles above the titles of the last columns, each with its number of columns.
    """
    titles, *others = map(_latex_row, rows)
    above = _latex_groups(groups, len(columns) - sum(span for _, span in groups)) if groups else []
    body = [r"\toprule", *above, titles, r"\midrule", *others, r"\bottomrule"]
    return [rf"\begin{{tabular}}{{{columns}}}", *body, r"\end{tabular}"]


def _latex_groups(groups: Sequence[tuple[str, int]], before: int) -> list[str]:
    """Return a row of group titles, each with a rule below it. before: how many columns have no group."""
    cells = [rf"\multicolumn{{{span}}}{{c}}{{{title}}}" for title, span in groups]
    ends = accumulate((span for _, span in groups), initial=before)
    rules = [rf"\cmidrule(lr){{{end + 1}-{end + span}}}" for end, (_, span) in zip(ends, groups)]
    return [" & ".join([""] * before + cells).strip() + r" \\", " ".join(rules)]


def _latex_row(cells: Sequence[str]) -> str:
    # LaTeX would read [ or * after the end of a row or rule as an argument.
    first = f"{{}}{cells[0]}" if cells[0][:1] in ("[", "*") else cells[0]
    return " & ".join([first, *cells[1:]]) + r" \\"


def markdown_table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table of GitHub's kind, its columns aligned. rows: escaped cells, titles first."""
    rows = list(rows)
    widths = [max(3, *map(len, column)) for column in zip(*rows)]
    lines = [_markdown_row(row, widths, " ") for row in rows]
    return [lines[0], _markdown_row([""] * len(widths), widths, "-"), *lines[1:]]


def _markdown_row(cells: Sequence[str], widths: Sequence[int], fill: str) -> str:
    return "| " + " | ".join(cell.ljust(width, fill) for cell, width in zip(cells, widths)) + " |"
