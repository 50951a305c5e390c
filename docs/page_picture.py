"""Draw what a browser shows of a report: write a part of it as a picture in WebP.

    python docs/page_picture.py FILE.webp PAGE.html [--width 1280] [--height 900] [--dark] [--at SECTION]
        [--click SELECTOR]...

The browser is the program `chromium`; it draws without a GPU and is offline.
"""

import argparse
import base64
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
#: Of a picture in WebP, in percent: letters stay sharp.
QUALITY = 82
#: How long a busy machine may take.
PATIENCE_MS = 300_000
#: Plots come into sight with short animations.
SETTLED_MS = 1500


def wait_for_views(page: Page) -> None:
    """Wait until all views in sight are drawn."""
    page.evaluate(PAINTED)
    page.wait_for_function("!document.querySelector('[aria-busy=true]')")


def write_picture(file: Path, page: Page, at: str, clicks: list[str]) -> None:
    """Write what is in the window after scrolling to a section, and clicks on elements."""
    page.wait_for_function("document.documentElement.dataset.ready && window.Plotly")
    for _ in range(2 if at else 0):
        # Views beside it that are drawn now may have pushed it away.
        page.evaluate("id => document.getElementById(id).scrollIntoView()", at)
        wait_for_views(page)
    for selector in clicks:
        page.locator(selector).first.click()
    wait_for_views(page)
    page.wait_for_timeout(SETTLED_MS)
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
    file.write_bytes(base64.b64decode(shot["data"]))


def main() -> int:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(
        description="Write a part of a report, as a browser shows it, as a picture in WebP."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("page", type=Path)
    parser.add_argument("--width", type=int, default=1280, help="width of the window (%(default)s)")
    parser.add_argument("--height", type=int, default=900, help="height of the window (%(default)s)")
    parser.add_argument("--dark", action="store_true", help="with light text on a dark ground")
    parser.add_argument("--at", default="", metavar="SECTION", help="the section to scroll to (default: the top)")
    parser.add_argument("--click", default=[], action="append", metavar="SELECTOR", help="what to click then")
    arguments = parser.parse_args()
    if (program := shutil.which("chromium")) is None:
        parser.error("there is no program 'chromium' on PATH")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": arguments.width, "height": arguments.height},
            color_scheme="dark" if arguments.dark else "light",
            offline=True,
        )
        page.set_default_timeout(PATIENCE_MS)
        page.goto(arguments.page.resolve().as_uri())
        write_picture(arguments.file, page, arguments.at, arguments.click)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
