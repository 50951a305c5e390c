"""The digits of the real package, from its own file."""

import sys
from pathlib import Path

import numpy as np


def load_digits(return_X_y):
    files = [Path(place, "sklearn", "datasets", "data", "digits.csv.gz") for place in sys.path]
    rows = np.loadtxt(next(file for file in files if file.exists()), delimiter=",")
    assert return_X_y
    return rows[:, :-1], rows[:, -1].astype(int)
