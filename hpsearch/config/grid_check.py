"""The attributes of a grid module, read and checked; every mistake is noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, cast

from hpsearch.config.option_lists import OptionLists, is_sequence, shown
from hpsearch.config.option_values import OPTION_NAME
from hpsearch.core.conditions import Condition, Constraint, Grid, Key, names_in
from hpsearch.core.errors import ConfigError
from hpsearch.core.hints import did_you_mean, nearest
from hpsearch.startup.classes import dataclass

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_KEYWORDS = "a list of texts, one of them 'finished'"
_TEXT, _PAIRS = "a text that is not empty", "a list of pairs of dicts"
_OPTIONS = "a dict: option -> list of values"
_NAME = "a text such as 'lr', without dashes in front, or for a tie a tuple of such texts"
_KEYS = "the name of the values, and the name of their steps if they have one: ('val_acc', 'epoch')"
_KEEPS = "f(configuration) -> True (keep) or False"
_PAIR = "({'a': [1]}, {'b': [2]})"
_SCRIPT, _FILE = "the script to run, as in 'train.py'", "the file with a run's results, as in 'summary.txt'"
#: The attributes of a grid module: those it must have, and all others.
_REQUIRED = ("grid", "conditions", "_SCRIPT_NAME", "_SUMMARY_FILENAME", "_SUMMARY_KEYWORDS")
_OPTIONAL = (
    *("_OUT_ARG", "_PERFORMANCE_KEY", "_PERFORMANCE_SORT_ASC"),
    *("_SUMMARY_PARSER_HANDLE", "_PERFORMANCE_EVAL_HANDLE", "_ARGPARSE_HANDLE"),
    *("_KEEP_OUT_DIR", "_CONTINUE_ARG", "_PROGRESS_FILE", "_PROGRESS_KEYS", "_BUDGET_ARG", "constraints"),
)
#: How like an optional attribute's name a user's own name has to be to be taken for it: it may mean something else.
_VERY_NEAR = 0.85


@dataclass(frozen=True)
class _Mistake:
    """A mistake; the text begins with the name of what is wrong. source: the file, if not the grid module."""

    text: str
    line: int = 0
    source: str = ""

    def located(self, where: str) -> str:
        """Return the mistake with its file and line. where: the grid module, empty where that is clear."""
        location = [self.source or where, f"line {self.line}" if self.line else ""]
        return ": ".join(filter(None, [", ".join(filter(None, location)), self.text]))


class Check:
    """Reads a module's attributes and collects the mistakes."""

    def __init__(
        self,
        module: ModuleType,
        replaced: Mapping[str, object],
        replaced_by: str = "",
        values_set: Mapping[Key, Sequence[object]] = MappingProxyType({}),
    ) -> None:
        """replaced: attributes that replace the module's own; `replaced_by` names their source.

        values_set: values for options of the grid, by ``--set``.
        """
        self._module, self._replaced, self._replaced_by = module, replaced, replaced_by
        self._values_set = values_set
        self.warnings: list[str] = []
        self._mistakes: list[_Mistake] = []
        self._lists = OptionLists(self.note)

    @cached_property
    def _lines(self) -> dict[str, int]:
        """The line of each name in the module, see `lines_in`."""
        from hpsearch.user_code.copied_module import lines_in  # it reads the module's source, for mistakes only

        file = getattr(self._module, "__file__", None)
        return lines_in(Path(file)) if isinstance(file, str) else {}

    def note(self, mistake: str) -> None:
        """Note a mistake; it begins with the name of what is wrong, which tells its line."""
        attribute = "conditions" if mistake.startswith("condition ") else re.split(r"\W", mistake, maxsplit=1)[0]
        if mistake.startswith("--set: "):
            self._mistakes.append(_Mistake(mistake.removeprefix("--set: "), source="--set"))
        elif attribute in self._replaced:
            self._mistakes.append(_Mistake(mistake, source=self._replaced_by))
        else:
            self._mistakes.append(_Mistake(mistake, self._line_of(mistake)))

    def _line_of(self, mistake: str) -> int:
        named = (name for name in self._lines if re.match(re.escape(name) + r"(?!\w)", mistake))
        return self._lines.get(max(named, key=len, default=""), 0)

    def raise_if_any(self, where: str) -> None:
        """Raise ConfigError with all mistakes that were noted, in the order of the file."""
        for mistake in self._nearly_right() if self._mistakes else ():
            self.note(mistake)
        mistakes = sorted(self._mistakes, key=lambda mistake: mistake.line)
        if len(mistakes) == 1:
            raise ConfigError(mistakes[0].located(where))
        if mistakes:
            listed = "".join(f"\n  - {mistake.located('')}" for mistake in mistakes)
            raise ConfigError(f"{where}: {len(mistakes)} mistakes:{listed}")

    def unknown_names(self) -> list[str]:
        """Return a warning, with its line, for each name that nearly names an attribute that the module lacks."""
        source = str(getattr(self._module, "__file__", None) or getattr(self._module, "__name__", ""))
        return [_Mistake(text, self._line_of(text)).located(source) for text in self._nearly_right()]

    def _nearly_right(self) -> list[str]:
        missing = [name for name in _OPTIONAL if self.attribute(name) is None]
        # Of lists named in small letters, only one for `constraints` can be meant.
        own = [n for n in self._own_names() if n.upper() == n or isinstance(self.attribute(n), (list, tuple))]
        found = ((name, nearest(name, missing, _VERY_NEAR)) for name in own)
        return [f"{name} means nothing here; did you mean {meant}?" for name, meant in found if meant]

    def _own_names(self) -> list[str]:
        """Return the names that a module gives to values, except those of attributes."""
        named = vars(self._module).items() if isinstance(self._module, ModuleType) else ()
        kinds = (ModuleType, type)
        return [
            name
            for name, value in named
            if name not in (*_REQUIRED, *_OPTIONAL) and not name.startswith("__") and not isinstance(value, kinds)
        ]

    def attribute(self, name: str, default: object = None) -> Any:  # Any: not checked yet
        """Return an attribute of the module, or what replaces it."""
        return self._replaced[name] if name in self._replaced else getattr(self._module, name, default)

    def _fitting(
        self, name: str, fits: Callable[[Any], bool], expected: str, default: object = None, if_missing: str = ""
    ) -> Any:
        """Return an attribute; None, with a mistake noted, if it does not fit.

        if_missing: what was expected; given if the attribute is required.
        """
        value = self.attribute(name, default)
        if value is None and if_missing:
            near = nearest(name, self._own_names())
            if not near:
                self.note(f"{name} is missing; expected {if_missing}")
                return None
            self.note(f"{near} means nothing here; did you mean {name}? That is missing; expected {if_missing}")
            self._lines.update({re.sub(rf"^{near}\b", name, key): line for key, line in self._lines.items()})
            # The mistakes in its content belong to the list, too.
            meant = getattr(self._module, near)
            return meant if fits(meant) else None
        if fits(value):
            return value
        self.note(f"{name} is {shown(value)}; expected {expected}")
        return None

    def text(self, name: str, default: str | None = None, if_missing: str = "a text") -> str:
        """Return an attribute that has to be a text that is not empty. if_missing: what was expected."""
        value = self._fitting(name, lambda found: isinstance(found, str) and found != "", _TEXT, default, if_missing)
        if value and ("\0" in value or _SURROGATE.search(value)):
            self.note(f"{name} is {shown(value)}; expected a text without NUL and half characters (surrogates)")
        return value or ""

    def summary_filename(self) -> str:
        """Return the name of the summary file."""
        return self.text("_SUMMARY_FILENAME", if_missing=_FILE)

    def script(self, problem_of: Callable[[str], str]) -> str:
        """Return the name of the script. problem_of: says why it cannot be run, empty if it can."""
        name = self.text("_SCRIPT_NAME", if_missing=_SCRIPT)
        if name and (problem := problem_of(name)):
            self.note(f"_SCRIPT_NAME is {name!r}, but {problem}")
        return name

    def performance_key(self, keywords: tuple[str, ...]) -> str:
        """Return the performance key: by default the first keyword."""
        key = self.attribute("_PERFORMANCE_KEY")
        if key is None:
            key = keywords[0] if keywords else ""
        if key == "finished":
            problem = "runs are ranked by 'finished', which is 1 for all of them"
            self.warnings.append(f"{problem}: let _SUMMARY_KEYWORDS begin with a result, or name one: _PERFORMANCE_KEY")
        if not isinstance(key, str):
            self.note(f"_PERFORMANCE_KEY is {shown(key)}; expected one of _SUMMARY_KEYWORDS")
        elif keywords and key not in keywords:
            known = f"_SUMMARY_KEYWORDS has only {', '.join(keywords)}"
            self.note(f"_PERFORMANCE_KEY is {shown(key)}, but {known}{did_you_mean(key, keywords)}")
        return str(key)

    def truth(self, name: str) -> bool:
        """Return an attribute that has to be True or False; False if it is missing."""
        return bool(self._fitting(name, lambda found: isinstance(found, (bool, int)), "True or False", False))

    def function(self, name: str) -> Callable[..., Any] | None:  # Any: the user's function may return anything
        """Return an attribute that has to be a function or None; None if it is missing."""
        value = self._fitting(name, lambda found: found is None or callable(found), "a function or None")
        return cast("Callable[..., Any] | None", value)

    def keywords(self) -> tuple[str, ...]:
        """Return the summary keywords."""
        value = self._fitting("_SUMMARY_KEYWORDS", _are_keywords, _KEYWORDS, if_missing=_KEYWORDS)
        if value is None:
            return ()
        if "finished" not in value:
            near = nearest("finished", value)
            hint = f"; write 'finished' instead of {near!r}" if near else ""
            self.note(f"_SUMMARY_KEYWORDS lacks 'finished'; it has {', '.join(value) or 'nothing'}{hint}")
        return tuple(dict.fromkeys(value))

    def out_arg(self) -> str:
        """Return the name of the output option."""
        return self._option("_OUT_ARG", "out_dir")

    def checkpoints(self, out_arg: str) -> tuple[bool, str]:
        """Return whether another attempt keeps the run's folder, and the option that names an earlier attempt's."""
        keeps = self.truth("_KEEP_OUT_DIR")
        if self.attribute("_CONTINUE_ARG") is None:
            return keeps, ""
        name = self._option("_CONTINUE_ARG")
        if name and name == out_arg:
            self.note(f"_CONTINUE_ARG is {name!r}, which is the output option (_OUT_ARG); expected another option")
        if keeps:
            self.note(
                "_CONTINUE_ARG names the earlier attempt's folder, but with _KEEP_OUT_DIR there is one folder for all "
                "attempts; take one of the two out"
            )
        return keeps, name

    def budget(self, out_arg: str) -> str:
        """Return the option that says how long a run trains; empty if none does."""
        name = "" if self.attribute("_BUDGET_ARG") is None else self._option("_BUDGET_ARG")
        taken = {out_arg: "the output option (_OUT_ARG)", self.attribute("_CONTINUE_ARG"): "_CONTINUE_ARG, too"}
        if name and name in taken:
            self.note(f"_BUDGET_ARG is {name!r}, which is {taken[name]}; expected another option")
        return name

    def progress(self) -> tuple[str, tuple[str, ...]]:
        """Return the file in which runs write their values (empty = none), and the keys of value and step in it."""
        file = "" if self.attribute("_PROGRESS_FILE") is None else self.text("_PROGRESS_FILE")
        keys = self._fitting("_PROGRESS_KEYS", _are_keys, _KEYS, ())
        return file, (keys,) if isinstance(keys, str) else tuple(keys or ())

    def _option(self, attribute: str, default: str | None = None) -> str:
        name = self.text(attribute, default)
        if name.startswith("-"):
            self.note(f"{attribute} is {name!r}; expected the option's name without dashes in front")
        return name

    def grids(self, out_arg: str) -> tuple[Grid, ...]:
        """Return the grids whose union is searched; usually one."""
        value = self._fitting("grid", _are_grids, f"{_OPTIONS}, or a list of such dicts", if_missing=_OPTIONS)
        several = () if isinstance(value, dict) else enumerate(value or (), start=1)
        listed = [("grid", value)] * isinstance(value, dict) + [(f"grid {number}", grid) for number, grid in several]
        for where, grid in listed:
            if not isinstance(grid, dict):
                self.note(f"{where} is {shown(grid)}; expected {_OPTIONS}")
            elif not grid and not self._values_set:
                self.note(f"{where} is empty; expected at least one option with a list of values")
        grids = [self._options(grid, where, out_arg) for where, grid in listed if isinstance(grid, dict)]
        in_grids = [name for grid in grids for each in grid for name in names_in(each)] if self._values_set else []
        for key, values in self._options(self._values_set, "--set", out_arg).items():
            new = (name for name in names_in(key) if in_grids and name not in in_grids)
            self.warnings += (
                f"--set adds the option {n!r}, which the grid lacks{did_you_mean(n, in_grids)}" for n in new
            )
            self._set(grids, key, values)
        return tuple(grids)

    def _set(self, grids: list[dict[Key, Any]], key: Key, values: Sequence[object]) -> None:  # Any: values
        """Give an option or a tie new values in each grid that has it, or add it to all grids if none has it."""
        names, in_grids = set(names_in(key)), [name for grid in grids for each in grid for name in names_in(each)]
        for other in dict.fromkeys(each for grid in grids for each in grid):
            if names & set(names_in(other)) and not names >= set(names_in(other)):
                shared = f"{key!r} shares an option with {other!r} of the grid"
                self.note(f"--set: {shared}; set all of that: --set {','.join(names_in(other))}=...")
        for at, grid in enumerate(grids):
            if not names.intersection(in_grids):
                grid[key] = values
            same = {each: key if names >= set(names_in(each)) else each for each in grid}
            grids[at] = {same[each]: values if same[each] == key else listed for each, listed in grid.items()}

    def constraints(self) -> tuple[Constraint, ...]:
        """Return the constraints; none if there is no such attribute."""
        value = self._fitting("constraints", is_sequence, f"a list of functions, {_KEEPS}", ())
        for number, entry in enumerate(value or (), start=1):
            if not callable(entry):
                self.note(f"constraint {number} is {shown(entry)}; expected a function, {_KEEPS}")
        return tuple(value or ())

    def conditions(self, out_arg: str) -> tuple[Condition, ...]:
        """Return the conditions."""
        may_be_empty = f"{_PAIRS} (may be empty: conditions = [])"
        value = self._fitting("conditions", is_sequence, _PAIRS, if_missing=may_be_empty)
        if value and len(value) == 2 and all(isinstance(part, dict) for part in value):
            self.note(f"conditions is one pair of dicts; expected a list of pairs: [{_PAIR}]")
            value = [value]
        if value and sum(name.startswith("condition ") for name in self._lines) != len(value):
            # Code changes the list after its definition, so the lines found there do not fit.
            self._lines = {name: line for name, line in self._lines.items() if not name.startswith("condition ")}
        found = [self._condition(number, entry, out_arg) for number, entry in enumerate(value or (), start=1)]
        return tuple(condition for condition in found if condition is not None)

    def _condition(self, number: int, entry: Any, out_arg: str) -> Condition | None:
        where = f"condition {number}"
        if not is_sequence(entry) or len(entry) != 2 or not all(isinstance(part, dict) for part in entry):
            self.note(f"{where} is {shown(entry)}; expected a pair of dicts: {_PAIR}")
            return None
        when, then = entry
        if not then:
            self.note(f"{where}: the second dict is empty; expected at least one option with a list of values")
        return Condition(
            self._options(when, f"{where}, first dict", out_arg, may_negate=True),
            self._options(then, f"{where}, second dict", out_arg),
        )

    def _options(
        self, listed: Mapping[Any, object], where: str, out_arg: str, may_negate: bool = False
    ) -> dict[Any, Any]:
        """Check a dict of option or tie -> list of values. Any: keys may be ties, values may be a Not."""
        checked: dict[Any, Any] = {}
        own = ((out_arg, "the output option (_OUT_ARG)"), (self.attribute("_CONTINUE_ARG"), "_CONTINUE_ARG"))
        seen: set[object] = set()
        for key, values in listed.items():
            names = key if isinstance(key, tuple) else (key,)
            for name in names:
                if not isinstance(name, str) or not OPTION_NAME.fullmatch(name):
                    self.note(f"{where}: {name!r} is no option name; expected {_NAME}")
                elif name in seen:
                    again = "is named again" if key == name else f"names {name!r} again"
                    self.note(f"{where}: {key!r} {again}; an option can stand there only once")
                for what in (what for option, what in own if option == name):
                    self.note(f"{where}: {name!r} is {what}, which hpsearch sets itself; take it out")
                seen.add(name)
            if not isinstance(key, tuple):
                read = self._lists.matching if may_negate else self._lists.values
                checked[key] = read(f"{where}: {key!r}", str(key), values)
            elif may_negate:
                self.note(f"{where}: {key!r} is a tie; name the options one by one there: {{'a': [1], 'b': [2]}}")
            else:
                checked[key] = self._lists.tied(f"{where}: {key!r}", key, values)
        return checked


def _are_grids(value: Any) -> bool:  # Any: checked here
    return isinstance(value, dict) or (is_sequence(value) and any(isinstance(each, dict) for each in value))


def _are_keywords(value: Any) -> bool:  # Any: checked here
    return is_sequence(value) and all(isinstance(w, str) and w.strip() and not _SURROGATE.search(w) for w in value)


def _are_keys(value: Any) -> bool:  # Any: checked here
    listed = (value,) if isinstance(value, str) else value
    return listed is None or (_are_keywords(listed) and len(listed) <= 2)
