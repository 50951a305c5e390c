"""Runs on the GPUs of this machine: on several GPUs, several on each, within the limits that the user sets."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.gpu import slots
from hpsearch.backends.gpu.cards import Card, NoGpuFound, query_cards, usable_cards
from hpsearch.backends.gpu.locks import LOCK_FOLDER, LOCK_FOLDER_VARIABLE, GpuLocks
from hpsearch.backends.gpu.nvidia_smi import GpuReader, Remarks, foreign_gpus
from hpsearch.backends.gpu.slots import GpuLimits, GpuReading, GpuRun, GpuWatch
from hpsearch.backends.local import LocalBackend
from hpsearch.backends.shell import Conversation
from hpsearch.core.errors import BackendError
from hpsearch.core.model import Job, JobPhase, Place, Status


class GpuBackend(LocalBackend):
    """Local runs, each with its own or shared GPUs, as `GpuLimits` allows."""

    name = "GPUs"
    shows_output = False

    def __init__(
        self,
        limits: GpuLimits,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """tell: shows people a message. environment: the caller's.

        clock: seconds since this machine was started, for waiting. wall: seconds since the epoch, as in `submitted_at`.
        """
        super().__init__(tell)
        self.conversation = Conversation(environment)
        self._limits, self._clock, self._wall = limits, clock, wall
        self._caller = environment.get("CUDA_VISIBLE_DEVICES")
        self._started_at: dict[str, float] = {}
        self._tokens: set[str] = set()
        self._sharing: set[str] = set()
        self._cards: dict[int, Card] = {}
        self._readings: dict[int, GpuReading] = {}
        self._reader = GpuReader(self.conversation, clock)
        self._look_at: float | None = None
        self._changed: set[int] = set()
        self._is_silent = False
        self._watch, self._remarks = GpuWatch(limits.samples), Remarks()
        self._locks = GpuLocks(Path(environment.get(LOCK_FOLDER_VARIABLE) or LOCK_FOLDER), self._warn)

    def check(self) -> None:
        """Find the GPUs, tell which wanted ones cannot be used, and take a first reading."""
        if shutil.which("nvidia-smi") is None:
            raise NoGpuFound("no GPU found (no nvidia-smi on PATH)")
        # Loading GPUtil and taking the first reading is slow, so do it while the cards are listed.
        self._reader.ask()
        listed, remarks = query_cards(self.conversation)
        cards, complaints = usable_cards(listed, self._limits, self._caller)
        self._cards = {card.index: card for card in cards}
        for complaint in [*complaints, *self._remarks.news(remarks)]:
            self._warn(complaint)
        self._locks.prepare()
        readings = self._reader.read_now()
        if not readings:
            remedy = "call it by hand, or give --visible_gpus=-1 to run without GPUs"
            raise BackendError(f"{self._reader.problem}; {remedy}")
        self._take_in(readings, [])

    @property
    def gpus(self) -> Sequence[tuple[str, str]]:
        """The name of each GPU, and its driver's version, as far as nvidia-smi has told them."""
        return [(name, card.get("driver_version", "")) for card in self._reader.cards if (name := card.get("name"))]

    def place(self, active: Sequence[Job], need_mb: float | None = None) -> Place | None:
        """Return the GPUs for one more run. need_mb: the run wants them alone, with this much free memory."""
        runs = self._runs(active)
        self._take_in(self._reader.answer(), runs)
        self._keep_locks(runs)
        needed, now = self._limits.gpus_per_run, self._clock()
        candidates = slots.open_gpus(list(self._cards), runs, self._limits, now)
        fit = [gpu for gpu in candidates if self._watch.is_confirmed(gpu, now) and gpu in self._readings]
        if need_mb is not None:
            fit = self._with_memory(fit, need_mb, runs)
        chosen = self._chosen(fit, runs, [job.id for job in active])
        now = self._clock()
        if not chosen:
            if not active and (words := self._watch.obstacles(candidates, needed, now)):
                self._tell(words)
            # A reading takes time: take one only if a slot could be filled.
            if len(candidates) >= needed:
                wait_s = self._watch.wait_s(candidates, needed, now)
                self._look_at = now + wait_s
                if wait_s <= 0:
                    self._reader.ask()
            return None
        self._watch.run_started()
        for gpu in chosen:
            self._locks.note_start(self._cards[gpu].lock_name, now)
        return slots.place_on([self._readings[gpu] for gpu in chosen], is_alone=need_mb is not None)

    def memory_need_mb(self, job: Job) -> float | None:
        ours = [self._readings[gpu] for gpu in self._cards if gpu in self._readings]
        return slots.memory_need_mb(job, job.attempt.token in self._sharing, ours, self._limits.gpus_per_run)

    def place_with_memory(self, active: Sequence[Job], free_mb: float) -> Place | None:
        return self.place(active, free_mb)

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        """Look at each process; a GPU on which a run has ended gets a new reading."""
        statuses = super().poll(active)
        self._sharing = (self._sharing & statuses.keys()) | slots.sharing_runs(active)
        self._tokens.update(statuses)
        for job in active:
            if statuses[job.attempt.token].phase is JobPhase.ENDED:
                self._watch.run_ended(slots.gpus_of(job), self._clock())
                if self._reader.is_busy:
                    self._changed.update(slots.gpus_of(job))
        return statuses

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Sleep until a run ends, a start-up time is over, or it is time for a reading or its answer."""
        runs, now = self._runs(active), self._clock()
        # Before the sleep, which may be long: a start-up time of 0 is over at once.
        self._keep_locks(runs)
        startups = [run.started_at + self._limits.startup_s - now for run in self._starting(runs)]
        is_busy = self._reader.is_busy
        look_s = None if is_busy or self._look_at is None else self._look_at - now
        self._sleep(active, [timeout_s, look_s, *startups], alarm, self._reader.bell if is_busy else None)
        # `place` sets it again if the search still has runs to start.
        self._look_at = None
        self._take_in(self._reader.answer(), runs)
        self._keep_locks(runs)

    def close(self) -> None:
        super().close()
        self._reader.close()
        self._locks.keep_only(())

    def _with_memory(self, gpus: Sequence[int], need_mb: float, runs: Sequence[GpuRun]) -> list[int]:
        """Return the GPUs that have enough free memory and no run; the others are read less and less often."""
        taken = {gpu for run in runs for gpu in run.gpus}
        free_mb = {gpu: self._readings[gpu].memory_free_mb for gpu in gpus}
        too_full = {gpu for gpu, mb in free_mb.items() if gpu in taken or (mb is not None and mb < need_mb)}
        reason = f"a run that ran out of memory needs {need_mb:.0f} MiB and no other run"
        self._watch.put_off(too_full, self._clock(), reason)
        return [gpu for gpu in gpus if gpu not in too_full]

    def _chosen(self, fit: Sequence[int], runs: Sequence[GpuRun], leaders: list[str]) -> tuple[int, ...]:
        """Return the GPUs for a run, with their locks held; GPUs that are refused at the last moment are left out."""
        readings = {gpu: self._readings[gpu] for gpu in fit}
        while True:
            chosen = slots.choose_gpus(list(self._cards), readings, runs, self._limits, self._clock())
            refused = self._refused(chosen, leaders)
            if not refused:
                return chosen
            self._keep_locks(runs)
            readings = {gpu: reading for gpu, reading in readings.items() if gpu not in refused}

    def _refused(self, gpus: tuple[int, ...], leaders: list[str]) -> set[int]:
        """Take the GPUs' locks; return the GPUs that another search or someone else's process uses."""
        names = {gpu: self._cards[gpu].lock_name for gpu in gpus}
        locked = {gpu for gpu in gpus if not self._locks.take(names[gpu])}
        since, now = self._watch.confirmed_since, self._clock()
        self._watch.put_off(locked, now, "a run of another search starts up there")
        outdated = {gpu for gpu in gpus if self._locks.has_other_start(names[gpu], since(gpu), now)}
        self._watch.start_anew(outdated)
        if locked or outdated or not gpus or not self._limits.exclusive:
            return locked | outdated
        uuids = {gpu: self._cards[gpu].uuid for gpu in gpus}
        foreign = foreign_gpus(self.conversation, uuids, leaders, self._tokens)
        self._watch.put_off(foreign, self._clock(), "a process of someone else computes there, --exclusive_gpus")
        return foreign

    def _take_in(self, readings: Sequence[GpuReading] | None, runs: Sequence[GpuRun]) -> None:
        """Take in new readings. None = there are none yet, empty = the driver gave no answer."""
        if readings is None:
            return
        now, was_silent, self._is_silent = self._clock(), self._is_silent, not readings
        if was_silent and readings:
            self._tell("nvidia-smi answers again")
        if not readings and not was_silent:
            self._warn(f"{self._reader.problem}: running runs go on, no new one is started until it answers again")
        if not readings:
            self._watch.put_off(self._cards, now)
            return
        for remark in self._remarks.news(self._reader.remarks):
            self._warn(remark)
        self._readings = {reading.index: reading for reading in readings}
        # A full GPU tells nothing if our own runs fill it, or filled it when the driver was asked.
        is_telling = {*slots.open_gpus(list(self._cards), runs, self._limits, now)} - self._changed
        self._changed.clear()
        for gpu in self._cards:
            words = "nvidia-smi does not list it any more"
            if gpu in self._readings:
                words = ", ".join(slots.broken_limits(self._readings[gpu], self._limits))
            if not words or gpu in is_telling:
                self._watch.note(gpu, words, self._reader.asked_at, now)

    def _keep_locks(self, runs: Sequence[GpuRun]) -> None:
        """Hold the locks of exactly the GPUs on which a run starts up, also a run of an earlier controller."""
        gpus = {gpu for run in self._starting(runs) for gpu in run.gpus}
        self._locks.keep_only([card.lock_name for gpu, card in self._cards.items() if gpu in gpus])

    def _starting(self, runs: Sequence[GpuRun]) -> list[GpuRun]:
        now = self._clock()
        return [run for run in runs if slots.is_in_startup(run, self._limits, now)]

    def _runs(self, active: Sequence[Job]) -> list[GpuRun]:
        now = self._clock()
        # The wall clock may be set at any moment, so it is asked for a run's age only once.
        started = {job.id: now - max(0.0, self._wall() - job.submitted_at) for job in active}
        self._started_at = {job: self._started_at.get(job, started_at) for job, started_at in started.items()}
        single = {gpu for gpu, card in self._cards.items() if card.takes_one_process}
        return [
            GpuRun(gpus, self._started_at[job.id], slots.wants_alone(job) or not single.isdisjoint(gpus))
            for job in active
            for gpus in [slots.gpus_of(job)]
        ]

    def _warn(self, text: str) -> None:
        self._tell(f"warning: {text}")
