"""Learning curves: runs, means and the best configuration, side by side for the values of an option."""

from __future__ import annotations

import pytest

from .contents import content_of, small_content
from .shown import address_of

THIN, THICK = 1, 2.5


def curves_content(curves: list[object], **options: list[object]) -> dict[str, object]:
    """Return a report of runs with these curves, the first one best; without options they differ in `run`."""
    count = len(curves)
    scores = [1 - run / 1000 for run in range(count)]
    return content_of(options or {"run": list(range(count))}, {"acc": scores, "loss": curves}, seeds=("seed",))


def drawn(shown) -> list[dict[str, object]]:
    """Return all traces."""
    return shown.section("curves").locator(".plot").evaluate("({ data }) => data.map((trace) => ({ ...trace }))")


def labels(shown) -> list[str]:
    figure = shown.section("curves").locator(".plot")
    return figure.evaluate("({ layout }) => layout.annotations.map(({ text }) => text)")


def thick(shown) -> list[list[float | None]]:
    """Return means and best curve, in the order in which they are drawn."""
    return [trace["y"] for trace in drawn(shown) if trace["mode"] == "lines" and trace["line"]["width"] == THICK]


ALL = address_of(curves={"by": ""})


def test_each_value_of_the_most_important_option_has_a_picture(show):
    shown = show(small_content(), draws=False)
    assert labels(shown) == ["lr 0.001", "lr 0.01", "lr 0.1"]
    thin = [trace for trace in drawn(shown) if trace["line"]["width"] == THIN]
    assert [trace["xaxis"] for trace in thin] == ["x", "x2", "x3"]
    assert set(thin[0]["customdata"]) == set(range(12))


def test_the_option_can_be_chosen_and_is_kept(show):
    shown = show(small_content(), draws=False)
    shown.section("curves").get_by_label("Side by side").last.select_option("act")
    assert labels(shown) == ["act relu", "act tanh"]
    shown.reload()
    assert labels(shown) == ["act relu", "act tanh"]


def test_a_mean_counts_the_curves_that_got_that_far(show):
    shown = show(curves_content([[4, 2], [2, "nan", 7], [6]]), ALL, draws=False)
    mean, best = thick(shown)
    assert (mean, best) == ([4, 2, 7], [4, 2, None])


def test_what_is_no_number_is_a_gap_and_a_lonely_point_is_drawn(show):
    thin, points, *_ = drawn(show(curves_content([[1, "nan", 3, 4], [5]]), ALL, draws=False))
    assert thin["y"] == [1, None, 3, 4, None, 5, None, None, None, None]
    assert (points["mode"], points["x"], points["y"]) == ("markers", [1, 1], [1, 5])


def test_a_single_curve_needs_no_mean(show):
    assert thick(show(curves_content([[3, 2, 1]]), ALL, draws=False)) == [[3, 2, 1]]


def test_the_best_configuration_is_the_mean_of_its_seeds(show):
    content = curves_content([[1, 2], [3, 4], [9, 9]], lr=[1, 1, 2], seed=[1, 2, 1])
    assert thick(show(content, draws=False))[1] == [2, 3]


def test_the_curves_follow_the_filters(show):
    shown = show(
        curves_content([[1, 2], [3, 4], [9, 9]]),
        address_of(filters={"one": {"runs": [1]}}, curves={"by": ""}),
        draws=False,
    )
    assert thick(shown) == [[3, 4]]


def test_of_many_curves_the_best_are_drawn_and_means_are_over_all(show):
    shown = show(curves_content([[run, run] for run in range(500)]), ALL, draws=False)
    assert len(set(drawn(shown)[0]["customdata"])) == 200
    assert thick(shown)[0] == [249.5, 249.5]
    text = shown.section("curves").inner_text()
    assert "Of 500 curves, the best 200 are drawn; means are over all." in text


def test_long_curves_are_drawn_at_some_steps_up_to_the_last(show):
    shown = show(curves_content([list(range(1, 1001)), list(range(1, 501))]), ALL, draws=False)
    mean, best = thick(shown)
    assert (len(best), best[0], best[-1]) == (150, 1, 1000)
    assert "About every 7th step is drawn." in shown.section("curves").inner_text()


def test_steps_that_the_page_left_out_count(show):
    content = curves_content([[1, 2, 3], [5, 6]])
    content["columns"][-1]["lengths"] = [5, None]
    trace = drawn(show(content, ALL, draws=False))[0]
    assert [x for x in trace["x"] if x is not None] == [1, 2, 3, 4, 5] * 2
    assert trace["y"][0:5:2] == [1, 2, 3]
    assert trace["y"][6:11] == [5, 6, None, None, None]


@pytest.mark.parametrize(
    ("curve", "kind"), [([10, 1, 0.1], "log"), ([10, 5, 4], "linear"), ([10, 0, 0.1], "linear"), ([1, 1e30], "log")]
)
def test_an_axis_is_logarithmic_where_a_loss_is_spread_widely(show, curve, kind):
    section = show(curves_content([curve]), draws=False).section("curves")
    assert section.locator(".plot").evaluate("({ layout }) => layout.yaxis.type") == kind
    assert section.get_by_label("logarithmic").is_checked() == (kind == "log")


def test_a_curve_that_diverged_does_not_flatten_the_others(show):
    curves = [[2, 1.5, -1] for _ in range(60)] + [[2, 1e9, 1e9]]
    section = show(curves_content(curves), ALL, draws=False).section("curves")
    low, high = section.locator(".plot").evaluate("({ layout }) => layout.yaxis.range")
    assert -2 < low < -1 and 2 < high < 3
    assert "Some values lie far outside the picture." in section.inner_text()


def test_without_curves_it_says_how_to_get_them(show):
    text = show(content_of({"lr": [1, 2]}, {"acc": [0.5, 0.6]}), draws=False).section("curves").inner_text()
    assert "No result is a list of numbers." in text


def test_filters_that_leave_no_curve_are_told(show):
    shown = show(small_content(), address_of(filters={"one": {"state": ["planned"]}}), draws=False)
    assert shown.section("curves").inner_text().endswith("No run that passes the filters has a curve.")


def test_a_click_on_a_line_opens_its_run(show):
    shown = show(curves_content([[1, 1, 1], [5, 5, 5], [9, 9, 9]]), ALL)
    shown.plot("curves")
    # The third line lies at the top, below a margin of a twentieth.
    shown.click_mark(shown.page.locator("#curves .bglayer .bg, #curves .plotbg").first, "run 3", y=0.05 / 1.1)
    shown.page.locator("#panel", has_text="run 3").wait_for()
