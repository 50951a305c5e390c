"""Seeds: configurations by mean with intervals, and which are worse than the best by more than chance."""

from __future__ import annotations

import math
import random

import pytest

from hpsearch.core.statistics import spread_of, welch_p

from .contents import content_of, small_content
from .shown import address_of

#: The 97.5 % quantile of Student's t, by the number of values.
T_OF = {3: 4.302652729911275, 4: 3.182446305284263, 5: 2.7764451051977987, 30: 2.045229642132703}


def seeds_content(groups: list[list[float]], key: str = "acc") -> dict[str, object]:
    """Return a report of configurations x=0, 1, ... with these results under their seeds."""
    rows = [(place, seed, value) for place, values in enumerate(groups) for seed, value in enumerate(values)]
    x, seeds, values = map(list, zip(*rows))
    return content_of({"x": x, "same": [1] * len(x), "random_seed": seeds}, {key: values})


def means(shown) -> dict[str, object]:
    """Return the trace of means, and the labels of its rows."""
    figure = shown.section("seeds").locator(".plot")
    return figure.evaluate(
        """({ data, layout }) => {
          const { x, customdata, marker, error_x: { array } } = data[1];
          const labels = layout.yaxis.ticktext.map((text) => text.trim());
          const marks = { symbols: marker.symbol, colours: marker.color };
          return { x, chances: customdata.map(String), halves: array, labels, ...marks };
        }"""
    )


GROUPS = [[0.9, 0.92, 0.91], [0.88, 0.91, 0.92, 0.90], [0.5, 0.52, 0.51], [0.7, 0.7, 0.7], [0.95, 0.6, 0.7, 0.8, 0.9]]


def test_configurations_stand_best_mean_first_with_their_number_of_runs(show):
    found = means(show(seeds_content(GROUPS), draws=False))
    assert found["labels"] == ["x=0 (3)", "x=1 (4)", "x=4 (5)", "x=3 (3)", "x=2 (3)"]
    assert found["x"] == pytest.approx([0.91, 0.9025, 0.79, 0.7, 0.51])


@pytest.mark.parametrize("key", ["acc", "loss"])
def test_chances_are_those_of_the_command_line(show, key):
    chance = random.Random(3)
    groups = [[chance.gauss(place / 8, 0.05 + place / 30) for _ in range(3 + place % 4)] for place in range(12)]
    groups += [[chance.gauss(0.6, 0.2) for _ in range(30)], [0.8] * 3, [0.8] * 3]
    content = seeds_content(groups, key)
    content["performance"]["larger"] = key == "acc"
    found = means(show(content, draws=False))
    spreads = {f"x={place}": spread_of(values) for place, values in enumerate(groups)}
    names = [label.split()[0] for label in found["labels"]]
    # Those with less than half as many runs as another stand last, also better ones: the best is the one with 30.
    best = spreads[names[0]]
    is_worse = {name: (spreads[name].mean < best.mean) == (key == "acc") for name in names[1:]}
    expected = [welch_p(best, spreads[name]) if worse else 1.0 for name, worse in is_worse.items()]
    assert len(expected) == 14 and found["chances"][0] == "NaN"
    assert [float(text) for text in found["chances"][1:]] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_intervals_are_those_of_student_s_t(show):
    groups = [[random.Random(count).gauss(count, 1 + seed % 2) for seed in range(count)] for count in T_OF]
    found = means(show(seeds_content([*groups, [0.1, 0.4]]), draws=False))
    halves = dict(zip((label.partition("(")[2].rstrip(")") for label in found["labels"]), found["halves"]))
    expected = {str(len(values)): T_OF[len(values)] * spread_of(values).sem for values in groups}
    assert halves == {**{count: pytest.approx(half, rel=1e-6) for count, half in expected.items()}, "2": None}


def test_what_is_not_worse_by_more_than_chance_is_marked(show):
    shown = show(seeds_content(GROUPS), draws=False)
    best, equal, _, worse, worst = means(shown)["colours"]
    assert len({best, equal, worse}) == 3 and worse == worst
    text = shown.section("seeds").inner_text()
    assert "not significantly worse (two-sided Welch's t-test, p above 0.05)" in text
    assert "Bars: 95 % confidence of the mean, from 3 runs on." in text


def test_too_few_values_get_no_verdict(show):
    shown = show(seeds_content([[0.9, 0.92], [0.5, 0.51]]), draws=False)
    assert means(shown)["symbols"] == ["diamond-open" if chance else "diamond" for chance in (0, 1)]
    assert "not compared: the best has less than 3 values" in shown.section("seeds").inner_text()


def test_the_best_twenty_are_shown(show):
    shown = show(seeds_content([[place, place + 1] for place in range(30)]), draws=False)
    assert means(shown)["labels"][::19] == ["x=29 (2)", "x=10 (2)"]
    assert "The best 20 of 30 configurations" in shown.section("seeds").inner_text()


def test_labels_name_only_what_differs(show):
    filters = {"one": {"column": "lr", "values": ["0.01"]}}
    found = means(show(small_content(), address_of(filters=filters), draws=False))
    assert found["labels"][0] == "units=64 act=relu (3)"


def test_groups_follow_the_filters(show):
    filters = {"one": {"column": "random_seed", "values": ["0", "1"]}}
    found = means(show(seeds_content([[1, 2, 9], [4, 6, 0]]), address_of(filters=filters), draws=False))
    assert (found["labels"], found["x"]) == (["x=1 (2)", "x=0 (2)"], [5, 1.5])


def test_infinite_values_break_nothing(show):
    content = seeds_content([[1, 2, 3], [4, 5, 6]])
    content["columns"][-1] = {**content["columns"][-1], "cells": [1, 2, 3, 4, 5, "inf"]}
    del content["columns"][-1]["values"], content["columns"][-1]["codes"]
    assert math.isclose(means(show(content, draws=False))["x"][1], 2)


def test_without_repeats_it_says_how_to_get_them(show):
    text = show(content_of({"lr": [1, 2]}, {"acc": [0.5, 0.6]}), draws=False).section("seeds").inner_text()
    assert text.endswith("hpsearch seeds /home/ada/digits/out --top 5 --num_seeds 5")


def test_filters_that_leave_no_repeats_are_told(show):
    shown = show(small_content(), address_of(filters={"one": {"runs": [0]}}), draws=False)
    assert "No configuration that passes the filters has several runs" in shown.section("seeds").inner_text()


def test_on_a_narrow_screen_labels_stand_above_their_rows(show):
    figure = show(seeds_content(GROUPS), width=390, draws=False).section("seeds").locator(".plot")
    texts = figure.evaluate("({ layout }) => layout.annotations.map(({ text }) => text)")
    assert texts[:2] == ["x=0 (3)", "x=1 (4)"]


def test_a_click_on_a_mean_keeps_its_configuration_and_one_on_a_point_opens_its_run(show):
    shown = show(seeds_content([[10, 20, 30], [1, 2, 3]]))
    shown.plot("seeds")
    traces = shown.page.locator("#seeds .scatterlayer .trace")
    shown.click_mark(traces.nth(0).locator(".point").first, "run 3")
    shown.page.locator("#panel", has_text="run 3").wait_for()
    shown.page.keyboard.press("Escape")
    shown.click_mark(traces.nth(1).locator(".point").first, "the best mean")
    shown.page.locator(".chip", has_text="x=0").wait_for()
    assert shown.page.locator("#shown-count").inner_text() == "3 of 6 runs"
