"""What is known of a script's options before its first search: names, kinds and defaults."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from enum import Enum

from hpsearch.startup.classes import dataclass, replace

#: Names that a grid can have: no dash in front, no `=`, no blank.
_NAME = re.compile(r"(?!-)[^=\0\s\ud800-\udfff]+")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)


class Kind(Enum):
    """What an option takes."""

    FLAG = "flag"
    INTEGER = "whole number"
    FLOAT = "number"
    TEXT = "text"
    TRUTH = "True or False, as text"
    ANY_TRUTH = "any text, which counts as true"
    SEVERAL = "several words"


@dataclass(frozen=True)
class Option:
    """An option of a script; `name` has no dashes in front.

    default: None if there is none, or it is unknown. is_exclusive: it cannot be combined with some other option.
    """

    name: str
    kind: Kind = Kind.TEXT
    default: object = None
    choices: tuple[object, ...] = ()
    is_required: bool = False
    is_exclusive: bool = False
    help: str = ""


@dataclass(frozen=True)
class ScriptOptions:
    """What a script takes on its command line.

    arguments: names of its positional arguments. is_whole: False if there may be more options or arguments.
    """

    options: tuple[Option, ...] = ()
    arguments: tuple[str, ...] = ()
    is_whole: bool = True


def gathered(options: Iterable[Option], arguments: Iterable[str], is_whole: bool) -> ScriptOptions:
    """Return the options that a grid can name, each once, without help and version."""
    named = {option.name: option for option in options if _NAME.fullmatch(option.name)}
    kept = tuple(option for name, option in named.items() if name not in ("help", "version"))
    return ScriptOptions(kept, tuple(dict.fromkeys(name for name in arguments if name.isprintable())), is_whole)


def merged(printed: ScriptOptions, source: ScriptOptions) -> ScriptOptions:
    """Return the options in a script's help, with the more exact details from the source."""
    known = {option.name: option for option in source.options}
    options = []
    for option in printed.options:
        # argparse's help does not say which of --amp and --no-amp is the default.
        names = (option.name, *(f"{no}{option.name}" for no in ("no-", "no_", "no") if option.kind is Kind.FLAG))
        of_source = next((known[name] for name in names if name in known), option)
        options.append(_completed(of_source, option))
    return ScriptOptions(tuple(options), printed.arguments or source.arguments)


def _completed(option: Option, printed: Option) -> Option:
    """Return the source's option, with a default from the help if only that has one."""
    if option.kind in (Kind.FLAG, Kind.SEVERAL) or option.default is not None or printed.default is None:
        return option
    kind = printed.kind if option.kind is Kind.TEXT else option.kind
    return replace(option, kind=kind, default=as_kind(printed.default, kind), choices=option.choices or printed.choices)


def value_in(text: str) -> object:
    """Return the value shown in a help text: a number, a truth value, None, or a text without quotes."""
    text = text.strip()
    if _NUMBER.fullmatch(text) or text in ("True", "False", "None") or text[:1] in "\"'":
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return float(text) if _NUMBER.fullmatch(text) else text
    return text


def kind_of(default: object) -> Kind:
    """Return what an option takes, judging by its default."""
    if isinstance(default, bool):
        return Kind.TRUTH
    if isinstance(default, (list, tuple)):
        return Kind.SEVERAL
    return Kind.INTEGER if isinstance(default, int) else Kind.FLOAT if isinstance(default, float) else Kind.TEXT


def as_kind(default: object, kind: Kind) -> object:
    """Return a default as its option reads it: for a number, ``"0.1"`` and ``1`` are 0.1 and 1.0."""
    if (
        kind not in (Kind.INTEGER, Kind.FLOAT)
        or isinstance(default, bool)
        or not isinstance(default, (int, float, str))
    ):
        return default
    try:
        return float(default) if kind is Kind.FLOAT else int(default)
    except (ValueError, OverflowError):
        return default
