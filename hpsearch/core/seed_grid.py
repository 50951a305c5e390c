"""One configuration under several seeds: which seeds are to be run, and the grid that runs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.core.command import argument, is_flag
from hpsearch.core.conditions import Condition
from hpsearch.core.ranking import number_of

#: The option that varies together with the seed if that is wanted.
DATA_SEED_OPTION = "data_random_seed"


def missing_seeds(listed: Sequence[int], count: int, gathered: Collection[int]) -> list[int]:
    """Return which seeds have to be run, in order.

    listed: the wanted seeds; if empty, seeds from 0 on until there are `count`.
    gathered: the seeds that are there already.
    """
    if listed:
        return [seed for seed in dict.fromkeys(listed) if seed not in gathered]
    wanted = max(0, count - len(gathered))
    return [seed for seed in range(wanted + len(gathered)) if seed not in gathered][:wanted]


def seed_grid(
    options: Mapping[str, object], seed_option: str, seeds: Sequence[int], vary_data_seed: bool
) -> tuple[dict[str, list[object]], tuple[Condition, ...]]:
    """Return grid and conditions of a search that runs one configuration with several seeds.

    vary_data_seed: the data gets the seed of the run.
    """
    grid: dict[str, list[object]] = {name: [value] for name, value in options.items()}
    grid[seed_option] = list(seeds)
    if not vary_data_seed:
        return grid, ()
    return grid, tuple(Condition({seed_option: [seed]}, {DATA_SEED_OPTION: [seed]}) for seed in seeds)


def seed_of(options: Mapping[str, object], seed_option: str) -> int | None:
    """Return the seed that a configuration has; None if it does not say."""
    try:
        return int(str(options[seed_option]))
    except (KeyError, ValueError):
        return None


def differences(
    left: Mapping[str, object], right: Mapping[str, object], but: Iterable[str], with_flags: bool, with_all: bool
) -> dict[str, tuple[str, str]]:
    """Return the options in which the commands of two configurations differ: name -> what each of them gives.

    Options that only one of them has are left out, except for these. but: options left out in any case.
    with_flags: a flag that one of them lacks is off there. with_all: both are whole commands, so all options count.
    """
    either = {**left, **right}
    names = [name for name in either if name not in set(but)]
    compared = [
        name for name in names if with_all or (name in left and name in right) or (with_flags and is_flag(either[name]))
    ]
    shown = {name: (_given(name, left), _given(name, right)) for name in compared}
    return {name: pair for name, pair in shown.items() if not _is_same(*pair)}


def _given(name: str, options: Mapping[str, object]) -> str:
    return (name in options and argument(name, options[name])) or f"no --{name}"


def _is_same(left: str, right: str) -> bool:
    """Return whether two words of a command say the same; ``--lr=0.10`` is ``--lr=0.1``."""
    if left == right:
        return True
    numbers = [number_of(word.partition("=")[2]) for word in (left, right)]
    return None not in numbers and numbers[0] == numbers[1]
