"""The best configurations of a search with a journal, each with its runs and seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence

from hpsearch.core.configurations import by_configuration, identity, seed_in
from hpsearch.core.errors import FolderError
from hpsearch.core.model import Run, RunState
from hpsearch.core.summary import cell_under
from hpsearch.folder.reading import SearchReader, every_run
from hpsearch.folder.run_files import RunConfiguration
from hpsearch.folder.run_tables import performance, with_largest_budget
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.seeds.choice import Options, best_configurations, changed
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.runs import SeedRun, configuration_text, distinguishing_options, each_seed_once
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import folder_of


@dataclass(frozen=True)
class Chosen:
    """One of the best configurations.

    run: its first counted run; label: the same for people. value: its performance, the mean if it has several runs.
    options: the run's options, changed as the user wants.
    """

    run: Run
    label: str
    value: str
    options: Options


@dataclass(frozen=True)
class Repeated:
    """A configuration and its runs, each seed once, by seed.

    origin: its first run, for people; if it has none yet because options were changed, the chosen run.
    source: the same, saying that options were changed.
    text: the options by which it differs from others.
    """

    chosen: Chosen
    runs: Sequence[SeedRun]
    origin: str
    source: str
    text: str


def choose(reader: SearchReader, options: SeedsOptions) -> list[Chosen]:
    """Return the best configurations by their means, best first, among runs with the largest budget.

    Raises FolderError if there is none.
    """
    settings = reader.record.known_settings()
    key, is_ascending = settings.performance_key, settings.sort_ascending
    every, names = list(_every_run(reader.record)), options.seed_options
    seeds = defaultdict[Hashable, set[int | None]](set)
    for _, entry in every:
        seeds[identity(_options_of(entry), names)].add(seed_in(_options_of(entry), names))
    finished = [(label, entry) for label, entry in every if entry.state is RunState.FINISHED]
    if settings.budget_option:
        finished = [each for each in finished if performance(each[1], key) is not None]
        finished = with_largest_budget(finished, lambda labelled: _options_of(labelled[1]), settings)
    groups = by_configuration(finished, lambda labelled: _options_of(labelled[1]), names)
    sized = [(len(seeds[identity(_options_of(group[0][1]), names)]), group) for group in groups]
    means = best_configurations(sized, lambda labelled: performance(labelled[1], key), is_ascending)
    if not means:
        what = f"no finished run has a number under {key!r}" if finished else "no run has finished"
        raise FolderError(f"{reader.folder.path}: there is no best configuration to repeat: {what}")
    forced = {name: value for name, value in options.forced_params if value is not None}
    chosen: dict[Hashable, Chosen] = {}
    for mean in means:
        label, entry = mean.counted[0]
        wanted = changed(_options_of(entry), options.ignore_kwds, forced)
        value = mean.text if len(mean.counted) > 1 else str(cell_under(entry.summary, key))
        chosen.setdefault(identity(wanted, names), Chosen(entry.run, label, value, wanted))
    return list(chosen.values())[: options.top]


def _options_of(entry: RunRecord) -> Options:
    return entry.run.configuration.as_dict()


def find_runs(reader: SearchReader, chosen: Sequence[Chosen], options: SeedsOptions) -> list[Repeated]:
    """Return the chosen configurations, each with its runs in the search."""
    names = options.seed_options
    every = [(label, entry, _options_of(entry)) for label, entry in _every_run(reader.record)]
    shown = dict.fromkeys(
        [*distinguishing_options([given for _, _, given in every], names), *dict(options.forced_params)]
    )
    by_identity: dict[Hashable, list[tuple[str, RunRecord]]] = {}
    for label, entry, given in every:
        by_identity.setdefault(identity(given, names), []).append((label, entry))
    found = []
    for each in chosen:
        entries = by_identity.get(identity(each.options, names), [])
        runs = [(label, _as_seed_run(entry, reader.folder, names)) for label, entry in entries]
        labels = [label for label, _ in runs]
        origin = labels[0] if labels else each.label
        source = origin if each.label in labels else f"changed from {each.label}"
        text = configuration_text(each.options, [name for name in shown if name not in names])
        found.append(Repeated(each, each_seed_once(run for _, run in runs), origin, source, text))
    return found


def _every_run(record: SearchRecord) -> Iterator[tuple[str, RunRecord]]:
    """Yield all runs with a label for people."""
    for entry in every_run(record):
        yield f"run {entry.run.number}" if entry.run.number else entry.run.folder, entry


def _as_seed_run(entry: RunRecord, folder: SearchFolder, seed_options: Sequence[str]) -> SeedRun:
    """Return a recorded run; it does not count without a seed."""
    options = entry.run.configuration.as_dict()
    seed, summary, problem = seed_in(options, seed_options), entry.summary, entry.problem
    if seed is None:
        summary, problem = None, f"its {no_seed(options, seed_options)}"
    elif entry.state is not RunState.FINISHED:
        why = entry.cause or problem
        summary, problem = None, f"{entry.state.value}{': ' if why else ''}{why}"
    return SeedRun(folder_of(entry, folder), seed, RunConfiguration(options, is_complete=False), summary, problem)


def no_seed(options: Options, seed_options: Sequence[str]) -> str:
    """Return why a run has no seed, worded to follow "its"."""
    lacking = [name for name in seed_options if name not in options]
    if lacking:
        return f"command sets no {lacking[0]}"
    return f"command does not set {' and '.join(seed_options)} to one whole number"
