"""A search folder at a glance: reads only the lines of its journal that a list of searches needs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from hpsearch.core.errors import FolderError, reason_of
from hpsearch.core.model import RunState
from hpsearch.journal.events import Event, RunsPlanned
from hpsearch.journal.lines import LONG, LineReader, from_line
from hpsearch.journal.record import SearchRecord
from hpsearch.startup.classes import dataclass
from hpsearch.startup.garbage import collected_later
from hpsearch.store.layout import SearchFolder, open_file

_PLANNED, _INTENDED, _COLLECTED = (f'{{"event":"{kind}"'.encode() for kind in ("planned", "intended", "collected"))
#: Kinds of lines that do not tell how far a search is, or are only counted.
_LEFT_OUT = (_PLANNED, b'{"event":"moved"', b'{"event":"carried"', b'{"event":"stopped"', b'{"event":"ended"')
_LIVE_ONLY = (_INTENDED, b'{"event":"submitted"', b'{"event":"started"')
_RUNS_OUT = b'{"event":"left_out"'
#: The token of a run's first attempt.
_FIRST = re.compile(rb'"token":"[^"]*\.1\.[^".]*"')


@dataclass(frozen=True)
class Overview:
    """A search at a glance. record: may lack runs that never started. runs: the number of all runs."""

    record: SearchRecord
    runs: int

    @property
    def counts(self) -> Counter[RunState]:
        """How many runs are in each state, by the journal."""
        counts = self.record.states()
        left_out = sum(number not in self.record.runs for number in self.record.left_out)
        counts[RunState.CANCELLED] += left_out
        counts[RunState.PLANNED] += self.runs - len(self.record.runs) - left_out
        return counts

    @property
    def left(self) -> int:
        """How many runs have not ended."""
        return sum(count for state, count in self.counts.items() if not state.is_final)


def overview(folder: SearchFolder, long: int = LONG) -> Overview:
    """Read a search's journal, quickly. Raises FolderError if it cannot be read or holds no search.

    long: see `JournalReader`.
    """
    try:
        with open(folder.journal, "rb", opener=open_file) as file:
            content = file.read()
        record = SearchRecord(fills_gaps=True)
        together = 0
        with collected_later():
            for event in _events(content[: content.rfind(b"\n") + 1], record, long):
                record.apply(event)
                together += event.count if isinstance(event, RunsPlanned) else 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = reason_of(error) if isinstance(error, OSError) else f"damaged: {error}"
        raise FolderError(f"{folder.journal}: cannot be read ({why})") from error
    record.known_settings()
    return Overview(record, max(content.count(_PLANNED) + together, len(record.runs)))


def _events(content: bytes, record: SearchRecord, long: int) -> Iterator[Event]:
    """Yield the events that tell how far a search is, except those that the record takes in together.

    Of a collected attempt, the result is enough.
    """
    is_live = content.count(_INTENDED) > content.count(_COLLECTED)
    # Of the runs that left the grid, only those that never began count as cancelled.
    left_out = _LEFT_OUT if is_live or _RUNS_OUT in content else _LEFT_OUT + _LIVE_ONLY
    if len(content) < long:
        yield from _of_lines(content.split(b"\n"), left_out, from_line)
        return
    from hpsearch.journal.courses import StretchReader  # see `JournalReader`

    read = LineReader()
    for lines, stretch in StretchReader().stretches(content.decode("latin-1")):
        if stretch is None or not record.take_stretch(stretch):
            yield from _of_lines((line.encode("latin-1") for line in lines), left_out, read)


def _of_lines(lines: Iterable[bytes], left_out: tuple[bytes, ...], read: Callable[[bytes], Event]) -> Iterator[Event]:
    for line in lines:
        # While a run is repeated, its earlier result counts: later intentions are needed.
        if line and (not line.startswith(left_out) or (line.startswith(_INTENDED) and not _FIRST.search(line))):
            yield read(line + b"\n")
