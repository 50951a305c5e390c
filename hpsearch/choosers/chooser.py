"""The runs that a search gets once it has begun: who chooses them, their numbers and their folders."""

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
    """What runs next. candidate, why, after: as `RunPlanned` has them."""

    configuration: Configuration
    candidate: int | None = None
    why: Mapping[str, Any] | None = None  # Any: whatever JSON can hold
    after: int | None = None


class Chooser(Protocol):
    """Says what comes next in a search whose list of runs grows as results come in.

    It must go by the record alone: then a search that is resumed goes on as if nothing had happened.
    """

    def has_more(self) -> bool:
        """Return whether something comes next, as far as is known now; asked often, so it must be cheap."""

    def expected(self) -> int:
        """Return how many runs come yet, where that does not depend on results; 0 where it does."""

    def coming(self) -> Iterator[Choice]:
        """Return what comes next, in order, as far as that can be said now; nothing if nothing does, or not yet.

        Asked when no run waits for a place any more and there is one; each time anew, and only for as many as find a
        place. What is decided on the way is noted in the journal first.
        """


class Choices:
    """The runs that a search gets while it is carried out, if it has a `Chooser`; each is planned as it finds a place.

    added: those so far.
    """

    def __init__(
        self,
        chooser: Chooser | None,
        search: LiveSearch,
        backend: Backend,
        slots: int,
        tell: Callable[[int], None],
    ) -> None:
        """slots: how many may run at once on a cluster. tell: is told how many runs the search has got."""
        self._chooser, self._search, self._backend, self._slots, self._tell = chooser, search, backend, slots, tell
        self.added: list[RunRecord] = []

    def __bool__(self) -> bool:
        """Whether something comes next."""
        return self._chooser is not None and self._chooser.has_more()

    def expected(self) -> int:
        """Return how many more runs come, as far as that is known."""
        return 0 if self._chooser is None else self._chooser.expected()

    def next(self, active: Sequence[Job]) -> tuple[list[RunRecord], Place | None]:
        """Plan what comes next; return that and its place, None if there is no place or nothing comes."""
        place = self._backend.place(active) if self else None
        if self._chooser is None or place is None:
            return [], None
        # An array may have room for more than can run at once.
        room = min(place.capacity, max(1, self._slots - len(active)))
        coming = list(islice(self._chooser.coming(), room))
        if not coming:
            return [], None
        # In the second of the search, which no other search of its folder has: names stay unique.
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
    """Return a run for each configuration, made one by one; numbers and folders are new. count: at least as many."""
    stem, width = folder_names(stamp, first_number + count - 1)
    for number, configuration in enumerate(configurations, start=first_number):
        name = f"{stem}{number:0{width}d}"
        # Not a Path: "./x" has to stay.
        yield Run(number, name, configuration, os.path.join(shown_folder, name))  # noqa: PTH118


def folder_names(stamp: float, last: int) -> tuple[str, int]:
    """Return what the names of new runs' folders begin with, and how many digits follow. last: the largest number."""
    return time.strftime("sim_%Y%m%d%H%M%S_", time.localtime(stamp)), len(str(last))


def next_runs(
    search: LiveSearch | SearchReader, configurations: Sequence[Configuration], at: float, expected: int = 0
) -> list[Run]:
    """Return new runs of a search, with new numbers and folders.

    at: seconds since the epoch. expected: how many runs come now and later, if that is known; numbers are as wide.
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
        return False  # Nothing is there (any more), or nothing that can be used.
