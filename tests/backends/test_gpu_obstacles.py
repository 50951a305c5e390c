"""Messages about GPUs that take no run."""

from __future__ import annotations

from hpsearch.backends.gpu.slots import PATIENCE_S, GpuWatch

LOAD = "load 0.9, --allowed_load=0.5"


def test_a_wait_is_told_once_and_only_if_it_lasts() -> None:
    watch = GpuWatch(1)
    watch.note(0, LOAD, 0.0, 0.0)
    told = [watch.obstacles([0], 1, now) for now in (0.0, PATIENCE_S / 2, PATIENCE_S, 10 * PATIENCE_S)]
    assert told == ["", "", f"waiting, no run can start now: GPU 0: {LOAD}", ""]


def test_another_wait_is_told_again() -> None:
    watch = GpuWatch(1)
    told = []
    for start in (0.0, 100.0):
        watch.put_off([0], start, "taken")
        told += [watch.obstacles([0], 1, now) for now in (start, start + PATIENCE_S)]
        watch.run_started()
    assert told == ["", "waiting, no run can start now: GPU 0: taken"] * 2


def test_nothing_is_told_while_enough_gpus_may_take_a_run() -> None:
    watch = GpuWatch(1)
    watch.note(0, LOAD, 0.0, 0.0)
    assert [watch.obstacles([0, 1], 1, now) for now in (0.0, 10.0)] == ["", ""]


def test_a_good_reading_does_not_lift_a_refusal() -> None:
    watch = GpuWatch(1)
    watch.put_off([0], 0.0, "taken")
    watch.note(0, "", 0.0, 0.0)
    told = [watch.obstacles([0], 1, now) for now in (0.0, PATIENCE_S)]
    assert told == ["", "waiting, no run can start now: GPU 0: taken"]
