"""Summaries: from text to values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.errors import SummaryError
from hpsearch.core.summary import as_lists, is_finished, number_of, parse_summary, sort_key


def one(value: str) -> object:
    return parse_summary(f"acc {value}\n", ["acc"], "s.txt")["acc"][0]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("0.5", "0.5"),
        ("1e-05", "1e-05"),
        ("-3", "-3"),
        ("+.5E+3", "+.5E+3"),
        ("nan", "nan"),
        ("-inf", "-inf"),
        ("adam", "adam"),
        ("1, 2, 3", '"1,2,3"'),
        ("1 2.5 -3e-7", '"1,2.5,-3e-7"'),
        ("[1, nan]", '"1,nan"'),
        ("[0.5]", "0.5"),
        ("97 percent", "97 percent"),
        ("1_000", "1_000"),
    ],
)
def test_fault_3_numbers_and_words_stay_whole(text: str, cell: str) -> None:
    assert one(text) == cell


@given(st.floats())
def test_any_float_survives(number: float) -> None:
    assert number_of(one(repr(number))) == pytest.approx(number, nan_ok=True, rel=0, abs=0)


@given(st.lists(st.floats(), min_size=2))
def test_several_floats_survive_in_one_cell(numbers: list[float]) -> None:
    cell = one(" ".join(map(repr, numbers)))
    assert list(map(float, str(cell).strip('"').split(","))) == pytest.approx(numbers, nan_ok=True, rel=0, abs=0)


def test_order_prefixes_tabs_and_other_lines_do_not_matter() -> None:
    text = "# a comment\nacc_avg\t0.25\n\n  finished 1  \nunknown 3\nacc 0.5\nacc 0.75\naccuracy 9\n"
    assert parse_summary(text, ["acc", "acc_avg", "finished"], "s.txt") == {
        "acc": ["0.5"],
        "acc_avg": ["0.25"],
        "finished": ["1"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "s.txt: the file is empty; expected a line for each of: acc, finished"),
        ("acc\nfinished 1\n", "s.txt, line 1: no value after the keyword 'acc'"),
        ("acc 1\nfini", "s.txt, lines 1-2: no line starts with the keyword 'finished'"),
        ("loss 1\n", "s.txt, lines 1-1: no line starts with the keyword 'acc', 'finished'"),
    ],
)
def test_a_broken_summary_is_named_with_line_and_keyword(text: str, message: str) -> None:
    with pytest.raises(SummaryError) as caught:
        parse_summary(text, ["acc", "finished"], "s.txt")
    assert str(caught.value) == message


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        summary = parse_summary(text, ["acc", "finished"], "s.txt")
    except SummaryError:
        return
    assert set(summary) == {"acc", "finished"}


@pytest.mark.parametrize(("cell", "answer"), [("1", True), ("1.0", True), (1, True), ("0", False), ("2", False)])
def test_finished_is_the_number_one(cell: object, answer: bool) -> None:
    assert is_finished({"finished": [cell]}) is answer


@pytest.mark.parametrize("summary", [{}, {"finished": ["yes"]}, {"finished": ["nan"]}, {"finished": ["inf"]}])
def test_finished_that_is_no_number_is_an_error(summary: dict[str, list[object]]) -> None:
    with pytest.raises(SummaryError, match="finished"):
        is_finished(summary)


def test_bare_values_of_a_custom_parser_are_wrapped() -> None:
    assert as_lists({"acc": 0.5, "finished": [1]}) == {"acc": [0.5], "finished": [1]}


def test_a_custom_parsers_list_must_hold_one_value() -> None:
    with pytest.raises(SummaryError, match=r"2 values for 'acc'; expected a list with one"):
        as_lists({"acc": [1, 2]})


def test_cells_sort_as_numbers_and_odd_ones_last() -> None:
    cells = ["nan", "9", "adam", "108.04", "", "99.04", "-inf"]
    assert sorted(cells, key=lambda c: sort_key(c, ascending=False)) == [
        "108.04",
        "99.04",
        "9",
        "-inf",
        "nan",
        "adam",
        "",
    ]
    assert sorted(cells, key=lambda c: sort_key(c, ascending=True))[:4] == ["-inf", "9", "99.04", "108.04"]
    assert math.isnan(number_of("nan") or 0)
