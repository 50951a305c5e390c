"""``--race``: which configurations get more seeds, and which are dropped because they are worse than the best.

Configurations are compared once all that are still in the race have the same number of seeds, by these seeds only. So
neither the number of slots, nor how long runs take, nor a kill in between changes what is dropped.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import islice

from hpsearch.choosers.chooser import Choice
from hpsearch.config.options import SearchOptions, options_from_names
from hpsearch.console.text import amount
from hpsearch.core.configurations import identity, missing_seeds, seed_in, with_seed
from hpsearch.core.model import Configuration, RunState
from hpsearch.core.statistics import FEWEST_FOR_TEST, Spread, mean_text, spread_of, worse_p
from hpsearch.folder.run_tables import option_texts, options_text, result_of, varying_options
from hpsearch.journal.events import ConfigurationDropped
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.startup.classes import dataclass, replace
from hpsearch.store.live import LiveSearch

#: How many seeds may end without a result before their configuration is dropped.
_MOST_FAILURES = 3


def _is_number(result: float | None) -> bool:
    return result is not None and not math.isnan(result)


@dataclass(frozen=True)
class Contender:
    """What is known of one configuration in a race.

    results: for its seeds, in the order in which it got them; NaN = no result (the run failed, or gave no number),
    None = not known yet. left: the seeds that it can still get, in order.
    dropped_after: the number of seeds after which it was dropped; None = it is still in the race.
    """

    results: Sequence[float | None]
    left: Sequence[int] = ()
    dropped_after: int | None = None

    @property
    def failures(self) -> int:
        """How many seeds have no result."""
        return sum(result is not None and not _is_number(result) for result in self.results)

    def knows(self, seeds: int) -> bool:
        """Return whether the runs of its first `seeds` seeds have ended, or of all its seeds if it can get no more."""
        first = self.results[:seeds]
        return None not in first and (len(first) == seeds or not self.left)


@dataclass(frozen=True)
class Drop:
    """Why a configuration is dropped: too many failures, or the probability of being this much worse by chance.

    index, best: which configurations, among all.
    """

    index: int
    p: float | None = None
    own: Spread | None = None
    best: int = 0
    against: Spread | None = None


def drops_after(seeds: int, contenders: Sequence[Contender], p: float, ascending: bool) -> list[Drop] | None:
    """Return the configurations to drop by the results of their first seeds; None if some are not known yet.

    p: a configuration is dropped if a one-sided Welch's t-test against the best mean gives less. ascending: small is
    good.
    """
    # One that was dropped later was still in the race at this number of seeds.
    racing = [k for k, one in enumerate(contenders) if one.dropped_after is None or one.dropped_after >= seeds]
    if not all(contenders[k].knows(seeds) for k in racing):
        return None
    first = {k: Contender(contenders[k].results[:seeds]) for k in racing}
    failed = [k for k in racing if first[k].failures >= _MOST_FAILURES]
    known = {k: spread for k in racing if k not in failed and (spread := spread_of(first[k].results))}
    enough = [k for k, spread in known.items() if spread.count >= FEWEST_FOR_TEST and not math.isnan(spread.mean)]
    drops = [Drop(k) for k in failed]
    if enough:
        best = min(enough, key=lambda k: known[k].mean if ascending else -known[k].mean)
        found = {k: chance for k in enough if (chance := worse_p(known[best], known[k], ascending)) is not None}
        drops += [Drop(k, chance, known[k], best, known[best]) for k, chance in found.items() if chance < p]
    return [drop for drop in sorted(drops, key=lambda drop: drop.index) if contenders[drop.index].dropped_after is None]


def coming_seeds(contenders: Sequence[Contender], ascending: bool) -> Iterator[tuple[int, int]]:
    """Yield (index, seed) of the next runs: configurations with the fewest seeds first, then the better ones.

    The first ones are certain to run; the later ones only if slots are free before the results of the first are known.
    Nothing comes once at most one configuration is left.
    """
    racing = [(k, one) for k, one in enumerate(contenders) if one.dropped_after is None]
    lanes = [_lane(k, one, ascending) for k, one in racing if one.failures < _MOST_FAILURES]
    return ((k, seed) for _, _, k, seed in heapq.merge(*lanes if len(racing) > 1 else ()))


def _lane(index: int, one: Contender, ascending: bool) -> Iterator[tuple[int, float, int, int]]:
    """Yield all seeds that a configuration can still get, each with its sort key in front."""
    spread, had = spread_of(one.results), len(one.results)
    mean = math.inf if spread is None or math.isnan(spread.mean) else spread.mean if ascending else -spread.mean
    return ((had + more, mean, index, seed) for more, seed in enumerate(one.left))


class Racers:
    """The configurations of a search and the runs that each has under a seed, in order of first appearance."""

    def __init__(self, record: SearchRecord, options: SearchOptions) -> None:
        """options: of the search, with the options that get the seed, and the seeds."""
        self._record, self._options, self._grouped = record, options, 0
        self._listed = options.listed_seeds
        self._by_identity: dict[Hashable, list[tuple[int | None, RunRecord]]] = {}

    @property
    def _groups(self) -> list[list[tuple[int | None, RunRecord]]]:
        over = self._options.seed_options
        for entry in islice(self._record, self._grouped, None):
            options = entry.run.configuration.as_dict()
            self._by_identity.setdefault(identity(options, over), []).append((seed_in(options, over), entry))
        self._grouped = len(self._record.runs)
        return list(self._by_identity.values())

    def runs(self, index: int) -> list[RunRecord]:
        """Return all runs of a configuration."""
        return [entry for _, entry in self._groups[index]]

    def contenders(self) -> list[Contender]:
        """Return what is known of each configuration."""
        return [self._contender(group) for group in self._groups]

    def _contender(self, group: Sequence[tuple[int | None, RunRecord]]) -> Contender:
        key = self._record.known_settings().performance_key
        by_seed: dict[int, list[float | None]] = {}
        for seed, entry in group:
            if seed is not None:
                by_seed.setdefault(seed, []).append(result_of(entry, key))
        # Among several runs with the same seed, the first one with a result counts.
        results = [next(filter(_is_number, found), None if None in found else math.nan) for found in by_seed.values()]
        left = missing_seeds(self._listed, self._options.seed_count, by_seed)
        drops = (entry.dropped.seeds for _, entry in group if entry.dropped is not None)
        return Contender(results, left, next(drops, None))

    def configuration(self, index: int, seed: int) -> Configuration:
        """Return a configuration under a seed."""
        options = self._groups[index][0][1].run.configuration.as_dict()
        return Configuration(tuple(with_seed(options, self._options.seed_options, seed).items()))

    def coming(self, contenders: Sequence[Contender], most_seeds: int | None = None) -> Iterator[Configuration]:
        """Yield the next runs, within ``--max_runs``. most_seeds: limit for each configuration; None = no limit."""
        if most_seeds is not None:
            contenders = [replace(one, left=one.left[: max(0, most_seeds - len(one.results))]) for one in contenders]
        most = self._options.max_runs
        room = None if most == -1 else max(0, most - len(self._record.runs))
        coming = coming_seeds(contenders, self._record.known_settings().sort_ascending)
        return (self.configuration(index, seed) for index, seed in islice(coming, room))


class Race:
    """Chooses the next seeds in a search that races; see `Chooser`."""

    def __init__(
        self, search: LiveSearch, options: SearchOptions, tell: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        """tell: called with a message for each dropped configuration. clock: returns seconds since the epoch."""
        self._search, self._options, self._tell, self._clock = search, options, tell, clock
        self._racers, self._seeds = Racers(search.record, options), FEWEST_FOR_TEST

    def has_more(self) -> bool:
        """Drop configurations that are worse than the best, and return whether more runs come."""
        return any(True for _ in self.coming())

    def expected(self) -> int:
        """Return 0: the number depends on results."""
        return 0

    def coming(self) -> Iterator[Choice]:
        """Drop configurations that are worse than the best, and yield the next runs."""
        ascending = self._search.settings.sort_ascending
        while True:
            contenders = self._racers.contenders()
            if self._seeds > max((len(one.results) for one in contenders), default=0):
                break
            drops = drops_after(self._seeds, contenders, self._options.race_p, ascending)
            if drops is None:
                break
            for drop in drops:
                self._note(drop)
            self._seeds += 1
        return map(Choice, self._racers.coming(contenders))

    def _note(self, drop: Drop) -> None:
        runs = self._racers.runs(drop.index)
        if drop.own is None or drop.against is None:
            # Resuming the search runs these again, and then the configuration may be back in the race.
            failed = [entry for entry in runs if entry.result.state is not RunState.FINISHED]
            runs, why = failed or runs, f"{_MOST_FAILURES} of its seeds gave no result"
        else:
            better = f"{mean_text(drop.against)} of run {self._racers.runs(drop.best)[0].run.number}"
            why = f"{mean_text(drop.own)} is worse than {better} (p {drop.p:.2g})"
        numbers = [entry.run.number for entry in runs]
        event = ConfigurationDropped(numbers, self._clock(), self._seeds, drop.p, why)
        self._search.note_happened(event, durable=True)
        self._tell(drop_text(event, self._search.record))


def drop_text(drop: ConfigurationDropped, record: SearchRecord) -> str:
    """Say which configuration was dropped, and why."""
    names = [name for name in varying_options(record) if name not in record.over]
    text = options_text(option_texts(record.runs[drop.runs[0]], names))
    return f"{text or f'run {drop.runs[0]}'} dropped after {drop.seeds} seeds: {drop.why}"


def may_go_on(record: SearchRecord) -> bool:
    """Return whether more runs may come in a race, going by the drops noted so far."""
    racers = Racers(record, options_from_names(record.options))
    return any(True for _ in racers.coming(racers.contenders()))


def race_lines(record: SearchRecord) -> list[str]:
    """Say how far a race is."""
    options = options_from_names(record.options)
    contenders = Racers(record, options).contenders()
    count, out, runs = len(contenders), len(record.drops), sum(len(one.results) for one in contenders)
    left = f"{count - out:,} of {amount(count, 'configuration')} left, {out:,} dropped"
    most = count * options.seed_count
    most = most if options.max_runs == -1 else min(most, options.max_runs)
    # Seeds added without the race may exceed its limit.
    of = f" of at most {most:,}" if runs <= most else ""
    return [f"race: {left}; {amount(runs, 'run')}{of}"]
