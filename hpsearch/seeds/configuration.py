"""The configuration that is repeated: what of a run's options is given again, and whether other runs have the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig
from hpsearch.core.errors import ConfigError, FolderError
from hpsearch.core.seed_grid import DATA_SEED_OPTION, differences, seed_of
from hpsearch.folder.run_configuration import RunConfiguration, is_within, options_of
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.runs import SeedRun
from hpsearch.seeds.source import Source


@dataclass(frozen=True)
class Wanted:
    """The configuration of all runs but for their seed.

    is_complete: True if every option of the script is in there. left_out: options of the run that are not given again.
    """

    options: Mapping[str, object]
    is_complete: bool
    left_out: tuple[str, ...]
    seed_option: str
    varies_data_seed: bool

    def with_seed(self, seed: int | None) -> dict[str, object]:
        """Return the options of the run with this seed; the options of seeds are left out if it is not known."""
        names = (self.seed_option, DATA_SEED_OPTION) if self.varies_data_seed else (self.seed_option,)
        options = {name: value for name, value in self.options.items() if name not in names}
        return options if seed is None else {**options, **dict.fromkeys(names, seed)}


def wanted_configuration(options: SeedsOptions, config: SearchConfig, source: Source | None, run_cwd: Path) -> Wanted:
    """Return the configuration to repeat: that of the run, or of the user's script, with what was asked to change.

    Raises ConfigError if it lacks the option of the seed.
    """
    if source is not None:
        configuration, folder = source.configuration, source.folder
    else:
        assert options.config is not None, "checked with the command line"
        configuration, folder = RunConfiguration(options_of(options.config), True), None
    _check_has_seed(configuration, options, folder)
    inside = _options_inside(configuration, folder, config.settings.out_arg, run_cwd)
    left_out = (config.settings.out_arg, *inside, *options.ignore_kwds)
    kept = {name: value for name, value in configuration.options.items() if name not in left_out}
    forced = {name: value for name, value in options.forced_params.items() if value is not None}
    return Wanted({**kept, **forced}, configuration.is_complete, left_out, options.seed_option, options.vary_data_seed)


def _options_inside(configuration: RunConfiguration, folder: Path | None, out_arg: str, run_cwd: Path) -> list[str]:
    """Return the options that name places inside the run's own folder; another run has a folder of its own."""
    if folder is None or not configuration.is_complete:
        # On a command, all runs of a search may have had the same place.
        return []
    own = configuration.options.get(out_arg)
    return [name for name, value in configuration.options.items() if is_within(value, folder, own, run_cwd)]


def _check_has_seed(configuration: RunConfiguration, options: SeedsOptions, folder: Path | None) -> None:
    if not configuration.is_complete:
        # The run's command does not tell which options the script has besides.
        return
    for name in (options.seed_option, *((DATA_SEED_OPTION,) if options.vary_data_seed else ())):
        if name not in configuration.options:
            whose = "the configuration" if folder is None else f"the configuration of {folder}"
            how = "name the script's own with --seed_option" if name == options.seed_option else "drop --vary_data_seed"
            known = ", ".join(configuration.options)
            raise ConfigError(f"{whose} has no option {name!r}; {how} (it has {known})")


def check_same_configuration(runs: Sequence[SeedRun], wanted: Wanted, source: Source | None) -> list[str]:
    """Make sure that the runs gathered so far have the wanted configuration; return how the repeated run differs.

    That run counts all the same: whoever forces an option to another value knows that it had none.
    Raises FolderError if another run differs.
    """
    warnings = []
    for run in runs:
        told = _difference(run, wanted)
        if not told:
            continue
        if source is None or run.folder.name != source.folder.name:
            raise FolderError(
                f"{run.folder} was gathered for another configuration ({told}); give another --out_dir for this one"
            )
        warnings.append(f"{run.label} counts as a seed, but differs from the runs that are added: {told}")
    return warnings


def _difference(run: SeedRun, wanted: Wanted) -> str:
    if run.configuration is None:
        return ""
    with_flags = run.configuration.is_complete == wanted.is_complete
    are_commands = not run.configuration.is_complete and not wanted.is_complete
    # A seed that was forced or is not told is no difference in configuration.
    but = (
        wanted.left_out
        if seed_of(run.configuration.options, wanted.seed_option) is not None
        else (*wanted.left_out, wanted.seed_option, DATA_SEED_OPTION)
    )
    found = differences(run.configuration.options, wanted.with_seed(run.seed), but, with_flags, are_commands)
    return ", ".join(f"{has} instead of {wants}" for has, wants in found.values())


def differing_runs(runs: Sequence[SeedRun], seed_option: str) -> list[str]:
    """Return which runs have another configuration than the first one, but for their seeds."""
    told = [run for run in runs if run.configuration is not None]
    found = []
    for run in told[1:]:
        first = told[0].configuration
        assert first is not None and run.configuration is not None
        but = (seed_option, DATA_SEED_OPTION, *_places(first), *_places(run.configuration))
        with_flags = first.is_complete == run.configuration.is_complete
        are_commands = not first.is_complete and not run.configuration.is_complete
        other = differences(run.configuration.options, first.options, but, with_flags, are_commands)
        if other:
            shown = ", ".join(f"{has} instead of {wants}" for has, wants in other.values())
            found.append(f"{run.label} has another configuration than {told[0].label}: {shown}")
    return found


def _places(configuration: RunConfiguration) -> list[str]:
    """Return the options whose values look like paths: each run has its own."""
    return [name for name, value in configuration.options.items() if isinstance(value, str) and "/" in value]
