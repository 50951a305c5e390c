"""Summaries: from text to values."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.core.errors import SummaryError
from hpsearch.core.ranking import number_of
from hpsearch.core.summary import (
    as_lists,
    is_finished,
    numbers_in_tensors,
    numbers_of,
    parse_summary,
    same_cell,
    says_gpu_out_of_memory,
)
from hpsearch.folder.run_files import read_summary_text


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
        ("", ""),
        ("[0, 1)", "[0, 1)"),
        ("(0, 1]", "(0, 1]"),
        ("a [b", "a [b"),
        ("3]", "3]"),
        ("([1, 2])", '"1,2"'),
        ("[]", "[]"),
        ('"8"', "8"),
        ("'8'", "8"),
        ('"-1e-5"', "-1e-5"),
        ('""', '""'),
        ('"', '"'),
        ('"1, 2"', '"1, 2"'),
        ('"adam"', '"adam"'),
        ('"8', '"8'),
        ("np.float64(0.81)", "0.81"),
        ("numpy.float32(1e-05)", "1e-05"),
        ("np.int64(-3)", "-3"),
        ("np.float64(nan)", "nan"),
        ("tensor(0.7)", "0.7"),
        ("tensor(1.)", "1."),
        ("tensor(-inf)", "-inf"),
        ("tensor(0.7, device='cuda:0')", "0.7"),
        ("tensor(0.7, device='cuda:0', dtype=torch.float64, grad_fn=<NllLossBackward0>)", "0.7"),
        ("tensor(0.7, grad_fn=<MeanBackward0 object at 0x7f>)", "0.7"),
        ("tensor([0.7], requires_grad=True)", "0.7"),
        ("tensor([0.1, 0.2])", '"0.1,0.2"'),
        ("tf.Tensor(0.5, shape=(), dtype=float32)", "0.5"),
        ("Array(0.5, dtype=float32, weak_type=True)", "0.5"),
        ("array(0.5)", "0.5"),
        ("array([1., 2.], dtype=float32)", '"1.,2."'),
        ("[np.float64(0.1), np.float64(0.2)]", '"0.1,0.2"'),
        ("[tensor(0.5, device='cuda:0'), tensor(1.)]", '"0.5,1."'),
        ("tensor([[1, 2], [3, 4]])", "tensor([[1, 2], [3, 4]])"),
        ("tensor(a)", "tensor(a)"),
        ("tensor()", "tensor()"),
        ("relu(0.5)", "relu(0.5)"),
        ("tensor(0.7) of 1", "tensor(0.7) of 1"),
    ],
)
def test_fault_3_numbers_and_words_stay_whole(text: str, cell: str) -> None:
    assert one(text) == cell


@settings(max_examples=100)
@given(st.floats())
def test_any_float_survives(number: float) -> None:
    assert number_of(one(repr(number))) == pytest.approx(number, nan_ok=True, rel=0, abs=0)


@settings(max_examples=100)
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
        ("acc [1 2\n 3]\nfinished 1\n", "s.txt, line 1: the list after 'acc' does not end on its line"),
        ("acc [np.float64(1),\nfinished 1\n", "s.txt, line 1: the list after 'acc' does not end on its line"),
        ("acc 1\nfini", "s.txt, lines 1-2: no line starts with the keyword 'finished'"),
        ("loss 1\n", "s.txt, lines 1-1: no line starts with the keyword 'acc', 'finished'"),
    ],
)
def test_a_broken_summary_is_named_with_line_and_keyword(text: str, message: str) -> None:
    with pytest.raises(SummaryError) as caught:
        parse_summary(text, ["acc", "finished"], "s.txt")
    assert str(caught.value) == message


LONG = ["1", "1 ", "-", "e1", "1.", "tensor(", "tensor(1,a=", "tensor(1,a='", "array([1", "a.", "(", "\n", "acc\n"]


@pytest.mark.parametrize("piece", LONG, ids=ascii)
@pytest.mark.parametrize("end", ["", "x", ")" * 50_000], ids=["", "x", "brackets"])
def test_the_time_for_a_long_summary_grows_with_its_length_only(piece: str, end: str) -> None:
    text = "acc " + piece * (100_000 // len(piece)) + end + "\nfinished 1\n"
    begun = time.process_time()
    with contextlib.suppress(SummaryError):
        number_of(parse_summary(text, ["acc", "finished"], "s.txt")["acc"][0])
    assert time.process_time() - begun < 5


def test_a_summary_of_more_than_ten_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "summary.txt"
    path.write_bytes(b"acc " + b"1" * 10_000_000)
    with pytest.raises(SummaryError, match=r"summary.txt: it is 10,000,004 bytes long; at most 10,000,000 are read"):
        read_summary_text(path)


@settings(max_examples=100)
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


class OneNumber:
    """As a tensor of PyTorch: a number with a type, whose text is not that number."""

    dtype = "float32"

    def __init__(self, *numbers: float) -> None:
        self.numbers = numbers

    def item(self) -> float:
        (number,) = self.numbers
        return number


def test_a_tensor_of_a_custom_parser_is_its_number() -> None:
    assert as_lists({"acc": OneNumber(0.5), "finished": [OneNumber(1)]}) == {"acc": [0.5], "finished": [1]}
    assert as_lists({"acc": np.float32(0.1)})["acc"][0].dtype == np.float32  # type: ignore[attr-defined]
    several = OneNumber(1, 2)
    assert as_lists({"acc": several}) == {"acc": [several]}


def test_tensors_in_an_answer_of_a_custom_parser_become_numbers_and_all_else_stays() -> None:
    assert numbers_in_tensors({"acc": [OneNumber(0.5), "x"], "loss": OneNumber(2), "n": 3}) == {
        "acc": [0.5, "x"],
        "loss": 2,
        "n": 3,
    }
    assert numbers_in_tensors(None) is None


MEMORY = "RuntimeError: CUDA out of memory. Tried to allocate 2 GiB"


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("epoch 1\n", ""),
        (f"epoch 1\n  {MEMORY}\nbye\n", MEMORY),
        (f"{MEMORY} (1)\n{MEMORY} (2)\n", f"{MEMORY} (2)"),
        (MEMORY + "\nepoch" * 59, MEMORY),
        (MEMORY + "\nepoch" * 60, ""),
    ],
    ids=["empty", "other", "one", "several", "near the end", "survived"],
)
def test_a_lack_of_gpu_memory_is_what_a_log_says_near_its_end(log: str, line: str) -> None:
    assert says_gpu_out_of_memory(log) == line


def test_a_custom_parsers_list_must_hold_one_value() -> None:
    with pytest.raises(SummaryError, match=r"2 values for 'acc'; expected a list with one"):
        as_lists({"acc": [1, 2]})


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("0.5", [0.5]),
        ('"1,2.5,1e-3"', [1, 2.5, 0.001]),
        ([1, 2], [1, 2]),
        ([np.float64(0.5), np.float64(2)], [0.5, 2]),
        (np.arange(1500), list(range(1500))),
        ("adam", []),
        ("1 of 2", []),
        ("", []),
        (None, []),
    ],
)
def test_a_cell_has_its_numbers_or_none(cell: object, numbers: list[float]) -> None:
    assert numbers_of(cell) == numbers


@pytest.mark.parametrize(
    ("first", "second", "are_same"),
    [
        ("0.5", "5e-1", True),
        ("nan", "NaN", True),
        ("0.5", "0.51", False),
        ('"1,2,3"', '"1.0,2,3"', True),
        ('"1,2,3"', '"1,2"', False),
        ('"1,2"', '"1,nan"', False),
        ("adam", "adam", True),
        ("adam", "1", False),
        ("", "0", False),
        (0.5, "0.5", True),
    ],
)
def test_values_are_the_same_as_text_or_as_numbers(first: object, second: object, are_same: bool) -> None:
    assert (same_cell(first, second), same_cell(second, first)) == (are_same, are_same)
