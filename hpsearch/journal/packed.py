"""Packed records of ended runs: a long search has a hundred thousand of them, and needs few of them again."""

from __future__ import annotations

import io
import zlib
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import repeat
from operator import attrgetter
from typing import Any, Generic, TypeVar

from hpsearch.startup.classes import fields

T = TypeVar("T")

#: How many objects are packed together: an object takes 50 bytes instead of 2,000, and a millisecond to take out.
PACK_SIZE = 128


class Packed(Generic[T]):
    """Objects by number, in little memory; an object that is taken out is built anew, and no longer in here."""

    def __init__(self, kinds: Sequence[type]) -> None:
        """kinds: all dataclasses that the objects are made of."""
        self._kinds = kinds
        self._packs: list[bytes] = []
        #: By number: 1 + the index of the object among all that were ever packed; 0 if it is not in here.
        self._positions = array("Q")

    def add(self, objects: Mapping[int, T]) -> None:
        """Pack `PACK_SIZE` objects or fewer."""
        import pickle  # only a search that has many needs it

        content = io.BytesIO()
        pickler = pickle.Pickler(content, pickle.HIGHEST_PROTOCOL)
        pickler.dispatch_table = self._reducers
        pickler.dump([*objects.values()])
        self._positions.extend(repeat(0, max(objects) + 1 - len(self._positions)))
        for position, number in enumerate(objects, start=PACK_SIZE * len(self._packs)):
            self._positions[number] = position + 1
        self._packs.append(zlib.compress(content.getbuffer(), 1))

    def __contains__(self, number: int) -> bool:
        return 0 <= number < len(self._positions) and self._positions[number] > 0

    def take(self, number: int) -> T | None:
        """Take an object out; return None if it is not here."""
        if number not in self:
            return None
        pack, at = divmod(self._positions[number] - 1, PACK_SIZE)
        self._positions[number] = 0
        return self._unpacked(pack)[at]

    def take_all(self) -> Iterator[tuple[int, T]]:
        """Take out all objects, with their numbers."""
        numbers = {position - 1: number for number, position in enumerate(self._positions) if position}
        for pack in range(len(self._packs)):
            for position, each in enumerate(self._unpacked(pack), start=PACK_SIZE * pack):
                if position in numbers:
                    yield numbers[position], each
        self._packs.clear()
        del self._positions[:]

    @cached_property
    def _reducers(self) -> dict[type, Callable[[Any], tuple[type, tuple[object, ...]]]]:
        # Frozen dataclasses with slots cannot be pickled as they are, and others take four times as long.
        return {kind: partial(_reduced, kind, _values_of(kind)) for kind in self._kinds}

    def _unpacked(self, pack: int) -> Sequence[T]:
        import pickle  # see above

        # Unpickling is safe: the data has never left this process.
        objects: list[T] = pickle.loads(zlib.decompress(self._packs[pack]))
        return objects


def _values_of(kind: type) -> Callable[[Any], Any]:  # Any: an object of that kind, and a tuple
    """Return a function that returns the values of all fields."""
    first, *others = [each.name for each in fields(kind)]
    return attrgetter(first, *others) if others else lambda thing: (getattr(thing, first),)


def _reduced(kind: type, values: Callable[[Any], Any], thing: Any) -> tuple[type, tuple[object, ...]]:
    """Return the class and the values to build an object anew. Any: an object of that kind, and a tuple."""
    return kind, values(thing)
