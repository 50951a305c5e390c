"""Which GPU is next, by readings, live runs and limits; when to read GPUs again; how a place names its GPUs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from hpsearch.core.model import Job, Place
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

#: One GPU has more free memory than another if it has at least this many times as much.
_MORE = 1.05
#: Variables in a run's environment; a resumed search reads them from its journal.
_GPUS, _FREE_MB, _ALONE = "CUDA_VISIBLE_DEVICES", "HPSEARCH_GPU_FREE_MB", "HPSEARCH_GPU_ALONE"
#: The gap between the readings that together confirm a GPU that nobody was seen to use.
GAP_S = 0.1
#: The same for a GPU that was above the limits: a training run between two epochs looks idle for a moment.
LONG_GAP_S = 1.0
#: How long a GPU stays confirmed.
FRESH_S = 1.0
#: The pause after a GPU was found above the limits doubles while nothing changes.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 5.0
#: The driver's load is an average over up to a second, so for this long it may show a run of ours that has ended.
SETTLING_S = 2.0
#: The pause between readings in that time.
SETTLING_PAUSE_S = 0.5
#: Shorter waits are not worth a message.
PATIENCE_S = 1.0


@dataclass(frozen=True)
class GpuReading:
    """What nvidia-smi says of a GPU at one moment. load: a share. None = it does not say."""

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
    """What the user allows. load, memory: shares; a GPU exactly at a limit may be used.

    startup_s: the time after a start on a GPU in which no other may follow, unless that run ends.
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
    """Return whether a run may still be taking memory. Times come from one monotonic clock."""
    return now - run.started_at < limits.startup_s


def open_gpus(order: Sequence[int], runs: Sequence[GpuRun], limits: GpuLimits, now: float) -> list[int]:
    """Return the GPUs on which this search's own runs leave a slot, in the user's order."""

    def is_open(gpu: int) -> bool:
        here = [run for run in runs if gpu in run.gpus]
        is_blocked = any(run.wants_gpu_alone or is_in_startup(run, limits, now) for run in here)
        return len(here) < limits.runs_per_gpu and not is_blocked

    return [gpu for gpu in order if is_open(gpu)]


def broken_limits(reading: GpuReading, limits: GpuLimits) -> list[str]:
    """Return, in words, each limit that a reading exceeds. An unknown figure exceeds any limit."""
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

    order: the GPUs that may be used, as the user prefers them. readings: of the GPUs that may be considered now.
    """
    considered = [gpu for gpu in open_gpus(order, runs, limits, now) if gpu in readings]
    fit = [gpu for gpu in considered if not broken_limits(readings[gpu], limits)]
    chosen = sorted(fit, key=lambda gpu: _fullness(readings[gpu], runs))[: limits.gpus_per_run]
    return tuple(chosen) if len(chosen) == limits.gpus_per_run else ()


def _fullness(reading: GpuReading, runs: Sequence[GpuRun]) -> tuple[int, int]:
    # Own runs come first, because a run that has just started shows nowhere else. Then tenths: a desktop's few
    # megabytes should not overrule the user's order.
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
    """Return the free memory of the fullest of the job's GPUs at its start, in MiB; 0 = not known."""
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
    """Return the free memory that a job which ran out of it needs next: more than it had, or as much if it shared.

    readings: of all GPUs that may be used. None = too few GPUs can ever have that much.
    """
    free_mb = free_mb_of(job)
    if was_shared or not free_mb:
        return free_mb / _MORE
    need_mb = free_mb * _MORE
    large_enough = sum((reading.memory_total_mb or 0) >= need_mb for reading in readings)
    return need_mb if large_enough >= gpus_per_run else None


@dataclass
class _View:
    """What was seen of one GPU. good: readings in a row that allow a run. look_at: when to look again.

    since: when the first good reading was asked for. asked, seen: when the last reading was asked for, and came.
    was_full: the GPU was above the limits since it was last confirmed. settles: when an ended run of ours no longer
    shows in the readings.
    """

    good: int = 0
    since: float = -math.inf
    asked: float = -math.inf
    seen: float = -math.inf
    settles: float = -math.inf
    look_at: float = -math.inf
    pause_s: float = FIRST_PAUSE_S
    was_full: bool = False

    def put_off(self, now: float) -> None:
        """Start counting anew, after a pause that grows each time."""
        self.good = 0
        if self.look_at <= now:
            self.look_at = now + self.pause_s
            self.pause_s = min(2 * self.pause_s, LONGEST_PAUSE_S)


class GpuWatch:
    """Counts readings in a row that allow a run. All times come from one monotonic clock."""

    def __init__(self, samples: int) -> None:
        """samples: this many readings in a row confirm a GPU."""
        self._samples = samples
        self._views: defaultdict[int, _View] = defaultdict(_View)
        self._beyond: dict[int, str] = {}
        self._refused: dict[int, str] = {}
        self._waits_since: float | None = None
        self._is_said = False

    def note(self, gpu: int, broken: str, asked: float, now: float) -> None:
        """Take in one reading. broken: the limits that the GPU exceeds, empty = a run may start there.

        asked: when the driver was asked for the reading.
        """
        view, self._beyond[gpu] = self._views[gpu], broken
        if not broken:
            self._count(view, asked, now)
        elif now < view.settles:
            view.good, view.look_at = 0, now + SETTLING_PAUSE_S
        else:
            view.was_full = True
            view.put_off(now)

    def _count(self, view: _View, asked: float, now: float) -> None:
        gap_s = LONG_GAP_S if view.was_full else GAP_S
        if view.good and asked - view.asked < gap_s:
            return  # The reading was taken for another GPU, too soon to tell anything new about this one.
        # Measured from answer to question: a slow driver is no reason to start counting anew.
        if view.good == 0 or asked - view.seen > FRESH_S + gap_s:
            view.good, view.since = 0, asked
        view.good += 1
        view.asked, view.seen, view.pause_s = asked, now, FIRST_PAUSE_S
        view.look_at = asked + gap_s
        if view.good >= self._samples:
            view.was_full, view.look_at = False, now + FRESH_S

    def put_off(self, gpus: Collection[int], now: float, reason: str = "") -> None:
        """Note that these GPUs cannot be used for now. reason: why, although they are within the limits."""
        for gpu in gpus:
            self._views[gpu].put_off(now)
            if reason:
                self._refused[gpu] = reason

    def start_anew(self, gpus: Iterable[int]) -> None:
        """Forget earlier readings of these GPUs, and read them at once."""
        for gpu in gpus:
            self._views[gpu] = _View()

    def run_ended(self, gpus: Iterable[int], now: float) -> None:
        """Note that a run of ours ended on these GPUs: read them at once, unless they are within the limits already."""
        for gpu in gpus:
            if self._views[gpu].good == 0:
                self._views[gpu] = _View()
            self._views[gpu].settles = now + SETTLING_S

    def is_confirmed(self, gpu: int, now: float) -> bool:
        """Return whether enough readings in a row, and recent ones, allow a run."""
        view = self._views[gpu]
        return view.good >= self._samples and now - view.seen <= FRESH_S

    def confirmed_since(self, gpu: int) -> float:
        """Return when the first reading that counts was asked for."""
        return self._views[gpu].since

    def wait_s(self, gpus: Sequence[int], needed: int, now: float) -> float:
        """Return how long to wait before the next reading can confirm `needed` of these GPUs; 0 = read now."""
        return sorted(max(0.0, self._views[gpu].look_at - now) for gpu in gpus)[needed - 1]

    def run_started(self) -> None:
        """Note that the wait for a GPU is over."""
        self._beyond.clear()
        self._refused.clear()
        self._waits_since, self._is_said = None, False

    def obstacles(self, gpus: Sequence[int], needed: int, now: float) -> str:
        """Return what keeps runs from GPUs, while the search waits for `needed` of them and has no live run.

        It is said once in each wait; else the text is empty.
        """
        reasons = {gpu: self._beyond.get(gpu) or self._refused.get(gpu) for gpu in gpus}
        kept = [f"GPU {gpu}: {reason}" for gpu, reason in reasons.items() if reason]
        if len(gpus) - len(kept) >= needed:
            self._waits_since = None
            return ""
        self._waits_since = now if self._waits_since is None else self._waits_since
        if self._is_said or now - self._waits_since < PATIENCE_S:
            return ""
        self._is_said = True
        return f"waiting, no run can start now: {'; '.join(kept)}"
