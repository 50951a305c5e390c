"""A grid module, or its copy in a search folder, read as text without executing it."""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from hpsearch.core.command import text_of
from hpsearch.store.layout import SearchFolder, read_whole

#: A module that mentions one of these may set a name without mentioning it.
_SETS_ANYTHING = ("*", "globals", "vars", "locals", "exec", "eval", "modules", "__dict__", "__getattr__")

#: A grid module is some pages; a larger file is something else, and would take long. In bytes.
MOST_MODULE_BYTES = 10_000_000
#: Attributes that are lists -> what messages call an entry.
_ENTRIES = {"grid": "grid", "conditions": "condition", "constraints": "constraint"}


def constants_in(path: Path) -> dict[str, object]:
    """Return the constants that a module assigns at its top level; empty if it cannot be read."""
    tree = _parsed(path)
    return {} if tree is None else dict(_constants(tree))


def orders_of_grids(folders: Sequence[SearchFolder]) -> Mapping[str, Sequence[str]]:
    """Return the texts of each option's values in the order of the grid modules, as far as their copies tell."""
    orders = defaultdict[str, dict[str, None]](dict)
    for key, values in (pair for folder in folders for pair in _listed(folder)):
        if isinstance(key, str) and isinstance(values, (list, tuple)):
            # A number of more than 4300 digits has no text.
            with contextlib.suppress(ValueError):
                texts = dict.fromkeys(map(text_of, values))
                orders[key].update(texts)
    return {name: list(texts) for name, texts in orders.items()}


def tied_options(folder: SearchFolder) -> set[str]:
    """Return the options that are tied to others, as far as the copies of the grid modules tell."""
    return {name for key, _ in _listed(folder) if isinstance(key, tuple) for name in key}


def _listed(folder: SearchFolder) -> Iterator[tuple[object, object]]:
    """Yield (key, values) of the grids in the copies of grid modules, of any type; executes nothing."""
    for tree in filter(None, map(_parsed, sorted(folder.path.glob("*.py")))):
        assigned = [value for name, value in _assigned(tree) if name == "grid"][-1:]
        for grid in (each for value in assigned for each in getattr(value, "elts", [value])):
            # Beside lists there may be ranges and values made by code.
            pairs = zip(grid.keys, grid.values) if isinstance(grid, ast.Dict) else ()
            for key, values in ((key, values) for key, values in pairs if key is not None):
                with contextlib.suppress(ValueError, TypeError, RecursionError):
                    yield ast.literal_eval(key), ast.literal_eval(values)


def certain_constants(path: Path, names: Collection[str]) -> dict[str, object] | None:
    """Return the values of the names that the module defines; None if only executing it can tell.

    A value is certain if its name is mentioned only once, where a constant is assigned to it at the top level.
    """
    tree = _parsed(path)
    if tree is None:
        return None
    mentions, constants = Counter(_mentions(tree)), dict(_constants(tree))
    mentioned = [name for name in names if mentions[name]]
    if any(mentions[name] for name in _SETS_ANYTHING):
        return None
    if any(mentions[name] > 1 or name not in constants for name in mentioned):
        return None
    return {name: constants[name] for name in mentioned}


def lines_in(path: Path) -> dict[str, int]:
    """Return the line of each part of a grid module: ``_SCRIPT_NAME``, ``grid: 'lr'``, ``condition 2``.

    Parts made by code have no line.
    """
    tree, lines = _parsed(path), dict[str, int]()
    for node in () if tree is None else ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                # Python writes no number of more than 4300 digits, and nothing too deep; such a part has no line.
                with contextlib.suppress(ValueError, RecursionError):
                    lines.update(_lines_of(target, node.value, node.lineno))
    return lines


def _lines_of(target: ast.expr, value: ast.expr | None, line: int) -> Iterator[tuple[str, int]]:
    if isinstance(target, ast.Name):
        yield target.id, line
        yield from _lines_of_keys(target.id, value)
        if isinstance(value, (ast.List, ast.Tuple)) and target.id in _ENTRIES:
            for number, entry in enumerate(value.elts, start=1):
                where = f"{_ENTRIES[target.id]} {number}"
                yield where, entry.lineno
                yield from _lines_of_keys(where, entry)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        yield f"{ast.unparse(target.value)}: {target.slice.value!r}", line


def _lines_of_keys(where: str, value: ast.expr | None) -> Iterator[tuple[str, int]]:
    for key in value.keys if isinstance(value, ast.Dict) else ():
        if isinstance(key, (ast.Constant, ast.Tuple)):
            yield f"{where}: {ast.unparse(key)}", key.lineno


def mentions(path: Path, name: bytes) -> bool:
    """Return whether a module's text holds a name; False if it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return name in read_whole(path, MOST_MODULE_BYTES)
    return False


def _parsed(path: Path) -> ast.Module | None:
    try:
        # Python 3.12 would warn of the user's backslashes as if they were ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(read_whole(path, MOST_MODULE_BYTES))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            yield statement.targets[0].id, statement.value


def _constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    for name, value in _assigned(tree):
        try:
            yield name, ast.literal_eval(value)
        except (ValueError, TypeError, RecursionError):
            continue  # Made by code.


def _mentions(tree: ast.Module) -> Iterator[str]:
    """Yield every name in a module (of attributes, imports and parameters, too), and every text."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str))
