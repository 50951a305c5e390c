"""From a configuration to the command that runs it: as a list of words, and as one line for a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from hpsearch.core.model import Configuration
from hpsearch.core.value_text import whole_text


def is_flag(value: object) -> bool:
    """Return whether an option value is a truth value (Python's or numpy's): a bare flag on the command line."""
    return isinstance(value, bool) or (type(value).__module__ == "numpy" and type(value).__name__ in ("bool", "bool_"))


def text_of(value: object) -> str:
    """Return the text that the simulation receives for a value.

    A pair of double quotes around a whole string is taken off: a shell used to do that, and grid modules still
    write ``'"400,400"'``.
    """
    text = whole_text(value)
    if isinstance(value, str) and len(text) >= 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        return text[1:-1]
    return text


def argument(name: str, value: object) -> str | None:
    """Return an option as one word of the command: ``--name=value``, ``--name``, or None for a flag that is off."""
    if is_flag(value):
        return f"--{name}" if value else None
    return f"--{name}={text_of(value)}"


def arguments(configuration: Configuration) -> tuple[str, ...]:
    """Return the configuration's options as words of the command, in order. This is the configuration's identity."""
    words = (argument(name, value) for name, value in configuration.options)
    return tuple(word for word in words if word is not None)


def argv(
    program: Sequence[str], configuration: Configuration, out_arg: str = "", out_dir: str | None = None
) -> tuple[str, ...]:
    """Return the whole command of a run, one word an element; the output option comes last, if there is one."""
    last = () if out_dir is None else (f"--{out_arg}={out_dir}",)
    return (*program, *arguments(configuration), *last)


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
    """Return the words of a command line, as `shell_line` or a person wrote it.

    Raises ValueError if a quote is not closed.
    """
    printed = _PRINTED.fullmatch(line.strip())
    if printed is not None:
        escaped = "".join(shlex.split(printed["text"]))
        line = re.sub(r"\\\\|\\n|%%", lambda found: _ESCAPES[found[0]], escaped)
    return shlex.split(line)
