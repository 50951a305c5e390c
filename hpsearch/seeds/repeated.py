"""The best configurations of a search with a journal, and for each the runs and seeds that it has."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from hpsearch.core.configurations import identity, seed_in
from hpsearch.core.errors import FolderError
from hpsearch.core.model import Run, RunState, Summary
from hpsearch.core.ranking import best
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_files import RunConfiguration
from hpsearch.results.best import FinishedRun, finished_runs
from hpsearch.seeds.choice import Options, best_configurations, changed
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.runs import SeedRun, configuration_text, differing, each_seed_once
from hpsearch.store.classic_files import run_of_row
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import RunRecord, SearchRecord, Settings
from hpsearch.store.table import Row, is_finished_row


@dataclass(frozen=True)
class Chosen:
    """One of the best configurations. options: of its best run, changed as the user wants; value: its performance."""

    best: FinishedRun
    value: str
    options: Options


@dataclass(frozen=True)
class Repeated:
    """A configuration and the runs that it has, each seed once, by seed.

    origin: the first of them, for people; the best run where there is none yet, because its options were changed.
    text: the options by which it differs from others.
    """

    chosen: Chosen
    runs: Sequence[SeedRun]
    origin: str
    text: str


def choose(folder: SearchFolder, options: SeedsOptions) -> list[Chosen]:
    """Return the best configurations, best first. Raises FolderError if there is none."""
    finished = finished_runs(folder)
    key, ascending = finished.settings.performance_key, finished.settings.sort_ascending
    ranked = best(finished.runs, lambda run: run.row.get(key, ""), ascending)
    if not ranked:
        what = f"no finished run has a number under {key!r}" if finished.runs else "no run has finished"
        raise FolderError(f"{folder.path}: there is no best configuration to repeat: {what}")
    forced = {name: value for name, value in options.forced_params if value is not None}
    wanted = partial(_wanted_options, settings=finished.settings, left_out=options.ignore_kwds, forced=forced)
    chosen = best_configurations(ranked, wanted, options.seed_options, options.top)
    return [Chosen(run, run.row[key], wanted(run)) for run in chosen]


def _wanted_options(run: FinishedRun, settings: Settings, left_out: Sequence[str], forced: Options) -> Options:
    known = run.run or _run_of(run.row, settings)
    return changed({} if known is None else known.configuration.as_dict(), left_out, forced)


def _run_of(row: Row, settings: Settings) -> Run | None:
    """Return the run that a row of an earlier tool's table tells of; None if it does not name a run's folder."""
    return run_of_row(row, settings.out_arg, settings.summary_keywords, 0)


def label_of(run: FinishedRun, settings: Settings) -> str:
    """Return a run for people: its number, or its folder where the journal does not know it."""
    return f"run {run.run.number}" if run.run else run.row.get(settings.out_arg, "").rpartition("/")[2]


def find_runs(reader: SearchReader, chosen: Sequence[Chosen], options: SeedsOptions) -> list[Repeated]:
    """Return the chosen configurations with the runs that the search has of each."""
    names, settings = options.seed_options, reader.record.known_settings()
    every = [(label, _as_seed_run(entry, reader.folder, names)) for label, entry in _every_run(reader.record)]
    given = {run.folder.name: run.configuration.options for _, run in every if run.configuration is not None}
    shown = dict.fromkeys([*differing(list(given.values()), names), *dict(options.forced_params)])
    by_identity: dict[Hashable, list[tuple[str, SeedRun]]] = {}
    for label, run in every:
        by_identity.setdefault(identity(given[run.folder.name], names), []).append((label, run))
    found = []
    for each in chosen:
        runs = by_identity.get(identity(each.options, names), [])
        origin = runs[0][0] if runs else label_of(each.best, settings)
        text = configuration_text(each.options, [name for name in shown if name not in names])
        found.append(Repeated(each, each_seed_once(run for _, run in runs), origin, text))
    return found


def _every_run(record: SearchRecord) -> Iterator[tuple[str, RunRecord]]:
    """Yield all runs with a label for people; of the rows that an earlier tool left, only those that finished."""
    yield from ((f"run {entry.run.number}", entry.result) for entry in record)
    settings = record.known_settings()
    for row in filter(is_finished_row, record.carried):
        if (run := _run_of(row, settings)) is not None:
            summary: Summary = {name: [cell] for name, cell in row.items() if name in settings.summary_keywords}
            yield run.folder, RunRecord(run, RunState.FINISHED, summary=summary)


def _as_seed_run(entry: RunRecord, folder: SearchFolder, seed_options: Sequence[str]) -> SeedRun:
    """Return a run; without a seed it does not count."""
    options = entry.run.configuration.as_dict()
    seed, summary, problem = seed_in(options, seed_options), entry.summary, entry.problem
    if seed is None:
        summary, problem = None, f"its {no_seed(options, seed_options)}"
    elif entry.state is not RunState.FINISHED:
        why = entry.cause or problem
        summary, problem = None, f"{entry.state.value}{': ' if why else ''}{why}"
    return SeedRun(folder.run_folder(entry.run), seed, RunConfiguration(options, is_complete=False), summary, problem)


def no_seed(options: Options, seed_options: Sequence[str]) -> str:
    """Return why a run has no seed, as what comes behind "its"."""
    lacking = [name for name in seed_options if name not in options]
    if lacking:
        return f"command sets no {lacking[0]}"
    return f"command does not set {' and '.join(seed_options)} to one whole number"
