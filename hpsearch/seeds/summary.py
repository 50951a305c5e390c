"""The text that sums up gathered seeds: mean and spread of each keyword, and which runs they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.config.grid_module import SearchConfig
from hpsearch.console.text import aligned
from hpsearch.core.errors import ConfigError, FolderError
from hpsearch.core.ranking import number_of
from hpsearch.core.seed_statistics import decimals_of, statistic, statistics_lines
from hpsearch.core.summary import cell_under
from hpsearch.seeds.options import SummaryWishes
from hpsearch.seeds.runs import SeedRun, counted
from hpsearch.store.layout import write_whole


def check_wishes(wishes: SummaryWishes, config: SearchConfig) -> None:
    """Make sure, before anything runs, that what is to be summed up can be, as far as that is known then.

    Raises ConfigError otherwise.
    """
    # A reader of the user's own may return any keyword.
    if wishes.keys and config.summary_parser is None:
        _check_keys(wishes.keys, config.settings.summary_keywords, "_SUMMARY_KEYWORDS has")
    if wishes.keys:
        decimals_of(wishes.precisions, wishes.keys)


def write_summary(path: Path, runs: Sequence[SeedRun], wishes: SummaryWishes, config: SearchConfig) -> list[str]:
    """Write the summary of seeds; return its lines.

    Raises FolderError if no run finished, ConfigError if a keyword is unknown, StoreError if it cannot be written.
    """
    lines = summary_lines(path.parent, runs, wishes, config)
    write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
    return lines


def summary_lines(folder: Path, runs: Sequence[SeedRun], wishes: SummaryWishes, config: SearchConfig) -> list[str]:
    """Return the summary of seeds as lines.

    Raises FolderError if no run finished, ConfigError if a keyword is unknown.
    """
    good = counted(runs)
    left_out = [f"  {run.label}: {run.problem}" for run in runs if run.summary is None]
    if not good:
        raise FolderError("\n".join([f"{folder}: no finished run in here, so there is nothing to sum up", *left_out]))
    keys = _keywords(good, wishes.keys, config)
    decimals = decimals_of(wishes.precisions, keys)
    statistics = [
        statistic(key, (_number(run, key) for run in good), wishes.use_sem, digits)
        for key, digits in zip(keys, decimals)
    ]
    lines = statistics_lines(statistics, len(good), wishes.use_sem)
    lines += ["", "Runs:", *(f"  {line}" for line in _table(good, keys))]
    return lines + (["", "Left out:", *left_out] if left_out else [])


def _keywords(runs: Sequence[SeedRun], wanted: Sequence[str], config: SearchConfig) -> list[str]:
    """Return the wanted keywords; without any, those that have numbers, the performance key first."""
    known = list(dict.fromkeys(key for run in runs for key in run.summary or ()))
    _check_keys(wanted, known, "the summaries have")
    if wanted:
        return list(wanted)
    first = [key for key in known if key == config.settings.performance_key]
    others = [key for key in known if key not in (config.settings.performance_key, "finished")]
    return first + [key for key in others if any(_number(run, key) is not None for run in runs)]


def _check_keys(wanted: Sequence[str], known: Sequence[str], who: str) -> None:
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise ConfigError(f"summary_keys names {', '.join(map(repr, unknown))}, but {who} only {', '.join(known)}")


def _number(run: SeedRun, key: str) -> float | None:
    return number_of(cell_under(run.summary, key))


def _table(runs: Sequence[SeedRun], keys: Sequence[str]) -> list[str]:
    rows = [["seed", *keys, "folder"]]
    for run in runs:
        cells = [str(cell_under(run.summary, key)) for key in keys]
        rows.append(["?" if run.seed is None else str(run.seed), *cells, run.folder.name])
    return aligned(rows)
