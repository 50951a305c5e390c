"""The runs in a folder of gathered seeds: seed, configuration and summary of each, and how configurations differ."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig
from hpsearch.core.errors import ConfigError, FolderError, SummaryError, reason_of
from hpsearch.core.model import Configuration, Run, Summary
from hpsearch.core.seed_grid import DATA_SEED_OPTION, differences, seed_of
from hpsearch.core.summary import is_finished
from hpsearch.folder.reading import recorded_search
from hpsearch.folder.run_configuration import RunConfiguration, is_run_folder, read_configuration
from hpsearch.folder.summaries import read_summary


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


def read_seed_runs(
    results: Path, config: SearchConfig, seed_option: str, summary_name: str | None = None
) -> list[SeedRun]:
    """Return all runs in a folder of gathered seeds, by seed; of two with the same seed, only the first counts.

    summary_name: the summary file, if not the grid module's. Raises FolderError if the folder cannot be read.
    """
    config = config if summary_name is None else _with_summary_name(config, summary_name)
    try:
        folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise FolderError(
            f"{results}: cannot be read ({reason_of(error)}); expected a folder of gathered seeds"
        ) from error
    commands = {entry.run.folder: entry.run.configuration.as_dict() for entry in recorded_search(results) or ()}
    runs = []
    for number, folder in enumerate(folders, start=1):
        command = commands.pop(folder.name, None)
        run = read_run(folder, config, seed_option, command, number)
        if run.summary is not None or command is not None or is_run_folder(folder):
            runs.append(run)
    for name, command in commands.items():
        known = RunConfiguration(command, is_complete=False)
        runs.append(SeedRun(results / name, seed_of(command, seed_option), known, None, "it has no folder"))
    return _each_seed_once(sorted(runs, key=lambda run: (run.seed is None, run.seed or 0, run.folder.name)))


def _with_summary_name(config: SearchConfig, name: str) -> SearchConfig:
    parser = config.summary_parser
    if parser is not None and "summary_fn" in inspect.signature(parser).parameters:
        parser = functools.partial(parser, summary_fn=name)
    settings = dataclasses.replace(config.settings, summary_filename=name)
    return dataclasses.replace(config, settings=settings, summary_parser=parser)


def _finished_summary(folder: Path, config: SearchConfig, number: int) -> tuple[Summary | None, str]:
    """Return a run's summary, None if the run did not finish; and why it counts as not finished."""
    try:
        summary = read_summary(folder, Run(number, folder.name, Configuration(()), str(folder)), config)
        return (summary, "") if is_finished(summary) else (None, "its summary does not say finished 1")
    except SummaryError as error:
        return None, str(error)


def read_run(
    folder: Path,
    config: SearchConfig,
    seed_option: str,
    command: Mapping[str, object] | None,
    number: int = 1,
    summary: Summary | None = None,
) -> SeedRun:
    """Return a run with the configuration and summary that its folder holds.

    command: the options of its command, if its search knows them. number: for parsers of the user.
    summary: the run's, if it is known already.
    """
    result = (summary, "") if summary is not None else _finished_summary(folder, config, number)
    try:
        configuration = read_configuration(folder, config.script_name, command)
    except ConfigError as error:
        return SeedRun(folder, None, None, *result, doubt=str(error))
    if configuration is None:
        return SeedRun(folder, None, None, *result)
    seed = seed_of(configuration.options, seed_option)
    return SeedRun(folder, seed, configuration, *result, doubt=configuration.problem)


def doubts(runs: Sequence[SeedRun]) -> list[str]:
    """Return one warning about all runs whose ``config.pickle`` was not used."""
    doubtful = [run for run in runs if run.doubt]
    if not doubtful:
        return []
    others = f" (and likewise in {len(doubtful) - 1:,} more)" if len(doubtful) > 1 else ""
    return [f"{doubtful[0].doubt}{others}; what the run's command says counts instead, as far as it is known"]


def _each_seed_once(runs: Iterable[SeedRun]) -> list[SeedRun]:
    once: list[SeedRun] = []
    finished: dict[int, SeedRun] = {}
    for run in runs:
        if run.summary is not None and run.seed is not None:
            first = finished.setdefault(run.seed, run)
            if first is not run:
                run = dataclasses.replace(run, summary=None, problem=f"the same seed as in {first.folder.name}")
        once.append(run)
    return once


def counted(runs: Sequence[SeedRun]) -> list[SeedRun]:
    """Return the runs that count: those that finished, each seed once."""
    return [run for run in runs if run.summary is not None]


def difference(one: RunConfiguration, other: RunConfiguration, but: Iterable[str]) -> str:
    """Return for people how one configuration differs from another; empty if it does not. but: options left out."""
    are_alike = one.is_complete == other.is_complete
    found = differences(one.options, other.options, but, are_alike, are_alike and not one.is_complete)
    return ", ".join(f"{has} instead of {wants}" for has, wants in found.values())


def differing_runs(runs: Sequence[SeedRun], seed_option: str) -> list[str]:
    """Return a warning about each run whose configuration differs from the first one's in more than seeds and paths."""
    known = [(run, run.configuration) for run in runs if run.configuration is not None]
    found = []
    for run, configuration in known[1:]:
        first, its = known[0]
        # Each run has paths of its own.
        both = (*its.options.items(), *configuration.options.items())
        paths = [name for name, value in both if isinstance(value, str) and "/" in value]
        different = difference(configuration, its, (seed_option, DATA_SEED_OPTION, *paths))
        if different:
            found.append(f"{run.label} has another configuration than {first.label}: {different}")
    return found
