"""Printing: results on standard output, progress and messages on standard error.

On a terminal there is a live bar; elsewhere (a job's log, a pipe) plain lines with the time in front.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.console.bar import Bar
from hpsearch.console.colour import RunOutput, cut_to_width, harmless, takes_colour, without_colour
from hpsearch.console.outlet import Outlet, OutletStream, outlets_of
from hpsearch.console.user_output import writing_results

if TYPE_CHECKING:
    from hpsearch.console.follow import LogFollower

#: How often a bar on a terminal is drawn again: while nothing happens, and at most.
_BAR_INTERVAL_S, _LEAST_BAR_INTERVAL_S = 1.0, 0.1
#: The most bytes of a run's output that a terminal shows at each look: nobody could read more.
_TERMINAL_SHOWS = 32768
#: How many bytes may wait for a slow reader before runs' output is left out; and how long one look may take.
_MOST_WAITING, _LONGEST_LOOK_S = 1 << 20, 1.0
_LINES_AT_ONCE = 1000


class Console:
    """What one command shows. Only results may wait for a reader, or fail: no search ends for a message."""

    def __init__(self, stamps: bool = True) -> None:
        """stamps: put the time before each message if there is no terminal."""
        # A stream is None if the caller closed it.
        out, err = (stream or Path(os.devnull).open("w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115
        self._out, self._err = outlets_of(out, err)
        self._out_is_terminal, self._is_terminal = out.isatty(), err.isatty()
        self._stamps = stamps and not self._is_terminal
        self._colours_of = {outlet: takes_colour(outlet.stream) for outlet in (self._out, self._err)}
        self._log: Callable[[str], None] | None = None
        self._bar: Bar | None = None
        self._bar_drawn_at = 0.0
        self._drawn = self._left_out = 0
        self._run_output: RunOutput | None = None

    @property
    def refresh_s(self) -> float | None:
        """The interval at which the bar needs new texts, in seconds; None without a bar."""
        return _BAR_INTERVAL_S if self._bar is not None else None

    @property
    def width(self) -> int | None:
        """How many characters fit on a line of standard output; None if that is no terminal."""
        return _size_of(self._out).columns if self._out_is_terminal else None

    @property
    def height(self) -> int | None:
        """How many lines standard output shows at once; None if that is no terminal."""
        return _size_of(self._out).lines if self._out_is_terminal else None

    def result(self, line: str, patience_s: float | None = None) -> None:
        """Print a line of results on standard output.

        patience_s: give up when the reader takes nothing for this long; None = wait for it.
        """
        with contextlib.suppress(OSError):
            self._out.write_whole((harmless(line) if self._out_is_terminal else line) + "\n", patience_s)

    def results(self, lines: Iterable[str]) -> int:
        """Print many lines of results; return the exit status. Stops if the reader goes away early (``| head``).

        Raises StoreError if they cannot be written.
        """
        lines = (f"{line}\n" for line in lines)
        while (part := "".join(islice(lines, _LINES_AT_ONCE))) and self.output(part):
            pass
        return 0

    def output(self, content: str | bytes) -> bool:
        """Print results, or (bytes) what a run printed, on standard output; False if nobody reads it any more.

        They go out as they are, but for what could harm a terminal. Raises StoreError if they cannot be written.
        """
        with contextlib.suppress(BrokenPipeError), writing_results():
            self._out.write_whole(self._for_terminal(content) if self._out_is_terminal else content)
            return True
        return False

    def _for_terminal(self, content: str | bytes) -> str:
        if isinstance(content, str):
            return harmless(content)
        self._run_output = self._run_output or RunOutput()
        return self._run_output.harmless(content)

    def table(self, lines: Iterable[str]) -> int:
        """Print lines of results for people, in colour if the terminal takes it; see `results`."""
        return self.results(self._in_colour(line, self._out) for line in lines)

    def redraw(self, lines: Iterable[str]) -> None:
        """Print lines of results; on a terminal, over the last call's lines and cut to its size.

        Raises BrokenPipeError if the reader is gone, StoreError if they cannot be written.
        """
        shown, clear = [self._in_colour(line, self._out) for line in lines], ""
        if self._out_is_terminal:
            width, height = _size_of(self._out)
            shown = [cut_to_width(line, width - 1) for line in shown[: height - 1]]
            # Move up to the first old line, and clear from there.
            clear = (f"\033[{self._drawn}F" if self._drawn else "") + "\033[J"
            self._drawn = len(shown)
        with writing_results():
            self._out.write_whole(clear + "".join(line + "\n" for line in shown))

    def note(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self._print(f"{stamp} {text}" if self._stamps else text)
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._log(f"{stamp} {harmless(without_colour(text))}\n")

    def notes(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.note(line)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    def error(self, text: str) -> None:
        """Print why the command ends."""
        self._print(f"hpsearch: {text}")

    def keep_log(self, write: Callable[[str], None]) -> None:
        """Also pass every message, with the time in front, to this function."""
        self._log = write

    @property
    def is_bar_due(self) -> bool:
        """Whether it is time to draw the bar again."""
        return time.monotonic() - self._bar_drawn_at >= _LEAST_BAR_INTERVAL_S

    @property
    def has_bar(self) -> bool:
        return self._bar is not None

    def start_bar(self, total: int, done: int) -> None:
        """Draw a bar of runs, if standard error is a terminal."""
        if self._is_terminal:
            self._bar = Bar(total, done, time.monotonic())
            self._draw_bar()

    def advance_bar(self) -> None:
        if self._bar is not None:
            self._bar.advance(time.monotonic())

    def extend_bar(self, count: int) -> None:
        """Note that there are more runs than was known."""
        if self._bar is not None:
            self._bar.extend(count)

    def describe_bar(self, texts: Sequence[Sequence[str]]) -> None:
        """Draw the bar again, if there is one, with these texts behind it; see `Bar.texts`."""
        if self._bar is not None:
            self._bar.texts = texts
            if self.is_bar_due:
                self._draw_bar()

    def _draw_bar(self) -> None:
        """Draw the bar over the old one, unless the reader is slow."""
        self._bar_drawn_at = time.monotonic()
        self._err.write(self._bar_line(), most_waiting=0)

    def _bar_line(self, is_last: bool = False) -> str:
        """Return the text that draws the bar over the present line. is_last: see `Bar.line`."""
        if self._bar is None:
            return ""
        # Some terminals wrap when the last column is written.
        width = _size_of(self._err).columns - 1
        line = self._bar.line(time.monotonic(), width, is_last)
        return f"\r{self._in_colour(line, self._err)}{' ' * (width - len(without_colour(line)))}"

    def echo(self, follower: LogFollower, is_last: bool = False) -> None:
        """Show what a run printed since the last look, as much as a slow reader or a terminal can take.

        is_last: there will be no further look.
        """
        with contextlib.suppress(OSError):
            if self._is_terminal:
                self._left_out += follower.skip(_TERMINAL_SHOWS)
            until, in_line = time.monotonic() + _LONGEST_LOOK_S, False
            # Else the bar would be drawn over an unfinished line.
            for piece in follower.pieces(whole_lines=self._bar is not None and not is_last, is_last=is_last):
                is_shown = self._echo_piece(piece, in_line)
                in_line = not piece.endswith(b"\n") if piece else in_line
                is_late = not self._err.never_blocks and time.monotonic() > until
                if not is_shown or (is_late and is_last):
                    self._left_out += follower.skip()
                if not is_shown or is_late:
                    break
            if is_last and in_line and self._bar is not None:
                self._err.write("\n")
        if is_last:
            self._err.write(self._above_bar(self._gap()))
            self._left_out = 0

    def _echo_piece(self, piece: bytes, in_line: bool) -> bool:
        """Show a part of what a run printed; False if the reader is too slow. in_line: it continues a line."""
        text = self._gap() + piece.decode("utf-8", "replace")
        is_shown = self._err.write(text if in_line else self._above_bar(text), _MOST_WAITING)
        self._left_out = 0 if is_shown else self._left_out + len(piece)
        return is_shown

    def _gap(self) -> str:
        """Say how much of a run's output was left out; empty if nothing was."""
        count = self._left_out
        return f"\n[{count:,} bytes are not shown here; the run's log has them all]\n" if count else ""

    def standing_in_for_stderr(self) -> contextlib.AbstractContextManager[object]:
        """Return a context in which output of users' own functions does not wait for a reader, either."""
        stream = OutletStream(self._err, _MOST_WAITING)
        return contextlib.nullcontext() if self._err.never_blocks else contextlib.redirect_stderr(stream)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            # Write even if something waits: else the closing lines would follow an old state of the bar.
            self._err.write(self._bar_line(is_last=True) + "\n")
            self._bar = None

    def _print(self, text: str) -> None:
        self._err.write(self._above_bar(self._in_colour(text, self._err) + "\n"))

    def _in_colour(self, text: str, outlet: Outlet) -> str:
        return harmless(text if self._colours_of[outlet] else without_colour(text))

    def _above_bar(self, text: str) -> str:
        """Return a text that first clears the bar and then draws it again; it is dropped as a whole or not at all."""
        if self._bar is None or not text:
            return text
        bar = self._bar_line() if text.endswith("\n") else ""
        return f"\r{' ' * (_size_of(self._err).columns - 1)}\r{text}{bar}"


def _size_of(outlet: Outlet) -> os.terminal_size:
    """Return a terminal's columns and lines; some terminals do not tell them."""
    with contextlib.suppress(OSError, ValueError):
        size = os.get_terminal_size(outlet.stream.fileno())
        if size.columns > 0 and size.lines > 0:
            return size
    # Imported late: shutil, with its archive formats, would cost every command 3 ms; most terminals tell their size.
    from shutil import get_terminal_size

    return get_terminal_size()
