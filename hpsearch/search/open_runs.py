"""What the controller of a search works with, and the runs that it looks after until they are collected."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.backends.base import Backend
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.console.follow import LogFollower
from hpsearch.core.command import argv
from hpsearch.core.model import Attempt, Job, Place
from hpsearch.folder.reading import SearchReader
from hpsearch.search.delays import Clocks
from hpsearch.search.stop import StopRequest
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord


@dataclass
class OpenRun:
    """What the record cannot know of a run that is submitted and not collected yet; its state is asked of `entry`.

    job: the backend's, once it has accepted the attempt. waited_s: how long the run waited for its place.
    is_unseen: an earlier controller submitted it, and this one has not seen it alive.
    is_held: it may not run before the journal has its id. is_announced: people were told of its start.
    tried_until: set when it could not be collected; by the steady clock. is_left_to_end: not tried before the end.
    """

    entry: RunRecord
    attempt: Attempt
    job: Job | None = None
    waited_s: float = 0.0
    is_unseen: bool = False
    is_held: bool = False
    is_announced: bool = False
    follower: LogFollower | None = None
    tried_until: float | None = None
    is_left_to_end: bool = False

    @property
    def number(self) -> int:
        """The run's number."""
        return self.entry.run.number


class OpenRuns(dict[int, OpenRun]):
    """The open runs that this controller looks after, by number."""

    def add(self, *runs: OpenRun) -> None:
        """Look after runs from now on."""
        self.update((run.number, run) for run in runs)

    @property
    def active(self) -> list[OpenRun]:
        """Those with a job that has not ended, as far as is known."""
        # Asked for each run that is started, of hundreds of runs: no call for each of them.
        return [run for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def jobs(self) -> list[Job]:
        """The jobs of those that are active."""
        return [run.job for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def doubtful(self) -> list[OpenRun]:
        """Those whose submission got no clear answer."""
        return [run for run in self.values() if run.job is None and run.entry.is_doubtful]

    @property
    def ended(self) -> list[OpenRun]:
        """Those that have ended and are to be collected."""
        return [run for run in self.values() if run.entry.ended is not None]


@dataclass(frozen=True)
class Controller:
    """What the controller of one search works with."""

    search: LiveSearch
    config: SearchConfig
    backend: Backend
    console: Console
    options: SearchOptions = field(default_factory=SearchOptions)
    stop: StopRequest = field(default_factory=StopRequest)
    clocks: Clocks = field(default_factory=Clocks)
    runs: OpenRuns = field(default_factory=OpenRuns)


def attempt_of(search: LiveSearch | SearchReader, entry: RunRecord, number: int, token: str) -> Attempt:
    """Return a run's attempt, as everything that a backend needs to execute it."""
    settings, folder = search.record.known_settings(), search.folder
    return Attempt(
        run=entry.run,
        number=number,
        token=token,
        argv=argv(settings.program, entry.run.configuration, settings.out_arg, entry.run.out_dir),
        cwd=Path(settings.run_cwd),
        exit_file=folder.exit_file(token),
        log_folder=folder.logs,
    )


def new_attempt(search: LiveSearch, entry: RunRecord) -> Attempt:
    """Return a run's next attempt, under a new unique name."""
    number = entry.attempts + 1
    return attempt_of(search, entry, number, f"{entry.run.folder}.{number}.{secrets.token_hex(3)}")


def latest_run(search: LiveSearch | SearchReader, entry: RunRecord) -> OpenRun:
    """Return a run with its latest attempt, which an earlier controller intended, and with that one's job."""
    attempt, known = attempt_of(search, entry, entry.attempts, entry.token), entry.submitted
    if known is None:
        return OpenRun(entry, attempt)
    return OpenRun(
        entry, attempt, Job(attempt, known.id, Place(known.place, known.environment), known.at), is_announced=True
    )
