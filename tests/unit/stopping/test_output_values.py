"""Values that runs print, found by a pattern."""

import math
import threading
from pathlib import Path

import pytest

from hpsearch.core.errors import UsageError
from hpsearch.stopping.curves import Point
from hpsearch.stopping.output_values import LineMatcher, OutputReader

PATTERN = r"epoch (\d+).*acc ([\d.]+)"


@pytest.mark.parametrize(
    "pattern, line, found",
    [
        (PATTERN, "epoch 3/10: loss 0.3, acc 0.75", (3.0, 0.75)),
        (PATTERN, "epoch 3 acc 1.5e-3", (3.0, 0.0015)),
        (PATTERN, "epoch 3 acc .5.", (3.0, 0.5)),
        (r"acc=(\S+)", "acc=97.5%, next", (None, 97.5)),
        (r"acc=(\S+)", "'acc=1e-3'", (None, 0.001)),
        (r"loss (\S+)", "loss nan", (None, math.nan)),
        (r"loss (\S+)", "loss -inf;", (None, -math.inf)),
        (r"(?P<value>\S+) at (?P<step>\d+)", "0.5 at 7", (7.0, 0.5)),
        (r"(?P<value>[\d.]+) (?P<unit>\w+)", "0.5 s", (None, 0.5)),
        (r"(?:test|val) acc (\S+)", "val acc 0.5", (None, 0.5)),
        (r"acc: (\S+)$", "\x1b[A\x1b[1;32macc:\x1b[0m 0.5\x1b[K", (None, 0.5)),
    ],
)
def test_a_line_tells_its_step_and_value(pattern: str, line: str, found: tuple[float | None, float]) -> None:
    assert str(LineMatcher(pattern).found([line])) == str([found])


@pytest.mark.parametrize("line", ["epoch 3: loss 1", "epoch 3 acc ...", ""])
def test_a_line_without_a_value_tells_nothing(line: str) -> None:
    assert LineMatcher(PATTERN).found([line]) == []


@pytest.mark.parametrize(
    "pattern, message",
    [
        ("acc (", "is not a regular expression: missing ), unterminated subpattern at position 4"),
        ("acc .*", "found none"),
        (r"(\d) (\d) (\d)", "found 3 groups"),
        (r"(?P<acc>\d)", "found acc"),
        (r"(?P<step>\d+) (\d)", "found step"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        LineMatcher(pattern)
    assert str(caught.value).startswith(f"--progress_pattern: {pattern!r}")
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    "pattern, name",
    [
        (PATTERN, "acc"),
        (r"step=(\d+).*val_loss:\s*(?P<value>[^,(]+)", "val_loss"),
        (r"[\[(]\d+[)\]] (?:test/)?acc (\S+)", "acc"),
        (r"(\S+)", ""),
    ],
)
def test_the_word_before_the_value_is_its_name(pattern: str, name: str) -> None:
    assert LineMatcher(pattern).value_name == name


def test_a_pattern_that_would_take_for_ever_is_given_up() -> None:
    matcher = LineMatcher(r"(?:a+)+b (\d)", most_s=0.05)
    assert matcher.found(["aab 1", "a" * 41, "aab 2"]) == [(None, 1.0)]
    assert matcher.problem == "the pattern '(?:a+)+b (\\\\d)' takes too long, for example on '" + "a" * 37 + "...'"
    assert matcher.found(["aab 1"]) == []


def test_outside_the_main_thread_nothing_is_searched_without_a_limit() -> None:
    matcher, found = LineMatcher(r"acc (\d)"), []
    thread = threading.Thread(target=lambda: found.append(matcher.found(["acc 1"])))
    thread.start()
    thread.join()
    assert (found, matcher.problem) == (
        [[]],
        "output is searched for a pattern only where the search runs in Python's main thread",
    )


def test_both_logs_are_read_as_they_grow_and_a_bar_overwrites_its_line(tmp_path: Path) -> None:
    out, err = tmp_path / "out", tmp_path / "err"
    reader = OutputReader([out, err], LineMatcher(PATTERN))
    nothing = reader.update()[0]
    err.write_bytes(b"\repoch 1 acc 0.1\repoch 1 acc 0.2\repoch 2 a")
    first = reader.update()[0]
    out.write_bytes(b"epoch 3 acc 0.4\n")
    with err.open("ab") as file:
        file.write(b"cc 0.3\r")
    second = reader.update()[0]
    assert nothing.points == ()
    assert first.points == (Point(1, 0.2),)
    assert second.points == (Point(1, 0.2), Point(2, 0.3), Point(3, 0.4))
    assert reader.update()[0] is second


def test_values_without_steps_are_counted_over_all_looks(tmp_path: Path) -> None:
    log = tmp_path / "out"
    log.write_text("acc 0.1\nother\nacc 0.2\n")
    reader = OutputReader([log], LineMatcher(r"acc (\S+)"))
    reader.update()
    log.write_text("acc 0.1\nother\nacc 0.2\nacc 0.2\n")
    assert reader.update()[0].points == (Point(1, 0.1), Point(2, 0.2), Point(3, 0.2))


@pytest.mark.parametrize(
    "printed, problem",
    [
        (None, "there is no out"),
        ("", "nothing was printed"),
        ("epoch one\n", "no line of the output matches --progress_pattern"),
        ("epoch 1 acc 0.5\n", ""),
    ],
)
def test_a_reader_says_why_there_are_no_values(tmp_path: Path, printed: str | None, problem: str) -> None:
    log = tmp_path / "out"
    if printed is not None:
        log.write_text(printed)
    reader = OutputReader([log], LineMatcher(PATTERN))
    reader.update()
    assert reader.problem == problem
