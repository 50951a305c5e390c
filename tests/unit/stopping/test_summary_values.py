"""Values in a summary that is written again and again."""

import math
import os
from pathlib import Path

import pytest

from hpsearch.stopping.curves import Point
from hpsearch.stopping.summary_values import SummaryReader

NAN = math.nan


def curves_of(path: Path, *texts: str | None, is_over: bool = False, **options: object) -> list[list[Point]]:
    """Return the points after each text that is written; None: a look at the file as it is."""
    reader, found = SummaryReader(path, "acc", **options), []
    for number, text in enumerate(texts, start=1):
        if text is not None:
            path.write_text(text)
            # A second write within one tick of the file system's clock is a second write.
            os.utime(path, (number, number))
        found.append(list(reader.update(is_over and number == len(texts))[0].points))
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "summary.txt"


def points(*values: float) -> list[Point]:
    return [Point(float(step), value) for step, value in enumerate(values, start=1)]


def test_changes_of_a_single_value_are_counted(path: Path) -> None:
    texts = ["acc 0.1\nfinished 0\n", None, "acc 0.3\nfinished 0\n", "acc 0.2\nfinished 0\n"]
    assert curves_of(path, *texts) == [points(0.1), points(0.1), points(0.1, 0.3), points(0.1, 0.3, 0.2)]


def test_a_value_that_stays_counts_if_something_else_in_the_summary_changes(path: Path) -> None:
    assert curves_of(path, "acc 0.1\nloss 3\n", "acc 0.1\nloss 2\n", "acc 0.1\nloss 2\n")[-1] == points(0.1, 0.1)


def test_a_step_in_the_summary_counts_instead(path: Path) -> None:
    found = curves_of(path, "acc 0.1\nepoch 5\n", "acc 0.3\nepoch 10\n", from_start=False)
    assert found[-1] == [Point(5, 0.1), Point(10, 0.3)]


def test_the_keyword_of_steps_may_be_any(path: Path) -> None:
    assert curves_of(path, "acc 0.1\nepoch 5\nround 3\n", step_key="round")[-1] == [Point(3, 0.1)]


@pytest.mark.parametrize("listed", ["0.1, 0.3, 0.2", "[0.1 0.3 0.2]", '"0.1;0.3;0.2"', "tensor([0.1, 0.3, 0.2])"])
def test_a_list_is_a_curve(path: Path, listed: str) -> None:
    assert curves_of(path, f"finished 0\nacc {listed}\nacc_test 7\n")[-1] == points(0.1, 0.3, 0.2)


def test_a_list_that_grows_from_one_value_replaces_what_was_counted(path: Path) -> None:
    assert curves_of(path, "acc [0.1]\n", "acc [0.1, 0.3]\n") == [points(0.1), points(0.1, 0.3)]


def test_a_list_may_have_a_list_of_steps(path: Path) -> None:
    assert curves_of(path, "acc 0.1 0.3\nstep 100 200\n")[-1] == [Point(100, 0.1), Point(200, 0.3)]


def test_numbers_that_fill_up_a_list_from_the_start_are_not_known_yet(path: Path) -> None:
    texts = ["acc -1 -1 -1 -1\n", "acc 0.1 -1 -1 -1\n", "acc 0.1 0.1 -1 -1\n"]
    assert curves_of(path, *texts) == [[], points(0.1), points(0.1, 0.1)]


def test_a_list_that_grows_by_equal_numbers_is_known_once_it_grows(path: Path) -> None:
    found = curves_of(path, "acc 0.5 nan nan\n", "acc 0.5 nan nan nan\n")
    assert (found[0], str(found[1])) == (points(0.5), str(points(0.5, NAN, NAN, NAN)))


def test_of_a_finished_run_the_whole_list_counts(path: Path) -> None:
    found = curves_of(path, "acc 0.1 0.5 0.5\nfinished 1\n", is_over=True, from_start=False)
    assert found[-1] == points(0.1, 0.5, 0.5)


def test_nan_before_the_first_number_is_not_known_yet(path: Path) -> None:
    assert curves_of(path, "acc nan\n", "acc nan\nloss 1\n", "acc 0.1\n")[1:] == [[], points(0.1)]


def test_a_nan_that_is_written_once_more_counts_once_more(path: Path) -> None:
    assert str(curves_of(path, "acc 0.1\n", "acc nan\n", "acc nan\n")[-1]) == str(points(0.1, NAN, NAN))


def test_a_final_value_is_at_no_step_that_others_could_be_compared_at(path: Path) -> None:
    assert curves_of(path, "acc 0.9\nfinished 1\n")[-1] == []


def test_changes_are_not_counted_where_the_start_was_not_seen(path: Path) -> None:
    assert curves_of(path, "acc 0.9\nfinished 0\n", is_over=True, from_start=False)[-1] == []


def test_a_number_that_may_be_half_waits_for_its_rest(path: Path) -> None:
    assert curves_of(path, "finished 0\nacc 0.9", "finished 0\nacc 0.95\n") == [[], points(0.95)]


def test_a_summary_without_an_end_of_line_is_read_at_the_second_look(path: Path) -> None:
    found = curves_of(path, "finished 0\nacc 0.9", None, "finished 0\nacc 0.95", "acc 0.96")
    assert found == [[], points(0.9), points(0.9, 0.95), points(0.9, 0.95, 0.96)]


def test_a_summary_while_it_is_written_keeps_what_it_told_before(path: Path) -> None:
    assert curves_of(path, "acc 0.1 0.2\n", "", "acc [0.1 0.2\n", "\0\0", "\xff acc")[1:] == [points(0.1, 0.2)] * 4


@pytest.mark.parametrize(
    "text, problem",
    [
        (None, "there is no summary.txt"),
        ("finished 0\n", "summary.txt, lines 1-1: no line starts with the keyword 'acc'"),
        ("acc adam\n", "summary.txt has no number under 'acc'"),
        ("acc nan\nepoch 1\n", "summary.txt had only nan under 'acc', which counts after a first number"),
        ("acc 1 2\n", ""),
    ],
)
def test_a_reader_says_why_there_are_no_values(path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        path.write_text(text)
    reader = SummaryReader(path, "acc")
    reader.update()
    assert reader.problem == problem
