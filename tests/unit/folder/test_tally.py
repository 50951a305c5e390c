"""The totals of a search, updated event by event, equal those counted over all its runs."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.model import RunState
from hpsearch.folder.run_tables import best_runs
from hpsearch.folder.tally import RunTally
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    AttemptWithdrawn,
    ControllerStarted,
    Event,
    RunCollected,
    RunsPlanned,
    SearchMoved,
    SearchStarted,
)
from hpsearch.journal.planned import RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder

SETTINGS = Settings(
    program=("python3", "train.py"),
    run_cwd="/",
    shown_folder="out",
    summary_filename="s",
    summary_keywords=("acc", "finished"),
    performance_key="acc",
    option_names=("x",),
)
BLOCK = RunBlock(1, "sim_", 1, "o", [[("x", x) for x in (1, 2, 3)]], [[1, 2, 3]])
BEGINNING: list[Event] = [RunsPlanned.of(BLOCK), SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("h", 1, 0.0)]


def what_happens(draw: st.DrawFn, number: int, token: str, at: float) -> list[Event]:
    """Return some of the events that an attempt may have."""
    summary = {"acc": [draw(st.sampled_from(["0.1", "0.5", "nan", "word"]))], "finished": ["1"]}
    state = draw(st.sampled_from(["finished", "failed", "stopped early", "cancelled"]))
    every: list[Event] = [
        AttemptIntended(number, token, at),
        AttemptSubmitted(number, token, "7@1", "h", at, is_queued=draw(st.booleans())),
        AttemptEnded(number, token, 0, at + 2),
        RunCollected(number, token, state, at + 3, summary if state == "finished" else None),
    ]
    happened = every[: draw(st.integers(1, 4))]
    is_taken_back = len(happened) < 3 and draw(st.booleans())
    return [*happened, AttemptWithdrawn(number, token, at + 1)] if is_taken_back else happened


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for place in range(draw(st.integers(1, 8))):
        number = draw(st.integers(1, 3))
        events += what_happens(draw, number, f"sim_{number}.{place}", 10.0 * place)
        events += [ControllerStarted("h", 2, 10.0 * place + 5)] if draw(st.booleans()) else []
    return events


@given(histories())
def test_a_tally_that_is_kept_up_to_date_is_as_a_new_one(events: list[Event]) -> None:
    folder = SearchFolder(Path("/nowhere"))
    record = SearchRecord.of(BEGINNING)
    kept = RunTally(record, folder)
    for event in events:
        record.apply(event)
        kept.update()
        kept.pack_finished(at_least=1)
    anew = RunTally(SearchRecord.of([*BEGINNING, *events]), folder)
    anew.update()
    assert (+kept.counts, kept.done, kept.ended) == (+anew.counts, anew.done, anew.ended)
    assert +kept.counts == +record.states()
    assert [entry.run.number for entry in kept.live] == [entry.run.number for entry in record if entry.is_live]
    assert [entry.run.number for entry in kept.failures.runs] == [e.run.number for e in record if e.state.is_failure]
    stopped = [entry.run.number for entry in record if entry.state is RunState.STOPPED_EARLY]
    assert [entry.run.number for entry in kept.stopped.runs] == stopped
    best = next(iter(best_runs(record, SETTINGS)), None)
    assert (kept.best and kept.best.run.number) == (best and best.run.number)
    assert (kept.runs_per_hour(200.0), kept.lengths_s) == (anew.runs_per_hour(200.0), anew.lengths_s)


def test_the_best_run_moves_with_its_search_also_when_it_is_packed() -> None:
    record = SearchRecord.of([*BEGINNING, AttemptIntended(2, "sim_2.1.abc", 1.0)])
    record.apply(RunCollected(2, "sim_2.1.abc", "finished", 2.0, {"acc": ["0.5"], "finished": ["1"]}))
    tally = RunTally(record, SearchFolder(Path("/nowhere")))
    tally.update()
    assert tally.best is not None
    tally.pack_finished(at_least=1)
    record.apply(SearchMoved("o", "/new"))
    assert tally.best.out_dir == "/new/sim_2"
