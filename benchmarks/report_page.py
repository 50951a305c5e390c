"""Opening a report of 10,000 runs x 15 columns against opening a page with plotly's JavaScript alone, in chromium.

Also how long a filter takes, and whether 100,000 runs open.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _measure import answer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from browser.contents import large_content
from playwright.sync_api import sync_playwright

from hpsearch.report.page import page_html, plotly_javascript

RUNS, MANY_RUNS, ROUNDS = 10_000, 100_000, 5
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
#: Done when what is in sight has been painted.
_PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
_READY = f"document.documentElement.dataset.ready && {_PAINTED}.then(() => true)"
#: Puts words into the search box; how long until the page shows the runs that have them, in ms, with the time in which
#: the page waits for the next key.
_FILTER = f"""async (words) => {{
  const box = document.getElementById("search"), shown = document.getElementById("shown-count");
  const before = shown.textContent, started = performance.now();
  box.value = words;
  box.dispatchEvent(new Event("input", {{ bubbles: true }}));
  while (shown.textContent === before) await new Promise(requestAnimationFrame);
  await {_PAINTED};
  return performance.now() - started;
}}"""


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
        rounds = [(_opened(browser, report), _opened(browser, alone)) for _ in range(ROUNDS)]
        many_s, many_ms = _opened(browser, large)
        browser.close()
        sizes_mb = [file.stat().st_size / 1e6 for file in (report, large)]
    ours, plotly = (statistics.median(seconds for seconds, _ in column) for column in zip(*rounds))
    filter_ms = statistics.median(ms for (_, ms), _ in rounds)
    details = f"{ours:.2f} s (at most 3), a filter {filter_ms:.0f} ms (at most 200), {sizes_mb[0]:.1f} MB (at most 8); "
    details += f"{MANY_RUNS} runs: {many_s:.1f} s, a filter {many_ms:.0f} ms, {sizes_mb[1]:.1f} MB"
    answer(f"opening a report of {RUNS} runs / opening plotly alone", ours / plotly, 4, details)


def _opened(browser: Any, file: Path) -> tuple[float, float]:
    """Return how long a page took to open, in seconds, and a filter of it, in ms (0 where there is no search box)."""
    page = browser.new_page()
    page.set_default_timeout(300_000)
    started = time.perf_counter()
    page.goto(file.as_uri())
    page.wait_for_function(_READY)
    took = time.perf_counter() - started
    filtered = [
        page.evaluate(_FILTER, words) for words in ("gelu", "failed", "acc_val>0.5") if page.locator("#search").count()
    ]
    page.close()
    return took, statistics.median(filtered or [0.0])


if __name__ == "__main__":
    main()
