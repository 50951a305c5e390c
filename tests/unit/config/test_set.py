"""``--set NAME=V1,V2``: how the text becomes values in a grid."""

from __future__ import annotations

import argparse
import re
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.config.grid_check import Check
from hpsearch.config.option_values import setting, values_set
from hpsearch.core.errors import ConfigError, UsageError


@pytest.mark.parametrize(
    "text, name, values",
    [
        ("lr=0.1,1e-3", "lr", [0.1, 0.001]),
        ("optimizer=adam, sgd", "optimizer", ["adam", "sgd"]),
        ("flag=True,None,true,nan", "flag", [True, None, "true", "nan"]),
        ("layers='400,400',\"8,8\"", "layers", ["400,400", "8,8"]),
        ("layers=[8, 8],(1,),{'a': 1},[a,b]", "layers", [[8, 8], (1,), {"a": 1}, "[a,b]"]),
        ("note='',it's,'it\\'s, ok'", "note", ["", "it's", "it's, ok"]),
        ("tag=1#2,'#',[1]#x,007,...", "tag", ["1#2", "#", "[1]#x", "007", "..."]),
        ("x=a=b", "x", ["a=b"]),
    ],
)
def test_a_setting_holds_literals_of_python_or_words(text: str, name: str, values: list[object]) -> None:
    assert values_set([setting(text)]) == {name: values}


@settings(max_examples=30)
@given(st.lists(st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.lists(st.text())), min_size=1))
def test_every_literal_comes_back_from_its_text(values: list[object]) -> None:
    assert values_set([f"x={','.join(map(repr, values))}"]) == {
        "x": ["inf" if value == float("inf") else "-inf" if value == -float("inf") else value for value in values]
    }


@pytest.mark.parametrize(
    "text, expected",
    [
        ("lr", "expected NAME=V1,V2, as in lr=0.1,0.2"),
        ("=1", "expected NAME=V1,V2, as in lr=0.1,0.2"),
        ("lr=", "expected a value between commas ('' is an empty text)"),
        ("lr=1,,2", "expected a value between commas ('' is an empty text)"),
        ("lr=[1,2", "expected a closing ]"),
        ("lr='1,2", "expected a closing '"),
        ("('a','b')=(1,2)", "expected names without quotes and brackets, as in lr=0.1,0.2 or lr,momentum=(0.1, 0.9)"),
    ],
)
def test_a_text_that_is_no_setting_is_refused(text: str, expected: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as error:
        setting(text)
    assert str(error.value) == f"{expected}, found {text!r}"


def test_an_option_is_set_once() -> None:
    with pytest.raises(UsageError, match="--set lr: given twice"):
        values_set(["lr=1", "opt=adam", "lr=2"])


def checked(grid: Any, *texts: str) -> Check:  # Any: as in a grid module
    module = ModuleType("m")
    vars(module)["grid"] = grid
    return Check(module, {}, values_set=values_set(texts))


def test_values_replace_those_of_the_grid_in_place_and_new_options_come_last() -> None:
    (grid,) = checked({"a": [1], "b": [2]}, "new=7", "a=5,6").grids("out_dir")
    assert list(grid.items()) == [("a", [5, 6]), ("b", [2]), ("new", [7])]


@pytest.mark.parametrize(
    "grid, warnings",
    [
        (
            {"momentum": [1]},
            [
                "--set adds the option 'momentom', which the grid lacks; did you mean 'momentum'?",
                "--set adds the option 'seed', which the grid lacks",
            ],
        ),
        ({"momentom": [1], "seed": [1]}, []),
        ({}, []),
    ],
    ids=["others", "the same", "none"],
)
def test_an_option_that_the_grid_lacks_is_a_warning_unless_it_has_none(grid: object, warnings: list[str]) -> None:
    check = checked(grid, "momentom=1", "seed=1")
    check.grids("out_dir")
    assert check.warnings == warnings


@pytest.mark.parametrize(
    "grid, text, expected",
    [
        ([{"a": [1]}, {"a": [2], "b": [3]}], "b=5", [{"a": [1]}, {"a": [2], "b": [5]}]),
        ([{"a": [1]}, {"b": [3]}], "c=5", [{"a": [1], "c": [5]}, {"b": [3], "c": [5]}]),
        ({("a", "b"): [(1, 2)], "c": [3]}, "a,b=(5, 6),(7, 8)", [{("a", "b"): [(5, 6), (7, 8)], "c": [3]}]),
        ({("a", "b"): [(1, 2)]}, "b, a=(5, 6)", [{("b", "a"): [(5, 6)]}]),
        ({"a": [1], "c": [2], "b": [3]}, "a,b=(5, 6)", [{("a", "b"): [(5, 6)], "c": [2]}]),
        ([{"a": [1]}, {"c": [2]}], "a,b=(5, 6)", [{("a", "b"): [(5, 6)]}, {"c": [2]}]),
        ({}, "a=5", [{"a": [5]}]),
    ],
)
def test_values_go_to_the_grids_that_have_the_option_or_else_to_all(
    grid: object, text: str, expected: list[object]
) -> None:
    check = checked(grid, text)
    assert list(check.grids("out_dir")) == expected
    check.raise_if_any("")


@pytest.mark.parametrize(
    "grid, text, message",
    [
        (
            {("a", "b"): [(1, 2)]},
            "a=1",
            "--set: 'a' shares an option with ('a', 'b') of the grid; set all of",
        ),
        (
            [{"c": [1]}, {("a", "b", "c"): [(1, 2, 3)]}],
            "a,b=(1, 2)",
            "--set: ('a', 'b') shares an option with ('a', 'b', 'c') of the grid; set all of that: --set a,b,c=...",
        ),
        ({"c": [1]}, "a,b=1", "--set: ('a', 'b') has 1; expected tuples of 2 values, one for each option"),
    ],
)
def test_a_tie_is_set_as_a_whole(grid: object, text: str, message: str) -> None:
    check = checked(grid, text)
    check.grids("out_dir")
    with pytest.raises(ConfigError, match=re.escape(message)):
        check.raise_if_any("grid.py")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("LogUnifrom(1e-5,1)", "LogUniform(1e-5,1)"),
        ("intuniform(1, 9)", "IntUniform(1, 9)"),
        ("uniform()", "Uniform()"),
    ],
)
def test_a_range_that_is_misspelled_is_no_text(word: str, meant: str) -> None:
    with pytest.raises(
        argparse.ArgumentTypeError, match=re.escape(f"did you mean {meant}? To give '{word}' as a text")
    ):
        setting(f"lr={word}")
    assert setting(f"lr='{word}'") == f"lr='{word}'"
