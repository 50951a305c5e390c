"""All that is printed: results on standard output, progress and messages on standard error.

On a terminal there is a live bar; elsewhere (a job's log, a pipe) there are plain lines with the time in front.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from hpsearch.console.follow import LogFollower
from hpsearch.console.outlet import OutletStream, outlets_of
from hpsearch.core.errors import StoreError, reason_of

#: How often a bar on a terminal is drawn anew while nothing happens.
_BAR_INTERVAL_S = 1.0
#: Of what a run printed between two looks, a terminal shows so much: nobody could read more.
_TERMINAL_SHOWS = 32768
#: So much waits for a slow reader before output of runs is left out, in bytes; and one look takes at most so long.
_MOST_WAITING, _LONGEST_LOOK_S = 1 << 20, 1.0
#: Lines of results are written in parts of about so many characters.
_PART = 65536


class Console:
    """What one command shows. Nothing here fails, and nothing waits for a reader but the results on standard output.

    A message that cannot be written is not worth a search.
    """

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None, stamps: bool = True) -> None:
        """Print to these streams. stamps: with the time before each message where there is no terminal."""
        # Python has None where the caller closed a stream.
        out = out or sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
        err = err or sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
        self._out, self._err = outlets_of(out, err)
        self._out_is_terminal, self._is_terminal = out.isatty(), err.isatty()
        self._stamps = stamps and not self._is_terminal
        self._log: Callable[[str], None] | None = None
        self._bar: Any = None  # Any: tqdm comes without types
        self._bar_stream = OutletStream(self._err, most_waiting=0)
        self._drawn = self._left_out = 0

    @property
    def refresh_s(self) -> float | None:
        """After how many seconds `refresh` wants to be called; None where there is no bar."""
        return _BAR_INTERVAL_S if self._bar is not None else None

    def result(self, line: str, patience_s: float | None = None) -> None:
        """Print a line of results on standard output.

        patience_s: give up if a reader takes nothing for so long; None = it is waited for.
        """
        with contextlib.suppress(OSError):
            self._out.write_whole(line + "\n", patience_s)

    def results(self, lines: Iterable[str]) -> int:
        """Print many lines of results; return the exit status. A reader that goes away early (``| head``) ends it.

        Raises StoreError if they cannot be written (to a file on a full disk, say).
        """
        for part in _parts(lines):
            if not self.output(part):
                break
        return 0

    def output(self, content: str | bytes) -> bool:
        """Print results, or what a run printed as it is, on standard output; False if nobody reads it any more.

        Raises StoreError if it cannot be written.
        """
        try:
            with self._told_if_unwritable():
                self._out.write_whole(content)
        except BrokenPipeError:
            self.leave()
            return False
        return True

    def redraw(self, lines: Iterable[str]) -> None:
        """Print lines of results in the place of those of the last call, cut to what the terminal can show.

        Where there is no terminal they follow each other. Raises BrokenPipeError if nobody reads them any more,
        StoreError if they cannot be written.
        """
        shown, clear = list(lines), ""
        if self._out_is_terminal:
            width, height = shutil.get_terminal_size()
            shown = [line[: width - 1] for line in shown[: height - 1]]
            # Up to the first of the old lines, and clear from there.
            clear = (f"\033[{self._drawn}F" if self._drawn else "") + "\033[J"
            self._drawn = len(shown)
        with self._told_if_unwritable():
            self._out.write_whole(clear + "".join(line + "\n" for line in shown))

    @property
    def width(self) -> int | None:
        """How many characters fit on a line of standard output; None where that is no terminal."""
        return shutil.get_terminal_size().columns if self._out_is_terminal else None

    def leave(self) -> None:
        """Print nothing more on standard output: nobody reads it."""
        # Python flushes once more at its end, and would complain.
        with contextlib.suppress(OSError):
            sys.stdout = open("/dev/null", "w")  # noqa: SIM115, PTH123

    @contextlib.contextmanager
    def _told_if_unwritable(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            self.leave()
            raise StoreError(f"standard output cannot be written: {reason_of(error)}") from error

    def note(self, text: str) -> None:
        """Print a message."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self._print(f"{stamp} {text}" if self._stamps else text)
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._log(f"{stamp} {text}\n")

    def notes(self, lines: Iterable[str]) -> None:
        """Print some messages."""
        for line in lines:
            self.note(line)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.note(f"warning: {text}")

    def error(self, text: str) -> None:
        """Print why the command ends."""
        self._print(f"hpsearch: {text}")

    def keep_log(self, write: Callable[[str], None]) -> None:
        """Hand every message, with the time in front, to this function, too."""
        self._log = write

    @property
    def has_bar(self) -> bool:
        """Whether a bar is drawn."""
        return self._bar is not None

    def start_bar(self, total: int, done: int) -> None:
        """Draw a bar of runs, if standard error is a terminal."""
        if self._is_terminal:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                initial=done,
                file=self._bar_stream,
                unit="run",
                dynamic_ncols=True,
                bar_format="{n_fmt}/{total_fmt} |{bar}| {elapsed} left {remaining}{postfix}",
            )

    def advance_bar(self) -> None:
        """Let the bar, if there is one, show one more run."""
        if self._bar is not None:
            self._bar.update(1)

    def describe_bar(self, text: str) -> None:
        """Draw the bar, if there is one, anew with this text behind it."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=True)

    def echo(self, follower: LogFollower, is_last: bool = False) -> None:
        """Show what a run printed since the last look; the whole of it only in a file, or for a reader that keeps up.

        is_last: nothing will be added, and there is no further look.
        """
        with contextlib.suppress(OSError):
            if self._is_terminal:
                self._left_out += follower.skip(_TERMINAL_SHOWS)
            until, in_line = time.monotonic() + _LONGEST_LOOK_S, False
            # The bar would be drawn over a line that is not yet at its end.
            for piece in follower.last_pieces() if is_last else follower.pieces(whole_lines=self._bar is not None):
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
            self._err.write(self._gap())
            self._left_out = 0

    def _echo_piece(self, piece: bytes, in_line: bool) -> bool:
        """Show a part of what a run printed; False if the reader is too slow for it. in_line: it goes on with one."""
        text = self._gap() + piece.decode("utf-8", "replace")
        is_shown = self._err.write(text if in_line else self._without_bar(text), _MOST_WAITING)
        self._left_out = 0 if is_shown else self._left_out + len(piece)
        return is_shown

    def _gap(self) -> str:
        """Say how much of a run's output was left out; empty if nothing was."""
        return (
            f"\n[{self._left_out:,} bytes are not shown here; the run's log has them all]\n" if self._left_out else ""
        )

    @contextlib.contextmanager
    def standing_in_for_stderr(self) -> Iterator[None]:
        """Let nothing that users' own functions print wait for a reader, either."""
        if self._err.never_blocks:
            yield
            return
        with contextlib.redirect_stderr(OutletStream(self._err, _MOST_WAITING)):
            yield

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            # Also where something waits: else the closing lines would follow an earlier state of the bar.
            self._bar_stream.most_waiting = None
            self._bar.close()
            self._bar = None

    def _print(self, text: str) -> None:
        self._err.write(self._without_bar(text + "\n"))

    def _without_bar(self, text: str) -> str:
        """Return a text with what takes the bar off the line first, in one piece: either both are dropped or none."""
        return text if self._bar is None or not text else f"\r{' ' * (self._bar.ncols or 0)}\r{text}"


def _parts(lines: Iterable[str]) -> Iterator[str]:
    """Join lines, so that they are written some thousand characters at once."""
    part: list[str] = []
    size = 0
    for line in lines:
        part.append(line + "\n")
        size += len(line)
        if size > _PART:
            yield "".join(part)
            part, size = [], 0
    yield "".join(part)
