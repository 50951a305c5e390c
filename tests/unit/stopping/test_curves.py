"""How the points of a run are put together, and the questions to them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.stopping.curves import MOST_POINTS, Curve, Point, with_points

VALUES = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6))
POINTS = st.lists(st.builds(Point, st.integers(0, 30).map(float), VALUES), max_size=40)


def curve_through(*values: float) -> Curve:
    """Return a curve with these values at 1, 2, 3."""
    return with_points(Curve(), [Point(step, value) for step, value in enumerate(values, start=1)])


def test_points_come_in_order_of_steps_and_the_newer_value_of_a_step_counts() -> None:
    curve = with_points(Curve((Point(1, 0.1), Point(3, 0.3))), [Point(2, 0.2), Point(3, 0.4)])
    assert curve.points == (Point(1, 0.1), Point(2, 0.2), Point(3, 0.4))


def test_a_curve_with_nothing_new_is_the_same_object() -> None:
    curve = curve_through(1.0)
    assert with_points(curve, []) is curve


@settings(max_examples=50)
@given(POINTS, st.integers(0, 31).map(float), st.booleans())
def test_best_and_mean_up_to_a_step_are_those_of_the_numbers(points: list[Point], step: float, ascending: bool) -> None:
    curve = with_points(Curve(), points)
    numbers = [point.value for point in curve.points if point.step <= step and not math.isnan(point.value)]
    best = (min if ascending else max)(numbers, default=math.nan)
    mean = sum(numbers) / len(numbers) if numbers else math.nan
    assert curve.best(ascending, step) == pytest.approx(best, nan_ok=True)
    assert curve.mean(step) == pytest.approx(mean, nan_ok=True)


@settings(max_examples=50)
@given(POINTS, POINTS)
def test_points_may_come_in_pieces(first: list[Point], second: list[Point]) -> None:
    assert str(with_points(with_points(Curve(), first), second)) == str(with_points(Curve(), [*first, *second]))


def test_a_long_curve_keeps_its_extremes_its_newest_points_and_its_length_within_bounds() -> None:
    values = [math.sin(step * step) for step in range(20_000)]
    curve = curve_through(*values)
    assert len(curve) <= MOST_POINTS
    assert (curve.best(True), curve.best(False)) == (min(values), max(values))
    assert [point.value for point in curve.points[-100:]] == values[-100:]


@pytest.mark.parametrize(("count", "at_once"), [(3000, 1), (20_000, 700), (20_000, 20_000)])
def test_the_mean_of_a_long_curve_counts_the_points_that_it_has_lost(count: int, at_once: int) -> None:
    values = [100.0 / (1 + step) if step % 7 else math.nan for step in range(count)]
    points, curve = [Point(step, value) for step, value in enumerate(values)], Curve()
    for start in range(0, count, at_once):
        curve = with_points(curve, points[start : start + at_once])
    numbers = [value for value in values if not math.isnan(value)]
    assert len(curve) <= MOST_POINTS
    assert curve.mean() == pytest.approx(sum(numbers) / len(numbers))


def test_an_empty_curve_has_come_nowhere() -> None:
    assert Curve().last_step == -math.inf
    assert math.isnan(Curve().best(ascending=False))
