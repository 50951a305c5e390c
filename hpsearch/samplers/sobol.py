"""Quasi-random points: a Sobol sequence, scrambled, which fills a cube more evenly than chance does."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hpsearch.core.errors import UsageError

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes


class SobolPoints:
    """The points of a sequence; the same seed gives the same ones. It is a `Points` of core/coding.py."""

    def __init__(self, seed: int) -> None:
        """Raises UsageError, naming the remedy, if SciPy is not installed."""
        try:
            from scipy.stats import qmc

            # An older one does not know `rng`, and would make other points of the seed.
            qmc.Sobol(1, rng=seed)
        except (ImportError, TypeError) as error:
            raise UsageError('--sampler=sobol needs SciPy 1.15 or newer: pip install "hpsearch[sobol]"') from error
        self._sobol, self._seed = qmc.Sobol, seed
        self._sequence: Any = None  # Any: SciPy has no types

    def draw(self, count: int, sides: int) -> Codes:
        """Return the next points: coordinates from 0 to below 1, of shape (count, sides).

        Raises UsageError if the sequence has no points with this many.
        """
        if sides > self._sobol.MAXDIM:
            problem = f"knows at most {self._sobol.MAXDIM:,} lists of values, and grid and conditions have {sides:,}"
            raise UsageError(f"--sampler=sobol {problem}: take --sampler=random")
        if self._sequence is None:
            self._sequence = self._sobol(sides, scramble=True, rng=self._seed)
        with warnings.catch_warnings():
            # It wants powers of 2. What is drawn is a part of the sequence; where it is cut is the user's choice.
            warnings.simplefilter("ignore")
            points: Codes = self._sequence.random(count)
        return points
