"""What a backend promises to a search. One suite in `tests/backends` holds every backend to it."""

import select
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from hpsearch.backends.shell import Conversation
from hpsearch.core.model import Attempt, Job, Place, Status
from hpsearch.startup.classes import dataclass


@dataclass(frozen=True)
class LogFile:
    """A file that a job leaves behind; once it has ended, it goes into the run's folder as `final_name`."""

    path: Path
    final_name: str


def sleep(seconds: float | None, *alarms: int | None) -> bool:
    """Sleep, for ever if None; return True if one of the files `alarms` became readable before that was over."""
    poller = select.poll()
    for alarm in alarms:
        if alarm is not None:
            poller.register(alarm, select.POLLIN)
    return bool(poller.poll(None if seconds is None else max(0.0, 1000 * seconds)))


class Backend(Protocol):
    """A place where runs execute.

    name: for people.
    shows_output: people should see live what a run prints: one runs at a time, in the foreground.
    has_queue: an accepted job waits in a queue and is seen to start later; else it runs from its `release` on.
    jobs_outlive_controller: jobs live apart from the controller and its machine. They are left alone when it stops by
    SIGTERM, and a submission is on disk before it is made.
    starts_unreleased: a job may start before its id is recorded, since it can be found by its name.
    refusal_concerns_all: all jobs ask for the same, so what refuses one would refuse the others; else only that run.
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
        """Do what can be done before there is a place for this attempt, which will be submitted next.

        Nothing runs yet, and nothing is left behind if the controller dies. Most backends have nothing to do.
        """

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Hand over one to `place.capacity` attempts; return a job id for each, in order, once they are accepted.

        On this machine, no run starts before `release`.
        Raises SubmissionRefused or SubmissionDelayed if nothing was accepted, SubmissionUnsure if that is not known.
        """

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run: their ids are recorded. Nothing to do for a backend that can find a job by its name."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Return token -> job id of the attempts that exist as jobs, asking by their unique names.

        For attempts whose submission was never confirmed. Raises SubmissionUnsure if there is no answer.
        """

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Ask once for all jobs; return token -> status. A job left out is unknown, never ended; empty = no answer."""

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Return when `poll` may have news, `timeout_s` seconds have passed, or the file `alarm` becomes readable."""

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the jobs and all their processes; return when they are gone or nothing more can be done.

        They get time to end by themselves, unless the file `alarm` becomes readable: then someone is in a hurry.
        """

    def stop(self, jobs: Sequence[Job]) -> Collection[str]:
        """Tell some jobs to end, with the time that `cancel` gives them, and return at once; `poll` tells of the ends.

        None of them holds another run that goes on. Telling a job again does no harm.
        Returns the tokens of those that were told; the others could not be reached now, or have ended.
        """

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the files that go into the run's folder when the job has ended; some may not exist."""

    def close(self) -> None:
        """Let go of what this controller holds; jobs go on."""


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
    """A backend that has asked for the GPUs of this machine. gpus: name and driver's version of each."""

    @property
    def gpus(self) -> Sequence[tuple[str, str]]: ...


@runtime_checkable
class NamesSubmissions(Protocol):
    """A backend whose users can look up what was submitted."""

    def submissions_of(self, job_ids: Sequence[str]) -> str:
        """Return, for people, in which jobs or arrays these were submitted: ``array job 27``."""


@runtime_checkable
class TakesBackQueued(Protocol):
    """A backend whose jobs wait in a queue, and can be taken out of it before they start."""

    def take_back(self, jobs: Sequence[Job], alarm: int) -> Collection[str]:
        """Cancel those of the jobs that have not started; return their tokens: they never ran, and never will.

        Gives up early if the file `alarm` becomes readable.
        """


@runtime_checkable
class MemoryAware(Protocol):
    """A backend that can tell places with more memory from those with less."""

    def memory_need_mb(self, job: Job) -> float | None:
        """Return how much free memory a job that ran out of it needs at its next place, with no other run there.

        Asked right after the poll that told of its end. None = no place here can ever give it more.
        """

    def place_with_memory(self, active: Sequence[Job], free_mb: float) -> Place | None:
        """Return where a run that needs this much free memory may go now, as `place` does."""


@runtime_checkable
class LeftoverEnder(Protocol):
    """A backend whose runs can leave processes behind; a scheduler ends those of its jobs itself."""

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        """End what attempts that are over have left on this machine, as `cancel` does; return the processes' names."""
