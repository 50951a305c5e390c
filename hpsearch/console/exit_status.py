"""How every command ends: the right exit status, one message for what went wrong, and no word about Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, ParamSpec

from hpsearch.console.user_output import leave_output_on_stderr
from hpsearch.console.utf8 import restart_in_utf8_mode
from hpsearch.core.errors import SearchError, reason_of

if TYPE_CHECKING:
    from hpsearch.console.console import Console

_Arguments = ParamSpec("_Arguments")
_INTERRUPTED = 128 + signal.SIGINT


def told(command: Callable[_Arguments, int]) -> Callable[_Arguments, int]:
    """Let a command return its exit status also where it raises; what went wrong is told on standard error."""

    @functools.wraps(command)
    def with_errors_told(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except SearchError as error:
            _console().error(str(error))
            return error.exit_status
        except OSError as error:
            # Another user's folder, a disk that does not answer: nothing that a traceback would explain better.
            _console().error(f"{error.filename or 'a file'}: {reason_of(error)}")
            return 2
        except KeyboardInterrupt:
            _console().error("stopped; what was written is whole")
            return _INTERRUPTED

    return with_errors_told


def _console() -> Console:
    from hpsearch.console.console import Console

    return Console(stamps=False)


def whole_process(command: Callable[[], int]) -> int:
    """Run the command that this process is there for; return its exit status.

    Before `clean_up_when_interrupted` was called, and after the command, Ctrl-C ends the process without a word.
    """
    restart_in_utf8_mode()
    _open_standard_streams()
    _on_interrupt(_end_at_once)
    try:
        status = command()
    except SystemExit as end:
        # argparse has printed its help, or what is wrong.
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    _on_interrupt(_end_at_once)
    status = _flushed(status)
    leave_output_on_stderr()
    return status


def clean_up_when_interrupted() -> None:
    """From here on there is something to put in order: let Ctrl-C raise KeyboardInterrupt.

    Pressed again while that is being dealt with, it ends the process at once. Other programs that call us decide
    themselves what Ctrl-C does.
    """
    # Also where a script's shell lets its background processes ignore it: `hpsearch cancel` sends it from here on.
    if signal.getsignal(signal.SIGINT) in (_end_at_once, signal.SIG_IGN):
        signal.signal(signal.SIGINT, _raise_once)


def _on_interrupt(handler: Callable[[int, FrameType | None], object]) -> None:
    # A shell lets its background processes ignore SIGINT, and that stays so.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


def _raise_once(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _end_at_once)
    raise KeyboardInterrupt


def _open_standard_streams() -> None:
    """Make sure that no file of ours gets the number of a standard stream that the caller closed.

    A child process of the user's code that prints would write into that file otherwise.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _flushed(status: int) -> int:
    """Write out what is left of standard output; return the exit status."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        _console().error(f"standard output cannot be written: {reason_of(error)}")
        return status or 1
    return status


def _drop_output() -> None:
    # Python flushes once more at its end, and would complain.
    with contextlib.suppress(OSError):
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
