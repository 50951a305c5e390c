"""How far apart candidates are in each option: numbers by their positions on a scale, words by being equal or not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hpsearch.core.ranking import number_of
from hpsearch.core.value_text import whole_text
from hpsearch.samplers.candidates import CandidateOption, Candidates

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: The squared distance of two words; and of a word (or the option's absence) from the middle of the option's numbers,
#: whose ends are 1 apart.
_WORDS_APART, _WORD_FROM_NUMBERS = 1.0, 0.4


def number_in_value(value: object) -> float | None:
    """Return the finite number that a script reads in a value such as 0.001 or ``'1e-3'``; None if there is none."""
    number = None if isinstance(value, (bool, type(None))) else number_of(whole_text(value))
    return number if number is not None and math.isfinite(number) else None


def positions(numbers: Sequence[float]) -> list[float]:
    """Return each number's position on a scale from 0 to 1; a single number is in the middle.

    It is halfway between the position on the numbers' own scale (logarithmic if that spaces them more evenly) and the
    position by rank: lists are seldom evenly spaced, and their authors chose each step.
    """
    known = sorted(set(numbers))
    if len(known) < 2:
        return [0.5] * len(numbers)
    scales = [_unit(known)] + ([_unit([math.log(number) for number in known])] if known[0] > 0 else [])
    ranks = _unit([float(rank) for rank in range(len(known))])
    found = {n: (at + rank) / 2 for n, at, rank in zip(known, min(scales, key=_unevenness), ranks)}
    return [found[number] for number in numbers]


def _unit(increasing: Sequence[float]) -> list[float]:
    # Divide first: the difference of two finite numbers may overflow.
    largest = max(abs(increasing[0]), abs(increasing[-1])) or 1
    parts = [number / largest for number in increasing]
    # Adjacent floats may have the same logarithm.
    span = parts[-1] - parts[0] or 1
    return [(part - parts[0]) / span for part in parts]


def _unevenness(increasing: Iterable[float]) -> float:
    steps = [after - before for before, after in itertools.pairwise(increasing)]
    return max(steps) - min(steps)


class Feature:
    """One option of all candidates.

    positions: each candidate's, on the scale of the option's numbers (words are in the middle).
    labels: each candidate's, 0 for a number, else one for each word; None if there are only numbers.
    """

    def __init__(self, option: CandidateOption, codes: Codes) -> None:
        numbers = [None, *map(number_in_value, option.values)]
        used = np.unique(codes).tolist()
        on_scale = [code for code in used if numbers[code] is not None]
        position_of_code = np.full(len(numbers), 0.5, np.float32)
        position_of_code[on_scale] = positions([number for code in on_scale if (number := numbers[code]) is not None])
        label_of_code = np.array([0 if number is not None else code + 1 for code, number in enumerate(numbers)])
        self.has_numbers, self.has_words = bool(on_scale), len(on_scale) < len(used)
        self.positions, self.labels = position_of_code[codes], label_of_code[codes]
        self._gap = _WORD_FROM_NUMBERS if on_scale else _WORDS_APART

    def squared_distances(self, ours: Codes, others: Codes) -> Codes:
        """Return the squared distances between two lists of candidates, shape (ours, others)."""
        found = np.zeros((len(ours), len(others)), np.float32)
        if self.has_numbers:
            found += np.square(np.subtract.outer(self.positions[ours], self.positions[others]))
        if self.has_words:
            found += np.float32(self._gap) * np.not_equal.outer(self.labels[ours], self.labels[others])
        return found


def features_of(candidates: Candidates) -> list[Feature]:
    """Return the options in which candidates differ."""
    columns = zip(candidates.options, candidates.rows.T)
    return [Feature(option, codes) for option, codes in columns if len(codes) and (codes != codes[0]).any()]


def evenly(rows: Codes, most: int) -> Codes:
    """Return at most `most` of the rows, spread evenly over all."""
    kept: Codes = rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int)]
    return kept
