"""Distances between candidates in one option."""

from __future__ import annotations

import numpy as np
import pytest
from sampler_spaces import product

from hpsearch.samplers.candidates import CandidateOption
from hpsearch.samplers.features import Feature, features_of, number_in_value, positions


@pytest.mark.parametrize(
    "value, number",
    [
        *((1, 1.0), (0.5, 0.5), ("1e-3", 1e-3), (np.float32(0.5), 0.5), ('"8"', 8.0)),
        *(
            (True, None),
            (None, None),
            ("adam", None),
            ([1], None),
            ("nan", None),
            (float("inf"), None),
            (np.True_, None),
        ),
    ],
)
def test_a_number_is_what_a_script_reads_as_one(value: object, number: float | None) -> None:
    assert number_in_value(value) == number


@pytest.mark.parametrize("listed", [[1e-4, 1e-3, 1e-2, 1e-1], [16, 32, 64, 128], [0.0, 0.25, 0.5, 0.75]])
def test_even_steps_on_a_plain_or_a_logarithmic_scale_are_even(listed: list[float]) -> None:
    assert np.diff(positions(listed)) == pytest.approx([1 / 3] * 3)


def test_an_uneven_step_is_halfway_between_its_own_length_and_an_even_one() -> None:
    assert positions([0.0, 0.1, 1.0]) == pytest.approx([0.0, (0.1 + 0.5) / 2, 1.0])


@pytest.mark.parametrize(
    "listed", [[], [3.0], [3.0, 3.0], [-1e308, 1e308], [5e-324, 1.0], [1e300, np.nextafter(1e300, 2e300)]]
)
def test_places_lie_between_0_and_1(listed: list[float]) -> None:
    assert all(0 <= position <= 1 for position in positions(listed))


def distances(*values: object) -> list[list[float]]:
    """Return the squared distances between candidates with these values, None for one without the option."""
    option = CandidateOption("o", tuple(values))
    codes = np.array([0 if value == "absent" else code for code, value in enumerate(values, start=1)])
    feature = Feature(option, codes)
    every = np.arange(len(values))
    found: list[list[float]] = np.round(feature.squared_distances(every, every).astype(float), 5).tolist()
    return found


def test_words_are_the_same_or_not() -> None:
    assert distances("adam", "sgd", None) == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]


def test_numbers_are_as_far_apart_as_their_places() -> None:
    assert distances(1, "2", 3.0) == [[0, 0.25, 1], [0.25, 0, 0.25], [1, 0.25, 0]]


def test_a_word_among_numbers_is_near_their_middle() -> None:
    assert distances(1, 2, 3, "auto")[3] == [0.65, 0.4, 0.65, 0]


def test_an_absent_option_is_a_word_of_its_own() -> None:
    assert distances("absent", "x", "y")[0] == [0, 1, 1]


def test_an_option_that_is_the_same_everywhere_is_no_feature() -> None:
    assert len(features_of(product(a=[1, 2], b=[1], c=["x", "y"]))) == 2
