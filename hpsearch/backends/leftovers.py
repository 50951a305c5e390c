"""What runs that ended badly leave behind: told to end a moment later, killed if they do not, and named."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.backends.run_family import GRACE_S, Member, await_end, members_of, send
from hpsearch.core.model import Job

#: Children of a run that has crashed need a moment to notice that.
_MOMENT_S = 1.0
#: At the end of a search, nobody waits longer for such processes to end by themselves.
_LAST_GRACE_S = 3.0


@dataclass(frozen=True)
class _Case:
    """A run that ended badly. due: by the monotonic clock, when to look at what it left."""

    run: int
    due: float
    is_told: bool = False


class Leftovers:
    """Looks after the runs that ended badly, until nothing of them is left."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Nothing is left so far; `tell` shows people a message."""
        self._tell = tell
        self._cases: dict[str, _Case] = {}

    def expect(self, job: Job) -> None:
        """Look at this run in a moment: it has ended badly."""
        self._cases.setdefault(job.attempt.token, _Case(job.attempt.run.number, time.monotonic() + _MOMENT_S))

    def seconds_left(self) -> float | None:
        """Return after how many seconds `look` has something to do; None = nothing is expected."""
        if not self._cases:
            return None
        return max(0.0, min(case.due for case in self._cases.values()) - time.monotonic())

    def look(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        self._look_at([token for token, case in self._cases.items() if case.due <= now])

    def finish(self) -> None:
        """Let nothing be left: the search ends."""
        tokens = list(self._cases)
        if not tokens or await_end(lambda: not members_of(tokens), None, _MOMENT_S):
            self._cases.clear()
            return
        self._look_at([token for token, case in self._cases.items() if not case.is_told])
        await_end(lambda: not members_of(tokens), None, _LAST_GRACE_S)
        send(members_of(tokens), signal.SIGKILL)
        self._cases.clear()

    def _look_at(self, tokens: Sequence[str]) -> None:
        if not tokens:
            return
        members = members_of(tokens)
        for token in tokens:
            case, left = self._cases.pop(token), [member for member in members if member.token == token]
            if left and not case.is_told:
                self._tell(f"run {case.run} ended badly and left processes behind, which are ended: {named(left)}")
                send(left, signal.SIGTERM)
                self._cases[token] = _Case(case.run, time.monotonic() + GRACE_S, is_told=True)
            elif left:
                send(left, signal.SIGKILL)


def named(members: Sequence[Member]) -> str:
    """Return processes as people know them, not without end."""
    shown = ", ".join(str(member) for member in members[:_MOST_NAMED])
    return shown if len(members) <= _MOST_NAMED else f"{shown} and {len(members) - _MOST_NAMED} more"


_MOST_NAMED = 8
