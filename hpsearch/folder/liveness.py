"""Is it alive? Whether a search's controller and runs live, asked without disturbing them; unknown is an answer."""

from __future__ import annotations

import enum
import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.backends.launcher import note_in
from hpsearch.backends.process_identity import Process, boot_id, job_id, lives, processes, shares_host_name
from hpsearch.core.model import RunState
from hpsearch.store.classic_files import RUN_PREFIX
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, LockWays, lock_holder
from hpsearch.store.record import RunRecord

if TYPE_CHECKING:
    # For its type only: asking for a status must not import what reads summaries and grid modules.
    from hpsearch.folder.folder_scan import FoundRun, FoundSearch


class Liveness(enum.Enum):
    """What is known of a controller that has not given back its lock, or of a run."""

    LIVE = "live"
    GONE = "gone"
    UNKNOWN = "unknown"


_OF_PROCESS = {True: Liveness.LIVE, False: Liveness.GONE, None: Liveness.UNKNOWN}


def this_controller() -> Holder:
    """Return what a lock file should say of this process."""
    # Python handles signals in the main thread: a search in another one belongs to a program with its own handlers.
    takes_signals = threading.current_thread() is threading.main_thread()
    return Holder(socket.gethostname(), os.getpid(), time.time(), job_id(os.getpid()), takes_signals, boot=boot_id())


def liveness_of_controller(holder: Holder | None) -> Liveness:
    """Return whether the holder of a lock is still there; what another machine does cannot be seen from here."""
    if holder is None:
        return Liveness.GONE
    if not holder.process or (holder.host != socket.gethostname() and not shares_host_name(holder.process)):
        return Liveness.UNKNOWN
    return _OF_PROCESS[lives(holder.process, holder.host)]


def lock_ways(tell: Callable[[str], None]) -> LockWays:
    """Return how a controller on this machine takes a search's lock. tell: shows a message."""
    known = {liveness: is_there for is_there, liveness in _OF_PROCESS.items()}
    return LockWays(lambda holder: known[liveness_of_controller(holder)], tell)


def liveness_of_run(entry: RunRecord, folder: SearchFolder | None = None, is_on_cluster: bool = False) -> Liveness:
    """Return whether a run's newest attempt lives. No scheduler is asked, so its jobs are unknown until they end.

    folder: an attempt that left its exit status there is gone, although its end is not recorded yet.
    is_on_cluster: a scheduler may have an attempt whose submission is not recorded. (On this machine a run starts only
    after that.)
    """
    started = entry.submitted
    if not entry.is_open or entry.ended is not None:
        return Liveness.GONE
    if folder is not None and note_in(folder.exit_file(entry.token)) is not None:
        return Liveness.GONE
    if started is None:
        return Liveness.UNKNOWN if is_on_cluster else Liveness.GONE
    return Liveness.UNKNOWN if started.is_queued else _OF_PROCESS[lives(started.id, started.host)]


class SearchLiveness:
    """Liveness in a search folder of any origin. controller: who controls it, or may, as text; None if nobody."""

    def __init__(self, search: FoundSearch) -> None:
        self._search = search
        holder = lock_holder(search.folder.lock)
        self.controller = {
            Liveness.GONE: None,
            Liveness.LIVE: str(holder),
            Liveness.UNKNOWN: f"{holder}; whether that still lives cannot be seen from here",
        }[liveness_of_controller(holder)]

    @cached_property
    def _named_by_processes(self) -> frozenset[str]:
        """The runs' folders that the command of a process on this machine names."""
        return runs_named_by(processes(), self._search.folder.path, self._search.runs)

    def may_be_live(self, found: FoundRun) -> bool:
        """Return whether a run may be live, or be started at any moment; True if that is unknown."""
        record = self._search.record
        if self._search.is_journal_damaged or found.run.folder in self._named_by_processes:
            return True
        if found.entry is None or record is None:
            return False
        if self.controller is not None:
            return not self._is_settled(found.entry)
        is_on_cluster = bool(record.options.get("run_cluster"))
        return liveness_of_run(found.entry, self._search.folder, is_on_cluster) is not Liveness.GONE

    def _is_settled(self, entry: RunRecord) -> bool:
        """Return whether the live controller leaves this run alone, at least for now."""
        # A search that is resumed runs again what did not finish before.
        is_of_now = self._search.record is not None and entry.run.number in self._search.record.collected_now
        is_over = entry.state is RunState.FINISHED or (entry.state is RunState.UNFINISHED and is_of_now)
        return is_over and entry.collected_at is not None


def runs_named_by(everything: Iterable[Process], folder: Path, names: Collection[str]) -> frozenset[str]:
    """Return which of the runs' folders in a search folder the command of a process names.

    Searches that started in the same second have runs of the same names, so the whole path counts where it is known.
    """
    found = set()
    for process in everything:
        for word in process.words:
            if RUN_PREFIX in word:
                found.add(_name_below(folder, word, process.cwd))
    return frozenset(found).intersection(names)


def _name_below(folder: Path, word: str, cwd: Path | None) -> str:
    """Return the name in `folder` to which a word of a command leads; empty if it leads elsewhere."""
    whole, parent = _path_named(word, cwd), f"{folder}/"
    if not whole:
        path = word.partition("=")[2] or word
        return next((part for part in path.split("/") if part.startswith(RUN_PREFIX)), "")
    return whole[len(parent) :].partition("/")[0] if whole.startswith(parent) else ""


def _path_named(word: str, cwd: Path | None) -> str:
    """Return the path that a word of a command names, perhaps behind ``--option=``; empty if it cannot be known."""
    path = word.partition("=")[2] or word
    if cwd is None and not path.startswith("/"):
        return ""
    return os.path.realpath(os.path.join(cwd or "/", path))  # noqa: PTH118  (a word of any kind, not only a path)


def is_being_resumed(everything: Iterable[Process], folder: Path) -> bool:
    """Return whether a process was told to resume the search in a folder, even if it has not begun."""
    names = (str(folder), str(folder / "search_results.csv"))
    return any(
        any("hpsearch" in word for word in process.words)
        and not {"resume", "retry", "--resume"}.isdisjoint(word.partition("=")[0] for word in process.words)
        and any(_path_named(word, process.cwd) in names for word in process.words)
        for process in everything
    )
