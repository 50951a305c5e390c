"""Which options matter: shares of the variance on a complete grid, else an estimate by Optuna's PED-ANOVA."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from statistics import fmean, median, quantiles
from threading import Thread
from typing import Any

from hpsearch.startup.classes import dataclass, replace

#: With fewer runs (exact) or configurations (estimated), or fewer than two per option, shares would be chance.
_FEWEST = 8
#: The estimate looks at what the best tenth has in common, or the best five if these are more, at most half of all.
_BEST, _FEWEST_BEST, _MOST_BEST = 0.1, 5, 0.5
#: Optuna takes 0.3 ms for each configuration; more would change shares by at most a few percent.
_MOST_ESTIMATED = 1000
#: A value this many interquartile ranges from the median would decide everything.
_FAR = 100
#: Words that occur less often than this on average (file names, say) are among the best by chance.
_FEWEST_PER_WORD = 4
#: The number of equal groups into which the estimate divides the numbers of an option that some runs lack.
_GROUPS = 5


@dataclass(frozen=True)
class Importance:
    """How much each option decides about the performance.

    runs: the number of finished runs behind it. method: exact, ped-anova, or empty if nothing can be said.
    complete: whether every combination of values was run. shares: option -> 0..1, largest first. together: the share
    that no option explains by itself. chance: the share by which runs of one configuration differ; None = not known,
    and part of `together` then. is_ranked: shares are about the values' ranks. text: what this means, or why there is
    nothing.
    """

    key: str
    runs: int
    method: str = ""
    complete: bool = False
    shares: tuple[tuple[str, float], ...] = ()
    together: float = 0.0
    chance: float | None = None
    is_ranked: bool = False
    text: str = ""

    def as_json(self) -> dict[str, Any]:  # Any: whatever JSON can hold
        """Return what the page shows."""
        return {
            "key": self.key,
            "runs": self.runs,
            "method": self.method,
            "complete": self.complete,
            "shares": [[name, round(share, 6)] for name, share in self.shares],
            "together": round(self.together, 6),
            "chance": None if self.chance is None else round(self.chance, 6),
            "ranked": self.is_ranked,
            "text": self.text,
        }


@dataclass(frozen=True)
class _Factor:
    """A varying option: the code of its value in each configuration.

    codes: 0, 1, ... in the order of the values, if they are numbers; the last one means "none" if `has_none`.
    """

    codes: list[int]
    size: int
    are_numbers: bool
    has_none: bool


@dataclass(frozen=True)
class _Table:
    """Configurations. values: each one's runs' values, scaled between -2 and 2, or ranks; means: of these."""

    options: Mapping[str, _Factor]
    values: list[list[float]]
    means: list[float]
    runs: int
    is_ranked: bool

    @property
    def is_complete(self) -> bool:
        """Whether every combination of values exists."""
        return len(self.means) == math.prod(option.size for option in self.options.values())


def importance_of(
    columns: Mapping[str, Sequence[object]], performance: Sequence[float | None], key: str, larger: bool = True
) -> Importance:
    """Return how much options decide about a performance.

    columns: option -> its value in each finished run, None if the run lacks the option (its condition does not hold).
    Seed options are left out, so that runs that differ in nothing else show the effect of chance.
    performance: of each finished run; None = it has none and does not count; NaN counts as the worst.
    larger: whether large values are good.
    """
    counted = [run for run, value in enumerate(performance) if value is not None]
    values = [value for value in performance if value is not None]
    table = _table({name: [cells[run] for run in counted] for name, cells in columns.items()}, values, larger)
    why_not = _why_nothing(table)
    if why_not:
        return _nothing(key, table, why_not)
    return _exact(table, key) if table.is_complete else _estimated(table, key, larger)


def _why_nothing(table: _Table) -> str:
    """Return why the importance cannot be computed; empty if it can."""
    if not table.options:
        return "no option varies among the finished runs"
    needed = max(_FEWEST, 2 * len(table.options))
    if table.runs < needed:
        return f"that takes {needed} finished runs with a value, and there are {table.runs}"
    if len({value for values in table.values for value in values}) == 1:
        return "all values are equal"
    return ""


def _nothing(key: str, table: _Table, why_not: str) -> Importance:
    text = f"Nothing can be said about which options decide about {key}: {why_not}."
    return Importance(key, table.runs, complete=table.is_complete, text=text)


def _table(columns: Mapping[str, Sequence[object]], values: Sequence[float], larger: bool) -> _Table:
    """Return the configurations of runs with these values."""
    is_ranked = _need_ranks(values)
    codes = {name: _codes(cells) for name, cells in columns.items() if len(set(cells)) > 1}
    groups: dict[tuple[int, ...], list[float]] = {}
    rows = zip(*codes.values()) if codes else ((),) * len(values)
    for row, value in zip(rows, _ranks(values, larger) if is_ranked else _scaled(values)):
        groups.setdefault(row, []).append(value)
    options = {name: _factor(columns[name], [row[index] for row in groups]) for index, name in enumerate(codes)}
    return _Table(options, list(groups.values()), [fmean(group) for group in groups.values()], len(values), is_ranked)


def _codes(cells: Sequence[object]) -> list[int]:
    """Return the index of each cell's value among the distinct values: numbers by size, None last."""
    present: list[Any] = [cell for cell in dict.fromkeys(cells) if cell is not None]  # Any: only numbers are sorted
    if _are_numbers(present):
        present.sort()
    indexes = {value: index for index, value in enumerate([*present, None])}
    return [indexes[cell] for cell in cells]


def _factor(cells: Sequence[object], codes: list[int]) -> _Factor:
    distinct = set(cells)
    return _Factor(codes, len(distinct), _are_numbers(distinct - {None}), None in distinct)


def _are_numbers(values: Iterable[object]) -> bool:
    return all(isinstance(value, int | float) and value == value for value in values)


def _need_ranks(values: Sequence[float]) -> bool:
    """Return whether some values are so extreme, or NaN, that variances would show nothing else."""
    if not all(map(math.isfinite, values)):
        return True
    if len(values) < _FEWEST:
        return False
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    low, _, high = quantiles(values)
    # If more than half of the values are equal, the others tell the usual distance.
    usual = (high - low) or median([distance for distance in distances if distance] or [0.0])
    return max(distances) > _FAR * usual


def _ranks(values: Sequence[float], larger: bool) -> list[float]:
    """Return the rank of each value from 0 on, smallest first; equal values share their mean rank."""
    worst = -math.inf if larger else math.inf
    known = [worst if math.isnan(value) else value for value in values]
    ranks = [0.0] * len(known)
    first = 0
    for _, equal in groupby(sorted(range(len(known)), key=known.__getitem__), key=known.__getitem__):
        tied = list(equal)
        for run in tied:
            ranks[run] = first + (len(tied) - 1) / 2
        first += len(tied)
    return ranks


def _scaled(values: Sequence[float]) -> list[float]:
    """Shift and scale values so that squares neither overflow nor lose digits."""
    largest = max(map(abs, values), default=0.0) or 1.0
    middle = median(values) / largest if values else 0.0
    return [value / largest - middle for value in values]


def _exact(table: _Table, key: str) -> Importance:
    """Return shares of the variance over all runs, each configuration with the same weight."""
    between = _variance(table.means)
    is_repeated = min(map(len, table.values)) > 1
    within = fmean(map(_variance, table.values)) if is_repeated else 0.0
    if len(table.options) == 1 and not is_repeated:
        return _nothing(key, table, "only one option varies, and no configuration was repeated with other seeds")
    # At least the smallest number, since squares of tiny differences are 0.
    total = max(between + within, 5e-324)
    effects = {name: _main_effect(option, table.means) / total for name, option in table.options.items()}
    return _described(
        Importance(
            key,
            table.runs,
            "exact",
            complete=True,
            shares=_sorted(effects),
            together=max(0.0, between / total - math.fsum(effects.values())),
            chance=within / total if is_repeated else None,
            is_ranked=table.is_ranked,
        )
    )


def _variance(values: Sequence[float]) -> float:
    center = fmean(values)
    return fmean((value - center) ** 2 for value in values)


def _main_effect(option: _Factor, means: Sequence[float]) -> float:
    """Return the variance of the means over configurations with each value; all values occur equally often."""
    groups: list[list[float]] = [[] for _ in range(option.size)]
    for code, mean in zip(option.codes, means):
        groups[code].append(mean)
    return _variance([fmean(group) for group in groups])


def _sorted(shares: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(shares.items(), key=lambda share: -share[1]))


def _estimated(table: _Table, key: str, larger: bool) -> Importance:
    """Return Optuna's estimate of what the best configurations have in common, as shares."""
    needed, count = max(_FEWEST, 2 * len(table.options)), len(table.means)
    if count < needed:
        return _nothing(key, table, f"an incomplete grid takes {needed} configurations, and there are {count}")
    order = sorted(range(count), key=table.means.__getitem__, reverse=larger)
    kept = min(count, _MOST_ESTIMATED)
    # Spread evenly by rank, so that the best tenth of all stays the best tenth.
    rows = [order[index * count // kept] for index in range(kept)]
    asked = {name: option for name, option in table.options.items() if _can_be_asked(option, kept)}
    try:
        found = _ped_anova(asked, rows, [table.means[row] for row in rows], larger)
    except ImportError:
        return _nothing(key, table, 'for an incomplete grid it takes Optuna: pip install "hpsearch[report]"')
    total = math.fsum(found.values())
    if not total:
        return _nothing(key, table, "no option tells the best configurations from the others")
    shares = _sorted({name: size / total for name, size in found.items()})
    left_out = [name for name in table.options if name not in asked]
    return _described(Importance(key, table.runs, "ped-anova", shares=shares), _best_of(rows, table, larger), left_out)


def _can_be_asked(option: _Factor, configurations: int) -> bool:
    return option.are_numbers or option.size * _FEWEST_PER_WORD <= configurations


def _share_of_best(count: int) -> float:
    return max(_BEST, min(_MOST_BEST, _FEWEST_BEST / count))


def _ped_anova(options: Mapping[str, _Factor], rows: list[int], means: list[float], larger: bool) -> dict[str, float]:
    """Return how differently each option is distributed among the best. Raises ImportError without Optuna 3.6."""
    if not options:
        return {}
    importing = Thread(target=_import_optuna)
    importing.start()
    importing.join()
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    from hpsearch.samplers.through_optuna import quiet

    # Indexes of values instead of values: so a logarithmic axis makes no difference.
    codes = {name: _grouped(option) for name, option in options.items()}
    distributions: dict[str, BaseDistribution] = {
        name: IntDistribution(0, max(codes[name]))
        if option.are_numbers and not option.has_none
        else CategoricalDistribution(range(max(codes[name]) + 1))
        for name, option in options.items()
    }
    with quiet(optuna):
        study = optuna.create_study(direction="maximize" if larger else "minimize")
        for row, mean in zip(rows, means):
            params = {name: found[row] for name, found in codes.items()}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=mean))
        evaluator = _evaluator(PedAnovaImportanceEvaluator, _share_of_best(len(rows)))
        return dict(get_param_importances(study, evaluator=evaluator, params=list(options), normalize=False))


def _import_optuna() -> None:
    """Import Optuna, if it is installed, but not scikit-learn, unless that is imported already.

    Only another evaluator of Optuna's needs scikit-learn, and importing it takes longer than a report of 10,000 runs.
    Call this in a separate thread: Optuna keeps the error of a failed import, and with it the local variables of all
    functions around.
    """
    is_there = "sklearn" in sys.modules
    try:
        if not is_there:
            # To Python's import system, None means that there is no such module.
            sys.modules["sklearn"] = None  # type: ignore[assignment]
        with suppress(ImportError):
            import optuna.importance  # noqa: F401
    finally:
        if not is_there:
            del sys.modules["sklearn"]


def _evaluator(ped_anova: Any, best: float) -> Any:  # Any: a class of Optuna, and an object of it
    try:
        return ped_anova(target_quantile=best)
    except TypeError:
        # Its name before Optuna 4.7.
        return ped_anova(baseline_quantile=best)


def _grouped(option: _Factor) -> list[int]:
    """Return codes; for an option with many numbers that some configurations lack, codes of groups."""
    numbers = option.size - 1
    if not option.are_numbers or not option.has_none or numbers <= _GROUPS:
        return option.codes
    return [_GROUPS if code == numbers else code * _GROUPS // numbers for code in option.codes]


def _best_of(rows: list[int], table: _Table, larger: bool) -> str:
    """Return how many configurations count as the best in the estimate, as in "24 of 240", ties included."""
    means = [table.means[row] for row in rows]
    last = means[math.ceil(_share_of_best(len(rows)) * len(rows)) - 1]
    return f"{sum(mean >= last if larger else mean <= last for mean in means)} of {len(rows):,}"


def _described(found: Importance, best_of: str = "", left_out: Sequence[str] = ()) -> Importance:
    """Add the text. best_of, left_out: of an estimate."""
    first, share = found.shares[0]
    if found.method == "exact":
        what = f"the ranks of {found.key}" if found.is_ranked else found.key
        how = "exact: every combination was run"
        sentences = [f"{first} explains {_percent(share)} of the variance of {what} over {found.runs:,} runs ({how})."]
        sentences += [_rest_text(found)]
        sentences += ["Values are ranked, since single ones lie too far out or are NaN."] * found.is_ranked
    else:
        how = f"an estimate over {found.runs:,} runs, since not every combination was run: PED-ANOVA of Optuna"
        sentences = [f"How much each option decides about being among the best {best_of} configurations ({how})."]
        sentences += [f"{first} decides most: {_percent(share)}."]
        sentences += [f"Left out, since too few runs share a value: {', '.join(left_out)}."] * bool(left_out)
    return replace(found, text=" ".join(sentence for sentence in sentences if sentence))


def _rest_text(found: Importance) -> str:
    """Say how much no option explains by itself."""
    if found.chance is None:
        return f"What options do together, and chance, make {_percent(found.together)}."
    return f"What options do together makes {_percent(found.together)}, chance between seeds {_percent(found.chance)}."


def _percent(share: float) -> str:
    # A rounding error of a sum is shown as 0.
    return f"{100 * share:.0f} %" if share >= 0.01 or share < 1e-9 else "less than 1 %"
