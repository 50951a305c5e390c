"""A whole search, from its options to its exit status: the table of contents of this program."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.backends.base import AsksCommands, Backend, OnCluster
from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig, load_config
from hpsearch.config.options import SearchOptions, check_together, options_from_names, with_given
from hpsearch.config.own_call import resume_hint, retry_hint
from hpsearch.config.own_process import OwnProcess
from hpsearch.config.recorded import config_of, config_to_end
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.errors import (
    NO_ROOM,
    FolderError,
    NoRoomError,
    SearchInterrupted,
    StoreError,
    SubmissionRefused,
    UsageError,
    reason_of,
)
from hpsearch.core.model import RunState
from hpsearch.folder.liveness import Liveness, liveness_of_run, lock_ways, this_controller
from hpsearch.folder.reading import check_has_journal, find_folder
from hpsearch.folder.run_tables import odd_performances
from hpsearch.search.backend_choice import backend_to_end_jobs, check_cluster_options, choose_backend
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.new_folder import FolderTakenError, new_search
from hpsearch.search.open_runs import Controller
from hpsearch.search.plan import Plan, make_plan, plan_lines
from hpsearch.search.progress import closing_lines
from hpsearch.search.resume_checks import check_adoptable, check_same_cluster, check_same_place
from hpsearch.search.stop import StopRequest
from hpsearch.store.events import ControllerStarted, RunMoved, RunPlanned, SearchStarted
from hpsearch.store.journal import remedy_for
from hpsearch.store.layout import SearchFolder, append_text, rename_with_stamp
from hpsearch.store.legacy import command_line
from hpsearch.store.live import LiveSearch
from hpsearch.store.record import RunRecord, SearchRecord
from hpsearch.store.values import encode, readable

#: After a stop: how long a reader of standard output may take nothing until the last line is given up.
_LAST_WORD_S = 2.0


#: Bytes of the record of what was asked of a scheduler or nvidia-smi; an older part of the same size is kept beside it.
_MOST_CONVERSATION = 1_000_000


@dataclass(frozen=True)
class Resumption:
    """How a search is taken up again.

    chosen: returns the runs that are looked after. again: numbers of runs that are run also if they finished.
    takes_up_all: all of those runs that did not finish are run, also if that shows only now.
    only_ends: what is live is ended, and nothing is run.
    """

    chosen: Callable[[SearchRecord], list[RunRecord]] = list
    again: Collection[int] = ()
    takes_up_all: bool = True
    only_ends: bool = False


@dataclass(frozen=True)
class SearchEnd:
    """How a search ended. results: path of the table; None after a dry run."""

    results: Path | None
    exit_status: int


def run_search(
    options: SearchOptions, given: Mapping[str, Any], console: Console, import_paths: Sequence[str] = ()
) -> SearchEnd:  # Any: of the options' types
    """Run a new search, or resume one.

    given: the options that were really given, name -> value; those override a resumed search's own.
    import_paths: what was added to Python's search path, to be added again when the search is resumed.
    Raises SearchError, whose `exit_status` is the command's.
    """
    check_together(options)
    if options.resume:
        return resume_search(options.resume, given, console)
    if options.job_setup:
        # It is needed again when the search is resumed, perhaps from elsewhere.
        options = replace(options, job_setup=str(absolute(options.job_setup, Path.cwd(), "--job_setup")))
    grid_config = absolute(options.grid_config, Path.cwd(), "--grid_config") if options.grid_config else None
    # Whatever the user's module prints must not come between the results on standard output.
    with output_on_stderr():
        config = load_config(options.grid_module, grid_config)
    plan = make_plan(config, options, import_paths, time.time)
    if options.dry_run:
        check_cluster_options(options)
        console.notes(plan_lines(plan))
        console.results(command_line(run, plan.settings) for run in plan.runs())
        return SearchEnd(None, 0)
    backend = choose_backend(options, console)
    console.notes(plan_lines(plan))
    clean_up_when_interrupted()
    while True:
        try:
            return _carry_out_plan(plan, backend, console)
        except FolderTakenError:
            # Another search took the folder in this very second: the next second, or the message that it exists.
            plan = make_plan(config, options, import_paths, time.time)
            console.note(f"results: {plan.folder}")


def _carry_out_plan(plan: Plan, backend: Backend, console: Console) -> SearchEnd:
    folder = SearchFolder(plan.folder)
    may_exist = plan.options.force_out_dir and plan.options.dont_force_new_dir
    with new_search(folder.path, may_exist, _names_of_inputs(plan), console.note) as new:
        search = new.live
        if not search.record.runs:
            _set_aside_foreign_files(folder)
        first = max(search.record.runs, default=0) + 1
        runs = list(plan.runs(first))
        search.add_plan(
            *(RunPlanned(r.number, r.folder, r.out_dir, _encoded(r.configuration.options)) for r in runs),
            SearchStarted(plan.settings.to_json(), plan.stamp),
        )
        _copy_inputs(plan, folder)
        search.write_commands()
        search.open_for_work()
        entries = [search.record.runs[run.number] for run in runs]
        new.keeps = True
        try:
            return _carry_out(search, plan.config, backend, console, entries, plan.options)
        except SubmissionRefused:
            search.withdraw_plan()
            new.keeps = any(entry.submitted is not None for entry in entries)
            raise


def _encoded(options: Iterable[tuple[str, object]]) -> list[list[Any]]:  # Any: whatever JSON can hold
    return [[name, encode(value)] for name, value in options]


def _set_aside_foreign_files(folder: SearchFolder) -> None:
    """Rename what another tool left under the names of our own files, so that it stays."""
    stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
    ours = (folder.commands, folder.commands_without_folders, folder.commands_pickle, folder.not_completed)
    for path in ours:
        if path.exists():
            rename_with_stamp(path, stamp)


def _copy(source: Path, target: Path) -> None:
    """Copy a file; one that lies there with another content is renamed first, and so stays."""
    if target.exists():
        if target.samefile(source) or target.read_bytes() == source.read_bytes():
            return
        rename_with_stamp(target, time.strftime("%Y-%m-%d_%H-%M-%S"))
    shutil.copyfile(source, target)


def _names_of_inputs(plan: Plan) -> list[str]:
    """Return the names that the copies of what is searched get in the search folder."""
    source = plan.config.grid_config_file
    names = [] if plan.config.module_file is None else [plan.config.module_file.name]
    return names if source is None else [*names, source.name, source.with_suffix(".json").name]


def _copy_inputs(plan: Plan, folder: SearchFolder) -> None:
    """Copy what was searched into the folder: the grid module, the grid configuration file, a readable form of it."""
    import json

    if plan.config.module_file is not None and plan.config.module_file.exists():
        _copy(plan.config.module_file, folder.path / plan.config.module_file.name)
    source = plan.config.grid_config_file
    if source is not None:
        _copy(source, folder.path / source.name)
        conditions = [[dict(condition.when), dict(condition.then)] for condition in plan.config.conditions]
        content = readable({"grid": dict(plan.config.grid), "conditions": conditions})
        if source.suffix != ".json":
            text = json.dumps(content, indent=2) + "\n"
            (folder.path / source.with_suffix(".json").name).write_text(text, encoding="utf-8")


def resume_search(
    given_folder: str, given: Mapping[str, Any], console: Console, how: Resumption = Resumption()
) -> SearchEnd:  # Any: see run_search
    """Take a search up again. given: options that replace the search's own, name -> value.

    Raises SearchError, whose `exit_status` is the command's.
    """
    folder = find_folder(given_folder, option="--resume")
    check_has_journal(folder)
    clean_up_when_interrupted()
    with LiveSearch(folder, this_controller(), lock_ways(console.note), passes_over_damage=how.only_ends) as search:
        settings, entries = search.settings, how.chosen(search.record)
        combined = replace(with_given(_options_of(search), given), resume=given_folder)
        if not combined.runs_are_gone:
            check_adoptable(folder, settings, entries)
            check_same_place(search.record, combined, entries)
        if not how.only_ends and _number_to_run(entries, how):
            _check_run_cwd(settings.run_cwd)
        config = config_to_end(settings, console.warn) if how.only_ends else config_of(settings)
        backend = backend_to_end_jobs(combined, console) if how.only_ends else choose_backend(combined, console)
        if isinstance(backend, OnCluster) and not combined.runs_are_gone:
            check_same_cluster(folder, entries, backend.own_cluster)
        moves = _moves(search)
        search.open_for_work(*moves)
        commands = (folder.commands, folder.commands_without_folders, folder.commands_pickle)
        if moves or not all(path.exists() for path in commands):
            # Or the first controller was killed before it could write them.
            search.write_commands()
        console.notes(_resume_lines(search, entries, how))
        return _carry_out(search, config, backend, console, entries, combined, how)


def _options_of(search: LiveSearch) -> SearchOptions:
    """Return the options with which the search was carried out until now.

    Raises FolderError if its journal holds others than there are.
    """
    try:
        return options_from_names(search.record.options)
    except ValueError as error:
        journal = search.folder.journal
        raise FolderError(
            f"{journal}: an option of the search cannot be used ({error}); {remedy_for(journal)}"
        ) from error


def _check_run_cwd(run_cwd: str) -> None:
    """Make sure that runs can be started where they work: every single one would fail otherwise."""
    try:
        existing_folder(run_cwd, Path.cwd())
    except UsageError as error:
        raise UsageError(f"the runs of this search work in {error}") from error


def _count_live(entries: Iterable[RunRecord]) -> int:
    return sum(liveness_of_run(entry) is not Liveness.GONE for entry in entries)


def _number_to_run(entries: Sequence[RunRecord], how: Resumption) -> int:
    finished = sum(entry.state is RunState.FINISHED and entry.run.number not in how.again for entry in entries)
    return len(entries) - finished - _count_live(entries)


def _resume_lines(search: LiveSearch, entries: Sequence[RunRecord], how: Resumption) -> list[str]:
    live = _count_live(entries)
    rest = _number_to_run(entries, how)
    finished = len(entries) - live - rest
    what = f"{finished:,} of {len(entries):,} finished, {live:,} may still be live"
    if how.only_ends:
        return [f"ending what is left of {search.folder.path}: {live:,} runs may still be live"]
    return [f"resuming {search.folder.path}", f"runs: {what}, {rest:,} to be run"]


def _moves(search: LiveSearch) -> list[RunMoved]:
    """Return what lets runs write into the folder where the search lies now, if it was moved."""
    folder, run_cwd = search.folder.path, Path(search.settings.run_cwd)
    parents = {Path(entry.run.out_dir).parent for entry in search.record}
    elsewhere = {parent for parent in parents if not _is_same(absolute(str(parent), run_cwd), folder)}
    moved = [entry.run for entry in search.record if Path(entry.run.out_dir).parent in elsewhere]
    return [RunMoved(run.number, str(folder / run.folder)) for run in moved]


def _is_same(path: Path, folder: Path) -> bool:
    try:
        return path.samefile(folder)
    except OSError:
        return False  # Nothing is there (any more), or nothing that can be used.


def _note_controller(
    search: LiveSearch, options: Mapping[str, Any], backend: Backend
) -> None:  # Any: of the options' types
    cluster = backend.own_cluster if isinstance(backend, OnCluster) else ""
    search.note(ControllerStarted(socket.gethostname(), os.getpid(), time.time(), dict(options), cluster), durable=True)


def _keep_conversation(backend: Backend, folder: SearchFolder) -> None:
    """Keep what the backend asks of other programs, and what it asked so far, in the search folder."""
    if isinstance(backend, AsksCommands):
        path = folder.conversation
        backend.conversation.keep(str(path), lambda text: append_text(path, text, _MOST_CONVERSATION))


def _longest_wait_s(options: SearchOptions) -> float:
    """Return for how long a scheduler that takes no job is waited for; infinite = for ever."""
    hours = options.max_wait_for_scheduler
    return 3600 * hours if options.run_cluster and hours >= 0 else math.inf


def _carry_out(
    search: LiveSearch,
    config: SearchConfig,
    backend: Backend,
    console: Console,
    entries: Sequence[RunRecord],
    options: SearchOptions,
    how: Resumption = Resumption(),
) -> SearchEnd:
    """Run what is to be run, show it, and close the search in good order."""
    started = time.monotonic()
    folder = search.folder
    console.keep_log(lambda text: append_text(folder.log, text))
    _keep_conversation(backend, folder)
    earlier_options = search.record.options
    _note_controller(search, asdict(options), backend)
    with StopRequest() as stop, console.standing_in_for_stderr():
        process = OwnProcess(options.parser_timeout, lambda: stop.signal_number is not None)
        controller = Controller(
            search,
            config.in_process(process),
            backend,
            console,
            stop,
            retries=options.retries,
            submits_only=options.submit_only,
            longest_wait_s=_longest_wait_s(options),
        )
        dispatcher = Dispatcher(controller)
        # A controller that left its runs to a scheduler on purpose had all of them started: their ends are collected.
        takes_up_all = how.takes_up_all and not earlier_options.get("submit_only")
        dispatcher.take_over(entries, how.again, takes_up_all)
        if how.only_ends:
            stop.request(signal.SIGINT)
        try:
            dispatcher.run()
            dispatcher.finish()
        except SubmissionRefused as error:
            # The options given this time led nowhere: they must not hold for the next one.
            _note_controller(search, earlier_options, backend)
            if not error.asked:
                raise
            # The folder with the record of it may not stay.
            raise SubmissionRefused(f"{error} ({error.asked})") from error
        except StoreError as error:
            raise StoreError(f"{error}; {_how_to_go_on(folder, isinstance(error, NoRoomError))}") from error
        except OSError as error:
            what = f"{error.filename or folder.path}: {reason_of(error)}"
            raise StoreError(f"{what}; {_how_to_go_on(folder, error.errno in NO_ROOM)}") from error
        finally:
            process.close()
            console.close()
            backend.close()
        console.notes(closing_lines(search.record, folder, time.monotonic() - started))
        odd = odd_performances(search.record)
        if odd:
            console.warn(odd)
    # From here on signals have their usual effect: the reader of the results may take its time.
    _print_results(console, folder.results, stop.signal_number is not None)
    have_results = all(entry.state is RunState.FINISHED for entry in entries)
    all_finished = have_results and not dispatcher.restored
    if options.submit_only and stop.signal_number is None:
        console.note(f"all runs are submitted; collect the results with: {resume_hint(folder.path)}")
        return SearchEnd(folder.results, 0)
    if stop.signal_number is not None and not all_finished:
        hint = retry_hint(folder.path, dispatcher.restored) if have_results else resume_hint(folder.path)
        raise SearchInterrupted(f"stopped; go on with: {hint}", stop.signal_number)
    return SearchEnd(folder.results, 0 if all_finished else 1)


def _how_to_go_on(folder: SearchFolder, is_full: bool) -> str:
    """Return what people can do after an error that has ended a search."""
    if not folder.journal.exists():
        return (
            "the search folder was deleted or moved while the search ran: what was deleted cannot be resumed, what was "
            "moved can, where it lies now"
        )
    remedy = "make room" if is_full else "mend that"
    return f"nothing that was written is lost: {remedy}, then {resume_hint(folder.path)}"


def _print_results(console: Console, path: Path, is_stopped: bool) -> None:
    """Print where the table lies, whole; after a stop, for a reader that takes nothing, only for a moment.

    Raises SearchInterrupted if Ctrl-C ends the waiting.
    """
    try:
        console.result(str(path), _LAST_WORD_S if is_stopped else None)
    except KeyboardInterrupt:
        raise SearchInterrupted(f"the search is over, its results lie in {path}", signal.SIGINT) from None
