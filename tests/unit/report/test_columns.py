"""Columns of options and results: kinds, order, words of the command, and what is left out where they grow large."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from hpsearch.report.columns import OptionColumns, is_for_log_axis, result_column


def option(*values: object) -> dict[str, Any]:
    """Return the column of an option `x` with these values; `MISSING` stands for a run without it."""
    found = OptionColumns((), len(values))
    for index, value in enumerate(values):
        found.add(index, [] if value is MISSING else [("x", value)])
    (column,) = found.columns()
    json.dumps(column, allow_nan=False)
    return column


def result(*values: object) -> dict[str, Any]:
    column, _ = result_column("acc", values)
    assert column is not None
    json.dumps(column, allow_nan=False)
    return column


MISSING = object()


def test_numbers_are_listed_by_size_with_the_words_of_the_command() -> None:
    assert option(0.1, 1e-05, 3, 0.1) == {
        "name": "x",
        "role": "option",
        "kind": "number",
        "log": True,
        "varies": True,
        "values": [1e-05, 0.1, 3],
        "codes": [1, 0, 2, 1],
        "words": ["--x=1e-05", "--x=0.1", "--x=3"],
    }


def test_words_stay_in_order_of_appearance_and_are_quoted_for_a_shell() -> None:
    column = option("relu", "a b", "gelu", "relu")
    assert (column["kind"], column["values"], column["codes"]) == ("word", ["relu", "a b", "gelu"], [0, 1, 2, 0])
    assert column["words"] == ["--x=relu", "'--x=a b'", "--x=gelu"]


@pytest.mark.parametrize(
    "values, kind, shown",
    [
        ([True, False], "word", ["True", "False"]),
        ([np.True_, np.False_], "word", ["True", "False"]),
        ([np.float32(0.1), np.int64(3)], "number", [0.1, 3]),
        ([math.nan, math.inf, -math.inf, 1], "number", ["-inf", 1, "inf", "nan"]),
        (["0.5", "1e-3"], "number", [0.001, 0.5]),
        ([0.5, "auto"], "word", ["0.5", "auto"]),
        ([0.5, None], "word", ["0.5", "None"]),
        ([[1, 2], (3,)], "word", ["[1, 2]", "(3,)"]),
        ([{"a": 1}], "word", ["{'a': 1}"]),
        (['"400,400"'], "word", ["400,400"]),
        ([2**53, 1], "number", [1, 2**53]),
        ([2**53 + 1, 1], "word", ["9007199254740993", "1"]),
        ([10**40], "word", [str(10**40)]),
        (["1_000"], "word", ["1_000"]),
        (["a\nb\u202e"], "word", ["a\\nb\\u202e"]),
        ([1e300], "number", [1e300]),
    ],
)
def test_a_value_is_shown_as_what_it_is(values: list[object], kind: str, shown: list[object]) -> None:
    column = option(*values)
    assert (column["kind"], column["values"]) == (kind, shown)


def test_words_stand_in_the_order_of_the_grid_where_that_is_known() -> None:
    found = OptionColumns((), 3)
    for index, word in enumerate(("new", "gelu", "relu")):
        found.add(index, [("x", word)])
    (column,) = found.columns({"x": ["relu", "tanh", "gelu"]})
    assert (column["values"], column["codes"]) == (["relu", "gelu", "new"], [2, 1, 0])


def test_a_flag_that_is_off_has_no_word() -> None:
    column = option(True, False)
    assert (column["codes"], column["words"]) == ([0, 1], ["--x", ""])


def test_values_that_make_different_commands_stay_apart() -> None:
    column = option(1, 1.0, True)
    assert (column["values"], column["words"]) == (["1", "1.0", "True"], ["--x=1", "--x=1.0", "--x"])


def test_a_run_without_the_option_has_none_and_lets_it_vary() -> None:
    column = option(1, MISSING)
    assert (column["codes"], column["varies"]) == ([0, None], True)


def test_an_option_with_one_value_does_not_vary() -> None:
    assert option(1, 1)["varies"] is False


def test_an_option_of_no_run_has_no_column() -> None:
    assert OptionColumns(("x",), 2).columns() == []


def test_many_distinct_values_stand_as_cells() -> None:
    column = option(*range(1000), MISSING)
    assert "values" not in column
    assert column["cells"] == [*range(1000), None]
    assert column["words"] == [*(f"--x={number}" for number in range(1000)), ""]


@pytest.mark.parametrize(
    "values, is_log",
    [
        ([0.001, 0.01, 0.1], True),
        ([1, 10, 49], False),
        ([1, 10, 50], True),
        ([16, 32, 64], True),
        ([16, 32, 48], False),
        ([0, 10, 1000], False),
        ([-1, 10, 1000], False),
        ([1, 1000], False),
        ([1, 10, 100, math.nan], True),
    ],
)
def test_an_axis_is_logarithmic_where_values_are_spread_or_placed_so(values: list[float], is_log: bool) -> None:
    assert is_for_log_axis(values) is is_log


@pytest.mark.parametrize(
    "values, kind, cells",
    [
        (["0.5", "0.25", None], "number", [0.5, 0.25, None]),
        (["12", "-3", "+4"], "number", [12, -3, 4]),
        (["nan", "inf", "-Infinity", "1e-5"], "number", ["nan", "inf", "-inf", 1e-05]),
        (["0.5", "diverged"], "number", [0.5, "diverged"]),
        ([0.5, "", None], "number", [0.5, None, None]),
        ([np.float64(0.1), True], "number", [0.1, "True"]),
        (['"1,2.5,3"', "7"], "list", [[1, 2.5, 3], 7]),
        (["[0.1, nan]"], "list", [[0.1, "nan"]]),
        (["0.1 0.2\t0.3"], "list", [[0.1, 0.2, 0.3]]),
        ([[0.1, 0.2]], "list", [[0.1, 0.2]]),
        ([np.array([0.123456789, 2.0])], "list", [[0.123457, 2]]),
        ([str(2**53 + 1), "1"], "number", ["9007199254740993", 1]),
        (["0.84347826086956523"], "number", [0.8434782608695652]),
    ],
)
def test_a_result_is_a_number_a_list_or_a_text(values: list[object], kind: str, cells: list[object]) -> None:
    column = result(*values)
    assert (column["kind"], column["cells"]) == (kind, cells)


@pytest.mark.parametrize(
    "values, is_log",
    [
        (["0.1", "0.2", "0.4"], False),
        (["0.1", "50", "99"], False),
        (["1e-3", "0.5", "2"], True),
        (["0", "1", "1e4"], False),
    ],
)
def test_a_result_has_a_logarithmic_axis_only_if_it_is_spread_very_widely(values: list[str], is_log: bool) -> None:
    assert result(*values)["log"] is is_log


def test_words_of_results_are_listed() -> None:
    column = result("good", "bad", None, "good")
    assert (column["kind"], column["values"], column["codes"]) == ("word", ["good", "bad"], [0, 1, None, 0])


def test_a_keyword_without_a_value_has_no_column() -> None:
    assert result_column("acc", [None, ""]) == (None, "")


@pytest.mark.parametrize("values, varies", [(["1", "1"], False), (["1", "2"], True), (["1", None], True)])
def test_a_result_varies_if_a_run_has_another_or_none(values: list[object], varies: bool) -> None:
    assert result(*values)["varies"] is varies


def test_a_long_curve_is_thinned_evenly_and_tells_its_length() -> None:
    column, left_out = result_column("loss", [list(range(5000)), [1, 2]])
    assert column is not None
    assert (len(column["cells"][0]), column["cells"][0][0], column["cells"][0][-1]) == (1000, 0, 4999)
    assert (column["cells"][1], column["lengths"]) == ([1, 2], [5000, 2])
    assert left_out == "Curves of loss are shown with 1,000 points at even distances."


def test_many_curves_stay_small_together() -> None:
    column, _ = result_column("loss", [f'"{",".join(map(str, range(200)))}"'] * 5000)
    assert column is not None
    assert sum(map(len, column["cells"])) == 300_000


def test_long_texts_are_cut_which_is_said() -> None:
    column, left_out = result_column("note", ["x" * 2000, "short"])
    assert column is not None
    assert column["values"] == ["x" * 997 + "...", "short"]
    assert left_out == "Texts of note are cut after 1,000 characters."
