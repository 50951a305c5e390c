"""From waiting runs to accepted jobs: one submission at a time, each made once whatever the backend answers."""

from __future__ import annotations

import math
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.backends.base import AsksCommands, Backend
from hpsearch.console.console import Console
from hpsearch.console.text import amount
from hpsearch.core.command import argv
from hpsearch.core.errors import (
    SearchError,
    StoreError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
    is_forbidden,
)
from hpsearch.core.model import Attempt, Job, Place, Run
from hpsearch.folder.reading import SearchReader
from hpsearch.search.clocks import Clocks
from hpsearch.search.delays import Delays
from hpsearch.search.run_queue import WaitingRuns
from hpsearch.search.stop import is_raised
from hpsearch.store.events import AttemptIntended, AttemptSubmitted, AttemptWithdrawn
from hpsearch.store.layout import move_aside, move_back
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord

#: When a search is ended: pauses before each question whether a doubtful submission exists.
_LAST_QUESTIONS_S = (0.0, 1.0, 2.0)
#: A scheduler that refuses so many submissions in a row will refuse the others, too.
_MOST_REFUSALS = 3


@dataclass(frozen=True)
class Made:
    """What came of a submission. jobs: accepted ones. refused: attempts, for good, for the same reason."""

    jobs: Sequence[Job] = ()
    refused: Sequence[Attempt] = ()
    reason: str = ""


class Submissions:
    """What is not yet accepted by the backend: runs that wait, and attempts of which nobody knows.

    doubtful: token -> attempt whose submission got no clear answer.
    given_up: why nothing more is submitted; empty while that goes on.
    unreleased: accepted jobs that may not run before the journal has their ids.
    """

    def __init__(
        self,
        search: LiveSearch,
        backend: Backend,
        console: Console,
        clocks: Clocks,
        is_needless: Callable[[RunRecord], bool],
        longest_wait_s: float = math.inf,
    ) -> None:
        """Start with no run.

        is_needless: asked right before a run is started again, whose folder is then moved aside.
        longest_wait_s: for how long a scheduler may take nothing before it is given up.
        """
        self._is_needless = is_needless
        self._search, self._backend, self._console, self._clocks = search, backend, console, clocks
        self.waiting = WaitingRuns(backend, clocks.steady)
        self.doubtful: dict[str, Attempt] = {}
        self.given_up = ""
        self._prepared: dict[int, Attempt] = {}
        self._waited_s: dict[str, float] = {}
        self.unreleased: list[Job] = []
        self._delays = Delays(clocks.steady, longest_wait_s)
        self._has_accepted = self._was_ever_accepted = False
        self._is_at_limit, self._refusals = False, 0

    def __len__(self) -> int:
        """How many runs and attempts there is still something to be done for."""
        return 0 if self.given_up else len(self.doubtful) + len(self.waiting)

    def job_was_accepted(self, is_live: bool) -> None:
        """An earlier controller has submitted a job of the search. is_live: it has to be looked after."""
        self._was_ever_accepted = True
        self._has_accepted |= is_live

    def job_has_ended(self) -> None:
        """Where the scheduler takes no more jobs at once, it may take one now."""
        if self._is_at_limit:
            self._delays.hasten()

    def make_one(self, active: Sequence[Job]) -> Made | None:
        """Submit what goes to the next place; None if nothing can be submitted now.

        Raises SubmissionRefused if a scheduler refuses the very first job: it would refuse all.
        """
        # A submission without a clear answer may have taken the place.
        if self.doubtful or self.given_up or self._delays.left_s > 0:
            return None
        entries, place = self.waiting.next(active)
        if place is None:
            return None
        needed = [entry for entry in entries if not self._is_needless(entry)]
        return self._submit(needed, place) if needed else Made()

    def prepare(self) -> None:
        """Let the backend prepare the run that comes next, while there is no place for it."""
        entry = self.waiting.first
        if entry is not None and entry.run.number not in self._prepared:
            self._prepared[entry.run.number] = new_attempt(self._search, entry)
            self._backend.prepare(self._prepared[entry.run.number])

    def settle(self) -> list[Job]:
        """Ask the backend which doubtful submissions exist; return their jobs. The others are free to be made again."""
        if not self.doubtful or self._delays.left_s > 0:
            return []
        try:
            ids = self._backend.find(list(self.doubtful.values()))
        except SubmissionUnsure as error:
            self._put_off(f"still no answer about {amount(len(self.doubtful), 'submission')} ({error})")
            return []
        jobs = []
        for token, attempt in self.doubtful.items():
            if token in ids:
                jobs += self._accept([attempt], [ids[token]], Place())
            else:
                self.waiting.put_back([self._search.record.runs[attempt.run.number]])
        self.doubtful.clear()
        return jobs

    def settle_at_last(self, alarm: int) -> list[Job]:
        """Settle what is in doubt before the search ends: some questions, until `alarm` becomes readable."""
        jobs = []
        for pause_s in _LAST_QUESTIONS_S:
            if self.doubtful and not is_raised(alarm):
                # A scheduler may not know a new job at once.
                self._backend.wait([], pause_s, alarm)
                self._delays.end_pause()
                jobs += self.settle()
        return jobs

    def time_to_next_try(self) -> float | None:
        """Return after how many seconds a pause is over; None if there is none, or nothing to be done then."""
        return self._delays.left_s or None if len(self) else None

    def _submit(self, entries: Sequence[RunRecord], place: Place) -> Made:
        attempts = [self._next_attempt(entry) for entry in entries]
        moved: list[tuple[Run, Path]] = []
        try:
            self._make_way(entries, moved)
            self._intend(attempts)
        except StoreError as error:
            self._move_back(moved)
            self.waiting.put_back(entries)
            if self._search.trouble is None:
                self._put_off_unless_forbidden(error)
            return Made()
        for entry, attempt in zip(entries, attempts, strict=True):
            self._waited_s[attempt.token] = self.waiting.waited_s(entry)
        try:
            ids = self._backend.submit(attempts, place)
        except SubmissionUnsure as error:
            self.doubtful.update({attempt.token: attempt for attempt in attempts})
            self._put_off(f"no clear answer to a submission ({error}); asking whether it was accepted")
            made = Made()
        except (SubmissionDelayed, SubmissionRefused) as error:
            if self._may_pass(error):
                self._withdraw(attempts, moved)
                self.waiting.put_back(entries)
                self._is_at_limit = isinstance(error, SubmitLimitReached)
                self._put_off_unless_forbidden(error)
                return Made()
            if self._backend.refusal_concerns_all and not self._has_accepted:
                self._withdraw(attempts, moved)
                raise
            made = self._refused(attempts, error)
        else:
            made = Made(self._accept(attempts, ids, place))
        self._tell_where(moved)
        return made

    def _may_pass(self, error: SearchError) -> bool:
        """Return whether to try again later. What a scheduler has taken once it may take again."""
        return isinstance(error, SubmissionDelayed) or (
            self._was_ever_accepted and isinstance(error, SubmissionUnexplained)
        )

    def _next_attempt(self, entry: RunRecord) -> Attempt:
        if entry.run.number in self._prepared:
            return self._prepared.pop(entry.run.number)
        return new_attempt(self._search, entry)

    def _make_way(self, entries: Sequence[RunRecord], moved: list[tuple[Run, Path]]) -> None:
        """Move the folders of earlier attempts aside, and add to `moved` which and whereto."""
        for entry in entries:
            path = move_aside(self._search.folder, entry.run, entry.attempts)
            if path is not None:
                moved.append((entry.run, path))

    def _move_back(self, moved: Sequence[tuple[Run, Path]]) -> None:
        for run, path in moved:
            try:
                move_back(self._search.folder, run, path)
            except StoreError as error:
                self._console.warn(f"run {run.number}: {error}")

    def _intend(self, attempts: Sequence[Attempt]) -> None:
        now = self._clocks.wall()
        intended = [AttemptIntended(attempt.run.number, attempt.token, now) for attempt in attempts]
        # What a scheduler has outlives this machine: lost in a crash, the run would be submitted a second time.
        self._search.note(*intended, at_once=self._backend.jobs_outlive_controller)

    def _tell_where(self, moved: Sequence[tuple[Run, Path]]) -> None:
        for run, path in moved:
            self._console.note(f"run {run.number}: the folder of an earlier attempt now lies in {path}")

    def _withdraw(self, attempts: Sequence[Attempt], moved: Sequence[tuple[Run, Path]]) -> None:
        """Let everything be as it was before attempts that never became jobs."""
        now = self._clocks.wall()
        self._search.note_happened(*(AttemptWithdrawn(attempt.run.number, attempt.token, now) for attempt in attempts))
        for attempt in attempts:
            del self._waited_s[attempt.token]
        self._move_back(moved)

    def _accept(self, attempts: Sequence[Attempt], ids: Sequence[str], place: Place) -> list[Job]:
        now, host = self._clocks.wall(), socket.gethostname()
        jobs = [Job(attempt, job_id, place, now) for attempt, job_id in zip(attempts, ids, strict=True)]
        submitted = [self._submitted(job, host) for job in jobs]
        self._search.note_happened(*submitted, at_once=self._backend.jobs_outlive_controller)
        self._has_accepted, self._was_ever_accepted, self._refusals = True, True, 0
        self._delays.over(self._console.note)
        self.unreleased += jobs
        self.release_recorded()
        for job in jobs:
            self.waiting.forget_memory_need(job.attempt.run.number)
        return jobs

    def release_recorded(self) -> None:
        """Let accepted jobs run, unless the journal does not have their ids yet."""
        if self._backend.starts_unreleased or self._search.trouble is None:
            self._backend.release(self.unreleased)
            self.unreleased.clear()

    def _submitted(self, job: Job, host: str) -> AttemptSubmitted:
        return AttemptSubmitted(
            run=job.attempt.run.number,
            token=job.attempt.token,
            id=job.id,
            host=host,
            at=job.submitted_at,
            place=job.place.label,
            environment=dict(job.place.environment),
            waited_s=self._waited_s.pop(job.attempt.token, 0.0),
            is_queued=self._backend.has_queue,
        )

    def _refused(self, attempts: Sequence[Attempt], error: SearchError) -> Made:
        if self._backend.refusal_concerns_all:
            self._refusals += 1
            if self._refusals >= _MOST_REFUSALS and self.waiting:
                self._give_up(f"{error}; mend that")
        return Made(refused=attempts, reason=f"{error}{self._hint}")

    def _put_off_unless_forbidden(self, error: SearchError) -> None:
        """Wait for what may pass; where files of ours may not be written, start nothing more and say so."""
        if is_forbidden(error):
            self._give_up(f"{error}; mend that")
        else:
            self._put_off(f"no run can be started for the moment ({error})")

    def _put_off(self, reason: str) -> None:
        """Wait, and tell why; or give up if the user does not want to wait any longer.

        Raises SubmissionRefused if then no job was ever accepted.
        """
        if self._delays.begin(reason, self._warn) or self.given_up:
            return
        waited = f"{reason}, and --max_wait_for_scheduler is over"
        if not self._was_ever_accepted and not self.doubtful:
            refused = SubmissionRefused(waited)
            refused.asked = self._backend.conversation.last if isinstance(self._backend, AsksCommands) else ""
            raise refused
        self._give_up(waited)

    def _give_up(self, reason: str) -> None:
        self.given_up = reason
        left = amount(len(self.waiting), "run")
        unsure = f", and nobody knows of {amount(len(self.doubtful), 'submission')}" if self.doubtful else ""
        self._warn(f"{left} not submitted{unsure}: {reason}, then resume")

    def _warn(self, text: str) -> None:
        self._console.warn(text + self._hint)

    @property
    def _hint(self) -> str:
        """Where the scheduler's answers are, behind each message about them."""
        return self._backend.conversation.hint if isinstance(self._backend, AsksCommands) else ""


def attempt_of(search: LiveSearch | SearchReader, entry: RunRecord, number: int, token: str) -> Attempt:
    """Return a run's attempt, as everything that a backend needs to execute it."""
    settings, folder = search.record.known_settings(), search.folder
    return Attempt(
        run=entry.run,
        number=number,
        token=token,
        argv=argv(settings.program, entry.run.configuration, settings.out_arg, entry.run.out_dir),
        cwd=Path(settings.run_cwd),
        exit_file=folder.exit_file(token),
        log_folder=folder.logs,
    )


def job_of(attempt: Attempt, submitted: AttemptSubmitted) -> Job:
    """Return an attempt as the job that an earlier controller submitted."""
    return Job(attempt, submitted.id, Place(submitted.place, submitted.environment), submitted.at)


def new_attempt(search: LiveSearch, entry: RunRecord) -> Attempt:
    """Return a run's next attempt, under a new unique name."""
    number = entry.attempts + 1
    return attempt_of(search, entry, number, f"{entry.run.folder}.{number}.{secrets.token_hex(3)}")
