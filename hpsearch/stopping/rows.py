"""From rows of a file (name -> value) to the points of a curve."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from hpsearch.stopping.curves import Curve, Point, with_points

#: Usual names of steps, those first that most likely mean the same in all runs: the number of batches in an epoch may
#: depend on a searched option.
STEP_KEYS = ("epoch", "step", "global_step")
#: The most names in a message.
_MOST_NAMES = 8

Row = Mapping[str, Any]  # Any: what a file of others holds


def number_in(cell: object) -> float | None:
    """Return a cell as a number, possibly NaN; None if it is no number."""
    if isinstance(cell, bool) or not isinstance(cell, (int, float, str)):
        return None
    try:
        return float(cell)
    except (ValueError, OverflowError):
        return None


def step_in(cell: object) -> float | None:
    """Return a cell as a step; None if it is no step."""
    number = number_in(cell)
    return number if number is not None and math.isfinite(number) else None


class RowCurve:
    """The curve in rows that come one after another.

    Steps are under the given key, else under the one of `STEP_KEYS` that the first row with a value has. Without steps,
    rows with a value are counted.
    """

    def __init__(self, value_key: str, step_key: str = "") -> None:
        self.curve = Curve()
        self._value_key, self._given_step_key = value_key, step_key
        self._step_key: str | None = step_key or None
        self._count = 0
        self._names: dict[str, None] = {}

    @property
    def has_steps(self) -> bool:
        """True if the rows have steps."""
        return bool(self._step_key)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows; ignore a row without a value, or without a step if others have steps."""
        self.curve = with_points(self.curve, filter(None, map(self._point, rows)))

    def problem(self, name: str) -> str:
        """Return why rows give no values, for people; empty if they do, or there are no rows. name: of their file."""
        if self.curve.points or not self._names:
            return ""
        keys = [key for key in (self._value_key, self._given_step_key) if key]
        missing = next((key for key in keys if key not in self._names), "")
        if not missing:
            return f"{name} has no number under {' and '.join(map(repr, keys))}"
        names = list(self._names)
        more = ", ..." if len(names) > _MOST_NAMES else ""
        return f"{name} has no {missing!r} but {', '.join(names[:_MOST_NAMES])}{more}"

    def _point(self, row: Row) -> Point | None:
        if not self.curve.points and len(self._names) < 1000:
            self._names.update(dict.fromkeys(row))
        value = number_in(row.get(self._value_key))
        if value is None:
            return None
        if self._step_key is None:
            self._step_key = next((key for key in STEP_KEYS if step_in(row.get(key)) is not None), "")
        self._count += 1
        step = step_in(row.get(self._step_key)) if self._step_key else float(self._count)
        return None if step is None else Point(step, value)
