"""The time in which the journal cannot be written: nothing new starts, what runs goes on."""

from __future__ import annotations

from hpsearch.app.screen import Screen
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.search.clocks import Clock
from hpsearch.store.live import LiveSearch

#: Between two tries, in seconds.
PAUSE_S = 1.0
#: A disk without room is waited for this long, in seconds, where no run is live any more.
_PATIENCE_S = 600.0


class Standstill:
    """Says once that it has begun, tries whether it is over, and knows how long it is borne."""

    def __init__(self, search: LiveSearch, screen: Screen, steady: Clock) -> None:
        self._search, self._screen, self._steady = search, screen, steady
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
            self._screen.note("the journal can be written again")
            self._since = None

    def bear(self, trouble: StoreError, has_live: bool) -> None:
        """Say what is wrong, once; raise it if nothing is left to wait for."""
        if self._since is None:
            self._since = self._steady()
            self._screen.warn(f"{trouble}: running runs go on, no new one is started until it can be written")
        is_over = not isinstance(trouble, NoRoomError) or self._steady() - self._since >= _PATIENCE_S
        if is_over and not has_live:
            raise trouble
