"""How much more a candidate resembles the best known candidates than the others.

This is the criterion of a multivariate tree-structured Parzen estimator (Bergstra et al. 2011; Falkner et al. 2018),
here over the candidates that are left. It needs no model of the scores, and a plateau does not mislead it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.samplers.candidates import CandidateOption, Candidates
from hpsearch.samplers.features import evenly, number_in_value, positions

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: The share of scored candidates that counts as the best, and at most how many.
_GOOD, _MOST_GOOD = 0.1, 25
#: The most other candidates, and the most pending ones, that are looked at.
_MOST_OTHERS = 150
#: How far a number lends weight to its neighbours: as a share of the whole scale, and at least this share of a step.
_WIDTH, _LEAST_STEPS = 0.12, 0.5
#: How many candidates are drawn near the best; the one that least resembles the others is taken.
_DRAWN = 24


class Resemblance:
    """Draws candidates that resemble the best."""

    def __init__(self, candidates: Candidates) -> None:
        columns = zip(candidates.options, candidates.rows.T)
        varying = [(option, codes) for option, codes in columns if len(codes) and (codes != codes[0]).any()]
        self._codes = [codes for _, codes in varying]
        self._weights = [_weights(option) for option, _ in varying]

    def drawn(self, free: Codes, best_first: Codes, pending: Codes, random: np.random.Generator) -> int:
        """Return a candidate's index in `free`. best_first: all candidates with a score."""
        count = min(_MOST_GOOD, math.ceil(_GOOD * len(best_first)))
        others = np.concatenate([evenly(rows, _MOST_OTHERS) for rows in (best_first[count:], pending)])
        near_good, near_others = (self._likelihoods(free, rows) for rows in (best_first[:count], others))
        shares = np.exp(near_good - near_good.max())
        found = random.choice(len(free), _DRAWN, p=shares / shares.sum())
        return int(found[np.argmax((near_good - near_others)[found])])

    def _likelihoods(self, free: Codes, rows: Codes) -> Codes:
        """Return the logarithm of each candidate's likelihood near the rows, or anywhere; each row weighs the same."""
        count = len(rows) + 1
        beside = np.zeros((len(free), count), np.float32)
        for codes, weights in zip(self._codes, self._weights):
            logs = _logs(weights, count)
            beside[:, :-1] += logs[codes[rows]][:, codes[free]].T
            beside[:, -1] += np.where(codes[free] > 0, -math.log(len(weights)), 0)
        highest = beside.max(axis=1)
        found: Codes = highest.astype(np.float64) + np.log(np.exp(beside - highest[:, None]).sum(axis=1) / count)
        return found


def _weights(option: CandidateOption) -> Codes:
    """Return how each value spreads its weight over all values, shape (values, values); words do not spread."""
    numbers = [number for value in option.values if (number := number_in_value(value)) is not None]
    if len(numbers) < len(option.values):
        return np.eye(len(option.values))
    at = np.array(positions(numbers))
    width = max(_WIDTH, _LEAST_STEPS / max(1, len(set(numbers)) - 1))
    near = np.exp(-((np.subtract.outer(at, at) / width) ** 2) / 2)
    weights: Codes = near / near.sum(axis=1, keepdims=True)
    return weights


def _logs(weights: Codes, count: int) -> Codes:
    """Return the log-likelihood of each code of a candidate near each code of a row, shape (row, candidate).

    count: of all rows; the fewer rows, the more is possible near each. Near a row without the option all values are
    equally likely; a candidate without the option is neither more nor less likely for that.
    """
    size = len(weights)
    shares = np.full((size + 1, size + 1), 1 / size)
    shares[1:, 1:] = (1 / count + weights) / (1 + size / count)
    shares[:, 0] = 1
    logs: Codes = np.log(shares).astype(np.float32)
    return logs
