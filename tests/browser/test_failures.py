"""Failures: runs that did not finish, grouped by cause."""

from __future__ import annotations

import pytest

from .contents import CANCELLED, FAILED, FINISHED, OUT_OF_MEMORY, RUNNING, STOPPED, content_of, small_content

CAUSE = "CUDA <b>out</b> of memory &amp; more"


def failing_content() -> dict[str, object]:
    """Return a search of 60 runs: the 30 with units=512 lack memory, run 1 failed, run 3 was cancelled."""
    states = [OUT_OF_MEMORY if run % 2 else FINISHED for run in range(60)]
    states[0], states[2] = FAILED, CANCELLED
    options = {"lr": [run / 10 for run in range(60)], "units": [512 if run % 2 else 64 for run in range(60)]}
    content = content_of(options, {"acc": [0.5] * 60}, states, seeds=())
    short = list(range(1, 60, 2))
    content["failures"] = [
        {"cause": CAUSE, "runs": short, "log": 1},
        {"cause": "ValueError: nan", "runs": [0], "log": 0},
    ]
    content["logs"] = {"1": "first line\n" * 200 + "RuntimeError: no memory\n" + "x" * 5000, "0": "ValueError: nan\n"}
    return content


def test_groups_tell_how_many_runs_and_what_they_have_in_common(show):
    section = show(failing_content(), draws=False).section("failures")
    assert section.locator(".sentence").inner_text() == "32 of the 60 runs that ended did not finish (53%)."
    groups = section.locator(".failure").all()
    assert [group.locator("h3").inner_text() for group in groups] == [CAUSE, "ValueError: nan", "cancelled"]
    assert [group.locator(".hint").first.inner_text() for group in groups] == [
        "30 runs · 50% of those that ended · out of memory",
        "1 run · 2% of those that ended · failed",
        "1 run · 2% of those that ended",
    ]
    # Half of all runs were in the same place, too.
    assert "All with units=512 (30 of the 30 runs with it), place=GPU 1 (30" in groups[0].inner_text()
    assert "With lr=0 units=64" in groups[1].inner_text()


def test_a_value_that_all_runs_share_is_not_told(show):
    content = content_of({"lr": [1, 2, 3], "units": [64] * 3}, {"acc": [0.5] * 3}, [FAILED] * 3, seeds=())
    content["runs"]["place"] = [0] * 3
    assert "All with" not in show(content, draws=False).section("failures").inner_text()


def test_a_single_run_is_told_as_one(show):
    section = show(content_of({"lr": [1, 2]}, {}, [FAILED, RUNNING]), draws=False).section("failures")
    assert section.locator(".sentence").inner_text() == "The one run that ended did not finish."


def test_a_run_of_a_group_opens(show):
    shown = show(failing_content(), draws=False)
    shown.section("failures").get_by_role("button", name="run 4", exact=True).click()
    assert "run 4" in shown.page.locator("#panel").inner_text()


@pytest.mark.parametrize("name", ["Show only these", "and 10 more"])
def test_a_group_filters_the_page(show, name):
    shown = show(failing_content(), draws=False)
    shown.section("failures").get_by_role("button", name=name).first.click()
    shown.settle()
    assert shown.page.locator("#shown-count").inner_text() == "30 of 60 runs"
    assert shown.page.locator(".chip").first.inner_text().startswith(CAUSE)
    assert shown.section("failures").locator("h3").all_inner_texts() == [CAUSE]
    shown.reload()
    assert shown.page.locator("#shown-count").inner_text() == "30 of 60 runs"


def test_the_first_log_is_open_at_its_end_and_long_lines_stay_in_their_box(show):
    shown = show(failing_content(), draws=False, width=390)
    logs = shown.section("failures").locator("details")
    assert [log.get_attribute("open") is not None for log in logs.all()] == [True, False]
    log = logs.first.locator("pre")
    assert log.inner_text().endswith("RuntimeError: no memory\n" + "x" * 5000)
    assert log.evaluate("(pre) => pre.scrollHeight - pre.clientHeight - pre.scrollTop < 2 && pre.scrollTop > 0")
    assert log.evaluate("(pre) => pre.scrollWidth > pre.clientWidth")
    assert shown.run("document.documentElement.scrollWidth") == 390


def test_a_log_stays_as_the_reader_left_it_when_filters_change(show):
    shown = show(failing_content(), draws=False)
    shown.section("failures").locator("summary").first.click()
    shown.page.locator("#search").fill("units=512")
    shown.settle()
    assert shown.section("failures").locator("details").get_attribute("open") is None


def test_a_log_is_copied(show):
    content = failing_content()
    shown = show(content, draws=False)
    shown.run(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (text) => (window.said = text) } })"
    )
    shown.section("failures").locator(".log .copy").first.click()
    shown.page.wait_for_function("window.said")
    assert shown.run("window.said") == content["logs"]["1"]


def test_failures_follow_the_filters(show):
    shown = show(failing_content(), draws=False)
    shown.page.locator("#search").fill("units=64")
    shown.settle()
    assert shown.section("failures").locator("h3").all_inner_texts() == ["ValueError: nan", "cancelled"]


@pytest.mark.parametrize(
    "content, search, sentence",
    [
        (content_of({"lr": [1]}, {"acc": [0.5]}), "", "Every run that ended finished."),
        (
            content_of({"lr": [1, 2]}, {"acc": [0.5, 0.1]}, [FINISHED, STOPPED]),
            "",
            "Every run that ended finished, or was stopped early.",
        ),
        (content_of({"lr": []}, {}), "", "No run has ended yet."),
        (small_content(), "planned", "No run has ended yet."),
        (small_content(), "nothing is like this", "No run passes the filters."),
    ],
)
def test_where_nothing_failed_that_is_said(show, content, search, sentence):
    shown = show(content, draws=False)
    shown.page.locator("#search").fill(search)
    shown.settle()
    assert shown.section("failures").locator(".nothing").inner_text() == sentence
