"""The only place that runs commands: each is a list of words with a time limit, and may be logged with its answer."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hpsearch.core.errors import BackendError, reason_of
from hpsearch.startup.classes import dataclass

#: The most characters of a command's answer that people are shown.
_MOST_WORDS = 300
#: How much is kept of each stream of an answer.
_MOST_LINES, _MOST_CHARACTERS = 20, 2000
#: How long to wait for the end of a killed command's output: a daemon that it started may hold it open for ever.
_LAST_WORDS_S = 2.0
#: The most characters kept of a command line (a question may name hundreds of jobs).
_MOST_ARGV = 2000
#: The most exchanges remembered until there is a file for them.
_MOST_REMEMBERED = 100
#: The file descriptor of standard error, whatever `sys.stderr` is.
_STDERR = 2
#: Shorter values of variables occur everywhere, and are no secrets.
_SHORTEST_SECRET = 6
_SECRET_NAME = r"\w*(?:KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|JWT|COOKIE)\w*"
_ASSIGNED_SECRET = re.compile(rf"\b({_SECRET_NAME})=[^\s,;'\"]+", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What a command left. exit_status: None if it gave no answer in time; -N if signal N ended it."""

    exit_status: int | None
    stdout: str
    stderr: str

    @property
    def words(self) -> str:
        """The command's words, for people: its errors, or else its output."""
        return one_line(self.stderr.strip() or self.stdout)


def one_line(text: str) -> str:
    """Return the lines of a text as one, for people; at most 300 characters."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())[:_MOST_WORDS]


def run_command(
    argv: Sequence[str],
    timeout_s: float | None,
    stdin: str = "",
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    is_killed_by_ctrl_c: bool = False,
    shows_output: bool = False,
) -> Answer:
    """Run a command; when the time is over (None = never), kill it and all that it started.

    environment: instead of this process's own. folder: where it runs, instead of the current one.
    is_killed_by_ctrl_c: else the command goes on to its end, as a submit command has to.
    shows_output: its output goes to our standard error at once instead of into the answer, and its background
    processes go on.
    Raises BackendError if there is no such command.
    """
    process = _started(argv, environment, folder, _STDERR if shows_output else subprocess.PIPE)
    try:
        stdout, stderr = process.communicate(stdin, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return Answer(None, *_last_words(process))
    except KeyboardInterrupt:
        if is_killed_by_ctrl_c:
            os.killpg(process.pid, signal.SIGKILL)
        raise
    return Answer(process.returncode, stdout or "", stderr or "")


def _started(
    argv: Sequence[str], environment: Mapping[str, str] | None, folder: Path | None, output: int
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            list(argv),
            env=None if environment is None else dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        path = None if environment is None else environment.get("PATH", os.defpath)
        is_there = shutil.which(argv[0], path=path) is not None
        problem = f"cannot be started ({reason_of(error)})" if is_there else "was not found"
        raise BackendError(f"{argv[0]} {problem}") from error


def _last_words(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a killed command printed; nothing if a process that it started holds the output open."""
    try:
        return process.communicate(timeout=_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        return "", ""


class Conversation:
    """Runs commands, and logs questions and answers, for users to send with a report. Several threads may share it."""

    def __init__(self, environ: Mapping[str, str] | None = None, wall: Callable[[], float] = time.time) -> None:
        """environ: values of variables that look like secrets are never logged. wall: seconds since the epoch."""
        self._secrets = _secrets(os.environ if environ is None else environ)
        self._wall = wall
        self._lines: deque[str] = deque(maxlen=_MOST_REMEMBERED)
        self._write: Callable[[str], None] = self._lines.append
        self._mutex = threading.Lock()
        self.last = ""
        self.file = ""

    def ask(
        self, argv: Sequence[str], timeout_s: float, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Answer:
        """Run a command as `run_command` does, and log it, without its input (a job's script)."""
        started = time.monotonic()
        try:
            answer = run_command(argv, timeout_s, stdin, environment)
        except BackendError as error:
            self.note(argv, time.monotonic() - started, Answer(None, "", str(error)))
            raise
        self.note(argv, time.monotonic() - started, answer)
        return answer

    def note(self, argv: Sequence[str], seconds: float, answer: Answer) -> None:
        from datetime import datetime

        asked = self._without_secrets(shlex.join(argv))[:_MOST_ARGV]
        output, errors = (self._without_secrets(_beginning(text)) for text in (answer.stdout, answer.stderr))
        entry = {
            "at": datetime.fromtimestamp(self._wall()).isoformat(timespec="milliseconds"),
            "asked": asked,
            "seconds": round(seconds, 3),
            "status": answer.exit_status,
            "output": output,
            "errors": errors,
        }
        status = "no answer" if answer.exit_status is None else f"exit status {answer.exit_status}"
        said = "; ".join((errors.strip() or output.strip()).splitlines()) or "nothing"
        with self._mutex:
            self.last = f"asked: {asked}; {status}; answered: {said}"
            self._write(json.dumps(entry) + "\n")

    def keep(self, file: str, write: Callable[[str], None]) -> None:
        """From now on, log to a file with `write`, which never fails; first what was remembered until now."""
        with self._mutex:
            self.file, self._write = file, write
            for line in self._lines:
                write(line)
            self._lines.clear()

    @property
    def hint(self) -> str:
        """The end of a message: where to read the log; empty while there is no file."""
        return f" (asked and answered: {self.file})" if self.file else ""

    def _without_secrets(self, text: str) -> str:
        for name, value in self._secrets:
            text = text.replace(value, f"[{name}]")
        return _ASSIGNED_SECRET.sub(r"\1=[not kept]", text)


def _secrets(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that look like secrets, the longest value first."""
    found = [(name, value) for name, value in environ.items() if re.fullmatch(_SECRET_NAME, name, re.IGNORECASE)]
    return sorted([pair for pair in found if len(pair[1]) >= _SHORTEST_SECRET], key=lambda pair: -len(pair[1]))


def _beginning(text: str) -> str:
    lines = text[: _MOST_CHARACTERS + 1].splitlines(keepends=True)
    kept = "".join(lines[:_MOST_LINES])[:_MOST_CHARACTERS]
    return kept if len(kept) == len(text) else f"{kept}[... {len(text)} characters in all]"
