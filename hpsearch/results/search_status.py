"""How far a search is: its counts, its speed, the best run so far, what runs where. Asking changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.backends.process_identity import lives, pid_of
from hpsearch.core.model import RunState
from hpsearch.folder.liveness import Liveness, liveness_of_controller
from hpsearch.folder.reading import SearchReader, logs_of_attempts
from hpsearch.folder.run_tables import best_runs
from hpsearch.store.events import AttemptSubmitted
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder
from hpsearch.store.record import RunRecord, SearchRecord


@dataclass(frozen=True)
class LiveRun:
    """A run that was started and whose end the journal does not know.

    state: queued, running, ended (its controller has not noted it), or unknown (it is on another machine).
    job: the scheduler's id, or the process, for people. for_s: since it was submitted.
    """

    entry: RunRecord
    state: str
    place: str
    host: str
    job: str
    for_s: float


@dataclass(frozen=True)
class SearchStatus:
    """What is known of a search at one moment (`at`, seconds since the epoch).

    state: running, ended (every run has), stopped (runs are left and no controller is there), or unknown.
    runs_per_hour: None before the first run has ended. left_s: None where it cannot be told.
    best: the best finished run so far. failures: runs that ended and did not finish, except cancelled ones.
    """

    folder: SearchFolder
    record: SearchRecord
    at: float
    state: str
    liveness: Liveness
    holder: Holder | None
    last_event_at: float | None
    counts: Counter[RunState]
    runs_per_hour: float | None
    left_s: float | None
    best: RunRecord | None
    live: Sequence[LiveRun]
    failures: Sequence[RunRecord]

    @property
    def queued(self) -> int:
        """How many of the runs that were submitted wait in a queue."""
        return sum(run.state == "queued" for run in self.live)

    @property
    def submitted(self) -> int:
        """How many runs were submitted and are not collected."""
        return sum(count for state, count in self.counts.items() if state.value in ("queued", "running"))


def status_of(reader: SearchReader, now: float) -> SearchStatus:
    """Return the status of a search as its reader knows it."""
    record, holder = reader.record, reader.holder()
    liveness = liveness_of_controller(holder)
    counts = Counter(entry.state for entry in record)
    until = now if liveness is not Liveness.GONE else min(now, record.last_event_at or now)
    rate = _runs_per_hour(record, until)
    left = sum(count for state, count in counts.items() if not state.is_final)
    return SearchStatus(
        folder=reader.folder,
        record=record,
        at=now,
        state=_state(liveness, bool(left)),
        liveness=liveness,
        holder=holder,
        last_event_at=record.last_event_at,
        counts=counts,
        runs_per_hour=rate,
        left_s=left / rate * 3600 if rate and liveness is not Liveness.GONE else None,
        best=next(iter(best_runs(record, record.known_settings())), None),
        live=[live_run(reader.folder, entry, liveness, now) for entry in record if entry.is_live],
        failures=[entry for entry in record if entry.state.is_failure],
    )


def _state(liveness: Liveness, has_left: bool) -> str:

    without_controller = "stopped" if has_left else "ended"
    return {Liveness.GONE: without_controller, Liveness.LIVE: "running", Liveness.UNKNOWN: "unknown"}[liveness]


def _runs_per_hour(record: SearchRecord, now: float) -> float | None:
    """Return how many runs ended in an hour under the latest controller; None if none has."""
    ended = [
        entry.collected_at
        for entry in record
        if entry.state.is_final and entry.collected_at is not None and entry.run.number in record.collected_now
    ]
    if record.controller is None or not ended:
        return None
    took = max(ended) - record.controller.at
    # The time since the last end counts only as far as it is longer than it should be: runs end in bursts.
    silence = max(0.0, now - max(ended) - took / len(ended))
    return len(ended) / max(took + silence, 0.001) * 3600


def live_run(folder: SearchFolder, entry: RunRecord, liveness: Liveness, now: float) -> LiveRun:
    """Return what a run that was started does now; liveness: of its controller."""
    submitted = entry.submitted
    assert submitted is not None
    job = submitted.id if submitted.is_queued else f"process {pid_of(submitted.id)}"
    state = _live_state(folder, entry, submitted, liveness)
    place = entry.started.place if entry.started is not None else submitted.place
    return LiveRun(entry, state, place, submitted.host, job, max(0.0, now - submitted.at))


def _live_state(folder: SearchFolder, entry: RunRecord, submitted: AttemptSubmitted, liveness: Liveness) -> str:
    """Return whether a run is queued, running, ended without its controller's notice, or unknown."""
    if liveness is not Liveness.LIVE and folder.exit_file(entry.token).exists():
        return "ended"
    if submitted.is_queued:
        if entry.state is RunState.RUNNING:
            return "running"
        # Nobody may have looked since it started; the scheduler makes the log at that moment.
        logs = logs_of_attempts(folder, entry, ".out")
        return "running" if any(path.parent == folder.logs for path in logs.values()) else "queued"
    if liveness is Liveness.LIVE:
        return "running"
    return {True: "running", False: "ended", None: "unknown"}[lives(submitted.id, submitted.host)]
