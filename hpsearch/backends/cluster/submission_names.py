"""Which submission each attempt is in, also those of earlier controllers, whose job scripts are read."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Sequence
from itertools import islice
from pathlib import Path

from hpsearch.backends.cluster.script import RUN_LINE
from hpsearch.backends.scheduler import BATCH_MARK, JobRow, Submission, script_path
from hpsearch.core.model import Attempt, Job, is_job_id

#: Of how many ended attempts the submissions are kept in memory.
_ENDED_KEPT = 1_000


class SubmissionNames:
    """The submission of each attempt; an earlier controller's submissions are read from its scripts.

    Each known attempt is a member of one submission, which `_names` tells; `_members` has no others. A submission is
    forgotten as a whole.
    """

    def __init__(self) -> None:
        #: By token, the name of the submission; by that name and token, the job's number; None if it was the only one.
        self._names: dict[str, str] = {}
        self._members: dict[str, dict[str, int | None]] = {}
        #: Submissions whose scripts need not be read: that are known, or were.
        self._read: set[str] = set()
        #: Ended attempts, in the order of their ends; and at how many of them to forget the oldest.
        self._ended: dict[str, None] = {}
        self._most_ended = 2 * _ENDED_KEPT

    def remember(self, submission: Submission) -> None:
        if submission.single is None:
            self._read.add(submission.name)
        for number, job in enumerate(submission.jobs, start=1):
            for attempt in job:
                self._add(attempt.token, submission.name, number if submission.single is None else None)

    def of(self, attempt: Attempt) -> tuple[str, int | None]:
        """Return the name of an attempt's submission, and its job's number there; None if it was the only one."""
        token = attempt.token
        if token not in self._names:
            self._read_scripts(attempt)
        if token not in self._names:
            self._add(token, token, None)
        name = self._names[token]
        return name, self._members[name][token]

    def has_ended(self, token: str) -> None:
        """Note an end; now and then, forget old submissions without a live attempt, which scripts still name."""
        self._ended[token] = None
        if len(self._ended) < self._most_ended:
            return
        oldest = islice(self._ended, len(self._ended) - _ENDED_KEPT)
        for name in {self._names[each] for each in oldest if each in self._names}:
            if self._members[name].keys() <= self._ended.keys():
                for each in self._members.pop(name):
                    del self._names[each], self._ended[each]
        self._most_ended = len(self._ended) + _ENDED_KEPT

    def found(self, attempts: Iterable[Attempt], rows: Iterable[JobRow]) -> dict[str, str]:
        """Return token -> job id for the attempts whose submissions have rows."""
        ids = {(row.name, row.number): row.id for row in rows if row.name and is_job_id(row.id)}
        names = {attempt.token: self.of(attempt) for attempt in attempts}
        found = {token: ids.get(name) or ids.get((name[0], None)) for token, name in names.items()}
        return {token: job_id for token, job_id in found.items() if job_id is not None}

    def scripts_of(self, attempts: Sequence[Attempt]) -> list[Path]:
        """Return the scripts of these attempts, and of the submissions that have no other attempts."""
        names, tokens = {self.of(attempt)[0] for attempt in attempts}, {attempt.token for attempt in attempts}
        names = {name for name in names if self._members[name].keys() <= tokens}
        return [script_path(folder, name) for folder in {a.log_folder for a in attempts} for name in names | tokens]

    def own_rows(self, jobs: Iterable[Job], rows: Iterable[JobRow]) -> dict[str, JobRow]:
        """Return job id -> row, for our own jobs: after a crash, a scheduler may give an id to someone else's job."""
        of_id = {job.id: job.attempt for job in jobs}
        return {row.id: row for row in rows if row.id in of_id and self._is_in(row, of_id[row.id])}

    def not_given_away(self, jobs: Sequence[Job], rows: Sequence[JobRow]) -> list[Job]:
        """Return the jobs whose ids do not belong to someone else's jobs now."""
        given_away = {row.id for row in rows} - self.own_rows(jobs, rows).keys()
        return [job for job in jobs if job.id not in given_away]

    def _is_in(self, row: JobRow, attempt: Attempt) -> bool:
        """Return whether the names in a row, if any, are the names of an attempt's submission."""
        name, _ = self.of(attempt)
        first = name.partition(BATCH_MARK)[0] if BATCH_MARK in name else attempt.run.folder
        # The label of several runs names the first and the last.
        is_labelled = row.label is None or row.label == first or row.label.startswith(f"{first}-")
        return row.name in ("", name) and is_labelled

    def of_one_job(self, attempt: Attempt) -> set[str]:
        """Return the tokens of all attempts in an attempt's job."""
        name, number = self.of(attempt)
        return {token for token, of_its_job in self._members[name].items() if of_its_job == number}

    def _add(self, token: str, name: str, number: int | None) -> None:
        """Make an attempt a member of this submission only."""
        earlier = self._names.get(token, name)
        if earlier != name:
            del self._members[earlier][token]
            if not self._members[earlier]:
                del self._members[earlier]
        self._names[token] = name
        self._members.setdefault(name, {})[token] = number

    def _read_scripts(self, attempt: Attempt) -> None:
        """Take in the submissions that were never known; if none has the attempt, the forgotten ones, too."""
        folder = attempt.log_folder
        self._take_in(folder, {script.stem for script in folder.glob(f"*{BATCH_MARK}*.sh")} - self._read)
        if attempt.token not in self._names:
            # All of them at once: there may be a thousand to ask for. They have ended, so they are forgotten again.
            self._ended.update(dict.fromkeys(self._take_in(folder, self._read - self._members.keys())))

    def _take_in(self, folder: Path, names: Collection[str]) -> list[str]:
        """Read the scripts of these submissions; return the attempts that they add."""
        added = []
        for name in names:
            self._read.add(name)
            for token, number in _run_lines(script_path(folder, name)):
                # What is known is newer than a script; but an attempt's own name may be a guess.
                if self._names.get(token, token) == token:
                    self._add(token, name, number)
                    added.append(token)
        return added


def _run_lines(script: Path) -> list[tuple[str, int]]:
    """Return the attempts in a script and their jobs' numbers; none if it cannot be read: own names have to do."""
    with contextlib.suppress(OSError):
        text = script.read_text(encoding="utf-8", errors="surrogateescape") if script.is_file() else ""
        return [(token, int(number)) for number, token in RUN_LINE.findall(text)]
    return []
