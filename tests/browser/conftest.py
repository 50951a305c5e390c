"""A browser for tests of the report's page: Debian's chromium, headless, offline, shared by the tests of a worker.

A test takes `show`, gives it a content and gets a `Shown`: the page, open. A test fails if its page reports an error
on the console, throws, opens a dialog or requests anything but the file itself.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from .shown import PATIENCE_MS, Shown, write_report

#: Drawing without a process for the GPU takes a third less time; there is no sandbox since tests may run as root.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.path.parent == HERE:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """One chromium, which ends with the last test of this process."""
    playwright = pytest.importorskip("playwright.sync_api")
    # The one without a window starts and draws faster; Debian has both.
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        no_chromium = "no program 'chromium' on PATH"
        pytest.fail(no_chromium) if os.environ.get("HPSEARCH_REQUIRE_CHROMIUM") == "1" else pytest.skip(no_chromium)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()
        # Playwright waits for its driver, and the driver for all processes that hold its pipe: processes that a test
        # has forked may be kept alive by a cycle of references.
        gc.collect()


@pytest.fixture(scope="session")
def free_windows(browser) -> dict[bool, list[Shown]]:
    """Windows that no test uses at the moment, of pages with plotly and of others.

    One that has shown plotly before loads it in a quarter of the time, unless pages without it made it forget plotly.
    """
    return {True: [], False: []}


@pytest.fixture
def show(
    browser, free_windows: dict[bool, list[Shown]], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Shown]]:
    """Open reports, each in a window of its own: show(CONTENT or FILE, ...), see there."""
    shown: list[Shown] = []

    def show(
        report: Mapping[str, object] | Path,
        address: str = "",
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        draws: bool = True,
    ) -> Shown:
        """Return the page, open. address: from the `#` on. draws: see write_report."""
        free = free_windows[draws]
        shown.append(free.pop() if free else _new_window(browser, tmp_path_factory.mktemp("window"), draws))
        folder = shown[-1].folder if draws else tmp_path
        file = report if isinstance(report, Path) else write_report(folder, report, draws)
        shown[-1].arrange(width, height, dark)
        shown[-1].open(file, address)
        return shown[-1]

    yield show
    for each in shown:
        each.leave()
    for each in shown:
        each.check()
    # A test that has failed may have left its window in any state: it is not used again.
    for each in shown:
        free_windows[each.draws].append(each.emptied())


def _new_window(browser, folder: Path, draws: bool) -> Shown:
    context = browser.new_context(offline=True)
    context.set_default_timeout(PATIENCE_MS)
    shown = Shown(context.new_page(), folder, draws)
    shown.watch()
    return shown
