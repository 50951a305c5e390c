"""Which options matter: exact shares agree with sums of squares, and estimates find the deciding options."""

import builtins
import itertools
import math
import random
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from project import ROOT

from hpsearch.report.importance import Importance, importance_of

Columns = dict[str, list[object]]


def grid_of(*sizes: int, seeds: int = 1) -> Columns:
    """Return all combinations of options o0, o1, ... with these numbers of values, each combination `seeds` times."""
    rows = [row for row in itertools.product(*map(range, sizes)) for _ in range(seeds)]
    return {f"o{place}": [row[place] for row in rows] for place in range(len(sizes))}


def random_grid(runs: int) -> Columns:
    """Return runs with some of the combinations of a good, a fair and a useless option."""
    chance = random.Random(7)
    return {name: [chance.randrange(8) for _ in range(runs)] for name in ("good", "fair", "useless")}


def scores(columns: Columns) -> list[float]:
    """Return a performance that is decided by `good` mostly, by `fair` a little."""
    return [good + 0.3 * fair for good, fair in zip(columns["good"], columns["fair"])]


def by_sums_of_squares(performance: Sequence[float], sizes: Sequence[int], seeds: int) -> dict[str, float]:
    """Return the shares by an analysis of variance."""
    cells = np.asarray(performance).reshape(*sizes, seeds)
    total = ((cells - cells.mean()) ** 2).sum()
    shares = {}
    for axis in range(len(sizes)):
        means = cells.mean(axis=tuple(other for other in range(cells.ndim) if other != axis), keepdims=True)
        shares[f"o{axis}"] = (np.broadcast_to(means - cells.mean(), cells.shape) ** 2).sum() / total
    within = ((cells - cells.mean(axis=-1, keepdims=True)) ** 2).sum() / total
    return {**shares, "chance": within, "together": 1 - sum(shares.values()) - within}


@pytest.mark.parametrize(("sizes", "seeds"), [((3, 4), 1), ((2, 3, 4), 1), ((3, 2), 3), ((4,), 5), ((2, 2, 2, 2), 2)])
def test_exact_shares_are_those_of_sums_of_squares(sizes: tuple[int, ...], seeds: int) -> None:
    performance = [random.Random(run).gauss(5, 2) for run in range(math.prod(sizes) * seeds)]
    found = importance_of(grid_of(*sizes, seeds=seeds), performance, "loss")
    shares = {**dict(found.shares), "chance": found.chance or 0.0, "together": found.together}
    assert shares == pytest.approx(by_sums_of_squares(performance, sizes, seeds), abs=1e-12)


VALUES = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=24, max_size=24)


@given(VALUES)
def test_exact_shares_and_the_rest_add_up_to_one(performance: list[float]) -> None:
    found = importance_of(grid_of(2, 3, 2, seeds=2), performance, "loss")
    parts = [*(share for _, share in found.shares), found.together, found.chance or 0.0]
    assert all(part >= 0 for part in parts)
    assert math.fsum(parts) == pytest.approx(1.0 if found.method else 0.0)


@given(VALUES, st.permutations(["o0", "o1", "o2"]))
def test_the_order_of_options_makes_no_difference(performance: list[float], order: list[str]) -> None:
    columns = grid_of(2, 3, 4)
    found = importance_of(columns, performance, "loss")
    other = importance_of({name: columns[name] for name in order}, performance, "loss")
    assert dict(other.shares) == pytest.approx(dict(found.shares))


@given(VALUES, st.permutations(range(24)))
def test_the_order_of_runs_makes_no_difference(performance: list[float], order: list[int]) -> None:
    columns = grid_of(2, 3, 4)
    moved = {name: [cells[run] for run in order] for name, cells in columns.items()}
    other = importance_of(moved, [performance[run] for run in order], "loss")
    assert dict(other.shares) == pytest.approx(dict(importance_of(columns, performance, "loss").shares))


@given(st.lists(st.integers(-50, 50), min_size=12, max_size=12, unique=True))
def test_an_option_that_does_nothing_has_no_share(values: list[int]) -> None:
    performance = [float(value) for value in values for _ in range(3)]
    shares = dict(importance_of(grid_of(3, 4, 3), performance, "loss").shares)
    assert shares["o2"] == pytest.approx(0, abs=1e-12)


@given(st.floats(-1e3, 1e3), st.floats(0.001, 1e3))
def test_units_of_the_performance_make_no_difference(offset: float, factor: float) -> None:
    performance = [random.Random(run).random() for run in range(24)]
    found = importance_of(grid_of(4, 6), performance, "loss")
    other = importance_of(grid_of(4, 6), [offset + factor * value for value in performance], "loss")
    assert dict(other.shares) == pytest.approx(dict(found.shares), abs=1e-6)


def test_a_configuration_with_fewer_seeds_counts_like_the_others() -> None:
    columns = grid_of(2, 4, seeds=3)
    performance: list[float | None] = [float(a) for a in columns["o0"]]  # type: ignore[arg-type]
    performance[0] = None
    found = importance_of(columns, performance, "acc")
    assert (found.runs, found.method, dict(found.shares)["o0"]) == (23, "exact", pytest.approx(1.0))


def test_without_seeds_chance_is_not_known() -> None:
    assert importance_of(grid_of(2, 4), [0, 1, 2, 3, 4, 5, 6, 9], "acc").chance is None


@pytest.mark.parametrize(("odd", "larger"), [(1e30, False), (math.nan, False), (math.inf, False), (-math.inf, True)])
def test_a_diverged_run_does_not_decide_alone(odd: float, larger: bool) -> None:
    columns = grid_of(3, 4, 2)
    performance = [float(a) + 0.1 * b for a, b in zip(columns["o0"], columns["o1"])]
    performance[20] = odd
    found = importance_of(columns, performance, "loss", larger)
    assert found.is_ranked and found.shares[0][0] == "o0" and found.shares[0][1] > 0.6
    assert "ranks of loss" in found.text


def test_nan_is_the_worst_in_either_direction() -> None:
    columns = grid_of(2, 4)
    good_first = [5.0, 6.0, 7.0, 8.0, math.nan, math.nan, math.nan, math.nan]
    for_small = importance_of(columns, good_first, "loss", larger=False)
    for_large = importance_of(columns, good_first, "acc", larger=True)
    assert for_small.shares == for_large.shares


def test_a_group_of_bad_runs_needs_no_ranks() -> None:
    columns = grid_of(5, 6, 2)
    performance = [0.1 if a == 4 else 0.9 + 0.01 * b for a, b in zip(columns["o0"], columns["o1"])]
    assert not importance_of(columns, performance, "acc").is_ranked


def test_a_complete_grid_is_told_as_exact() -> None:
    columns = grid_of(4, 5, seeds=2)
    performance = [10 * a + b + 0.1 * (run % 2) for run, (a, b) in enumerate(zip(columns["o0"], columns["o1"]))]
    assert importance_of(columns, performance, "acc_val").text == (
        "o0 explains 98 % of the variance of acc_val over 40 runs (exact: every combination was run). "
        "What options do together makes 0 %, chance between seeds less than 1 %."
    )


SEVEN_OF_32 = [float(run) if run in (0, 1, 2, 4, 8, 16, 31) else None for run in range(32)]
NOTHING = [
    (grid_of(2, 2), [1.0, 2, 3, 4], "that takes 8 finished runs with a value, and there are 4"),
    (grid_of(2, 2, 2, 2, 2), SEVEN_OF_32, "that takes 10 finished runs with a value, and there are 7"),
    (grid_of(2, 4), [0.5] * 8, "all values are equal"),
    ({"o0": [1] * 8}, [1.0, 2, 3, 4, 5, 6, 7, 8], "no option varies among the finished runs"),
    ({}, [], "no option varies among the finished runs"),
    (grid_of(9), list(range(9)), "only one option varies, and no configuration was repeated with other seeds"),
]


@pytest.mark.parametrize(("columns", "performance", "why"), NOTHING)
def test_where_nothing_can_be_said_the_text_says_why(columns, performance, why) -> None:
    found = importance_of(columns, performance, "loss")
    assert (found.method, found.shares) == ("", ())
    assert found.text == f"Nothing can be said about which options decide about loss: {why}."


def test_json_has_what_the_page_shows() -> None:
    found = Importance("acc", 9, "exact", True, (("lr", 0.1234567),), 0.5, None, False, "Text.")
    assert found.as_json() == {
        **{"key": "acc", "runs": 9, "method": "exact", "complete": True, "shares": [["lr", 0.123457]]},
        **{"together": 0.5, "chance": None, "ranked": False, "text": "Text."},
    }


# ---- estimates


@pytest.fixture
def _optuna() -> None:
    pytest.importorskip("optuna")


@pytest.mark.usefixtures("_optuna")
@pytest.mark.parametrize("larger", [True, False])
def test_an_incomplete_grid_is_estimated(larger: bool) -> None:
    columns = random_grid(200)
    performance = [value if larger else -value for value in scores(columns)]
    found = importance_of(columns, performance, "acc", larger)
    assert [name for name, _ in found.shares] == ["good", "fair", "useless"]
    assert sum(share for _, share in found.shares) == pytest.approx(1.0)
    assert found.shares[0][1] > 0.5
    assert (found.method, found.complete, found.runs) == ("ped-anova", False, 200)


@pytest.mark.usefixtures("_optuna")
def test_an_estimate_agrees_with_optuna_asked_directly() -> None:
    import optuna

    values = [0.001, 0.01, 0.1, 1.0]
    columns: Columns = {"lr": [*values * 12, 1.0, 1.0], "act": (["a"] * 3 + ["b"] * 2) * 10, "run": list(range(50))}
    performance = [random.Random(run).random() + (run % 4) for run in range(50)]
    study = optuna.create_study(direction="minimize")
    distributions = {
        "lr": optuna.distributions.IntDistribution(0, 3),
        "act": optuna.distributions.CategoricalDistribution(("a", "b")),
        "run": optuna.distributions.IntDistribution(0, 49),
    }
    for run, value in enumerate(performance):
        params = {"lr": values.index(columns["lr"][run]), "act": columns["act"][run], "run": run}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=value))
    evaluator = optuna.importance.PedAnovaImportanceEvaluator()
    expected = optuna.importance.get_param_importances(study, evaluator=evaluator)
    assert dict(importance_of(columns, performance, "loss", larger=False).shares) == pytest.approx(expected)


@pytest.mark.usefixtures("_optuna")
def test_an_option_that_some_runs_lack_is_estimated_too() -> None:
    columns = random_grid(200)
    columns["momentum"] = [None if good < 4 else 0.1 * run for run, good in enumerate(columns["good"])]  # type: ignore[operator]
    shares = dict(importance_of(columns, scores(columns), "acc").shares)
    assert shares["momentum"] > shares["useless"]


@pytest.mark.usefixtures("_optuna")
def test_names_that_hardly_two_runs_share_are_left_out() -> None:
    columns = random_grid(200)
    columns["file"] = [f"file {run}" for run in range(200)]
    found = importance_of(columns, scores(columns), "acc")
    assert "file" not in dict(found.shares)
    assert found.text.endswith("Left out, since too few runs share a value: file.")


@pytest.mark.usefixtures("_optuna")
def test_many_configurations_are_thinned_evenly() -> None:
    columns = random_grid(1200)
    columns["useless"] = list(range(1200))
    found = importance_of(columns, scores(columns), "acc")
    assert found.runs == 1200 and " of 1,000 configurations (an estimate over 1,200 runs" in found.text


@pytest.mark.usefixtures("_optuna")
def test_optuna_says_nothing_and_keeps_its_settings(capfd: pytest.CaptureFixture[str], recwarn) -> None:
    import optuna

    before = optuna.logging.get_verbosity()
    columns = random_grid(100)
    importance_of(columns, scores(columns), "acc")
    assert (capfd.readouterr(), list(recwarn), optuna.logging.get_verbosity()) == (("", ""), [], before)


@pytest.mark.usefixtures("_optuna")
def test_options_that_are_different_in_each_run_tell_nothing() -> None:
    columns: Columns = {name: [f"{name} {run}" for run in range(20)] for name in ("input", "output")}
    found = importance_of(columns, [float(run) for run in range(20)], "acc")
    assert found.text.endswith("no option tells the best configurations from the others.")


def test_few_configurations_of_an_incomplete_grid_say_nothing() -> None:
    columns = {"o0": [0, 0, 1] * 4, "o1": [0, 1, 0] * 4}
    found = importance_of(columns, [float(run) for run in range(12)], "acc")
    assert found.text.endswith("an incomplete grid takes 8 configurations, and there are 3.")


def test_without_optuna_the_text_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = builtins.__import__

    def without_optuna(name: str, *arguments: object) -> object:
        if name.partition(".")[0] == "optuna":
            raise ImportError(name)
        return given(name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without_optuna)
    columns = random_grid(200)
    found = importance_of(columns, scores(columns), "acc")
    assert (found.method, found.shares) == ("", ())
    assert found.text.endswith('for an incomplete grid it takes Optuna: pip install "hpsearch[report]".')


def test_a_complete_grid_needs_no_optuna(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    assert importance_of(grid_of(3, 3), [float(run) for run in range(9)], "acc").method == "exact"


#: Makes an estimate; prints whether that has imported scikit-learn (which can still be imported afterwards), and
#: whether anything keeps the caller's objects alive.
ESTIMATE = """\
import random, sys, weakref
from hpsearch.report.importance import importance_of

class Held:
    pass

def estimate():
    held = Held()
    columns = {name: [random.randrange(50) for _ in range(200)] for name in "ab"}
    found = importance_of(columns, [float(value) for value in columns["a"]], "acc")
    print(found.method, "sklearn" in sys.modules)
    return weakref.ref(held)

print(estimate()())
"""


@pytest.mark.skipif(find_spec("sklearn") is None, reason="needs scikit-learn, which must not be imported")
def test_an_estimate_does_not_import_scikit_learn_and_holds_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", ESTIMATE], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("ped-anova False\nNone\n", "", 0)
