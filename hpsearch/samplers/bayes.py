"""The sampler ``bayes``: by turns, the most promising by a Gaussian process, and what resembles the best so far.

Each of the two is good where the other is not. Both use the scores' ranks: else a few extreme scores (of a diverged
run, say) would decide everything.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.samplers.candidates import Candidates, Observed, Suggestion, Why, mean_score
from hpsearch.samplers.features import evenly, features_of
from hpsearch.samplers.gaussian_process import Expectation, GaussianProcess, Scored, distances, fitted_logs
from hpsearch.samplers.resemblance import Resemblance
from hpsearch.startup.classes import dataclass

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: How many candidates must have a score before scores decide.
_FEWEST = 8
#: The most candidates used for fitting lengths and noise, the most scored, and the most pending candidates.
_MOST_FITTED, _MOST_SCORED, _MOST_PENDING = 200, 700, 300
#: Every third suggestion is what improves most; the others resemble the best.
_TURNS = 3
_NORMAL = NormalDist()


@dataclass(frozen=True, eq=False)
class _Results:
    """Scores on the sampler's own scale.

    rows: of ended candidates, ascending. scores: the mean of each; the worst of all for candidates without a score.
    targets: the normal distribution's quantile at the score's rank. counts: the number of scores of each, at least 1.
    """

    rows: Codes
    scores: Codes
    targets: Codes
    counts: Codes

    def scored(self, most: int) -> Scored:
        """Return at most `most` candidates for the process: half of them the best, the others spread evenly by rank."""
        order = np.argsort(-self.targets, kind="stable")
        if len(order) > most:
            best, others = order[: most // 2], order[most // 2 :]
            order = np.concatenate([best, evenly(others, most - len(best))])
        return Scored(self.rows[order], self.targets[order], self.counts[order])

    def score_at(self, target: float) -> float:
        """Return the score at a target, interpolated linearly."""
        targets, first = np.unique(self.targets, return_index=True)
        return float(np.interp(target, targets, self.scores[first]))


def _results_of(scores: Mapping[int, Sequence[float]]) -> _Results | None:
    """Return the scores on the sampler's own scale; None if there are too few, or all are equal."""
    rows = sorted(scores)
    means = [mean_score(scores[row]) for row in rows]
    numbers = [mean for mean in means if mean is not None]
    if len(rows) < _FEWEST or len(set(numbers)) < 2:
        return None
    worst = min(numbers)
    known = np.array([worst if mean is None else mean for mean in means])
    counts = np.array([max(1, len(scores[row])) for row in rows])
    return _Results(np.array(rows), known, _normal_quantiles(known), counts)


def _normal_quantiles(scores: Codes) -> Codes:
    """Return the quantile of a normal distribution at each score's rank; equal scores share their middle rank."""
    _, indexes, counts = np.unique(scores, return_inverse=True, return_counts=True)
    shares = (np.cumsum(counts) - counts / 2) / len(scores)
    return np.array([_NORMAL.inv_cdf(share) for share in shares.tolist()])[indexes]


class Bayes:
    """Suggests by expected improvement and by resemblance; see `Sampler`."""

    def __init__(self, candidates: Candidates) -> None:
        self._size = len(candidates)
        self._features = features_of(candidates)
        self._resemblance = Resemblance(candidates)

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        """Return, by turns, what improves most or resembles the best; at random while results are few or all equal.

        The order of scores and of pending candidates makes no difference.
        """
        pending = np.array(sorted({*observed.pending} - {*observed.scores}), int)
        known = np.array(sorted({*observed.scores, *observed.pending}), int)
        free = np.delete(np.arange(self._size), known)
        if not len(free):
            return None
        results, random = _results_of(observed.scores), np.random.default_rng(seed)
        if results is None:
            why: Why = {"rule": "start", "results": len(observed.scores), "needed": _FEWEST}
            return Suggestion(int(random.choice(free)), why)
        improves = len(known) % _TURNS == 0
        return self._most_promising(free, results, evenly(pending, _MOST_PENDING), random, improves)

    def _most_promising(
        self, free: Codes, results: _Results, pending: Codes, random: np.random.Generator, improves: bool
    ) -> Suggestion:
        """Return what improves most, or else what resembles the best."""
        few = results.scored(_MOST_FITTED)
        process = GaussianProcess(self._features, fitted_logs(distances(self._features, few.rows), few))
        expected = process.expectation(results.scored(_MOST_SCORED), pending, free)
        if not improves:
            best_first = results.rows[np.argsort(-results.targets, kind="stable")]
            chosen = self._resemblance.drawn(free, best_first, pending, random)
            return Suggestion(int(free[chosen]), {**_why(expected, chosen, results), "rule": "resemblance"})
        improvements = _improvements(expected)
        # Many are equal if an option has no effect.
        chosen = int(random.choice(np.flatnonzero(improvements >= improvements.max() * (1 - 1e-6))))
        return Suggestion(int(free[chosen]), _why(expected, chosen, results))


def _improvements(expected: Expectation) -> Codes:
    """Return the expected improvement of each candidate over the best."""
    ahead = (expected.means - expected.best) / expected.spreads
    below = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in ahead.tolist()])
    density = np.exp(-ahead * ahead / 2) / math.sqrt(2 * math.pi)
    improvements: Codes = expected.spreads * (ahead * below + density)
    return improvements


def _why(expected: Expectation, chosen: int, results: _Results) -> Why:
    """Return what is expected of a candidate, in the unit of the scores."""
    mean, spread = float(expected.means[chosen]), float(expected.spreads[chosen])
    ahead = (mean - float(results.targets.max())) / math.hypot(spread, expected.noise)
    return {
        "rule": "improvement",
        "expected": results.score_at(mean),
        "low": results.score_at(mean - spread),
        "high": results.score_at(mean + spread),
        "best": float(results.scores.max()),
        "chance": _NORMAL.cdf(ahead),
        "results": len(results.rows),
    }
