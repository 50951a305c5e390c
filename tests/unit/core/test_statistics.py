"""Mean and spread: their texts keep the magnitude of large and small numbers; the tests agree with tables."""

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.errors import ConfigError
from hpsearch.core.statistics import (
    Spread,
    column_texts,
    decimals_of,
    divisor_text,
    mean_text,
    spread_of,
    statistic,
    statistics_lines,
    welch_p,
    worse_p,
)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.81, 0.79], ("0.800", "0.010")),
        ([1.0202, 0.9847, 1.0258, 0.9899, 0.9898], ("1.002", "0.017")),
        ([1.0998, 0.9002], ("1.00", "0.10")),
        ([0.5, 40.5], ("20.50", "20.00")),
        ([123456.0, 123458.0], ("123457.00", "1.00")),
        ([1e-5, 3e-5], ("0.000020", "0.000010")),
        ([3.5e24, 3.7e24], ("3.60e+24", "1.0e+23")),
        ([3.5e24, 3.5001e24], ("3.500050e+24", "5.0e+19")),
        ([2e-30, 4e-30], ("3.00e-30", "1.0e-30")),
        ([1e-11, 1e-11], ("0.000000000010", "0.000000000000")),
        ([1e-12, 1e-12], ("1.00e-12", "0.0e+00")),
        ([9e8, 9e8], ("900000000.00", "0.00")),
        ([1e9, 1e9], ("1.00e+09", "0.0e+00")),
        ([0.0, 0.0], ("0.00", "0.00")),
        ([5e12, 5e12], ("5.00e+12", "0.0e+00")),
        ([float("inf"), 1.0], ("inf", "nan")),
        ([], ("nan", "nan")),
    ],
)
def test_mean_and_spread_keep_their_magnitude(values: list[float], texts: tuple[str, str]) -> None:
    assert statistic("loss", values).texts == texts


def test_the_output_says_by_what_the_spread_divides() -> None:
    assert divisor_text(use_sem=False) == "std divides by n, the number of seeds (as numpy.std does)"
    assert divisor_text(use_sem=True) == f"sem is std / sqrt(n), where {divisor_text(use_sem=False)}"


def test_digits_that_are_asked_for_are_given() -> None:
    assert statistic("loss", [3.5e10, 3.7e10], decimals=1).texts == ("36000000000.0", "1000000000.0")


@pytest.mark.parametrize(
    ("said", "decimals"), [(None, [None, None]), (3, [3, 3]), ([1, 0], [1, 0])], ids=["nothing", "one for all", "each"]
)
def test_decimals_are_said_for_all_keywords_or_for_each(
    said: int | list[int] | None, decimals: list[int | None]
) -> None:
    assert decimals_of(said, ["acc", "loss"]) == decimals


def test_decimals_for_another_number_of_keywords_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        decimals_of([1, 2, 3], ["acc", "loss"])
    assert str(caught.value) == (
        "summary_precs has 3 numbers, summary_keys 2 keywords (acc, loss); "
        "expected one number for each keyword, or one for all"
    )


@pytest.mark.parametrize(("use_sem", "name", "spread"), [(False, "std", "1.41"), (True, "sem", "0.71")])
def test_statistics_are_told_line_by_line_and_as_a_row_for_latex(use_sem: bool, name: str, spread: str) -> None:
    loss, acc = (("val_loss", [0.0, 2.0, 4.0, 2.0]), ("acc", [0.5, None, 0.5, 0.5]))
    assert statistics_lines([statistic(*loss, use_sem), statistic(*acc, use_sem)], 4, use_sem) == [
        f"val_loss (mean +/- {name}): 2.00 +- {spread}",
        f"acc (mean +/- {name}): 0.50 +- 0.00 (3 of 4 seeds have a number)",
        "Number of seeds: 4",
        "",
        "Row of a LaTeX table:",
        r"val\_loss & acc",
        rf"2.00 $\pm$ {spread} & 0.50 $\pm$ 0.00",
    ]


NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)


@given(st.lists(NUMBERS, min_size=2))
def test_a_spread_is_what_python_s_own_statistics_say(numbers: list[float]) -> None:
    found = spread_of(numbers)
    assert found is not None
    deviation = statistics.stdev(numbers)
    expected = (statistics.fmean(numbers), deviation, deviation / math.sqrt(len(numbers)))
    assert (found.mean, found.std, found.sem) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert (found.count, found.low, found.high) == (len(numbers), min(numbers), max(numbers))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.integers(-300, 300), st.floats(-1e3, 1e3))
def test_mean_and_spread_are_those_of_exact_fractions_at_any_magnitude(
    numbers: list[float], power: int, offset: float
) -> None:
    numbers = [(number + offset) * 10.0**power for number in numbers]
    exact = [Fraction(number) for number in numbers]
    mean = sum(exact) / len(exact)
    squares = sum((number - mean) ** 2 for number in exact)
    # What the last bits of the numbers themselves decide.
    dust = 4 * math.ulp(max(map(abs, numbers))) * math.sqrt(len(numbers))
    found = spread_of(numbers)
    assert found is not None
    assert found.mean == pytest.approx(float(mean), rel=2.3e-16, abs=5e-324)
    assert found.std == pytest.approx(root(squares / (len(exact) - 1)), rel=1e-12, abs=dust)
    assert found.sem == pytest.approx(root(squares / (len(exact) - 1) / len(exact)), rel=1e-12, abs=dust)
    shown = statistic("loss", numbers)
    assert (shown.mean, shown.spread) == pytest.approx((found.mean, root(squares / len(exact))), rel=1e-12, abs=dust)


def root(square: Fraction) -> float:
    """Return the square root, also where the square is too large or too small for a float."""
    if not square:
        return 0.0
    scale = Fraction(2) ** ((square.numerator.bit_length() - square.denominator.bit_length()) // 2)
    return math.sqrt(square / scale**2) * float(scale)


def test_what_is_no_number_is_left_out_and_not_counted() -> None:
    assert spread_of([1.0, None, math.nan, 3.0]) == spread_of([1.0, 3.0])
    assert spread_of([None, math.nan]) is None


def test_numbers_too_large_together_have_a_mean_all_the_same() -> None:
    found = spread_of([1.7e308, 1.5e308])
    assert found is not None
    assert found.mean == pytest.approx(1.6e308)


def test_infinities_of_both_signs_have_no_mean() -> None:
    found = spread_of([math.inf, -math.inf])
    assert found is not None
    assert math.isnan(found.mean)


def test_one_number_has_no_spread() -> None:
    assert repr(spread_of([0.5])) == "Spread(count=1, mean=0.5, std=nan, sem=nan, low=0.5, high=0.5)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.946, 0.948, 0.951, 0.953, 0.957], "0.951 +- 0.004 (5)"),
        ([0.93, 0.95], "0.940 +- 0.014 (2)"),
        ([95.1, 95.9, 96.2], "95.7 +- 0.6 (3)"),
        ([0.5, 40.5], "20 +- 28 (2)"),
        ([3.5e24, 3.7e24], "3.60e+24 +- 1.4e+23 (2)"),
        ([0.1, 0.1, 0.1], "0.1 +- 0 (3)"),
        ([0.951234], "0.951234 (1)"),
        ([1.0, math.inf], "inf (2)"),
    ],
)
def test_a_mean_is_shown_with_its_spread_and_count(values: list[float], text: str) -> None:
    found = spread_of(values)
    assert found is not None
    assert mean_text(found) == text


@pytest.mark.parametrize(
    ("lists", "texts"),
    [
        ([[0.9, 0.92], [0.81, 0.812]], [("0.9100", "0.0141"), ("0.8110", "0.0014")]),
        ([[0.9, 0.92], [0.75], [0.5, 0.5]], [("0.910", "0.014"), ("0.750", ""), ("0.500", "0.000")]),
        ([[90, 92], [0.0001, 0.0002]], [("91.0", "1.4"), ("0.00015", "0.00007")]),
        ([[0.9, 0.92], [1e-6]], [("0.910", "0.014"), ("1e-06", "")]),
        ([[0.5], [0.123456789], [2]], [("0.500000", ""), ("0.123457", ""), ("2.000000", "")]),
        ([[1e-6], [2]], [("1e-06", ""), ("2", "")]),
        ([[2e24, 3e24], [0.9, 0.92]], [("2.50e+24", "7.1e+23"), ("0.910", "0.014")]),
        ([[math.inf], [0.5], [-math.inf]], [("inf", ""), ("0.5", ""), ("-inf", "")]),
        ([], []),
    ],
)
def test_a_column_has_one_number_of_decimals_unless_that_would_hide_one(
    lists: list[list[float]], texts: list[tuple[str, str]]
) -> None:
    assert column_texts([spread for values in lists if (spread := spread_of(values))]) == texts


def with_t(t: float, count: int) -> tuple[Spread, Spread]:
    """Two sets of numbers of the same size and spread, `t` apart: their test has 2 * (count - 1) degrees of freedom."""
    sem = 1 / math.sqrt(2)
    std = sem * math.sqrt(count)
    return Spread(count, 0.0, std, sem, 0.0, 0.0), Spread(count, t, std, sem, 0.0, 0.0)


@pytest.mark.parametrize(
    ("freedom", "t", "p"),
    [
        (4, 2.776445, 0.05),
        (4, 4.604095, 0.01),
        (8, 1.859548, 0.10),
        (10, 2.228139, 0.05),
        (10, 4.586894, 0.001),
        (30, 2.042272, 0.05),
        (120, 1.979930, 0.05),
        (1000, 2.580755, 0.01),
    ],
)
def test_the_test_agrees_with_tables_of_student_s_t(freedom: int, t: float, p: float) -> None:
    first, second = with_t(t, freedom // 2 + 1)
    assert welch_p(first, second) == pytest.approx(p, rel=1e-5)
    assert worse_p(first, second, ascending=True) == pytest.approx(p / 2, rel=1e-5)
    assert worse_p(first, second, ascending=False) == pytest.approx(1 - p / 2, rel=1e-5)


@given(st.lists(NUMBERS, min_size=3, max_size=6), st.lists(NUMBERS, min_size=3, max_size=6))
def test_the_tail_of_student_s_t_is_the_area_under_its_density(ones: list[float], others: list[float]) -> None:
    first, second = spread_of(ones), spread_of(others)
    assert first is not None and second is not None
    # The definition, written down plainly: t, the degrees of freedom of Welch and Satterthwaite, Simpson's rule.
    error = statistics.variance(ones) / len(ones), statistics.variance(others) / len(others)
    gap = statistics.fmean(others) - statistics.fmean(ones)
    if sum(error) < 1e-6 or abs(gap) < 1e-6:
        return
    freedom = sum(error) ** 2 / (error[0] ** 2 / (len(ones) - 1) + error[1] ** 2 / (len(others) - 1))
    widest, steps = math.atan(abs(gap) / math.sqrt(sum(error) * freedom)), 400
    weights = [1 if k in (0, steps) else 4 if k % 2 else 2 for k in range(steps + 1)]
    area = sum(w * math.cos(k * widest / steps) ** (freedom - 1) for k, w in enumerate(weights)) * widest / steps / 3
    scale = math.gamma((freedom + 1) / 2) / math.gamma(freedom / 2) / math.sqrt(math.pi)
    assert welch_p(first, second) == pytest.approx(1 - 2 * scale * area, abs=1e-6)


def spread(*values: float) -> Spread:
    """The spread of some values."""
    found = spread_of(values)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("best", "other", "two_sided", "one_sided"),
    [
        ((1.0, 2.0), (1.0, 2.0, 3.0), None, None),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), 1.0, 0.5),
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), 0.0, 0.0),
        ((2.0, 2.0, 2.0), (1.0, 1.0, 1.0), 0.0, 1.0),
        ((0.1, 0.1, 0.1), (0.1, 0.1, 0.1, 0.1, 0.1, 0.1), 1.0, 0.5),
        # They differ in the last bits only, which is no difference.
        ((1e6, 1e6 + 2.4e-10, 1e6), (1e6 + 2.4e-10, 1e6 + 2.4e-10, 1e6 + 2.4e-10), 1.0, 0.5),
        ((1e-6, 1e-6, 1e-6), (1.1e-6, 1.1e-6, 1.1e-6), 0.0, 0.0),
        ((1.0, 2.0, 3.0), (1.0, 2.0, math.inf), None, 0.0),
        ((1.0, 2.0, -math.inf), (1.0, 2.0, 3.0), None, 0.0),
        ((1.0, 2.0, math.inf), (1.0, 2.0, math.inf), None, None),
        ((1e200, 2e200, 3e200), (2e200, 3e200, 1e200), 1.0, 0.5),
        ((-1.7e308, 0.0, 1.7e308), (1.0, 2.0, 3.0), None, None),
    ],
)
def test_a_verdict_needs_three_numbers_that_can_be_compared(
    best: tuple[float, ...], other: tuple[float, ...], two_sided: float | None, one_sided: float | None
) -> None:
    assert welch_p(spread(*best), spread(*other)) == pytest.approx(two_sided)
    assert worse_p(spread(*best), spread(*other), ascending=True) == pytest.approx(one_sided)
