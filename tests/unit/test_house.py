"""Who may import whom: down the house only, and the package's own folder holds no module that could hide a library."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

PACKAGE = ROOT / "hpsearch"
#: Room -> rooms that its modules may import from.
MAY_IMPORT = {
    "core": {"core"},
    "store": {"core", "store"},
    "backends": {"core", "backends"},
    "app": {"core", "store", "backends", "app"},
}
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
    allowed = MAY_IMPORT[path.parent.name] | ({"hpsearch"} if path.parent.name == "app" else set())
    assert set(imported_rooms(path)) <= allowed


def test_no_module_of_the_own_folder_hides_a_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")}
    assert names <= COMMANDS | {TEMPLATE}
    assert not names & set(sys.stdlib_module_names)
