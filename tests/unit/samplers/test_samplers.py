"""Properties that every sampler must have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from sampler_spaces import observed, product, searches, suggest

from hpsearch.samplers.candidates import CandidateOption, Candidates, Observed
from hpsearch.samplers.sampler import new_sampler

pytestmark = [pytest.mark.filterwarnings("error"), pytest.mark.parametrize("name", ["bayes", "optuna"])]
SPACE = product(a=[1, 2, 4, 8, 16], b=["x", "y", "z"], c=[1e-3, 1e-2, "0.1"])
FEW = settings(max_examples=25)
IN_ANOTHER_PROCESS = """
from test_samplers import SPACE, known, suggest
print(suggest({name!r}, SPACE, known(12), 7))
"""


def known(count: int) -> Observed:
    """Return what is known of a search of SPACE whose first half of `count` runs has ended."""
    rows = [(7 * number) % len(SPACE) for number in range(count)]
    ended = observed(SPACE, rows[: count * 2 // 3], lambda options: float(str(options["c"])) * float(str(options["a"])))
    return Observed(ended.scores, rows[count * 2 // 3 :])


@FEW
@given(searches())
def test_a_suggestion_has_neither_run_nor_waits(name: str, search: tuple[Candidates, Observed]) -> None:
    candidates, what = search
    free = set(range(len(candidates))) - {*what.scores, *what.pending}
    suggestion = suggest(name, candidates, what, 1)
    assert (suggestion is None) if not free else (suggestion is not None and suggestion.candidate in free)


@FEW
@given(searches())
def test_equal_arguments_give_equal_suggestions(name: str, search: tuple[Candidates, Observed]) -> None:
    candidates, what = search
    asked_before = new_sampler(name, candidates)
    asked_before.suggest(Observed(), 5)
    assert asked_before.suggest(what, 1) == suggest(name, candidates, what, 1)


def test_another_process_suggests_the_same(name: str) -> None:
    paths = [str(Path(__file__).parent), *sys.path]
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(paths)}
    code = IN_ANOTHER_PROCESS.format(name=name)
    other = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == str(suggest(name, SPACE, known(12), 7))


def test_another_seed_starts_elsewhere(name: str) -> None:
    first = {suggestion.candidate for seed in range(10) if (suggestion := suggest(name, SPACE, Observed(), seed))}
    assert len(first) > 3


def test_a_single_candidate_is_suggested_once(name: str) -> None:
    one = Candidates((CandidateOption("a", (1,)),), np.array([[1]], np.int32))
    suggestion = suggest(name, one, Observed(), 0)
    assert suggestion is not None and suggestion.candidate == 0
    assert suggest(name, one, Observed({}, [0]), 0) is None
    assert suggest(name, one, Observed({0: [1.0]}), 0) is None


@pytest.mark.parametrize("score", [[], [0.5], [1e308, 1e308]])
def test_scores_that_are_all_alike_end_in_a_suggestion(name: str, score: list[float]) -> None:
    assert suggest(name, SPACE, Observed(dict.fromkeys(range(20), score), [20, 21]), 3) is not None


def test_a_failure_counts_as_the_worst_score_so_far(name: str) -> None:
    what = known(18)
    worst = [min(score for scores in what.scores.values() for score in scores)]
    failed, bad = ({**what.scores, **dict.fromkeys([40, 41, 42], each)} for each in ([], worst))
    assert suggest(name, SPACE, Observed(failed), 3) == suggest(name, SPACE, Observed(bad), 3)


def test_an_odd_search_is_finished_without_a_repetition(name: str) -> None:
    sampler, scores = new_sampler(name, SPACE), dict[int, list[float]]()
    while suggestion := sampler.suggest(Observed(scores), len(scores)):
        assert suggestion.candidate not in scores
        scores[suggestion.candidate] = [float(suggestion.candidate % 7)] * (suggestion.candidate % 3)
    assert len(scores) == len(SPACE)
