"""The rules that stop runs, against plain reference implementations."""

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.stopping.rules import Stop, StopRule, first_stop, stop_by

NAN = math.nan
COMPARING = [StopRule.MEDIAN, StopRule.ASHA]
VALUES = st.one_of(st.just(NAN), st.integers(-5, 5).map(float), st.sampled_from([math.inf, -math.inf]))
CURVES = st.lists(
    st.builds(
        lambda values, first, width: curve(*values, first=first, width=width),
        st.lists(VALUES, max_size=12),
        st.sampled_from([0.0, 1.0, 1.5]),
        st.sampled_from([0.5, 1.0, 3.0]),
    ),
    min_size=1,
    max_size=9,
)
STOP_AFTER = st.sampled_from([0.5, 1.0, 2.0, 3.0])


def curve(*values: float, first: float = 1.0, width: float = 1.0) -> Curve:
    """Return a curve with these values, at 1, 2, 3 unless its steps are others."""
    return with_points(Curve(), [Point(first + width * place, value) for place, value in enumerate(values)])


def numbers_up_to(one: Curve, step: float) -> list[float]:
    return [point.value for point in one.points if point.step <= step and not math.isnan(point.value)]


def plain_best(one: Curve, step: float, sign: float) -> float:
    """Return the best value up to a step, large is good; NaN is the worst."""
    return max((sign * value for value in numbers_up_to(one, step)), default=-math.inf)


def plain_mean(one: Curve, step: float, sign: float) -> float:
    numbers = numbers_up_to(one, step)
    mean = sum(numbers) / len(numbers) if numbers else NAN
    return -math.inf if math.isnan(mean) else sign * mean


def plain_median_stops(own: Curve, others: list[Curve], sign: float, stop_after: float) -> bool:
    lasts = sorted((other.last_step for other in others), reverse=True)
    if not own.points or len(lasts) < 3:
        return False
    step = min(own.last_step, lasts[2])
    if step < stop_after:
        return False
    usual = statistics.median(plain_mean(other, step, sign) for other in others if other.last_step >= step)
    return plain_best(own, math.inf, sign) < usual


def plain_asha_stops(own: Curve, others: list[Curve], sign: float, stop_after: float) -> bool:
    rungs = [stop_after * 3**k for k in range(20) if stop_after * 3**k <= own.last_step]
    if not rungs:
        return False
    there = [plain_best(other, rungs[-1], sign) for other in others if other.last_step >= rungs[-1]]
    own_best = plain_best(own, math.inf, sign)
    place = 1 + sum(value > own_best for value in there)
    return len(there) >= 2 and place > math.ceil((len(there) + 1) / 3)


@settings(max_examples=60)
@given(CURVES, st.booleans(), STOP_AFTER)
def test_median_is_what_a_plain_implementation_says(curves: list[Curve], ascending: bool, stop_after: float) -> None:
    own, *others = curves
    found = stop_by(StopRule.MEDIAN, own, others, ascending=ascending, stop_after=stop_after)
    assert (found is not None) == plain_median_stops(own, others, -1 if ascending else 1, stop_after)


@settings(max_examples=60)
@given(CURVES, st.booleans(), STOP_AFTER)
def test_asha_is_what_a_plain_implementation_says(curves: list[Curve], ascending: bool, stop_after: float) -> None:
    own, *others = curves
    found = stop_by(StopRule.ASHA, own, others, ascending=ascending, stop_after=stop_after)
    assert (found is not None) == plain_asha_stops(own, others, -1 if ascending else 1, stop_after)


@pytest.mark.parametrize("rule", COMPARING)
@settings(max_examples=60)
@given(CURVES, st.booleans(), STOP_AFTER)
def test_the_run_with_the_best_value_of_all_is_never_stopped(
    rule: StopRule, curves: list[Curve], ascending: bool, stop_after: float
) -> None:
    sign = -1 if ascending else 1
    best = max(range(len(curves)), key=lambda place: plain_best(curves[place], math.inf, sign))
    others = curves[:best] + curves[best + 1 :]
    assert stop_by(rule, curves[best], others, ascending=ascending, stop_after=stop_after) is None


@pytest.mark.parametrize("rule", COMPARING)
@settings(max_examples=60)
@given(CURVES, STOP_AFTER)
def test_a_rule_does_not_care_for_the_sign(rule: StopRule, curves: list[Curve], stop_after: float) -> None:
    own, *others = curves
    negative = [Curve(tuple(Point(point.step, -point.value) for point in one.points)) for one in curves]
    found = stop_by(rule, own, others, stop_after=stop_after)
    mirrored = stop_by(rule, negative[0], negative[1:], ascending=True, stop_after=stop_after)
    assert (found is None) == (mirrored is None)


@pytest.mark.parametrize("rule", COMPARING)
@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(1, 9))
def test_runs_that_are_equal_go_on(rule: StopRule, steps: int, count: int) -> None:
    one = curve(*[0.5] * steps)
    assert stop_by(rule, one, [one] * count) is None


@pytest.mark.parametrize("rule", COMPARING)
@settings(max_examples=60)
@given(CURVES)
def test_no_run_is_judged_before_its_time(rule: StopRule, curves: list[Curve]) -> None:
    own, *others = curves
    assert stop_by(rule, own, others, stop_after=own.last_step + 1) is None


@pytest.mark.parametrize("rule, fewest", [(StopRule.MEDIAN, 3), (StopRule.ASHA, 2)])
def test_few_others_say_nothing(rule: StopRule, fewest: int) -> None:
    own, other = curve(0.1), curve(0.9)
    assert [stop_by(rule, own, [other] * count) is not None for count in range(5)] == [n >= fewest for n in range(5)]


def test_others_that_have_not_come_so_far_are_compared_at_their_step() -> None:
    own, others = curve(0.1, 0.2, 0.3, 0.4), [curve(0.4, 0.8), curve(0.4, 0.8), curve(0.4, 0.8, 0.9)]
    found = stop_by(StopRule.MEDIAN, own, others)
    reason = "its best value 0.4 up to step 4 is below the median 0.6 of 3 others at step 2"
    assert found == Stop(StopRule.MEDIAN, reason, 4, 0.4)


def test_asha_says_how_many_it_keeps() -> None:
    found = stop_by(StopRule.ASHA, curve(9, 8, 7, 6), [curve(5, 5, 5), curve(5, 5), curve(9, 9, 5)], ascending=True)
    reason = "its best value 6 up to step 4 is not among the best 1 of 3 runs at step 3"
    assert found == Stop(StopRule.ASHA, reason, 4, 6)


@pytest.mark.parametrize("rule", COMPARING)
def test_a_run_without_a_number_is_the_worst(rule: StopRule) -> None:
    assert stop_by(rule, curve(NAN), [curve(0.1)] * 3) is not None
    assert stop_by(rule, curve(0.1), [curve(NAN)] * 3) is None


@pytest.mark.parametrize(
    "values, is_stopped",
    [((0.1, NAN, NAN), True), ((NAN, NAN), True), ((NAN,), False), ((NAN, NAN, 0.1), False), ((NAN, 0.1, NAN), False)],
)
def test_nan_twice_in_a_row_stops_a_run_unless_it_has_recovered(values: tuple[float, ...], is_stopped: bool) -> None:
    assert (stop_by(StopRule.NAN, curve(*values), []) is not None) == is_stopped


def test_infinity_is_a_number() -> None:
    assert stop_by(StopRule.NAN, curve(math.inf, math.inf, -math.inf), []) is None


def test_a_stop_for_nan_says_where() -> None:
    found = stop_by(StopRule.NAN, curve(0.1, NAN, NAN, width=0.5), [])
    assert found is not None
    assert (found.reason, found.step) == ("not a number twice in a row, at steps 1.5 and 2", 2)


@pytest.mark.parametrize("rule", StopRule)
def test_a_run_that_has_told_nothing_goes_on(rule: StopRule) -> None:
    assert stop_by(rule, Curve(), [curve(1)] * 5) is None


def test_of_several_rules_the_first_that_stops_a_run_counts() -> None:
    own, others = curve(0.1, NAN, NAN), [curve(0.9, 0.9, 0.9)] * 3
    rules = [StopRule.NAN, StopRule.MEDIAN]
    found = [first_stop(order, own, others) for order in (rules, rules[::-1])]
    assert [stop and stop.rule for stop in found] == rules
