"""``hpsearch status``: how far a search is, what is best so far, what runs where. Asking changes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hpsearch.config.subcommand import folder_parser
from hpsearch.console.exit_status import clean_up_when_interrupted

if TYPE_CHECKING:
    from hpsearch.app.screen import Screen
    from hpsearch.core.model import RunState
    from hpsearch.folder.controller import Presence
    from hpsearch.store.events import AttemptSubmitted
    from hpsearch.store.holder import Holder
    from hpsearch.store.layout import SearchFolder
    from hpsearch.store.reading import SearchReader
    from hpsearch.store.record import RunRecord, SearchRecord

_EXAMPLE = """\
examples:
  hpsearch status out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch status DIR --watch
  hpsearch status DIR --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"])'

Works while the search runs, from any machine that sees the folder, and after its end.
"""
#: How often --watch looks again.
_WATCH_INTERVAL_S = 1.0


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
    presence: Presence
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
    from hpsearch.app.report import best_runs
    from hpsearch.folder.controller import Presence, presence_of

    record, holder = reader.record, reader.holder()
    presence = presence_of(holder)
    counts = Counter(entry.state for entry in record)
    until = now if presence is not Presence.GONE else min(now, record.last_event_at or now)
    rate = _runs_per_hour(record, until)
    left = sum(count for state, count in counts.items() if not state.is_final)
    return SearchStatus(
        folder=reader.folder,
        record=record,
        at=now,
        state=_state(presence, bool(left)),
        presence=presence,
        holder=holder,
        last_event_at=record.last_event_at,
        counts=counts,
        runs_per_hour=rate,
        left_s=left / rate * 3600 if rate and presence is not Presence.GONE else None,
        best=next(iter(best_runs(record, 1)), None),
        live=[live_run(reader.folder, entry, presence, now) for entry in record if entry.is_live],
        failures=[entry for entry in record if entry.state.is_failure],
    )


def _state(presence: Presence, has_left: bool) -> str:
    from hpsearch.folder.controller import Presence

    without_controller = "stopped" if has_left else "ended"
    return {Presence.GONE: without_controller, Presence.LIVE: "running", Presence.UNKNOWN: "unknown"}[presence]


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


def live_run(folder: SearchFolder, entry: RunRecord, presence: Presence, now: float) -> LiveRun:
    """Return what a run that was started does now; presence: of its controller."""
    from hpsearch.backends.process_identity import pid_of

    submitted = entry.submitted
    assert submitted is not None
    job = submitted.id if submitted.is_queued else f"process {pid_of(submitted.id)}"
    state = _live_state(folder, entry, submitted, presence)
    place = entry.started.place if entry.started is not None else submitted.place
    return LiveRun(entry, state, place, submitted.host, job, max(0.0, now - submitted.at))


def _live_state(folder: SearchFolder, entry: RunRecord, submitted: AttemptSubmitted, presence: Presence) -> str:
    """Return whether a run is queued, running, ended without its controller's notice, or unknown."""
    from hpsearch.backends.process_identity import lives
    from hpsearch.core.model import RunState
    from hpsearch.folder.controller import Presence
    from hpsearch.store.reading import logs_of_attempts

    if presence is not Presence.LIVE and folder.exit_file(entry.token).exists():
        return "ended"
    if submitted.is_queued:
        if entry.state is RunState.RUNNING:
            return "running"
        # Nobody may have looked since it started; the scheduler makes the log at that moment.
        logs = logs_of_attempts(folder, entry, ".out")
        return "running" if any(path.parent == folder.logs for path in logs.values()) else "queued"
    if presence is Presence.LIVE:
        return "running"
    return {True: "running", False: "ended", None: "unknown"}[lives(submitted.id, submitted.host)]


def as_json(status: SearchStatus) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return the status with the keys that the documentation promises to scripts."""
    from hpsearch.config.own_call import resume_hint
    from hpsearch.core.model import RunState

    holder = status.holder
    return {
        "folder": str(status.folder.path),
        "state": status.state,
        "at": status.at,
        "started_at": status.record.started_at,
        "last_event_at": status.last_event_at,
        "controller": {
            "presence": status.presence.value,
            "host": holder.host if holder else None,
            "process": holder.pid if holder else None,
            "since": holder.since if holder else None,
        },
        "runs": len(status.record.runs),
        "counts": {state.value: status.counts[state] for state in RunState}
        | {"queued": status.queued, "running": status.submitted - status.queued},
        "runs_per_hour": status.runs_per_hour,
        "seconds_left": status.left_s,
        "best": _best_json(status),
        "live": [_live_json(run) for run in status.live],
        "failures": [_failure_json(entry, status.folder) for entry in status.failures],
        "resume": resume_hint(status.folder.path) if status.state == "stopped" else None,
    }


def _best_json(status: SearchStatus) -> dict[str, Any] | None:  # Any: see as_json
    from hpsearch.app.report import performance
    from hpsearch.store.values import readable

    if status.best is None:
        return None
    key = status.record.known_settings().performance_key
    return {
        "run": status.best.run.number,
        "key": key,
        "value": readable(performance(status.best, key)),
        "options": readable(status.best.run.configuration.as_dict()),
        "folder": str(status.folder.run_folder(status.best.run)),
    }


def _live_json(run: LiveRun) -> dict[str, Any]:  # Any: see as_json
    assert run.entry.submitted is not None
    return {
        "run": run.entry.run.number,
        "state": run.state,
        "place": run.place or None,
        "host": run.host,
        "job": run.entry.submitted.id,
        "since": run.entry.submitted.at,
        "seconds": run.for_s,
    }


def _failure_json(entry: RunRecord, folder: SearchFolder) -> dict[str, Any]:  # Any: see as_json
    from hpsearch.app.report import failure_log

    log = failure_log(entry, folder)
    return {"run": entry.run.number, "state": entry.state.value, "reason": entry.problem, "log": str(log)}


def main(argv: Sequence[str]) -> int:
    """Tell the status of a search; return the exit status."""
    parser = folder_parser("status", "Say how far a search is, and what it does. Nothing is changed.", _EXAMPLE)
    parser.add_argument("--watch", action="store_true", help="Show it anew until the search ends, or Ctrl-C.")
    parser.add_argument("--json", action="store_true", help="One JSON object on one line (keys: see docs/asking.rst).")
    options = parser.parse_args(argv)
    from hpsearch.app.screen import Screen

    return _tell(options.folder, options.watch, options.json, Screen(stamps=False))


def _tell(given: str, is_watching: bool, is_json: bool, screen: Screen) -> int:
    from hpsearch.store.reading import SearchReader, find_folder

    reader = SearchReader(find_folder(given))
    if not is_watching:
        screen.results(_lines(reader, is_json, screen))
        return 0
    try:
        _watch(reader, is_json, screen)
    except (KeyboardInterrupt, BrokenPipeError):
        screen.leave()
    return 0


def _lines(reader: SearchReader, is_json: bool, screen: Screen) -> list[str]:
    import json

    from hpsearch.results.status_text import status_lines

    status = status_of(reader, time.time())
    return [json.dumps(as_json(status))] if is_json else status_lines(status, screen.width)


def _watch(reader: SearchReader, is_json: bool, screen: Screen) -> None:
    """Show the status until nobody works on the search any more; without a terminal, only what is new."""
    clean_up_when_interrupted()
    seen: tuple[object, ...] = ()
    while True:
        now_seen = (reader.record.last_event_at, len(reader.record.runs), reader.holder())
        if screen.width is not None or now_seen != seen:
            seen = now_seen
            screen.redraw(_lines(reader, is_json, screen))
        if status_of(reader, time.time()).state in ("ended", "stopped"):
            return
        time.sleep(_WATCH_INTERVAL_S)
        reader.update()
