"""Waiting for news of a search that runs."""

import pytest

from hpsearch.report import command


class Clock:
    """A clock that goes on only in `sleep`; records how long each sleep was."""

    def __init__(self) -> None:
        self.now, self.slept = 5.0, list[float]()

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_ctrl_c_just_before_a_sleep_is_heard_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(command, "time", clock)
    command._pause(10)
    assert (sum(clock.slept), max(clock.slept) < 0.5) == (pytest.approx(10), True)
