"""Tables as LaTeX and Markdown: rows of texts in, lines out, everything escaped."""

import re
from collections.abc import Iterable, Sequence

from hpsearch.console.text import printable

_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "{}$&#_%"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    # In LaTeX's usual fonts these are other characters, or become one with what follows.
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
}
_END = r"\end{tabular}"
_DASHES = re.compile(r"-(?=-)")
#: An underscore inside a word does not begin or end emphasis.
_MARKDOWN = re.compile(r"[\\`*<>\[\]|~$&#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def latex(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return _DASHES.sub("-{}", "".join(_LATEX.get(character, character) for character in printable(text)))


def markdown(text: str) -> str:
    """Return a text that Markdown shows as it is, in one cell of a table."""
    return _MARKDOWN.sub(r"\\\g<0>", printable(text))


def latex_table(rows: Iterable[Sequence[str]], columns: str) -> list[str]:
    """Return a table for the package booktabs. rows: escaped cells, titles first. columns: LaTeX's letters for them."""
    titles, *others = map(_latex_row, rows)
    return [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", titles, r"\midrule", *others, r"\bottomrule", _END]


def _latex_row(cells: Sequence[str]) -> str:
    # After the end of a row or a rule, [ and * would belong to that.
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
