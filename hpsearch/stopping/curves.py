"""Learning curves: a run's values so far, each at a step, and what rules need to know of them."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from hpsearch.startup.classes import dataclass, replace

#: A longer curve is thinned: this is enough to compare runs, and hundreds of curves are in memory.
MOST_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a run. step: finite; an epoch, a batch, or 1, 2, 3 if the source has no steps.

    absorbed, absorbed_sum: the count and sum of nearby numbers that thinning the curve has removed.
    """

    step: float
    value: float
    absorbed: int = 0
    absorbed_sum: float = 0.0


@dataclass(frozen=True)
class Curve:
    """The points of one run, each step once, in order of steps; made by `with_points`."""

    points: tuple[Point, ...] = ()

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def last_step(self) -> float:
        """How far the run has come; -inf if it has told nothing."""
        return self.points[-1].step if self.points else -math.inf

    def best(self, ascending: bool, step: float = math.inf) -> float:
        """Return the best value up to a step; NaN if there is no number. ascending: small is good."""
        count = bisect_right(self._steps, step)
        return (self._lowest if ascending else self._highest)[count - 1] if count else math.nan

    def mean(self, step: float = math.inf) -> float:
        """Return the average of all values up to a step; NaN if there is no number."""
        count = bisect_right(self._steps, step)
        return self._means[count - 1] if count else math.nan

    @cached_property
    def _steps(self) -> list[float]:
        return [point.step for point in self.points]

    @cached_property
    def _lowest(self) -> list[float]:
        return self._bests(min)

    @cached_property
    def _highest(self) -> list[float]:
        return self._bests(max)

    def _bests(self, better: Callable[[float, float], float]) -> list[float]:
        bests, best = list[float](), math.nan
        for point in self.points:
            if not math.isnan(point.value):
                best = point.value if math.isnan(best) else better(best, point.value)
            bests.append(best)
        return bests

    @cached_property
    def _means(self) -> list[float]:
        means, total, count = list[float](), 0.0, 0
        for point in self.points:
            if not math.isnan(point.value):
                total, count = total + point.value + point.absorbed_sum, count + 1 + point.absorbed
            means.append(total / count if count else math.nan)
        return means


def with_points(curve: Curve, points: Iterable[Point]) -> Curve:
    """Add points to a curve; at an existing step, the new value counts. Returns the same curve if there are none.

    A curve of more than `MOST_POINTS` loses points from its older half: of each four neighbours, the lowest and the
    highest stay.
    """
    points = list(points)
    if not points:
        return curve
    by_step = {point.step: point for point in (*curve.points, *points)}
    kept = [by_step[step] for step in sorted(by_step)]
    while len(kept) > MOST_POINTS:
        half = len(kept) // 2
        kept = _thinned(kept[:half]) + kept[half:]
    return Curve(tuple(kept))


def _thinned(points: Sequence[Point]) -> list[Point]:
    kept = list[Point]()
    for start in range(0, len(points), 4):
        group = sorted(points[start : start + 4], key=lambda point: (math.isnan(point.value), point.value))
        numbers = [point for point in group if not math.isnan(point.value)]
        ends = numbers or group
        stays = sorted({ends[0], ends[-1]}, key=lambda point: point.step)
        kept += [*stays[:-1], _with_absorbed(stays[-1], numbers[1:-1])]
    return kept


def _with_absorbed(point: Point, lost: Sequence[Point]) -> Point:
    """Return a point that also counts for the lost points in means."""
    absorbed = point.absorbed + sum(1 + other.absorbed for other in lost)
    absorbed_sum = point.absorbed_sum + sum(other.value + other.absorbed_sum for other in lost)
    return replace(point, absorbed=absorbed, absorbed_sum=absorbed_sum)
