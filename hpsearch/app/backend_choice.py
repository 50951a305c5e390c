"""Which backend the options ask for."""

from __future__ import annotations

import os

from hpsearch.app.options import SearchOptions
from hpsearch.app.screen import Screen
from hpsearch.backends.base import Backend
from hpsearch.backends.gpu import GpuBackend, GpuWishes
from hpsearch.backends.gpu_cards import NoGpuFound
from hpsearch.backends.gpu_slots import GpuLimits
from hpsearch.backends.sequential import SequentialBackend
from hpsearch.core.errors import BackendError


def choose_backend(options: SearchOptions, screen: Screen) -> Backend:
    """Return the backend for a search, checked.

    Raises BackendError naming the remedy if it cannot work here.
    """
    if not options.run_cluster:
        return _on_this_machine(options, screen)
    backend = _scheduler(options)
    backend.check()
    return backend


def _scheduler(options: SearchOptions) -> Backend:
    raise BackendError(f"--run_cluster: the {options.scheduler} backend is not there yet")


def _on_this_machine(options: SearchOptions, screen: Screen) -> Backend:
    """Return the GPU backend, or the foreground where there are no GPUs or none is wanted."""
    if options.visible_gpus != "-1":
        gpus = GpuBackend(_gpu_wishes(options), screen.note, os.environ)
        try:
            gpus.check()
            return gpus
        except BackendError as error:
            gpus.close()
            if options.visible_gpus or not isinstance(error, NoGpuFound):
                raise
            how = "runs go in the foreground, one after another unless --num_cpu_jobs says more"
            screen.note(f"no GPU is used: {how} ({error})")
    return SequentialBackend(options.num_cpu_jobs)


def _gpu_wishes(options: SearchOptions) -> GpuWishes:
    limits = GpuLimits(
        load=options.allowed_load,
        memory=options.allowed_memory,
        free_memory_mb=options.min_free_memory,
        startup_s=options.sim_startup_time,
        runs_per_gpu=options.max_num_jobs_per_gpu,
        gpus_per_run=options.num_gpus_per_run,
    )
    listed = tuple(int(index) for index in options.visible_gpus.split(",") if index)
    return GpuWishes(listed, limits, options.gpu_samples, options.exclusive_gpus)
