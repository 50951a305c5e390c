"""Why runs did not finish, for people: causes, similar failures in one line, and where to read on.

The rules about causes (many patterns) are imported only when a run has failed: `status` always imports this module.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from hpsearch.console.text import amount
from hpsearch.core.model import RunState
from hpsearch.folder.reading import logs_of_attempts
from hpsearch.folder.run_tables import failure_log, on_place, option_texts, options_text, varying_options
from hpsearch.journal.events import AttemptEnded
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import SearchFolder, open_log

#: How much of a log's end is read, in bytes.
_LOG_END = 65536
#: The most runs whose logs are read if the journal has no causes.
_MOST_READ = 300
#: The most kinds of failures that are told one by one.
_MOST_GROUPS = 10


def log_end(path: Path | None) -> str:
    """Return the end of a log; empty if it cannot be read."""
    with contextlib.suppress(OSError):
        if path is not None:
            with open(path, "rb", buffering=0, opener=open_log) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_END))
                return file.read(_LOG_END).decode("utf-8", "replace")
    return ""


def cause_of_end(
    folder: SearchFolder, state: RunState, ended: AttemptEnded | None, problem: str, logs: Mapping[str, str]
) -> str:
    """Return why an attempt did not finish. problem: see `RunCollected`. logs: ``.err``, ``.out`` -> the log's end."""
    from hpsearch.core.failures import RunEnd, cause_of

    # People know the folder.
    problem = problem.replace(f"{folder.path}{os.sep}", "")
    if ended is None:
        return cause_of(RunEnd(state, None, problem, is_outside=True))
    err, out = logs.get(".err", ""), logs.get(".out", "")
    return cause_of(RunEnd(state, ended.exit_status, ended.reason, bool(ended.cause), problem, err, out))


def known_cause(entry: RunRecord, folder: SearchFolder, may_read: bool = True) -> str:
    """Return why a run did not finish: the recorded cause, or from its log if an older version collected it.

    may_read: False if reading the log would take too long.
    """
    if entry.cause:
        return entry.cause
    suffixes = (".err", ".out") if may_read else ()
    logs = {suffix: log_end(newest_log(folder, entry, suffix)) for suffix in suffixes}
    return cause_of_end(folder, entry.state, entry.ended, entry.problem, logs)


def ending(state: RunState, cause: str, place: str = "") -> str:
    """Say how an unfinished run ended: ``failed on GPU 1: exit status 3``, ``cancelled with the search``."""
    return cause if cause.startswith(state.value) else f"{state.value}{place}: {cause}"


def _place_of(entry: RunRecord) -> str:
    return on_place(entry.submitted.place) if entry.submitted is not None else ""


@dataclass(frozen=True)
class FailureGroup:
    """Runs that failed alike, at least one. cause: of the first."""

    state: RunState
    cause: str
    runs: Sequence[RunRecord]

    @property
    def text(self) -> str:
        """How many runs ended how, for people."""
        first = self.runs[0].run.number
        if len(self.runs) == 1:
            return f"run {first} {ending(self.state, self.cause, _place_of(self.runs[0]))}"
        return f"{amount(len(self.runs), 'run')} {ending(self.state, self.cause)}, e.g. run {first}"


def failure_groups(entries: Iterable[RunRecord], folder: SearchFolder) -> list[FailureGroup]:
    """Return the unfinished runs, grouped by likeness of failure, the largest group first."""
    if not (entries := list(entries)):
        return []
    from hpsearch.core.failures import likeness

    groups = dict[object, tuple[str, list[RunRecord]]]()
    for entry, cause in zip(entries, causes_of(entries, folder)):
        groups.setdefault(likeness(entry.state, cause), (cause, []))[1].append(entry)
    listed = [FailureGroup(runs[0].state, cause, runs) for cause, runs in groups.values()]
    return sorted(listed, key=lambda group: -len(group.runs))


def causes_of(entries: Iterable[RunRecord], folder: SearchFolder) -> list[str]:
    """Return why each run did not finish; logs are read only for the first `_MOST_READ` runs."""
    return [known_cause(entry, folder, may_read=number < _MOST_READ) for number, entry in enumerate(entries)]


def shared_by(group: FailureGroup, names: Sequence[str]) -> dict[str, str]:
    """Return the options among `names` with the same value in all runs of a group: name -> text."""
    from hpsearch.core.failures import shared_options

    return shared_options([option_texts(entry, names) for entry in group.runs], names)


class Failures:
    """Runs that did not finish; their description is worked out once, however often it is shown."""

    def __init__(self, runs: Sequence[RunRecord], record: SearchRecord, folder: SearchFolder) -> None:
        self.runs, self._record, self._folder = runs, record, folder
        self._lines: dict[int, list[str]] = {}

    @cached_property
    def groups(self) -> list[FailureGroup]:
        """The groups of runs that failed alike, the largest first."""
        return failure_groups(self.runs, self._folder)

    @cached_property
    def varying(self) -> list[str]:
        """The options that vary in the search."""
        return varying_options(self._record)

    def lines(self, most: int = _MOST_GROUPS, whole: Callable[[str], str] = str) -> list[str]:
        """Say for each kind of failure: how many runs and why, what they have in common, and how to read on.

        most: how many kinds are told one by one. whole: keeps a line from being wrapped; the same in all calls.
        """
        if most not in self._lines:
            self._lines[most] = list(self._new_lines(most, whole))
        return self._lines[most]

    def _new_lines(self, most: int, whole: Callable[[str], str]) -> Iterator[str]:
        for group in self.groups[:most]:
            yield group.text
            if group.state is not RunState.CANCELLED:
                special = _special(group, self.varying)
                yield from [f"  {special}"] if special else []
                # The script may have another name for the option.
                unknown = [name for name in self._record.over if f"--{name}" in group.cause]
                yield from (
                    f"  if the script has no --{name}: name its own with --seed_option=NAME" for name in unknown
                )
                # A log does not say why a run was stopped early.
                hint = "" if group.state is RunState.STOPPED_EARLY else log_hint(group.runs[0], self._folder)
                yield from [whole(f"  {hint}")] if hint else []
        if len(self.groups) > most:
            left = sum(len(group.runs) for group in self.groups[most:])
            yield f"... and {amount(left, 'run')} for {amount(len(self.groups) - most, 'other reason')}"


def failure_lines(entries: Iterable[RunRecord], record: SearchRecord, folder: SearchFolder) -> list[str]:
    """Return the lines of `Failures` for some runs."""
    return Failures(list(entries), record, folder).lines()


def _special(group: FailureGroup, names: Sequence[str]) -> str:
    """Say what all runs of a group share, of place and varying options; if nothing, describe the first run."""
    is_one, places, options = len(group.runs) == 1, set(map(_place_of, group.runs)), shared_by(group, names)
    place = places.pop() if len(places) == 1 and not is_one else ""
    words = place + (f" with {options_text(options)}" if options else "")
    if words:
        return words.strip() if is_one else f"all{words}"
    first = options_text(option_texts(group.runs[0], names))
    return f"run {group.runs[0].run.number} with {first}" if first else ""


def log_hint(entry: RunRecord, folder: SearchFolder) -> str:
    """Say how to read on about an unfinished run: the command that shows its errors, else its output.

    Or where LSF's report on its job lies. Empty if the run left nothing.
    """
    from hpsearch.config.program import logs_hint

    for suffix in (".err", ".out"):
        if log_end(newest_log(folder, entry, suffix)):
            return logs_hint(folder.path, entry.run.number, is_err=suffix == ".err")
    log = failure_log(entry, folder)
    return f"log: {log}" if log.is_file() and log_end(log) else ""


def newest_log(folder: SearchFolder, entry: RunRecord, suffix: str) -> Path | None:
    """Return the log of a run's newest attempt that left one; None if there is none. suffix: ``.err`` or ``.out``."""
    logs = logs_of_attempts(folder, entry, suffix)
    return logs[max(logs)] if logs else None
