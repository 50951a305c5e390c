"""When a scheduler is asked."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hpsearch.backends.cluster.poll_schedule import PollSchedule, look_pause_s


def test_a_new_search_asks_after_a_second() -> None:
    schedule = PollSchedule(60, now=100)
    assert [schedule.seconds_left(now) for now in (100.25, 101, 102)] == [0.75, 0, 0]


def test_pauses_grow_to_the_longest_while_nothing_changes() -> None:
    schedule, now, pauses = PollSchedule(60, now=0), 0.0, []
    for _ in range(12):
        pauses.append(schedule.seconds_left(now))
        now += pauses[-1]
        schedule.asked(now, has_news=False)
    assert pauses[:3] == [1, 1.5, 2.25]
    assert (pauses == sorted(pauses), pauses[-1]) == (True, 60)


def test_news_shorten_the_pause() -> None:
    schedule = PollSchedule(60, now=0)
    for second in range(1, 12):
        schedule.asked(second, has_news=False)
    before = schedule.seconds_left(11)
    schedule.asked(11, has_news=True)
    assert schedule.seconds_left(11) == pytest.approx(before / 3)


def test_a_submission_makes_the_next_question_come_soon() -> None:
    schedule = PollSchedule(60, now=0)
    for second in range(1, 12):
        schedule.asked(second, has_news=False)
    schedule.hurry(11)
    assert schedule.seconds_left(11) == 1


@pytest.mark.parametrize("jobs, pause_s", [(100, 1), (500, 5), (20_000, 15)])
def test_hundreds_of_jobs_are_not_asked_for_every_second(jobs: int, pause_s: float) -> None:
    schedule = PollSchedule(60, now=0)
    schedule.asked(1, has_news=True, jobs=jobs)
    schedule.hurry(1)
    assert schedule.seconds_left(1) == pause_s


def test_a_search_of_a_day_is_in_no_hurry() -> None:
    schedule = PollSchedule(60, now=0)
    schedule.asked(86_400, has_news=True)
    assert schedule.seconds_left(86_400) == 15


def test_the_shortest_pause_is_not_above_the_longest() -> None:
    schedule = PollSchedule(0.2, now=0)
    schedule.asked(86_400, has_news=False)
    assert schedule.seconds_left(86_400) == pytest.approx(0.2)


@example([(16324.823934597361, "none")] * 20)
@given(st.lists(st.tuples(st.floats(0, 10_000), st.sampled_from(["news", "none", "hurry"])), max_size=60))
def test_a_pause_is_never_above_the_longest_nor_below_the_shortest(steps: list[tuple[float, str]]) -> None:
    schedule, now = PollSchedule(60, now=0), 0.0
    for later, what in steps:
        now += later
        schedule.hurry(now) if what == "hurry" else schedule.asked(now, what == "news")
        assert schedule.seconds_left(now) <= 60
        assert what == "hurry" or schedule.seconds_left(now) > 0.999


def test_exit_files_are_looked_at_less_and_less_often_while_none_comes() -> None:
    pauses = [look_pause_s(8)]
    for _ in range(20):
        pauses.append(look_pause_s(8, pauses[-1]))
    assert (pauses[:2], pauses == sorted(pauses), pauses[-1]) == ([0.05, pytest.approx(0.065)], True, 2)


@pytest.mark.parametrize("jobs, pause_s", [(0, 0.05), (25, 0.05), (500, 1.0), (10_000, 2.0)])
def test_where_hundreds_of_jobs_run_a_look_waits_for_several_ends(jobs: int, pause_s: float) -> None:
    assert look_pause_s(jobs) == pytest.approx(pause_s)


def test_a_run_that_failed_is_asked_for_soon_however_many_jobs_there_are() -> None:
    schedule = PollSchedule(60, now=0)
    schedule.asked(1, has_news=True, jobs=20_000)
    schedule.hurry_for_cause(1)
    assert schedule.seconds_left(1) == 5
    schedule.asked(6, has_news=False, jobs=20_000, waits_for_cause=True)
    assert schedule.seconds_left(6) == 5
