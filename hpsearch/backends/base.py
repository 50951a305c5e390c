"""What a backend promises to a search. One suite in `tests/backends` checks every backend against these promises."""

from __future__ import annotations

import select
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from hpsearch.backends.shell import Conversation
from hpsearch.core.model import Attempt, Job, Place, Status
from hpsearch.startup.classes import dataclass


@dataclass(frozen=True)
class LogFile:
    """A file that a job leaves; when the job has ended, the file moves into the run's folder as `final_name`."""

    path: Path
    final_name: str


def sleep(seconds: float | None, *alarms: int | None) -> bool:
    """Sleep, for ever if None; return True if one of the files `alarms` became readable before the time was over."""
    poller = select.poll()
    for alarm in alarms:
        if alarm is not None:
            poller.register(alarm, select.POLLIN)
    return bool(poller.poll(None if seconds is None else max(0.0, 1000 * seconds)))


class Backend(Protocol):
    """A place where runs execute.

    name: for people.
    shows_output: people see live what a run prints, since only one runs at a time, in the foreground.
    has_queue: an accepted job waits in a queue and starts later; else it runs from its `release` on.
    jobs_outlive_controller: jobs live apart from the controller and its machine. They are left alone when it stops by
    SIGTERM, and a submission is on disk before it is made.
    starts_unreleased: a job may start before its id is recorded, since it can be found by its name.
    refusal_concerns_all: all jobs ask for the same, so a refusal of one means all; else only that run.
    """

    name: str
    shows_output: bool
    has_queue: bool
    jobs_outlive_controller: bool
    starts_unreleased: bool
    refusal_concerns_all: bool

    def check(self) -> None:
        """Raise BackendError, naming the remedy, if this backend cannot work at all. Nothing has been written yet."""

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return where one more submission may go now; None = nowhere yet. Never blocks for long."""

    def prepare(self, attempt: Attempt) -> None:
        """Prepare an attempt that will be submitted next, while there is no place for it yet.

        Nothing runs yet, and nothing is left behind if the controller dies. Most backends have nothing to do.
        """

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Submit one to `place.capacity` attempts; return a job id for each, in order, once they are accepted.

        On this machine, no run starts before `release`.
        Raises SubmissionRefused or SubmissionDelayed if nothing was accepted, SubmissionUnsure if that is not known.
        """

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run, now that their ids are recorded. Does nothing in a backend that finds jobs by name."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Return token -> job id of the attempts that exist as jobs, asking by their unique names.

        Called for attempts whose submission was never confirmed. Raises SubmissionUnsure if there is no answer.
        """

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Ask once for all jobs; return token -> status. A missing job is unknown, not ended; empty = no answer."""

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Return when `poll` may have news, `timeout_s` seconds have passed, or the file `alarm` becomes readable."""

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the jobs and all their processes; return when they are gone or nothing more can be done.

        Jobs get time to end by themselves, unless the file `alarm` becomes readable: then someone is in a hurry.
        """

    def stop(self, jobs: Sequence[Job]) -> Collection[str]:
        """Tell some jobs to end, with the time that `cancel` gives, and return at once; `poll` tells of their ends.

        None of the jobs holds another run that goes on. Telling a job again does no harm.
        Returns the tokens of the jobs that were told; the others have ended, or could not be reached now.
        """

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the files that go into the run's folder when the job has ended; some may not exist."""

    def close(self) -> None:
        """Release what this controller holds; jobs go on."""


@runtime_checkable
class AsksCommands(Protocol):
    """A backend that asks other programs about its jobs or places."""

    conversation: Conversation


@runtime_checkable
class OnCluster(Protocol):
    """A backend whose jobs are only found where its commands ask the same cluster.

    own_cluster: the cluster that the commands ask here; empty if they do not say.
    """

    own_cluster: str


@runtime_checkable
class NamesGpus(Protocol):
    """A backend that knows the GPUs of this machine. gpus: name and driver's version of each."""

    @property
    def gpus(self) -> Sequence[tuple[str, str]]: ...


@runtime_checkable
class NamesSubmissions(Protocol):
    """A backend whose users can look up what was submitted."""

    def submissions_of(self, job_ids: Sequence[str]) -> str:
        """Return, for people, the jobs or arrays in which these jobs were submitted: ``array job 27``."""


@runtime_checkable
class TakesBackQueued(Protocol):
    """A backend whose jobs wait in a queue, and can be taken out of it before they start."""

    def take_back(self, jobs: Sequence[Job], alarm: int) -> Collection[str]:
        """Cancel the jobs that have not started; return their tokens: they never ran, and never will.

        Gives up early if the file `alarm` becomes readable.
        """


@runtime_checkable
class MemoryAware(Protocol):
    """A backend that can tell places with more memory from places with less."""

    def memory_need_mb(self, job: Job) -> float | None:
        """Return how much free memory a job that ran out of memory needs at its next place, alone there.

        Called right after the poll that told of its end. None = no place here can ever give it more.
        """

    def place_with_memory(self, active: Sequence[Job], free_mb: float) -> Place | None:
        """Return where a run that needs this much free memory may go now, as `place` does."""


@runtime_checkable
class LeftoverEnder(Protocol):
    """A backend whose runs can leave processes behind; a scheduler ends its jobs' processes itself."""

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        """End the processes that ended attempts have left on this machine, as `cancel` does; return their names."""
