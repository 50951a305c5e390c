"""Tables in LaTeX and Markdown: special characters are escaped."""

from __future__ import annotations

import pytest

from hpsearch.console.markup import latex, latex_table, markdown, markdown_table


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b&c%d#e$f", r"a\_b\&c\%d\#e\$f"),
        ("\\{~^}", r"\textbackslash{}\{\textasciitilde{}\textasciicircum{}\}"),
        ('<|>"', r"\textless{}\textbar{}\textgreater{}\char34{}"),
        ("---", "-{}-{}-"),
        ("a\nb\x1b", r"a\textbackslash{}nb\textbackslash{}x1b"),
        ("half \udcff", r"half \textbackslash{}udcff"),
    ],
)
def test_latex_prints_a_text_as_it_is(text: str, escaped: str) -> None:
    assert latex(text) == escaped


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a|b", r"a\|b"),
        ("random_seed", "random_seed"),
        ("__init__ _x", r"\_\_init\_\_ \_x"),
        ("*[a](b)<i>`~&amp;\\", r"\*\[a\](b)\<i\>\`\~\&amp;\\"),
        ("a\nb", r"a\\nb"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_a_row_of_latex_does_not_begin_with_what_its_end_would_take() -> None:
    assert latex_table([["[1]", "b"], ["*", "c"]], "ll")[2:5] == [r"{}[1] & b \\", r"\midrule", r"{}* & c \\"]


def test_a_table_of_markdown_is_aligned_where_it_is_read_as_text() -> None:
    assert markdown_table([["a", "long"], ["1", ""]]) == ["| a   | long |", "| --- | ---- |", "| 1   |      |"]
