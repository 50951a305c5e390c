"""What the controller of a search works with, and the runs that it looks after until they are collected."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpsearch.backends.base import Backend
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.console.follow import LogFollower
from hpsearch.core.command import argv
from hpsearch.core.model import Attempt, Job, Place
from hpsearch.folder.reading import SearchReader
from hpsearch.search.continuing import continues_from
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord


class StopRequest:
    """While in use, notes SIGINT, SIGTERM, SIGHUP and SIGUSR2, and wakes what waits for `alarm`.

    signal_number: of the first one. alarm: a file descriptor that becomes readable when one comes.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.alarm, self._bell = os.pipe()
        os.set_blocking(self.alarm, False)
        os.set_blocking(self._bell, False)
        self._earlier: dict[int, Any] = {}  # Any: the type that the signal module declares

    def request(self, signal_number: int) -> None:
        """Ask for a stop, as the signal would."""
        if self.signal_number is None:
            self.signal_number = signal_number
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, b"!")

    def silence(self) -> None:
        """Take the alarm back, so that only a further signal raises it again."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.alarm, 100):
                pass

    def __enter__(self) -> StopRequest:
        # Only the main thread can handle signals; a search in another thread is stopped by the program around it.
        if threading.current_thread() is threading.main_thread():
            # LSF tells a job by SIGUSR2 that its time is over, and gives it ten minutes more.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
                # nohup(1) ignores SIGHUP so that the program goes on without its terminal: that is respected.
                if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                    self._earlier[number] = signal.signal(number, lambda number, frame: self.request(number))
        return self

    def __exit__(self, *_: object) -> None:
        for number, earlier in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        os.close(self.alarm)
        os.close(self._bell)


#: A time in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Clocks:
    """A controller's clocks: `wall` for what is written down (anyone may set it), `steady` for what is waited for."""

    wall: Clock = time.time
    steady: Clock = time.monotonic


@dataclass
class OpenRun:
    """What the record cannot know of a run that is submitted and not collected yet; ask `entry` for its state.

    job: None until the backend has accepted the attempt. is_held: it may not run before the journal has its id.
    is_unseen: an earlier controller submitted it, and this one has not seen it alive.
    tried_until: steady time; it could not be collected at first. is_left_to_end: it is not tried again before the end.
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
        return self.entry.run.number


class OpenRuns(dict[int, OpenRun]):
    """The open runs that this controller looks after, by number."""

    def add(self, *runs: OpenRun) -> None:
        self.update((run.number, run) for run in runs)

    @property
    def active(self) -> list[OpenRun]:
        """Those with a job that has not ended, as far as is known."""
        # Asked at each start while hundreds are open: asking `entry.is_live` of each would take longer than the start.
        return [run for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def jobs(self) -> list[Job]:
        return [run.job for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def doubtful(self) -> list[OpenRun]:
        """Those whose submission got no clear answer."""
        return [run for run in self.values() if run.job is None and run.entry.is_doubtful]

    @property
    def ended(self) -> list[OpenRun]:
        return [run for run in self.values() if run.entry.ended is not None]


@dataclass(frozen=True)
class Controller:
    """What the controller of one search works with.

    trial_failures: see `RunChoice`.
    """

    search: LiveSearch
    config: SearchConfig
    backend: Backend
    console: Console
    options: SearchOptions = field(default_factory=SearchOptions)
    stop: StopRequest = field(default_factory=StopRequest)
    clocks: Clocks = field(default_factory=Clocks)
    runs: OpenRuns = field(default_factory=OpenRuns)
    trial_failures: int | None = None


def _attempt_of(
    search: LiveSearch | SearchReader, entry: RunRecord, number: int, token: str, source: str | None
) -> Attempt:
    settings, folder = search.record.known_settings(), search.folder
    more = [f"--{settings.continue_arg}={source}"] if source else []
    command = argv(settings.program, entry.run.configuration, settings.out_arg, entry.run.out_dir, more)
    cwd, exit_file = Path(settings.run_cwd), folder.exit_file(token)
    return Attempt(entry.run, number, token, command, cwd, exit_file, folder.logs, source, settings.keep_out_dir)


def new_attempt(search: LiveSearch | SearchReader, entry: RunRecord) -> Attempt:
    """Return a run's next attempt, under a new unique name."""
    number, source = entry.attempts + 1, continues_from(search.folder, search.record.known_settings(), entry)
    return _attempt_of(search, entry, number, f"{entry.run.folder}.{number}.{secrets.token_hex(3)}", source)


def latest_run(search: LiveSearch | SearchReader, entry: RunRecord) -> OpenRun:
    """Return a run with the attempt that an earlier controller intended last, and its job."""
    source = "" if entry.continuations else None
    attempt, known = _attempt_of(search, entry, entry.attempts, entry.token, source), entry.submitted
    if known is None:
        return OpenRun(entry, attempt)
    job = Job(attempt, known.id, Place(known.place, known.environment), known.at)
    return OpenRun(entry, attempt, job, is_announced=True)
