"""What a run that ran out of GPU memory needs of its next place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.backends.base import Room
from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.gpu.visible_devices import free_mb_of, gpus_of
from hpsearch.core.model import Job

#: A GPU counts as emptier than another if it has this much more free memory.
_ROOMIER = 1.05


class Crowd:
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


def wanted_room(job: Job, was_shared: bool, readings: Iterable[GpuReading], gpus_per_run: int) -> Room | None:
    """Return how much free memory is more than the job had when it started, or as much without others beside it.

    readings: of all GPUs that may be used. None = none of these can ever be emptier.
    """
    free_mb = free_mb_of(job)
    if was_shared or not free_mb:
        return Room(free_mb / _ROOMIER)
    room = Room(free_mb * _ROOMIER)
    roomier = [reading for reading in readings if (reading.memory_total_mb or 0) >= room.free_memory_mb]
    return room if len(roomier) >= gpus_per_run else None


def gpus_with_room(readings: Mapping[int, GpuReading], room: Room, taken: Collection[int]) -> dict[int, GpuReading]:
    """Return those of the GPUs that have enough free memory and no run of the search. taken: those that have one."""
    return {
        gpu: reading
        for gpu, reading in readings.items()
        if gpu not in taken and (reading.memory_free_mb is None or reading.memory_free_mb >= room.free_memory_mb)
    }
