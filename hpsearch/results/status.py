"""``hpsearch status``: how far a search is, what is best so far, what runs where. Asking changes nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hpsearch.config.parsers import folder_parser
from hpsearch.console.exit_status import clean_up_when_interrupted

if TYPE_CHECKING:
    from hpsearch.console.console import Console
    from hpsearch.folder.reading import SearchReader
    from hpsearch.results.search_status import SearchStatus

_EXAMPLE = """\
examples:
  hpsearch status out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch status DIR --watch
  hpsearch status DIR --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["counts"])'

Works while the search runs, from any machine that sees the folder, and after its end.
"""
#: How long --watch waits between two looks.
_WATCH_INTERVAL_S = 1.0


def main(argv: Sequence[str]) -> int:
    """Tell the status of a search; return the exit status."""
    parser = folder_parser("status", "Say how far a search is and what it does. Changes nothing.", _EXAMPLE)
    parser.add_argument("--watch", action="store_true", help="Repeat it until the search ends, or Ctrl-C.")
    parser.add_argument("--json", action="store_true", help="One JSON object on one line (keys: see docs/asking.rst).")
    options = parser.parse_args(argv)
    from hpsearch.console.console import Console

    return _tell(options.folder, options.watch, options.json, Console(stamps=False))


def _tell(given: str, is_watching: bool, is_json: bool, console: Console) -> int:
    from hpsearch.folder.reading import SearchReader, find_folder
    from hpsearch.results.search_status import status_of

    reader = SearchReader(find_folder(given))
    if not is_watching:
        console.results(_lines(status_of(reader, time.time()), is_json, console))
        return 0
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        _watch(reader, is_json, console)
    return 0


def _lines(status: SearchStatus, is_json: bool, console: Console) -> list[str]:
    import json

    from hpsearch.results.status_text import as_json, status_lines

    return [json.dumps(as_json(status))] if is_json else status_lines(status, console.width)


def _watch(reader: SearchReader, is_json: bool, console: Console) -> None:
    """Show the status until nobody works on the search any more; without a terminal, only what is new."""
    from hpsearch.results.search_status import status_of

    clean_up_when_interrupted()
    seen: tuple[object, ...] = ()
    while True:
        status = status_of(reader, time.time())
        now_seen = (reader.record.last_event_at, len(reader.record.runs), status.holder)
        if console.width is not None or now_seen != seen:
            seen = now_seen
            console.redraw(_lines(status, is_json, console))
        if status.state.is_over:
            return
        time.sleep(_WATCH_INTERVAL_S)
        reader.update()
