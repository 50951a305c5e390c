"""Attempts in the timeline: lanes, states, ends that no controller saw, and times without a controller."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from searches import SETTINGS

from hpsearch.core.model import Configuration, Run
from hpsearch.journal.courses import StretchReader
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    AttemptWithdrawn,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.report.attempts import RecordWithAttempts, lanes
from hpsearch.report.searches import ShownRun, ShownSearch
from hpsearch.report.timeline import timeline
from hpsearch.store.journal_file import JournalReader
from hpsearch.store.layout import SearchFolder

NOW = 1000.0


def planned(count: int) -> list[Event]:
    runs = (Run(number, f"sim_{number}", Configuration(()), f"o/sim_{number}") for number in range(1, count + 1))
    return [SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("host", 1, 0.0), *map(RunPlanned.of, runs)]


def attempt(run: int, number: int, start: float, end: float | None, place: str = "", host: str = "host") -> list[Event]:
    """Return the events of a local attempt; end: None = no controller saw it."""
    token = f"sim_{run}.{number}.abcdef"
    begun = [AttemptIntended(run, token, start), AttemptSubmitted(run, token, "7@8", host, start, place)]
    if end is None:
        return [*begun]
    return [
        *begun,
        AttemptEnded(run, token, 0, end, reason="exit status 0"),
        RunCollected(run, token, "finished", end, {"acc": ["1"]}),
    ]


def search_of(*events: Event, ended: float | None = None, name: str = "o") -> ShownSearch:
    record = RecordWithAttempts()
    for event in events:
        record.apply(event)
    runs = [ShownRun(entry.run, entry.state.value, "", token=entry.token) for entry in record]
    settings, folder = replace(SETTINGS, shown_folder=name), SearchFolder(Path("/", name))
    return ShownSearch(folder, settings, "", runs, list(record.attempts), record.away, ended=ended)


def shown(*searches: ShownSearch, names: Iterable[str] = ("o",)) -> dict[str, Any]:
    found, states = timeline(searches, list(names), NOW)
    slots = [None if code is None else found["slots"][code] for code in found["attempts"]["slot"]]
    return {**found, "states": states, "slot_names": slots}


def test_the_attempts_of_a_long_journal_are_those_of_a_short_one(tmp_path: Path) -> None:
    events = [*planned(3), *attempt(1, 1, 0.5, 10.5), *attempt(2, 1, 5.5, None), *attempt(3, 1, 11.5, 12.5)]
    (tmp_path / "journal").write_bytes(b"".join(map(to_line, events)))
    short, long = RecordWithAttempts(), RecordWithAttempts()
    JournalReader(tmp_path / "journal", long=sys.maxsize).read_into(short)
    JournalReader(tmp_path / "journal", long=0).read_into(long)
    assert list(short.attempts) == list(long.attempts)
    assert [each.ended_at for each in long.attempts] == [10.5, None, 12.5]


def test_attempts_are_read_without_matching_runs_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "journal").write_bytes(b"".join(map(to_line, [*planned(1), *attempt(1, 1, 0.5, 10.5)])))

    def match(*_: object) -> NoReturn:
        pytest.fail("runs were matched, only to be read line by line after all")

    monkeypatch.setattr(StretchReader, "stretches", match)
    record = RecordWithAttempts()
    JournalReader(tmp_path / "journal", long=0).read_into(record)
    assert [each.ended_at for each in record.attempts] == [10.5]


@pytest.mark.parametrize(
    "spans, expected",
    [
        ([], []),
        ([("GPU 0", 0, 5), ("GPU 0", 5, 9), ("GPU 1", 0, 9)], ["GPU 0", "GPU 0", "GPU 1"]),
        ([("a", 0, 9), ("a", 1, 4), ("a", 5, 6)], ["a #1", "a #2", "a #2"]),
        ([("a", 5, 9), ("a", 0, 6), ("a", 6, 7)], ["a #2", "a #1", "a #1"]),
        ([("a", 0, float("inf")), ("a", 5, 9)], ["a #1", "a #2"]),
        ([("a", 9, 3), ("a", 9, 12)], ["a", "a"]),
    ],
)
def test_what_overlaps_at_a_place_gets_lanes(spans: list[tuple[str, float, float]], expected: list[str]) -> None:
    assert lanes(spans) == expected


def test_every_attempt_of_a_run_is_told() -> None:
    found = shown(search_of(*planned(2), *attempt(1, 1, 10, 20, "GPU 0"), *attempt(1, 2, 30, 40, "GPU 1")))
    assert found["attempts"] == {
        "run": [0, 0],
        "attempt": [1, 2],
        "slot": [0, 1],
        "submitted": [10, 30],
        "started": [10, 30],
        "ended": [20, 40],
        "queued": [False, False],
    }
    assert (found["slots"], found["states"]) == (["GPU 0", "GPU 1"], ["finished", "finished"])


def test_an_attempt_whose_end_nobody_saw_ends_when_the_next_one_begins() -> None:
    found = shown(search_of(*planned(1), *attempt(1, 1, 10, None), *attempt(1, 2, 30, 40)))
    assert (found["attempts"]["ended"], found["states"]) == ([30, 40], ["lost", "finished"])


def test_a_live_attempt_has_no_end_and_counts_up_to_now() -> None:
    found = shown(search_of(*planned(1), *attempt(1, 1, 900, None, "GPU 0")))
    assert (found["attempts"]["ended"], found["states"]) == ([None], ["running"])
    assert found["use"] == [
        {
            "search": 0,
            "kind": "slots",
            "slots": 1,
            "from": 900,
            "to": NOW,
            "busy_s": 100,
            "away_s": 0,
            "idle_s": 0,
        }
    ]


def test_an_attempt_that_was_not_collected_ends_with_its_search() -> None:
    search = search_of(*planned(1), *attempt(1, 1, 10, None), ended=50)
    search.runs[0].state = "not collected"
    found = shown(search)
    assert (found["attempts"]["ended"], found["states"]) == ([50], ["not collected"])


def test_a_repeated_run_keeps_its_result_while_the_new_attempt_runs() -> None:
    search = search_of(*planned(1), *attempt(1, 1, 10, 20), *attempt(1, 2, 30, None))
    search.runs[0].state = "finished"
    assert shown(search)["states"] == ["finished", "running"]


def queued(run: int, *more: Event) -> list[Event]:
    """Return the events of a scheduler's job, submitted at 10."""
    token = f"sim_{run}.1.abcdef"
    sent = AttemptSubmitted(run, token, "123", "login", 10, is_queued=True)
    return [AttemptIntended(run, token, 10), sent, *more]


def test_a_job_has_no_slot_before_it_starts() -> None:
    found = shown(search_of(*planned(1), *queued(1)))
    assert (found["slot_names"], found["attempts"]["queued"], found["states"]) == ([None], [True], ["queued"])
    assert found["use"] == [None]


def test_a_job_runs_on_its_host_from_when_that_says_it_began() -> None:
    token = "sim_1.1.abcdef"
    started, ended = AttemptStarted(1, token, 30, "node3"), AttemptEnded(1, token, 0, 60, began=25)
    found = shown(search_of(*planned(1), *queued(1, started, ended)))
    assert (found["slot_names"], found["attempts"]["started"]) == (["node3"], [25])
    assert found["use"][0]["kind"] == "jobs"


def test_a_job_whose_host_is_not_known_has_a_lane_all_the_same() -> None:
    assert shown(search_of(*planned(1), *queued(1, AttemptStarted(1, "sim_1.1.abcdef", 30))))["slot_names"] == ["?"]


def test_a_job_taken_out_of_the_queue_is_cancelled() -> None:
    found = shown(search_of(*planned(1), *queued(1, AttemptWithdrawn(1, "sim_1.1.abcdef", 30))))
    assert (found["attempts"]["started"], found["attempts"]["ended"], found["states"]) == ([None], [30], ["cancelled"])


def test_slots_belong_to_one_search_and_stand_in_natural_order() -> None:
    first = search_of(*planned(2), *attempt(1, 1, 0, 5, "GPU 10"), *attempt(2, 1, 0, 5, "GPU 2"))
    second = search_of(*planned(1), *attempt(1, 1, 0, 5, "GPU 2"))
    found = shown(first, second, names=("a", "b"))
    assert found["slots"] == ["a: GPU 2", "a: GPU 10", "b: GPU 2"]
    assert (found["attempts"]["run"], found["attempts"]["slot"]) == ([0, 1, 2], [1, 0, 2])


def test_gpus_of_several_hosts_are_told_apart() -> None:
    events = [*attempt(1, 1, 0, 5, "GPU 0", "node1"), *attempt(2, 1, 0, 5, "GPU 0", "node2")]
    assert shown(search_of(*planned(2), *events))["slots"] == ["node1: GPU 0", "node2: GPU 0"]


def test_nobody_is_there_between_the_last_event_and_the_next_controller() -> None:
    again = ControllerStarted("host", 2, 100.0)
    found = shown(search_of(*planned(2), *attempt(1, 1, 0, 50, "GPU 0"), again, *attempt(2, 1, 110, 120, "GPU 0")))
    assert found["away"] == [[0, 50, 100]]
    assert (found["use"][0]["away_s"], found["use"][0]["idle_s"]) == (50, 10)
