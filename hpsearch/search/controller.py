"""What a search's controller works with: signals, clocks, waiting and open runs; and when nothing more starts."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from hpsearch.backends.base import Backend, MemoryAware, TakesBackQueued
from hpsearch.choosers.chooser import Chooser
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import path_of_snapshot, resume_hint
from hpsearch.console.console import Console
from hpsearch.console.follow import LogFollower
from hpsearch.console.text import amount
from hpsearch.core.command import argv
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.core.model import Attempt, Job, Place, RunState
from hpsearch.folder.failures import known_cause
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.run_record import RunRecord
from hpsearch.search.continuing import continues_from
from hpsearch.startup.classes import dataclass, field
from hpsearch.store.live import LiveSearch

#: The pause between two tries to write, in seconds.
WRITE_PAUSE_S = 1.0
#: How long to wait for room on the disk, in seconds, once no run is live any more.
_PATIENCE_S = 600.0


class StopRequest:
    """Within the context, notes SIGINT, SIGTERM, SIGHUP and SIGUSR2, and wakes code that waits for `alarm`.

    signal_number: of the first signal. alarm: a file descriptor that becomes readable when a signal comes.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.alarm, self._bell = os.pipe()
        os.set_blocking(self.alarm, False)
        os.set_blocking(self._bell, False)
        self._earlier: dict[int, Any] = {}  # Any: the type that the signal module declares

    def request(self, signal_number: int) -> None:
        """Ask for a stop, as this signal would."""
        if self.signal_number is None:
            self.signal_number = signal_number
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, b"!")

    def silence(self) -> None:
        """Reset the alarm, so that only a further signal raises it again."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.alarm, 100):
                pass

    def __enter__(self) -> StopRequest:
        # Only the main thread can handle signals; a search in another thread is stopped by the program around it.
        if threading.current_thread() is threading.main_thread():
            # LSF sends SIGUSR2 when a job's time is over, and gives it ten minutes more.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
                # Respect nohup(1), which ignores SIGHUP so that the program goes on without its terminal.
                if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                    self._earlier[number] = signal.signal(number, lambda number, frame: self.request(number))
        return self

    def __exit__(self, *_: object) -> None:
        for number, earlier in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        os.close(self.alarm)
        os.close(self._bell)


#: The pause between two tries to take back jobs from a scheduler's queue, in seconds.
_TAKE_BACKWRITE_PAUSE_S = 10.0

#: A time in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Clocks:
    """A controller's clocks: `wall` for times that are recorded (anyone may set it), `steady` for waiting."""

    wall: Clock = time.time
    steady: Clock = time.monotonic


@dataclass
class OpenRun:
    """What the record cannot know of a run that is submitted and not collected yet; `entry` has its state.

    job: None until the backend has accepted the attempt. is_held: it must not run before the journal has its id.
    is_unseen: an earlier controller submitted it, and this one has not seen it alive.
    tried_until: steady time until which collecting is tried again. is_left_to_end: collect it only at the end.
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
        """The runs with a job that has not ended, as far as is known."""
        # Needed at each start, with hundreds of open runs: asking `entry.is_live` of each takes longer than the start.
        return [run for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def jobs(self) -> list[Job]:
        return [run.job for run in self.values() if run.job is not None and run.entry.ended is None]

    @property
    def doubtful(self) -> list[OpenRun]:
        """The runs whose submission got no clear answer."""
        return [run for run in self.values() if run.job is None and run.entry.is_doubtful]

    @property
    def ended(self) -> list[OpenRun]:
        return [run for run in self.values() if run.entry.ended is not None]


@dataclass(frozen=True)
class Controller:
    """What the controller of one search works with.

    trial_failures: see `RunChoice`. chooser: None if all runs are planned from the start.
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
    chooser: Chooser | None = None


def _attempt_of(
    search: LiveSearch | SearchReader, entry: RunRecord, number: int, token: str, source: str | None
) -> Attempt:
    settings, folder = search.record.known_settings(), search.folder
    more = [f"--{settings.continue_arg}={source}"] if source else []
    cwd, exit_file = folder.work_folder(settings), folder.exit_file(token)
    command = argv(settings.program, entry.run.configuration, settings.out_arg, entry.run.out_dir, more)
    # Else Python buffers some kilobytes of what it prints to a file.
    at_once = ("env", "PYTHONUNBUFFERED=1") if search.record.options.get("progress_pattern") else ()
    command = (*path_of_snapshot(settings, folder), *at_once, *command)
    return Attempt(entry.run, number, token, command, cwd, exit_file, folder.logs, source, settings.keep_out_dir)


def new_attempt(search: LiveSearch | SearchReader, entry: RunRecord) -> Attempt:
    """Return a run's next attempt, under a new unique name."""
    before = None if entry.after is None else search.record.runs.get(entry.after)
    source = continues_from(search.folder, search.record.known_settings(), entry, before)
    number = entry.attempts + 1
    return _attempt_of(search, entry, number, f"{entry.run.folder}.{number}.{os.urandom(3).hex()}", source)


def latest_run(search: LiveSearch | SearchReader, entry: RunRecord) -> OpenRun:
    """Return an open run with the latest attempt of an earlier controller, and its job."""
    source = "" if entry.continuations else None
    attempt, submitted = _attempt_of(search, entry, entry.attempts, entry.token, source), entry.submitted
    if submitted is None:
        return OpenRun(entry, attempt)
    job = Job(attempt, submitted.id, Place(submitted.place, submitted.environment), submitted.at)
    return OpenRun(entry, attempt, job, is_announced=True)


class FailureLimit:
    """``--max_failures``: counts failed attempts that are alike, until a run has finished."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        trial = controller.trial_failures
        self._is_trial = trial is not None
        self._most = controller.options.max_failures if trial is None else trial
        self._counts: Counter[Hashable] = Counter()
        self._next_try = 0.0
        finished = (entry.result.state is RunState.FINISHED for entry in controller.search.record.with_events)
        self._has_success = not self._is_trial and any(finished)
        self.is_reached = False

    @property
    def may_be_reached(self) -> bool:
        """True if the next failure may reach the limit."""
        return bool(self._most) and not self._has_success and not self.is_reached

    def see(self, entry: RunRecord) -> str:
        """Take in the outcome of an attempt; return why nothing more may start, empty if it may."""
        self._has_success |= entry.state is RunState.FINISHED
        # Interruptions are not the script's fault.
        is_own_failure = entry.state.is_failure and not entry.state.is_interruption
        if not self.may_be_reached or not is_own_failure:
            return ""
        cause = known_cause(entry, self._controller.search.folder)
        from hpsearch.core.failures import likeness  # its patterns take 4 ms, and most runs do not fail

        kind = likeness(entry.state, cause)
        self._counts[kind] += 1
        self.is_reached = self._counts[kind] >= self._most
        return self._message(entry, cause) if self.is_reached else ""

    def _message(self, entry: RunRecord, cause: str) -> str:
        folder, live = self._controller.search.folder.path, len(self._controller.runs.active)
        alike, kind = " alike" if self._most > 1 else "", "new run" if self._is_trial else "run"
        what = f"{amount(self._most, 'failure')}{alike} and no finished {kind}"
        rest = f" ({amount(live, 'live run')} left to end)" if live else ""
        return (
            f"--max_failures={self._most}: {what}, so nothing more starts{rest}: {cause}, e.g. run {entry.run.number}; "
            f"fix that, then resume with: {resume_hint(folder)}"
        )

    def to_take_back(self) -> list[OpenRun]:
        """Return the runs that still wait in a scheduler's queue, if it is time to take them back."""
        backend, clock = self._controller.backend, self._controller.clocks.steady
        if not self.is_reached or not isinstance(backend, TakesBackQueued) or clock() < self._next_try:
            return []
        self._next_try = clock() + _TAKE_BACKWRITE_PAUSE_S
        queued = [run for run in self._controller.runs.active if run.entry.state is RunState.QUEUED]
        jobs = [run.job for run in queued if run.job is not None]
        taken = backend.take_back(jobs, self._controller.stop.alarm) if jobs else ()
        return [run for run in queued if run.attempt.token in taken]


class RunQueue:
    """The numbers of runs that wait for a place, in order: `ready` runs for any place, held ones for more memory."""

    def __init__(self, backend: Backend, steady: Clock) -> None:
        self._backend, self._steady = backend, steady
        #: Since when runs up to this number wait, unless `_since` has a time of their own: a million times would take
        #: much memory.
        self._began, self._last = steady(), 0
        self._since: dict[int, float] = {}
        self.ready: deque[int] = deque()
        self.memory_needs_mb: dict[int, float] = {}
        self._held: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self.ready) + len(self._held)

    def fill(self, numbers: Sequence[int]) -> None:
        """Add the first runs. Runs that are added later have larger numbers."""
        self._began, self._last = self._steady(), max(numbers, default=0)
        self.ready.extend(number for number in numbers if number not in self.memory_needs_mb)
        self._held.update(dict.fromkeys(number for number in numbers if number in self.memory_needs_mb))

    def append(self, number: int) -> None:
        self._since[number] = self._steady()
        self._add(number, self.ready.append)

    def put_back(self, numbers: Sequence[int]) -> None:
        """Put runs that could not be started before all others, in this order."""
        for number in reversed(numbers):
            self._add(number, self.ready.appendleft)

    def _add(self, number: int, add: Callable[[int], None]) -> None:
        if number in self.memory_needs_mb:
            self._held[number] = None
        else:
            add(number)

    def next(self, active: Sequence[Job]) -> tuple[list[int], Place | None]:
        """Take out the runs that can start now; return them and their place, None if there is no place."""
        if self.ready:
            place = self._backend.place(active)
            capacity = 0 if place is None else min(place.capacity, len(self.ready))
            return [self.ready.popleft() for _ in range(capacity)], place
        # Runs that need more memory come last: if the others find no place, neither do they.
        if isinstance(self._backend, MemoryAware):
            for number in self._held:
                place = self._backend.place_with_memory(active, self.memory_needs_mb[number])
                if place is not None:
                    del self._held[number]
                    return [number], place
        return [], None

    def can_have_memory(self, run: OpenRun) -> bool:
        """Note how much memory a run needs that ran out of it; False if no place can ever have that much."""
        if run.job is None or not isinstance(self._backend, MemoryAware):
            return True
        need_mb = self._backend.memory_need_mb(run.job)
        if need_mb is not None:
            self.memory_needs_mb[run.number] = need_mb
        return need_mb is not None

    def waited_s(self, number: int) -> float:
        """Return for how many seconds a run has waited."""
        now = self._steady()
        return round(now - self._since.get(number, self._began if number <= self._last else now), 3)


class Standstill:
    """While the journal cannot be written: tells people once, tries again, and gives up in the end."""

    def __init__(self, search: LiveSearch, console: Console, steady: Clock) -> None:
        self._search, self._console, self._steady = search, console, steady
        self._since: float | None = None
        self._next_try = 0.0

    def look(self, has_live: bool) -> None:
        """Try to write the journal again, if it is time to. Raises StoreError when the patience is over."""
        trouble = self._search.trouble
        if trouble is not None:
            if self._steady() >= self._next_try:
                self._search.end_trouble()
                self._next_try = self._steady() + WRITE_PAUSE_S
            self.bear(self._search.trouble or trouble, has_live or self._search.trouble is None)
        if self._search.trouble is None and self._since is not None:
            self._console.note("the journal can be written again: going on")
            self._since = None

    def bear(self, trouble: StoreError, has_live: bool) -> None:
        """Tell people once what is wrong; raise it if that lasts and no run is live."""
        if self._since is None:
            self._since = self._steady()
            self._console.warn(f"{trouble}: no new run starts until it can be written; those running continue")
        is_over = not isinstance(trouble, NoRoomError) or self._steady() - self._since >= _PATIENCE_S
        if is_over and not has_live:
            raise trouble
