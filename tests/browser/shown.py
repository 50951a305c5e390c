"""A report in a browser, as the fixture `show` gives it to tests: how to ask it, and what it must never do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from hpsearch.report.page import page_html, plotly_javascript

#: How long a page may take for anything a test waits for, on a busy machine.
PATIENCE_MS = 60_000
#: Replaces plotly in tests of something else, and in tests of the `data` and `layout` that plotly is given.
NO_PLOTLY = """\
const methods = { on() {}, removeAllListeners() {} };
const drawn = (element, data, layout) => Promise.resolve(Object.assign(element, { data, layout, ...methods }));
window.Plotly = { newPlot: drawn, react: drawn, restyle: drawn, relayout: drawn, purge() {}, Plots: { resize() {} } };
"""
#: Runs before the page's own scripts: an error ends the waiting for its start, short waits are counted, and plotly is
#: not parsed beside the page: in it, a window that has had plotly before knows it already. (Making a Blob of it for
#: nothing would take 150 ms of the 1,000 that such a page takes.)
#: settled: waits until the page has started, nothing waits for a short time (as the search box does for more words),
#: two more frames have been painted, and every view in sight is up to date. scrolledTo: scrolls until the view stays
#: where it is: views above it that are drawn now may push it out of sight.
PREPARED = """\
addEventListener("error", () => (document.documentElement.dataset.ready = "no"));
const [start, stop, waiting] = [setTimeout, clearTimeout, new Set()];
window.setTimeout = (then, ms = 0, ...words) => {
  const id = start(() => { waiting.delete(id); then(...words); }, ms);
  if (ms < 1000) waiting.add(id);
  return id;
};
window.clearTimeout = (id) => { waiting.delete(id); stop(id); };
window.isWaiting = () => waiting.size > 0 || document.querySelector("section[aria-busy=true]") !== null;
window.Blob = function Blob() { throw new Error("not in tests"); };
const frame = () => new Promise((done) => requestAnimationFrame(done));
window.settled = async () => {
  for (const begun_ms = performance.now(); performance.now() - begun_ms < PATIENCE_MS; await frame()) {
    if (!document.documentElement.dataset.ready || isWaiting()) continue;
    await frame();
    await frame();
    if (!isWaiting()) return;
  }
  throw new Error("the page has not settled");
};
window.scrolledTo = async (name) => {
  const view = document.querySelector(`section#${name}`);
  const scroll = () => { view.scrollIntoViewIfNeeded(); return view.getBoundingClientRect().top; };
  for (let [before, top, k] = [NaN, scroll(), 0]; top !== before && k < 10; [before, top, k] = [top, scroll(), k + 1]) {
    await settled();
  }
};
""".replace("PATIENCE_MS", str(PATIENCE_MS))


def write_report(path: Path, content: Mapping[str, object], draws: bool = True) -> Path:
    """Write the page of this content to `path`, or to report.html if it is a folder; return the file.

    draws: whether with plotly, whose 5 MB take a browser most of a second; else plots stay empty.
    """
    file = path / "report.html" if path.is_dir() else path
    file.write_text(page_html(content, plotly_javascript() if draws else NO_PLOTLY), encoding="utf-8")
    return file


def address_of(key: str = "", filters: Mapping[str, Mapping[str, object]] | None = None, **kept: object) -> str:
    """Return what follows a report's name to open it with this result and these filters: name -> specification.

    kept: what views keep in the address.
    """
    listed = [[name, name, spec] for name, spec in (filters or {}).items()]
    return "#" + quote(json.dumps({"key": key, "larger": True, "filters": listed, "kept": kept}))


@dataclass
class Shown:
    """A report in the browser.

    page: playwright's. folder: for its reports with plotly: a browser knows a script that it has parsed by its text and
    by the file it came from, and under another name it would parse plotly again, for a second of CPU time. draws:
    whether its pages have plotly. complaints: what must stay empty, each as "kind: text". expected: patterns of
    complaints that a test is about.
    """

    page: object
    folder: Path
    draws: bool
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    _allowed: str = ""
    _arranged: tuple[int, int, bool] | None = None

    def arrange(self, width: int, height: int, dark: bool) -> None:
        """Give the window its size and theme, and take the pointer out of the way."""
        if self._arranged != (width, height, dark):
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.emulate_media(media="screen", color_scheme="dark" if dark else "light")
            self._arranged = width, height, dark
        self.page.mouse.move(0, 0)

    def print(self) -> None:
        """Show the page as it is printed, until the next test."""
        self._arranged = None
        self.page.emulate_media(media="print")
        self.run("dispatchEvent(new Event('beforeprint'))")

    def leave(self) -> None:
        """Let the page run its last events and collect its messages; it stays until the next page is opened."""
        # An empty page in between would take a tenth of a second of CPU time.
        self.run("dispatchEvent(new Event('beforeunload'))")

    def emptied(self) -> Shown:
        """Return the window without the traces of the last test."""
        self.complaints, self.expected = [], []
        return self

    def open(self, file: Path, address: str = "") -> None:
        """Open a file; address: what follows its name, from the `#` on."""
        if self._allowed == file.as_uri():
            # With the same page under another address, the browser would stay where it is.
            self.page.goto("about:blank")
        self._allowed = file.as_uri()
        self.page.goto(self._allowed + address)
        self.settle()

    def settle(self) -> None:
        """Wait until the page has started and has followed the last change of its filters."""
        # Not by `wait_for_function`, which loads a large script of Playwright into each page.
        self.page.evaluate("settled()")

    def reload(self) -> None:
        """Load the page again once its address tells what was done."""
        self.settle()
        self.page.reload()
        self.settle()

    def section(self, name: str):
        """Scroll to a view and return the locator of its element."""
        # Not by Playwright: it waits for two frames more, as `settle` does anyway.
        self.run("(name) => scrolledTo(name)", name)
        return self.page.locator(f"section#{name}")

    def plot(self, name: str):
        """Scroll to a view and return the locator of its first plot, drawn."""
        plot = self.section(name).locator(".js-plotly-plot .main-svg").first
        plot.wait_for()
        return self.page.locator(f"section#{name} .js-plotly-plot").first

    def click_mark(self, mark, said: str, x: float = 0.5, y: float = 0.5) -> None:
        """Click a mark of a plot once plotly says this of it beside the pointer.

        x, y: where in the mark's box, from 0 to 1. Plotly's own layer lies above marks: they cannot be clicked as such.
        """
        mark.scroll_into_view_if_needed()
        self.settle()
        box = mark.bounding_box()
        self.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        self.page.locator(".hoverlayer .hovertext", has_text=said).first.wait_for()
        self.page.mouse.down()
        self.page.mouse.up()

    def whole_text(self) -> str:
        """Draw every view by scrolling to it, and return all text that can be seen."""
        for name in self.page.evaluate("[...document.querySelectorAll('section[id]')].map((each) => each.id)"):
            self.section(name)
        return self.page.locator("body").inner_text()

    def run(self, script: str, *arguments: object) -> object:
        """Return what a function of JavaScript returns, as `evaluate` of playwright does."""
        return self.page.evaluate(script, *arguments)

    def watch(self) -> None:
        """Note everything that the page must not do."""
        self.page.add_init_script(f"{{ {PREPARED} }}")
        self.page.on("console", lambda said: said.type == "error" and self._complain("console", said.text))
        self.page.on("pageerror", lambda error: self._complain("error", str(error)))
        self.page.on("dialog", self._refuse)
        self.page.on("request", self._judge)
        self.page.on("popup", lambda popup: self._complain("popup", popup.url))

    def check(self) -> None:
        """Fail if the page did what it must not."""
        left = [each for each in self.complaints if not any(re.search(pattern, each) for pattern in self.expected)]
        assert not left, "the page: " + "; ".join(left)

    def _judge(self, request) -> None:
        own = request.url.partition("#")[0] == self._allowed
        # Plotly makes its pictures as data of its own; nothing is loaded for these.
        if not own and not request.url.startswith(("data:", "blob:")):
            self._complain("request", request.url)

    def _refuse(self, dialog) -> None:
        self._complain("dialog", dialog.message)
        dialog.dismiss()

    def _complain(self, kind: str, text: str) -> None:
        self.complaints.append(f"{kind}: {text}")
