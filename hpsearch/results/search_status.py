"""The status of a search at one moment: progress, controller, live runs and failures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.backends.process_identity import pid_of
from hpsearch.choosers.of_search import expected_runs, has_chooser, has_more
from hpsearch.core.model import JobPhase, RunState
from hpsearch.core.ranking import Mean
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.failures import Failures
from hpsearch.folder.liveness import Liveness, SearchState, liveness_of_controller, liveness_of_run
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.tally import RunTally
from hpsearch.journal.events import AttemptSubmitted
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder

if TYPE_CHECKING:
    from hpsearch.folder.provenance import Provenance


@dataclass(frozen=True)
class LiveRun:
    """A run that was started and has no recorded end.

    phase: ended if only its controller has not noted that, unknown on another machine. for_s: since submission.
    """

    entry: RunRecord
    submitted: AttemptSubmitted
    phase: JobPhase
    for_s: float

    @property
    def place(self) -> str:
        """Where it runs, for people; empty if that has no name."""
        return self.entry.place

    @property
    def job(self) -> str:
        """The scheduler's id, or the process, for people."""
        return self.submitted.id if self.submitted.is_queued else f"process {pid_of(self.submitted.id)}"


@dataclass(frozen=True)
class SearchStatus:
    """The status of a search at one moment (`at`, seconds since the epoch).

    liveness, holder: of its controller. counts: from the journal, but queued and running as they are now; running
    without the runs that have `ended` unnoted.
    runs_per_hour: None before the first end. left_s: None if it cannot be told.
    over: the options that repeat a configuration; means: if there are any, the configurations, best first.
    best: the best finished run so far; with `over`, the first counted run of the best configuration.
    failures: runs that ended without finishing, except cancelled ones and those `stopped` early.
    not_done: how many runs are left to do. lengths_s: see `RunTally`.
    expected: how many more runs will be chosen.
    starts: what each start ran with, if asked for.
    """

    folder: SearchFolder
    record: SearchRecord
    at: float
    state: SearchState
    liveness: Liveness
    holder: Holder | None
    counts: Counter[RunState]
    ended: int
    runs_per_hour: float | None
    left_s: float | None
    over: Sequence[str]
    means: Sequence[Mean[RunRecord]]
    best: RunRecord | None
    live: Sequence[LiveRun]
    expected: int
    failures: Failures
    stopped: Failures
    not_done: int
    lengths_s: tuple[int, float]
    starts: Sequence[Provenance] = ()


class StatusReader:
    """Reads the status of a search repeatedly, each time at the cost of what is new."""

    def __init__(self, reader: SearchReader, given_over: Sequence[str] = ()) -> None:
        """given_over: see `seeds_of`."""
        self._reader, self._given_over = reader, given_over
        self._tally = RunTally(reader.record, reader.folder)

    def update(self) -> None:
        """Read what has happened since the last call."""
        if not self._needs_all_runs():
            self._tally.pack_finished()
        self._reader.update()

    def _needs_all_runs(self) -> bool:
        """Return whether each look needs all runs: for means, or to tell what is chosen by results so far."""
        record = self._reader.record
        return bool(seeds_of(record, self._given_over)) or has_chooser(record)

    def status(self, now: float) -> SearchStatus:
        """Return the status as the reader knows it. now: seconds since the epoch."""
        record, holder = self._reader.record, self._reader.holder()
        if record is not self._tally.record:
            self._tally = RunTally(record, self._reader.folder)
        tally = self._tally
        tally.update()
        over = seeds_of(record, self._given_over)
        means = tally.means(over)
        liveness = liveness_of_controller(holder)
        expected, counts = expected_runs(record), tally.counts
        left = sum(count for state, count in counts.items() if not state.is_final) + expected
        rate = tally.runs_per_hour(now if liveness is not Liveness.GONE else min(now, record.last_event_at or now))
        live = [
            LiveRun(entry, sent, _phase(self._reader.folder, entry, sent, liveness), max(0.0, now - sent.at))
            for entry in tally.live
            if (sent := entry.submitted) is not None
        ]
        phases = Counter(run.phase for run in live)
        queued, ended = phases[JobPhase.QUEUED], phases[JobPhase.ENDED] + len(tally.ended)
        counts[RunState.RUNNING] += counts[RunState.QUEUED] - queued - ended
        counts[RunState.QUEUED] = queued
        return SearchStatus(
            folder=self._reader.folder,
            record=record,
            at=now,
            state=SearchState.of(liveness, left + has_more(record)),
            liveness=liveness,
            holder=holder,
            counts=counts,
            ended=ended,
            runs_per_hour=rate,
            left_s=left / rate * 3600 if rate and liveness is not Liveness.GONE else None,
            over=over,
            means=means,
            best=next((mean.counted[0] for mean in means[:1]), None) if over else tally.best,
            live=live,
            expected=expected,
            failures=tally.failures,
            stopped=tally.stopped,
            not_done=len(record.runs) - len(tally.done),
            lengths_s=tally.lengths_s,
        )


def _phase(folder: SearchFolder, entry: RunRecord, submitted: AttemptSubmitted, liveness: Liveness) -> JobPhase:
    """Return the present phase of a run that was started. liveness: of its controller."""
    if liveness is Liveness.LIVE and not submitted.is_queued:
        return JobPhase.RUNNING
    of_run = liveness_of_run(entry, folder)
    if liveness is not Liveness.LIVE and of_run is Liveness.GONE:
        return JobPhase.ENDED
    if not submitted.is_queued:
        return JobPhase.RUNNING if of_run is Liveness.LIVE else JobPhase.UNKNOWN
    # No controller may have looked since it started; its log appears at that moment.
    has_started = entry.state is RunState.RUNNING or os.path.exists(folder.logs / f"{entry.token}.out")  # noqa: PTH110
    return JobPhase.RUNNING if has_started else JobPhase.QUEUED
