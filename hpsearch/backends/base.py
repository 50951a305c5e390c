"""What a backend promises: the one seam between a search and the places where its runs execute.

`tests/backends` holds every backend to these promises with one suite.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from hpsearch.backends.shell import Conversation
from hpsearch.core.model import Attempt, Job, Place, Status


@dataclass(frozen=True)
class LogFile:
    """A file that a job leaves behind and that belongs into its run's folder under `final_name` once it ended."""

    path: Path
    final_name: str


class Backend(Protocol):
    """A place where runs execute."""

    @property
    def name(self) -> str:
        """The backend's name, for people."""

    @property
    def shows_output(self) -> bool:
        """True if what a run prints should be seen live: one runs at a time, in the foreground."""

    @property
    def has_queue(self) -> bool:
        """True if an accepted job waits in a queue and is seen to start later; else it runs from its `release` on."""

    @property
    def jobs_outlive_controller(self) -> bool:
        """True if jobs live apart from the controller and its machine.

        They are left alone when it stops by SIGTERM, and a submission is on disk before it is made.
        """

    @property
    def starts_unreleased(self) -> bool:
        """True if a job may start before its id is recorded, since it can be found by its name."""

    @property
    def refusal_concerns_all(self) -> bool:
        """True if all jobs ask for the same, so that what refuses one would refuse the others; else only that run."""

    def check(self) -> None:
        """Make sure that this backend can work at all; nothing has been written yet.

        Raises BackendError naming the remedy otherwise.
        """

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return where one more submission may go now; None = nowhere yet. Never blocks for long."""

    def prepare(self, attempt: Attempt) -> None:
        """This attempt will be submitted next, once there is a place: do what can be done before.

        Nothing runs, and nothing is left behind if the controller dies. Most backends have nothing to do.
        """

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Hand over one to `place.capacity` attempts; return a job id for each, in order.

        Returning means accepted, but no run of a backend on this machine starts before `release`.
        Raises SubmissionRefused, SubmissionDelayed or SubmissionUnsure; nothing was accepted by the first two.
        """

    def release(self, jobs: Sequence[Job]) -> None:
        """The ids are recorded: let the jobs run. Nothing to do where the backend can find a job by its name."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Ask by unique name which attempts exist as jobs: token -> job id.

        For attempts whose submission was intended and never confirmed. Raises SubmissionUnsure if there is no answer.
        """

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Ask once for all jobs; return token -> status for those there is an answer for.

        No answer at all = an empty mapping: nothing changed. A job left out is unknown, never ended.
        """

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Return when `poll` may have news, `timeout_s` seconds have passed, or the file `alarm` becomes readable."""

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End the jobs and all their processes; return when they are gone or nothing more can be done.

        They get time to end by themselves, unless the file `alarm` becomes readable: then someone is in a hurry.
        A job that is already gone is no error.
        """

    def logs(self, job: Job) -> Sequence[LogFile]:
        """Return the files that belong into the run's folder when the job has ended; some may not exist."""

    def close(self) -> None:
        """Let go of what this controller holds. Jobs go on."""


@runtime_checkable
class AsksCommands(Protocol):
    """A backend that asks other programs about its jobs or places."""

    @property
    def conversation(self) -> Conversation:
        """What it asked, and what it was answered."""


@runtime_checkable
class OnCluster(Protocol):
    """A backend whose jobs are only found where its commands ask the same cluster."""

    @property
    def own_cluster(self) -> str:
        """The name of the cluster that the commands ask here; empty if they do not say."""


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
    """A backend whose runs can leave processes behind when they end; a scheduler ends those of its jobs itself."""

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        """End what these attempts, which are over, have left on this machine; return the processes, for people.

        They get time to end by themselves, unless the file `alarm` becomes readable: then someone is in a hurry.
        """
