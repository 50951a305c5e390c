"""The rules that say which run is hopeless, by its curve and those of others; pure."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hpsearch.stopping.curves import Curve

#: Fewer others say too little of what is usual.
FEWEST_OTHERS = 3
#: `asha` keeps one in so many at each rung, and the next rung is so many times as far.
REDUCTION = 3


class StopRule(enum.Enum):
    """A rule by its name on the command line."""

    NAN = "nan"
    MEDIAN = "median"
    ASHA = "asha"

    @property
    def compares(self) -> bool:
        """True if it looks at the curves of other runs."""
        return self is not StopRule.NAN


@dataclass(frozen=True)
class Stop:
    """Why a run is hopeless. step: how far it was; value: what decided. reason: one line for people."""

    rule: StopRule
    reason: str
    step: float
    value: float


def verdict(
    rule: StopRule, own: Curve, others: Sequence[Curve], *, ascending: bool = False, stop_after: float = 1.0
) -> Stop | None:
    """Return why a run should be stopped now; None if it should go on.

    others: of all other configurations, whatever became of their runs; with seeds, one curve a configuration.
    ascending: small values are good. stop_after: no rule that compares runs looks at earlier steps.
    """
    return None
