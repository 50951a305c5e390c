"""The rule for which GPU is next: readings, live runs and limits in, GPUs out; how a run's place tells its GPUs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.core.integers import integer
from hpsearch.core.model import Job, Place

#: A GPU has more free memory than another if it has at least this many times as much.
_MORE = 1.05
#: Variables in a run's environment; a resumed search reads them from its journal.
_GPUS, _FREE_MB, _ALONE = "CUDA_VISIBLE_DEVICES", "HPSEARCH_GPU_FREE_MB", "HPSEARCH_GPU_ALONE"


@dataclass(frozen=True)
class GpuReading:
    """What the driver's tool says of a GPU at one moment. load is a share; None = it does not say."""

    index: int
    uuid: str
    load: float | None
    memory_used_mb: float | None
    memory_free_mb: float | None
    memory_total_mb: float | None

    @property
    def memory(self) -> float | None:
        """The share of the memory that is in use; None = not known."""
        if self.memory_used_mb is None or not self.memory_total_mb:
            return None
        return self.memory_used_mb / self.memory_total_mb


@dataclass(frozen=True)
class GpuLimits:
    """What the user allows. load, memory: shares; a GPU exactly at a limit is allowed.

    startup_s: how long after a start on a GPU no other may follow, unless that run has ended.
    listed: indices of the GPUs, in order of preference; empty = all. samples: how many readings must agree.
    exclusive: use only GPUs on which nobody else computes.
    """

    load: float = 0.5
    memory: float = 0.5
    free_memory_mb: float = 0
    startup_s: float = 60
    runs_per_gpu: int = 1
    gpus_per_run: int = 1
    listed: tuple[int, ...] = ()
    samples: int = 3
    exclusive: bool = False


@dataclass(frozen=True)
class GpuRun:
    """A live run of this search. wants_gpu_alone: no other run of the search may join it."""

    gpus: tuple[int, ...]
    started_at: float
    wants_gpu_alone: bool = False


def is_in_startup(run: GpuRun, limits: GpuLimits, now: float) -> bool:
    """Return whether a run may not have taken all its memory yet. Times come from one monotonic clock."""
    return now - run.started_at < limits.startup_s


def open_gpus(order: Sequence[int], runs: Sequence[GpuRun], limits: GpuLimits, now: float) -> list[int]:
    """Return the GPUs on which this search's own runs leave a slot, in the user's order."""

    def is_open(gpu: int) -> bool:
        here = [run for run in runs if gpu in run.gpus]
        is_blocked = any(run.wants_gpu_alone or is_in_startup(run, limits, now) for run in here)
        return len(here) < limits.runs_per_gpu and not is_blocked

    return [gpu for gpu in order if is_open(gpu)]


def broken_limits(reading: GpuReading, limits: GpuLimits) -> list[str]:
    """Return in words each limit that a reading is beyond. An unknown figure is beyond any limit."""
    load, memory = (1.0 if share is None else share for share in (reading.load, reading.memory))
    free_mb = reading.memory_free_mb or 0
    rules = (
        (load > limits.load, f"load {_words(reading.load)}, --allowed_load={limits.load:g}"),
        (memory > limits.memory, f"memory in use {_words(reading.memory)}, --allowed_memory={limits.memory:g}"),
        (
            free_mb < limits.free_memory_mb,
            f"{_words(reading.memory_free_mb)} MiB free, --min_free_memory={limits.free_memory_mb:g}",
        ),
    )
    return [words for is_broken, words in rules if is_broken]


def _words(number: float | None) -> str:
    return "not known" if number is None else f"{number:.5g}"


def choose_gpus(
    order: Sequence[int], readings: Mapping[int, GpuReading], runs: Sequence[GpuRun], limits: GpuLimits, now: float
) -> tuple[int, ...]:
    """Return the GPUs for one more run, emptiest first; empty = nowhere now.

    order: the GPUs that may be used, as the user prefers them. readings: of those that may be considered now.
    """
    considered = [gpu for gpu in open_gpus(order, runs, limits, now) if gpu in readings]
    fit = [gpu for gpu in considered if not broken_limits(readings[gpu], limits)]
    chosen = sorted(fit, key=lambda gpu: _fullness(readings[gpu], runs))[: limits.gpus_per_run]
    return tuple(chosen) if len(chosen) == limits.gpus_per_run else ()


def _fullness(reading: GpuReading, runs: Sequence[GpuRun]) -> tuple[int, int]:
    # Own runs come first, because one that has just started shows nowhere else. Then tenths: a desktop's few megabytes
    # should not overrule the user's order.
    own = sum(reading.index in run.gpus for run in runs)
    return own, round(10 * max(reading.memory or 0.0, reading.load or 0.0))


def place_on(gpus: Sequence[GpuReading], is_alone: bool) -> Place:
    """Return the place made of these GPUs. is_alone: no other run of the search may join."""
    ids = ",".join(str(gpu.index) for gpu in gpus)
    # By bus id, so that the numbers mean the same to CUDA as to the driver's tool.
    environment = {_GPUS: ids, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    known = [gpu.memory_free_mb for gpu in gpus if gpu.memory_free_mb is not None]
    if len(known) == len(gpus):
        environment[_FREE_MB] = f"{min(known):g}"
    if is_alone:
        environment[_ALONE] = "1"
    return Place(f"GPU {ids}" if len(gpus) == 1 else f"GPUs {ids}", environment)


def gpus_of(job: Job) -> tuple[int, ...]:
    """Return the GPUs that a job was given, perhaps by an earlier controller."""
    ids = job.place.environment.get(_GPUS, "")
    return tuple(gpu for word in ids.split(",") if (gpu := integer(word)) is not None)


def free_mb_of(job: Job) -> float:
    """Return how much memory was free on the fullest of the job's GPUs when it started; 0 = not known."""
    try:
        return float(job.place.environment.get(_FREE_MB, 0))
    except ValueError:
        return 0.0


def wants_alone(job: Job) -> bool:
    return _ALONE in job.place.environment


def sharing_runs(active: Sequence[Job]) -> set[str]:
    """Return the tokens of the live runs that share a GPU with another run of the search."""
    counts = Counter(gpu for job in active for gpu in gpus_of(job))
    return {job.attempt.token for job in active if any(counts[gpu] > 1 for gpu in gpus_of(job))}


def memory_need_mb(job: Job, was_shared: bool, readings: Iterable[GpuReading], gpus_per_run: int) -> float | None:
    """Return how much free memory a job that ran out of it needs next: more than it had, or as much if it shared.

    readings: of all GPUs that may be used. None = too few of them can ever have it.
    """
    free_mb = free_mb_of(job)
    if was_shared or not free_mb:
        return free_mb / _MORE
    need_mb = free_mb * _MORE
    large_enough = sum((reading.memory_total_mb or 0) >= need_mb for reading in readings)
    return need_mb if large_enough >= gpus_per_run else None
