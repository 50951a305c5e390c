"""A search stopped from outside: ask its controller to stop, and end runs that no controller looks after."""

from __future__ import annotations

import signal
import time

from hpsearch.backends.process_identity import processes, signal_process
from hpsearch.backends.run_family import end_family
from hpsearch.config.options import options_from_names
from hpsearch.config.program import resume_hint
from hpsearch.console.console import Console
from hpsearch.console.text import amount
from hpsearch.core.errors import ControllerPresent, FolderError, SearchInterrupted, StoreError
from hpsearch.folder.choice import choose_live
from hpsearch.folder.liveness import Liveness, is_being_resumed, liveness_of_controller
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_tables import counts_text
from hpsearch.search.backend_choice import choose_backend
from hpsearch.search.controller import OpenRuns, StopRequest, latest_run
from hpsearch.search.resume import RunChoice, is_process_elsewhere, original_of
from hpsearch.search.search import resume_search
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, LockWays, leave_request, lock_holder

_PAUSE_S = 0.1


def cancel_search(given: str | None, timeout_s: float, controller_is_gone: bool, console: Console) -> int:
    """Stop a search; return the exit status.

    given: its folder; None = the only one that may be live.
    timeout_s: how long to wait for its controller. controller_is_gone: a controller that cannot be seen is dead.
    """
    folder, deadline = choose_live(given, console), time.monotonic() + timeout_s
    while not folder.journal.exists() and time.monotonic() < deadline:
        # A search that has just begun has its lock before its journal.
        if liveness_of_controller(lock_holder(folder.lock)) is not Liveness.LIVE:
            break
        time.sleep(_PAUSE_S / 10)
    reader = SearchReader(folder, passes_over_damage=True)
    for damage in reader.damage:
        console.warn(damage)
    while True:
        try:
            return _cancel_now(reader, timeout_s, controller_is_gone, console)
        except ControllerPresent:
            # A controller that has just taken the lock may not have written yet who it is.
            if time.monotonic() >= deadline:
                raise
            time.sleep(_PAUSE_S)
            reader.update()


def _cancel_now(reader: SearchReader, timeout_s: float, controller_is_gone: bool, console: Console) -> int:
    """Stop a search in its present state. Raises ControllerPresent if a controller starts meanwhile."""
    folder, holder = reader.folder, reader.holder()
    liveness = liveness_of_controller(holder)
    if liveness is Liveness.GONE and is_being_resumed(processes(), folder.path):
        raise ControllerPresent(f"{folder.path}: a process is about to resume this search")
    if holder is None or liveness is Liveness.GONE or (liveness is Liveness.UNKNOWN and controller_is_gone):
        return _end_what_is_left(reader, console)
    if liveness is Liveness.LIVE and reader.is_copy(holder):
        original = f"a search that is running elsewhere ({holder})"
        raise FolderError(f"{folder.path} is a copy of {original}: cancel it in its own folder")
    console.note(f"Stopping...{_ask_to_stop(folder, holder, is_here=liveness is Liveness.LIVE)}")
    if not _has_ended_within(reader, holder, timeout_s):
        if folder.cancel_request.exists():
            console.error(
                f"the controller ({holder}) has not answered within {timeout_s:g} s. If it is alive, it stops as soon "
                f"as it sees {folder.cancel_request}; if not, run this on {holder.host}, or add --controller_is_gone"
            )
        else:
            console.error(f"the search is still stopping after {timeout_s:g} s; see {folder.log}, or cancel it again")
        return 1
    if reader.holder() == holder and liveness is not Liveness.LIVE:
        console.note(f"the controller shows no sign of life ({holder})")
    try:
        reader.update()
    except FolderError:
        if folder.journal.exists():
            raise
        # A search that has not started a run takes away the folder that it has made.
        console.note("Stopped: it had not started a run, and has taken its folder away")
        return 0
    return _end_what_is_left(reader, console, was_running=True)


def _ask_to_stop(folder: SearchFolder, holder: Holder, is_here: bool) -> str:
    """Ask a controller to stop, by a signal or else by a file; return what to tell people about that.

    Raises StoreError if neither works.
    """
    if is_here and holder.takes_signals:
        try:
            signal_process(holder.process, signal.SIGINT)
            return ""
        except PermissionError:
            pass  # The controller is another user's: the folder may be shared.
    try:
        leave_request(folder.cancel_request, holder)
    except StoreError as error:
        raise StoreError(f"cannot ask the controller to stop ({holder}): {error}") from error
    return f" (asked process {holder.pid} on {holder.host} through the search folder, which can take a minute)"


def _has_ended_within(reader: SearchReader, holder: Holder, timeout_s: float) -> bool:
    """Return whether a controller ends in time; on another machine, it has ended if its heartbeat stops."""
    began = beat_at = time.monotonic()
    beat = holder.beat
    # The next heartbeat of a live controller mends an unreadable lock file.
    beat_s = holder.beat_s if holder.host else LockWays.beat_s
    while (now_there := reader.holder()) == holder:
        liveness, now = liveness_of_controller(holder), time.monotonic()
        if now_there is not None and now_there.beat != beat:
            beat, beat_at = now_there.beat, now
        stands_still = liveness is Liveness.UNKNOWN and beat_s and now - beat_at > 2 * beat_s
        if liveness is Liveness.GONE or stands_still:
            break
        if now - began >= timeout_s:
            return False
        time.sleep(_PAUSE_S)
    return True


def _end_what_is_left(reader: SearchReader, console: Console, was_running: bool = False) -> int:
    """End runs that no controller looks after any more, and tell how the search ended.

    was_running: a controller has just stopped it.
    """
    reader.fill_in()
    choice, record = RunChoice(only_ends=True), reader.record
    # A scheduler's jobs can be ended from anywhere, processes only on their machine.
    elsewhere = [entry for entry in record.with_events if entry.is_open and is_process_elsewhere(entry)]
    for entry in elsewhere:
        host = entry.submitted.host if entry.submitted else ""
        where = f"was started on {host} and can only be stopped there: run hpsearch cancel on {host}"
        console.warn(f"run {entry.run.number} {where}")
    if choice.of(record):
        try:
            resume_search(str(reader.folder.path), {}, console, choice)
        except SearchInterrupted:
            pass  # As was wanted.
        except (StoreError, OSError):
            _end_unrecorded(reader, choice, console)
            raise
        reader.update()
    else:
        _end_leftovers(reader, console)
        counts = counts_text(+reader.record.states())
        console.note(f"{'Stopped' if was_running else 'Nothing to stop'}: {counts}")
        console.result(str(reader.folder.results))
    if any(not state.is_final or state.is_interruption for state in +reader.record.states()):
        console.note(f"resume with: {resume_hint(reader.folder.path)}")
    return 1 if elsewhere or any(entry.is_open for entry in reader.record.with_events) else 0


def _end_unrecorded(reader: SearchReader, choice: RunChoice, console: Console) -> None:
    """End live runs even though their search folder cannot be written (no room, read-only)."""
    if original_of(reader.folder, reader.record) is not None:
        return
    runs = OpenRuns()
    runs.add(*(latest_run(reader, entry) for entry in choice.of(reader.record) if entry.is_live))
    backend = choose_backend(options_from_names(reader.record.options), console, only_ends=True)
    with StopRequest() as stop:
        console.warn(f"nothing can be written there: stopping {amount(len(runs), 'run')} without recording it")
        backend.cancel(runs.jobs, stop.alarm)
        backend.close()


def _end_leftovers(reader: SearchReader, console: Console) -> None:
    """End the processes that the search's runs have left on this machine."""
    record = reader.record
    if original_of(reader.folder, record) is None:
        here = (entry for entry in record.with_events if entry.token and not is_process_elsewhere(entry))
        for process in end_family([entry.token for entry in here]):
            console.note(f"ended a process that a run had left behind: {process}")
