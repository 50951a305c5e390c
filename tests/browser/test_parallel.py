"""Parallel coordinates of the report: lines, axes with words and missing values, brushes, the line under a pointer."""

from __future__ import annotations

from .contents import content_of, small_content
from .shown import address_of

NAMES = "<b>lr</b> <img src=x onerror=alert(1)>"
#: Two optimizers, only one has a momentum; one run has no number, one diverged.
CONDITIONAL = content_of(
    {
        "lr": [0.001, 0.01, 0.1] * 4,
        "optimizer": ["adam"] * 6 + ["<i>sgd</i>"] * 6,
        "momentum": [None] * 6 + [0.5, 0.9, 0.99] * 2,
    },
    {"loss": [0.1 * run for run in range(10)] + [1e30, "nan"]},
    log_axes=("lr",),
) | {"performance": {"key": "loss", "larger": False}}
#: How far what can be grasped of an axis reaches beyond its ends, in px.
BEYOND = 12


def grip(shown, name):
    return shown.section("parallel").locator(f'.grip[aria-label="{name}"]')


def drag(shown, name, start, end):
    """Drag along an axis, from one place to another: 0 is its lower end, 1 its upper one."""
    box = grip(shown, name).bounding_box()
    lower, upper = box["y"] + box["height"] - BEYOND, box["y"] + BEYOND
    places = [lower + (upper - lower) * place for place in (start, end)]
    shown.page.mouse.move(box["x"] + box["width"] / 2, places[0])
    shown.page.mouse.down()
    shown.page.mouse.move(box["x"] + box["width"] / 2, places[1], steps=3)
    shown.page.mouse.up()
    shown.settle()


def count(shown):
    return shown.page.locator("#shown-count").inner_text()


def titles(shown):
    return (
        shown.section("parallel")
        .locator(".axis > .title")
        .evaluate_all("all => all.map((each) => each.lastChild.data)")
    )


def ticks(shown, name):
    """Return an axis' texts, from below."""
    axis = shown.section("parallel").locator(".axis").filter(has=shown.page.locator(f'.grip[aria-label="{name}"]'))
    return axis.locator(".tick > text").all_text_contents()


def test_options_that_vary_have_an_axis_and_seeds_have_none(show):
    assert titles(show(small_content(), draws=False)) == ["lr", "units", "act", "acc_val"]


def test_a_seed_gets_an_axis_by_choice_which_the_address_keeps(show):
    shown = show(small_content(), draws=False)
    shown.section("parallel").locator("summary").click()
    shown.section("parallel").get_by_label("random_seed").check()
    assert titles(shown) == ["lr", "units", "act", "random_seed", "acc_val"]
    shown.reload()
    assert titles(shown) == ["lr", "units", "act", "random_seed", "acc_val"]


def test_dragging_along_an_axis_filters_the_whole_page(show):
    shown = show(small_content(), draws=False)
    drag(shown, "lr", -0.02, 0.6)
    assert count(shown) == "24 of 36 runs"
    assert shown.page.locator(".chip").inner_text().split("\n")[0].startswith("lr 0.001 to 0.01")
    assert shown.section("parallel").locator(".brush").count() == 1


def test_a_removed_chip_removes_the_brush(show):
    shown = show(small_content(), draws=False)
    drag(shown, "lr", -0.02, 0.6)
    shown.page.locator(".chip").click()
    shown.settle()
    assert count(shown) == "36 runs"
    assert shown.section("parallel").locator(".brush").count() == 0


def test_a_filter_made_elsewhere_shows_as_a_brush(show):
    shown = show(small_content(), address_of("acc_val", {"one": {"column": "act", "values": ["tanh"]}}), draws=False)
    assert grip(shown, "act").get_attribute("aria-valuetext") == "one"
    assert shown.section("parallel").locator(".brush").count() == 1


def test_a_click_on_a_value_filters_to_it_and_a_second_one_takes_that_back(show):
    shown = show(small_content(), draws=False)
    drag(shown, "act", 0.75, 0.75)
    assert count(shown) == "18 of 36 runs"
    drag(shown, "act", 0.75, 0.75)
    assert count(shown) == "36 runs"


def test_keys_go_through_the_values_of_an_axis(show):
    shown = show(small_content(), draws=False)
    grip(shown, "lr").focus()
    counts = []
    for key in ("ArrowUp", "ArrowUp", "Shift+ArrowUp", "Delete"):
        shown.page.keyboard.press(key)
        shown.settle()
        counts.append((shown.page.evaluate("document.activeElement.getAttribute('aria-valuetext')"), count(shown)))
    assert counts == [
        ("lr: 0.001", "12 of 36 runs"),
        ("lr: 0.01", "12 of 36 runs"),
        ("lr 0.01 to 0.1", "24 of 36 runs"),
        ("all values", "36 runs"),
    ]


def test_missing_values_and_runs_without_a_result_have_places_of_their_own(show):
    shown = show(CONDITIONAL, draws=False)
    assert ticks(shown, "momentum") == ["none", "0.5", "0.9", "0.99"]
    assert ticks(shown, "loss")[0] == "none"
    drag(shown, "momentum", 0.0, 0.1)
    assert count(shown) == "6 of 12 runs"


def test_a_brush_at_the_lower_end_of_the_result_keeps_the_runs_without_one(show):
    shown = show(CONDITIONAL, draws=False)
    drag(shown, "loss", -0.02, 0.08)
    assert count(shown) == "1 of 12 runs"


def test_a_diverged_run_does_not_flatten_the_others(show):
    shown = show(CONDITIONAL, draws=False)
    assert "1 result beyond the range" in shown.section("parallel").locator(".hint").inner_text()
    assert max(float(text) for text in ticks(shown, "loss")[1:]) < 1


def test_words_and_names_are_text_not_markup(show):
    shown = show(
        content_of({NAMES: [0.1, 0.2, 0.3], "act": ["<b>x</b>", "&lt;", "y"]}, {"acc": [1, 2, 3]}), draws=False
    )
    assert ticks(shown, "act") == ["<b>x</b>", "&lt;", "y"]
    assert titles(shown)[0].startswith("<b>lr</b>")


def test_a_click_on_a_line_opens_its_run(show):
    shown = show(content_of({"act": ["a", "b"], "kind": ["c", "d"]}, {"acc": [1, 2]}, seeds=()), draws=False)
    act, kind = grip(shown, "act").bounding_box(), grip(shown, "kind").bounding_box()
    # The first of two words lies at a quarter of the height of both axes, and the line between them does, too.
    x, y = (act["x"] + kind["x"] + act["width"]) / 2, act["y"] + BEYOND + (act["height"] - 2 * BEYOND) * 0.75
    shown.page.mouse.move(x, y)
    shown.page.locator(".tip").wait_for()
    assert shown.page.locator(".tip").inner_text().split("\n") == ["run 1: acc 1", "act a", "kind c"]
    shown.page.mouse.click(x, y)
    assert "run 1" in shown.page.locator("#panel h2").first.inner_text()


def test_on_a_narrow_screen_the_axes_scroll_and_the_page_does_not(show):
    shown = show(small_content(), width=360, draws=False)
    strip = shown.section("parallel").locator(".strip")
    assert strip.evaluate("each => each.scrollWidth > each.clientWidth")
    assert shown.run("() => document.documentElement.scrollWidth <= innerWidth")


def test_of_many_runs_the_best_and_a_sample_are_drawn(show):
    runs = range(12000)
    content = content_of({"lr": [run % 7 for run in runs]}, {"acc": [run / 12000 for run in runs]}, seeds=())
    shown = show(content, draws=False)
    hint = shown.section("parallel").locator(".hint").inner_text()
    assert "Drawn: the best 5,000 and a random" in hint
    assert "of 12,000 runs." in hint
