"""What is known of ended runs takes little memory in a long search, and says the same when it is asked for."""

from __future__ import annotations

import copy
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, states
from searches import SETTINGS

from hpsearch.core.model import RunState
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptStopped,
    AttemptSubmitted,
    ConfigurationDropped,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    RunsPlanned,
)
from hpsearch.journal.packed import PACK_SIZE, Packed
from hpsearch.journal.planned import Pair, RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch


def plan(count: int, parent: str = "o") -> RunsPlanned:
    """Runs of two options, planned together."""
    values: list[list[Pair]] = [
        [("x", float(k)) for k in range(10)],
        [("y", f"a{k}") for k in range(1 + count // 10)],
    ]
    codes = [[1 + k % 10 for k in range(count)], [1 + k // 10 for k in range(count)]]
    return RunsPlanned.of(RunBlock(1, "sim_", 6, parent, values, codes))


def life(number: int, state: str = "finished", attempt: int = 1) -> list[Event]:
    """What a journal tells of one attempt on a cluster."""
    token, at = f"sim_{number:06d}.{attempt}.{number:06x}", 100.0 * number
    return [
        AttemptIntended(number, token, at),
        AttemptSubmitted(number, token, f"77_{number}", "host", at + 1, "", {}, 0.5, True),
        AttemptStarted(number, token, at + 2, "node1"),
        *([AttemptStopped(number, token, at + 3, "median", "why", "1", "nan")] if number % 5 == 0 else []),
        AttemptEnded(number, token, 0 if state == "finished" else 1, at + 9, began=at + 2),
        RunCollected(number, token, state, at + 10, {"acc": [f"0.{number}"], "finished": ["1"]}),
    ]


def record_of(count: int, ended: Iterable[int]) -> SearchRecord:
    events = [event for number in ended for event in life(number, "failed" if number % 7 == 0 else "finished")]
    dropped = ConfigurationDropped([23, 24], 0.0, 3, 0.01, "worse")
    return SearchRecord.of([plan(count), ControllerStarted("host", 1, 0.0), *events, dropped])


def test_what_was_packed_is_known_as_before() -> None:
    ended = [*range(300, 20, -1)]
    record, packed = record_of(400, ended), record_of(400, ended)
    packed.pack(ended)
    assert [len(each.runs.by_number) for each in (record, packed)] == [280, 0]
    assert [packed.runs[number] for number in (25, 299, 5)] == [record.runs[number] for number in (25, 299, 5)]
    assert packed.runs[23].is_out
    assert (packed.with_events, packed.states()) == (record.with_events, record.states())
    assert list(packed) == list(record)


@pytest.mark.parametrize("ask", [lambda runs: runs[21], lambda runs: runs.by_number[21], lambda runs: runs.made()[0]])
def test_what_happens_to_a_packed_run_is_known_once(ask: object) -> None:
    ended = [*range(21, 300)]
    record = record_of(400, ended)
    record.pack(ended)
    for event in life(21, attempt=2):
        record.apply(event)
    entry = ask(record.runs)  # type: ignore[operator]
    assert (entry.attempts, entry.state) == (2, RunState.FINISHED)
    record.pack([21])
    assert (record.runs[21], 399 in record.runs.by_number) == (entry, False)
    assert len(record.with_events) == len(ended)


def test_what_is_open_or_planned_alone_stays_as_it_is() -> None:
    record = record_of(10, [1, 2])
    for event in (*life(3)[:2], RunPlanned(11, "sim_11", "o/sim_11", [["x", 1]]), *life(11)):
        record.apply(event)
    known = [record.runs[number] for number in (3, 11)]
    record.pack([1, 2, 3, 11])
    assert list(record.runs.by_number) == [3, 11]
    assert [record.runs[number] for number in (3, 11)] == known
    assert list(record.runs) == [*range(1, 12)]


def test_a_packed_run_is_still_one_that_this_controller_has_collected() -> None:
    record = record_of(10, [1])
    record.apply(ControllerStarted("host", 2, 0.0))
    for event in life(2):
        record.apply(event)
    record.pack([1, 2])
    assert [record.is_of_now(record.runs[number]) for number in (1, 2, 3)] == [False, True, False]
    assert record.collected_now == 1


def test_a_configuration_whose_runs_are_packed_apart_is_dropped_once() -> None:
    ended = [*range(21, 301)]
    record = record_of(400, ended)
    drop = ConfigurationDropped([300, 22], 9.0, 3, 0.01, "worse")
    record.apply(drop)
    record.pack(ended)
    assert record.drops[-1] == drop
    assert len(record.drops) == 2


def test_a_packed_run_counts_as_touched_no_more() -> None:
    record = record_of(10, [1, 2])
    record.pack([1])
    assert record.take_touched() == {2}


def test_ended_runs_take_little_memory() -> None:
    record, more = record_of(4000, range(1, 1000)), range(1000, 4000)
    record.pack(range(1, 1000))
    tracemalloc.start()
    try:
        for first in range(more[0], more[-1], PACK_SIZE):
            numbers = more[first - more[0] :][:PACK_SIZE]
            for event in (event for number in numbers for event in life(number)):
                record.apply(event)
            record.pack(numbers)
        took, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert took < 150 * len(more)


def test_objects_are_taken_out_once() -> None:
    packed = Packed[Event]([AttemptIntended, AttemptEnded])
    events = {number: life(number)[0] for number in (7, 3, 12)}
    packed.add(copy.copy(events))
    assert (packed.take(3), packed.take(3), packed.take(4), packed.take(99)) == (events[3], None, None, None)
    assert dict(packed.take_all()) == {7: events[7], 12: events[12]}
    assert (dict(packed.take_all()), 7 in packed) == ({}, False)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_search_packs_what_has_ended_and_ends_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slots: int
) -> None:
    monkeypatch.setattr("hpsearch.search.collect.PACK_SIZE", 1)
    backend, known = FakeBackend(FakeClock(), slots, exit_statuses={2: 3, 9: 3}), list[int]()
    with LiveSearch(SearchFolder(tmp_path)) as search:
        backend.while_waiting = lambda: known.append(len(search.record.runs.by_number))
        settings = replace(SETTINGS, run_cwd=str(tmp_path), shown_folder=str(tmp_path), option_names=("x", "y"))
        search.add_plan((), settings, 0.0, [plan(12, str(tmp_path))])
        search.open_for_work()
        dispatch(search, backend, retries=1)
        assert states(search) == {n: "failed" if n in (2, 9) else "finished" for n in range(1, 13)}
        assert [search.record.runs[number].attempts for number in (1, 2, 9)] == [1, 2, 2]
        assert len(search.folder.results.read_text().splitlines()) == 11
    # Those that run, and the next one.
    assert max(known) <= slots + 1
