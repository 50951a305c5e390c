"""The few lines of shell that start a run on this machine, and the file by which every run tells how it ended."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from hpsearch.core.integers import integer

#: An exit file is one line of a few words.
_MOST_BYTES = 4096
#: An exit status is a byte; a time that a date can be made of is not larger than this.
_LARGEST_STATUS, _LARGEST_TIME = 255, 10**11

#: Runs with the arguments EXIT_FILE COMMAND... ; the command's exit status goes to EXIT_FILE as one line, in one write.
#: (Renaming would take one more process for each run. Readers take a file without its line break for not yet written.)
#: - The first line waits for the controller's word: a run never starts before its submission is recorded, and not at
#:   all if the controller died in between (its end of the pipe is closed then).
#: - A shell without a trap would die of a signal to its group without writing; a trapped signal is not ignored by
#:   the command itself (POSIX: traps are reset in what the shell starts).
LOCAL_LAUNCHER = """\
read -r go || exit 125
trap : HUP INT TERM
exit_file=$1
shift
"$@" </dev/null
status=$?
echo "$status" >"$exit_file"
exit "$status"
"""


@dataclass(frozen=True)
class ExitNote:
    """What a run's launcher left in its exit file.

    was_told_to_stop: a signal from outside came first. ended: seconds since the epoch, by the clock of the run's host.
    The local launcher leaves the exit status only; a cluster's also when the run started, and where.
    """

    exit_status: int
    was_told_to_stop: bool = False
    ended: float | None = None


def read_exit_note(text: str) -> ExitNote | None:
    """Return what an exit file says; None if it is not (or not yet wholly) there."""
    words = text.split()
    numbers = [number for word in words[:4] if (number := integer(word)) is not None]
    if not text.endswith("\n") or not words or len(numbers) < len(words[:4]):
        return None
    if numbers[0] > _LARGEST_STATUS or any(number > _LARGEST_TIME for number in numbers):
        return None
    if len(numbers) < 4:
        return ExitNote(numbers[0])
    return ExitNote(numbers[0], bool(numbers[1]), numbers[3])


def note_in(path: Path) -> ExitNote | None:
    """Return what an exit file says; None if it is not there, or says nothing that can be read."""
    try:
        # What is no file (a pipe, say) must not block whoever looks.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = os.read(descriptor, _MOST_BYTES) if is_file else b""
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return read_exit_note(content.decode("utf-8", "replace"))
