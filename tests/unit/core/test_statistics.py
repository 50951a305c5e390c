"""Mean and spread as texts: neither large nor small numbers lose their magnitude."""

import pytest

from hpsearch.core.statistics import spread_text, statistic


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
        ([5e12, 5e12], ("5.00e+12", "0.0e+00")),
        ([float("inf"), 1.0], ("inf", "nan")),
        ([], ("nan", "nan")),
    ],
)
def test_mean_and_spread_keep_their_magnitude(values: list[float], texts: tuple[str, str]) -> None:
    assert statistic("loss", values).texts == texts


def test_the_output_says_by_what_the_spread_divides() -> None:
    assert spread_text(use_sem=False) == "std divides by n, the number of seeds (as numpy.std does)"
    assert spread_text(use_sem=True) == f"sem is std / sqrt(n), where {spread_text(use_sem=False)}"


def test_digits_that_are_asked_for_are_given() -> None:
    assert statistic("loss", [3.5e10, 3.7e10], decimals=1).texts == ("36000000000.0", "1000000000.0")
