"""From grids, conditions and constraints to configurations: each once, in a fixed order; and under which seeds.

Only light imports: a plain grid of usual size needs neither a table nor numpy.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpsearch.core.coding import MAX_ROWS, CodedSpace, Judge, Order, Points, Selection, product_codes, too_many
from hpsearch.core.command import text_of
from hpsearch.core.conditions import Condition, Grid, lists_by_option
from hpsearch.core.errors import ConfigError
from hpsearch.core.space_report import value_text, values_text

if TYPE_CHECKING:
    from hpsearch.core.coding import Codes

#: The longest list that Python shuffles in less time than numpy takes to import.
_MOST_WITHOUT_NUMPY = 200_000


def enumerate_space(
    grids: Grid | Sequence[Grid],
    conditions: Sequence[Condition],
    order: Order,
    judge: Judge | None = None,
    points: Points | None = None,
) -> Selection:
    """Choose the configurations of a search.

    grids: one, or several whose union is searched; none is empty. order.limit must be given if order.sample is.
    judge: asks the constraints, if there are any. points: decide which sample is drawn, None = at random.
    Raises ConfigError if the whole list would be too long to hold, naming the options that avoid it, or if the
    constraints leave nothing.
    """
    coded = CodedSpace([grids] if isinstance(grids, Mapping) else grids, conditions)
    is_sample = order.sample
    if order.limit is not None and not order.deterministic:
        # A sample cut from the whole list would have hardly any configurations but those with a range.
        is_sample = is_sample or coded.bound > (order.limit if coded.has_ranges else order.most_listed)
    if not is_sample and coded.is_plain and judge is None and (order.deterministic or coded.grid_size <= MAX_ROWS):
        selection = _plain(coded, order)
    else:
        from hpsearch.core.space_table import from_table, sampled

        if coded.has_ranges and points is None:
            points = _RandomPoints(order.seed)
        selection = sampled(coded, order, judge, points) if is_sample else from_table(coded, order, judge)
    if not len(selection):
        tried = selection.report.tried
        among = "" if tried is None else f" that was found among {tried:,}"
        raise ConfigError(f"the constraints leave out every configuration{among}")
    return selection


class _RandomPoints:
    """Random points. As in all `Points`, their sequence does not depend on how many are drawn at a time."""

    def __init__(self, seed: int) -> None:
        import numpy as np

        self._random = np.random.RandomState(seed)

    def draw(self, count: int, sides: int) -> Codes:
        """Return the next points, see `Points`."""
        return self._random.random_sample((count, sides))


def _plain(coded: CodedSpace, order: Order) -> Selection:
    """Select from a product in which nothing has to be replaced or dropped: no table is built."""
    size = coded.grid_size
    positions: Sequence[int] = range(size)
    if not order.deterministic:
        positions = _shuffled(size, order.seed)
    if order.limit is not None:
        positions = positions[: order.limit]
    elif size > MAX_ROWS:
        raise too_many(size)
    (axes,) = coded.grids
    columns, report = list(coded.columns.values()), coded.report([], available=size)
    return Selection(columns, positions, lambda chosen: product_codes(axes, [*map(int, chosen)]), report)


def _shuffled(size: int, seed: int) -> Any:  # Any: a list, or numpy's array; used as a sequence of integers
    """Return the positions in a list in random order: the order of `numpy.random.RandomState`, without numpy."""
    if size > _MOST_WITHOUT_NUMPY:
        from hpsearch.core.space_table import shuffled

        return shuffled(size, seed)
    state = [seed]
    for index in range(1, 624):
        state.append((1812433253 * (state[-1] ^ state[-1] >> 30) + index) % 2**32)
    # Both use the generator MT19937, but Python seeds and shuffles in other ways.
    generator = random.Random()
    generator.setstate((3, (*state, 624), None))
    positions = list(range(size))
    for last in range(size - 1, 0, -1):
        mask = 2 ** last.bit_length() - 1
        while (other := generator.getrandbits(32) & mask) > last:
            pass
        positions[last], positions[other] = positions[other], positions[last]
    return positions


def check_seed_options(names: Collection[str], grids: Sequence[Grid], conditions: Sequence[Condition]) -> None:
    """Raise ConfigError if an option that gets the seed would differ between configurations, or be missing in some."""
    same = "but every configuration is run under the same seeds"
    for name in names:
        for number, condition in enumerate(conditions, start=1):
            if name in condition.when or name in lists_by_option(condition.then):
                problem = f"condition {number} names {name}, {same}"
                raise ConfigError(f"{problem}: take it out of the condition, or leave out --num_seeds")
        lacking = [number for number, grid in enumerate(grids, start=1) if name not in lists_by_option(grid)]
        if 0 < len(lacking) < len(grids):
            problem = f"grid {lacking[0]} lacks {name}, which another one has, {same}"
            raise ConfigError(f"{problem}: take it out of all grids, or give all the same first seed")


def seeds_to_run(named: Mapping[str, Sequence[object]], count: int | None, listed: Sequence[int]) -> Sequence[int]:
    """Return the seeds of a search, in order: `count` from 0 on, or those listed.

    named: the values that the grid gives each option that gets the seed. A single value is the first seed; raises
    ConfigError if it cannot be, or if there are several.
    """
    given = [(name, value) for name, values in named.items() for value in values]
    if not given:
        return listed or range(count or 0)
    option, value = given[0]
    who = "--num_seeds" if count else "--seeds_list"
    remedy = f"take {option} out of the grid"
    if len({text_of(each) for _, each in given}) > 1:
        several = " and ".join(f"{name}={values_text(values)}" for name, values in named.items() if values)
        problem = f"the grid has {several}, but {who} gives every configuration its seeds"
        raise ConfigError(f"{problem}: {remedy}, or leave one value there, the first seed")
    try:
        first = int(text_of(value))
    except ValueError:
        problem = f"the grid has {option}={value_text(value)}, which would be the first seed of {who}"
        raise ConfigError(f"{problem}: expected a whole number; or {remedy}") from None
    if count:
        return range(first, first + count)
    if first not in listed:
        raise ConfigError(f"the grid has {option}={first}, which --seeds_list lacks: add it there, or {remedy}")
    return list(dict.fromkeys((first, *listed)))
