"""A whole search, from its options to its exit status: the table of contents of this program."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.backends.base import AsksCommands, NamesGpus, OnCluster
from hpsearch.choosers.of_search import has_more, new_chooser
from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig, config_for
from hpsearch.config.option_checks import check_together, with_given
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import command_hint, resume_hint, retry_hint
from hpsearch.config.recorded import config_of, config_to_end
from hpsearch.config.written_options import recorded
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.console.text import amount, check_texts
from hpsearch.core.command import shell_line
from hpsearch.core.errors import (
    NO_ROOM,
    NoRoomError,
    SearchError,
    SearchInterrupted,
    StoreError,
    SubmissionRefused,
    UsageError,
    reason_of,
)
from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.folder.provenance import Recorder
from hpsearch.folder.reading import SearchReader, check_has_journal, find_folder
from hpsearch.folder.reuse import searches_to_reuse
from hpsearch.folder.run_tables import odd_performances
from hpsearch.journal.events import ControllerStarted, RunPlanned, SearchStarted
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.search import resume
from hpsearch.search.backend_choice import check_cluster_options, choose_backend, fitted_to_host
from hpsearch.search.continuing import check_continues
from hpsearch.search.controller import Controller, new_attempt
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.early_stop import check_values
from hpsearch.search.on_end import EndCommand
from hpsearch.search.plan import Plan, make_plan, plan_lines, repeated_lines
from hpsearch.search.progress import closing_lines, show_first_choices, submitted_lines
from hpsearch.startup.classes import dataclass, replace
from hpsearch.startup.host import host_name
from hpsearch.store.layout import SearchFolder, append_text
from hpsearch.store.live import LiveSearch
from hpsearch.store.new_folder import FolderTakenError, new_search
from hpsearch.user_code.user_functions import FunctionProcess

#: After a stop: how long to wait for a reader of standard output that takes nothing.
_LAST_WORD_S = 2.0
#: The most bytes of the log of questions to a scheduler or nvidia-smi; an older part of that size is kept beside it.
_MOST_CONVERSATION = 1_000_000


@dataclass(frozen=True)
class SearchEnd:
    """How a search ended. results: path of the table; None after a dry run."""

    results: Path | None
    exit_status: int


def run_search(
    options: SearchOptions,
    given: Mapping[str, Any],  # Any: of the options' types
    console: Console,
    import_paths: Sequence[str] = (),
    narrowed: Callable[[Plan], Plan] = lambda plan: plan,
) -> SearchEnd:
    """Run a new search, or resume one. Raises SearchError, whose `exit_status` is the command's.

    given: the options that the user gave, name -> value; they override a resumed search's own.
    import_paths: additions to Python's search path, which resuming makes again.
    narrowed: reduces a plan to the part that is run.
    """
    check_together(options)
    if options.resume:
        return resume_search(options.resume, given, console)
    options = fitted_to_host(options, given, console)
    if options.job_setup:
        # Resuming, perhaps from another folder, needs it again.
        options = replace(options, job_setup=str(absolute(options.job_setup, Path.cwd(), "--job_setup")))
    options = replace(options, reuse=searches_to_reuse(options.reuse, console))
    check_texts((options.run_cwd,))
    grid_config = absolute(options.grid_config, Path.cwd(), "--grid_config") if options.grid_config else None
    run_cwd = existing_folder(options.run_cwd, Path.cwd(), option="--run_cwd")
    config = config_for(options, grid_config, run_cwd)
    check_continues(config.settings, given)
    check_values(config.settings, options)
    return _run_new(lambda: narrowed(make_plan(config, options, import_paths, time.time)), console)


def _run_new(planned: Callable[[], Plan], console: Console) -> SearchEnd:
    """Run a new search. planned: makes its plan, again if another search has just taken the folder."""
    plan = planned()
    _check_has_own_folder(plan)
    if plan.options.dry_run:
        check_cluster_options(plan.options)
        console.notes(plan_lines(plan))
        console.results(plan.commands())
        listed = [] if plan.candidates is None else [plan.candidates]
        record = SearchRecord.of([*listed, SearchStarted(plan.settings.to_json(), plan.stamp)])
        show_first_choices(record, plan.options, console)
        return SearchEnd(None, 0)
    backend = choose_backend(plan.options, console, continues=plan.settings.continues)
    console.notes(plan_lines(plan))
    clean_up_when_interrupted()
    while True:
        try:
            with EndCommand(console) as at_end, new_search(plan, this_controller(), lock_ways(console.note)) as new:
                search, runs = new
                console.notes(repeated_lines(search.record, runs, search.folder.path))
                chooser = new_chooser(search, plan.options, console.note)
                controller = Controller(search, plan.config, backend, console, plan.options, chooser=chooser)
                return _carry_out(controller, runs, at_end)
        except FolderTakenError:
            # Another search took the folder in this second: take the next second, or raise that the folder exists.
            plan = planned()
            console.note(f"results: {plan.folder}")


def _check_has_own_folder(plan: Plan) -> None:
    """Raise UsageError if a search whose list of runs grows would be added to another search."""
    folder, options = SearchFolder(plan.folder), plan.options
    if not options.chooses or not (folder.journal.exists() or folder.results.exists()):
        return
    what = f"--sampler={options.sampler}" if options.suggests else "--budgets" if options.budgets else "--race"
    how = f", and one with {what} needs a folder of its own: give another --out_dir"
    if options.race and folder.journal.exists():
        how = f"; to race its configurations: {command_hint('seeds', plan.folder)} --race"
    raise UsageError(f"--out_dir={options.out_dir}: there is a search already{how}")


def resume_search(
    given_folder: str,
    given: Mapping[str, Any],  # Any: see run_search
    console: Console,
    choice: resume.RunChoice = resume.WHAT_IS_LEFT,
    extension: Callable[[SearchRecord], resume.RunChoice] | None = None,
) -> SearchEnd:
    """Resume a search; see `run_search`. extension: returns the choice, called once the search is locked."""
    folder = find_folder(given_folder, option="--resume")
    check_has_journal(folder)
    if given.get("dry_run"):
        reader = SearchReader(folder)
        resume.check_is_free(reader)
        return _rehearse(reader, given, console, choice if extension is None else extension(reader.record))
    clean_up_when_interrupted()
    holder, ways = this_controller(), lock_ways(console.note)
    with EndCommand(console) as at_end, LiveSearch(folder, holder, ways, choice.only_ends) as search:
        choice = choice if extension is None else extension(search.record)
        runs = choice.of(search.record)
        options = replace(_options_on_resume(search, given, console, choice), resume=given_folder)
        resume.check_is_safe(search, options, runs, choice)
        config = _config_on_resume(search.settings, choice, console)
        backend = choose_backend(options, console, choice.only_ends, config.settings.continues)
        if isinstance(backend, OnCluster) and not options.runs_are_gone:
            resume.check_same_cluster(folder, runs, backend.own_cluster)
        is_whole = choice.numbers is None and not choice.only_ends
        choice = _open_for_work(search, options, choice)
        runs = choice.of(search.record)
        console.notes(resume.resume_lines(search, runs, choice))
        try:
            trial = choice.trial_failures
            chooser = new_chooser(search, options, console.note) if is_whole else None
            if chooser is not None and chooser.expected():
                console.note(f"{amount(chooser.expected(), 'more run')} to be chosen by results")
            controller = Controller(search, config, backend, console, options, trial_failures=trial, chooser=chooser)
            return _carry_out(controller, [entry.run.number for entry in runs], at_end, choice)
        except SubmissionRefused:
            if (choice.added or choice.plan or choice.options) and not any(entry.is_open for entry in runs):
                search.withdraw_plan()
            raise


def _open_for_work(search: LiveSearch, options: SearchOptions, choice: resume.RunChoice) -> resume.RunChoice:
    """Add new runs to a search, and get its files ready; return the choice with the numbers of the new runs."""
    folder, moved = search.folder, resume.moves(search)
    choice = resume.add_runs(search, options, choice, time.time())
    search.open_for_work(*moved)
    commands = (folder.commands, folder.commands_without_folders, folder.commands_pickle)
    if moved or choice.added or choice.plan or options.chooses or not all(map(Path.exists, commands)):
        # Also because the first controller may have been killed before it wrote them.
        search.write_commands()
    return choice


def _options_on_resume(
    search: LiveSearch | SearchReader, given: Mapping[str, Any], console: Console, choice: resume.RunChoice
) -> SearchOptions:  # Any: see run_search
    plan = choice.plan
    check_continues(search.record.known_settings() if plan is None else plan.settings, given)
    earlier = replace(resume.options_of(search) if plan is None else plan.options, **choice.options)
    options = fitted_to_host(with_given(earlier, given), given, console, was_on_cluster=earlier.run_cluster)
    if not choice.only_ends:
        check_values(search.record.known_settings() if plan is None else plan.settings, options)
    return options


def _config_on_resume(settings: Settings, choice: resume.RunChoice, console: Console) -> SearchConfig:
    if choice.plan is not None:
        return choice.plan.config
    return config_to_end(settings, console.warn) if choice.only_ends else config_of(settings)


def _rehearse(
    reader: SearchReader, given: Mapping[str, Any], console: Console, choice: resume.RunChoice
) -> SearchEnd:  # Any: see run_search
    """Print the commands that resuming would run; write nothing, not even the lock."""
    options, runs = _options_on_resume(reader, given, console, choice), choice.of(reader.record)
    resume.check_is_safe(reader, options, runs, choice)
    check_cluster_options(options)
    new = resume.addition_to(reader, options, choice, time.time()) if choice.plan is not None else None
    for event in (*resume.moves(reader), *(() if new is None else (*map(RunPlanned.of, new.runs), *new.more))):
        reader.record.apply(event)
    runs = choice.of(reader.record)
    console.notes(["Dry run: nothing is started or written", *resume.resume_lines(reader, runs, choice)])
    settings, process = reader.record.known_settings(), FunctionProcess(options.parser_timeout)
    try:
        due = resume.due_runs(reader, runs, choice, config_of(settings).in_process(process))
    finally:
        process.close()
    console.results(shell_line(new_attempt(reader, entry).argv) for entry in due)
    if choice.numbers is None:
        show_first_choices(reader.record, options, console)
    return SearchEnd(None, 0)


def _carry_out(
    controller: Controller,
    runs: Sequence[int],
    at_end: EndCommand,
    choice: resume.RunChoice = resume.WHAT_IS_LEFT,
) -> SearchEnd:
    """Carry out the runs with these numbers and close the search in good order; tell `at_end` how it ended."""
    try:
        with _recording(controller, choice):
            end = _run_all(controller, runs, choice)
    except SubmissionRefused:
        raise  # Nothing has begun.
    except SearchError as error:
        at_end.expect(controller, error.exit_status)
        raise
    except OSError as error:
        at_end.expect(controller, StoreError.exit_status)
        raise _store_error(controller.search.folder, error) from error
    at_end.expect(controller, end.exit_status)
    return end


def _recording(controller: Controller, choice: resume.RunChoice) -> contextlib.AbstractContextManager[object]:
    """Return a context that records this start's code and surroundings; tell people if the code has changed."""
    if choice.only_ends:
        return contextlib.nullcontext()
    search, options = controller.search, controller.options
    gpus = controller.backend.gpus if isinstance(controller.backend, NamesGpus) else ()
    recorder = Recorder(search.folder, search.settings.home, options.interpreter, controller.clocks.wall(), gpus)
    controller.console.notes(filter(None, ["" if options.snapshot else recorder.other_commit()]))
    return recorder


def _run_all(controller: Controller, runs: Sequence[int], choice: resume.RunChoice) -> SearchEnd:
    """Carry out the runs with these numbers, show them, and say how the search ended."""
    started = time.monotonic()
    search, console, stop = controller.search, controller.console, controller.stop
    earlier = {entry.token for entry in search.record.with_events if entry.submitted is not None}
    console.keep_log(search.log.write)
    # After --submit_only all runs were submitted: collect them, and run none again.
    takes_up_all = choice.takes_up_all and not search.record.options.get("submit_only")
    with stop, console.standing_in_for_stderr():
        with _dispatching(controller) as dispatcher:
            dispatcher.take_over(runs, choice.again, takes_up_all)
            if choice.only_ends:
                stop.request(signal.SIGINT)
            console.notes(dispatcher.early_stop.opening_lines())
            dispatcher.run()
            dispatcher.finish()
        is_stopped = stop.signal_number is not None
        is_left = controller.options.submit_only and not is_stopped
        if not is_left or any(entry.state.is_final for entry in search.record.with_events):
            console.notes(closing_lines(search.record, search.folder, time.monotonic() - started, is_stopped))
        console.notes(dispatcher.early_stop.closing_lines())
        console.notes(submitted_lines(controller, runs, earlier) if is_left else ())
        if odd := odd_performances(search.record):
            console.warn(odd)
    # From here on signals have their usual effect: a slow reader of the results may keep us waiting.
    return _end(controller, [*runs, *(entry.run.number for entry in dispatcher.chosen)], dispatcher.restored)


@contextlib.contextmanager
def _dispatching(controller: Controller) -> Iterator[Dispatcher]:
    """Note the controller in the search folder; yield the dispatcher; add to an error how to go on."""
    search, options, stop, backend = controller.search, controller.options, controller.stop, controller.backend
    folder, earlier_options = search.folder, search.record.options
    if isinstance(backend, AsksCommands):
        path = folder.conversation
        backend.conversation.keep(str(path), lambda text: append_text(path, text, _MOST_CONVERSATION))
    _note_controller(controller, recorded(options))
    process = FunctionProcess(options.parser_timeout, lambda: stop.signal_number is not None)
    try:
        yield Dispatcher(replace(controller, config=controller.config.in_process(process)))
    except SubmissionRefused as error:
        # This start came to nothing: its options must not hold for the next one.
        _note_controller(controller, earlier_options)
        if not error.asked:
            raise
        # The folder, and the log of the answer in it, may be removed.
        raise SubmissionRefused(f"{error} ({error.asked})") from error
    except StoreError as error:
        raise StoreError(f"{error}; {_how_to_go_on(folder, isinstance(error, NoRoomError))}") from error
    finally:
        process.close()
        controller.console.close()
        backend.close()


def _note_controller(controller: Controller, options: Mapping[str, Any]) -> None:  # Any: of the options' types
    cluster = controller.backend.own_cluster if isinstance(controller.backend, OnCluster) else ""
    event = ControllerStarted(host_name(), os.getpid(), time.time(), dict(options), cluster)
    controller.search.note(event, durable=True)


def _store_error(folder: SearchFolder, error: OSError) -> StoreError:
    """Return an error of the system that has ended a search, with what people can do."""
    what = f"{error.filename or folder.path}: {reason_of(error)}"
    return StoreError(f"{what}; {_how_to_go_on(folder, error.errno in NO_ROOM)}")


def _how_to_go_on(folder: SearchFolder, is_full: bool) -> str:
    """Say what people can do after an error that has ended a search."""
    if not _may_exist(folder.journal):
        how = "if it was moved, resume it in its new place"
        return f"the search folder was deleted or moved while the search ran; {how}"
    remedy = "make room" if is_full else "fix that"
    return f"nothing written is lost: {remedy}, then resume with: {resume_hint(folder.path)}"


def _may_exist(path: Path) -> bool:
    """Return whether a file exists; True, too, if an error keeps that unknown."""
    try:
        return path.exists()
    except OSError:
        return True


def _end(controller: Controller, runs: Sequence[int], restored: set[int]) -> SearchEnd:
    """Print where the results lie, and return how the search ended; raise SearchInterrupted if a signal stopped it.

    runs: numbers of the runs looked after. restored: runs whose earlier result counts again.
    """
    console, folder, stopped_by = controller.console, controller.search.folder, controller.stop.signal_number
    try:
        console.result(str(folder.results), None if stopped_by is None else _LAST_WORD_S)
    except KeyboardInterrupt:
        raise SearchInterrupted(f"the search has ended; its results are in {folder.results}", signal.SIGINT) from None
    may_go_on = controller.chooser is not None and has_more(controller.search.record)
    entries = {entry.run.number: entry for entry in controller.search.record.with_events}
    asked = [entries.get(number) for number in runs]
    counted = [entry for entry in asked if entry is None or not entry.is_out]
    have_results = not may_go_on and all(entry is not None and entry.state.is_done for entry in counted)
    all_finished = have_results and not restored
    if controller.options.submit_only and stopped_by is None:
        is_done = all(entry is not None and (entry.is_open or entry.state.is_done) for entry in counted)
        return SearchEnd(folder.results, 0 if is_done else 1)
    if stopped_by is not None and not all_finished:
        hint = retry_hint(folder.path, restored) if have_results else resume_hint(folder.path)
        raise SearchInterrupted(f"stopped; resume with: {hint}", stopped_by)
    return SearchEnd(folder.results, 0 if all_finished else 1)
