"""What a controller knows of its jobs: which submission each belongs to, its exit file, the scheduler's latest word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hpsearch.backends.job_script import runs_in_script
from hpsearch.backends.job_watch import JobWatch, Patience
from hpsearch.backends.launcher import ExitNote, read_exit_note
from hpsearch.backends.rounds import Rounds
from hpsearch.backends.scheduler import JobRow, Submission
from hpsearch.core.model import Attempt, Job, JobPhase, Status


class ClusterJobs:
    """The jobs of one controller."""

    def __init__(self, clock: Callable[[], float], patience: Patience, longest_pause_s: float) -> None:
        self._clock, self._patience = clock, patience
        self.rounds = Rounds(longest_pause_s, clock())
        self._watches: dict[str, JobWatch] = {}
        self._names = SubmissionNames()

    def submitted(self, submission: Submission) -> None:
        """Remember whose jobs these are."""
        self._names.remember(submission)
        self.rounds.hurry(self._clock())

    def found(self, attempts: Iterable[Attempt], rows: Iterable[JobRow]) -> dict[str, str]:
        """Return token -> job id for those attempts whose submissions are among the scheduler's rows."""
        ids = {(row.name, row.number): row.id for row in rows if row.name}
        found = {}
        for attempt in attempts:
            name, number = self._names.of(attempt)
            job_id = ids.get((name, number)) or ids.get((name, None))
            if job_id is not None:
                found[attempt.token] = job_id
        return found

    def look(self, jobs: Sequence[Job]) -> bool:
        """Look at the exit files; return whether one has come (or gone)."""
        now, has_news = self._clock(), False
        listed = _listed({job.attempt.exit_file.parent for job in jobs})
        for job in jobs:
            watch = self._watch(job)
            note = _exit_note(job.attempt.exit_file) if job.attempt.exit_file in listed else None
            has_news |= note != watch.note
            watch.see_note(note, now)
        return has_news

    def still_open(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs for which the scheduler's word is needed."""
        return [job for job in jobs if self._watch(job).note is None or self._watch(job).waits_for_cause]

    def missing(self, jobs: Iterable[Job], rows: Iterable[JobRow]) -> list[Job]:
        """Return the jobs of which no row tells."""
        told = {(row.id, row.name) for row in rows}
        return [job for job in jobs if not self._is_told(job, told)]

    def take_in(self, jobs: Iterable[Job], rows: Iterable[JobRow]) -> bool:
        """Take in an answer; return whether it says something new. Whoever is not in it is absent."""
        now, has_news = self._clock(), False
        by_id = {row.id: row for row in rows}
        for job in jobs:
            row, watch = by_id.get(job.id), self._watch(job)
            if row is not None and self._is_told(job, {(row.id, row.name)}):
                has_news |= watch.see_row(row.status, now)
            else:
                watch.see_absence(now)
        return has_news

    def statuses(self, jobs: Iterable[Job]) -> dict[str, Status]:
        """Return token -> what is known of the run; those of which nothing is known are left out."""
        now = self._clock()
        known = {job.attempt.token: self._watch(job).status(now, self._patience) for job in jobs}
        for token, status in known.items():
            if status.phase is JobPhase.ENDED:
                del self._watches[token]
        return {token: status for token, status in known.items() if status.phase is not JobPhase.UNKNOWN}

    def is_alive(self, job: Job, rows: Iterable[JobRow]) -> bool:
        """Return whether one of the rows tells of this job that it has not ended."""
        ended = JobPhase.ENDED
        return any(self._is_told(job, {(row.id, row.name)}) and row.status.phase is not ended for row in rows)

    def _is_told(self, job: Job, told: Iterable[tuple[str, str]]) -> bool:
        """Return whether a row with this job's id tells of this job: a scheduler that crashed gives ids out again."""
        name, _ = self._names.of(job.attempt)
        return (job.id, name) in told or (job.id, "") in told

    def _watch(self, job: Job) -> JobWatch:
        return self._watches.setdefault(job.attempt.token, JobWatch())


class SubmissionNames:
    """In which submission each attempt was handed over; those of an earlier controller are read from its scripts."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, int | None]] = {}
        self._read: set[Path] = set()

    def remember(self, submission: Submission) -> None:
        """Remember a submission's attempts."""
        for number, job in enumerate(submission.jobs, start=1):
            for attempt in job:
                self._names[attempt.token] = (submission.name, number if submission.single is None else None)

    def of(self, attempt: Attempt) -> tuple[str, int | None]:
        """Return the name of an attempt's submission, and its job's number there; None if it was the only one."""
        if attempt.token not in self._names:
            self._read_scripts(attempt.log_folder)
        return self._names.setdefault(attempt.token, (attempt.token, None))

    def _read_scripts(self, log_folder: Path) -> None:
        for script in log_folder.glob("*.batch.*.sh"):
            if script not in self._read:
                self._read.add(script)
                text = script.read_text(encoding="utf-8", errors="surrogateescape")
                self._names.update({token: (script.stem, number) for number, token in runs_in_script(text)})


def _listed(folders: Iterable[Path]) -> set[Path]:
    """Return the files in some folders. Listing them is also what makes a network file system look anew."""
    found: set[Path] = set()
    for folder in folders:
        found.update(folder / name for name in os.listdir(folder))  # noqa: PTH208  (half the cost of iterdir)
    return found


def _exit_note(path: Path) -> ExitNote | None:
    try:
        return read_exit_note(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return None
