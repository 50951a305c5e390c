"""What a controller knows of its jobs: which submission each belongs to, its exit file, the scheduler's latest word."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.job_watch import JobWatch, Patience, Rounds
from hpsearch.backends.cluster.script import runs_in_script
from hpsearch.backends.launcher import note_in
from hpsearch.backends.scheduler import BATCH_MARK, JobRow, Reporter, Submission, script_path
from hpsearch.core.model import Attempt, Job, JobPhase, RunState, Status


class ClusterJobs:
    """The jobs of one controller."""

    def __init__(
        self,
        clock: Callable[[], float],
        patience: Patience,
        longest_pause_s: float,
        reporter: Reporter | None = None,
        name: str = "the scheduler",
    ) -> None:
        """Start with no job. reporter: reads the scheduler's reports on jobs, if it writes any; name: for people."""
        self._clock, self._patience, self._reporter, self._name = clock, patience, reporter, name
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

    def scripts_of(self, attempts: Sequence[Attempt]) -> list[Path]:
        """Return the scripts of attempts that are no jobs, and those of submissions that have no other attempts."""
        names = self._names.wholly_among(attempts)
        own = [script_path(attempt.log_folder, attempt.token) for attempt in attempts]
        return own + [script_path(folder, name) for folder in {a.log_folder for a in attempts} for name in names]

    def look(self, jobs: Sequence[Job]) -> bool:
        """Look at the exit files; return whether one has come (or gone)."""
        now, has_news = self._clock(), False
        listed = _listed({job.attempt.exit_file.parent for job in jobs})
        if listed is None:
            return False
        for job in jobs:
            watch = self._watch(job)
            note = note_in(job.attempt.exit_file) if job.attempt.exit_file in listed else None
            is_news = note != watch.note
            watch.see_note(note, now)
            if is_news and watch.waits_for_cause:
                self.rounds.hurry(now)
            has_news |= is_news
        return has_news

    def still_open(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs for which the scheduler's word is needed."""
        return [job for job in jobs if self._watch(job).note is None or self._watch(job).waits_for_cause]

    def own(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> list[JobRow]:
        """Return the rows that tell of these jobs: a scheduler that crashed gives ids out again, to jobs of others."""
        of_id = {job.id: job.attempt for job in jobs}
        return [row for row in rows if row.id in of_id and self._names.are_told(row, of_id[row.id])]

    def not_given_away(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> list[Job]:
        """Return the jobs whose ids are not those of other jobs now."""
        own, told = {row.id for row in self.own(jobs, rows)}, {row.id for row in rows}
        return [job for job in jobs if job.id in own or job.id not in told]

    def take_in(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> bool:
        """Take in an answer; return whether it says something new. Whoever is not in it is absent."""
        now, has_news = self._clock(), False
        by_id = {row.id: row for row in self.own(jobs, rows)}
        names = {row.name for row in rows}
        for job in jobs:
            row, watch = by_id.get(job.id), self._watch(job)
            if row is not None:
                has_news |= watch.see_row(self._told(job, row), now)
            else:
                name, number = self._names.of(job.attempt)
                watch.see_absence(now, number is not None and name in names)
        return has_news

    def taken_back(self, jobs: Iterable[Job]) -> None:
        """These jobs were cancelled, and the scheduler has them no more."""
        for job in jobs:
            self._watch(job).is_taken_back = True

    def statuses(self, jobs: Iterable[Job]) -> dict[str, Status]:
        """Return token -> what is known of the run; those of which nothing is known are left out."""
        now = self._clock()
        jobs = list(jobs)
        silent = {job.attempt.log_folder for job in jobs if self._watch(job).has_failed_silently}
        logs = _listed(silent)
        known = {job.attempt.token: self._status(job, now, logs) for job in jobs}
        for token, status in known.items():
            if status.phase is JobPhase.ENDED:
                del self._watches[token]
        return {token: status for token, status in known.items() if status.phase is not JobPhase.UNKNOWN}

    def own_reports(self, job: Job) -> list[LogFile]:
        """Return the scheduler's reports on a job that had this one run only."""
        is_single = self._names.of(job.attempt)[1] is None
        is_own = self._reporter is not None and (is_single or len(self._names.of_one_job(job.attempt)) == 1)
        return self._reports(job) if is_own else []

    def _status(self, job: Job, now: float, logs: set[Path] | None) -> Status:
        """Return what is known of a job; of one that failed without its exit status, also what else there is of it.

        logs: the files in its log folder.
        """
        watch = self._watch(job)
        if not watch.has_failed_silently:
            return watch.status(now, self._patience)
        report, has_output = self._report(job, logs or set()), self._has_output(job, logs)
        watch.never_began = report is not None and has_output is False
        status = watch.status(now, self._patience)
        if status.phase is not JobPhase.ENDED:
            return status
        said = status.reason or f"{self._name}: exit code {status.exit_status}"
        if status.cause is not None:
            return replace(status, reason=said)
        if report is not None and watch.never_began:
            return replace(status, reason=f"{said}; it has not begun{self._words_of(report, job)}")
        left = "no output and no exit status" if has_output is False else "no exit status"
        return replace(status, reason=f"{said}; it left {left}")

    def _reports(self, job: Job) -> list[LogFile]:
        return [] if self._reporter is None else list(self._reporter.reports(job, *self._names.of(job.attempt)))

    def _report(self, job: Job, logs: set[Path]) -> Path | None:
        """Return the scheduler's report on a job; None if it is not (yet) there."""
        return next((report.path for report in self._reports(job) if report.path in logs), None)

    def _words_of(self, report: Path, job: Job) -> str:
        """Return what a report says, and where it lies if the run's folder will not get it."""
        assert self._reporter is not None
        try:
            words = self._reporter.report_words(report.read_text(encoding="utf-8", errors="replace"))
        except OSError:
            words = ""
        return (f": {words}" if words else "") + ("" if self.own_reports(job) else f" (report: {report})")

    def _has_output(self, job: Job, logs: set[Path] | None, with_submission: bool = False) -> bool | None:
        """Return whether a job has left output, perhaps that of its submission; None if nobody can see that (now)."""
        stems = self._names.of_one_job(job.attempt) | ({self._names.of(job.attempt)[0]} if with_submission else set())
        return None if logs is None else any(job.attempt.log_folder / f"{stem}.out" in logs for stem in stems)

    def _told(self, job: Job, row: JobRow) -> Status:
        """Return what a row says of a job; cancelled without any output means that it could not be started."""
        if not row.may_be_unstarted or self._watch(job).note is not None:
            return row.status
        # The jobs of an array have the array's output file in common.
        if self._has_output(job, _listed({job.attempt.log_folder}), with_submission=row.number is None) is not False:
            return row.status
        return replace(row.status, cause=RunState.LOST, reason="its node could not start it")

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

    def wholly_among(self, attempts: Sequence[Attempt]) -> set[str]:
        """Return the names of the submissions all of whose attempts are among these."""
        names, tokens = {self.of(attempt)[0] for attempt in attempts}, {attempt.token for attempt in attempts}
        return names - {name for token, (name, _) in self._names.items() if token not in tokens}

    def are_told(self, row: JobRow, attempt: Attempt) -> bool:
        """Return whether a row has the names of an attempt's submission, as far as it says any."""
        name, _ = self.of(attempt)
        first = name.partition(BATCH_MARK)[0] if BATCH_MARK in name else attempt.run.folder
        # The label of several runs names the first and the last.
        is_labelled = row.label is None or row.label == first or row.label.startswith(f"{first}-")
        return row.name in ("", name) and is_labelled

    def of_one_job(self, attempt: Attempt) -> set[str]:
        """Return the tokens of all attempts in an attempt's job."""
        place = self.of(attempt)
        return {token for token, other in self._names.items() if other == place}

    def _read_scripts(self, log_folder: Path) -> None:
        for script in log_folder.glob(f"*{BATCH_MARK}*.sh"):
            if script not in self._read:
                self._read.add(script)
                try:
                    text = script.read_text(encoding="utf-8", errors="surrogateescape") if script.is_file() else ""
                except OSError:
                    continue  # It is not known whose jobs these are: they are looked for by their own names.
                self._names.update({token: (script.stem, number) for number, token in runs_in_script(text)})


def _listed(folders: Iterable[Path]) -> set[Path] | None:
    """Return the files in some folders; None if one cannot be listed (now): a network file system may be away.

    Listing them is also what makes such a file system look anew.
    """
    found: set[Path] = set()
    try:
        for folder in folders:
            found.update(folder / name for name in os.listdir(folder))  # noqa: PTH208  (half the cost of iterdir)
    except OSError:
        return None
    return found
