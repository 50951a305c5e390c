"""From a checked grid module and the options to a planned search: its runs, their folders and commands."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.git import code_around
from hpsearch.choosers.budgets import at_smallest_budget, planned_budgets, runs_in_all
from hpsearch.choosers.chooser import folder_names
from hpsearch.config.given_paths import absolute, existing_folder, file_name_of
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import command_hint, program_in_copy, program_of
from hpsearch.config.written_options import recorded
from hpsearch.console.text import amount, check_texts
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.coding import Order, Selection
from hpsearch.core.command import text_of
from hpsearch.core.conditions import Grid, lists_by_option, names_in
from hpsearch.core.configurations import identity
from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.core.model import CodeTree, Run, RunState
from hpsearch.core.space import check_seed_options, enumerate_space, seeds_to_run
from hpsearch.core.space_report import SpaceReport
from hpsearch.core.statistics import FEWEST_FOR_TEST
from hpsearch.folder.reading import every_run
from hpsearch.folder.reuse import ReusableRun, finished_elsewhere
from hpsearch.folder.run_tables import ranges
from hpsearch.journal.events import RunReused, RunsPlanned, SearchCandidates, encode_summary
from hpsearch.journal.planned import MOST_RUNS, RunBlock, block_of
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.journal.values import readable
from hpsearch.samplers.sampler import new_sampler
from hpsearch.samplers.sobol import SobolPoints
from hpsearch.search.controller import Clock
from hpsearch.startup.classes import dataclass, field, replace
from hpsearch.store.classic_files import block_lines
from hpsearch.store.layout import SearchFolder
from hpsearch.user_code.user_functions import ConstraintProcess


@dataclass(frozen=True)
class Plan:
    """A search before anything is written.

    selection: the runs that are planned from the start, for `count` configurations: in a race only under the first
    seeds, with budgets only at the smallest budget; none if a sampler chooses.
    seeds: each configuration is run under all of them; empty without ``--num_seeds``.
    stamp: seconds since the epoch; part of folders' names. code: the working tree of a snapshot; None without one.
    reusable: finished runs of other searches, by the identity of their commands.
    chosen: in an extension, which configurations these are among all, for people.
    """

    config: SearchConfig
    options: SearchOptions
    selection: Selection
    count: int
    seeds: Sequence[int]
    stamp: float
    reusable: Mapping[Hashable, ReusableRun] = field(default_factory=dict)
    code: CodeTree | None = None
    chosen: str = ""
    candidates: SearchCandidates | None = None

    @property
    def settings(self) -> Settings:
        return self.config.settings

    @property
    def folder(self) -> Path:
        return absolute(self.settings.shown_folder, Path(self.settings.run_cwd))

    @property
    def may_exist(self) -> bool:
        return self.options.force_out_dir and self.options.dont_force_new_dir

    def inputs(self) -> dict[str, Path | bytes]:
        """Return the files that say what is searched: name in the folder -> the file to copy, or the content."""
        module, source = self.config.module_file, self.config.grid_config_file
        inputs: dict[str, Path | bytes] = {}
        if module is not None and module.exists():
            inputs[module.name] = module
        if source is not None:
            conditions = [[dict(condition.when), _keyed(condition.then)] for condition in self.config.conditions]
            grids = [_keyed(grid) for grid in self.config.grids]
            content = readable({"grid": grids if len(grids) > 1 else grids[0], "conditions": conditions})
            inputs[source.with_suffix(".json").name] = (json.dumps(content, indent=2) + "\n").encode()
            inputs[source.name] = source
        return inputs

    def blocks(self, first_number: int = 1) -> Iterator[RunBlock]:
        """Yield the runs in execution order, thousands at a time."""
        last = first_number + runs_in_all(len(self.selection), self.options) - 1
        (stem, width), columns = folder_names(self.stamp, last), self.selection.columns
        for codes in self.selection.blocks(MOST_RUNS):
            yield block_of(first_number, stem, width, self.settings.shown_folder, columns, codes)
            first_number += len(codes[0])

    def runs(self, first_number: int = 1) -> Iterator[Run]:
        """Yield the runs in execution order, made one by one."""
        return (run for block in self.blocks(first_number) for run in block.runs())

    def commands(self) -> Iterator[str]:
        """Yield the commands of the runs that no other search has finished, as lines for a shell."""
        reused = {event.run for event in self.reused(self.runs())}
        for block in self.blocks():
            lines = zip(block.numbers, block_lines(block, self.settings))
            yield from (line for number, line in lines if number not in reused)

    def reused(self, runs: Iterable[Run]) -> Iterator[RunReused]:
        """Yield an event for each of these runs that counts as finished because another search has run it."""
        for run in runs if self.reusable else ():
            reusable = self.reusable.get(identity(run.configuration.as_dict(), (self.settings.out_arg,)))
            if reusable is not None:
                yield RunReused(run.number, reusable.out_dir, self.stamp, encode_summary(reusable.summary))

    def events(self, first_number: int = 1) -> Iterator[RunsPlanned | RunReused | SearchCandidates]:
        """Yield what the journal keeps of the plan: its runs, reused results, and a sampler's candidates."""
        yield from map(RunsPlanned.of, self.blocks(first_number))
        if self.candidates is not None:
            yield self.candidates
        yield from self.reused(self.runs(first_number))


def _keyed(grid: Grid) -> dict[str, Sequence[object]]:
    """Return a grid for JSON, with ties as one text; see `key_in`."""
    return {",".join(names_in(key)): values for key, values in grid.items()}


def make_plan(config: SearchConfig, options: SearchOptions, import_paths: Sequence[str], clock: Clock) -> Plan:
    """Plan a new search; write nothing. import_paths: see `run_search`. clock: seconds since the epoch.

    Raises ConfigError or UsageError if the runs could not be started, or the search folder is taken.
    """
    options = replace(options, out_dir=os.path.expanduser(options.out_dir))  # noqa: PTH111  ("./x" has to stay)
    check_texts(_texts(config, options))
    run_cwd = existing_folder(options.run_cwd, Path.cwd(), option="--run_cwd")
    program = program_of(config.script_name, run_cwd, options.interpreter)
    code = code_around(run_cwd) if options.snapshot and not SearchFolder.has_code(run_cwd) else None
    if code is not None:
        options = _seen_from_copy(options, run_cwd)
        program = program_in_copy(program, code.top, run_cwd, set(code.files).__contains__)
    if options.seed_options:
        # Recorded by name, so that other commands know the option that repeats configurations.
        options = replace(options, seed_option=options.seed_options[0])
    configurations = _configurations(config, options)
    selection, seeds = _under_seeds(configurations, config, options)
    if options.budgets:
        selection = at_smallest_budget(configurations, config, options)
    count, candidates = len(configurations), None
    if options.suggests:
        from hpsearch.choosers.candidates import candidates_in, listed

        candidates, selection = listed(configurations), replace(selection, positions=())
        # Fails early if the sampler's packages are not installed.
        new_sampler(options.sampler, candidates_in(candidates), options.optuna_sampler)
        count = min(options.num_searches, candidates.count)
    if seeds and (options.race or options.suggests):
        # The grid may give the first seed.
        by_hand = tuple(name for name in options.given_by_hand if name != "num_seeds")
        options = replace(options, num_seeds=None, seeds_list=",".join(map(str, seeds)), given_by_hand=by_hand)
    stamp, shown = _search_folder(options, run_cwd, clock)
    settings = replace(
        config.settings,
        program=program,
        run_cwd=str(run_cwd if code is None else SearchFolder(Path(shown)).code / run_cwd.relative_to(code.top)),
        shown_folder=shown,
        option_names=selection.option_names,
        import_paths=tuple(import_paths),
        options=recorded(options),
    )
    reusable: dict[Hashable, ReusableRun] = {}
    for path in options.reuse:
        reusable = {**finished_elsewhere(Path(path), settings), **reusable}
    return Plan(
        replace(config, settings=settings),
        options,
        selection,
        count,
        seeds,
        stamp,
        reusable,
        code,
        candidates=candidates,
    )


def _seen_from_copy(options: SearchOptions, run_cwd: Path) -> SearchOptions:
    """Return the options with absolute paths: relative ones would lead into the copy."""
    out_dir = str(absolute(options.out_dir, run_cwd, "--out_dir")) if options.out_dir else ""
    return replace(options, out_dir=out_dir, run_cwd=str(run_cwd))


def _configurations(config: SearchConfig, options: SearchOptions) -> Selection:
    """Return the configurations of a search, each once."""
    order = Order(
        deterministic=options.deterministic_search,
        seed=options.random_seed,
        limit=None if options.num_searches == -1 else options.num_searches,
        sample=options.is_sampled,
    )
    if options.suggests:
        from hpsearch.choosers.candidates import MOST_CANDIDATES, MOST_LISTED

        order = Order(seed=options.random_seed, limit=MOST_CANDIDATES, most_listed=MOST_LISTED)
    judge, points = None, SobolPoints(options.random_seed) if options.sampler == "sobol" else None
    if config.constraints:
        judge = ConstraintProcess(config.constraints, config.settings.grid_source, options.parser_timeout)
    # What constraints print must not mix with the results on standard output.
    with output_on_stderr(), contextlib.closing(judge) if judge is not None else contextlib.nullcontext():
        return enumerate_space(config.grids, config.conditions, order, judge, points)


def _under_seeds(selection: Selection, config: SearchConfig, options: SearchOptions) -> tuple[Selection, Sequence[int]]:
    """Return all runs of the configurations, and the seeds. Raises ConfigError if the seeds cannot be used."""
    names = options.seed_options
    if not names:
        return selection, ()
    where = config.grid_config_file or config.settings.grid_source
    for name in names:
        if name == config.settings.out_arg:
            raise ConfigError(f"--seed_option={name}: that is the output option (_OUT_ARG), which hpsearch sets itself")
    named = {name: selection.values_of(name) for name in names}
    try:
        check_seed_options(names, config.grids, config.conditions)
        seeds = seeds_to_run(named, options.num_seeds, options.listed_seeds)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
    if not options.race:
        return selection.under_seeds(names, seeds), seeds
    # A race chooses the other seeds while the search goes on.
    first, count = selection.under_seeds(names, seeds[:FEWEST_FOR_TEST]), len(selection)
    if 0 <= options.max_runs < count:
        problem = f"--max_runs={options.max_runs} is less than one run for each of {amount(count, 'configuration')}"
        raise UsageError(f"{problem}: raise it, or take fewer with --num_searches=N")
    most = len(first) if options.max_runs == -1 else options.max_runs
    return replace(first, positions=first.positions[:most]), seeds


def _texts(config: SearchConfig, options: SearchOptions) -> Iterator[str]:
    """Yield all texts of the user that reach the runs or the file system."""
    yield from (options.out_dir, options.name, options.run_cwd, options.interpreter)
    yield from (config.script_name, config.settings.out_arg, config.settings.summary_filename)
    for grid in (*config.grids, *(condition.then for condition in config.conditions)):
        for name, values in lists_by_option(grid).items():
            yield name
            yield from map(text_of, values)


def _search_folder(options: SearchOptions, run_cwd: Path, clock: Clock) -> tuple[float, str]:
    """Return a search's time stamp, and its folder as the user would write it; waits for a free second."""
    stamp = clock()
    if not options.out_dir:
        raise UsageError("--out_dir: expected a folder, found an empty text")
    path = absolute(options.out_dir, run_cwd, "--out_dir")
    if options.force_out_dir:
        if os.path.lexists(path) and not options.dont_force_new_dir:
            remedy = "give another one, or --dont_force_new_dir to add to it"
            raise UsageError(f"--out_dir={options.out_dir}: the folder exists already; {remedy}")
        return stamp, options.out_dir
    own = f"_{file_name_of(options.name)}" if options.name else ""
    while True:
        name = time.strftime("search_%Y-%m-%d_%H-%M-%S", time.localtime(stamp))
        # Runs' folders are named by the second, too: a search with another --name also takes it.
        if not any(path.glob(f"{name}*")):
            return stamp, os.path.join(options.out_dir, name + own)  # noqa: PTH118  ("./x" has to stay)
        # Jobs of a cluster often start in the same second.
        time.sleep(max(0.01, 1 - stamp % 1))
        stamp = clock()


def plan_lines(plan: Plan) -> list[str]:
    """Say what is about to be searched."""
    report, settings = plan.selection.report, plan.settings
    file = plan.config.grid_config_file
    others = [str(file)] * (file is not None) + [f"--set {text}" for text in plan.options.set]
    source = " with ".join(filter(None, [settings.grid_source, " and ".join(others)]))
    return [
        *(f"warning: {warning}" for warning in plan.config.warnings),
        f"grid: {plan.config.size_text(report.grid_size)} in {source}",
        *space_lines(report),
        *([f"runs: {plan.chosen}"] if plan.chosen else _run_lines(plan)),
        *reuse_lines(plan),
        f"command: {' '.join(settings.program)} ... --{settings.out_arg}=DIR, in {settings.run_cwd}",
        *([] if plan.code is None else [_snapshot_text(plan.code, SearchFolder(plan.folder))]),
        f"results: {plan.folder}",
    ]


def _snapshot_text(code: CodeTree, folder: SearchFolder) -> str:
    if folder.code.exists():
        return f"snapshot: that of the search there, {folder.code}"
    size = sum(os.lstat(code.top / name).st_size for name in code.files)
    folders = [name for name in code.links if name.endswith("/")]
    linked = f"; linked: {', '.join(folders[:5])}{', ...' * (len(folders) > 5)}" if folders else ""
    return f"snapshot: {amount(len(code.files), 'file')} of {code.top}, {size / 1000:,.1f} kB{linked}"


def repeated_lines(record: SearchRecord, new: Collection[int], folder: Path) -> list[str]:
    """Return a warning if new runs repeat finished ones of the same folder. new: numbers of the new runs."""
    over = (record.known_settings().out_arg,)
    if len(record.runs) == len(new) and not record.carried:
        return []
    earlier = (entry for entry in every_run(record) if entry.run.number not in new)
    finished = {identity(each.run.configuration.as_dict(), over) for each in earlier if each.state is RunState.FINISHED}
    added = (entry for entry in map(record.runs.__getitem__, new) if not entry.reused)
    count = sum(identity(entry.run.configuration.as_dict(), over) in finished for entry in added)
    if not count:
        return []
    what = f"{count:,} of {amount(len(new), 'configuration')} finished here before and will run again"
    return [f"warning: {what}; to run only what is new: {command_hint('extend', folder)}"]


def reuse_lines(plan: Plan) -> list[str]:
    """Say how many runs another search has finished already."""
    if not plan.options.reuse:
        return []
    where, count = " and ".join(plan.options.reuse), sum(1 for _ in plan.reused(plan.runs()))
    if not count:
        wanted = f"a command of this grid and a value of {plan.settings.performance_key}"
        return [f"warning: nothing to reuse: no finished run of {where} has {wanted}"]
    return [f"reused: {amount(count, 'finished run')} of {where}, whose folders stay there"]


def space_lines(report: SpaceReport) -> list[str]:
    """Say what the conditions did, what is listed twice, and how many duplicates were removed."""
    lines = []
    for number, condition in enumerate(report.conditions, start=1):
        if condition.problem:
            what = "is skipped" if condition.is_skipped else "changed nothing"
            lines.append(f"warning: condition {number} {what}: {condition.problem}")
        elif condition.changed is not None:
            where = f"{condition.changed:,} of {amount(condition.of or 0, 'configuration')}"
            lines.append(f"condition {number} changed {', '.join(condition.options)} in {where}")
    lines += [f"warning: {phrase}" for phrase in report.repeated]
    left = (report.available or 0) + report.duplicates + sum(report.left_out)
    for number, count in enumerate(report.left_out, start=1):
        lines.append(f"constraint {number} left out {count:,} of {amount(left, 'configuration')}")
        left -= count
    if report.duplicates and report.available is not None:
        runs = f"{report.available + report.duplicates:,} -> {amount(report.available, 'run')}"
        lines.append(f"removed {amount(report.duplicates, 'duplicate')}: {runs}")
    return lines


def _chosen(plan: Plan) -> str:
    """Say how many configurations are run, out of how many, and in which order."""
    count, report = plan.count, plan.selection.report
    seed = f" (seed {plan.options.random_seed})"
    is_deterministic = plan.options.deterministic_search
    if plan.options.is_sampled or report.available is None:
        wanted = plan.options.num_searches
        exist = "exist" if report.tried is None else f"found in {report.tried:,} tries, and there may be more"
        drawn = "drawn from a Sobol sequence" if plan.options.sampler == "sobol" else "sampled at random"
        how = f"{count:,} {drawn}{seed}" + (f", only {count:,} of {wanted:,} {exist}" if count < wanted else "")
        return f"{how}, in the order of the grid" if is_deterministic else how
    how = f"{count:,}" + (f" of {report.available:,}" if count < report.available else "")
    return f"{how}, in the order of the grid" if is_deterministic else f"{how}, in random order{seed}"


def _sampler_text(plan: Plan, candidates: SearchCandidates) -> str:
    """Say what chooses the configurations, and among how many."""
    from hpsearch.choosers.suggestions import space_text

    wanted, how = plan.options.num_searches, f"each chosen by the results so far (seed {plan.options.random_seed})"
    fewer = f", fewer than --num_searches={wanted}" if candidates.count < wanted else ""
    return f"sampler: {plan.options.sampler}, {space_text(candidates, plan.count)}{fewer}, {how}"


def _run_lines(plan: Plan) -> list[str]:
    """Say which configurations are run, and under which seeds."""
    seeds = f"{' and '.join(plan.options.seed_options)} {ranges(plan.seeds)}"
    if plan.candidates is not None:
        runs = f"runs: {plan.count * len(plan.seeds):,}, each configuration under all seeds at once ({seeds})"
        return [_sampler_text(plan, plan.candidates), *([runs] if plan.seeds else [])]
    if plan.options.budgets:
        return [f"configurations: {_chosen(plan)}", planned_budgets(plan.count, plan.settings, plan.options)]
    if not plan.seeds:
        return [f"runs: {_chosen(plan)}"]
    if plan.options.race:
        most = len(plan.seeds) * plan.count
        most = most if plan.options.max_runs == -1 else min(most, plan.options.max_runs)
        why = f"only for those not yet worse than the best (p {plan.options.race_p:g}; {seeds})"
        race = f"race: {len(plan.selection):,} to {most:,} runs, from seed {FEWEST_FOR_TEST + 1} on {why}"
        return [f"configurations: {_chosen(plan)}", race]
    return [f"configurations: {_chosen(plan)}", f"runs: {len(plan.selection):,}, one seed after another ({seeds})"]
