"""Quasi-random points: a Sobol sequence, scrambled, which fills a cube more evenly than chance does."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from hpsearch.core.errors import UsageError

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes


class SobolPoints:
    """The points of a Sobol sequence; equal seeds give equal points. A `Points` of core/coding.py."""

    def __init__(self, seed: int) -> None:
        """Raises UsageError, naming the remedy, if SciPy is not installed."""
        try:
            from scipy.stats import qmc

            # Older versions lack `rng`, and would make other points from a seed.
            qmc.Sobol(1, rng=seed)
        except (ImportError, TypeError) as error:
            raise UsageError('--sampler=sobol needs SciPy 1.15 or newer: pip install "hpsearch[sobol]"') from error
        self._sobol, self._seed = qmc.Sobol, seed
        self._sequence: Any = None  # Any: SciPy has no types

    def draw(self, count: int, sides: int) -> Codes:
        """Return the next points: coordinates from 0 to below 1, of shape (count, sides).

        Raises UsageError if the sequence has no points with this many sides.
        """
        if sides > self._sobol.MAXDIM:
            problem = f"knows at most {self._sobol.MAXDIM:,} lists of values, and grid and conditions have {sides:,}"
            raise UsageError(f"--sampler=sobol {problem}: take --sampler=random")
        if self._sequence is None:
            self._sequence = self._sobol(sides, scramble=True, rng=self._seed)
        with warnings.catch_warnings():
            # SciPy warns unless the number is a power of 2; where to cut the sequence is the user's choice.
            warnings.simplefilter("ignore")
            points: Codes = self._sequence.random(count)
        return points
