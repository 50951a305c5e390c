"""``hpsearch report``: one page in HTML that shows searches, to look at or to send."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hpsearch.config.command_parser import add_over, folder_parser
from hpsearch.config.given_paths import written_file
from hpsearch.config.option_values import at_least
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import amount
from hpsearch.core.errors import StoreError, UsageError, reason_of
from hpsearch.core.hints import shown_path
from hpsearch.folder.by_configuration import check_over
from hpsearch.folder.choice import choose_folder
from hpsearch.report.content import content_of
from hpsearch.report.page import MARK, page_html, plotly_javascript
from hpsearch.report.searches import OpenSearch
from hpsearch.startup.garbage import collected_later
from hpsearch.store.layout import STATE_FOLDER, SearchFolder, open_file, write_whole

_EXAMPLE = """\
examples:
  hpsearch report                     the newest search, as report.html
  hpsearch report DIR1 DIR2 -o both.html
  hpsearch report --watch --open      in your browser, as long as it runs
"""
_DEFAULT = "report.html"
#: The default interval at which --watch looks for news, in seconds.
_WATCH_S = 10
_LONGEST_SLEEP_S = 0.2
#: Files in a search folder that belong to the search.
_OWN_ENDINGS = (".csv", ".pickle", ".sh", ".py")


def main(argv: Sequence[str]) -> int:
    """Write the page; return the exit status."""
    options = _parser().parse_args(argv)
    console = Console(stamps=False)
    folders = list(dict.fromkeys(choose_folder(given, console) for given in options.folder or [None]))
    path = _target(options.o, folders)
    plotly_js = plotly_javascript()
    with collected_later():
        searches = [OpenSearch(folder, options.grid_module, options.over) for folder in folders]
        _check_over(options.over, searches)
        if options.watch is None:
            _write(path, searches, plotly_js, None, console)
    if options.watch is None:
        if options.open:
            _open(path, console)
        return 0
    with contextlib.suppress(KeyboardInterrupt):
        clean_up_when_interrupted()
        _watch(path, searches, plotly_js, options, console)
    return 0


def _parser() -> argparse.ArgumentParser:
    description = (
        "Write one page in HTML with everything about a search: results, plots, failures, where it ran. The file needs "
        "no server and loads nothing: open it, or send it."
    )
    parser = folder_parser("report", description, _EXAMPLE, nargs="*")
    out_help = (
        f"Write to FILE. Default: {_DEFAULT} in the current folder, unless something else than a report is there."
    )
    parser.add_argument("-o", metavar="FILE", help=out_help)
    parser.add_argument("--open", action="store_true", help="Open the page in your browser.")
    watch_help = f"Write it again every S seconds until the search ends or you press Ctrl-C. Default: {_WATCH_S}."
    parser.add_argument("--watch", type=at_least(1), nargs="?", const=_WATCH_S, metavar="S", help=watch_help)
    add_over(parser, "Show means of configurations, as in a search with seeds.")
    which = "The grid module, for a folder of the older tool without a copy of it."
    parser.add_argument("--grid_module", default="", metavar="MODULE", help=which)
    return parser


def _watch(
    path: Path, searches: Sequence[OpenSearch], plotly_js: str, options: argparse.Namespace, console: Console
) -> None:
    """Write the page now and whenever something is new, until all searches are over."""
    seen: list[object] = []
    while True:
        now, is_over = [search.moment for search in searches], all(search.is_over for search in searches)
        if now != seen or is_over:
            # The last page need not reload any more.
            _write(path, searches, plotly_js, None if is_over else options.watch, console)
        if options.open and not seen:
            _open(path, console)
        if is_over:
            return
        seen = now
        _pause(options.watch)
        for search in searches:
            search.update()


def _pause(seconds: float) -> None:
    """Sleep in short pieces: a Ctrl-C just before a sleep is noticed only after it."""
    end = time.monotonic() + seconds
    while (left_s := end - time.monotonic()) > 0:
        time.sleep(min(left_s, _LONGEST_SLEEP_S))


def _check_over(over: Sequence[str], searches: Sequence[OpenSearch]) -> None:
    """Raise UsageError as `check_over` does; an option of any of the searches is accepted."""
    if over:
        known = dict.fromkeys(name for search in searches for name in search.option_names)
        check_over(over, known, " or ".join(str(search.folder.path) for search in searches))


def _write(path: Path, searches: Sequence[OpenSearch], plotly_js: str, watch_s: float | None, console: Console) -> None:
    with collected_later():
        shown = [search.shown() for search in searches]
        page = page_html(content_of(shown, datetime.now(), watch_s), plotly_js).encode()
    try:
        write_whole(path, page)
    except StoreError as error:
        raise UsageError(f"-o {error}") from error
    count, of = sum(len(search.runs) for search in shown), amount(len(shown), "search").replace("searchs", "searches")
    what = shown_path(shown[0].folder.path) if len(shown) == 1 else of
    console.note(f"{shown_path(path)}: {amount(count, 'run')} of {what} ({len(page) / 1e6:.1f} MB)")


def _open(path: Path, console: Console) -> None:
    """Open the page in the user's browser, or say that there is none."""
    import webbrowser

    # Without a display, a text browser would open, which cannot show the page and blocks the terminal.
    has_display = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    if not has_display or not webbrowser.open(path.as_uri()):
        console.note(f"there is no browser here; the page: {path}")


def _target(given: str | None, folders: Sequence[SearchFolder]) -> Path:
    """Return the file to write.

    Raises UsageError if something other than a file is there, a search's own file, or, without -o, a file that is no
    report.
    """
    path = written_file(_DEFAULT if given is None else given, "-o")
    for folder in folders:
        is_own = path.parent == folder.path and path.suffix in _OWN_ENDINGS
        # Also summaries and logs of runs, whatever their names.
        is_own |= path.is_relative_to(folder.path) and path.exists() and not _is_report(path)
        if is_own or path.is_relative_to(folder.path / STATE_FOLDER):
            raise UsageError(f"-o {path}: this is one of the search's own files; give another file")
    if given is None and path.exists() and not _is_report(path):
        raise UsageError(f"{path}: this file is no report, and stays; give another one with -o FILE")
    return path


def _is_report(path: Path) -> bool:
    try:
        with open(path, "rb", opener=open_file) as file:
            return file.read(len(MARK)) == MARK.encode()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({reason_of(error)}); give another file with -o FILE") from error
