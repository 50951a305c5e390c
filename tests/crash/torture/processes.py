"""Processes of one history: found by a mark in their environment, whatever became of their parents."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

MARK = "HPSEARCH_TORTURE"


def marked(mark: str) -> dict[int, str]:
    """Return the live processes with this mark: number -> command line."""
    found = {}
    for name in (path.name for path in Path("/proc").iterdir()):
        if name.isdigit() and has_mark(int(name), mark):
            with contextlib.suppress(OSError):
                words = Path(f"/proc/{name}/cmdline").read_bytes().decode("utf-8", "replace")
                found[int(name)] = words.replace("\0", " ").strip()
    return found


def has_mark(pid: int, mark: str) -> bool:
    """Return whether a live process (no zombie) has this mark."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return f"{MARK}={mark}".encode() in environ.split(b"\0") and state not in (b"Z", b"X")


def descriptors(pid: int) -> int:
    """Return how many files a process has open; 0 if it has ended."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return 0


def kill(pid: int, mark: str, group: bool = False) -> None:
    """Kill a process, or all of its group, if it still is the one that was meant."""
    with contextlib.suppress(ProcessLookupError):
        if has_mark(pid, mark):
            if group and os.getpgid(pid) != os.getpgid(0):
                os.killpg(os.getpgid(pid), signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)


def waited(condition: Callable[[], bool], limit_s: float, pause_s: float = 0.005) -> bool:
    """Return True as soon as the condition holds, False if it does not within the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause_s)
    return True
