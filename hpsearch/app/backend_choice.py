"""Which backend the options ask for."""

from __future__ import annotations

from hpsearch.app.options import SearchOptions
from hpsearch.app.screen import Screen
from hpsearch.backends.base import Backend
from hpsearch.backends.sequential import SequentialBackend
from hpsearch.core.errors import BackendError


def choose_backend(options: SearchOptions, screen: Screen) -> Backend:
    """Return the backend for a search, checked.

    Raises BackendError naming the remedy if it cannot work here.
    """
    backend = _backend(options, screen)
    backend.check()
    return backend


def _backend(options: SearchOptions, screen: Screen) -> Backend:
    if options.run_cluster:
        raise BackendError(f"--run_cluster: the {options.scheduler} backend is not there yet")
    if options.visible_gpus not in ("", "-1"):
        raise BackendError("--visible_gpus: the GPU backend is not there yet; give --visible_gpus=-1")
    if not options.visible_gpus:
        screen.note("no GPU is used: runs go in the foreground, one after another unless --num_cpu_jobs says more")
    return SequentialBackend(options.num_cpu_jobs)
