"""Readings of all GPUs, taken with GPUtil beside the search instead of in its way."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import select
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from hpsearch.backends.gpu.nvidia_smi import PATIENCE_S, READING_FIELDS, ask, read_gpus, reading
from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.shell import Answer, Conversation, run_command
from hpsearch.core.errors import BackendError


class GpuReader:
    """Takes readings in a thread, one at a time, so that a slow driver holds nobody up.

    bell: a file descriptor that is readable when an answer has come. problem: why there are no readings.
    remarks: what nvidia-smi said besides the last readings. asks_past_gputil: GPUtil cannot read its answers.
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
        select.select([self.bell], [], [])
        readings = self.answer()
        if self._obstacle is not None:
            raise self._obstacle
        return readings or []

    def answer(self) -> list[GpuReading] | None:
        """Return the readings asked for, as `read_now` does; None if they are not there yet."""
        if self._thread is None or not select.select([self.bell], [], [], 0)[0]:
            return None
        self._thread.join()
        os.read(self.bell, 1)
        self._thread = None
        return self._readings

    def close(self) -> None:
        """Close the files; break off a reading on its way."""
        if self._thread is not None:
            _kill_children(self._thread)
            self._thread.join(1.0)
        if self._thread is None or not self._thread.is_alive():
            os.close(self.bell)
            os.close(self._ring)

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
        answer = ask(self._conversation, f"--query-gpu={READING_FIELDS}", self._seconds_left())
        table = read_gpus(answer, READING_FIELDS)
        if table is None or not table.rows:
            self.problem = f"nvidia-smi gave no readings ({answer.words or problem or 'it said nothing'})"
            return []
        self.asks_past_gputil, self.remarks = True, table.remarks
        return [reading(row) for row in table.rows]

    def _ask_gputil(self) -> tuple[list[GpuReading], str]:
        """Return its readings, and why it could not read the answer; empty also if it got none."""
        started, readings, problem, errors = time.monotonic(), list[GpuReading](), "", list[str]()

        def run(argv: Sequence[str]) -> Answer:
            answer = run_command(argv, self._seconds_left())
            errors.extend(filter(None, map(str.strip, answer.stderr.splitlines())))
            return answer

        try:
            readings = [_reading(gpu) for gpu in _get_gpus(_import_gputil(), run)]
        except (ValueError, IndexError, ArithmeticError, OSError) as error:
            # GPUtil takes whatever nvidia-smi says for figures.
            problem = str(error) or type(error).__name__
        self.remarks = errors
        # GPUtil keeps standard output and exit status of nvidia-smi to itself.
        said = Answer(None, "\n".join(map(str, readings)), "\n".join([*filter(None, [problem]), *errors]))
        self._conversation.note(["GPUtil.getGPUs()"], time.monotonic() - started, said)
        return readings, problem

    def _seconds_left(self) -> float:
        return max(0.0, self._asked_at + self._patience_s - time.monotonic())


def _get_gpus(gputil: Any, run: Callable[[Sequence[str]], Answer]) -> Sequence[Any]:  # Any: see _import_gputil
    """Let GPUtil read the GPUs; `run` runs its nvidia-smi.

    By itself, GPUtil waits for ever, and lets nvidia-smi write its errors to our terminal.
    """

    class Popen:
        """As much of `subprocess.Popen` as GPUtil uses."""

        def __init__(self, argv: Sequence[str], stdout: int) -> None:
            self._answer = run(argv)

        def communicate(self) -> tuple[bytes, bytes]:
            return self._answer.stdout.encode(), self._answer.stderr.encode()

    # A copy of its function: a user's grid module may call the original.
    get_gpus = FunctionType(gputil.getGPUs.__code__, {**vars(gputil.GPUtil), "Popen": Popen})
    return get_gpus()  # type: ignore[no-any-return]


def _import_gputil() -> Any:  # Any: GPUtil comes without types
    """Return the package GPUtil. Raises BackendError naming what is missing."""
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


def _reading(gpu: Any) -> GpuReading:  # Any: see _import_gputil
    """Return GPUtil's figures; its "not a number" stands for [N/A] and its like."""
    figures = (gpu.load, gpu.memoryUsed, gpu.memoryFree, gpu.memoryTotal)
    return GpuReading(gpu.id, gpu.uuid, *(None if math.isnan(number) else number for number in figures))


def _kill_children(thread: threading.Thread) -> None:
    """Kill the command that the thread waits for."""
    children = Path(f"/proc/self/task/{thread.native_id}/children")
    with contextlib.suppress(OSError):
        for pid in children.read_text(encoding="ascii").split():
            os.kill(int(pid), signal.SIGKILL)
