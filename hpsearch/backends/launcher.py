"""How a run is started on this machine, and the file by which every run tells how it ended."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import subprocess
import threading
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

from hpsearch.backends.process_identity import open_pidfd
from hpsearch.backends.run_family import MARK, mark_of
from hpsearch.core.errors import NO_ROOM, SubmissionDelayed, SubmissionRefused, reason_of
from hpsearch.core.model import Attempt
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

#: What the operating system lacks for the moment: files, processes, memory, disk space, a file system that is away.
_PASSING = (
    *(*NO_ROOM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM),
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
)
#: An exit file is one line of a few words.
_MOST_BYTES = 4096
#: An exit status is a byte; no larger time can be made a date.
_LARGEST_STATUS, _LARGEST_TIME = 255, 10**11

#: Runs with the arguments EXIT_FILE COMMAND... ; the command's exit status goes to EXIT_FILE as one line, in one write.
#: (Renaming would take one more process for each run. Readers take a file without its line break for not yet written.)
#: - The first line waits for the controller's word: a run never starts before its submission is recorded, and not at
#:   all if the controller died in between (its end of the pipe is closed then).
#: - A shell without a trap would die of a signal to its group without writing; a trapped signal is not ignored by
#:   the command itself (POSIX: traps are reset in what the shell starts).
_LAUNCHER = """\
read -r go || exit 125
trap : HUP INT TERM
exit_file=$1
shift
"$@" </dev/null
status=$?
echo "$status" >"$exit_file"
exit "$status"
"""


@dataclass
class Launcher:
    """A run's launcher, a child of this process. gate: our end of the pipe from which it reads the word to go.

    ended: a file that becomes readable when it ends; the caller closes it.
    """

    attempt: Attempt
    process: subprocess.Popen[bytes]
    gate: int | None
    ended: int

    @classmethod
    def start(cls, attempt: Attempt, environment: Mapping[str, str]) -> Launcher:
        """Start it; it waits for `let_go`. environment: added to this process's own.

        Raises SubmissionDelayed if the system lacks something for the moment, else SubmissionRefused; leaves nothing
        behind then.
        """
        gate, process = None, None
        try:
            read_end, gate = os.pipe()
            try:
                process = _popen(attempt, environment, read_end)
            finally:
                os.close(read_end)
            return cls(attempt, process, gate, _end_announcer(process))
        except BaseException as error:
            if gate is not None:
                os.close(gate)
            if process is not None:
                process.wait()  # Without a word through its gate, it ends by itself.
            remove_logs(attempt)
            if isinstance(error, OSError) and error.errno in _PASSING:
                raise SubmissionDelayed(f"cannot start another process now ({reason_of(error)})") from error
            if isinstance(error, (OSError, ValueError)):
                raise SubmissionRefused(f"cannot start {attempt.argv[0]}: {error}") from error
            raise

    def let_go(self) -> None:
        if self.gate is not None:
            with contextlib.suppress(BrokenPipeError):  # It was killed meanwhile; its end is noticed like any other.
                os.write(self.gate, b"go\n")
        self.shut_gate()

    def shut_gate(self) -> None:
        """Let it end without running its command, unless that runs already."""
        if self.gate is not None:
            os.close(self.gate)
            self.gate = None


def _popen(attempt: Attempt, environment: Mapping[str, str], gate: int) -> subprocess.Popen[bytes]:
    out, err = log_paths(attempt)
    with _open_log(out) as out_file, _open_log(err) as err_file:
        return subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCHER, "sh", str(attempt.exit_file), *attempt.argv],
            cwd=attempt.cwd,
            env={**os.environ, **environment, MARK: mark_of(attempt.token, os.environ)},
            stdin=gate,
            stdout=out_file,
            stderr=err_file,
            start_new_session=True,
        )


def _end_announcer(process: subprocess.Popen[bytes]) -> int:
    """Return a file descriptor that becomes readable when the child ends."""
    descriptor = open_pidfd(process.pid)
    if descriptor is not None:
        return descriptor
    read_end, write_end = os.pipe()

    def announce() -> None:
        process.wait()
        os.close(write_end)

    threading.Thread(target=announce, daemon=True).start()
    return read_end


def _open_log(path: Path) -> FileIO:
    """Make a run's log. Raises SubmissionDelayed if it cannot be written: that is our folder's fault, not the run's."""
    try:
        # On a full disk an empty file may still be made, but a run could write nothing into it.
        with FileIO(path, "a") as file:
            file.write(b"\n")
            file.truncate(0)
        return FileIO(path, "a")
    except OSError as error:
        raise SubmissionDelayed(f"{path.parent}: no log can be written there ({reason_of(error)})") from error


def log_paths(attempt: Attempt) -> tuple[Path, Path]:
    return attempt.log_folder / f"{attempt.token}.out", attempt.log_folder / f"{attempt.token}.err"


def remove_logs(attempt: Attempt) -> None:
    for path in log_paths(attempt):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class ExitNote:
    """What a run's launcher left in its exit file; the local one leaves the exit status only.

    was_told_to_stop: a signal from outside came first; was_told_to_save: it was SIGUSR1, where that tells of the time
    limit. began, ended: seconds since the epoch, by the clock of the run's host.
    """

    exit_status: int
    was_told_to_stop: bool = False
    ended: float | None = None
    began: float | None = None
    was_told_to_save: bool = False


def read_exit_note(text: str) -> ExitNote | None:
    """Return what an exit file says; None if it is not (or not yet wholly) there."""
    words = text.split()[:4]
    numbers = [number for word in words if (number := integer(word)) is not None]
    if not text.endswith("\n") or not words or len(numbers) < len(words):
        return None
    if numbers[0] > _LARGEST_STATUS or max(numbers) > _LARGEST_TIME:
        return None
    if len(numbers) < 4:
        return ExitNote(numbers[0])
    return ExitNote(numbers[0], bool(numbers[1]), numbers[3], numbers[2], was_told_to_save=numbers[1] == 2)


def note_in(path: Path) -> ExitNote | None:
    """Return what an exit file says; None if it is not there, or says nothing that can be read."""
    with contextlib.suppress(OSError):
        # Something else than a file (a pipe, say) must not block us.
        with FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return read_exit_note(file.read(_MOST_BYTES).decode("utf-8", "replace"))
    return None


def exit_reason(exit_status: int) -> str:
    """Return a non-zero exit status in words: ``exit status 3``, ``ended by signal 9 (SIGKILL)``; else nothing."""
    if exit_status == 0:
        return ""
    if exit_status > 128:
        with contextlib.suppress(ValueError):  # Some programs end with such a status of their own.
            return f"ended by signal {exit_status - 128} ({signal.Signals(exit_status - 128).name})"
    return f"exit status {exit_status}"
