"""Options that libraries make from a function's parameters (typer, fire) or a dataclass's fields (tyro, ...)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from hpsearch.starter.declared_options import Argument, Declared
from hpsearch.starter.script_options import Kind, Option, as_kind, kind_of
from hpsearch.starter.source_files import UNKNOWN, Source, as_written, dotted_name

_ANNOTATIONS = {"int": Kind.INTEGER, "float": Kind.FLOAT, "str": Kind.TEXT, "Path": Kind.TEXT}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
#: Functions of libraries that make options from a class's fields.
_OF_CLASSES = (
    "tyro.cli",
    "simple_parsing.parse",
    "HfArgumentParser",
    "transformers.HfArgumentParser",
    "pyrallis.parse",
)
_DASHED = ("tyro.cli",)


def signatures_in(sources: Sequence[Source]) -> Iterator[Declared]:
    """Yield the options that typer, fire, tyro and the like make from definitions in the sources."""
    for source in sources:
        for node in source.nodes:
            if isinstance(node, ast.Call):
                yield from _of_call(node, source, sources)
            elif isinstance(node, _FUNCTIONS) and any(_is_command(found) for found in node.decorator_list):
                yield from _of_function(node, source, is_typer=True)


def _is_command(decorator: ast.expr) -> bool:
    # Not click's own `command`, whose options are declared separately.
    name = dotted_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
    return name.endswith(".command") and not name.startswith("click.")


def _of_call(call: ast.Call, source: Source, sources: Sequence[Source]) -> Iterator[Declared]:
    name = dotted_name(call.func)
    if name in ("typer.run", "fire.Fire", "Fire") and call.args:
        for function, origin in _definitions(call.args[0], sources, _FUNCTIONS):
            yield from _of_function(function, origin, is_typer=name == "typer.run")
    elif name in _OF_CLASSES and call.args:
        listed = call.args[0].elts if isinstance(call.args[0], (ast.Tuple, ast.List)) else [call.args[0]]
        for item in listed:
            for found, origin in _definitions(item, sources, (ast.ClassDef,)):
                yield from _of_class(found, origin, is_dashed=name in _DASHED)
            for function, origin in _definitions(item, sources, _FUNCTIONS):
                yield from _of_function(function, origin, is_typer=True)


def _definitions(node: ast.AST, sources: Sequence[Source], kinds: tuple[type, ...]) -> Iterator[tuple[ast.AST, Source]]:
    name = dotted_name(node).rpartition(".")[2]
    for source in sources:
        for statement in source.statements:
            if isinstance(statement, kinds) and statement.name == name:  # type: ignore[attr-defined]
                yield statement, source


def _of_function(function: ast.AST, source: Source, is_typer: bool) -> Iterator[Declared]:
    given = function.args  # type: ignore[attr-defined]
    parameters = [*given.posonlyargs, *given.args]
    defaults = [*[None] * (len(parameters) - len(given.defaults)), *given.defaults]
    for parameter, default in [*zip(parameters, defaults), *zip(given.kwonlyargs, given.kw_defaults)]:
        if parameter.arg not in ("self", "cls", "ctx"):
            yield from _of_parameter(parameter.arg, parameter.annotation, default, source, is_typer)


def _of_parameter(
    name: str, annotation: ast.expr | None, default: ast.expr | None, source: Source, is_typer: bool
) -> Iterator[Declared]:
    described = _description(annotation, default)
    annotation = _without_annotated(annotation)
    if described is not None and described is default:
        default = described.args[0] if described.args else None
        default = None if isinstance(default, ast.Constant) and default.value is ... else default
    names = [word.value for word in (described.args if described else ()) if isinstance(word, ast.Constant)]
    long_names = [word[2:] for word in names if isinstance(word, str) and word.startswith("--")]
    is_argument = described is not None and dotted_name(described.func).endswith("Argument")
    if is_typer and (is_argument or (default is None and described is None)):
        yield from [] if default is not None else [Argument(name)]
        return
    shown = long_names[0] if long_names else name.replace("_", "-") if is_typer else name
    words = {word.arg: source.value(word.value) for word in described.keywords} if described else {}
    text = words.get("help")
    yield _option(shown, annotation, default, source, is_typer, text if isinstance(text, str) else "")


def _description(annotation: ast.expr | None, default: ast.expr | None) -> ast.Call | None:
    """Return the ``typer.Option(...)`` or ``typer.Argument(...)`` of a parameter."""
    in_annotation = [] if annotation is None else list(ast.walk(annotation))
    for node in [default, *in_annotation]:
        if isinstance(node, ast.Call) and dotted_name(node.func).endswith(("Option", "Argument")):
            return node
    return None


def _without_annotated(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Subscript) and dotted_name(annotation.value).endswith("Annotated"):
        return annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation
    return annotation


def _option(
    name: str, annotation: ast.expr | None, default: ast.expr | None, source: Source, is_flagged: bool, text: str = ""
) -> Option:
    """Return an option for a name with a type and a default. is_flagged: the library turns truth values into flags."""
    value = source.value(default)
    value = None if value is UNKNOWN else value
    words = "" if annotation is None else as_written(annotation).strip("'\"").replace("Optional[", "").rstrip("]")
    first = words.partition("|")[0].strip().rpartition(".")[2]
    if first == "bool" or isinstance(value, bool):
        no = "no-" if is_flagged and value is True else ""
        return Option(f"{no}{name}", Kind.FLAG if is_flagged else Kind.TRUTH, False if is_flagged else value, help=text)
    if words.lower().startswith(("list", "tuple", "sequence", "dict", "typing.list")):
        return Option(name, Kind.SEVERAL, value, help=text)
    choices = _literals(annotation)
    kind = _ANNOTATIONS.get(first, kind_of(value))
    return Option(name, kind, as_kind(value, kind), choices, is_required=default is None, help=text)


def _literals(annotation: ast.expr | None) -> tuple[object, ...]:
    if isinstance(annotation, ast.Subscript) and dotted_name(annotation.value).endswith("Literal"):
        listed = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
        return tuple(item.value for item in listed if isinstance(item, ast.Constant))
    return ()


def _of_class(found: ast.AST, source: Source, is_dashed: bool) -> Iterator[Option]:
    for node in found.body:  # type: ignore[attr-defined]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id.replace("_", "-") if is_dashed else node.target.id
            default, text = _field_default(node.value)
            option = _option(name, node.annotation, default, source, is_flagged=True, text=text)
            negated = option.name.startswith("no-") and not is_dashed
            yield Option(f"no_{name}", Kind.FLAG, False, help=text) if negated else option


def _field_default(value: ast.expr | None) -> tuple[ast.expr | None, str]:
    """Return the default and help of a dataclass's field, also from ``field(default=...)``."""
    if not isinstance(value, ast.Call):
        return value, ""
    given = {word.arg: word.value for word in value.keywords}
    metadata = given.get("metadata")
    described = zip(metadata.keys, metadata.values) if isinstance(metadata, ast.Dict) else ()
    texts = [item.value for key, item in described if isinstance(key, ast.Constant) and isinstance(item, ast.Constant)]
    text = next((text for text in texts if isinstance(text, str)), "")
    return given.get("default") or given.get("default_factory"), text
