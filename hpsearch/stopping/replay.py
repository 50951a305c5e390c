"""What early stopping would have saved, and cost, in a search whose runs all went on to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from hpsearch.core.ranking import best as best_first
from hpsearch.startup.classes import dataclass
from hpsearch.stopping.curves import Curve
from hpsearch.stopping.rules import Stop, StopRule, first_stop


@dataclass(frozen=True)
class StopEffect:
    """What stopping would have done. Runs are known by their index.

    steps: of all runs; saved: the part of them after the stops. Measured in runs, each counting 1 for its whole length,
    so that epochs and batches add up. best: the runs with the best result (several if tied); empty without results.
    """

    stops: Mapping[int, Stop]
    steps: float
    saved: float
    best: Sequence[int]

    @property
    def saved_share(self) -> float:
        """The share of the steps that would have been saved, 0..1."""
        return self.saved / self.steps if self.steps else 0.0

    @property
    def costs_best(self) -> bool:
        """True if all runs with the best result would have been stopped."""
        return bool(self.best) and all(index in self.stops for index in self.best)


def effect_of(
    stops: Mapping[int, Stop], curves: Sequence[Curve], results: Sequence[float | None], ascending: bool
) -> StopEffect:
    """Return what stops would have done to runs that went on to their end.

    stops: by the run's index. curves: complete. results: the values that rank the runs; None if there is none.
    """
    ranking = best_first(range(len(results)), lambda index: results[index], ascending)
    best = [index for index in ranking if results[index] == results[ranking[0]]]
    saved = sum(_left(curves[index], stop.step) for index, stop in stops.items())
    return StopEffect(stops, float(sum(1 for curve in curves if curve.points)), saved, best)


def _left(curve: Curve, step: float) -> float:
    """Return how much of a run lies after a step, 0..1; a run begins at step 0."""
    last = curve.last_step
    return min(1.0, max(0.0, (last - max(0.0, step)) / last)) if last > 0 else 0.0


def replay(
    rules: Sequence[StopRule],
    curves: Sequence[Curve],
    *,
    at_once: int,
    ascending: bool = False,
    stop_after: float = 1.0,
) -> dict[int, Stop]:
    """Return the runs that rules would have stopped: index of the run -> why.

    Runs start in order, `at_once` side by side, and tell their next values in turn. A stopped run makes room for the
    next one, and its later values stay unknown to all.
    """
    known, stops = [Curve() for _ in curves], dict[int, Stop]()
    waiting, live = iter(range(len(curves))), list[int]()
    live += islice(waiting, at_once)
    while live:
        for index in list(live):
            curve = curves[index]
            known[index] = Curve(curve.points[: len(known[index]) + 1])
            if len(known[index]) == len(curve):
                live.remove(index)
                continue
            others = [*known[:index], *known[index + 1 :]]
            stop = first_stop(rules, known[index], others, ascending=ascending, stop_after=stop_after)
            if stop is not None:
                stops[index] = stop
                live.remove(index)
        live += islice(waiting, at_once - len(live))
    return stops
