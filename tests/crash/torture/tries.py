"""Histories played at once, each in a process of its own, which can be ended early."""

from __future__ import annotations

import ctypes
import math
import os
import re
import shutil
import signal
import time
import traceback
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType

from .history import History
from .oracle import Finding, Kind, findings
from .player import play

#: Signals that end the command; at a terminal, its children get some of them, too.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long a history may take to end its searches and its scheduler.
_CLEANUP_S = 60.0
#: PR_SET_PDEATHSIG of prctl(2): the signal that the kernel sends when the parent dies.
_AT_DEATH_OF_PARENT = 1
#: A command in a finding: its number comes first.
_COMMAND = re.compile(r"\b(\d+)\. hpsearch")
_FORK = get_context("fork")


class Interrupted(SystemExit):
    """A signal wants this process to end."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Tried:
    """A history, and what was found. folder: what is left of one that failed; None = nothing was found.

    started: see `Played`.
    """

    history: History
    kills: int
    injected: int
    findings: Sequence[Finding]
    folder: Path | None
    started: Sequence[int] = ()

    @property
    def suspects(self) -> int:
        """After how many steps the first command with a finding had started; more than there are: unknown."""
        found = (_COMMAND.search(finding.text) for finding in self.findings)
        first = min((int(command[1]) for command in found if command), default=math.inf)
        return bisect_left(self.started, first) + 1


@dataclass(frozen=True)
class _Playing:
    history: History
    folder: Path
    process: ForkProcess


def interrupt(number: int, frame: FrameType | None) -> None:
    """End what is going on, in order. A handler of signals; those that follow change nothing."""
    for each in ENDING:
        signal.signal(each, _go_on)
    raise Interrupted(128 + number)


def _go_on(number: int, frame: FrameType | None) -> None:
    """Do nothing; unlike SIG_IGN, what is started does not inherit it."""


def played(
    tries: Iterator[tuple[History, Path]], library: Path, jobs: int, last_start: float, stop_at: float = math.inf
) -> Iterator[Tried]:
    """Play histories in new folders, `jobs` at once; yield each as soon as it ends.

    None begins after `last_start`, and those that still play at `stop_at` are ended (both on the monotonic clock), as
    they are if this generator is closed.
    """
    playing: dict[Connection, _Playing] = {}
    try:
        while time.monotonic() < stop_at:
            while len(playing) < jobs and time.monotonic() < last_start and (upcoming := next(tries, None)):
                _start(playing, *upcoming, library)
            if not playing:
                return
            for reader in wait(list(playing), None if stop_at == math.inf else max(stop_at - time.monotonic(), 0)):
                assert isinstance(reader, Connection)
                yield _outcome(reader, playing.pop(reader))
    finally:
        for each in playing.values():
            each.process.terminate()
        for each in playing.values():
            each.process.join(_CLEANUP_S)
            each.process.kill()


def _start(playing: dict[Connection, _Playing], history: History, folder: Path, library: Path) -> None:
    reader, writer = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_try, args=(history, folder, library, writer))
    # A signal waits until the process is known here, and until it handles signals: an exception would be lost while
    # it is being forked.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    process.start()
    playing[reader] = _Playing(history, folder, process)
    writer.close()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _outcome(reader: Connection, played: _Playing) -> Tried:
    try:
        tried = reader.recv()
    except EOFError:
        played.process.join()
        text = f"the harness failed: a history's process ended with exit status {played.process.exitcode}"
        return Tried(played.history, 0, 0, [Finding(Kind.OTHER, text)], played.folder)
    finally:
        reader.close()
    played.process.join()
    assert isinstance(tried, Tried)
    return tried


def _try(history: History, folder: Path, library: Path, writer: Connection) -> None:
    """Play a history in this process, which ends with its parent."""
    signal.signal(signal.SIGTERM, interrupt)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _go_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_AT_DEATH_OF_PARENT, signal.SIGTERM)
    if os.getppid() == parent:
        writer.send(try_once(history, folder, library))


def try_once(history: History, folder: Path, library: Path) -> Tried:
    """Play a history in a new folder, which stays if something is found."""
    found: Sequence[Finding] = ()
    try:
        outcome = play(history, folder, library)
        found = findings(outcome.facts)
        return Tried(history, outcome.kills, outcome.injected, found, folder if found else None, outcome.started)
    except Exception:  # noqa: BLE001
        # An error of ours must not end a long night; it is shown like any other.
        found = [Finding(Kind.OTHER, f"the harness failed: {traceback.format_exc()}")]
        return Tried(history, 0, 0, found, folder)
    finally:
        if not found:
            shutil.rmtree(folder, ignore_errors=True)
