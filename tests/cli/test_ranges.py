"""Searches over ranges, drawn from a Sobol sequence: run, killed and resumed, extended, from a file."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from project import Project, journal_has, rows, wait_until

from hpsearch import IntUniform, LogUniform, Uniform

GRID = {"x": LogUniform(1e-5, 1e-1), "opt": ["adam", "sgd"]}
CONDITIONS = [({"opt": ["sgd"]}, {"momentum": Uniform(0, 1)}), ({"x": Uniform(0.01, 1)}, {"warm_up": IntUniform(1, 9)})]
MODULE = f"from hpsearch import IntUniform, LogUniform, Uniform\ngrid = {GRID}\nconditions = {CONDITIONS}\n"
SOBOL = ("--sampler=sobol", "--num_searches=8", "--out_dir=out", "--force_out_dir")


@pytest.fixture
def ranges(project: Project) -> Project:
    project.grid({}, more=MODULE)
    return project


def commands(folder: Path) -> list[str]:
    return [line for line in folder.joinpath("commands_wo_dirs.sh").read_text().splitlines() if "--x=" in line]


def test_a_search_takes_as_many_configurations_of_ranges_as_are_wanted(ranges: Project) -> None:
    result = ranges.search(*SOBOL)
    assert f"grid: 2 configurations and 3 ranges (x, momentum, warm_up) in {ranges.path / 'config.py'}" in result.stderr
    assert "runs: 8 drawn from a Sobol sequence (seed 42)" in result.stderr
    found = rows(result.folder)
    assert sorted(row["opt"] for row in found) == ["adam"] * 4 + ["sgd"] * 4
    assert sorted(int(f"{float(row['x']):e}"[-1]) for row in found) == [2, 2, 3, 3, 4, 4, 5, 5]
    assert all(bool(row["momentum"]) == (row["opt"] == "sgd") for row in found)
    assert all(bool(row["warm_up"]) == (float(row["x"]) >= 0.01) for row in found)


def test_a_search_of_the_whole_grid_refuses_ranges_and_writes_nothing(ranges: Project) -> None:
    refused = ranges.run("--out_dir=out", "--num_searches=8")
    assert (refused.exit_status, refused.stdout) == (2, "")
    assert refused.stderr == (
        f"hpsearch: {ranges.path / 'config.py'}: x, momentum and warm_up are ranges: --sampler=random, sobol, bayes or "
        "optuna takes values from them; for a grid write lists\n"
    )
    assert not (ranges.path / "out").exists()


def test_a_killed_search_goes_on_as_planned_and_is_extended_along_its_sequence(ranges: Project) -> None:
    more = ranges.run(*SOBOL, "--dry_run", "--num_searches=12").stdout.splitlines()
    controller = ranges.start(*SOBOL, "--set=until=go", "--set=x=LogUniform(1e-5,1e-1)")
    wait_until(lambda: journal_has(ranges.path / "out", "submitted", 1), "a live run")
    controller.kill()
    controller.communicate()
    planned = commands(ranges.path / "out")
    # Resuming needs the journal alone.
    ranges.path.joinpath("config.py").rename(ranges.path / "aside")
    ranges.go()
    assert ranges.run("--resume=out").exit_status == 0
    assert commands(ranges.path / "out") == planned
    ranges.path.joinpath("aside").rename(ranges.path / "config.py")
    said = ranges.ask("extend", "out", "--num_searches=12")
    assert "runs: 8 finished already, 4 new" in said.stderr
    xs = [line.partition("--x=")[2].partition(" ")[0] for line in commands(ranges.path / "out")]
    assert xs == [line.partition("--x=")[2].partition(" ")[0] for line in more]


def test_the_readable_copy_of_a_pickled_grid_has_its_ranges(ranges: Project) -> None:
    ranges.path.joinpath("c.pickle").write_bytes(pickle.dumps({"grid": GRID, "conditions": CONDITIONS}))
    ranges.grid({"x": [1]})
    first = ranges.search(*SOBOL, "--grid_config=c.pickle").folder
    assert json.loads((first / "c.json").read_text()) == {
        "grid": {"x": {"log_uniform": [1e-05, 0.1]}, "opt": ["adam", "sgd"]},
        "conditions": [
            [{"opt": ["sgd"]}, {"momentum": {"uniform": [0, 1]}}],
            [{"x": {"uniform": [0.01, 1]}}, {"warm_up": {"int_uniform": [1, 9]}}],
        ],
    }
    again = ranges.search(*SOBOL, "--out_dir=again", f"--grid_config={first / 'c.json'}").folder
    assert commands(again) == commands(first)
