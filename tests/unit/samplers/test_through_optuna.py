"""Optuna asked by way of a new study for each suggestion."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sampler_spaces import observed, product, suggest

from hpsearch.core.errors import UsageError
from hpsearch.samplers.candidates import CandidateOption, Candidates, Observed, Suggestion
from hpsearch.samplers.sampler import new_sampler

LINE = product(a=range(60), b=["x", "y", "z"])


def suggested(what: Observed, seed: int, candidates: Candidates = LINE) -> int:
    suggestion = suggest("optuna", candidates, what, seed)
    assert isinstance(suggestion, Suggestion)
    return suggestion.candidate


def test_good_regions_are_preferred() -> None:
    what = observed(
        LINE, range(0, 180, 4), lambda options: -abs(float(str(options["a"])) - 40) - 30 * (options["b"] != "y")
    )
    chosen = [LINE.configuration(suggested(what, seed)).as_dict() for seed in range(20)]
    assert sum(options["b"] == "y" for options in chosen) > 12
    assert 25 < np.median([int(str(options["a"])) for options in chosen]) < 55


def test_what_optuna_names_again_and_again_ends_at_the_nearest_that_has_not_run() -> None:
    # All but two have run, so that it can hardly name those.
    space = product(a=range(300))
    what = observed(space, sorted({*range(300)} - {150, 299}), lambda options: -abs(float(str(options["a"])) - 149))
    assert [suggested(what, seed, space) for seed in range(3)] == [150] * 3


def test_options_of_one_branch_are_asked_for_there_only() -> None:
    kernels = ("linear", "rbf", "poly")
    gammas, degrees = tuple(10.0**-power for power in range(5)), (2, 3, 4)
    rows = [(1, 0, 0), *((2, gamma, 0) for gamma in range(1, 6)), *((3, 1, degree) for degree in range(1, 4))]
    options = (CandidateOption("kernel", kernels), CandidateOption("gamma", gammas), CandidateOption("degree", degrees))
    space = Candidates(options, np.array(rows, np.int32))
    what = Observed({row: [float(row)] for row in (0, 1, 3, 6)}, [4])
    assert {suggested(what, seed, space) for seed in range(40)} == {2, 5, 7, 8}


def test_an_option_may_be_there_or_not_with_the_same_options_before_it() -> None:
    space = Candidates(
        (CandidateOption("a", (1, 2)), CandidateOption("b", (7,))), np.array([[1, 0], [1, 1], [2, 0], [2, 1]], np.int32)
    )
    assert {suggested(Observed(), seed, space) for seed in range(40)} == {0, 1, 2, 3}


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_other_samplers_of_optuna_go_by_their_names(name: str) -> None:
    suggestion = suggest("optuna", LINE, Observed({3: [0.5], 4: []}), 1, name)
    assert suggestion is not None and suggestion.why == {"rule": f"Optuna {name}", "best": 0.5}


def test_without_optuna_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r'^--sampler=optuna needs Optuna.*: pip install "hpsearch\[optuna\]"$'):
        new_sampler("optuna", LINE)


def test_an_old_optuna_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optuna.__version__", "4.6.0")
    with pytest.raises(UsageError, match=r"needs Optuna 5, and 4\.6\.0 is installed"):
        new_sampler("optuna", LINE)


def test_what_a_sampler_of_optuna_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"^Optuna's sampler gp needs torch, .*: pip install torch$"):
        new_sampler("optuna", LINE, "gp")


def test_optuna_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    suggest("optuna", LINE, Observed(), 1)
    assert capfd.readouterr() == ("", "")
