"""``hpsearch extend``: read a search's grid again, and run the new configurations in the same folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from time import time
from typing import Any

from hpsearch.choosers.of_search import suggestions_of
from hpsearch.config.given_paths import absolute
from hpsearch.config.grid_module import SearchConfig, config_for
from hpsearch.config.option_checks import check_together, with_given
from hpsearch.config.option_values import values_set
from hpsearch.config.options import (
    GRID_OPTIONS,
    PLANNING_OPTIONS,
    SearchOptions,
    options_from_names,
)
from hpsearch.config.recorded import check_is_recorded_module
from hpsearch.console.console import Console
from hpsearch.core.command import without_interpreter
from hpsearch.core.configurations import Growth, KnownRun, growth_of
from hpsearch.core.errors import UsageError
from hpsearch.folder.folder_scan import Completion, find_search
from hpsearch.folder.reading import SearchReader, every_run
from hpsearch.folder.reuse import searches_to_reuse
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.search import resume
from hpsearch.search.plan import Plan, make_plan, plan_lines
from hpsearch.search.search import SearchEnd, resume_search, run_search
from hpsearch.startup.classes import replace
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import refuse_other_script
from hpsearch.user_code.import_paths import add_current_folder, add_first, add_last, searched_folders


def extend_search(folder: SearchFolder, given: Mapping[str, Any], console: Console) -> SearchEnd:
    """Run the configurations that a search's grid now has and the search lacks; see `run_search`.

    given: options, name -> value, including options that shape the grid. (Any: of the options' types)
    Raises SearchError if nothing could be started.
    """
    if not folder.journal.exists() and not folder.settings_copy.exists():
        return _extend_older(folder, given, console)
    reader = SearchReader(folder)
    resume.check_is_free(reader)
    resume.check_work_folder(reader)
    of_grid = {name: value for name, value in given.items() if name in GRID_OPTIONS}
    others = {name: value for name, value in given.items() if name not in GRID_OPTIONS}
    fixed = next((name for name in others if name in PLANNING_OPTIONS), None)
    if fixed is not None:
        raise UsageError(f"--{fixed} cannot be given to extend: all runs of a search share what it was started with")
    if suggestions_of(reader.record) is not None:
        return _raise_budget(reader, of_grid, others, console)
    if SearchOptions(sampler=of_grid.get("sampler", "grid")).suggests:
        problem = f"--sampler={of_grid['sampler']} cannot be given to extend: it chooses from the first run on"
        raise UsageError(f"{problem}; start another search, or leave it out")
    options = _grown_options(with_given(resume.options_of(reader), others), of_grid, console)
    plan = _grown_plan(reader, options, of_grid)
    return resume_search(str(folder.path), others, console, extension=partial(_extension, plan=plan, console=console))


def _raise_budget(
    reader: SearchReader, of_grid: Mapping[str, Any], others: Mapping[str, Any], console: Console
) -> SearchEnd:  # Any: of the options' types
    """Let a search's sampler choose more configurations; see `extend_search`. of_grid, others: given options."""
    options = resume.options_of(reader)
    listed = f"the configurations of a search with --sampler={options.sampler} were listed when it began"
    other = next((name for name in of_grid if name != "num_searches"), None)
    if other is not None:
        raise UsageError(f"--{other} cannot be given to extend: {listed}; start another search, or leave it out")
    if options.race:
        raise UsageError(f"{reader.folder.path}: its configurations race by now, so no sampler adds to them")
    wanted = of_grid.get("num_searches")
    if wanted is None or wanted <= options.num_searches:
        more = f"say how many it should run in all: --num_searches=N, more than the {options.num_searches:,} so far"
        raise UsageError(f"{reader.folder.path}: {listed}, whatever its grid is by now; {more}")
    choice = resume.RunChoice(options={"num_searches": wanted})
    return resume_search(str(reader.folder.path), others, console, choice)


def _extension(record: SearchRecord, plan: Plan, console: Console) -> resume.RunChoice:
    """Return which old and new runs of a search are run; tell people what is new. plan: of the whole grid."""
    # Runs with a larger budget are never in the grid; the chooser answers for them.
    of_grid = [each for each in every_run(record) if each.after is None]
    runs = [KnownRun(each.run.number or None, each.run.configuration.as_dict(), each.state.is_done) for each in of_grid]
    # A race has runs under more seeds than its plan lists.
    plan, growth = _narrowed(plan, runs, () if plan.seeds and not plan.options.race else record.over)
    console.notes(plan_lines(plan))
    # The next extension starts from the module again: this one's --set does not count then.
    plan = replace(plan, options=replace(plan.options, set=tuple(record.options.get("set", ()))))
    return resume.RunChoice(added=growth.new, plan=plan, left_out=growth.left_out)


def _narrowed(plan: Plan, runs: list[KnownRun], seeds: Sequence[str] = ()) -> tuple[Plan, Growth]:
    """Return a plan with the new configurations only, and the growth. seeds: see `growth_of`."""
    growth = growth_of(plan.selection, runs, (plan.settings.out_arg, plan.settings.continue_arg), seeds)
    text = growth_text(growth, is_sample=plan.options.num_searches != -1)
    positions = [plan.selection.positions[index] for index in growth.indexes]
    return replace(plan, selection=replace(plan.selection, positions=positions), chosen=text), growth


def growth_text(growth: Growth, is_sample: bool) -> str:
    """Say what a changed grid means for a search. is_sample: only a part of the grid was chosen."""
    where = "among those chosen now" if is_sample else "in the grid"
    parts = [f"{growth.finished:,} finished already"]
    parts += [f"{len(growth.again):,} unfinished"] if growth.again else []
    parts += [f"{len(growth.new):,} new"]
    parts += [f"{growth.gone:,} no longer {where} (kept)"] if growth.gone else []
    parts += [f"{len(growth.left_out):,} unfinished and no longer {where} (left out)"] if growth.left_out else []
    return ", ".join(parts)


def _grown_options(
    earlier: SearchOptions, given: Mapping[str, Any], console: Console
) -> SearchOptions:  # Any: of the options' types
    """Return the options of an extended search. given: the options that shape its grid."""
    changes = {**given, "reuse": searches_to_reuse(given.get("reuse", ()), console)}
    if "set" in given:
        # Options that this --set does not name keep the search's earlier --set.
        named = _names_set(given["set"])
        changes["set"] = (*(text for text in earlier.set if not _names_set([text]) & named), *given["set"])
    if "grid_config" in given:
        changes["grid_config"] = str(absolute(given["grid_config"], Path.cwd(), "--grid_config"))
    if "num_seeds" in given or "seeds_list" in given:
        changes = {"num_seeds": None, "seeds_list": "", **changes}
    elif earlier.num_seeds is None and not earlier.seeds_list:
        # Adding seeds to a search records it, too.
        changes = {"seed_option": "", "vary_data_seed": False, **changes}
    options = replace(earlier, **changes, resume="", given_by_hand=tuple(sorted({*earlier.given_by_hand, *given})))
    check_together(options)
    return options


def _names_set(texts: Sequence[str]) -> set[str]:
    return {name for key in values_set(texts) for name in ((key,) if isinstance(key, str) else key)}


def _grown_plan(reader: SearchReader, options: SearchOptions, given: Mapping[str, Any]) -> Plan:
    """Plan a search's grid anew, for its own folder. given: options that shape it. (Any: of the options' types)"""
    folder, earlier = str(reader.folder.path), reader.record.known_settings()
    # A snapshot of the code may have moved with the folder.
    earlier = replace(earlier, run_cwd=str(reader.folder.work_folder(earlier)))
    if folder in options.reuse:
        raise UsageError(f"--reuse={folder}: this is the search itself; its finished runs count anyway")
    config = _grown_config(earlier, options, given)
    here = replace(options, run_cwd=earlier.run_cwd, out_dir=folder, force_out_dir=True, dont_force_new_dir=True)
    plan = make_plan(config, here, searched_folders() if "grid_module" in given else earlier.import_paths, time)
    settings, tool = plan.settings, shlex.split(options.interpreter)
    if without_interpreter(settings.program, tool) == without_interpreter(earlier.program, tool):
        settings = replace(settings, program=earlier.program)
    refuse_other_script(earlier, settings, reader.folder, "start another search for this script")
    return replace(plan, config=replace(plan.config, settings=settings), options=options)


def _grown_config(earlier: Settings, options: SearchOptions, given: Mapping[str, Any]) -> SearchConfig:
    """Read the grid module again where the search found it, or the one that is given. (Any: see above)"""
    if "grid_module" in given:
        add_current_folder()
        add_last(earlier.import_paths)
    else:
        add_first(earlier.import_paths)
        add_last([str(Path.cwd())])
    config = config_for(options, _grid_config(earlier, options), Path(earlier.run_cwd))
    if "grid_module" not in given:
        check_is_recorded_module(config.settings.grid_file, earlier)
    return config


def _grid_config(earlier: Settings, options: SearchOptions) -> Path | None:
    """Return the file of ``--grid_config``, which may be relative to the folder where the search was started."""
    if not options.grid_config:
        return None
    # That folder is one of the import paths.
    bases = [*map(Path, earlier.import_paths), Path(earlier.run_cwd), Path.cwd()]
    files = [absolute(options.grid_config, base, "--grid_config") for base in bases]
    return next((file for file in files if file.is_file()), files[-1])


def _extend_older(folder: SearchFolder, given: Mapping[str, Any], console: Console) -> SearchEnd:
    """Extend a search of the older tool: rows and folders tell which runs finished. (Any: of the options' types)"""
    add_current_folder()
    search = find_search(folder.path, given.get("grid_module", ""), Path.cwd(), needs_functions=False)
    if "grid_module" not in given:
        lacks = "the older tool did not note where its grid module lies"
        raise UsageError(f"{folder.path}: {lacks}: name it with --grid_module=MODULE")
    runs = [
        KnownRun(None, each.run.configuration.as_dict(), each.completion is Completion.FINISHED)
        for each in search.runs.values()
    ]
    here = {"out_dir": str(folder.path), "force_out_dir": True, "dont_force_new_dir": True}
    options = options_from_names({**given, **here, "given_by_hand": sorted(given)})
    return run_search(options, given, console, searched_folders(), lambda plan: _narrowed(plan, runs)[0])
