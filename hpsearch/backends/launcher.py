"""The few lines of shell that start a run and keep its exit status, whoever dies meanwhile."""

from __future__ import annotations

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


def read_exit_status(text: str) -> int | None:
    """Return the exit status in an exit file's text; None if it is not (or not yet wholly) there."""
    word = text.strip()
    return int(word) if text.endswith("\n") and word.isdigit() else None
