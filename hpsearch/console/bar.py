"""The progress bar of a search: how far it is, the time taken and left, and texts behind these."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.console.colour import without_colour

#: The width of the bar itself, between | and |: as many columns as are free, within these bounds.
_NARROWEST, _WIDEST = 8, 30
_FULL, _PARTS = "█", " ▏▎▍▌▋▊▉"


class Bar:
    """Counts the runs that are done. Times: in seconds, of one clock that never goes back."""

    def __init__(self, total: int, done: int, now: float) -> None:
        """done: how many were done before `now`."""
        self._total, self._done, self._done_before = total, done, done
        self._began_at = self._last_end_at = now
        #: The texts behind the times, most important first: each in one or more wordings, longest first. The last
        #: wording is empty if the text may be left out.
        self.texts: Sequence[Sequence[str]] = ()

    def advance(self, now: float) -> None:
        """Count one more run as done."""
        self._done, self._last_end_at = self._done + 1, now

    def extend(self, count: int) -> None:
        """Add runs to the total."""
        self._total += count

    def line(self, now: float, width: int, is_last: bool = False) -> str:
        """Return the bar on a line of at most `width` columns. is_last: the search has ended."""
        left = self._total - self._done
        rate = runs_per_second(self._done - self._done_before, self._began_at, self._last_end_at, now)
        times = f"{clock_time(now - self._began_at)} elapsed"
        times += f", {clock_time(left / rate)} left" if rate and left and not is_last else ""
        return bar_line(self._done, self._total, times, self.texts, width)


def bar_line(done: int, total: int, times: str, texts: Sequence[Sequence[str]], width: int) -> str:
    """Return the line of a bar, at most `width` columns.

    texts: see `Bar.texts`. Each has the longest wording that leaves room for the bar, else its shortest, or is left
    out; none is cut.
    """
    head, behind = f"{done}/{total} ", ""
    room = width - len(head)
    for wordings in ((times,), *texts):
        longer = [f"{behind}, {text}" if behind and text else behind + text for text in wordings]
        beside_bar = [text for text in longer if _width(text) + len("|| ") + _NARROWEST <= room]
        # The shortest wording may take the place of the bar itself.
        behind = next(iter(beside_bar), longer[-1] if _width(longer[-1]) <= room else behind)
    columns = min(room - _width(behind) - len("|| "), _WIDEST)
    bar = f"|{_drawn(done / total if total else 1.0, columns)}| " if columns >= _NARROWEST else ""
    return f"{head}{bar}{behind}"


def runs_per_second(ended: int, began_at: float, last_end_at: float, now: float) -> float | None:
    """Return how many runs end in a second; None before the first end. Times: in seconds, of one clock.

    ended: how many have ended since `began_at`, the latest at `last_end_at`.
    """
    if not ended:
        return None
    took = last_end_at - began_at
    # Runs end in bursts: the time since the last end counts only if it is longer than the average.
    silence = max(0.0, now - last_end_at - took / ended)
    return ended / max(took + silence, 0.001)


def _drawn(share: float, columns: int) -> str:
    eighths = round(8 * columns * min(share, 1.0))
    full, rest = divmod(eighths, 8)
    return (_FULL * full + _PARTS[rest] * (rest > 0)).ljust(columns)


def _width(text: str) -> int:
    return len(without_colour(text))


def clock_time(seconds: float) -> str:
    """Return a time span as a clock shows it: ``0:10``, ``2:56``, ``1:02:03``."""
    minutes, second = divmod(round(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
