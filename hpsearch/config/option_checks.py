"""Which options go together, and which may be given to a search that is planned already."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hpsearch.config.options import GRID_OPTIONS, PLANNING_OPTIONS, SearchOptions, options_from_names
from hpsearch.config.written_options import option_words
from hpsearch.core.errors import UsageError
from hpsearch.core.statistics import FEWEST_FOR_TEST


def check_changeable(names: Iterable[str]) -> None:
    """Raise UsageError if one of the options shapes the list of runs: a planned search cannot take it."""
    for name in names:
        if name in PLANNING_OPTIONS:
            more = "; to add runs: hpsearch extend DIR" if name in GRID_OPTIONS else ""
            more = "; for more seeds: hpsearch seeds DIR" if name in ("num_seeds", "seeds_list") else more
            planned = f"the runs of that search are already planned{more}"
            raise UsageError(f"--{name} cannot be given with --resume: {planned}")


def with_given(options: SearchOptions, given: Mapping[str, Any]) -> SearchOptions:  # Any: of the options' types
    """Return a search's options, updated with those given on resuming it.

    Raises UsageError if one of them shapes the list of runs, which is fixed, or if the options do not go together.
    """
    check_changeable(given)
    by_hand = sorted({*options.given_by_hand, *given})
    # These were meant for the earlier controller only.
    only_once = {"submit_only": False, "runs_are_gone": False, "verbose": False, "dry_run": False, "reuse": ()}
    fixed = {"resume": options.resume, "given_by_hand": by_hand}
    options = options_from_names({**vars(options), **only_once, **given, **fixed})
    _check_submit_only(options)
    _check_stopping(options, given)
    return options


def check_together(options: SearchOptions) -> None:
    """Make sure that the options go together, else raise UsageError."""
    if options.dont_generate_full_grid and options.num_searches == -1:
        raise UsageError("--dont_generate_full_grid samples configurations: say how many with --num_searches=N")
    if not options.resume:
        _check_sampler(options)
        _check_submit_only(options)
        _check_seeds(options)
        check_race(options)
        _check_budgets(options)
        _check_stopping(options, options.given_by_hand)
    texts = {"name": "a text with a letter or digit", "seeds_list": "seeds such as 42,43,44", "seed_option": "a name"}
    texts["budgets"] = "rising numbers such as 5,15,45"
    for name, expected in texts.items():
        if name in options.given_by_hand and not getattr(options, name):
            raise UsageError(f"--{name}: expected {expected}, found an empty text")
    for name in ("slurm_options", "lsf_options"):
        option_words(options, name)
    if not options.resume and not options.grid_module:
        example = "for example --grid_module=sims.mnist.hpsearch_config"
        raise UsageError(f"say what to search: --grid_module=NAME ({example})")


def _check_sampler(options: SearchOptions) -> None:
    is_chosen = options.sampler != "grid" or "sampler" in options.given_by_hand
    if options.dont_generate_full_grid and is_chosen and options.sampler != "random":
        same = "--dont_generate_full_grid is --sampler=random"
        raise UsageError(f"--sampler={options.sampler}: {same}: leave one of the two out")
    if options.sampler != "grid" and options.num_searches == -1:
        raise UsageError(f"--sampler={options.sampler} chooses configurations: say how many with --num_searches=N")
    if "optuna_sampler" in options.given_by_hand and options.sampler != "optuna":
        raise UsageError("--optuna_sampler has no effect without --sampler=optuna")
    if options.suggests:
        _check_suggests(options)


def _check_suggests(options: SearchOptions) -> None:
    """Raise UsageError if an option does not go together with a sampler that goes by results."""
    reasons = {
        "deterministic_search": "keeps the order of the grid, and the sampler has its own",
        "submit_only": "returns before there are results, and the sampler goes by them",
        "race": "decides by results which seeds run; to race what the sampler has found: hpsearch seeds DIR --race",
        "reuse": "takes over results that the sampler would not have asked for",
    }
    for name, reason in reasons.items():
        if getattr(options, name):
            raise UsageError(f"--{name} does not go with --sampler={options.sampler}: it {reason}")


def _check_submit_only(options: SearchOptions) -> None:
    if options.submit_only and not options.run_cluster:
        raise UsageError("--submit_only leaves the runs to a scheduler: give --run_cluster, too")
    if options.submit_only and options.suggests:
        _check_suggests(options)
    if options.submit_only and options.budgets:
        raise UsageError("--submit_only returns before there are results, and they decide what goes on: leave it out")
    if options.submit_only and options.race:
        raise UsageError("--submit_only returns before there are results, and a race depends on them: leave it out")


def _check_stopping(options: SearchOptions, given: Collection[str]) -> None:
    """Make sure that options about early stopping have an effect. given: names of the options given now."""
    needless = [name for name in ("stop_after", "progress_pattern", "stop_dry_run") if name in given]
    if options.stop_early == "none" and needless:
        raise UsageError(f"--{needless[0]} has no effect without a rule: add --stop_early=median, for example")
    if options.stop_early != "none" and options.submit_only:
        nobody = "--submit_only returns at once, so that nobody looks at the runs"
        raise UsageError(f"--stop_early={options.stop_early}: {nobody}: leave one of the two out")


def _check_seeds(options: SearchOptions) -> None:
    if options.num_seeds is not None and options.seeds_list:
        raise UsageError("--num_seeds and --seeds_list both say which seeds to run: leave one of them out")
    for name in ("seed_option", "vary_data_seed"):
        if getattr(options, name) and options.num_seeds is None and not options.seeds_list:
            raise UsageError(f"--{name} has no effect without seeds: add --num_seeds=N or --seeds_list=LIST")


def _check_budgets(options: SearchOptions) -> None:
    """Raise UsageError if an option does not go together with budgets."""
    reasons = {
        "seed_count": ("seeds_list" if options.seeds_list else "num_seeds", "says how often each configuration runs"),
        "race": ("race", "decides by results which seeds run"),
        "suggests": (f"sampler={options.sampler}", "goes by results, and those of small budgets would mislead it"),
    }
    for name, (option, reason) in reasons.items():
        if options.budgets and getattr(options, name):
            raise UsageError(f"--{option} does not go with --budgets: it {reason}")


def check_race(options: SearchOptions) -> None:
    """Raise UsageError if the options of a race do not go together."""
    for name in ("race_p", "max_runs"):
        if name in options.given_by_hand and not options.race:
            raise UsageError(f"--{name} has no effect without --race")
    if options.race and options.seed_count < FEWEST_FOR_TEST:
        why = f"--race compares configurations that have at least {FEWEST_FOR_TEST} seeds"
        raise UsageError(f"{why}: say how many each may get with --num_seeds=N, {FEWEST_FOR_TEST} or more")
