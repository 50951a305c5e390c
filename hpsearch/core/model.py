"""The nouns of a search: configuration, run, attempt, job, status."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from pathlib import Path

from hpsearch.startup.classes import dataclass, field

#: What a run's summary says: keyword -> list with one value, as summary parsers return it.
Summary = Mapping[str, list[object]]


@dataclass(frozen=True, slots=True)
class Configuration:
    """One value for each option, in the order in which the options stand on the command line."""

    options: tuple[tuple[str, object], ...]

    def as_dict(self) -> dict[str, object]:
        """Return option name -> value, in order."""
        return dict(self.options)


@dataclass(frozen=True, slots=True)
class Run:
    """One configuration of a search, with its own output folder.

    number: counts from 1 over all searches of the folder, in execution order.
    out_dir: the output folder as the simulation gets it; relative to the runs' working directory, or absolute.
    """

    number: int
    folder: str
    configuration: Configuration
    out_dir: str


class RunState(enum.Enum):
    """What is known of a run."""

    PLANNED = "planned"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    UNFINISHED = "unfinished"
    FAILED = "failed"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    PREEMPTED = "preempted"
    CANCELLED = "cancelled"
    STOPPED_EARLY = "stopped early"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """True if the run has ended, well or not."""
        return self not in (RunState.PLANNED, RunState.QUEUED, RunState.RUNNING)

    @property
    def is_done(self) -> bool:
        """True if nothing is left to do: the run finished, or was stopped as hopeless."""
        return self in (RunState.FINISHED, RunState.STOPPED_EARLY)

    @property
    def is_interruption(self) -> bool:
        """True if something other than the run itself ended it, so that running it again is no retry."""
        return self in (RunState.PREEMPTED, RunState.CANCELLED, RunState.LOST)

    @property
    def is_failure(self) -> bool:
        """True if the run ended without finishing, and nobody wanted it to."""
        return self.is_final and not self.is_done and self is not RunState.CANCELLED


@dataclass(frozen=True)
class CodeTree:
    """The working tree of a repository; names are relative to `top`.

    files: existing files that git tracks or does not ignore. links: what it ignores; an ignored folder is one entry.
    """

    top: Path
    files: Collection[str]
    links: Collection[str]


class JobPhase(enum.Enum):
    """What a backend knows of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Status:
    """A backend's answer about one job.

    exit_status: of the simulation, 128 + N where signal N ended it; None while it is not known.
    cause: why the job ended, if something other than the simulation is known to have ended it.
    reason: one line for people; may be empty. place: where it runs, if that is known only now.
    began_at, ended_at: of the run, in seconds since the epoch by the clock of its host; None if not recorded.
    """

    phase: JobPhase
    exit_status: int | None = None
    cause: RunState | None = None
    reason: str = ""
    place: str = ""
    ended_at: float | None = None
    began_at: float | None = None


@dataclass(frozen=True)
class Place:
    """Where one more submission may go now.

    label: for people, for example ``GPU 3``; empty where there is nothing to tell.
    environment: variables added to the run's environment.
    capacity: how many runs may go there in this one submission.
    """

    label: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    capacity: int = 1


@dataclass(frozen=True)
class Attempt:
    """One try at a run: all that a backend needs to execute it.

    token: unique over all attempts of all searches; names the job and the files it leaves behind.
    argv: the command, one word an element. cwd: the absolute working directory.
    exit_file: the launcher leaves the exit status here, whole and renamed.
    log_folder: where the output goes while the run lives (the run's own folder must not exist yet).
    continues: see `AttemptIntended`. keeps_folder: the run's own folder may exist, and stays where it is.
    """

    run: Run
    number: int
    token: str
    argv: tuple[str, ...]
    cwd: Path
    exit_file: Path
    log_folder: Path
    continues: str | None = None
    keeps_folder: bool = False


def is_job_id(found: object) -> bool:
    """Return whether this can be a scheduler's id of a job: a word that no command mistakes for an option."""
    return isinstance(found, str) and found.isprintable() and found != "" and not found.startswith("-")


@dataclass(frozen=True)
class Job:
    """An attempt that a backend has accepted.

    id: the backend's own name for it, always text.
    submitted_at: seconds since the epoch.
    """

    attempt: Attempt
    id: str
    place: Place
    submitted_at: float
