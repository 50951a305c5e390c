"""Options for a cluster: which scheduler they are for, and which of them have no effect in this call of the search."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping

from hpsearch.backends.run_family import surrounding_job
from hpsearch.config.options import CLUSTER_OPTIONS, SearchOptions
from hpsearch.core.errors import UsageError
from hpsearch.startup.classes import dataclass, replace
from hpsearch.user_code.user_modules import own_scheduler


@dataclass(frozen=True)
class _Known:
    """A built-in scheduler. own: how its options' names begin. commands: programs that only its hosts have."""

    name: str
    own: tuple[str, ...]
    commands: tuple[str, ...]


_SCHEDULERS = {
    "lsf": _Known("LSF", ("lsf_", "resources"), ("bsub", "bjobs")),
    "slurm": _Known("Slurm", ("slurm_",), ("sbatch", "squeue")),
}
#: Whether a command is on PATH.
Has = Callable[[str], bool]


def on_path(command: str) -> bool:
    return shutil.which(command) is not None


def display_name(scheduler: str) -> str:
    """Return a scheduler's name for people."""
    return _SCHEDULERS[scheduler].name if scheduler in _SCHEDULERS else scheduler


def with_installed_scheduler(options: SearchOptions, has: Has = on_path) -> tuple[SearchOptions, str]:
    """Return the options with the installed scheduler if the user names none, and a note about that."""
    is_named = any(name.startswith(("scheduler", f"{options.scheduler}_")) for name in options.given_by_hand)
    if not options.run_cluster or is_named:
        return options, ""
    chosen = _default_scheduler(options.scheduler, has)
    if chosen == options.scheduler:
        return options, ""
    missing, found = display_name(options.scheduler), display_name(chosen)
    note = f"using {found}, because {missing} is not installed here (--scheduler={chosen})"
    return replace(options, scheduler=chosen), note


def another_scheduler(options: SearchOptions, has: Has = on_path) -> str:
    """Return the end of a message: which other scheduler could be used here; empty if none."""
    others = [name for name in _SCHEDULERS if name != options.scheduler and _is_here(name, has)]
    return "".join(f". {display_name(name)} is installed here: --scheduler={name}" for name in others)


def _default_scheduler(default: str, has: Has) -> str:
    others = [name for name in _SCHEDULERS if name != default and _is_here(name, has)]
    return default if _is_here(default, has) or not others else others[0]


def _is_here(scheduler: str, has: Has) -> bool:
    if scheduler in _SCHEDULERS:
        return any(map(has, _SCHEDULERS[scheduler].commands))
    return has(own_scheduler(scheduler).version_command().argv[0])


def check_runs_here(
    options: SearchOptions, typed: Collection[str], environ: Mapping[str, str], has: Has = on_path
) -> None:
    """Refuse to start all runs on this machine if the options show that the cluster around it was meant.

    typed: names of the options on the command line. Raises UsageError, with both ways out.
    """
    given = [name for name in typed if name in CLUSTER_OPTIONS]
    is_settled = options.run_cluster or "visible_gpus" in options.given_by_hand or bool(surrounding_job(environ))
    if is_settled or not given:
        return
    meant = dict.fromkeys(scheduler for name in given for scheduler in _meant(name, options))
    here = next((scheduler for scheduler in meant if _is_here(scheduler, has)), None)
    if here is None:
        return
    is_default = "scheduler" in options.given_by_hand or here == _default_scheduler(options.scheduler, has)
    cluster = "--run_cluster" if is_default else f"--run_cluster --scheduler={here}"
    raise UsageError(
        f"{_without_effect(given)} without --run_cluster: add {cluster} to submit the runs to {display_name(here)}, "
        "or --visible_gpus=... to run them on this machine (-1: without GPUs)"
    )


def _meant(name: str, options: SearchOptions) -> list[str]:
    """Return the schedulers that have an option."""
    owner = _owner(name)
    if owner:
        return [owner]
    return [options.scheduler] if "scheduler" in options.given_by_hand else list(_SCHEDULERS)


def _owner(name: str) -> str:
    """Return the scheduler that an option is for; empty if for any."""
    return next((scheduler for scheduler, known in _SCHEDULERS.items() if name.startswith(known.own)), "")


def idle_options(options: SearchOptions, typed: Collection[str]) -> str:
    """Return a message naming the cluster options without effect; empty if there are none. typed: as above."""
    given = [name for name in typed if name in CLUSTER_OPTIONS]
    if options.run_cluster:
        given = [name for name in given if _owner(name) not in ("", options.scheduler)]
        why = f"with --scheduler={options.scheduler}"
    else:
        why = "without --run_cluster; the runs start on this machine"
    return f"{_without_effect(given)} {why}" if given else ""


def _without_effect(names: Collection[str]) -> str:
    *first, last = [f"--{name}" for name in names]
    return f"{', '.join(first)} and {last} have no effect" if first else f"{last} has no effect"
