"""The source of a script and of the modules beside it that it uses; parsed, never executed."""

from __future__ import annotations

import ast
import contextlib
import operator
import os
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from hpsearch.core.errors import ConfigError, reason_of
from hpsearch.startup.classes import dataclass, field

#: The most bytes read of one file, and of all that a script imports.
_MOST_BYTES, _MOST_BYTES_IN_ALL = 1_000_000, 500_000
_LARGEST_EXPONENT, _MOST_VALUES = 64, 100
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
#: The value of an expression that only executing it could tell.
UNKNOWN = object()


@dataclass(frozen=True)
class Source:
    """The statements of a file that the script executes or may call, and the file's constants."""

    statements: tuple[ast.stmt, ...]
    constants: Mapping[str, object] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the statements, in the order of the text."""
        found = [node for statement in self.statements for node in ast.walk(statement) if hasattr(node, "lineno")]
        return sorted(found, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]

    def value(self, node: ast.AST | None) -> object:
        """Return the value of a constant expression; UNKNOWN for any other."""
        found = _value(node, self.constants)
        return found if _can_be_written(found) else UNKNOWN


def parsed(path: Path) -> ast.Module:
    """Parse a file. Raises ConfigError, with the line, if it is not Python, OSError if it cannot be read."""
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES)
    try:
        # Python 3.12 would warn of the user's backslashes as if they were ours.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(content)
    except SyntaxError as error:
        where = f"{path}, line {error.lineno}" if error.lineno else str(path)
        raise ConfigError(f"{where}: this is not Python ({error.msg})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{path}: this is not Python ({reason_of(ValueError(str(error)))})") from error


def sources_of(script: Path, tree: ast.Module, folders: Sequence[Path]) -> list[Source]:
    """Return the script's source, and the parts of modules in these folders that it imports.

    Files that cannot be read are left out.
    """
    reader = _SourceReader(folders)
    reader.add(script, tree, None)
    return reader.sources


class _SourceReader:
    """Follows imports from file to file, the nearest first."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._trees: dict[Path, ast.Module | None] = {}
        self._names: dict[Path, frozenset[str]] = {}
        self._bytes_left = _MOST_BYTES_IN_ALL
        self.sources: list[Source] = []

    def add(self, path: Path, tree: ast.Module, names: frozenset[str] | None) -> None:
        """Add the part of a file that defines these names (None = the whole file), and what that part imports."""
        self._trees[path] = tree
        waiting = deque([(path, names)])
        while waiting:
            path, names = waiting.popleft()
            new = None if names is None else names - self._names.get(path, frozenset())
            self._names[path] = self._names.get(path, frozenset()) | (new or frozenset())
            found = self._tree(path) if new is None or new else None
            if found is not None:
                statements = list(found.body) if new is None else _serving(found, new)
                self.sources.append(Source(tuple(statements), _constants(found)))
                waiting += self._imported(path, found, statements)

    def _tree(self, path: Path) -> ast.Module | None:
        """Return a parsed file; None if it cannot be read, or too much was read already."""
        if path not in self._trees:
            self._trees[path] = None
            with contextlib.suppress(OSError, ConfigError):
                self._bytes_left -= path.stat().st_size
                self._trees[path] = parsed(path) if self._bytes_left >= 0 else None
        return self._trees[path]

    def _imported(
        self, path: Path, tree: ast.Module, statements: Iterable[ast.stmt]
    ) -> Iterator[tuple[Path, frozenset[str]]]:
        """Yield the files that these statements import, each with the names used from it."""
        used, attributes = set(_used_names(statements)), _used_attributes(statements)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from self._file(path, alias.name, 0, attributes.get(alias.asname or alias.name, ()))
            elif isinstance(node, ast.ImportFrom):
                module = node.module or ""
                for alias in node.names:
                    inner = f"{module}.{alias.name}".lstrip(".")
                    yield from self._file(path, inner, node.level, attributes.get(alias.asname or alias.name, ()))
                names = {alias.name for alias in node.names if (alias.asname or alias.name) in used}
                is_all = any(alias.name == "*" for alias in node.names)
                yield from self._file(path, module, node.level, used if is_all else names)

    def _file(self, path: Path, dotted: str, level: int, names: Iterable[str]) -> Iterator[tuple[Path, frozenset[str]]]:
        wanted = frozenset(names)
        bases = [path.parents[level - 1]] if 0 < level <= len(path.parents) else self._folders
        for base in bases if wanted and dotted else ():
            module = Path(base, *dotted.split("."))
            for file in (module.with_name(f"{module.name}.py"), module / "__init__.py"):
                # os.path, unlike pathlib, never raises for a strange name.
                if os.path.isfile(file):  # noqa: PTH113
                    yield file, wanted
                    return


def _serving(tree: ast.Module, names: frozenset[str]) -> list[ast.stmt]:
    """Return what a module executes on import, and the definitions that these names need."""
    defined = {node.name: node for node in tree.body if isinstance(node, _DEFINITIONS)}
    kept = [node for node in tree.body if not isinstance(node, _DEFINITIONS) and not _is_main(node)]
    waiting, found = [*names, *_used_names(kept)], set()
    while waiting:
        name = waiting.pop()
        if name in defined and name not in found:
            found.add(name)
            waiting += _used_names([defined[name]])
    return [node for node in tree.body if node in kept or (isinstance(node, _DEFINITIONS) and node.name in found)]


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.dump(node.test)


def _used_names(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def _used_attributes(statements: Iterable[ast.stmt]) -> dict[str, set[str]]:
    """Return the attributes used of each dotted name: in ``opts.get()``, the attribute get of opts."""
    found: dict[str, set[str]] = {}
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.Attribute):
            found.setdefault(dotted_name(node.value), set()).add(node.attr)
    return found


def dotted_name(node: ast.AST) -> str:
    """Return a dotted name as it is written; empty for other expressions."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def as_written(node: ast.AST) -> str:
    """Return an expression as text; empty if Python cannot write it."""
    try:
        return ast.unparse(node)
    except (ValueError, RecursionError):
        return ""  # Python writes no number of more than 4300 digits.


def _constants(tree: ast.Module) -> dict[str, object]:
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            value = _value(node.value, found)
            found.update({target.id: value} if isinstance(target, ast.Name) and value is not UNKNOWN else {})
    return found


def _can_be_written(value: object) -> bool:
    try:
        repr(value)
    except (ValueError, RecursionError):
        return False  # Python writes no number of more than 4300 digits.
    return True


def _value(node: ast.AST | None, constants: Mapping[str, object]) -> object:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        pass
    if isinstance(node, ast.Name):
        return constants.get(node.id, UNKNOWN)
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_value(item, constants) for item in node.elts]
        return UNKNOWN if UNKNOWN in values else values
    if isinstance(node, ast.BinOp):
        return _computed(node, constants)
    return _listed(node, constants) if isinstance(node, ast.Call) else UNKNOWN


def _computed(node: ast.BinOp, constants: Mapping[str, object]) -> object:
    left, right = _value(node.left, constants), _value(node.right, constants)
    apply = _OPERATORS.get(type(node.op))
    is_texts = isinstance(left, str) and isinstance(right, str) and apply is operator.add
    is_numbers = all(isinstance(value, (int, float)) for value in (left, right))
    if apply is None or not (is_texts or is_numbers):
        return UNKNOWN
    if apply is operator.pow and not -_LARGEST_EXPONENT <= right <= _LARGEST_EXPONENT:  # type: ignore[operator]
        return UNKNOWN
    try:
        return apply(left, right)
    except (ArithmeticError, TypeError):
        return UNKNOWN


def _listed(node: ast.Call, constants: Mapping[str, object]) -> object:
    """Return the value of calls such as ``sorted(MODELS)``, ``list(MODELS.keys())`` and ``range(3)``."""
    name = dotted_name(node.func)
    if isinstance(node.func, ast.Attribute) and node.func.attr == "keys" and not node.args:
        found = _value(node.func.value, constants)
        return list(found) if isinstance(found, dict) else UNKNOWN
    values = [_value(argument, constants) for argument in node.args]
    if not values or UNKNOWN in values or node.keywords or name not in ("list", "tuple", "sorted", "range"):
        return UNKNOWN
    try:
        if name == "range":
            return list(range(*values)[:_MOST_VALUES]) if abs(max(values)) < 10**6 else UNKNOWN  # type: ignore[call-overload,type-var,arg-type]
        return sorted(values[0]) if name == "sorted" else list(values[0])  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return UNKNOWN
