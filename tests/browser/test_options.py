"""The report's small plots of the result over each option."""

from __future__ import annotations

from .contents import content_of, small_content

#: Reads what plotly is given: traces of one plot by the title of its axis.
TRACES = """(figure, title) => {
  const axes = Object.entries(figure.layout).filter(([key]) => key.startsWith('xaxis'));
  const id = axes.find(([, each]) => each.title?.text === title)[0].replace('axis', '');
  const lists = ({ x, y, text, customdata, error_y }) => ({ x, y, text, customdata, error: error_y && error_y.array });
  return figure.data.filter((trace) => (trace.xaxis || 'x') === id).map(lists);
}"""
LAYOUT = """figure => Object.entries(figure.layout).filter(([key]) => key.startsWith('xaxis'))
  .map(([, each]) => [each.title.text, each.ticktext])"""


def figure(shown):
    """Return the locator of all plots, whether plotly draws them or is only told to."""
    return shown.section("options").locator(".plot")


def traces(shown, option):
    """Return the points, those beyond the range, the means and the best run of an option's plot."""
    return figure(shown).evaluate(TRACES, option)


def count(shown):
    return shown.page.locator("#shown-count").inner_text()


def page_place(shown, x, y):
    """Return where on the page a point of the first plot lies."""
    return shown.plot("options").evaluate(
        """(figure, [x, y]) => {
          const { xaxis: across, yaxis: up } = figure._fullLayout;
          const box = figure.getBoundingClientRect();
          return [box.left + across._offset + across.l2p(x), box.top + up._offset + up.l2p(y)];
        }""",
        [x, y],
    )


def test_each_option_has_a_plot_with_its_values_and_seeds_have_none(show):
    axes = figure(show(small_content(), draws=False)).evaluate(LAYOUT)
    assert axes == [["lr", ["0.001", "0.01", "0.1"]], ["units", ["32", "64"]], ["act", ["relu", "tanh"]]]


def test_means_and_spreads_are_those_of_each_value(show):
    content = content_of({"act": ["a", "a", "a", "b", "b", "b"]}, {"acc": [1, 2, 3, 5, 7, 9]}, seeds=())
    means = traces(show(content, draws=False), "act")[2]
    assert means["y"] == [2, 7]
    assert means["error"] == [1, 2]
    assert means["text"] == ["act a: mean 2.0 ± 1.0 (3)", "act b: mean 7.0 ± 2.0 (3)"]


def test_many_values_are_averaged_in_bins(show):
    content = content_of({"lr": [run / 100 for run in range(100)]}, {"acc": list(range(100))}, seeds=())
    points, _, means, _ = traces(show(content, draws=False), "lr")
    assert len(points["x"]) == 100
    assert len(means["x"]) == 12


def test_a_diverged_run_lies_at_the_edge_and_flattens_nothing(show):
    content = content_of({"lr": [1, 2, 3] * 4}, {"loss": [*range(11), 1e30]}, seeds=())
    content["performance"]["larger"] = False
    shown = show(content, draws=False)
    points, beyond, means, _ = traces(shown, "lr")
    assert max(points["y"]) == 10
    assert (beyond["y"], beyond["customdata"]) == ([10], [11])
    assert max(means["y"]) <= 10
    assert "1 result beyond the range" in shown.section("options").locator(".hint").inner_text()


def test_missing_values_are_beside_the_numbers(show):
    content = content_of({"momentum": [None, 0.5, 0.9] * 4, "act": ["a", "b"] * 6}, {"acc": list(range(12))}, seeds=())
    assert figure(show(content, draws=False)).evaluate(LAYOUT)[0] == ["momentum", ["none", "0.5", "0.9"]]


def test_names_and_words_reach_plotly_escaped(show):
    content = content_of({"<b>act</b>": ["<i>a</i>", "&lt;"]}, {"acc": [1, 2]}, seeds=())
    shown = show(content)
    assert figure(shown).evaluate(LAYOUT) == [["&lt;b&gt;act&lt;/b&gt;", ["&lt;i&gt;a&lt;/i&gt;", "&amp;lt;"]]]
    texts = traces(shown, "&lt;b&gt;act&lt;/b&gt;")[0]["text"]
    assert texts == [
        "run 2: acc 2<br>&lt;b&gt;act&lt;/b&gt; &amp;lt;",
        "run 1: acc 1<br>&lt;b&gt;act&lt;/b&gt; &lt;i&gt;a&lt;/i&gt;",
    ]
    assert shown.section("options").locator(".js-plotly-plot").get_by_text("<b>act</b>", exact=True).count() == 1


def test_a_click_on_a_point_opens_its_run(show):
    shown = show(content_of({"act": ["a", "b"]}, {"acc": [1, 2]}, seeds=()))
    point = traces(shown, "act")[0]
    shown.page.mouse.move(*page_place(shown, point["x"][1], point["y"][1]))
    shown.page.mouse.click(*page_place(shown, point["x"][1], point["y"][1]))
    panel = shown.page.locator("#panel")
    panel.wait_for()
    assert "run 1" in panel.locator("h2").first.inner_text()


def test_dragging_over_values_filters_the_whole_page(show):
    shown = show(small_content())
    shown.plot("options")
    shown.page.mouse.move(*page_place(shown, -0.05, 0.8))
    shown.page.mouse.down()
    shown.page.mouse.move(*page_place(shown, 0.6, 0.81), steps=4)
    shown.page.mouse.up()
    shown.page.locator(".chip").wait_for()
    shown.settle()
    assert count(shown) == "24 of 36 runs"
    assert "lr 0.001 to 0.01" in shown.page.locator(".chip").inner_text()


def test_of_many_options_those_that_matter_most_are_shown(show):
    options = {f"option_{number}": [(number + run) % 2 for run in range(12)] for number in range(14)}
    content = content_of(options, {"acc": list(range(12))}, seeds=())
    shares = [[f"option_{number}", number] for number in range(14)]
    content["importance"] = {
        "key": "acc",
        "runs": 12,
        "method": "exact",
        "complete": True,
        "shares": shares,
        "text": "",
    }
    shown = show(content, draws=False)
    assert [title for title, _ in figure(shown).evaluate(LAYOUT)] == [f"option_{k}" for k in range(2, 14)]
    shown.section("options").get_by_role("button", name="Show all 14 options").click()
    assert len(figure(shown).evaluate(LAYOUT)) == 14


def test_of_many_runs_a_sample_is_drawn_and_means_are_over_all(show):
    runs = range(9000)
    content = content_of({"act": ["ab"[run % 2] for run in runs]}, {"acc": [run % 2 for run in runs]}, seeds=())
    shown = show(content, draws=False)
    points, _, means, _ = traces(shown, "act")
    assert 2700 < len(points["x"]) < 3300
    assert means["text"] == ["act a: mean 0 ± 0 (4500)", "act b: mean 1 ± 0 (4500)"]
    assert "means are over all" in shown.section("options").locator(".hint").inner_text()
