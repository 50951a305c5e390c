"""How much of the slots' time was idle."""

from hpsearch.report.timeline import SlotUse, slot_use


def test_idle_is_the_time_of_all_slots_without_the_time_of_runs():
    spans = {"GPU 0": [(100, 160), (170, 200)], "GPU 1": [(110, 150)]}
    # 2 slots for 100 s each; 60 + 30 s and 40 s of them were busy.
    assert slot_use(spans) == SlotUse(slots=2, began=100, ended=200, busy_s=130, away_s=0, idle_s=70)


def test_slots_without_a_controller_are_not_idle():
    spans = {"GPU 0": [(0, 50), (90, 100)], "GPU 1": [(0, 70), (90, 100)]}
    # No controller was there from 40 to 90: GPU 0 had no run for 40 s of that, GPU 1 for 20 s.
    assert slot_use(spans, away=[(40, 90)]) == SlotUse(2, 0, 100, busy_s=140, away_s=60, idle_s=0)


def test_only_time_between_the_first_start_and_the_last_end_counts():
    assert slot_use({"GPU 0": [(10, 20)]}, away=[(0, 5), (30, 40)]) == SlotUse(1, 10, 20, 10, 0, 0)


def test_runs_that_overlap_in_a_slot_are_counted_once():
    assert slot_use({"GPU 0": [(0, 10), (5, 20)], "GPU 1": [(0, 20)]}) == SlotUse(2, 0, 20, 40, 0, 0)


def test_a_clock_set_back_makes_no_time_negative():
    spans = {"GPU 0": [(100, 40), (50, 60)]}
    assert slot_use(spans) == SlotUse(1, 50, 100, busy_s=10, away_s=0, idle_s=40)


def test_nothing_is_told_of_slots_in_which_nothing_ran():
    assert slot_use({"GPU 0": []}) is None
