"""Options in the text that a script prints for ``--help``: of argparse, click, typer, tyro, absl, fire or docopt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hpsearch.starter.script_options import Kind, Option, ScriptOptions, as_kind, gathered, kind_of, value_in
from hpsearch.startup.classes import dataclass

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
#: What rich draws around a list of options.
_BOX = re.compile(r"^\s*[│|](?=\s)|[│|]\s*$|^\s*[╭╰].*$")
#: The first line of an option's description; typer marks required options with a star.
_OPTION = re.compile(r"(?P<indent>\s{1,10})(?P<star>\*\s+)?(?P<rest>-{1,2}\[?[A-Za-z].*)")
_NAME = re.compile(r"--(?P<no>\[no-?\])?(?P<name>[^\s=,:/\[\](){}<>|]+)")
#: (default: 0.1), [default: 0.1], "Default: 0.1".
_BRACKETED = re.compile(
    r"[(\[]\s*(?:[^()\[\]]*;\s*)?defaults?(?: is|:|=| to)\s*"
    r"(?P<value>'[^']*'|\"[^\"]*\"|\[[^\[\]]*\]|\([^()]*\)|[^()\[\];]*?)\s*(?:;[^()\[\]]*)?[)\]]",
    re.IGNORECASE,
)
_BARE = re.compile(r"\bdefaults?(?: is|:|=| to)\s*(?P<value>'[^']*'|\S+?)[.,;]?(?:\s|$)", re.IGNORECASE)
_REQUIRED = re.compile(r"\[[^\[\]]*\brequired\]|\(required\)", re.IGNORECASE)
_CHOICES = re.compile(r"[{\[<]([^{}\[\]<>\s,|]+(?:[,|][^{}\[\]<>\s,|]*)+)[}\]>]")
_TYPES = {
    **dict.fromkeys(("INTEGER", "INT"), Kind.INTEGER),
    **dict.fromkeys(("FLOAT", "NUMBER"), Kind.FLOAT),
    **dict.fromkeys(("TEXT", "STR", "PATH", "FILE", "DIRECTORY"), Kind.TEXT),
    **dict.fromkeys(("BOOLEAN", "BOOL"), Kind.TRUTH),
}
#: The type on a line of its own, as absl and fire write it.
_TYPE_IN_TEXT = re.compile(r"\bType: (?:Optional\[)?(\w+)|\(an? (?:\w+ )?(integer|number)\)")

#: How deep nested brackets in a usage are searched.
_MOST_NESTED = 50


@dataclass(frozen=True)
class _Entry:
    """An option in a help text: its names with what it takes, and the description."""

    head: str
    text: str
    has_star: bool = False


def options_in_help(text: str) -> ScriptOptions:
    """Return the options that a help text lists; none if it is no help text."""
    text = "\n".join(_BOX.sub("", line) for line in _COLOUR.sub("", text).splitlines())
    required, exclusive = _in_usage(text)
    found = [_option(entry, required, exclusive) for entry in _entries(text)]
    options = [option for option in found if option is not None and "-completion" not in option.name]
    return gathered(options, _arguments(text) if options else (), True)


def _entries(text: str) -> Iterator[_Entry]:
    """Yield the options of a help text; a description may start on the next line and span several."""
    lines = [line.rstrip().expandtabs() for line in text.splitlines()]
    at = 0
    while at < len(lines):
        found = _OPTION.fullmatch(lines[at])
        at += 1
        if found is None:
            continue
        head, described = _columns(found["rest"])
        indent = len(found["indent"])
        while at < len(lines) and _is_continued(lines[at], indent):
            described += f" {lines[at].strip()}"
            at += 1
        yield _Entry(head, described, bool(found["star"]))


def _is_continued(line: str, indent: int) -> bool:
    return bool(line.strip()) and len(line) - len(line.lstrip()) > indent and not _OPTION.fullmatch(line)


def _columns(line: str) -> tuple[str, str]:
    """Split a line at the gap after the names; typer has columns for other names and the type, absl a colon."""
    columns = re.split(r"\s{2,}", line)
    if ": " in columns[0]:
        name, _, rest = line.partition(": ")
        choices = _CHOICES.match(rest)
        return f"{name}: {choices[0] if choices else 'VALUE'}", rest
    count = 1
    while count < len(columns) and (columns[count].startswith("--") or _type_in(columns[count])):
        count += 1
    return " ".join(columns[:count]), "  ".join(columns[count:])


def _type_in(column: str) -> Kind | None:
    return _TYPES.get(column.partition(" ")[0].strip("<>=").upper())


def _option(entry: _Entry, required: set[str], exclusive: set[str]) -> Option | None:
    """Return an entry's option; None if it has no long name."""
    names = list(_NAME.finditer(entry.head))
    if not names:
        return None
    name, default = names[0]["name"], _default_in(entry.text)
    text = _REQUIRED.sub("", _BRACKETED.sub("", entry.text)).strip()
    negation = next((found["name"] for found in names[1:] if found["name"] in (f"no-{name}", f"no_{name}")), None)
    if names[0]["no"]:
        negation = names[0]["no"].strip("[]") + name
    if negation is not None:
        is_on = str(default).lower() in ("true", name)
        return Option(negation if is_on else name, Kind.FLAG, False, help=text)
    # Python 3.13 shows what an option takes only after its last name.
    behind = (re.split(r", -|\s/\s|\s--", entry.head[found.end() :])[0].strip(" =:,") for found in names)
    takes = next(filter(None, behind), "")
    if not takes or (_type_in(takes) is Kind.TRUTH and default is None):
        return Option(name, Kind.FLAG, False, is_exclusive=name in exclusive, help=text)
    kind = _kind(takes, entry.text, default)
    is_required = name in required or entry.has_star or bool(_REQUIRED.search(entry.text))
    return Option(name, kind, as_kind(default, kind), _choices_in(takes), is_required, name in exclusive, text)


def _kind(takes: str, text: str, default: object) -> Kind:
    if "..." in takes or "comma separated list" in text:
        return Kind.SEVERAL
    described = _TYPE_IN_TEXT.search(text)
    word = (described[1] or described[2]) if described else ""
    return _type_in(takes) or _TYPES.get(word.upper()) or kind_of(default)


def _choices_in(takes: str) -> tuple[object, ...]:
    found = _CHOICES.match(takes)
    return tuple(value_in(part) for part in re.split(r"[,|]", found[1])) if found else ()


def _default_in(text: str) -> object:
    found = [*_BRACKETED.finditer(text), *_BARE.finditer(text)]
    if not found:
        return None
    # The last one: argparse's formatter adds the true default after the author's text.
    bracketed = [match for match in found if match.re is _BRACKETED]
    shown = (bracketed or found)[-1]["value"]
    value = value_in(shown)
    return value_in(value) if isinstance(value, str) and value != shown else value


def _in_usage(text: str) -> tuple[set[str], set[str]]:
    """Return the options outside brackets in the usage, and the options that exclude each other."""
    bare, exclusive = _usage(text), set()
    for group in re.findall(r"[(\[]([^()\[\]]*\|[^()\[\]]*)[)\]]", bare):
        exclusive |= set(re.findall(r"--([\w.-]+)", group)) if group.count("--") > 1 else set()
    for _ in range(_MOST_NESTED):
        bare = re.sub(r"\[[^\[\]]*\]|\([^()]*\)", "", bare)
    return set(re.findall(r"--([\w.-]+)", bare)), exclusive


def _usage(text: str) -> str:
    found = re.search(r"^\s*usage:(.*?)(?:\n\s*\n|\Z)", text, re.IGNORECASE | re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def _arguments(text: str) -> list[str]:
    """Return the positional arguments, which argparse lists under that title, click and typer in their usage."""
    usage = _usage(text)
    found = re.search(r"^positional arguments:\n(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL | re.MULTILINE)
    if found is not None:
        names = re.findall(r"^  (\S+)", found[1], re.MULTILINE)
        return [name for name in names if f"[{name}" not in usage]
    words = usage.split("[OPTIONS]")[1:]
    return re.findall(r"(?<![\[\w.])\{?([A-Za-z]\w*)\}?(?![\w\]])", words[0]) if words else []
