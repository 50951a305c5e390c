"""Planning a gathering of seeds: the run to repeat (given, or a search's best), the search, and its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.config.given_paths import absolute, existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import DATA_SEED_OPTION, USUAL_SEED, SearchOptions
from hpsearch.config.recorded import config_for_folder
from hpsearch.console.console import Console
from hpsearch.core.conditions import Condition
from hpsearch.core.configurations import seed_in
from hpsearch.core.errors import ConfigError, FolderError, UsageError
from hpsearch.core.model import Run, RunState, Summary
from hpsearch.core.ranking import best
from hpsearch.folder.folder_scan import Completion, find_search
from hpsearch.folder.reading import recorded_search
from hpsearch.folder.run_files import RunConfiguration, is_run_folder, is_within, options_of
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.results.best import finished_runs
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.runs import (
    SeedRun,
    check_summary_options,
    configuration_text,
    difference,
    distinguishing_options,
    read_run,
    read_seed_runs,
)
from hpsearch.starter.seed_names import declared_names, seed_option_in
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.classic_files import COMMAND_FILE, CONFIG_FILE, folder_name, runs_of_commands
from hpsearch.store.layout import SearchFolder
from hpsearch.user_code.import_paths import add_last
from hpsearch.user_code.user_functions import FunctionProcess


@dataclass(frozen=True)
class Gathering:
    """Seeds to gather.

    search: options of the search, without the grid; grid_file: where its grid is written.
    results: the folder of all runs. source: the run that is repeated, None if a script sets the configuration.
    shared: the configuration of all runs, without their seeds; text: the same for people.
    left_out: options of the source that new runs do not get.
    """

    options: SeedsOptions
    search: SearchOptions
    config: SearchConfig
    results: Path
    grid_file: Path
    source: SeedRun | None
    shared: RunConfiguration
    left_out: Sequence[str]
    text: str

    def runs(self) -> list[SeedRun]:
        """Return the runs in the folder of results."""
        if not self.results.is_dir():
            return []
        return read_seed_runs(self.results, self.config, self.options.seed_option)

    def is_interrupted(self) -> bool:
        """Return whether an earlier gathering has runs left, which may even be live."""
        return any(not entry.state.is_final for entry in recorded_search(self.results) or ())

    def difference_of(self, run: SeedRun) -> str:
        """Say how a run's configuration differs from the gathered one; empty if it does not."""
        if run.configuration is None:
            return ""
        names = self.options.seed_options
        wanted = {name: value for name, value in self.shared.options.items() if name not in names}
        if run.seed is not None:
            wanted |= dict.fromkeys(names, run.seed)
        has_seed = seed_in(run.configuration.options, (self.options.seed_option,)) is not None
        # A forced or unknown seed is no difference in configuration.
        seeds = () if has_seed else (self.options.seed_option, DATA_SEED_OPTION)
        return difference(run.configuration, replace(self.shared, options=wanted), (*self.left_out, *seeds))


def seed_grid(
    options: Mapping[str, object], seed_options: Sequence[str], seeds: Sequence[int]
) -> tuple[dict[str, list[object]], tuple[Condition, ...]]:
    """Return grid and conditions that give one configuration each of the seeds, in all of `seed_options`."""
    first, *others = seed_options
    grid: dict[str, list[object]] = {name: [value] for name, value in options.items()}
    grid[first] = list(seeds)
    return grid, tuple(Condition({first: [seed]}, {other: [seed]}) for other in others for seed in seeds)


def grid_file(config_name: str, results: Path) -> Path:
    """Return the file of the grid: in the folder of results, unless the name has a folder of its own."""
    folder, has_folder, name = config_name.removesuffix(".pickle").rpartition("/")
    return (absolute(f"{folder}/", Path.cwd(), "--config_name") if has_folder else results) / f"{name}.pickle"


@dataclass(frozen=True)
class _Origin:
    """What ``--run_dir`` names. run: the run's folder, None = choose the best. record: None without a journal."""

    search: Path
    run: Path | None
    record: SearchRecord | None


def plan_gathering(options: SeedsOptions) -> Gathering:
    """Plan what to gather; write nothing.

    Raises UsageError, ConfigError or FolderError if that is not possible.
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
    check_summary_options(options, config.settings)
    source = None if origin is None else _find_source(origin, config, search, options.seed_option)
    results = Path(os.path.normpath(absolute(options.out_dir, run_cwd, "--out_dir")))
    if not options.force_out_dir:
        results /= grid_file(options.config_name, results).stem if source is None else source.folder.name
    search = replace(
        search, out_dir=str(results), force_out_dir=True, dont_force_new_dir=True, deterministic_search=True
    )
    out_arg = config.settings.out_arg
    shared, left_out = _shared_configuration(options, config.settings, source, run_cwd)
    text = _text_of(shared.options, options, source, [] if origin is None else _known_runs(origin, out_arg))
    return Gathering(
        options, search, config, results, grid_file(options.config_name, results), source, shared, left_out, text
    )


def _find_origin(run_dir: str, run_cwd: Path) -> _Origin:
    """Return the run or search that a user names by a path, relative to the current folder or to `run_cwd`."""
    if_missing = "there is no such folder; expected a run's folder or a search folder"
    folder = existing_folder(run_dir, Path.cwd(), run_cwd, option="--run_dir", if_missing=if_missing)
    for search in (folder.parent, folder.parent.parent):
        record = recorded_search(search)
        if record is not None and any(entry.run.folder == folder.name for entry in record):
            return _Origin(search, folder, record)
    if is_run_folder(folder):
        # A run that was copied here does not belong to the search, but shares its grid module.
        return _Origin(folder.parent, folder, recorded_search(folder.parent))
    return _Origin(folder, None, recorded_search(folder))


def _with_recorded(search: SearchOptions, settings: Settings | None) -> SearchOptions:
    """Return the options of the new search, with absolute paths; missing ones come from the run's search."""
    if settings is not None:
        recorded = {"interpreter": settings.options.get("interpreter", "")}
        if settings.home.is_dir():
            recorded["run_cwd"] = str(settings.home)
        search = replace(search, **{name: recorded[name] for name in recorded.keys() - set(search.given_by_hand)})
        if not search.grid_module:
            search = replace(search, grid_module=settings.grid_module)
            add_last(settings.import_paths)
    if not search.grid_module:
        example = "for example --grid_module=sims.mnist.hpsearch_config"
        raise UsageError(f"name the grid module of these runs: --grid_module=NAME ({example})")
    return replace(search, run_cwd=str(existing_folder(search.run_cwd, Path.cwd(), option="--run_cwd")))


def _find_source(origin: _Origin, config: SearchConfig, search: SearchOptions, seed_option: str) -> SeedRun:
    """Return the run to repeat; its configuration is known, but its folder may be gone."""
    if origin.run is not None:
        command = _command_of(origin, origin.run, config.settings.out_arg)
        run = read_run(origin.run, config, seed_option, command)
    else:
        run = _best_run(origin, config, search, seed_option)
    if run.configuration is None:
        raise ConfigError(
            run.doubt
            or f"{run.folder}: the configuration of this run is not known; expected {CONFIG_FILE} or {COMMAND_FILE} "
            "in its folder, or the journal or commands.pickle of its search beside it"
        )
    return run


def _command_of(origin: _Origin, run: Path, out_arg: str) -> Mapping[str, object] | None:
    """Return the options of a run's command, from its search; None if the search does not know them."""
    found = next((known for known in _known_runs(origin, out_arg) if known.folder == run.name), None)
    return None if found is None else {**found.configuration.as_dict(), out_arg: found.out_dir}


def _known_runs(origin: _Origin, out_arg: str) -> list[Run]:
    """Return the runs of a search, from its journal or its pickle of commands."""
    if origin.record is not None:
        return [entry.run for entry in origin.record]
    commands = SearchFolder(origin.search).commands_pickle
    return runs_of_commands(origin.search, [commands.name] if commands.is_file() else [], out_arg)[0]


def _text_of(shared: Mapping[str, object], options: SeedsOptions, source: SeedRun | None, known: Sequence[Run]) -> str:
    """Describe the gathered configuration: the options in which known runs differ, and the repeated run."""
    every: list[Mapping[str, object]] = [run.configuration.as_dict() for run in known] or [shared]
    names = dict.fromkeys([*distinguishing_options(every, options.seed_options), *dict(options.forced_params)])
    text = configuration_text(shared, [name for name in names if name not in options.seed_options])
    return text if source is None else f"{text} ({source.folder.name})".strip()


def _best_run(origin: _Origin, config: SearchConfig, search: SearchOptions, seed_option: str) -> SeedRun:
    """Return the best finished run, as ``hpsearch best`` does; without journal and table, from runs' folders."""
    folder, settings = SearchFolder(origin.search), config.settings
    if origin.record is not None:
        # What is best was decided when the search started.
        settings = origin.record.known_settings()
    if origin.record is not None or folder.results.is_file():
        rows = [run.row for run in finished_runs(folder).runs]
    else:
        found = find_search(folder.path, search.grid_module, Path(search.run_cwd), False, search.parser_timeout)
        finished = sorted(found.of(Completion.FINISHED), key=lambda run: run.run.number)
        rows = [run.row for run in finished if run.row is not None]
    key = settings.performance_key
    ranked = best(rows, lambda row: row.get(key, ""), settings.sort_ascending)
    if not ranked:
        what = f"none of its {len(rows)} finished runs has a number under {key!r}" if rows else "no run finished in it"
        raise FolderError(f"--run_dir={folder.path}: there is no best run to repeat: {what}")
    row, out_arg = ranked[0], settings.out_arg
    name = folder_name(row.get(out_arg, ""))
    existing = [each for each in (folder.path / name, folder.to_be_deleted / name) if each.is_dir()]
    summary: Summary = {keyword: [ranked[0][keyword]] for keyword in settings.summary_keywords if keyword in ranked[0]}
    path = existing[0] if existing else folder.path / name
    return read_run(path, config, seed_option, _command_of(origin, path, out_arg), summary)


def _shared_configuration(
    options: SeedsOptions, settings: Settings, source: SeedRun | None, run_cwd: Path
) -> tuple[RunConfiguration, list[str]]:
    """Return the configuration of the source or the user's script, changed as asked for, and the options left out.

    Options that name paths inside the source's own folder are left out, too.
    """
    if source is None:
        assert options.config is not None, "checked with the command line"
        repeated = RunConfiguration(options_of(vars(options.config), {}), True)
    else:
        assert source.configuration is not None, "checked when the source was found"
        repeated = source.configuration
    check_has_seed(repeated, options, source)
    out_arg, continue_arg = settings.out_arg, settings.continue_arg
    # Another seed must not go on from the source's checkpoint.
    left_out = [out_arg, *([continue_arg] if continue_arg in repeated.options else []), *options.ignore_kwds]
    # A path on the command may be the same in all runs of a search.
    if source is not None and repeated.is_complete:
        own = repeated.options.get(out_arg)
        left_out += [name for name, value in repeated.options.items() if is_within(value, source.folder, own, run_cwd)]
    kept = {name: value for name, value in repeated.options.items() if name not in left_out}
    forced = {name: value for name, value in options.forced_params if value is not None}
    return RunConfiguration({**kept, **forced}, repeated.is_complete), left_out


def check_has_seed(configuration: RunConfiguration, options: SeedsOptions, source: SeedRun | None) -> None:
    """Raise ConfigError if the script is known to lack an option that should get the seed."""
    # The script may have more options than a run's command.
    for name in options.seed_options if configuration.is_complete else ():
        if name not in configuration.options:
            whose = "the configuration" if source is None else f"the configuration of {source.folder}"
            how = "name the script's own with --seed_option" if name == options.seed_option else "drop --vary_data_seed"
            known = ", ".join(configuration.options)
            raise ConfigError(f"{whose} has no option {name!r}; {how} (it has {known})")


def with_seed_option(options: SeedsOptions, folder: Path, console: Console) -> SeedsOptions:
    """Return the options with the seed option found out; tell people if it is not the usual one.

    folder: of the search, or of one of its runs.
    """
    record = recorded_search(folder) or recorded_search(folder.parent)
    if record is not None and DATA_SEED_OPTION in record.over:
        options = replace(options, vary_data_seed=True)
    if options.seed_option:
        return options
    name = (_option_of(record) if record is not None else "") or USUAL_SEED
    if name != USUAL_SEED:
        console.note(f"seeds go to --{name} (--seed_option=NAME for another)")
    return replace(options, seed_option=name)


def _option_of(record: SearchRecord) -> str:
    """Return the option that seeds the script, from its finished runs or its source; empty if neither tells."""
    settings = record.known_settings()
    # Only finished runs: a failed one may have had an option that the script does not know.
    finished = (entry.run.configuration for entry in record if entry.result.state is RunState.FINISHED)
    given = dict.fromkeys(name for configuration in finished for name, _ in configuration.options)
    known = (name for name in record.over if name in given)
    return (
        next(known, "")
        or seed_option_in(given)
        or seed_option_in(declared_names(settings.program, Path(settings.run_cwd)))
    )
