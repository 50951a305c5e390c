"""Lines that are read together add up to what they add up to one by one, whatever they say and however damaged."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.core.errors import FolderError
from hpsearch.core.model import RunState
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptStopped,
    AttemptSubmitted,
    AttemptWithdrawn,
    ConfigurationDropped,
    ControllerStarted,
    EndTold,
    Event,
    RunCollected,
    RunMoved,
    RunPlanned,
    RunReused,
    RunsLeftOut,
    RunsPlanned,
    SearchMoved,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.journal.planned import RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.store.journal_file import JournalReader

#: Which of the variants of an attempt, the usual ones most often.
CHOICE = [*range(4)] * 6 + [*range(4, 14)]
#: How many bytes are many, so that lines are read together, or one by one.
TOGETHER, ONE_BY_ONE = 0, sys.maxsize
BLOCK = RunBlock(1, "sim_", 2, "o", [[("x", 0.5), ("x", 1)]], [[1, 2, 0, 1]])
PLAN: list[Event] = [
    SearchStarted(SETTINGS.to_json(), 1.0),
    RunsPlanned.of(BLOCK),
    RunPlanned(5, "sim_05", "o/sim_05", [["x", 3]], candidate=1),
    RunPlanned(6, "sim_06", "p/sim_06", []),
]
SUMMARIES = [{"acc": ["0.5"], "finished": ["1"]}, {"acc": ['"1,2"'], "é": ["\u2028"]}, {"acc": [0.5]}, None]
DAMAGE = [b"", b'"', b"\\", b"0", b"-", b"9" * 20, b",", b"}", b"\n", b"\r", b"\xff", b" ", b"e1", b',"run":3']


def attempt(run: int, number: int, state: str = "finished", summary: object = None, **more: object) -> list[Event]:
    """What a journal tells of an attempt. more: fields of its submission."""
    token, at = f"sim_{run:02d}.{number}.abc", 10.0 * number + run
    cell = SUMMARIES[0] if summary is None and state == "finished" else summary
    return [
        AttemptIntended(run, token, at),
        AttemptSubmitted(run, token, "77@5", "h", at + 1, **more),  # type: ignore[arg-type]
        AttemptEnded(run, token, 0, at + 3.5, reason="exit status 0"),
        RunCollected(run, token, state, at + 4, cell, "problem" if state != "finished" else "", "why"),  # type: ignore[arg-type]
    ]


def variants(run: int, number: int) -> list[list[Event]]:
    """Return what attempts at a run may look like: the usual ones first."""
    token, usual = f"sim_{run:02d}.{number}.abc", attempt(run, number)
    queued = attempt(run, number, is_queued=True)
    return [
        usual,
        [*queued[:2], AttemptStarted(run, token, 12.0, "node"), *queued[2:]],
        attempt(run, number, "cancelled"),
        attempt(run, number, "failed"),
        *(attempt(run, number, summary=summary) for summary in SUMMARIES[1:3]),
        [*usual[:2], AttemptStopped(run, token, 13.0, "median", "why", "1", "nan"), *usual[2:]],
        [*queued[:2], AttemptWithdrawn(run, token, 12.5)],
        [AttemptIntended(run, token, 10.0, continues=""), *usual[1:]],
        *(usual[:length] for length in (1, 2, 3)),
        usual[1:],
        [*usual, *usual],
    ]


OTHERS: list[Event] = [
    ControllerStarted("h", 1, 50.0, {}, "north"),
    ControllerStarted("h", 2, 60.0),
    SearchStarted(SETTINGS.to_json(), 70.0),
    RunMoved(2, "q/sim_02"),
    SearchMoved("o", "/new"),
    RunsLeftOut([1, 4]),
    ConfigurationDropped([3, 5], 80.0, 2, 0.01, "worse"),
    RunReused(4, "/other/sim_1", 90.0, {"acc": ["1"]}),
    EndTold("mail", 100.0),
]


@st.composite
def journals(draw: st.DrawFn) -> bytes:
    """Return a journal with attempts side by side, and what else may happen in between."""
    lines = list(map(to_line, PLAN))
    for number in range(1, draw(st.integers(2, 4))):
        lines += map(to_line, draw(st.lists(st.sampled_from(OTHERS), max_size=1)))
        # Seldom one of a run that is not planned.
        runs = draw(st.lists(st.integers(1, 6), unique=True, min_size=1)) + draw(st.sampled_from([[]] * 9 + [[7]]))
        side_by_side = [variants(run, number)[draw(st.sampled_from(CHOICE))] for run in runs]
        shift = draw(st.integers(0, 3))
        # The next attempt begins `shift` lines later.
        for step in range(10 + shift * len(side_by_side)):
            places = ((each, step - shift * index) for index, each in enumerate(side_by_side))
            lines += [to_line(each[at]) for each, at in places if 0 <= at < len(each)]
    return b"".join(lines)


def read(path: Path, long: int, passes_over_damage: bool, parts: int = 1, part_size: int = 10**6) -> tuple[object, ...]:
    """Return all that can be told of a journal, which grows while it is read."""
    content = path.read_bytes()
    record, reader = SearchRecord(passes_over_damage), JournalReader(path, passes_over_damage, long, part_size)
    for part in range(1, parts + 1):
        path.write_bytes(content[: len(content) * part // parts])
        try:
            reader.read_into(record)
        except FolderError as error:
            return ("refused", str(error))
    told = (record.states(), record.last_event_at, record.collected_now, record.end_told_to, record.take_touched())
    drops = list(map(repr, record.drops))
    entries = [(repr(each), record.is_of_now(each)) for each in record]
    return (*told, drops, entries, reader.damage)


@settings(max_examples=150)
@given(journals(), st.integers(1, 3), st.booleans(), st.data())
def test_lines_read_together_add_up_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, journal: bytes, parts: int, is_damaged: bool, data: st.DataObject
) -> None:
    if is_damaged:
        start = data.draw(st.integers(0, len(journal)))
        end = data.draw(st.integers(start, min(start + 2, len(journal))))
        journal = journal[:start] + data.draw(st.sampled_from(DAMAGE)) + journal[end:]
    path = tmp_path_factory.getbasetemp() / "journal"
    path.write_bytes(journal)
    passes_over_damage = data.draw(st.booleans())
    part_size = data.draw(st.sampled_from([200, 1000, 10**6]))
    together = read(path, TOGETHER, passes_over_damage, parts, part_size)
    path.write_bytes(journal)
    assert together == read(path, ONE_BY_ONE, passes_over_damage, 1)


def record_of(path: Path, *events: Event) -> SearchRecord:
    path.write_bytes(b"".join(map(to_line, (*PLAN, *events))))
    record = SearchRecord()
    JournalReader(path, long=TOGETHER).read_into(record)
    return record


def test_a_run_of_the_usual_course_gets_its_record_when_that_is_asked_for(tmp_path: Path) -> None:
    record = record_of(tmp_path / "journal", *attempt(1, 1), *attempt(3, 1, "failed"), *attempt(2, 1)[:3])
    assert (list(record.courses), [entry.run.number for entry in record.unusual]) == ([1, 3], [2, 5, 6])
    assert record.states()[RunState.FINISHED] == 1
    assert record.runs[1].summary == SUMMARIES[0]
    assert list(record.courses) == [3]
    assert [entry.run.number for entry in record.with_events] == [1, 2, 3, 5, 6]


def test_a_course_tells_what_totals_need(tmp_path: Path) -> None:
    course = record_of(tmp_path / "journal", *attempt(1, 1)).courses[1]
    assert (course.state, course.summary, course.times()) == (RunState.FINISHED, SUMMARIES[0], (12.0, 14.5, 15.0))


def test_a_line_that_names_two_runs_is_about_the_last_one(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = b"".join(map(to_line, (*PLAN, *attempt(1, 1), *attempt(3, 1)[:2])))
    journal = lines.replace(b'"began":null}', b'"began":null,"run":3}')
    path.write_bytes(journal)
    assert read(path, TOGETHER, False) == read(path, ONE_BY_ONE, False)


def test_a_run_whose_stop_lost_its_attempt_takes_the_usual_course_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    stopped = AttemptStopped(1, "sim_01.1.abc", 13.0, "median", "why", "1", "nan")
    path.write_bytes(b"".join(map(to_line, (*PLAN, stopped, OTHERS[-1], *attempt(1, 2)))))
    assert read(path, TOGETHER, True) == read(path, ONE_BY_ONE, True)


def test_a_tail_that_is_cut_while_lines_are_taken_in_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    head, added = (b"".join(map(to_line, events)) for events in (PLAN, attempt(1, 1)))

    class GrowingMeanwhile(SearchRecord):
        def apply(self, event: Event) -> None:
            path.write_bytes(head + added)
            super().apply(event)

    # As `Journal.check_room` leaves it for a moment.
    path.write_bytes(head + b" " * 20)
    record, reader = GrowingMeanwhile(), JournalReader(path, long=TOGETHER)
    reader.read_into(record)
    assert record.states()[RunState.PLANNED] == 6
    reader.read_into(record)
    assert record.states()[RunState.FINISHED] == 1


def test_few_runs_are_looked_for_without_going_through_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = record_of(tmp_path / "journal").runs

    def iterate(_: object) -> Iterator[int]:
        pytest.fail("a stretch of few runs went through all of a search")

    monkeypatch.setattr(type(runs.by_number), "__iter__", iterate)
    assert [runs.has_all(numbers) for numbers in ([1, 4], [5], [2, 6], [], [0], [4, 7])] == [True] * 4 + [False] * 2
