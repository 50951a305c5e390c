"""The summary that a script writes, as far as its source shows: file name and keywords."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from hpsearch.starter.source_files import Source, dotted_name
from hpsearch.startup.classes import dataclass

_FINISHED = "finished"
_FILE_NAME = re.compile(r"[\w.-]*\w\.(txt|csv|log|out|dat|tsv|summary)|\w*(summary|performance|result)\w*")
_LIKELY_NAME = re.compile(r"summary|performance|overview", re.IGNORECASE)
#: A line of a summary: a keyword, and a number or a placeholder.
_LINE = re.compile(r"(?P<keyword>[A-Za-z_][\w./-]*)[ \t]+(?:\{\}|[+-]?\d[\d.e+-]*|nan|%\S+)(?:[ \t].*)?")
_MOST_PARTS = 20
_FIRST_LINE_WORDS = re.compile(r"[A-Za-z_][\w./-]*")


@dataclass(frozen=True)
class WrittenSummary:
    """A script's summary: the file's name without folder (empty if unknown), and the keywords."""

    filename: str = ""
    keywords: tuple[str, ...] = ()


def summary_in(sources: Sequence[Source]) -> WrittenSummary:
    """Return a script's summary; without keywords if its source shows no result besides ``finished``."""
    found = [keywords for source in sources for keywords in _lists(source) if _FINISHED in keywords]
    if not found:
        return WrittenSummary()
    keywords = dict.fromkeys(next((each for each in found if len(set(each)) > 1), ()))
    names = [name for source in sources for name in _file_names(source)]
    likely = [name for name in names if _LIKELY_NAME.search(name)]
    filename = next(iter([*likely, *names]), "")
    return WrittenSummary(filename, tuple(keywords))


def _lists(source: Source) -> Iterator[list[str]]:
    """Yield lists of words that may be a summary's keywords, the likeliest first."""
    nodes = source.nodes
    yield _written_lines(nodes)
    for node in nodes:
        if isinstance(node, ast.Dict):
            yield [key.value for key in node.keys if isinstance(key, ast.Constant) and isinstance(key.value, str)]
        elif isinstance(node, ast.Call) and dotted_name(node.func) == "dict":
            yield [word.arg for word in node.keywords if word.arg]
        elif isinstance(node, (ast.List, ast.Tuple)):
            yield list(_first_words(node))
        elif isinstance(node, ast.ClassDef):
            fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
            yield [target.id for target in fields if isinstance(target, ast.Name)]
    yield from _keys_set(nodes)


def _first_words(node: ast.List | ast.Tuple) -> Iterator[str]:
    """Yield the words of a list, or the first words of a list of pairs."""
    for item in node.elts:
        first = item.elts[0] if isinstance(item, (ast.List, ast.Tuple)) and item.elts else item
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield from [first.value] if _FIRST_LINE_WORDS.fullmatch(first.value) else []


def _keys_set(nodes: Sequence[ast.AST]) -> Iterator[list[str]]:
    """Yield the keys set in each dict, as in ``summary["acc"] = ...``."""
    keys: dict[str, list[str]] = {}
    for node in nodes:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                keys.setdefault(dotted_name(target.value), []).append(str(target.slice.value))
    yield from keys.values()


def _written_lines(nodes: Sequence[ast.AST]) -> list[str]:
    """Return the keywords in texts such as ``f"acc {acc}\\nfinished 1\\n"``."""
    inner = {
        id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in ast.walk(node) if part is not node
    }
    texts = [_template(node) for node in nodes if id(node) not in inner]
    lines = [line.strip() for text in texts if text for line in text.splitlines()]
    found = [match for line in lines if (match := _LINE.fullmatch(line))]
    return list(dict.fromkeys(match["keyword"] for match in found))


def _template(node: ast.AST) -> str:
    """Return a text with ``{}`` as placeholders; empty for other expressions."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{[^{}]*\}", "{}", node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return "".join(_template(part) or "{}" for part in _parts(node))
    if isinstance(node, ast.Call) and dotted_name(node.func) == "print" and _goes_to_file(node):
        return " ".join(_template(part) or "{}" for part in node.args)
    return ""


def _goes_to_file(printing: ast.Call) -> bool:
    return any(word.arg == "file" for word in printing.keywords)


def _parts(node: ast.expr) -> list[ast.expr]:
    """Return the parts of a sum such as ``"acc " + str(acc)``, only the last ones if there are very many."""
    parts: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and len(parts) < _MOST_PARTS:
        parts.append(node.right)
        node = node.left
    return [node, *reversed(parts)]


def _file_names(source: Source) -> Iterator[str]:
    """Yield file names that may be the summary's, from constants, calls and paths."""
    for name, value in source.constants.items():
        if isinstance(value, str) and _LIKELY_NAME.search(name) and "FILE" in name.upper():
            yield value.rpartition("/")[2]
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.rpartition("/")[2]
            if _FILE_NAME.fullmatch(name) and "." in name:
                yield name
