"""Candidates that resemble the best known ones more than the others."""

from __future__ import annotations

from collections import Counter

import numpy as np
from sampler_spaces import product

from hpsearch.samplers.resemblance import Resemblance

GRID = product(rate=[1e-4, 1e-3, 1e-2, 1e-1, 1.0], solver=["adam", "sgd"], seed=["a", "b", "c"])


def options_of(row: int) -> dict[str, object]:
    return GRID.configuration(row).as_dict()


def drawn(best_first: list[int], pending: list[int] | None = None) -> list[dict[str, object]]:
    """Return what is drawn under thirty seeds."""
    waiting = np.array(pending or [], int)
    free = np.setdiff1d(np.arange(len(GRID)), [*best_first, *waiting])
    found = (Resemblance(GRID).drawn(free, np.array(best_first), waiting, np.random.default_rng(k)) for k in range(30))
    return [options_of(int(free[place])) for place in found]


def rows(**wanted: object) -> list[int]:
    """Return the candidates with these options."""
    return [row for row in range(len(GRID)) if wanted.items() <= options_of(row).items()]


def test_words_and_numbers_of_the_best_are_drawn() -> None:
    good, bad = rows(rate=1e-2, solver="adam")[:2], rows(rate=1e-4, solver="sgd") + rows(rate=1.0)
    found = drawn([*good, *bad])
    assert Counter(options["solver"] for options in found)["adam"] > 25
    assert Counter(options["rate"] for options in found)[1e-4] < 5


def test_numbers_lend_weight_to_their_neighbours() -> None:
    good, bad = rows(rate=1e-2, solver="adam"), rows(rate=1e-4)[:4] + rows(rate=1.0)[:4]
    counts = Counter(options["rate"] for options in drawn([*good[:2], *bad]))
    assert counts[1e-4] + counts[1.0] < counts[1e-3] + counts[1e-1] + counts[1e-2]


def test_what_waits_counts_as_one_of_the_others() -> None:
    """Else eight slots would all try the same corner."""
    good, bad = [*rows(seed="a", rate=1e-2), *rows(seed="b", rate=1e-2)][:2], rows(rate=1.0)
    alone = Counter(options["rate"] for options in drawn([*good, *bad]))
    crowded = Counter(options["rate"] for options in drawn([*good, *bad], rows(rate=1e-3)))
    assert crowded[1e-1] > alone[1e-1]


def test_an_option_that_is_absent_decides_nothing() -> None:
    flat = product(only=["x"], rate=[1e-3, 1e-2, 1e-1])
    found = Resemblance(flat).drawn(np.array([2]), np.array([0, 1]), np.array([], int), np.random.default_rng(1))
    assert found == 0
