"""When a cluster's job has ended, and how; and when its scheduler is asked next. All times are seconds of one clock.

The exit file tells the exit status, the scheduler tells why something else ended the job. Either may come late or
never: schedulers forget, and network file systems take up to a minute to show a new file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hpsearch.backends.launcher import ExitNote, exit_reason
from hpsearch.core.model import JobPhase, RunState, Status

#: How long to wait for an exit file: of a job that ended by itself; of a killed one, which rarely leaves any.
_EXIT_FILE_S, _KILLED_S = 30.0, 3.0
#: How long the scheduler may take to say that a failed run was out of memory; or who ended a run that was told to stop.
_FAILED_S, _CAUSE_S = 20.0, 60.0
#: How long an end without a cause has to last, because a job that is queued again shows one first.
_SETTLE_S = 2.0
#: How long a job missing from two answers may still reappear.
_ABSENT_S, _ABSENCES = 30.0, 2


@dataclass
class JobWatch:
    """What is known of one run of a job.

    note: its exit file, since note_at. told: the scheduler's word, in answers from told_at to seen_at.
    absences: answers in a row without the job, since absent_at; array_is_there: the last one has others of its array.
    never_began: it left the scheduler's report and no output, which would have come first.
    is_cancelled: this search cancelled it, and the scheduler has it no more.
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
    is_cancelled: bool = False

    @property
    def waits_for_cause(self) -> bool:
        """True if it has ended and only the scheduler may know why."""
        return self.note is not None and (self.note.was_told_to_stop or self.note.exit_status != 0)

    @property
    def has_failed_silently(self) -> bool:
        """True if the scheduler says that it failed, without an exit status (yet)."""
        told, is_failure = self.told, self.told.exit_status not in (None, 0) or bool(self.told.reason)
        return self.note is None and told.phase is JobPhase.ENDED and is_failure

    def see_note(self, note: ExitNote | None, now: float) -> bool:
        """Take in what the exit file says; None: it is gone, or not there yet. Return whether that is news."""
        is_news = note != self.note
        self.note, self.note_at = note, now if is_news else self.note_at
        return is_news

    def see_row(self, told: Status, now: float) -> bool:
        """Take in the scheduler's word; return whether it is news."""
        self.absences, self.seen_at = 0, now
        # The first end counts: a job that would never start ends with that reason, although it is cancelled afterwards.
        if told.phase is JobPhase.ENDED and self.told.phase is JobPhase.ENDED:
            return False
        # Another reason alone is no news: LSF's have numbers of hosts, which change all the time.
        is_news = told != replace(self.told, reason=told.reason)
        self.told, self.told_at = told, now if is_news else self.told_at
        return is_news

    def see_absence(self, now: float, array_is_there: bool = False) -> None:
        """Take in an answer that lacks the job."""
        self.absent_at = self.absent_at if self.absences else now
        self.absences, self.array_is_there = self.absences + 1, array_is_there

    def _is_gone(self, now: float) -> bool:
        return self.absences >= _ABSENCES and now - self.absent_at >= _ABSENT_S

    def status(self, now: float) -> Status:
        """Return what is known now."""
        if self.note is not None:
            return self._with_note(self.note, now)
        if self.told.phase is JobPhase.ENDED:
            wait_s = _EXIT_FILE_S if self.told.cause is None else _KILLED_S
            is_over = self.is_cancelled or self.never_began or now - self.told_at >= wait_s
            return self.told if is_over else Status(JobPhase.UNKNOWN)
        if self.is_cancelled:
            return Status(JobPhase.ENDED, None, RunState.CANCELLED)
        # A job that is taken out of its array while it waits leaves no trace.
        was_waiting = self.told.phase is JobPhase.QUEUED and self.seen_at > 0
        if self.array_is_there and was_waiting and self.absences >= _ABSENCES:
            return Status(JobPhase.ENDED, None, RunState.CANCELLED, "it was taken out of its array before it started")
        if self._is_gone(now):
            return Status(JobPhase.ENDED, None, RunState.LOST, "it left the queue without leaving its exit status")
        return Status(JobPhase.UNKNOWN) if self.absences else self.told

    def _with_note(self, note: ExitNote, now: float) -> Status:
        reason = exit_reason(note.exit_status)
        by_itself = Status(JobPhase.ENDED, note.exit_status, None, reason, ended_at=note.ended)
        if not self.waits_for_cause:
            return by_itself
        # Something else ended it, as it seems (137 is SIGKILL); if not, only lack of memory may have.
        was_ended = note.was_told_to_stop or note.exit_status == 137
        if self.told.phase is JobPhase.ENDED:
            # For a moment, a job that is put back into the queue looks like a failed one.
            is_settled = self.seen_at - self.told_at >= _SETTLE_S or self.absences or self.is_cancelled
            if note.was_told_to_stop and self.told.cause is None and not is_settled:
                return Status(JobPhase.UNKNOWN)
            cause = self.told.cause if was_ended or self.told.cause is RunState.OUT_OF_MEMORY else None
            return replace(by_itself, cause=cause, reason=(self.told.reason if cause is not None else "") or reason)
        if self.is_cancelled:
            return replace(by_itself, cause=RunState.CANCELLED)
        if self.told.phase is JobPhase.QUEUED and not self.absences and self.seen_at > self.note_at:
            return self.told  # The scheduler has queued it again since.
        wait_s = _CAUSE_S if was_ended else _FAILED_S
        if now - self.note_at < wait_s and not self._is_gone(now):
            return Status(JobPhase.UNKNOWN)
        if not note.was_told_to_stop or note.exit_status == 0:
            return by_itself
        return replace(by_itself, cause=RunState.LOST, reason=f"{reason}; the scheduler does not say why")


#: The shortest pause, in seconds, is a share of the search's age, within limits: after a day, none asks every second.
_SHORTEST_S, _SHARE, _SHORTEST_LATER_S = 1.0, 0.01, 15.0


class PollSchedule:
    """When a controller asks its scheduler: soon while things change, less and less often while nothing does."""

    def __init__(self, longest_s: float, now: float) -> None:
        self._longest_s, self._began = longest_s, now
        self._asked_at, self._pause_s = now, self._shortest(now)

    def seconds_left(self, now: float) -> float:
        """Return how long not to ask; 0 = it is time to."""
        return max(0.0, self._pause_s - (now - self._asked_at))

    def asked(self, now: float, has_news: bool) -> None:
        """Wait longer before the next question, or less long if the answer was news."""
        self._asked_at = now
        pause_s = min(self._pause_s * (1 / 3 if has_news else 1.5), self._longest_s)
        self._pause_s = max(self._shortest(now), pause_s)

    def hurry(self, now: float) -> None:
        """Ask soon: something was submitted, or has ended for an unknown reason."""
        self._pause_s = self._shortest(now)

    def _shortest(self, now: float) -> float:
        return min(max(_SHORTEST_S, min(_SHARE * (now - self._began), _SHORTEST_LATER_S)), self._longest_s)
