"""Every option of a search, declared once: from the command line to `SearchOptions`, and back to the command line.

Only light imports: this module is all that ``--help`` needs.
"""

# journal.values checks values by the annotations' text, so they must stay text.
from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from hpsearch.config.option_values import (
    SAMPLERS,
    at_least,
    gpu_list,
    hours,
    hours_or_forever,
    one_of,
    option_name,
    positive,
    race_limit,
    rising_numbers,
    scheduler_name,
    search_limit,
    search_name,
    seed,
    setting,
    share,
    stop_rules,
    whole_numbers,
)
from hpsearch.journal.values import build
from hpsearch.samplers.candidates import OPTUNA_SAMPLERS
from hpsearch.startup.classes import Field, dataclass, field, fields

DEFAULT_OUT_DIR = "./out/hyperparam_search"
#: The option that gives most scripts their seed, and the one that `--vary_data_seed` sets to the same seed.
USUAL_SEED, DATA_SEED_OPTION = "random_seed", "data_random_seed"


def option_group(group: str, plans: bool = False) -> Callable[..., Any]:  # Any: field() is typed like this
    """Return a function that declares an option of a group, as a field of the dataclass of a command's options.

    It takes the default, the help, a reader of the option's text and a metavar. repeats: the option may be given
    several times; its value is the tuple of all. plans: it shapes the list of runs, and cannot change on a resume.
    """

    def declare(default: Any, text: str, read: Any = None, metavar: str | None = None, repeats: bool = False) -> Any:
        keywords = {"type": read, "metavar": metavar, "action": "append" if repeats else None}
        metadata = {"group": group, "help": text, "plans": plans, "arguments": {k: v for k, v in keywords.items() if v}}
        return field(default=default, metadata=metadata)

    return declare


_what, _trial = option_group("what to search", plans=True), option_group("what to search")
_where, _table = option_group("where results go", plans=True), option_group("where results go")
_how, _program = option_group("how to execute runs"), option_group("how to execute runs", plans=True)
_stopping = option_group("stopping hopeless runs")
_resuming = option_group("resuming a search")
_gpu = option_group("GPUs (without --run_cluster)")
_CLUSTER = "cluster (with --run_cluster)"
_cluster = option_group(_CLUSTER)


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search, named as on the command line; --help lists them in this order."""

    grid_module: str = _what(
        "", "Module with the grid, as a dotted name: sims.mnist.hpsearch_config.", metavar="MODULE"
    )
    grid_config: str = _what(
        "",
        "Take 'grid' and/or 'conditions' from FILE instead of the module: JSON (.json), or a pickle of plain data. "
        "Relative to the current folder.",
        metavar="FILE",
    )
    set: tuple[str, ...] = _what(
        (),
        "Give an option of the grid other values, or add an option; may be repeated: --set lr=0.1,0.2 --set opt=adam. "
        "Values are Python literals (1e-3, True, None); anything else is text. Put a value with a comma in quotes or "
        "brackets, and then all of it in quotes for the shell: --set \"layers='400,400',[8, 8]\".",
        setting,
        "NAME=V1,V2",
        repeats=True,
    )
    reuse: tuple[str, ...] = _what(
        (),
        "Do not run what has finished in the search DIR with the same command of the same script: take over its rows; "
        "its folders stay there. May be repeated.",
        metavar="DIR",
        repeats=True,
    )
    sampler: str = _what(
        "grid",
        "What chooses the configurations: grid takes all, or with --num_searches=N, N at random; random samples N of a "
        "grid of any size, and sobol (needs SciPy) does so more evenly; bayes and optuna (needs Optuna) choose each of "
        "N by the results so far (docs/large_grids.rst).",
        one_of(SAMPLERS),
        f"{{{','.join(SAMPLERS)}}}",
    )
    optuna_sampler: str = _what(
        "tpe",
        "With --sampler=optuna: which of Optuna's.",
        one_of([*OPTUNA_SAMPLERS]),
        f"{{{','.join(OPTUNA_SAMPLERS)}}}",
    )
    num_searches: int = _what(-1, "Run at most N configurations; -1 = all.", search_limit, "N")
    num_seeds: int | None = _what(
        None,
        "Run every configuration under N random seeds, 0 to N-1: first all under seed 0, then all under seed 1, ...",
        at_least(1),
        "N",
    )
    seeds_list: str = _what("", "These random seeds, such as 42,43,44, instead of --num_seeds.", whole_numbers, "LIST")
    seed_option: str = _what(
        "",
        f"The option that gives the script the seed of --num_seeds or --seeds_list. Default: {USUAL_SEED}.",
        option_name,
        "NAME",
    )
    vary_data_seed: bool = _what(False, f"Set {DATA_SEED_OPTION} to the same seed.")
    race: bool = _what(
        False,
        "Give more seeds only to configurations that are not yet worse than the best one, until one is left; "
        "--num_seeds is the most for each.",
    )
    race_p: float = _what(
        0.05,
        "With --race: drop a configuration when the test against the best one gives a p below P (one-sided Welch's "
        "t-test, from 3 seeds on).",
        race_limit,
        "P",
    )
    max_runs: int = _what(-1, "With --race: at most N runs in all; -1 = no limit.", search_limit, "N")
    budgets: str = _what(
        "",
        "Run all configurations with the smallest of these values of _BUDGET_ARG, such as 5,15,45 epochs, and only the "
        "best with the next larger one, and so on.",
        rising_numbers,
        "LIST",
    )
    deterministic_search: bool = _what(False, "Keep the order of the grid instead of shuffling it.")
    random_seed: int = _what(42, "Seed for shuffling and sampling.", seed, "N")
    dont_generate_full_grid: bool = _what(
        False, "The same as --sampler=random (needs --num_searches): the grid is not built, and may have any size."
    )
    dry_run: bool = _trial(False, "Only print the commands; write nothing.")

    out_dir: str = _where(
        DEFAULT_OUT_DIR,
        "Create the search folder, search_<date>_<time>, in DIR. Relative to --run_cwd.",
        metavar="DIR",
    )
    force_out_dir: bool = _where(False, "Use --out_dir itself as the search folder.")
    dont_force_new_dir: bool = _where(
        False, "With --force_out_dir: add to the search folder if it exists, instead of refusing it."
    )
    name: str = _where("", "Name the search: its folder is search_<date>_<time>_TEXT.", search_name, "TEXT")
    more_columns: bool = _table(False, "Add the columns run, state, seconds and seed to the table of results.")
    run_cwd: str = _where(".", "Working directory of the runs, and base of relative paths.", metavar="DIR")

    num_cpu_jobs: int = _how(1, "Without GPUs: execute N runs at once.", at_least(1), "N")
    retries: int = _how(0, "Run a failed run again, up to N times.", at_least(0), "N")
    max_continuations: int = _how(
        20,
        "Continue a run that was preempted, lost or timed out up to N times, where the grid module has _KEEP_OUT_DIR "
        "or _CONTINUE_ARG.",
        at_least(0),
        "N",
    )
    max_failures: int = _how(
        0,
        "Start nothing more after N failures that are alike, unless a run has finished before; 0 = no such limit. "
        "Attempts of --retries count, too.",
        at_least(0),
        "N",
    )
    interpreter: str = _program(
        "",
        "Run the script with CMD instead of python3, such as 'singularity exec image.sif python3'.",
        metavar="CMD",
    )
    snapshot: bool = _program(
        False,
        "Copy the code into the search folder, and execute the runs there, so that you can edit it meanwhile. What git "
        "ignores (data) is linked instead of copied.",
    )
    parser_timeout: float = _how(
        60,
        "Stop your own summary parser (_SUMMARY_PARSER_HANDLE) if it takes longer than S seconds for a run; it is "
        "tried once more when the search ends. Constraints have the same time for a configuration.",
        positive,
        "S",
    )
    on_end: str = _how(
        "",
        "Let the shell execute CMD once when the search has ended, also if it was stopped or runs failed. It finds "
        "counts and paths in variables such as HPSEARCH_FINISHED (docs/asking.rst).",
        metavar="CMD",
    )
    verbose: bool = _how(False, "Show each run's whole command when it starts.")

    stop_early: str = _stopping(
        "none",
        "End a run that is hopeless by its values so far: nan (not a number, twice in a row), median (worse than half "
        "of the others), asha (not in the best third); or several, such as nan,median.",
        stop_rules,
        "RULES",
    )
    stop_after: float = _stopping(
        5, "Compare runs from this step on (of epochs, or what the script counts); asha also at 3, 9, ... times it.",
        positive, "STEPS",
    )  # fmt: skip
    progress_pattern: str = _stopping(
        "",
        "Read values from what runs print: 'epoch (\\d+).*acc ([\\d.]+)', step and value. Default: the summary as it "
        "grows, or _PROGRESS_FILE of the grid module.",
        metavar="REGEX",
    )
    stop_dry_run: bool = _stopping(
        False, "Stop nothing; say what would have been stopped, and what that would have saved or cost."
    )

    resume: str = _resuming(
        "",
        "Resume the search in DIR: keep finished runs, wait for live ones, run the rest. Other options replace the "
        "search's own, except those that shape the list of runs.",
        metavar="DIR",
    )
    runs_are_gone: bool = _resuming(
        False,
        "Assert that runs started elsewhere (another machine or cluster, the original of a copied search folder) are "
        "no longer running.",
    )

    visible_gpus: str = _gpu(
        "",
        "Use only these GPUs, such as 0,2; empty = all; -1 = none, so that runs execute on the CPU.",
        gpu_list,
        "LIST",
    )
    max_num_jobs_per_gpu: int = _gpu(1, "Execute at most N runs of this search at once on a GPU.", at_least(1), "N")
    num_gpus_per_run: int = _gpu(1, "Give each run N GPUs.", at_least(1), "N")
    allowed_load: float = _gpu(0.5, "Start no run on a GPU with a higher load than X (0 to 1).", share, "X")
    allowed_memory: float = _gpu(
        0.5, "Start no run on a GPU with a larger share of its memory in use than X (0 to 1).", share, "X"
    )
    min_free_memory: int = _gpu(
        0, "Start no run on a GPU with less free memory than this, in MiB; 0 = no limit.", at_least(0), "MIB"
    )
    exclusive_gpus: bool = _gpu(False, "Start no run on a GPU while anybody else computes on it.")
    sim_startup_time: int = _gpu(
        60, "After a start on a GPU, wait S seconds before the next start on it.", at_least(0), "S"
    )
    gpu_samples: int = _gpu(
        3,
        "Start a run on a GPU after N readings in a row within the limits, 0.1 s apart (1 s if it was above them just "
        "before).",
        at_least(1),
        "N",
    )

    run_cluster: bool = _cluster(False, "Submit the runs as jobs to a scheduler.")
    scheduler: str = _cluster(
        "lsf",
        "The scheduler; or MODULE:NAME, a class of your own (docs/other_schedulers.rst). Not needed where only LSF or "
        "only Slurm is installed.",
        scheduler_name,
        "{lsf,slurm}",
    )
    num_jobs: int = _cluster(8, "At most N jobs queued or running at once.", at_least(1), "N")
    num_hours: float = _cluster(24, "Time limit of a job: hours, or H:MM.", hours, "N")
    signal_before_end: int = _cluster(
        0,
        "Send each run SIGUSR1 S seconds before the time limit of its job, so that it can save its state; 0 = do not. "
        "Slurm may send it up to a minute early, and LSF counts in whole minutes.",
        at_least(0),
        "S",
    )
    resources: str = _cluster(
        '"rusage[mem=8000, ngpus_excl_p=1]"', "LSF: resources of a job (bsub -R); empty = none.", metavar="STR"
    )
    slurm_mem: str = _cluster("8G", "Slurm: memory of a job (sbatch --mem); empty = site default.", metavar="STR")
    slurm_gres: str = _cluster("gpu:1", "Slurm: GPUs and the like (sbatch --gres); empty = none.", metavar="STR")
    slurm_partition: str = _cluster("", "Slurm: partition; empty = site default.", metavar="STR")
    slurm_qos: str = _cluster("", "Slurm: quality of service (QOS); empty = site default.", metavar="STR")
    slurm_constraint: str = _cluster("", "Slurm: features that a node must have, such as 'a100|v100'.", metavar="STR")
    slurm_options: tuple[str, ...] = _cluster(
        (),
        "Slurm: more options for sbatch, such as '--account=lab --nice'; may be repeated. Options that the search "
        "sets itself, such as --output, are refused.",
        metavar="STR",
        repeats=True,
    )
    slurm_array: bool = _cluster(False, "Slurm: submit job arrays; at most --num_jobs of their tasks run at once.")
    lsf_queue: str = _cluster("", "LSF: queue (bsub -q); empty = site default.", metavar="STR")
    lsf_options: tuple[str, ...] = _cluster(
        (), "LSF: more options for bsub, such as '-P lab -M 8000'; may be repeated.", metavar="STR", repeats=True
    )
    lsf_array: bool = _cluster(False, "LSF: submit job arrays; at most --num_jobs of their jobs run at once.")
    job_setup: str = _cluster(
        "",
        "File with shell lines that each job executes before its runs: module load, conda activate. Relative to the "
        "current folder.",
        metavar="FILE",
    )
    runs_per_job: int = _cluster(1, "Put N runs into each job, side by side.", at_least(1), "N")
    runs_per_job_sequential: bool = _cluster(False, "With --runs_per_job: one after another instead.")
    submit_only: bool = _cluster(
        False, "Submit all runs as job arrays and return at once; hpsearch resume collects the results later."
    )
    max_wait_for_scheduler: float = _cluster(
        -1,
        "Stop submitting after the scheduler has accepted no job for H hours (or H:MM; -1 = never). Submitted runs "
        "continue; resume submits the others.",
        hours_or_forever,
        "H",
    )
    poll_interval_max: float = _cluster(60, "Longest interval between scheduler queries, in seconds.", positive, "S")
    #: Not an option: the names of the options that the user gave, also those given with their default.
    given_by_hand: tuple[str, ...] = ()

    @property
    def is_sampled(self) -> bool:
        """True if configurations are drawn, also quasi-randomly, without building the whole grid."""
        return self.dont_generate_full_grid or self.sampler in ("random", "sobol")

    @property
    def suggests(self) -> bool:
        """True if a sampler chooses each configuration by the results so far."""
        return self.sampler in ("bayes", "optuna")

    @property
    def seed_options(self) -> tuple[str, ...]:
        """The options that give each run its seed; none in a search without seeds."""
        if self.num_seeds is None and not self.seeds_list and not self.seed_option:
            return ()
        names = (self.seed_option or USUAL_SEED, *((DATA_SEED_OPTION,) if self.vary_data_seed else ()))
        return tuple(dict.fromkeys(names))

    @property
    def chooses(self) -> bool:
        """True if the search gets runs while it is carried out."""
        return self.race or self.suggests or bool(self.budgets)

    @property
    def seed_count(self) -> int:
        """How many seeds each configuration gets, in a race at most; 0 in a search without seeds."""
        return len(self.listed_seeds) or self.num_seeds or 0

    @property
    def listed_seeds(self) -> list[int]:
        """The seeds of ``--seeds_list``."""
        return [int(word) for word in self.seeds_list.split(",") if word]


def all_options(of: type = SearchOptions) -> dict[str, Field[Any]]:  # Any: of the options' types
    """Return the declarations of a command's options, by name. of: the class of its options."""
    return {each.name: each for each in fields(of) if each.metadata}


#: The options that shape the list of runs: a search that is planned already cannot take them.
PLANNING_OPTIONS = [name for name, field in all_options().items() if field.metadata["plans"]]
#: Among these, the options that say what the list is made from: they can change when a search is extended.
GRID_OPTIONS = [name for name in PLANNING_OPTIONS if all_options()[name].metadata["group"] == "what to search"]
#: The options that have no effect without ``--run_cluster``.
CLUSTER_OPTIONS = [
    name for name, field in all_options().items() if field.metadata["group"] == _CLUSTER and name != "run_cluster"
]


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
    known = {each.name: _frozen(values[each.name]) for each in fields(SearchOptions) if each.name in values}
    return build(SearchOptions, known)


def _frozen(value: Any) -> Any:  # Any: see above
    """Return a list of argparse or JSON as a tuple, other values as they are."""
    return tuple(value) if isinstance(value, list) else value
