"""Python's search path: the only module that changes it, so that grid modules and their imports are found."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from hpsearch.core.errors import UsageError, reason_of

_PACKAGE = Path(__file__).resolve().parents[1]
#: Our own folders beside the command files.
OUR_PACKAGES = (
    *("app", "backends", "choosers", "config", "console", "core", "folder", "journal", "pickles", "report", "results"),
    *("samplers", "search", "seeds", "starter", "startup", "stopping", "store", "user_code"),
)


class _BesideCommands:
    """Finds users' modules in ``hpsearch/`` itself, after all others, as if that folder were on the search path.

    Modules of the older tool say ``import __init__`` there. With the folder on the path, our packages would hide the
    user's own.
    """

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Find a top-level module."""
        return None if path is not None or name in OUR_PACKAGES else PathFinder.find_spec(name, [str(_PACKAGE)])


def find_beside_commands() -> None:
    """Make modules in ``hpsearch/`` itself importable, except our own packages."""
    if _BesideCommands not in sys.meta_path:
        sys.meta_path.append(_BesideCommands)


def add_first(folders: Sequence[str]) -> None:
    """Search these folders for modules before all others."""
    there = sys.path[: len(folders)]
    sys.path[:0] = [folder for folder in _but_for_package(folders) if folder not in there]


def add_last(folders: Iterable[str]) -> None:
    """Search these folders for modules after all others."""
    sys.path += [folder for folder in _but_for_package(folders) if folder not in sys.path]


def _but_for_package(folders: Iterable[str]) -> list[str]:
    folders = list(folders)
    kept = [folder for folder in folders if os.path.realpath(folder) != str(_PACKAGE)]
    if len(kept) < len(folders):
        find_beside_commands()
    return kept


def add_current_folder() -> None:
    """Search the current folder for grid modules: a console script has only its own folder on the search path.

    Raises UsageError if the current folder is gone.
    """
    try:
        here = os.getcwd()  # noqa: PTH109
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError)
        problem = "does not exist any more" if is_gone else f"cannot be used ({reason_of(error)})"
        raise UsageError(f"the current folder {problem}: start this from another one") from error
    if "" not in sys.path and here not in sys.path:
        sys.path[:0] = _but_for_package([here])


def add_folders_above(copy: Path, grid_module: str) -> None:
    """Let a copy of the main module find a grid module whose dotted name starts in a folder above the copy.

    If the copy lies in a package, the grid module's imports may start above the package, too. Copies of the older
    tool's file found both because an ``__init__.py`` beside them set the search path.
    """
    if copy.resolve() == _PACKAGE:
        return
    inside = os.path.join(*grid_module.split("."))  # noqa: PTH118  (it may be empty)
    folders = list(dict.fromkeys((copy, *copy.parents, *copy.resolve().parents)))
    # If a folder may not be entered, os.path says that there is no file; pathlib raises an error.
    has = os.path.isfile
    found = [folder for folder in folders if has(folder / f"{inside}.py") or has(folder / inside / "__init__.py")][:1]
    outside = next(folder for folder in folders if not has(folder / "__init__.py"))
    for folder in (outside, *found):
        if str(folder) not in sys.path:
            # After the copy's own folder, but before libraries that may have the same name.
            sys.path.insert(sys.path.index(str(copy)) + 1 if str(copy) in sys.path else 0, str(folder))


def searched_folders() -> list[str]:
    """Return the folders searched for modules, without libraries, to be added again on resuming."""
    beside = [str(_PACKAGE)] if _BesideCommands in sys.meta_path else []
    return [os.path.abspath(entry) for entry in sys.path if "site-packages" not in entry] + beside  # noqa: PTH100


def installed_packages() -> tuple[str, ...]:
    """Return the installed packages, as in ``numpy==1.26``, by their folders' names: reading metadata takes long."""
    found = (path.name.removesuffix(".dist-info") for entry in sys.path for path in Path(entry).glob("*-*.dist-info"))
    return tuple(sorted({name.replace("-", "==", 1) for name in found}))


@cache
def editable_installs() -> list[str]:
    """Return the folders of packages installed with ``pip install -e``."""
    import json
    from urllib.parse import unquote

    notes = [note for entry in sys.path for note in Path(entry).glob("*.dist-info/direct_url.json")]
    found = [json.loads(note.read_bytes()) for note in notes]
    return [unquote(each["url"][len("file://") :]) for each in found if each.get("dir_info", {}).get("editable")]


def first_searched() -> str:
    """Return, for a message, the folder searched first."""
    return ", ".join(entry or "." for entry in sys.path[:4])
