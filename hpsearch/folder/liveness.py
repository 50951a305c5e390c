"""Whether a search's controller and runs are alive, found out without disturbing them; "unknown" is an answer."""

from __future__ import annotations

import enum
import os
import time
from collections.abc import Callable, Collection, Iterable
from itertools import chain
from pathlib import Path

from hpsearch.backends.process_identity import Process, boot_id, job_id, lives, shares_host_name
from hpsearch.folder.nearby import default_searches, holds_search, searches_called
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.host import host_name
from hpsearch.store.layout import RUN_PREFIX, SearchFolder
from hpsearch.store.lock import Holder, LockWays


class Liveness(enum.Enum):
    """What is known of the life of a run, or of a controller that has not given back its lock."""

    LIVE = "live"
    GONE = "gone"
    UNKNOWN = "unknown"


class SearchState(enum.Enum):
    """The state of a search. ended: all runs have ended; stopped: runs are left, and there is no controller."""

    RUNNING = "running"
    ENDED = "ended"
    STOPPED = "stopped"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, controller: Liveness, left: int) -> SearchState:
        """Return the state of a search from its controller's liveness and the number of runs that have not ended."""
        by_controller = {Liveness.LIVE: cls.RUNNING, Liveness.UNKNOWN: cls.UNKNOWN}
        return by_controller.get(controller, cls.STOPPED if left else cls.ENDED)


_OF_PROCESS = {True: Liveness.LIVE, False: Liveness.GONE, None: Liveness.UNKNOWN}


def this_controller() -> Holder:
    """Return this process as the holder of a lock."""
    import threading

    # Python handles signals in the main thread: a search in another thread is part of a program with its own handlers.
    takes_signals = threading.current_thread() is threading.main_thread()
    return Holder(host_name(), os.getpid(), time.time(), job_id(os.getpid()), takes_signals, boot=boot_id())


def liveness_of_controller(holder: Holder | None) -> Liveness:
    """Return whether the holder of a lock is alive; unknown if it is on another machine."""
    if holder is None:
        return Liveness.GONE
    if not holder.process or (holder.host != host_name() and not shares_host_name(holder.process)):
        return Liveness.UNKNOWN
    return _OF_PROCESS[lives(holder.process, holder.host)]


def lock_ways(tell: Callable[[str], None]) -> LockWays:
    """Return how a controller on this machine takes a search's lock. tell: shows a message."""
    answers = {Liveness.LIVE: True, Liveness.GONE: False}
    return LockWays(lambda holder: answers.get(liveness_of_controller(holder)), tell)


def liveness_of_run(entry: RunRecord, folder: SearchFolder | None = None, is_on_cluster: bool = False) -> Liveness:
    """Return whether a run's newest attempt lives. No scheduler is asked, so jobs are unknown until they end.

    folder: an attempt that left its exit status there is gone, even if its end is not recorded yet.
    is_on_cluster: a scheduler may have an attempt whose submission is not recorded. (On this machine, a run starts
    only after that.)
    """
    started = entry.submitted
    if not entry.is_open or entry.ended is not None:
        return Liveness.GONE
    # Imported late: only an open run needs it.
    from hpsearch.backends.launcher import note_in

    if folder is not None and note_in(folder.exit_file(entry.token)) is not None:
        return Liveness.GONE
    if started is None:
        return Liveness.UNKNOWN if is_on_cluster else Liveness.GONE
    return Liveness.UNKNOWN if started.is_queued else _OF_PROCESS[lives(started.id, started.host)]


def runs_named_by(everything: Iterable[Process], folder: Path, names: Collection[str]) -> frozenset[str]:
    """Return the runs' folders of a search folder that commands of processes name.

    Searches that started in the same second have runs of the same names, so the whole path counts if it is known.
    """
    words = ((word, process.cwd) for process in everything for word in process.words if RUN_PREFIX in word)
    return frozenset(_name_below(folder, word, cwd) for word, cwd in words).intersection(names)


def _name_below(folder: Path, word: str, cwd: Path | None) -> str:
    """Return the name in `folder` that a word of a command points to; empty if it points elsewhere."""
    whole, parent = _path_named(word, cwd), f"{folder}/"
    if not whole:
        path = word.partition("=")[2] or word
        return next((part for part in path.split("/") if part.startswith(RUN_PREFIX)), "")
    return whole[len(parent) :].partition("/")[0] if whole.startswith(parent) else ""


def _path_named(word: str, cwd: Path | None) -> str:
    """Return the path in a word of a command, perhaps behind ``--option=``; empty if it cannot be known."""
    path = word.partition("=")[2] or word
    if cwd is None and not path.startswith("/"):
        return ""
    return os.path.realpath(os.path.join(cwd or "/", path))  # noqa: PTH118  (a word of any kind, not only a path)


def is_being_resumed(everything: Iterable[Process], folder: Path) -> bool:
    """Return whether a process was told to resume the search in a folder, even if it has not begun."""
    return any(_resumes(process, folder) for process in everything)


def _resumes(process: Process, folder: Path) -> bool:
    is_ours = any("hpsearch" in word for word in process.words)
    if not is_ours or {"resume", "retry", "extend", "--resume"}.isdisjoint(
        word.partition("=")[0] for word in process.words
    ):
        return False
    paths = [Path(path) for word in process.words if (path := _path_named(word, process.cwd))]
    named = {path.parent if path.name == "search_results.csv" else path for path in paths}
    if folder in named or process.cwd is None:
        return folder in named
    # Its user may have named no folder, or a search's name.
    names = (word for word in process.words if "/" not in word and not word.startswith("-"))
    by_name = (path for name in names for path in searches_called(name, process.cwd))
    is_meant = folder in map(Path.resolve, chain(default_searches(process.cwd)[:1], by_name))
    return is_meant and not any(map(holds_search, named))
