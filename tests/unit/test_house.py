"""Modules import down the house only, and in no circle; few start processes; none hides a library."""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from project import ROOT

from hpsearch.user_code.import_paths import OUR_PACKAGES

PACKAGE = ROOT / "hpsearch"
#: The packages from the ground up; those of one floor do not know each other. Modules import from below only.
FLOORS = (
    ("startup",),
    ("core",),
    ("pickles", "journal"),
    ("store", "backends", "console", "samplers"),
    ("backends.gpu", "backends.cluster"),
    ("user_code",),
    ("config",),
    ("folder",),
    ("choosers", "stopping"),
    ("search", "results", "report", "starter"),
    ("seeds", "results.paper"),
    ("app",),
)
MAY_IMPORT = {
    package: {package, *(lower for floor in FLOORS[:level] for lower in floor)}
    for level, floor in enumerate(FLOORS)
    for package in floor
}
MAY_IMPORT["backends.gpu"] = {"startup", "core", "backends", "backends.gpu"}
MAY_IMPORT["backends.cluster"] = {"startup", "core", "backends", "backends.cluster"}
#: Modules of the package's own folder: commands, and what users copy.
COMMANDS = {"__init__", "__main__", "hpsearch", "hpsearch_postprocessing", "gather_random_seeds"}
TEMPLATE = "hpsearch_config_template"
MOST_MODULES = 15
#: Who may start processes, and by what: commands, users' runs, users' functions, this program again in UTF-8.
DOORS = {
    "backends.shell": {"subprocess"},
    "backends.launcher": {"os.posix_spawn", "subprocess"},
    "user_code.user_functions": {"os.fork"},
    "console.exit_status": {"os.execv"},
}
STARTS = re.compile(r"(subprocess|multiprocessing|pty|os\.(system|popen|(fork|posix_spawn|spawn|exec)\w*))$")
#: Calls that change something on a disk, besides `open` and `os.open` for writing.
WRITING_CALLS = {
    *("mkdir", "makedirs", "mkdtemp", "mkstemp", "TemporaryDirectory", "NamedTemporaryFile", "touch"),
    *("write_text", "write_bytes", "truncate", "ftruncate", "symlink", "symlink_to", "link", "hardlink_to"),
    *("unlink", "rmdir", "removedirs", "rmtree", "rename", "renames", "copyfile", "copytree", "copy2", "move"),
    *("os.remove", "os.replace", "shutil.copy"),
}
#: Modules besides the store that write files, and which files.
WRITERS = {
    "backends.launcher": "exit files",
    "backends.cluster.script": "job scripts",
    "backends.gpu.locks": "claims on GPUs, in a folder of the machine",
    "config.old_names": "the older tool's own function, called by users' scripts",
    "user_code.user_functions": "a pipe",
    "console.console": "os.devnull",
    "console.exit_status": "os.devnull",
    "console.user_output": "os.devnull",
    "results.reproduce": "a worktree, in a temporary folder",
    "starter.command": "a user's new grid module",
    "seeds.gathering": "a grid for a dry run, in a temporary folder",
}

#: The page that tells people how the code is laid out.
PAGE = (ROOT / "docs" / "house.rst").read_text(encoding="utf-8")

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.glob("*/**/*.py"))
    if path.name != "__init__.py"
}


@functools.cache
def nodes(path: Path) -> Sequence[ast.AST]:
    """Return all nodes of a file's syntax tree; parsing takes most of the time of these tests."""
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def imported_modules(path: Path) -> Iterator[str]:
    """Yield each module of our packages that a file imports, wherever the import stands, as in ``core.model``."""
    for node in nodes(path):
        names = []
        if isinstance(node, ast.ImportFrom):
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name.removeprefix("hpsearch.") in MODULES else node.module or "" for name in inside]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.partition(".")[2] for name in names if name.startswith("hpsearch."))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_down_the_house(package: str) -> None:
    imports = [
        (name, module)
        for name, path in MODULES.items()
        if name.rpartition(".")[0] == package
        for module in imported_modules(path)
    ]
    assert [each for each in imports if each[1].rpartition(".")[0] not in MAY_IMPORT[package]] == []


def test_every_package_has_a_floor() -> None:
    assert {name.rpartition(".")[0] for name in MODULES} <= set(MAY_IMPORT)


def test_no_modules_import_each_other_in_a_circle() -> None:
    imports = {name: set(imported_modules(path)) for name, path in MODULES.items()}
    while leaves := {name for name, imported in imports.items() if not imported & imports.keys()}:
        imports = {name: imported for name, imported in imports.items() if name not in leaves}
    assert imports == {}


def starts_of_processes(path: Path) -> set[str]:
    """Return the modules and functions by which a file could start a process, as in ``os.fork``."""
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return {name for name in names if STARTS.match(name)}


def test_processes_start_at_a_few_doors_only() -> None:
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    starts = {name: starts_of_processes(path) for name, path in files.items()}
    assert {name: found for name, found in starts.items() if found} == DOORS


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_has_few_modules(package: str) -> None:
    assert len([name for name in MODULES if name.rpartition(".")[0] == package]) <= MOST_MODULES


def test_no_module_of_the_own_folder_hides_a_library() -> None:
    names = {path.stem for path in PACKAGE.glob("*.py")}
    assert names <= COMMANDS | {TEMPLATE}
    assert not names & set(sys.stdlib_module_names)


def writing_calls(path: Path) -> Iterator[str]:
    """Yield each call in a file that may change what lies on a disk."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            written = " ".join(map(ast.unparse, [*node.args, *node.keywords]))
            if name in WRITING_CALLS or name.rpartition(".")[2] in WRITING_CALLS:
                yield name
            elif name == "os.open":
                yield from [name] if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", written) else []
            elif name.rpartition(".")[2] == "open" and re.search(r"'[rbt]*[wax+]", written):
                yield name


def test_only_the_store_writes_into_a_search_folder() -> None:
    outside = {name: path for name, path in MODULES.items() if not name.startswith("store.")}
    assert {name for name, path in outside.items() if any(writing_calls(path))} == set(WRITERS)


def test_the_list_of_our_packages_is_whole() -> None:
    assert set(OUR_PACKAGES) == {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert not set(OUR_PACKAGES) & set(sys.stdlib_module_names)


def test_the_search_path_is_touched_in_one_place() -> None:
    touching = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in nodes(path)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.path", "sys.meta_path"))
        or (isinstance(node, ast.ImportFrom) and node.module == "sys")
    }
    # The main module is copied beside simulations, and makes the package importable from there.
    assert touching == {"user_code/import_paths.py", "hpsearch.py"}


def test_dataclasses_are_those_that_cost_no_start() -> None:
    importing = {
        name
        for name, path in MODULES.items()
        for node in nodes(path)
        if (isinstance(node, ast.ImportFrom) and node.module == "dataclasses")
        or (isinstance(node, ast.Import) and "dataclasses" in [alias.name for alias in node.names])
    }
    assert importing == {"startup.classes"}


def on_page(path: str) -> Path:
    """Return the file or folder that the page on the house names; the package's own stand there without `hpsearch/`."""
    return next((place for place in (PACKAGE / path, ROOT / path) if place.exists()), Path("missing", path))


def test_each_path_on_the_page_about_the_house_exists() -> None:
    paths = set(re.findall(r"``([\w.]+(?:/[\w./]*|\.py))``", PAGE))
    assert "search/plan.py" in paths
    assert {path for path in paths if not on_page(path).exists()} == set()


def test_the_page_about_the_house_tells_of_each_package_and_of_no_other() -> None:
    assert {package for package in MAY_IMPORT if f"``{package}``" not in PAGE} == set()
    assert set(re.findall(r"^\d +``([\w.]+)`` ", PAGE, re.MULTILINE)) <= set(MAY_IMPORT)


def test_each_name_that_the_page_about_the_house_gives_with_a_file_is_in_it() -> None:
    """As in ``search/plan.py``: ``make_plan``, or ``add_row`` of ``store/live.py``."""
    named = re.findall(r"``([\w/]+/\w+\.py)``:?\s+``(?:\w+\.)?(\w+)``", PAGE)
    named += [(path, name) for name, path in re.findall(r"``(\w+)`` (?:of|in)\s+``([\w/]+/\w+\.py)``", PAGE)]
    named += [(path, name) for name, path in re.findall(r"``(\w+)`` \(``([\w/]+/\w+\.py)``\)", PAGE)]
    named += [(path, name) for path, name in re.findall(r"``([\w/]+/\w+\.py)`` \(``(\w+)``\)", PAGE)]
    assert {("search/plan.py", "make_plan"), ("choosers/chooser.py", "Chooser")} <= set(named)
    missing = [
        (path, name) for path, name in named if not re.search(rf"\b{name}\b", on_page(path).read_text(encoding="utf-8"))
    ]
    assert missing == []
