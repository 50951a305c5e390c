"""Read a sampler's suggestions from a search's journal, and check that the journal alone leads to the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hpsearch.choosers.suggestions import Suggestions
from hpsearch.config.options import options_from_names
from hpsearch.journal.events import AttemptEnded, AttemptSubmitted, Event, RunPlanned
from hpsearch.journal.lines import from_line
from hpsearch.journal.record import SearchRecord


def events_of(folder: Path) -> Iterator[Event]:
    """Yield the events of a search."""
    yield from map(from_line, (folder / ".hpsearch" / "journal.jsonl").read_bytes().splitlines(keepends=True))


def suggested(folder: Path) -> list[int]:
    """Return which candidates were planned, in order."""
    planned = [event.candidate for event in events_of(folder) if isinstance(event, RunPlanned)]
    assert None not in planned
    return [candidate for candidate in planned if candidate is not None]


def check_each_prefix(folder: Path) -> int:
    """Compare each suggestion with the one that the journal before it leads to; return how many there were."""
    record, count = SearchRecord(), 0
    for event in events_of(folder):
        if isinstance(event, RunPlanned):
            choice = next(iter(Suggestions(record, options_from_names(record.options)).coming()))
            assert choice.candidate == event.candidate
            assert _split(choice.why)[0] == _split(event.why)[0]
            assert _split(choice.why)[1] == pytest.approx(_split(event.why)[1], rel=1e-3)
            assert [list(pair) for pair in choice.configuration.options] == event.options
            count += event.why is not None
        record.apply(event)
    return count


def _split(why: Mapping[str, object] | None) -> tuple[dict[str, object], dict[str, object]]:
    """Return the words of a reason, and its numbers, whose last digits depend on the machine."""
    parts: tuple[dict[str, object], dict[str, object]] = {}, {}
    for name, value in (why or {}).items():
        parts[isinstance(value, float)][name] = value
    return parts


def idle_places(folder: Path, slots: int, budget: int) -> int:
    """Return how many places were empty, summed over all times when the search had polled and had runs to start."""
    live = most = planned = idle = 0
    was_filling = False
    for event in events_of(folder):
        planned += isinstance(event, RunPlanned)
        if isinstance(event, AttemptSubmitted):
            live, was_filling = live + 1, True
            most = max(most, live)
        elif isinstance(event, AttemptEnded):
            # Places are filled until none is left before the next ends are noticed.
            idle += slots - live if was_filling and planned < budget else 0
            live, was_filling = live - 1, False
    assert most == min(slots, budget)
    return idle
