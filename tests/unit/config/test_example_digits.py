"""The example of handwritten digits: its script really trains, and its grid module fits the script."""

import argparse
import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from project import ROOT

from hpsearch.config.grid_module import SearchConfig, config_from_module
from hpsearch.core.coding import Order
from hpsearch.core.space import enumerate_space
from hpsearch.core.summary import is_finished, parse_summary

DIGITS = ROOT / "examples" / "digits"
#: Where this comes first on the path, the example does not import scikit-learn, which takes two seconds.
STANDIN = ROOT / "tests" / "standins" / "digits"
Trained = tuple[Path, subprocess.CompletedProcess[str]]
FAST = ["--num_epochs=3", "--optimizer=adam", "--lr=0.01", "--hidden_units=16", "--standardize"]


def train(out_dir: Path, *options: str, path: str = str(STANDIN)) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(DIGITS / "train.py"), *options, f"--out_dir={out_dir}"]
    env = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        argv, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False, env=env
    )


def skip_without_digits() -> None:
    if importlib.util.find_spec("sklearn") is None:
        pytest.skip("scikit-learn has the digits, and is not installed")


def grid_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_config", DIGITS / "hpsearch_config.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A run that has learnt a little, with the real package."""
    skip_without_digits()
    folder = tmp_path_factory.mktemp("digits") / "a run"
    return folder, train(folder, *FAST, path="")


@pytest.fixture
def config() -> SearchConfig:
    return config_from_module(grid_module(), "digits_config")


def test_training_learns_and_leaves_a_finished_summary(trained: Trained, config: SearchConfig) -> None:
    folder, ended = trained
    assert (ended.returncode, ended.stderr) == (0, "")
    text = (folder / config.settings.summary_filename).read_text()
    summary = parse_summary(text, config.settings.summary_keywords, config.settings.summary_filename)
    assert is_finished(summary)
    assert summary["num_epochs"] == ["3"]
    assert str(summary["acc_val_per_epoch"][0]).count(",") == 2
    assert 85 < float(str(summary["acc_val"][0])) < 100
    assert [line.split(":")[0] for line in ended.stdout.splitlines()[:3]] == ["epoch 1", "epoch 2", "epoch 3"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.pickle",
        "config.pickle",
        config.settings.summary_filename,
    ]


def test_the_options_of_a_run_can_be_read_back(trained: Trained) -> None:
    folder, _ = trained
    options = pickle.loads((folder / "config.pickle").read_bytes())
    assert options == argparse.Namespace(
        out_dir=str(folder), resume_from=None, optimizer="adam", lr=0.01, momentum=0.0, weight_decay=0.0,
        hidden_units=16, batch_size=32, num_epochs=3, standardize=True, random_seed=42, data_random_seed=42,
    )  # fmt: skip


def test_a_run_that_goes_on_trains_the_rest_only(trained: Trained, tmp_path: Path) -> None:
    earlier, _ = trained
    ended = train(tmp_path / "on", *FAST[1:], "--num_epochs=4", f"--resume_from={earlier}")
    told = [line.split(":")[0] for line in ended.stdout.splitlines()[:2]]
    assert told == [f"going on behind epoch 3 of {earlier}", "epoch 4"]
    before, after = (
        (folder / "performance_overview.txt").read_text().split("\n") for folder in (earlier, tmp_path / "on")
    )
    assert after[3].startswith(before[3] + " ")


def test_a_folder_that_exists_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    refused = train(tmp_path, *FAST)
    message = f"train.py: {tmp_path} exists already; name another folder with --out_dir, or move it away\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (1, "", message)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_diverges_stops_unfinished(tmp_path: Path, config: SearchConfig) -> None:
    skip_without_digits()
    ended = train(tmp_path / "run", "--lr=1e300")
    assert (ended.returncode, ended.stderr) == (1, "train.py: training diverged in epoch 1; try a smaller --lr\n")
    text = (tmp_path / "run" / config.settings.summary_filename).read_text()
    assert not is_finished(parse_summary(text, config.settings.summary_keywords, config.settings.summary_filename))


def test_the_grid_has_the_14_configurations_its_comment_counts(config: SearchConfig) -> None:
    space = enumerate_space(config.grids, config.conditions, Order(deterministic=True))
    assert len(space) == 14
    assert [condition.problem for condition in space.report.conditions if condition.problem] == []


def test_every_option_of_the_grid_is_one_of_the_script(config: SearchConfig) -> None:
    pytest.importorskip("numpy")
    known = train(Path("unused"), "--help").stdout
    space = enumerate_space(config.grids, config.conditions, Order(deterministic=True))
    assert [name for name in space.option_names if f"--{name}" not in known] == []


@pytest.mark.parametrize("acc_val, is_kept", [("90", True), ("89.9", False), ("nan", False)])
def test_runs_below_the_criterion_are_not_kept(config: SearchConfig, acc_val: str, is_kept: bool) -> None:
    assert config.performance_eval is not None
    assert config.performance_eval({"acc_val": [acc_val]}, 90.0) is is_kept
