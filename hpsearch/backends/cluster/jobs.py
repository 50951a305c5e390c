"""What a controller knows of its jobs: each one's submission, exit file, and the scheduler's latest word."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.poll_schedule import PollSchedule
from hpsearch.backends.cluster.submission_names import SubmissionNames
from hpsearch.backends.launcher import ExitNote, exit_reason, note_in
from hpsearch.backends.scheduler import JobRow, Reporter, Scheduler
from hpsearch.core.model import Job, JobPhase, RunState, Status
from hpsearch.startup.classes import dataclass, field, replace

#: How long to wait for an exit file: of a job that ended by itself; of a killed job, which rarely leaves one.
_EXIT_FILE_S, _KILLED_S = 30.0, 3.0
#: How long to wait for the scheduler to say that a failed run was out of memory; or who told a run to stop.
_FAILED_S, _CAUSE_S = 20.0, 60.0
#: How long an end without a cause has to last to count: a job that is queued again looks ended at first.
_SETTLE_S = 2.0
#: How long a job missing from two answers may still reappear.
_ABSENT_S, _ABSENCES = 30.0, 2


@dataclass
class JobWatch:
    """What is known of one run of a job.

    note: its exit file, there since note_at.
    reported: the scheduler's word, in answers from reported_at to seen_at.
    absences: answers in a row without the job, since absent_at; array_is_there: the last one has others of its array.
    never_began: the job left the scheduler's report but no output, which would have come first.
    is_cancelled: this search cancelled it, and it is gone from the scheduler. is_told_to_end: it is being cancelled.
    """

    note: ExitNote | None = None
    note_at: float = 0.0
    reported: Status = field(default_factory=lambda: Status(JobPhase.QUEUED))
    reported_at: float = 0.0
    seen_at: float = 0.0
    absences: int = 0
    absent_at: float = 0.0
    array_is_there: bool = False
    never_began: bool = False
    is_cancelled: bool = False
    is_told_to_end: bool = False

    @property
    def is_plain(self) -> bool:
        """True if nothing but the scheduler's word is known, and by that the job has not ended."""
        return not (self.note or self.absences or self.is_cancelled or self.reported.phase is JobPhase.ENDED)

    @property
    def waits_for_cause(self) -> bool:
        """True if the run has ended and only the scheduler may know why."""
        return self.note is not None and (self.note.was_told_to_stop or self.note.exit_status != 0)

    @property
    def has_failed_silently(self) -> bool:
        """True if the scheduler says that the job failed, and there is no exit status (yet)."""
        reported, is_failure = self.reported, self.reported.exit_status not in (None, 0) or bool(self.reported.reason)
        return self.note is None and reported.phase is JobPhase.ENDED and is_failure

    def see_note(self, note: ExitNote | None, now: float) -> bool:
        """Take in the exit file (None = it is gone, or not there yet); return whether it is news."""
        is_news = note != self.note
        self.note, self.note_at = note, now if is_news else self.note_at
        return is_news

    def see_row(self, status: Status, now: float) -> bool:
        """Take in the scheduler's word; return whether it is news."""
        self.absences, self.seen_at = 0, now
        # The first end counts: a job that would never start keeps that reason, although it is cancelled afterwards.
        if status.phase is JobPhase.ENDED and self.reported.phase is JobPhase.ENDED:
            return False
        # A new reason alone is no news: LSF's reasons have numbers of hosts, which change all the time.
        is_news = _without_reason(status) != _without_reason(self.reported)
        self.reported, self.reported_at = status, now if is_news else self.reported_at
        return is_news

    def see_absence(self, now: float, array_is_there: bool = False) -> None:
        """Take in an answer that lacks the job."""
        self.absent_at = self.absent_at if self.absences else now
        self.absences, self.array_is_there = self.absences + 1, array_is_there

    def _is_gone(self, now: float) -> bool:
        return self.absences >= _ABSENCES and now - self.absent_at >= _ABSENT_S

    def status(self, now: float) -> Status:
        """Return the run's status, from all that is known now."""
        if self.note is not None:
            return self._with_note(self.note, now)
        if self.reported.phase is JobPhase.ENDED:
            wait_s = _EXIT_FILE_S if self.reported.cause is None else _KILLED_S
            is_over = self.is_cancelled or self.never_began or now - self.reported_at >= wait_s
            return self.reported if is_over else Status(JobPhase.UNKNOWN)
        if self.is_cancelled:
            return Status(JobPhase.ENDED, None, RunState.CANCELLED)
        # A job that is removed from its array while it waits leaves no trace.
        was_waiting = self.reported.phase is JobPhase.QUEUED and self.seen_at > 0
        if self.array_is_there and was_waiting and self.absences >= _ABSENCES:
            return Status(JobPhase.ENDED, None, RunState.CANCELLED, "it was removed from its array before it started")
        if self._is_gone(now):
            return Status(JobPhase.ENDED, None, RunState.LOST, "it left the queue without an exit status")
        return Status(JobPhase.UNKNOWN) if self.absences else self.reported

    def _with_note(self, note: ExitNote, now: float) -> Status:
        reason = exit_reason(note.exit_status)
        by_itself = Status(JobPhase.ENDED, note.exit_status, None, reason, "", note.ended, note.began)
        if note.was_told_to_save:
            # Unless the scheduler knows better.
            reason = "it ended after SIGUSR1" + (f" ({reason})" if reason else "")
            by_itself = replace(by_itself, cause=RunState.TIMED_OUT, reason=reason)
        if not self.waits_for_cause:
            return by_itself
        if self.is_told_to_end:
            return replace(by_itself, cause=RunState.CANCELLED)
        # Something else seems to have ended it (137 is SIGKILL); else only a lack of memory may have.
        was_ended = note.was_told_to_stop or note.exit_status == 137
        if self.reported.phase is JobPhase.ENDED:
            # A job that is put back into the queue looks failed for a moment.
            is_settled = self.seen_at - self.reported_at >= _SETTLE_S or self.absences or self.is_cancelled
            if note.was_told_to_stop and self.reported.cause is None and not is_settled:
                return Status(JobPhase.UNKNOWN)
            # Without a reason, the cause is just what the exit code usually means.
            is_known = bool(self.reported.reason) or not note.was_told_to_save
            is_cause = (was_ended and is_known) or self.reported.cause is RunState.OUT_OF_MEMORY
            cause = self.reported.cause if is_cause else None
            return replace(by_itself, cause=cause, reason=self.reported.reason or reason) if cause else by_itself
        if self.is_cancelled:
            return replace(by_itself, cause=RunState.CANCELLED)
        if self.reported.phase is JobPhase.QUEUED and not self.absences and self.seen_at > self.note_at:
            return self.reported  # The scheduler has queued it again since.
        wait_s = _CAUSE_S if was_ended else _FAILED_S
        if now - self.note_at < wait_s and not self._is_gone(now):
            return Status(JobPhase.UNKNOWN)
        if not note.was_told_to_stop or note.was_told_to_save or note.exit_status == 0:
            return by_itself
        return replace(by_itself, cause=RunState.LOST, reason=f"{reason}; the scheduler does not say why")


class ClusterJobs:
    """The jobs of one controller."""

    def __init__(self, scheduler: Scheduler, longest_pause_s: float, clock: Callable[[], float]) -> None:
        self._scheduler, self._clock = scheduler, clock
        self._reporter = scheduler if isinstance(scheduler, Reporter) else None
        self.schedule = PollSchedule(longest_pause_s, clock())
        self._watches: defaultdict[str, JobWatch] = defaultdict(JobWatch)
        self.names = SubmissionNames()

    def look(self, jobs: Sequence[Job]) -> bool:
        """Look at the exit files; return whether one has appeared or vanished."""
        now, has_news = self._clock(), False
        # Texts: with hundreds of jobs, making paths would take most of the time.
        paths = [str(job.attempt.exit_file) for job in jobs]
        listed = _listed({path.rpartition("/")[0] for path in paths})
        if listed is None:
            return False
        for job, path in zip(jobs, paths, strict=True):
            watch, is_there = self._watches[job.attempt.token], path in listed
            if (is_there or watch.note) and watch.see_note(note_in(job.attempt.exit_file) if is_there else None, now):
                has_news = True
                if watch.waits_for_cause:
                    self.schedule.hurry_for_cause(now)
        return has_news

    def wait_for_cause(self, jobs: Iterable[Job]) -> bool:
        """Return whether one of the jobs has ended, and only the scheduler may know why."""
        return any(self._watches[job.attempt.token].waits_for_cause for job in jobs)

    def still_open(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs for which the scheduler's word is needed."""
        watched = ((job, self._watches[job.attempt.token]) for job in jobs)
        return [job for job, watch in watched if watch.note is None or watch.waits_for_cause]

    def take_in(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> bool:
        """Take in an answer (a job without a row is absent from it); return whether it says something new."""
        now, has_news = self._clock(), False
        own, names = self.names.own_rows(jobs, rows), {row.name for row in rows}
        for job in jobs:
            watch = self._watches[job.attempt.token]
            if job.id in own:
                has_news |= watch.see_row(self._reported(job, own[job.id]), now)
            else:
                name, number = self.names.of(job.attempt)
                watch.see_absence(now, number is not None and name in names)
        return has_news

    def told_to_end(self, jobs: Iterable[Job]) -> None:
        """Note that the search is cancelling these jobs and goes on, so what ends them is known."""
        for job in jobs:
            self._watches[job.attempt.token].is_told_to_end = True

    def gone(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> set[str]:
        """Take in an answer about cancelled jobs; return the tokens of the jobs that are gone."""
        self.look(jobs)
        self.take_in(jobs, rows)
        own, gone = self.names.own_rows(jobs, rows), set()
        for job in jobs:
            row = own.get(job.id)
            is_alive = row is not None and row.status.phase is not JobPhase.ENDED
            if not is_alive or (row is not None and row.is_elsewhere and job.attempt.exit_file.exists()):
                self._watches[job.attempt.token].is_cancelled = True
                gone.add(job.attempt.token)
        return gone

    def statuses(self, jobs: Sequence[Job]) -> dict[str, Status]:
        """Return token -> what is known of the run; runs of which nothing is known are missing."""
        now, watches = self._clock(), self._watches
        statuses = {job.attempt.token: watches[job.attempt.token].reported for job in jobs}
        others = [job for job in jobs if not watches[job.attempt.token].is_plain]
        failed = (job for job in others if watches[job.attempt.token].has_failed_silently)
        logs = _listed({str(job.attempt.log_folder) for job in failed})
        for job in others:
            token = job.attempt.token
            statuses[token] = status = self._status(job, now, logs)
            if status.phase is JobPhase.ENDED:
                del watches[token]
                self.names.has_ended(token)
            elif status.phase is JobPhase.UNKNOWN:
                del statuses[token]
        return statuses

    def own_reports(self, job: Job) -> list[LogFile]:
        """Return the scheduler's reports on a job with this run only."""
        reports = self._reports(job)
        return reports if reports and len(self.names.of_one_job(job.attempt)) == 1 else []

    def _reports(self, job: Job) -> list[LogFile]:
        return [] if self._reporter is None else list(self._reporter.reports(job, *self.names.of(job.attempt)))

    def _status(self, job: Job, now: float, logs: set[str] | None) -> Status:
        """Return what is known of a job, and if it failed silently, what it left. logs: all log files, if known."""
        watch = self._watches[job.attempt.token]
        if not watch.has_failed_silently:
            return watch.status(now)
        report = next((report.path for report in self._reports(job) if str(report.path) in (logs or ())), None)
        has_output = self._has_output(job, logs)
        watch.never_began = report is not None and has_output is False
        status = watch.status(now)
        if status.phase is not JobPhase.ENDED:
            return status
        said = status.reason or f"{self._scheduler.name}: exit code {status.exit_status}"
        if status.cause is None and report is not None and watch.never_began:
            said += f"; it never started{self._words_of(report, job)}"
        elif status.cause is None:
            said += "; it left no output and no exit status" if has_output is False else "; it left no exit status"
        return replace(status, reason=said)

    def _words_of(self, report: Path, job: Job) -> str:
        """Return what a report says, and its path if it will not move to the run's folder."""
        words = ""
        with contextlib.suppress(OSError):
            text = report.read_text(encoding="utf-8", errors="replace")
            words = self._reporter.report_words(text) if self._reporter is not None else ""
        return (f": {words}" if words else "") + ("" if self.own_reports(job) else f" (report: {report})")

    def _has_output(self, job: Job, logs: set[str] | None, with_submission: bool = False) -> bool | None:
        """Return whether a job, or its submission, has left output; None if that is unknown (now)."""
        stems = self.names.of_one_job(job.attempt) | ({self.names.of(job.attempt)[0]} if with_submission else set())
        return None if logs is None else any(f"{job.attempt.log_folder}/{stem}.out" in logs for stem in stems)

    def _reported(self, job: Job, row: JobRow) -> Status:
        """Return what a row says of a job; a job cancelled without any output could not be started."""
        if not row.may_be_unstarted or self._watches[job.attempt.token].note is not None:
            return row.status
        # The jobs of an array share the array's output file.
        has_output = self._has_output(job, _listed({str(job.attempt.log_folder)}), with_submission=row.number is None)
        lost = replace(row.status, cause=RunState.LOST, reason="its node could not start it")
        return lost if has_output is False else row.status


def _without_reason(status: Status) -> tuple[object, ...]:
    return status.phase, status.exit_status, status.cause, status.place, status.ended_at, status.began_at


def _listed(folders: Iterable[str]) -> set[str] | None:
    """Return the files in some folders, as the network file system shows them now; None if one cannot be listed."""
    files: set[str] = set()
    try:
        for folder in folders:
            files.update(f"{folder}/{name}" for name in os.listdir(folder))  # noqa: PTH208
    except OSError:
        return None
    return files
