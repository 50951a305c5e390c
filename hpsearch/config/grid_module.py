"""What the user's grid module says: checked in full, every mistake reported at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.config.grid_check import Check, shown
from hpsearch.config.user_functions import FunctionProcess, LimitedFunction
from hpsearch.config.user_modules import import_grid_module, users_errors_told
from hpsearch.core.conditions import Condition, Not
from hpsearch.core.errors import ConfigError, reason_of
from hpsearch.core.summary import numbers_in_tensors
from hpsearch.store.events import Settings
from hpsearch.store.layout import read_whole
from hpsearch.store.plain_pickle import MOST_BYTES, read_plain_pickle

#: A user's summary parser: f(out_dir, cmd_ident) -> {keyword: [value]}; some take `summary_fn` too.
SummaryParser = Callable[..., Mapping[str, object]]


@dataclass(frozen=True)
class SearchConfig:
    """What a grid module says, checked. settings: what the journal keeps of it.

    grid_config_file: where grid and conditions come from instead, if so.
    """

    settings: Settings
    script_name: str
    grid: Mapping[str, Sequence[object]] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    summary_parser: SummaryParser | None = None
    performance_eval: LimitedFunction | None = None
    argparse_handle: Callable[..., Any] | None = None  # Any: accepted for old modules, never called
    grid_config_file: Path | None = None

    @property
    def module_file(self) -> Path | None:
        """The file of the grid module; None if it has none."""
        return Path(self.settings.grid_file) if self.settings.grid_file else None

    def in_process(self, process: FunctionProcess) -> SearchConfig:
        """Return the same with the user's functions called in this process, within its limit."""
        limited = {name: value for name, value in vars(self).items() if isinstance(value, LimitedFunction)}
        moved: dict[str, Any] = {name: function.in_process(process) for name, function in limited.items()}
        return replace(self, **moved)  # Any: the functions differ in type


def load_config(module_name: str, grid_config_file: Path | None = None) -> SearchConfig:
    """Import a grid module and check it. grid_config_file: replaces the module's grid and/or conditions.

    Raises ConfigError listing all mistakes at once.
    """
    module = import_grid_module(module_name)
    replaced = _read_grid_config(grid_config_file) if grid_config_file is not None else {}
    return replace(config_from_module(module, module_name, replaced), grid_config_file=grid_config_file)


def config_from_module(
    module: ModuleType, module_name: str, replaced: Mapping[str, object] | None = None, needs_grid: bool = True
) -> SearchConfig:
    """Check an imported grid module.

    replaced: 'grid' and/or 'conditions' instead of the module's own.
    needs_grid: False where only the other attributes are used (postprocessing).
    Raises ConfigError listing all mistakes at once.
    """
    with users_errors_told(f"--grid_module={module_name}"):
        return _config(module, module_name, replaced or {}, needs_grid)


def _config(module: ModuleType, module_name: str, replaced: Mapping[str, object], needs_grid: bool) -> SearchConfig:
    check = Check(module, replaced)
    keywords, out_arg = check.keywords(), check.out_arg()
    if out_arg in keywords:
        check.note(f"_SUMMARY_KEYWORDS has {out_arg!r}, which is the output option (_OUT_ARG); rename one of them")
    key = check.attribute("_PERFORMANCE_KEY")
    if key is not None and keywords and key not in keywords:
        check.note(f"_PERFORMANCE_KEY is {shown(key)}, but _SUMMARY_KEYWORDS has only {', '.join(keywords)}")
    grid = check.grid(out_arg) if needs_grid else {}
    conditions = check.conditions(out_arg) if needs_grid else ()
    script_name, summary_filename = check.text("_SCRIPT_NAME"), check.text("_SUMMARY_FILENAME")
    process = FunctionProcess()
    parser = _limited(process, check.function("_SUMMARY_PARSER_HANDLE"), numbers_in_tensors)
    judge = _limited(
        process, check.function("_PERFORMANCE_EVAL_HANDLE"), lambda answer: None if answer is None else bool(answer)
    )
    settings = Settings(
        out_arg=out_arg,
        summary_filename=summary_filename,
        summary_keywords=keywords,
        performance_key=str(key) if key is not None else (keywords[0] if keywords else ""),
        sort_ascending=check.truth("_PERFORMANCE_SORT_ASC"),
        grid_module=module_name,
        grid_file=str(Path(file).resolve()) if (file := getattr(module, "__file__", None)) else "",
        has_parser=parser is not None,
    )
    argparse_handle = check.function("_ARGPARSE_HANDLE")
    check.raise_if_any(settings.grid_source)
    return SearchConfig(settings, script_name, grid, conditions, parser, judge, argparse_handle)


def _limited(process: FunctionProcess, function: Callable[..., Any] | None, plain: Callable[[Any], object]) -> Any:
    # Any: the functions differ in type
    return None if function is None else process.function(function, plain)


def _read_grid_config(path: Path) -> dict[str, object]:
    """Read a file with 'grid' and/or 'conditions': JSON where its name ends in .json, else a pickle of plain data.

    Raises ConfigError naming the file and what is wrong with it.
    """
    is_json = path.suffix == ".json"
    try:
        loaded = json.loads(read_whole(path, MOST_BYTES), object_hook=_negation) if is_json else read_plain_pickle(path)
    except OSError as error:
        raise ConfigError(f"--grid_config={path}: cannot be read ({reason_of(error)})") from error
    except (ValueError, RecursionError) as error:
        kind = "JSON" if is_json else "a pickle of plain data"
        raise ConfigError(f"--grid_config={path}: expected {kind}, but {error}") from error
    if not isinstance(loaded, dict) or not {"grid", "conditions"} & set(loaded):
        raise ConfigError(f"--grid_config={path}: expected a dict with 'grid' and/or 'conditions'")
    return {key: loaded[key] for key in ("grid", "conditions") if key in loaded}


def _negation(found: dict[str, Any]) -> dict[str, Any] | Not:  # Any: whatever JSON can hold
    """Turn ``{"not": [...]}`` into Not([...])."""
    return Not(found["not"]) if list(found) == ["not"] and isinstance(found["not"], list) else found
