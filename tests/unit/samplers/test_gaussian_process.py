"""The Gaussian process: its means and their uncertainty."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sampler_spaces import product

from hpsearch.samplers.features import features_of
from hpsearch.samplers.gaussian_process import Expectation, GaussianProcess, Scored, distances, fitted_logs

LINE = product(a=range(21))
FEATURES = features_of(LINE)
LOGS = [math.log(0.5), math.log(0.01)]


def known(rows: list[int], targets: list[float], counts: int = 1) -> Scored:
    return Scored(np.array(rows), np.array(targets), np.full(len(rows), counts))


def expectation(what: Scored, pending: tuple[int, ...] = ()) -> Expectation:
    return GaussianProcess(FEATURES, LOGS).expectation(what, np.array(pending, int), np.arange(21))


def test_known_scores_are_expected_again_and_their_neighbours_between_them() -> None:
    found = expectation(known([0, 10, 20], [-1.0, 0.0, 1.0]))
    assert found.means[[0, 10, 20]] == pytest.approx([-1.0, 0.0, 1.0], abs=0.05)
    assert (np.diff(found.means) > 0).all()
    assert found.best == pytest.approx(1.0, abs=0.05)


def test_the_spread_grows_with_the_distance_from_what_is_known() -> None:
    found = expectation(known([0, 1], [-1.0, 1.0]))
    assert (np.diff(found.spreads[2:12]) > 0).all()


def test_a_pending_candidate_narrows_what_is_expected_around_it_and_moves_nothing() -> None:
    alone, beside = (expectation(known([0, 1], [-1.0, 1.0]), pending) for pending in ((), (15,)))
    assert beside.spreads[14] < alone.spreads[14] / 2
    assert beside.means == pytest.approx(alone.means, abs=1e-3)


def test_a_score_that_averages_several_is_surer() -> None:
    once, often = (expectation(known([0, 10], [-1.0, 1.0], counts)) for counts in (1, 20))
    assert often.spreads[10] < once.spreads[10]


def test_an_option_that_decides_nothing_gets_the_greater_length() -> None:
    space = product(a=range(6), b=range(6))
    rows = np.arange(36)
    what = Scored(rows, np.sin(space.rows[:, 0] * 2.0), np.ones(36))
    a, b, _ = fitted_logs(distances(features_of(space), rows), what)
    assert b > a + 1


def test_scores_by_chance_are_told_from_scores_by_options() -> None:
    rows = np.arange(21)
    chance = np.random.default_rng(1).normal(size=21)
    noises = [
        fitted_logs(distances(FEATURES, rows), Scored(rows, each, np.ones(21)))[-1] for each in (chance, rows / 10 - 1)
    ]
    assert noises[0] > noises[1] + 1
