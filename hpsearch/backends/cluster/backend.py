"""Runs as jobs of a cluster's scheduler, whichever it is: submitted once, asked for politely, never lost."""

from __future__ import annotations

import re
import secrets
import select
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.array_throttle import ArraySize, ArrayThrottle
from hpsearch.backends.cluster.job_watch import Patience
from hpsearch.backends.cluster.jobs import ClusterJobs
from hpsearch.backends.cluster.script import batch_script, remove, run_script, scripts_of, write_scripts
from hpsearch.backends.run_family import MARK
from hpsearch.backends.scheduler import (
    BATCH_MARK,
    ClusterWishes,
    Command,
    JobRow,
    NamesCluster,
    Reporter,
    Scheduler,
    Submission,
    cluster_of,
    ids_for_commands,
)
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import (
    ArrayTooLarge,
    BackendError,
    SearchError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnsure,
    SubmitLimitReached,
    reason_of,
)
from hpsearch.core.model import Attempt, Job, JobPhase, Place, Status

#: A client command of a scheduler that is down or busy gives up by itself after about 20 s (Slurm) or never (LSF).
_COMMAND_S = 30.0
#: Ids in one command line.
_IDS_AT_ONCE = 500
#: Between two looks at the exit files, which bother no scheduler: from the first to the last.
_FIRST_LOOK_S, _LAST_LOOK_S, _LOOK_GROWTH = 0.05, 2.0, 1.3
#: For how long a cancelled job may take to be gone, in seconds, before nothing more can be done.
_CANCEL_S = 90.0
#: An id for an attempt that the scheduler has forgotten, and of which only the exit file is left.
_FORGOTTEN = "forgotten"


class ClusterBackend:
    """Jobs of one search. What differs between schedulers is in `Scheduler`."""

    shows_output = False
    has_queue = jobs_outlive_controller = starts_unreleased = refusal_concerns_all = True

    def __init__(
        self,
        scheduler: Scheduler,
        wishes: ClusterWishes,
        tell: Callable[[str], None],
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        patience: Patience | None = None,
    ) -> None:
        """Tell the user's wishes and the caller's environment; `tell` shows people a message.

        clock: seconds of a clock that only goes on; it is used for waiting only.
        """
        self._scheduler, self._wishes, self._tell, self._clock = scheduler, wishes, tell, clock
        # A job would inherit the mark of a run within which this search is, and be ended together with that.
        self._environment = scheduler.environment({name: text for name, text in environ.items() if name != MARK})
        reporter = scheduler if isinstance(scheduler, Reporter) else None
        self._jobs = ClusterJobs(clock, patience or Patience(), wishes.longest_pause_s, reporter, scheduler.name)
        self.conversation = Conversation(environ)
        self._look_s = _FIRST_LOOK_S
        self._silent: set[str] = set()
        self._told_troubles: set[tuple[str, tuple[str, ...]]] = set()
        self._hopeless = ""
        self._array_size = ArraySize(scheduler, self._run)
        self._missing_once: set[str] = set()
        self._last_array: str | None = None
        self._free = wishes.jobs
        self._throttle = ArrayThrottle(scheduler, wishes.jobs, self._run, clock)

    @property
    def name(self) -> str:
        """The scheduler's name."""
        return self._scheduler.name

    @cached_property
    def own_cluster(self) -> str:
        """The name of the cluster that the commands ask here; empty if they do not say."""
        scheduler = self._scheduler
        return (
            scheduler.own_cluster(self._run(scheduler.own_cluster_command()))
            if isinstance(scheduler, NamesCluster)
            else ""
        )

    def check(self) -> None:
        """Make sure that the scheduler's commands are there, in a version that will do."""
        try:
            answer = self._answer(self._scheduler.version_command())
        except BackendError as error:
            raise BackendError(f"{error}; {self._scheduler.remedy}") from error
        try:
            self._scheduler.check_version(answer)
        except BackendError as error:
            raise BackendError(f"{error} ({self.conversation.last})") from error

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return a place while fewer jobs than allowed are queued or running."""
        wishes = self._wishes
        self._free = wishes.jobs - len({job.id for job in active})
        if wishes.as_arrays:
            is_open = not active or wishes.all_at_once or (self._free > 0 and self._throttle.can_widen)
            jobs = self._array_size.jobs if is_open else 0
        else:
            jobs = 1 if self._free > 0 else 0
        return Place(capacity=jobs * wishes.runs_per_job) if jobs else None

    def prepare(self, attempt: Attempt) -> None:
        """Nothing: a job waits in the queue anyway."""

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Hand over the attempts as one job, or as one array of jobs."""
        if self._hopeless:
            raise SubmissionRefused(self._hopeless)
        submission = self._submission(attempts)
        text = self._script(submission)
        try:
            accepted = self._accepted_id(submission, text)
        except (SubmissionDelayed, SubmissionRefused) as error:
            remove(scripts_of(submission))
            raise self._after_refusal(submission, error) from None
        self._jobs.submitted(submission)
        if submission.is_array:
            self._last_array = accepted
            self._array_size.accepted()
            self._throttle.submitted(accepted, submission.at_once)
        return [self._id_of(accepted, submission, number) for number, job in enumerate(submission.jobs, 1) for _ in job]

    def release(self, jobs: Sequence[Job]) -> None:
        """Nothing: a job is found by its name, so it may start at once."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """List the user's jobs and look which of these attempts are among them, or have left their exit status.

        One that is not there is asked for a second time: a scheduler that was busy may only now read the submission.
        """
        answer = self._run(self._scheduler.own_jobs_command())
        rows = self._scheduler.rows(answer)
        if rows is None:
            raise SubmissionUnsure(answer.words or f"{self.name} does not answer")
        found = self._jobs.found(attempts, rows)
        for attempt in attempts:
            if attempt.token not in found and attempt.exit_file.exists():
                found[attempt.token] = _FORGOTTEN
        missing = [attempt for attempt in attempts if attempt.token not in found]
        tokens = {attempt.token for attempt in missing}
        if tokens - self._missing_once:
            self._missing_once |= tokens
            raise SubmissionUnsure(f"{self.name} does not know {len(missing)} of them; asking once more to be sure")
        # Should one turn up as a job after all, it finds nothing to run.
        remove(self._jobs.scripts_of(missing))
        return found

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Look at the exit files; ask the scheduler for the other jobs when it is time to."""
        has_news = self._jobs.look(active)
        open_jobs = self._jobs.still_open(active)
        if open_jobs and self._jobs.rounds.is_due(self._clock()):
            has_news |= self._ask(open_jobs)
        self._look_s = _FIRST_LOOK_S if has_news else min(self._look_s * _LOOK_GROWTH, _LAST_LOOK_S)
        statuses = self._jobs.statuses(active)
        self._throttle.widen(job.id for job in active if not _has_ended(statuses, job))
        return statuses

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Sleep until it is time to look or to ask again."""
        limits = [] if timeout_s is None else [timeout_s]
        if active:
            limits += [self._look_s, max(self._jobs.rounds.seconds_left(self._clock()), _FIRST_LOOK_S)]
        _sleep(min(limits, default=None), alarm)

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the jobs; return when the scheduler has them no more."""
        deadline, is_hurried, pause_s = self._clock() + _CANCEL_S, False, 0.1
        # Whose jobs these are is asked first: an id may be that of another's job by now.
        alive, told = list(active), set[str]()
        while alive and self._clock() < deadline:
            becomes_hurried = not is_hurried and _is_readable(alarm)
            is_hurried |= becomes_hurried
            heard, rows = self._query(alive)
            # What was said to a scheduler that did not answer may not have been heard.
            told = set() if becomes_hurried else told & _tokens(heard)
            gone = self._gone([job for job in heard if job.attempt.token in told], rows)
            news = [job for job in heard if job.attempt.token not in told]
            self._end(self._jobs.not_given_away(news, rows), is_hurried)
            alive, told = [job for job in alive if job.attempt.token not in gone], _tokens(heard)
            if alive:
                time.sleep(pause_s) if is_hurried else _sleep(pause_s, alarm)
            pause_s = min(pause_s * 1.5, 2.0)

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the run's output files and its script, and the scheduler's report on its job if that was its own."""
        return list(dict.fromkeys([*self._scheduler.log_files(job), *self._jobs.own_reports(job)]))

    def close(self) -> None:
        """Nothing: jobs go on."""

    def _submission(self, attempts: Sequence[Attempt]) -> Submission:
        size, wishes = self._wishes.runs_per_job, self._wishes
        jobs = tuple(tuple(attempts[start : start + size]) for start in range(0, len(attempts), size))
        first, last = attempts[0], attempts[-1]
        is_single = len(attempts) == 1 and not wishes.as_arrays
        after = self._last_array if wishes.all_at_once else None
        return Submission(
            name=first.token if is_single else f"{first.run.folder}{BATCH_MARK}{secrets.token_hex(4)}",
            label=first.run.folder if len(attempts) == 1 else f"{first.run.folder}-{last.run.number}",
            log_folder=first.log_folder,
            jobs=jobs,
            is_array=wishes.as_arrays,
            # Nobody may be there to widen an array when the one before it has ended.
            at_once=wishes.jobs if after is not None else max(1, self._free),
            after=after,
        )

    def _accepted_id(self, submission: Submission, text: str) -> str:
        """Write the scripts and run the submit command; return the id.

        Raises SubmissionRefused, SubmissionDelayed or SubmissionUnsure.
        """
        try:
            write_scripts(submission, text, self._wishes.setup)
        except OSError as error:
            raise SubmissionDelayed(f"{error.filename}: cannot be written ({reason_of(error)})") from error
        command = self._scheduler.submit_command(submission, text, self._wishes)
        answer = self._run(command)
        try:
            return self._scheduler.submitted_id(answer)
        except SubmissionRefused as error:
            error.asked = self.conversation.last
            raise

    def _script(self, submission: Submission) -> str:
        header = self._scheduler.header(submission, self._wishes)
        if submission.single is not None:
            redirects = not self._scheduler.writes_output_live
            return run_script(submission.single, self._wishes.setup, redirects, header)
        wishes = self._wishes
        return batch_script(submission, self._scheduler.index_variable, wishes.one_after_another, header, wishes.setup)

    def _id_of(self, accepted: str, submission: Submission, number: int) -> str:
        return self._scheduler.array_member(accepted, number) if submission.is_array else accepted

    def _after_refusal(self, submission: Submission, error: SearchError) -> SearchError:
        """Return what a refusal comes to: one for the size of an array is tried again with a smaller one."""
        size, for_good = len(submission.jobs), isinstance(error, ArrayTooLarge)
        if size == 1 or not (for_good or isinstance(error, SubmitLimitReached)):
            return error
        self._array_size.refused(size, for_good)
        return SubmissionDelayed(str(error)) if for_good else error

    def _ask(self, jobs: Sequence[Job]) -> bool:
        """Ask the scheduler once for these jobs; return whether it says something new."""
        heard, rows = self._query(jobs)
        own = self._jobs.own(heard, rows)
        told = {row.id for row in own}
        missing = [job for job in heard if job.id not in told]
        has_news = self._jobs.take_in(heard, [*rows, *self._history(missing)])
        self._jobs.rounds.asked(self._clock(), has_news)
        self._tell_of_trouble(heard, own)
        return has_news

    def _query(self, jobs: Sequence[Job]) -> tuple[list[Job], list[JobRow]]:
        """Return what the scheduler says of these jobs, and those that it speaks of.

        If it does not answer, or one of its clusters, nothing is known of the jobs there; this is told once.
        """
        rows: list[JobRow] = []
        silent: set[str] = set()
        for ids in _questions(jobs):
            cluster = cluster_of(ids[0])
            if cluster not in silent:
                answer = self._run(self._scheduler.query_command(ids))
                part = self._scheduler.rows(answer)
                self._tell_of_silence(cluster, answer.words or "it gives no answer" if part is None else "")
                silent |= {cluster} if part is None else set()
                rows += part or []
        return [job for job in jobs if cluster_of(job.id) not in silent], rows

    def _history(self, jobs: Sequence[Job]) -> Sequence[JobRow]:
        """Return what the scheduler's accounting says of jobs that left the queue; nothing where there is none."""
        rows: list[JobRow] = []
        for ids in _questions(jobs):
            command = self._scheduler.history_command(ids)
            rows += [] if command is None else self._scheduler.history_rows(self._run(command)) or []
        return rows

    def _tell_of_silence(self, cluster: str, problem: str) -> None:
        """Tell once that a cluster does not answer, with the problem; and once that it does again."""
        if bool(problem) == (cluster in self._silent):
            return
        name = f"{self.name} on {cluster}" if cluster else self.name
        if problem:
            self._silent.add(cluster)
            silent = f"{name} does not answer ({problem}): jobs go on, and it is asked again"
            self._tell(f"warning: {silent}{self.conversation.hint}")
        else:
            self._silent.remove(cluster)
            self._tell(f"{name} answers again")

    def _tell_of_trouble(self, jobs: Sequence[Job], rows: Iterable[JobRow]) -> None:
        """Tell once why a job does not start; take back those that never would."""
        runs = {job.id: job.attempt.run.number for job in jobs}
        troubled = [row for row in rows if row.trouble]
        kinds = {row.id: _kind_of_trouble(row.trouble) for row in troubled}
        news = [row for row in troubled if (row.id, kinds[row.id]) not in self._told_troubles]
        self._told_troubles.update((row.id, kinds[row.id]) for row in news)
        for kind in dict.fromkeys(kinds[row.id] for row in news):
            first, *others = (row for row in news if kinds[row.id] == kind)
            more = f" (and those of {len(others)} other runs)" if others else ""
            self._tell(f"warning: run {runs[first.id]}: its job {first.id}{more} does not start: {first.trouble}")
        hopeless = [row for row in troubled if row.is_hopeless]
        if hopeless:
            for ids in ids_for_commands((row.id for row in hopeless), _IDS_AT_ONCE):
                self._run(self._scheduler.cancel_command(ids, False))
            refused = [row for row in hopeless if row.status.cause is not None and not row.status.cause.is_interruption]
            self._hopeless = self._hopeless or next((row.trouble for row in refused), "")

    def _end(self, jobs: Sequence[Job], is_hurried: bool) -> None:
        for ids in _questions(jobs):
            self._run(self._scheduler.cancel_command(ids, False))
            if is_hurried:
                self._run(self._scheduler.cancel_command(ids, True))

    def _gone(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> set[str]:
        """Return the tokens of the jobs that the scheduler has no more; nothing else will be heard of them."""
        self._jobs.look(jobs)
        self._jobs.take_in(jobs, rows)
        living = {row.id: row for row in self._jobs.own(jobs, rows) if row.status.phase is not JobPhase.ENDED}
        gone = [
            job
            for job in jobs
            if job.id not in living or (living[job.id].is_elsewhere and job.attempt.exit_file.exists())
        ]
        self._jobs.taken_back(gone)
        return _tokens(gone)

    def _run(self, command: Command) -> Answer:
        """Run a command; one that cannot be started now (no more processes, a folder that is away) gave no answer."""
        try:
            return self._answer(command)
        except BackendError as error:
            return Answer(None, "", str(error))

    def _answer(self, command: Command) -> Answer:
        return self.conversation.ask(command.argv, _COMMAND_S, command.stdin, self._environment)


def _tokens(jobs: Iterable[Job]) -> set[str]:
    return {job.attempt.token for job in jobs}


def _questions(jobs: Iterable[Job]) -> Iterable[list[str]]:
    """Return the ids of these jobs, as many together as one command takes."""
    return ids_for_commands((job.id for job in jobs if job.id != _FORGOTTEN), _IDS_AT_ONCE)


def _kind_of_trouble(trouble: str) -> tuple[str, ...]:
    """Return what is the same while only numbers (of jobs, of hosts) and the order of several reasons change."""
    text = re.sub(r"\d+(?: (\w+?)s?\b)?", r"N \1", trouble)
    return tuple(sorted(part.strip() for part in text.split(";")))


def _has_ended(statuses: Mapping[str, Status], job: Job) -> bool:
    status = statuses.get(job.attempt.token)
    return status is not None and status.phase is JobPhase.ENDED


def _is_readable(descriptor: int) -> bool:
    return _sleep(0, descriptor)


def _sleep(seconds: float | None, alarm: int) -> bool:
    """Sleep; return True if the alarm ended it."""
    poller = select.poll()
    poller.register(alarm, select.POLLIN)
    return bool(poller.poll(None if seconds is None else max(0.0, seconds * 1000)))
