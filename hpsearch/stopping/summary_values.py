"""Values in a summary that a script rewrites while it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hpsearch.core.errors import SummaryError
from hpsearch.core.summary import numbers_of, parse_summary
from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.stopping.growing import WholeFile
from hpsearch.stopping.rows import STEP_KEYS


class SummaryReader:
    """The curve in a run's summary file, read each time the file is written.

    Several numbers under the keyword are a curve, whose steps are 1, 2, 3 or the numbers under the step's keyword.
    A single number is one point: at the step in the summary, or else at the number of changes of the file, which only
    works for a run that was watched from its start.

    Many scripts first write the file with values that mean "not known yet". So NaN does not count before the first
    number, nor does the end of a list in which all numbers are equal and stay so.
    """

    def __init__(self, path: Path, value_key: str, step_key: str = "", from_start: bool = True) -> None:
        self._file, self._value_key = WholeFile(path), value_key
        self._step_keys = (step_key,) if step_key else STEP_KEYS
        self._may_count, self._count, self._curve = from_start, 0, Curve()
        self._text, self._list, self._known = "", list[float](), 0
        self._is_list, self._was_open, self._wrong = False, False, ""

    @property
    def problem(self) -> str:
        """Why there are no values, for people; empty if there are some."""
        if self._curve.points:
            return ""
        return self._file.problem or self._wrong

    def update(self, is_last: bool = False) -> tuple[Curve, bool]:
        """Return the curve, and True: the file is always read as a whole."""
        content = self._file.read()
        if content is not None:
            text = content.decode("utf-8-sig", "replace").replace("\0", "")
            is_whole = not text.rpartition("\n")[2].strip().startswith((self._value_key, *self._step_keys))
            if is_whole or is_last or self._was_open:
                self._take(text, is_last)
                self._text = text
            else:
                # The last line may be half a number: read again, and accept it if the file still ends like this.
                self._file.forget()
            self._was_open = not is_whole
        return self._curve, True

    def _take(self, text: str, is_last: bool) -> None:
        try:
            numbers = self._numbers(text, self._value_key)
        except SummaryError as error:
            self._wrong = str(error)
            return
        self._wrong = "" if numbers else f"{self._file.path.name} has no number under {self._value_key!r}"
        steps = next(filter(None, (self._steps(text, key, len(numbers)) for key in self._step_keys)), None)
        if len(numbers) > 1:
            self._take_list(numbers, steps, is_last and self._is_finished(text))
        elif numbers and not self._is_list:
            self._take_number(numbers[0], steps, text)

    def _take_list(self, numbers: list[float], steps: Sequence[float] | None, is_finished: bool) -> None:
        changed = [k for k, (old, new) in enumerate(zip(self._list, numbers), start=1) if not _same(old, new)]
        if is_finished or len(numbers) > len(self._list) > 1:
            self._known = len(numbers)
        elif len(numbers) == len(self._list):
            self._known = max([self._known, *changed])
        else:
            self._known = _without_constant_end(numbers)
        self._list, self._is_list = numbers, True
        ordered = steps or [float(step) for step in range(1, len(numbers) + 1)]
        self._curve = with_points(Curve(), map(Point, ordered[: self._known], numbers[: self._known]))

    def _take_number(self, value: float, steps: Sequence[float] | None, text: str) -> None:
        if math.isnan(value) and not self._curve.points:
            name = self._file.path.name
            self._wrong = f"{name} had only nan under {self._value_key!r}, which counts after a first number"
            return
        if steps is None:
            # The same numbers again tell nothing new, except that a repeated NaN counts.
            if not self._may_count or self._is_finished(text) or (text == self._text and not math.isnan(value)):
                return
            self._count += 1
            steps = [float(self._count)]
        self._curve = with_points(self._curve, [Point(steps[0], value)])

    def _steps(self, text: str, key: str, count: int) -> Sequence[float] | None:
        try:
            numbers = self._numbers(text, key)
        except SummaryError:
            return None
        return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None

    def _numbers(self, text: str, key: str) -> list[float]:
        return numbers_of(parse_summary(text, (key,), self._file.path.name)[key][0])

    def _is_finished(self, text: str) -> bool:
        try:
            return self._numbers(text, "finished") == [1.0]
        except SummaryError:
            return False


def _same(old: float, new: float) -> bool:
    return old == new or (math.isnan(old) and math.isnan(new))


def _without_constant_end(numbers: Sequence[float]) -> int:
    """Return how many numbers come before the constant end of a list; all, if that end is a single number."""
    count = len(numbers)
    while count > 0 and _same(numbers[count - 1], numbers[-1]):
        count -= 1
    return len(numbers) if count == len(numbers) - 1 else count
