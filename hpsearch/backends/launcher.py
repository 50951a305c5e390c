"""The few lines of shell that start a run on this machine, and the file by which every run tells how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.core.integers import integer

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

    was_told_to_stop: a signal from outside came first. started, ended: seconds since the epoch on the run's host.
    The local launcher leaves the exit status only.
    """

    exit_status: int
    was_told_to_stop: bool = False
    started: int | None = None
    ended: int | None = None
    host: str = ""


def read_exit_note(text: str) -> ExitNote | None:
    """Return what an exit file says; None if it is not (or not yet wholly) there."""
    words = text.split()
    numbers = [number for word in words[:4] if (number := integer(word)) is not None]
    if not text.endswith("\n") or not words or len(numbers) < len(words[:4]):
        return None
    if len(numbers) < 4:
        return ExitNote(numbers[0])
    return ExitNote(numbers[0], bool(numbers[1]), numbers[2], numbers[3], " ".join(words[4:]))


def read_exit_status(text: str) -> int | None:
    """Return the exit status in an exit file's text; None if it is not (or not yet wholly) there."""
    note = read_exit_note(text)
    return None if note is None else note.exit_status
