"""When a scheduler is asked next: soon while things change, less and less often while nothing does."""

from __future__ import annotations

#: The pause grows by this factor after each question without news, and shrinks by the other after one with news.
_GROWTH, _SHRINKING = 1.5, 3.0
#: A pause is at least so long, in seconds; and at least this share of the time that has passed, up to so many seconds:
#: a search of a day needs no questions every second.
_SHORTEST_S, _SHARE, _SHORTEST_LATER_S = 1.0, 0.01, 15.0


class Rounds:
    """The times of the questions of one controller. All times are seconds of one clock that only goes on."""

    def __init__(self, longest_s: float, now: float) -> None:
        self._longest_s, self._began = longest_s, now
        self._pause_s = self._shortest(now)
        self._asked_at = now
        self.count = 0

    def is_due(self, now: float) -> bool:
        """Return whether it is time to ask."""
        return now - self._asked_at >= self._pause_s

    def seconds_left(self, now: float) -> float:
        """Return for how long not to ask."""
        return max(0.0, self._pause_s - (now - self._asked_at))

    def asked(self, now: float, has_news: bool) -> None:
        """A question was answered (or not): has_news = something is different from the answer before."""
        self.count += 1
        self._asked_at = now
        factor = 1 / _SHRINKING if has_news else _GROWTH
        self._pause_s = self._limited(self._pause_s * factor, now)

    def hurry(self, now: float) -> None:
        """Something was submitted: whether it is accepted for good shows soon."""
        self._pause_s = self._shortest(now)

    def _limited(self, pause_s: float, now: float) -> float:
        return max(self._shortest(now), min(pause_s, self._longest_s))

    def _shortest(self, now: float) -> float:
        shortest = max(_SHORTEST_S, min(_SHARE * (now - self._began), _SHORTEST_LATER_S))
        return min(shortest, self._longest_s)
