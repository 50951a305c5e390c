"""``hpsearch extend``: the grid of a search read again, and what is new in it run in the same folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import time
from typing import Any

from hpsearch.config.given_paths import absolute
from hpsearch.config.grid_module import SearchConfig, load_config
from hpsearch.config.import_paths import add_current_folder, add_first, add_last, searched_folders
from hpsearch.config.option_values import values_set
from hpsearch.config.options import GRID_OPTIONS, PLANNING_OPTIONS, SearchOptions, check_together, with_given
from hpsearch.config.program import problem_of_script
from hpsearch.config.recorded import check_is_recorded_module
from hpsearch.console.console import Console
from hpsearch.console.text import amount
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.command import without_interpreter
from hpsearch.core.configurations import Growth, KnownRun, growth_of
from hpsearch.core.errors import UsageError
from hpsearch.core.model import RunState
from hpsearch.folder.reading import SearchReader, every_run
from hpsearch.folder.reuse import reused_searches
from hpsearch.search import resume
from hpsearch.search.plan import Plan, make_plan, plan_lines
from hpsearch.search.search import SearchEnd, resume_search
from hpsearch.store.events import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.store.record import SearchRecord


def extend_search(folder: SearchFolder, given: Mapping[str, Any], console: Console) -> SearchEnd:
    """Run what the grid of a search has by now and the search has not; see `run_search`.

    given: options, name -> value; those that shape the grid are allowed, too. (Any: of the options' types)
    Raises SearchError if nothing could be started.
    """
    reader = SearchReader(folder)
    resume.check_is_free(reader)
    of_grid = {name: value for name, value in given.items() if name in GRID_OPTIONS}
    others = {name: value for name, value in given.items() if name not in GRID_OPTIONS}
    options = _grown_options(resume.options_of(reader), of_grid, others, console)
    extension = Extension(_grown_plan(reader, options, of_grid), console)
    return resume_search(str(folder.path), others, console, extension=extension.choice)


@dataclass(frozen=True)
class Extension:
    """A search that is about to grow. plan: of its whole grid."""

    plan: Plan
    console: Console

    def choice(self, record: SearchRecord) -> resume.RunChoice:
        """Return which runs are run: those of the search that are left, and new ones. Tells what is new."""
        over = (record.known_settings().out_arg, self.plan.settings.continue_arg)
        growth = growth_of(self.plan.selection, _known_runs(record), over)
        if self.plan.options.race:
            # Its plan has the first seeds only.
            growth = replace(growth, gone=0, left_out=frozenset())
        self.console.notes(plan_lines(self.plan, growth_text(growth, self._is_sample)))
        self.console.notes(_left_out_lines(growth))
        # The next extension starts from the module again, not from what --set has said to this one.
        lasting = replace(self.plan.options, set=tuple(record.options.get("set", ())))
        plan = replace(self.plan, options=lasting)
        return resume.RunChoice(added=growth.new, plan=plan, left_out=growth.left_out)

    @property
    def _is_sample(self) -> bool:
        return self.plan.options.num_searches != -1


def growth_text(growth: Growth, is_sample: bool) -> str:
    """Return what a changed grid means for a search. is_sample: the grid may have more than is wanted of it."""
    where = "among those chosen now" if is_sample else "in the grid"
    parts = [f"{growth.finished:,} finished already"]
    parts += [f"{len(growth.again):,} unfinished"] if growth.again else []
    parts += [f"{len(growth.new):,} new"]
    parts += [f"{growth.gone:,} no longer {where} (kept)"] if growth.gone else []
    return ", ".join(parts)


def _left_out_lines(growth: Growth) -> list[str]:
    count, are = len(growth.left_out), "is" if len(growth.left_out) == 1 else "are"
    return [f"{amount(count, 'unfinished run')} {are} no longer in the grid and {are} not started"] if count else []


def _known_runs(record: SearchRecord) -> list[KnownRun]:
    return [
        KnownRun(each.run.number or None, each.run.configuration.as_dict(), each.state is RunState.FINISHED)
        for each in every_run(record)
    ]


def _grown_options(
    earlier: SearchOptions, of_grid: Mapping[str, Any], others: Mapping[str, Any], console: Console
) -> SearchOptions:  # Any: of the options' types
    """Return the options of an extended search. of_grid: given ones that shape it; others: the other given ones."""
    fixed = next((name for name in others if name in PLANNING_OPTIONS), None)
    if fixed is not None:
        raise UsageError(f"--{fixed} cannot be given to extend: all runs of a search share what it was started with")
    options = with_given(earlier, others)
    changes = dict(of_grid)
    if "set" in changes:
        # Other options keep the values that the search was given.
        named = values_set(changes["set"])
        changes["set"] = (*(text for text in earlier.set if not values_set([text]).keys() & named), *changes["set"])
    if "grid_config" in changes:
        changes["grid_config"] = str(absolute(changes["grid_config"], Path.cwd(), "--grid_config"))
    changes["reuse"] = reused_searches(changes.get("reuse", ()), console)
    options = replace(options, **changes, given_by_hand=tuple(sorted({*options.given_by_hand, *of_grid})))
    check_together(options)
    return options


def _grown_plan(reader: SearchReader, options: SearchOptions, given: Mapping[str, Any]) -> Plan:
    """Plan the grid of a search anew, for its own folder. given: options that shape it. (Any: of the options' types)"""
    folder, earlier = reader.folder.path, reader.record.known_settings()
    if str(folder) in options.reuse:
        raise UsageError(f"--reuse={folder}: this is the search itself; its finished runs count anyway")
    config = _grown_config(earlier, options, given)
    here = replace(
        options, run_cwd=earlier.run_cwd, out_dir=str(folder), force_out_dir=True, dont_force_new_dir=True, resume=""
    )
    plan = make_plan(config, here, searched_folders() if "grid_module" in given else earlier.import_paths, time)
    settings = plan.settings
    tool = str(options.interpreter).split()
    if without_interpreter(settings.program, tool) == without_interpreter(earlier.program, tool):
        settings = replace(settings, program=earlier.program)
    return replace(plan, config=replace(plan.config, settings=settings), options=options)


def _grown_config(earlier: Settings, options: SearchOptions, given: Mapping[str, Any]) -> SearchConfig:
    """Read the grid module again where the search found it, or another one if it is given. (Any: see above)"""
    if "grid_module" in given:
        add_current_folder()
        add_last(earlier.import_paths)
    else:
        add_first(earlier.import_paths)
    with output_on_stderr():
        config = load_config(
            options.grid_module,
            _grid_config(earlier, options),
            lambda name: problem_of_script(name, Path(earlier.run_cwd), options.interpreter),
            values_set(options.set),
        )
    if "grid_module" not in given:
        check_is_recorded_module(config.settings.grid_file, earlier)
    return config


def _grid_config(earlier: Settings, options: SearchOptions) -> Path | None:
    """Return the file of ``--grid_config``, which may be relative to the folder where the search was started."""
    if not options.grid_config:
        return None
    # That folder is among those in which modules were looked for.
    bases = [*map(Path, earlier.import_paths), Path(earlier.run_cwd), Path.cwd()]
    places = [absolute(options.grid_config, base, "--grid_config") for base in bases]
    return next((place for place in places if place.is_file()), places[-1])
