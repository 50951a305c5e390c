"""What early stopping would have saved, and at which cost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.stopping.replay import effect_of, replay
from hpsearch.stopping.rules import Stop, StopRule


def curve(*values: float, width: float = 1.0) -> Curve:
    return with_points(Curve(), [Point(width * index, value) for index, value in enumerate(values, start=1)])


def stopped_at(step: float) -> Stop:
    return Stop(StopRule.MEDIAN, "", step, 0.0)


def test_what_is_saved_is_a_share_of_each_run_whatever_its_steps_mean() -> None:
    curves = [curve(*range(4)), curve(*range(4), width=100), curve(*range(10))]
    found = effect_of({0: stopped_at(1), 1: stopped_at(200)}, curves, [0.1, 0.2, 0.3], ascending=False)
    assert (found.steps, found.saved, found.saved_share) == (3, 0.75 + 0.5, pytest.approx(1.25 / 3))


@pytest.mark.parametrize(
    "results, ascending, stops, best, costs",
    [
        ([0.1, 0.9, 0.5], False, {1}, [1], True),
        ([0.1, 0.9, 0.5], True, {1}, [0], False),
        ([0.9, 0.9, 0.5], False, {1}, [0, 1], False),
        ([None, float("nan"), 0.5], True, {0, 1}, [2], False),
        ([None, None, None], False, {0}, [], False),
    ],
)
def test_the_best_is_lost_if_every_run_with_the_best_result_is_stopped(
    results: list[float | None], ascending: bool, stops: set[int], best: list[int], costs: bool
) -> None:
    found = effect_of({index: stopped_at(1) for index in stops}, [curve(1, 2)] * 3, results, ascending)
    assert (found.best, found.costs_best) == (best, costs)


def test_a_run_that_told_nothing_saves_nothing() -> None:
    assert effect_of({}, [Curve()], [0.5], ascending=False).saved_share == 0


def test_a_replay_stops_runs_one_after_another() -> None:
    good, bad = curve(0.5, 0.6, 0.7, 0.8), curve(0.1, 0.1, 0.1, 0.1)
    stops = replay([StopRule.MEDIAN], [good, good, bad, good, bad], at_once=1)
    assert {index: stop.step for index, stop in stops.items()} == {4: 1}


def test_a_replay_side_by_side_knows_what_the_others_have_told_by_then() -> None:
    good, bad = curve(0.5, 0.6, 0.7, 0.8), curve(0.1, 0.1, 0.1, 0.1)
    stops = replay([StopRule.MEDIAN], [bad, good, good, good], at_once=4, stop_after=2)
    # The others tell their second value only after it has told its own.
    assert {index: stop.step for index, stop in stops.items()} == {0: 3}


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=9), min_size=1, max_size=9),
    st.integers(1, 4),
    st.sampled_from(list(StopRule)),
)
def test_a_replay_ends_and_never_stops_all(runs: list[list[float]], at_once: int, rule: StopRule) -> None:
    curves = [curve(*values) for values in runs]
    stops = replay([rule], curves, at_once=at_once)
    assert len(stops) < len(curves)
    assert all(stop.step < curves[index].last_step for index, stop in stops.items())
