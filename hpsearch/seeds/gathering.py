"""Gathering random seeds: one configuration, repeated with several seeds, summed up."""

from __future__ import annotations

import dataclasses
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.old_names import current_config
from hpsearch.config.options import to_argv
from hpsearch.config.recorded import config_for_folder, config_of
from hpsearch.console.console import Console
from hpsearch.console.exit_status import clean_up_when_interrupted
from hpsearch.core.command import shell_line
from hpsearch.core.errors import ConfigError, FolderError
from hpsearch.core.seed_grid import seed_grid
from hpsearch.search.command import add_current_folder
from hpsearch.search.command import main as run_search
from hpsearch.seeds.call import search_call
from hpsearch.seeds.configuration import differing_runs
from hpsearch.seeds.options import SUMMARY_NAME, SeedsOptions, SummaryWishes
from hpsearch.seeds.plan import Gathering, plan_gathering, runs_with_source
from hpsearch.seeds.runs import SeedRun, counted, doubts, read_seed_runs, record_of
from hpsearch.seeds.summary import write_summary
from hpsearch.store.events import Settings
from hpsearch.store.layout import write_grid_config

#: How a search ends that a signal stopped: what it gathered is summed up all the same.
_STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP)
_SEEDS_SHOWN = 20


def gather_seeds(options: SeedsOptions, hpmod_path: str | None, console: Console) -> int:
    """Do what the options say; return the exit status.

    hpmod_path: the folder of the main module, as a user's script names it; see `_extend_search_path`.
    Raises SearchError if nothing could be started or summed up.
    """
    _extend_search_path(hpmod_path)
    if options.seeds_dir:
        return _sum_up_folder(options, console)
    return _gather(plan_gathering(options), console)


def _extend_search_path(hpmod_path: str | None) -> None:
    """Let grid modules be found in the current folder, and beside the folder of the main module that a script names.

    That folder may have been meant from the script's own, or be missing: nothing else in it is needed.
    """
    add_current_folder()
    if hpmod_path is not None:
        bases = (Path.cwd(), Path(sys.argv[0]).resolve().parent)
        sys.path += [str(folder.resolve().parent) for base in bases if (folder := base / hpmod_path).is_dir()]


def _gather(gathering: Gathering, console: Console) -> int:
    clean_up_when_interrupted()
    runs = runs_with_source(gathering, console)
    if gathering.search.dry_run:
        return _show_commands(gathering, _missing(gathering, runs, console))
    if gathering.options.start_gathering:
        return _run_missing(gathering, runs, console)
    return _print_call(gathering, _missing(gathering, runs, console), console)


def _missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console, with_failed: bool = True) -> list[int]:
    # Those that are still to come look like failed ones in their folders.
    seeds = gathering.missing(runs, with_failed and not _is_interrupted(gathering.results))
    shown = ", ".join(map(str, seeds[:_SEEDS_SHOWN])) + (", ..." if len(seeds) > _SEEDS_SHOWN else "")
    console.note(f"seeds: {len(counted(runs))} there, {len(seeds)} to be run" + (f": {shown}" if seeds else ""))
    return seeds


def _run_missing(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> int:
    """Run the seeds that are missing; those of an interrupted gathering first, for they may be live."""
    status = 0
    if _is_interrupted(gathering.results):
        console.note(f"{gathering.results}: gathering was interrupted there, and is resumed first")
        status = run_search([f"--resume={gathering.results}", *gathering.options.resume_argv])
        if status > 1:
            return _sum_up(gathering, status, console)
        runs = gathering.runs()
    seeds = _missing(gathering, runs, console, with_failed=not status)
    if seeds:
        search = dataclasses.replace(gathering.search, grid_config=str(_written_grid(gathering, seeds)))
        status = max(status, run_search(to_argv(search)))
    return _sum_up(gathering, status, console)


def _is_interrupted(results: Path) -> bool:
    """Return whether runs of an earlier gathering are still to come; they may even be live."""
    return any(not entry.state.is_final for entry in record_of(results) or ())


def _show_commands(gathering: Gathering, seeds: Sequence[int]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "seeds.pickle")
        _write_grid(path, gathering, seeds)
        return run_search(to_argv(dataclasses.replace(gathering.search, grid_config=str(path)))) if seeds else 0


def _written_grid(gathering: Gathering, seeds: Sequence[int]) -> Path:
    """Write the grid of the search: to the folder of results, unless the user names another one; return where."""
    folder, has_folder, name = gathering.options.config_name.rpartition("/")
    base = absolute(f"{folder}/", Path.cwd(), "--config_name") if has_folder else gathering.results
    path = base / f"{name.removesuffix('.pickle')}.pickle"
    _write_grid(path, gathering, seeds)
    return path


def _write_grid(path: Path, gathering: Gathering, seeds: Sequence[int]) -> None:
    wanted = gathering.wanted
    write_grid_config(path, *seed_grid(wanted.options, wanted.seed_option, seeds, wanted.varies_data_seed))


def _print_call(gathering: Gathering, seeds: Sequence[int], console: Console) -> int:
    """Print a call that starts the search, and what pipes take from its last line."""
    if _is_interrupted(gathering.results):
        console.warn(f"{gathering.results}: seeds are still to come there; --start_gathering goes on with it")
    if not seeds:
        return _sum_up(gathering, 0, console)
    gathering.results.mkdir(parents=True, exist_ok=True)
    search = dataclasses.replace(gathering.search, grid_config=str(_written_grid(gathering, seeds)))
    console.note("with --start_gathering the search starts at once; without it, this call starts it:")
    console.result(search_call(search, gathering.config.module_file, gathering.options.job))
    console.result(shell_line([search.grid_module, search.grid_config, search.out_dir]))
    return 0


def _sum_up(gathering: Gathering, status: int, console: Console) -> int:
    """Sum up what was gathered; return the exit status of the whole."""
    if status > 1 and status not in _STOPPED:
        return status
    path = gathering.results / SUMMARY_NAME
    try:
        lines = write_summary(path, gathering.runs(), gathering.options.summary, gathering.config)
    except FolderError as error:
        console.error(str(error))
        return status or error.exit_status
    _show(lines, path, console, is_result=gathering.options.start_gathering)
    return status


def _show(lines: Sequence[str], path: Path, console: Console, is_result: bool) -> None:
    """Show the head of a summary and where it lies; on standard output only where that is what was asked for."""
    console.notes(lines[: lines.index("")])
    (console.result if is_result else console.note)(str(path))


def _sum_up_folder(options: SeedsOptions, console: Console) -> int:
    """Sum up the seeds that were gathered in a folder earlier."""
    run_cwd = existing_folder(options.search.run_cwd, Path.cwd(), option="--run_cwd")
    folder = existing_folder(options.seeds_dir, Path.cwd(), run_cwd, option="--seeds_dir")
    record = record_of(folder)
    files = [path.name for path in folder.iterdir() if path.is_file()]
    settings = record.settings if record is not None else None
    config = config_for_folder(folder, files, settings, options.search.grid_module, run_cwd, needs_functions=False)
    runs = read_seed_runs(folder, config, options.seed_option)
    path = folder / SUMMARY_NAME
    for warning in [*doubts(runs), *differing_runs(runs, options.seed_option)]:
        console.warn(warning)
    _show(write_summary(path, runs, options.summary, config), path, console, is_result=True)
    return 0


def summarise(folder: Path, wishes: SummaryWishes, summary_fn: str | None, seeds_summary_fn: str) -> list[int]:
    """Write the summary of a folder of gathered seeds; return the seeds that it is about.

    The configuration is the one that the caller read with `hpsearch._read_config`, else the one the folder records,
    else there are but the keywords of the summary.
    """
    config = current_config() or _recorded_config(folder)
    if config is None and summary_fn is not None and wishes.keys:
        keywords = tuple(dict.fromkeys((*wishes.keys, "finished")))
        settings = Settings(summary_filename=summary_fn, summary_keywords=keywords, performance_key=keywords[0])
        config = SearchConfig(settings, script_name="")
    if config is None:
        raise ConfigError(
            f"{folder}: it is not known which summaries the runs leave; call hpsearch._read_config(grid_module) first"
        )
    runs = read_seed_runs(folder, config, "random_seed", summary_fn)
    write_summary(folder / seeds_summary_fn, runs, wishes, config)
    return [run.seed for run in counted(runs) if run.seed is not None]


def _recorded_config(folder: Path) -> SearchConfig | None:
    record = record_of(folder)
    return config_of(record.known_settings()) if record is not None else None
