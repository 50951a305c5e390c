"""Asking the driver's tool: GPUtil's readings, beside the search instead of in its way; cards and processes."""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
import os
import select
import shutil
import signal
import subprocess
import threading
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpsearch.backends.gpu.cards import CARD_COLUMNS, Card, failure_message, read_cards
from hpsearch.backends.gpu.nvidia_smi import READING_FIELDS, begins_with_index, names_a_gpu, read_table, reading
from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.process_identity import descends_from
from hpsearch.backends.run_family import is_marked
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import BackendError
from hpsearch.core.integers import integer

#: Waking up GPUs whose driver is not kept loaded takes seconds for each.
PATIENCE_S = 30.0
#: For the question who computes on a GPU, which holds up the search.
_PROCESSES_PATIENCE_S = 5.0
_CARD_FIELDS = "index,uuid,mig.mode.current,compute_mode,utilization.gpu,memory.total,memory.used,name"
#: For drivers that know no MIG.
_OLD_CARD_FIELDS = _CARD_FIELDS.replace("mig.mode.current", "serial")
_FORMAT = "--format=csv,noheader,nounits"


def has_driver_tool() -> bool:
    """Return whether there is an nvidia-smi on PATH."""
    return shutil.which("nvidia-smi") is not None


def query_cards(conversation: Conversation) -> tuple[list[Card], Sequence[str]]:
    """Return all GPUs of this machine with what is odd about them, and what else nvidia-smi says.

    Raises NoGpuFound if there is none, BackendError with the remedy if the driver cannot say.
    """
    answer = _ask_gpus(conversation, _CARD_FIELDS)
    if "not a valid field" in answer.stdout:
        answer = _ask_gpus(conversation, _OLD_CARD_FIELDS)
    table, cards = read_table(answer, CARD_COLUMNS, begins_with_index), read_cards(answer.stdout)
    if table is None or cards is None:
        raise failure_message(answer, PATIENCE_S)
    return cards, table.remarks


def _ask_gpus(conversation: Conversation, fields: str) -> Answer:
    return conversation.ask(["nvidia-smi", f"--query-gpu={fields}", _FORMAT], PATIENCE_S)


def foreign_gpus(
    conversation: Conversation, uuids: Mapping[int, str], leaders: Collection[int], tokens: Collection[str]
) -> set[int]:
    """Return which of these GPUs (index -> UUID) a process computes on that is not of this search.

    Of it is what one of the `leaders` has started, and what one of the attempts `tokens` has left behind, as far as
    its mark tells. All GPUs if the driver does not say who computes there.
    """
    processes = query_processes(conversation, _PROCESSES_PATIENCE_S)
    if processes is None:
        return set(uuids)
    return {
        gpu
        for gpu, uuid in uuids.items()
        if any(
            descends_from(pid, leaders) is not True and not is_marked(pid, tokens) for pid in processes.get(uuid, ())
        )
    }


def query_processes(conversation: Conversation, timeout_s: float) -> dict[str, set[int]] | None:
    """Return the ids of the processes that compute on each GPU, by the GPU's UUID; None = no answer."""
    try:
        answer = conversation.ask(["nvidia-smi", "--query-compute-apps=pid,gpu_uuid", _FORMAT], timeout_s)
    except BackendError:
        return None
    table = read_table(answer, 2, names_a_gpu)
    if table is None:
        return None
    found: dict[str, set[int]] = {}
    for pid, uuid in table.rows:
        # "[Insufficient Permissions]" and the like: someone computes there, whoever it is.
        found.setdefault(uuid, set()).add(integer(pid) or 0)
    return found


def import_gputil() -> Any:  # Any: GPUtil comes without types
    """Return the package GPUtil.

    Raises BackendError naming what is missing.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it imports distutils
            return importlib.import_module("GPUtil")
    except ImportError as error:
        # Python 3.12 and later have distutils only from setuptools, which this variable forbids.
        is_forbidden = os.environ.get("SETUPTOOLS_USE_DISTUTILS") == "stdlib" and error.name == "distutils"
        remedy = "unset SETUPTOOLS_USE_DISTUTILS" if is_forbidden else "python -m pip install GPUtil setuptools"
        raise BackendError(
            f"the package GPUtil cannot be imported ({error}): {remedy}; or give --visible_gpus=-1 to run without GPUs"
        ) from error


class GpuReader:
    """Takes readings with GPUtil in a thread, one at a time, so that a slow driver holds nobody up.

    bell: a file descriptor that is readable when an answer has come. remarks: what nvidia-smi said besides the last
    readings. asks_past_gputil: GPUtil cannot read what this nvidia-smi says.
    """

    def __init__(self, patience_s: float = PATIENCE_S, conversation: Conversation | None = None) -> None:
        self.bell, self._ring = os.pipe()
        self._patience_s, self._conversation = patience_s, conversation or Conversation()
        self._thread: threading.Thread | None = None
        self._asked_at = 0.0
        self._readings: list[GpuReading] = []
        self._obstacle: BackendError | None = None
        self.problem = ""
        self.asks_past_gputil = False
        self.remarks: Sequence[str] = ()

    @property
    def is_busy(self) -> bool:
        """True while a question has no answer."""
        return self._thread is not None

    def ask(self) -> None:
        """Ask for a reading; nothing new while one is on its way."""
        if self._thread is None:
            self._asked_at = time.monotonic()
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()

    def read_now(self) -> list[GpuReading]:
        """Ask, and wait for the answer. Empty = no answer, `problem` says why.

        Raises BackendError naming the remedy if GPUtil is not to be had.
        """
        self.ask()
        while True:
            select.select([self.bell], [], [], max(0.0, self.seconds_left()))
            readings = self.answer()
            if self._obstacle is not None:
                raise self._obstacle
            if readings is not None:
                return readings

    def answer(self) -> list[GpuReading] | None:
        """Return the readings asked for; None if none are there yet. Empty = no answer, `problem` says why."""
        if self._thread is None:
            return None
        if self._thread.is_alive() and not self._has_rung():
            if self.seconds_left() <= 0:
                _kill_children(self._thread)
            return None
        self._thread.join()
        os.read(self.bell, 1)
        self._thread = None
        return self._readings

    def seconds_left(self) -> float:
        """Return how long the answer may still take before the question is broken off."""
        return self._asked_at + self._patience_s - time.monotonic()

    def close(self) -> None:
        """Let go of the files; a reading on its way is broken off."""
        if self._thread is not None:
            _kill_children(self._thread)
            self._thread.join(1.0)
        if self._thread is None or not self._thread.is_alive():
            os.close(self.bell)
            os.close(self._ring)

    def _has_rung(self) -> bool:
        return bool(select.select([self.bell], [], [], 0)[0])

    def _read(self) -> None:
        try:
            self._readings = self._ask_driver()
            self.problem = self.problem if not self._readings else ""
        except BackendError as error:
            self._readings, self._obstacle = [], error
        finally:
            os.write(self._ring, b"!")

    def _ask_driver(self) -> list[GpuReading]:
        """Ask by GPUtil; where nvidia-smi has more to say than GPUtil can read, ask past it from then on."""
        self.problem, problem = "nvidia-smi gave no answer", ""
        if not self.asks_past_gputil:
            readings, problem = self._ask_gputil()
            if not readings and self.remarks:
                self.problem += f" ({'; '.join(self.remarks)[:300]})"
            if not problem:
                return readings
        answer = _ask_gpus(self._conversation, READING_FIELDS)
        table = read_table(answer, READING_FIELDS.count(",") + 1, begins_with_index)
        if table is None or not table.rows:
            self.problem = f"nvidia-smi gave no readings ({answer.words or problem or 'it said nothing'})"
            return []
        self.asks_past_gputil, self.remarks = True, table.remarks
        return [reading(row) for row in table.rows]

    def _ask_gputil(self) -> tuple[list[GpuReading], str]:
        """Return its readings, and why there are none; empty also if it had no answer itself."""
        started, readings, problem, errors = time.monotonic(), list[GpuReading](), "", list[bytes]()
        try:
            gputil = import_gputil()
            # Else nvidia-smi writes its errors to our terminal, with each reading.
            gputil.GPUtil.Popen = functools.partial(_KeepsErrors, errors)
            readings = [_reading(gpu) for gpu in gputil.getGPUs()]
        except (ValueError, IndexError, ArithmeticError, OSError) as error:
            # It takes whatever nvidia-smi says for figures.
            problem = str(error) or type(error).__name__
        lines = (line.strip() for line in b"".join(errors).decode("utf-8", "replace").splitlines())
        self.remarks = [line for line in lines if line]
        # It tells neither the words on standard output nor the exit status of nvidia-smi.
        said = Answer(None, "\n".join(map(str, readings)), "\n".join([*filter(None, [problem]), *self.remarks]))
        self._conversation.note(["GPUtil.getGPUs()"], time.monotonic() - started, said)
        return readings, problem


class _KeepsErrors(subprocess.Popen[bytes]):
    """A process that GPUtil starts; what it writes to standard error is added to `errors`."""

    def __init__(self, errors: list[bytes], argv: Sequence[str], **more: Any) -> None:  # Any: whatever GPUtil gives
        super().__init__(argv, stderr=subprocess.PIPE, **more)
        self._errors = errors

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Write the input, and wait for the end of the process."""
        stdout, stderr = super().communicate(input, timeout)
        self._errors.append(stderr)
        return stdout, stderr


def _reading(gpu: Any) -> GpuReading:  # Any: see import_gputil
    return GpuReading(
        gpu.id, gpu.uuid, _known(gpu.load), _known(gpu.memoryUsed), _known(gpu.memoryFree), _known(gpu.memoryTotal)
    )


def _known(number: float) -> float | None:
    """Return a number, None for GPUtil's "not a number", which stands for [N/A] and its like."""
    return None if math.isnan(number) else number


def _kill_children(thread: threading.Thread) -> None:
    """Kill what the thread has started: GPUtil waits for ever for an nvidia-smi that hangs, and keeps it to itself."""
    children = Path(f"/proc/self/task/{thread.native_id}/children")
    with contextlib.suppress(OSError):
        for pid in children.read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGKILL)
