"""The run whose configuration is repeated with other seeds: named by its own folder, or the best one of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpsearch.config.given_paths import existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.core.errors import ConfigError, FolderError
from hpsearch.core.model import Summary
from hpsearch.core.ranking import best
from hpsearch.core.summary import cell_under
from hpsearch.folder.folder_scan import Completion, FoundSearch, find_search
from hpsearch.folder.run_configuration import (
    COMMAND_FILE,
    CONFIG_FILE,
    RunConfiguration,
    is_run_folder,
    read_configuration,
)
from hpsearch.seeds.runs import finished_summary, record_of
from hpsearch.store.layout import SearchFolder
from hpsearch.store.old_search import folder_name, runs_of_commands
from hpsearch.store.record import SearchRecord, Settings


@dataclass(frozen=True)
class Origin:
    """Where a user points. run: the run's folder, None if it is to be chosen. record: None if there is no journal."""

    search: Path
    run: Path | None
    record: SearchRecord | None

    @property
    def settings(self) -> Settings | None:
        """What the search recorded of itself; None if it has no journal."""
        return self.record.settings if self.record is not None else None


@dataclass(frozen=True)
class Source:
    """The run that is repeated. folder: may be gone. summary: None if the run did not finish."""

    folder: Path
    configuration: RunConfiguration
    summary: Summary | None


def find_origin(run_dir: str, run_cwd: Path) -> Origin:
    """Return what lies where a user points: a run or a search. Relative paths may also start from `run_cwd`.

    Raises UsageError if there is no such folder.
    """
    if_missing = "there is no such folder; expected a run's folder or a search folder"
    folder = existing_folder(run_dir, Path.cwd(), run_cwd, option="--run_dir", if_missing=if_missing)
    for search in (folder.parent, folder.parent.parent):
        record = record_of(search)
        if record is not None and any(entry.run.folder == folder.name for entry in record):
            return Origin(search, folder, record)
    if is_run_folder(folder):
        # A run that was copied here is none of the search's own, but has its grid module.
        return Origin(folder.parent, folder, record_of(folder.parent))
    return Origin(folder, None, record_of(folder))


def find_source(
    origin: Origin, config: SearchConfig, grid_module: str, run_cwd: Path, parser_timeout_s: float
) -> Source:
    """Return the run to repeat.

    grid_module: for a search that records none; what is best is what it was when the search was started.
    Raises FolderError if the search has no finished run, ConfigError if nothing tells the run's configuration.
    """
    if origin.run is None:
        module = grid_module if origin.settings is None else ""
        return _best_run(find_search(origin.search, module, run_cwd, False, parser_timeout_s))
    summary, _ = finished_summary(origin.run, 1, config)
    return _source(origin.run, config, _command_of(origin, origin.run, config.settings.out_arg), summary)


def _source(
    folder: Path, config: SearchConfig, command: Mapping[str, object] | None, summary: Summary | None
) -> Source:
    configuration = read_configuration(folder, config.script_name, command)
    if configuration is None:
        raise ConfigError(
            f"{folder}: nothing tells the configuration of this run; expected {CONFIG_FILE} or {COMMAND_FILE} in "
            "its folder, or the journal or commands.pickle of its search beside it"
        )
    return Source(folder, configuration, summary)


def _command_of(origin: Origin, run: Path, out_arg: str) -> Mapping[str, object] | None:
    """Return the options that a run was started with, as its search knows them; None if it does not."""
    known = [entry.run for entry in origin.record or ()]
    if not known:
        commands = SearchFolder(origin.search).commands_pickle
        known, _ = runs_of_commands(origin.search, [commands.name] if commands.is_file() else [], out_arg)
    found = next((entry for entry in known if entry.folder == run.name), None)
    return None if found is None else {**found.configuration.as_dict(), out_arg: found.out_dir}


def _best_run(search: FoundSearch) -> Source:
    """Return the finished run with the best value under the performance key that the search recorded.

    Raises FolderError if there is none.
    """
    key = search.settings.performance_key
    finished = sorted(search.of(Completion.FINISHED), key=lambda found: found.run.number)
    ranked = best(finished, lambda found: cell_under(found.summary, key), search.settings.sort_ascending)
    if not ranked:
        what = (
            f"none of its {len(finished)} finished runs has a number under {key!r}" if finished else "no run finished"
        )
        raise FolderError(f"--run_dir={search.folder.path}: there is no best run to repeat: {what} in it")
    first = ranked[0]
    folder = first.path or search.folder.path / folder_name(first.run.out_dir)
    command = {**first.run.configuration.as_dict(), search.settings.out_arg: first.run.out_dir}
    return _source(folder, search.config, command if first.run.configuration.options else None, first.summary)
