"""Who may import whom: down the house only, and the package's own folder holds no module that could hide a library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

PACKAGE = ROOT / "hpsearch"
#: The packages from the ground up; those of one floor do not know each other. Modules import from below only.
FLOORS = (
    ("core",),
    ("store", "backends", "console"),
    ("config",),
    ("folder",),
    ("search", "results"),
    ("seeds",),
)
MAY_IMPORT = {
    package: {package, "app", *(lower for floor in FLOORS[:level] for lower in floor)}
    for level, floor in enumerate(FLOORS)
    for package in floor
}
MAY_IMPORT["app"] = {"hpsearch", "app", *MAY_IMPORT}
#: Modules of the package's own folder: commands, and what users copy.
COMMANDS = {"__init__", "__main__", "hpsearch", "hpsearch_postprocessing", "gather_random_seeds"}
TEMPLATE = "hpsearch_config_template"


def imported_rooms(path: Path) -> Iterator[str]:
    """Yield the room of each module of the package that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("hpsearch."))


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/*.py")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_imports_go_down_the_house(path: Path) -> None:
    assert set(imported_rooms(path)) <= MAY_IMPORT[path.parent.name]


def test_no_module_of_the_own_folder_hides_a_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")}
    assert names <= COMMANDS | {TEMPLATE}
    assert not names & set(sys.stdlib_module_names)
