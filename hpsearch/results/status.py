"""``hpsearch status``: how far a search is, what is best so far, what runs where. Asking changes nothing."""

from __future__ import annotations

import contextlib
import json
import textwrap
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from hpsearch.config.parsers import folder_parser
from hpsearch.config.program import resume_hint
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import aligned, duration
from hpsearch.core.model import RunState
from hpsearch.folder.liveness import Liveness
from hpsearch.folder.reading import SearchReader, find_folder
from hpsearch.folder.run_tables import counts_text, failure_log, failure_reason, performance, varying_options
from hpsearch.results.search_status import LiveRun, SearchState, SearchStatus, status_of
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord
from hpsearch.store.values import readable

_EXAMPLE = """\
examples:
  hpsearch status out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch status DIR --watch
  hpsearch status DIR --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"])'

Works while the search runs, from any machine that sees the folder, and after its end.
"""
#: How long --watch waits between two looks.
_WATCH_INTERVAL_S = 1.0
#: How many live runs and failures are named one by one.
_SHOWN = 10
_LABEL_WIDTH = 9
#: A blank at which no line is wrapped.
_FIXED_BLANK = "\xa0"


def main(argv: Sequence[str]) -> int:
    """Tell the status of a search; return the exit status."""
    parser = folder_parser("status", "Say how far a search is and what it does. Changes nothing.", _EXAMPLE)
    parser.add_argument("--watch", action="store_true", help="Repeat it until the search ends, or Ctrl-C.")
    parser.add_argument("--json", action="store_true", help="One JSON object on one line (keys: see docs/asking.rst).")
    options = parser.parse_args(argv)
    return _tell(options.folder, options.watch, options.json, Console(stamps=False))


def _tell(given: str, is_watching: bool, is_json: bool, console: Console) -> int:
    reader = SearchReader(find_folder(given))
    if not is_watching:
        console.results(_lines(status_of(reader, time.time()), is_json, console))
        return 0
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _watch(reader, is_json, console)
    return 0


def _lines(status: SearchStatus, is_json: bool, console: Console) -> list[str]:
    return [json.dumps(as_json(status))] if is_json else status_lines(status, console.width)


def _watch(reader: SearchReader, is_json: bool, console: Console) -> None:
    """Show the status until nobody works on the search any more; without a terminal, only what is new."""
    clean_up_when_interrupted()
    seen: tuple[object, ...] = ()
    while True:
        status = status_of(reader, time.time())
        now_seen = (reader.record.last_event_at, len(reader.record.runs), status.holder)
        if console.width is not None or now_seen != seen:
            seen = now_seen
            console.redraw(_lines(status, is_json, console))
        if status.state.is_over:
            return
        time.sleep(_WATCH_INTERVAL_S)
        reader.update()


def status_lines(status: SearchStatus, width: int | None) -> list[str]:
    """Return the status as lines; width: of the terminal, None where there is none."""
    parts = [
        ("search", [str(status.folder.path)]),
        ("control", _control(status)),
        ("runs", [_runs(status)]),
        ("rate", _rate(status)),
        ("best", _best(status)),
        ("live", _live(status.live)),
        ("failed", _failed(status)),
    ]
    lines: list[str] = []
    for label, texts in parts:
        for number, text in enumerate(texts):
            lines += _indented(label if number == 0 else "", text, width)
    return lines


def _indented(label: str, text: str, width: int | None) -> list[str]:
    """Return a text behind its label, wrapped to a terminal's width; paths and rows of a table stay whole."""
    wrapped = [text]
    if width is not None:
        room = max(width - _LABEL_WIDTH, 20)
        wrapped = textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    lines = [line.replace(_FIXED_BLANK, " ") for line in wrapped]
    return [f"{label if number == 0 else '':<{_LABEL_WIDTH}}{line}" for number, line in enumerate(lines)]


def _control(status: SearchStatus) -> Iterator[str]:
    """Say who works on the search, and how to go on if nobody does."""
    if status.liveness is Liveness.LIVE:
        yield f"live: {status.holder}"
    elif status.liveness is Liveness.UNKNOWN:
        yield f"{status.holder}; whether it still lives cannot be seen from this machine"
    elif status.state is SearchState.ENDED:
        yield "none: every run has ended"
    else:
        yield "nobody works on it" if status.holder is None else f"the controller is gone ({status.holder})"
        yield f"go on with: {resume_hint(status.folder.path)}"
    if status.record.last_event_at is not None:
        yield f"last event {duration(max(0.0, status.at - status.record.last_event_at))} ago"


def _runs(status: SearchStatus) -> str:
    counts = Counter({**status.counts, RunState.QUEUED: status.queued, RunState.RUNNING: status.running})
    return f"{len(status.record.runs):,}: {counts_text(counts)}"


def _rate(status: SearchStatus) -> Iterator[str]:
    if status.runs_per_hour is not None:
        digits = ",.0f" if status.runs_per_hour >= 10 else ".2g"
        text = f"{status.runs_per_hour:{digits}} runs an hour"
        if status.left_s:
            end = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.at + status.left_s))
            text += f"; about {duration(status.left_s)} left (until {end})"
        yield text
    elif status.liveness is not Liveness.GONE:
        yield "no run has ended since the controller started"


def _best(status: SearchStatus) -> Iterator[str]:
    key = status.record.known_settings().performance_key
    if status.best is None:
        yield f"no finished run with a number under {key}"
        return
    yield f"{key} {performance(status.best, key):g} (run {status.best.run.number})"
    options = status.best.run.configuration.as_dict()
    varying = [f"{name}={options[name]}" for name in varying_options(status.record) if name in options]
    if varying:
        yield "  ".join(varying)


def _live(runs: Sequence[LiveRun]) -> list[str]:
    if not runs:
        return []
    rows = [["run", "state", "on", "host", "job", "for"]]
    for run in runs[:_SHOWN]:
        number, host = str(run.entry.run.number), run.submitted.host
        rows.append([number, run.phase.value, run.place or "-", host, run.job, duration(run.for_s)])
    if not any(run.place for run in runs[:_SHOWN]):
        rows = [[*row[:2], *row[3:]] for row in rows]
    return [line.replace(" ", _FIXED_BLANK) for line in aligned(rows)] + _more(len(runs))


def _failed(status: SearchStatus) -> list[str]:
    lines = []
    for entry in status.failures[:_SHOWN]:
        lines += [failure_reason(entry), f"  log:{_FIXED_BLANK}{failure_log(entry, status.folder)}"]
    return lines + _more(len(status.failures))


def _more(count: int) -> list[str]:
    return [f"... and {count - _SHOWN:,} more (--json lists all)"] if count > _SHOWN else []


def as_json(status: SearchStatus) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return the status with the keys that the documentation promises to scripts."""
    holder = status.holder
    return {
        "folder": str(status.folder.path),
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
        "counts": {state.value: status.counts[state] for state in RunState}
        | {"queued": status.queued, "running": status.running},
        "runs_per_hour": status.runs_per_hour,
        "seconds_left": status.left_s,
        "best": None if status.best is None else _best_json(status.best, status),
        "live": [_live_json(run) for run in status.live],
        "failures": [_failure_json(entry, status.folder) for entry in status.failures],
        "resume": resume_hint(status.folder.path) if status.state is SearchState.STOPPED else None,
    }


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


def _failure_json(entry: RunRecord, folder: SearchFolder) -> dict[str, Any]:  # Any: see as_json
    log = failure_log(entry, folder)
    return {"run": entry.run.number, "state": entry.state.value, "reason": entry.problem, "log": str(log)}
