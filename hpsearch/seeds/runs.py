"""The runs in a folder of gathered seeds: how their configurations differ, and the summary of their results."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from hpsearch.config.given_paths import existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.old_names import current_config
from hpsearch.config.options import DATA_SEED_OPTION
from hpsearch.config.recorded import config_for_folder, config_of
from hpsearch.console.console import Console
from hpsearch.console.text import aligned
from hpsearch.core.command import argument, is_flag, text_of
from hpsearch.core.configurations import seed_in
from hpsearch.core.errors import ConfigError, FolderError, SummaryError, reason_of
from hpsearch.core.model import Configuration, Run, Summary
from hpsearch.core.ranking import number_of
from hpsearch.core.statistics import SAMPLE_STD, decimals_of, divisor_text, statistic, statistics_lines
from hpsearch.core.summary import cell_under, is_finished
from hpsearch.folder.reading import recorded_search
from hpsearch.folder.run_files import RunConfiguration, is_run_folder, read_configuration, read_summary
from hpsearch.journal.settings import Settings
from hpsearch.seeds.options import SUMMARY_NAME, SeedsOptions
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.layout import write_whole

#: The beginning of a summary's line that describes the configuration.
_CONFIGURATION = "Configuration: "


@dataclass(frozen=True)
class SeedRun:
    """One run of a configuration.

    seed, configuration: None if unknown. doubt: why the run's ``config.pickle`` was not used; may be empty.
    summary: None if the run does not count; problem: why.
    """

    folder: Path
    seed: int | None
    configuration: RunConfiguration | None
    summary: Summary | None
    problem: str = ""
    doubt: str = ""

    @property
    def label(self) -> str:
        """The run for people."""
        return self.folder.name if self.seed is None else f"{self.folder.name} (seed {self.seed})"


def read_seed_runs(results: Path, config: SearchConfig, seed_option: str) -> list[SeedRun]:
    """Return all runs in a folder of gathered seeds, by seed; of two runs with the same seed, only the first counts.

    Raises FolderError if the folder cannot be read.
    """
    try:
        folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        expected = "expected a folder of gathered seeds"
        raise FolderError(f"{results}: cannot be read ({reason_of(error)}); {expected}") from error
    commands = {entry.run.folder: entry.run.configuration.as_dict() for entry in recorded_search(results) or ()}
    runs = []
    for number, folder in enumerate(folders, start=1):
        command = commands.pop(folder.name, None)
        run = read_run(folder, config, seed_option, command, number=number)
        if run.summary is not None or command is not None or is_run_folder(folder):
            runs.append(run)
    for name, command in commands.items():
        known = RunConfiguration(command, is_complete=False)
        runs.append(SeedRun(results / name, seed_in(command, (seed_option,)), known, None, "it has no folder"))
    return each_seed_once(runs)


def each_seed_once(runs: Iterable[SeedRun]) -> list[SeedRun]:
    """Return the runs sorted by seed; of several finished ones with the same seed, only the first counts."""
    found = sorted(runs, key=lambda run: (run.seed is None, run.seed or 0, run.folder.name))
    first: dict[int, SeedRun] = {}
    for index, run in enumerate(found):
        if run.summary is not None and run.seed is not None and first.setdefault(run.seed, run) is not run:
            found[index] = replace(run, summary=None, problem=f"the same seed as in {first[run.seed].folder.name}")
    return found


def read_run(
    folder: Path,
    config: SearchConfig,
    seed_option: str,
    command: Mapping[str, object] | None,
    summary: Summary | None = None,
    number: int = 1,
) -> SeedRun:
    """Return a run with the configuration and summary in its folder.

    command: the options of its command, summary: its summary, both if known. number: for the user's own parser.
    """
    problem = doubt = ""
    if summary is None:
        try:
            found = read_summary(folder, Run(number, folder.name, Configuration(()), str(folder)), config)
            summary, problem = (found, "") if is_finished(found) else (None, "its summary does not say finished 1")
        except SummaryError as error:
            problem = str(error)
    try:
        configuration = read_configuration(folder, config.script_name, command)
    except ConfigError as error:
        configuration, doubt = None, str(error)
    if configuration is None:
        return SeedRun(folder, None, None, summary, problem, doubt)
    seed = seed_in(configuration.options, (seed_option,))
    return SeedRun(folder, seed, configuration, summary, problem, configuration.problem)


def counted(runs: Sequence[SeedRun]) -> list[SeedRun]:
    """Return the counted runs: finished ones, each seed once."""
    return [run for run in runs if run.summary is not None]


def warn_of_doubts(runs: Sequence[SeedRun], console: Console) -> None:
    """Warn once of all runs whose ``config.pickle`` was not used."""
    found = [run.doubt for run in runs if run.doubt]
    if found:
        others = f" (and likewise in {len(found) - 1:,} more)" if len(found) > 1 else ""
        console.warn(f"{found[0]}{others}; using the commands of the runs instead")


def _warn_of_differences(runs: Sequence[SeedRun], seed_option: str, console: Console) -> None:
    """Warn of each run whose configuration differs from the first run's in more than seeds and paths."""
    known = [(run, run.configuration) for run in runs if run.configuration is not None]
    for run, configuration in known[1:]:
        first, its = known[0]
        # Each run has its own paths.
        both = (*its.options.items(), *configuration.options.items())
        paths = [name for name, value in both if isinstance(value, str) and "/" in value]
        different = difference(configuration, its, (seed_option, DATA_SEED_OPTION, *paths))
        if different:
            console.warn(f"{run.label} has another configuration than {first.label}: {different}")


def difference(one: RunConfiguration, other: RunConfiguration, but: Collection[str]) -> str:
    """Say how one configuration's command differs from the other's; empty if it does not.

    If only commands are known, an option that only one has counts as a difference; if both are complete, only a flag
    does, which is off if missing. but: options left out.
    """
    are_alike = one.is_complete == other.is_complete
    found = []
    for name, value in {**one.options, **other.options}.items():
        are_both_known = name in one.options and name in other.options
        counts = are_both_known or (are_alike and (is_flag(value) or not one.is_complete))
        if counts and name not in but:
            has, wants = (_given(name, configuration.options) for configuration in (one, other))
            found += [] if _is_same(has, wants) else [f"{has} instead of {wants}"]
    return ", ".join(found)


def _given(name: str, options: Mapping[str, object]) -> str:
    return (name in options and argument(name, options[name])) or f"no --{name}"


def _is_same(left: str, right: str) -> bool:
    """Return whether two words of a command mean the same; ``--lr=0.10`` is ``--lr=0.1``."""
    numbers = [number_of(word.partition("=")[2]) for word in (left, right)]
    return left == right or (None not in numbers and numbers[0] == numbers[1])


def distinguishing_options(configurations: Sequence[Mapping[str, object]], but: Collection[str]) -> list[str]:
    """Return the options that differ between configurations, except `but`; all options if none differs."""
    names = [name for name in dict.fromkeys(name for each in configurations for name in each) if name not in but]
    texts = {name: {_given(name, each) for each in configurations} for name in names}
    return [name for name in names if len(texts[name]) > 1] or names


def configuration_text(options: Mapping[str, object], names: Iterable[str]) -> str:
    """Return the options with these names as text: ``lr=0.5 nesterov=True``."""
    return " ".join(shlex.quote(f"{name}={text_of(options[name])}") for name in names if name in options)


def _text_of_gathered(runs: Sequence[SeedRun], seed_option: str) -> str:
    """Describe the configuration of gathered runs, without seeds, paths and flags that are off."""
    known = next((run.configuration for run in runs if run.configuration is not None), None)
    if known is None:
        return ""
    shown = {name: value for name, value in known.options.items() if value is not False and "/" not in str(value)}
    return configuration_text(shown, [name for name in shown if name not in (seed_option, DATA_SEED_OPTION)])


def sum_up_folder(options: SeedsOptions, console: Console) -> int:
    """Sum up the seeds that were gathered in a folder earlier; return the exit status."""
    run_cwd = existing_folder(options.search.run_cwd, Path.cwd(), option="--run_cwd")
    folder = existing_folder(options.seeds_dir, Path.cwd(), run_cwd, option="--seeds_dir")
    record = recorded_search(folder)
    settings = record.settings if record is not None else None
    files = [path.name for path in folder.iterdir() if path.is_file()]
    config = config_for_folder(folder, files, settings, options.search.grid_module, run_cwd, needs_functions=False)
    runs = read_seed_runs(folder, config, options.seed_option)
    warn_of_doubts(runs, console)
    _warn_of_differences(runs, options.seed_option, console)
    text = _text_of_gathered(runs, options.seed_option)
    sum_up(folder, runs, options, config.settings, console, text)
    console.note(divisor_text(options.summary_sem))
    return 0


def sum_up(
    folder: Path,
    runs: Sequence[SeedRun],
    options: SeedsOptions,
    settings: Settings,
    console: Console,
    configuration: str,
) -> None:
    """Write the summary to a folder; show its beginning and its path (on standard output if asked for).

    configuration: what is summed up, for people. Raises the same errors as `_write_summary`.
    """
    path = folder / SUMMARY_NAME
    lines = _write_summary(path, runs, options, settings, configuration)
    console.notes([*(line for line in lines if line.startswith(_CONFIGURATION)), *lines[: lines.index("")]])
    (console.result if options.seeds_dir or options.start_gathering else console.note)(str(path))


def summarise(folder: Path, options: SeedsOptions, summary_fn: str | None, seeds_summary_fn: str) -> list[int]:
    """Write the summary of a folder of gathered seeds for a user's own script; return the seeds that count.

    summary_fn: the runs' summary file, if not the grid module's. Settings come from the grid module that the script
    read with `hpsearch._read_config`, else from the folder's record, else there are just the summary's keywords.
    """
    config = current_config()
    if config is None and (record := recorded_search(folder)) is not None:
        config = config_of(record.known_settings())
    if config is None and summary_fn is not None and options.summary_keys:
        keywords = tuple(dict.fromkeys((*options.summary_keys, "finished")))
        settings = Settings(summary_filename=summary_fn, summary_keywords=keywords, performance_key=keywords[0])
        config = SearchConfig(settings, script_name="")
    if config is None:
        remedy = "call hpsearch._read_config(grid_module) first"
        raise ConfigError(f"{folder}: it is not known which summaries the runs leave; {remedy}")
    if summary_fn is not None:
        parser = config.summary_parser
        if parser is not None and "summary_fn" in inspect.signature(parser).parameters:
            parser = partial(parser, summary_fn=summary_fn)
        settings = replace(config.settings, summary_filename=summary_fn)
        config = replace(config, settings=settings, summary_parser=parser)
    runs = read_seed_runs(folder, config, "random_seed")
    text = _text_of_gathered(runs, options.seed_option)
    _write_summary(folder / seeds_summary_fn, runs, options, config.settings, text)
    return [run.seed for run in counted(runs) if run.seed is not None]


def check_summary_options(options: SeedsOptions, settings: Settings) -> None:
    """Raise ConfigError if it is clear before anything runs that the summary cannot be made with these options."""
    if options.summary_keys:
        # A user's own parser may return any keyword.
        if not settings.has_parser:
            _check_keys(options.summary_keys, settings.summary_keywords, "_SUMMARY_KEYWORDS has")
        decimals_of(options.summary_precs, options.summary_keys)


def _write_summary(
    path: Path, runs: Sequence[SeedRun], options: SeedsOptions, settings: Settings, configuration: str
) -> list[str]:
    """Write the summary of seeds; return its lines.

    Raises FolderError if no run finished, ConfigError if a keyword is unknown, StoreError if it cannot be written.
    """
    good = counted(runs)
    left_out = [f"  {run.label}: {run.problem}" for run in runs if run.summary is None]
    if not good:
        nothing = f"{path.parent}: no finished run in here, so there is nothing to sum up"
        raise FolderError("\n".join([nothing, *left_out]))
    keys = _keywords(good, options.summary_keys, settings.performance_key)
    columns = [[cell_under(run.summary, key) for run in good] for key in keys]
    statistics = [
        statistic(key, map(number_of, cells), options.summary_sem, digits)
        for key, cells, digits in zip(keys, columns, decimals_of(options.summary_precs, keys))
    ]
    seeds = ["?" if run.seed is None else str(run.seed) for run in good]
    table = zip(seeds, *(map(str, cells) for cells in columns), (run.folder.name for run in good))
    lines = statistics_lines(statistics, len(good), options.summary_sem)
    if configuration:
        # At the end, after the lines that users' programs look for.
        lines += ["", f"{_CONFIGURATION}{configuration}"]
    lines += ["", f"{divisor_text(options.summary_sem)}; in search_results_by_configuration.csv, {SAMPLE_STD}"]
    lines += ["", "Runs:", *(f"  {line}" for line in aligned([["seed", *keys, "folder"], *table]))]
    lines += ["", "Left out:", *left_out] if left_out else []
    write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
    return lines


def _keywords(runs: Sequence[SeedRun], wanted: Sequence[str], performance_key: str) -> list[str]:
    """Return the wanted keywords; if none are named, the keywords with numbers, the performance key first."""
    known = list(dict.fromkeys(key for run in runs for key in run.summary or ()))
    _check_keys(wanted, known, "the summaries have")
    if wanted:
        return list(wanted)
    others = [key for key in known if key not in (performance_key, "finished")]
    numeric = [key for key in others if any(number_of(cell_under(run.summary, key)) is not None for run in runs)]
    return [*([performance_key] if performance_key in known else []), *numeric]


def _check_keys(wanted: Sequence[str], known: Sequence[str], who: str) -> None:
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise ConfigError(f"summary_keys names {', '.join(map(repr, unknown))}, but {who} only {', '.join(known)}")
