"""A Gaussian process over candidates: which score to expect where none is known, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.samplers.features import Feature
from hpsearch.startup.classes import dataclass

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: Logarithms of what is taken for likely before any score is known, and how wide: how far scores go together along an
#: option (1 is the whole scale), and the share of chance in the variance of a score.
_LENGTH, _LENGTH_WIDTH = 0.0, 1.0
_NOISE, _NOISE_WIDTH = math.log(0.25), 1.0
#: The steps by which the fit changes one logarithm at a time: over all of them coarsely, then finely.
_STEPS = (0.9, 0.45)
#: Candidates for which expectations are computed at once, so that memory stays small.
_AT_ONCE = 4000
_LEAST_VARIANCE = 1e-6
#: Keeps the roots of covariances real, whose numbers have seven digits.
_LEAST_NOISE = 1e-3


@dataclass(frozen=True, eq=False)
class Known:
    """Candidates with a target each, which is what their scores say on the process's own scale.

    rows: of the candidates, shape (known,). targets: the same shape. counts: how many scores each target averages.
    """

    rows: Codes
    targets: Codes
    counts: Codes


@dataclass(frozen=True, eq=False)
class Expectation:
    """Of each candidate that was asked for: the expected target, and its standard deviation without a score's chance.

    best: the largest expected target of all known candidates. noise: the standard deviation of one score's chance.
    """

    means: Codes
    spreads: Codes
    best: float
    noise: float


def distances(features: Sequence[Feature], rows: Codes) -> Codes:
    """Return the squared distances between candidates in each option, of shape (options, candidates, candidates)."""
    return np.array([feature.squared_distances(rows, rows) for feature in features], np.float64)


def _matern(squared: Codes) -> Codes:
    """Return the correlation of two scores at a squared distance, which is 5/2 times differentiable."""
    scaled = np.sqrt(5 * squared)
    correlations: Codes = (1 + scaled + scaled * scaled / 3) * np.exp(-scaled)
    return correlations


class _Likelihood:
    """How badly logarithms of lengths and noise explain what is known; smaller is better."""

    def __init__(self, distances: Codes, known: Known) -> None:
        self._distances, self._targets = distances, known.targets
        self._shares = 1 / known.counts
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


def fitted_logs(distances: Codes, known: Known) -> list[float]:
    """Return the logarithms of each option's length and of the noise that explain best what is known.

    distances: squared, of shape (options, known, known). One logarithm after the other is moved as long as that helps.
    """
    badness = _Likelihood(distances, known)
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


class Process:
    """Expectations by lengths and noise that were fitted before.

    logs: as `fitted_logs` returns them.
    """

    def __init__(self, features: Sequence[Feature], logs: Sequence[float]) -> None:
        self._features = features
        self._weights = [math.exp(-2 * log) for log in logs[:-1]]
        self._noise = math.exp(logs[-1]) + _LEAST_NOISE

    def expectation(self, known: Known, pending: Codes, asked: Codes) -> Expectation:
        """Return what to expect of candidates.

        Pending ones count as if they had the scores to expect of them, so that their neighbours promise less.
        """
        within = self._correlations(known.rows, known.rows)
        root = self._root(within, known.counts)
        white = np.linalg.solve(root, known.targets)
        weights, scale = np.linalg.solve(root.T, white), math.sqrt(white @ white / len(white))
        best = float((within @ weights).max())
        if len(pending):
            guesses = self._correlations(pending, known.rows) @ weights
            best = max(best, float(guesses.max()))
            known = _joined(known, Known(pending, guesses, np.ones(len(pending))))
            root = self._root(self._correlations(known.rows, known.rows), known.counts)
            weights = np.linalg.solve(root.T, np.linalg.solve(root, known.targets))
        means, shares = map(np.concatenate, zip(*self._means_and_shares(asked, known.rows, root, weights)))
        return Expectation(means, scale * np.sqrt(shares), best, scale * math.sqrt(self._noise))

    def _means_and_shares(
        self, asked: Codes, rows: Codes, root: Codes, weights: Codes
    ) -> Iterator[tuple[Codes, Codes]]:
        """Return the means of candidates, and what is left of their variance as a share, some at a time."""
        inverse = np.linalg.inv(root).astype(np.float32)
        for first in range(0, len(asked), _AT_ONCE):
            across = self._correlations(asked[first : first + _AT_ONCE], rows)
            white = inverse @ across.T
            yield across @ weights, np.maximum(1 - np.einsum("ka,ka->a", white, white), _LEAST_VARIANCE)

    def _correlations(self, ours: Codes, others: Codes) -> Codes:
        """Return the correlations of the scores of two lists of candidates, of shape (ours, others), float32."""
        squared = np.zeros((len(ours), len(others)), np.float32)
        for feature, weight in zip(self._features, self._weights):
            squared += np.float32(weight) * feature.squared_distances(ours, others)
        return _matern(squared)

    def _root(self, correlations: Codes, counts: Codes) -> Codes:
        return np.linalg.cholesky(correlations.astype(np.float64) + np.diag(self._noise / counts))


def _joined(known: Known, more: Known) -> Known:
    pairs = ((known.rows, more.rows), (known.targets, more.targets), (known.counts, more.counts))
    return Known(*map(np.concatenate, pairs))
