"""Runs on the GPUs of this machine: several at once, several on each, never beyond what the user allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hpsearch.backends.gpu.cards import NoGpuFound, query_cards, usable_cards
from hpsearch.backends.gpu.locks import LOCK_FOLDER, LOCK_FOLDER_VARIABLE, GpuLocks
from hpsearch.backends.gpu.nvidia_smi import Remarks, foreign_gpus, has_driver_tool
from hpsearch.backends.gpu.readings import GpuReader
from hpsearch.backends.gpu.slots import (
    GpuLimits,
    GpuReading,
    GpuRun,
    SharingRuns,
    broken_limits,
    choose_gpus,
    gpus_of,
    gpus_with_memory,
    is_in_startup,
    memory_need_mb,
    place_on,
    wants_alone,
)
from hpsearch.backends.gpu.slots import open_gpus as find_open_gpus
from hpsearch.backends.gpu.watch import GpuWatch, Obstacles
from hpsearch.backends.local import LocalBackend
from hpsearch.backends.process_identity import pid_of
from hpsearch.backends.shell import Conversation
from hpsearch.core.errors import BackendError
from hpsearch.core.model import Job, JobPhase, Place, Status


@dataclass(frozen=True)
class GpuWishes:
    """What the user asks for. listed: indices in order of preference, empty = all. samples: readings that must agree.

    exclusive: only GPUs on which nobody else computes.
    """

    listed: tuple[int, ...] = ()
    limits: GpuLimits = field(default_factory=GpuLimits)
    samples: int = 3
    exclusive: bool = False


class GpuBackend(LocalBackend):
    """Local runs, each with GPUs of its own or shared, as `GpuLimits` allows."""

    name = "GPUs"
    shows_output = False

    def __init__(
        self,
        wishes: GpuWishes,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """Tell the user's wishes and the caller's environment; `tell` shows people a message.

        clock: seconds since this machine was started, for waiting. wall: seconds since the epoch, which an earlier
        controller noted.
        """
        super().__init__(tell)
        self.conversation = Conversation(environment)
        self._wishes, self._limits, self._tell = wishes, wishes.limits, tell
        self._environment, self._clock, self._wall = environment, clock, wall
        self._started_at: dict[str, float] = {}
        self._tokens: set[str] = set()
        self._reader = GpuReader(conversation=self.conversation)
        self._watch = GpuWatch(wishes.samples)
        self._locks = GpuLocks(Path(environment.get(LOCK_FOLDER_VARIABLE) or LOCK_FOLDER), self._warn)
        self._uuids: dict[int, str] = {}
        self._lock_names: dict[int, str] = {}
        self._single: frozenset[int] = frozenset()
        self._readings: dict[int, GpuReading] = {}
        self._obstacles, self._remarks = Obstacles(tell), Remarks()
        self._is_silent = False
        self._asked_at = -math.inf
        self._look_at: float | None = None
        self._sharing = SharingRuns()
        self._changed: set[int] = set()

    def check(self) -> None:
        """Find the GPUs, say which of those that are meant cannot be used, and take a first reading."""
        if not has_driver_tool():
            raise NoGpuFound("no NVIDIA GPU was found: there is no nvidia-smi on PATH")
        # Loading GPUtil and its first reading take their time while the cards are listed.
        self._ask()
        listed, remarks = query_cards(self.conversation)
        cards, complaints = usable_cards(listed, self._wishes.listed, self._limits, self._environment)
        self._uuids = {card.index: card.uuid for card in cards}
        self._single = frozenset(card.index for card in cards if card.takes_one_process)
        self._lock_names = {card.index: card.lock_name for card in cards}
        for complaint in [*complaints, *self._remarks.news(remarks), self._locks.prepare()]:
            if complaint:
                self._warn(complaint)
        readings = self._reader.read_now()
        if not readings:
            raise BackendError(
                f"{self._reader.problem}; call it by hand, or give --visible_gpus=-1 to run without GPUs"
            )
        self._take_in(readings, [])

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return the GPUs for one more run; asks for readings where a slot could be filled."""
        return self._place(active, None)

    def memory_need_mb(self, job: Job) -> float | None:
        """Return how much free memory is more than the job had when it started there, or as much without others."""
        ours = [self._readings[gpu] for gpu in self._uuids if gpu in self._readings]
        return memory_need_mb(job, job in self._sharing, ours, self._limits.gpus_per_run)

    def place_with_memory(self, active: Sequence[Job], free_mb: float) -> Place | None:
        """Return GPUs for one run alone that have this much memory free."""
        return self._place(active, free_mb)

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Look at each process; a GPU on which one has ended is worth a new look."""
        statuses = super().poll(active)
        self._sharing.note(active)
        self._tokens.update(statuses)
        for job in active:
            if statuses[job.attempt.token].phase is JobPhase.ENDED:
                self._watch.run_ended(gpus_of(job), self._clock())
                if self._reader.is_busy:
                    self._changed.update(gpus_of(job))
        return statuses

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Sleep until a run ends, a start-up time is over, or it is time for a reading or its answer."""
        runs, now = self._runs(active), self._clock()
        # Before a sleep that may be long: a start-up time of 0 is over at once.
        self._keep_locks(runs)
        limits = [] if timeout_s is None else [timeout_s]
        limits += [run.started_at + self._limits.startup_s - now for run in self._starting(runs)]
        if self._look_at is not None and not self._reader.is_busy:
            limits.append(self._look_at - now)
        bells = [self._reader.bell] if self._reader.is_busy else []
        self._sleep(active, max(0.0, min(limits)) if limits else None, alarm, *bells)
        # Only a search that still has runs to start asks again.
        self._look_at = None
        self._take_in(self._reader.answer(), runs)
        self._keep_locks(runs)

    def close(self) -> None:
        """Forget the processes, which go on, and give back the locks."""
        super().close()
        self._reader.close()
        self._locks.keep(())

    def _place(self, active: Sequence[Job], need_mb: float | None) -> Place | None:
        runs = self._runs(active)
        self._take_in(self._reader.answer(), runs)
        self._keep_locks(runs)
        is_open = find_open_gpus(list(self._uuids), runs, self._limits, self._clock())
        confirmed = self._confirmed(is_open)
        if need_mb is not None:
            confirmed = self._with_memory(confirmed, need_mb, runs)
        chosen = self._chosen(confirmed, runs, [pid_of(job.id) for job in active])
        if not chosen:
            if not active:
                self._obstacles.tell(is_open, self._limits.gpus_per_run, self._clock())
            self._look(is_open)
            return None
        self._obstacles.clear()
        now = self._clock()
        for gpu in chosen:
            self._locks.note_start(self._lock_names[gpu], now)
        return place_on(chosen, [self._readings[gpu].memory_free_mb for gpu in chosen], is_alone=need_mb is not None)

    def _confirmed(self, gpus: Iterable[int]) -> dict[int, GpuReading]:
        now = self._clock()
        return {
            gpu: self._readings[gpu] for gpu in gpus if self._watch.is_confirmed(gpu, now) and gpu in self._readings
        }

    def _with_memory(
        self, confirmed: Mapping[int, GpuReading], need_mb: float, runs: Sequence[GpuRun]
    ) -> dict[int, GpuReading]:
        """Return those GPUs that have enough free memory and no run; the others are looked at less and less often."""
        fit = gpus_with_memory(confirmed, need_mb, {gpu for run in runs for gpu in run.gpus})
        too_full = confirmed.keys() - fit.keys()
        self._put_off(too_full, f"a run that ran out of memory needs {need_mb:.0f} MiB and no other run")
        return fit

    def _chosen(self, confirmed: dict[int, GpuReading], runs: Sequence[GpuRun], leaders: list[int]) -> tuple[int, ...]:
        """Return the GPUs for a run, their locks held; those that are refused at the last moment are left out."""
        while True:
            chosen = choose_gpus(list(self._uuids), confirmed, runs, self._limits, self._clock())
            refused = self._refused(chosen, leaders)
            if not refused:
                return chosen
            self._keep_locks(runs)
            for gpu in refused:
                del confirmed[gpu]

    def _refused(self, gpus: tuple[int, ...], leaders: list[int]) -> list[int]:
        """Take the GPUs' locks; return those GPUs that another search or someone else's process has."""
        locked = [gpu for gpu in gpus if not self._locks.take(self._lock_names[gpu])]
        self._put_off(locked, "a run of another search starts up there")
        since, now = self._watch.confirmed_since, self._clock()
        outdated = [gpu for gpu in gpus if self._locks.has_other_start(self._lock_names[gpu], since(gpu), now)]
        self._watch.start_anew(outdated)
        refused = {*locked, *outdated}
        if gpus and not refused and self._wishes.exclusive:
            uuids = {gpu: self._uuids[gpu] for gpu in gpus}
            refused = foreign_gpus(self.conversation, uuids, leaders, self._tokens)
            self._put_off(refused, "a process of someone else computes there, --exclusive_gpus")
        return list(refused)

    def _put_off(self, gpus: Iterable[int], reason: str) -> None:
        """These GPUs are below the limits, but cannot be used for now all the same."""
        self._watch.put_off(gpus, self._clock())
        for gpu in gpus:
            self._obstacles.note_refusal(gpu, reason)

    def _look(self, is_open: Sequence[int]) -> None:
        """Ask for a reading if a slot could be filled and it is time; else note when it will be."""
        now, needed = self._clock(), self._limits.gpus_per_run
        if len(is_open) < needed:
            return
        wait_s = self._watch.wait_s(is_open, needed, now)
        if wait_s <= 0:
            self._ask()
        self._look_at = now + wait_s

    def _ask(self) -> None:
        if not self._reader.is_busy:
            self._asked_at = self._clock()
            self._reader.ask()

    def _take_in(self, readings: Sequence[GpuReading] | None, runs: Sequence[GpuRun]) -> None:
        """Take in new readings: None = there are none yet, empty = the driver gave no answer."""
        if readings is None:
            return
        now = self._clock()
        if bool(readings) == self._is_silent:
            self._tell_of_silence(not readings)
        if not readings:
            self._watch.put_off(self._uuids, now)
            return
        for remark in self._remarks.news(self._reader.remarks):
            self._warn(remark)
        self._readings = {reading.index: reading for reading in readings}
        # A full GPU says nothing while it is full of our own runs, or of one that has ended since the question.
        is_telling = {*find_open_gpus(list(self._uuids), runs, self._limits, now)} - self._changed
        self._changed.clear()
        broken = {gpu: self._broken_limits(gpu) for gpu in self._uuids}
        allows = {gpu: not words for gpu, words in broken.items() if not words or gpu in is_telling}
        self._watch.note(allows, self._asked_at, now)
        for gpu in allows:
            self._obstacles.note_reading(gpu, broken[gpu])

    def _broken_limits(self, gpu: int) -> str:
        if gpu not in self._readings:
            return "nvidia-smi does not list it any more"
        return ", ".join(broken_limits(self._readings[gpu], self._limits))

    def _tell_of_silence(self, is_silent: bool) -> None:
        self._is_silent = is_silent
        if is_silent:
            self._warn(f"{self._reader.problem}: running runs go on, no new one is started until it answers again")
        else:
            self._tell("nvidia-smi answers again")

    def _keep_locks(self, runs: Sequence[GpuRun]) -> None:
        """Hold the locks of the GPUs on which a run starts up, also an adopted one, and no others."""
        gpus = {gpu for run in self._starting(runs) for gpu in run.gpus}
        starting = {name for gpu, name in self._lock_names.items() if gpu in gpus}
        self._locks.keep(starting)
        for name in starting:
            self._locks.take(name)

    def _starting(self, runs: Sequence[GpuRun]) -> list[GpuRun]:
        now = self._clock()
        return [run for run in runs if is_in_startup(run, self._limits, now)]

    def _runs(self, active: Sequence[Job]) -> list[GpuRun]:
        now = self._clock()
        # The wall clock is asked only once how old a run is: it may be set at any moment.
        started = {job.id: now - max(0.0, self._wall() - job.submitted_at) for job in active}
        self._started_at = {job: self._started_at.get(job, started_at) for job, started_at in started.items()}
        return [
            GpuRun(
                gpus_of(job), self._started_at[job.id], wants_alone(job) or not self._single.isdisjoint(gpus_of(job))
            )
            for job in active
        ]

    def _warn(self, text: str) -> None:
        self._tell(f"warning: {text}")
