"""Runs as jobs of any cluster scheduler: submitted once, polled rarely, never lost."""

from __future__ import annotations

import secrets
import select
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.client import FORGOTTEN, JobArrays, SchedulerClient
from hpsearch.backends.cluster.jobs import ClusterJobs
from hpsearch.backends.cluster.poll_schedule import look_pause_s
from hpsearch.backends.cluster.script import remove_scripts, scripts_for, write_scripts
from hpsearch.backends.scheduler import BATCH_MARK, ClusterWishes, NamesCluster, Scheduler, Submission, submissions_text
from hpsearch.core.errors import BackendError, SubmissionDelayed, SubmissionRefused, SubmissionUnsure, reason_of
from hpsearch.core.model import Attempt, Job, JobPhase, Place, Status, is_job_id

#: How long to wait for cancelled jobs to be gone, in seconds.
_CANCEL_S = 90.0


class ClusterBackend:
    """The jobs of one search; `Scheduler` has what differs between schedulers."""

    shows_output = False
    has_queue = jobs_outlive_controller = starts_unreleased = refusal_concerns_all = True

    def __init__(
        self,
        scheduler: Scheduler,
        wishes: ClusterWishes,
        tell: Callable[[str], None],
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """tell: shows people a message. environ: the caller's. clock: in seconds, never set back."""
        self._scheduler, self._wishes, self._clock = scheduler, wishes, clock
        self.name = scheduler.name
        self._client = SchedulerClient(scheduler, tell, environ)
        self.conversation = self._client.conversation
        self._jobs = ClusterJobs(scheduler, wishes.longest_pause_s, clock)
        self._arrays = JobArrays(scheduler, wishes.jobs, self._client.run, clock)
        self._last_array: str | None = None
        self._free = wishes.jobs
        self._look_s = look_pause_s(0)
        self._hopeless = ""
        self._missing_once: set[str] = set()

    @cached_property
    def own_cluster(self) -> str:
        scheduler = self._scheduler
        if not isinstance(scheduler, NamesCluster):
            return ""
        return scheduler.own_cluster(self._client.run(scheduler.own_cluster_command()))

    def check(self) -> None:
        try:
            answer = self._client.ask(self._scheduler.version_command())
        except BackendError as error:
            remedy = self._scheduler.remedy
            raise BackendError(f"{self.name}'s {error}. {remedy[:1].upper()}{remedy[1:]}") from error
        try:
            self._scheduler.check_version(answer)
        except BackendError as error:
            raise BackendError(f"{error} ({self.conversation.last})") from error

    def place(self, active: Sequence[Job]) -> Place | None:
        wishes = self._wishes
        self._free = wishes.jobs - len({job.id for job in active})
        jobs = int(self._free > 0)
        if wishes.as_arrays:
            # If arrays can be widened, one may start small.
            can_widen = self._scheduler.throttle_command("1", 1) is not None
            is_open = not active or wishes.all_at_once or (self._free > 0 and can_widen)
            jobs = self._arrays.size if is_open else 0
        return Place(capacity=jobs * wishes.runs_per_job) if jobs else None

    def prepare(self, attempt: Attempt) -> None:
        """Nothing: a job waits in the queue anyway."""

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        if self._hopeless:
            raise SubmissionRefused(self._hopeless)
        submission = self._submission(attempts)
        scripts = scripts_for(submission, self._scheduler, self._wishes)
        try:
            accepted = self._accepted_id(submission, scripts)
        except (SubmissionDelayed, SubmissionRefused) as error:
            remove_scripts(scripts)
            raise self._arrays.refused(len(submission.jobs), error) from None
        self._jobs.names.remember(submission)
        self._jobs.schedule.hurry(self._clock())
        if not submission.is_array:
            return [accepted] * len(attempts)
        self._last_array = accepted
        self._arrays.submitted(accepted, submission.at_once)
        ids = (self._scheduler.array_member(accepted, number) for number in range(1, len(submission.jobs) + 1))
        return [job_id for job_id, job in zip(ids, submission.jobs, strict=True) for _ in job]

    def _submission(self, attempts: Sequence[Attempt]) -> Submission:
        size, wishes = self._wishes.runs_per_job, self._wishes
        first, last = attempts[0], attempts[-1]
        is_single = len(attempts) == 1 and not wishes.as_arrays
        after = self._last_array if wishes.all_at_once else None
        return Submission(
            name=first.token if is_single else f"{first.run.folder}{BATCH_MARK}{secrets.token_hex(4)}",
            label=first.run.folder if len(attempts) == 1 else f"{first.run.folder}-{last.run.number}",
            log_folder=first.log_folder,
            jobs=tuple(tuple(attempts[start : start + size]) for start in range(0, len(attempts), size)),
            is_array=wishes.as_arrays,
            # No controller may be there to widen an array when the one before it ends.
            at_once=wishes.jobs if after is not None else max(1, self._free),
            after=after,
        )

    def _accepted_id(self, submission: Submission, scripts: Mapping[Path, str]) -> str:
        """Write the scripts and run the submit command; return the id, or raise as `submit` does."""
        try:
            write_scripts(scripts)
        except OSError as error:
            raise SubmissionDelayed(f"{error.filename}: cannot be written ({reason_of(error)})") from error
        text = scripts[submission.script]
        answer = self._client.run(self._scheduler.submit_command(submission, text, self._wishes))
        try:
            accepted = self._scheduler.submitted_id(answer)
        except SubmissionRefused as error:
            error.asked = self.conversation.last
            raise
        if not is_job_id(accepted):
            raise SubmissionUnsure(f"{self.name} named the job {accepted!r:.80}, which is no id")
        return accepted

    def release(self, jobs: Sequence[Job]) -> None:
        """Nothing: a job is found by its name, so it may start at once."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Look for the attempts among the user's jobs and in exit files; ask once more for missing ones."""
        answer = self._client.run(self._scheduler.own_jobs_command())
        rows = self._scheduler.rows(answer)
        if rows is None:
            raise SubmissionUnsure(answer.words or f"{self.name} does not answer")
        found = self._jobs.names.found(attempts, rows)
        forgotten = (one for one in attempts if one.token not in found and one.exit_file.exists())
        found.update({attempt.token: FORGOTTEN for attempt in forgotten})
        missing = [attempt for attempt in attempts if attempt.token not in found]
        tokens = {attempt.token for attempt in missing}
        if tokens - self._missing_once:
            # A busy scheduler may only now read the submission.
            self._missing_once |= tokens
            raise SubmissionUnsure(f"{self.name} does not know {len(missing)} of them; asking once more to be sure")
        # Should one become a job after all, it finds nothing to run.
        remove_scripts(self._jobs.names.scripts_of(missing))
        return found

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Look at the exit files; when it is time, ask the scheduler about the other jobs."""
        has_news = self._jobs.look(active)
        if not self._jobs.schedule.seconds_left(self._clock()) and (open_jobs := self._jobs.still_open(active)):
            has_news |= self._ask(open_jobs)
        self._look_s = look_pause_s(len(active), None if has_news else self._look_s)
        statuses = self._jobs.statuses(active)
        ended = {token for token, status in statuses.items() if status.phase is JobPhase.ENDED}
        self._arrays.widen(job.id for job in active if job.attempt.token not in ended)
        return statuses

    def _ask(self, jobs: Sequence[Job]) -> bool:
        """Ask the scheduler once about these jobs; return whether it says something new."""
        heard, rows = self._client.query(jobs)
        own = self._jobs.names.own_rows(heard, rows)
        history = self._client.history(job for job in heard if job.id not in own)
        has_news = self._jobs.take_in(heard, [*rows, *history])
        self._jobs.schedule.asked(self._clock(), has_news, len(jobs), self._jobs.wait_for_cause(jobs))
        self._client.tell_of_trouble(heard, own)
        # Hopeless jobs never start. If other jobs ask for the same, no more are submitted.
        hopeless = [job for job in heard if job.id in own and own[job.id].is_hopeless]
        self._client.cancel(hopeless)
        for row in (own[job.id] for job in hopeless):
            if row.status.cause and not row.status.cause.is_interruption:
                self._hopeless = self._hopeless or row.trouble
        return has_news

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        limits = [] if timeout_s is None else [timeout_s]
        if active:
            limits += [self._look_s, max(self._jobs.schedule.seconds_left(self._clock()), look_pause_s(0))]
        _sleep(min(limits, default=None), alarm)

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        deadline, is_hurried, pause_s = self._clock() + _CANCEL_S, False, 0.1
        alive, cancelled = list(active), set[str]()
        while alive and self._clock() < deadline:
            becomes_hurried = not is_hurried and _sleep(0, alarm)
            is_hurried |= becomes_hurried
            # Ask before cancelling: an id may belong to someone else's job by now.
            heard, rows = self._client.query(alive)
            tokens = {job.attempt.token for job in heard}
            # A scheduler that did not answer may not have received the command either.
            cancelled = set() if becomes_hurried else cancelled & tokens
            gone = self._jobs.gone([job for job in heard if job.attempt.token in cancelled], rows)
            news = [job for job in heard if job.attempt.token not in cancelled]
            self._client.cancel(self._jobs.names.not_given_away(news, rows), is_hurried)
            alive, cancelled = [job for job in alive if job.attempt.token not in gone], tokens
            if alive:
                time.sleep(pause_s) if is_hurried else _sleep(pause_s, alarm)
            pause_s = min(pause_s * 1.5, 2.0)

    def stop(self, jobs: Sequence[Job]) -> set[str]:
        """Cancel the jobs that the scheduler knows by their names: an id may belong to someone else's job by now."""
        heard, rows = self._client.query(jobs)
        own = self._jobs.names.own_rows(heard, rows)
        ours = [job for job in heard if job.id in own]
        self._client.cancel(ours)
        self._jobs.told_to_end(ours)
        self._jobs.schedule.hurry(self._clock())
        return {job.attempt.token for job in ours}

    def submissions_of(self, job_ids: Sequence[str]) -> str:
        return submissions_text((job_id, self._scheduler.array_of(job_id)) for job_id in job_ids)

    def take_back(self, jobs: Sequence[Job], alarm: int) -> set[str]:
        heard, rows = self._client.query(jobs)
        own = self._jobs.names.own_rows(heard, rows)
        left = [job for job in heard if job.id in own and own[job.id].status.phase is JobPhase.QUEUED]
        self._client.cancel_pending(left)
        taken, deadline, pause_s = set[str](), self._clock() + _CANCEL_S, 0.1
        while left and self._clock() < deadline:
            heard, rows = self._client.query(left)
            gone, own = self._jobs.gone(heard, rows), self._jobs.names.own_rows(heard, rows)
            # Leave alone a job that has started after all.
            taken |= {
                job.attempt.token for job in left if job.attempt.token in gone and not job.attempt.exit_file.exists()
            }
            started = {id for id, row in own.items() if row.status.phase is JobPhase.RUNNING}
            left = [job for job in left if job.attempt.token not in gone and job.id not in started]
            if left and _sleep(pause_s, alarm):
                break
            pause_s = min(pause_s * 1.5, 2.0)
        # Should one become a job after all, it finds nothing to run.
        remove_scripts(self._jobs.names.scripts_of([job.attempt for job in jobs if job.attempt.token in taken]))
        return taken

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the run's output files and script, and the scheduler's report if the run had the job to itself."""
        return list(dict.fromkeys([*self._scheduler.log_files(job), *self._jobs.own_reports(job)]))

    def close(self) -> None:
        """Nothing: jobs go on."""


def _sleep(seconds: float | None, alarm: int) -> bool:
    """Sleep; return True if the alarm ended it."""
    poller = select.poll()
    poller.register(alarm, select.POLLIN)
    return bool(poller.poll(None if seconds is None else max(0.0, seconds * 1000)))
