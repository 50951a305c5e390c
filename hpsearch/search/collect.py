"""Collect the runs that ended; files that cannot be read or moved now are tried again, and harm no other run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.config.grid_module import SearchConfig
from hpsearch.core.errors import ParserTimeout, SearchError, StoreError, SummaryError, SummaryUnreadable, reason_of
from hpsearch.core.model import Run, RunState
from hpsearch.core.summary import is_finished, says_gpu_out_of_memory
from hpsearch.core.value_text import integer
from hpsearch.folder.failures import cause_of_end, log_end
from hpsearch.folder.run_files import read_summary
from hpsearch.journal.events import AttemptEnded, AttemptIntended, RunCollected, RunReused, encode_summary
from hpsearch.journal.packed import PACK_SIZE
from hpsearch.journal.run_record import RunRecord
from hpsearch.search.controller import Controller, OpenRun, latest_run, new_attempt
from hpsearch.search.early_stop import rules_of
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.layout import SearchFolder, remove
from hpsearch.store.run_folders import folders_aside, move_aside, move_back, move_log_aside, put_files_in_place

#: The most characters kept of a line about memory.
_SAID_WIDTH = 300
#: The pause before a failed step is tried again, in seconds.
_PAUSE_S = 2.0
#: How long the search goes on only to read a run's results, in seconds.
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Outcome:
    """The result of an attempt. problem, cause: see `RunCollected`."""

    state: RunState
    summary: dict[str, list[object]] | None
    problem: str = ""
    cause: str = ""


def collect(folder: SearchFolder, run: Run, ended: AttemptEnded, config: SearchConfig) -> Outcome:
    """Read the summary of an ended run and decide its state. Raises SummaryUnreadable if a later try may succeed."""
    try:
        # A text, as a `Path` takes longer, and each run needs this.
        summary = read_summary(f"{folder.path}/{run.folder}", run, config)
        if is_finished(summary):
            odd = f"the summary says finished, but: {ended.reason}" if ended.exit_status else ""
            return Outcome(RunState.FINISHED, summary, odd)
    except SummaryUnreadable:
        raise
    except SummaryError as error:
        return _without_summary(ended, str(error))
    state = RunState(ended.cause) if ended.cause else RunState.FAILED if ended.exit_status else RunState.UNFINISHED
    return Outcome(state, summary, ended.reason or "its summary does not say finished 1")


def finished_outcome(
    folder: SearchFolder, entry: RunRecord, ended: AttemptEnded, config: SearchConfig
) -> Outcome | None:
    """Return a run's outcome if the summary in its folder says that it finished; None if not, or if unreadable.

    Raises OSError if the folder cannot be looked at.
    """
    try:
        # A text, since each run needs this before it starts, and a `Path` takes longer than the question.
        os.stat(f"{folder.path}/{entry.run.folder}")  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        outcome = collect(folder, entry.run, ended, config)
    except (SearchError, OSError, ValueError):
        return None
    return outcome if outcome.state is RunState.FINISHED else None


def _with_memory_cause(outcome: Outcome, log_ends: Iterable[str]) -> Outcome:
    """Return an outcome, changed to "out of memory" if the run's logs end with a lack of GPU memory."""
    if outcome.state not in (RunState.FAILED, RunState.UNFINISHED):
        return outcome
    said = next(filter(None, map(says_gpu_out_of_memory, log_ends)), "")
    return replace(outcome, state=RunState.OUT_OF_MEMORY, problem=said[:_SAID_WIDTH]) if said else outcome


def _ends_of(logs: Iterable[LogFile], run_folder: Path) -> dict[str, str]:
    """Return the ends of a run's logs: ending of the name -> text."""
    ends: dict[str, str] = {}
    for log in logs:
        # Postprocessing of a killed search may have put the logs in place already.
        text = log_end(log.path if log.path.exists() else run_folder / log.final_name)
        ends[log.path.suffix] = ends.get(log.path.suffix, "") + text
    return ends


def _without_summary(ended: AttemptEnded, problem: str) -> Outcome:
    state = RunState(ended.cause) if ended.cause else RunState.FAILED
    if state in (RunState.CANCELLED, RunState.STOPPED_EARLY) and ended.reason:
        return Outcome(state, None, ended.reason)
    # After a crash a missing summary is no news; after exit status 0 it is the reason.
    return Outcome(state, None, f"{ended.reason}; {problem}" if ended.reason else problem)


class Collector:
    def __init__(self, controller: Controller) -> None:
        self._search, self._config, self._backend = controller.search, controller.config, controller.backend
        self._console, self._clocks, self._runs = controller.console, controller.clocks, controller.runs
        self._unplaced: dict[str, tuple[RunRecord, list[LogFile]]] = {}
        #: Token of an attempt whose exit file is to be removed -> why that failed at the last try.
        self._exit_files: dict[str, str] = {}
        self._next_try = 0.0
        self._unpacked: list[int] = []
        # Choosers and rules of early stopping keep references to records, which packing would turn into stale copies.
        self._may_pack = controller.chooser is None and not rules_of(controller.options)

    def collect(self, run: OpenRun, is_last_try: bool = False) -> bool:
        """Note a run's outcome, and put its files in place; False if that is tried again later.

        is_last_try: files that cannot be read now count as missing.
        """
        entry = run.entry
        logs = list(self._backend.logs(run.job)) if run.job is not None else []
        outcome = self._outcome(run, logs, is_last_try)
        if outcome is None:
            return False
        self._place(entry, logs)
        self._note(entry, outcome)
        self._exit_files.setdefault(run.attempt.token, "")
        self._remove_exit_files()
        return True

    def place_left(self, entries: Sequence[RunRecord]) -> None:
        """Put in place the logs of collected runs that an earlier controller could not move."""
        with contextlib.suppress(OSError):
            paths = list(self._search.folder.logs.iterdir())
            tokens = {path.stem for path in paths}
            left = (entry for entry in entries if tokens and entry.token in tokens and not entry.is_open)
            for run in (latest_run(self._search, entry) for entry in left if entry.kept is None):
                if run.job is not None:
                    self._place(run.entry, list(self._backend.logs(run.job)))
            if paths:
                self._place_late({entry.run.folder: entry for entry in entries}, paths)

    def _place_late(self, entries: Mapping[str, RunRecord], paths: Iterable[Path]) -> None:
        """Put what jobs of earlier attempts have written late beside their folders. entries: by folder.

        A scheduler that has crashed may start a job again that had ended: it runs nothing, but leaves its output.
        """
        for path in paths:
            folder, _, rest = path.name.partition(".")
            entry, attempt = entries.get(folder), integer(rest.partition(".")[0])
            if entry is not None and attempt is not None and attempt < entry.attempts:
                with contextlib.suppress(OSError):
                    move_log_aside(self._search.folder, entry.run, attempt, path)

    def finished_after_all(self, entry: RunRecord) -> bool:
        """Read the summary of a run that is about to be run; note and return whether it finished.

        The summary was not readable before; or the machine crashed, and the journal lost its last second.
        """
        if entry.state is RunState.FINISHED:
            return False
        ended = entry.ended or AttemptEnded(entry.run.number, entry.token, None, self._clocks.wall())
        outcome = finished_outcome(self._search.folder, entry, ended, self._config)
        if outcome is None:
            return False
        if not entry.token:
            unknown = new_attempt(self._search, entry)
            self._search.note_happened(AttemptIntended(entry.run.number, unknown.token, ended.at))
        if entry.ended is None:
            self._search.note_happened(replace(ended, token=entry.token))
        self._note(entry, outcome)
        return True

    def restore(self, entry: RunRecord) -> bool:
        """Let a run's earlier result count again, and put its folder back; return whether that worked."""
        assert entry.kept is not None
        folder, kept = self._search.folder, entry.kept
        try:
            if (earlier := folders_aside(folder, entry.run).get(kept.attempts)) is not None:
                move_aside(folder, entry.run, entry.attempts)
                move_back(folder, entry.run, earlier)
        except StoreError as error:
            self._console.warn(f"run {entry.run.number}: its earlier result counts, but {error}")
            return False
        why = entry.cause or entry.problem
        newest = f"attempt {entry.attempts} {entry.state.value}" + (f" ({why})" if why else "")
        problem = f"{newest}; keeping the result of {kept.reused or f'attempt {kept.attempts}'}"
        self._console.note(f"run {entry.run.number}: {problem}")
        if kept.reused:
            now, summary = self._clocks.wall(), encode_summary(kept.summary or {})
            self._search.note_happened(RunReused(entry.run.number, kept.reused, now, summary), durable=True)
            return True
        self._note(entry, Outcome(RunState.FINISHED, dict(kept.summary or {}), problem))
        return True

    def add_row(self, entry: RunRecord) -> None:
        """Add a run's results to the table; if that fails, they are added with the next row, or at the end."""
        try:
            self._search.add_row(entry)
        except StoreError as error:
            self._console.warn(
                f"run {entry.run.number}: {error}; its results are kept and will be added to the table later"
            )

    def due(self, is_last_try: bool = False) -> list[OpenRun]:
        """Return the ended runs to collect now; if it is time, also retry moving files that could not be moved."""
        ended = self._runs.ended
        if not is_last_try and self._clocks.steady() < self._next_try:
            return [run for run in ended if run.tried_until is None]
        self._next_try = self._clocks.steady() + _PAUSE_S
        for token, (entry, logs) in list(self._unplaced.items()):
            # The run's record may have been packed in between, so `entry` may be stale.
            latest = self._search.record.runs[entry.run.number]
            if latest.token == token:
                self._place(latest, logs)
            else:
                # A newer attempt uses the folder now.
                del self._unplaced[token]
        self._remove_exit_files()
        return [run for run in ended if is_last_try or not run.is_left_to_end]

    def pack_collected(self) -> None:
        """Keep the records of collected runs in little memory, now that nobody holds a reference to one."""
        if self._may_pack and len(self._unpacked) >= PACK_SIZE:
            self._search.record.pack(dict.fromkeys(self._unpacked))
            self._unpacked.clear()

    def is_waiting(self) -> bool:
        """Return whether a run that could not be read must be tried again before the search ends."""
        now = self._clocks.steady()
        return any(run.tried_until and now < run.tried_until and not run.is_left_to_end for run in self._runs.values())

    def left_undone(self) -> str:
        """Return which files could not be moved so far, for people; empty if none."""
        return next((problem for problem in self._exit_files.values() if problem), "")

    def _note(self, entry: RunRecord, outcome: Outcome) -> None:
        summary = None if outcome.summary is None else encode_summary(outcome.summary)
        state, now = outcome.state.value, self._clocks.wall()
        collected = RunCollected(entry.run.number, entry.token, state, now, summary, outcome.problem, outcome.cause)
        self._search.note_happened(collected, durable=True)
        if self._may_pack:
            self._unpacked.append(entry.run.number)

    def _outcome(self, run: OpenRun, logs: Sequence[LogFile], is_last_try: bool) -> Outcome | None:
        """Return a run's outcome; None if that cannot be read now."""
        entry, folder = run.entry, self._search.folder
        assert entry.ended is not None
        try:
            outcome = collect(folder, entry.run, entry.ended, self._config)
        except (SearchError, OSError, ValueError) as error:
            if is_last_try:
                return self._with_cause(_without_summary(entry.ended, str(error)), entry, logs)
            now = self._clocks.steady()
            if run.tried_until is None:
                self._console.warn(f"run {run.number} has ended, and its results cannot be read yet: {error}")
                run.tried_until = now + _PATIENCE_S
            self._next_try = now + _PAUSE_S
            # A hanging parser would hold up all other runs again.
            run.is_left_to_end |= isinstance(error, ParserTimeout)
            return None
        return self._with_cause(outcome, entry, logs)

    def _with_cause(self, outcome: Outcome, entry: RunRecord, logs: Sequence[LogFile]) -> Outcome:
        """Return an outcome; if the run did not finish, with the cause that its logs tell."""
        if outcome.state is RunState.FINISHED or entry.ended is None:
            return outcome
        folder = self._search.folder
        ends = _ends_of(logs, folder.run_folder(entry.run))
        if not entry.ended.cause:
            outcome = _with_memory_cause(outcome, ends.values())
        return replace(outcome, cause=cause_of_end(folder, outcome.state, entry.ended, outcome.problem, ends))

    def _place(self, entry: RunRecord, logs: list[LogFile]) -> None:
        """Put a run's files in place, or remember to try again."""
        folder = self._search.folder
        try:
            moves = [(log.path, log.final_name) for log in logs]
            put_files_in_place(f"{folder.path}/{entry.run.folder}", moves, entry.run, self._search.settings)
            self._unplaced.pop(entry.token, None)
        except OSError as error:
            if entry.token not in self._unplaced:
                where = f"its logs stay in {folder.short(folder.logs)} for now"
                self._console.warn(f"run {entry.run.number}: {where} ({reason_of(error)})")
            self._unplaced[entry.token] = (entry, logs)

    def _remove_exit_files(self) -> None:
        """Remove exit files whose content is in the journal."""
        if self._search.trouble is not None:
            return
        for token, problem in list(self._exit_files.items()):
            try:
                remove(f"{self._search.folder.exits}/{token}")
                del self._exit_files[token]
            except StoreError as error:
                self._exit_files[token] = str(error)
                if not problem:
                    self._console.warn(self._exit_files[token])
