"""What a run that ran out of GPU memory needs of its next place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.gpu.visible_devices import free_mb_of, gpus_of
from hpsearch.core.model import Job

#: A GPU has more free memory than another if it has at least this many times as much.
_MORE = 1.05


class SharingRuns:
    """Which live runs have shared a GPU with another run of the search."""

    def __init__(self) -> None:
        self._tokens: set[str] = set()

    def note(self, active: Sequence[Job]) -> None:
        """Look at all live runs, those included that have ended just now."""
        counts = Counter(gpu for job in active for gpu in gpus_of(job))
        crowded = {job.attempt.token for job in active if any(counts[gpu] > 1 for gpu in gpus_of(job))}
        self._tokens = (self._tokens & {job.attempt.token for job in active}) | crowded

    def __contains__(self, job: Job) -> bool:
        return job.attempt.token in self._tokens


def memory_need_mb(job: Job, was_shared: bool, readings: Iterable[GpuReading], gpus_per_run: int) -> float | None:
    """Return how much free memory is more than the job had when it started, or as much without others beside it.

    readings: of all GPUs that may be used. None = none of these can ever have more.
    """
    free_mb = free_mb_of(job)
    if was_shared or not free_mb:
        return free_mb / _MORE
    large_enough = [reading for reading in readings if (reading.memory_total_mb or 0) >= free_mb * _MORE]
    return free_mb * _MORE if len(large_enough) >= gpus_per_run else None


def gpus_with_memory(
    readings: Mapping[int, GpuReading], need_mb: float, taken: Collection[int]
) -> dict[int, GpuReading]:
    """Return those of the GPUs that have enough free memory and no run of the search. taken: those that have one."""
    return {
        gpu: reading
        for gpu, reading in readings.items()
        if gpu not in taken and (reading.memory_free_mb is None or reading.memory_free_mb >= need_mb)
    }
