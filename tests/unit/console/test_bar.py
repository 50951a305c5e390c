"""The bar: its text at each width, and how times are written."""

from __future__ import annotations

import pytest

from hpsearch.console.bar import Bar, bar_line, clock_time, runs_per_second
from hpsearch.console.colour import green, without_colour

BEST = ["best validation_accuracy 0.93 (run 7)", "best 0.93 (run 7)"]
GPUS = ["GPU 0: 1, GPU 1: 1", ""]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (9.6, "0:10"), (176, "2:56"), (3723, "1:02:03"), (200_000, "55:33:20")]
)
def test_a_time_reads_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (
            140,
            "12/40 |█████████                     | 0:10 elapsed, 2:56 left, 2 running, "
            "best validation_accuracy 0.93 (run 7), GPU 0: 1, GPU 1: 1",
        ),
        (78, "12/40 |████▊           | 0:10 elapsed, 2:56 left, 2 running, best 0.93 (run 7)"),
        (69, "12/40 0:10 elapsed, 2:56 left, 2 running, best 0.93 (run 7)"),
        (50, "12/40 0:10 elapsed, 2:56 left, 2 running"),
        (12, "12/40 "),
    ],
)
def test_the_line_says_what_matters_most_and_cuts_nothing(width: int, line: str) -> None:
    texts = [["2 running"], BEST, GPUS]
    assert bar_line(12, 40, "0:10 elapsed, 2:56 left", texts, width) == line


def test_a_colour_takes_no_room() -> None:
    line = bar_line(1, 2, "0:10 elapsed", [[green("best 0.93")]], 27)
    assert without_colour(line) == "1/2 0:10 elapsed, best 0.93"


@pytest.mark.parametrize(
    ("now", "line"),
    [
        (100.0, "2/6 |██████████                    | 0:00 elapsed"),
        (110.0, "3/6 |███████████████               | 0:10 elapsed, 0:30 left"),
        (130.0, "3/6 |███████████████               | 0:30 elapsed, 1:00 left"),
    ],
)
def test_the_time_left_follows_from_the_runs_that_ended_under_this_bar(now: float, line: str) -> None:
    bar = Bar(6, 2, 100.0)
    if now > 100:
        bar.advance(110.0)
    assert bar.line(now, 60) == line


def test_a_bar_of_no_runs_is_full() -> None:
    assert Bar(0, 0, 0.0).line(0.0, 39) == "0/0 |████████████████████| 0:00 elapsed"


@pytest.mark.parametrize(
    ("ended", "last_end_at", "now", "rate"),
    [
        (0, 0.0, 5.0, None),
        (2, 20.0, 20.0, 0.1),
        (2, 20.0, 30.0, 0.1),
        (2, 20.0, 70.0, 2 / 60),
        (3, 0.0, 0.0, 3000.0),
    ],
    ids=["before the first end", "at an end", "a usual silence", "a long silence", "all at once"],
)
def test_runs_per_second(ended: int, last_end_at: float, now: float, rate: float | None) -> None:
    assert runs_per_second(ended, 0.0, last_end_at, now) == (rate if rate is None else pytest.approx(rate))
