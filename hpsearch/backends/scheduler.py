"""What a scheduler's module provides: its commands and answers, as text. `cluster/backend.py` does everything else."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from hpsearch.backends.base import LogFile
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import SubmissionRefused
from hpsearch.core.model import Attempt, Job, Status
from hpsearch.startup.classes import dataclass

#: Part of the names of submissions with several runs, and of their files.
BATCH_MARK = ".batch."
#: A message names at most this many jobs.
_IDS_SHOWN = 5


@dataclass(frozen=True)
class ClusterWishes:
    """What the user asks for, with any scheduler.

    jobs: how many jobs of this search may be queued or running at once. hours: time limit of a job.
    runs_per_job: how many runs share a job, side by side unless `one_after_another`.
    as_arrays: submit job arrays. all_at_once: submit everything; each array starts when the one before it has ended.
    setup: shell lines, executed once in each job. longest_pause_s: between two polls.
    signal_before_end_s: a job gets SIGUSR1 this long before its time limit; 0 = no signal. saves_on_signal: a run that
    ends unfinished after SIGUSR1 counts as ended by that limit, whatever its exit status.
    """

    jobs: int = 8
    hours: float = 24
    runs_per_job: int = 1
    one_after_another: bool = False
    as_arrays: bool = False
    all_at_once: bool = False
    setup: str = ""
    longest_pause_s: float = 60
    signal_before_end_s: int = 0
    saves_on_signal: bool = False


@dataclass(frozen=True)
class Submission:
    """What one submit command hands over: one job, or an array of jobs.

    name: unique; the script's name, by which the scheduler can find the job. label: the job name that people see.
    log_folder: absolute; for the output of the job itself and of its runs (see `single`).
    jobs: the runs of each job; number i of an array (counted from 1) has `jobs[i - 1]`.
    is_array: true also for an array of one job. at_once: how many jobs of the array may run at once.
    after: id of an array that has to end before this one starts; None = start at once.
    """

    name: str
    label: str
    log_folder: Path
    jobs: tuple[tuple[Attempt, ...], ...]
    is_array: bool = False
    at_once: int = 1
    after: str | None = None

    @property
    def single(self) -> Attempt | None:
        """The only run of the only job, whose output is the job's own; None if there are several runs, or an array."""
        return self.jobs[0][0] if not self.is_array and len(self.jobs[0]) == 1 else None

    @property
    def script(self) -> Path:
        return script_path(self.log_folder, self.name)

    def refuse_characters(self, characters: Mapping[str, str], scheduler: str) -> None:
        """Raise SubmissionRefused if the log folder's path has characters (given with their names) that it refuses."""
        for character, name in characters.items():
            if character in str(self.log_folder):
                problem = f"{scheduler} cannot write to {str(self.log_folder)!r}: the path contains {name}"
                raise SubmissionRefused(f"{problem}; choose another --out_dir")


def script_path(log_folder: Path, name: str) -> Path:
    """Return the path of the script of a submission, or of a run, by its name."""
    return log_folder / f"{name}.sh"


def time_limit(hours: float) -> str:
    """Return a job's time limit as ``H:MM``, in whole minutes: never less than was asked for, never 0."""
    # 1.1 hours are 66.00000000000001 minutes in floating point.
    minutes = max(1, math.ceil(round(hours * 60, 3)))
    return f"{minutes // 60}:{minutes % 60:02d}"


def on_cluster(job_id: str, cluster: str) -> str:
    """Return the id of a job on this cluster; empty = the one that the commands ask by default."""
    return f"{job_id};{cluster}" if cluster else job_id


def cluster_of(job_id: str) -> str:
    return job_id.partition(";")[2]


def without_cluster(job_id: str) -> str:
    return job_id.partition(";")[0]


def ids_for_commands(ids: Iterable[str], most: int) -> Iterator[list[str]]:
    """Yield the ids, each once, in groups for one command each: all of one cluster, at most `most` ids."""
    clusters: dict[str, dict[str, None]] = {}
    for job_id in ids:
        clusters.setdefault(cluster_of(job_id), {})[job_id] = None
    for group in map(list, clusters.values()):
        yield from (group[start : start + most] for start in range(0, len(group), most))


def submissions_text(jobs: Iterable[tuple[str, str | None]]) -> str:
    """Return, for people, the jobs and arrays that were submitted. jobs: (id, its array if it is in one)."""
    ids: dict[str, bool] = {}
    for job_id, array in jobs:
        ids[array or job_id] = array is not None
    shown = [f"{without_cluster(id)} on {cluster_of(id)}" if cluster_of(id) else id for id in ids]
    listed = ", ".join(shown[:_IDS_SHOWN])
    if len(shown) > _IDS_SHOWN:
        listed += f" and {len(shown) - _IDS_SHOWN:,} more"
    kind = "array job" if all(ids.values()) else "job"
    return f"{kind}{'s' if len(shown) > 1 else ''} {listed}"


def found_in(answer: Answer | None, pattern: str) -> str:
    """Return what a pattern's group matches in a command's output; ``^`` is a line's start; empty if nothing."""
    match = re.search(pattern, answer.stdout, re.MULTILINE) if answer is not None else None
    return match.group(1) if match else ""


@dataclass(frozen=True)
class Command:
    """A command to run. stdin: the text for its standard input."""

    argv: Sequence[str]
    stdin: str = ""


@dataclass(frozen=True)
class JobRow:
    """What the scheduler says of one job.

    id: as `Scheduler.array_member` or `submitted_id` gives it. name: of its submission; empty = not said.
    status: its reason may be empty; `place` is the node. number: the index in an array, else None.
    trouble: why it will not start by itself, and what helps; shown to the user once. Empty = nothing.
    is_hopeless: it would never start; the search cancels it, and its runs end with `status.cause`.
    may_be_unstarted: someone cancelled it, or its node could not start it; if it left no output, the latter.
    label: the job name that people see, from a history that does not know the submission; None = not said.
    is_elsewhere: another cluster has taken the job over; its end will not show here.
    """

    id: str
    name: str
    status: Status
    number: int | None = None
    trouble: str = ""
    is_hopeless: bool = False
    may_be_unstarted: bool = False
    label: str | None = None
    is_elsewhere: bool = False


class Scheduler(Protocol):
    """Text in, text out. A subclass can leave out what has a default; mypy finds what is missing.

    An id is the scheduler's name for one job, or one member of an array.
    If a job is not on the cluster that the commands ask by default, its id ends in ``;CLUSTER`` (see `on_cluster`).
    All ids in one command are of one cluster.

    name: for people. remedy: what to do if the commands do not exist here.
    index_variable: the environment variable with the number of a member of an array.
    writes_output_live: the scheduler writes a job's output to files while the job runs; else the job's script does.
    """

    name: str
    index_variable: str
    remedy: str
    writes_output_live: bool

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for its commands, from this process's (which may be a job itself)."""

    def version_command(self) -> Command:
        """Return a harmless command that works only where the scheduler does."""

    def check_version(self, answer: Answer) -> None:
        """Check the answer of `version_command`; by default, any will do. Raises BackendError, naming the remedy."""
        return

    def header(self, submission: Submission, wishes: ClusterWishes) -> Sequence[str]:
        """Return the script's lines for the scheduler, if any. Raises SubmissionRefused if they are sure to fail."""
        return ()

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Return the command that submits. script: the text, which also lies in `submission.script`."""

    def submitted_id(self, answer: Answer) -> str:
        """Return the id of the job or array that was accepted.

        Raises SubmissionRefused, SubmissionDelayed or SubmissionUnsure, with the scheduler's own words.
        """

    def array_member(self, array: str, number: int) -> str:
        """Return the id of one job of an array."""

    def array_of(self, job_id: str) -> str | None:
        """Return the array that a job belongs to; None = to none."""

    def throttle_command(self, array: str, at_once: int) -> Command | None:
        """Return the command that sets how many jobs of an array may run at once; None = there is none."""

    def array_limit_command(self) -> Command | None:
        """Return the command that asks how large an array may be; None = there is none."""

    def array_limit(self, answer: Answer | None) -> int:
        """Return how many jobs an array may have, from the answer of `array_limit_command` (None if there is none)."""

    def query_command(self, ids: Sequence[str]) -> Command:
        """Return the command that asks about all these jobs at once."""

    def rows(self, answer: Answer) -> Sequence[JobRow] | None:
        """Return a row for each job in the answer; None if it is no answer."""

    def own_jobs_command(self) -> Command:
        """Return the command that lists all jobs of the user; `rows` reads its answer."""

    def history_command(self, ids: Sequence[str]) -> Command | None:
        """Return the command that asks about jobs that left the queue; None (the default) = there is none."""
        return None

    def history_rows(self, answer: Answer) -> Sequence[JobRow] | None:
        """Return a row for each job in the answer of `history_command`; None (the default) = no history (now)."""
        return None

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Return the command that ends these jobs. at_once: give them no time to end by themselves."""

    def log_files(self, job: Job) -> Sequence[LogFile]:
        """Return a run's files in the log folder, with their names in the run's own folder."""


@runtime_checkable
class CancelsPending(Protocol):
    """A scheduler that can cancel jobs unless they have started by then."""

    def cancel_pending_command(self, ids: Sequence[str]) -> Command:
        """Return the command that ends the jobs that have not started."""


@runtime_checkable
class NamesCluster(Protocol):
    """A scheduler whose commands can tell which cluster they ask."""

    def own_cluster_command(self) -> Command:
        """Return the command that asks for the cluster's name."""

    def own_cluster(self, answer: Answer) -> str:
        """Return the cluster's name from the answer of `own_cluster_command`; empty = not said."""


@runtime_checkable
class AsksForArrays(Protocol):
    """A scheduler whose `query_command` also takes whole arrays; `rows` then has a row for each member."""

    asks_for_arrays: bool


@runtime_checkable
class Reporter(Protocol):
    """A scheduler that leaves a report on each ended job in the log folder."""

    def reports(self, job: Job, submission: str, number: int | None) -> Sequence[LogFile]:
        """Return the files that may be a job's report. number: the job's in its submission; None = its only job."""

    def report_words(self, text: str) -> str:
        """Return the job's own words in its report, as one line; empty if there are none."""
