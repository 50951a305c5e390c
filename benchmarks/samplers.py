"""How many runs a sampler starts until one of a real grid's best 1 % is among them, against random search and Optuna.

The scores come from precomputed tables, and each configuration takes its own time. ``--repeats=5`` shows roughly how
good a sampler is; 50 tell samplers apart.
"""

from __future__ import annotations

import argparse
import functools
import heapq
import math
import multiprocessing
import os
import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from _measure import answer
from _tables import Table, load, make, names

GOAL = 0.5
SIGNIFICANT = 0.05
WIDTH = 24
#: How often Optuna is asked for a configuration that has not run yet; after that, one is drawn at random.
MOST_ASKED = 10


class Search(Protocol):
    """Chooses the configurations of one search, by their places in the table."""

    def suggest(self, scores: dict[int, list[float]], pending: list[int]) -> int:
        """Return a configuration that is in neither. scores: by configuration that has ended; empty if it failed."""


class Planned:
    """Takes configurations in an order settled beforehand."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = iter(order)

    def suggest(self, scores: dict[int, list[float]], pending: list[int]) -> int:
        return int(next(self._order))


class Ours:
    """Asks a sampler of hpsearch, as a search does."""

    def __init__(self, sampler: str, table: Table, seed: int) -> None:
        from hpsearch.samplers.sampler import new_sampler

        self._sampler = new_sampler(sampler, table.candidates)
        self._seed = seed

    def suggest(self, scores: dict[int, list[float]], pending: list[int]) -> int:
        from hpsearch.samplers.candidates import Observed

        number = len(scores) + len(pending)
        suggestion = self._sampler.suggest(Observed(scores, pending), 10_000 * self._seed + number)
        assert suggestion is not None
        return suggestion.candidate


class Optuna:
    """Asks Optuna as its users do: categorical options, conditions by `if`; after a duplicate, it is asked again.

    A duplicate of an ended run gets that run's score, as Optuna's FAQ advises; it is not counted.
    """

    def __init__(self, table: Table, seed: int) -> None:
        import numpy as np
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._optuna, self._table = optuna, table
        self._study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        self._places = {frozenset(each.options): place for place, each in enumerate(table.configurations)}
        self._trials: dict[int, Any] = {}  # Any: Optuna's trials
        self._untold: set[int] = set()
        self._chance = np.random.default_rng(seed)

    def suggest(self, scores: dict[int, list[float]], pending: list[int]) -> int:
        for place in [place for place in self._untold if place in scores]:
            self._untold.remove(place)
            self._tell(self._trials[place], scores[place])
        for _ in range(MOST_ASKED):
            trial = self._study.ask()
            place = self._places[frozenset(self._options(trial).items())]
            if place not in self._trials:
                return self._started(place, trial)
            self._tell(trial, scores.get(place, []))
        unseen = [place for place in range(len(self._places)) if place not in self._trials]
        return self._started(int(self._chance.choice(unseen)), self._study.ask())

    def _started(self, place: int, trial: Any) -> int:
        self._trials[place] = trial
        self._untold.add(place)
        return place

    def _tell(self, trial: Any, scores: list[float]) -> None:
        if scores:
            self._study.tell(trial, scores[0])
        else:
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)

    def _options(self, trial: Any) -> dict[str, object]:
        options = {name: trial.suggest_categorical(name, values) for name, values in self._table.grid.items()}
        for when, then in self._table.conditions:
            if all(options.get(name) in values for name, values in when.items()):
                options.update({name: trial.suggest_categorical(name, values) for name, values in then.items()})
        return options


def random_search(table: Table, seed: int) -> Search:
    """Return a search in random order."""
    import numpy as np

    return Planned(np.random.default_rng(seed).permutation(len(table.configurations)))


def sobol_search(table: Table, seed: int) -> Search:
    """Return a search by quasi-random points."""
    from hpsearch.core.coding import Order
    from hpsearch.samplers.sobol import SobolPoints

    places = {configuration.options: place for place, configuration in enumerate(table.configurations)}
    order = Order(seed=seed, limit=len(places), sample=True)
    points = SobolPoints(seed)
    return Planned([places[each.options] for each in make.configurations(table.name, order, points)])


#: The compared searches by name. The last, Optuna's sampler through hpsearch, is left out unless it is asked for.
SEARCHES: dict[str, Callable[[Table, int], Search]] = {
    "random": random_search,
    "sobol": sobol_search,
    "Optuna TPE": Optuna,
    "bayes": functools.partial(Ours, "bayes"),
    "optuna": functools.partial(Ours, "optuna"),
}


def runs_until_top(table: Table, search: Search, seed: int, places: int) -> int:
    """Return how many runs are started until one is among the best. They take unequally long.

    places: how many run at once. seed: gives each configuration its score (that of one of the table's seeds) and how
    long it takes.
    """
    import numpy as np

    chance = np.random.default_rng([seed, 1])
    count, seeds = table.scores.shape
    found = table.scores[np.arange(count), chance.integers(seeds, size=count)]
    lengths = chance.lognormal(0, 0.5, count)
    scores: dict[int, list[float]] = {}
    started: dict[int, None] = {}
    at_work: list[tuple[float, int]] = []
    now = 0.0
    while True:
        while len(at_work) < places:
            pending = [place for place in started if place not in scores]
            place = search.suggest({place: scores[place] for place in started if place in scores}, pending)
            assert place not in started, f"{place} is suggested twice"
            started[place] = None
            if table.top[place]:
                return len(started)
            heapq.heappush(at_work, (now + lengths[place], place))
        now, place = heapq.heappop(at_work)
        scores[place] = [float(found[place])] if math.isfinite(found[place]) else []


@functools.lru_cache
def loaded(name: str) -> Table:
    """Return a table, read once in each process."""
    return load(name)


Case = tuple[str, int, str]


def measured(case: Case, repeat: int) -> int:
    """Return the number of runs in one repeat. case: table, runs at once, sampler."""
    name, places, sampler = case
    table = loaded(name)
    return runs_until_top(table, SEARCHES[sampler](table, repeat), repeat, places)


def p_value(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """Return the p-value of the two-sided Mann-Whitney test."""
    ranked = sorted([*ours, *theirs])
    ranks = {value: ranked.index(value) + (ranked.count(value) + 1) / 2 for value in ranked}
    first, both = len(ours), len(ranked)
    ties = sum(ranked.count(value) ** 3 - ranked.count(value) for value in ranks)
    variance = first * (both - first) / 12 * (both + 1 - ties / (both * (both - 1)))
    off = abs(sum(ranks[value] for value in ours) - first * (both + 1) / 2)
    return 2 * (1 - statistics.NormalDist().cdf(off / math.sqrt(variance))) if variance else 1.0


def print_row(name: str, places: int, counts: dict[str, list[int]]) -> None:
    """Print what each sampler needed on a table: the median, and the mean in brackets."""
    table = loaded(name)
    cells = (f"{statistics.median(each):g} ({statistics.mean(each):.1f})" for each in counts.values())
    row = (f"{name} x{places}", f"{table.top.sum()} of {len(table.top)}", *cells)
    print(*(f"{cell:<{WIDTH}}" for cell in row), remark(counts), flush=True)


def remark(counts: dict[str, list[int]]) -> str:
    """Return whether ours differs from Optuna by more than chance explains."""
    if not {"bayes", "Optuna TPE"} <= counts.keys():
        return ""
    ours, theirs = counts["bayes"], counts["Optuna TPE"]
    p = p_value(ours, theirs)
    if p >= SIGNIFICANT:
        return ""
    return f"bayes {'worse' if statistics.mean(ours) > statistics.mean(theirs) else 'better'} than Optuna, p {p:.2g}"


def print_ratios(counts: dict[Case, list[int]], places: int) -> None:
    """Print each sampler's mean as a share of what random search needs on average: the geometric mean over tables."""
    tables = sorted({name for name, at_once, _ in counts if at_once == places})
    for sampler in dict.fromkeys(sampler for *_, sampler in counts):
        shares = [statistics.mean(counts[name, places, sampler]) / expected_at_random(loaded(name)) for name in tables]
        ratio, details = statistics.geometric_mean(shares), f"{min(shares):.2f} to {max(shares):.2f} by table"
        what = f"{sampler} / random, {places} at once"
        if sampler == "random":
            continue
        if sampler == "bayes":
            answer(what, ratio, GOAL, details)
        else:
            print(f"{what}: ratio {ratio:.2f}; {details}", flush=True)


def expected_at_random(table: Table) -> float:
    """Return how many runs a random search starts on average until it finds one of the best."""
    return (len(table.top) + 1) / (int(table.top.sum()) + 1)


def parsed() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--places", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--tables", nargs="+", default=names(), choices=names())
    parser.add_argument("--samplers", nargs="+", default=list(SEARCHES)[:-1], choices=list(SEARCHES))
    return parser.parse_args()


def main() -> None:
    """Print a line for each table, then the ratios."""
    # numpy's libraries read these when a process of the pool first imports them.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    options = parsed()
    samplers = list(dict.fromkeys(["random", *options.samplers]))
    counts: dict[Case, list[int]] = {}
    print(*(f"{title:<{WIDTH}}" for title in ("table x runs at once", "top cells", *samplers)))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for places in options.places:
            for name in options.tables:
                cases = [(name, places, sampler) for sampler in samplers for _ in range(options.repeats)]
                found = pool.starmap(measured, zip(cases, [*range(options.repeats)] * len(samplers)), chunksize=1)
                for case, runs in zip(cases, found):
                    counts.setdefault(case, []).append(runs)
                print_row(name, places, {sampler: counts[name, places, sampler] for sampler in samplers})
            print_ratios(counts, places)


if __name__ == "__main__":
    main()
