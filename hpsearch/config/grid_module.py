"""What the user's grid module says: checked in full, every mistake reported at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.config.user_functions import FunctionProcess, LimitedFunction
from hpsearch.config.user_modules import import_grid_module, users_errors_told
from hpsearch.core.conditions import MAX_VALUES, Condition, Not
from hpsearch.core.errors import ConfigError, reason_of
from hpsearch.core.summary import numbers_in_tensors
from hpsearch.core.value_text import number_in, why_not_text
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
        """The file of the grid module, None if it has none."""
        return Path(self.settings.grid_file) if self.settings.grid_file else None

    def in_process(self, process: FunctionProcess) -> SearchConfig:
        """Return the same with functions that are called in this process, and so within its limit."""
        moved: dict[str, Any] = {  # Any: the functions differ in type
            name: function.in_process(process)
            for name in ("summary_parser", "performance_eval")
            if isinstance(function := getattr(self, name), LimitedFunction)
        }
        return replace(self, **moved)


def load_config(module_name: str, grid_config_file: Path | None = None) -> SearchConfig:
    """Import a grid module and check it.

    grid_config_file: replaces the module's grid and/or conditions.
    Raises ConfigError listing all mistakes at once.
    """
    module = import_grid_module(module_name)
    replaced = read_grid_config(grid_config_file) if grid_config_file is not None else {}
    config = config_from_module(module, module_name, replaced)
    return replace(config, grid_config_file=grid_config_file)


def config_from_module(
    module: ModuleType, module_name: str, replaced: Mapping[str, object] | None = None, needs_grid: bool = True
) -> SearchConfig:
    """Check an imported grid module.

    replaced: 'grid' and/or 'conditions' that stand in for the module's own.
    needs_grid: False where only the other attributes are used (postprocessing).
    Raises ConfigError listing all mistakes at once.
    """
    with users_errors_told(f"--grid_module={module_name}"):
        return _config(module, module_name, replaced or {}, needs_grid)


def _config(module: ModuleType, module_name: str, replaced: Mapping[str, object], needs_grid: bool) -> SearchConfig:
    check = _Check(module, replaced)
    keywords = check.keywords()
    out_arg = check.text("_OUT_ARG", default="out_dir")
    if out_arg.startswith("-"):
        check.problem(f"_OUT_ARG is {out_arg!r}; expected the option's name without dashes in front")
    if out_arg in keywords:
        check.problem(f"_SUMMARY_KEYWORDS has {out_arg!r}, which is the output option (_OUT_ARG); rename one of them")
    key = check.attribute("_PERFORMANCE_KEY", None)
    if key is not None and keywords and key not in keywords:
        check.problem(f"_PERFORMANCE_KEY is {_short(key)}, but _SUMMARY_KEYWORDS has only {', '.join(keywords)}")
    grid = check.grid(out_arg) if needs_grid else {}
    conditions = check.conditions(out_arg) if needs_grid else ()
    script_name = check.text("_SCRIPT_NAME")
    summary_filename = check.text("_SUMMARY_FILENAME")
    process = FunctionProcess()
    parser = _limited(process, check.function("_SUMMARY_PARSER_HANDLE"), numbers_in_tensors)
    judge = _limited(process, check.function("_PERFORMANCE_EVAL_HANDLE"), _judgement)
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


def _judgement(answer: object) -> object:
    return None if answer is None else bool(answer)


def read_grid_config(path: Path) -> dict[str, object]:
    """Read a file with 'grid' and/or 'conditions': JSON where its name ends in .json, else a pickle of plain data.

    Raises ConfigError naming the file and what is wrong with it.
    """
    is_json = path.suffix == ".json"
    try:
        loaded = _negations(json.loads(read_whole(path, MOST_BYTES))) if is_json else read_plain_pickle(path)
    except OSError as error:
        raise ConfigError(f"--grid_config={path}: cannot be read ({reason_of(error)})") from error
    except (ValueError, RecursionError) as error:
        kind = "JSON" if is_json else "a pickle of plain data"
        raise ConfigError(f"--grid_config={path}: expected {kind}, but {error}") from error
    if not isinstance(loaded, dict) or not {"grid", "conditions"} & set(loaded):
        raise ConfigError(f"--grid_config={path}: expected a dict with 'grid' and/or 'conditions'")
    return {key: loaded[key] for key in ("grid", "conditions") if key in loaded}


def _negations(value: Any) -> Any:  # Any: whatever JSON can hold
    """Turn ``{"not": [...]}`` into Not([...]), everywhere in a JSON value."""
    if isinstance(value, dict):
        if list(value) == ["not"] and isinstance(value["not"], list):
            return Not(value["not"])
        return {key: _negations(item) for key, item in value.items()}
    return [_negations(item) for item in value] if isinstance(value, list) else value


class _Check:
    """Reads a module's attributes and collects the mistakes."""

    def __init__(self, module: ModuleType, replaced: Mapping[str, object]) -> None:
        self._module = module
        self._replaced = replaced
        self._problems: list[str] = []

    def problem(self, text: str) -> None:
        """Note a mistake."""
        self._problems.append(text)

    def raise_if_any(self, where: str) -> None:
        """Raise ConfigError with all mistakes that were noted."""
        if len(self._problems) == 1:
            raise ConfigError(f"{where}: {self._problems[0]}")
        if self._problems:
            listed = "".join(f"\n  - {problem}" for problem in self._problems)
            raise ConfigError(f"{where}: {len(self._problems)} mistakes:{listed}")

    def attribute(self, name: str, default: object) -> object:
        """Return an attribute of the module, or what stands in for it."""
        if name in self._replaced:
            return self._replaced[name]
        return getattr(self._module, name, default)

    def text(self, name: str, default: str | None = None) -> str:
        """Return an attribute that has to be a text that is not empty."""
        value = self.attribute(name, default)
        if value is None:
            self.problem(f"{name} is missing; expected a text")
        elif not isinstance(value, str) or not value:
            self.problem(f"{name} is {_short(value)}; expected a text that is not empty")
        elif "\0" in value or not _is_encodable(value):
            self.problem(f"{name} is {_short(value)}; expected a text without NUL and half characters (surrogates)")
        return value if isinstance(value, str) else ""

    def truth(self, name: str) -> bool:
        """Return an attribute that has to be True or False; False if it is missing."""
        value = self.attribute(name, False)
        if not isinstance(value, (bool, int)):
            self.problem(f"{name} is {_short(value)}; expected True or False")
        return bool(value)

    def function(self, name: str) -> Callable[..., Any] | None:  # Any: the user's function may return anything
        """Return an attribute that has to be a function or None; None if it is missing."""
        value = self.attribute(name, None)
        if value is not None and not callable(value):
            self.problem(f"{name} is {_short(value)}; expected a function or None")
            return None
        return value

    def keywords(self) -> tuple[str, ...]:
        """Return the summary keywords."""
        value = self.attribute("_SUMMARY_KEYWORDS", None)
        if value is None:
            self.problem("_SUMMARY_KEYWORDS is missing; expected a list of texts, one of them 'finished'")
            return ()
        if not isinstance(value, (list, tuple)) or not all(map(_is_keyword, value)):
            self.problem(f"_SUMMARY_KEYWORDS is {_short(value)}; expected a list of texts, one of them 'finished'")
            return ()
        if "finished" not in value:
            self.problem(f"_SUMMARY_KEYWORDS lacks 'finished'; it has {', '.join(value) or 'nothing'}")
        return tuple(dict.fromkeys(value))

    def grid(self, out_arg: str) -> dict[str, list[object]]:
        """Return the grid."""
        value = self.attribute("grid", None)
        if value is None:
            self.problem("grid is missing; expected a dict: option -> list of values")
            return {}
        if isinstance(value, dict) and not value:
            self.problem("grid is empty; expected at least one option with a list of values")
            return {}
        return self._options(value, "grid", out_arg)

    def conditions(self, out_arg: str) -> tuple[Condition, ...]:
        """Return the conditions."""
        value = self.attribute("conditions", None)
        if value is None:
            self.problem("conditions is missing; expected a list of pairs of dicts (may be empty: conditions = [])")
            return ()
        if not isinstance(value, (list, tuple)):
            self.problem(f"conditions is {_short(value)}; expected a list of pairs of dicts")
            return ()
        found = [self._condition(number, entry, out_arg) for number, entry in enumerate(value, start=1)]
        return tuple(condition for condition in found if condition is not None)

    def _condition(self, number: int, entry: object, out_arg: str) -> Condition | None:
        where = f"condition {number}"
        if not isinstance(entry, (list, tuple)) or len(entry) != 2 or not all(isinstance(part, dict) for part in entry):
            self.problem(f"{where} is {_short(entry)}; expected a pair of dicts: ({{'a': [1]}}, {{'b': [2]}})")
            return None
        when, then = entry
        if not then:
            self.problem(f"{where}: the second dict is empty; expected at least one option with a list of values")
            return None
        return Condition(
            self._options(when, f"{where}, first dict", out_arg, may_negate=True),
            self._options(then, f"{where}, second dict", out_arg),
        )

    def _options(self, value: object, where: str, out_arg: str, may_negate: bool = False) -> dict[str, Any]:
        """Check a dict of option -> list of values; Any: a list, or a Not where that is allowed."""
        if not isinstance(value, dict):
            self.problem(f"{where} is {_short(value)}; expected a dict: option -> list of values")
            return {}
        return {
            name: self._members(name, listed, where, may_negate)
            for name, listed in value.items()
            if self._is_name(name, where, out_arg)
        }

    def _is_name(self, name: object, where: str, out_arg: str) -> bool:
        if (
            not isinstance(name, str)
            or not name
            or name.startswith("-")
            or any(c in "=\0" or c.isspace() for c in name)
            or not _is_encodable(name)
        ):
            self.problem(f"{where}: {name!r} is no option name; expected a text such as 'lr', without dashes in front")
        elif name == out_arg:
            self.problem(f"{where}: {name!r} is the output option (_OUT_ARG), which hpsearch sets itself; take it out")
        else:
            return True
        return False

    def _members(self, name: str, listed: object, where: str, may_negate: bool) -> list[object] | Not:
        """Return a list of values, or the Not with one."""
        if not isinstance(listed, Not):
            return self._values(name, listed, where)
        if not may_negate:
            self.problem(f"{where}: {name!r} is {_short(listed)}; Not can only stand in the first dict of a condition")
        return Not(self._values(name, listed.values, where) if listed.values else [])

    def _values(self, name: str, listed: Any, where: str) -> list[object]:  # Any: checked here
        is_array = hasattr(listed, "tolist") and getattr(listed, "ndim", 0) > 0
        if not is_array and not isinstance(listed, (list, tuple, range)):
            self.problem(f"{where}: {name!r} is {_short(listed)}; expected a list of values, as in [{_short(listed)}]")
            return []
        if _is_too_long(listed):
            self.problem(f"{where}: {name!r} is {_short(listed)}; expected a list of at most {MAX_VALUES:,} values")
            return []
        values = [number_in(value) for value in (_elements(listed) if is_array else listed)]
        if not values:
            self.problem(f"{where}: {name!r} has an empty list; expected at least one value")
        for problem in dict.fromkeys(why_not_text(value, name) for value in values):
            if problem:
                self.problem(f"{where}: {name!r} has a value {problem}")
        return values


def _is_too_long(listed: Any) -> bool:  # Any: whatever has a length; an array of some library may have none
    try:
        return len(listed) > MAX_VALUES
    except OverflowError:
        return True
    except TypeError:
        return False


def _elements(listed: Any) -> list[object]:  # Any: an array or a tensor of any library
    try:
        # Its elements keep their types.
        return list(listed)
    except (TypeError, ValueError, RuntimeError):
        elements: list[object] = listed.tolist()
        return elements


def _is_keyword(item: object) -> bool:
    return isinstance(item, str) and bool(item.strip()) and _is_encodable(item)


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _short(value: object) -> str:
    """Return a value for a message: one line, and not a long one, whatever its class makes of it."""
    try:
        text = " ".join(repr(value).split())
    except (Exception, SystemExit):  # noqa: BLE001  (the value may be of any class)
        text = f"an object of the class {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
