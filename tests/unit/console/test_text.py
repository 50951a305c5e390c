"""Tables for people: a number in a cell that is too long never loses its magnitude."""

import pytest

from hpsearch.console.text import short_cell


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("3600000000000000000000000.0", "3600000000000000000000000.0"),
        ("3600000000000000000000000000000.0", "3.6e+30"),
        ("-0.000000000000000000000000001234567", "-1.23457e-27"),
        ("123456789" * 500, "1.23457e+4499"),
        ('"3.6e+24,4.1e+24,5.2e+24,6.3e+24"', '"3.6e+24,4.1e+24,5.2e+24,...'),
        ('"3.6e+24,4.1e+24,5.125e+24,6.3e+24"', '"3.6e+24,4.1e+24,...'),
        ("[1.5e-300, nan, -inf, 2.25e-123456]", "[1.5e-300, nan, -inf, ..."),
        ("[3600000000000000000000000000000.0, 1]", "[3.6e+30..."),
        ("a_name_that_is_longer_than_a_cell", "a_name_that_is_longer_tha..."),
        ("resnet-2024-01-01-12-00-00-abc", "resnet-2024-01-01-12-00-0..."),
        ("inf", "inf"),
    ],
)
def test_a_long_cell_is_cut_but_no_number_in_it(cell: str, shown: str) -> None:
    assert short_cell(cell) == shown
