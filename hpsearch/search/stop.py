"""Signals that tell the controller to stop, turned into a request that it looks at between two steps."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """While in use, notes SIGINT, SIGTERM, SIGHUP and SIGUSR2, and wakes what waits for `alarm`.

    signal_number: of the first signal that came, None before.
    alarm: a file descriptor that becomes readable when a signal comes.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.alarm, self._bell = os.pipe()
        os.set_blocking(self.alarm, False)
        os.set_blocking(self._bell, False)
        self._earlier: dict[int, Any] = {}  # Any: the type that the signal module declares

    def request(self, signal_number: int) -> None:
        """Ask for a stop, as the signal would."""
        if self.signal_number is None:
            self.signal_number = signal_number
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, b"!")

    def silence(self) -> None:
        """Take the alarm back, so that only a further signal raises it again."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self.alarm, 100):
                pass

    def __enter__(self) -> StopRequest:
        # Only the main thread can handle signals; a search in another thread is stopped by the program around it.
        if threading.current_thread() is threading.main_thread():
            # LSF tells a job by SIGUSR2 that its time is over, and gives it ten minutes more.
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR2):
                # nohup(1) ignores SIGHUP so that the program goes on without its terminal: that is respected.
                if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                    self._earlier[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, earlier in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)
        os.close(self.alarm)
        os.close(self._bell)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.request(number)
