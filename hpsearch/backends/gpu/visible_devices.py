"""How a run's GPUs are written into its environment, and read from there when a search is resumed."""

from __future__ import annotations

from collections.abc import Sequence

from hpsearch.core.integers import integer
from hpsearch.core.model import Job, Place

_GPUS, _FREE_MB, _ALONE = "CUDA_VISIBLE_DEVICES", "HPSEARCH_GPU_FREE_MB", "HPSEARCH_GPU_ALONE"


def place_on(gpus: Sequence[int], free_mb: Sequence[float | None], is_alone: bool) -> Place:
    """Return the place made of these GPUs.

    free_mb: of each GPU, None = not known. is_alone: no other run of the search may join.
    """
    ids = ",".join(map(str, gpus))
    # By bus id, so that the numbers mean the same to CUDA as to the driver's tool.
    environment = {_GPUS: ids, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    known = [mb for mb in free_mb if mb is not None]
    if len(known) == len(gpus):
        environment[_FREE_MB] = f"{min(known):g}"
    if is_alone:
        environment[_ALONE] = "1"
    return Place(f"GPU {ids}" if len(gpus) == 1 else f"GPUs {ids}", environment)


def gpus_of(job: Job) -> tuple[int, ...]:
    """Return the GPUs that a job was given, by this controller or an earlier one."""
    ids = job.place.environment.get(_GPUS, "")
    return tuple(gpu for word in ids.split(",") if (gpu := integer(word)) is not None)


def free_mb_of(job: Job) -> float:
    """Return how much memory was free on the fullest of the job's GPUs when it started; 0 = not known."""
    try:
        return float(job.place.environment.get(_FREE_MB, 0))
    except ValueError:
        return 0.0


def wants_alone(job: Job) -> bool:
    """Return whether no other run of the search may join the job."""
    return _ALONE in job.place.environment
