"""What a grid or a condition gives an option, checked: a list of values, a range, the entries of a tie, a Not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hpsearch.core.conditions import MAX_VALUES, Not, Range
from hpsearch.core.value_text import plain_scalar, why_not_text


class OptionLists:
    """Reads the values given to an option. `where` tells messages where they stand."""

    def __init__(self, note: Callable[[str], None]) -> None:
        """note: called with every mistake."""
        self._note = note

    def values(self, where: str, name: str, listed: object) -> Sequence[object]:
        """Return the values that an option takes: a list, or a range."""
        if isinstance(listed, Not):
            self._note(f"{where} is {shown(listed)}; Not can only stand in the first dict of a condition")
            return []
        if isinstance(listed, type) and issubclass(listed, Range):
            listed = listed(None, None)
        if isinstance(listed, Range):
            if expected := listed.problem():
                self._note(f"{where} is {shown(listed)}; expected {expected}")
            return [] if expected else listed
        return self._texts(where, name, self._listed(where, listed))

    def matching(self, where: str, name: str, listed: object) -> Sequence[object] | Not:
        """Return the values that a condition matches, or the Not with the values that it does not match."""
        if isinstance(listed, Not):
            return Not(self.values(where, name, listed.values) if listed.values else [])
        return self.values(where, name, listed)

    def tied(self, where: str, names: tuple[Any, ...], listed: object) -> list[tuple[object, ...]]:
        """Return the entries of a tie: a value for each of its options. names: perhaps not texts (so Any)."""
        if len(names) < 2:
            self._note(f"{where} ties nothing together; expected two names or more, or one name without brackets")
            return []
        if isinstance(listed, Range):
            self._note(f"{where} is {shown(listed)}; a tie needs a list of tuples, so a range cannot stand there")
            return []
        entries = [_elements(each) if _is_array(each) else each for each in self._listed(where, listed)]
        for entry in [each for each in entries if not is_sequence(each) or len(each) != len(names)][:1]:
            self._note(f"{where} has {shown(entry)}; expected tuples of {len(names)} values, one for each option")
            return []
        return list(zip(*(self._texts(where, str(name), each) for name, each in zip(names, zip(*entries)))))

    def _listed(self, where: str, listed: Any) -> list[Any]:  # Any: checked here
        is_array = _is_array(listed)
        if not is_array and not isinstance(listed, (list, tuple, range)):
            example = "list(...)" if hasattr(listed, "__next__") else f"[{shown(listed)}]"
            self._note(f"{where} is {shown(listed)}; expected a list of values, as in {example}")
            return []
        if _is_too_long(listed):
            self._note(f"{where} is {shown(listed)}; expected a list of at most {MAX_VALUES:,} values")
            return []
        values = _elements(listed) if is_array else list(listed)
        if not values:
            self._note(f"{where} has an empty list; expected at least one value")
        return values

    def _texts(self, where: str, name: str, listed: Iterable[object]) -> list[object]:
        """Return the values of an option; notes each value that a command line cannot carry."""
        values = [plain_scalar(value) for value in listed]
        for value in [each for each in values if isinstance(each, Range)][:1]:
            self._note(f"{where} has {shown(value)} in its list; a range stands alone, as in {name!r}: {shown(value)}")
            return []
        for problem in dict.fromkeys(why_not_text(value, name) for value in values):
            if problem:
                self._note(f"{where} has a value {problem}")
        return values


def _is_too_long(listed: Any) -> bool:  # Any: whatever has a length; an array of some library may have none
    try:
        return len(listed) > MAX_VALUES
    except OverflowError:
        return True
    except TypeError:
        return False


def _is_array(listed: Any) -> bool:  # Any: an array or a tensor of any library, or no such thing
    return hasattr(listed, "tolist") and getattr(listed, "ndim", 0) > 0


def _elements(listed: Any) -> list[Any]:  # Any: an array or a tensor of any library
    try:
        # So the elements keep their types.
        return list(listed)
    except (TypeError, ValueError, RuntimeError):
        return list(listed.tolist())


def is_sequence(value: object) -> bool:
    """Return whether a value is a list or a tuple."""
    return isinstance(value, (list, tuple))


def shown(value: object) -> str:
    """Return a value for a message: one short line, whatever its class prints."""
    try:
        text = " ".join(repr(value).split())
    except (Exception, SystemExit):  # noqa: BLE001  (the value may be of any class)
        text = f"an object of the class {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
