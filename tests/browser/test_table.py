"""The report's table: rows in sight, order, columns, configurations, chosen runs, keys."""

from __future__ import annotations

import pytest

from .contents import FAILED, FINISHED, content_of, large_content, small_content
from .shown import address_of

RUNS = {"rows": "runs"}


def open_table(shown):
    """Scroll to the table and return its locator, with rows."""
    table = shown.section("table")
    table.locator("tr[data-row]").first.wait_for()
    return table


def column_texts(shown, name: str) -> list[str]:
    """Return what the rows in the document show in a column."""
    script = """(name) => {
      const titles = [...document.querySelectorAll('#table thead .name')].map((title) => title.textContent);
      const rows = [...document.querySelectorAll('#table tr[data-row]')];
      return rows.map((row) => row.children[titles.indexOf(name)].textContent);
    }"""
    return shown.run(script, name)


def titles(shown) -> list[str]:
    return shown.page.locator("#table thead .name").all_inner_texts()


def test_only_rows_in_sight_are_in_the_document(show):
    shown = show(large_content(5000), draws=False)
    table = open_table(shown)
    assert table.locator("tr[data-row]").count() < 100
    shown.run("() => (document.querySelector('#table .grid').scrollTop = 1e9)")
    last = table.locator("tr[data-row='4999']")
    last.wait_for()
    assert table.locator("tr[data-row]").count() < 100
    assert last.get_attribute("aria-rowindex") == "5001"


def test_scrolling_by_little_shows_every_row_once_and_in_order(show):
    shown = show(large_content(500), draws=False)
    open_table(shown)
    script = """async () => {
      const grid = document.querySelector('#table .grid');
      const picture = () => new Promise((done) => requestAnimationFrame(done));
      for (const top of [300, 900, 700, 0, 4000, 3500]) {
        grid.scrollTop = top;
        for (let k = 0; k < 3; k++) await picture();
      }
      return [...document.querySelectorAll('#table tr[data-row]')].map((row) => Number(row.dataset.row));
    }"""
    rows = shown.run(script)
    assert rows == list(range(rows[0], rows[-1] + 1))
    assert rows[0] <= 3500 // 28 <= rows[-1]


def test_the_best_run_is_first_and_marked(show):
    content = content_of({"lr": [1, 2, 3]}, {"acc": [0.5, 0.7, 0.6]})
    shown = show(content, draws=False)
    table = open_table(shown)
    assert column_texts(shown, "acc") == ["0.7", "0.6", "0.5"]
    assert table.locator("tr.best").all_inner_texts()[0].split() == ["2★", "0.7", "2", "95", "s"]


@pytest.mark.parametrize(
    "direction, order", [(1, ["9", "10", "200", "inf", "nan", ""]), (-1, ["inf", "200", "10", "9", "nan", ""])]
)
def test_numbers_are_sorted_by_size_and_what_is_none_comes_last(show, direction, order):
    content = content_of(
        {"lr": [1, 2, 3, 4, 5, 6]}, {"acc": [1, 1, 1, 1, 1, 1], "loss": [10, "nan", None, 9, "inf", 200]}
    )
    shown = show(content, address_of(sort=["result loss", direction]), draws=False)
    open_table(shown)
    assert column_texts(shown, "loss") == order


def test_words_are_sorted_in_the_grids_order(show):
    content = content_of({"size": ["small", "large", "huge", "small"]}, {"acc": [1, 2, 3, 4]})
    shown = show(content, address_of(sort=["option size", 1]), draws=False)
    open_table(shown)
    assert column_texts(shown, "size") == ["small", "small", "large", "huge"]


def test_a_click_on_a_header_sorts_and_another_turns_round(show):
    shown = show(small_content(), address_of(**RUNS), draws=False)
    header = open_table(shown).locator("thead th", has_text="lr")
    header.locator(".sort").click()
    assert (header.get_attribute("aria-sort"), column_texts(shown, "lr")[0]) == ("ascending", "0.001")
    header.locator(".sort").click()
    assert (header.get_attribute("aria-sort"), column_texts(shown, "lr")[0]) == ("descending", "0.1")


def test_a_row_for_each_configuration_tells_mean_and_spread(show):
    shown = show(small_content(), draws=False)
    open_table(shown)
    assert column_texts(shown, "acc_val")[:2] == ["0.9801 ± 0.0040 (3)", "0.9600 ± 0.0040 (3)"]
    assert len(column_texts(shown, "acc_val")) == 12


def test_a_configuration_opens_to_its_runs(show):
    shown = show(small_content(), draws=False)
    open_table(shown).locator("tr[data-row='0'] td").first.click()
    assert column_texts(shown, "acc_val")[:4] == ["0.9801 ± 0.0040 (3)", "0.9841", "0.9801", "0.9761"]
    assert column_texts(shown, "random_seed")[:4] == ["1, 2, 3", "3", "2", "1"]


def test_a_configuration_without_any_result_is_listed_last(show):
    shown = show(small_content(), draws=False)
    open_table(shown)
    assert column_texts(shown, "state")[-1] == "1 running, 1 cancelled, 1 planned"


def test_configurations_of_two_searches_stay_apart(show):
    content = content_of({"lr": [1, 1, 1, 1], "random_seed": [1, 2, 1, 2]}, {"acc": [0.1, 0.2, 0.3, 0.4]})
    content["searches"].append({**content["searches"][0], "name": "later"})
    content["runs"]["search"] = [0, 0, 1, 1]
    shown = show(content, draws=False)
    open_table(shown)
    assert column_texts(shown, "acc") == ["0.350 ± 0.071 (2)", "0.150 ± 0.071 (2)"]


def test_the_switch_shows_runs_and_the_address_keeps_it(show):
    shown = show(small_content(), draws=False)
    open_table(shown).get_by_role("button", name="Runs", exact=True).click()
    assert column_texts(shown, "acc_val")[0] == "0.9841"
    shown.reload()
    open_table(shown)
    assert column_texts(shown, "acc_val")[0] == "0.9841"


def test_options_that_never_vary_are_named_above_instead_of_shown(show):
    shown = show(small_content(), draws=False)
    assert open_table(shown).locator(".constants").inner_text().split() == "the same in all runs: epochs=10".split()
    assert "epochs" not in titles(shown)


def test_the_menu_of_columns_shows_and_hides_them_and_the_address_keeps_it(show):
    shown = show(small_content(), draws=False)
    open_table(shown).get_by_text("Columns").click()
    shown.page.locator(".menu").get_by_label("epochs").check()
    shown.page.locator(".menu").get_by_label("units").uncheck()
    shown.reload()
    open_table(shown)
    assert "epochs" in titles(shown)
    assert "units" not in titles(shown)


def test_chosen_runs_can_be_shown_alone_or_hidden(show):
    shown = show(small_content(), address_of(**RUNS), draws=False)
    table = open_table(shown)
    table.locator("tr[data-row='0'] td").first.click(modifiers=["Control"])
    table.locator("tr[data-row='2'] input").check()
    table.get_by_text("Hide these").click()
    shown.page.locator("#shown-count", has_text="34 of 36 runs").wait_for()
    assert column_texts(shown, "acc_val")[0] == "0.9801"
    table.locator("tr[data-row='1'] input").check()
    table.get_by_text("Show only these").click()
    shown.page.locator("#shown-count", has_text="1 of 36 runs").wait_for()


def test_shift_chooses_all_rows_since_the_last(show):
    shown = show(small_content(), address_of(**RUNS), draws=False)
    table = open_table(shown)
    table.locator("tr[data-row='1'] input").click()
    table.locator("tr[data-row='4'] input").click(modifiers=["Shift"])
    assert table.locator(".chosen-runs span").inner_text() == "4 runs chosen"


def test_arrows_and_enter_open_a_run(show):
    shown = show(small_content(), address_of(**RUNS), draws=False)
    open_table(shown).get_by_role("grid").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        shown.page.keyboard.press(key)
    assert shown.page.locator("#panel h2").inner_text() == "run 20"


def test_the_end_key_scrolls_to_the_last_row(show):
    shown = show(large_content(2000), draws=False)
    open_table(shown).get_by_role("grid").focus()
    shown.page.keyboard.press("End")
    shown.page.locator("tr[data-row='1999'].active").wait_for()


def test_the_csv_has_all_rows_and_digits(show):
    content = content_of({"lr": [0.1, 0.2], "text": ['a "b"', "c,d"]}, {"acc": [0.123456789, 0.5]}, [FINISHED, FAILED])
    shown = show(content, draws=False)
    shown.run("() => (navigator.clipboard.writeText = async (text) => void (window.copiedText = text))")
    open_table(shown).get_by_text("Copy as CSV").click()
    shown.page.wait_for_function("window.copiedText")
    lines = ["run,acc,lr,text,state,duration", '1,0.123456789,0.1,"a ""b""",finished,95', '2,0.5,0.2,"c,d",failed,95']
    assert shown.run("() => window.copiedText").split("\r\n") == [*lines, ""]


def test_the_csv_of_configurations_has_mean_deviation_and_number(show):
    content = content_of({"lr": [1, 1], "random_seed": [1, 2]}, {"acc": [0.25, 0.75]})
    shown = show(content, address_of(columns=["option lr", "result acc"]), draws=False)
    shown.run("() => (navigator.clipboard.writeText = async (text) => void (window.copiedText = text))")
    open_table(shown).get_by_text("Copy as CSV").click()
    shown.page.wait_for_function("window.copiedText")
    assert shown.run("() => window.copiedText") == "acc mean,acc std,acc n,lr\r\n0.5,0.3535533905932738,2,1\r\n"


def test_a_table_without_visible_runs_keeps_its_header(show):
    shown = show(small_content(), address_of(filters={"search": {"text": "nowhere"}}), draws=False)
    table = shown.section("table")
    table.get_by_text("No run passes all filters.").wait_for()
    assert "lr" in titles(shown)
    table.get_by_text("Show all", exact=True).click()
    table.locator("tr[data-row]").first.wait_for()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_never_wider_than_the_window(show, width):
    content = content_of({f"a_long_name_of_option_{k}": ["x" * 200, "y" * 200] for k in range(12)}, {"acc": [0.5, 0.6]})
    shown = show(content, width=width, draws=False)
    open_table(shown)
    assert shown.run("() => document.documentElement.scrollWidth") == width


def test_the_first_column_stays_in_sight(show):
    shown = show(large_content(50), width=390, draws=False)
    table = open_table(shown)
    before = table.locator("tr[data-row='0'] th").bounding_box()["x"]
    shown.run("() => (document.querySelector('#table .grid').scrollLeft = 500)")
    assert table.locator("tr[data-row='0'] th").bounding_box()["x"] == before
