"""How every command ends: the right exit status, one message about what went wrong, nothing after Ctrl-C."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import ParamSpec

from hpsearch.console.console import Console
from hpsearch.console.user_output import leave_output_on_stderr, writing_results
from hpsearch.core.errors import SearchError, reason_of
from hpsearch.startup.garbage import look_seldom

_Arguments = ParamSpec("_Arguments")
_INTERRUPTED = 128 + signal.SIGINT


def with_exit_status(command: Callable[_Arguments, int]) -> Callable[_Arguments, int]:
    """Make a command return an exit status instead of raising, with a message on standard error."""

    @functools.wraps(command)
    def ending_with_status(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> int:
        try:
            return command(*args, **kwargs)
        except SearchError as error:
            message, status = str(error), error.exit_status
        except OSError as error:
            # Another user's folder, a disk that does not answer: a traceback would not explain more.
            message, status = f"{error.filename or 'a file'}: {reason_of(error)}", 2
        except KeyboardInterrupt:
            message, status = "interrupted; everything written so far is intact", _INTERRUPTED
        Console(stamps=False).error(message)
        return status

    return ending_with_status


def whole_process(command: Callable[[], int]) -> int:
    """Run the command that this process was started for; return its exit status.

    Ctrl-C ends the process silently until `clean_up_when_interrupted` is called, and after the command.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable and "utf8" not in sys._xoptions:
        # Restart in Python's UTF-8 mode; the environment stays as it is, for the runs.
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    # If the caller closed a standard stream, one of our files would get its number, and children of the user's code
    # would print into that file.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    _let_interrupt_end()
    look_seldom()
    try:
        status = command()
    except SystemExit as end:
        # argparse has printed its help or an error.
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    _let_interrupt_end()
    flushed = _flush_results()
    leave_output_on_stderr()
    # Else Python, as it ends, looks through all objects for garbage, which takes 10 ms. Not so with a user's module: an
    # open file of it that is garbage is closed by that, and its last text gets written.
    if "hpsearch.user_code.user_modules" not in sys.modules:
        gc.freeze()
    return status or flushed


def clean_up_when_interrupted() -> None:
    """From here on, let Ctrl-C raise KeyboardInterrupt, so that things are put in order; a second one ends at once.

    Other programs that call us decide for themselves what Ctrl-C does.
    """
    # Even if a shell made this background process ignore SIGINT: `hpsearch cancel` sends it.
    if signal.getsignal(signal.SIGINT) in (_end_at_once, signal.SIG_IGN):
        signal.signal(signal.SIGINT, _raise_once)


def _let_interrupt_end() -> None:
    # A background process that a shell made ignore SIGINT goes on ignoring it.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, _end_at_once)


def _end_at_once(number: int, frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


def _raise_once(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _end_at_once)
    raise KeyboardInterrupt


@with_exit_status
def _flush_results() -> int:
    if sys.stdout is not None:
        with contextlib.suppress(BrokenPipeError), writing_results():
            sys.stdout.flush()
    return 0
