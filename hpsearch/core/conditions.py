"""What a grid module says about configurations: options and ties, ranges, conditions, constraints."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar

from hpsearch.core.command import is_flag
from hpsearch.core.errors import ConfigError
from hpsearch.startup.classes import dataclass

#: A longer list of values for one option is a mistake, such as ``range(10**9)``; it would fill the memory.
MAX_VALUES = 1_000_000
#: How many values stand for a range; their significant digits, usually and at most (where two would look alike).
RANGE_SIZE, _DIGITS, _MOST_DIGITS = 1_000, 4, 17

#: An option, or several that are tied: the entries of its list have a value for each.
Key = str | tuple[str, ...]
#: Option or tie -> its values, or tuples of values.
Grid = Mapping[Key, Sequence[object]]
#: Options whose values change together, usually just one: name -> codes, the same number for each.
Axis = Mapping[str, range]
#: A user's f(configuration) -> True = keep.
Constraint = Callable[[dict[str, object]], object]


def key_in(text: str) -> Key:
    """Return a key of a grid that is written as a text: an option, or ``a,b`` for a tie."""
    return tuple(name.strip() for name in text.split(",")) if "," in text else text


def names_in(key: Key) -> tuple[str, ...]:
    """Return the options that a key of a grid names."""
    return (key,) if isinstance(key, str) else key


def lists_by_option(grid: Grid) -> dict[str, Sequence[object]]:
    """Return the values that a grid lists for each option, tied options included."""
    return {name: each for axis in axes_of(grid) for name, each in axis.items()}


def axes_of(grid: Grid) -> list[dict[str, Sequence[object]]]:
    """Return what a grid combines: for each key, its options with their values, the same number for each."""
    return [{key: values} if isinstance(key, str) else dict(zip(key, zip(*values))) for key, values in grid.items()]


@dataclass(frozen=True, repr=False)
class Range(Sequence[float]):
    """Numbers from `low` to `high`, both included; at most 1,000 of them are tried.

    low, high: as the user wrote them, perhaps not numbers (so Any): see `problem`. word: the name of the class in JSON.
    """

    low: Any
    high: Any
    word: ClassVar[str] = ""

    def problem(self) -> str:
        """Return what was expected instead of these bounds; empty if they make a range; only then it has values."""
        try:
            numbers = [float(bound) for bound in (self.low, self.high) if _is_number(bound)]
        except OverflowError:
            numbers = [math.inf]
        if not all(map(math.isfinite, numbers)):
            return "finite numbers"
        if len(numbers) < 2:
            return f"two numbers, as in {type(self).__name__}(1, 10)"
        return "" if self.low < self.high else "two different numbers, the smaller one first"

    def covers(self, value: object) -> bool:
        """Return whether a value is a number between the bounds, tried or not."""
        return _is_number(value) and bool(self.low <= value <= self.high)

    @abstractmethod
    def _exact(self) -> Sequence[float]:
        """Return the values before they are rounded, in order."""

    @cached_property
    def _values(self) -> Sequence[float]:
        exact = self._exact()
        low, high = exact[0], exact[-1]
        for digits in (*range(_DIGITS, _MOST_DIGITS), None):
            between = (value if digits is None else _rounded(value, digits) for value in exact[1:-1])
            values = list(dict.fromkeys((low, *(value for value in between if low < value < high), high)))
            if len(values) == len(exact):
                break
        return values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:  # Any: a position or a slice, and what is there
        return self._values[index]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.low!r}, {self.high!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"low": self.low, "high": self.high}


class Uniform(Range):
    """In place of a list of values: any number from `low` to `high`, as in ``Uniform(0, 0.5)``."""

    word = "uniform"

    def _exact(self) -> Sequence[float]:
        # Not low + share * (high - low): the difference of two floats may overflow.
        return [float(self.low) * (1 - share) + float(self.high) * share for share in _shares()]


class LogUniform(Range):
    """Like `Uniform`, with equal chances for equal ratios, as in ``LogUniform(1e-5, 1e-1)``."""

    word = "log_uniform"

    def problem(self) -> str:
        """Return what was expected instead of these bounds."""
        return super().problem() or ("" if self.low > 0 else "numbers above 0")

    def _exact(self) -> Sequence[float]:
        low, high = math.log(self.low), math.log(self.high)
        between = (math.exp(low * (1 - share) + high * share) for share in _shares()[1:-1])
        return [float(self.low), *between, float(self.high)]


class IntUniform(Range):
    """Like `Uniform`, with whole numbers only, as in ``IntUniform(1, 16)``: all of them, up to 1,000."""

    word = "int_uniform"

    def problem(self) -> str:
        """Return what was expected instead of these bounds."""
        is_whole = not super().problem() and self.low == int(self.low) and self.high == int(self.high)
        return super().problem() or ("" if is_whole else "whole numbers")

    def covers(self, value: object) -> bool:
        """Return whether a value is a whole number between the bounds."""
        return super().covers(value) and value == int(value)  # type: ignore[call-overload]

    def _exact(self) -> Sequence[float]:
        low, high = int(self.low), int(self.high)
        if high - low < RANGE_SIZE:
            return range(low, high + 1)
        return [low + step * (high - low) // (RANGE_SIZE - 1) for step in range(RANGE_SIZE)]


RANGES: tuple[type[Range], ...] = (LogUniform, Uniform, IntUniform)


def _shares() -> list[float]:
    return [step / (RANGE_SIZE - 1) for step in range(RANGE_SIZE)]


def _rounded(value: float, digits: int) -> float:
    """Return a number with this many significant digits."""
    if isinstance(value, int):
        return round(value, digits - len(str(abs(value))))
    return float(f"{value:.{digits - 1}e}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def ranges_in(grid: Grid) -> list[str]:
    """Return the options of a grid that have a range in place of a list."""
    return [name for name, values in grid.items() if isinstance(name, str) and isinstance(values, Range)]


def size_without_ranges(grids: Iterable[Grid]) -> int:
    """Return how many configurations some grids give by their lists, ranges not counted."""
    lists = ([values for values in grid.values() if not isinstance(values, Range)] for grid in grids)
    return sum(math.prod(map(len, each)) for each in lists)


class Not:
    """In the ``if`` part of a condition: every value but these.

    Example: ``({'optimizer': Not(['sgd'])}, {'momentum': [0]})``.
    """

    def __init__(self, values: Iterable[object]) -> None:
        if isinstance(values, (str, bytes, Range)):
            raise TypeError(f"Not expects a list of values, as in Not([{values!r}]), and got {values!r}")
        self.values = list(itertools.islice(values, MAX_VALUES + 1))
        if len(self.values) > MAX_VALUES:
            raise ValueError(f"Not expects a list of at most {MAX_VALUES:,} values, and got more")

    def __repr__(self) -> str:
        return f"Not({self.values!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Not) and other.values == self.values

    __hash__ = None  # type: ignore[assignment]  # a list inside: as unhashable as a list


@dataclass(frozen=True)
class Condition:
    """Configurations that match `when` are replaced by the product of `then`."""

    #: A range matches every number between its bounds.
    when: Mapping[str, Sequence[object] | Not]
    then: Grid


@dataclass(frozen=True)
class Rule:
    """A condition in codes. when: option -> codes that match. then: axes whose product replaces a matching row.

    number: of the condition among all, from 1.
    """

    number: int
    condition: Condition
    when: Mapping[str, frozenset[int]]
    then: Sequence[Axis]

    @property
    def product_size(self) -> int:
        """How many rows replace each matching one."""
        return math.prod(map(axis_size, self.then))

    @property
    def replaced(self) -> dict[str, range]:
        """The new codes of each option that the condition changes."""
        return {name: codes for axis in self.then for name, codes in axis.items()}


def axis_size(axis: Mapping[str, Sequence[int]]) -> int:
    """Return how many values, or entries of a tie, an axis has."""
    return len(next(iter(axis.values())))


class Members:
    """The values that one option of a condition lists, with a fast test for membership by ``==``."""

    def __init__(self, listed: Sequence[object] | Not) -> None:
        self._range = listed if isinstance(listed, Range) else None
        self._negated = isinstance(listed, Not)
        self._values = listed.values if isinstance(listed, Not) else list(listed)
        self._hashable = {value for value in self._values if _is_hashable(value)}
        self._others = [value for value in self._values if not _is_hashable(value)]

    def __contains__(self, value: object) -> bool:
        if self._range is not None:
            return self._range.covers(value)
        # A hashable value may equal an unhashable one (a frozenset and a set): ask both.
        is_hashable = _is_hashable(value)
        others = self._others if is_hashable else self._values
        is_listed = (is_hashable and value in self._hashable) or any(equal(value, other) for other in others)
        return is_listed != self._negated


def equal(left: object, right: object) -> bool:
    """Return whether two option values are equal; arrays are equal if their shapes and all elements are."""
    if left is right:
        return True
    try:
        return bool(left == right)
    except (TypeError, ValueError, RuntimeError):
        # Comparing an array gives an array of answers, or raises.
        import numpy as np

        try:
            return bool(np.array_equal(np.asarray(left), np.asarray(right)))
        except (TypeError, ValueError, RuntimeError):
            return False


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def verdict(constraints: Sequence[Constraint], fresh: Callable[[], dict[str, object]]) -> int:
    """Return the number of the first constraint that leaves a configuration out, from 1; 0 if all keep it.

    fresh: makes a new copy of the configuration for each constraint, which may change its copy.
    Raises ConfigError if a constraint answers something else than True, False, 1 or 0. What a constraint raises passes.
    """
    for number, constraint in enumerate(constraints, start=1):
        answer = constraint(fresh())
        if not (is_flag(answer) or (isinstance(answer, int) and answer in (0, 1))):
            shown = " ".join(repr(answer).split())[:40]
            raise ConfigError(f"constraint {number} returned {shown}; expected True (keep) or False")
        if not answer:
            return number
    return 0


class Watched(dict[str, object]):
    """A configuration that notes which options a constraint looks at; the others cannot change its answer.

    names: all options. read: the options looked at are added here.
    """

    def __init__(self, options: Iterable[tuple[str, object]], names: Iterable[str], read: dict[object, None]) -> None:
        super().__init__(options)
        self.names, self.read = names, read


def _noting(method: str, is_of_one: bool) -> Callable[..., Any]:  # Any: as the method of dict
    original = getattr(dict, method)

    def noting(self: Watched, *arguments: object, **named: object) -> object:
        self.read.update(dict.fromkeys(arguments[:1] if is_of_one else self.names))
        return original(self, *arguments, **named)

    return noting


for _method in ("__getitem__", "__contains__", "get"):
    setattr(Watched, _method, _noting(_method, is_of_one=True))
# Every other method of a dict looks at all options. What copies a dict (**configuration, dict(configuration), json)
# calls these methods only where __iter__ is not dict's own.
for _method in ("iter len eq ne repr or ror ior reversed setitem delitem").split():
    setattr(Watched, f"__{_method}__", _noting(f"__{_method}__", is_of_one=False))
for _method in ("keys", "values", "items", "copy", "pop", "popitem", "setdefault", "update", "clear"):
    setattr(Watched, _method, _noting(_method, is_of_one=False))
