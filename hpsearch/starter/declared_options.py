"""Options that a script's source declares by calls of argparse, click or absl."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from hpsearch.starter.script_options import Kind, Option, as_kind, kind_of
from hpsearch.starter.source_files import UNKNOWN, Source, as_written, dotted_name
from hpsearch.startup.classes import dataclass, replace

_TYPES = {"int": Kind.INTEGER, "float": Kind.FLOAT, "str": Kind.TEXT, "Path": Kind.TEXT, "bool": Kind.ANY_TRUTH}
_CLICK_TYPES = {
    **dict.fromkeys(("int", "INT", "IntRange"), Kind.INTEGER),
    **dict.fromkeys(("float", "FLOAT", "FloatRange"), Kind.FLOAT),
    **dict.fromkeys(("bool", "BOOL"), Kind.TRUTH),
}
_ABSL_TYPES = {"integer": Kind.INTEGER, "float": Kind.FLOAT, "string": Kind.TEXT, "enum": Kind.TEXT}
_FLAG_ACTIONS = ("store_true", "store_false", "store_const", "append_const")
_LIST_ACTIONS = ("append", "extend")
#: Options with one of these actions are nothing to search over.
_OTHER_ACTIONS = ("help", "version", "count")


@dataclass(frozen=True)
class Argument:
    """A positional argument that a script needs besides its options."""

    name: str


#: What a call declares; None: only executing the script could tell.
Declared = Option | Argument | None


def declared_in(source: Source) -> Iterator[Declared]:
    """Yield what a source declares, in order."""
    nodes = source.nodes
    exclusive = set(_exclusive_groups(nodes))
    decorators = {id(found) for node in nodes for found in getattr(node, "decorator_list", ())}
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = _last_name(node.func)
        if name == "add_argument":
            found = list(_of_argparse(node, source))
            is_exclusive = isinstance(node.func, ast.Attribute) and dotted_name(node.func.value) in exclusive
            yield from [replace(one, is_exclusive=is_exclusive) if isinstance(one, Option) else one for one in found]
        elif name in ("option", "argument") and id(node) in decorators:
            yield from _of_click(node, source, name == "option")
        elif name.startswith("DEFINE_"):
            yield from _of_absl(node, source, name.removeprefix("DEFINE_"))
        elif name in ("add_subparsers", "HfArgumentParser") or re.fullmatch(r"add_\w*arg\w*(?<!_group)", name):
            # Subcommands, and functions that add a library's options.
            yield None


def defaults_set_in(source: Source) -> dict[str, object]:
    """Return the defaults that a script sets by ``parser.set_defaults(lr=0.1)``."""
    calls = [node for node in source.nodes if isinstance(node, ast.Call) and _last_name(node.func) == "set_defaults"]
    found = {word.arg: source.value(word.value) for call in calls for word in call.keywords if word.arg}
    return {name: value for name, value in found.items() if value is not UNKNOWN}


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _exclusive_groups(nodes: list[ast.AST]) -> Iterator[str]:
    for node in nodes:
        is_call = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if is_call and _last_name(node.value.func) == "add_mutually_exclusive_group":  # type: ignore[attr-defined]
            yield dotted_name(node.targets[0])  # type: ignore[attr-defined]


def _of_argparse(call: ast.Call, source: Source) -> Iterator[Declared]:
    names = [source.value(argument) for argument in call.args]
    given = {word.arg: word.value for word in call.keywords if word.arg}
    if len(given) < len(call.keywords) or not all(isinstance(name, str) for name in names):
        yield None
        if not names or not all(isinstance(name, str) for name in names):
            return
    texts = [str(name) for name in names]
    if not texts or not texts[0].startswith("-"):
        dest = texts[0] if texts else str(source.value(given.get("dest")))
        if source.value(given.get("nargs")) not in ("?", "*", "..."):
            yield Argument(dest)
        return
    action = _action(given.get("action"))
    long_names = [name[2:] for name in texts if name.startswith("--")]
    if not long_names or action in _OTHER_ACTIONS:
        return
    default = source.value(given.get("default"))
    yield _argparse_option(long_names, action, None if default is UNKNOWN else default, given, source)
    if default is UNKNOWN or source.value(given.get("choices")) is UNKNOWN:
        yield None


def _argparse_option(
    names: list[str], action: str, default: object, given: Mapping[str, ast.expr], source: Source
) -> Option:
    name, text = names[0], _text(source.value(given.get("help")))
    if action == "BooleanOptionalAction":
        return Option(f"no-{name}" if default is True else name, Kind.FLAG, False, help=text)
    if action in _FLAG_ACTIONS:
        return Option(name, Kind.FLAG, False, help=text)
    kind = _argparse_kind(given, default, source)
    if action in _LIST_ACTIONS:
        kind = Kind.SEVERAL
    is_required = source.value(given.get("required")) is True
    return Option(name, kind, as_kind(default, kind), _choices(given, source), is_required, help=text)


def _argparse_kind(given: Mapping[str, ast.expr], default: object, source: Source) -> Kind:
    nargs = source.value(given.get("nargs"))
    if nargs not in (None, "?"):
        return Kind.SEVERAL
    if "type" not in given:
        return Kind.TEXT if isinstance(default, str) or default is None else kind_of(default)
    name = as_written(given["type"])
    if name.rpartition(".")[2] in _TYPES:
        return _TYPES[name.rpartition(".")[2]]
    return Kind.TRUTH if "bool" in name.lower() else kind_of(default)


def _action(node: ast.expr | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else "" if node is None else _last_name(node)


def _choices(given: Mapping[str, ast.expr], source: Source) -> tuple[object, ...]:
    found = source.value(given.get("choices"))
    return tuple(found) if isinstance(found, (list, tuple, set, dict)) else ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _of_click(call: ast.Call, source: Source, is_option: bool) -> Iterator[Declared]:
    names = [source.value(argument) for argument in call.args]
    given = {word.arg: word.value for word in call.keywords if word.arg}
    if not names or not all(isinstance(name, str) for name in names):
        yield None
        return
    if not is_option:
        if source.value(given.get("required")) is not False and "default" not in given:
            yield Argument(str(names[0]))
        return
    long_name = next((str(name) for name in names if str(name).startswith("--")), "")
    if long_name and source.value(given.get("count")) is not True:
        yield _click_option(long_name, given, source)


def _click_option(long_name: str, given: Mapping[str, ast.expr], source: Source) -> Option:
    default, text = source.value(given.get("default")), _text(source.value(given.get("help")))
    on, _, off = long_name.partition("/")
    if off or source.value(given.get("is_flag")) is True:
        name = off.strip() if off and default is True else on.strip()
        return Option(name.lstrip("-"), Kind.FLAG, False, help=text)
    default = None if default is UNKNOWN else default
    kind, choices = kind_of(default), ()
    if "type" in given:
        made = given["type"]
        name = _last_name(made.func if isinstance(made, ast.Call) else made)
        kind = _CLICK_TYPES.get(name, Kind.TEXT)
        if name == "Choice" and isinstance(made, ast.Call) and made.args:
            found = source.value(made.args[0])
            choices = tuple(found) if isinstance(found, (list, tuple)) else ()
    # Without a type, a default of True or False makes click read the words true and false.
    if source.value(given.get("multiple")) is True or "nargs" in given:
        kind = Kind.SEVERAL
    is_required = source.value(given.get("required")) is True
    return Option(long_name[2:], kind, as_kind(default, kind), choices, is_required, help=text)


def _of_absl(call: ast.Call, source: Source, what: str) -> Iterator[Declared]:
    given = {word.arg: word.value for word in call.keywords if word.arg}
    at = dict(enumerate(call.args))
    name, default = source.value(at.get(0, given.get("name"))), source.value(at.get(1, given.get("default")))
    if not isinstance(name, str):
        yield None
        return
    default = None if default is UNKNOWN else default
    text = _text(source.value(at.get(3 if what == "enum" else 2, given.get("help"))))
    if what.startswith("bool"):
        yield Option(f"no{name}" if default is True else name, Kind.FLAG, False, help=text)
        return
    kind = _ABSL_TYPES.get(what, Kind.SEVERAL)
    found = source.value(at.get(2, given.get("enum_values"))) if what == "enum" else ()
    choices = tuple(found) if isinstance(found, (list, tuple)) else ()
    is_required = source.value(given.get("required")) is True
    yield Option(name, kind, as_kind(default, kind), choices, is_required, help=text)
