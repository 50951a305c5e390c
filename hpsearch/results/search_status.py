"""What is known of a search at one moment: how far it is, whether anybody works on it, what runs and what failed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.backends.process_identity import pid_of
from hpsearch.choosers.of_search import expected_runs, has_more
from hpsearch.console.bar import runs_per_second
from hpsearch.core.model import JobPhase, RunState
from hpsearch.core.ranking import Mean
from hpsearch.folder.by_configuration import seeds_of
from hpsearch.folder.liveness import Liveness, SearchState, liveness_of_controller, liveness_of_run
from hpsearch.folder.means import means_of
from hpsearch.folder.provenance import Provenance
from hpsearch.folder.reading import SearchReader, logs_of_attempts
from hpsearch.folder.run_tables import best_runs
from hpsearch.store.events import AttemptSubmitted
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder
from hpsearch.store.record import RunRecord, SearchRecord


@dataclass(frozen=True)
class LiveRun:
    """A run that was started and whose end the journal does not know.

    phase: ended if its controller has not noted it, unknown if it is on another machine. for_s: since submission.
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
    """What is known of a search at one moment (`at`, seconds since the epoch).

    liveness, holder: of its controller. counts: by the journal, queued and running ones as they are now, and running
    without those that have `ended` although the journal does not say so.
    runs_per_hour: None before the first run has ended. left_s: None where it cannot be told.
    over: the options that repeat a configuration; means: with such, the configurations, best first.
    best: the best finished run so far; with `over`, the first one that counts of the best configuration.
    failures: runs that ended and did not finish, except cancelled ones.
    expected: how many more runs a sampler will choose.
    starts: what each ran with, if that was asked for.
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
    failures: Sequence[RunRecord]
    starts: Sequence[Provenance] = ()


def status_of(reader: SearchReader, now: float, given_over: Sequence[str] = ()) -> SearchStatus:
    """Return the status of a search as its reader knows it. given_over: see `seeds_of`."""
    record, holder = reader.record, reader.holder()
    settings, over = record.known_settings(), seeds_of(record, given_over)
    means = means_of(record, over)
    liveness = liveness_of_controller(holder)
    counts = Counter(entry.state for entry in record)
    expected = expected_runs(record)
    left = sum(count for state, count in counts.items() if not state.is_final) + expected
    rate = _runs_per_hour(record, now if liveness is not Liveness.GONE else min(now, record.last_event_at or now))
    live = [
        LiveRun(entry, sent, _phase(reader.folder, entry, sent, liveness), max(0.0, now - sent.at))
        for entry in record
        if (sent := entry.submitted) is not None and entry.is_live
    ]
    phases = Counter(run.phase for run in live)
    queued, ended = phases[JobPhase.QUEUED], phases[JobPhase.ENDED]
    not_final = (entry for entry in record if entry.submitted is not None and not entry.state.is_final)
    ended += sum(entry.ended is not None for entry in not_final)
    counts[RunState.RUNNING] += counts[RunState.QUEUED] - queued - ended
    counts[RunState.QUEUED] = queued
    return SearchStatus(
        folder=reader.folder,
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
        best=next(iter([mean.counted[0] for mean in means[:1]] if over else best_runs(record, settings)), None),
        live=live,
        expected=expected,
        failures=[entry for entry in record if entry.state.is_failure],
    )


def ended_now(record: SearchRecord) -> list[RunRecord]:
    """Return the runs that have ended under the latest controller."""
    numbers = record.collected_now if record.controller is not None else ()
    return [entry for entry in record if entry.run.number in numbers and entry.state.is_final]


def _runs_per_hour(record: SearchRecord, now: float) -> float | None:
    """Return how many runs end in an hour under the latest controller; None if none has ended."""
    ended_at = [entry.collected_at for entry in ended_now(record) if entry.collected_at is not None]
    if record.controller is None or not ended_at:
        return None
    rate = runs_per_second(len(ended_at), record.controller.at, max(ended_at), now)
    return rate and 3600 * rate


def _phase(folder: SearchFolder, entry: RunRecord, submitted: AttemptSubmitted, liveness: Liveness) -> JobPhase:
    """Return what a run that was started does now; liveness: of its controller."""
    if liveness is Liveness.LIVE and not submitted.is_queued:
        return JobPhase.RUNNING
    of_run = liveness_of_run(entry, folder)
    if liveness is not Liveness.LIVE and of_run is Liveness.GONE:
        return JobPhase.ENDED
    if not submitted.is_queued:
        return JobPhase.RUNNING if of_run is Liveness.LIVE else JobPhase.UNKNOWN
    # Nobody may have looked since it started; the scheduler makes the log at that moment.
    logs = logs_of_attempts(folder, entry, ".out")
    has_started = entry.state is RunState.RUNNING or any(path.parent == folder.logs for path in logs.values())
    return JobPhase.RUNNING if has_started else JobPhase.QUEUED
