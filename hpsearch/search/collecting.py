"""Runs that ended are collected; what cannot be read or put in place now is tried again, and harms no other run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpsearch.backends.base import Backend, LogFile
from hpsearch.config.grid_module import SearchConfig
from hpsearch.console.console import Console
from hpsearch.core.errors import ParserTimeout, SearchError, StoreError, reason_of
from hpsearch.core.model import Job, RunState
from hpsearch.folder.collect import Outcome, collect, put_files_in_place, with_memory_cause, without_summary
from hpsearch.search.clocks import Clocks
from hpsearch.search.submissions import new_attempt
from hpsearch.store.events import AttemptEnded, AttemptIntended, RunCollected, encode_summary
from hpsearch.store.layout import folders_aside, move_aside, move_back
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord

#: Between two tries at what could not be done, in seconds.
_PAUSE_S = 2.0
#: What a run left is tried to be read for so long before the search ends without it, in seconds.
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class EndedRun:
    """A run whose attempt has ended. job: that attempt; None if it never became one."""

    entry: RunRecord
    job: Job | None


class Collector:
    """Collects the runs of one search."""

    def __init__(
        self, search: LiveSearch, config: SearchConfig, backend: Backend, console: Console, clocks: Clocks
    ) -> None:
        self._search, self._config, self._backend = search, config, backend
        self._console, self._clocks = console, clocks
        self._put_off: dict[int, EndedRun] = {}
        self._put_off_until: dict[int, float] = {}
        self._unplaced: dict[str, tuple[RunRecord, list[LogFile]]] = {}
        self._exit_files: dict[Path, str] = {}
        #: Runs whose parser hangs: trying again soon would hold up all others.
        self._at_the_end: set[int] = set()
        self._next_try = 0.0

    def collect(self, ended: EndedRun, is_last_try: bool = False) -> bool:
        """Note what a run came to, and put its files in place; False if that cannot be told now and is tried again.

        is_last_try: what cannot be read now counts as not there.
        """
        entry = ended.entry
        logs = list(self._backend.logs(ended.job)) if ended.job is not None else []
        outcome = self._outcome(entry, logs, is_last_try)
        if outcome is None:
            now = self._clocks.steady()
            self._put_off[entry.run.number] = ended
            self._put_off_until.setdefault(entry.run.number, now + _PATIENCE_S)
            self._next_try = now + _PAUSE_S
            return False
        self._put_off.pop(entry.run.number, None)
        self._put_off_until.pop(entry.run.number, None)
        self._place(entry, logs)
        self._note(entry, outcome)
        self._exit_files.setdefault(self._search.folder.exit_file(entry.token), "")
        self._remove_exit_files()
        return True

    def finished_after_all(self, entry: RunRecord) -> bool:
        """Read the summary of a run that is about to be run; note and return whether it finished.

        It may not have been readable before. Or the journal does not know the attempt: its last second may be lost
        with the machine.
        """
        folder = self._search.folder
        if entry.state is RunState.FINISHED or not folder.run_folder(entry.run).exists():
            return False
        ended = entry.ended or AttemptEnded(entry.run.number, entry.token, None, self._clocks.wall())
        try:
            outcome = collect(folder, entry.run, ended, self._config)
        except (SearchError, OSError, ValueError):
            return False
        if outcome.state is not RunState.FINISHED:
            return False
        if not entry.token:
            unknown = new_attempt(self._search, entry)
            self._search.note_happened(AttemptIntended(entry.run.number, unknown.token, ended.at))
        if entry.ended is None:
            self._search.note_happened(replace(ended, token=entry.token))
        self._note(entry, outcome)
        return True

    def restore(self, entry: RunRecord) -> bool:
        """Let an earlier result of a run count again, none of whose newer attempts finished; return whether it does.

        Its folder returns to its place, and that of the newest attempt is moved aside.
        """
        assert entry.kept is not None
        folder, kept = self._search.folder, entry.kept
        earlier = folders_aside(folder, entry.run).get(kept.attempts)
        try:
            if earlier is not None:
                move_aside(folder, entry.run, entry.attempts)
                move_back(folder, entry.run, earlier)
        except StoreError as error:
            self._console.warn(f"run {entry.run.number}: its earlier result counts, but {error}")
            return False
        newest = f"attempt {entry.attempts} {entry.state.value}" + (f" ({entry.problem})" if entry.problem else "")
        problem = f"{newest}; the result of attempt {kept.attempts} stays"
        self._console.note(f"run {entry.run.number}: {problem}")
        self._note(entry, Outcome(RunState.FINISHED, dict(kept.summary or {}), problem))
        return True

    def add_row(self, entry: RunRecord) -> None:
        """Add a run's results to the table; a row that cannot be written now comes with the next one, or at the end."""
        try:
            self._search.add_row(entry)
        except StoreError as error:
            self._console.warn(f"run {entry.run.number}: {error}; its results are kept and get into the table later")

    def due(self, is_last_try: bool = False) -> list[EndedRun]:
        """Do again what could not be done, if it is time to; return the runs that are to be collected again."""
        if not is_last_try and self._clocks.steady() < self._next_try:
            return []
        self._next_try = self._clocks.steady() + _PAUSE_S
        for token, (entry, logs) in list(self._unplaced.items()):
            if entry.token == token:
                self._place(entry, logs)
            else:
                # The folder is that of a newer attempt by now.
                del self._unplaced[token]
        self._remove_exit_files()
        return [ended for number, ended in self._put_off.items() if is_last_try or number not in self._at_the_end]

    def is_waiting(self) -> bool:
        """Return whether a run that could not be read is tried again before the search may end."""
        now = self._clocks.steady()
        return any(now < until for number, until in self._put_off_until.items() if number not in self._at_the_end)

    def left_undone(self) -> str:
        """Return what could not be tidied up until now; empty if nothing."""
        return next((problem for problem in self._exit_files.values() if problem), "")

    def _note(self, entry: RunRecord, outcome: Outcome) -> None:
        summary = None if outcome.summary is None else encode_summary(outcome.summary)
        state, now = outcome.state.value, self._clocks.wall()
        self._search.note_happened(
            RunCollected(entry.run.number, entry.token, state, now, summary, outcome.problem), durable=True
        )

    def _outcome(self, entry: RunRecord, logs: Sequence[LogFile], is_last_try: bool) -> Outcome | None:
        """Return what a run came to; None if that cannot be read now."""
        assert entry.ended is not None
        folder = self._search.folder
        try:
            outcome = collect(folder, entry.run, entry.ended, self._config)
        except (SearchError, OSError, ValueError) as error:
            if not is_last_try:
                self._tell_of_delay(entry, str(error))
                if isinstance(error, ParserTimeout):
                    self._at_the_end.add(entry.run.number)
                return None
            return without_summary(entry.ended, str(error))
        if entry.ended.cause:
            return outcome
        return with_memory_cause(outcome, logs, folder.run_folder(entry.run))

    def _tell_of_delay(self, entry: RunRecord, problem: str) -> None:
        if entry.run.number not in self._put_off:
            self._console.warn(f"run {entry.run.number} has ended and is collected later: {problem}")

    def _place(self, entry: RunRecord, logs: list[LogFile]) -> None:
        """Put a run's files in place, or remember that it has to be tried again."""
        folder = self._search.folder
        try:
            put_files_in_place(folder.run_folder(entry.run), logs, entry.run, self._search.settings)
            self._unplaced.pop(entry.token, None)
        except OSError as error:
            if entry.token not in self._unplaced:
                self._console.warn(
                    f"run {entry.run.number}: its logs stay in {folder.logs} for now ({reason_of(error)})"
                )
            self._unplaced[entry.token] = (entry, logs)

    def _remove_exit_files(self) -> None:
        """Remove what launchers left, once the journal has what it says."""
        if self._search.trouble is not None:
            return
        for path, told in list(self._exit_files.items()):
            try:
                path.unlink(missing_ok=True)
                del self._exit_files[path]
            except OSError as error:
                self._exit_files[path] = f"{path}: cannot be removed ({reason_of(error)})"
                if not told:
                    self._console.warn(self._exit_files[path])
