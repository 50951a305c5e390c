"""When a cluster's job has ended, and how; and when its scheduler is asked next.

The exit file knows the exit status, the scheduler knows why something else ended the job. Either may come late or
never: schedulers forget, and network file systems show a new file after up to a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hpsearch.backends.launcher import ExitNote, exit_reason
from hpsearch.core.model import JobPhase, RunState, Status

_SIGKILL = 137
_LOST = "it left the queue without leaving its exit status"

_TAKEN_OUT = "it was taken out of its array before it started"


@dataclass(frozen=True)
class Patience:
    """For how long something missing is waited for, in seconds.

    exit_file_s: after an end that the job itself had. killed_s: after an end by something else, which usually leaves
    no exit file. failed_s: for the scheduler's word that a run failed for want of memory. cause_s: for its word on who
    ended a run that was told to stop. settle_s: for whether that end lasts: a job that is queued again shows one
    before. absent_s: a job that is in no answer (and that many answers are the least) may
    still come back.
    """

    exit_file_s: float = 30.0
    killed_s: float = 3.0
    failed_s: float = 20.0
    cause_s: float = 60.0
    settle_s: float = 2.0
    absent_s: float = 30.0
    absences: int = 2


@dataclass
class JobWatch:
    """What is known of one run of a job.

    note: the exit file, since note_at. told: the scheduler's word, in answers from told_at to seen_at.
    absences: answers in a row without the job, since absent_at; array_is_there: the latest has others of its array.
    never_began: the scheduler's report on it is there, and no output, which would be older.
    is_taken_back: it was cancelled by this search, and the scheduler has it no more: nothing else will be heard of it.
    """

    note: ExitNote | None = None
    note_at: float = 0.0
    told: Status = field(default_factory=lambda: Status(JobPhase.QUEUED))
    told_at: float = 0.0
    seen_at: float = 0.0
    absences: int = 0
    absent_at: float = 0.0
    array_is_there: bool = False
    never_began: bool = False
    is_taken_back: bool = False

    @property
    def waits_for_cause(self) -> bool:
        """True if it has ended and the scheduler may know why."""
        return self.note is not None and (self.note.was_told_to_stop or self.note.exit_status != 0)

    @property
    def has_failed_silently(self) -> bool:
        """True if the scheduler says that it failed, and it has left no exit status (yet)."""
        told, is_failure = self.told, self.told.exit_status not in (None, 0) or bool(self.told.reason)
        return self.note is None and told.phase is JobPhase.ENDED and is_failure

    def see_note(self, note: ExitNote | None, now: float) -> None:
        """Take in what the exit file says; a file may also go again, when the scheduler starts the job anew."""
        if note != self.note:
            self.note, self.note_at = note, now

    def see_row(self, told: Status, now: float) -> bool:
        """Take in the scheduler's word; return whether it is news.

        Of several ends the first counts: a job that is taken back because it would never start is cancelled then.
        Another reason for the same is no news: LSF's have numbers of hosts, which change all the time.
        """
        self.absences, self.seen_at = 0, now
        if told.phase is JobPhase.ENDED and self.told.phase is JobPhase.ENDED:
            return False
        is_news = told != replace(self.told, reason=told.reason)
        self.told, self.told_at = told, now if is_news else self.told_at
        return is_news

    def see_absence(self, now: float, array_is_there: bool = False) -> None:
        """Take in an answer in which the job is missing, while others of its array are in it or not."""
        if self.absences == 0:
            self.absent_at = now
        self.absences += 1
        self.array_is_there = array_is_there

    def is_taken_out(self, patience: Patience) -> bool:
        """Return whether the job was seen waiting in an array and was then taken out of it, which leaves no trace."""
        was_waiting = self.told.phase is JobPhase.QUEUED and self.seen_at > 0
        return self.array_is_there and was_waiting and self.absences >= patience.absences

    def is_absent(self, now: float, patience: Patience) -> bool:
        """Return whether the job has been missing for so long that it is gone."""
        return self.absences >= patience.absences and now - self.absent_at >= patience.absent_s

    @property
    def is_queued_again(self) -> bool:
        """True if the scheduler has put the job back into its queue since it left its exit status."""
        is_queued = self.told.phase is JobPhase.QUEUED and not self.absences
        return self.note is not None and is_queued and self.seen_at > self.note_at

    def status(self, now: float, patience: Patience) -> Status:
        """Return what is known now."""
        if self.note is not None:
            return self._with_note(self.note, now, patience)
        if self.told.phase is JobPhase.ENDED:
            is_killed = self.told.cause is not None
            wait_s = patience.killed_s if is_killed else patience.exit_file_s
            wait_s = 0.0 if self.is_taken_back or self.never_began else wait_s
            return self.told if now - self.told_at >= wait_s else Status(JobPhase.UNKNOWN)
        if self.is_taken_back:
            return Status(JobPhase.ENDED, None, RunState.CANCELLED)
        if self.is_taken_out(patience):
            return Status(JobPhase.ENDED, None, RunState.CANCELLED, _TAKEN_OUT)
        if self.absences:
            lost = Status(JobPhase.ENDED, None, RunState.LOST, _LOST)
            return lost if self.is_absent(now, patience) else Status(JobPhase.UNKNOWN)
        return self.told

    def _with_note(self, note: ExitNote, now: float, patience: Patience) -> Status:
        reason = exit_reason(note.exit_status)
        by_itself = Status(JobPhase.ENDED, note.exit_status, None, reason, ended_at=note.ended)
        if not self.waits_for_cause:
            return by_itself
        if self.told.phase is JobPhase.ENDED:
            # Seen once is not enough: for a moment, a job that is put back into the queue looks like a failed one.
            is_settled = self.seen_at - self.told_at >= patience.settle_s or self.absences or self.is_taken_back
            if note.was_told_to_stop and self.told.cause is None and not is_settled:
                return Status(JobPhase.UNKNOWN)
            cause = self.told.cause if was_ended(note) or self.told.cause is RunState.OUT_OF_MEMORY else None
            return replace(by_itself, cause=cause, reason=(self.told.reason if cause is not None else "") or reason)
        if self.is_taken_back:
            return replace(by_itself, cause=RunState.CANCELLED)
        if self.is_queued_again:
            return self.told
        wait_s = patience.cause_s if was_ended(note) else patience.failed_s
        if now - self.note_at < wait_s and not self.is_absent(now, patience):
            return Status(JobPhase.UNKNOWN)
        if not note.was_told_to_stop or note.exit_status == 0:
            return by_itself
        return replace(by_itself, cause=RunState.LOST, reason=f"{reason}; the scheduler does not say why")


def was_ended(note: ExitNote) -> bool:
    """Return whether something else than the run itself seems to have ended it; else only want of memory may have."""
    return note.was_told_to_stop or note.exit_status == _SIGKILL


#: The pause grows by this factor after each question without news, and shrinks by the other after one with news.
_GROWTH, _SHRINKING = 1.5, 3.0
#: A pause is at least so long, in seconds; and at least this share of the time that has passed, up to so many seconds:
#: a search of a day needs no questions every second.
_SHORTEST_S, _SHARE, _SHORTEST_LATER_S = 1.0, 0.01, 15.0


class Rounds:
    """The times of the questions of one controller. All times are seconds of one clock that only goes on."""

    def __init__(self, longest_s: float, now: float) -> None:
        self._longest_s, self._began = longest_s, now
        self._pause_s = self._shortest(now)
        self._asked_at = now
        self.count = 0

    def is_due(self, now: float) -> bool:
        """Return whether it is time to ask."""
        return now - self._asked_at >= self._pause_s

    def seconds_left(self, now: float) -> float:
        """Return for how long not to ask."""
        return max(0.0, self._pause_s - (now - self._asked_at))

    def asked(self, now: float, has_news: bool) -> None:
        """A question was answered (or not): has_news = something is different from the answer before."""
        self.count += 1
        self._asked_at = now
        factor = 1 / _SHRINKING if has_news else _GROWTH
        self._pause_s = self._limited(self._pause_s * factor, now)

    def hurry(self, now: float) -> None:
        """Something was submitted: whether it is accepted for good shows soon."""
        self._pause_s = self._shortest(now)

    def _limited(self, pause_s: float, now: float) -> float:
        return max(self._shortest(now), min(pause_s, self._longest_s))

    def _shortest(self, now: float) -> float:
        shortest = max(_SHORTEST_S, min(_SHARE * (now - self._began), _SHORTEST_LATER_S))
        return min(shortest, self._longest_s)
