"""The configurations of a space in numpy's arrays: the whole table after all conditions, or a sample of a huge one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpsearch.core.coding import (
    MAX_ROWS,
    Box,
    CodedSpace,
    Column,
    Judge,
    Order,
    Points,
    Selection,
    boxes_of,
    in_columns,
    split_box,
    too_many,
)
from hpsearch.core.conditions import Rule, axis_size
from hpsearch.core.space_report import RuleEffect
from hpsearch.startup.classes import replace

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: A sample is cut from the whole list if the list is at most this long, or at most this many times the sample.
_SMALL, _DENSE = 100_000, 20
#: After this many draws in a row without a new configuration, a systematic search completes the sample.
_PATIENCE = 5_000
#: The same with constraints; the fewest that are drawn at a time then.
_PATIENCE_ASKING, _BATCH_ASKING = 20_000, 1_000
#: With constraints, drawing ends after this many, plus this many for each one that they kept.
_MOST_DRAWN, _FEWEST_KEPT = 1_000_000, 1_000
#: How often constraints are asked in a systematic search.
_MOST_ASKED = 30_000
#: So much of a long list is in the processor's caches, and a position in it and one more number take two bytes.
_PART, _SEEN = 2**16 - 1, 2**16 - 1


def from_table(coded: CodedSpace, order: Order, judge: Judge | None) -> Selection:
    """Go through the whole list, apply conditions and constraints, drop duplicates, and select from what is left."""
    if coded.grid_size > MAX_ROWS:
        raise too_many(coded.grid_size)
    columns, words = list(coded.columns.values()), {name: column.words for name, column in coded.columns.items()}
    effects = [RuleEffect(rule, words) for rule in coded.rules]
    duplicates, found, left_out, size = _Duplicates(coded), [], np.zeros(0, dtype=int), 0
    ways = _Ways(coded)
    # Constraints are asked about all at once: what they do not look at is not asked twice then.
    for numbers, codes in _parts(coded, ways, effects, _PART if judge is None else coded.grid_size):
        if judge is not None:
            verdicts = judge.verdicts(columns, np.stack(codes, axis=1))
            left_out = np.bincount(verdicts, minlength=judge.count + 1)[1:]
            numbers, codes = numbers[verdicts == 0], [column[verdicts == 0] for column in codes]
        size += len(numbers)
        found.append(numbers[duplicates.new(codes)])
    positions = np.concatenate(found)[duplicates.first_of_all()]
    count, possible = len(positions), coded.possible
    reports = [effect.report(possible, never) for effect, never in zip(effects, coded.never())]
    if not order.deterministic:
        # As numbers, they need no second list: that is 40 MB for 10^7.
        np.random.RandomState(order.seed).shuffle(positions)
    chosen: Any = positions if order.limit is None else positions[: order.limit].copy()
    report = coded.report(reports, duplicates=size - count, available=count, left_out=tuple(left_out.tolist()))
    return Selection(columns, chosen, lambda numbers: _codes_at(coded, ways, numbers), report)


def shuffled(size: int, seed: int) -> Codes:
    """Return the positions of a list in random order."""
    # RandomState's streams are frozen for all versions of numpy; its successor's are not. `permutation` gives the same
    # order in twice the memory: 80 MB for 10^7.
    positions = np.arange(size, dtype=np.int32)
    np.random.RandomState(seed).shuffle(positions)
    return positions


def _parts(
    coded: CodedSpace, ways: _Ways, effects: Sequence[RuleEffect], most: int
) -> Iterator[tuple[Codes, list[Codes]]]:
    """Return the rows after all conditions, in order, for `most` of the grid at a time: numbers, codes of each column.

    numbers: see `_Ways`.
    """
    for first in range(0, coded.grid_size, most):
        positions = np.arange(first, min(first + most, coded.grid_size), dtype=np.int32)
        numbers, table = ways.numbers(positions), _grid_rows(coded, positions)
        for effect in effects:
            mask, size, digits = _matches(effect.rule, table, coded.columns), effect.rule.product_size, np.int32(0)
            effect.see(table, mask)
            if effect.rows > MAX_ROWS:
                raise too_many()
            # The product of a rule without a match may be too large for numpy's integers.
            if size > 1 and mask.any():
                source, digits = _repeated(mask, size)
                table, mask = {name: column[source] for name, column in table.items()}, mask[source]
                numbers = numbers[source]
            numbers = ways.longer(numbers, size, digits)
            _replace(effect.rule, table, mask, digits)
        yield numbers, [table[name] for name in coded.columns]


def _repeated(mask: Codes, size: int) -> tuple[Codes, Codes]:
    """Repeat the rows of a mask `size` times; return which row each one was, and which repetition it is, from 0."""
    copies = np.where(mask, np.int32(size), np.int32(1))
    source = np.repeat(np.arange(len(mask), dtype=np.int32), copies)
    # With wider integers, the numbers of the rows would be as wide.
    starts = np.cumsum(copies, dtype=np.int32) - copies
    return source, np.arange(len(source), dtype=np.int32) - starts[source]


class _Ways:
    """Tells by a number how a row comes about: its position in the grid, then a digit for each rule.

    A digit says which of the rule's product the row has; 0 if the rule did not match. So a row takes four bytes, where
    its codes would take one or more for each column.
    """

    def __init__(self, coded: CodedSpace) -> None:
        self._sizes = [rule.product_size for rule in coded.rules]
        self._type: Any = next((each for each in (np.int32, np.int64) if coded.bound <= np.iinfo(each).max), object)

    def numbers(self, listed: Sequence[int] | Codes) -> Codes:
        """Return numbers, or positions if no rule has a digit yet, in an array of integers that are wide enough."""
        # Left to itself, numpy makes floating-point numbers of a list with numbers below and above 2**63.
        return np.asarray(listed, dtype=self._type)

    def longer(self, numbers: Codes, size: int, digits: Any) -> Codes:  # Any: an array, or an integer
        """Return numbers with one more rule's digits. size: of the rule's product."""
        return numbers * size + digits if size > 1 else numbers

    def digits(self, listed: Sequence[int]) -> tuple[Codes, list[Codes]]:
        """Return the positions of some numbers, and the digits of each rule."""
        numbers = self.numbers(listed)
        found: list[Codes] = []
        for size in reversed(self._sizes):
            outer = numbers // size
            found.append((numbers - outer * size).astype(np.int64))
            numbers = outer
        return numbers.astype(np.int32), found[::-1]


def _codes_at(coded: CodedSpace, ways: _Ways, numbers: Sequence[int]) -> list[list[int]]:
    """Return for each column the codes of some rows. numbers: see `_Ways`."""
    positions, digits = ways.digits(numbers)
    table = _grid_rows(coded, positions)
    for rule, of_rule in zip(coded.rules, digits):
        _replace(rule, table, _matches(rule, table, coded.columns), of_rule)
    return [table[name].tolist() for name in coded.columns]


def _grid_rows(coded: CodedSpace, positions: Codes) -> dict[str, Codes]:
    """Return what is at some positions of the grids' products, last option varying fastest: option -> codes."""
    table, first = {name: np.zeros(len(positions), _code_type(each)) for name, each in coded.columns.items()}, 0
    for axes, size in zip(coded.grids, coded.grid_sizes):
        inside = (positions >= first) & (positions < first + size)
        here: Any = slice(None) if inside.all() else inside
        rest = positions[here] - first
        for axis in reversed(axes):
            outer = rest // axis_size(axis)
            for name, codes in axis.items():
                table[name][here] = rest - outer * axis_size(axis) + codes.start
            rest = outer
        first += size
    return table


def _replace(rule: Rule, table: dict[str, Codes], mask: Codes, digits: Any) -> None:  # Any: an array, or an integer
    """Put into matching rows what the rule says. digits: which of its product, whose last option varies fastest."""
    for axis in reversed(rule.then):
        outer = digits // axis_size(axis)
        for name, codes in axis.items():
            np.copyto(table[name], digits - outer * axis_size(axis) + codes.start, casting="unsafe", where=mask)
        digits = outer


def _code_type(column: Column) -> Any:  # Any: one of numpy's integer types
    return np.min_scalar_type(len(column.values))


def _matches(rule: Rule, table: Mapping[str, Codes], columns: Mapping[str, Column]) -> Codes:
    """Return which rows a rule matches: truth values of shape (rows,)."""
    mask = np.ones(len(next(iter(table.values()))), dtype=bool)
    for name, codes in rule.when.items():
        is_match = np.zeros(len(columns[name].values), dtype=bool)
        is_match[list(codes)] = True
        mask &= is_match[table[name]]
    return mask


class _Duplicates:
    """Finds the rows that are the first with their command, by one number for the words of a command, or several."""

    def __init__(self, coded: CodedSpace) -> None:
        self._words: list[list[Codes]] = [[]]
        self._keys = 1
        for column in coded.columns.values():
            # An option of every grid is never absent, and only flags that are off have no word, either: for seven
            # options with ten values, that halves the memory.
            is_in_all = all(any(column.name in axis for axis in axes) for axes in coded.grids)
            least = int(is_in_all and 0 not in column.words[1:])
            if self._keys * column.word_count >= 2**62:
                self._words.append([])
                self._keys = 1
            self._words[-1].append((np.array(column.words) - least) * self._keys)
            self._keys *= column.word_count - least
        self._is_compact = len(self._words) == 1 and self._keys <= 4 * coded.grid_size + 1_000_000
        #: By key: `_SEEN`, or what was written last. Two bytes each, and most of them are near each other in one part.
        self._last = np.zeros(self._keys if self._is_compact else 0, dtype=np.uint16)
        self._all_keys: list[list[Codes]] = [[] for _ in self._words]

    def _keys_of(self, codes: Sequence[Codes]) -> Iterator[Codes]:
        columns = iter(codes)
        for group in self._words:
            kind = np.int32 if self._is_compact else np.int64
            key = np.zeros(len(codes[0]), dtype=kind)
            for words in group:
                key += words.astype(kind)[next(columns)]
            yield key

    def new(self, codes: Sequence[Codes]) -> Any:  # Any: what selects rows
        """Return which of these rows are the first with their command; all of them if only `first_of_all` can tell."""
        for earlier, key in zip(self._all_keys, keys := list(self._keys_of(codes))):
            earlier += [] if self._is_compact else [key]
        if not self._is_compact:
            return slice(None)
        parts = range(0, max(1, len(keys[0])), _PART)
        return np.concatenate([first + self._new_in_part(keys[0][first : first + _PART]) for first in parts])

    def _new_in_part(self, key: Codes) -> Codes:
        new = np.flatnonzero(self._last[key] != _SEEN)
        key, positions = key[new], np.arange(len(new), dtype=np.uint16)
        # The last write to an entry stays; going backwards, that is the first row.
        self._last[key[::-1]] = positions[::-1]
        is_first = self._last[key] == positions
        self._last[key] = _SEEN
        return np.asarray(new[is_first])

    def first_of_all(self) -> Any:  # Any: see above
        """Return which of all rows that `new` has returned are the first with their command."""
        self._last = self._last[:0]
        if self._is_compact:
            return slice(None)
        key, *others = [np.concatenate(parts) for parts in self._all_keys]
        for other in others:
            # Number the keys that occur: there are at most as many as rows.
            key, other = (np.unique(each, return_inverse=True)[1].reshape(-1) for each in (key, other))
            key = key * (int(other.max(initial=0)) + 1) + other
        return np.sort(np.unique(key, return_index=True)[1])


def sampled(coded: CodedSpace, order: Order, judge: Judge | None, points: Points | None = None) -> Selection:
    """Draw distinct configurations: as many as `order.limit`, which is given, or all if those are fewer.

    points: decide which are drawn; None = at random.
    """
    wanted = order.limit
    assert wanted is not None
    columns, everything = list(coded.columns.values()), None
    most = _SMALL if points is not None else min(MAX_ROWS, max(_SMALL, _DENSE * wanted))
    if coded.bound <= most and not coded.has_ranges:
        # Few enough to look at all. Not with ranges: a configuration with a range would count a thousand times.
        everything = from_table(coded, replace(order, deterministic=False, sample=False, limit=None), judge)
    sample = _Sample(columns, wanted, order.seed, judge, points)
    if everything is not None:
        if points is not None:
            sample.draw(coded.grids, coded.weights, coded.rules, _PATIENCE, _Listed(columns, everything))
        sample.take_in(everything.rows())
        report = everything.report
    else:
        patience = _PATIENCE if judge is None else _PATIENCE_ASKING
        sample.draw(coded.grids, coded.weights, coded.rules, patience, judge)
        is_complete = sample.is_full or sample.search(coded)
        report = coded.report(None, tried=None if is_complete else sample.tried)
    rows = list(sample.found.values())
    if order.deterministic:
        rows.sort(key=tuple)
    return Selection(columns, range(len(rows)), lambda chosen: [*zip(*map(rows.__getitem__, chosen))], report)


def _command_words(columns: Sequence[Column], row: Sequence[int]) -> tuple[int, ...]:
    return tuple([column.words[code] for column, code in zip(columns, row)])


def _sides(box: Box) -> int:
    """Return how many lists of a box leave a choice."""
    return sum(axis_size(axis) > 1 for axis in box)


class _Listed:
    """Stands in for the constraints: keeps the configurations that are in a list."""

    def __init__(self, columns: Sequence[Column], everything: Selection) -> None:
        self._listed = {_command_words(columns, row) for row in everything.rows()}

    def verdicts(self, columns: Sequence[Column], rows: Codes) -> Codes:
        return np.array([_command_words(columns, row) not in self._listed for row in rows.tolist()], dtype=int)


class _Dice:
    """Chooses at random."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.RandomState(seed)

    def throw(self, count: int, sides: int) -> None:
        """Begin with `count` new choices."""

    def grids(self, shares: Codes, count: int) -> Codes:
        """Return the number of a grid for each choice, from 0; there are two grids or more."""
        return np.asarray(self._random.choice(len(shares), count, p=shares))

    def positions(self, side: int, size: int, mask: Codes) -> Codes:
        """Return a position in a list of this size for each choice in the mask. side: number of the list."""
        return self._random.randint(0, size, int(mask.sum()))


class _Cube:
    """Chooses by points of a cube: each side stands for a list, the first one for the choice among several grids."""

    def __init__(self, points: Points) -> None:
        self._points, self._drawn = points, np.zeros((0, 0))

    def throw(self, count: int, sides: int) -> None:
        """Begin with `count` new choices."""
        self._drawn = self._points.draw(count, sides)

    def grids(self, shares: Codes, count: int) -> Codes:
        """Return the number of a grid for each choice, from 0."""
        return np.asarray(np.searchsorted(np.cumsum(shares)[:-1], self._drawn[:, 0], side="right"))

    def positions(self, side: int, size: int, mask: Codes) -> Codes:
        """Return a position in a list of this size for each choice in the mask. side: number of the list."""
        if size == 1:
            return np.zeros(int(mask.sum()), dtype=int)
        return np.asarray(np.minimum((self._drawn[mask, side] * size).astype(np.int64), size - 1))


class _Sample:
    """Gathers distinct configurations from products that may be huge.

    found: rows by their command words. tried: how many were looked at.
    """

    def __init__(
        self, columns: Sequence[Column], wanted: int, seed: int, judge: Judge | None, points: Points | None = None
    ) -> None:
        self._columns, self._wanted, self._judge = columns, wanted, judge
        self._dice = _Dice(seed)
        self._choice: _Dice | _Cube = self._dice if points is None else _Cube(points)
        self.found: dict[tuple[int, ...], Sequence[int]] = {}
        self.tried = 0

    @property
    def is_full(self) -> bool:
        """True if there are as many as are wanted."""
        return len(self.found) >= self._wanted

    def take_in(self, rows: Iterable[Sequence[int]]) -> None:
        """Take in rows until there are enough."""
        for row in rows:
            if self.is_full:
                return
            self.found.setdefault(_command_words(self._columns, row), row)

    def draw(
        self,
        boxes: Sequence[Box],
        weights: Sequence[int],
        rules: Sequence[Rule],
        patience: int,
        judge: Judge | _Listed | None = None,
    ) -> None:
        """Draw rows until there are enough, or new ones no longer turn up. weights: how often each box is used."""
        # As shares of 1: the weights may be too large for numpy's integers.
        total, misses = sum(weights), 0
        shares = np.array([weight / total for weight in weights])
        while not self.is_full and misses < patience:
            if judge is not None and self.tried >= _MOST_DRAWN + _FEWEST_KEPT * len(self.found):
                return
            batch = max(64 if judge is None else _BATCH_ASKING, self._wanted - len(self.found))
            drawn = self._drawn_rows(boxes, shares, rules, batch)
            if judge is not None:
                self.tried += batch
                drawn = drawn[judge.verdicts(self._columns, drawn) == 0]
            before = len(self.found)
            self.take_in(drawn.tolist())
            misses = misses + batch if len(self.found) == before else 0

    def _drawn_rows(self, boxes: Sequence[Box], shares: Codes, rules: Sequence[Rule], count: int) -> Codes:
        """Draw points of the boxes; where conditions turn a point into several configurations, draw one of these.

        All boxes use the same sides of a point for their lists, since a row belongs to one box only.
        """
        table = {column.name: np.zeros(count, _code_type(column)) for column in self._columns}
        first = int(len(boxes) > 1)
        side = first + max(map(_sides, boxes))
        self._choice.throw(count, side + sum(_sides(rule.then) for rule in rules))
        chosen = self._choice.grids(shares, count) if first else np.zeros(count, dtype=int)
        for number in np.unique(chosen):
            self._fill(table, chosen == number, boxes[number], first)
        for rule in rules:
            mask = _matches(rule, table, {column.name: column for column in self._columns})
            self._fill(table, mask, rule.then, side)
            side += _sides(rule.then)
        return np.stack([table[column.name].astype(np.int64) for column in self._columns], axis=1)

    def _fill(self, table: Mapping[str, Codes], mask: Codes, box: Box, side: int) -> None:
        """Put drawn points of a product into the rows of a mask. side: of its first list."""
        for axis in box:
            size = axis_size(axis)
            positions = self._choice.positions(side, size, mask)
            side += size > 1
            for name, codes in axis.items():
                table[name][mask] = codes.start + positions if isinstance(codes, range) else np.array(codes)[positions]

    def search(self, coded: CodedSpace) -> bool:
        """Take in rows until there are enough, or no others exist; return False if others may exist.

        The rows that a set of conditions leads to are a union of boxes (products of lists of codes), so a few rows that
        hide in a huge grid are found without walking through the grid: each step is a new row or one already found.
        """
        boxes = (box for grid in coded.grids for box in boxes_of(in_columns(grid, self._columns), coded.rules))
        if self._judge is None:
            self._take_all(boxes)
            return True
        kept, is_complete = self._kept(boxes, self._judge)
        if not is_complete:
            self.draw(coded.grids, coded.weights, coded.rules, _MOST_DRAWN, self._judge)
        if kept:
            # Random as far as possible: in order, all rows would be neighbours.
            self._choice = self._dice
            self.draw(kept, [math.prod(map(axis_size, box)) for box in kept], (), _PATIENCE)
            self._take_all(kept)
        return is_complete or self.is_full

    def _take_all(self, boxes: Iterable[Box]) -> None:
        """Take in the rows of some boxes, in the order of the columns, until there are enough."""
        position = {column.name: number for number, column in enumerate(self._columns)}
        for box in boxes:
            axes = sorted(box, key=lambda axis: position[next(iter(axis))])
            for points in itertools.product(*(self._one_of_each(axis) for axis in axes)):
                codes = dict(itertools.chain.from_iterable(points))
                self.take_in([[codes[name] for name in position]])
                if self.is_full:
                    return

    def _one_of_each(self, axis: Mapping[str, Sequence[int]]) -> list[tuple[tuple[str, int], ...]]:
        """Return the points of an axis as (option, code) pairs; of points with the same command words, the first."""
        words = [column.words for name in axis for column in self._columns if column.name == name]
        first: dict[tuple[int, ...], tuple[tuple[str, int], ...]] = {}
        for codes in zip(*axis.values()):
            first.setdefault(tuple([each[code] for each, code in zip(words, codes)]), tuple(zip(axis, codes)))
        return list(first.values())

    def _kept(self, boxes: Iterator[Box], judge: Judge) -> tuple[list[Box], bool]:
        """Return boxes that the constraints keep as a whole, and whether these are all.

        An answer about one row holds for all rows that have the same values in the options it depends on.
        """
        waiting, kept, asked = list[Box](), list[Box](), 0
        while waiting or (waiting := list(itertools.islice(boxes, _BATCH_ASKING))):
            if asked >= _MOST_ASKED:
                return kept, False
            batch, waiting = waiting[-_BATCH_ASKING:], waiting[:-_BATCH_ASKING]
            firsts = [{name: codes[0] for axis in box for name, codes in axis.items()} for box in batch]
            rows = np.array([[first[column.name] for column in self._columns] for first in firsts])
            asked += len(batch)
            self.tried += len(batch)
            for box, first, (number, names) in zip(batch, firsts, judge.reasons(self._columns, rows)):
                for name in names:
                    same, others = split_box(box, name, {first[name]})
                    waiting += [others] * bool(others)
                    box = same
                kept += [box] * (number == 0)
        return kept, True
