"""Which runs of a search folder may still be live: asked without disturbing them, and never guessed."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterable
from functools import cached_property

from hpsearch.app.found_search import FoundRun, FoundSearch
from hpsearch.backends.launcher import read_exit_status
from hpsearch.backends.process_identity import command_lines, is_alive
from hpsearch.core.model import RunState
from hpsearch.store.lock import lock_holder
from hpsearch.store.old_search import RUN_PREFIX
from hpsearch.store.record import RunRecord

#: What parts of a path may stand between in a command.
_PATH_ENDS = re.compile(r"[\s\0/='\"]+")
#: A controller never runs these again.
_OVER_FOR_GOOD = (RunState.FINISHED, RunState.UNFINISHED)


class Liveness:
    """What is known of the controller and the runs of a search at one moment."""

    def __init__(self, search: FoundSearch) -> None:
        self._search = search
        self.controller = lock_holder(search.folder.lock)

    @cached_property
    def _named_by_processes(self) -> frozenset[str]:
        """The runs' folders that the command of a process on this machine names."""
        return names_in(command_lines(), self._search.runs)

    def may_be_live(self, found: FoundRun) -> bool:
        """Return whether a run may be live, or be started at any moment; True also if nobody can say."""
        if self._search.is_journal_damaged or found.run.folder in self._named_by_processes:
            return True
        if found.entry is None:
            return False
        if self.controller is not None:
            return found.entry.collected_at is None or found.entry.state not in _OVER_FOR_GOOD
        return self._was_left_behind_live(found.entry)

    def _was_left_behind_live(self, entry: RunRecord) -> bool:
        """Return whether a run whose controller is gone may go on."""
        if not entry.token or entry.collected_at is not None or entry.ended is not None or self._has_exit(entry):
            return False
        if entry.submitted is None:
            # On this machine a run starts only after its submission was recorded; a scheduler may have it.
            return bool(self._search.settings.options.get("run_cluster"))
        is_local = "@" in entry.submitted.id and entry.submitted.host == socket.gethostname()
        return is_alive(entry.submitted.id) if is_local else True

    def _has_exit(self, entry: RunRecord) -> bool:
        try:
            return (
                read_exit_status(self._search.folder.exit_file(entry.token).read_text("ascii", "replace")) is not None
            )
        except OSError:
            return False


def names_in(lines: Iterable[str], names: Collection[str]) -> frozenset[str]:
    """Return which of the names of runs' folders occur in some command lines, as a part of a path."""
    parts = (part for line in lines if RUN_PREFIX in line for part in _PATH_ENDS.split(line))
    return frozenset(parts).intersection(names)
