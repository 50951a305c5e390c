"""Every option of a search, declared once: from the command line to `SearchOptions`, and back to the command line.

Only light imports: this module is all that ``--help`` needs.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpsearch.config.option_values import (
    at_least,
    gpu_list,
    hours,
    hours_or_forever,
    positive,
    scheduler_name,
    search_limit,
    seed,
    share,
)
from hpsearch.core.errors import UsageError
from hpsearch.store.values import build

DEFAULT_OUT_DIR = "./out/hyperparam_search"


def option(
    default: Any,  # Any: of the type that the option has
    group: str,
    text: str,
    read: Callable[[str], Any] | None = None,
    metavar: str | None = None,
    choices: Sequence[str] | None = None,
    plans: bool = False,
    repeats: bool = False,
) -> Any:  # Any: dataclasses.field() is typed by its default
    """Declare an option of a command, in a dataclass that holds its options.

    plans: it shapes the list of runs, and so cannot be changed when a search is resumed.
    repeats: it may be given several times; its value is the tuple of all.
    """
    keywords = {"type": read, "metavar": metavar, "choices": choices, "action": "append" if repeats else None}
    metadata = {"group": group, "help": text, "plans": plans, "arguments": {k: v for k, v in keywords.items() if v}}
    return dataclasses.field(default=default, metadata=metadata)


_WHAT, _WHERE, _HOW = "what is searched", "where it goes", "how runs are executed"
_CLUSTER, _GPU = "cluster (with --run_cluster)", "GPUs (without --run_cluster)"


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search, named as on the command line."""

    grid_module: str = option(
        "", _WHAT, "Dotted name of the module with the grid, such as sims.mnist.hpsearch_config.", plans=True
    )
    grid_config: str = option(
        "",
        _WHAT,
        "File with a dict of 'grid' and/or 'conditions' that replace those of the module: .json, or a pickle "
        "of plain data. Relative to the current folder.",
        metavar="FILE",
        plans=True,
    )
    num_searches: int = option(-1, _WHAT, "At most N configurations; -1 = all.", search_limit, metavar="N", plans=True)
    deterministic_search: bool = option(False, _WHAT, "Keep the order of the grid instead of a random one.", plans=True)
    dont_generate_full_grid: bool = option(
        False, _WHAT, "Sample --num_searches configurations at random, without building the whole grid.", plans=True
    )
    random_seed: int = option(42, _WHAT, "Seed of the random order.", seed, metavar="N", plans=True)

    out_dir: str = option(
        DEFAULT_OUT_DIR,
        _WHERE,
        "Results go to a new folder search_<date>_<time> in here. Relative to --run_cwd.",
        metavar="DIR",
        plans=True,
    )
    force_out_dir: bool = option(False, _WHERE, "Use exactly --out_dir, with no new folder inside.", plans=True)
    dont_force_new_dir: bool = option(
        False, _WHERE, "Add to the search folder if it exists, instead of refusing it.", plans=True
    )
    run_cwd: str = option(
        ".", _WHERE, "Working directory of the runs, and base of relative paths.", metavar="DIR", plans=True
    )
    resume: str = option(
        "",
        _WHERE,
        "Go on with the search in this folder: keep finished runs, wait for live ones, run all others. "
        "Needs no other option; those that you give replace the search's own (those that shape the list of runs are "
        "refused).",
        metavar="DIR",
    )
    runs_are_gone: bool = option(
        False,
        _WHERE,
        "With --resume: you know that runs started on another machine or cluster, or by the original of a copied "
        "search folder, do not live any more.",
    )
    dry_run: bool = option(False, _WHERE, "Print the commands on standard output and write nothing.")

    retries: int = option(0, _HOW, "Run failed runs again, up to N times each.", at_least(0), metavar="N")
    interpreter: str = option(
        "",
        _HOW,
        "Command that runs the script instead of python3, such as 'singularity exec image.sif python3'.",
        metavar="CMD",
        plans=True,
    )
    parser_timeout: float = option(
        60,
        _HOW,
        "Seconds that a summary parser of your own (_SUMMARY_PARSER_HANDLE) may take for a run; a slower one is ended, "
        "and tried once more when the search ends.",
        positive,
        "S",
    )
    num_cpu_jobs: int = option(1, _HOW, "Without GPUs: N runs at once.", at_least(1), metavar="N")

    visible_gpus: str = option(
        "",
        _GPU,
        "Indices of the GPUs to use, such as 0,2; empty = all; -1 = no GPU is assigned, runs go one after another.",
        gpu_list,
        metavar="LIST",
    )
    allowed_load: float = option(0.5, _GPU, "A GPU with more load than this takes no run (0 to 1).", share, "X")
    allowed_memory: float = option(
        0.5, _GPU, "A GPU with more of its memory in use than this takes no run (0 to 1).", share, "X"
    )
    sim_startup_time: int = option(
        60, _GPU, "Seconds after a start on a GPU before that GPU may take another run.", at_least(0), "S"
    )
    max_num_jobs_per_gpu: int = option(1, _GPU, "At most N runs of this search at once on a GPU.", at_least(1), "N")

    gpu_samples: int = option(
        3,
        _GPU,
        "A GPU takes a run only after N readings in a row within the limits, a tenth of a second apart (a second on a "
        "GPU that was above them just now).",
        at_least(1),
        "N",
    )
    exclusive_gpus: bool = option(
        False, _GPU, "Use a GPU only while nobody else computes on it; checked before every start."
    )
    num_gpus_per_run: int = option(1, _GPU, "Give each run N GPUs.", at_least(1), "N")
    min_free_memory: int = option(
        0, _GPU, "A GPU with less free memory than this, in MiB, takes no run; 0 = no such limit.", at_least(0), "MIB"
    )

    run_cluster: bool = option(False, _CLUSTER, "Submit the runs as jobs to a scheduler.")
    scheduler: str = option(
        "lsf",
        _CLUSTER,
        "The cluster's scheduler; or MODULE:NAME, a class in a module of your own (see docs/other_schedulers.rst).",
        scheduler_name,
        "{lsf,slurm}",
    )
    num_jobs: int = option(8, _CLUSTER, "At most N jobs queued or running at once.", at_least(1), "N")
    num_hours: float = option(24, _CLUSTER, "Time limit of a job: hours, or H:MM.", hours, "N")
    resources: str = option(
        '"rusage[mem=8000, ngpus_excl_p=1]"', _CLUSTER, "LSF: resources of a job (bsub -R).", metavar="STR"
    )
    slurm_mem: str = option("8G", _CLUSTER, "Slurm: memory of a job (sbatch --mem); empty = not given.", metavar="STR")
    slurm_gres: str = option(
        "gpu:1", _CLUSTER, "Slurm: generic resources (sbatch --gres); empty = not given.", metavar="STR"
    )
    slurm_partition: str = option("", _CLUSTER, "Slurm: partition; empty = not given.", metavar="STR")
    slurm_qos: str = option("", _CLUSTER, "Slurm: quality of service; empty = not given.", metavar="STR")
    slurm_constraint: str = option("", _CLUSTER, "Slurm: features a node must have; empty = not given.", metavar="STR")
    slurm_options: tuple[str, ...] = option(
        (),
        _CLUSTER,
        "Slurm: further options of sbatch, as in '--account=lab --nice'; may be repeated. Options that the search "
        "needs itself, such as --output, are refused.",
        metavar="STR",
        repeats=True,
    )
    slurm_array: bool = option(False, _CLUSTER, "Slurm: submit job arrays; at most --num_jobs tasks run at once.")
    lsf_queue: str = option("", _CLUSTER, "LSF: queue (bsub -q); empty = not given.", metavar="STR")
    lsf_options: tuple[str, ...] = option(
        (),
        _CLUSTER,
        "LSF: further options of bsub, as in '-P lab -M 8000'; may be repeated.",
        metavar="STR",
        repeats=True,
    )
    lsf_array: bool = option(False, _CLUSTER, "LSF: submit job arrays; at most --num_jobs jobs run at once.")
    job_setup: str = option(
        "",
        _CLUSTER,
        "File with shell lines that a job executes once, before its runs (modules, conda). Relative to the current "
        "folder.",
        metavar="FILE",
    )
    runs_per_job: int = option(1, _CLUSTER, "Put N runs into one job, side by side.", at_least(1), "N")
    runs_per_job_sequential: bool = option(False, _CLUSTER, "Execute the runs of a job one after another.")
    submit_only: bool = option(
        False, _CLUSTER, "Submit all runs as job arrays and leave; --resume or postprocessing collects the results."
    )
    max_wait_for_scheduler: float = option(
        -1,
        _CLUSTER,
        "Give up submitting when the scheduler has taken no job for this long (hours, or H:MM; -1 = never): "
        "submitted runs go on, the others wait for --resume.",
        hours_or_forever,
        "H",
    )
    poll_interval_max: float = option(
        60, _CLUSTER, "Ask the scheduler at least every S seconds while nothing happens.", positive, "S"
    )
    #: No option: the names of those that the user gave, which may have been given their defaults.
    given_by_hand: tuple[str, ...] = ()


def all_options(of: type = SearchOptions) -> dict[str, dataclasses.Field[Any]]:  # Any: of the options' types
    """Return how each option of a command is declared, by its name; without the command, those of a search."""
    return {field.name: field for field in dataclasses.fields(of) if field.metadata}


def names_of_planning_options() -> list[str]:
    """Return the options that shape the list of runs: they cannot be given to a search that is planned already."""
    return [name for name, field in all_options().items() if field.metadata["plans"]]


def given_options(namespace: argparse.Namespace, of: type = SearchOptions) -> dict[str, Any]:  # Any: see above
    """Return the options of a command in a Namespace, which may hold others, too: name -> value."""
    return {name: _frozen(value) for name, value in vars(namespace).items() if name in all_options(of)}


def options_from(namespace: argparse.Namespace, defaults: Mapping[str, object]) -> SearchOptions:
    """Return the options of a search in a Namespace. defaults: name -> default instead of the declared one."""
    given = given_options(namespace)
    return options_from_names({**defaults, **given, "given_by_hand": sorted(given)})


def options_from_names(values: Mapping[str, Any]) -> SearchOptions:  # Any: of the options' types
    """Return the options with these values; unknown names, of an older or newer version, are left out.

    Raises ValueError naming an option whose value is of another type.
    """
    known = {field.name for field in dataclasses.fields(SearchOptions)}
    return build(SearchOptions, {name: _frozen(value) for name, value in values.items() if name in known})


def _frozen(value: Any) -> Any:  # Any: see above
    """Return a list, as argparse and JSON have it, as the tuple that it stands for."""
    return tuple(value) if isinstance(value, list) else value


def with_given(options: SearchOptions, given: Mapping[str, Any]) -> SearchOptions:  # Any: of the options' types
    """Return a search's options with those replaced that were given when it is resumed.

    Raises UsageError if one of them shapes the list of runs, which is fixed, or if the options do not go together.
    """
    for name in given:
        if all_options()[name].metadata["plans"]:
            raise UsageError(f"--{name} cannot be given with --resume: the runs of that search are already planned")
    # What an earlier controller was asked to do only that once.
    options = dataclasses.replace(options, submit_only=False, runs_are_gone=False)
    replaced = {name: _frozen(value) for name, value in given.items() if name != "resume"}
    by_hand = tuple(sorted({*options.given_by_hand, *given}))
    options = dataclasses.replace(options, **replaced, given_by_hand=by_hand)
    _check_submit_only(options)
    return options


def to_argv(options: SearchOptions) -> list[str]:
    """Return the command-line words for these options, without defaults that the user did not give by hand."""
    words = []
    for name, field in all_options().items():
        value = getattr(options, name)
        if value == field.default and name not in options.given_by_hand:
            continue
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name}"] if value is True else [f"--{name}={item}" for item in values]
    return words


def check_together(options: SearchOptions) -> None:
    """Make sure that the options go together.

    Raises UsageError otherwise.
    """
    if options.dont_generate_full_grid and options.num_searches == -1:
        raise UsageError("--dont_generate_full_grid samples configurations: say how many with --num_searches=N")
    if not options.resume:
        _check_submit_only(options)
    for name in ("slurm_options", "lsf_options"):
        option_words(options, name)
    if options.resume and options.dry_run:
        raise UsageError("--dry_run shows the commands of a new search; it cannot be given with --resume")
    if not options.resume and not options.grid_module:
        raise UsageError(
            "say what to search: --grid_module=NAME (for example --grid_module=sims.mnist.hpsearch_config)"
        )


def _check_submit_only(options: SearchOptions) -> None:
    if options.submit_only and not options.run_cluster:
        raise UsageError("--submit_only leaves the runs to a scheduler: give --run_cluster, too")


def option_words(options: SearchOptions, name: str) -> tuple[str, ...]:
    """Return the words of an option that holds options of another command.

    Raises UsageError if a quote in it is not closed.
    """
    try:
        return tuple(word for text in getattr(options, name) for word in shlex.split(text))
    except ValueError as error:
        raise UsageError(f"--{name}={' '.join(getattr(options, name))}: a quote is not closed ({error})") from error
