"""Who may import whom: down the house only, in no circle; who starts processes; and no module hides a library."""

from __future__ import annotations

import ast
import re
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
    ("backends.gpu", "backends.cluster"),
    ("config",),
    ("folder",),
    ("search", "results"),
    ("seeds",),
    ("app",),
)
MAY_IMPORT = {
    package: {package, *(lower for floor in FLOORS[:level] for lower in floor)}
    for level, floor in enumerate(FLOORS)
    for package in floor
}
MAY_IMPORT["backends.gpu"] = {"core", "backends", "backends.gpu"}
MAY_IMPORT["backends.cluster"] = {"core", "backends", "backends.cluster"}
#: Modules of the package's own folder: commands, and what users copy.
COMMANDS = {"__init__", "__main__", "hpsearch", "hpsearch_postprocessing", "gather_random_seeds"}
TEMPLATE = "hpsearch_config_template"
MOST_MODULES = 15
#: Where a process may begin, and by what: commands, users' runs, a user's module apart from us, this program in UTF-8.
DOORS = {
    "backends.shell": {"subprocess"},
    "backends.launcher": {"subprocess"},
    "config.own_process": {"os.fork"},
    "console.exit_status": {"os.execv"},
}
STARTS = re.compile(r"(subprocess|multiprocessing|pty|os\.(system|popen|(fork|posix_spawn|spawn|exec)\w*))$")

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.glob("*/**/*.py"))
    if path.name != "__init__.py"
}


def imported_modules(path: Path) -> Iterator[str]:
    """Yield each module of our packages that a file imports, wherever the import stands, as in ``core.model``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("hpsearch.") in MODULES else node.module or "" for name in inside]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.partition(".")[2] for name in names if name.startswith("hpsearch."))


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_down_the_house(name: str) -> None:
    packages = {module.rpartition(".")[0] for module in imported_modules(MODULES[name])}
    assert packages <= MAY_IMPORT[name.rpartition(".")[0]]


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {name: set(imported_modules(path)) for name, path in MODULES.items()}
    while leaves := {name for name, imported in imports.items() if not imported & imports.keys()}:
        imports = {name: imported for name, imported in imports.items() if name not in leaves}
    assert imports == {}


def starts_of_processes(path: Path) -> set[str]:
    """Return the modules and functions by which a file could start a process, as in ``os.fork``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return {name for name in names if STARTS.match(name)}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_processes_start_at_a_few_doors_only(path: Path) -> None:
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    assert starts_of_processes(path) == DOORS.get(name, set())


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_has_few_modules(package: str) -> None:
    assert len([name for name in MODULES if name.rpartition(".")[0] == package]) <= MOST_MODULES


def test_no_module_of_the_own_folder_hides_a_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")}
    assert names <= COMMANDS | {TEMPLATE}
    assert not names & set(sys.stdlib_module_names)
