"""What a sampler works with: the configurations that a search may run, their results, and its suggestion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hpsearch.core.model import Configuration
from hpsearch.startup.classes import dataclass, field

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: Why a candidate is suggested: a few values that JSON can hold. `rule` is always there and names what decided.
Why = Mapping[str, str | float | int]


#: Optuna's samplers: the name that users give -> class. Only samplers that need nothing but trials: others (CMA-ES,
#: say) keep more in a study, and each suggestion has a new study.
OPTUNA_SAMPLERS = {"tpe": "TPESampler", "gp": "GPSampler", "random": "RandomSampler"}


@dataclass(frozen=True)
class CandidateOption:
    """One option of the candidates, as users wrote it.

    values: by code - 1; code 0 means that a candidate lacks the option.
    """

    name: str
    values: tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Candidates:
    """All configurations that a search may run, each known by its row.

    options: in the order of the command line. rows: codes of shape (candidates, options), int32.
    """

    options: tuple[CandidateOption, ...]
    rows: Codes

    def __len__(self) -> int:
        return len(self.rows)

    def configuration(self, candidate: int) -> Configuration:
        """Return the configuration of a row."""
        codes = self.rows[candidate].tolist()
        return Configuration(
            tuple((option.name, option.values[code - 1]) for option, code in zip(self.options, codes) if code)
        )


@dataclass(frozen=True)
class Observed:
    """What is known of a search when its next configuration is chosen.

    scores: for each candidate with ended runs, one finite score for each finished run (several with seeds), larger is
    better; an empty list if its runs failed or gave no number. In planning order.
    pending: the candidates that run or wait and have no score yet, in planning order.
    """

    scores: Mapping[int, Sequence[float]] = field(default_factory=dict)
    pending: Sequence[int] = ()


def mean_score(scores: Sequence[float]) -> float | None:
    """Return the mean of a candidate's scores; None if it has none."""
    # Divide first: the sum of finite numbers may overflow.
    return math.fsum(score / len(scores) for score in scores) if scores else None


@dataclass(frozen=True)
class Suggestion:
    """The candidate that should run next, and why."""

    candidate: int
    why: Why
