"""Pure rules that say which run is hopeless, by its own curve and the curves of others.

Rules that compare runs take a run's best value so far, and the values of others up to the same step. So a slow run,
which is judged late, is not worse off; and the run with the best value so far is never stopped.
"""

from __future__ import annotations

import enum
import heapq
import math
from collections.abc import Iterable, Sequence

from hpsearch.startup.classes import dataclass
from hpsearch.stopping.curves import Curve

#: Fewer other runs tell too little of what is usual.
FEWEST_OTHERS = 3
#: `asha` keeps one run in three at each rung, and the next rung is three times as far.
REDUCTION = 3


class StopRule(enum.Enum):
    """A rule by its name on the command line."""

    NAN = "nan"
    MEDIAN = "median"
    ASHA = "asha"

    @property
    def compares(self) -> bool:
        """True if the rule looks at other runs' curves."""
        return self is not StopRule.NAN


@dataclass(frozen=True)
class Stop:
    """Why a run is hopeless. step: how far it was; value: the deciding value. reason: one line for people."""

    rule: StopRule
    reason: str
    step: float
    value: float


def stop_by(
    rule: StopRule, own: Curve, others: Sequence[Curve], *, ascending: bool = False, stop_after: float = 1.0
) -> Stop | None:
    """Return why a run should be stopped now; None if it should go on.

    others: curves of all other configurations, however their runs ended; with seeds, one curve a configuration.
    ascending: small values are good. stop_after: rules that compare runs ignore earlier steps.
    """
    if not own.points:
        return None
    if rule is StopRule.NAN:
        return _nan(own)
    reason_to_stop = _median if rule is StopRule.MEDIAN else _asha
    reason = reason_to_stop(own, others, ascending, stop_after)
    return Stop(rule, reason, own.last_step, own.best(ascending)) if reason else None


def first_stop(
    rules: Iterable[StopRule], own: Curve, others: Sequence[Curve], *, ascending: bool = False, stop_after: float = 1.0
) -> Stop | None:
    """Return why the first rule that stops a run does; None if none stops it."""
    found = (stop_by(rule, own, others, ascending=ascending, stop_after=stop_after) for rule in rules)
    return next(filter(None, found), None)


def _nan(own: Curve) -> Stop | None:
    newest = own.points[-2:]
    if len(newest) < 2 or not all(math.isnan(point.value) for point in newest):
        return None
    reason = f"not a number twice in a row, at steps {newest[0].step:g} and {newest[1].step:g}"
    return Stop(StopRule.NAN, reason, own.last_step, math.nan)


def _median(own: Curve, others: Sequence[Curve], ascending: bool, stop_after: float) -> str:
    """Return why a run is worse than usual; empty if it is not.

    This is the median stopping rule of Google Vizier (Golovin et al. 2017): the best value of a run against the median
    of the running averages of the others. It is mild: a run is stopped only if its best value is worse than what is
    usual on the way. If fewer than `FEWEST_OTHERS` came as far, the last step that this many reached counts.
    """
    reached = heapq.nlargest(FEWEST_OTHERS, (other.last_step for other in others))
    step = min(own.last_step, *reached, math.inf)
    if len(reached) < FEWEST_OTHERS or step < stop_after:
        return ""
    from statistics import median  # with its fractions and decimals, it takes 3 ms

    means = [_number(other.mean(step), ascending) for other in others if other.last_step >= step]
    usual, best = median(means), _number(own.best(ascending), ascending)
    if not _is_worse(best, usual, ascending):
        return ""
    side = "above" if ascending else "below"
    return f"{_own_text(own, ascending)} is {side} the median {usual:.4g} of {len(means)} others at step {step:g}"


def _asha(own: Curve, others: Sequence[Curve], ascending: bool, stop_after: float) -> str:
    """Return why a run is not among the best third at its latest rung; empty if it is.

    This is asynchronous successive halving, stopping type (Li et al. 2020): rungs are at `stop_after` times powers of
    `REDUCTION`. With fewer than `REDUCTION` runs at a rung, none is stopped.
    """
    if own.last_step < stop_after:
        return ""
    rung = _latest_rung(stop_after, own.last_step)
    rivals = [_number(other.best(ascending, rung), ascending) for other in others if other.last_step >= rung]
    kept = math.ceil((len(rivals) + 1) / REDUCTION)
    if len(rivals) + 1 < REDUCTION:
        return ""
    best = _number(own.best(ascending), ascending)
    better = [value for value in rivals if _is_worse(best, value, ascending)]
    if len(better) < kept:
        return ""
    return f"{_own_text(own, ascending)} is not among the best {kept} of {len(rivals) + 1} runs at step {rung:g}"


def _latest_rung(first: float, step: float) -> float:
    rung = first
    while 0 < rung * REDUCTION <= step:
        rung *= REDUCTION
    return rung


def _own_text(own: Curve, ascending: bool) -> str:
    return f"its best value {own.best(ascending):.4g} up to step {own.last_step:g}"


def _number(value: float, ascending: bool) -> float:
    """Return a value for comparing; NaN is the worst."""
    return (math.inf if ascending else -math.inf) if math.isnan(value) else value


def _is_worse(value: float, than: float, ascending: bool) -> bool:
    return value > than if ascending else value < than
