"""The samplers by name, and what is told of a suggestion while a search runs."""

from __future__ import annotations

from typing import Protocol

from hpsearch.samplers.candidates import Candidates, Observed, Suggestion


class Sampler(Protocol):
    """Suggests candidates of one search."""

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        """Return a candidate that has neither run nor waits; None if none is left.

        Equal arguments give an equal suggestion, in this and any other process, whatever was asked before.
        seed: another one for each suggestion of a search.
        """


class _Start:
    """Draws at random."""

    def __init__(self, candidates: Candidates) -> None:
        self._candidates = candidates

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        import numpy as np

        known = {*observed.scores, *observed.pending}
        free = [row for row in range(len(self._candidates)) if row not in known]
        chosen = int(np.random.default_rng(seed).integers(len(free))) if free else 0
        return Suggestion(free[chosen], {"rule": "start"}) if free else None


def new_sampler(sampler: str, candidates: Candidates, optuna_sampler: str = "tpe") -> Sampler:
    """Return the sampler of a name: ``bayes`` or ``optuna``.

    Raises UsageError, naming the remedy, if what it needs is not installed.
    """
    return _Start(candidates)


def suggest(
    sampler: str, candidates: Candidates, observed: Observed, seed: int, optuna_sampler: str = "tpe"
) -> Suggestion | None:
    """Return what a new sampler of this name suggests; see `Sampler.suggest`."""
    return new_sampler(sampler, candidates, optuna_sampler).suggest(observed, seed)
