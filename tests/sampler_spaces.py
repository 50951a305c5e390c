"""Candidates and observations for tests of samplers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from hpsearch.samplers.candidates import CandidateOption, Candidates, Observed, Suggestion
from hpsearch.samplers.sampler import new_sampler

VALUES = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.sampled_from(["adam", "sgd", "1e-3", "0.1", "", None, True, False, [64, 64], (1,)]),
)
SCORES = st.floats(allow_nan=False, allow_infinity=False)


def product(**options: Sequence[object]) -> Candidates:
    """Return all combinations of the options' values."""
    rows = itertools.product(*(range(1, len(values) + 1) for values in options.values()))
    return Candidates(
        tuple(CandidateOption(name, tuple(values)) for name, values in options.items()), np.array([*rows], np.int32)
    )


@st.composite
def spaces(draw: st.DrawFn) -> Candidates:
    """Return candidates of any kind: options of numbers and words, with any of them absent anywhere."""
    values = draw(st.lists(st.lists(VALUES, min_size=1, max_size=5), min_size=1, max_size=4))
    row = st.tuples(*(st.integers(0, len(each)) for each in values))
    rows = draw(st.lists(row, min_size=1, max_size=30, unique=True))
    return Candidates(
        tuple(CandidateOption(f"o{n}", tuple(each)) for n, each in enumerate(values)), np.array(rows, np.int32)
    )


@st.composite
def searches(draw: st.DrawFn) -> tuple[Candidates, Observed]:
    """Return candidates with what is known of some of them."""
    candidates = draw(spaces())
    order = draw(st.permutations(range(len(candidates))))
    ended = draw(st.integers(0, len(order)))
    waiting = draw(st.integers(ended, len(order)))
    few = st.sampled_from([0.0, 0.5, 1.0])
    found = draw(st.lists(st.lists(SCORES | few, max_size=3), min_size=ended, max_size=ended))
    return candidates, Observed(dict(zip(order, found)), order[ended:waiting])


def observed(candidates: Candidates, rows: Sequence[int], score: Callable[[dict[str, object]], float]) -> Observed:
    """Return one score for each of the rows."""
    return Observed({row: [score(candidates.configuration(row).as_dict())] for row in rows})


def suggest(
    name: str, candidates: Candidates, what: Observed, seed: int, optuna_sampler: str = "tpe"
) -> Suggestion | None:
    """Return the first suggestion of a new sampler."""
    return new_sampler(name, candidates, optuna_sampler).suggest(what, seed)
