"""The two clocks of a controller: one for what is written down, one for what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

#: A time in seconds.
Clock = Callable[[], float]


@dataclass(frozen=True)
class Clocks:
    """Both clocks, handed to whoever needs the time.

    wall: seconds since the epoch; anyone may set it, also back, so nothing is waited for by it.
    steady: seconds since some moment; it only goes on.
    """

    wall: Clock = time.time
    steady: Clock = time.monotonic
