"""Which runs of a search folder may still be live: asked without disturbing them, and never guessed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.backends.launcher import note_in
from hpsearch.backends.process_identity import Process, lives, processes
from hpsearch.core.model import RunState
from hpsearch.folder.controller import Presence, presence_of
from hpsearch.folder.found_search import FoundRun, FoundSearch
from hpsearch.store.lock import lock_holder
from hpsearch.store.old_search import RUN_PREFIX
from hpsearch.store.record import RunRecord


class Liveness:
    """What is known of the controller and the runs of a search at one moment."""

    def __init__(self, search: FoundSearch) -> None:
        self._search = search
        self.controller = _controller(search)

    @cached_property
    def _options(self) -> Mapping[str, Any]:  # Any: see SearchRecord.options
        return self._search.record.options if self._search.record is not None else {}

    @cached_property
    def _named_by_processes(self) -> frozenset[str]:
        """The runs' folders that the command of a process on this machine names."""
        return runs_named_by(processes(), self._search.folder.path, self._search.runs)

    def may_be_live(self, found: FoundRun) -> bool:
        """Return whether a run may be live, or be started at any moment; True also if nobody can say."""
        if self._search.is_journal_damaged or found.run.folder in self._named_by_processes:
            return True
        if found.entry is None:
            return False
        if self.controller is not None:
            return not self._is_settled(found.entry)
        return self._was_left_behind_live(found.entry)

    def _is_settled(self, entry: RunRecord) -> bool:
        """Return whether the live controller will not run this run again, or not for the time being."""
        if entry.collected_at is None:
            return False
        # A search that is resumed runs again whatever did not finish before.
        is_of_now = self._search.record is not None and entry.run.number in self._search.record.collected_now
        return entry.state is RunState.FINISHED or (entry.state is RunState.UNFINISHED and is_of_now)

    def _was_left_behind_live(self, entry: RunRecord) -> bool:
        """Return whether a run whose controller is gone may go on."""
        if not entry.token or entry.collected_at is not None or entry.ended is not None or self._has_exit(entry):
            return False
        if entry.submitted is None:
            # On this machine a run starts only after its submission was recorded; a scheduler may have it.
            return bool(self._options.get("run_cluster"))
        return entry.submitted.is_queued or lives(entry.submitted.id, entry.submitted.host) is not False

    def _has_exit(self, entry: RunRecord) -> bool:
        return note_in(self._search.folder.exit_file(entry.token)) is not None


def _controller(search: FoundSearch) -> str | None:
    """Return who controls a search, or may; None if nobody does."""
    holder = lock_holder(search.folder.lock)
    presence = presence_of(holder)
    if presence is Presence.GONE:
        return None
    return str(holder) if presence is Presence.LIVE else f"{holder}; whether that still lives cannot be seen from here"


def runs_named_by(everything: Iterable[Process], folder: Path, names: Collection[str]) -> frozenset[str]:
    """Return which of the runs' folders in a search folder are named by the command of a process.

    Searches that started in the same second have runs of the same names; so the whole path counts where it is known.
    """
    found = set()
    for process in everything:
        for word in process.words:
            if RUN_PREFIX in word:
                path = word.partition("=")[2] or word
                found.add(_name_below(folder, path, process.cwd))
    return frozenset(found).intersection(names)


def _name_below(folder: Path, path: str, cwd: Path | None) -> str:
    """Return the name in `folder` to which a path of another process leads; empty if it leads elsewhere."""
    if cwd is None and not path.startswith("/"):
        return next((part for part in path.split("/") if part.startswith(RUN_PREFIX)), "")
    whole = os.path.realpath(os.path.join(cwd or "/", path))  # noqa: PTH118  (a word of any kind, not only a path)
    parent = f"{folder}/"
    return whole[len(parent) :].partition("/")[0] if whole.startswith(parent) else ""


def is_being_resumed(everything: Iterable[Process], folder: Path) -> bool:
    """Return whether a process was told to take up the search in a folder; it may not have come to that yet."""
    return any(
        any("hpsearch" in word for word in process.words)
        and not {"resume", "retry", "--resume"}.isdisjoint(word.partition("=")[0] for word in process.words)
        and any(_names(folder, word.partition("=")[2] or word, process.cwd) for word in process.words)
        for process in everything
    )


def _names(folder: Path, path: str, cwd: Path | None) -> bool:
    if cwd is None and not path.startswith("/"):
        return False
    return os.path.realpath(os.path.join(cwd or "/", path)) in (str(folder), str(folder / "search_results.csv"))  # noqa: PTH118
