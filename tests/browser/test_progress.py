"""Progress: the best result so far, by runs or by time."""

from __future__ import annotations

import pytest

from .contents import CANCELLED, FAILED, FINISHED, PLANNED, RUNNING, STARTED, content_of, strange_contents
from .shown import address_of

#: What tests look at in the traces that plotly is given: the points of all runs, failed runs, the best line, its marks.
TRACES = """({ data }) => data.map(
  ({ x, y, customdata, marker }) =>
    ({ x: [...x], y: [...y], runs: [...(customdata || [])], symbols: marker && marker.symbol }))"""


def search(accuracies, states=None, **changes):
    """Return a search whose runs end one after another, 100 s apart, in the order of their numbers."""
    content = content_of({"lr": list(range(len(accuracies)))}, {"acc": accuracies}, states, seeds=())
    content["runs"]["submitted"] = [STARTED + 100 * run for run in range(len(accuracies))]
    content["runs"]["ended"] = [
        None if content["runs"]["state"][run] in (RUNNING, PLANNED) else STARTED + 100 * (run + 1)
        for run in range(len(accuracies))
    ]
    return content | changes


def figure(shown):
    """Return the locator of the plot, whether plotly draws it or is only told to."""
    return shown.section("progress").locator(".plot")


def traces(shown):
    return figure(shown).evaluate(TRACES)


def test_the_best_so_far_is_a_line_with_a_mark_for_each_new_best(show):
    points, failed, line, marks = traces(
        show(search([0.5, 0.7, 0.6, None, 0.9], [FINISHED] * 3 + [FAILED, FINISHED]), draws=False)
    )
    assert (points["x"], points["y"]) == ([1, 2, 3, 5], [0.5, 0.7, 0.6, 0.9])
    assert (failed["x"], failed["runs"]) == ([4], [3])
    assert (line["x"], line["y"]) == ([1, 2, 5, 5], [0.5, 0.7, 0.9, 0.9])
    assert (marks["x"], marks["runs"]) == ([1, 2, 5], [0, 1, 4])


def test_what_random_order_would_find_is_shown_where_the_whole_grid_has_run(show):
    content = search([0.5, 0.7, 0.6, None, 0.9], [FINISHED] * 3 + [FAILED, FINISHED])
    content["searches"][0]["whole"] = True
    shown = show(content, draws=False)
    *_, expected = traces(shown)
    assert expected["x"] == [1, 2, 3, 4, 5]
    # One that failed counts as the worst: the mean of 0.5, 0.7, 0.6, 0.5 and 0.9, of the best of any two, ...
    assert expected["y"] == pytest.approx([0.64, 0.74, 0.81, 0.86, 0.9])
    assert "Dotted: what random order would be expected to find." in shown.section("progress").inner_text()


def test_random_order_is_not_told_of_a_part_of_a_grid(show):
    shown = show(search([0.5, 0.7, 0.6]), draws=False)
    assert len(traces(shown)) == 4
    assert "Dotted" not in shown.section("progress").inner_text()


def test_smaller_may_be_better_and_runs_count_in_the_order_of_their_ends(show):
    content = search([0.5, 0.4, 0.7], performance={"key": "acc", "larger": False})
    content["runs"]["ended"] = [STARTED + 300, STARTED + 200, STARTED + 100]
    *_, line, marks = traces(show(content, draws=False))
    assert (line["x"], line["y"]) == ([1, 2, 3], [0.7, 0.4, 0.4])
    assert marks["runs"] == [2, 1]


def test_the_sentence_tells_when_the_best_was_found_and_what_is_to_come(show):
    states = [FINISHED, FINISHED, FINISHED, CANCELLED, RUNNING, PLANNED, PLANNED]
    section = show(search([0.5, 0.9, 0.6, None, None, None, None], states), draws=False).section("progress")
    assert section.locator(".sentence").inner_text() == (
        "Best so far: 0.9 by run 2, known after 2 of 4 runs and 3 min 20 s. The 2 runs since then did not beat it. "
        "Still to come: 1 running, 2 planned."
    )


def test_the_run_in_the_sentence_opens(show):
    shown = show(search([0.5, 0.9]), draws=False)
    shown.section("progress").get_by_role("button", name="run 2").click()
    assert "run 2" in shown.page.locator("#panel").inner_text()


def test_a_mark_opens_its_run(show):
    shown = show(search([0.5, 0.9, 0.6]))
    box = shown.plot("progress").locator(".points path").last.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    # Plotly looks what is there when the mouse moves.
    shown.page.mouse.move(middle[0] - 1, middle[1])
    shown.page.mouse.move(*middle)
    shown.page.locator("#progress .hoverlayer .hovertext").wait_for()
    shown.page.mouse.click(*middle)
    assert "run 2" in shown.page.locator("#panel").inner_text()


def test_the_axis_may_be_time_and_the_address_keeps_that(show):
    shown = show(search([0.5, 0.9, 0.6]), draws=False)
    shown.section("progress").get_by_role("button", name="By time").click()
    shown.reload()
    points, *_ = traces(shown)
    assert points["x"] == [100 / 60, 200 / 60, 300 / 60]
    title = figure(shown).evaluate("({ layout }) => layout.xaxis.title.text")
    assert title == "minutes since the search began"


def test_without_times_there_is_no_axis_of_time(show):
    content = search([0.5, 0.9])
    content["runs"]["ended"] = content["runs"]["submitted"] = [None, None]
    content["searches"][0]["started"] = None
    shown = show(content, address_of(progress={"by": "time"}), draws=False)
    points, *_ = traces(shown)
    assert points["x"] == [1, 2]
    assert shown.page.locator("#progress .choices button").count() == 0


def test_means_count_when_the_last_run_of_their_configuration_has_ended(show):
    options = {"lr": [1, 1, 2, 2, 3, 3], "random_seed": [1, 2, 1, 2, 1, 2]}
    content = content_of(options, {"acc": [0.5, 0.7, 0.8, 0.9, 0.99, None]}, [FINISHED] * 5 + [RUNNING])
    shown = show(content, address_of(progress={"of": "means"}), draws=False)
    points, _, line, marks = traces(shown)
    assert (points["x"], [round(y, 4) for y in points["y"]]) == ([2, 4], [0.6, 0.85])
    assert marks["runs"] == [1, 3]
    assert "Best mean so far: 0.850 ± 0.071 (2) by the configuration of run 4" in shown.section("progress").inner_text()


def test_a_mean_of_few_values_is_no_best(show):
    options = {"lr": [1, 1, 1, 1, 2, 2, 2, 2], "random_seed": [1, 2, 3, 4] * 2}
    states = [FINISHED] * 5 + [FAILED] * 3
    shown = show(
        content_of(options, {"acc": [0.5] * 4 + [0.9] + [None] * 3}, states),
        address_of(progress={"of": "means"}),
        draws=False,
    )
    points, _, _, marks = traces(shown)
    assert (points["y"], points["symbols"]) == ([0.5, 0.9], ["circle", "circle-open"])
    assert marks["y"] == [0.5]
    assert shown.section("progress").locator(".hint").inner_text().startswith("Hollow points have less than half")


def test_diverged_runs_are_drawn_at_the_edge_and_counted(show):
    losses = [0.5 + run / 100 for run in range(30)] + [1e6, "inf"]
    shown = show(search(losses, performance={"key": "acc", "larger": False}), draws=False)
    points, *_ = traces(shown)
    assert max(points["y"]) < 1
    assert points["symbols"][-3:] == ["circle", "triangle-up", "triangle-up"]
    section = shown.section("progress")
    assert section.locator(".hint").inner_text().startswith("2 results far off are drawn at the edge.")
    section.get_by_role("button", name="Show all").click()
    points, *_ = traces(shown)
    assert points["y"][-2] == 1e6


def test_the_best_is_in_the_picture_even_if_it_is_far_off(show):
    shown = show(search([0.5 + run / 1000 for run in range(30)] + [0.99]), draws=False)
    *_, marks = traces(shown)
    assert marks["y"][-1] == 0.99


def test_filters_hold_here(show):
    shown = show(search([0.5, 0.9, 0.6]), address_of(filters={"one": {"runs": [0, 2]}}), draws=False)
    points, *_ = traces(shown)
    assert points["runs"] == [0, 2]


def test_several_searches_have_a_line_each(show):
    shown = show(strange_contents()["several searches"])
    assert len(traces(shown)) == 12
    assert shown.page.locator("#progress .legendtext").all_text_contents() == ["out/one", "out/two", "out/three"]
    assert shown.page.locator("#progress .sentence .line").count() == 3


def test_it_says_so_where_no_run_has_a_result(show):
    shown = show(search([None, None], [FAILED, RUNNING]), draws=False)
    assert shown.section("progress").locator(".nothing").inner_text() == "No run has finished yet."
