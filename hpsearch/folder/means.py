"""The configurations of a search, ranked by their means over seeds, for all views."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

from hpsearch.console.text import aligned
from hpsearch.core.configurations import by_configuration
from hpsearch.core.model import RunState
from hpsearch.core.ranking import Mean, best_means
from hpsearch.folder.run_tables import option_texts, performance, ranges, varying_options
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.values import readable

T = TypeVar("T")


def means_of(record: SearchRecord, over: Collection[str]) -> list[Mean[RunRecord]]:
    """Return the configurations of a search, the best mean of the performance key first; only finished runs count.

    over: the options that repeat a configuration; empty = return none.
    """
    settings = record.known_settings()
    finished = [entry.result for entry in record.with_events if entry.result.state is RunState.FINISHED] if over else []
    groups = by_configuration(finished, lambda entry: entry.run.configuration.as_dict(), over)
    return best_means(groups, lambda entry: performance(entry, settings.performance_key), settings.sort_ascending)


def runs_text(mean: Mean[RunRecord]) -> str:
    """Return the counted runs as text: ``1, 7-9``."""
    return ranges(entry.run.number for entry in mean.counted)


def mean_cells(means: Sequence[Mean[T]], key: str, runs: Callable[[Mean[T]], str]) -> list[list[str]]:
    """Return the first columns of a table of configurations, title first: mean, runs, and a note if runs are few."""
    has_fewer = any(mean.lacks for mean in means)
    rows = ([mean.text, runs(mean), *([mean.lacks] if has_fewer else [])] for mean in means)
    return [[key, "runs", *(["counted"] if has_fewer else [])], *rows]


def means_table(means: Sequence[Mean[RunRecord]], record: SearchRecord, over: Collection[str]) -> list[str]:
    """Return a table of some configurations: mean and spread, runs, options that vary."""
    names = [name for name in varying_options(record) if name not in over]
    title, *rows = mean_cells(means, record.known_settings().performance_key, runs_text)
    options = (option_texts(mean.counted[0], names) for mean in means)
    return aligned([title + names, *(row + [each.get(name, "") for name in names] for row, each in zip(rows, options))])


def mean_json(
    mean: Mean[T], over: Sequence[str], p: float | None, **more: object
) -> dict[str, Any]:  # Any: whatever JSON can hold
    """Return the JSON keys of a configuration: ``value`` (the mean) and ``seeds``.

    p: from the comparison with another configuration. more: further keys in ``seeds``.
    """
    spread = mean.spread
    numbers = {"mean": spread.mean, "std": spread.std, "sem": spread.sem, "min": spread.low, "max": spread.high}
    shown = {name: None if math.isnan(number) else readable(number) for name, number in numbers.items()}
    return {"value": shown["mean"], "seeds": {"over": list(over), "n": spread.count, **shown, "p": p, **more}}
