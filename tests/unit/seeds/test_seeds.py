"""Seeds: statistics, which seeds are missing, and which configurations are the same."""

from __future__ import annotations

import argparse
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.config.options import SearchOptions
from hpsearch.core.configurations import seed_in
from hpsearch.core.errors import ConfigError
from hpsearch.core.statistics import decimals_of, statistic, statistics_lines
from hpsearch.folder.run_files import RunConfiguration, is_within, options_of, read_configuration
from hpsearch.seeds.call import search_call
from hpsearch.seeds.options import SeedsOptions, parse_seeds_options
from hpsearch.seeds.plan import seed_grid
from hpsearch.seeds.runs import difference

measured = st.floats(min_value=-1e6, max_value=1e6).map(lambda value: round(value, 6))


@given(st.lists(measured, min_size=1, max_size=20))
def test_mean_and_spread_are_those_of_numpy(values: list[float]) -> None:
    found = statistic("acc", values)
    assert found.mean == pytest.approx(np.mean(values), rel=1e-9, abs=1e-9 * max(map(abs, values)))
    assert found.spread == pytest.approx(np.std(values), rel=1e-6, abs=1e-9 * max(map(abs, values)))


def test_the_standard_error_is_the_deviation_over_the_root_of_the_number() -> None:
    assert statistic("acc", [1, 2, 3, 4], use_sem=True).spread == pytest.approx(math.sqrt(1.25) / 2)


def test_runs_without_a_number_are_left_out_of_a_keyword() -> None:
    found = statistic("acc", [1.0, None, math.nan, 3.0])
    assert (found.mean, found.spread, found.count) == (2.0, 1.0, 2)
    assert statistics_lines([found], 4, False)[0] == ("acc (mean +/- std): 2.00 +- 1.00 (2 of 4 seeds have a number)")


def test_a_keyword_without_any_number_is_nan() -> None:
    assert statistic("acc", [None]).texts == ("nan", "nan")


@pytest.mark.parametrize("values", [[math.inf, 1.0], [math.inf, -math.inf], [1e308, 1e308, 1e308]])
def test_huge_numbers_do_no_harm(values: list[float]) -> None:
    found = statistic("loss", values)
    assert (found.count, math.isfinite(found.mean)) == (len(values), values[0] == 1e308)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([94.75, 95.25], ("95.00", "0.25")),
        ([0.5, 0.7], ("0.60", "0.10")),
        ([0.00012, 0.00014], ("0.000130", "0.000010")),
        ([0.7, 0.7, 0.7], ("0.70", "0.00")),
        ([0.0002, 0.0002], ("0.00020", "0.00000")),
        ([0.0, 0.0], ("0.00", "0.00")),
        ([1e-30, 3e-30], ("2.00e-30", "1.0e-30")),
    ],
)
def test_there_are_as_many_decimals_as_show_the_spread(values: list[float], texts: tuple[str, str]) -> None:
    assert statistic("loss", values).texts == texts


def test_the_number_of_decimals_can_be_given_for_all_or_each() -> None:
    assert decimals_of(3, ["a", "b"]) == [3, 3]
    assert decimals_of([1, 0], ["a", "b"]) == [1, 0]
    assert decimals_of(None, ["a"]) == [None]
    with pytest.raises(ConfigError, match="summary_precs has 1 numbers, summary_keys 2 keywords"):
        decimals_of([1], ["a", "b"])


def test_the_lines_hold_a_row_of_a_latex_table() -> None:
    statistics = [statistic("acc_test", [1, 2], True, decimals=1), statistic("loss", [3, 3], decimals=0)]
    assert statistics_lines(statistics, 2, True) == [
        "acc_test (mean +/- sem): 1.5 +- 0.4",
        "loss (mean +/- sem): 3 +- 0",
        "Number of seeds: 2",
        "",
        "Row of a LaTeX table:",
        r"acc\_test & loss",
        r"1.5 $\pm$ 0.4 & 3 $\pm$ 0",
    ]


def test_the_grid_has_one_configuration_a_seed() -> None:
    grid, conditions = seed_grid({"lr": 0.1, "random_seed": 42}, ("random_seed", "data_random_seed"), [1, 2])
    assert grid == {"lr": [0.1], "random_seed": [1, 2]}
    assert [(condition.when, condition.then) for condition in conditions] == [
        ({"random_seed": [1]}, {"data_random_seed": [1]}),
        ({"random_seed": [2]}, {"data_random_seed": [2]}),
    ]


@pytest.mark.parametrize(("value", "seed"), [(3, 3), ("3", 3), ("x", None), (None, None)])
def test_a_seed_is_a_whole_number(value: object, seed: int | None) -> None:
    assert seed_in({"random_seed": value}, ("random_seed",)) == seed


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ({"lr": "0.10"}, {"lr": 0.1}, ""),
        ({"lr": 0.1}, {"lr": 0.2}, "--lr=0.1 instead of --lr=0.2"),
        ({"lr": 0.1}, {}, ""),
        ({"flag": True}, {"flag": False}, "--flag instead of no --flag"),
        ({"flag": True}, {}, "--flag instead of no --flag"),
        ({"flag": False}, {}, ""),
        ({"name": '"a"'}, {"name": "a"}, ""),
        ({"seed": 1}, {"seed": 2}, ""),
    ],
)
def test_configurations_differ_if_their_commands_do(
    one: dict[str, object], other: dict[str, object], found: str
) -> None:
    assert difference(RunConfiguration(one, True), RunConfiguration(other, True), ["seed"]) == found


def test_a_namespace_stands_for_the_options_it_was_made_of() -> None:
    assert options_of({"lr": 0.1, "flag": False, "unset": None}, {}) == {"lr": 0.1, "flag": False}


def test_the_command_tells_values_that_a_pickle_does_not(tmp_path: Path) -> None:
    (tmp_path / "config.pickle").write_bytes(pickle.dumps(argparse.Namespace(sizes=[1, 2], lr=0.1, unset=None)))
    (tmp_path / "hpsearch_command.sh").write_text("#!/bin/sh\npython3 train.py --sizes=1,2 --lr=0.1\n")
    found = read_configuration(tmp_path, "train.py")
    assert found is not None
    assert (found.options, found.is_complete) == ({"sizes": "1,2", "lr": 0.1}, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("./out/run/logs", True), ("out/run", True), ("/w/out/run/x", True), ("./out/runner", False), ("run", False)],
)
def test_a_place_inside_the_run_is_recognised(value: str, expected: bool) -> None:
    assert is_within(value, Path("/w/out/run"), "./out/run", Path("/w")) is expected


def test_the_call_goes_to_the_folder_in_which_the_module_name_begins() -> None:
    search = SearchOptions(grid_module="sims.my_sim.config", out_dir="/o", run_cwd="/r")
    call = search_call(search, Path("/my root/sims/my_sim/config.py"), SeedsOptions())
    assert call.startswith("cd '/my root' && ")
    assert call.endswith(" -m hpsearch.hpsearch --grid_module=sims.my_sim.config --out_dir=/o --run_cwd=/r")


def test_a_resumed_gathering_is_told_which_defaults_were_said_by_hand() -> None:
    words = ["--run_dir=x", "--slurm_mem=8G", "--num_jobs=3", "--random_seed=42"]
    options = parse_seeds_options(words, SeedsOptions())
    assert options.resume_argv == ["--num_jobs=3", "--slurm_mem=8G"]
