"""The user's shell lines before a run, looked at before anything is submitted."""

from __future__ import annotations

import os
import re

from hpsearch.backends.shell import run_command
from hpsearch.core.errors import BackendError

_BASH_PATIENCE_S = 10.0
#: What bash says of lines that go on behind their end, in its own English.
_UNFINISHED = re.compile(
    r"line (\d+): (?:syntax error: |warning: )?((?:unexpected E|unexpected end of f|here-document ).*)"
)


def setup_problem(lines: str) -> str:
    """Return why bash could not take these lines as they are meant, and what to do; nothing if it can.

    Only what is sure: other mistakes may depend on options that the lines themselves set, and the job tells of them.
    """
    if lines.startswith("\ufeff"):
        return "it begins with a byte order mark, which bash takes for a part of the first word; save it without one"
    carriage_return = re.search(r"\r(?:\n|$)", lines)
    if carriage_return is not None:
        number = lines.count("\n", 0, carriage_return.start()) + 1
        return (
            f"line {number} ends with a carriage return, as lines do on Windows, which bash takes for a part of the "
            "last word; convert the file: sed -i 's/\\r$//' FILE"
        )
    return _unfinished(lines)


def _unfinished(lines: str) -> str:
    """Return which quotes or here-document have no end; nothing where there is no bash to tell."""
    environment = {**os.environ, "LC_ALL": "C", "BASH_ENV": ""}
    try:
        text = lines.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        answer = run_command(["bash", "-n", "/dev/stdin"], _BASH_PATIENCE_S, text, environment)
    except BackendError:
        return ""
    match = _UNFINISHED.search(answer.stderr)
    return f"bash misses an end, line {match.group(1)}: {match.group(2)}" if match else ""
