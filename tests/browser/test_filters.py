"""Filters of the report: search text, chips, columns' menus, states; the address keeps them."""

from __future__ import annotations

import pytest

from .contents import content_of, small_content
from .shown import address_of


def visible_count(shown) -> str:
    return shown.page.locator("#shown-count").inner_text()


def count_found(shown, text: str) -> str:
    shown.page.fill("#search", text)
    shown.settle()
    return visible_count(shown)


def expect_count(shown, text: str) -> None:
    shown.page.wait_for_function("(text) => document.getElementById('shown-count').textContent === text", arg=text)


def open_filter(shown, column: str):
    """Open the menu of a column's header and return its locator."""
    shown.section("table").locator(f"thead [aria-label^='Filter {column}']").click()
    return shown.page.locator(".menu")


def test_a_search_finds_words_values_and_comparisons(show):
    expected = {
        "tanh": "18 of 36 runs",
        "lr=0.01": "12 of 36 runs",
        "LR=1e-2 relu": "6 of 36 runs",
        "acc_val>=0.95": "8 of 36 runs",
        "cuda": "1 of 36 runs",
        "state=cancelled": "1 of 36 runs",
        "nowhere": "0 of 36 runs",
        "digits": "0 of 36 runs",
    }
    shown = show(small_content(), draws=False)
    assert {text: count_found(shown, text) for text in expected} == expected


def test_an_emptied_search_shows_all_again(show):
    shown = show(small_content(), address_of(filters={"search": {"text": "tanh"}}), draws=False)
    assert shown.page.input_value("#search") == "tanh"
    shown.page.fill("#search", "")
    expect_count(shown, "36 runs")


def test_a_chip_takes_its_filter_away(show):
    filters = {"a": {"column": "lr", "low": 0.01, "high": 0.01}, "b": {"column": "act", "values": ["relu"]}}
    shown = show(small_content(), address_of(filters=filters), draws=False)
    assert visible_count(shown) == "6 of 36 runs"
    shown.page.locator(".chip", has_text="a").first.click()
    expect_count(shown, "18 of 36 runs")


def test_one_button_takes_all_filters_away(show):
    filters = {"search": {"text": "tanh"}, "b": {"column": "lr", "values": ["0.1"]}}
    shown = show(small_content(), address_of(filters=filters), draws=False)
    shown.page.click("text=Clear all")
    expect_count(shown, "36 runs")
    assert shown.page.input_value("#search") == ""


def test_a_click_on_a_state_shows_its_runs(show):
    shown = show(small_content(), draws=False)
    shown.section("summary").get_by_text("1 out of memory").click()
    expect_count(shown, "1 of 36 runs")


def test_a_click_on_the_best_configuration_shows_its_runs(show):
    shown = show(small_content(), draws=False)
    shown.section("summary").get_by_text("lr=0.01 units=64 act=relu").click()
    expect_count(shown, "3 of 36 runs")


def test_a_click_on_a_search_shows_its_runs(show):
    content = small_content()
    content["searches"].append({**content["searches"][0], "name": "wider"})
    content["runs"]["search"][30:] = [1] * 6
    shown = show(content, draws=False)
    shown.section("summary").get_by_role("button", name="wider", exact=True).click()
    expect_count(shown, "6 of 36 runs")


def test_a_number_is_filtered_by_a_range_open_at_one_end(show):
    shown = show(small_content(), draws=False)
    open_filter(shown, "lr").get_by_label("from").fill("0.01")
    expect_count(shown, "24 of 36 runs")
    assert shown.page.locator("#chips").inner_text().startswith("lr ≥ 0.01")


def test_an_open_range_survives_a_reload(show):
    shown = show(small_content(), draws=False)
    open_filter(shown, "lr").get_by_label("from").fill("0.01")
    expect_count(shown, "24 of 36 runs")
    shown.reload()
    assert visible_count(shown) == "24 of 36 runs"


def test_words_are_filtered_by_ticks(show):
    shown = show(small_content(), draws=False)
    open_filter(shown, "act").get_by_label("tanh").check()
    expect_count(shown, "18 of 36 runs")
    shown.page.locator(".menu").get_by_text("Show all").click()
    expect_count(shown, "36 runs")


def test_runs_without_a_value_can_be_asked_for(show):
    content = content_of({"layers": [1, 2, None, None]}, {"acc": [0.1, 0.2, 0.3, 0.4]})
    shown = show(content, draws=False)
    open_filter(shown, "layers").get_by_label("none").check()
    expect_count(shown, "2 of 4 runs")


def test_many_words_are_filtered_by_a_text_they_contain(show):
    content = content_of({"path": [f"sets/{place}.csv" for place in range(100)]}, {"acc": [0.5] * 100})
    shown = show(content, draws=False)
    open_filter(shown, "path").get_by_label("contains").fill("/7")
    expect_count(shown, "11 of 100 runs")


def test_a_menu_closes_with_escape_and_gives_the_focus_back(show):
    shown = show(small_content(), draws=False)
    open_filter(shown, "act")
    shown.page.keyboard.press("Escape")
    assert shown.page.locator(".menu").count() == 0
    assert shown.run("() => document.activeElement.getAttribute('aria-label')") == "Filter act"


def test_an_option_and_a_result_of_the_same_name_are_filtered_apart(show):
    content = content_of({"size": [1, 2, 3]}, {"acc": [0.1, 0.2, 0.3], "size": [10, 20, 30]})
    filters = {"a": {"column": "size", "role": "result", "low": 15, "high": None}}
    assert visible_count(show(content, address_of(filters=filters), draws=False)) == "2 of 3 runs"


def test_the_address_names_runs_by_number_since_positions_change(show):
    content = content_of({"lr": [1, 2, 3]}, {"acc": [0.1, 0.2, 0.3]})
    content["runs"]["number"] = [5, 6, 7]
    shown = show(content, address_of(filters={"chosen": {"runs": ["0:7"]}}), draws=False)
    assert visible_count(shown) == "1 of 3 runs"
    assert shown.section("summary").locator(".shown-best").inner_text() == "best of the 1 run shown: 0.3 with lr=3"


@pytest.mark.parametrize(
    "address", ["#%7B", "#nonsense", "#%7B%22filters%22%3A%5B3%2C%5B%22a%22%5D%5D%7D", "#%E0%A4%A"]
)
def test_an_address_that_was_cut_shows_all(show, address):
    assert visible_count(show(small_content(), address, draws=False)) == "36 runs"


def test_another_result_turns_the_direction_by_its_name(show):
    shown = show(small_content(), draws=False)
    shown.page.select_option("#chosen-key", "loss")
    shown.page.locator("#direction", has_text="smaller is better").wait_for()
    assert shown.section("summary").locator(".best-result").inner_text() == "best loss 0.2199 ± 0.0040 (3)"


def test_the_direction_can_be_turned(show):
    shown = show(small_content(), draws=False)
    shown.page.click("#direction")
    shown.page.locator("#direction", has_text="smaller is better").wait_for()
    assert "lr=0.1" in shown.section("summary").locator(".best").inner_text()
