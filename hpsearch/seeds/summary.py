"""The summary of gathered seeds: mean and spread of each keyword, and which runs they come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.config.given_paths import existing_folder
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.old_names import current_config
from hpsearch.config.recorded import config_for_folder, config_of
from hpsearch.console.console import Console
from hpsearch.console.text import aligned
from hpsearch.core.errors import ConfigError, FolderError
from hpsearch.core.ranking import number_of
from hpsearch.core.statistics import decimals_of, statistic, statistics_lines
from hpsearch.core.summary import cell_under
from hpsearch.folder.reading import recorded_search
from hpsearch.seeds.options import SUMMARY_NAME, SeedsOptions, SummaryWishes
from hpsearch.seeds.runs import SeedRun, counted, differing_runs, doubts, read_seed_runs
from hpsearch.store.events import Settings
from hpsearch.store.layout import write_whole


def sum_up_folder(options: SeedsOptions, console: Console) -> int:
    """Sum up the seeds that were gathered in a folder earlier; return the exit status."""
    run_cwd = existing_folder(options.search.run_cwd, Path.cwd(), option="--run_cwd")
    folder = existing_folder(options.seeds_dir, Path.cwd(), run_cwd, option="--seeds_dir")
    record = recorded_search(folder)
    files = [path.name for path in folder.iterdir() if path.is_file()]
    settings = record.settings if record is not None else None
    config = config_for_folder(folder, files, settings, options.search.grid_module, run_cwd, needs_functions=False)
    runs = read_seed_runs(folder, config, options.seed_option)
    for warning in [*doubts(runs), *differing_runs(runs, options.seed_option)]:
        console.warn(warning)
    sum_up(folder, runs, options.summary, config, console, is_result=True)
    return 0


def sum_up(
    folder: Path,
    runs: Sequence[SeedRun],
    wishes: SummaryWishes,
    config: SearchConfig,
    console: Console,
    is_result: bool,
) -> None:
    """Write the summary to the folder of results, and show its head and its path (on standard output: `is_result`).

    Raises the same errors as `write_summary`.
    """
    path = folder / SUMMARY_NAME
    lines = write_summary(path, runs, wishes, config)
    console.notes(lines[: lines.index("")])
    (console.result if is_result else console.note)(str(path))


def summarise(folder: Path, wishes: SummaryWishes, summary_fn: str | None, seeds_summary_fn: str) -> list[int]:
    """Write the summary of a folder of gathered seeds for a user's own script; return the seeds that count.

    The grid module's settings are those that the script read with `hpsearch._read_config`, else those that the
    folder records, else just the keywords of the summary.
    """
    config = current_config()
    if config is None and (record := recorded_search(folder)) is not None:
        config = config_of(record.known_settings())
    if config is None and summary_fn is not None and wishes.keys:
        keywords = tuple(dict.fromkeys((*wishes.keys, "finished")))
        settings = Settings(summary_filename=summary_fn, summary_keywords=keywords, performance_key=keywords[0])
        config = SearchConfig(settings, script_name="")
    if config is None:
        raise ConfigError(
            f"{folder}: it is not known which summaries the runs leave; call hpsearch._read_config(grid_module) first"
        )
    runs = read_seed_runs(folder, config, "random_seed", summary_fn)
    write_summary(folder / seeds_summary_fn, runs, wishes, config)
    return [run.seed for run in counted(runs) if run.seed is not None]


def check_wishes(wishes: SummaryWishes, config: SearchConfig) -> None:
    """Check before anything runs, as far as that is possible then, that there will be what the summary should show.

    Raises ConfigError otherwise.
    """
    # A user's own parser may return any keyword.
    if wishes.keys and config.summary_parser is None:
        _check_keys(wishes.keys, config.settings.summary_keywords, "_SUMMARY_KEYWORDS has")
    if wishes.keys:
        decimals_of(wishes.precisions, wishes.keys)


def write_summary(path: Path, runs: Sequence[SeedRun], wishes: SummaryWishes, config: SearchConfig) -> list[str]:
    """Write the summary of seeds; return its lines.

    Raises FolderError if no run finished, ConfigError if a keyword is unknown, StoreError if it cannot be written.
    """
    good = counted(runs)
    left_out = [f"  {run.label}: {run.problem}" for run in runs if run.summary is None]
    if not good:
        nothing = f"{path.parent}: no finished run in here, so there is nothing to sum up"
        raise FolderError("\n".join([nothing, *left_out]))
    keys = _keywords(good, wishes.keys, config)
    decimals = decimals_of(wishes.precisions, keys)
    statistics = [
        statistic(key, (number_of(cell_under(run.summary, key)) for run in good), wishes.use_sem, digits)
        for key, digits in zip(keys, decimals)
    ]
    lines = statistics_lines(statistics, len(good), wishes.use_sem)
    lines += ["", "Runs:", *(f"  {line}" for line in _table(good, keys))]
    lines += ["", "Left out:", *left_out] if left_out else []
    write_whole(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
    return lines


def _keywords(runs: Sequence[SeedRun], wanted: Sequence[str], config: SearchConfig) -> list[str]:
    """Return the wanted keywords; if none are named, those that have numbers, the performance key first."""
    known = list(dict.fromkeys(key for run in runs for key in run.summary or ()))
    _check_keys(wanted, known, "the summaries have")
    if wanted:
        return list(wanted)
    first = [key for key in known if key == config.settings.performance_key]
    others = [key for key in known if key not in (config.settings.performance_key, "finished")]
    return first + [key for key in others if any(number_of(cell_under(run.summary, key)) is not None for run in runs)]


def _check_keys(wanted: Sequence[str], known: Sequence[str], who: str) -> None:
    unknown = [key for key in wanted if key not in known]
    if unknown:
        raise ConfigError(f"summary_keys names {', '.join(map(repr, unknown))}, but {who} only {', '.join(known)}")


def _table(runs: Sequence[SeedRun], keys: Sequence[str]) -> list[str]:
    rows = [["seed", *keys, "folder"]]
    for run in runs:
        seed = "?" if run.seed is None else str(run.seed)
        rows.append([seed, *(str(cell_under(run.summary, key)) for key in keys), run.folder.name])
    return aligned(rows)
