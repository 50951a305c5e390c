"""When a GPU counts as free, and when it is checked again."""

from __future__ import annotations

import pytest

from hpsearch.backends.gpu.slots import (
    FIRST_PAUSE_S,
    FRESH_S,
    GAP_S,
    LONG_GAP_S,
    LONGEST_PAUSE_S,
    SETTLING_PAUSE_S,
    SETTLING_S,
    GpuWatch,
)


def watched(*readings: tuple[float, bool], samples: int = 3) -> GpuWatch:
    watch = GpuWatch(samples)
    for at, allows in readings:
        watch.note(0, "" if allows else "full", at, at)
    return watch


@pytest.mark.parametrize(
    "readings, confirmed",
    [
        ([], False),
        ([(0, True), (0.1, True)], False),
        ([(0, True), (0.1, True), (0.2, True)], True),
        ([(0, True), (0.1, False), (0.2, True), (0.3, True)], False),
        ([(0, True), (0.1, True), (9, True)], False),
        ([(0, False), (2.0, True), (2.1, True), (2.2, True)], False),
        ([(0, False), (2.0, True), (3.1, True), (4.2, True)], True),
    ],
)
def test_a_gpu_counts_as_free_after_enough_readings_in_a_row(readings, confirmed):
    now = readings[-1][0] if readings else 0.0
    assert watched(*readings).is_confirmed(0, now) is confirmed


def test_one_reading_is_enough_if_the_user_says_so():
    assert watched((0, True), samples=1).is_confirmed(0, 0)


def test_readings_grow_old():
    assert not watched((0, True), samples=1).is_confirmed(0, FRESH_S + 0.1)


def test_readings_follow_each_other_at_once_on_a_gpu_that_nobody_uses():
    assert watched((5, True)).wait_s([0], 1, 5) == pytest.approx(GAP_S)


def test_a_gpu_that_was_full_is_watched_for_longer():
    assert watched((0, False), (5, True)).wait_s([0], 1, 5) == pytest.approx(LONG_GAP_S)


def test_pauses_grow_while_a_gpu_is_full():
    watch, now, pauses = GpuWatch(3), 0.0, []
    for _ in range(5):
        watch.note(0, "full", now, now)
        pauses.append(watch.wait_s([0], 1, now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_a_driver_that_needs_seconds_for_an_answer_only_makes_it_slower():
    watch = GpuWatch(3)
    for asked in (0.0, 4.0, 8.0):
        watch.note(0, "", asked, asked + 3.9)
    assert (watch.is_confirmed(0, 11.9), watch.confirmed_since(0)) == (True, 0.0)


def test_the_end_of_a_run_is_worth_a_look_at_once():
    watch = watched((0, False))
    watch.run_ended([0], 0.0)
    assert watch.wait_s([0], 1, 0.0) == 0.0


def test_the_end_of_a_run_takes_nothing_from_good_readings():
    watch = watched((0, True), (0.1, True), (0.2, True))
    watch.run_ended([0], 0.2)
    assert watch.is_confirmed(0, 0.2)


def test_readings_that_are_worth_nothing_are_forgotten():
    watch = watched((0, True), (0.1, True), (0.2, True))
    watch.start_anew([0])
    assert (watch.is_confirmed(0, 0.2), watch.wait_s([0], 1, 0.2)) == (False, 0.0)


def test_the_load_that_a_run_of_ours_leaves_behind_costs_no_long_pause():
    watch = GpuWatch(2)
    watch.run_ended([0], 0.0)
    watch.note(0, "full", 0.1, 0.1)
    wait_s = watch.wait_s([0], 1, 0.1)
    watch.note(0, "", 0.6, 0.6)
    watch.note(0, "", 0.8, 0.8)
    assert (wait_s, watch.is_confirmed(0, 0.8)) == (pytest.approx(SETTLING_PAUSE_S), True)


def test_load_long_after_the_end_of_a_run_is_someone_elses():
    watch = GpuWatch(2)
    watch.run_ended([0], 0.0)
    watch.note(0, "full", SETTLING_S, SETTLING_S)
    assert watch.wait_s([0], 1, SETTLING_S) == pytest.approx(FIRST_PAUSE_S)


def test_several_gpus_are_read_when_the_last_one_needed_may_be_free():
    watch = GpuWatch(1)
    watch.note(0, "", 0.0, 0.0)
    watch.note(1, "full", 0.0, 0.0)
    watch.note(2, "full", 0.0, 0.0)
    assert watch.wait_s([0, 1, 2], 2, 0.5) == pytest.approx(0.5)
