"""Why no GPU takes a run, for people who watch a search that waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
