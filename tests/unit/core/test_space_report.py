"""The messages about a grid: what each condition changed, or why nothing, and which values are listed twice."""

import pytest

from hpsearch import Not
from hpsearch.core.coding import Order
from hpsearch.core.conditions import Condition
from hpsearch.core.hints import did_you_mean
from hpsearch.core.space import enumerate_space
from hpsearch.core.space_report import ConditionReport, SpaceReport

GRID: dict[str, list[object]] = {"lr": [0.1, 0.01], "optimizer": ["adam", "sgd"], "layers": [1, 2, 3]}


def report_of(*conditions: Condition, grid: dict[str, list[object]] = GRID, **order: object) -> SpaceReport:
    return enumerate_space(grid, conditions, Order(**order)).report  # type: ignore[arg-type]


def test_a_condition_tells_what_it_changed_in_how_many_configurations() -> None:
    condition = Condition({"optimizer": ["adam"]}, {"lr": [0.1], "layers": [2], "optimizer": ["adam"]})
    assert report_of(condition).conditions == (ConditionReport(("lr", "layers"), 5, 12),)


def test_several_values_change_every_configuration_that_matches() -> None:
    assert report_of(Condition({"layers": [1]}, {"lr": [0.1, 1.0]})).conditions == (ConditionReport(("lr",), 4, 12),)


def test_an_option_that_is_added_is_a_change_even_as_a_flag_that_is_off() -> None:
    assert report_of(Condition({"layers": [1]}, {"new": [False]})).conditions == (ConditionReport(("new",), 4, 12),)


@pytest.mark.parametrize(
    ("when", "problem"),
    [
        ({"optimizer": ["adma"]}, "optimizer is never 'adma', only 'adam' or 'sgd'"),
        ({"lr": ["0.1"]}, "lr is never '0.1', only 0.1 or 0.01"),
        ({"layers": [7, 8]}, "layers is never 7 or 8, only 1, 2 or 3"),
        ({"layers": Not([1, 2, 3])}, "layers is always 1, 2 or 3, which Not leaves out"),
        (
            {"lr": [0.1], "optimizer": ["adam"], "layers": [2]},
            "the one configuration that matches has layers=2 already",
        ),
        ({"layers": [2]}, "all 4 that match have layers=2 already"),
    ],
)
def test_a_condition_that_changes_nothing_says_why(when: dict[str, list[object]], problem: str) -> None:
    (condition,) = report_of(Condition(when, {"layers": [2]})).conditions
    assert (condition.changed, condition.problem) == (0, problem)


@pytest.mark.parametrize(
    ("values", "shown"),
    [([0], "0"), ([0, 1], "0 or 1"), ([0, 1, 2, 3], "0, 1, 2 or 3"), ([0, 1, 2, 3, 4], "0, 1, 2, 3, ...")],
)
def test_of_many_values_that_an_option_has_four_are_named(values: list[object], shown: str) -> None:
    (condition,) = report_of(Condition({"a": [9]}, {"b": [1]}), grid={"a": values}).conditions
    assert condition.problem == f"a is never 9, only {shown}"


def test_an_earlier_condition_may_leave_nothing_to_change() -> None:
    folded = Condition({"layers": [3]}, {"layers": [2]})
    problem = "earlier conditions changed every configuration that it would match"
    assert report_of(folded, folded).conditions[1] == ConditionReport((), 0, 12, problem)


def test_values_that_only_an_earlier_condition_sets_may_not_meet() -> None:
    conditions = [Condition({"layers": [3]}, {"lr": [5]}), Condition({"lr": [5], "layers": [1]}, {"lr": [6]})]
    assert report_of(*conditions).conditions[1].problem == "no configuration has these values together"


def test_a_misspelled_option_of_a_condition_gets_a_hint() -> None:
    (condition,) = report_of(Condition({"optimzer": ["adam"]}, {"lr": [1]})).conditions
    assert (condition.is_skipped, condition.problem) == (
        True,
        "its option 'optimzer' is not in the grid; did you mean 'optimizer'?",
    )


def test_a_sample_of_a_huge_grid_tells_what_is_known_without_building_it() -> None:
    grid: dict[str, list[object]] = {**GRID, "seed": [*range(1_000_000)]}
    conditions = [Condition({"lr": [7]}, {"layers": [1]}), Condition({"lr": [0.1]}, {"layers": [1]})]
    report = report_of(*conditions, grid=grid, limit=3, sample=True)
    assert report.conditions == (ConditionReport(problem="lr is never 7, only 0.1 or 0.01"), ConditionReport())


def test_what_the_grid_or_a_condition_lists_twice_is_told() -> None:
    condition = Condition({"lr": [0.1]}, {"layers": [2, 3, 2, 2]})
    report = report_of(condition, grid={**GRID, "optimizer": ["adam", '"adam"']})
    assert report.repeated == ("the grid lists optimizer='adam' twice", "condition 1 lists layers=2 3 times")


@pytest.mark.parametrize(("count", "more"), [(4, ""), (5, " and 1 more"), (6, " and 2 more")])
def test_of_many_values_that_are_listed_twice_four_are_named(count: int, more: str) -> None:
    report = report_of(grid={"a": [*range(count), *range(count)]})
    assert report.repeated == (f"the grid lists a=0 twice, a=1 twice, a=2 twice, a=3 twice{more}",)


@pytest.mark.parametrize("part", [1, 5])
def test_what_conditions_changed_is_told_of_all_parts_of_a_list(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    conditions = [Condition({"optimizer": ["adam"]}, {"lr": [0.1]}), Condition({"layers": [1]}, {"new": [1, 2]})]
    whole = report_of(*conditions)
    monkeypatch.setattr("hpsearch.core.space_table._PART", part)
    assert report_of(*conditions) == whole


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gird", "; did you mean 'grid'?"),
        ("SCRIPT_NAME", "; did you mean '_SCRIPT_NAME'?"),
        ("_sumary_keywords", "; did you mean '_SUMMARY_KEYWORDS'?"),
        ("something_else", ""),
    ],
)
def test_a_name_that_is_nearly_right_gets_a_hint(name: str, hint: str) -> None:
    assert did_you_mean(name, ["grid", "_SCRIPT_NAME", "_SUMMARY_KEYWORDS"]) == hint
