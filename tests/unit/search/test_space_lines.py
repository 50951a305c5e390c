"""What a search says of its grid before it starts."""

from hpsearch.core.space_report import ConditionReport, SpaceReport
from hpsearch.search.plan import space_lines


def test_changes_and_duplicates_are_notes_and_what_changed_nothing_or_is_listed_twice_is_a_warning() -> None:
    conditions = (
        ConditionReport(("lr", "layers"), 8, 48),
        ConditionReport((), 0, 48, "lr is never 7, only 0.1 or 0.01"),
        ConditionReport(problem="its option 'x' is not in the grid", is_skipped=True),
        ConditionReport(),
    )
    report = SpaceReport(48, conditions, ("the grid lists lr=0.1 twice",), duplicates=22, available=26)
    assert space_lines(report) == [
        "condition 1 changed lr, layers in 8 of 48 configurations",
        "warning: condition 2 changed nothing: lr is never 7, only 0.1 or 0.01",
        "warning: condition 3 is skipped: its option 'x' is not in the grid",
        "warning: the grid lists lr=0.1 twice",
        "removed 22 duplicates: 48 -> 26 runs",
    ]


def test_each_constraint_tells_what_it_left_out_of_what_the_earlier_ones_kept() -> None:
    report = SpaceReport(48, (), duplicates=1, available=30, left_out=(12, 0, 5))
    assert space_lines(report) == [
        "constraint 1 left out 12 of 48 configurations",
        "constraint 2 left out 0 of 36 configurations",
        "constraint 3 left out 5 of 36 configurations",
        "removed 1 duplicate: 31 -> 30 runs",
    ]
