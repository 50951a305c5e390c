"""A controller's clocks, and what it waits for: a backend that takes no run, a journal that cannot be written."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from hpsearch.console.console import Console
from hpsearch.console.text import duration
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.store.live import LiveSearch

#: The first pause, doubled up to a minute; in a long outage up to this share of it, but never longer than the last.
_FIRST_PAUSE_S, _MINUTE_S, _SHARE, _LAST_PAUSE_S = 2.0, 60.0, 0.1, 300.0
#: A reason is told again only if the backend has taken runs since, and not before this long.
_TOLD_FOR_S = 3600.0
#: The end of a trouble that lasted this long is worth a word.
_WORTH_A_WORD_S = 60.0
#: Between two tries, in seconds.
PAUSE_S = 1.0
#: A disk without room is waited for this long, in seconds, where no run is live any more.
_PATIENCE_S = 600.0

#: A time in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Clocks:
    """A controller's two clocks.

    wall: seconds since the epoch, for what is written down; anyone may set it, also back.
    steady: seconds since some moment, for what is waited for; it only goes on.
    """

    wall: Clock = time.time
    steady: Clock = time.monotonic


class Delays:
    """The pauses between submissions that are not taken: longer and longer, by a clock that only goes on.

    longest_s: for how long nothing need be taken before it is given up; infinite = for ever.
    """

    def __init__(self, clock: Clock, longest_s: float = math.inf) -> None:
        self._clock, self._longest_s = clock, longest_s
        self._next_s = _FIRST_PAUSE_S
        self._until = 0.0
        self._since: float | None = None
        self._told_at: dict[str, float] = {}

    @property
    def left_s(self) -> float:
        """For how long not to ask."""
        return max(0.0, self._until - self._clock())

    def begin(self, reason: str, warn: Callable[[str], None]) -> bool:
        """Pause, longer each time, and tell why, each reason once; return False if that has lasted too long."""
        now = self._clock()
        if self._since is None:
            self._since = now
        pause_s = min(self._next_s, max(_MINUTE_S, _SHARE * (now - self._since)), _LAST_PAUSE_S)
        self._next_s = 2 * pause_s
        left_s = self._since + self._longest_s - now
        self._until = now + (min(pause_s, left_s) if left_s > 0 else pause_s)
        # The same words with another number (of jobs, of a process) are the same reason.
        known = re.sub(r"\d+", "0", reason)
        if left_s > 0 and known not in self._told_at:
            self._told_at[known] = now
            warn(f"{reason}; trying again in {pause_s:.0f} s, then less and less often")
        return left_s > 0

    def hasten(self) -> None:
        """Something has changed that may help: ask soon, and pause for longer and longer only from there on."""
        self._until = min(self._until, self._clock() + _FIRST_PAUSE_S)
        self._next_s = _FIRST_PAUSE_S

    def end_pause(self) -> None:
        """Ask now."""
        self._until = 0.0

    def over(self, tell: Callable[[str], None]) -> None:
        """Something was taken."""
        now = self._clock()
        waited_s = 0.0 if self._since is None else now - self._since
        if waited_s >= _WORTH_A_WORD_S:
            tell(f"runs can be started again, after {duration(waited_s)}")
        self._since, self._next_s = None, _FIRST_PAUSE_S
        self._told_at = {reason: at for reason, at in self._told_at.items() if now - at < _TOLD_FOR_S}


class Standstill:
    """While the journal cannot be written: says so once, tries again, and gives up in the end."""

    def __init__(self, search: LiveSearch, console: Console, steady: Clock) -> None:
        self._search, self._console, self._steady = search, console, steady
        self._since: float | None = None
        self._next_try = 0.0

    def look(self, has_live: bool) -> None:
        """Try to write what could not be written, if it is time to.

        has_live: a run of the search is live. Raises StoreError if nothing is left to wait for.
        """
        trouble = self._search.trouble
        if trouble is not None:
            if self._steady() >= self._next_try:
                self._search.end_trouble()
                self._next_try = self._steady() + PAUSE_S
            self.bear(self._search.trouble or trouble, has_live or self._search.trouble is None)
        if self._search.trouble is None and self._since is not None:
            self._console.note("the journal can be written again")
            self._since = None

    def bear(self, trouble: StoreError, has_live: bool) -> None:
        """Say what is wrong, once; raise it if nothing is left to wait for."""
        if self._since is None:
            self._since = self._steady()
            self._console.warn(f"{trouble}: running runs go on, no new one is started until it can be written")
        is_over = not isinstance(trouble, NoRoomError) or self._steady() - self._since >= _PATIENCE_S
        if is_over and not has_live:
            raise trouble
