"""When a cluster's job has ended, and how: from its exit file and from what the scheduler says, over time.

The exit file knows the exit status, the scheduler knows why something else ended the job. Either may come late or
never: schedulers forget, and network file systems show a new file after up to a minute.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hpsearch.backends.launcher import ExitNote
from hpsearch.backends.local import exit_reason
from hpsearch.core.model import JobPhase, RunState, Status

_SIGKILL = 137
_LOST = "it left the queue without leaving its exit status"


@dataclass(frozen=True)
class Patience:
    """For how long something missing is waited for, in seconds.

    exit_file_s: after an end that the job itself had. killed_s: after an end by something else, which usually leaves
    no exit file. cause_s: for the scheduler's word on who ended a run that was told to stop. absent_s: a job that is
    in no answer (and that many answers are the least) may still come back.
    """

    exit_file_s: float = 30.0
    killed_s: float = 3.0
    cause_s: float = 60.0
    absent_s: float = 30.0
    absences: int = 2


@dataclass
class JobWatch:
    """What is known of one run of a job.

    note: the exit file, since note_at. told: the scheduler's latest word; final since told_at if that was an end.
    absences: answers in a row without the job, since absent_at.
    """

    note: ExitNote | None = None
    note_at: float = 0.0
    told: Status = field(default_factory=lambda: Status(JobPhase.QUEUED))
    told_at: float = 0.0
    absences: int = 0
    absent_at: float = 0.0

    @property
    def waits_for_cause(self) -> bool:
        """True if it has ended and only the scheduler can say why."""
        return self.note is not None and (self.note.was_told_to_stop or self.note.exit_status == _SIGKILL)

    def see_note(self, note: ExitNote | None, now: float) -> None:
        """Take in what the exit file says; a file may also go again, when the scheduler starts the job anew."""
        if note != self.note:
            self.note, self.note_at = note, now

    def see_row(self, told: Status, now: float) -> bool:
        """Take in the scheduler's word; return whether it is news."""
        is_news = told != self.told
        if is_news:
            self.told, self.told_at = told, now
        self.absences = 0
        return is_news

    def see_absence(self, now: float) -> None:
        """Take in an answer in which the job is missing."""
        if self.absences == 0:
            self.absent_at = now
        self.absences += 1

    def is_absent(self, now: float, patience: Patience) -> bool:
        """Return whether the job has been missing for so long that it is gone."""
        return self.absences >= patience.absences and now - self.absent_at >= patience.absent_s

    def status(self, now: float, patience: Patience) -> Status:
        """Return what is known now."""
        if self.note is not None:
            return self._with_note(self.note, now, patience)
        if self.told.phase is JobPhase.ENDED:
            is_killed = self.told.cause is not None
            wait_s = patience.killed_s if is_killed else patience.exit_file_s
            return self.told if now - self.told_at >= wait_s else Status(JobPhase.UNKNOWN)
        if self.absences:
            lost = Status(JobPhase.ENDED, None, RunState.LOST, _LOST)
            return lost if self.is_absent(now, patience) else Status(JobPhase.UNKNOWN)
        return self.told

    def _with_note(self, note: ExitNote, now: float, patience: Patience) -> Status:
        reason = exit_reason(note.exit_status)
        by_itself = Status(JobPhase.ENDED, note.exit_status, None, reason)
        if not self.waits_for_cause:
            return by_itself
        if self.told.phase is JobPhase.ENDED:
            told = self.told.reason if self.told.cause is not None else ""
            return Status(JobPhase.ENDED, note.exit_status, self.told.cause, told or reason)
        if now - self.note_at < patience.cause_s and not self.is_absent(now, patience):
            return Status(JobPhase.UNKNOWN)
        if not note.was_told_to_stop:
            return by_itself
        return Status(JobPhase.ENDED, note.exit_status, RunState.LOST, f"{reason}; the scheduler does not say why")
