"""The status of searches in all states, and how it fits a terminal."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.console.colour import green, red, without_colour
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.results.search_status import StatusReader
from hpsearch.results.status import status_lines
from hpsearch.store.layout import SearchFolder

#: A process that has ended, and one of another machine.
GONE, ELSEWHERE = (f"{2**22 + 1}@1.other", socket.gethostname()), ("7@7", "elsewhere")


def run_events(number: int, began: float, took: float | None, where: tuple[str, str], acc: str = "") -> list[Event]:
    """Return the events of a run: it finishes with `acc`, or fails without; took: None = its end is not recorded."""
    token, (job, host) = f"sim_{number}.1.ab", where
    begun: list[Event] = [AttemptIntended(number, token, began), AttemptSubmitted(number, token, job, host, began)]
    if took is None:
        return begun
    state, summary = ("finished", {"acc": [acc], "finished": ["1"]}) if acc else ("failed", None)
    at = began + took
    ended = AttemptEnded(number, token, 0 if acc else 1, at, "", "" if acc else f"reason {'abcdefghijkl'[number % 12]}")
    return [*begun, ended, RunCollected(number, token, state, at, summary, "" if acc else ended.reason)]


def lines_of(
    path: Path, runs: int, *events: Event, holder: str = "", now: float = 100.0, height: int | None = None
) -> list[str]:
    """Return the status of a search with these events. holder: the host of a controller that has not ended."""
    folder = SearchFolder(path)
    folder.create_state()
    plans = [RunPlanned(number, f"sim_{number}", f"o/sim_{number}", [["x", number]]) for number in range(1, runs + 1)]
    begun = [SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("h", 1, 0.0)]
    folder.journal.write_bytes(b"".join(map(to_line, [*plans, *begun, *events])))
    if holder:
        folder.lock.write_text(json.dumps({"host": holder, "pid": 2, "since": 0.0, "process": "2@1.gone"}))
    return status_lines(StatusReader(SearchReader(folder)).status(now), 80, height)


def part(lines: list[str], label: str) -> list[str]:
    """Return the lines under a label, without colour."""
    found, is_inside = [], False
    for line in map(without_colour, lines):
        is_inside = line.startswith(label) if line[:9].strip() else is_inside
        found += [line[9:]] if is_inside else []
    return found


def test_a_search_of_which_all_runs_ended_has_ended(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, 1, *run_events(1, 0.0, 10.0, GONE, "0.5"))
    assert (part(lines, "state"), part(lines, "runs")) == (["ended", "last event 1 min 30 s ago"], ["1: 1 finished"])
    assert [label for label in ("rate", "left", "live", "failed") if part(lines, label)] == []


def test_a_stopped_search_says_how_many_runs_are_left_and_how_to_resume_it(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, 40, *run_events(1, 0.0, 10.0, GONE, "0.5"), *run_events(2, 0.0, 9.0, GONE))
    first, hint = part(lines, "state")[:2]
    assert first == "stopped, 39 runs left; resume with:"
    assert hint.startswith("  ") and f"resume {tmp_path}" in hint
    assert part(lines, "runs") == ["40: 1 finished, 1 failed, 38 not started"]


@pytest.mark.parametrize(
    ("where", "counts", "states"),
    [
        (GONE, "3: 0 finished, 1 not started, 2 ended but not collected", []),
        (ELSEWHERE, "3: 0 finished, 1 not started, 2 may be running", ["may be running", "may be running"]),
    ],
)
def test_without_a_controller_counts_and_lists_agree(
    tmp_path: Path, where: tuple[str, str], counts: str, states: list[str]
) -> None:
    runs = [*run_events(1, 0.0, None, where), *run_events(2, 0.0, None, where)]
    lines = lines_of(tmp_path, 3, *runs, holder=socket.gethostname())
    assert part(lines, "runs") == [counts]
    assert [row[5:19] for row in part(lines, "live")[1:]] == states


def test_before_a_run_has_finished_nothing_is_best(tmp_path: Path) -> None:
    assert part(lines_of(tmp_path, 3, *run_events(1, 0.0, 10.0, GONE), holder="elsewhere"), "best") == ["none yet"]


def test_runs_without_a_number_are_said_to_have_none(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, 1, *run_events(1, 0.0, 10.0, GONE, "nothing"))
    assert part(lines, "best") == ["none: no finished run has a number under acc"]


@pytest.mark.parametrize(
    ("ended", "took", "holder", "rate"),
    [
        (3, 10.0, "elsewhere", ["360 runs an hour"]),
        (2, 10.0, "elsewhere", []),
        (3, 0.01, "elsewhere", []),
        (3, 10.0, "", []),
    ],
    ids=["three runs", "two runs", "runs that take no time", "nobody there"],
)
def test_a_rate_is_told_while_it_means_something(
    tmp_path: Path, ended: int, took: float, holder: str, rate: list[str]
) -> None:
    events = [each for k in range(ended) for each in run_events(k + 1, took * k, took, GONE, "1")]
    lines = lines_of(tmp_path, 9, *events, holder=holder, now=took * ended)
    assert part(lines, "rate") == rate


def test_the_time_left_says_until_when(tmp_path: Path) -> None:
    events = [each for k in range(3) for each in run_events(k + 1, 10.0 * k, 10.0, GONE, "1")]
    (left,) = part(lines_of(tmp_path, 9, *events, holder="elsewhere", now=30.0), "left")
    assert left.startswith("about 1 min 0 s, until ")


@pytest.mark.parametrize(("height", "most"), [(None, 10), (50, 10), (20, 9), (16, 5), (5, 0)])
def test_long_lists_are_shortened_to_the_height_of_the_terminal(tmp_path: Path, height: int | None, most: int) -> None:
    events = [each for k in range(1, 31) for each in run_events(k, 0.0, None, ELSEWHERE)]
    failures = [each for k in range(31, 33) for each in run_events(k, 0.0, 5.0, GONE)]
    lines = lines_of(tmp_path, 32, *events, *failures, holder="elsewhere", height=height)
    live = part(lines, "live")
    shown = len([row for row in live if "may be running" in row])
    # How many fit depends on the length of the folder's path.
    assert shown == most if most in (0, 10) else 0 < shown <= most
    assert live[-1] == f"... and {30 - shown} more (--json lists all)"
    assert height in (None, 5) or len(lines) < height


def test_the_best_is_green_and_what_failed_is_red(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, 2, *run_events(1, 0.0, 10.0, GONE, "0.5"), *run_events(2, 0.0, 9.0, GONE))
    assert f"best     {green('acc 0.5 (run 1)')}" in lines
    assert f"failed   {red('run 2 failed: reason c')}" in lines
