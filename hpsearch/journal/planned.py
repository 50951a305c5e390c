"""Runs that are planned together, kept as a table of small integers; a run is made when it is asked for."""

from __future__ import annotations

import binascii
import bisect
import os
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from hpsearch.core.model import Configuration, Run
from hpsearch.journal.packed import PACK_SIZE, Packed
from hpsearch.startup.classes import dataclass, replace

if TYPE_CHECKING:
    from hpsearch.core.coding import Column

#: Most runs of one block, which is a line of the journal: a damaged line loses no more.
MOST_RUNS = 10_000
#: The largest codes that take one byte, and two.
_MOST_IN_BYTE, _MOST_IN_TWO = 2**8 - 1, 2**16 - 1

#: An option's name and value; runs share these pairs.
Pair = tuple[str, object]
T = TypeVar("T")


@dataclass(frozen=True)
class RunBlock:
    """Runs with consecutive numbers.

    stem: how the names of their folders begin; `width` digits follow. parent: the folder that holds these folders, as
    the simulation gets it. options: for each option, in order, the pairs that runs may have. codes: for each option,
    which pair each run has, from 1 on; 0 = none.
    """

    first: int
    stem: str
    width: int
    parent: str
    options: Sequence[Sequence[Pair]]
    codes: Sequence[Sequence[int]]

    @cached_property
    def numbers(self) -> range:
        """The numbers of the runs."""
        return range(self.first, self.first + len(self.codes[0]))

    def run(self, number: int) -> Run:
        """Return the run with a number."""
        at = number - self.first
        return self._run(
            number, [pairs[code - 1] for pairs, codes in zip(self.options, self.codes) if (code := codes[at])]
        )

    def runs(self) -> Iterator[Run]:
        """Return all runs, made one by one."""
        return map(self._run, self.numbers, self.options_as(lambda name, value: (name, value)))

    def options_as(self, as_wanted: Callable[[str, object], T]) -> Iterator[Iterable[T]]:
        """Return for each run what a function makes of its options; None and empty results are left out.

        The function is called once for each option and value: calling it for each run would take ten times as long.
        """
        columns = [[None, *(as_wanted(*pair) for pair in pairs)] for pairs in self.options]
        rows = zip(*(map(column.__getitem__, codes) for column, codes in zip(columns, self.codes)))
        return (filter(None, row) for row in rows)

    def numbered(self, before: str, after: str = "") -> Iterator[str]:
        """Return for each run a text with its number in it, written as in the name of its folder."""
        width = self.width
        return (f"{before}{number:0{width}d}{after}" for number in self.numbers)

    @cached_property
    def out_stem(self) -> str:
        """The output folder of each run (see `Run`) without the number at its end."""
        # Not a Path, which would turn "./x" into "x".
        return os.path.join(self.parent, self.stem)  # noqa: PTH118

    def _run(self, number: int, options: Iterable[Pair]) -> Run:
        digits = f"{number:0{self.width}d}"
        return Run(number, self.stem + digits, Configuration(tuple(options)), self.out_stem + digits)


def parent_of(out_dir: str) -> str:
    """Return the folder in which a run has its output folder."""
    # A Path for each of many runs would take long.
    return os.path.dirname(out_dir)  # noqa: PTH120


def block_of(
    first: int, stem: str, width: int, parent: str, columns: Sequence[Column], codes: Sequence[Sequence[int]]
) -> RunBlock:
    """Return runs from the codes of a `Selection`, with the options that these runs use."""
    options, renamed = list[Sequence[Pair]](), list[Sequence[int]]()
    for column, listed in zip(columns, codes):
        used = sorted({*listed} - {0})
        if used:
            new_code = {0: 0, **{code: number for number, code in enumerate(used, start=1)}}
            options.append([column.options[code] for code in used])
            renamed.append(array(_code_type(len(used)), map(new_code.__getitem__, listed)))
    return RunBlock(first, stem, width, parent, options, renamed)


def packed(codes: Sequence[Sequence[int]], sizes: Sequence[int]) -> str:
    """Return codes as text, option by option. sizes: the largest possible code of each option."""
    content = b"".join(_little(array(_code_type(size), listed)).tobytes() for size, listed in zip(sizes, codes))
    # The lowest level takes a quarter of the default's time; codes in random order hardly get smaller with the default.
    return binascii.b2a_base64(zlib.compress(content, 1), newline=False).decode("ascii")


def unpacked(text: str, count: int, sizes: Sequence[int]) -> list[Sequence[int]]:
    """Return the codes that `packed` was given, `count` for each option. Raises ValueError if it cannot be."""
    types = [_code_type(size) for size in sizes]
    whole = sum(count * array(kind).itemsize for kind in types)
    try:
        content = zlib.decompressobj().decompress(binascii.a2b_base64(text), whole + 1)
    except (zlib.error, binascii.Error) as error:
        raise ValueError(f"its codes cannot be read ({error})") from error
    if len(content) != whole:
        raise ValueError(f"its codes are {len(content)} bytes; expected {whole}")
    columns, at = list[Sequence[int]](), 0
    for kind, size in zip(types, sizes):
        codes = array(kind)
        codes.frombytes(content[at : (at := at + count * codes.itemsize)])
        columns.append(codes := _little(codes))
        if max(codes) > size:
            raise ValueError(f"it names value {max(codes)} of an option with {size}")
    return columns


def _code_type(most: int) -> str:
    """Return the array module's type code for integers up to this one."""
    return "B" if most <= _MOST_IN_BYTE else "H" if most <= _MOST_IN_TWO else "I"


def _little(codes: array[int]) -> array[int]:
    """Return codes with their bytes in the order of journals (little-endian), or back."""
    if sys.byteorder == "big":
        codes.byteswap()
    return codes


class _Making(dict[int, T]):
    """Makes missing entries. As a dict, it finds an entry in a tenth of the time that a method takes."""

    def __init__(self, make: Callable[[int], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, number: int) -> T:
        made = self[number] = self._make(number)
        return made


class Runs(Mapping[int, T]):
    """What is known of each run, by its number; for a run planned in a block, it is made when it is asked for."""

    def __init__(self, make: Callable[[Run], T], kinds: Sequence[type]) -> None:
        """Begin without runs. make: returns what is known of a run that is only planned. kinds: see `Packed`."""
        self._make = make
        self._blocks: list[RunBlock] = []
        #: The block of the last call: the next run is mostly in the same block.
        self._latest: RunBlock | None = None
        self._known: dict[int, T] = _Making(self._make_again)
        self._packed = Packed[T](kinds)
        self._size = 0
        #: The largest number of a run; 0 without runs.
        self.last = 0
        #: True if `_known` has all runs, in order.
        self._is_whole = True

    def __getitem__(self, number: int) -> T:
        return self._known[number]

    def _make_again(self, number: int) -> T:
        packed = self._packed.take(number)
        return self._make_planned(number) if packed is None else packed

    def _make_planned(self, number: int) -> T:
        block = self._latest
        if block is None or number not in block.numbers:
            block = self._latest = self._block_of(number)
        if block is None:
            raise KeyError(number)
        return self._make(block.run(number))

    def __setitem__(self, number: int, known: T) -> None:
        """Replace what is known of a run, or add a run that is planned alone."""
        if number not in self:
            self._size += 1
            self.last = max(self.last, number)
        self._packed.take(number)
        self._known[number] = known

    def __contains__(self, number: object) -> bool:
        return number in self._known or (isinstance(number, int) and self._block_of(number) is not None)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[int]:
        return iter(self._known) if self._is_whole else (each for numbers, _ in self.parts() for each in numbers)

    def add_block(self, block: RunBlock) -> None:
        """Add runs that are planned together. Raises ValueError if one of them is there already."""
        numbers = block.numbers
        is_new = numbers[0] > self.last or not any(number in self for number in numbers)
        if not is_new:
            raise ValueError(f"one of the runs {numbers[0]} to {numbers[-1]} is planned already")
        bisect.insort(self._blocks, block, key=lambda each: each.first)
        self._size += len(numbers)
        self.last = max(self.last, numbers[-1])
        self._is_whole = False

    def move_blocks(self, before: str, after: str) -> None:
        """Change the folder in which runs have their output folders, for those that were never asked for."""
        self._blocks = [
            replace(block, parent=after) if parent_of(block.out_stem) == before else block for block in self._blocks
        ]
        self._latest = None

    def pack(self, numbers: Iterable[int]) -> None:
        """Keep the records of some runs in little memory until they are needed, which then takes longer.

        Whoever holds a reference to such a record has a copy from now on, which is not updated. Runs that are planned
        alone stay as they are.
        """
        of_blocks = [number for number in numbers if number in self._known and self._block_of(number) is not None]
        for first in range(0, len(of_blocks), PACK_SIZE):
            self._packed.add({number: self._known.pop(number) for number in of_blocks[first : first + PACK_SIZE]})
            self._is_whole = False

    def has_all(self, numbers: Iterable[int]) -> bool:
        """Return whether there are runs with all these numbers."""
        # Not the difference of sets: that goes through all runs, whereas a journal asks for a few of them at a time.
        return all(number in self for number in numbers)

    def is_made(self, number: int) -> bool:
        """Return whether a run was ever asked for."""
        return number in self._known or number in self._packed

    def made(self) -> list[T]:
        """Return what is known of the runs that were ever asked for, in order; all others are only planned."""
        self._known.update(self._packed.take_all())
        return [self._known[number] for number in (self._known if self._is_whole else sorted(self._known))]

    @property
    def by_number(self) -> Mapping[int, T]:
        """What is known of the runs that were ever asked for; looking up another run makes it."""
        return self._known

    def all(self) -> Iterable[T]:
        """Return what is known of all runs, in order; from now on, `made` has all of them."""
        if not self._is_whole:
            self._known.update(self._packed.take_all())
            known = {number: self._known[number] for number in self}
            self._known.clear()
            self._known.update(known)
            self._is_whole = True
        return self._known.values()

    def parts(self) -> list[tuple[Sequence[int], RunBlock | None]]:
        """Return the numbers of all runs, in order: block by block, and in between, runs without a block one by one."""
        alone = {*self._known}.difference(*(block.numbers for block in self._blocks))
        parts: list[tuple[Sequence[int], RunBlock | None]] = [([number], None) for number in alone]
        parts += [(block.numbers, block) for block in self._blocks]
        return sorted(parts, key=lambda part: part[0][0])

    def _block_of(self, number: int) -> RunBlock | None:
        at = bisect.bisect_right(self._blocks, number, key=lambda each: each.first) - 1
        return self._blocks[at] if at >= 0 and number in self._blocks[at].numbers else None
