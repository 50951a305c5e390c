"""Texts about the runs of a search: where they ran, why some failed, which are best."""

from __future__ import annotations

import contextlib
import math
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from hpsearch.console.text import aligned
from hpsearch.core.model import RunState, Summary
from hpsearch.core.ranking import best, odd_performance, ranking_number
from hpsearch.core.summary import cell_under
from hpsearch.core.value_text import cut, integer, whole_text
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder

T = TypeVar("T")

_GROUPS_SHOWN = 20
#: The most options of a run on one line, and the most characters of a value.
_OPTIONS_SHOWN, _LONGEST_VALUE = 8, 40
_NOT_ENDED = (RunState.RUNNING, RunState.QUEUED, RunState.PLANNED)


def counts_text(counts: Counter[RunState]) -> str:
    """Say how many runs are in each state: ended ones first, finished ones even if there are none."""
    ended = [state for state in RunState if state.is_final]
    shown = (state for state in (*ended, *_NOT_ENDED) if counts[state] or state is RunState.FINISHED)
    return ", ".join(f"{counts[state]:,} {state_text(state)}" for state in shown)


def state_text(state: RunState) -> str:
    """Return a state for people, in colour."""
    return "not started" if state is RunState.PLANNED else state.value


def failure_log(entry: RunRecord, folder: SearchFolder) -> Path:
    """Return where to read on about an unfinished run: its errors, LSF's report on it, or its folder."""
    run_folder = folder.run_folder(entry.run)
    logs = [path for ending in ("err", "lsf") for path in sorted(run_folder.glob(f"*.{ending}"), reverse=True)]
    for log in logs:
        with contextlib.suppress(OSError):
            if log.stat().st_size > 0:
                return log
    return logs[0] if logs else run_folder


def summaries(record: SearchRecord) -> list[tuple[int, Summary]]:
    """Return number and summary of each finished run, by number; this makes no records."""
    results = [(entry.run.number, entry.result) for entry in record.unusual]
    found = [(number, result.summary) for number, result in results if result.state is RunState.FINISHED]
    courses = record.courses.items()
    found += [(number, course.summary) for number, course in courses if course.state is RunState.FINISHED]
    return sorted(((number, summary) for number, summary in found if summary is not None), key=itemgetter(0))


def result_states(record: SearchRecord) -> Counter[RunState]:
    """Return how many runs with events have results of each state; this makes no records."""
    results = (entry.result.state for entry in record.unusual)
    return Counter((*results, *(course.state for course in record.courses.values())))


def best_runs(entries: Iterable[RunRecord], settings: Settings) -> list[RunRecord]:
    """Return the finished runs, best first; runs without a number under the performance key are left out."""
    finished = [entry.result for entry in entries if entry.result.state is RunState.FINISHED]
    if settings.budget_option:
        finished = [entry for entry in finished if performance(entry, settings.performance_key) is not None]
        finished = with_largest_budget(finished, lambda entry: entry.run.configuration.as_dict(), settings)
    finished.sort(key=lambda entry: entry.run.number)
    return best(finished, lambda entry: cell_under(entry.summary, settings.performance_key), settings.sort_ascending)


def best_number(record: SearchRecord) -> float | None:
    """Return the best value under the performance key, that of the first of `best_runs`; None if there is none."""
    settings = record.known_settings()
    if settings.budget_option:
        return next((performance(entry, settings.performance_key) for entry in best_runs(record, settings)), None)
    cells = (cell_under(summary, settings.performance_key) for _, summary in summaries(record))
    numbers = (number for cell in cells if (number := ranking_number(cell)) is not None)
    return min(numbers, default=None) if settings.sort_ascending else max(numbers, default=None)


def with_largest_budget(
    runs: Sequence[T], options_of: Callable[[T], Mapping[str, object]], settings: Settings
) -> list[T]:
    """Return the runs with the largest budget; all runs in a search without ``--budgets``."""
    budgets = [ranking_number(options_of(run).get(settings.budget_option)) for run in runs]
    largest = max((budget for budget in budgets if budget is not None), default=None)
    return [run for run, budget in zip(runs, budgets) if budget == largest]


def performance(entry: RunRecord, key: str) -> float | None:
    """Return a run's value under the performance key, None if there is no number."""
    return ranking_number(cell_under(entry.summary, key))


def result_of(entry: RunRecord, key: str) -> float | None:
    """Return a run's value under the performance key; NaN if it ended without one, None while it may get one."""
    if entry.result.state is RunState.FINISHED:
        value = performance(entry.result, key)
        return math.nan if value is None else value
    return math.nan if entry.state.is_final else None


def odd_performances(record: SearchRecord) -> str:
    """Return a warning if finished runs have no number under the performance key, else an empty text."""
    key = record.known_settings().performance_key
    finished = (entry for entry in record.with_events if entry.state is RunState.FINISHED)
    return odd_performance((cell_under(entry.summary, key) for entry in finished), key)


def best_table(runs: Sequence[RunRecord], record: SearchRecord) -> list[str]:
    """Return a table of some runs: performance, number, place and waiting time if any has one, varying options."""
    key, names = record.known_settings().performance_key, varying_options(record)
    has_places = any(entry.submitted is not None and entry.submitted.place for entry in runs)
    rows = [[key, "run", *(["on", "waited"] if has_places else []), *names]]
    for entry in runs:
        sent = entry.submitted
        where = ["", ""] if sent is None else [sent.place, f"{sent.waited_s:.1f} s"]
        row = [str(cell_under(entry.summary, key)), str(entry.run.number)]
        options = entry.run.configuration.as_dict()
        rows.append([*row, *(where if has_places else []), *(_text_of(options, name) for name in names)])
    return aligned(rows)


def varying_options(record: SearchRecord) -> list[str]:
    """Return the options that differ between runs, or between a sampler's candidates."""
    first, count, varying = dict[str, tuple[str, object]](), Counter[str](), set[str]()
    if record.candidates is not None:
        varying.update(name for name, values in record.candidates.options if len(values) > 1)
        varying.update(record.over)
    varying.add(record.known_settings().budget_option)
    for pairs, runs in record.listed_options():
        name = pairs[0][0]
        pair = first.setdefault(name, pairs[0])
        count[name] += runs
        # Compare objects first: runs share most pairs, and a search may have a hundred thousand runs.
        if name not in varying and any(p is not pair and whole_text(p[1]) != whole_text(pair[1]) for p in pairs):
            varying.add(name)
    varying.update(name for name in first if count[name] < len(record.runs))
    return [name for name in record.known_settings().option_names if name in varying]


def option_texts(entry: RunRecord, names: Iterable[str]) -> dict[str, str]:
    """Return the options among `names` that a run has: name -> text of the value."""
    options = entry.run.configuration.as_dict()
    return {name: whole_text(options[name]) for name in names if name in options}


def options_text(texts: Mapping[str, str]) -> str:
    """Return options for people, ``lr=0.1 units=64``: long values are cut, and the last of many left out."""
    shown = [f"{name}={shlex.quote(cut(text, _LONGEST_VALUE))}" for name, text in texts.items()]
    return " ".join(shown[:_OPTIONS_SHOWN]) + (" ..." if len(shown) > _OPTIONS_SHOWN else "")


def _text_of(options: Mapping[str, object], name: str) -> str:
    return whole_text(options[name]) if name in options else ""


def on_place(label: str) -> str:
    """Return the end of a phrase: `` on GPU 3``; empty for a place without a name."""
    return f" on {label}" if label else ""


def slots_in_use(labels: Iterable[str]) -> list[str]:
    """Say how many runs each place has now: ``GPU 0: 2``; runs without a named place are left out."""
    counts = Counter(filter(None, labels))
    return [f"{label}: {counts[label]}" for label in sorted(counts, key=_by_number)]


def place_lines(entries: Iterable[RunRecord]) -> list[str]:
    """Say which runs each place had; nothing if no place has a name."""
    runs = defaultdict(list)
    for entry in entries:
        if entry.submitted is not None and entry.submitted.place:
            runs[entry.submitted.place].append(entry)
    return [_place_line(place, runs[place]) for place in sorted(runs, key=_by_number)]


def _by_number(label: str) -> list[tuple[int, str]]:
    """Return a sort key that puts ``GPU 2`` before ``GPU 10``."""
    words = re.split(r"([0-9]{1,18})", label)
    return [(-1, word) if (number := integer(word)) is None else (number, "") for word in words]


def _place_line(place: str, entries: Sequence[RunRecord]) -> str:
    waited = sorted(entry.submitted.waited_s for entry in entries if entry.submitted is not None)
    least, most = f"{waited[0]:.1f}", f"{waited[-1]:.1f}"
    how_long = least if least == most else f"{least} to {most}"
    numbers = ranges(entry.run.number for entry in entries)
    return f"{place}: {'run' if len(entries) == 1 else 'runs'} {numbers} (waited {how_long} s)"


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers as ranges: ``1-3, 7``."""
    groups: list[list[int]] = []
    for number in sorted(numbers):
        if groups and number == groups[-1][-1] + 1:
            groups[-1][1:] = [number]
        else:
            groups.append([number])
    shown = ["-".join(map(str, group)) for group in groups[:_GROUPS_SHOWN]]
    return ", ".join(shown) + (", ..." if len(groups) > _GROUPS_SHOWN else "")
