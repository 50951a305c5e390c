"""The user's own folders with names like ours are never hidden, however a search is started."""

from __future__ import annotations

import pickle
import shutil
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest
from project import GRID, PYTHON_SCRIPT, Project, Result

from hpsearch.user_code.import_paths import OUR_PACKAGES

#: A fixture of this folder: makes a folder one with the package in it.
Checkout = Callable[[Path], Path]
#: A grid module that looks at all these folders beside it.
LOOKS = f"""
import importlib, os
for name in {OUR_PACKAGES}:
    found = os.path.realpath(importlib.import_module(name + ".mine").__file__)
    assert found == os.path.realpath(os.path.join(os.path.dirname(__file__), name, "mine.py")), found
"""
INIT = "import __init__\nassert __init__.__version__\n"
RUN = "out/sim_20240101000000_1"
PYTHON = sys.executable
#: What the installed command executes.
COMMAND = "import sys\nfrom hpsearch.__main__ import main\nsys.exit(main())\n"


def clone(checkout: Checkout, root: Path, sim: Path, with_init: bool, more: str = "") -> Project:
    """Write a clone without an installed package, and a simulation with folders like ours beside it."""
    checkout(root)
    for folder in (sim / name for name in OUR_PACKAGES):
        folder.mkdir(parents=True)
        (folder / "mine.py").touch()
        if with_init:
            (folder / "__init__.py").touch()
    (sim / "train.py").write_text(PYTHON_SCRIPT)
    grid = GRID.format(grid={"x": [1]}, conditions=[], script="train.py", keywords=["acc", "finished"])
    (sim / "hpsearch_config.py").write_text(more + LOOKS + grid)
    (sim / RUN).mkdir(parents=True)
    (sim / RUN / "summary.txt").write_text("acc 1\nfinished 1\n")
    (sim / RUN / "config.pickle").write_bytes(pickle.dumps(Namespace(x=1, random_seed=3, out_dir=RUN)))
    (root / "bin").mkdir()
    (root / "bin" / "hpsearch").write_text(COMMAND)
    return Project(root)


def start(project: Project, cwd: Path, *words: str) -> Result:
    """Start Python; the installed command finds the package in any folder, everything else finds it itself."""
    path = str(project.path) if words[0].endswith("bin/hpsearch") else ""
    return Project(cwd).command(["env", f"PYTHONPATH={path}", PYTHON, *words])


SEARCH = ("--grid_module=hpsearch_config", "--dry_run")
WAYS: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "a file": lambda root: (f"{root}/hpsearch/hpsearch.py", *SEARCH),
    "a file, resolved": lambda root: (f"{root}/bin/../hpsearch/hpsearch.py", *SEARCH),
    "a copy": lambda root: ("hpsearch.py", *SEARCH),
    "a command": lambda root: (f"{root}/bin/hpsearch", "run", *SEARCH),
    "postprocessing": lambda root: (f"{root}/hpsearch/hpsearch_postprocessing.py", "out", SEARCH[0]),
    "seeds": lambda root: (f"{root}/hpsearch/gather_random_seeds.py", f"--run_dir={RUN}", *SEARCH),
    "seeds by command": lambda root: (f"{root}/bin/hpsearch", "seeds", f"--run_dir={RUN}", *SEARCH),
}


@pytest.mark.parametrize("with_init", [True, False], ids=["packages", "plain folders"])
@pytest.mark.parametrize("way", WAYS)
def test_from_the_folder_of_the_simulation(tmp_path: Path, way: str, with_init: bool, checkout: Checkout) -> None:
    root, sim = tmp_path / "root", tmp_path / "root" / "sims" / "my_sim"
    project = clone(checkout, root, sim, with_init)
    if way == "a copy":
        shutil.copy(root / "hpsearch" / "hpsearch.py", sim)
    result = start(project, sim, *WAYS[way](root))
    assert result.exit_status == 0, result.stderr


@pytest.mark.parametrize("with_init", [True, False], ids=["packages", "plain folders"])
@pytest.mark.parametrize(
    "words",
    [
        ("hpsearch/hpsearch.py", *SEARCH),
        ("-m", "hpsearch.hpsearch", *SEARCH),
        ("-m", "hpsearch", "run", *SEARCH),
        ("-m", "hpsearch.hpsearch_postprocessing", "out", SEARCH[0]),
        ("-m", "hpsearch.gather_random_seeds", f"--run_dir={RUN}", *SEARCH),
    ],
    ids=lambda words: " ".join(words[:3]),
)
def test_from_the_root(tmp_path: Path, words: tuple[str, ...], with_init: bool, checkout: Checkout) -> None:
    result = start(clone(checkout, tmp_path, tmp_path, with_init), tmp_path, *words)
    assert result.exit_status == 0, result.stderr


@pytest.mark.parametrize(("with_init", "more"), [(True, ""), (False, INIT)], ids=["packages", "plain folders"])
@pytest.mark.parametrize(
    "words",
    [
        ("hpsearch.py", *SEARCH, "--run_cwd=.."),
        ("hpsearch_postprocessing.py", "../out", SEARCH[0]),
        ("gather_random_seeds.py", f"--run_dir=../{RUN}", *SEARCH, "--run_cwd=.."),
        ("../bin/hpsearch", "run", *SEARCH, "--run_cwd=.."),
    ],
    ids=lambda words: words[0],
)
def test_from_inside_the_package(
    tmp_path: Path, words: tuple[str, ...], more: str, with_init: bool, checkout: Checkout
) -> None:
    result = start(clone(checkout, tmp_path, tmp_path, with_init, more), tmp_path / "hpsearch", *words)
    assert result.exit_status == 0, result.stderr


@pytest.mark.parametrize("cwd", ["hpsearch", "."])
def test_a_grid_module_beside_the_main_module_is_found(tmp_path: Path, cwd: str, checkout: Checkout) -> None:
    project = clone(checkout, tmp_path, tmp_path / "sim", with_init=True)
    (tmp_path / "sim" / "hpsearch_config.py").rename(tmp_path / "hpsearch" / "my_grid.py")
    (tmp_path / "hpsearch" / "my_grid.py").write_text(
        "import __init__, my_values\nfrom mine.more import VALUES\n"
        + GRID.format(grid={"x": [1]}, conditions=[], script="train.py", keywords=["acc", "finished"])
    )
    (tmp_path / "hpsearch" / "my_values.py").touch()
    (tmp_path / "hpsearch" / "mine").mkdir()
    (tmp_path / "hpsearch" / "mine" / "more.py").write_text("VALUES = [1]\n")
    main = str(tmp_path / "hpsearch" / "hpsearch.py")
    sim = str(tmp_path / "sim")
    result = start(project, tmp_path / cwd, main, "--grid_module=my_grid", f"--run_cwd={sim}", "--visible_gpus=-1")
    assert result.exit_status == 0, result.stderr
    again = start(project, tmp_path, "-m", "hpsearch", "retry", str(result.folder), "--run=1")
    assert again.exit_status == 0, again.stderr
