"""A Gaussian process over candidates: which score to expect, and how surely, where none is known."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.samplers.features import Feature
from hpsearch.startup.classes import dataclass

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: Priors, as logarithms with their widths: the length over which scores correlate along an option (1 is the whole
#: scale); and the share of noise in the variance of a score.
_LENGTH, _LENGTH_WIDTH = 0.0, 1.0
_NOISE, _NOISE_WIDTH = math.log(0.25), 1.0
#: The steps by which the fit changes one logarithm at a time: first coarsely for all, then finely.
_STEPS = (0.9, 0.45)
#: How many candidates' expectations are computed at a time, to save memory.
_AT_ONCE = 4000
_LEAST_VARIANCE = 1e-6
#: Keeps covariances positive definite, although their numbers have only seven digits.
_LEAST_NOISE = 1e-3


@dataclass(frozen=True, eq=False)
class Scored:
    """Candidates with their targets: their scores on the process's own scale.

    rows: of the candidates, shape (scored,). targets: the same shape. counts: how many scores each target averages.
    """

    rows: Codes
    targets: Codes
    counts: Codes


@dataclass(frozen=True, eq=False)
class Expectation:
    """For each candidate asked for: the expected target, and its standard deviation without a score's noise.

    best: the largest expected target of all known candidates. noise: the standard deviation of one score's noise.
    """

    means: Codes
    spreads: Codes
    best: float
    noise: float


def distances(features: Sequence[Feature], rows: Codes) -> Codes:
    """Return the squared distances between candidates in each option, shape (options, candidates, candidates)."""
    return np.array([feature.squared_distances(rows, rows) for feature in features], np.float64)


def _matern(squared: Codes) -> Codes:
    """Return the Matern-5/2 correlation of two scores at a squared distance."""
    scaled = np.sqrt(5 * squared)
    correlations: Codes = (1 + scaled + scaled * scaled / 3) * np.exp(-scaled)
    return correlations


class _Likelihood:
    """How badly given lengths and noise (as logarithms) explain the known scores; smaller is better."""

    def __init__(self, distances: Codes, scored: Scored) -> None:
        self._distances, self._targets = distances, scored.targets
        self._shares = 1 / scored.counts
        self.size = len(distances) + 1

    def __call__(self, logs: Sequence[float]) -> float:
        covariance = _matern(np.tensordot(np.exp(-2 * np.asarray(logs[:-1])), self._distances, 1))
        covariance[np.diag_indices(len(covariance))] += (math.exp(logs[-1]) + _LEAST_NOISE) * self._shares
        try:
            root = np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            return math.inf
        white, count = np.linalg.solve(root, self._targets), len(self._targets)
        misfit = count / 2 * math.log(white @ white / count) + np.log(np.diag(root)).sum()
        unlikely = sum(((log - _LENGTH) / _LENGTH_WIDTH) ** 2 for log in logs[:-1])
        return float(misfit + (unlikely + ((logs[-1] - _NOISE) / _NOISE_WIDTH) ** 2) / 2)


def fitted_logs(distances: Codes, scored: Scored) -> list[float]:
    """Return the logarithms of each option's length and of the noise that best explain the known scores.

    distances: squared, shape (options, scored, scored). Logarithms are moved one after another as long as that helps.
    """
    badness = _Likelihood(distances, scored)
    logs = [_LENGTH] * len(distances) + [_NOISE]
    least = badness(logs)
    for step in _STEPS:
        for number in range(badness.size):
            for move in (-step, step):
                while (found := badness(tried := _moved(logs, number, move))) < least - 1e-9:
                    logs, least = tried, found
    return logs


def _moved(logs: list[float], number: int, move: float) -> list[float]:
    return [log + move if each == number else log for each, log in enumerate(logs)]


class GaussianProcess:
    """Expectations for given lengths and noise.

    logs: as `fitted_logs` returns them.
    """

    def __init__(self, features: Sequence[Feature], logs: Sequence[float]) -> None:
        self._features = features
        self._weights = [math.exp(-2 * log) for log in logs[:-1]]
        self._noise = math.exp(logs[-1]) + _LEAST_NOISE

    def expectation(self, scored: Scored, pending: Codes, asked: Codes) -> Expectation:
        """Return the expectations for the candidates `asked`.

        Pending candidates count as if they had their expected scores, so that their neighbours promise less.
        """
        within = self._correlations(scored.rows, scored.rows)
        root = self._root(within, scored.counts)
        white = np.linalg.solve(root, scored.targets)
        weights, scale = np.linalg.solve(root.T, white), math.sqrt(white @ white / len(white))
        best = float((within @ weights).max())
        if len(pending):
            guesses = self._correlations(pending, scored.rows) @ weights
            best = max(best, float(guesses.max()))
            scored = _joined(scored, Scored(pending, guesses, np.ones(len(pending))))
            root = self._root(self._correlations(scored.rows, scored.rows), scored.counts)
            weights = np.linalg.solve(root.T, np.linalg.solve(root, scored.targets))
        means, shares = map(np.concatenate, zip(*self._means_and_shares(asked, scored.rows, root, weights)))
        return Expectation(means, scale * np.sqrt(shares), best, scale * math.sqrt(self._noise))

    def _means_and_shares(
        self, asked: Codes, rows: Codes, root: Codes, weights: Codes
    ) -> Iterator[tuple[Codes, Codes]]:
        """Yield candidates' means, and the remaining shares of their variance, `_AT_ONCE` at a time."""
        inverse = np.linalg.inv(root).astype(np.float32)
        for first in range(0, len(asked), _AT_ONCE):
            across = self._correlations(asked[first : first + _AT_ONCE], rows)
            white = inverse @ across.T
            yield across @ weights, np.maximum(1 - np.einsum("ka,ka->a", white, white), _LEAST_VARIANCE)

    def _correlations(self, ours: Codes, others: Codes) -> Codes:
        """Return the correlations of the scores of two lists of candidates, shape (ours, others), float32."""
        squared = np.zeros((len(ours), len(others)), np.float32)
        for feature, weight in zip(self._features, self._weights):
            squared += np.float32(weight) * feature.squared_distances(ours, others)
        return _matern(squared)

    def _root(self, correlations: Codes, counts: Codes) -> Codes:
        return np.linalg.cholesky(correlations.astype(np.float64) + np.diag(self._noise / counts))


def _joined(scored: Scored, more: Scored) -> Scored:
    pairs = ((scored.rows, more.rows), (scored.targets, more.targets), (scored.counts, more.counts))
    return Scored(*map(np.concatenate, pairs))
