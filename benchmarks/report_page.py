"""Opening a report of 10,000 runs x 15 columns against opening a page with plotly's JavaScript alone, in chromium.

Open: the table is filled and filters work. Also how long a filter takes, with the table or the plots over options in
sight, until the counts and the table answer and until all views in sight are right; and whether 100,000 runs open.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _measure import answer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from browser.contents import large_content
from playwright.sync_api import sync_playwright

from hpsearch.report.page import page_html, plotly_javascript

RUNS, MANY_RUNS, ROUNDS = 10_000, 100_000, 5
#: The limits of a page of RUNS runs: the ratio; seconds; ms, including the pause in which the page waits for the next
#: key; MB.
MOST, MOST_S, MOST_ANSWER_MS, MOST_VIEWS_MS, MOST_MB = 4, 3, 200, 1000, 8
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WORDS = ("gelu", "failed", "acc_val>0.5")
PLACES = ("table", "options")
#: A promise for the beginning of the next frame, when earlier changes have been painted.
_PAINTED = "new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
_READY = f"document.documentElement.dataset.ready && {_PAINTED}.then(() => true)"
#: Scrolls to a view and waits until everything in sight is drawn: a plot that is drawn may push others out of sight.
_GO_TO = f"""async (id) => {{
  document.getElementById(id)?.scrollIntoView();
  for (let quiet = 0; quiet < 10; quiet += 1) {{
    await {_PAINTED};
    if (document.querySelector("[aria-busy=true]")) quiet = 0;
  }}
}}"""
#: Puts words into the search box; returns how long, in ms, until the counts and the table show the runs that match,
#: and until all views in sight do.
_FILTER = f"""async (words) => {{
  const box = document.getElementById("search"), shown = document.getElementById("shown-count");
  const started = performance.now();
  const changed = new Promise((done) => new MutationObserver(done).observe(shown, {{ childList: true }}));
  box.value = words;
  box.dispatchEvent(new Event("input", {{ bubbles: true }}));
  await changed;
  await new Promise(requestAnimationFrame);
  const answered = performance.now();
  const isInSight = ({{ top, bottom }}) => bottom > 0 && top < innerHeight;
  const due = () => [...document.querySelectorAll("[aria-busy=true]")].map((each) => each.getBoundingClientRect());
  while (due().some(isInSight)) await {_PAINTED};
  await {_PAINTED};
  return [answered - started, performance.now() - started];
}}"""


@dataclass(frozen=True)
class Opened:
    """How a page opened. seconds: until it can be used; filters: how long each took, in ms: answer, all views."""

    seconds: float
    filters: Sequence[tuple[float, float]]

    @property
    def answer_ms(self) -> float:
        """How long the slowest filter took to be answered."""
        return max(answer for answer, _ in self.filters)

    @property
    def views_ms(self) -> float:
        """How long the slowest filter took until all views in sight were right."""
        return max(views for _, views in self.filters)


def main() -> None:
    """Print the ratio of the medians, sizes, and what a filter takes."""
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        raise SystemExit("no program 'chromium' on PATH")
    with tempfile.TemporaryDirectory(prefix="hpsearch-bench-") as name, sync_playwright() as driver:
        report, large, alone = (Path(name) / file for file in ("report.html", "large.html", "alone.html"))
        report.write_text(page_html(large_content(RUNS), plotly_javascript()), encoding="utf-8")
        large.write_text(page_html(large_content(MANY_RUNS), plotly_javascript()), encoding="utf-8")
        alone.write_text(
            f"<!doctype html><html data-ready=yes><script>{plotly_javascript()}</script>", encoding="utf-8"
        )
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        rounds = [(_opened(browser, report), _seconds_to_open(browser, alone)) for _ in range(ROUNDS)]
        many = _opened(browser, large)
        browser.close()
        sizes_mb = [file.stat().st_size / 1e6 for file in (report, large)]
    ours, alone_s = statistics.median(each.seconds for each, _ in rounds), statistics.median(each for _, each in rounds)
    answer_ms, views_ms = (
        statistics.median(getattr(each, of) for each, _ in rounds) for of in ("answer_ms", "views_ms")
    )
    details = (
        f"{ours:.2f} s (at most {MOST_S}), the slowest filter answered in {answer_ms:.0f} ms (at most {MOST_ANSWER_MS})"
        f" and all views in sight right in {views_ms:.0f} ms (at most {MOST_VIEWS_MS}),"
        f" {sizes_mb[0]:.1f} MB (at most {MOST_MB}); {MANY_RUNS} runs: {many.seconds:.1f} s, {many.answer_ms:.0f} ms,"
        f" {many.views_ms:.0f} ms, {sizes_mb[1]:.1f} MB"
    )
    answer(f"opening a report of {RUNS} runs / opening plotly alone", ours / alone_s, MOST, details)


def _opened(browser: Any, file: Path) -> Opened:
    page = browser.new_page()
    page.set_default_timeout(300_000)
    started = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_function(_READY)
    seconds = time.perf_counter() - started
    # The first filter comes before the other views are drawn, and while plotly is loading.
    filters = [page.evaluate(_FILTER, "tanh")]
    for place in PLACES:
        page.evaluate(_GO_TO, place)
        filters += [page.evaluate(_FILTER, words) for words in WORDS]
    page.close()
    return Opened(seconds, filters)


def _seconds_to_open(browser: Any, file: Path) -> float:
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_function(_READY)
    seconds = time.perf_counter() - started
    page.close()
    return seconds


if __name__ == "__main__":
    main()
