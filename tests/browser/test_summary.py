"""The summary: the best of each search, how its runs ended, and how long that took."""

from __future__ import annotations

from .contents import content_of


def test_finished_runs_without_the_shown_number_are_no_unfinished_ones(show):
    shown = show(content_of({"x": [1, 2]}, {"acc": [None, None], "loss": [1, 2]}), draws=False)
    assert shown.section("summary").locator(".nothing").inner_text() == "No finished run has a number under acc."


def test_short_searches_tell_their_machine_time_in_seconds(show):
    content = content_of({"x": [1, 2]}, {"acc": [1, 2]})
    content["searches"][0]["machine_hours"] = 0.0025
    assert " · 9 s of machine time · " in show(content, draws=False).section("summary").locator(".facts").inner_text()


def test_runs_whose_options_nobody_knows_are_no_configuration(show):
    shown = show(content_of({"x": [1, 2, None, None, None]}, {"acc": [0.5, 0.6, 0.2, 0.4, 0.3]}), draws=False)
    assert shown.section("summary").locator(".best-result").inner_text() == "best acc 0.6"


def test_the_best_of_a_search_with_budgets_trained_longest(show):
    content = content_of({"x": [1, 2, 1], "epochs": [5, 5, 15]}, {"acc": [0.5, 0.9, 0.8]})
    content["searches"][0]["budget"] = "epochs"
    assert show(content, draws=False).section("summary").locator(".best-result").inner_text() == "best acc 0.8"
