"""Gathering random seeds: one configuration, repeated with several seeds, summed up."""

import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hpsearch.backends.scheduler import time_limit
from hpsearch.config.cluster_options import check_runs_here, with_installed_scheduler
from hpsearch.config.import_paths import add_current_folder, add_last
from hpsearch.config.options import SearchOptions, to_argv
from hpsearch.config.program import interpreter_word, search_program
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.core.command import shell_line
from hpsearch.core.errors import FolderError
from hpsearch.search.command import main as run_search
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.plan import Gathering, missing_seeds, plan_gathering, seed_grid
from hpsearch.seeds.runs import SeedRun, counted, sum_up, sum_up_folder, warn_of_doubts
from hpsearch.store.layout import make_folder, write_grid_config
from hpsearch.store.run_folders import copy_run

#: Exit statuses of a search that a signal stopped: what it gathered is summed up all the same.
_STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP)
_SEEDS_SHOWN = 20


def gather_seeds(options: SeedsOptions, console: Console) -> int:
    """Do what the options say; return the exit status.

    Raises SearchError if nothing could be started or summed up.
    """
    _extend_search_path(options.hpmod_path)
    if options.seeds_dir:
        return sum_up_folder(options, console)
    # Before anything is written.
    check_runs_here(options.search, options.search.given_by_hand, os.environ)
    search, told = with_installed_scheduler(options.search)
    console.notes(filter(None, (told,)))
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


def _extend_search_path(hpmod_path: str | None) -> None:
    """Let grid modules be found in the current folder, and beside the folder of ``hpsearch.py`` that a script names."""
    add_current_folder()
    if hpmod_path is not None:
        # It may be relative to the script's own folder, or missing.
        bases = (Path.cwd(), Path(sys.argv[0]).resolve().parent)
        add_last(str(folder.resolve().parent) for base in bases if (folder := base / hpmod_path).is_dir())


def _runs_with_source(gathering: Gathering, console: Console) -> list[SeedRun]:
    """Return the runs that are gathered already; the source is one of them, and is copied if need be."""
    runs, source = gathering.runs(), gathering.source
    if source is not None and source.doubt:
        console.warn(f"{source.doubt}; what the run's command says is repeated instead")
    added = _source_as_seed(source, gathering, runs, console) if source is not None else []
    _check_same_configuration(gathering, [*runs, *added], console)
    warn_of_doubts(runs, console)
    if added and source is not None and not gathering.search.dry_run:
        copy_run(source.folder, gathering.results)
        # Its name has the second of its search in it: no new run may get the same one.
        while time.strftime("sim_%Y%m%d%H%M%S_") == source.folder.name[: source.folder.name.rfind("_") + 1]:
            time.sleep(max(0.01, 1 - time.time() % 1))
    return [*runs, *added]


def _source_as_seed(source: SeedRun, gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> list[SeedRun]:
    """Return the source as one more seed; an empty list if it is there already or cannot count."""
    place = gathering.results / source.folder.name
    if place.exists():
        return []
    if source.summary is None:
        reason = "it did not finish"
    elif not source.folder.is_dir():
        reason = "its folder is gone"
    elif source.seed is None:
        reason = f"nothing tells its {gathering.options.seed_option}"
    else:
        is_there = source.seed in {run.seed for run in counted(runs)}
        return [] if is_there else [replace(source, folder=place)]
    console.note(f"{source.folder}: {reason}, so this run does not count as one of the seeds")
    return []


def _check_same_configuration(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> None:
    """Refuse runs of another configuration; the source may differ, with a warning: the user may have forced that."""
    source = gathering.source
    for run in runs:
        different = gathering.difference_of(run)
        if different and (source is None or run.folder.name != source.folder.name):
            remedy = "give another --out_dir for this one"
            raise FolderError(f"{run.folder} was gathered for another configuration ({different}); {remedy}")
        if different:
            console.warn(f"{run.label} counts as a seed, but differs from the runs that are added: {different}")


def _missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console, with_failed: bool = True) -> list[int]:
    """Return the seeds that have to be run, and tell them. with_failed: also those of runs that did not finish."""
    there, options = counted(runs), gathering.options
    # Runs that are still to come look like failed ones in their folders.
    taken = there if with_failed and not gathering.is_interrupted() else runs
    unknown = sum(run.seed is None for run in there)
    gathered = {run.seed for run in taken if run.seed is not None}
    seeds = missing_seeds(options.seeds_list, options.num_seeds - unknown, gathered)
    shown = ", ".join(map(str, seeds[:_SEEDS_SHOWN])) + (", ..." if len(seeds) > _SEEDS_SHOWN else "")
    console.note(f"seeds: {len(there)} there, {len(seeds)} to be run" + (f": {shown}" if seeds else ""))
    return seeds


def _run_missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> int:
    """Run the missing seeds; first resume an interrupted gathering, whose runs may be live."""
    status = 0
    if gathering.is_interrupted():
        console.note(f"{gathering.results}: gathering was interrupted there, and is resumed first")
        status = run_search([f"--resume={gathering.results}", *gathering.options.resume_argv])
        if status > 1:
            return _sum_up(gathering, status, console)
        runs = gathering.runs()
    seeds = _missing(gathering, runs, console, with_failed=not status)
    if seeds:
        status = max(status, run_search(to_argv(_with_grid(gathering, seeds, gathering.grid_file))))
    return _sum_up(gathering, status, console)


def _print_call(gathering: Gathering, seeds: Sequence[int], console: Console) -> int:
    """Print a call that starts the search, and what pipes take from its last line."""
    if gathering.is_interrupted():
        console.warn(f"{gathering.results}: seeds are still to come there; --start_gathering goes on with it")
    if not seeds:
        return _sum_up(gathering, 0, console)
    make_folder(gathering.results)
    search = _with_grid(gathering, seeds, gathering.grid_file)
    console.note("with --start_gathering the search starts at once; without it, this call starts it:")
    console.result(search_call(search, gathering.config.module_file, gathering.options))
    console.result(shell_line([search.grid_module, search.grid_config, search.out_dir]))
    return 0


def _with_grid(gathering: Gathering, seeds: Sequence[int], path: Path) -> SearchOptions:
    """Write the grid that runs these seeds; return the options of its search."""
    write_grid_config(path, *seed_grid(gathering.shared.options, gathering.options.seed_options, seeds))
    return replace(gathering.search, grid_config=str(path))


def _sum_up(gathering: Gathering, status: int, console: Console) -> int:
    """Sum up what was gathered; return the command's exit status. status: the exit status of the search."""
    if status <= 1 or status in _STOPPED:
        try:
            sum_up(gathering.results, gathering.runs(), gathering.options, gathering.config, console)
        except FolderError as error:
            console.error(str(error))
            return status or error.exit_status
    return status


def search_call(search: SearchOptions, module_file: Path | None, options: SeedsOptions) -> str:
    """Return a shell line that starts the search, from any folder; with ``--run_cluster``, in a job of its own."""
    root = _import_root(search.grid_module, module_file)
    line = shell_line([interpreter_word(), *search_program(root), *to_argv(search)])
    if search.run_cluster:
        line = shell_line(_submission(search, options, line))
    # Also where that is the current folder: a reader of the line does not know from which folder it was printed.
    return line if root is None else f"cd {shlex.quote(str(root))} && {line}"


def _import_root(grid_module: str, module_file: Path | None) -> Path | None:
    """Return the folder in which a module's dotted name begins; None if that cannot be told."""
    if module_file is None:
        return None
    parts = tuple(grid_module.split("."))
    file = module_file.parent if module_file.name == "__init__.py" else module_file
    return file.parents[len(parts) - 1] if file.with_suffix("").parts[-len(parts) :] == parts else None


def _submission(search: SearchOptions, options: SeedsOptions, line: str) -> list[str]:
    name, log = f"random_seeds_{Path(search.out_dir).name}", f"{search.out_dir}/random_seeds"
    limit = time_limit(options.hps_num_hours)
    if search.scheduler == "lsf":
        resources = options.hps_resources.strip('"')
        wishes = ["-R", resources] if resources else []
        return ["bsub", "-J", name, "-n", "1", "-W", limit, "-o", f"{log}.out", "-e", f"{log}.err", *wishes, line]
    given = {
        "job-name": name,
        "output": f"{log}_%j.out",
        "error": f"{log}_%j.err",
        "time": f"{limit}:00",
        "mem": options.hps_slurm_mem,
        "partition": search.slurm_partition,
        "qos": search.slurm_qos,
        "constraint": search.slurm_constraint,
    }
    return ["sbatch", *(f"--{option}={value}" for option, value in given.items() if value), f"--wrap={line}"]
