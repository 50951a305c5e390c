"""The runs that are added while a search runs: who chooses them, their numbers and their folders."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from hpsearch.backends.base import Backend
from hpsearch.config.given_paths import absolute
from hpsearch.core.model import Configuration, Job, Place, Run
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import RunPlanned
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass
from hpsearch.store.live import LiveSearch


@dataclass(frozen=True)
class Choice:
    """A run to be added. candidate, why, after: see `RunPlanned`."""

    configuration: Configuration
    candidate: int | None = None
    why: Mapping[str, Any] | None = None  # Any: whatever JSON can hold
    after: int | None = None


class Chooser(Protocol):
    """Chooses the next runs in a search whose list of runs grows as results come in.

    It may use nothing but the record: so a resumed search continues as if nothing had happened.
    """

    def has_more(self) -> bool:
        """Return whether more runs come, as far as is known now; called often, so it must be cheap."""

    def expected(self) -> int:
        """Return how many more runs will come; 0 if that depends on results."""

    def coming(self) -> Iterator[Choice]:
        """Yield the next runs, in order, as far as they can be chosen now.

        Called anew each time that there is a place and no run waits for it, and read only as far as there are places.
        Decisions on the way are noted in the journal first.
        """


class Choices:
    """The runs that a `Chooser`, if there is one, adds to a search; each is planned when there is a place for it.

    added: the runs added so far.
    """

    def __init__(
        self,
        chooser: Chooser | None,
        search: LiveSearch,
        backend: Backend,
        slots: int,
        tell: Callable[[int], None],
    ) -> None:
        """slots: how many may run at once on a cluster. tell: called with the number of runs just added."""
        self._chooser, self._search, self._backend, self._slots, self._tell = chooser, search, backend, slots, tell
        self.added: list[RunRecord] = []

    def __bool__(self) -> bool:
        """Whether more runs come, as far as is known now."""
        return self._chooser is not None and self._chooser.has_more()

    def expected(self) -> int:
        """Return how many more runs will come, as far as that is known."""
        return 0 if self._chooser is None else self._chooser.expected()

    def next(self, active: Sequence[Job]) -> tuple[list[RunRecord], Place | None]:
        """Plan the next runs; return them and their place, None if there is no place or no more runs come."""
        place = self._backend.place(active) if self else None
        if self._chooser is None or place is None:
            return [], None
        # An array may have room for more than can run at once.
        room = min(place.capacity, max(1, self._slots - len(active)))
        coming = list(islice(self._chooser.coming(), room))
        if not coming:
            return [], None
        # The second in which the search began: no other search in the folder has it, so names stay unique.
        at = self._search.record.started_at or 0.0
        runs = next_runs(self._search, [each.configuration for each in coming], at, self._chooser.expected())
        planned = [RunPlanned.of(run, each.candidate, each.why, each.after) for run, each in zip(runs, coming)]
        self._search.note_happened(*planned)
        entries = [self._search.record.runs[run.number] for run in runs]
        self.added += entries
        self._search.add_commands(runs)
        self._tell(len(entries))
        return entries, place


def runs_of(
    configurations: Iterable[Configuration], count: int, shown_folder: str, stamp: float, first_number: int
) -> Iterator[Run]:
    """Yield a new run, with new number and folder, for each configuration. count: at least as many as there are."""
    stem, width = folder_names(stamp, first_number + count - 1)
    for number, configuration in enumerate(configurations, start=first_number):
        name = f"{stem}{number:0{width}d}"
        # Not a Path, which would turn "./x" into "x".
        yield Run(number, name, configuration, os.path.join(shown_folder, name))  # noqa: PTH118


def folder_names(stamp: float, last: int) -> tuple[str, int]:
    """Return how the names of new runs' folders begin, and how many digits follow. last: the largest number."""
    return time.strftime("sim_%Y%m%d%H%M%S_", time.localtime(stamp)), len(str(last))


def next_runs(
    search: LiveSearch | SearchReader, configurations: Sequence[Configuration], at: float, expected: int = 0
) -> list[Run]:
    """Return new runs of a search, with new numbers and folders.

    at: seconds since the epoch. expected: how many runs come now and later, if known; sets the width of numbers.
    """
    first = search.record.runs.last + 1
    return list(runs_of(configurations, max(expected, len(configurations)), shown_folder(search), at, first))


def shown_folder(search: LiveSearch | SearchReader) -> str:
    """Return the search folder as the user wrote it, or where it lies now if it was moved."""
    folder, settings = search.folder.path, search.record.known_settings()
    shown = settings.shown_folder
    return shown if is_same(absolute(shown, Path(settings.run_cwd)), folder) else str(folder)


def is_same(path: Path, folder: Path) -> bool:
    """Return whether a path leads to a folder."""
    try:
        return path.samefile(folder)
    except OSError:
        return False  # Nothing lies there (any more), or nothing that can be used.
