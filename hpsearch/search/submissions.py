"""From waiting runs to accepted jobs: one submission at a time, made only once whatever the answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from hpsearch.backends.base import AsksCommands, sleep
from hpsearch.choosers.chooser import Choices
from hpsearch.config.program import resume_hint
from hpsearch.console.text import amount, duration
from hpsearch.core.errors import (
    SearchError,
    StoreError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
    is_forbidden,
    reason_of,
)
from hpsearch.core.model import Attempt, Job, Place, Run
from hpsearch.journal.events import AttemptIntended, AttemptSubmitted, AttemptWithdrawn
from hpsearch.journal.run_record import RunRecord
from hpsearch.search.controller import Clock, Controller, OpenRun, RunQueue, new_attempt
from hpsearch.startup.host import host_name
from hpsearch.store.run_folders import folders_aside, move_aside, move_back, set_logs_aside

#: At the end of a search: the pauses before each question whether a doubtful submission exists.
_LAST_QUESTIONS_S = (0.0, 1.0, 2.0)
#: After this many refused submissions in a row, the scheduler is taken to refuse all others, too.
_MOST_REFUSALS = 3
#: The first pause is doubled up to a minute; in a long outage up to this share of its length, at most the last pause.
_FIRST_PAUSE_S, _MINUTE_S, _SHARE, _LAST_PAUSE_S = 2.0, 60.0, 0.1, 300.0
#: A reason is told again only if the backend has accepted runs since, and not before this time is over.
_SAID_FOR_S = 3600.0
#: People are told of the end of a trouble that lasted this long.
_WORTH_A_WORD_S = 60.0


class Submissions:
    """What the backend has not accepted yet: runs that wait, and submissions without a clear answer.

    given_up: why nothing more is submitted; empty while submitting goes on. is_closed: no more runs are started, but
    submissions without a clear answer are still asked about. choices: runs to plan when no other run waits.
    """

    def __init__(
        self,
        controller: Controller,
        is_needless: Callable[[RunRecord], bool],
        refuse: Callable[[OpenRun, str], None],
        choices: Choices,
    ) -> None:
        """is_needless: asked before a run is started. refuse: called with a run refused for good, and the reason."""
        self._search, self._backend, self._console = controller.search, controller.backend, controller.console
        self._stop, self._clocks, self._runs = controller.stop, controller.clocks, controller.runs
        self._is_needless, self._refuse_run, self._choices = is_needless, refuse, choices
        self.queue = RunQueue(self._backend, self._clocks.steady)
        self.given_up, self.is_closed = "", False
        self._host = host_name()
        self._prepared: dict[int, Attempt] = {}
        hours = controller.options.max_wait_for_scheduler
        is_limited = controller.backend.has_queue and hours >= 0
        self._delays = Delays(self._clocks.steady, 3600 * hours if is_limited else math.inf)
        self._has_accepted = self._was_ever_accepted = False
        self._is_at_limit = self._has_moved = False
        self._refusals = 0

    def __bool__(self) -> bool:
        """Whether there is still something to submit, or to ask about."""
        if self.given_up or self.is_closed:
            return not self.given_up and bool(self._runs.doubtful)
        return bool(self._runs.doubtful or self.queue or self._choices)

    @property
    def is_over(self) -> bool:
        """Whether no more runs are started."""
        return self.is_closed or bool(self.given_up)

    def job_was_accepted(self, is_live: bool) -> None:
        """Note that an earlier controller's job was accepted. is_live: the job still has to be looked after."""
        self._was_ever_accepted = True
        self._has_accepted |= is_live

    def job_has_ended(self) -> None:
        """Note that a job has ended: a scheduler at its limit of jobs may take one now."""
        if self._is_at_limit:
            self._delays.hasten()

    def fill_places(self) -> None:
        """Submit runs while there are places. Raises SubmissionRefused if a scheduler refuses the very first job."""
        while self._stop.signal_number is None and self._search.trouble is None and not self.is_over:
            # A submission without a clear answer may have taken the place.
            if self._delays.left_s > 0 or self._runs.doubtful:
                return
            numbers, place = self.queue.next(self._runs.jobs)
            entries = [self._search.record.runs[number] for number in numbers]
            if place is None and not self.queue:
                entries, place = self._choices.next(self._runs.jobs)
            if place is None:
                return
            if needed := self._needed(entries):
                self._submit(needed, place)

    def _needed(self, entries: Sequence[RunRecord]) -> list[RunRecord]:
        """Return the runs without those that have finished after all; a run whose folder cannot be looked at waits."""
        needed = []
        for entry in entries:
            try:
                if not self._is_needless(entry):
                    needed.append(entry)
            except OSError as error:
                trouble = StoreError(f"{error.filename}: cannot be looked at ({reason_of(error)})")
                trouble.__cause__ = error
                self.queue.put_back([entry.run.number])
                self._put_off_unless_forbidden(trouble)
        return needed

    def taken_back(self, run: OpenRun) -> None:
        """Undo a run's submission, after it was taken out of the scheduler's queue."""
        entry, attempts = run.entry, run.entry.attempts
        self._search.note_happened(AttemptWithdrawn(run.number, run.attempt.token, self._clocks.wall()))
        del self._runs[run.number]
        earlier = folders_aside(self._search.folder, entry.run).get(attempts - 1)
        if earlier is not None and not _stays(run.attempt):
            self._move_back([(entry.run, earlier)])
        self.queue.put_back([run.number])

    def prepare(self) -> None:
        """Let the backend prepare the next run while there is no place for it."""
        if not self.is_over and self.queue.ready and (number := self.queue.ready[0]) not in self._prepared:
            self._prepared[number] = new_attempt(self._search, self._search.record.runs[number])
            self._backend.prepare(self._prepared[number])

    def settle(self) -> None:
        """Ask the backend which doubtful submissions exist; submit the others again."""
        doubtful = self._runs.doubtful
        if not doubtful or self._delays.left_s > 0:
            return
        try:
            ids = self._backend.find([run.attempt for run in doubtful])
        except SubmissionUnsure as error:
            self._put_off(f"still no answer about {amount(len(doubtful), 'submission')} ({error})")
            return
        for run in doubtful:
            if run.attempt.token in ids:
                self._accept([run], [ids[run.attempt.token]], Place())
            elif self.is_over:
                self.taken_back(run)
            else:
                del self._runs[run.number]
                self.queue.put_back([run.number])

    def settle_at_last(self) -> None:
        """Settle doubtful submissions before the search ends: ask several times, unless someone is in a hurry."""
        for pause_s in _LAST_QUESTIONS_S:
            if self._runs.doubtful and not sleep(0, self._stop.alarm):
                # A scheduler may not know a new job at once.
                self._backend.wait([], pause_s, self._stop.alarm)
                self._delays.end_pause()
                self.settle()

    def time_to_next_try(self) -> float | None:
        """Return the seconds until the pause is over; None if there is no pause, or nothing to do after it."""
        left_s = self._delays.left_s
        return left_s if left_s and self else None

    def release_recorded(self) -> None:
        """Let accepted jobs run once the journal has their ids."""
        held = [run for run in self._runs.values() if run.is_held]
        if held and (self._backend.starts_unreleased or self._search.trouble is None):
            self._backend.release([run.job for run in held if run.job is not None])
            for run in held:
                run.is_held = False

    def _submit(self, entries: Sequence[RunRecord], place: Place) -> None:
        runs = [
            OpenRun(entry, self._next_attempt(entry), waited_s=self.queue.waited_s(entry.run.number))
            for entry in entries
        ]
        moved: list[tuple[Run, Path]] = []
        try:
            self._intend(runs, moved)
        except StoreError as error:
            self._move_back(moved)
            self.queue.put_back([entry.run.number for entry in entries])
            if self._search.trouble is None:
                self._put_off_unless_forbidden(error)
            return
        try:
            ids = self._backend.submit([run.attempt for run in runs], place)
        except SubmissionUnsure as error:
            self._runs.add(*runs)
            self._put_off(f"no clear answer to a submission ({error}); checking whether it was accepted")
        except (SubmissionDelayed, SubmissionRefused) as error:
            is_final = not self._may_pass(error)
            if not is_final or (self._backend.refusal_concerns_all and not self._has_accepted):
                self._withdraw(runs, moved)
                if is_final:
                    raise
                self._is_at_limit = isinstance(error, SubmitLimitReached)
                self._put_off_unless_forbidden(error)
                return
            self._refuse(runs, error)
        else:
            self._accept(runs, ids, place)
        if moved and not self._has_moved:
            self._has_moved = True
            attempts = self._search.folder.short(self._search.folder.attempts)
            self._console.note(f"moving the folders of earlier attempts to {attempts}")

    def _next_attempt(self, entry: RunRecord) -> Attempt:
        return self._prepared.pop(entry.run.number, None) or new_attempt(self._search, entry)

    def _intend(self, runs: Sequence[OpenRun], moved: list[tuple[Run, Path]]) -> None:
        """Move the folders of earlier attempts aside, adding each move to `moved`; note the new attempts."""
        folder, now = self._search.folder, self._clocks.wall()
        for run in runs:
            if _stays(run.attempt):
                set_logs_aside(folder, run.entry.run, run.entry.attempts)
            elif (path := move_aside(folder, run.entry.run, run.entry.attempts)) is not None:
                moved.append((run.entry.run, path))
        intended = [AttemptIntended(run.number, run.attempt.token, now, run.attempt.continues) for run in runs]
        is_first = not moved and not any(run.entry.attempts or run.entry.reused for run in runs)
        if is_first and not self._backend.starts_unreleased:
            # No run starts before the job's id is noted, and this event is written together with it. (If an earlier
            # result was moved aside, the journal has to say so first.)
            self._search.note_soon(*intended)
            return
        # If a crash of this machine lost this event, the run would be submitted twice.
        self._search.note(*intended, at_once=self._backend.jobs_outlive_controller)

    def _move_back(self, moved: Sequence[tuple[Run, Path]]) -> None:
        for run, path in moved:
            try:
                move_back(self._search.folder, run, path)
            except StoreError as error:
                self._console.warn(f"run {run.number}: {error}")

    def _withdraw(self, runs: Sequence[OpenRun], moved: Sequence[tuple[Run, Path]]) -> None:
        """Undo attempts that never became jobs."""
        now = self._clocks.wall()
        self._search.note_happened(*(AttemptWithdrawn(run.number, run.attempt.token, now) for run in runs))
        self._move_back(moved)
        self.queue.put_back([run.number for run in runs])

    def _may_pass(self, error: SearchError) -> bool:
        """Return whether to try again later: a scheduler that has accepted a job may accept the next one, too."""
        is_odd = isinstance(error, SubmissionUnexplained)
        return isinstance(error, SubmissionDelayed) or (self._was_ever_accepted and is_odd)

    def _accept(self, runs: Sequence[OpenRun], ids: Sequence[str], place: Place) -> None:
        now, host, is_queued = self._clocks.wall(), self._host, self._backend.has_queue
        environment, submitted = dict(place.environment), []
        for run, job_id in zip(runs, ids, strict=True):
            run.job, run.is_held = Job(run.attempt, job_id, place, now), True
            token, waited_s = run.attempt.token, run.waited_s
            submitted.append(
                AttemptSubmitted(run.number, token, job_id, host, now, place.label, environment, waited_s, is_queued)
            )
        self._runs.add(*runs)
        self._search.note_happened(*submitted, at_once=self._backend.jobs_outlive_controller)
        self._has_accepted, self._was_ever_accepted, self._refusals = True, True, 0
        self._delays.over(self._console.note)
        self.release_recorded()
        for run in runs:
            self.queue.memory_needs_mb.pop(run.number, None)

    def _refuse(self, runs: Sequence[OpenRun], error: SearchError) -> None:
        if self._backend.refusal_concerns_all:
            self._refusals += 1
            if self._refusals >= _MOST_REFUSALS and self.queue:
                self._give_up(str(error), "fix that, then resume with")
        for run in runs:
            self._refuse_run(run, f"{error}{self._hint}")

    def _put_off_unless_forbidden(self, error: SearchError) -> None:
        """Wait if the trouble may pass; without the right to write our files, start nothing more and say so."""
        if is_forbidden(error):
            self._give_up(str(error), "fix that, then resume with")
        else:
            self._put_off(f"cannot start runs at the moment ({error})")

    def _put_off(self, reason: str) -> None:
        """Wait, and tell why; give up at the user's limit, raising SubmissionRefused if no job was ever accepted."""
        if self._delays.begin(reason, self._warn) or self.given_up:
            return
        waited = f"{reason}; gave up waiting (--max_wait_for_scheduler)"
        if not self._was_ever_accepted and not self._runs.doubtful:
            refused = SubmissionRefused(waited)
            refused.asked = self._backend.conversation.last if isinstance(self._backend, AsksCommands) else ""
            raise refused
        self._give_up(waited, "submit the rest with")

    def _give_up(self, reason: str, how: str) -> None:
        """Submit nothing more. how: what to do, as the message says before the command to go on."""
        self.given_up = reason
        left, doubtful = amount(len(self.queue) + self._choices.expected(), "run"), self._runs.doubtful
        unsure = f", and {amount(len(doubtful), 'submission')} may or may not be accepted" if doubtful else ""
        self._warn(f"{left} not submitted{unsure}: {reason}; {how}: {resume_hint(self._search.folder.path)}")

    def _warn(self, text: str) -> None:
        self._console.warn(text + self._hint)

    @property
    def _hint(self) -> str:
        """The end of a message about the scheduler's answers: where to read them."""
        return self._backend.conversation.hint if isinstance(self._backend, AsksCommands) else ""


def _stays(attempt: Attempt) -> bool:
    """Return whether an attempt works in its folder as the attempt before has left it."""
    return attempt.keeps_folder and attempt.continues is not None


class Delays:
    """Growing pauses between submissions that are not accepted, for `longest_s` seconds at most."""

    def __init__(self, steady: Clock, longest_s: float = math.inf) -> None:
        self._steady, self._longest_s = steady, longest_s
        self._next_s = _FIRST_PAUSE_S
        self._until = 0.0
        self._since: float | None = None
        self._said_at: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        """The seconds until the next submission may be tried."""
        return max(0.0, self._until - self._steady()) if self._until else 0.0

    def begin(self, reason: str, warn: Callable[[str], None]) -> bool:
        """Begin a pause, longer each time, and tell why, each reason once; return False if this has lasted too long."""
        now = self._steady()
        if self._since is None:
            self._since = now
        pause_s = min(self._next_s, max(_MINUTE_S, _SHARE * (now - self._since)), _LAST_PAUSE_S)
        self._next_s = 2 * pause_s
        left_s = self._since + self._longest_s - now
        self._until = now + (min(pause_s, left_s) if left_s > 0 else pause_s)
        # A reason with another number (of jobs, of a process) is the same reason.
        kind = re.sub(r"\d+", "0", reason)
        if left_s > 0 and kind not in self._said_at:
            self._said_at[kind] = now
            warn(f"{reason}; trying again in {pause_s:.0f} s, then less often")
        return left_s > 0

    def hasten(self) -> None:
        """Try again soon, since something has changed; pauses grow from the first one again."""
        self._until = min(self._until, self._steady() + _FIRST_PAUSE_S)
        self._next_s = _FIRST_PAUSE_S

    def end_pause(self) -> None:
        self._until = 0.0

    def over(self, tell: Callable[[str], None]) -> None:
        now = self._steady()
        waited_s = 0.0 if self._since is None else now - self._since
        if waited_s >= _WORTH_A_WORD_S:
            tell(f"runs can be started again (waited {duration(waited_s)})")
        self._since, self._next_s = None, _FIRST_PAUSE_S
        self._said_at = {reason: at for reason, at in self._said_at.items() if now - at < _SAID_FOR_S}
