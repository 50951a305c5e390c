"""Importance of options: bars of the shares that were computed over all finished runs."""

from __future__ import annotations

from .contents import content_of, small_content
from .shown import address_of

EXACT = {
    **{"key": "acc_val", "runs": 160, "method": "exact", "complete": True, "shares": [["lr", 0.71], ["act", 0.1]]},
    **{"together": 0.15, "chance": 0.04, "ranked": False, "text": "lr explains 71 % of the variance."},
}
ESTIMATE = {
    **{"key": "acc_val", "runs": 31, "method": "ped-anova", "complete": False},
    **{"shares": [["lr", 0.62], ["act", 0.27], ["units", 0.11]], "together": 0.0, "chance": None, "ranked": False},
    "text": "An estimate.",
}


def bars(shown) -> list[tuple[str, float]]:
    """Return the bars, from above: label and length."""
    figure = shown.section("importance").locator(".plot")
    found = figure.evaluate("({ data: [bar], layout }) => bar.x.map((x, k) => [layout.yaxis.ticktext[k].trim(), x])")
    return [(label, length) for label, length in found]


def test_exact_shares_leave_no_rest_untold(show):
    shown = show(small_content(importance=EXACT), draws=False)
    assert bars(shown) == [("lr", 0.71), ("act", 0.1), ("options together", 0.15), ("chance between seeds", 0.04)]
    assert "lr explains 71\u00a0% of the variance." in shown.section("importance").inner_text()


def test_an_estimate_has_bars_of_options_only(show):
    assert bars(show(small_content(importance=ESTIMATE), draws=False)) == [("lr", 0.62), ("act", 0.27), ("units", 0.11)]


def test_of_many_options_the_least_important_share_a_bar(show):
    shares = [[f"o{place}", 0.05] for place in range(20)]
    found = bars(show(small_content(importance={**ESTIMATE, "shares": shares}), draws=False))
    assert found[13:] == [("o13", 0.05), ("6 other options", 0.3)]


def test_names_are_no_markup(show):
    content = small_content(importance={**EXACT, "shares": [["<b>lr</b>", 1.0]]})
    assert bars(show(content, draws=False))[0] == ("&lt;b&gt;lr&lt;/b&gt;", 1.0)


def test_a_narrow_screen_has_room_for_the_axis_title(show):
    content = small_content(importance=EXACT)
    shown = show(content, width=390)
    title = shown.plot("importance").locator(".xtitle").bounding_box()
    assert title["x"] >= 0 and title["x"] + title["width"] <= 390


def test_filters_do_not_change_it_and_it_says_so(show):
    content = small_content(importance=ESTIMATE)
    shown = show(content, address_of(filters={"one": {"runs": [0]}}), draws=False)
    assert len(bars(shown)) == 3
    assert "Over all finished runs: filters do not change it." in shown.section("importance").inner_text()


def test_where_another_result_is_shown_it_says_what_it_is_about(show):
    text = show(small_content(), address_of("loss"), draws=False).section("importance").inner_text()
    assert "This is about acc_val, by which the search ranks its runs, not about loss." in text


def test_where_nothing_is_known_it_says_why(show):
    content = small_content(importance={**EXACT, "shares": [], "text": "Nothing can be said."})
    assert show(content, draws=False).section("importance").inner_text().endswith("\nNothing can be said.")


def test_without_a_performance_it_says_so(show):
    text = show(content_of({"lr": [1, 2]}, {}), draws=False).section("importance").inner_text()
    assert text.endswith("No run has the search's performance yet.")


def test_a_click_on_a_bar_shows_the_option_in_the_map_of_two(show):
    shown = show(small_content(importance=ESTIMATE))
    shown.plot("importance")
    shown.click_mark(shown.page.locator("#importance .point").nth(1), "act: 27 %")
    shown.page.wait_for_function('decodeURIComponent(location.hash).includes(\'"heatmap":["act","lr"]\')')
