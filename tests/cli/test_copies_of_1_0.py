"""Copies of version 1.0's main module, which lie beside simulations, start with this package."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from project import GRID, PYTHON_SCRIPT, Project

COPIES = sorted((Path(__file__).parent / "copies_of_1_0").glob("*.py"))
#: The names that modules of the older tool import from the copy that was started, or from the package.
OLD_NAMES = """
import argparse
from hpsearch import hpsearch
assert hpsearch._OUT_ARG == "out_dir" and callable(hpsearch._read_config)
import __main__
assert __main__._OUT_ARG == "out_dir" and callable(__main__._get_performance_summary)
parser = argparse.ArgumentParser()
__main__.hpsearch_cli_arguments(parser)
assert parser.parse_args([]).num_jobs == 8
"""


@pytest.fixture(params=COPIES, ids=lambda path: path.stem)
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy in the folder of a simulation, with the default edited."""
    folder = tmp_path / "root" / "sims" / "my_sim"
    folder.mkdir(parents=True)
    text = request.param.read_text()
    (folder / "hpsearch.py").write_text(text.replace('_DEFAULT_GRID = ""', '_DEFAULT_GRID = "hpsearch_config"'))
    (folder / "train.py").write_text(PYTHON_SCRIPT)
    module = GRID.format(grid={"x": [1]}, conditions=[], script="train.py", keywords=["acc", "finished"])
    (folder / "hpsearch_config.py").write_text(OLD_NAMES + module)
    return folder / "hpsearch.py"


def test_a_copy_in_a_checkout_starts(copy: Path, tmp_path: Path, checkout: Callable[[Path], Path]) -> None:
    checkout(tmp_path / "root")
    result = Project(copy.parent).command(["env", "-u", "PYTHONPATH", sys.executable, copy.name])
    assert result.exit_status == 0, result.stderr


def test_a_copy_beside_an_installed_package_starts(
    copy: Path, tmp_path: Path, checkout: Callable[[Path], Path]
) -> None:
    installed = checkout(tmp_path / "site")
    result = Project(copy.parent).command(["env", f"PYTHONPATH={installed}", sys.executable, copy.name])
    assert result.exit_status == 0, result.stderr
    assert (result.folder / "search_results.csv").read_text().count(os.linesep) == 2
