"""Runs that took the usual course: most runs of a long search are begun once, end, and are collected.

All lines about such a run are matched together, and read when the run is asked for.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from hpsearch.core.model import RunState, Summary
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    Event,
    OfAttempt,
    RunCollected,
)
from hpsearch.journal.lines import OF_ATTEMPTS, LineReader, UsualLine, from_line, read_json
from hpsearch.journal.run_record import STATES, RunRecord
from hpsearch.startup.classes import dataclass

_SUBMITTED, _STARTED, _ENDED = UsualLine(AttemptSubmitted), UsualLine(AttemptStarted), UsualLine(AttemptEnded)


@dataclass(slots=True)
class Course:
    """All that the journal tells of a run: one attempt, from its intention to its result.

    match: a match of `_course`. collected_under, cluster: see `RunRecord`.
    """

    match: re.Match[str]
    collected_under: int
    cluster: str

    @property
    def state(self) -> RunState:
        """What the attempt came to."""
        return STATES[self.match["collected_state"]]

    @property
    def summary(self) -> Summary | None:
        """What the run's summary says."""
        summary: Summary | None = read_json(self.match["collected_summary"])
        return summary

    def times(self) -> tuple[float, float, float]:
        """Return when the attempt was submitted, when it ended, and when it was collected."""
        submitted, ended, collected = self.match.group("submitted_at", "ended_at", "collected_at")
        return float(submitted), float(ended), float(collected)

    def tell(self, entry: RunRecord) -> None:
        """Tell the record of an untouched run what its events would, one by one."""
        find = self.match.group
        run, token, submitted, started, ended = find("intended_run", "intended_token", "submitted", "started", "ended")
        sent_at, is_queued, ended_at = find("submitted_at", "submitted_is_queued", "ended_at")
        entry.token, entry.cluster, entry.attempts = token, self.cluster, entry.attempts + 1
        # Damage may leave a run untouched but for a line that its attempt was stopped.
        entry.stopped = None
        entry.submitted = _SUBMITTED.event(submitted, (run, token, sent_at, is_queued))
        entry.started = _STARTED.event(started, (run, token)) if started else None
        entry.ended = _ENDED.event(ended, (run, token, ended_at))
        state, at, summary, entry.problem, entry.cause = find(*_OF_COLLECTED)
        entry.state = came_to = STATES[state]
        entry.summary = read_json(summary)
        entry.collected_at, entry.collected_under = float(at), self.collected_under
        entry.interruptions += came_to.is_interruption

    def events(self) -> Iterator[Event]:
        """Yield the events, one by one."""
        return (from_line(f"{line}\n".encode("ascii")) for line in self.match.string.split("\n"))


_OF_COLLECTED = tuple(f"collected_{name}" for name in ("state", "at", "summary", "problem", "cause"))


@cache
def _course() -> re.Pattern[str]:
    """Return the pattern of the lines of a course."""
    same = {"run": "(?P=intended_run)", "token": '"(?P=intended_token)"'}
    submitted, started, ended = (line.pattern(same) for line in (_SUBMITTED, _STARTED, _ENDED))
    # On this machine, a run has no line that it started: it is submitted when it does.
    parts = (
        UsualLine(AttemptIntended).pattern(),
        f"(?P<submitted>{submitted}\n)(?P<started>{started}\n)?(?P<ended>{ended}\n)",
        UsualLine(RunCollected).pattern(same),
    )
    return re.compile(f"{parts[0]}\n{parts[1]}{parts[2]}", re.ASCII)


@dataclass(slots=True)
class Stretch:
    """What successive lines tell of attempts.

    courses: the matches of runs whose whole course these lines tell. others: the events of other runs, run by run.
    last: the last event of all.
    """

    courses: dict[int, re.Match[str]]
    others: list[OfAttempt]
    last: OfAttempt


class StretchReader:
    """Finds stretches in the text of a journal."""

    def __init__(self) -> None:
        # Matches a line; its group is the run's number if the line is about an attempt.
        kinds = "|".join(OF_ATTEMPTS)
        self._line = re.compile(rf'(?:\{{"event":"(?:{kinds})","run":([1-9][0-9]{{0,17}}),)?.*\n')
        self._course = _course().fullmatch
        self._read = LineReader()

    def stretches(self, text: str) -> Iterator[tuple[Sequence[str], Stretch | None]]:
        """Yield lines, without their ends, in order, and what they tell; None = they are to be read one by one."""
        # Both end with an empty text, as if the text had one more line.
        numbers, lines = [*self._line.findall(text), ""], text.split("\n")
        start = 0
        while start < len(numbers) - 1:
            end = numbers.index("", start)
            if end == start:
                end += 1
                yield lines[start:end], None
            else:
                yield lines[start:end], self._stretch(numbers[start:end], lines[start:end])
            start = end

    def _stretch(self, numbers: Sequence[str], lines: Sequence[str]) -> Stretch | None:
        """Return what lines tell of attempts; None if one of them cannot be read, or is about another run."""
        of_runs = defaultdict[str, list[str]](list)
        for number, line in zip(numbers, lines):
            of_runs[number].append(line)
        courses, others = dict[int, re.Match[str]](), list[OfAttempt]()
        try:
            for number, of_run in of_runs.items():
                match = self._course("\n".join(of_run))
                if match is not None:
                    courses[int(number)] = match
                else:
                    others += (self._read_of(int(number), line) for line in of_run)
            return Stretch(courses, others, self._read_of(int(numbers[-1]), lines[-1]))
        except ValueError:
            return None

    def _read_of(self, number: int, line: str) -> OfAttempt:
        event = self._read(f"{line}\n".encode("latin-1"))
        if not isinstance(event, OfAttempt) or event.run != number:
            # JSON takes the last of several fields with the same name.
            raise ValueError(f"it is not about run {number}")
        return event
