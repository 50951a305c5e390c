"""The sampler ``bayes``: what it finds, and its messages."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from sampler_spaces import observed, product, searches

from hpsearch.samplers.bayes import Bayes
from hpsearch.samplers.candidates import Candidates, Observed

GRID = product(
    rate=[1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
    width=[8, 16, 32, 64, 128],
    solver=["adam", "sgd", "lbfgs"],
    seed=["a", "b", "c"],
)


def loss(options: dict[str, object]) -> float:
    """Be best at rate 1e-2 and width 64 with adam; the seed's name decides nothing."""
    rate, width = math.log10(float(str(options["rate"]))), math.log2(float(str(options["width"])))
    return -((rate + 2) ** 2) - (width - 6) ** 2 / 2 - 3 * (options["solver"] != "adam")


def runs_until_best(seed: int) -> int:
    """Return how many runs a search of GRID takes to the first of its three best configurations."""
    sampler, scores = Bayes(GRID), dict[int, list[float]]()
    while True:
        suggestion = sampler.suggest(Observed(scores), 1000 * seed + len(scores))
        assert suggestion is not None
        score = loss(GRID.configuration(suggestion.candidate).as_dict())
        scores[suggestion.candidate] = [score]
        if score == 0:
            return len(scores)


def test_the_best_of_270_is_found_in_few_runs() -> None:
    # At random it takes 68 on average.
    assert sorted(runs_until_best(seed) for seed in range(9))[4] <= 25


@settings(max_examples=25)
@given(searches())
def test_the_order_of_what_is_known_makes_no_difference(search: tuple[Candidates, Observed]) -> None:
    candidates, what = search
    turned = Observed(dict(reversed(what.scores.items())), what.pending[::-1])
    assert Bayes(candidates).suggest(turned, 4) == Bayes(candidates).suggest(what, 4)


def known(count: int, seed: int = 1) -> Observed:
    """Return what is known after runs drawn at random."""
    return observed(GRID, random.Random(seed).sample(range(len(GRID)), count), loss)


def test_monotone_changes_of_the_scores_change_no_suggestion() -> None:
    what = known(24)
    bent = Observed({row: [math.atan(score) * 1e6] for row, [score] in what.scores.items()})
    first, second = (Bayes(GRID).suggest(each, 3) for each in (what, bent))
    assert first is not None and second is not None and first.candidate == second.candidate


def test_few_scores_decide_nothing_and_are_counted() -> None:
    suggestion = Bayes(GRID).suggest(known(5), 3)
    assert suggestion is not None and suggestion.why == {"rule": "start", "results": 5, "needed": 8}


def test_the_reason_tells_what_is_expected_in_the_scores_own_unit() -> None:
    suggestion = Bayes(GRID).suggest(known(42), 3)
    assert suggestion is not None
    why = {name: value for name, value in suggestion.why.items() if isinstance(value, float)}
    assert suggestion.why["rule"] == "improvement" and suggestion.why["results"] == 42
    assert why["best"] == max(score for [score] in known(42).scores.values())
    assert why["low"] <= why["expected"] <= why["high"] <= why["best"]
    assert 0 < why["chance"] < 1


def test_by_turns_it_is_what_resembles_the_best() -> None:
    what = known(40)
    free = [row for row in range(len(GRID)) if row not in what.scores]
    rules = [
        suggestion.why["rule"]
        for waiting in range(4)
        if (suggestion := Bayes(GRID).suggest(Observed(what.scores, free[:waiting]), 3)) is not None
    ]
    assert rules == ["resemblance", "resemblance", "improvement", "resemblance"]


def test_more_results_than_are_taken_in_end_in_a_suggestion() -> None:
    space = product(a=range(40), b=range(37))
    what = observed(space, range(0, 1480, 2), lambda options: -abs(float(str(options["a"])) - 20))
    suggestion = Bayes(space).suggest(Observed(what.scores, range(1, 700, 2)), 1)
    assert suggestion is not None and suggestion.candidate in range(701, 1480, 2)


def test_several_scores_of_one_candidate_count_by_their_mean() -> None:
    what = known(20)
    several = Observed({row: [score - 1, score + 1] for row, [score] in what.scores.items()})
    suggestion = Bayes(GRID).suggest(several, 2)
    assert suggestion is not None and suggestion.why["best"] == pytest.approx(
        max(score for [score] in what.scores.values())
    )
