"""The tables of scores that benchmarks replay, and how two samplers are compared on them."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import pytest
from project import ROOT

FOLDER = ROOT / "benchmarks"
TABLES = sorted(path.stem for path in (FOLDER / "tables").glob("*.csv"))


def benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a module beside the benchmarks, as they do."""
    monkeypatch.setattr(sys, "path", [str(FOLDER), *sys.path])
    return importlib.import_module(name)


def test_every_grid_module_has_its_table(monkeypatch):
    assert benchmark("_tables", monkeypatch).names() == TABLES


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_score_for_each_seed_of_each_configuration_of_its_grid(name, monkeypatch):
    table = benchmark("_tables", monkeypatch).load(name)
    assert table.scores.shape == (len(table.candidates), 3)


@pytest.mark.parametrize("name", TABLES)
def test_candidates_of_a_table_are_its_configurations(name, monkeypatch):
    table = benchmark("_tables", monkeypatch).load(name)
    found = [table.candidates.configuration(row).as_dict() for row in range(len(table.candidates))]
    assert found == [configuration.as_dict() for configuration in table.configurations]


def test_a_table_of_another_grid_is_refused(monkeypatch, tmp_path):
    tables = benchmark("_tables", monkeypatch)
    (tmp_path / "rf_wine.py").write_text('grid = {"max_depth": [2, 3]}\nconditions = []\n')
    (tmp_path / "rf_wine.csv").write_text("# 2 configurations of another grid\n0.5\n0.6\n")
    monkeypatch.setattr(tables.make, "FOLDER", tmp_path)
    with pytest.raises(SystemExit, match=r"rf_wine\.csv is not of the grid in rf_wine\.py"):
        tables.load("rf_wine")


@pytest.mark.parametrize(
    "ours, theirs, p",
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], [5, 6, 7, 8, 9, 10, 11, 12], 0.011473060314716926),
        ([1, 1, 2, 2, 3, 9], [2, 2, 2, 3, 3], 0.5607185999900168),
        ([4, 4, 4], [4, 4, 4], 1.0),
    ],
)
def test_ranks_are_compared_as_scipy_compares_them(ours, theirs, p, monkeypatch):
    # scipy.stats.mannwhitneyu(ours, theirs, method="asymptotic", use_continuity=False); it has no p for equal samples.
    assert benchmark("samplers", monkeypatch).p_value(ours, theirs) == pytest.approx(p)
