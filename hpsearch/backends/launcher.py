"""How a run is started on this machine, and the exit file, in which every run tells how it ended."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from hpsearch.backends.process_identity import open_pidfd
from hpsearch.backends.run_family import MARK, mark_of
from hpsearch.core.errors import NO_ROOM, SubmissionDelayed, SubmissionRefused, reason_of
from hpsearch.core.model import Attempt
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

#: Errors that may pass: too few files, processes, memory or disk space; a file system that is away.
_PASSING = (
    *(*NO_ROOM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM),
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
)
#: How often to try whether a log can be written: making room for a byte takes as long as all else about a log.
_TRY_AFTER_S = 1.0
#: An exit file is one line of a few words.
_MOST_BYTES = 4096
#: The file descriptor of standard error, the last of the standard files.
_STDERR = 2
#: An exit status is a byte; no larger time can be made a date.
_LARGEST_STATUS, _LARGEST_TIME = 255, 10**11

#: A shell script with the arguments EXIT_FILE FOLDER COMMAND... : it executes the command in the folder, then writes
#: the exit status to EXIT_FILE as one line, in one write.
#: (Renaming would take one more process for each run. Readers ignore a file without a line break: not yet written.)
#: - `read` waits for the controller's word: a run never starts before its submission is recorded, and not at all if the
#:   controller died in between (its end of the pipe is closed then; the whole launcher ends, and writes nothing).
#: - The process that becomes the command waits, not its parent: no process has to be made after the word.
#: - Without a trap, a signal to the group would kill the shell before it writes; the command itself does not ignore
#:   a trapped signal (POSIX: traps are reset in what the shell starts).
LAUNCHER = """\
trap : HUP INT TERM
exit_file=$1 folder=$2
shift 2
(
    read -r go || { kill -s KILL $$; exit 125; }
    cd -- "$folder" || exit 125
    exec "$@" </dev/null
)
status=$?
echo "$status" >"$exit_file"
exit "$status"
"""


class _Spawned:
    """A child process, with the methods `poll` and `wait` of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._exit_status: int | None = None

    def poll(self) -> int | None:
        return self._waited(os.WNOHANG)

    def wait(self) -> int | None:
        return self._waited(0)

    def _waited(self, flags: int) -> int | None:
        if self._exit_status is None:
            try:
                pid, status = os.waitpid(self.pid, flags)
            except ChildProcessError:
                # Other code in this program has waited for the child.
                pid, status = self.pid, 0
            if pid:
                self._exit_status = os.waitstatus_to_exitcode(status)
        return self._exit_status


@dataclass
class Launcher:
    """A run's launcher, a child of this process. gate: our end of the pipe from which it reads the word to go.

    ended: a file that becomes readable when the launcher ends; the caller closes it.
    """

    attempt: Attempt
    process: _Spawned | subprocess.Popen[bytes]
    gate: int | None
    ended: int

    def let_go(self) -> None:
        """Give the word, unless the launcher was killed: its end is noticed like any other, and nothing runs."""
        # The process that waits for the word may have outlived the launcher.
        if self.gate is not None and self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.gate, b"go\n")
        self.shut_gate()

    def shut_gate(self) -> None:
        """Let the launcher end without running its command, unless the command runs already."""
        if self.gate is not None:
            os.close(self.gate)
            self.gate = None


class Starter:
    """Starts launchers; keeps what they all share."""

    def __init__(self) -> None:
        # Copying and encoding the environment for each run takes 60 us.
        self._environ = dict(os.environ)
        self._encoded = _encoded(self._environ)
        self._mark = mark_of("", self._environ)
        self._to_close: list[int] | None = None
        self._next_try = -math.inf

    def start(self, attempt: Attempt, environment: Mapping[str, str]) -> Launcher:
        """Start a launcher; it waits for `let_go`. environment: added to this process's own.

        Raises SubmissionDelayed if the system lacks something for the moment, SubmissionRefused if it can never start;
        leaves nothing behind then.
        """
        gate, process = None, None
        try:
            read_end, gate = os.pipe()
            try:
                process = self._started(attempt, environment, read_end)
            finally:
                os.close(read_end)
            return Launcher(attempt, process, gate, _end_announcer(process))
        except BaseException as error:
            if gate is not None:
                os.close(gate)
            if process is not None:
                process.wait()  # Its gate is closed, so it ends by itself.
            remove_logs(attempt)
            if isinstance(error, OSError) and error.errno in _PASSING:
                raise SubmissionDelayed(f"cannot start another process now ({reason_of(error)})") from error
            if isinstance(error, (OSError, ValueError)):
                raise SubmissionRefused(f"cannot start {attempt.argv[0]}: {error}") from error
            raise

    def _started(
        self, attempt: Attempt, environment: Mapping[str, str], gate: int
    ) -> _Spawned | subprocess.Popen[bytes]:
        os.stat(f"{attempt.cwd}/.")  # noqa: PTH116  (a `Path` would drop the dot; raises if nothing can execute there)
        own = _encoded({**environment, MARK: self._mark + attempt.token})
        words = ["/bin/sh", "-c", LAUNCHER, "sh", str(attempt.exit_file), str(attempt.cwd), *attempt.argv]
        tries_logs, standard = self._is_time_to_try(), [gate]
        if tries_logs:
            # Found out once a second, not for each run.
            self._to_close = _inheritable()
        try:
            standard += (_open_log(path, tries_logs) for path in log_paths(attempt))
            return _child(words, {**self._encoded, **own}, standard, self._to_close)
        finally:
            for descriptor in standard[1:]:
                os.close(descriptor)

    def _is_time_to_try(self) -> bool:
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + _TRY_AFTER_S
        return True


def _encoded(environment: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): os.fsencode(value) for name, value in environment.items()}


def _inheritable() -> list[int] | None:
    """Return the open files that a child would inherit, beyond the standard ones; None if that cannot be found out."""
    try:
        names = os.listdir("/dev/fd")  # noqa: PTH208  (names are all that is needed)
    except OSError:
        return None
    inherited = []
    for name in names:
        with contextlib.suppress(OSError):  # The descriptor of the listing itself is closed by now.
            if int(name) > _STDERR and os.get_inheritable(int(name)):
                inherited.append(int(name))
    return inherited


def _child(
    words: list[str], environment: Mapping[bytes, bytes], standard: Sequence[int], to_close: Iterable[int] | None
) -> _Spawned | subprocess.Popen[bytes]:
    """Start a process in a session of its own.

    standard: its first three files. to_close: other files that it would inherit; None = unknown. Raises OSError.
    """
    if to_close is not None and _has_pidfds():
        actions = [(os.POSIX_SPAWN_DUP2, descriptor, number) for number, descriptor in enumerate(standard)]
        actions += [(os.POSIX_SPAWN_CLOSE, descriptor) for descriptor in to_close]  # type: ignore[misc]  # shorter ones
        # Python built for old systems has no sessions here.
        with contextlib.suppress(NotImplementedError):
            # `Popen` takes twice the time. Python ignores these two signals; its children should not.
            defaults = (signal.SIGPIPE, signal.SIGXFSZ)
            pid = os.posix_spawn(words[0], words, environment, file_actions=actions, setsid=True, setsigdef=defaults)
            return _Spawned(pid)
    stdin, stdout, stderr = standard
    return subprocess.Popen(words, env=environment, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True)


@lru_cache(maxsize=1)
def _has_pidfds() -> bool:
    """Return whether the system announces the end of a process; else a thread must wait for a `Popen`."""
    descriptor = open_pidfd(os.getpid())
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def _end_announcer(process: _Spawned | subprocess.Popen[bytes]) -> int:
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


def _open_log(path: str, is_tried: bool) -> int:
    """Make a run's log; return a file descriptor. is_tried: try whether it can be written.

    Raises SubmissionDelayed if it cannot: that is our folder's fault, not the run's.
    """
    descriptor = None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        if is_tried:
            # A full disk may still take an empty file, but a run could write nothing into it.
            os.write(descriptor, b"\n")
            os.ftruncate(descriptor, 0)
        return descriptor
    except OSError as error:
        if descriptor is not None:
            os.close(descriptor)
        raise SubmissionDelayed(
            f"{path.rpartition('/')[0]}: no log can be written there ({reason_of(error)})"
        ) from error


def log_paths(attempt: Attempt) -> tuple[str, str]:
    stem = f"{attempt.log_folder}/{attempt.token}"
    return f"{stem}.out", f"{stem}.err"


def remove_logs(attempt: Attempt) -> None:
    for path in log_paths(attempt):
        with contextlib.suppress(OSError):
            os.unlink(path)  # noqa: PTH108  (as text, like all about a log: paths are made for each run)


@dataclass(frozen=True)
class ExitNote:
    """What a run's launcher left in its exit file; the local launcher leaves the exit status only.

    was_told_to_stop: a signal from outside came first. was_told_to_save: the signal was SIGUSR1, which announced the
    time limit. began, ended: seconds since the epoch, by the clock of the run's host.
    """

    exit_status: int
    was_told_to_stop: bool = False
    ended: float | None = None
    began: float | None = None
    was_told_to_save: bool = False


def read_exit_note(text: str) -> ExitNote | None:
    """Return what the text of an exit file says; None if it is not complete."""
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
    return dated_note_in(path)[0]


def dated_note_in(path: Path) -> tuple[ExitNote | None, float]:
    """Return what an exit file says, as `note_in` does, and when it was written, in seconds since the epoch."""
    with contextlib.suppress(OSError):
        # Anything but a file (a pipe, say) must not block us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            state = os.fstat(descriptor)
            if stat.S_ISREG(state.st_mode):
                return read_exit_note(os.read(descriptor, _MOST_BYTES).decode("utf-8", "replace")), state.st_mtime
        finally:
            os.close(descriptor)
    return None, 0.0


def exit_reason(exit_status: int) -> str:
    """Return a non-zero exit status in words: ``exit status 3``, ``ended by signal 9 (SIGKILL)``; else nothing."""
    if exit_status == 0:
        return ""
    if exit_status > 128:
        with contextlib.suppress(ValueError):  # Some programs use such a status for themselves.
            return f"ended by signal {exit_status - 128} ({signal.Signals(exit_status - 128).name})"
    return f"exit status {exit_status}"
