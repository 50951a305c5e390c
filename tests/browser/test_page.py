"""The page as a whole: it opens without errors whatever it shows, and it loads and sends nothing."""

from __future__ import annotations

import pytest

from hpsearch.report.page import page_html

from .contents import small_content, strange_contents
from .shown import address_of, write_report

#: The texts on a page where a script printed a missing value.
SLIPS = ("undefined", "[object ", "NaN", "null")
#: How many of the views of `small_content` plotly draws if only one seed is shown.
PLOTS = 5
#: Searches for words; returns the counts that the page shows at once, and which views it still has to draw.
LOOK_FOR = """async (words) => {
  const box = document.getElementById("search"), shown = document.getElementById("shown-count");
  const changed = new Promise((done) => new MutationObserver(done).observe(shown, { childList: true }));
  box.value = words;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await changed;
  const rows = document.querySelectorAll("#table tr[data-row]").length;
  return [shown.textContent, rows, [...document.querySelectorAll("[aria-busy=true]")].map((each) => each.id)];
}"""
#: Strange searches without anything for plotly to draw.
WITHOUT_PLOTS = ["no run", "no column", "nothing finished"]


def test_an_address_brings_its_filters_along(show):
    shown = show(small_content(), address_of(filters={"one": {"state": ["out of memory"]}}), draws=False)
    assert shown.page.locator("#shown-count").inner_text() == "1 of 36 runs"


@pytest.mark.parametrize("what", sorted(strange_contents().keys() - WITHOUT_PLOTS))
def test_strange_searches_are_drawn_without_a_complaint(show, what):
    text = show(strange_contents()[what]).whole_text()
    assert [slip for slip in SLIPS if slip in text] == []


def test_counts_and_table_answer_a_filter_before_other_views_are_drawn(show):
    shown = show(small_content(), address_of(rows="runs"), height=4000, draws=False)
    count, rows, due = shown.run(LOOK_FOR, "memory")
    assert (count, rows) == ("1 of 36 runs", 1)
    assert due[:2] == ["parallel", "options"]
    shown.settle()
    assert shown.run("Math.max(...document.querySelector('#options .plot').data.map(({ x }) => x.length))") == 0


def test_a_page_answers_filters_even_if_plotly_does_not_run(show, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page_html(small_content(), "const missing = none.there;"), encoding="utf-8")
    shown = show(file)
    shown.expected = ["error: none is not defined"]
    assert shown.run(LOOK_FOR, "tanh")[0] == "18 of 36 runs"


@pytest.mark.parametrize("url", ["", "URL.createObjectURL = () => 'blob:null/nothing';"])
def test_plotly_comes_from_beside_the_page_or_from_the_page(browser, tmp_path, url):
    page = browser.new_context(offline=True).new_page()
    page.add_init_script(url)
    page.goto(write_report(tmp_path, small_content()).as_uri())
    page.locator("#options").scroll_into_view_if_needed()
    page.locator("#options .js-plotly-plot .main-svg").first.wait_for()
    in_page = page.evaluate("[...document.scripts].filter((each) => each.textContent.length > 1e6).length")
    assert in_page == (1 if url else 0)
    page.context.close()


@pytest.mark.parametrize("what", WITHOUT_PLOTS)
def test_searches_without_a_result_are_shown_without_a_complaint_or_a_plot(show, what):
    shown = show(strange_contents()[what], draws=False)
    text = shown.whole_text()
    assert [slip for slip in SLIPS if slip in text] == []
    assert shown.run("[...document.querySelectorAll('.plot')].filter((plot) => plot.data).length") == 0


def test_all_views_are_drawn_without_a_complaint_in_the_dark_and_where_no_run_is_left(show):
    shown = show(small_content(), dark=True)
    whole = shown.whole_text()
    shown.page.locator("#search").fill("nothing is like this")
    shown.settle()
    empty = shown.whole_text()
    assert shown.page.locator("#shown-count").inner_text() == "0 of 36 runs"
    assert [slip for slip in SLIPS if slip in whole + empty] == []


def test_paper_is_light_and_shows_what_buttons_say(show):
    shown = show(small_content(), address_of(filters={"seed 1": {"column": "random_seed", "values": ["1"]}}), dark=True)
    shown.print()
    text = shown.page.locator("body").inner_text()
    missing = [
        each for each in ("acc_val", "seed 1", "12 of 36 runs", "lr=0.01", "units=64", "finished") if each not in text
    ]
    assert (missing, shown.run("document.documentElement.dataset.theme")) == ([], "light")
    assert shown.run("document.querySelectorAll('.js-plotly-plot').length") == PLOTS
    shown.run("dispatchEvent(new Event('afterprint'))")
    assert shown.run("document.documentElement.dataset.theme") is None


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
