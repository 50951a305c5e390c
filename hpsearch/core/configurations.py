"""Which runs make up one configuration: those whose commands differ only in options that repeat it, such as a seed."""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from typing import TypeVar

from hpsearch.core.command import argument

T = TypeVar("T")


def identity(options: Mapping[str, object], over: Collection[str]) -> Hashable:
    """Return what the runs of one configuration share: the words of their commands, but for the options in `over`.

    over: the options that repeat a configuration, and the output option where `options` has it.
    """
    words = (argument(name, value) for name, value in options.items() if name not in over)
    return frozenset(word for word in words if word is not None)


def by_configuration(
    runs: Iterable[T], options_of: Callable[[T], Mapping[str, object]], over: Collection[str]
) -> list[list[T]]:
    """Return the runs of each configuration; configurations and their runs in order of first appearance."""
    groups: dict[Hashable, list[T]] = {}
    for run in runs:
        groups.setdefault(identity(options_of(run), over), []).append(run)
    return list(groups.values())
