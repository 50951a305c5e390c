"""Where runs were and how long they waited for it, as people read it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from hpsearch.core.integers import integer
from hpsearch.store.record import RunRecord

_GROUPS_SHOWN = 20


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
