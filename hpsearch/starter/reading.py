"""What a script takes and writes, from its source, and from its ``--help`` only if the source leaves gaps."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.shell import Answer, one_line, run_command
from hpsearch.core.errors import BackendError
from hpsearch.starter.declared_options import Argument, Declared, declared_in, defaults_set_in
from hpsearch.starter.help_text import options_in_help
from hpsearch.starter.script_options import Option, ScriptOptions, as_kind, gathered, merged
from hpsearch.starter.signature_options import signatures_in
from hpsearch.starter.source_files import Source
from hpsearch.starter.summary_writing import WrittenSummary, summary_in
from hpsearch.startup.classes import dataclass, replace

#: Long, since a script may import large libraries first.
HELP_TIMEOUT_S = 60.0
#: Libraries that make a script print its options and exit when called with ``--help``.
_ANSWERS_HELP = frozenset(
    "click typer absl fire docopt tyro simple_parsing tap pyrallis rich_click cyclopts plac".split()
)
#: The same: parsers in libraries that serve other purposes, too.
_PARSERS_OF_LIBRARIES = frozenset(("HfArgumentParser", "TrlParser", "LightningCLI"))


@dataclass(frozen=True)
class ScriptFacts:
    """What is known of a script. trouble: why its help could not be read, if it was needed."""

    taken: ScriptOptions
    summary: WrittenSummary
    trouble: str = ""
    imports_relatively: bool = False


def facts_of(sources: Sequence[Source], docstring: str, has_words: bool, ask_help: Callable[[], Answer]) -> ScriptFacts:
    """Return what a script's sources tell; the script's own source comes first.

    docstring: the script's. has_words: the script is called with a first word, which may choose its options.
    ask_help: calls the script with ``--help``; used only if the sources leave gaps and use a library that answers
    ``--help``, because any other script would begin its work. Raises BackendError if the script cannot start.
    """
    taken, trouble = options_in_sources(sources), ""
    if not taken.options and "docopt" in _imported(sources):
        taken = options_in_help(docstring)
    has_gaps = has_words or not taken.is_whole or not taken.options
    if has_gaps and _answers_help(sources):
        taken, trouble = _with_help(taken, ask_help)
    is_relative = any(isinstance(node, ast.ImportFrom) and node.level for node in sources[0].nodes)
    return ScriptFacts(taken, summary_in(sources), trouble, is_relative)


def options_in_sources(sources: Sequence[Source]) -> ScriptOptions:
    """Return the options that a script's sources declare."""
    declared: list[Declared] = [item for source in sources for item in declared_in(source)]
    declared += signatures_in(sources)
    defaults: dict[str, object] = {}
    for source in sources:
        defaults.update(defaults_set_in(source))
    options = [_with_default(item, defaults) for item in declared if isinstance(item, Option)]
    return gathered(options, [item.name for item in declared if isinstance(item, Argument)], None not in declared)


def _with_default(option: Option, defaults: Mapping[str, object]) -> Option:
    name = option.name.replace("-", "_")
    return replace(option, default=as_kind(defaults[name], option.kind)) if name in defaults else option


def _answers_help(sources: Sequence[Source]) -> bool:
    """Return whether sources show that a script prints its options and exits when called with ``--help``."""
    imported = _imported(sources)
    attributes = [node.attr for source in sources for node in source.nodes if isinstance(node, ast.Attribute)]
    parses = any(name.startswith("parse_") and "arg" in name for name in attributes)
    return parses or bool(imported & (_ANSWERS_HELP | _PARSERS_OF_LIBRARIES))


def _imported(sources: Sequence[Source]) -> set[str]:
    """Return the libraries that sources import, and the names imported from them."""
    nodes = [node for source in sources for node in source.nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [alias.name for node in nodes for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return {name.partition(".")[0] for name in names}


def _with_help(taken: ScriptOptions, ask_help: Callable[[], Answer]) -> tuple[ScriptOptions, str]:
    """Complete the options from the script's help; also return why that adds nothing, if so."""
    try:
        answer = ask_help()
    except BackendError as error:
        return taken, str(error)
    printed = options_in_help(answer.stdout or answer.stderr)
    if printed.options:
        return merged(printed, taken), ""
    if answer.exit_status is None:
        return taken, f"it did not end within {HELP_TIMEOUT_S:.0f} seconds"
    last = (answer.stderr.strip() or answer.stdout.strip()).splitlines()[-1:]
    return taken, f"it ended with exit status {answer.exit_status}: {one_line(last[0]) if last else 'no output'}"


def ask_help(program: Sequence[str], folder: Path) -> Answer:
    """Call a script with ``--help`` in a folder. Raises BackendError if it cannot be started."""
    plain = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1", "PYTHON_COLORS": "0", "TERM": "dumb"}
    return run_command([*program, "--help"], HELP_TIMEOUT_S, "", plain, folder, is_killed_by_ctrl_c=True)
