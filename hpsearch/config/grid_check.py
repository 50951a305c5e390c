"""The attributes of a grid module, read and checked; every mistake is noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, cast

from hpsearch.core.conditions import MAX_VALUES, Condition, Not
from hpsearch.core.errors import ConfigError
from hpsearch.core.value_text import number_in, why_not_text

#: An option's name: no dash in front, no `=`, blank, NUL or half character (surrogate).
_OPTION_NAME = re.compile(r"(?!-)[^=\0\s\ud800-\udfff]+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_KEYWORDS = "a list of texts, one of them 'finished'"
_TEXT, _PAIRS = "a text that is not empty", "a list of pairs of dicts"
_OPTIONS = "a dict: option -> list of values"


class Check:
    """Reads a module's attributes and collects the mistakes."""

    def __init__(self, module: ModuleType, replaced: Mapping[str, object]) -> None:
        self._module, self._replaced = module, replaced
        self._mistakes: list[str] = []
        self.note = self._mistakes.append

    def raise_if_any(self, where: str) -> None:
        """Raise ConfigError with all mistakes that were noted."""
        if len(self._mistakes) == 1:
            raise ConfigError(f"{where}: {self._mistakes[0]}")
        if self._mistakes:
            listed = "".join(f"\n  - {mistake}" for mistake in self._mistakes)
            raise ConfigError(f"{where}: {len(self._mistakes)} mistakes:{listed}")

    def attribute(self, name: str, default: object = None) -> Any:  # Any: nothing is known of it yet
        """Return an attribute of the module, or what replaces it."""
        return self._replaced[name] if name in self._replaced else getattr(self._module, name, default)

    def _fitting(
        self, name: str, fits: Callable[[Any], bool], expected: str, default: object = None, if_missing: str = ""
    ) -> Any:
        """Return an attribute; None, with a mistake noted, if it does not fit.

        if_missing: what was expected where it has to be there.
        """
        value = self.attribute(name, default)
        if value is None and if_missing:
            self.note(f"{name} is missing; expected {if_missing}")
        elif fits(value):
            return value
        else:
            self.note(f"{name} is {shown(value)}; expected {expected}")
        return None

    def text(self, name: str, default: str | None = None) -> str:
        """Return an attribute that has to be a text that is not empty."""
        value = self._fitting(name, lambda found: isinstance(found, str) and found != "", _TEXT, default, "a text")
        if value and ("\0" in value or _SURROGATE.search(value)):
            self.note(f"{name} is {shown(value)}; expected a text without NUL and half characters (surrogates)")
        return value or ""

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
            self.note(f"_SUMMARY_KEYWORDS lacks 'finished'; it has {', '.join(value) or 'nothing'}")
        return tuple(dict.fromkeys(value))

    def out_arg(self) -> str:
        """Return the name of the output option."""
        name = self.text("_OUT_ARG", "out_dir")
        if name.startswith("-"):
            self.note(f"_OUT_ARG is {name!r}; expected the option's name without dashes in front")
        return name

    def grid(self, out_arg: str) -> dict[str, list[object]]:
        """Return the grid."""
        value = self._fitting("grid", lambda found: isinstance(found, dict), _OPTIONS, if_missing=_OPTIONS)
        if value is not None and not value:
            self.note("grid is empty; expected at least one option with a list of values")
        return self._options(value or {}, "grid", out_arg)

    def conditions(self, out_arg: str) -> tuple[Condition, ...]:
        """Return the conditions."""
        may_be_empty = f"{_PAIRS} (may be empty: conditions = [])"
        value = self._fitting("conditions", _is_sequence, _PAIRS, if_missing=may_be_empty)
        found = [self._condition(number, entry, out_arg) for number, entry in enumerate(value or (), start=1)]
        return tuple(condition for condition in found if condition is not None)

    def _condition(self, number: int, entry: Any, out_arg: str) -> Condition | None:
        where = f"condition {number}"
        if not _is_sequence(entry) or len(entry) != 2 or not all(isinstance(part, dict) for part in entry):
            self.note(f"{where} is {shown(entry)}; expected a pair of dicts: ({{'a': [1]}}, {{'b': [2]}})")
            return None
        when, then = entry
        if not then:
            self.note(f"{where}: the second dict is empty; expected at least one option with a list of values")
            return None
        return Condition(
            self._options(when, f"{where}, first dict", out_arg, may_negate=True),
            self._options(then, f"{where}, second dict", out_arg),
        )

    def _options(
        self, listed: Mapping[Any, object], where: str, out_arg: str, may_negate: bool = False
    ) -> dict[str, Any]:
        """Check a dict of option -> list of values; Any: a list, or a Not where that is allowed."""
        checked = {}
        for name, values in listed.items():
            if not isinstance(name, str) or not _OPTION_NAME.fullmatch(name):
                self.note(f"{where}: {name!r} is no option name; expected a text such as 'lr', without dashes in front")
            elif name == out_arg:
                self.note(f"{where}: {name!r} is the output option (_OUT_ARG), which hpsearch sets itself; take it out")
            else:
                checked[name] = self._members(f"{where}: {name!r}", name, values, may_negate)
        return checked

    def _members(self, where: str, name: str, listed: object, may_negate: bool) -> list[object] | Not:
        """Return a list of values, or the Not with one."""
        if not isinstance(listed, Not):
            return self._values(where, name, listed)
        if not may_negate:
            self.note(f"{where} is {shown(listed)}; Not can only stand in the first dict of a condition")
        return Not(self._values(where, name, listed.values) if listed.values else [])

    def _values(self, where: str, name: str, listed: Any) -> list[object]:  # Any: checked here
        is_array = hasattr(listed, "tolist") and getattr(listed, "ndim", 0) > 0
        if not is_array and not isinstance(listed, (list, tuple, range)):
            self.note(f"{where} is {shown(listed)}; expected a list of values, as in [{shown(listed)}]")
            return []
        if _is_too_long(listed):
            self.note(f"{where} is {shown(listed)}; expected a list of at most {MAX_VALUES:,} values")
            return []
        values = [number_in(value) for value in (_elements(listed) if is_array else listed)]
        if not values:
            self.note(f"{where} has an empty list; expected at least one value")
        for problem in dict.fromkeys(why_not_text(value, name) for value in values):
            if problem:
                self.note(f"{where} has a value {problem}")
        return values


def _is_too_long(listed: Any) -> bool:  # Any: whatever has a length; an array of some library may have none
    try:
        return len(listed) > MAX_VALUES
    except OverflowError:
        return True
    except TypeError:
        return False


def _elements(listed: Any) -> list[Any]:  # Any: an array or a tensor of any library
    try:
        # Its elements keep their types.
        return list(listed)
    except (TypeError, ValueError, RuntimeError):
        return list(listed.tolist())


def _is_sequence(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _are_keywords(value: Any) -> bool:  # Any: checked here
    return _is_sequence(value) and all(isinstance(w, str) and w.strip() and not _SURROGATE.search(w) for w in value)


def shown(value: object) -> str:
    """Return a value for a message: one line, and not a long one, whatever its class makes of it."""
    try:
        text = " ".join(repr(value).split())
    except (Exception, SystemExit):  # noqa: BLE001  (the value may be of any class)
        text = f"an object of the class {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
