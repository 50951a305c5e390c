"""The texts of values: complete, or an error that names option and value."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest
from searches import SETTINGS

from hpsearch.config.grid_module import config_from_module
from hpsearch.core.coding import Order
from hpsearch.core.command import argument, text_of
from hpsearch.core.conditions import Not, equal
from hpsearch.core.errors import ConfigError
from hpsearch.core.model import Configuration, Run
from hpsearch.core.space import enumerate_space
from hpsearch.journal.run_record import RunRecord
from hpsearch.store.table import row_of


class LooksLikeTensor(NamedTuple):
    """A user's own class with fields of the same names."""

    shape: tuple[int, int]
    dtype: str


LONG = np.arange(1500)
OTHER = np.where(LONG == 700, -1, LONG)


class Tensor:
    """As PyTorch's: its own text is shortened, tolist() is not, and its elements are tensors."""

    dtype = "torch.float32"

    def __init__(self, content: object) -> None:
        self._array = np.asarray(content, dtype=np.float32)
        self.shape, self.ndim = self._array.shape, self._array.ndim

    def __iter__(self) -> object:
        return iter([Tensor(item) for item in self._array])

    def __len__(self) -> int:
        return len(self._array)

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self._array

    def detach(self) -> Tensor:
        return self

    cpu = detach

    def tolist(self) -> object:
        return self._array.tolist()

    def __repr__(self) -> str:
        return f"tensor({float(self._array.reshape(-1)[0]):.4f})"


@pytest.fixture
def pandas() -> ModuleType:
    """Only here: imported with this module, it would delay each process that collects tests by half a second."""
    return import_module("pandas")


def module_with(grid: object, conditions: object = ()) -> ModuleType:
    module = ModuleType("config")
    module.__dict__.update(
        grid=grid,
        conditions=conditions,
        _SCRIPT_NAME="train.py",
        _SUMMARY_FILENAME="s.txt",
        _SUMMARY_KEYWORDS=["acc", "finished"],
    )
    return module


def words_of(listed: object) -> list[str | None]:
    """Return the words that a value list of the option x stands for."""
    return [argument("x", value) for value in config_from_module(module_with({"x": listed}), "config").grids[0]["x"]]


def mistake_of(grid: object, conditions: object = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        config_from_module(module_with(grid, conditions), "config")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "value",
    [LONG, [LONG], (1, LONG), {"a": [LONG]}],
    ids=["array", "list", "tuple", "dict"],
)
def test_nothing_is_left_out_of_a_long_value(value: object) -> None:
    check_is_whole(text_of(value))


@pytest.mark.parametrize(
    "value_of",
    [
        lambda pandas: pandas.Series(LONG),
        lambda pandas: pandas.DataFrame({"a": LONG}),
        lambda pandas: [pandas.Series(LONG)],
    ],
    ids=["series", "frame", "series in list"],
)
def test_nothing_is_left_out_of_a_long_value_of_pandas(
    value_of: Callable[[ModuleType], object], pandas: ModuleType
) -> None:
    check_is_whole(text_of(value_of(pandas)))


def check_is_whole(text: str) -> None:
    assert "..." not in text
    assert all(f"{number}" in text for number in range(1500))


def test_arrays_that_differ_in_the_middle_are_two_configurations() -> None:
    assert len(enumerate_space({"x": [LONG, OTHER]}, (), Order(deterministic=True))) == 2
    assert len(enumerate_space({"x": [[1, LONG], [1, OTHER]]}, (), Order(deterministic=True))) == 2


def test_arrays_that_differ_in_a_late_digit_are_two_configurations() -> None:
    third, other = np.array([[0.5, 1 / 3]]), np.array([[0.5, 0.333333333]])
    assert (text_of(third), text_of(other)) == (
        "[[0.5                0.3333333333333333]]",
        "[[0.5         0.333333333]]",
    )
    assert len(enumerate_space({"x": [third, other]}, (), Order(deterministic=True))) == 2


def test_the_table_has_the_whole_text() -> None:
    run = Run(1, "sim_1", Configuration((("x", LONG),)), "out/sim_1")
    cell = row_of(RunRecord(run), SETTINGS)["x"]
    assert (cell, " 700 " in cell) == (text_of(LONG), True)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(1000),
        np.float32(0.1),
        np.array([0.1, 0.25]),
        np.array([1e20, 0.5]),
        [np.float64(0.1), np.array([[1, 2], [3, 4]])],
        (1, "a", None, {"b": [2.5]}),
        Path("a/b"),
        1e-5,
        b"ab",
        math.inf,
        {3, 4},
        LooksLikeTensor((1, 2), "float32"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_text_that_is_whole_stays_as_it_is(value: object) -> None:
    check_stays(value)


@pytest.mark.parametrize(
    "value_of",
    [lambda pandas: pandas.Series([1, 2]), lambda pandas: pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})],
    ids=["series", "frame"],
)
def test_a_text_of_pandas_that_is_whole_stays_as_it_is(
    value_of: Callable[[ModuleType], object], pandas: ModuleType
) -> None:
    check_stays(value_of(pandas))


def check_stays(value: object) -> None:
    assert text_of(value) == str(value)
    assert words_of([value]) == [f"--x={value!s}"]


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (Tensor([0.001, 0.1]), ["--x=0.001", "--x=0.1"]),
        ([Tensor(0.001), 2], ["--x=0.001", "--x=2"]),
        (np.array([1, 2], dtype=np.int8), ["--x=1", "--x=2"]),
        (range(3), ["--x=0", "--x=1", "--x=2"]),
    ],
    ids=["tensor", "tensors", "array", "range"],
)
def test_a_list_of_values_may_be_an_array_or_a_tensor(listed: object, words: list[str]) -> None:
    assert words_of(listed) == words


class WithGradient(Tensor):
    """As PyTorch's while it is trained: only what is detached can be read; `item` gives a double."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    def detach(self) -> Tensor:
        return Tensor(self._array)

    def item(self) -> float:
        return float(self._array)


class Unreadable(WithGradient):
    """As a tensor of a kind of number that numpy lacks (bfloat16)."""

    def detach(self) -> Tensor:
        return self

    cpu = detach


def test_a_number_in_a_tensor_has_the_digits_of_its_own_precision() -> None:
    assert words_of([WithGradient(0.001)]) == ["--x=0.001"]


def test_a_number_that_numpy_cannot_read_is_the_one_that_its_tensor_says() -> None:
    assert words_of([Unreadable(0.5)]) == ["--x=0.5"]


def test_a_list_of_values_may_be_a_series(pandas: ModuleType) -> None:
    assert words_of(pandas.Series([0.5, 1e-5])) == ["--x=0.5", "--x=1e-05"]


def listed_in_itself() -> list[object]:
    listed: list[object] = [1]
    listed.append(listed)
    return listed


def deep() -> object:
    value: object = 1
    for _ in range(5000):
        value = [value]
    return value


class Exits:
    def __str__(self) -> str:
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda x: x, "with <function <lambda> at 0x"),
        (mistake_of, "with <function mistake_of at 0x"),
        ([1, {"f": len}], "with <built-in function len>"),
        (math, "with <module 'math'"),
        (dict, "with <class 'dict'>"),
        (np.float32, "with <class 'numpy.float32'>"),
        (Tensor, "with <class '"),
        (np.add, "with <ufunc 'add'>"),
        (object(), "with <object object at 0x"),
        ((iter([]),), "with <list_iterator object at 0x"),
        (functools.partial(mistake_of), "with functools.partial(<function mistake_of at 0x"),
        (functools.partial(print, 1), "with functools.partial(<built-in function print>, 1)"),
        (functools.partial(int, base=2), "with functools.partial(<class 'int'>, base=2)"),
        (np.array([object()]), "with [<object object at 0x"),
        (Tensor([1, 2]), "with a Tensor, whose text is not its value"),
        ([Tensor(1)], "with a Tensor, whose text is not its value"),
        (listed_in_itself(), "that cannot be written as text (ValueError: a list holds itself)"),
        (deep(), "that cannot be written as text (ValueError: lists, tuples or dicts are nested more than 100 deep"),
        ("a\ud800", "that cannot be written as text (UnicodeEncodeError: "),
        ("\udcff", "that cannot be written as text (UnicodeEncodeError: "),
        (10**5000, "that cannot be written as text (ValueError: "),
        (Exits(), "that cannot be written as text (SystemExit: 3)"),
        ("a\0b", "with a NUL character"),
        ("a" * 140_000, "of 140,004 bytes; a word of a command line has at most 131,071"),
        (np.arange(50_000), "of 304,171 bytes; a word of a command line has at most 131,071"),
    ],
    ids=lambda value: "",
)
def test_a_value_whose_text_is_not_the_value_is_a_mistake(value: object, message: str) -> None:
    assert f"grid: 'x' has a value {message}" in mistake_of({"x": [1, value]})
    assert f"condition 1, first dict: 'x' has a value {message}" in mistake_of(
        {"x": [1]}, [({"x": Not([value])}, {"y": [1]})]
    )


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        (range(10**9), "is range(0, 1000000000); expected a list of at most 1,000,000 values"),
        (range(10**30), "expected a list of at most 1,000,000 values"),
        (np.broadcast_to(1, (10**9,)), "expected a list of at most 1,000,000 values"),
        ((number for number in range(3)), "is <generator object"),
        (np.array(3), "is array(3); expected a list of values"),
    ],
    ids=["range", "huge range", "array", "generator", "scalar"],
)
def test_what_is_no_list_of_reasonable_length_is_a_mistake(listed: object, message: str) -> None:
    assert message in mistake_of({"x": listed})


def test_a_negation_of_endless_values_is_refused() -> None:
    with pytest.raises(ValueError, match="Not expects a list of at most 1,000,000 values"):
        Not(iter(int, 1))


@pytest.mark.parametrize("name", ["_SCRIPT_NAME", "_SUMMARY_FILENAME", "_OUT_ARG", "grid", "_SUMMARY_KEYWORDS"])
def test_half_a_character_is_a_mistake_everywhere(name: str) -> None:
    module = module_with({"x": [1]})
    odd: object = {"grid": {"a\ud800": [1]}, "_SUMMARY_KEYWORDS": ["finished", "a\ud800"]}.get(name, "a\ud800")
    setattr(module, name, odd)
    with pytest.raises(ConfigError, match=r"\\ud800"):
        config_from_module(module, "config")


def test_values_that_do_not_let_themselves_be_compared_are_different() -> None:
    assert not equal(np.array([1, 2]), np.array([1, 2, 3]))
    assert not equal(np.array([1, 2]), [[1], [2, 3]])
    assert equal(np.array([1, 2]), [1, 2])
