"""Which GPUs were below the limits long enough, when to look at them again, and what keeps runs from them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

#: Between the readings that together confirm a GPU which nobody was seen to use.
GAP_S = 0.1
#: The same for a GPU that was above the limits: a training run between two epochs looks idle for a moment.
LONG_GAP_S = 1.0
#: How long a confirmed GPU stays confirmed.
FRESH_S = 1.0
#: The pause after a GPU was found above the limits doubles while nothing changes.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
#: The driver's load is an average over up to a second: for this long, it may still show a run of ours that has ended.
SETTLING_S = 2.0
#: The pause between readings in that time.
SETTLING_PAUSE_S = 0.5
#: Shorter waits are not worth a message.
PATIENCE_S = 1.0


@dataclass
class _View:
    """What was seen of one GPU. good: readings in a row that allow a run. look_at: when to look again.

    since: when the first of them was asked for. asked, seen: when the last one was asked for and when its answer came.
    was_full: it was above the limits since it was last confirmed. settles: when a run of ours counts as gone.
    """

    good: int = 0
    since: float = -math.inf
    asked: float = -math.inf
    seen: float = -math.inf
    settles: float = -math.inf
    look_at: float = -math.inf
    pause_s: float = FIRST_PAUSE_S
    was_full: bool = False

    def put_off(self, now: float) -> None:
        """Start counting anew, after a pause that grows each time."""
        self.good = 0
        if self.look_at <= now:
            self.look_at = now + self.pause_s
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)


class GpuWatch:
    """Counts readings in a row that allow a run. All times come from one monotonic clock."""

    def __init__(self, samples: int) -> None:
        """samples: this many readings in a row confirm a GPU."""
        self._samples = samples
        self._views: defaultdict[int, _View] = defaultdict(_View)
        self._beyond: dict[int, str] = {}
        self._refused: dict[int, str] = {}
        self._waits_since: float | None = None
        self._is_told = False

    def note(self, gpu: int, broken: str, asked: float, now: float) -> None:
        """Take in one reading. broken: the limits that the GPU is beyond, empty = a run may start there.

        asked: when the driver was asked for it.
        """
        view, self._beyond[gpu] = self._views[gpu], broken
        if not broken:
            self._count(view, asked, now)
        elif now < view.settles:
            view.good, view.look_at = 0, now + SETTLING_PAUSE_S
        else:
            view.was_full = True
            view.put_off(now)

    def _count(self, view: _View, asked: float, now: float) -> None:
        gap_s = LONG_GAP_S if view.was_full else GAP_S
        if view.good and asked - view.asked < gap_s:
            return  # Taken for another GPU, too soon to tell anything new about this one.
        # From answer to question: a slow driver is no reason to start counting anew.
        if view.good == 0 or asked - view.seen > FRESH_S + gap_s:
            view.good, view.since = 0, asked
        view.good += 1
        view.asked, view.seen, view.pause_s = asked, now, FIRST_PAUSE_S
        view.look_at = asked + gap_s
        if view.good >= self._samples:
            view.was_full, view.look_at = False, now + FRESH_S

    def put_off(self, gpus: Collection[int], now: float, reason: str = "") -> None:
        """These GPUs cannot be used for now. reason: why, although they are within the limits."""
        for gpu in gpus:
            self._views[gpu].put_off(now)
            if reason:
                self._refused[gpu] = reason

    def start_anew(self, gpus: Iterable[int]) -> None:
        """Earlier readings of these GPUs are worth nothing: look at them at once."""
        for gpu in gpus:
            self._views[gpu] = _View()

    def run_ended(self, gpus: Iterable[int], now: float) -> None:
        """A run of ours ended on these GPUs: look at them at once, unless they are known to be below the limits."""
        for gpu in gpus:
            if self._views[gpu].good == 0:
                self._views[gpu] = _View()
            self._views[gpu].settles = now + SETTLING_S

    def is_confirmed(self, gpu: int, now: float) -> bool:
        """Return whether enough readings in a row, and recent ones, allow a run."""
        view = self._views[gpu]
        return view.good >= self._samples and now - view.seen <= FRESH_S

    def confirmed_since(self, gpu: int) -> float:
        """Return when the first of the readings that count was asked for."""
        return self._views[gpu].since

    def wait_s(self, gpus: Sequence[int], needed: int, now: float) -> float:
        """Return how long to wait before the next reading can confirm `needed` of these GPUs; 0 = read now."""
        return sorted(max(0.0, self._views[gpu].look_at - now) for gpu in gpus)[needed - 1]

    def run_started(self) -> None:
        """The wait for a GPU is over."""
        self._beyond.clear()
        self._refused.clear()
        self._waits_since, self._is_told = None, False

    def obstacles(self, gpus: Sequence[int], needed: int, now: float) -> str:
        """Return what keeps runs from GPUs while `needed` of them are waited for and the search has no live run.

        Empty if it is no time to tell, which is once in each wait.
        """
        reasons = {gpu: self._beyond.get(gpu) or self._refused.get(gpu) for gpu in gpus}
        kept = [f"GPU {gpu}: {reason}" for gpu, reason in reasons.items() if reason]
        if len(gpus) - len(kept) >= needed:
            self._waits_since = None
            return ""
        self._waits_since = now if self._waits_since is None else self._waits_since
        if self._is_told or now - self._waits_since < PATIENCE_S:
            return ""
        self._is_told = True
        return f"waiting, no run can start now: {'; '.join(kept)}"
