"""``hpsearch status``: how far a search is, what is best so far, what runs where. Asking changes nothing."""

import contextlib
import enum
import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.backends.process_identity import pid_of
from hpsearch.config.cluster_options import display_name
from hpsearch.config.parsers import folder_parser
from hpsearch.config.program import resume_hint
from hpsearch.console.bar import runs_per_second
from hpsearch.console.colour import green, red
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import aligned, amount, duration
from hpsearch.core.model import JobPhase, RunState
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.failures import failure_groups, failure_lines, known_cause, log_hint, shared_by
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run
from hpsearch.folder.reading import SearchReader, logs_of_attempts
from hpsearch.folder.run_tables import (
    best_runs,
    counts_text,
    failure_log,
    option_texts,
    options_text,
    performance,
    varying_options,
)
from hpsearch.store.events import AttemptSubmitted
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder
from hpsearch.store.record import RunRecord, SearchRecord
from hpsearch.store.values import readable

_EXAMPLE = """\
examples:
  hpsearch status                 the newest search below ./out
  hpsearch status --watch
  hpsearch status out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch status --json | jq .counts

Works on any machine that sees the folder, during the search and afterwards.
"""
#: How long --watch waits between two looks.
_WATCH_INTERVAL_S = 1.0
#: How many live runs and failures are named one by one.
_SHOWN = 10
#: The rate is told once this many runs have ended, if they take this long on average, in seconds.
_FEWEST_ENDS, _SHORTEST_S = 3, 1.0
#: What a live run does, as far as that can be seen from here.
_PHASES = {JobPhase.RUNNING: "running", JobPhase.QUEUED: "queued", JobPhase.UNKNOWN: "may be running"}
_LABEL_WIDTH = 9
#: A blank at which no line is wrapped.
_FIXED_BLANK = "\xa0"


class SearchState(enum.Enum):
    """What is known of a search. ended: every run has; stopped: runs are left, and no controller is there."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, controller: Liveness, left: int) -> "SearchState":
        """Return the state of a search from its controller's liveness and the number of runs that have not ended."""
        known = {Liveness.LIVE: cls.RUNNING, Liveness.UNKNOWN: cls.UNKNOWN}
        return known.get(controller, cls.STOPPED if left else cls.ENDED)


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
    best: the best finished run so far. failures: runs that ended and did not finish, except cancelled ones.
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
    best: RunRecord | None
    live: Sequence[LiveRun]
    failures: Sequence[RunRecord]


def status_of(reader: SearchReader, now: float) -> SearchStatus:
    """Return the status of a search as its reader knows it."""
    record, holder = reader.record, reader.holder()
    liveness = liveness_of_controller(holder)
    counts = Counter(entry.state for entry in record)
    left = sum(count for state, count in counts.items() if not state.is_final)
    rate = _runs_per_hour(record, now if liveness is not Liveness.GONE else min(now, record.last_event_at or now))
    live = [
        LiveRun(entry, sent, _phase(reader.folder, entry, sent, liveness), max(0.0, now - sent.at))
        for entry in record
        if (sent := entry.submitted) is not None and entry.is_live
    ]
    phases = Counter(run.phase for run in live)
    queued, ended = phases[JobPhase.QUEUED], phases[JobPhase.ENDED]
    ended += sum(entry.is_open and entry.ended is not None for entry in record)
    counts[RunState.RUNNING] += counts[RunState.QUEUED] - queued - ended
    counts[RunState.QUEUED] = queued
    return SearchStatus(
        folder=reader.folder,
        record=record,
        at=now,
        state=SearchState.of(liveness, left),
        liveness=liveness,
        holder=holder,
        counts=counts,
        ended=ended,
        runs_per_hour=rate,
        left_s=left / rate * 3600 if rate and liveness is not Liveness.GONE else None,
        best=next(iter(best_runs(record, record.known_settings())), None),
        live=live,
        failures=[entry for entry in record if entry.state.is_failure],
    )


def _ended_now(record: SearchRecord) -> list[RunRecord]:
    """Return the runs that have ended under the latest controller."""
    numbers = record.collected_now if record.controller is not None else ()
    return [entry for entry in record if entry.run.number in numbers and entry.state.is_final]


def _runs_per_hour(record: SearchRecord, now: float) -> float | None:
    """Return how many runs end in an hour under the latest controller; None if none has ended."""
    ended_at = [entry.collected_at for entry in _ended_now(record) if entry.collected_at is not None]
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


def main(argv: Sequence[str]) -> int:
    """Tell the status of a search; return the exit status."""
    parser = folder_parser("status", "Show how far a search is, its best run and its failures.", _EXAMPLE)
    parser.add_argument("--watch", action="store_true", help="Repeat until the search ends or you press Ctrl-C.")
    parser.add_argument("--json", action="store_true", help="Print one line of JSON (keys: docs/asking.rst).")
    options = parser.parse_args(argv)
    console = Console(stamps=False)
    reader = SearchReader(choose_folder(options.folder, console))
    if not options.watch:
        return console.table(_lines(status_of(reader, time.time()), options.json, console.width))
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _watch(reader, options.json, console)
    return 0


def _lines(status: SearchStatus, is_json: bool, width: int | None, height: int | None = None) -> list[str]:
    return [json.dumps(as_json(status))] if is_json else status_lines(status, width, height)


def _watch(reader: SearchReader, is_json: bool, console: Console) -> None:
    """Show the status until nobody works on the search any more; without a terminal, only what is new."""
    clean_up_when_interrupted()
    seen: tuple[object, ...] = ()
    while True:
        status = status_of(reader, time.time())
        now_seen = (reader.record.last_event_at, len(reader.record.runs), status.holder)
        if console.width is not None or now_seen != seen:
            seen = now_seen
            console.redraw(_lines(status, is_json, console.width, console.height))
        # Jobs that were left to a scheduler go on without a controller.
        is_moving = any(run.submitted.is_queued and run.phase is not JobPhase.ENDED for run in status.live)
        if status.state is SearchState.ENDED or (status.state is SearchState.STOPPED and not is_moving):
            return
        time.sleep(_WATCH_INTERVAL_S)
        reader.update()


def status_lines(status: SearchStatus, width: int | None, height: int | None = None) -> list[str]:
    """Return the status as lines. width, height: of the terminal, which the lines have to fit; None = of any size."""
    lines = _status_lines(status, width, _SHOWN)
    for shown in reversed(range(_SHOWN)):
        if height is None or len(lines) < height:
            break
        lines = _status_lines(status, width, shown)
    return lines


def _status_lines(status: SearchStatus, width: int | None, shown: int) -> list[str]:
    """Return the status as lines, with this many live and failed runs one by one."""
    room = None if width is None else max(width - _LABEL_WIDTH, 20)
    parts: list[tuple[str, Iterable[str], Callable[[str], str]]] = [
        ("search", [str(status.folder.path)], str),
        ("name", [name] if (name := status.record.known_settings().name) else [], str),
        ("state", _state(status), str),
        ("runs", [_runs(status)], str),
        ("rate", _rate(status), str),
        ("left", _left(status), str),
        ("best", _best(status), green),
        ("live", _live(status.live, shown, room), str),
        ("failed", _failed(status, shown), red),
    ]
    lines: list[str] = []
    for label, texts, colour in parts:
        wrapped = [line.replace(_FIXED_BLANK, " ") for text in texts for line in _wrapped(text, room)]
        for number, line in enumerate(wrapped):
            lines.append(f"{'' if number else label:<{_LABEL_WIDTH}}{colour(line)}")
    return lines


def _wrapped(text: str, room: int | None) -> list[str]:
    """Return a text in lines of this width; paths, commands and rows of a table stay whole."""
    if room is None:
        return [text]
    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _state(status: SearchStatus) -> Iterator[str]:
    """Say whether the search runs, who works on it, and how to resume it if nobody does."""
    if status.state is SearchState.RUNNING:
        yield f"running: {status.holder}"
    elif status.state is SearchState.UNKNOWN:
        yield f"unknown: {status.holder}, which cannot be seen from this machine"
    elif status.state is SearchState.ENDED:
        yield "ended"
    else:
        left = sum(entry.result.state is not RunState.FINISHED for entry in status.record)
        hint = resume_hint(status.folder.path).replace(" ", _FIXED_BLANK)
        jobs = [run for run in status.live if run.submitted.is_queued]
        more = f", {amount(left - len(jobs), 'other run')} left" if left > len(jobs) else ""
        if jobs:
            yield f"left to {_scheduler(status)}: {_phases(jobs)}{more}; collect with: {hint}"
        else:
            yield f"stopped, {amount(left, 'run')} left; resume with: {hint}"
        if status.holder is not None:
            yield f"the controller is gone ({status.holder})"
    if status.record.last_event_at is not None:
        yield f"last event {duration(max(0.0, status.at - status.record.last_event_at))} ago"


def _scheduler(status: SearchStatus) -> str:
    return display_name(str(status.record.options.get("scheduler", "the scheduler")))


def _phases(jobs: Sequence[LiveRun]) -> str:
    """Say how many jobs do what, as far as the files that they leave tell."""
    counts = Counter(run.phase for run in jobs)
    return ", ".join(f"{counts[phase]:,} {phase.value}" for phase in JobPhase if counts[phase])


def _runs(status: SearchStatus) -> str:
    """Say how many runs are in each state, as far as that can be seen from here."""
    unseen = sum(run.phase is JobPhase.UNKNOWN for run in status.live)
    counts = counts_text(status.counts - Counter({RunState.RUNNING: unseen}))
    counts += f", {unseen:,} may be running" if unseen else ""
    counts += f", {status.ended:,} ended but not collected" if status.ended else ""
    return f"{len(status.record.runs):,}: {counts}"


def _rate(status: SearchStatus) -> Iterator[str]:
    """Say how fast runs end, while that means something: not after two ends, nor of runs that take no time."""
    spans = [
        entry.ended.at - entry.submitted.at for entry in _ended_now(status.record) if entry.ended and entry.submitted
    ]
    is_telling = len(spans) >= _FEWEST_ENDS and sum(spans) >= _SHORTEST_S * len(spans)
    if status.runs_per_hour is not None and status.liveness is not Liveness.GONE and is_telling:
        digits = ",.0f" if status.runs_per_hour >= 10 else ".2g"
        yield f"{status.runs_per_hour:{digits}} runs an hour"


def _left(status: SearchStatus) -> Iterator[str]:
    if status.left_s and len(status.record.collected_now) >= _FEWEST_ENDS:
        now, end = time.localtime(status.at), time.localtime(status.at + status.left_s)
        moment = "%H:%M" if now[:3] == end[:3] else "%Y-%m-%d %H:%M"
        yield f"about {duration(status.left_s)}, until {time.strftime(moment, end)}"


def _best(status: SearchStatus) -> Iterator[str]:
    key = status.record.known_settings().performance_key
    if status.best is None:
        none = "none" if status.state is SearchState.ENDED else "none yet"
        yield f"none: no finished run has a number under {key}" if status.counts[RunState.FINISHED] else none
        return
    yield f"{key} {performance(status.best, key):g} (run {status.best.run.number})"
    if text := options_text(option_texts(status.best, varying_options(status.record))):
        yield text


def _live(runs: Sequence[LiveRun], shown: int, room: int | None) -> list[str]:
    """Return a table of the live runs, without columns that say nothing, and without hosts where there is no room."""
    live = [run for run in runs if run.phase is not JobPhase.ENDED]
    if not live:
        return []
    rows = [["run", "state", "on", "host", "job", "for"]]
    for run in live[:shown]:
        number, host = str(run.entry.run.number), run.submitted.host
        rows.append([number, _PHASES[run.phase], run.place or "-", host, run.job, duration(run.for_s)])
    if not any(run.place for run in live[:shown]):
        rows = [[*row[:2], *row[3:]] for row in rows]
    lines = aligned(rows)
    if room is not None and max(map(len, lines)) > room:
        lines = aligned([[*row[:-3], *row[-2:]] for row in rows])
    return [_whole(line) for line in lines if shown] + _more(len(live), shown)


def _failed(status: SearchStatus, shown: int) -> list[str]:
    return list(failure_lines(status.failures, status.record, status.folder, shown, _whole))


def _whole(line: str) -> str:
    """Return a line that is not wrapped."""
    return line.replace(" ", _FIXED_BLANK)


def _more(count: int, shown: int) -> list[str]:
    return [f"... and {count - shown:,} more (--json lists all)"] if count > shown else []


def as_json(status: SearchStatus) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return the status with the keys that the documentation promises to scripts."""
    holder = status.holder
    return {
        "folder": str(status.folder.path),
        "name": status.record.known_settings().name or None,
        "state": status.state.value,
        "at": status.at,
        "started_at": status.record.started_at,
        "last_event_at": status.record.last_event_at,
        "controller": {
            "presence": status.liveness.value,
            "host": holder.host if holder else None,
            "process": holder.pid if holder else None,
            "since": holder.since if holder else None,
        },
        "runs": len(status.record.runs),
        "counts": {state.value: status.counts[state] for state in RunState},
        "runs_per_hour": status.runs_per_hour,
        "seconds_left": status.left_s,
        "best": None if status.best is None else _best_json(status.best, status),
        "live": [_live_json(run) for run in status.live],
        "failures": [
            {
                "run": entry.run.number,
                "state": entry.state.value,
                "reason": entry.problem,
                "log": str(failure_log(entry, status.folder)),
                "cause": known_cause(entry, status.folder),
            }
            for entry in status.failures
        ],
        "resume": resume_hint(status.folder.path) if status.state is SearchState.STOPPED else None,
        "failure_groups": _groups_json(status),
    }


def _groups_json(status: SearchStatus) -> list[dict[str, Any]]:  # Any: see as_json
    names = varying_options(status.record)
    return [
        {
            "state": group.state.value,
            "cause": group.cause,
            "runs": [entry.run.number for entry in group.runs],
            "options": shared_by(group, names),
            "logs": log_hint(group.runs[0], status.folder) or None,
        }
        for group in failure_groups(status.failures, status.folder)
    ]


def _best_json(best: RunRecord, status: SearchStatus) -> dict[str, Any]:  # Any: see as_json
    key = status.record.known_settings().performance_key
    return {
        "run": best.run.number,
        "key": key,
        "value": readable(performance(best, key)),
        "options": readable(best.run.configuration.as_dict()),
        "folder": str(status.folder.run_folder(best.run)),
    }


def _live_json(run: LiveRun) -> dict[str, Any]:  # Any: see as_json
    return {
        "run": run.entry.run.number,
        "state": run.phase.value,
        "place": run.place or None,
        "host": run.submitted.host,
        "job": run.submitted.id,
        "since": run.submitted.at,
        "seconds": run.for_s,
    }
