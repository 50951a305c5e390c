"""Resuming an earlier search: which runs, with which options, and whether that is safe.

It is not safe if runs may be live where the controller cannot see them: they would run twice at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.backends.scheduler import cluster_of
from hpsearch.choosers.chooser import is_same, next_runs, shown_folder
from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import DATA_SEED_OPTION, SearchOptions, options_from_names
from hpsearch.config.written_options import recorded
from hpsearch.console.text import amount
from hpsearch.core.errors import ControllerPresent, FolderError, UsageError
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.folder.liveness import Liveness, liveness_of_controller, liveness_of_run
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import AttemptEnded, RunReused, RunsLeftOut, SearchMoved
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.search.collect import finished_outcome
from hpsearch.search.plan import Plan
from hpsearch.startup.classes import dataclass, field, replace
from hpsearch.startup.host import host_name
from hpsearch.store.journal_file import remedy_for
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.new_folder import add_inputs


@dataclass(frozen=True)
class RunChoice:
    """Which runs of a search are taken up: the runs with these numbers, and always the open ones.

    numbers: None = all runs that were not left out, dropped or stopped early.

    again: numbers of runs that are run even if they finished.
    takes_up_all: also run the runs that turn out not to have finished.
    only_ends: run nothing, and end the open runs that can be ended from here.
    added: configurations to add to the search first, and to run. over: their options that hold the seed.
    options: changed options of the search from now on, besides those that the user gives.
    trial_failures: ``--max_failures`` until one of these runs finishes, whatever finished before; None = no such trial.
    plan: of the whole grid; the search gets its new configurations. None = the grid stays as it is.
    left_out: with a plan, numbers of the unfinished runs that are no longer in its grid.
    """

    numbers: Collection[int] | None = None
    again: Collection[int] = ()
    takes_up_all: bool = True
    only_ends: bool = False
    added: Sequence[Configuration] = ()
    over: Sequence[str] = ()
    trial_failures: int | None = None
    plan: Plan | None = None
    left_out: Collection[int] = ()
    options: Mapping[str, Any] = field(default_factory=dict)  # Any: of the options' types

    def of(self, record: SearchRecord) -> list[RunRecord]:
        """Return the runs that are looked after."""
        if self.only_ends:
            return [entry for entry in record.with_events if entry.is_open and not is_process_elsewhere(entry)]
        numbers = self.numbers
        if numbers is None:
            out = (entry for entry in record.with_events if entry.is_out or entry.state is RunState.STOPPED_EARLY)
            out_of_use = {entry.run.number for entry in out if entry.result.state is not RunState.FINISHED}
            numbers = record.runs.keys() - record.left_out - out_of_use
        return [entry for entry in record if entry.is_open or entry.run.number in numbers]


#: How to go on even though runs cannot be seen.
_IF_GONE = "or add --runs_are_gone if you know that nothing of the search is running there any more"
#: The usual choice: everything unfinished.
WHAT_IS_LEFT = RunChoice()


def check_is_safe(
    search: LiveSearch | SearchReader, options: SearchOptions, runs: Sequence[RunRecord], choice: RunChoice
) -> None:
    """Raise FolderError or UsageError if a run may be live out of reach, or no run can start with these options."""
    if not options.runs_are_gone:
        check_adoptable(search.folder, search.record, runs)
        check_same_place(search.record, options, runs)
    _, ended, _, rest = _counts(runs, choice)
    if choice.added or (not choice.only_ends and (ended or rest)):
        check_work_folder(search)


def check_work_folder(search: LiveSearch | SearchReader) -> None:
    """Raise UsageError if the working folder of the runs is gone: every run would fail."""
    try:
        existing_folder(str(search.folder.work_folder(search.record.known_settings())), Path.cwd())
    except UsageError as error:
        raise UsageError(f"the working directory of this search's runs: {error}") from error


def check_adoptable(folder: SearchFolder, record: SearchRecord, entries: Sequence[RunRecord]) -> None:
    """Raise FolderError if one of these runs may be live where this controller cannot see it.

    The run would be executed twice at once, or another search's run would be ended.
    """
    if not any(entry.is_open for entry in entries):
        return
    original = original_of(folder, record)
    if original is not None:
        remedy = "resume it there, or stop it there (hpsearch cancel) and copy it again"
        raise FolderError(f"{folder.path} is a copy of {original}, whose runs may still be running: {remedy}")
    for entry in entries:
        if entry.submitted is not None and is_process_elsewhere(entry, folder):
            where = f"was started on {entry.submitted.host} and may still be running there"
            unseen = f"which {host_name()} cannot see"
            raise FolderError(f"run {entry.run.number} {where}, {unseen}: resume there, {_IF_GONE}")


def check_same_place(record: SearchRecord, options: SearchOptions, entries: Sequence[RunRecord]) -> None:
    """Raise UsageError if a live run was not started by the scheduler (or the lack of one) that these options name."""
    before = record.options.get("scheduler", options.scheduler)
    for entry in entries:
        started = entry.submitted
        if started is None or not entry.is_live:
            continue
        if started.is_queued and before != options.scheduler:
            option, where = f"--scheduler={options.scheduler}", f"job of {before}"
        elif not started.is_queued and options.run_cluster:
            option, where = "--run_cluster", f"process on {started.host}"
        else:
            continue
        may_run = f"{option}: run {entry.run.number} may still be running as a {where}"
        raise UsageError(f"{may_run}; wait for it, or stop it first (hpsearch cancel)")


def check_same_cluster(folder: SearchFolder, entries: Sequence[RunRecord], cluster: str) -> None:
    """Raise UsageError if a live job is on another cluster than the one asked here: it would run twice.

    cluster: the name of the cluster asked here; empty if unknown.
    """
    for entry in entries:
        is_named = entry.submitted is not None and bool(cluster_of(entry.submitted.id))
        is_elsewhere = bool(cluster) and entry.cluster not in ("", cluster) and not is_named
        if is_elsewhere and liveness_of_run(entry, folder, is_on_cluster=True) is not Liveness.GONE:
            where = f"may still be running as a job of the cluster {entry.cluster}"
            here = f"the commands here ask the cluster {cluster}: resume where they ask {entry.cluster}"
            raise UsageError(f"run {entry.run.number} {where}, and {here}, {_IF_GONE}")


def is_process_elsewhere(entry: RunRecord, folder: SearchFolder | None = None) -> bool:
    """Return whether a run may live as a process of another machine. folder: see `liveness_of_run`."""
    is_process = entry.submitted is not None and not entry.submitted.is_queued
    return is_process and liveness_of_run(entry, folder) is Liveness.UNKNOWN


def original_of(folder: SearchFolder, record: SearchRecord) -> Path | None:
    """Return the original folder if this one is a copy: it lies where the runs of both should lie."""
    for path in _recorded_folders(record).values():
        journal = SearchFolder(path).journal
        is_elsewhere = journal.exists() and not is_same(path, folder.path)
        # Another search may lie there now.
        if is_elsewhere and _first_line(journal) == _first_line(folder.journal):
            return path
    return None


def moves(search: LiveSearch | SearchReader) -> list[SearchMoved]:
    """Return the events that give runs their new output folders, if the search was moved."""
    folder, recorded = search.folder.path, _recorded_folders(search.record)
    # A run that only other files know has no parent here.
    moved = {parent for parent, path in recorded.items() if parent and not is_same(path, folder)}
    return [SearchMoved(parent, str(folder)) for parent in recorded if parent in moved]


@dataclass(frozen=True)
class Addition:
    """What a search gets besides its present runs. more: events about present and new runs."""

    runs: Sequence[Run]
    settings: Settings
    more: Sequence[RunReused | RunsLeftOut] = ()


def addition_to(search: LiveSearch | SearchReader, options: SearchOptions, choice: RunChoice, at: float) -> Addition:
    """Return what the choice adds to a search. options: of the search from now on. at: seconds since the epoch."""
    settings, plan = search.record.known_settings(), choice.plan
    if choice.over:
        options = replace(options, seed_option=choice.over[0], vary_data_seed=DATA_SEED_OPTION in choice.over[1:])
    runs = next_runs(search, choice.added, at)
    names = dict.fromkeys(name for each in choice.added for name, _ in each.options)
    settings = replace(
        settings if plan is None else plan.settings,
        shown_folder=shown_folder(search),
        option_names=tuple(names) if plan is None else plan.settings.option_names,
        options=recorded(options),
    )
    if plan is None:
        return Addition(runs, settings)
    left = (entry for entry in search.record if entry.state is not RunState.FINISHED and not entry.is_open)
    waiting = [entry.run for entry in left if entry.run.number not in choice.left_out]
    is_changed = search.record.left_out != set(choice.left_out)
    left_out = [RunsLeftOut(sorted(choice.left_out))] if is_changed else []
    return Addition(runs, settings, [*left_out, *plan.reused((*waiting, *runs))])


def add_runs(search: LiveSearch, options: SearchOptions, choice: RunChoice, at: float) -> RunChoice:
    """Add the chosen configurations to a search; return the choice with the new runs. See `addition_to`."""
    if not choice.added and choice.plan is None and not choice.options:
        return choice
    new = addition_to(search, options, choice, at)
    if choice.plan is not None:
        add_inputs(search.folder, choice.plan.inputs())
    search.add_plan(new.runs, new.settings, at, new.more)
    if choice.plan is not None or choice.numbers is None:
        return choice
    return replace(choice, numbers={*choice.numbers, *(run.number for run in new.runs)})


def _recorded_folders(record: SearchRecord) -> dict[str, Path]:
    """Return the folders in which runs should lie: as the simulation gets them -> absolute."""
    run_cwd = Path(record.known_settings().run_cwd)
    return {parent: absolute(parent, run_cwd) for parent in record.parents()}


def _first_line(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.readline()


def options_of(search: LiveSearch | SearchReader) -> SearchOptions:
    """Return the search's options so far. Raises FolderError if its journal holds unusable options."""
    try:
        return options_from_names(search.record.options)
    except ValueError as error:
        problem = f"it holds an unusable option of the search ({error})"
        raise FolderError(f"{search.folder.journal}: {problem}; {remedy_for(search.folder.journal)}") from error


def _counts(runs: Sequence[RunRecord], choice: RunChoice) -> tuple[int, int, int, int]:
    """Return four counts of runs: finished, ended while no controller was there, may be live, and to be run."""
    finished = sum(entry.state is RunState.FINISHED and entry.run.number not in choice.again for entry in runs)
    alive = [liveness_of_run(entry) is not Liveness.GONE for entry in runs]
    ended = sum(entry.is_open and entry.submitted is not None and not is_alive for entry, is_alive in zip(runs, alive))
    return finished, ended, sum(alive), len(runs) - finished - ended - sum(alive)


def resume_lines(search: LiveSearch | SearchReader, runs: Sequence[RunRecord], choice: RunChoice) -> list[str]:
    """Say what is about to be done."""
    folder = search.folder.path
    if choice.plan is not None:
        return []
    if choice.added:
        return [f"results: {folder}"]
    finished, ended, live, rest = _counts(runs, choice)
    if choice.only_ends:
        return [
            f"Stopping what is left of {folder}" + (f": {amount(live, 'run')} may still be running" if live else "")
        ]
    if choice.numbers is not None:
        waiting = f"; waiting for {live:,} that may still be running" if live else ""
        if live and not ended + rest:
            return [f"Waiting for {amount(live, 'run')} of {folder} that may still be running"]
        return [f"Running {amount(ended + rest, 'run')} of {folder} again{waiting}"]
    stopped = search.record.states()[RunState.STOPPED_EARLY]
    left = f"; {amount(stopped, 'run')} stopped early, not run again" if stopped else ""
    return [f"Resuming {folder}", f"{resumed_text(finished, ended, live, rest)}{left}"]


def resumed_text(finished: int, ended: int, live: int, rest: int) -> str:
    """Say what happens to the runs of a resumed search; see `_counts`."""
    total = amount(finished + ended + live + rest, "run")
    counts = ((finished, "already finished"), (ended, "ended meanwhile"), (live, "may still be running"))
    parts = [f"{count:,} {what}" for count, what in counts if count]
    if not parts:
        return f"running {total}" if rest == 1 else f"running all {total}"
    first, _, what = parts[0].partition(" ")
    parts[0] = f"{first} of {total} {what}"
    return ", ".join(parts) + (f"; running the other {rest:,}" if rest else "")


def check_is_free(reader: SearchReader) -> None:
    """Raise ControllerPresent if a controller works on the search: another one would be refused."""
    holder = reader.holder()
    if liveness_of_controller(holder) is Liveness.LIVE:
        problem = f"this search is already running ({holder})"
        raise ControllerPresent(
            f"{reader.folder.path}: {problem}; wait until it ends, or stop it first (hpsearch cancel)"
        )


def due_runs(
    reader: SearchReader, runs: Sequence[RunRecord], choice: RunChoice, config: SearchConfig
) -> list[RunRecord]:
    """Return the runs that would be run; runs that may be live are waited for instead."""
    options = reader.record.options
    takes_up_all = choice.takes_up_all and not options.get("submit_only")
    left_out = reader.record.left_out

    def is_due(entry: RunRecord) -> bool:
        is_wanted = entry.run.number in choice.again
        if liveness_of_run(entry, reader.folder, bool(options.get("run_cluster"))) is not Liveness.GONE:
            return False
        if entry.is_open and entry.submitted is not None:
            # It ended while no controller was there.
            is_taken_up = takes_up_all and entry.run.number not in left_out
            is_taken_up &= not entry.is_stopped
            return (is_taken_up or is_wanted) and not _has_finished(entry, reader, config)
        is_over = entry.state is RunState.FINISHED or _has_finished(entry, reader, config)
        return is_wanted or not is_over

    return [entry for entry in runs if is_due(entry)]


def _has_finished(entry: RunRecord, reader: SearchReader, config: SearchConfig) -> bool:
    ended = entry.ended or AttemptEnded(entry.run.number, entry.token, None, 0.0)
    return finished_outcome(reader.folder, entry, ended, config) is not None
