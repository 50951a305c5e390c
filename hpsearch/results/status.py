"""``hpsearch status``: how far a search is, what is best so far, what runs where. It changes nothing.

Modules for what only some searches have (a sampler, failures, a stop) are imported when needed: `status` runs often.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from hpsearch.choosers.of_search import chooser_lines
from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.console.colour import green, red
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import aligned, amount, duration
from hpsearch.core.model import JobPhase, RunState
from hpsearch.core.ranking import difference_text, number_of, p_of_second
from hpsearch.folder.by_configuration import check_over
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.failures import known_cause, log_hint, shared_by
from hpsearch.folder.liveness import Liveness, SearchState
from hpsearch.folder.means import mean_json, runs_text
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import (
    counts_text,
    failure_log,
    option_texts,
    options_text,
    performance,
)
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.values import readable
from hpsearch.results.search_status import LiveRun, SearchStatus, StatusReader
from hpsearch.startup.classes import asdict, replace
from hpsearch.store.run_folders import folder_of

_EXAMPLE = """\
examples:
  hpsearch status                 the newest search below ./out
  hpsearch status --watch
  hpsearch status out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch status --json | jq .counts

Works on any machine that sees the folder, during the search and afterwards.
"""
#: The pause of --watch between two looks.
_WATCH_INTERVAL_S = 1.0
#: The pause grows until looks take at most this share of the time: a sampler or means need all runs at each look.
_SHARE_OF_A_CORE = 0.01
_LONGEST_INTERVAL_S = 30.0
#: The most live runs and failures named one by one.
_SHOWN = 10
#: The rate is told once this many runs have ended, if they take at least this long on average, in seconds.
_FEWEST_ENDS, _SHORTEST_S = 3, 1.0
#: The phase of a live run, in words.
_PHASES = {JobPhase.RUNNING: "running", JobPhase.QUEUED: "queued", JobPhase.UNKNOWN: "may be running"}
_LABEL_WIDTH = 9
#: A no-break space, at which no line is wrapped.
_FIXED_BLANK = "\xa0"


def main(argv: Sequence[str]) -> int:
    """Show the status of a search; return the exit status."""
    parser = folder_parser("status", "Show how far a search is, its best run and its failures.", _EXAMPLE)
    parser.add_argument("--watch", action="store_true", help="Repeat until the search ends or you press Ctrl-C.")
    verbose_help = "Also show commit, Python, packages and GPUs of each start of the search."
    parser.add_argument("--verbose", action="store_true", help=verbose_help)
    parser.add_argument("--json", action="store_true", help="Print one line of JSON (keys: docs/asking.rst).")
    add_over(parser, "Show means of configurations, as in a search with seeds.")
    options = parser.parse_args(argv)
    console = Console(stamps=False)
    reader = SearchReader(choose_folder(options.folder, console))
    check_over(options.over, reader.record.known_settings().option_names, reader.folder.path)
    source = StatusReader(reader, options.over)
    if not options.watch:
        return console.table(_lines(_status(source, options.verbose), options.json, console.width))
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _watch(source, options.verbose, options.json, console)
    return 0


def _status(source: StatusReader, is_verbose: bool) -> SearchStatus:
    status = source.status(time.time())
    if not is_verbose:
        return status
    from hpsearch.folder.provenance import provenances

    return replace(status, starts=provenances(status.folder))


def _lines(status: SearchStatus, is_json: bool, width: int | None, height: int | None = None) -> list[str]:
    return [json.dumps(as_json(status))] if is_json else status_lines(status, width, height)


def _watch(source: StatusReader, is_verbose: bool, is_json: bool, console: Console) -> None:
    """Show the status until no controller works on the search; without a terminal, only when it changes."""
    clean_up_when_interrupted()
    seen: tuple[object, ...] = ()
    while True:
        began_s = time.process_time()
        status = _status(source, is_verbose)
        now_seen = (status.record.last_event_at, len(status.record.runs), status.holder, status.state, status.counts)
        if console.width is not None or now_seen != seen:
            console.redraw(_lines(status, is_json, console.width, console.height))
        # Jobs left to a scheduler go on without a controller.
        is_moving = any(run.submitted.is_queued and run.phase is not JobPhase.ENDED for run in status.live)
        if status.state is SearchState.ENDED or (status.state is SearchState.STOPPED and not is_moving):
            return
        # The first look reads everything, later ones only what is new.
        took_s = time.process_time() - began_s if seen else 0.0
        seen = now_seen
        time.sleep(max(_WATCH_INTERVAL_S, min(took_s / _SHARE_OF_A_CORE, _LONGEST_INTERVAL_S)))
        source.update()


def status_lines(status: SearchStatus, width: int | None, height: int | None = None) -> list[str]:
    """Return the status as lines. width, height: of the terminal that the lines must fit; None = any size."""
    if height is None:
        return _status_lines(status, width, _SHOWN)
    # The cursor needs the last line.
    fitting = (_status_lines(status, width, shown, breaks=True) for shown in range(_SHOWN, -1, -1))
    return next((lines for lines in fitting if len(lines) < height), _status_lines(status, width, 0, breaks=True))


def _status_lines(status: SearchStatus, width: int | None, shown: int, breaks: bool = False) -> list[str]:
    """Return the status as lines, with `shown` live and failed runs one by one. breaks: break long paths, too."""
    # Some terminals wrap when the last column is written.
    room = None if width is None else max(width - _LABEL_WIDTH - 1, 20)
    parts: list[tuple[str, Iterable[str], Callable[[str], str]]] = [
        ("search", [str(status.folder.path)], str),
        ("name", [name] if (name := status.record.known_settings().name) else [], str),
        ("state", _state(status), str),
        ("runs", [_runs(status)], str),
        ("rate", _rate(status), str),
        ("left", _left(status), str),
        ("best", _best(status), green),
        ("second", _second(status), str),
        ("sampler", _of_chooser(status, "sampler"), str),
        ("budgets", _of_chooser(status, "budgets"), str),
        ("race", (*_of_chooser(status, "race"), *_drops(status, shown)), str),
        ("live", _live(status.live, shown, room), str),
        ("failed", status.failures.lines(shown, _whole), red),
        ("stopped", status.stopped.lines(shown, _whole), str),
        ("starts", _starts(status), str),
    ]
    lines: list[str] = []
    for label, texts, colour in parts:
        wrapped = [line.replace(_FIXED_BLANK, " ") for text in texts for line in _wrapped(text, room, breaks)]
        for number, line in enumerate(wrapped):
            lines.append(f"{'' if number else label:<{_LABEL_WIDTH}}{colour(line)}")
    return lines


def _wrapped(text: str, room: int | None, breaks: bool) -> list[str]:
    """Wrap a text to a width; paths, commands and rows of a table stay whole unless `breaks`."""
    if room is None:
        return [text]
    import textwrap

    return textwrap.wrap(text, room, subsequent_indent="  ", break_long_words=breaks, break_on_hyphens=False)


def _state(status: SearchStatus) -> Iterator[str]:
    """Say whether the search runs, which controller works on it, and how to resume it if none does."""
    if status.state is SearchState.RUNNING:
        yield f"running: {status.holder}"
    elif status.state is SearchState.UNKNOWN:
        yield f"unknown: {status.holder}, which cannot be seen from this machine"
    elif status.state is SearchState.ENDED:
        yield "ended"
    else:
        from hpsearch.config.program import resume_hint

        left = status.not_done
        hint = resume_hint(status.folder.path).replace(" ", _FIXED_BLANK)
        jobs = [run for run in status.live if run.submitted.is_queued]
        others = f"; {amount(left - len(jobs), 'other run')} not done; resume" if left > len(jobs) else "; collect"
        if jobs:
            yield f"left to {_scheduler(status)}: {_phases(jobs)}{others} with: {hint}"
        else:
            left += status.expected
            what = f"stopped, {amount(left, 'run')} left" if left else "stopped before the race was over"
            yield f"{what}; resume with: {hint}"
        if status.holder is not None:
            yield f"the controller is gone ({status.holder})"
    if status.record.last_event_at is not None:
        yield f"last event {duration(max(0.0, status.at - status.record.last_event_at))} ago"


def _scheduler(status: SearchStatus) -> str:
    from hpsearch.config.cluster_options import display_name

    return display_name(str(status.record.options.get("scheduler", "the scheduler")))


def _phases(jobs: Sequence[LiveRun]) -> str:
    """Say how many jobs are in each phase, judging by their files."""
    counts = Counter(run.phase for run in jobs)
    phases = (JobPhase.RUNNING, JobPhase.QUEUED, JobPhase.ENDED)
    return ", ".join(f"{counts[phase]:,} {phase.value}" for phase in phases if counts[phase])


def _runs(status: SearchStatus) -> str:
    """Say how many runs are in each state, as seen from this machine."""
    unseen = sum(run.phase is JobPhase.UNKNOWN for run in status.live)
    counts = counts_text(status.counts - Counter({RunState.RUNNING: unseen}))
    counts += f", {unseen:,} may be running" if unseen else ""
    counts += f", {status.ended:,} ended but not collected" if status.ended else ""
    counts += f", {status.expected:,} to be chosen" if status.expected else ""
    return f"{len(status.record.runs):,}: {counts}"


def _rate(status: SearchStatus) -> Iterator[str]:
    """Say how fast runs end, if that means something: not after two ends, nor for runs of under a second."""
    count, mean_s = status.lengths_s
    is_telling = count >= _FEWEST_ENDS and mean_s >= _SHORTEST_S
    if status.runs_per_hour is not None and status.liveness is not Liveness.GONE and is_telling:
        digits = ",.0f" if status.runs_per_hour >= 10 else ".2g"
        yield f"{status.runs_per_hour:{digits}} runs an hour"


def _left(status: SearchStatus) -> Iterator[str]:
    if status.left_s and status.record.collected_now >= _FEWEST_ENDS:
        now, end = time.localtime(status.at), time.localtime(status.at + status.left_s)
        moment = "%H:%M" if now[:3] == end[:3] else "%Y-%m-%d %H:%M"
        yield f"about {duration(status.left_s)}, until {time.strftime(moment, end)}"


def _best(status: SearchStatus) -> Iterator[str]:
    key = status.record.known_settings().performance_key
    if status.best is None:
        none = "none" if status.state is SearchState.ENDED else "none yet"
        yield f"none: no finished run has a number under {key}" if status.counts[RunState.FINISHED] else none
        return
    for mean in status.means[:1]:
        few, noun = f" ({mean.lacks})" if mean.lacks else "", "runs" if mean.spread.count > 1 else "run"
        yield f"{key} {mean.text}: {noun} {runs_text(mean)}{few}"
    if not status.means:
        yield f"{key} {performance(status.best, key):g} (run {status.best.run.number})"
    yield from filter(None, [_options(status.best, status)])


def _second(status: SearchStatus) -> Iterator[str]:
    """Name the second best configuration, if they have several runs, and say whether it differs from the best."""
    for mean in status.means[1:2]:
        yield ": ".join(filter(None, [mean.text, _options(mean.counted[0], status)]))
        yield from filter(None, [difference_text(status.means)])


def _options(entry: RunRecord, status: SearchStatus) -> str:
    names = (name for name in status.failures.varying if name not in status.over)
    return options_text(option_texts(entry, names))


def _of_chooser(status: SearchStatus, label: str) -> Iterator[str]:
    """Say how far a sampler, a race or budgets have come."""
    lines = (line.partition(": ") for line in chooser_lines(status.record))
    yield from (text for head, _, text in lines if head == label)


def _drops(status: SearchStatus, shown: int) -> Iterator[str]:
    """Name the configurations that a race dropped last."""
    drops = status.record.drops[::-1]
    if not drops:
        return
    from hpsearch.choosers.race import drop_text

    for drop in drops[:shown]:
        yield f"{drop_text(drop, status.record)}, {duration(max(0.0, status.at - drop.at))} ago"
    yield from _more(len(drops), shown)


def _live(runs: Sequence[LiveRun], shown: int, room: int | None) -> list[str]:
    """Return a table of the live runs, without empty columns, and without hosts if there is no room."""
    live = [run for run in runs if run.phase is not JobPhase.ENDED]
    if not live:
        return []
    rows = [["run", "state", "on", "host", "job", "for"]]
    for run in live[:shown]:
        number, host = str(run.entry.run.number), run.submitted.host
        doing = "stopping" if run.entry.is_stopped else _PHASES[run.phase]
        rows.append([number, doing, run.place or "-", host, run.job, duration(run.for_s)])
    if not any(run.place for run in live[:shown]):
        rows = [[*row[:2], *row[3:]] for row in rows]
    lines = aligned(rows)
    if room is not None and max(map(len, lines)) > room:
        lines = aligned([[*row[:-3], *row[-2:]] for row in rows])
    return [_whole(line) for line in lines if shown] + _more(len(live), shown)


def _starts(status: SearchStatus) -> Iterator[str]:
    if status.starts:
        from hpsearch.folder.provenance import provenance_lines

        yield from provenance_lines(status.starts, status.folder)


def _whole(line: str) -> str:
    """Return a line that will not be wrapped."""
    return line.replace(" ", _FIXED_BLANK)


def _more(count: int, shown: int) -> list[str]:
    return [f"... and {count - shown:,} more (--json lists all)"] if count > shown else []


def as_json(status: SearchStatus) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return the status with the keys that the documentation promises."""
    from hpsearch.config.program import resume_hint

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
        "to_be_chosen": status.expected,
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
            for entry in status.failures.runs
        ],
        "resume": resume_hint(status.folder.path) if status.state is SearchState.STOPPED else None,
        "failure_groups": _groups_json(status),
        **({"provenance": [asdict(each) for each in status.starts]} if status.starts else {}),
        "dropped": [
            {"runs": drop.runs, "at": drop.at, "after_seeds": drop.seeds, "p": drop.p, "reason": drop.why}
            for drop in status.record.drops
        ],
        "stopped_early": [
            {"run": entry.run.number, "at": why.at, "rule": why.rule, "reason": why.reason}
            | {"step": number_of(why.step), "value": readable(number_of(why.value))}
            for entry in status.record.unusual
            if (why := entry.stopped) is not None and entry.is_stopped
        ],
    }


def _groups_json(status: SearchStatus) -> list[dict[str, Any]]:  # Any: see as_json
    return [
        {
            "state": group.state.value,
            "cause": group.cause,
            "runs": [entry.run.number for entry in group.runs],
            "options": shared_by(group, status.failures.varying),
            "logs": log_hint(group.runs[0], status.folder) or None,
        }
        for group in status.failures.groups
    ]


def _best_json(best: RunRecord, status: SearchStatus) -> dict[str, Any]:  # Any: see as_json
    key = status.record.known_settings().performance_key
    content = {
        "run": best.run.number,
        "key": key,
        "value": readable(performance(best, key)),
        "options": readable(best.run.configuration.as_dict()),
        "folder": str(folder_of(best, status.folder)),
    }
    for mean in status.means[:1]:
        runs = [entry.run.number for entry in mean.counted]
        content |= mean_json(mean, status.over, p_of_second(status.means), runs=runs)
    return content


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
