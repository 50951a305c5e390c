"""Draw what a terminal shows: run commands on a pseudo-terminal and write its screen as an SVG file.

    python docs/terminal_picture.py FILE.svg 'COMMAND'... [--columns 80] [--rows 24] [--at SECONDS]

Each command is shown behind a prompt. The screen is drawn as it looks when the last one ends, or SECONDS after its
start.
"""

import argparse
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from html import escape
from itertools import groupby
from pathlib import Path

import pyte

CHARACTER_WIDTH, LINE_HEIGHT, MARGIN = 8.4, 19, 16
NO_BREAK = "\N{NO-BREAK SPACE}"  # a plain blank is collapsed by renderers
BACKGROUND, FOREGROUND = "#1d2330", "#d8dee9"
COLOURS = {
    "black": "#4c566a", "red": "#f07178", "green": "#a3d977", "brown": "#ebcb8b", "blue": "#82aaff",
    "magenta": "#c792ea", "cyan": "#89ddff", "white": "#eceff4", "default": FOREGROUND,
}  # fmt: skip


def screen_of(commands: list[str], columns: int, rows: int, at_s: float | None) -> pyte.Screen:
    """Run commands by sh on a terminal of this size, one after another, and return what it shows.

    at_s: when to look, counted from the start of the last one; None: at its end.
    """
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    for command in commands:
        stream.feed(f"\x1b[32m$\x1b[0m \x1b[1m{command}\x1b[0m\r\n".encode())
        _run(command, screen, stream, at_s if command is commands[-1] else None)
    return screen


def _run(command: str, screen: pyte.Screen, stream: pyte.ByteStream, at_s: float | None) -> None:
    """Run a command on this screen until it ends, or for `at_s` seconds."""
    ours, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", screen.lines, screen.columns, 0, 0))
    size = {"COLUMNS": str(screen.columns), "LINES": str(screen.lines)}
    environment = {**os.environ, **size, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        ["sh", "-c", command], stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True
    )
    os.close(its)
    deadline = time.monotonic() + (at_s if at_s is not None else 600)
    try:
        while (left := deadline - time.monotonic()) > 0 and (text := _next_output(ours, left)):
            stream.feed(text)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        os.close(ours)


def _next_output(terminal: int, patience_s: float) -> bytes:
    """Return what was printed next; nothing once the command has ended or the time is over."""
    if not select.select([terminal], [], [], patience_s)[0]:
        return b""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's end of file of a terminal that nobody writes to any more
        return b""


def picture(screen: pyte.Screen) -> str:
    """Return an SVG drawing of the lines of `screen` down to the last one that shows something."""
    lines = [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]
    while lines and not "".join(c.data for c in lines[-1]).strip():
        lines.pop()
    width = round(screen.columns * CHARACTER_WIDTH + 2 * MARGIN)
    height = round(len(lines) * LINE_HEIGHT + 2 * MARGIN)
    texts = [_line(line, MARGIN + (y + 0.75) * LINE_HEIGHT) for y, line in enumerate(lines)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">',
            f'<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>',
            '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
            *[text for text in texts if text],
            "</g>\n</svg>\n",
        ]
    )


def _line(characters: list[pyte.screens.Char], y: float) -> str:
    """Return the text elements of one line: one for each stretch of the same colour and weight."""
    elements = []
    column = 0
    for (colour, bold), group in groupby(characters, key=lambda c: (c.fg, c.bold)):
        whole = "".join(c.data for c in group)
        if text := whole.strip():
            x = MARGIN + (column + len(whole) - len(whole.lstrip())) * CHARACTER_WIDTH
            fill = COLOURS.get(colour, f"#{colour}")
            weight = ' font-weight="bold"' if bold else ""
            length = f'textLength="{len(text) * CHARACTER_WIDTH:.1f}"'
            shown = escape(text).replace(" ", NO_BREAK)
            elements.append(f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" {length}{weight}>{shown}</text>')
        column += len(whole)
    return "".join(elements)


def main() -> int:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description="Draw what a terminal shows while commands run, as an SVG file.")
    parser.add_argument("file", type=Path)
    parser.add_argument("commands", nargs="+", metavar="COMMAND")
    parser.add_argument("--columns", type=int, default=80, help="width of the terminal (%(default)s)")
    parser.add_argument("--rows", type=int, default=24, help="height of the terminal (%(default)s)")
    parser.add_argument("--at", type=float, metavar="SECONDS", help="when to look (default: when the command ends)")
    arguments = parser.parse_args()
    screen = screen_of(arguments.commands, arguments.columns, arguments.rows, arguments.at)
    arguments.file.write_text(picture(screen), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
