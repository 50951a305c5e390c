"""The loop of a search: start what may start, notice what ended, collect it; until all runs have ended."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from signal import SIGINT

from hpsearch.app.collect import collect, put_files_in_place, with_memory_cause
from hpsearch.app.follow import LogFollower
from hpsearch.app.gridfile import SearchConfig
from hpsearch.app.plan import Clock
from hpsearch.app.screen import Screen
from hpsearch.app.stop import StopRequest
from hpsearch.app.waiting import WaitingRuns
from hpsearch.backends.base import Backend, LogFile
from hpsearch.core.command import argv
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused, SubmissionUnsure
from hpsearch.core.model import Attempt, Job, JobPhase, Place, RunState, Status
from hpsearch.store.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    RunCollected,
    encode_summary,
)
from hpsearch.store.layout import move_aside
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord

#: A run that something else keeps ending (preemption, lost nodes) is given up after so many times.
MAX_INTERRUPTIONS = 10
#: After a submission that was refused for the moment: the first pause, doubled up to the last.
_FIRST_PAUSE_S, _LAST_PAUSE_S = 2.0, 60.0
_ECHO_INTERVAL_S = 0.1


class Dispatcher:
    """Drives one search on one backend."""

    def __init__(
        self,
        search: LiveSearch,
        config: SearchConfig,
        backend: Backend,
        screen: Screen,
        stop: StopRequest,
        clock: Clock,
        retries: int,
        submits_only: bool = False,
    ) -> None:
        """Bring together what a search needs. submits_only: leave as soon as a scheduler has all runs."""
        self._search, self._config, self._backend = search, config, backend
        self._screen, self._stop, self._clock = screen, stop, clock
        self._retries, self._submits_only = retries, submits_only
        self._pending = WaitingRuns(backend, clock())
        self._waited_s: dict[str, float] = {}
        self._active: dict[str, Job] = {}
        self._ended_jobs: dict[str, Job] = {}
        self._unsure: dict[str, Attempt] = {}
        self._to_announce: list[Job] = []
        self._prepared: dict[int, Attempt] = {}
        self._followers: dict[str, LogFollower] = {}
        self._failures_before: dict[int, int] = {}
        self._pause_s, self._paused_until = _FIRST_PAUSE_S, 0.0
        self._accepted = 0

    def take_over(self, entries: Iterable[RunRecord]) -> None:
        """Take runs into the loop, whatever state an earlier controller left them in; finished ones are left alone."""
        for entry in entries:
            self._failures_before[entry.run.number] = entry.failures
            if entry.state is RunState.FINISHED:
                continue
            attempt = self._attempt(entry, entry.attempts, entry.token)
            if entry.collected_at is not None or not entry.token:
                if entry.state is RunState.OUT_OF_MEMORY and entry.submitted is not None:
                    self._pending.can_have_room(_job_of(attempt, entry.submitted))
                self._pending.append(entry)
            elif entry.submitted is None:
                self._unsure[entry.token] = attempt
            else:
                job = _job_of(attempt, entry.submitted)
                (self._active if entry.ended is None else self._ended_jobs)[entry.token] = job
                self._accepted += 1

    def run(self) -> None:
        """Run until every run has ended, or a stop is requested.

        Raises SubmissionRefused if the very first submission is refused for good, StoreError if the disk takes no more.
        """
        try:
            ended_earlier = [self._search.record.runs[job.attempt.run.number] for job in self._ended_jobs.values()]
            self._collect_all(ended_earlier + self._notice())
            while self._pending or self._unsure or (self._active and not self._submits_only):
                if self._stop.signal_number is not None:
                    self._end_active(self._stop.signal_number)
                    return
                self._settle_unsure()
                self._start()
                self._announce()
                self._prepare()
                self._wait()
                ended = self._notice()
                # The slot is filled first: reading summaries can wait, a GPU should not.
                self._start()
                self._collect_all(ended)
                self._announce()
        except BaseException:
            self._abandon()
            raise

    def _start(self) -> None:
        while self._stop.signal_number is None and self._clock() >= self._paused_until:
            entries, place = self._pending.next(list(self._active.values()))
            if place is None:
                return
            self._submit(entries, place)

    def _prepare(self) -> None:
        """Let the backend prepare the run that comes next, while there is no place for it."""
        entry = self._pending.first
        if entry is not None and self._active and entry.run.number not in self._prepared:
            self._prepared[entry.run.number] = self._attempt(entry, entry.attempts + 1)
            self._backend.prepare(self._prepared[entry.run.number])

    def _next_attempt(self, entry: RunRecord) -> Attempt:
        if entry.run.number in self._prepared:
            return self._prepared.pop(entry.run.number)
        return self._attempt(entry, entry.attempts + 1)

    def _submit(self, entries: Sequence[RunRecord], place: Place) -> None:
        attempts = [self._next_attempt(entry) for entry in entries]
        for entry in entries:
            moved = move_aside(self._search.folder, entry.run)
            if moved is not None:
                self._screen.note(f"run {entry.run.number}: the folder of an earlier attempt now lies in {moved}")
        now = self._clock()
        for entry, attempt in zip(entries, attempts, strict=True):
            self._waited_s[attempt.token] = self._pending.waited_s(entry, now)
        self._search.note(*(AttemptIntended(attempt.run.number, attempt.token, now) for attempt in attempts))
        try:
            ids = self._backend.submit(attempts, place)
        except SubmissionDelayed as error:
            self._put_back(entries, str(error))
        except SubmissionUnsure as error:
            self._unsure.update({attempt.token: attempt for attempt in attempts})
            self._pause(f"no clear answer to a submission ({error}); asking whether it was accepted")
        except SubmissionRefused as error:
            self._refused(entries, attempts, error)
        else:
            self._pause_s = _FIRST_PAUSE_S
            self._accept(attempts, ids, place)

    def _accept(self, attempts: Sequence[Attempt], ids: Sequence[str], place: Place) -> None:
        now, host = self._clock(), socket.gethostname()
        jobs = [Job(attempt, job_id, place, now) for attempt, job_id in zip(attempts, ids, strict=True)]
        self._search.note(
            *(
                AttemptSubmitted(
                    job.attempt.run.number,
                    job.attempt.token,
                    job.id,
                    host,
                    now,
                    place.label,
                    dict(place.environment),
                    self._waited_s.pop(job.attempt.token, 0.0),
                    is_queued=self._backend.survives_controller,
                )
                for job in jobs
            )
        )
        self._active.update({job.attempt.token: job for job in jobs})
        self._accepted += len(jobs)
        self._backend.release(jobs)
        self._to_announce += jobs
        for job in jobs:
            self._pending.forget_room(job.attempt.run.number)
            if self._backend.shows_output:
                logs = self._backend.logs(job)
                self._followers[job.attempt.token] = LogFollower(log.path for log in logs)

    def _announce(self) -> None:
        """Tell which runs were started; after those that made room for them."""
        for job in self._to_announce:
            self._screen.started(job, is_queued=self._backend.survives_controller)
        self._to_announce.clear()

    def _refused(self, entries: Sequence[RunRecord], attempts: Sequence[Attempt], error: SubmissionRefused) -> None:
        if not self._accepted and self._backend.survives_controller:
            # A scheduler that refuses the first job refuses all; on this machine it concerns the one run.
            raise error
        for entry, attempt in zip(entries, attempts, strict=True):
            self._finish_attempt(entry, attempt.token, Status(JobPhase.ENDED, None, RunState.FAILED, str(error)))
            self._collect(entry, None)

    def _put_back(self, entries: Sequence[RunRecord], reason: str) -> None:
        self._pending.put_back(entries)
        self._pause(f"no run can be started for the moment ({reason})")

    def _pause(self, reason: str) -> None:
        self._paused_until = self._clock() + self._pause_s
        self._screen.warn(f"{reason}; trying again in {self._pause_s:.0f} s")
        self._pause_s = min(2 * self._pause_s, _LAST_PAUSE_S)

    def _settle_unsure(self) -> None:
        """Ask the backend which of the doubtful submissions exist; the others are free to be made again."""
        if not self._unsure or self._clock() < self._paused_until:
            return
        try:
            ids = self._backend.find(list(self._unsure.values()))
        except SubmissionUnsure as error:
            self._pause(f"still no answer about {len(self._unsure)} submissions ({error})")
            return
        for token, attempt in self._unsure.items():
            if token in ids:
                self._accept([attempt], [ids[token]], Place())
            else:
                self._pending.put_back([self._search.record.runs[attempt.run.number]])
        self._unsure.clear()

    def _attempt(self, entry: RunRecord, number: int, token: str = "") -> Attempt:
        settings, folder = self._search.settings, self._search.folder
        token = token or f"{entry.run.folder}.{number}.{secrets.token_hex(3)}"
        return Attempt(
            run=entry.run,
            number=number,
            token=token,
            argv=argv(settings.program, entry.run.configuration, settings.out_arg, entry.run.out_dir),
            cwd=Path(settings.run_cwd),
            exit_file=folder.exit_file(token),
            log_folder=folder.logs,
        )

    def _wait(self) -> None:
        if not (self._active or self._unsure or self._pending):
            return
        limits = [limit for limit in (self._screen.refresh_s, self._time_to_next_try()) if limit is not None]
        if self._followers:
            limits.append(_ECHO_INTERVAL_S)
        self._backend.wait(list(self._active.values()), min(limits, default=None), self._stop.alarm)
        self._echo()
        self._screen.refresh(self._active.values(), len(self._pending))

    def _time_to_next_try(self) -> float | None:
        pause = self._paused_until - self._clock()
        return max(0.0, pause) if (self._pending or self._unsure) and pause > 0 else None

    def _echo(self) -> None:
        for follower in self._followers.values():
            self._screen.echo(follower.new_output())

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
        """Note when a queued job starts, or is queued again."""
        run, token = job.attempt.run, job.attempt.token
        entry = self._search.record.runs[run.number]
        if status.phase is JobPhase.RUNNING and entry.state is RunState.QUEUED:
            self._search.note(AttemptStarted(run.number, token, self._clock(), status.place))
            self._screen.runs_now(job, status.place)

    def _finish_attempt(self, entry: RunRecord, token: str, status: Status) -> None:
        cause = status.cause.value if status.cause is not None else ""
        self._search.note(
            AttemptEnded(entry.run.number, token, status.exit_status, self._clock(), cause, status.reason)
        )
        # From here on the slot is free; the job is kept for collecting.
        job = self._active.pop(token, None)
        if job is not None:
            self._ended_jobs[token] = job

    def _collect_all(self, ended: Iterable[RunRecord]) -> None:
        for entry in ended:
            self._collect(entry, self._ended_jobs.pop(entry.token, None))
            self._screen.refresh(self._active.values(), len(self._pending))

    def _collect(self, entry: RunRecord, job: Job | None) -> None:
        """Read what a run came to; decide whether it is run again."""
        assert entry.ended is not None
        search, run, token = self._search, entry.run, entry.token
        follower = self._followers.pop(token, None)
        if follower is not None:
            self._screen.echo(follower.new_output())
            follower.close()
        outcome = collect(search.folder, run, entry.ended, search.settings, self._config)
        logs = list(self._backend.logs(job)) if job is not None else []
        if not entry.ended.cause:
            outcome = with_memory_cause(outcome, logs, search.folder.run_folder(run))
        self._put_files_in_place(entry, logs)
        summary = None if outcome.summary is None else encode_summary(outcome.summary)
        search.note(
            RunCollected(run.number, token, outcome.state.value, self._clock(), summary, outcome.problem), durable=True
        )
        is_again = self._runs_again(entry)
        if is_again and job is not None and entry.state is RunState.OUT_OF_MEMORY:
            is_again = self._pending.can_have_room(job)
        if is_again:
            self._pending.append(entry)
        elif entry.summary is not None:
            search.add_row(entry)
        search.folder.exit_file(token).unlink(missing_ok=True)
        self._screen.ended(entry, is_again)

    def _put_files_in_place(self, entry: RunRecord, logs: list[LogFile]) -> None:
        try:
            put_files_in_place(self._search.folder.run_folder(entry.run), logs, entry.run, self._search.settings)
        except OSError as error:
            self._screen.warn(f"run {entry.run.number}: its logs stay in {self._search.folder.logs} ({error})")

    def _runs_again(self, entry: RunRecord) -> bool:
        # Whoever cancels a job by hand does not want it again, at least not now.
        is_settled = entry.state in (RunState.FINISHED, RunState.UNFINISHED, RunState.CANCELLED)
        if self._stop.signal_number is not None or is_settled:
            return False
        if entry.state.is_interruption:
            return entry.interruptions <= MAX_INTERRUPTIONS
        return entry.failures - self._failures_before.get(entry.run.number, 0) <= self._retries

    def _end_active(self, signal_number: int) -> None:
        """End what runs and note how it ended; a scheduler's jobs are left alone unless Ctrl-C ends the search."""
        # What ended by itself before the signal is no cancelled run.
        self._collect_all(self._notice())
        jobs = dict(self._active)
        if not jobs:
            return
        if self._backend.survives_controller and signal_number != SIGINT:
            self._screen.note(f"{len(jobs)} runs are left to {self._backend.name}, where they go on")
            return
        self._screen.stopping(len(jobs))
        self._stop.silence()
        self._backend.cancel(list(jobs.values()), self._stop.alarm)
        statuses = self._backend.poll(list(jobs.values()))
        for token, job in jobs.items():
            status = statuses.get(token, Status(JobPhase.UNKNOWN))
            if self._backend.survives_controller and status.phase is not JobPhase.ENDED:
                self._screen.warn(f"run {job.attempt.run.number}: its job {job.id} may not have ended")
                continue
            entry = self._search.record.runs[job.attempt.run.number]
            ended = Status(JobPhase.ENDED, status.exit_status, RunState.CANCELLED, "cancelled with the search")
            self._finish_attempt(entry, token, ended)
            self._collect(entry, self._ended_jobs.pop(token, None))

    def _abandon(self) -> None:
        """An error ends this controller: local runs would go on unseen, so they are ended; nothing more is written."""
        if self._active and not self._backend.survives_controller:
            self._backend.cancel(list(self._active.values()), self._stop.alarm)


def _job_of(attempt: Attempt, submitted: AttemptSubmitted) -> Job:
    """Return an attempt as the job that an earlier controller submitted."""
    return Job(attempt, submitted.id, Place(submitted.place, submitted.environment), submitted.at)
