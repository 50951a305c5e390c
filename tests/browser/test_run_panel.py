"""The panel of a run: its content, steps to other runs, keys and focus."""

from __future__ import annotations

from .contents import small_content
from .shown import address_of


def open_run(show, number: int, content=None, **kept):
    """Open a report with the panel of a run; return the report and the panel's locator."""
    shown = show(content or small_content(), address_of(run=f"0:{number}", **kept), draws=False)
    panel = shown.page.locator("#panel")
    panel.locator("h2", has_text=f"run {number}").wait_for()
    return shown, panel


def part(panel, title: str) -> str:
    """Return the text of a part of the panel without its title."""
    return (
        panel.locator(".part", has=panel.page.get_by_role("heading", name=title, exact=True))
        .inner_text()
        .partition("\n")[2]
        .strip()
    )


def test_it_tells_configuration_results_and_command(show):
    _, panel = open_run(show, 21)
    assert part(panel, "Configuration").split() == "lr 0.01 units 64 act relu random_seed 3 epochs 10".split()
    assert part(panel, "Results").split()[:4] == ["acc_val", "0.9841", "loss", "0.2159"]
    command = "python train.py --lr=0.01 --units=64 --act=relu --random_seed=3 --epochs=10 --out_dir=out/21_0014"
    assert part(panel, "Command").split("\n")[0] == command
    assert panel.locator(".best-result").inner_text() == "acc_val 0.9841, place 1 of 31"


def test_it_tells_why_a_run_failed_and_the_end_of_its_log(show):
    _, panel = open_run(show, 17)
    assert part(panel, "Why it failed") == "RuntimeError: CUDA out of memory"
    assert "Tried to allocate 2.00 GiB" in part(panel, "End of its log")


def test_it_names_the_command_that_shows_a_log_that_is_not_in_the_page(show):
    _, panel = open_run(show, 21)
    assert "hpsearch logs /home/ada/digits/out 21" in part(panel, "Log")


def test_it_lists_every_attempt(show):
    content = small_content()
    attempts = content["attempts"]
    for name, value in {
        "run": 29,
        "attempt": 2,
        "slot": 1,
        "submitted": 1.0,
        "started": 1.0,
        "ended": 61.0,
        "state": 1,
    }.items():
        attempts[name].append(value)
    _, panel = open_run(show, 30, content)
    rows = panel.locator(".attempts tbody tr").all_inner_texts()
    assert [row.split("\t")[:2] + row.split("\t")[3:] for row in rows] == [
        ["1", "GPU 1", "95 s", "failed"],
        ["2", "GPU 1", "60 s", "failed"],
    ]


def test_it_links_the_configurations_other_seeds(show):
    _, panel = open_run(show, 21)
    assert part(panel, "Same configuration").split("\n")[0] == "acc_val 0.9801 ± 0.0040 (3)"
    panel.get_by_role("button", name="run 19").click()
    assert panel.locator("h2").inner_text() == "run 19"


def test_it_copies_the_folder(show):
    shown, panel = open_run(show, 21)
    shown.run("() => (navigator.clipboard.writeText = async (text) => void (window.copiedText = text))")
    panel.locator(".part", has=panel.page.get_by_role("heading", name="Folder")).get_by_text("Copy").click()
    shown.page.wait_for_function("window.copiedText")
    assert shown.run("() => window.copiedText") == "/home/ada/digits/out/21_0014"


def test_steps_follow_the_tables_order(show):
    shown, panel = open_run(show, 1, rows="runs", sort=["run run", 1])
    panel.locator("[aria-label^=Next]").click()
    assert panel.locator("h2").inner_text() == "run 2"
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        shown.page.keyboard.press(key)
    assert panel.locator("h2").inner_text() == "run 3"


def test_the_focus_goes_in_and_escape_takes_it_back(show):
    shown = show(small_content(), draws=False)
    shown.section("summary").get_by_role("button", name="run 21").click()
    assert shown.run("() => document.activeElement.getAttribute('aria-label')") == "Close"
    shown.page.keyboard.press("Escape")
    assert not shown.page.locator("#panel").is_visible()
    assert shown.run("() => document.activeElement.textContent") == "run 21"


def test_a_long_value_is_folded_and_wraps(show):
    content = small_content()
    content["columns"][4] |= {"values": ["x" * 5000], "kind": "word"}
    shown, panel = open_run(show, 21, content)
    assert panel.locator("details summary", has_text="xxx").inner_text().endswith("…")
    panel.locator("details summary", has_text="xxx").click()
    assert panel.evaluate("(element) => element.scrollWidth <= element.clientWidth")


def test_a_closed_panel_stays_closed_after_a_reload(show):
    shown, panel = open_run(show, 21)
    panel.locator("[aria-label=Close]").click()
    shown.reload()
    assert not panel.is_visible()


def test_the_panel_fills_a_small_window(show):
    shown = show(small_content(), address_of(run="0:17"), width=390, draws=False)
    box = shown.page.locator("#panel").bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
