"""How much more candidates resemble the best known ones than the others, option by option.

This is what a tree-structured Parzen estimator goes by (Bergstra et al. 2011), here over the candidates that are left.
Other than a Gaussian process, it supposes nothing about how options act together, and is not led on by a plateau.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.samplers.candidates import Candidates, Option
from hpsearch.samplers.features import number_in_value, places

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: The share of what has a score that counts as the best; at least `_FEWEST_GOOD`.
_GOOD, _FEWEST_GOOD = 0.15, 2
#: How far a number lends weight to its neighbours: a part of the whole scale, and at least of a step.
_WIDTH, _LEAST_STEPS = 0.12, 0.5
#: So many candidates are drawn as the best are spread, of which the one that resembles the others least is taken.
_DRAWN = 24


class Resemblance:
    """Draws candidates that resemble the best."""

    def __init__(self, candidates: Candidates) -> None:
        columns = zip(candidates.options, candidates.rows.T)
        varying = [(option, codes) for option, codes in columns if len(codes) and (codes != codes[0]).any()]
        self._codes = [codes for _, codes in varying]
        self._weights = [_weights(option) for option, _ in varying]

    def drawn(self, free: Codes, best_first: Codes, pending: Codes, random: np.random.Generator) -> int:
        """Return the place in `free` of a candidate. best_first: all that have a score."""
        count = max(_FEWEST_GOOD, math.ceil(_GOOD * len(best_first)))
        good, others = best_first[:count], np.concatenate([best_first[count:], pending])
        likely, ratio = np.zeros(len(free)), np.zeros(len(free))
        for codes, weights in zip(self._codes, self._weights):
            near_good, near_others = (_logs(codes[rows], weights) for rows in (good, others))
            likely += near_good[codes[free]]
            ratio += (near_good - near_others)[codes[free]]
        shares = np.exp(likely - likely.max())
        places_drawn = random.choice(len(free), _DRAWN, p=shares / shares.sum())
        return int(places_drawn[np.argmax(ratio[places_drawn])])


def _weights(option: Option) -> Codes:
    """Return how much a candidate with one code counts for another code, shape (codes, codes); nothing for code 0."""
    numbers = [number_in_value(value) for value in option.values]
    known = [number for number in numbers if number is not None]
    at = iter(places(known))
    scale = [math.nan if number is None else next(at) for number in numbers]
    width = max(_WIDTH, _LEAST_STEPS / max(1, len(set(known)) - 1))
    apart = np.subtract.outer(scale, scale)
    near = np.where(np.isnan(apart), np.eye(len(numbers)), np.exp(-((apart / width) ** 2) / 2))
    found = np.zeros((len(numbers) + 1, len(numbers) + 1))
    found[1:, 1:] = near / near.sum(axis=1, keepdims=True)
    return found


def _logs(codes: Codes, weights: Codes) -> Codes:
    """Return the logarithm of how likely each code is among some; 0 for code 0, an option that is absent."""
    counts = (np.bincount(codes, minlength=len(weights)) @ weights)[1:]
    # As if there were one more, spread over all codes.
    found: Codes = np.concatenate([[0.0], np.log((counts + 1 / len(counts)) / (counts.sum() + 1))])
    return found
