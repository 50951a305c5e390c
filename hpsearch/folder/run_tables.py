"""What people read about the runs of a search: where they were, why some failed, which are the best."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpsearch.console.text import aligned
from hpsearch.core.integers import integer
from hpsearch.core.model import RunState
from hpsearch.core.ranking import best, odd_performance, rank_of
from hpsearch.core.summary import cell_under
from hpsearch.core.value_text import whole_text
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord, SearchRecord, Settings

_GROUPS_SHOWN = 20


def sorted_states(states: Counter[RunState]) -> list[tuple[RunState, int]]:
    """Return states with their counts in the order of a run's life, finished ones always included."""
    return [(state, states[state]) for state in RunState if states[state] or state is RunState.FINISHED]


def failure_line(entry: RunRecord, folder: SearchFolder) -> str:
    """Return why a run did not finish and where to read on."""
    return f"  {failure_reason(entry)} (log: {failure_log(entry, folder)})"


def failure_reason(entry: RunRecord) -> str:
    """Return why a run did not finish."""
    place = on_place(entry.submitted.place) if entry.submitted is not None else ""
    return f"run {entry.run.number} {entry.state.value}{place}: {entry.problem or 'no reason known'}"


def failure_log(entry: RunRecord, folder: SearchFolder) -> Path:
    """Return where to read on about a run that did not finish: its errors, LSF's report on it, or its folder."""
    run_folder = folder.run_folder(entry.run)
    logs = [path for ending in ("err", "lsf") for path in sorted(run_folder.glob(f"*.{ending}"), reverse=True)]
    return next(iter([*filter(_has_content, logs), *logs]), run_folder)


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def best_runs(entries: Iterable[RunRecord], settings: Settings) -> list[RunRecord]:
    """Return the finished runs, best first; runs without a number under the performance key are left out."""
    finished = [entry.result for entry in entries if entry.result.state is RunState.FINISHED]
    finished.sort(key=lambda entry: entry.run.number)
    return best(finished, lambda entry: cell_under(entry.summary, settings.performance_key), settings.sort_ascending)


def performance(entry: RunRecord, key: str) -> float | None:
    """Return a run's value under the performance key, None if there is no number."""
    return rank_of(cell_under(entry.summary, key))


def odd_performances(record: SearchRecord) -> str:
    """Return a warning if finished runs have no number under the performance key; empty if all have one."""
    key = record.known_settings().performance_key
    finished = (entry for entry in record if entry.state is RunState.FINISHED)
    return odd_performance((cell_under(entry.summary, key) for entry in finished), key)


def best_table(runs: Sequence[RunRecord], record: SearchRecord) -> list[str]:
    """Return a table of some runs: performance, run number, and the options in which the search's runs differ."""
    settings = record.known_settings()
    names = varying_options(record)
    place_names, places = place_columns(runs)
    rows = [[settings.performance_key, "run", *place_names, *names]]
    for entry in runs:
        options = entry.run.configuration.as_dict()
        cells = [whole_text(options[name]) if name in options else "" for name in names]
        rows.append(
            [
                str(cell_under(entry.summary, settings.performance_key)),
                str(entry.run.number),
                *places[entry.run.number],
                *cells,
            ]
        )
    return aligned(rows)


def varying_options(record: SearchRecord) -> list[str]:
    """Return the options that do not have the same value in all runs."""
    seen: dict[str, set[str]] = {name: set() for name in record.known_settings().option_names}
    for entry in record:
        options = entry.run.configuration.as_dict()
        for name, values in seen.items():
            if len(values) < 2:
                values.add(whole_text(options[name]) if name in options else "")
    return [name for name, values in seen.items() if len(values) > 1]


def on_place(label: str) -> str:
    """Return the end of a phrase: `` on GPU 3``; nothing where there is no place to tell."""
    return f" on {label}" if label else ""


def slots_in_use(labels: Iterable[str]) -> list[str]:
    """Return how many runs each place has now: ``GPU 0: 2``; nothing for runs without a place to tell."""
    counts = Counter(filter(None, labels))
    return [f"{label}: {counts[label]}" for label in sorted(counts, key=_by_number)]


def place_columns(entries: Sequence[RunRecord]) -> tuple[list[str], dict[int, list[str]]]:
    """Return columns of a table with each run's place and waiting time: their names, and run number -> cells.

    There are none if no run has a place to tell.
    """
    if not any(entry.submitted is not None and entry.submitted.place for entry in entries):
        return [], {entry.run.number: [] for entry in entries}
    return ["on", "waited"], {entry.run.number: _place_cells(entry) for entry in entries}


def _place_cells(entry: RunRecord) -> list[str]:
    submitted = entry.submitted
    return ["", ""] if submitted is None else [submitted.place, f"{submitted.waited_s:.1f} s"]


def place_lines(entries: Iterable[RunRecord]) -> list[str]:
    """Return which runs each place had; nothing if there is no place to tell."""
    runs = defaultdict(list)
    for entry in entries:
        if entry.submitted is not None and entry.submitted.place:
            runs[entry.submitted.place].append(entry)
    return [_place_line(place, runs[place]) for place in sorted(runs, key=_by_number)]


def _by_number(label: str) -> list[tuple[int, str]]:
    """Return what sorts ``GPU 2`` before ``GPU 10``."""
    words = re.split(r"([0-9]{1,18})", label)
    return [(-1, word) if (number := integer(word)) is None else (number, "") for word in words]


def _place_line(place: str, entries: Sequence[RunRecord]) -> str:
    waited = sorted(entry.submitted.waited_s for entry in entries if entry.submitted is not None)
    numbers = _ranges([entry.run.number for entry in entries])
    least, most = f"{waited[0]:.1f}", f"{waited[-1]:.1f}"
    how_long = least if least == most else f"{least} to {most}"
    return f"{place}: {'run' if len(entries) == 1 else 'runs'} {numbers} (waited {how_long} s)"


def _ranges(numbers: Sequence[int]) -> str:
    """Return numbers in few words: ``1-3, 7``."""
    groups: list[list[int]] = []
    for number in sorted(numbers):
        if groups and number == groups[-1][-1] + 1:
            groups[-1][1:] = [number]
        else:
            groups.append([number])
    shown = ["-".join(map(str, group)) for group in groups[:_GROUPS_SHOWN]]
    return ", ".join(shown) + (", ..." if len(groups) > _GROUPS_SHOWN else "")
