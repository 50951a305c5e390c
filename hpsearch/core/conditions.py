"""Conditions of a grid: which configurations they match, what they replace them with."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: A longer list of values for one option is a mistake, such as ``range(10**9)``; it would fill the memory.
MAX_VALUES = 1_000_000


class Not:
    """In the ``if`` part of a condition: every value but these.

    Example: ``({'optimizer': Not(['sgd'])}, {'momentum': [0]})``.
    """

    def __init__(self, values: Iterable[object]) -> None:
        if isinstance(values, (str, bytes)):
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

    when: Mapping[str, Sequence[object] | Not]
    then: Mapping[str, Sequence[object]]


@dataclass(frozen=True)
class Rule:
    """A condition in terms of codes: option -> codes that match, option -> codes that replace.

    number: of the condition among all, from 1.
    """

    number: int
    condition: Condition
    when: Mapping[str, frozenset[int]]
    then: Mapping[str, range]

    @property
    def product_size(self) -> int:
        """How many rows replace each matching one."""
        return math.prod(len(codes) for codes in self.then.values())


class Members:
    """The values that one option of a condition lists, with a fast test for membership by ``==``."""

    def __init__(self, listed: Sequence[object] | Not) -> None:
        self._negated = isinstance(listed, Not)
        self._values = listed.values if isinstance(listed, Not) else list(listed)
        self._hashable = {value for value in self._values if _is_hashable(value)}
        self._others = [value for value in self._values if not _is_hashable(value)]

    def __contains__(self, value: object) -> bool:
        # A frozenset, which is hashable, equals a set, which is not: ask both.
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
        # An array compared with something gives an array of answers, or does not let itself be compared.
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
