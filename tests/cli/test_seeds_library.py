"""Gathering seeds from users' own scripts, as they were written for the older tool."""

from __future__ import annotations

import pickle
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
from project import GRID, Project, Result

from .seeds_project import KEYWORDS, SEEDS_SCRIPT, commands_in, seeds_of

#: A user's script, in a simulation's folder.
MINE = """\
import __init__
from hpsearch import gather_random_seeds

FORCED_PARAMS = {"lr": "0.7", "flag": True}

if __name__ == "__main__":
    gather_random_seeds.run("sims.my_sim.hpsearch_config", ignore_kwds=["name"], forced_params=FORCED_PARAMS,
        summary_keys=["acc"], summary_sem=True, summary_precs=[3], hpmod_path="../../hpsearch")
"""
#: What such folders have beside it: relative to the current folder, as old code is, or to the file.
INIT = "import sys\nsys.path.insert(0, '../..')\n"
INIT_OF_FILE = "import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), '../..'))\n"


@pytest.fixture
def sim(project: Project, checkout: Callable[[Path], Path]) -> Path:
    """A simulation two folders below the root of a checkout, with a run that was started by hand."""
    checkout(project.path)
    folder = project.path / "sims" / "my_sim"
    run = folder / "out" / "example_run"
    run.mkdir(parents=True)
    (folder / "train.py").write_text(SEEDS_SCRIPT)
    module = GRID.format(grid={"lr": [1]}, conditions=[], script="train.py", keywords=list(KEYWORDS))
    (folder / "hpsearch_config.py").write_text(module)
    (folder / "__init__.py").write_text(INIT)
    (folder / "gather_seeds_mine.py").write_text(MINE)
    config = Namespace(lr=0.5, name="x", flag=False, unset=None, random_seed=7, out_dir="./out/example_run")
    (run / "config.pickle").write_bytes(pickle.dumps(config))
    (run / "summary.txt").write_text("acc 5\nword x\nfinished 1\n")
    return folder


def python(cwd: Path, *words: str) -> Result:
    """Run a script where the package is found through the user's own code only."""
    return Project(cwd).command(["env", "-u", "PYTHONPATH", sys.executable, *words])


RESULTS = Path("out/random_seeds/example_run")
COMMANDS = [["--lr=0.7", "--flag", f"--random_seed={seed}"] for seed in range(2)]


@pytest.mark.parametrize(
    ("cwd", "init", "words"),
    [
        ("sims/my_sim", INIT, ["gather_seeds_mine.py", "--run_dir=out/example_run"]),
        ("sims/my_sim", INIT, ["gather_seeds_mine.py", "--run_dir=./out/example_run", "--run_cwd={sim}"]),
        (".", INIT_OF_FILE, ["sims/my_sim/gather_seeds_mine.py", "--run_dir=out/example_run", "--run_cwd=sims/my_sim"]),
        (
            ".",
            INIT_OF_FILE,
            ["sims/my_sim/gather_seeds_mine.py", "--run_dir=sims/my_sim/out/example_run", "--run_cwd={sim}"],
        ),
        ("sims", INIT_OF_FILE, ["my_sim/gather_seeds_mine.py", "--run_dir=my_sim/out/example_run", "--run_cwd=my_sim"]),
    ],
)
def test_a_script_of_a_user_starts_from_several_folders(sim: Path, cwd: str, init: str, words: list[str]) -> None:
    (sim / "__init__.py").write_text(init)
    root = sim.parent.parent
    argv = [word.format(sim=sim) for word in words]
    result = python(root / cwd, *argv, "--num_seeds=3", "--start_gathering", "--visible_gpus=-1")
    assert result.exit_status == 0, result.stderr
    assert commands_in(sim / RESULTS) == COMMANDS
    lines = (sim / RESULTS / "seeds_summary_text.txt").read_text().splitlines()
    assert lines[:2] == ["acc (mean +/- sem): 6.337 +- 0.546", "Number of seeds: 3"]


def test_in_place_from_inside_the_package(sim: Path) -> None:
    result = python(
        sim.parent.parent / "hpsearch",
        "gather_random_seeds.py",
        "--grid_module=sims.my_sim.hpsearch_config",
        "--run_dir=../sims/my_sim/out/example_run",
        f"--run_cwd={sim}",
        "--num_seeds=2",
        "--start_gathering",
        "--visible_gpus=-1",
    )
    assert result.exit_status == 0, result.stderr
    assert seeds_of(commands_in(sim / RESULTS)) == ["0"]


def test_the_printed_call_of_a_script_works_from_anywhere(sim: Path, tmp_path: Path) -> None:
    printed = python(sim, "gather_seeds_mine.py", "--run_dir=out/example_run", "--num_seeds=3", "--visible_gpus=-1")
    assert printed.exit_status == 0, printed.stderr
    result = Project(tmp_path).command(["env", "-u", "PYTHONPATH", "sh", "-c", printed.stdout.splitlines()[0]])
    assert result.exit_status == 0, result.stderr
    assert commands_in(sim / RESULTS) == COMMANDS


def test_a_script_ends_with_the_exit_status_of_the_search(sim: Path) -> None:
    (sim / "train.py").write_text("import sys; sys.exit('it went wrong')\n")
    options = ("--run_dir=out/example_run", "--num_seeds=3", "--start_gathering", "--visible_gpus=-1")
    assert python(sim, "gather_seeds_mine.py", *options).exit_status == 1
    assert python(sim, "gather_seeds_mine.py", "--run_dir=nowhere").exit_status == 2


def test_a_configuration_from_a_script_is_gathered_from_scratch(sim: Path) -> None:
    (sim / "start.py").write_text(
        "import __init__, argparse\nfrom hpsearch import gather_random_seeds\n"
        "config = argparse.Namespace(lr=0.3, flag=False, unset=None, random_seed=5, out_dir='never')\n"
        "gather_random_seeds.run(grid_module='hpsearch_config', config=config, results_dir='mine')\n"
        "assert config.out_dir == 'never'\nprint('went on')\n"
    )
    options = ("--config_name=abc", "--num_seeds=2", "--start_gathering", "--visible_gpus=-1")
    result = python(sim, "start.py", *options)
    assert result.exit_status == 0, result.stderr
    assert result.stdout.splitlines()[1:] == [str(sim / "mine" / "abc" / "seeds_summary_text.txt"), "went on"]
    assert commands_in(sim / "mine" / "abc") == [["--lr=0.3", f"--random_seed={seed}"] for seed in (0, 1)]
    refused = python(sim, "start.py", "--run_dir=out/example_run")
    assert (refused.exit_status, refused.stdout) == (2, "")
    assert "the script that was started sets the configuration itself" in refused.stderr


def test_seeds_are_summed_up_by_a_function(sim: Path) -> None:
    for seed in (3, 4):
        run = sim / "gathered" / f"run{seed}"
        run.mkdir(parents=True)
        (run / "config.pickle").write_bytes(pickle.dumps(Namespace(lr=0.5, random_seed=seed)))
        (run / "other.txt").write_text(f"acc {seed}\nfinished 1\n")
    (sim / "sum.py").write_text(
        "import __init__\nfrom hpsearch.gather_random_seeds import write_seeds_summary\n"
        "print(write_seeds_summary('gathered', ['acc'], False, 1, ret_seeds=True, summary_fn='other.txt',"
        " seeds_summary_fn='sum.txt'))\n"
        "print(write_seeds_summary('gathered', ['acc'], False, None, summary_fn='other.txt'))\n"
    )
    result = python(sim, "sum.py")
    assert (result.stdout, result.stderr) == ("[3, 4]\nNone\n", "")
    assert (sim / "gathered" / "sum.txt").read_text().startswith("acc (mean +/- std): 3.5 +- 0.5\nNumber of seeds: 2\n")


def test_the_function_uses_the_configuration_that_was_read_before(sim: Path) -> None:
    (sim / "sum.py").write_text(
        "import __init__, hpsearch_config\nfrom hpsearch import gather_random_seeds, hpsearch\n"
        "hpsearch._read_config(hpsearch_config)\n"
        "print(gather_random_seeds.write_seeds_summary('out', None, False, None, ret_seeds=True))\n"
    )
    result = python(sim, "sum.py")
    assert (result.stdout, result.stderr) == ("[7]\n", "")
    assert (sim / "out" / "seeds_summary_text.txt").exists()
