"""From a configuration and ``_SCRIPT_NAME`` to the command of a run: as a list of words, as a line for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from hpsearch.core.model import Configuration
from hpsearch.core.value_text import whole_text
from hpsearch.startup.classes import dataclass


def is_flag(value: object) -> bool:
    """Return whether an option value is a truth value (Python's or numpy's): a bare flag on the command line."""
    return isinstance(value, bool) or (type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"))


def text_of(value: object) -> str:
    """Return the text that the simulation receives for a value."""
    text = whole_text(value)
    # A shell used to take off a pair of double quotes, and grid modules still write '"400,400"'.
    if isinstance(value, str) and len(text) >= 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        return text[1:-1]
    return text


def argument(name: str, value: object) -> str | None:
    """Return an option as one word of the command: ``--name=value``, ``--name``, or None for a flag that is off."""
    if type(value) in (int, float):
        # A short way for most values: a search may have a million arguments.
        return f"--{name}={value}"
    if is_flag(value):
        return f"--{name}" if value else None
    return f"--{name}={text_of(value)}"


def arguments(configuration: Configuration) -> tuple[str, ...]:
    """Return the configuration's options as words of the command, in order. This is the configuration's identity."""
    words = (argument(name, value) for name, value in configuration.options)
    return tuple(word for word in words if word is not None)


def argv(
    program: Sequence[str],
    configuration: Configuration,
    out_arg: str = "",
    out_dir: str | None = None,
    more: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return the whole command of a run, one word an element; the output option comes last, if there is one.

    more: words of this attempt only; they stand before the output option.
    """
    return (*program, *arguments(configuration), *more, *([] if out_dir is None else [f"--{out_arg}={out_dir}"]))


def without_interpreter(program: Sequence[str], interpreter: Sequence[str]) -> tuple[str, ...]:
    """Return the script's words of a program. interpreter: the words given instead of Python; empty = Python."""
    is_python = program[0].rpartition("/")[2].startswith(("python", "pypy"))
    return tuple(program[len(interpreter) or int(is_python) :])


def shell_line(words: Sequence[str]) -> str:
    """Return the command as one physical line that a POSIX shell runs with every word intact.

    A word may hold a line break; quoting alone would spread it over two lines. Such a command is printed by
    ``printf`` and evaluated instead, so that "one command a line" holds for those who pick a line by its number.
    """
    line = " ".join(shlex.quote(word) for word in words)
    if "\n" not in line:
        return line
    escaped = line.replace("\\", "\\\\").replace("%", "%%").replace("\n", "\\n")
    return f'eval "$(printf {shlex.quote(escaped)})"'


_PRINTED = re.compile(r'eval "\$\(printf (?P<text>.*)\)"', re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "%%": "%"}


def words_of_line(line: str) -> list[str]:
    """Return the words of a line that `shell_line` or a person wrote. Raises ValueError if a quote is not closed."""
    printed = _PRINTED.fullmatch(line.strip())
    if printed is not None:
        escaped = "".join(shlex.split(printed["text"]))
        line = re.sub(r"\\\\|\\n|%%", lambda found: _ESCAPES[found[0]], escaped)
    return shlex.split(line)


#: Options of Python whose value may be a separate word; what follows the value of -m are the script's arguments.
_WITH_VALUE, _MODULE = "WX", "m"
_LONG_WITH_VALUE = "--check-hash-based-pycs"


@dataclass(frozen=True)
class ScriptLine:
    """A script with what stands around it in a command.

    before: options of the interpreter, the last one ``-m`` if `script` is a module's dotted name. after: the script's
    first arguments.
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
    """Split ``_SCRIPT_NAME``: the script is the whole text if that names a file, else its first word that does.

    is_python: False if the interpreter may be anything; then words that are not options may stand before the script.
    If no word names a file, the first word after Python's options is the script. Raises ValueError if a quote is not
    closed, or no script is named.
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
