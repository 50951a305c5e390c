"""Which backend the options ask for; only that one is imported."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.backends.base import Backend
from hpsearch.backends.local import SequentialBackend
from hpsearch.config.cluster_options import another_scheduler, check_runs_here, idle_options, with_installed_scheduler
from hpsearch.config.options import SearchOptions
from hpsearch.config.written_options import option_words
from hpsearch.console.console import Console
from hpsearch.core.errors import BackendError, UsageError, reason_of
from hpsearch.user_code.user_modules import own_scheduler

if TYPE_CHECKING:
    from hpsearch.backends.gpu.slots import GpuLimits
    from hpsearch.backends.scheduler import ClusterWishes, Scheduler


def choose_backend(
    options: SearchOptions, console: Console, only_ends: bool = False, continues: bool = False
) -> Backend:
    """Return the backend for a search, checked. only_ends: it is only needed to end an earlier controller's runs.

    continues: see `Settings.continues`.
    Raises BackendError naming the remedy if the backend cannot work here.
    """
    if not options.run_cluster:
        # Finding and ending processes needs no GPU.
        return SequentialBackend(tell=console.note) if only_ends else _on_this_machine(options, console)
    from hpsearch.backends.cluster.backend import ClusterBackend
    from hpsearch.backends.cluster.slurm import Slurm

    scheduler, wishes = _scheduler(options), _cluster_wishes(options, continues)
    backend = ClusterBackend(scheduler, wishes, console.note, os.environ)
    try:
        backend.check()
    except BackendError as error:
        raise BackendError(f"{error}{another_scheduler(options)}") from error
    replaced = scheduler.replaced_defaults(wishes) if isinstance(scheduler, Slurm) else ""
    if replaced and not only_ends:
        console.note(replaced)
    return backend


def fitted_to_host(
    options: SearchOptions, typed: Collection[str], console: Console, was_on_cluster: bool = False
) -> SearchOptions:
    """Return the options with the scheduler installed here; tell people which options for a cluster have no effect.

    typed: names of the options on the command line. was_on_cluster: the search has a scheduler already.
    Raises UsageError if the runs would start on a host of the cluster that they are meant for.
    """
    check_runs_here(options, typed, os.environ)
    chosen, note = (options, "") if was_on_cluster else with_installed_scheduler(options)
    console.notes(filter(None, (note, idle_options(chosen, typed))))
    return chosen


def check_cluster_options(options: SearchOptions) -> None:
    """Raise UsageError if the options for a cluster cannot work, as far as can be told without asking the cluster."""
    if options.run_cluster:
        _scheduler(options)
        _cluster_wishes(options)


def _scheduler(options: SearchOptions) -> Scheduler:
    if ":" in options.scheduler:
        return own_scheduler(options.scheduler)
    if options.scheduler == "slurm":
        from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes

        further = option_words(options, "slurm_options")
        if options.signal_before_end and any(word.startswith("--signal") for word in further):
            raise UsageError("--signal_before_end: --slurm_options has --signal, too; give one of them")
        names = {"time": "num_hours", "mem": "slurm_mem", "gres": "slurm_gres"}
        wishes = SlurmWishes(
            mem=options.slurm_mem,
            gres=options.slurm_gres,
            partition=options.slurm_partition,
            qos=options.slurm_qos,
            constraint=options.slurm_constraint,
            options=further,
            by_hand=frozenset(ours for ours, name in names.items() if name in options.given_by_hand),
        )
        return Slurm(wishes, os.environ)
    from hpsearch.backends.cluster.lsf import Lsf, LsfWishes

    return Lsf(LsfWishes(options.resources, options.lsf_queue, option_words(options, "lsf_options")))


def _cluster_wishes(options: SearchOptions, continues: bool = False) -> ClusterWishes:
    from hpsearch.backends.scheduler import ClusterWishes

    arrays, signal_s = {"slurm": options.slurm_array, "lsf": options.lsf_array}, options.signal_before_end
    if signal_s >= 3600 * options.num_hours:
        limit = f"the {3600 * options.num_hours:g} of --num_hours"
        raise UsageError(f"--signal_before_end={signal_s}: expected fewer seconds than {limit}")
    return ClusterWishes(
        jobs=options.num_jobs,
        hours=options.num_hours,
        runs_per_job=options.runs_per_job,
        one_after_another=options.runs_per_job_sequential,
        as_arrays=options.submit_only or arrays.get(options.scheduler, False),
        all_at_once=options.submit_only,
        setup=_setup_lines(options.job_setup),
        longest_pause_s=options.poll_interval_max,
        signal_before_end_s=signal_s,
        saves_on_signal=continues or signal_s > 0,
    )


def _setup_lines(file: str) -> str:
    """Return the user's shell lines. Raises UsageError if they cannot be read, or would swallow the next lines."""
    if not file:
        return ""
    try:
        lines = Path(file).expanduser().read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"--job_setup={file}: cannot be read ({reason_of(error)})") from error
    from hpsearch.backends.cluster.script import setup_problem

    problem = setup_problem(lines)
    if problem:
        raise UsageError(f"--job_setup={file}: {problem}")
    return lines


def _on_this_machine(options: SearchOptions, console: Console) -> Backend:
    """Return the GPU backend, or the foreground if there are no GPUs or none is wanted."""
    if options.visible_gpus != "-1":
        from hpsearch.backends.gpu.backend import GpuBackend
        from hpsearch.backends.gpu.cards import NoGpuFound

        gpus = GpuBackend(_gpu_limits(options), console.note, os.environ)
        try:
            gpus.check()
            return gpus
        except BackendError as error:
            gpus.close()
            if options.visible_gpus or not isinstance(error, NoGpuFound):
                raise
            several = f"{options.num_cpu_jobs} runs at once"
            how = several if options.num_cpu_jobs > 1 else "one run at a time (see --num_cpu_jobs)"
            console.note(f"{error}: {how}")
    return SequentialBackend(options.num_cpu_jobs, console.note)


def _gpu_limits(options: SearchOptions) -> GpuLimits:
    from hpsearch.backends.gpu.slots import GpuLimits

    return GpuLimits(
        load=options.allowed_load,
        memory=options.allowed_memory,
        free_memory_mb=options.min_free_memory,
        startup_s=options.sim_startup_time,
        runs_per_gpu=options.max_num_jobs_per_gpu,
        gpus_per_run=options.num_gpus_per_run,
        listed=tuple(int(index) for index in options.visible_gpus.split(",") if index),
        samples=options.gpu_samples,
        exclusive=options.exclusive_gpus,
    )
