"""What the user's grid module says: checked in full, every mistake reported at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from hpsearch.config.grid_check import Check
from hpsearch.config.option_values import values_set
from hpsearch.config.options import SearchOptions
from hpsearch.config.program import problem_of_script
from hpsearch.console.text import amount
from hpsearch.console.user_output import output_on_stderr
from hpsearch.core.conditions import (
    RANGES,
    Condition,
    Constraint,
    Grid,
    Key,
    Not,
    key_in,
    ranges_in,
    size_without_ranges,
)
from hpsearch.core.errors import ConfigError, reason_of
from hpsearch.core.summary import numbers_in_tensors
from hpsearch.journal.settings import Settings
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.classic_files import MOST_BYTES, read_plain_pickle
from hpsearch.store.layout import read_whole
from hpsearch.user_code.user_functions import FunctionProcess, LimitedFunction
from hpsearch.user_code.user_modules import as_config_error, import_grid_module

#: A user's summary parser: f(out_dir, cmd_ident) -> {keyword: [value]}; some take `summary_fn` too.
SummaryParser = Callable[..., Mapping[str, object]]


@dataclass(frozen=True)
class SearchConfig:
    """What a grid module says, checked. settings: the part that the journal keeps.

    grids: their union is searched. grid_config_file: where grids and conditions come from, if not from the module.
    warnings: what looks like a mistake.
    """

    settings: Settings
    script_name: str
    grids: tuple[Grid, ...] = ()
    conditions: tuple[Condition, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    summary_parser: SummaryParser | None = None
    performance_eval: LimitedFunction | None = None
    argparse_handle: Callable[..., Any] | None = None  # Any: accepted for old modules, never called
    grid_config_file: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def module_file(self) -> Path | None:
        """The file of the grid module; None if it has none."""
        return Path(self.settings.grid_file) if self.settings.grid_file else None

    @property
    def ranges(self) -> list[str]:
        """The options that have ranges in place of lists, in a grid or by a condition; each once."""
        lists = (*self.grids, *(condition.then for condition in self.conditions))
        return list(dict.fromkeys(name for each in lists for name in ranges_in(each)))

    def size_text(self, size: int) -> str:
        """Return how many configurations the grids have, as text. size: their number, counting 1,000 values a range."""
        if not self.ranges:
            return amount(size, "configuration")
        size = size_without_ranges(self.grids)
        ranges = f"{amount(len(self.ranges), 'range')} ({', '.join(self.ranges)})"
        return f"{size:,} configurations and {ranges}" if size > 1 else ranges

    def in_process(self, process: FunctionProcess) -> SearchConfig:
        """Return the same with the user's functions called in `process`, within its time limit."""
        limited = {name: value for name, value in vars(self).items() if isinstance(value, LimitedFunction)}
        moved: dict[str, Any] = {name: function.in_process(process) for name, function in limited.items()}
        return replace(self, **moved)  # Any: the functions differ in type


def load_config(
    module_name: str,
    grid_config_file: Path | None = None,
    problem_of_script: Callable[[str], str] = lambda _: "",
    values_set: Mapping[Key, Sequence[object]] = MappingProxyType({}),
) -> SearchConfig:
    """Import a grid module and check it.

    grid_config_file: replaces the module's grid and/or conditions. values_set: replace the values of options of the
    grid, or add options.
    problem_of_script: says why a script cannot be run, empty if it can.
    Raises ConfigError listing all mistakes at once.
    """
    module = import_grid_module(module_name)
    replaced = _read_grid_config(grid_config_file) if grid_config_file is not None else {}
    with as_config_error(f"--grid_module={module_name}"):
        check = Check(module, replaced, f"--grid_config={grid_config_file}", values_set)
        config = _config(check, module, module_name, True, problem_of_script)
        return replace(config, grid_config_file=grid_config_file, warnings=(*check.unknown_names(), *check.warnings))


def config_for(options: SearchOptions, grid_config_file: Path | None, run_cwd: Path) -> SearchConfig:
    """Read the grid module that the options name; see `load_config`. run_cwd: where runs execute."""
    # What the user's module prints must not mix with the results on standard output.
    with output_on_stderr():
        config = load_config(
            options.grid_module,
            grid_config_file,
            lambda name: problem_of_script(name, run_cwd, options.interpreter),
            values_set(options.set),
        )
    if config.ranges and options.sampler == "grid" and not options.is_sampled:
        *others, last = config.ranges
        what = f"{', '.join(others)} and {last} are ranges" if others else f"{last} is a range"
        from_it, lists = ("from them", "lists") if others else ("from it", "a list")
        remedy = f"--sampler=random, sobol, bayes or optuna takes values {from_it}; for a grid write {lists}"
        raise ConfigError(f"{grid_config_file or config.settings.grid_source}: {what}: {remedy}")
    return config


def config_from_module(module: ModuleType, module_name: str, needs_grid: bool = True) -> SearchConfig:
    """Check an imported grid module.

    needs_grid: False where only the other attributes are used (postprocessing).
    Raises ConfigError listing all mistakes at once.
    """
    with as_config_error(f"--grid_module={module_name}"):
        return _config(Check(module, {}), module, module_name, needs_grid)


def _config(
    check: Check,
    module: ModuleType,
    module_name: str,
    needs_grid: bool,
    problem_of_script: Callable[[str], str] = lambda _: "",
) -> SearchConfig:
    keywords, out_arg = check.keywords(), check.out_arg()
    if out_arg in keywords:
        check.note(f"_SUMMARY_KEYWORDS has {out_arg!r}, which is the output option (_OUT_ARG); rename one of them")
    key = check.performance_key(keywords)
    grids = check.grids(out_arg) if needs_grid else ()
    conditions = check.conditions(out_arg) if needs_grid else ()
    keep_out_dir, continue_arg = check.checkpoints(out_arg)
    progress_file, progress_keys = check.progress()
    budget_arg = check.budget(out_arg)
    constraints = check.constraints() if needs_grid else ()
    script_name, summary_filename = check.script(problem_of_script), check.summary_filename()
    process = FunctionProcess()
    parser = _limited(process, check.function("_SUMMARY_PARSER_HANDLE"), numbers_in_tensors)
    performance_eval = _limited(
        process, check.function("_PERFORMANCE_EVAL_HANDLE"), lambda answer: None if answer is None else bool(answer)
    )
    settings = Settings(
        out_arg=out_arg,
        summary_filename=summary_filename,
        summary_keywords=keywords,
        performance_key=key,
        sort_ascending=check.truth("_PERFORMANCE_SORT_ASC"),
        grid_module=module_name,
        grid_file=str(Path(file).resolve()) if (file := getattr(module, "__file__", None)) else "",
        has_parser=parser is not None,
        keep_out_dir=keep_out_dir,
        continue_arg=continue_arg,
        progress_file=progress_file,
        progress_keys=progress_keys,
        budget_arg=budget_arg,
    )
    argparse_handle = check.function("_ARGPARSE_HANDLE")
    check.raise_if_any(settings.grid_source)
    return SearchConfig(
        settings, script_name, grids, conditions, constraints, parser, performance_eval, argparse_handle
    )


def _limited(process: FunctionProcess, function: Callable[..., Any] | None, plain: Callable[[Any], object]) -> Any:
    # Any: the functions differ in type
    return None if function is None else process.function(function, plain)


def _read_grid_config(path: Path) -> dict[str, object]:
    """Read a file with 'grid' and/or 'conditions': JSON where its name ends in .json, else a pickle of plain data.

    Raises ConfigError naming the file and what is wrong with it.
    """
    is_json = path.suffix == ".json"
    try:
        loaded = json.loads(read_whole(path, MOST_BYTES)) if is_json else read_plain_pickle(path)
    except OSError as error:
        raise ConfigError(f"--grid_config={path}: cannot be read ({reason_of(error)})") from error
    except (ValueError, RecursionError) as error:
        kind = "JSON" if is_json else "a pickle of plain data"
        raise ConfigError(f"--grid_config={path}: expected {kind}, but {error}") from error
    if not isinstance(loaded, dict) or not {"grid", "conditions"} & set(loaded):
        raise ConfigError(f"--grid_config={path}: expected a dict with 'grid' and/or 'conditions'")
    found = {key: loaded[key] for key in ("grid", "conditions") if key in loaded}
    return {key: _read_grids(each) for key, each in found.items()} if is_json else found


def _read_grids(found: Any, depth: int = 2) -> Any:  # Any: whatever JSON can hold
    """Return the grids of a JSON file, also in lists of conditions, with keys such as ``"a,b"`` as ties."""
    if isinstance(found, dict):
        return {key_in(key): _read_listed(listed) for key, listed in found.items()}
    return [_read_grids(each, depth - 1) for each in found] if isinstance(found, list) and depth else found


def _read_listed(listed: Any) -> Any:  # Any: see above
    """Return what ``{"not": [...]}`` or ``{"log_uniform": [0.1, 1]}`` stands for; anything else as it is."""
    if not isinstance(listed, dict) or len(listed) != 1:
        return listed
    ((word, content),) = listed.items()
    if word == "not" and isinstance(content, list):
        return Not(content)
    bounds = content if isinstance(content, list) and len(content) == 2 else (content, None)
    return next((kind(*bounds) for kind in RANGES if kind.word == word), listed)
