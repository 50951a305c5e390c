"""The report's map of two options."""

from __future__ import annotations

from .contents import content_of, small_content
from .shown import address_of

MAP = """figure => {
  const [cells, signs] = figure.data;
  const { xaxis, yaxis, shapes } = figure.layout;
  return {
    x: xaxis.ticktext, y: yaxis.ticktext, names: [xaxis.title.text, yaxis.title.text],
    means: cells.z, texts: cells.text, hover: cells.customdata,
    scale: cells.colorscale, range: [cells.zmin, cells.zmax],
    signs: signs.text, signHover: signs.hovertext,
    frames: shapes.map(({ x0, y0 }) => [Math.round(x0 + 0.48), Math.round(y0 + 0.48)]),
  };
}"""
#: One pair of values without a run, one whose run failed, two runs of another.
GAPS = content_of(
    {"lr": [0.1, 0.1, 0.2, 0.2], "act": ["a", "a", "a", "b"], "seed": [1, 2, 1, 1]},
    {"acc": [1, 3, 6, None]},
    [0, 0, 0, 1],
    seeds=("seed",),
)


def drawn(shown):
    """Return what plotly is given to draw."""
    return shown.section("heatmap").locator(".plot").evaluate(MAP)


def click(shown, across, up):
    """Click on the middle of a cell."""
    shown.page.mouse.click(
        *shown.plot("heatmap").evaluate(
            """(figure, [x, y]) => {
              const { xaxis, yaxis } = figure._fullLayout, box = figure.getBoundingClientRect();
              return [box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)];
            }""",
            [across, up],
        )
    )
    shown.settle()


def test_cells_hold_means_and_numbers_of_runs(show):
    found = drawn(show(GAPS, draws=False))
    assert (found["x"], found["y"]) == (["0.1", "0.2"], ["a", "b"])
    assert found["means"] == [[2, 6], [None, None]]
    assert found["texts"] == [["2 (2)", "6 (1)"], ["", ""]]
    assert found["hover"][0][0] == "lr 0.1<br>act a<br>mean 2, std 1.4, n 2"


def test_cells_without_a_run_differ_from_those_without_a_result(show):
    found = drawn(show(GAPS, draws=False))
    assert found["signs"] == ["·", "×"]
    assert found["signHover"] == ["lr 0.1<br>act b<br>no run", "lr 0.2<br>act b<br>1 run without a result"]


def test_the_options_that_matter_most_come_first(show):
    assert drawn(show(small_content(), draws=False))["names"] == ["lr", "act"]


def test_the_choice_of_options_is_kept_in_the_address(show):
    shown = show(small_content(), draws=False)
    shown.section("heatmap").get_by_label("Option across").select_option("units")
    assert drawn(shown)["names"] == ["units", "act"]
    shown.reload()
    assert drawn(shown)["names"] == ["units", "act"]


def test_an_option_chosen_twice_changes_places_with_the_other(show):
    shown = show(small_content(), draws=False)
    shown.section("heatmap").get_by_label("Option across").select_option("act")
    assert drawn(shown)["names"] == ["act", "lr"]


def test_the_best_cell_is_framed_and_has_the_same_end_of_the_colours(show):
    larger = drawn(show(GAPS, draws=False))
    smaller = drawn(show(GAPS | {"performance": {"key": "acc", "larger": False}}, draws=False))
    assert (larger["frames"][-1], smaller["frames"][-1]) == ([1, 0], [0, 0])
    assert larger["scale"][-1][1] == smaller["scale"][0][1]
    assert larger["range"] == smaller["range"] == [2, 6]


def test_a_click_on_a_cell_filters_to_its_values_and_a_second_one_takes_that_back(show):
    shown = show(small_content())
    click(shown, 1, 0)
    chips = [each.split("\n")[0] for each in shown.page.locator(".chip:not(.clear)").all_inner_texts()]
    assert [chip.rstrip("×") for chip in chips] == ["lr: 0.01", "act: relu"]
    assert shown.page.locator("#shown-count").inner_text() == "6 of 36 runs"
    assert len(drawn(shown)["means"][0]) == 3
    click(shown, 1, 0)
    assert shown.page.locator("#shown-count").inner_text() == "36 runs"


def test_filters_on_other_options_are_followed(show):
    address = address_of("acc_val", {"one": {"column": "units", "values": ["32"]}})
    assert drawn(show(small_content(), address, draws=False))["hover"][0][0].endswith("n 3")


def test_many_values_are_binned(show):
    runs = range(100)
    content = content_of(
        {"lr": [run / 100 for run in runs], "word": [f"word_{run}" for run in runs]}, {"acc": list(runs)}, seeds=()
    )
    found = drawn(show(content, draws=False))
    assert found["x"][0] == "0 to 0.08"
    assert (len(found["x"]), len(found["y"])) == (12, 30)
    assert found["y"][-1] == "71 others"


def test_names_and_words_reach_plotly_escaped(show):
    content = content_of({"<b>x</b>": ["<i>a</i>", "b"], "lr": [1, 2]}, {"<u>acc</u>": [1, 2]}, seeds=())
    found = drawn(show(content, draws=False))
    assert found["names"] == ["&lt;b&gt;x&lt;/b&gt;", "lr"]
    assert found["x"] == ["&lt;i&gt;a&lt;/i&gt;", "b"]
    assert found["hover"][0][0].startswith("&lt;b&gt;x&lt;/b&gt; &lt;i&gt;a&lt;/i&gt;<br>lr 1<br>")
