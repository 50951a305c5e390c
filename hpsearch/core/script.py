"""What ``_SCRIPT_NAME`` says: a file, or a line of options of the interpreter, the script, and its first arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.core.command import words_of_line

#: Options of Python whose value may be a word of its own; behind the last of them, the script's arguments begin.
_WITH_VALUE, _MODULE = "WX", "m"
_LONG_WITH_VALUE = "--check-hash-based-pycs"


@dataclass(frozen=True)
class ScriptLine:
    """A script with what stands around it in a command.

    before: options of the interpreter; the last of them is ``-m`` if `script` is a module's dotted name instead of a
    file. after: the first arguments of the script.
    """

    before: tuple[str, ...]
    script: str
    after: tuple[str, ...]
    is_module: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words between the interpreter and the options of a run."""
        return (*self.before, self.script, *self.after)


def script_line(name: str, is_file: Callable[[str], bool], is_python: bool = True) -> ScriptLine:
    """Take ``_SCRIPT_NAME`` apart: the whole is a file, or else the first of its words that is one is the script.

    is_python: False if the interpreter may be anything: then words that are no options may stand before the script.
    Where no word is a file, the one that stands in its place is the script. Raises ValueError if a quote is not closed,
    or there is no script.
    """
    if is_file(name):
        return ScriptLine((), name, ())
    options, rest, is_module = _without_options(words_of_line(name))
    if not rest:
        raise ValueError("it names no script")
    candidates = rest[:1] if is_python or is_module else rest
    at = next((k for k, word in enumerate(candidates) if is_file(word)), 0)
    return ScriptLine((*options, *rest[:at]), rest[at], tuple(rest[at + 1 :]), is_module)


def _without_options(words: Sequence[str]) -> tuple[list[str], list[str], bool]:
    """Return the options of Python with their values, what follows them, and whether that begins with a module."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        letters = words[at][1:]
        at += 1
        if letters.startswith("-"):
            at += words[at - 1] == _LONG_WITH_VALUE
            continue
        # Several letters may share a dash (-uW), and the value may stand in the same word (-Wignore).
        letter = next((letter for letter in letters if letter in _WITH_VALUE + _MODULE), "")
        head, _, value = letters.partition(letter) if letter else (letters, "", letters)
        if letter == _MODULE:
            return [*words[: at - 1], f"-{head}{letter}"], [value, *words[at:]] if value else list(words[at:]), True
        at += not value
    return list(words[:at]), list(words[at:]), False
