"""One run of a search: what its journal's events add up to."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from hpsearch.core.model import Run, RunState, Summary
from hpsearch.journal.events import AttemptEnded, AttemptStarted, AttemptStopped, AttemptSubmitted, ConfigurationDropped
from hpsearch.startup.classes import dataclass, fields

#: By value: `RunState(value)` takes ten times as long.
STATES = {state.value: state for state in RunState}


@dataclass(slots=True)
class RunRecord:
    """What is known of one run; changed only by events.

    attempts: how many were intended. continuations: how many attempts in a row, up to the newest, went on from the one
    before; earlier_s: for how many seconds the earlier attempts in that row ran.
    Of the newest attempt: token; submitted, started, ended: its events, None before them; cluster: where the
    scheduler's commands look for it, empty if unknown; before: what was known before it, until it starts or has ended,
    None if that was only the plan.
    kept: the latest attempt that finished, if newer ones have not; its results count until a newer one finishes.
    reused: the folder of another search's run whose results count here; empty if the results are the run's own.
    dropped: why a race gives the run's configuration no more seeds; None while it may get more.
    stopped: why the newest attempt is hopeless, by ``--stop_early``; None if it is not.
    candidate, why, after: see `RunPlanned`. collected_under: how many controllers there had been when it was collected;
    0 = it was not, or before any.
    """

    run: Run
    state: RunState = RunState.PLANNED
    token: str = ""
    cluster: str = ""
    attempts: int = 0
    interruptions: int = 0
    continuations: int = 0
    earlier_s: float = 0.0
    submitted: AttemptSubmitted | None = None
    started: AttemptStarted | None = None
    ended: AttemptEnded | None = None
    summary: Summary | None = None
    problem: str = ""
    cause: str = ""
    collected_at: float | None = None
    before: RunRecord | None = None
    kept: RunRecord | None = None
    reused: str = ""
    dropped: ConfigurationDropped | None = None
    stopped: AttemptStopped | None = None
    candidate: int | None = None
    why: Mapping[str, Any] | None = None  # Any: whatever JSON can hold
    after: int | None = None
    collected_under: int = 0

    def copy(self) -> RunRecord:
        """Return a copy, which later events do not change."""
        # `replace` takes four times as long, and every attempt needs one.
        return RunRecord(*_values(self))

    def begin(self, token: str, cluster: str, is_continued: bool = False) -> None:
        """Begin a new attempt. is_continued: it goes on from the one before."""
        if not self.is_untouched:
            self.before = self.copy()
            self.before.before = None
        self.earlier_s = (self.took_s or self.earlier_s) if is_continued else 0.0
        self.continuations = self.continuations + 1 if is_continued else 0
        if self.state is RunState.FINISHED:
            self.kept = self.copy()
            self.kept.before = self.kept.kept = None
        self.state = RunState.PLANNED
        self.token, self.cluster = token, cluster
        self.attempts += 1
        self.submitted = self.started = self.stopped = self.ended = self.summary = self.collected_at = None
        self.problem = self.cause = self.reused = ""
        self.dropped = self.dropped if self.is_out else None

    def take_back(self) -> None:
        """Return to what was known before the newest attempt, unless that has run."""
        before = self.before
        if before is None and self.attempts == 1 and not self.has_begun:
            before = RunRecord(self.run, dropped=self.dropped, candidate=self.candidate, why=self.why, after=self.after)
        if before is not None:
            for each in fields(RunRecord):
                setattr(self, each.name, getattr(before, each.name))

    @property
    def out_dir(self) -> str:
        """The folder that holds its results, as it stands in the table."""
        return self.reused or self.run.out_dir

    @property
    def result(self) -> RunRecord:
        """The record of the attempt whose results count."""
        return self.kept or self

    @property
    def is_out(self) -> bool:
        """True if running it again is of no use: a race found its configuration worse than the best."""
        return self.dropped is not None and self.dropped.p is not None

    @property
    def is_stopped(self) -> bool:
        """True if the newest attempt has been, or is being, ended as hopeless."""
        return self.stopped is not None and not self.stopped.is_dry

    @property
    def took_s(self) -> float | None:
        """How long the run took, in seconds, without its time in a queue; None if that is not known.

        It counts the newest attempt and the attempts from which that went on.
        """
        if self.ended is None:
            return None
        seen = self.started or (None if self.submitted is None or self.submitted.is_queued else self.submitted)
        began = self.ended.began
        if began is None and seen is not None:
            began = seen.at
        if began is None:
            return self.earlier_s or None
        return self.earlier_s + max(0.0, self.ended.at - began)

    @property
    def place(self) -> str:
        """Where the newest attempt runs or ran, for people; empty if that has no name."""
        # A scheduler tells the host only when a job starts.
        return (self.started and self.started.place) or (self.submitted.place if self.submitted else "")

    @property
    def is_untouched(self) -> bool:
        """True if the run is only planned."""
        return not self.token and self.state is RunState.PLANNED and self.dropped is None

    @property
    def has_begun(self) -> bool:
        """True if the newest attempt is known to have run, so that it cannot be taken back."""
        is_process = self.submitted is not None and not self.submitted.is_queued
        return is_process or self.started is not None or self.ended is not None

    @property
    def is_live(self) -> bool:
        """True if an attempt was submitted and its end is not recorded."""
        return self.submitted is not None and self.ended is None

    @property
    def is_doubtful(self) -> bool:
        """True if an attempt was intended, and nothing says whether it was submitted."""
        return self.submitted is None and self.ended is None and self.is_open

    @property
    def is_open(self) -> bool:
        """True if a controller has work left: the run may be live, or is not collected yet."""
        return bool(self.token) and self.collected_at is None


#: The values of a run's record, in the order of its fields.
_values = attrgetter(*(each.name for each in fields(RunRecord)))
