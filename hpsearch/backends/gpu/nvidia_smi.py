"""What nvidia-smi says: readings of all GPUs, taken by GPUtil in the background; who computes there; remarks."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import re
import select
import signal
import threading
import time
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import FunctionType, SimpleNamespace
from typing import Any

from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.process_identity import pid_of
from hpsearch.backends.run_family import members_of
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import BackendError
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

#: Waking a GPU whose driver is not kept loaded takes seconds.
PATIENCE_S = 30.0
#: How long the question who computes on a GPU may take; the search waits for it.
_PROCESSES_PATIENCE_S = 5.0
#: The fields that a reading needs, for drivers that lack some that GPUtil asks for.
_FEW_FIELDS = "index,uuid,utilization.gpu,memory.total,memory.used,memory.free"
#: A card as nvidia-smi names it in its warnings, such as 0000:0B:00.0.
_BUS_ID = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]")
#: From here on, an exit status means that nvidia-smi was killed: its output may be incomplete.
_KILLED = 128


class GpuReader:
    """Takes readings in a thread, one at a time, so that a slow driver does not hold up the search.

    bell: a file descriptor that is readable when an answer has come. asked_at: time of the last question, by `clock`.
    problem: why there are no readings. remarks: what nvidia-smi said besides the last readings. cards: the fields of
    each GPU in its last answer, as text.
    """

    patience_s = PATIENCE_S

    def __init__(self, conversation: Conversation, clock: Callable[[], float] = time.monotonic) -> None:
        self.bell, self._ring = os.pipe()
        self.asked_at = -math.inf
        self.problem = ""
        self.remarks: Sequence[str] = ()
        self.cards: Sequence[Mapping[str, str]] = ()
        self._conversation, self._clock = conversation, clock
        self._thread: threading.Thread | None = None
        self._readings: list[GpuReading] = []
        self._obstacle: BackendError | None = None
        self._known_fields = ""

    @property
    def is_busy(self) -> bool:
        return self._thread is not None

    def ask(self) -> None:
        """Ask for a reading, unless one is on its way."""
        if self._thread is None:
            self.asked_at = self._clock()
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()

    def read_now(self) -> list[GpuReading]:
        """Ask, and wait for the answer. Empty = no answer; `problem` says why.

        Raises BackendError naming the remedy if GPUtil cannot be imported.
        """
        self.ask()
        select.select([self.bell], [], [])
        readings = self.answer()
        if self._obstacle is not None:
            raise self._obstacle
        return readings or []

    def answer(self) -> list[GpuReading] | None:
        """Return the readings asked for, as `read_now` does; None if they have not come yet."""
        if self._thread is None or not select.select([self.bell], [], [], 0)[0]:
            return None
        self._thread.join()
        os.read(self.bell, 1)
        self._thread = None
        return self._readings

    def close(self) -> None:
        """Close the files; break off a reading on its way."""
        if self._thread is not None:
            # The thread waits for its child, a command.
            children = Path(f"/proc/self/task/{self._thread.native_id}/children")
            with contextlib.suppress(OSError):
                for pid in children.read_text(encoding="ascii").split():
                    os.kill(int(pid), signal.SIGKILL)
            self._thread.join(1.0)
        if self._thread is None or not self._thread.is_alive():
            os.close(self.bell)
            os.close(self._ring)

    def _read(self) -> None:
        self._readings, self.problem = [], "nvidia-smi gave no answer"
        try:
            self._readings = [_reading(gpu) for gpu in _get_gpus(_import_gputil(), self._rows_for_gputil)]
        except BackendError as error:
            self._obstacle = error
        finally:
            os.write(self._ring, b"!")

    def _rows_for_gputil(self, argv: Sequence[str]) -> str:
        """Ask what GPUtil asks, or fewer fields if the driver lacks some; return only rows that GPUtil can read."""
        asked = argv[1].partition("=")[2]
        for fields in [self._known_fields] if self._known_fields else [asked, _FEW_FIELDS]:
            seconds_left = max(0.0, self.asked_at + self.patience_s - self._clock())
            answer = ask(self._conversation, f"--query-gpu={fields}", seconds_left)
            table = read_gpus(answer, fields)
            if table is not None and table.rows:
                self._known_fields, self.remarks, self.problem = fields, table.remarks, ""
                self.cards = [dict(zip(fields.split(","), cells)) for cells in table.rows]
                return "".join(_row_for_gputil(card, asked.split(",")) for card in self.cards)
            said = f" ({answer.words})" if answer.words else ""
            if not answer.stdout.strip():
                self.problem = f"nvidia-smi gave no answer{said}"
                break
            self.problem = f"nvidia-smi gave no readings{said}"
        return ""


def _row_for_gputil(card: Mapping[str, str], fields: Sequence[str]) -> str:
    # GPUtil divides by the whole memory.
    known = {name: cell for name, cell in card.items() if name != "memory.total" or figure(cell)}
    return ", ".join(known.get(field, "[N/A]") for field in fields) + "\n"


def _get_gpus(gputil: Any, rows: Callable[[Sequence[str]], str]) -> Sequence[Any]:  # Any: see _import_gputil
    """Let GPUtil read the GPUs; `rows` runs its nvidia-smi.

    By itself, GPUtil waits for ever, takes every line of nvidia-smi for a row, and lets it write to our terminal.
    """

    def popen(argv: Sequence[str], stdout: int) -> SimpleNamespace:
        output = rows(argv).encode()
        return SimpleNamespace(communicate=lambda: (output, None))

    # Copy the function: a user's grid module may call the original.
    get_gpus = FunctionType(gputil.getGPUs.__code__, {**vars(gputil.GPUtil), "Popen": popen})
    return get_gpus()  # type: ignore[no-any-return]


def _import_gputil() -> Any:  # Any: GPUtil comes without types
    """Return the package GPUtil. Raises BackendError naming what is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it imports distutils
            return importlib.import_module("GPUtil")
    except ImportError as error:
        # From Python 3.12 on, only setuptools has distutils, which this variable forbids.
        is_forbidden = os.environ.get("SETUPTOOLS_USE_DISTUTILS") == "stdlib" and error.name == "distutils"
        remedy = "unset SETUPTOOLS_USE_DISTUTILS" if is_forbidden else "python -m pip install GPUtil setuptools"
        raise BackendError(
            f"the package GPUtil cannot be imported ({error}): {remedy}; or give --visible_gpus=-1 to run without GPUs"
        ) from error


def _reading(gpu: Any) -> GpuReading:  # Any: see _import_gputil
    """Return GPUtil's figures; its NaN stands for [N/A] and the like."""
    figures = (gpu.load, gpu.memoryUsed, gpu.memoryFree, gpu.memoryTotal)
    return GpuReading(gpu.id, gpu.uuid, *(number if math.isfinite(number) else None for number in figures))


def ask(conversation: Conversation, query: str, timeout_s: float) -> Answer:
    """Ask nvidia-smi for a table, for example with ``--query-gpu=index,uuid``. Raises BackendError if there is none."""
    return conversation.ask(["nvidia-smi", query, "--format=csv,noheader,nounits"], timeout_s)


@dataclass(frozen=True)
class SmiAnswer:
    """An answer of nvidia-smi. rows: the cells of each. remarks: all other lines, standard error included."""

    rows: Sequence[tuple[str, ...]]
    remarks: Sequence[str]


def read_gpus(answer: Answer, fields: str) -> SmiAnswer | None:
    """Read an answer with a row for each GPU. fields: the fields asked for, the index first."""
    return _read_rows(answer, fields.count(",") + 1, lambda cells: integer(cells[0]) is not None)


def _read_rows(answer: Answer, columns: int, is_row: Callable[[Sequence[str]], bool]) -> SmiAnswer | None:
    """Read an answer whose rows have `columns` cells, only the last of which may hold commas; None if it is no answer.

    The exit status alone decides nothing: with a damaged info ROM it is 14, although all rows are there.
    """
    rows, remarks = [], []
    for line in filter(None, map(str.strip, answer.stdout.splitlines())):
        cells = tuple(cell.strip() for cell in line.split(",", columns - 1))
        if len(cells) == columns and is_row(cells):
            rows.append(cells)
        else:
            remarks.append(line)
    remarks += filter(None, map(str.strip, answer.stderr.splitlines()))
    status = answer.exit_status
    if status is None or not 0 <= status < _KILLED:
        return None
    is_answer = status == 0 or rows or (remarks and all(_BUS_ID.search(remark) for remark in remarks))
    return SmiAnswer(rows, remarks) if is_answer else None


def figure(text: str) -> float | None:
    """Return a figure of a GPU; None if nvidia-smi does not say it: ``[N/A]``, ``ERR!``, ``[Not Supported]``, ..."""
    with contextlib.suppress(ValueError):
        return number if math.isfinite(number := float(text)) else None
    return None


def query_processes(conversation: Conversation, timeout_s: float) -> dict[str, set[int]] | None:
    """Return the ids of the processes that compute on each GPU, by the GPU's UUID; None = no answer."""
    try:
        answer = ask(conversation, "--query-compute-apps=pid,gpu_uuid", timeout_s)
    except BackendError:
        return None
    table = _read_rows(answer, 2, lambda cells: cells[1].startswith(("GPU-", "MIG-")))
    if table is None:
        return None
    processes: dict[str, set[int]] = {}
    for pid, uuid in table.rows:
        # 0 for "[Insufficient Permissions]" and the like: someone computes there, but who is unknown.
        processes.setdefault(uuid, set()).add(integer(pid) or 0)
    return processes


def foreign_gpus(
    conversation: Conversation, uuids: Mapping[int, str], leaders: Collection[str], tokens: Collection[str]
) -> set[int]:
    """Return the GPUs, among these (index -> UUID), on which a process computes that is not this search's.

    leaders: ids of the search's live jobs. tokens: of all its attempts, which may have left processes.
    Returns all GPUs if the driver does not say who computes there.
    """
    processes = query_processes(conversation, _PROCESSES_PATIENCE_S)
    if processes is None:
        return set(uuids)
    own = {pid_of(member.id) for member in members_of(tokens, leaders)}
    return {gpu for gpu, uuid in uuids.items() if processes.get(uuid, set()) - own}


class Remarks:
    """What nvidia-smi says besides its rows; each remark is news once for each card."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def news(self, remarks: Sequence[str]) -> list[str]:
        """Return the remarks that are new, for people."""
        news = []
        for remark in remarks:
            # Counts and times change from answer to answer, and are no news.
            key = "".join(_BUS_ID.findall(remark)) + re.sub(r"\d+", "", _BUS_ID.sub("", remark))
            if key not in self._said:
                self._said.add(key)
                news.append(f"nvidia-smi says: {remark[:300]}; the GPUs that it lists are used all the same")
        return news
