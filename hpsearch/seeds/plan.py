"""What is to be gathered: the run to repeat, where its seeds go, and which of them are there already."""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.config.own_process import OwnProcess
from hpsearch.config.recorded import config_for_folder
from hpsearch.console.console import Console
from hpsearch.core.errors import UsageError
from hpsearch.core.seed_grid import missing_seeds, seed_of
from hpsearch.seeds.configuration import Wanted, check_same_configuration, wanted_configuration
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.runs import SeedRun, counted, doubts, read_seed_runs
from hpsearch.seeds.source import Origin, Source, find_origin, find_source
from hpsearch.seeds.summary import check_wishes
from hpsearch.store.layout import copy_run
from hpsearch.store.record import Settings


@dataclass(frozen=True)
class Gathering:
    """Seeds that are to be gathered.

    search: options of the search, without the grid. results: the folder of all runs; source: the run that is
    repeated, None if a script sets the configuration.
    """

    options: SeedsOptions
    search: SearchOptions
    config: SearchConfig
    results: Path
    source: Source | None
    wanted: Wanted

    def runs(self) -> list[SeedRun]:
        """Return the runs that lie in the folder of results."""
        if not self.results.is_dir():
            return []
        return read_seed_runs(self.results, self.config, self.options.seed_option)

    def missing(self, runs: Sequence[SeedRun], with_failed: bool) -> list[int]:
        """Return the seeds that have to be run. with_failed: those of runs that did not finish are run again."""
        gathered = {run.seed for run in (counted(runs) if with_failed else runs) if run.seed is not None}
        untold = sum(run.seed is None for run in counted(runs))
        return missing_seeds(self.options.seeds_list, self.options.num_seeds - untold, gathered)


def plan_gathering(options: SeedsOptions) -> Gathering:
    """Find out what is to be gathered; nothing is written.

    Raises UsageError, ConfigError or FolderError if it cannot be.
    """
    given_cwd = existing_folder(options.search.run_cwd, Path.cwd(), option="--run_cwd")
    origin = find_origin(options.run_dir, given_cwd) if options.run_dir else None
    search = _with_recorded(options, origin.settings if origin is not None else None)
    run_cwd = Path(search.run_cwd)
    config = _config(options, search, origin).in_process(OwnProcess(search.parser_timeout))
    check_wishes(options.summary, config)
    source = None if origin is None else find_source(origin, config, search.grid_module, run_cwd, search.parser_timeout)
    wanted = wanted_configuration(options, config, source, run_cwd)
    name = source.folder.name if source is not None else Path(options.config_name).name.removesuffix(".pickle")
    base = Path(os.path.normpath(absolute(search.out_dir, run_cwd, "--out_dir")))
    results = base if search.force_out_dir else base / name
    search = dataclasses.replace(
        search, out_dir=str(results), force_out_dir=True, dont_force_new_dir=True, deterministic_search=True
    )
    return Gathering(options, search, config, results, source, wanted)


def _with_recorded(options: SeedsOptions, settings: Settings | None) -> SearchOptions:
    """Return the options of the new search, absolute; what shapes a run is taken from its search if not given.

    Raises UsageError if there is no grid module or no such working directory.
    """
    search = options.search
    if settings is not None:
        recorded = {"interpreter": settings.options.get("interpreter", "")}
        if Path(settings.run_cwd).is_dir():
            recorded["run_cwd"] = settings.run_cwd
        search = dataclasses.replace(
            search, **{name: value for name, value in recorded.items() if name not in search.given_by_hand}
        )
        if not search.grid_module:
            search = dataclasses.replace(search, grid_module=settings.grid_module)
            sys.path += [path for path in settings.import_paths if path not in sys.path]
    if not search.grid_module:
        raise UsageError(
            "say whose seeds these are: --grid_module=NAME (for example --grid_module=sims.mnist.hpsearch_config)"
        )
    return dataclasses.replace(search, run_cwd=str(existing_folder(search.run_cwd, Path.cwd(), option="--run_cwd")))


def _config(options: SeedsOptions, search: SearchOptions, origin: Origin | None) -> SearchConfig:
    run_cwd = Path(search.run_cwd)
    if origin is None or options.search.grid_module:
        return config_for_folder(run_cwd, (), None, search.grid_module, run_cwd, needs_functions=False)
    return config_for_folder(origin.search, (), origin.settings, "", run_cwd, needs_functions=False)


def runs_with_source(gathering: Gathering, console: Console) -> list[SeedRun]:
    """Return the runs that are gathered already; the run that is repeated is one of them, and is copied if need be.

    Raises FolderError if there are runs of another configuration, StoreError if the run cannot be copied.
    """
    runs = gathering.runs()
    source = gathering.source
    if source is not None and source.configuration.problem:
        console.warn(f"{source.configuration.problem}; what the run's command says is repeated instead")
    for warning in [*doubts(runs), *check_same_configuration(runs, gathering.wanted, source)]:
        console.warn(warning)
    added = _source_as_seed(gathering, runs, console)
    if added is None:
        return runs
    for warning in check_same_configuration([added], gathering.wanted, gathering.source):
        console.warn(warning)
    if not gathering.search.dry_run:
        assert gathering.source is not None
        copy_run(gathering.source.folder, gathering.results)
        _leave_second_of(gathering.source.folder.name)
    return [*runs, added]


def _leave_second_of(name: str) -> None:
    """Wait until no new run can get the name of this one, which has the second of its search in it."""
    while time.strftime("sim_%Y%m%d%H%M%S_") == name[: name.rfind("_") + 1]:
        time.sleep(max(0.01, 1 - time.time() % 1))


def _source_as_seed(gathering: Gathering, runs: Sequence[SeedRun], console: Console) -> SeedRun | None:
    """Return the repeated run as one more seed; None if it is there already or cannot count."""
    source, results = gathering.source, gathering.results
    if source is None or (results / source.folder.name).exists():
        return None
    seed = seed_of(source.configuration.options, gathering.options.seed_option)
    reason = ""
    if source.summary is None:
        reason = "it did not finish"
    elif not source.folder.is_dir():
        reason = "its folder is gone"
    elif seed is None:
        reason = f"nothing tells its {gathering.options.seed_option}"
    if reason:
        console.note(f"{source.folder}: {reason}, so this run does not count as one of the seeds")
        return None
    if seed in {run.seed for run in counted(runs)}:
        return None
    return SeedRun(results / source.folder.name, seed, source.configuration, source.summary)
