"""The configurations that a search may run, as rows of codes."""

import numpy as np

from hpsearch.samplers.candidates import CandidateOption, Candidates


def candidates() -> Candidates:
    options = (CandidateOption("kernel", ("linear", "rbf")), CandidateOption("gamma", (0.1, "1e-3")))
    return Candidates(options, np.array([[1, 0], [2, 1], [2, 2]], np.int32))


def test_a_row_is_a_configuration_with_values_as_users_wrote_them() -> None:
    assert candidates().configuration(2).options == (("kernel", "rbf"), ("gamma", "1e-3"))


def test_a_configuration_lacks_the_options_with_code_0() -> None:
    assert candidates().configuration(0).options == (("kernel", "linear"),)
