"""Gathering random seeds: one configuration, repeated with several seeds, summed up."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from hpsearch.config.cluster_options import check_runs_here, with_installed_scheduler
from hpsearch.config.given_paths import absolute
from hpsearch.config.options import SearchOptions
from hpsearch.config.written_options import to_argv
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.core.command import shell_line
from hpsearch.core.configurations import missing_seeds
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.statistics import divisor_text
from hpsearch.folder.choice import choose_folder
from hpsearch.folder.reading import no_search, recorded_search
from hpsearch.folder.run_files import is_run_folder
from hpsearch.search.command import main as run_search
from hpsearch.seeds.added import add_seeds
from hpsearch.seeds.call import search_call
from hpsearch.seeds.choice import seeds_text
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.plan import Gathering, plan_gathering, seed_grid, with_seed_option
from hpsearch.seeds.runs import SeedRun, counted, sum_up, sum_up_folder, warn_of_doubts
from hpsearch.startup.classes import replace
from hpsearch.store.classic_files import is_search_folder, list_folder
from hpsearch.store.layout import SearchFolder, make_folder, write_grid_config
from hpsearch.store.run_folders import copy_run
from hpsearch.user_code.import_paths import add_current_folder, add_last

#: Exit statuses of a search that a signal stopped: the seeds gathered so far are summed up all the same.
_STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP)


def gather_seeds(options: SeedsOptions, console: Console) -> int:
    """Gather seeds, or only sum up or print the call, as the options say; return the exit status.

    Raises SearchError if nothing could be started or summed up.
    """
    _extend_search_path(options.hpmod_path)
    if options.seeds_dir:
        return sum_up_folder(options, console)
    if options.takes_folder:
        named = _named_folder(options, console)
        options = with_seed_option(options, named.path, console)
        if not options.goes_elsewhere and recorded_search(named.path) is not None:
            return add_seeds(named, options, console)
        if options.top > 1:
            raise UsageError(f"--top is for a search with a journal, and {named.path} has none: leave it out")
        options = replace(options, run_dir=str(named.path))
    # Check before anything is written.
    check_runs_here(options.search, options.search.given_by_hand, os.environ)
    search, note = with_installed_scheduler(options.search)
    console.notes(filter(None, (note,)))
    options = replace(options, search=search)
    gathering = plan_gathering(options)
    clean_up_when_interrupted()
    runs = _runs_with_source(gathering, console)
    if options.start_gathering and not options.search.dry_run:
        return _run_missing(gathering, runs, console)
    seeds = _missing(gathering, runs, console)
    if not options.search.dry_run:
        return _print_call(gathering, seeds, console)
    with tempfile.TemporaryDirectory() as folder:
        return run_search(to_argv(_with_grid(gathering, seeds, Path(folder, "seeds.pickle")))) if seeds else 0


def _named_folder(options: SeedsOptions, console: Console) -> SearchFolder:
    """Return the folder of the named search or run. Raises UsageError or FolderError if it is neither."""
    run_cwd = absolute(options.search.run_cwd, Path.cwd(), "--run_cwd")
    folder = choose_folder(options.folder, console, Path.cwd(), run_cwd)
    if not is_run_folder(folder.path) and not is_search_folder(folder, list_folder(folder.path, folder.to_be_deleted)):
        raise no_search(folder)
    return folder


def _extend_search_path(hpmod_path: str | None) -> None:
    """Make grid modules importable from the current folder, and from beside the script's ``hpsearch.py`` folder."""
    add_current_folder()
    if hpmod_path is not None:
        # It may be relative to the script's own folder, or not exist.
        bases = (Path.cwd(), Path(sys.argv[0]).resolve().parent)
        add_last(str(folder.resolve().parent) for base in bases if (folder := base / hpmod_path).is_dir())


def _runs_with_source(gathering: Gathering, console: Console) -> list[SeedRun]:
    """Return the runs gathered so far; the source is one of them, and is copied into the folder if needed."""
    runs, source = gathering.runs(), gathering.source
    if source is not None:
        console.note(f"Configuration: {gathering.text}")
    if source is not None and source.doubt:
        console.warn(f"{source.doubt}; using the run's command instead")
    added = _source_as_seed(source, gathering, runs, console) if source is not None else []
    _check_same_configuration(gathering, [*runs, *added], console)
    warn_of_doubts(runs, console)
    if added and source is not None and not gathering.search.dry_run:
        copy_run(source.folder, gathering.results)
        # The run's name holds the second of its search: no new run may get the same name.
        while time.strftime("sim_%Y%m%d%H%M%S_") == source.folder.name[: source.folder.name.rfind("_") + 1]:
            time.sleep(max(0.01, 1 - time.time() % 1))
    return [*runs, *added]


def _source_as_seed(source: SeedRun, gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> list[SeedRun]:
    """Return the source as one more seed; empty if it is among the runs already or cannot count."""
    folder = gathering.results / source.folder.name
    if folder.exists():
        return []
    if source.summary is None:
        reason = " did not finish"
    elif not source.folder.is_dir():
        reason = " has no folder any more"
    elif source.seed is None:
        reason = f"'s command sets no {gathering.options.seed_option}"
    else:
        is_gathered = source.seed in {run.seed for run in counted(runs)}
        return [] if is_gathered else [replace(source, folder=folder)]
    console.note(f"The original run{reason}, so it is not counted")
    return []


def _check_same_configuration(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> None:
    """Refuse runs of another configuration; warn if the source differs, since the user may have forced that."""
    source = gathering.source
    for run in runs:
        different = gathering.difference_of(run)
        if different and (source is None or run.folder.name != source.folder.name):
            remedy = "give another --out_dir for this one"
            raise FolderError(f"{run.folder} was gathered for another configuration ({different}); {remedy}")
        if different:
            console.warn(f"{run.label} counts as a seed, but differs from the runs that are added: {different}")


def _missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console, with_failed: bool = True) -> list[int]:
    """Return the seeds to run, and tell people. with_failed: include seeds of unfinished runs."""
    finished, options = counted(runs), gathering.options
    # By their folders, coming runs look like failed ones.
    taken = finished if with_failed and not gathering.is_interrupted() else runs
    unknown = sum(run.seed is None for run in finished)
    gathered = {run.seed for run in taken if run.seed is not None}
    seeds = missing_seeds(options.seeds_list, options.num_seeds - unknown, gathered)
    console.note(seeds_text(len(finished), seeds, options.start_gathering and not options.search.dry_run))
    return seeds


def _run_missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> int:
    """Run the missing seeds; first resume an interrupted gathering, whose runs may be live."""
    status = 0
    if gathering.is_interrupted():
        console.note(f"Some seeds in {gathering.results} did not end; resuming them first")
        status = run_search([f"--resume={gathering.results}", *gathering.options.resume_argv])
        if status > 1:
            return _sum_up(gathering, status, console)
        runs = gathering.runs()
    seeds = _missing(gathering, runs, console, with_failed=not status)
    if seeds:
        status = max(status, run_search(to_argv(_with_grid(gathering, seeds, gathering.grid_file))))
    return _sum_up(gathering, status, console)


def _print_call(gathering: Gathering, seeds: Sequence[int], console: Console) -> int:
    """Print a call that starts the search; its last line is for pipes."""
    if gathering.is_interrupted():
        console.warn(f"Some seeds in {gathering.results} did not end; --start_gathering resumes them")
    if not seeds:
        return _sum_up(gathering, 0, console)
    make_folder(gathering.results)
    search = _with_grid(gathering, seeds, gathering.grid_file)
    console.note("This call runs them (--start_gathering would have started it):")
    console.result(search_call(search, gathering.config.module_file, gathering.options))
    console.result(shell_line([search.grid_module, search.grid_config, search.out_dir]))
    return 0


def _with_grid(gathering: Gathering, seeds: Sequence[int], path: Path) -> SearchOptions:
    """Write the grid with these seeds; return the options of its search."""
    write_grid_config(path, *seed_grid(gathering.shared.options, gathering.options.seed_options, seeds))
    return replace(gathering.search, grid_config=str(path))


def _sum_up(gathering: Gathering, status: int, console: Console) -> int:
    """Sum up the gathered seeds; return the exit status. status: the exit status of the search."""
    if status <= 1 or status in _STOPPED:
        try:
            settings = gathering.config.settings
            sum_up(gathering.results, gathering.runs(), gathering.options, settings, console, gathering.text)
            console.note(divisor_text(gathering.options.summary_sem))
        except FolderError as error:
            console.error(str(error))
            return status or error.exit_status
    return status
