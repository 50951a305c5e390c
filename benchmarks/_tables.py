"""Tables of precomputed scores: each configuration of a grid module in `tables`, and its score under each seed."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from _measure import ROOT

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks" / "tables"))
import make

if TYPE_CHECKING:
    from hpsearch.core.model import Configuration
    from hpsearch.samplers.candidates import Candidates

#: This share of the configurations is what a search looks for.
TOP = 0.01


@dataclass(frozen=True, eq=False)
class Table:
    """A grid whose scores are known.

    grid, conditions: as in the grid module. configurations: as hpsearch lists them.
    scores: shape (configurations, seeds), larger is better, NaN where the model failed.
    top: for each configuration, whether its mean is among the best; ties count as one.
    """

    name: str
    grid: dict[str, list[Any]]  # Any: whatever scikit-learn takes
    conditions: list[tuple[dict[str, list[Any]], dict[str, list[Any]]]]
    configurations: Sequence[Configuration]
    scores: Any  # Any: numpy's arrays
    top: Any

    @functools.cached_property
    def candidates(self) -> Candidates:
        """What a sampler chooses from."""
        return candidates_of(self.configurations)


def names() -> list[str]:
    """Return the names of all tables."""
    return make.names()


def load(name: str) -> Table:
    """Read a table. Raises SystemExit if its grid differs from the one in its module."""
    import numpy as np

    module, listed, path = make.grid_module(name), list(make.configurations(name)), make.FOLDER / f"{name}.csv"
    heading, *lines = path.read_text().splitlines()
    if heading != make.heading(listed):
        raise SystemExit(f"{path} is not of the grid in {name}.py; make it anew: {make.__file__} {name}")
    scores = np.array([[float(score or "nan") for score in line.split(",")] for line in lines])
    if module.get("_PERFORMANCE_SORT_ASC"):
        scores = -scores
    means = np.where(np.isfinite(scores).all(axis=1), scores.mean(axis=1), -np.inf)
    limit = np.sort(means)[-max(1, round(TOP * len(means)))]
    return Table(name, module["grid"], module["conditions"], listed, scores, means >= limit - 1e-12)


def candidates_of(configurations: Sequence[Configuration]) -> Candidates:
    """Number the values of each option in the order in which configurations first have them."""
    import numpy as np

    from hpsearch.samplers.candidates import CandidateOption, Candidates

    codes: dict[str, dict[object, int]] = {}
    for configuration in configurations:
        for name, value in configuration.options:
            known = codes.setdefault(name, {})
            known.setdefault(value, len(known) + 1)
    rows = np.zeros((len(configurations), len(codes)), dtype=np.int32)
    columns = {name: column for column, name in enumerate(codes)}
    for row, configuration in enumerate(configurations):
        for name, value in configuration.options:
            rows[row, columns[name]] = codes[name][value]
    return Candidates(tuple(CandidateOption(name, tuple(known)) for name, known in codes.items()), rows)
