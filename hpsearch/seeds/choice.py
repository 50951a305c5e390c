"""Pure rules: which configurations of a search are repeated, and which seeds each lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from hpsearch.console.text import amount
from hpsearch.core.configurations import missing_seeds
from hpsearch.core.ranking import Mean, best_means
from hpsearch.folder.run_tables import ranges
from hpsearch.seeds.runs import SeedRun, counted
from hpsearch.startup.classes import dataclass

Options = Mapping[str, object]
T = TypeVar("T")


def changed(options: Options, left_out: Collection[str], forced: Options) -> dict[str, object]:
    """Return the options for repetitions of a run; forced options that the run lacked come last."""
    return {**{name: value for name, value in options.items() if name not in left_out}, **forced}


def best_configurations(
    groups: Sequence[tuple[int, Sequence[T]]], number: Callable[[T], float | None], ascending: bool
) -> list[Mean[T]]:
    """Return the configurations by their means, best first; those with at most half of the seeds come last.

    groups: (number of seeds, including coming ones; finished runs) of each configuration. Those with most seeds were
    chosen before, and a repeated call must find them again. number: returns a finished run's number.
    """
    most = max((size for size, _ in groups), default=0)
    many, few = ([each for size, each in groups if (2 * size <= most) is is_few] for is_few in (False, True))
    return [*best_means(many, number, ascending), *best_means(few, number, ascending)]


@dataclass(frozen=True)
class SeedsLeft:
    """What one configuration lacks.

    finished: the number of finished seeds. again: unfinished runs to run again; new: seeds without a run.
    """

    finished: int
    again: Sequence[SeedRun]
    new: Sequence[int]

    @property
    def seeds(self) -> list[int]:
        """All seeds to be run, in order."""
        return sorted([*self.new, *(run.seed for run in self.again if run.seed is not None)])


def seeds_left(runs: Sequence[SeedRun], listed: Sequence[int], count: int) -> SeedsLeft:
    """Return which seeds a configuration lacks. runs: all its runs; listed, count: as for `missing_seeds`."""
    finished = {run.seed for run in counted(runs) if run.seed is not None}
    unfinished = {run.seed: run for run in reversed(runs) if run.summary is None and run.seed is not None}
    missing = missing_seeds(listed, count, finished)
    again = [unfinished[seed] for seed in missing if seed in unfinished]
    return SeedsLeft(len(finished), again, [seed for seed in missing if seed not in unfinished])


def seeds_text(finished: int, seeds: Sequence[int], starts: bool) -> str:
    """Say what is about to be done.

    finished: the number of finished seeds. seeds: the seeds to run. starts: they are run now.
    """
    have = "has" if finished == 1 else "have"
    if not seeds:
        return f"Nothing to run: {'all ' if finished > 1 else ''}{amount(finished, 'seed')} {have} finished"
    which = f"{amount(len(seeds), 'seed')} ({ranges(seeds)})"
    rest = f"; {finished} {have} finished" if finished else ""
    return f"{'Running' if starts else 'To be run:'} {which}{rest}"
