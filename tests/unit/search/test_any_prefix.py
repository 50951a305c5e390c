"""Wherever a journal ends, a search that is resumed from it comes to its end, and runs nothing again that finished."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fake_search import FakeBackend, FakeClock, dispatch, planned_search
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.model import Job, JobPhase, RunState, Status
from hpsearch.journal.events import AttemptSubmitted, RunCollected
from hpsearch.store.journal_file import JournalReader, read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.table import read_table


@dataclass
class LateBackend(FakeBackend):
    """Its runs write their summaries when they end; those that a journal has as live go on for a second."""

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Say which runs have ended; each has left its summary by then."""
        told = super().poll(active)
        for job in active:
            run, folder = job.attempt.run, job.attempt.log_folder.parent.parent / job.attempt.run.folder
            is_well = run.number not in {*self.exit_statuses, *self.causes}
            if told[job.attempt.token].phase is JobPhase.ENDED and is_well:
                (folder / "s.txt").write_text(f"acc {run.number}.{job.attempt.number}\nfinished 1\n")
        return told

    def go_on(self, token: str, summary: Path) -> None:
        """Make an attempt live, without a summary yet."""
        self._ends[token] = self.clock.steady_s + self.run_s
        summary.unlink(missing_ok=True)


@dataclass
class History:
    """A search that is resumed again and again; each time, its journal has lost its end."""

    folder: Path
    backend: LateBackend
    retries: int
    runs: int
    plan: int = 0
    finished: set[int] = field(default_factory=set)

    def begin(self) -> None:
        """Carry the search out once, to its end."""
        with planned_search(self.folder, self.runs) as search:
            self.plan = search.folder.journal.stat().st_size
            dispatch(search, self.backend, self.retries)

    def cut(self, share: float) -> None:
        """Cut the end of the journal: everything behind its plan, or a part of that."""
        journal = SearchFolder(self.folder).journal
        content = journal.read_bytes()
        journal.write_bytes(content[: self.plan + round(share * (len(content) - self.plan))])
        for entry in read_record(SearchFolder(self.folder)):
            if entry.is_live:
                self.backend.go_on(entry.token, self.folder / entry.run.folder / "s.txt")

    def resume(self) -> set[int]:
        """Resume to the end; return the runs that were known to run or to have ended well, and were started again."""
        known = self._known_to_end_well()
        self.backend.started.clear()
        with LiveSearch(SearchFolder(self.folder)) as search:
            search.open_for_work()
            dispatch(search, self.backend, self.retries)
        return known & set(self.backend.started)

    def _known_to_end_well(self) -> set[int]:
        events = list(JournalReader(SearchFolder(self.folder).journal).new_events())
        last = {event.run: event for event in events if isinstance(event, (AttemptSubmitted, RunCollected))}
        ill = {*self.backend.exit_statuses, *self.backend.causes}
        return {run for run in last if run not in ill}


HISTORIES = st.fixed_dictionaries(
    {
        "runs": st.integers(1, 4),
        "slots": st.integers(1, 3),
        "is_scheduler": st.booleans(),
        "retries": st.integers(0, 1),
        "exit_statuses": st.dictionaries(st.integers(1, 4), st.sampled_from([1, 137]), max_size=2),
        "causes": st.dictionaries(
            st.integers(1, 4), st.sampled_from([RunState.TIMED_OUT, RunState.FAILED]), max_size=1
        ),
    }
)


@given(HISTORIES, st.lists(st.floats(0, 1), min_size=1, max_size=3))
def test_a_search_comes_to_its_end_from_any_prefix_of_its_journal(drawn: dict, shares: list[float]) -> None:
    folder = Path(tempfile.mkdtemp())
    runs, retries = drawn.pop("runs"), drawn.pop("retries")
    backend = LateBackend(FakeClock(), **drawn)
    history = History(folder, backend, retries, runs)
    history.begin()
    for share in shares:
        history.cut(share)
        assert history.resume() == set()
    ill = {*backend.exit_statuses, *backend.causes}
    record = read_record(SearchFolder(folder))
    assert sorted(record.runs) == list(range(1, runs + 1))
    assert {entry.run.number: entry.state is RunState.FINISHED for entry in record} == {
        run: run not in ill for run in range(1, runs + 1)
    }
    rows = Counter(row["out_dir"] for row in read_table(SearchFolder(folder).results))
    assert rows == {str(folder / f"sim_{run}"): 1 for run in range(1, runs + 1) if run not in ill}
    shutil.rmtree(folder)
