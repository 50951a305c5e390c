"""The quick look at a journal finds the same as reading the whole journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.overview import overview
from hpsearch.folder.reading import SearchReader
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
    RunsLeftOut,
    RunsPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import LONG, to_line
from hpsearch.journal.planned import RunBlock
from hpsearch.store.layout import SearchFolder

START: list[Event] = [SearchStarted(SETTINGS.to_json(), 10.0), ControllerStarted("lab", 1, 11.0)]
BLOCK = RunBlock(1, "sim_1_", 1, "s", [[("x", 1), ("x", 2), ("x", 3), ("x", 4)]], [[1, 2, 3, 4]])
TOGETHER: list[Event] = [RunsPlanned.of(BLOCK), *START]
PLAN: list[Event] = [
    *(RunPlanned.of(Run(n, f"sim_1_{n}", Configuration((("x", n),)), f"s/sim_1_{n}")) for n in range(1, 5)),
    *START,
]


def attempt(run: int, number: int, came_to: str | None = "finished", is_queued: bool = False) -> list[Event]:
    """Return the events of an attempt; came_to: None = it is live."""
    token, at = f"sim_1_{run}.{number}.abc", 20.0 + run + number
    begun: list[Event] = [AttemptIntended(run, token, at), AttemptSubmitted(run, token, "7@1", "lab", at)]
    if is_queued:
        begun[1] = AttemptSubmitted(run, token, "7", "lab", at, is_queued=True)
    summary = {"acc": [str(run)], "finished": ["1"]} if came_to == "finished" else None
    ended = [AttemptEnded(run, token, 0, at), RunCollected(run, token, came_to or "", at, summary)]
    return begun if came_to is None else [*begun, *ended]


def written(folder: Path, events: Sequence[Event], torn: bytes = b"") -> SearchFolder:
    """Write a journal."""
    search = SearchFolder(folder)
    search.create_state()
    search.journal.write_bytes(b"".join(map(to_line, events)) + torn)
    return search


@pytest.mark.parametrize(
    "events",
    [
        [],
        [*attempt(1, 1), *attempt(2, 1, "failed")],
        [event for run in range(1, 5) for event in attempt(run, 1)],
        [*attempt(1, 1, None), *attempt(2, 1)],
        [
            *attempt(1, 1, None, is_queued=True),
            *attempt(2, 1, None, is_queued=True),
            AttemptStarted(2, "sim_1_2.1.abc", 30.0),
        ],
        [*attempt(1, 1), *attempt(1, 2, "failed")],
        [*attempt(1, 1, "failed"), *attempt(1, 2)],
        [*attempt(1, 1), *attempt(1, 2, None)],
        [*attempt(1, 1), AttemptIntended(1, "sim_1_1.2.abc", 40.0), AttemptWithdrawn(1, "sim_1_1.2.abc", 41.0)],
        [*attempt(1, 1, "failed"), *attempt(2, 1), RunsLeftOut([1, 3])],
    ],
)
@pytest.mark.parametrize("plan, long", [(PLAN, LONG), (PLAN, 0), (TOGETHER, 0)])
def test_the_quick_look_counts_as_the_whole_journal_does(
    events: list[Event], plan: list[Event], long: int, tmp_path: Path
) -> None:
    folder = written(tmp_path, [*plan, *events], b'{"event":"inten')
    record, seen = SearchReader(folder).record, overview(folder, long)
    states = [entry.state for entry in record]
    assert seen.runs == len(record.runs)
    assert {state: seen.counts[state] for state in states} == {state: states.count(state) for state in states}
    assert seen.left == sum(not state.is_final for state in states)
    assert [entry.result.state for entry in seen.record] == [record.runs[n].result.state for n in seen.record.runs]


@pytest.mark.parametrize("events, torn", [([], b""), (PLAN, b"no line\n"), (PLAN[:2], b"")])
def test_a_journal_that_tells_of_no_search_is_refused(events: list[Event], torn: bytes, tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        overview(written(tmp_path, events, torn))
