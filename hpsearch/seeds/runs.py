"""The runs in a folder of gathered seeds: the seed and the summary of each, and whether they belong together."""

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
from hpsearch.core.seed_grid import seed_of
from hpsearch.core.summary import is_finished
from hpsearch.folder.run_configuration import RunConfiguration, is_run_folder, read_configuration
from hpsearch.folder.summaries import read_summary
from hpsearch.store.journal import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import SearchRecord


@dataclass(frozen=True)
class SeedRun:
    """One run of a configuration.

    seed, configuration: None if nothing tells them; doubt: why what should have told them was not used, may be empty.
    summary: None if the run is left out; problem: why.
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


def record_of(search: Path) -> SearchRecord | None:
    """Return what the journal of a search folder adds up to; None if there is none, or it tells of no search yet."""
    folder = SearchFolder(search)
    record = read_record(folder) if folder.journal.is_file() else SearchRecord()
    return record if record.settings is not None else None


def finished_summary(
    folder: Path, number: int, config: SearchConfig, summary_name: str | None = None
) -> tuple[Summary | None, str]:
    """Return a run's summary, None if the run did not finish; and why it counts as not finished.

    number: the run's number from 1, for parsers of the user. summary_name: the file, if not the module's own.
    """
    config = config if summary_name is None else _with_summary_name(config, summary_name)
    try:
        summary = read_summary(folder, Run(number, folder.name, Configuration(()), str(folder)), config)
        finished = is_finished(summary)
    except SummaryError as error:
        return None, str(error)
    return (summary, "") if finished else (None, "its summary does not say finished 1")


def _with_summary_name(config: SearchConfig, name: str) -> SearchConfig:
    parser = config.summary_parser
    if parser is not None and "summary_fn" in inspect.signature(parser).parameters:
        parser = functools.partial(parser, summary_fn=name)
    settings = dataclasses.replace(config.settings, summary_filename=name)
    return dataclasses.replace(config, settings=settings, summary_parser=parser)


def read_seed_runs(
    results: Path, config: SearchConfig, seed_option: str, summary_name: str | None = None
) -> list[SeedRun]:
    """Return all runs in a folder of gathered seeds, by seed; of two with the same seed, the second is left out.

    Raises FolderError if the folder cannot be read.
    """
    try:
        folders = sorted(path for path in results.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise FolderError(
            f"{results}: cannot be read ({reason_of(error)}); expected a folder of gathered seeds"
        ) from error
    record = record_of(results)
    commands = {entry.run.folder: entry.run.configuration.as_dict() for entry in record or ()}
    runs = []
    for number, folder in enumerate(folders, start=1):
        summary, problem = finished_summary(folder, number, config, summary_name)
        if summary is not None or folder.name in commands or is_run_folder(folder):
            runs.append(_seed_run(folder, config, seed_option, commands.get(folder.name), summary, problem))
    there = {folder.name for folder in folders}
    runs += [
        SeedRun(
            results / name, seed_of(options, seed_option), RunConfiguration(options, False), None, "it has no folder"
        )
        for name, options in commands.items()
        if name not in there
    ]
    return _each_seed_once(sorted(runs, key=lambda run: (run.seed is None, run.seed or 0, run.folder.name)))


def _seed_run(
    folder: Path,
    config: SearchConfig,
    seed_option: str,
    command: Mapping[str, object] | None,
    summary: Summary | None,
    problem: str,
) -> SeedRun:
    try:
        configuration = read_configuration(folder, config.script_name, command)
    except ConfigError as error:
        return SeedRun(folder, None, None, summary, problem, str(error))
    if configuration is None:
        return SeedRun(folder, None, None, summary, problem)
    seed = seed_of(configuration.options, seed_option)
    return SeedRun(folder, seed, configuration, summary, problem, configuration.problem)


def doubts(runs: Sequence[SeedRun]) -> list[str]:
    """Return one warning about all runs whose configuration had to be taken from their command, or is not known."""
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
                problem = f"the same seed as in {first.folder.name}"
                run = dataclasses.replace(run, summary=None, problem=problem)
        once.append(run)
    return once


def counted(runs: Sequence[SeedRun]) -> list[SeedRun]:
    """Return the runs that count: those that finished, each seed once."""
    return [run for run in runs if run.summary is not None]
