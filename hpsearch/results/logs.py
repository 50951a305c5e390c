"""``hpsearch logs``: what a run printed, while it lives or after its end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from hpsearch.config.command_parser import folder_parser
from hpsearch.config.option_values import at_least
from hpsearch.console.console import Console
from hpsearch.console.follow import LogFollower
from hpsearch.console.text import amount
from hpsearch.core.errors import FolderError, SearchError, UsageError
from hpsearch.core.hints import hint
from hpsearch.core.model import RunState
from hpsearch.core.value_text import integer
from hpsearch.folder.choice import choose_folder, nearest_hint
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run
from hpsearch.folder.nearby import holds_search, searches_called
from hpsearch.folder.reading import SearchReader, find_folder, logs_of_attempts, no_search
from hpsearch.journal.run_record import RunRecord
from hpsearch.store.layout import open_log

_EXAMPLE = """\
examples:
  hpsearch logs 7              what run 7 of the newest search printed
  hpsearch logs DIR 7 --err    its errors
  hpsearch logs 7 -f           follow until it ends
"""
_PAUSE_S = 0.3
_CHUNK = 1 << 20


def main(argv: Sequence[str]) -> int:
    """Print a run's output; return the exit status."""
    parser = folder_parser("logs", "Show what a run printed, also while it runs.", _EXAMPLE)
    parser.add_argument("run", nargs="?", metavar="K", help="The run's number.")
    parser.usage = "hpsearch logs [DIR] K [-f] [--err] [--attempt N]"
    parser.add_argument("-f", "--follow", action="store_true", help="Follow until the run ends or you press Ctrl-C.")
    parser.add_argument("--err", action="store_true", help="Show its standard error instead of standard output.")
    which = "Show attempt N. Default: the newest."
    parser.add_argument("--attempt", type=at_least(1), metavar="N", help=which)
    # Intermixed: options may stand between DIR and K.
    options = parser.parse_intermixed_args(argv)
    console = Console(stamps=False)
    given, number = folder_and_run("logs", options.folder, options.run)
    reader = SearchReader(choose_folder(given, console))
    entry = reader.run(number)
    suffix = ".err" if options.err else ".out"
    if options.follow and options.attempt is None:
        if entry.state is RunState.PLANNED and not _is_over(reader, entry.run.number):
            console.note(f"run {entry.run.number} has not started yet: waiting for its output")
        for content in _followed(reader, entry.run.number, suffix):
            if not console.output(content):
                break
        return 0
    try:
        return _print_file(_log_of(reader, entry, suffix, options.attempt), options.err, console)
    except FileNotFoundError:
        # The run has just ended, and its controller moved the log.
        return _print_file(_log_of(reader, entry, suffix, options.attempt), options.err, console)


def folder_and_run(command: str, first: str | None, second: str | None) -> tuple[str | None, int]:
    """Return the search folder (None if left out) and the run's number from the words of a command line."""
    if second is not None:
        return first, _run_number(second)
    if first is None:
        raise UsageError(f"say which run, by its number: hpsearch {command} 7")
    if integer(first) is not None and not holds_search(Path(first)):
        return None, _run_number(first)
    raise _without_run(command, first)


def _without_run(command: str, given: str) -> SearchError:
    """Return the error for a single word that is no number: perhaps it names the search, and the run is missing."""
    path = Path(given)
    if path.is_dir() and not holds_search(path):
        return no_search(find_folder(given))
    if path.is_dir() or searches_called(given, Path.cwd()):
        return UsageError(f"say which run of {given}, by its number: {hint(command, path, '7')}")
    meant = nearest_hint(given) or f"; a run is named by its number: hpsearch {command} 7"
    return UsageError(f"{given}: neither the number of a run nor the folder or name of a search{meant}")


def _run_number(text: str) -> int:
    number = integer(text)
    if not number:
        raise UsageError(f"K, the number of a run: expected a whole number of at least 1, found {text!r}")
    return number


def _print_file(path: Path, is_err: bool, console: Console) -> int:
    with open(path, "rb", opener=open_log) as file:
        content = file.read(_CHUNK)
        if not content:
            console.note(f"{path} is empty" + ("" if is_err else "; --err shows the run's errors"))
        while content and console.output(content):
            content = file.read(_CHUNK)
    return 0


def _log_of(reader: SearchReader, entry: RunRecord, suffix: str, attempt: int | None) -> Path:
    """Return the log of an attempt, None = the newest. Raises FolderError if there is none."""
    logs = logs_of_attempts(reader.folder, entry, suffix)
    if not logs:
        raise _no_log(entry)
    wanted = max(logs) if attempt is None else attempt
    if wanted not in logs:
        missing = f"attempt {wanted} left none" if wanted <= entry.attempts else f"there is no attempt {wanted}"
        raise FolderError(f"run {entry.run.number} has the logs of {amount(len(logs), 'attempt')}; {missing}")
    return logs[wanted]


def _no_log(entry: RunRecord) -> FolderError:
    """Return the error that a run has printed nothing so far."""
    if entry.state is RunState.PLANNED:
        return FolderError(f"run {entry.run.number} left no log yet: it has not started")
    return FolderError(f"run {entry.run.number} left no log: it is {entry.state.value}")


def _followed(reader: SearchReader, number: int, suffix: str) -> Iterator[bytes]:
    """Yield what a run has printed and still prints, until it ends or no controller is there to start it."""
    follower: LogFollower | None = None
    while True:
        reader.update()
        # Ask first: all that a run writes before its end is then read after the end is known.
        is_over = _is_over(reader, number)
        if follower is None:
            paths = logs_of_attempts(reader.folder, reader.run(number), suffix)
            follower = LogFollower([paths[max(paths)]], open_log) if paths else None
        if follower is not None:
            yield from follower.pieces(is_last=is_over)
        if is_over:
            break
        time.sleep(_PAUSE_S)
    if follower is None:
        raise _no_log(reader.run(number))


def _is_over(reader: SearchReader, number: int) -> bool:
    """Return whether a run has ended, recorded or not, or no controller is there to start it."""
    entry = reader.run(number)
    if entry.collected_at is not None:
        return True
    of_controller = liveness_of_controller(reader.holder())
    if entry.is_live:
        is_gone = liveness_of_run(entry, reader.folder) is Liveness.GONE
        return is_gone and of_controller is not Liveness.LIVE
    # Without a controller, either it has ended uncollected, its log not moved yet, or nothing will start it.
    return of_controller is Liveness.GONE
