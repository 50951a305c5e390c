"""``hpsearch cancel``, ``resume`` and ``retry``: a search stopped, and taken up again."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.config.options import given_options, names_of_planning_options
from hpsearch.config.parsers import add_options, folder_parser
from hpsearch.core.errors import ControllerPresent, FolderError, SearchInterrupted, StoreError

if TYPE_CHECKING:
    from hpsearch.console.console import Console
    from hpsearch.folder.reading import SearchReader
    from hpsearch.store.layout import SearchFolder
    from hpsearch.store.lock import Holder
    from hpsearch.store.record import RunRecord, SearchRecord

_CANCEL_EXAMPLE = """\
examples:
  hpsearch cancel out/hyperparam_search/search_2026-01-31_12-00-00
  hpsearch cancel DIR --timeout 600

exit status: 0 nothing of the search is live any more; 1 something is, or may be; 2 no such search
"""
_RESUME_EXAMPLE = """\
example: hpsearch resume DIR --num_cpu_jobs=4

The same as python -m hpsearch.hpsearch --resume DIR.
"""
_RETRY_EXAMPLE = """\
examples:
  hpsearch retry DIR                     all runs that failed
  hpsearch retry DIR --run 7 --run 12    these two, whatever became of them
  hpsearch retry DIR --failed --retries=2
"""
_PAUSE_S = 0.1


def cancel(argv: Sequence[str]) -> int:
    """Stop a search; return the exit status."""
    description = (
        "Stop a search and everything that belongs to it, as Ctrl-C would: live runs are ended, the table is sorted. "
        "If its controller is gone, what it left is ended all the same. Twice = do not wait for runs to end gracefully."
    )
    parser = folder_parser("cancel", description, _CANCEL_EXAMPLE)
    parser.add_argument(
        "--timeout", type=_seconds, default=120.0, metavar="S", help="Wait at most so many seconds. Default: 120."
    )
    parser.add_argument(
        "--controller_is_gone",
        action="store_true",
        help="The controller ran on another machine, and you know that it does not live any more.",
    )
    options = parser.parse_args(argv)
    from hpsearch.console.console import Console

    return _cancel(options, Console(stamps=False))


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"expected a number of seconds, found {text!r}")
    return number


def _cancel(options: argparse.Namespace, console: Console) -> int:
    from hpsearch.folder.reading import SearchReader, find_folder

    folder = find_folder(options.folder)
    deadline = time.monotonic() + options.timeout
    _await_journal(folder, deadline)
    reader = SearchReader(folder, passes_over_damage=True)
    for damage in reader.damage:
        console.warn(damage)
    while True:
        try:
            return _cancel_now(reader, options, console)
        except ControllerPresent:
            # A controller that has just taken the lock may not have said yet who it is.
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
            reader.update()


def _await_journal(folder: SearchFolder, deadline: float) -> None:
    """Wait for a search that has just begun: its lock is there before its journal."""
    from hpsearch.folder.liveness import Liveness, liveness_of_controller
    from hpsearch.store.lock import lock_holder

    while not folder.journal.exists() and time.monotonic() < deadline:
        if liveness_of_controller(lock_holder(folder.lock)) is not Liveness.LIVE:
            return
        time.sleep(_PAUSE_S / 10)


def _cancel_now(reader: SearchReader, options: argparse.Namespace, console: Console) -> int:
    """Stop a search as it is at this moment.

    Raises ControllerPresent if a controller comes in between.
    """
    from hpsearch.backends.process_identity import processes
    from hpsearch.folder.liveness import Liveness, is_being_resumed, liveness_of_controller

    holder = reader.holder()
    liveness = liveness_of_controller(holder)
    if liveness is Liveness.GONE and is_being_resumed(processes(), reader.folder.path):
        raise ControllerPresent(f"{reader.folder.path}: a process was told to resume this search, and has not begun")
    if holder is None or liveness is Liveness.GONE or (liveness is Liveness.UNKNOWN and options.controller_is_gone):
        return _end_what_is_left(reader, console)
    if liveness is Liveness.LIVE and reader.is_copy(holder):
        raise FolderError(
            f"{reader.folder.path} is a copy of a search that is live elsewhere ({holder}): cancel it in its own folder"
        )
    how = _ask_to_stop(reader.folder, holder, is_here=liveness is Liveness.LIVE)
    console.note(f"asked the controller to stop by {how} ({holder})")
    if not _has_ended_within(reader, holder, options.timeout):
        _tell_of_no_end(reader, holder, options.timeout, console)
        return 1
    has_given_back = reader.holder() != holder
    console.note(
        "the controller has ended" if has_given_back or liveness is Liveness.LIVE else "it gives no sign of life"
    )
    reader.update()
    return _end_what_is_left(reader, console)


def _ask_to_stop(folder: SearchFolder, holder: Holder, is_here: bool) -> str:
    """Ask a controller to stop; return how that was done.

    Raises StoreError if it can be reached neither by a signal nor by a file.
    """
    from hpsearch.backends.process_identity import signal_process
    from hpsearch.store.lock import leave_request

    if is_here and holder.takes_signals:
        try:
            signal_process(holder.process, signal.SIGINT)
            return "a signal"
        except PermissionError:
            pass  # It is another user's: perhaps the folder is shared.
    try:
        leave_request(folder.cancel_request, holder)
    except StoreError as error:
        raise StoreError(f"the controller cannot be told to stop ({holder}): {error}") from error
    return "a request in the search folder"


def _has_ended_within(reader: SearchReader, holder: Holder, timeout_s: float) -> bool:
    """Return whether a controller ends in time; one on another machine has ended if its heart stands still."""
    from hpsearch.folder.liveness import Liveness, liveness_of_controller
    from hpsearch.store.lock import LockWays

    began = beat_at = time.monotonic()
    beat = holder.beat
    # A live controller mends a lock file that cannot be read with its next heartbeat.
    beat_s = holder.beat_s if holder.host else LockWays.beat_s
    while (now_there := reader.holder()) == holder:
        liveness = liveness_of_controller(holder)
        if liveness is Liveness.GONE:
            break
        now = time.monotonic()
        if now_there is not None and now_there.beat != beat:
            beat, beat_at = now_there.beat, now
        if liveness is Liveness.UNKNOWN and beat_s and now - beat_at > 2 * beat_s:
            return True
        if now - began >= timeout_s:
            return False
        time.sleep(_PAUSE_S)
    return True


def _tell_of_no_end(reader: SearchReader, holder: Holder, timeout_s: float, console: Console) -> None:
    folder = reader.folder
    if not folder.cancel_request.exists():
        console.error(f"the controller was told, and is not done after {timeout_s:g} s; see {folder.log}")
        return
    console.error(
        f"no answer from the controller ({holder}) within {timeout_s:g} s; if it lives, it stops as soon as it sees "
        f"{folder.cancel_request}. If it does not: run this on {holder.host}, or add --controller_is_gone"
    )


def _end_what_is_left(reader: SearchReader, console: Console) -> int:
    """End what no controller looks after any more, and tell what the search came to."""
    from hpsearch.search.search import Resumption, resume_search

    reader.fill_in()
    here, elsewhere = _open_runs(reader.record)
    for entry in elsewhere:
        assert entry.submitted is not None
        host, run = entry.submitted.host, entry.run.number
        console.warn(f"run {run} was started on {host} and can only be ended there: run hpsearch cancel on {host}")
    if here:
        how = Resumption(lambda record: _open_runs(record)[0], only_ends=True)
        try:
            resume_search(str(reader.folder.path), {}, console, how)
        except SearchInterrupted:
            pass  # Which is what was wanted.
        except (StoreError, OSError):
            _end_unrecorded(here, reader, console)
            raise
        reader.update()
    else:
        _end_leftovers(reader, console)
        _tell_the_end(reader, console)
    return 1 if elsewhere or any(entry.is_open for entry in reader.record) else 0


def _end_unrecorded(entries: Sequence[RunRecord], reader: SearchReader, console: Console) -> None:
    """End live runs although nothing can be written in their search folder (no room, read-only)."""
    from hpsearch.config.options import options_from_names
    from hpsearch.console.text import amount
    from hpsearch.search.backend_choice import backend_to_end_jobs
    from hpsearch.search.open_runs import OpenRuns, latest_run
    from hpsearch.search.resume_checks import original_of
    from hpsearch.search.stop import StopRequest

    planned = (entry.run for entry in reader.record)
    if original_of(reader.folder, reader.record.known_settings(), planned) is not None:
        return
    backend = backend_to_end_jobs(options_from_names(reader.record.options), console)
    with StopRequest() as stop:
        runs = OpenRuns()
        runs.add(*(latest_run(reader, entry) for entry in entries if entry.is_live))
        console.warn(f"nothing can be written there: told {amount(len(runs), 'run')} to end, and this is not recorded")
        backend.cancel(runs.jobs, stop.alarm)
        backend.close()


def _end_leftovers(reader: SearchReader, console: Console) -> None:
    """End what runs that are over have left behind on this machine."""
    from hpsearch.backends.run_family import end_family
    from hpsearch.search.resume_checks import is_process_elsewhere, original_of

    runs = [entry.run for entry in reader.record]
    if original_of(reader.folder, reader.record.known_settings(), runs) is None:
        over = [entry.token for entry in reader.record if entry.token and not is_process_elsewhere(entry)]
        for process in end_family(over):
            console.note(f"ended what a run had left behind: {process}")


def _tell_the_end(reader: SearchReader, console: Console) -> None:
    from collections import Counter

    from hpsearch.config.own_call import resume_hint
    from hpsearch.console.text import amount
    from hpsearch.core.model import RunState
    from hpsearch.folder.run_tables import sorted_states

    counts = Counter(entry.state for entry in reader.record)
    listed = ", ".join(f"{count:,} {state.value}" for state, count in sorted_states(counts))
    console.note(f"nothing of the search is live; {amount(len(reader.record.runs), 'run')}: {listed}")
    if set(counts) != {RunState.FINISHED}:
        console.note(f"go on with: {resume_hint(reader.folder.path)}")
    console.result(str(reader.folder.results))


def _open_runs(record: SearchRecord) -> tuple[list[RunRecord], list[RunRecord]]:
    """Return the runs that may be live or are not collected: those that can be ended here, and the others.

    A scheduler's jobs can be ended from anywhere, processes only on their machine.
    """
    from hpsearch.search.resume_checks import is_process_elsewhere

    here: list[RunRecord] = []
    elsewhere: list[RunRecord] = []
    for entry in record:
        if entry.is_open:
            (elsewhere if is_process_elsewhere(entry) else here).append(entry)
    return here, elsewhere


def _parser_with_search_options(name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return a parser that knows the options of a search, as far as they can be given to one that is planned."""
    parser = folder_parser(name, description, example)
    # All of them would bury the message that they stand before where an option is wrong.
    parser.usage = f"hpsearch {name} [options] DIR   (--help lists them)"
    hidden = [*names_of_planning_options(), "resume", "dry_run"]
    add_options(parser, None, hidden)
    return parser


def resume(argv: Sequence[str]) -> int:
    """Go on with a search; return the exit status."""
    description = (
        "Go on with a search: finished runs are kept, live ones are waited for, all others run. "
        "No option is needed; those given replace the search's own."
    )
    namespace = _parser_with_search_options("resume", description, _RESUME_EXAMPLE).parse_args(argv)
    from hpsearch.console.console import Console

    return _resume(namespace.folder, given_options(namespace), Console())


def _resume(folder: str, given: dict[str, Any], console: Console) -> int:  # Any: see given_options
    from hpsearch.folder.reading import find_folder
    from hpsearch.search.search import resume_search

    return resume_search(str(find_folder(folder).path), given, console).exit_status


def retry(argv: Sequence[str]) -> int:
    """Run some runs of a search again; return the exit status."""
    description = (
        "Run again what failed in a search, or the runs that are named, and nothing else (runs that are still live "
        "are waited for). What earlier attempts left is kept in .hpsearch/attempts."
    )
    parser = _parser_with_search_options("retry", description, _RETRY_EXAMPLE)
    parser.add_argument("--failed", action="store_true", help="What failed; cancelled runs do not count (the default).")
    parser.add_argument(
        "--run", type=int, action="append", default=[], metavar="K", help="Run K, also if it finished; may be repeated."
    )
    namespace = parser.parse_args(argv)
    from hpsearch.console.console import Console

    return _retry(namespace, Console())


def _retry(namespace: argparse.Namespace, console: Console) -> int:
    from hpsearch.folder.reading import SearchReader, find_folder
    from hpsearch.search.search import Resumption, resume_search

    reader = SearchReader(find_folder(namespace.folder))
    named = set(namespace.run)
    numbers = set(named)
    for number in numbers:
        reader.run(number)
    takes_all_failed = namespace.failed or not named
    if takes_all_failed:
        numbers |= {entry.run.number for entry in reader.record if entry.state.is_failure}
    if not numbers:
        console.note("no run of this search has failed: there is nothing to run again")
        return 0
    how = Resumption(lambda record: _to_look_after(record, numbers), named, takes_all_failed)
    return resume_search(str(reader.folder.path), given_options(namespace), console, how).exit_status


def _to_look_after(record: SearchRecord, numbers: Collection[int]) -> list[RunRecord]:
    return [entry for entry in record if entry.run.number in numbers or entry.is_open]
