"""What is said of GPUs that take no run."""

from __future__ import annotations

from hpsearch.backends.gpu.watch import PATIENCE_S, Obstacles


def test_a_wait_is_told_once_and_only_if_it_lasts() -> None:
    told: list[str] = []
    obstacles = Obstacles(told.append)
    obstacles.note_reading(0, "load 0.9, --allowed_load=0.5")
    counts = []
    for now in (0.0, PATIENCE_S / 2, PATIENCE_S, 10 * PATIENCE_S):
        obstacles.tell([0], 1, now)
        counts.append(len(told))
    assert (counts, told[0]) == ([0, 0, 1, 1], "waiting, no run can start now: GPU 0: load 0.9, --allowed_load=0.5")


def test_another_wait_is_told_again() -> None:
    told: list[str] = []
    obstacles = Obstacles(told.append)
    for start in (0.0, 100.0):
        obstacles.note_refusal(0, "taken")
        obstacles.tell([0], 1, start)
        obstacles.tell([0], 1, start + PATIENCE_S)
        obstacles.clear()
    assert told == ["waiting, no run can start now: GPU 0: taken"] * 2


def test_nothing_is_told_while_enough_gpus_may_take_a_run() -> None:
    told: list[str] = []
    obstacles = Obstacles(told.append)
    obstacles.note_reading(0, "load 0.9, --allowed_load=0.5")
    obstacles.tell([0, 1], 1, 0.0)
    obstacles.tell([0, 1], 1, 10.0)
    assert told == []


def test_a_good_reading_does_not_lift_a_refusal() -> None:
    told: list[str] = []
    obstacles = Obstacles(told.append)
    obstacles.note_refusal(0, "taken")
    obstacles.note_reading(0, "")
    obstacles.tell([0], 1, 0.0)
    obstacles.tell([0], 1, PATIENCE_S)
    assert told == ["waiting, no run can start now: GPU 0: taken"]
