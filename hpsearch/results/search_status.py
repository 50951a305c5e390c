"""How far a search is: its counts, its speed, the best run so far, what runs where. Asking changes nothing."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.backends.process_identity import pid_of
from hpsearch.core.model import JobPhase, RunState
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run
from hpsearch.folder.reading import SearchReader, logs_of_attempts
from hpsearch.folder.run_tables import best_runs
from hpsearch.store.events import AttemptSubmitted
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder
from hpsearch.store.record import RunRecord, SearchRecord


class SearchState(enum.Enum):
    """What is known of a search. ended: every run has; stopped: runs are left, and no controller is there."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    UNKNOWN = "unknown"

    @property
    def is_over(self) -> bool:
        """True if nobody works on it any more."""
        return self in (SearchState.ENDED, SearchState.STOPPED)


@dataclass(frozen=True)
class LiveRun:
    """A run that was started and whose end the journal does not know.

    phase: ended if its controller has not noted it, unknown if it is on another machine.
    job: the scheduler's id, or the process, for people. for_s: since it was submitted.
    """

    entry: RunRecord
    submitted: AttemptSubmitted
    phase: JobPhase
    place: str
    job: str
    for_s: float


@dataclass(frozen=True)
class SearchStatus:
    """What is known of a search at one moment (`at`, seconds since the epoch).

    liveness: of its controller. counts: by the journal. queued: how many of the submitted runs wait in a queue.
    runs_per_hour: None before the first run has ended. left_s: None where it cannot be told.
    best: the best finished run so far. failures: runs that ended and did not finish, except cancelled ones.
    """

    folder: SearchFolder
    record: SearchRecord
    at: float
    state: SearchState
    liveness: Liveness
    holder: Holder | None
    counts: Counter[RunState]
    queued: int
    runs_per_hour: float | None
    left_s: float | None
    best: RunRecord | None
    live: Sequence[LiveRun]
    failures: Sequence[RunRecord]

    @property
    def running(self) -> int:
        """How many of the runs that were submitted and are not collected do not wait in a queue."""
        return self.counts[RunState.QUEUED] + self.counts[RunState.RUNNING] - self.queued


def status_of(reader: SearchReader, now: float) -> SearchStatus:
    """Return the status of a search as its reader knows it."""
    record, holder = reader.record, reader.holder()
    liveness = liveness_of_controller(holder)
    counts = Counter(entry.state for entry in record)
    until = now if liveness is not Liveness.GONE else min(now, record.last_event_at or now)
    rate = _runs_per_hour(record, until)
    left = sum(count for state, count in counts.items() if not state.is_final)
    states = {Liveness.LIVE: SearchState.RUNNING, Liveness.UNKNOWN: SearchState.UNKNOWN}
    live = [
        _live_run(reader.folder, entry, entry.submitted, liveness, now)
        for entry in record
        if entry.submitted is not None and entry.is_live
    ]
    return SearchStatus(
        folder=reader.folder,
        record=record,
        at=now,
        state=states.get(liveness, SearchState.STOPPED if left else SearchState.ENDED),
        liveness=liveness,
        holder=holder,
        counts=counts,
        queued=sum(run.phase is JobPhase.QUEUED for run in live),
        runs_per_hour=rate,
        left_s=left / rate * 3600 if rate and liveness is not Liveness.GONE else None,
        best=next(iter(best_runs(record, record.known_settings())), None),
        live=live,
        failures=[entry for entry in record if entry.state.is_failure],
    )


def _runs_per_hour(record: SearchRecord, now: float) -> float | None:
    """Return how many runs end in an hour under the latest controller; None if none has ended."""
    ended = [
        entry.collected_at
        for entry in record
        if entry.state.is_final and entry.collected_at is not None and entry.run.number in record.collected_now
    ]
    if record.controller is None or not ended:
        return None
    took = max(ended) - record.controller.at
    # Runs end in bursts: the time since the last end counts only where it is longer than the average.
    silence = max(0.0, now - max(ended) - took / len(ended))
    return len(ended) / max(took + silence, 0.001) * 3600


def _live_run(
    folder: SearchFolder, entry: RunRecord, submitted: AttemptSubmitted, liveness: Liveness, now: float
) -> LiveRun:
    job = submitted.id if submitted.is_queued else f"process {pid_of(submitted.id)}"
    place = entry.started.place if entry.started is not None else submitted.place
    phase = _phase(folder, entry, submitted, liveness)
    return LiveRun(entry, submitted, phase, place, job, max(0.0, now - submitted.at))


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
