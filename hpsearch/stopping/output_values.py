"""Values in a run's output, found by the user's pattern."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hpsearch.core.errors import UsageError
from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.stopping.growing import LineFile
from hpsearch.stopping.rows import number_in, step_in

#: Only these first bytes of a line are searched: a pattern's time may grow with the square of the length.
_LONGEST_LINE = 2000
#: How many bytes of a log are read at a look, and how much processor time searching them may take, in seconds. A usual
#: pattern takes a hundredth of that, a careless one (``.*?a.*?b.*?c``) a tenth; one that tries every way to split a
#: line may take years for a single line.
_MOST_BYTES, _MOST_S = 1 << 18, 1.0
_EXPECTED = "one group (the value), two groups (step and value), or groups named (?P<step>...) and (?P<value>...)"
#: Escape sequences for a terminal's colours and cursor.
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_EXPONENT = re.compile(r"[eE][+-]?\d+")
#: In a pattern: escapes, character classes and group prefixes; a word that stands for itself; a capturing group.
_ESCAPES, _WORD = re.compile(r"\\[\s\S]|\[[^\]]*\]|\(\?[^)]*\)"), re.compile(r"[A-Za-z][\w./-]*")
_GROUP = re.compile(r"\\[\s\S]|\[\^?\]?[^\]]*\]|(\((?!\?)|\(\?P<)")
#: Characters around a number, and behind it, that a pattern such as ``[\d.]+`` or ``\S+`` may match, too.
_AROUND_NUMBERS, _BEHIND_NUMBERS = "'\"()[]{} \t", ".,;:%)]}'\" \t"


class _TooSlow(Exception):
    """The pattern has used up its time."""


class LineMatcher:
    """Finds values by a pattern, for all runs of a search; gives up for good once it takes too long."""

    def __init__(self, pattern: str, option: str = "--progress_pattern", most_s: float = _MOST_S) -> None:
        """most_s: the processor time for the lines of one call, in seconds.

        Raises UsageError if the pattern is not a regular expression, or has other groups than expected.
        """
        self._most_s = most_s
        try:
            self._pattern = re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise UsageError(f"{option}: {pattern!r} is not a regular expression: {error}") from error
        names, count = self._pattern.groupindex, self._pattern.groups
        if "value" in names:
            self._step, self._value = names.get("step", 0), names["value"]
        elif names or count not in (1, 2):
            found = ", ".join(names) if names else f"{count} groups" if count else "none"
            raise UsageError(f"{option}: {pattern!r}: expected {_EXPECTED}; found {found}")
        else:
            self._step, self._value = count - 1, count
        #: Why the matcher has given up, for people; empty if it has not.
        self.problem = ""

    @property
    def value_name(self) -> str:
        """The word before the value's group: ``loss`` of ``step (\\d+).*loss: (\\S+)``; empty if there is none."""
        pattern = self._pattern.pattern
        starts = [match.start() for match in _GROUP.finditer(pattern) if match[1]]
        before = pattern[: starts[self._value - 1]] if len(starts) == self._pattern.groups else ""
        words = _WORD.findall(_ESCAPES.sub(" ", before))
        return words[-1] if words else ""

    def found(self, lines: Iterable[str]) -> list[tuple[float | None, float]]:
        """Return (step, value) for each line with a value; the step is None if lines do not tell it."""
        values, line = list[tuple[float | None, float]](), ""
        if self.problem:
            return values
        try:
            with _limited(self._most_s):
                for line in lines:
                    match = self._pattern.search(_TERMINAL.sub("", line) if "\x1b" in line else line)
                    if match is not None:
                        values += self._values(match)
        except _TooSlow:
            shown = line if len(line) <= 40 else f"{line[:37]}..."
            self.problem = f"the pattern {self._pattern.pattern!r} takes too long, for example on {shown!r}"
        except ValueError:
            self.problem = "output is searched for a pattern only where the search runs in Python's main thread"
        return values

    def _values(self, match: re.Match[str]) -> Iterator[tuple[float | None, float]]:
        text = match[self._value] or ""
        behind = _EXPONENT.match(match.string, match.end(self._value)) if text[-1:].isdigit() else None
        # A pattern such as [\d.]+ matches only 1.5 in 1.5e-03.
        value = number_in(f"{text}{behind[0]}") if behind else _number_in(text)
        step = step_in(_number_in(match[self._step] or "")) if self._step else None
        if value is not None and (step is not None or not self._step):
            yield step, value


def _number_in(text: str) -> float | None:
    return number_in(text.strip(_AROUND_NUMBERS).rstrip(_BEHIND_NUMBERS))


@contextlib.contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise _TooSlow in the context once this much processor time is used up; `re` checks for signals as it searches.

    Raises ValueError outside the main thread, which alone gets signals.
    """
    if threading.current_thread() is not threading.main_thread():
        raise ValueError("not in the main thread")

    def give_up(*_: object) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGVTALRM, give_up)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        finally:
            # The signal may have come just before.
            signal.signal(signal.SIGVTALRM, before or signal.SIG_DFL)


class OutputReader:
    """The curve in a run's logs; a carriage return ends a line, as in progress bars."""

    def __init__(self, logs: Sequence[Path], matcher: LineMatcher) -> None:
        self._logs = [LineFile(log, _LONGEST_LINE, True, _MOST_BYTES) for log in logs]
        self._curves = [Curve() for _ in logs]
        self._matcher, self._count, self._has_lines, self._curve = matcher, 0, False, Curve()

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are some."""
        if self._matcher.problem or self._curve.points:
            return self._matcher.problem
        if self._has_lines:
            return "no line of the output matches --progress_pattern"
        return next((log.file.problem for log in self._logs if log.file.problem), "nothing was printed")

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the curve, and whether the logs were read to their ends."""
        is_all, before = True, list(self._curves)
        for index, log in enumerate(self._logs):
            lines = log.read(is_last)
            is_all &= lines.is_all
            self._has_lines |= bool(lines.texts)
            if lines.is_anew:
                self._curves[index] = Curve()
                self._count = sum(map(len, self._curves))
            self._curves[index] = with_points(self._curves[index], self._points(lines.texts))
        if any(new is not old for new, old in zip(self._curves, before)):
            self._curve = with_points(Curve(), [point for curve in self._curves for point in curve.points])
        return self._curve, is_all

    def _points(self, lines: Sequence[str]) -> Iterator[Point]:
        for step, value in self._matcher.found(lines):
            self._count += 1
            yield Point(float(self._count) if step is None else step, value)
