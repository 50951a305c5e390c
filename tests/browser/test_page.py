"""The page as a whole: it opens without errors whatever it shows, and nothing of it is loaded or sent anywhere."""

from __future__ import annotations

import pytest

from .contents import small_content, strange_contents
from .shown import address_of, write_report

#: What a page shows where a script took something missing for a text.
SLIPS = ("undefined", "[object ", "NaN", "null")


def test_an_address_brings_its_filters_along(show):
    shown = show(small_content(), address_of(filters={"one": {"state": ["out of memory"]}}), draws=False)
    assert shown.page.locator("#shown-count").inner_text() == "1 of 36 runs"


def test_all_views_are_drawn_without_a_complaint_in_the_dark(show):
    text = show(small_content(), dark=True).whole_text()
    assert [slip for slip in SLIPS if slip in text] == []


@pytest.mark.parametrize("what", strange_contents())
def test_strange_searches_are_drawn_without_a_complaint(show, what):
    text = show(strange_contents()[what]).whole_text()
    assert [slip for slip in SLIPS if slip in text] == []


def test_all_views_are_drawn_without_a_complaint_also_where_no_run_is_left(show):
    shown = show(small_content())
    whole = shown.whole_text()
    shown.page.locator("#search").fill("nothing is like this")
    shown.settle()
    empty = shown.whole_text()
    assert shown.page.locator("#shown-count").inner_text() == "0 of 36 runs"
    assert [slip for slip in SLIPS if slip in whole + empty] == []


def test_paper_is_light_and_shows_what_buttons_say(show):
    shown = show(small_content(), address_of(filters={"seed 1": {"column": "random_seed", "values": ["1"]}}), dark=True)
    shown.page.emulate_media(media="print")
    shown.run("dispatchEvent(new Event('beforeprint'))")
    text = shown.page.locator("body").inner_text()
    missing = [
        each for each in ("acc_val", "seed 1", "12 of 36 runs", "lr=0.01", "units=64", "finished") if each not in text
    ]
    assert (missing, shown.run("document.documentElement.dataset.theme")) == ([], "light")
    shown.run("dispatchEvent(new Event('afterprint'))")
    assert shown.run("document.documentElement.dataset.theme") is None


def test_a_page_that_reloads_itself_keeps_its_filters(show, tmp_path):
    shown = show(report := write_report(tmp_path, small_content(watch_s=3), draws=False))
    shown.page.locator("#search").fill("memory")
    shown.settle()
    write_report(report, small_content(watch_s=None), draws=False)
    shown.page.wait_for_function("JSON.parse(document.getElementById('content').textContent).watch_s === null")
    shown.settle()
    assert shown.page.locator("#shown-count").inner_text() == "1 of 36 runs"
    assert shown.page.locator("#search").input_value() == "memory"


@pytest.mark.parametrize(
    "body, complaint",
    [
        ("<img src='http://192.0.2.1/picture.png'>", "request: http://192.0.2.1/picture.png"),
        ("<script>throw new Error('wrong')</script>", "error: wrong"),
        ("<script>console.error('wrong')</script>", "console: wrong"),
        ("<script>alert('hello')</script>", "dialog: hello"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(show, tmp_path, body, complaint):
    file = tmp_path / "page.html"
    file.write_text(f"<!doctype html><html data-ready=yes>{body}", encoding="utf-8")
    shown = show(file)
    assert complaint in shown.complaints
    shown.expected = [""]
