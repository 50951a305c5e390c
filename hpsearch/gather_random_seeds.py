#!/usr/bin/env python3
"""Repeat a run with several random seeds: ``python -m hpsearch.gather_random_seeds --run_dir=...``.

Users' scripts call `run` with the settings of their simulation. When this file is started from its own folder, the
``hpsearch.py`` beside it makes the package importable.
"""

from __future__ import annotations

import sys

import hpsearch

if __name__ == "__main__":
    hpsearch.end_at_ctrl_c()

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from hpsearch.config.options import SearchOptions
from hpsearch.console.exit_status import with_exit_status as _with_exit_status
from hpsearch.seeds.options import SeedsOptions, parse_seeds_options, parse_subcommand


def run(
    grid_module: str | None = None,
    results_dir: str = "./out/random_seeds",
    config: argparse.Namespace | None = None,
    ignore_kwds: Sequence[str] | None = None,
    forced_params: Mapping[str, object] | None = None,
    summary_keys: Sequence[str] | None = None,
    summary_sem: bool = False,
    summary_precs: int | Sequence[int] | None = None,
    hpmod_path: str | None = None,
) -> None:
    """Gather random seeds as the command line (``sys.argv``) says; the arguments are its defaults.

    The current folder stays the same. A failure ends the process with the exit status of the search.

    grid_module: default of ``--grid_module``.
    results_dir: each gathering has a folder in here; relative to ``--run_cwd``.
    config: the configuration to repeat; ``--run_dir`` cannot be given then.
    ignore_kwds: options of the configuration that are not passed to the runs.
    forced_params: options that get these values instead.
    summary_keys: keywords to sum up; None = all that have numbers, the performance key first.
    summary_sem: show the standard error of the mean instead of the standard deviation.
    summary_precs: digits after the decimal point: one number, or one for each of `summary_keys`.
    hpmod_path: the folder of ``hpsearch.py``; grid modules are looked for beside it, too.
    """
    script = SeedsOptions(
        out_dir=results_dir,
        ignore_kwds=tuple(ignore_kwds or ()),
        forced_params=tuple((forced_params or {}).items()),
        summary_keys=tuple(summary_keys or ()),
        summary_sem=summary_sem,
        summary_precs=summary_precs,
        search=SearchOptions(grid_module=grid_module or ""),
        config=config,
        hpmod_path=hpmod_path,
    )
    if status := main(sys.argv[1:], script):
        sys.exit(status)


def write_seeds_summary(
    results_dir: str,
    summary_keys: Sequence[str] | None,
    summary_sem: bool,
    summary_precs: int | Sequence[int] | None,
    ret_seeds: bool = False,
    summary_fn: str | None = None,
    seeds_summary_fn: str = "seeds_summary_text.txt",
) -> list[int] | None:
    """Sum up the seeds gathered in a folder, in a text file there; return the seeds if `ret_seeds`, else None.

    summary_keys, summary_sem, summary_precs: see `run`.
    summary_fn: the summary file in a run's folder, if not the one that the grid module names.
    seeds_summary_fn: the text file.
    Raises hpsearch.core.errors.SearchError if no run finished, or a keyword is unknown.
    """
    from hpsearch.seeds.runs import summarise

    options = SeedsOptions(summary_keys=tuple(summary_keys or ()), summary_sem=summary_sem, summary_precs=summary_precs)
    seeds = summarise(Path(results_dir), options, summary_fn, seeds_summary_fn)
    return seeds if ret_seeds else None


@_with_exit_status
def main(argv: Sequence[str], script: SeedsOptions | None = None) -> int:
    """Gather seeds; return the exit status. Errors are printed on standard error.

    script: the defaults that a user's script sets.
    """
    return _gather(parse_seeds_options(argv, script or SeedsOptions()))


@_with_exit_status
def subcommand(argv: Sequence[str]) -> int:
    """Run ``hpsearch seeds``; return the exit status. Errors are printed on standard error."""
    return _gather(parse_subcommand(argv))


def _gather(options: SeedsOptions) -> int:
    from hpsearch.console.console import Console
    from hpsearch.seeds.gathering import gather_seeds

    return gather_seeds(options, Console())


if __name__ == "__main__":
    from hpsearch.console.exit_status import whole_process

    sys.exit(whole_process(lambda: main(sys.argv[1:])))
