"""A report of a running search reloads itself; the reader stays at the same place."""

from __future__ import annotations

from .contents import FINISHED, OUT_OF_MEMORY, content_of, large_content, small_content
from .shown import address_of, write_report

HOUR_S = 3600
#: Stops the page's clock this many hours later: it is due to load itself anew, unless the reader is busy.
STOP_CLOCK = f"Date.now = ((now) => () => now + hours * {HOUR_S} * 1000)(Date.now());"


def pass_hours(shown, hours: int, then: str = "") -> None:
    """Stop the page's clock this many hours later, and run a script before the page can notice."""
    shown.run(f"(hours) => {{ {STOP_CLOCK} {then} }}", hours)


def test_the_place_on_page_and_in_table_survives(show):
    shown = show(large_content(300), height=500, draws=False)
    shown.section("table").locator("tr[data-row]").first.wait_for()
    shown.run("() => document.querySelector('#table .grid').scrollTo(150, 2000)")
    shown.run("() => document.getElementById('table').scrollIntoView()")
    shown.settle()
    before = shown.run("() => scrollY")
    shown.reload()
    shown.page.wait_for_function("() => document.querySelector('#table .grid')?.scrollTop === 2000")
    assert shown.run("() => [document.querySelector('#table .grid').scrollLeft, scrollY]") == [150, before]


def test_chosen_runs_and_open_configurations_survive(show):
    shown = show(small_content(), draws=False)
    table = shown.section("table")
    table.locator("tr[data-row='1'] input").check()
    table.locator("tr[data-row='0'] td").first.click()
    shown.reload()
    assert shown.section("table").locator(".chosen-runs span").inner_text() == "3 runs chosen"
    assert table.locator("tr[data-row='0']").get_attribute("aria-expanded") == "true"


def test_the_search_box_keeps_focus_and_cursor(show):
    shown = show(small_content(), address_of(filters={"search": {"text": "tanh"}}), draws=False)
    shown.run("() => { const box = document.getElementById('search'); box.focus(); box.setSelectionRange(1, 3); }")
    shown.reload()
    script = "() => { const box = document.activeElement; return [box.id, box.selectionStart, box.selectionEnd]; }"
    assert shown.run(script) == ["search", 1, 3]


def test_it_loads_itself_anew(show):
    shown = show(small_content(watch_s=HOUR_S), draws=False)
    with shown.page.expect_event("load"):
        pass_hours(shown, 2)


def test_it_shows_what_is_new_through_the_same_filters(show, tmp_path):
    shown = show(report := write_report(tmp_path, small_content(watch_s=HOUR_S), draws=False))
    shown.page.locator("#search").fill("memory")
    shown.settle()
    write_report(report, content_of({"lr": [1, 2]}, {"acc": [0.5, 0.6]}, [OUT_OF_MEMORY, FINISHED]), draws=False)
    with shown.page.expect_event("load"):
        pass_hours(shown, 2)
    shown.settle()
    assert shown.page.locator("#shown-count").inner_text() == "1 of 2 runs"
    assert shown.page.locator("#search").input_value() == "memory"


def test_it_waits_while_a_text_is_selected(show):
    shown = show(small_content(watch_s=HOUR_S), draws=False)
    pass_hours(shown, 2, "getSelection().selectAllChildren(document.getElementById('title'));")
    shown.page.locator("#newer").wait_for()
    with shown.page.expect_event("load"):
        shown.run("() => getSelection().removeAllRanges()")


def test_it_waits_while_somebody_types(show):
    shown = show(small_content(watch_s=HOUR_S), draws=False)
    typed = "const box = document.getElementById('search'); box.focus(); box.value = 'tanh'; "
    pass_hours(shown, 2, typed + "box.dispatchEvent(new Event('input', { bubbles: true }));")
    shown.page.locator("#newer").wait_for()
    with shown.page.expect_event("load"):
        pass_hours(shown, 1)
    shown.settle()
    assert shown.page.input_value("#search") == "tanh"
    assert shown.page.locator("#shown-count").inner_text() == "18 of 36 runs"


def test_it_waits_while_a_menu_is_open_unless_asked(show):
    shown = show(small_content(watch_s=HOUR_S), draws=False)
    shown.section("table").get_by_text("Columns").click()
    pass_hours(shown, 2)
    shown.page.locator("#newer").wait_for()
    with shown.page.expect_event("load"):
        shown.page.locator("#newer").click()
