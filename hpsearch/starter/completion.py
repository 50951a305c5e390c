"""``hpsearch completion``: a script that lets a shell complete commands, options and folders."""

from __future__ import annotations

import argparse
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn

from hpsearch.config.command_parser import CommandParser, ExampleFormatter
from hpsearch.config.program import interpreter_word
from hpsearch.console.console import Console
from hpsearch.core.errors import UsageError

_NAME, _SHELLS = "completion", ("bash", "zsh", "fish")
_EXAMPLE = """\
in this session only (bash or zsh, after compinit):
  eval "$(hpsearch completion bash)"

in every session:
  hpsearch completion bash > ~/.local/share/bash-completion/completions/hpsearch
  hpsearch completion zsh > ~/.zfunc/_hpsearch        (a folder of $fpath)
  hpsearch completion fish > ~/.config/fish/completions/hpsearch.fish
"""
#: bash splits --run_cwd=DIR into three words, and shtab completes none after the second: let bash complete files.
_FILES_IN_BASH = "complete -o bashdefault -o default -F _shtab_hpsearch hpsearch"
_FOLDER, _FILE = re.compile(r"DIR|FOLDER"), re.compile(r"FILE|SCRIPT")

#: The function of a command: words -> exit status.
Command = Callable[[Sequence[str]], int]


def main(argv: Sequence[str], commands: Mapping[str, tuple[str, Callable[[], Command]]]) -> int:
    """Print the completion script for a shell; return the exit status.

    commands: name -> (its help, a function that imports its function).
    """
    shell = _parser().parse_args(argv).shell
    shtab = _shtab()
    whole = argparse.ArgumentParser(prog="hpsearch")
    whole.add_argument("--version", action="version", version="")
    parsers = whole.add_subparsers()
    for name, (text, imported) in commands.items():
        own = _parser() if name == _NAME else _parser_of(imported())
        parsers.add_parser(name, parents=[own], add_help=False, help=text)
        _complete_values(own, shtab)
    script = shtab.complete(whole, shell=shell, root_prefix="hpsearch").splitlines()
    return Console(stamps=False).results([*script, *([_FILES_IN_BASH] if shell == "bash" else [])])


def _parser() -> argparse.ArgumentParser:
    description = "Print a script that lets your shell complete commands, options and folders."
    parser = CommandParser(
        prog=f"hpsearch {_NAME}", description=description, epilog=_EXAMPLE, formatter_class=ExampleFormatter
    )
    parser.add_argument("shell", metavar=f"{{{','.join(_SHELLS)}}}", choices=_SHELLS, help="Your shell.")
    return parser


def _shtab() -> Any:  # Any: a library without types
    try:
        return import_module("shtab")
    except ImportError as error:
        install = f"{interpreter_word()} -m pip install shtab"
        raise UsageError(f"completion needs shtab, which is not installed: {install}") from error


class _Parsing(BaseException):
    """Ends a command when it would parse its words. A BaseException: the command's handlers must not catch it."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.parser = parser


@contextlib.contextmanager
def _ending_where_words_are_read() -> Iterator[None]:
    def end(parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        raise _Parsing(parser)

    read = argparse.ArgumentParser.parse_known_args
    argparse.ArgumentParser.parse_known_args = end  # type: ignore[assignment]
    try:
        yield
    finally:
        argparse.ArgumentParser.parse_known_args = read  # type: ignore[method-assign]


def _parser_of(command: Command) -> argparse.ArgumentParser:
    """Return the parser that a command makes, so that no second list of options is needed."""
    try:
        with _ending_where_words_are_read():
            command([])
    except _Parsing as found:
        return found.parser
    raise AssertionError(f"{command} reads no words")


def _complete_values(parser: argparse.ArgumentParser, shtab: Any) -> None:  # Any: see above
    """Let the shell complete folders, files and listed words, going by the values' names."""
    for action in parser._actions:
        name = str(action.metavar or "")
        listed = re.fullmatch(r"\{([\w,]+)\}", name)
        if listed and action.choices is None:
            action.choices = listed[1].split(",")
        elif _FOLDER.search(name):
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif _FILE.search(name):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
