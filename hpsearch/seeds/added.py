"""Seeds of a search's best configurations, added to the search in its own folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from hpsearch.choosers.chooser import runs_of
from hpsearch.choosers.race import Racers
from hpsearch.config.option_checks import check_race, with_given
from hpsearch.config.options import PLANNING_OPTIONS, SearchOptions, options_from_names
from hpsearch.config.program import command_hint, resume_hint
from hpsearch.console.console import Console
from hpsearch.console.text import amount
from hpsearch.core.command import shell_line
from hpsearch.core.configurations import with_seed
from hpsearch.core.errors import ControllerPresent, UsageError
from hpsearch.core.model import Configuration, RunState
from hpsearch.core.statistics import FEWEST_FOR_TEST, divisor_text
from hpsearch.folder.liveness import Liveness, liveness_of_controller
from hpsearch.folder.reading import SearchReader
from hpsearch.folder.run_files import read_configuration
from hpsearch.journal.record import SearchRecord
from hpsearch.search.resume import RunChoice
from hpsearch.search.search import resume_search
from hpsearch.seeds.call import search_call
from hpsearch.seeds.choice import SeedsLeft, seeds_left, seeds_text
from hpsearch.seeds.options import SeedsOptions
from hpsearch.seeds.plan import check_has_seed, grid_file, seed_grid
from hpsearch.seeds.repeated import Chosen, Repeated, choose, find_runs, no_seed
from hpsearch.seeds.runs import SeedRun, check_summary_options, counted, sum_up
from hpsearch.startup.classes import replace
from hpsearch.store.classic_files import command_line
from hpsearch.store.layout import SearchFolder, make_folder, write_grid_config

#: The options of a search that make it a race.
_OF_RACE = ("race", "race_p", "max_runs")
_RANKS = {1: "Best", 2: "2nd best", 3: "3rd best"}


def add_seeds(folder: SearchFolder, options: SeedsOptions, console: Console) -> int:
    """Run the seeds that the best configurations of a search lack, and sum up; return the exit status.

    Raises SearchError if nothing could be started.
    """
    _check_options(folder, options)
    reader = SearchReader(folder)
    _check_is_over(reader)
    if options.search.race:
        return _race(reader, options, console)
    check_summary_options(options, reader.record.known_settings())
    chosen = choose(reader, options)
    repeated = find_runs(reader, chosen, options)
    _check_takes_seed(chosen, options, reader)
    lefts = [seeds_left(each.runs, options.seeds_list, options.num_seeds) for each in repeated]
    _tell(repeated, lefts, options, reader, console)
    if any(left.seeds for left in lefts):
        if not options.start_gathering:
            return _print_call(chosen[0], lefts[0], options, reader, console)
        choice = _run_choice(reader.record, chosen, lefts, options)
        if not any(counted(each.runs) for each in repeated):
            choice = replace(choice, trial_failures=_trial_failures(options.search))
        if options.search.dry_run:
            return console.results(_commands(reader.record, choice))
        status = resume_search(str(folder.path), options.for_planned_search, console, choice).exit_status
        if options.search.submit_only:
            return status
        reader.update()
    else:
        status = 0
    return max(status, _sum_up(find_runs(reader, chosen, options), options, reader, console))


def _race(reader: SearchReader, options: SeedsOptions, console: Console) -> int:
    """Give seeds to all configurations of a search, until they are worse than the best; return the exit status."""
    record, seeds = reader.record, ",".join(map(str, options.seeds_list))
    if record.carried:
        rows = f"{amount(len(record.carried), 'row')} of its table are of an earlier search without a journal"
        raise UsageError(f"{reader.folder.path}: {rows}, which a race would not see; --top=K takes them into account")
    if any(entry.result.state is RunState.FINISHED for entry in record):
        _check_takes_seed(choose(reader, options), options, reader)
    which = {name: getattr(options, name) for name in ("seed_option", "vary_data_seed")}
    which |= {"num_seeds": None if seeds else options.num_seeds, "seeds_list": seeds}
    which |= {name: getattr(options.search, name) for name in _OF_RACE}
    search = replace(options_from_names(record.options), **which)
    check_race(search)
    racers = Racers(record, search)
    contenders = racers.contenders()
    if not contenders:
        raise UsageError(f"{reader.folder.path}: no run of this search was chosen yet, so there is nothing to race")
    choice = RunChoice(added=list(racers.coming(contenders, FEWEST_FOR_TEST)), options=which)
    if all(one.failures == len(one.results) for one in contenders):
        choice = replace(choice, trial_failures=_trial_failures(options.search))
    console.note(f"Race of {amount(len(contenders), 'configuration')}, each with at most {search.seed_count} seeds")
    given = options.for_planned_search | ({"dry_run": True} if options.search.dry_run else {})
    status = resume_search(str(reader.folder.path), given, console, choice).exit_status
    return console.results(_commands(record, choice)) if options.search.dry_run else status


def _check_options(folder: SearchFolder, options: SeedsOptions) -> None:
    for name in options.search.given_by_hand:
        if name in PLANNING_OPTIONS and not (options.search.race and name in _OF_RACE):
            recorded = f"--{name} cannot be given: the search in {folder.path} recorded its own"
            raise UsageError(f"{recorded}; to choose another, put the seeds elsewhere with --out_dir=DIR")


def _check_is_over(reader: SearchReader) -> None:
    """Raise ControllerPresent if a controller works on the search."""
    holder = reader.holder()
    if holder is not None and liveness_of_controller(holder) is Liveness.LIVE and not reader.is_copy(holder):
        remedy = f"wait for its end, or stop it with: {command_hint('cancel', reader.folder.path)}"
        raise ControllerPresent(f"{reader.folder.path}: the search is still running ({holder}); {remedy}")


def _check_takes_seed(chosen: Sequence[Chosen], options: SeedsOptions, reader: SearchReader) -> None:
    """Raise ConfigError if a run has left all options of its script, without a seed option."""
    for run in (each.run for each in chosen):
        # Runs of an earlier tool have no number.
        if run.number:
            folder = reader.folder.run_folder(run)
            configuration = read_configuration(folder, "", run.configuration.as_dict())
            if configuration is not None:
                check_has_seed(configuration, options, SeedRun(folder, None, configuration, None))


def _tell(
    repeated: Sequence[Repeated],
    lefts: Sequence[SeedsLeft],
    options: SeedsOptions,
    reader: SearchReader,
    console: Console,
) -> None:
    """Tell which configurations are the best, and which of their seeds are run."""
    key = reader.record.known_settings().performance_key
    waiting = _waiting_runs(reader.record, repeated)
    if waiting:
        what = f"{amount(waiting, 'other run')} of this search did not end, and may be better"
        console.warn(f"{what}; to run them: {resume_hint(reader.folder.path)}")
    for rank, (each, left) in enumerate(zip(repeated, lefts), start=1):
        rank_text = _RANKS.get(rank, f"{rank}th best")
        console.note(
            f"{rank_text} configuration: {each.text or 'no options'} ({each.source}, {key} {each.chosen.value})"
        )
        original = next((run for run in each.runs if run.seed is None and run.configuration is not None), None)
        if original is not None and original.configuration is not None:
            why = no_seed(original.configuration.options, options.seed_options)
            console.note(f"The original run's {why}, so it is not counted")
        console.note(seeds_text(left.finished, left.seeds, options.start_gathering and not options.search.dry_run))
    if len(repeated) < options.top:
        console.note(f"There are only {amount(len(repeated), 'configuration')} with a result")


def _waiting_runs(record: SearchRecord, repeated: Sequence[Repeated]) -> int:
    """Return how many runs of other configurations have not ended."""
    ours = {run.folder.name for each in repeated for run in each.runs}
    return sum(not entry.state.is_final and entry.run.folder not in ours for entry in record)


def _run_choice(
    record: SearchRecord, chosen: Sequence[Chosen], lefts: Sequence[SeedsLeft], options: SeedsOptions
) -> RunChoice:
    """Return the choice of runs: unfinished runs again, and new ones."""
    numbers = {entry.run.folder: entry.run.number for entry in record}
    again = [numbers[run.folder.name] for left in lefts for run in left.again]
    pairs = ((each.options, seed) for each, left in zip(chosen, lefts) for seed in left.new)
    added = (with_seed(known, options.seed_options, seed) for known, seed in pairs)
    return RunChoice(again, added=[Configuration(tuple(each.items())) for each in added], over=options.seed_options)


def _trial_failures(search: SearchOptions) -> int:
    """Return after how many similar failures no more seeds start: the script may not know the option."""
    return search.max_failures if "max_failures" in search.given_by_hand else 1


def _commands(record: SearchRecord, choice: RunChoice) -> list[str]:
    """Return the commands of all runs of a choice."""
    settings, first = record.known_settings(), max(record.runs) + 1
    new = runs_of(choice.added, len(choice.added), settings.shown_folder, time.time(), first)
    again = (record.runs[number].run for number in choice.numbers or ())
    return [command_line(run, settings) for run in (*again, *new)]


def _print_call(chosen: Chosen, left: SeedsLeft, options: SeedsOptions, reader: SearchReader, console: Console) -> int:
    """Print a call that adds the seeds; its last line is for pipes."""
    settings = reader.record.known_settings()
    path = grid_file(options.config_name, reader.folder.state)
    write_grid_config(path, *seed_grid(chosen.options, options.seed_options, left.seeds))
    recorded = with_given(options_from_names(reader.record.options), options.for_planned_search)
    search = replace(
        recorded,
        **{name: getattr(SearchOptions(), name) for name in (*PLANNING_OPTIONS, "resume")},
        given_by_hand=tuple(name for name in recorded.given_by_hand if name not in PLANNING_OPTIONS),
    )
    search = replace(
        search,
        grid_module=settings.grid_module,
        grid_config=str(path),
        deterministic_search=True,
        out_dir=str(reader.folder.path),
        force_out_dir=True,
        dont_force_new_dir=True,
        run_cwd=settings.run_cwd,
        interpreter=recorded.interpreter,
        name=recorded.name,
    )
    module_file = Path(settings.grid_file) if settings.grid_file else None
    console.note("This call runs them:")
    console.result(search_call(search, module_file, options))
    console.result(shell_line([search.grid_module, search.grid_config, search.out_dir]))
    return 0


def _sum_up(repeated: Sequence[Repeated], options: SeedsOptions, reader: SearchReader, console: Console) -> int:
    """Sum up each configuration in its own folder, named after its run; return the exit status."""
    status = 0
    for each in repeated:
        if counted(each.runs):
            folder = reader.folder.path / f"seeds_of_{each.origin.replace(' ', '_')}"
            make_folder(folder)
            text = f"{each.text} ({each.origin})".strip()
            sum_up(folder, each.runs, options, reader.record.known_settings(), console, text)
        else:
            hint = f"if the script does not know --{options.seed_option}, name its own with --seed_option=NAME"
            console.error(f"no seed of {each.origin} has finished, so there is nothing to sum up; {hint}")
            status = 1
    if any(counted(each.runs) for each in repeated):
        console.note(f"{divisor_text(options.summary_sem)}; elsewhere by n - 1")
    return status
