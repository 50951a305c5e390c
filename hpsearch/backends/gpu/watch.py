"""Which GPUs were below the limits long enough, and when it is worth looking at them again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

#: Between the readings that together confirm a GPU which nobody was seen to use.
GAP_S = 0.1
#: The same for a GPU that was above the limits: a training run between two epochs looks idle for a moment.
LONG_GAP_S = 1.0
#: A confirmed GPU stays so for this time.
FRESH_S = 1.0
#: The pause after a GPU was found above the limits.
FIRST_PAUSE_S = 1.0
#: The pause doubles up to this while nothing changes.
LONGEST_PAUSE_S = 5.0
#: The driver's load is an average over up to a second: so long, it may be that of a run of ours which has ended.
SETTLING_S = 2.0
#: The pause between readings in that time.
SETTLING_PAUSE_S = 0.5


@dataclass
class _View:
    """What was seen of one GPU: so many good readings in a row; when to look again.

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


class GpuWatch:
    """Counts readings in a row that allow a run. All times come from one clock that only goes on."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._views: dict[int, _View] = {}

    def note(self, allows: Mapping[int, bool], asked: float, now: float) -> None:
        """Take in one reading: GPU -> whether it allows a run there. asked: when the driver was asked for it."""
        for gpu, is_good in allows.items():
            view = self._view(gpu)
            if is_good:
                self._count(view, asked, now)
            elif now < view.settles:
                view.good, view.look_at = 0, now + SETTLING_PAUSE_S
            else:
                view.was_full = True
                self.put_off([gpu], now)

    def _count(self, view: _View, asked: float, now: float) -> None:
        gap_s = LONG_GAP_S if view.was_full else GAP_S
        if view.good and asked - view.asked < gap_s:
            return  # Taken for the sake of another GPU, too soon to tell anything new about this one.
        # From answer to question: a driver that needs seconds for each answer is no reason to start counting anew.
        if view.good == 0 or asked - view.seen > FRESH_S + gap_s:
            view.good, view.since = 0, asked
        view.good += 1
        view.asked, view.seen, view.pause_s = asked, now, FIRST_PAUSE_S
        view.look_at = asked + gap_s
        if view.good >= self._samples:
            view.was_full, view.look_at = False, now + FRESH_S

    def put_off(self, gpus: Iterable[int], now: float) -> None:
        """These GPUs cannot be used for now: start counting anew, after a pause that grows each time."""
        for gpu in gpus:
            view = self._view(gpu)
            view.good = 0
            if self._is_due(view, now):
                view.look_at = now + view.pause_s
                view.pause_s = min(2 * view.pause_s, LONGEST_PAUSE_S)

    def start_anew(self, gpus: Iterable[int]) -> None:
        """Earlier readings of these GPUs are worth nothing: look at them at once."""
        for gpu in gpus:
            self._views[gpu] = _View()

    def run_ended(self, gpus: Iterable[int], now: float) -> None:
        """A run of ours ended on these GPUs: look at them at once, unless they are known to be below the limits."""
        for gpu in gpus:
            if self._view(gpu).good == 0:
                self._views[gpu] = _View()
            self._view(gpu).settles = now + SETTLING_S

    def is_confirmed(self, gpu: int, now: float) -> bool:
        """Return whether enough readings in a row, and recent ones, allow a run."""
        view = self._view(gpu)
        return view.good >= self._samples and now - view.seen <= FRESH_S

    def confirmed_since(self, gpu: int) -> float:
        """Return when the first of the readings that count was asked for."""
        return self._view(gpu).since

    def wait_s(self, gpus: Sequence[int], needed: int, now: float) -> float:
        """Return how long to wait before the next reading can confirm `needed` of these GPUs; 0 = read now."""
        times = sorted(0.0 if self._is_due(view, now) else view.look_at - now for view in map(self._view, gpus))
        return times[needed - 1]

    def _is_due(self, view: _View, now: float) -> bool:
        return view.look_at <= now

    def _view(self, gpu: int) -> _View:
        return self._views.setdefault(gpu, _View())


#: Shorter waits are not worth a message.
PATIENCE_S = 1.0


class Obstacles:
    """What keeps runs from each GPU, as far as it is known; told once in each time of waiting."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Start with none. `tell` shows people a message."""
        self._tell = tell
        self._beyond: dict[int, str] = {}
        self._refused: dict[int, str] = {}
        self._since: float | None = None
        self._is_told = False

    def note_reading(self, gpu: int, broken: str) -> None:
        """A reading is beyond these limits; empty = beyond none."""
        if broken:
            self._beyond[gpu] = broken
        else:
            self._beyond.pop(gpu, None)

    def note_refusal(self, gpu: int, reason: str) -> None:
        """A GPU within the limits could not be used all the same."""
        self._refused[gpu] = reason

    def clear(self) -> None:
        """A run was started: the waiting is over."""
        self._beyond.clear()
        self._refused.clear()
        self._since, self._is_told = None, False

    def tell(self, gpus: Sequence[int], needed: int, now: float) -> None:
        """Tell what keeps runs from these GPUs, of which `needed` are waited for, if it is time to tell.

        To be called whenever no run can be started although none of the search's own is live.
        """
        reasons = {gpu: self._beyond.get(gpu) or self._refused.get(gpu) for gpu in gpus}
        kept = [f"GPU {gpu}: {reason}" for gpu, reason in reasons.items() if reason]
        if len(gpus) - len(kept) >= needed:
            self._since = None
            return
        self._since = now if self._since is None else self._since
        if not self._is_told and now - self._since >= PATIENCE_S:
            self._is_told = True
            self._tell(f"waiting, no run can start now: {'; '.join(kept)}")
