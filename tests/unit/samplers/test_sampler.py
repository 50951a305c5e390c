"""Which sampler a name stands for, and how a suggestion is described."""

from __future__ import annotations

import sys

import pytest
from sampler_spaces import product

from hpsearch.config.option_values import SAMPLERS
from hpsearch.config.options import SearchOptions
from hpsearch.samplers.bayes import Bayes
from hpsearch.samplers.candidates import Why
from hpsearch.samplers.sampler import compute_in_one_thread, expectation_text, new_sampler
from hpsearch.samplers.through_optuna import ThroughOptuna

PROMISE: Why = {"rule": "improvement", "expected": 0.95123, "best": 0.953, "chance": 0.1234}


def test_each_name_that_goes_by_results_stands_for_a_sampler_of_its_own() -> None:
    names = [name for name in SAMPLERS if SearchOptions(sampler=name).suggests]
    kinds = {name: type(new_sampler(name, product(a=[1, 2]))) for name in names}
    assert kinds == {"bayes": Bayes, "optuna": ThroughOptuna}


@pytest.mark.parametrize(
    "why, text",
    [
        (PROMISE, "expected 0.9512, chance of a better one 12 %"),
        ({**PROMISE, "chance": 0.0004}, "expected 0.9512, chance of a better one below 1 %"),
        ({"rule": "start", "results": 3, "needed": 8}, "results decide after 5 more"),
        ({"rule": "start", "results": 9, "needed": 8}, ""),
        ({"rule": "Optuna tpe", "best": 3}, ""),
    ],
)
def test_the_bar_says_what_the_latest_suggestion_promises(why: Why, text: str) -> None:
    assert expectation_text(why) == text


def test_losses_are_told_as_they_were_found() -> None:
    why: Why = {"rule": "improvement", "expected": -0.25, "best": -0.0, "chance": 0.5}
    assert expectation_text(why, ascending=True) == "expected 0.25, chance of a better one 50 %"


@pytest.mark.skipif(sys.platform != "linux", reason="looks libraries up where Linux lists them")
def test_samplers_compute_in_one_thread() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(2):
        compute_in_one_thread()
        libraries = threadpoolctl.threadpool_info()
        assert {each["num_threads"] for each in libraries if each["user_api"] == "blas"} == {1}
