"""What is to be gathered: the run to repeat (given, or the best of a search), the search, and where its seeds go."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.import_paths import add_last
from hpsearch.config.options import SearchOptions
from hpsearch.config.recorded import config_for_folder
from hpsearch.config.user_functions import FunctionProcess
from hpsearch.core.conditions import Condition
from hpsearch.core.errors import ConfigError, FolderError, UsageError
from hpsearch.core.ranking import best
from hpsearch.core.summary import cell_under
from hpsearch.folder.folder_scan import Completion, FoundSearch, find_search
from hpsearch.folder.reading import recorded_search
from hpsearch.folder.run_files import RunConfiguration, is_run_folder, is_within, options_of
from hpsearch.seeds.options import DATA_SEED_OPTION, SeedsOptions
from hpsearch.seeds.runs import SeedRun, check_summary_options, difference, read_run, read_seed_runs, seed_of
from hpsearch.store.classic_files import COMMAND_FILE, CONFIG_FILE, folder_name, runs_of_commands
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import SearchRecord, Settings


@dataclass(frozen=True)
class Gathering:
    """Seeds to gather.

    search: options of the search, without the grid; grid_file: where its grid is written.
    results: the folder of all runs. source: the run that is repeated, None if a script sets the configuration.
    shared: the configuration of all runs, but for their seed. left_out: options of the source that others do not get.
    """

    options: SeedsOptions
    search: SearchOptions
    config: SearchConfig
    results: Path
    grid_file: Path
    source: SeedRun | None
    shared: RunConfiguration
    left_out: Sequence[str]

    def runs(self) -> list[SeedRun]:
        """Return the runs that lie in the folder of results."""
        if not self.results.is_dir():
            return []
        return read_seed_runs(self.results, self.config, self.options.seed_option)

    def is_interrupted(self) -> bool:
        """Return whether runs of an earlier gathering are still to come; they may even be live."""
        return any(not entry.state.is_final for entry in recorded_search(self.results) or ())

    def difference_of(self, run: SeedRun) -> str:
        """Return for people how a run's configuration differs from the one that is gathered; empty if it does not."""
        if run.configuration is None:
            return ""
        names = self.options.seed_options
        wanted = {name: value for name, value in self.shared.options.items() if name not in names}
        if run.seed is not None:
            wanted |= dict.fromkeys(names, run.seed)
        has_seed = seed_of(run.configuration.options, self.options.seed_option) is not None
        # A seed that was forced, or that nothing tells, is no difference in configuration.
        seeds = () if has_seed else (self.options.seed_option, DATA_SEED_OPTION)
        return difference(run.configuration, replace(self.shared, options=wanted), (*self.left_out, *seeds))


def missing_seeds(listed: Sequence[int], count: int, gathered: Collection[int]) -> list[int]:
    """Return which of the listed seeds have to be run, in order; without a list, seeds from 0 on, `count` in all."""
    if listed:
        return [seed for seed in dict.fromkeys(listed) if seed not in gathered]
    wanted = max(0, count - len(gathered))
    return [seed for seed in range(wanted + len(gathered)) if seed not in gathered][:wanted]


def seed_grid(
    options: Mapping[str, object], seed_options: Sequence[str], seeds: Sequence[int]
) -> tuple[dict[str, list[object]], tuple[Condition, ...]]:
    """Return grid and conditions that give one configuration each of the seeds, under all of `seed_options`."""
    first, *others = seed_options
    grid: dict[str, list[object]] = {name: [value] for name, value in options.items()}
    grid[first] = list(seeds)
    return grid, tuple(Condition({first: [seed]}, {other: [seed]}) for other in others for seed in seeds)


@dataclass(frozen=True)
class _Origin:
    """What ``--run_dir`` names. run: the run's folder, None if it is to be chosen. record: None without a journal."""

    search: Path
    run: Path | None
    record: SearchRecord | None


def plan_gathering(options: SeedsOptions) -> Gathering:
    """Find out what is to be gathered; nothing is written.

    Raises UsageError, ConfigError or FolderError if it cannot be.
    """
    given_cwd = existing_folder(options.search.run_cwd, Path.cwd(), option="--run_cwd")
    origin = _find_origin(options.run_dir, given_cwd) if options.run_dir else None
    settings = origin.record.settings if origin is not None and origin.record is not None else None
    search = _with_recorded(options.search, settings)
    run_cwd = Path(search.run_cwd)
    if origin is None or options.search.grid_module:
        config = config_for_folder(run_cwd, (), None, search.grid_module, run_cwd, needs_functions=False)
    else:
        config = config_for_folder(origin.search, (), settings, "", run_cwd, needs_functions=False)
    config = config.in_process(FunctionProcess(search.parser_timeout))
    check_summary_options(options, config)
    source = None if origin is None else _find_source(origin, config, search, options.seed_option)
    folder, has_folder, grid_name = options.config_name.removesuffix(".pickle").rpartition("/")
    results = Path(os.path.normpath(absolute(options.out_dir, run_cwd, "--out_dir")))
    if not options.force_out_dir:
        results /= grid_name if source is None else source.folder.name
    grid_folder = absolute(f"{folder}/", Path.cwd(), "--config_name") if has_folder else results
    search = replace(
        search, out_dir=str(results), force_out_dir=True, dont_force_new_dir=True, deterministic_search=True
    )
    shared, left_out = _shared_configuration(options, config.settings.out_arg, source, run_cwd)
    return Gathering(options, search, config, results, grid_folder / f"{grid_name}.pickle", source, shared, left_out)


def _find_origin(run_dir: str, run_cwd: Path) -> _Origin:
    """Return the run or search that a user names, in a path relative to here or to `run_cwd`."""
    if_missing = "there is no such folder; expected a run's folder or a search folder"
    folder = existing_folder(run_dir, Path.cwd(), run_cwd, option="--run_dir", if_missing=if_missing)
    for search in (folder.parent, folder.parent.parent):
        record = recorded_search(search)
        if record is not None and any(entry.run.folder == folder.name for entry in record):
            return _Origin(search, folder, record)
    if is_run_folder(folder):
        # A run that was copied here does not belong to the search, but has its grid module.
        return _Origin(folder.parent, folder, recorded_search(folder.parent))
    return _Origin(folder, None, recorded_search(folder))


def _with_recorded(search: SearchOptions, settings: Settings | None) -> SearchOptions:
    """Return the options of the new search, paths absolute; what is not given is taken from the run's search."""
    if settings is not None:
        recorded = {"interpreter": settings.options.get("interpreter", "")}
        if Path(settings.run_cwd).is_dir():
            recorded["run_cwd"] = settings.run_cwd
        search = replace(search, **{name: recorded[name] for name in recorded.keys() - set(search.given_by_hand)})
        if not search.grid_module:
            search = replace(search, grid_module=settings.grid_module)
            add_last(settings.import_paths)
    if not search.grid_module:
        example = "for example --grid_module=sims.mnist.hpsearch_config"
        raise UsageError(f"say whose seeds these are: --grid_module=NAME ({example})")
    return replace(search, run_cwd=str(existing_folder(search.run_cwd, Path.cwd(), option="--run_cwd")))


def _find_source(origin: _Origin, config: SearchConfig, search: SearchOptions, seed_option: str) -> SeedRun:
    """Return the run to repeat; its folder may be gone, its configuration is known."""
    if origin.run is not None:
        command = _command_of(origin, origin.run, config.settings.out_arg)
        run = read_run(origin.run, config, seed_option, command)
    else:
        # What is best was settled when the search was started.
        module = search.grid_module if origin.record is None else ""
        found = find_search(origin.search, module, Path(search.run_cwd), False, search.parser_timeout)
        run = _best_run(found, seed_option)
    if run.configuration is None:
        raise ConfigError(
            run.doubt
            or f"{run.folder}: nothing tells the configuration of this run; expected {CONFIG_FILE} or {COMMAND_FILE} "
            "in its folder, or the journal or commands.pickle of its search beside it"
        )
    return run


def _command_of(origin: _Origin, run: Path, out_arg: str) -> Mapping[str, object] | None:
    """Return the options that a run was started with, as its search knows them; None if it does not."""
    known = [entry.run for entry in origin.record or ()]
    if not known:
        commands = SearchFolder(origin.search).commands_pickle
        known, _ = runs_of_commands(origin.search, [commands.name] if commands.is_file() else [], out_arg)
    found = next((entry for entry in known if entry.folder == run.name), None)
    return None if found is None else {**found.configuration.as_dict(), out_arg: found.out_dir}


def _best_run(search: FoundSearch, seed_option: str) -> SeedRun:
    """Return the finished run with the best value under the performance key that the search recorded."""
    key = search.settings.performance_key
    finished = sorted(search.of(Completion.FINISHED), key=lambda found: found.run.number)
    ranked = best(finished, lambda found: cell_under(found.summary, key), search.settings.sort_ascending)
    if not ranked:
        what = f"none of its {len(finished)} finished runs has a number under {key!r}"
        reason = f"{what if finished else 'no run finished'} in it"
        raise FolderError(f"--run_dir={search.folder.path}: there is no best run to repeat: {reason}")
    path, run = ranked[0].path, ranked[0].run
    folder = path or search.folder.path / folder_name(run.out_dir)
    command = (
        {**run.configuration.as_dict(), search.settings.out_arg: run.out_dir} if run.configuration.options else None
    )
    return read_run(folder, search.config, seed_option, command, ranked[0].summary)


def _shared_configuration(
    options: SeedsOptions, out_arg: str, source: SeedRun | None, run_cwd: Path
) -> tuple[RunConfiguration, list[str]]:
    """Return the source's configuration or the user script's, changed as asked for; and the options that were left out.

    Options that name paths inside the source's own folder are left out, too.
    """
    if source is None:
        assert options.config is not None, "checked with the command line"
        repeated = RunConfiguration(options_of(vars(options.config), {}), True)
    else:
        assert source.configuration is not None, "checked when the source was found"
        repeated = source.configuration
    _check_has_seed(repeated, options, source)
    left_out = [out_arg, *options.ignore_kwds]
    # On a command, all runs of a search may have had the same path.
    if source is not None and repeated.is_complete:
        own = repeated.options.get(out_arg)
        left_out += [name for name, value in repeated.options.items() if is_within(value, source.folder, own, run_cwd)]
    kept = {name: value for name, value in repeated.options.items() if name not in left_out}
    forced = {name: value for name, value in options.forced_params if value is not None}
    return RunConfiguration({**kept, **forced}, repeated.is_complete), left_out


def _check_has_seed(configuration: RunConfiguration, options: SeedsOptions, source: SeedRun | None) -> None:
    # The script may have more options than a run's command gave.
    for name in options.seed_options if configuration.is_complete else ():
        if name not in configuration.options:
            whose = "the configuration" if source is None else f"the configuration of {source.folder}"
            how = "name the script's own with --seed_option" if name == options.seed_option else "drop --vary_data_seed"
            known = ", ".join(configuration.options)
            raise ConfigError(f"{whose} has no option {name!r}; {how} (it has {known})")
