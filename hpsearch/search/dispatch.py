"""The loop of a search: start what may start, notice what ended, collect it; until all runs have ended."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterable
from signal import SIGINT

from hpsearch.backends.base import Backend, LeftoverEnder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.console.console import Console
from hpsearch.console.follow import LogFollower
from hpsearch.console.text import amount
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.core.model import Attempt, Job, JobPhase, RunState, Status
from hpsearch.search.clocks import Clocks
from hpsearch.search.collect import Collector, EndedRun
from hpsearch.search.delays import PAUSE_S, Standstill
from hpsearch.search.progress import Progress
from hpsearch.search.stop import StopRequest
from hpsearch.search.submissions import Submissions, attempt_of, job_of
from hpsearch.store.events import (
    AttemptEnded,
    AttemptStarted,
)
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord

#: A run that something else keeps ending (preemption, lost nodes) is given up after so many times.
MAX_INTERRUPTIONS = 10
_ECHO_INTERVAL_S = 0.1
#: How often the search folder is looked at for a request to stop.
_REQUEST_INTERVAL_S = 2.0


class Dispatcher:
    """Drives one search on one backend."""

    def __init__(
        self,
        search: LiveSearch,
        config: SearchConfig,
        backend: Backend,
        console: Console,
        stop: StopRequest,
        clocks: Clocks,
        retries: int,
        submits_only: bool = False,
        longest_wait_s: float = math.inf,
    ) -> None:
        """Bring together what a search needs.

        submits_only: leave as soon as a scheduler has all runs. longest_wait_s: for one that takes none.
        """
        self._search, self._config, self._backend = search, config, backend
        self._console, self._stop, self._clocks = console, stop, clocks
        self._retries, self._submits_only = retries, submits_only
        self._submissions = Submissions(search, backend, console, clocks, self._is_needless, longest_wait_s)
        self._collector = Collector(search, config, backend, console, clocks)
        self._standstill = Standstill(search, console, clocks.steady)
        self._active: dict[str, Job] = {}
        self._ended_jobs: dict[str, Job] = {}
        self._to_announce: list[Job] = []
        self._followers: dict[str, LogFollower] = {}
        self._failures_before: dict[int, int] = {}
        self._again: set[int] = set()
        #: Numbers of the runs whose earlier result counts again, as no newer attempt has finished.
        self.restored: set[int] = set()
        self._unseen: set[str] = set()
        self._next_look = clocks.steady() + _REQUEST_INTERVAL_S

    def take_over(self, entries: Iterable[RunRecord], again: Collection[int] = (), takes_up_all: bool = True) -> None:
        """Take runs into the loop, whatever state an earlier controller left them in.

        again: numbers of runs that are run again in any case. Other finished ones are left alone.
        takes_up_all: also runs that turn out to have ended without finishing while no controller was there.
        """
        self._again.update(again)
        entries = list(entries)
        last_run = max(self._search.record.runs, default=0)
        self._progress = Progress(self._console, self._search.settings, entries, self._backend.shows_output, last_run)
        self._restore_kept(entry for entry in entries if entry.run.number not in again)
        for entry in entries:
            self._failures_before[entry.run.number] = entry.failures
            if entry.submitted is not None and entry.submitted.is_queued:
                self._submissions.job_was_accepted(entry.collected_at is None)
            if entry.state is RunState.FINISHED and entry.run.number not in again:
                continue
            attempt = attempt_of(self._search, entry, entry.attempts, entry.token)
            if entry.collected_at is not None or not entry.token:
                if entry.state is RunState.OUT_OF_MEMORY and entry.submitted is not None:
                    self._submissions.waiting.note_memory_need(job_of(attempt, entry.submitted))
                self._submissions.waiting.append(entry)
            elif entry.submitted is None:
                self._submissions.doubtful[entry.token] = attempt
            else:
                job = job_of(attempt, entry.submitted)
                (self._active if entry.ended is None else self._ended_jobs)[entry.token] = job
                if takes_up_all or entry.run.number in again:
                    self._unseen.add(entry.token)

    def run(self) -> None:
        """Run until every run has ended, or a stop is requested.

        Raises SubmissionRefused if the very first submission is refused for good, StoreError if the journal cannot be
        written, after the last live run has ended.
        """
        try:
            ended_earlier = [self._search.record.runs[job.attempt.run.number] for job in self._ended_jobs.values()]
            self._collect_all(ended_earlier + self._notice())
            while self._is_busy() or self._collect_again(is_last_try=True):
                if self._stop.signal_number is not None:
                    self._end_active(self._stop.signal_number)
                    self._collect_again(is_last_try=True)
                    self._end_leftovers()
                    return
                self._go_on()
        except Exception:
            self._leave_active()
            raise
        except BaseException:
            self._abandon()
            raise

    def finish(self) -> None:
        """Sort the table and write which runs did not finish; waits for a while if there is no room for that.

        Raises StoreError if it cannot be done.
        """
        self.restored |= self._restore_kept(self._search.record)
        while not self._could_finish():
            self._backend.wait([], PAUSE_S, self._stop.alarm)
        if self._collector.left_undone():
            raise StoreError(self._collector.left_undone())

    def _could_finish(self) -> bool:
        try:
            self._search.write_rest()
            self._search.finish()
        except NoRoomError as error:
            if self._stop.signal_number is not None:
                raise
            self._standstill.bear(error, has_live=False)
            return False
        return True

    def _is_busy(self) -> bool:
        has_live = bool(self._active) and not self._submits_only
        is_held_up = self._search.trouble is not None or self._collector.is_waiting()
        return bool(self._submissions) or has_live or is_held_up

    def _go_on(self) -> None:
        """Start what may start, sleep until something happens, and collect what has ended."""
        self._take_in(self._submissions.settle())
        self._start()
        self._announce()
        if self._active:
            self._submissions.prepare()
        self._wait()
        ended = self._notice()
        # The slot is filled first: reading summaries can wait, a GPU should not.
        self._start()
        self._collect_all(ended)
        self._collect_again()
        self._announce()
        self._standstill.look(has_live=len(self._active) > len(self._submissions.unreleased))
        self._submissions.release_recorded()

    def _start(self) -> None:
        while self._stop.signal_number is None and self._search.trouble is None:
            made = self._submissions.make_one(list(self._active.values()))
            if made is None:
                return
            self._take_in(made.jobs)
            for attempt in made.refused:
                self._end_without_job(attempt, Status(JobPhase.ENDED, None, RunState.FAILED, made.reason))

    def _take_in(self, jobs: Iterable[Job]) -> None:
        """Look after jobs that were accepted."""
        for job in jobs:
            self._active[job.attempt.token] = job
            self._to_announce.append(job)
            if self._backend.shows_output:
                logs = self._backend.logs(job)
                self._followers[job.attempt.token] = LogFollower(log.path for log in logs)

    def _end_without_job(self, attempt: Attempt, status: Status) -> None:
        """Note the end of an attempt that never became a job."""
        entry = self._search.record.runs[attempt.run.number]
        self._finish_attempt(entry, attempt.token, status)
        self._collect(EndedRun(entry, None))

    def _announce(self) -> None:
        """Tell which runs were started; after those that made room for them."""
        for job in self._to_announce:
            self._progress.started(job, is_queued=self._backend.has_queue)
        self._to_announce.clear()

    def _wait(self) -> None:
        if not self._is_busy():
            return
        next_try_s = self._submissions.time_to_next_try()
        limits = [limit for limit in (self._console.refresh_s, next_try_s) if limit is not None]
        if self._search.trouble is not None:
            limits.append(PAUSE_S)
        if self._followers:
            limits.append(_ECHO_INTERVAL_S)
        self._backend.wait(list(self._active.values()), min([*limits, _REQUEST_INTERVAL_S]), self._stop.alarm)
        self._look_for_request()
        self._echo()
        self._progress.refresh(self._active.values())

    def _look_for_request(self) -> None:
        """Stop as at Ctrl-C if someone asked for it who cannot send a signal."""
        if self._clocks.steady() < self._next_look:
            return
        self._next_look = self._clocks.steady() + _REQUEST_INTERVAL_S
        asked_by = None
        with contextlib.suppress(OSError):  # The file system may be away; what is asked for there is seen later.
            asked_by = self._search.who_asked_to_cancel()
        if asked_by is not None:
            self._console.note(f"told to stop by {asked_by}")
            self._stop.request(SIGINT)

    def _echo(self) -> None:
        for follower in self._followers.values():
            self._console.echo(follower)

    def _notice(self) -> list[RunRecord]:
        """Ask the backend once for all jobs; return the runs that have ended."""
        statuses = self._backend.poll(list(self._active.values())) if self._active else {}
        ended = []
        for token, status in statuses.items():
            if status.phase is JobPhase.ENDED:
                entry = self._search.record.runs[self._active[token].attempt.run.number]
                self._finish_attempt(entry, token, status)
                ended.append(entry)
            else:
                self._see_alive(self._active[token], status)
        return ended

    def _see_alive(self, job: Job, status: Status) -> None:
        """Note when a queued job starts."""
        run, token = job.attempt.run, job.attempt.token
        entry = self._search.record.runs[run.number]
        if status.phase is JobPhase.RUNNING:
            self._unseen.discard(token)
        if status.phase is JobPhase.RUNNING and entry.state is RunState.QUEUED:
            self._search.note_happened(AttemptStarted(run.number, token, self._clocks.wall(), status.place))
            self._progress.runs_now(job, status.place)

    def _finish_attempt(self, entry: RunRecord, token: str, status: Status) -> None:
        cause = status.cause.value if status.cause is not None else ""
        at = _moment_of_end(entry, status, self._clocks.wall())
        self._search.note_happened(AttemptEnded(entry.run.number, token, status.exit_status, at, cause, status.reason))
        # From here on the slot is free; the job is kept for collecting.
        job = self._active.pop(token, None)
        if job is not None:
            self._ended_jobs[token] = job
            self._submissions.job_has_ended()

    def _collect_all(self, ended: Iterable[RunRecord]) -> None:
        for entry in ended:
            self._collect(EndedRun(entry, self._ended_jobs.pop(entry.token, None)))
            self._progress.refresh(self._active.values())

    def _collect_again(self, is_last_try: bool = False) -> bool:
        """Try again to collect what could not be collected; return whether there was something to collect."""
        ended = self._collector.due(is_last_try)
        for each in ended:
            self._collect(each, is_last_try)
        return bool(ended)

    def _collect(self, ended: EndedRun, is_last_try: bool = False) -> None:
        """Find out what a run came to; decide whether it is run again."""
        entry, job = ended.entry, ended.job
        follower = self._followers.pop(entry.token, None)
        if follower is not None:
            self._console.echo(follower, is_last=True)
            follower.close()
        if not self._collector.collect(ended, is_last_try):
            return
        is_again = self._runs_again(entry)
        if is_again and job is not None and entry.state is RunState.OUT_OF_MEMORY:
            is_again = self._submissions.waiting.note_memory_need(job) or entry.token in self._unseen
        if is_again:
            self._submissions.waiting.append(entry)
        elif entry.result.summary is not None:
            self._collector.add_row(entry)
        self._progress.ended(entry, is_again)
        if not is_again:
            self.restored |= self._restore_kept([entry])

    def _restore_kept(self, entries: Iterable[RunRecord]) -> set[int]:
        """Let earlier results count again where no newer attempt finished and none is on its way; return which runs."""
        kept = [entry for entry in entries if entry.kept is not None and not entry.is_open]
        return {entry.run.number for entry in kept if self._collector.restore(entry)}

    def _is_needless(self, entry: RunRecord) -> bool:
        """Return whether a run that is about to be run again has finished after all: its summary can be read now."""
        if entry.run.number in self._again:
            self._again.discard(entry.run.number)
            return False
        if not self._collector.finished_after_all(entry):
            return False
        self._console.note(f"run {entry.run.number} is not run again: by now, its summary says that it has finished")
        self._collector.add_row(entry)
        self._progress.ended(entry, False)
        return True

    def _runs_again(self, entry: RunRecord) -> bool:
        if self._stop.signal_number is not None or entry.state is RunState.FINISHED:
            return False
        if entry.token in self._unseen:
            # It ended while no controller was there: had that been known, it would be one of those to be run.
            self._failures_before[entry.run.number] = entry.failures
            return True
        if entry.state in (RunState.UNFINISHED, RunState.CANCELLED):
            # Whoever cancels a job by hand does not want it again, at least not now.
            return False
        if entry.state.is_interruption:
            return entry.interruptions <= MAX_INTERRUPTIONS
        return entry.failures - self._failures_before.get(entry.run.number, 0) <= self._retries

    def _end_active(self, signal_number: int) -> None:
        """End what runs and note how it ended; a scheduler's jobs are left alone unless Ctrl-C ends the search."""
        if signal_number == SIGINT or not self._backend.jobs_outlive_controller:
            self._end_unsure()
        # What ended by itself before the signal is no cancelled run.
        self._collect_all(self._notice())
        jobs = dict(self._active)
        if not jobs:
            return
        if self._backend.jobs_outlive_controller and signal_number != SIGINT:
            self._console.note(f"{amount(len(jobs), 'run')} left to {self._backend.name}, where they go on")
            return
        self._progress.stopping(len(jobs))
        self._stop.silence()
        self._backend.cancel(list(jobs.values()), self._stop.alarm)
        statuses = self._backend.poll(list(jobs.values()))
        for token, job in jobs.items():
            status = statuses.get(token, Status(JobPhase.UNKNOWN))
            if status.phase is not JobPhase.ENDED:
                self._console.warn(f"run {job.attempt.run.number}: its job {job.id} may not have ended")
                continue
            entry = self._search.record.runs[job.attempt.run.number]
            ended = Status(JobPhase.ENDED, status.exit_status, RunState.CANCELLED, "cancelled with the search")
            self._finish_attempt(entry, token, ended)
            self._collect(EndedRun(entry, self._ended_jobs.pop(token, None)))

    def _end_leftovers(self) -> None:
        """End what runs that are over have left behind on this machine."""
        if isinstance(self._backend, LeftoverEnder):
            over = [entry.token for entry in self._search.record if entry.token and not entry.is_open]
            for process in self._backend.end_leftovers(over, self._stop.alarm):
                self._console.note(f"ended what a run had left behind: {process}")

    def _end_unsure(self) -> None:
        """Take in the jobs of which nobody knew yet whether they exist: none must stay behind."""
        doubtful = dict(self._submissions.doubtful)
        self._stop.silence()
        self._take_in(self._submissions.settle_at_last(self._stop.alarm))
        for token, attempt in doubtful.items():
            if token in self._submissions.doubtful:
                self._console.warn(f"nobody knows whether there is a job {token}: ask again with hpsearch cancel")
            elif token not in self._active:
                cancelled = Status(JobPhase.ENDED, None, RunState.CANCELLED, "cancelled before it was accepted")
                self._end_without_job(attempt, cancelled)

    def _leave_active(self) -> None:
        """An error of ours ends this controller: that is no reason to end runs, which go on as after its death."""
        if self._active:
            runs = amount(len(self._active), "run")
            self._console.warn(f"{runs} may go on without this controller; resume to collect")

    def _abandon(self) -> None:
        """Someone ends this controller in a way of his own: local runs would go on unseen, so they are ended."""
        if self._active and not self._backend.jobs_outlive_controller:
            self._backend.cancel(list(self._active.values()), self._stop.alarm)


def _moment_of_end(entry: RunRecord, status: Status, now: float) -> float:
    """Return when a run ended: as its host noted it, unless that host's clock cannot be right; else now."""
    noted = status.ended_at
    earliest = 0.0 if entry.submitted is None else entry.submitted.at
    return now if noted is None or not earliest <= noted <= now else noted
