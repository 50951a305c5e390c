"""The one door to external commands, each started from a list of words and with a time limit."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpsearch.core.errors import BackendError, reason_of

#: Of a command's words, so many characters are shown to people.
_MOST_WORDS = 300


@dataclass(frozen=True)
class Answer:
    """What a command left. exit_status: None if it gave no answer in time; -N if signal N ended it."""

    exit_status: int | None
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """What it said, for people: the lines of its errors, or else of its output, as one; not without end."""
        lines = (line.strip() for line in (self.stderr.strip() or self.stdout).splitlines())
        return "; ".join(line for line in lines if line)[:_MOST_WORDS]


def run_command(
    argv: Sequence[str], timeout_s: float, stdin: str = "", environment: Mapping[str, str] | None = None
) -> Answer:
    """Run a command to its end, or until the time is over (then it and all it started are killed).

    environment: instead of this process's own. Raises BackendError if there is no such command.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            env=None if environment is None else dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise BackendError(f"{argv[0]}: cannot be started ({reason_of(error)}); is it on PATH?") from error
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return Answer(None, stdout, stderr)
    return Answer(process.returncode, stdout, stderr)
