"""The README's first search works as it is written there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from project import ROOT, Project, rows

README = (ROOT / "README.rst").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    """Return the README's block of code that begins with these words."""
    found = re.search(rf"\n\n((?: {{4}}{re.escape(beginning)}.*\n)(?: {{4}}.*\n|\n)*)", README)
    assert found, beginning
    return textwrap.dedent(found[1])


@pytest.fixture
def first_search(tmp_path: Path) -> Project:
    """The README's script, and the grid module that init writes for it, with the README's grid."""
    project = Project(tmp_path)
    project.write("train.py", block("import argparse"))
    assert project.ask("init", "train.py").exit_status == 0
    written = (tmp_path / "grid_train.py").read_text()
    project.write("grid_train.py", re.sub(r"(?ms)^grid = \{.*?^\}\n", lambda _: block("grid = {"), written))
    return project


def test_the_first_search_of_the_readme_gives_a_table_of_six_rows(first_search: Project) -> None:
    result = first_search.ask("run", "--grid_module=grid_train")
    assert (result.exit_status, len(rows(result.folder))) == (0, 6)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"^    hpsearch (\w+)", README, re.MULTILINE))))
def test_each_command_of_the_readme_exists(command: str, tmp_path: Path) -> None:
    assert Project(tmp_path).ask(command, "--help").exit_status == 0


@pytest.mark.parametrize("path", re.findall(r"<(docs/[^>]+)>`_|image:: (\S+)", README), ids="".join)
def test_what_the_readme_links_to_is_there(path: tuple[str, str]) -> None:
    assert (ROOT / "".join(path)).is_file()
