"""Asking nvidia-smi, and reading its answers: rows about GPUs, and lines about other things all around them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.process_identity import pid_of
from hpsearch.backends.run_family import members_of
from hpsearch.backends.shell import Answer, Conversation
from hpsearch.core.errors import BackendError
from hpsearch.core.integers import integer

#: Waking up GPUs whose driver is not kept loaded takes seconds for each.
PATIENCE_S = 30.0
#: For the question who computes on a GPU, which holds up the search.
_PROCESSES_PATIENCE_S = 5.0
#: What `reading` reads, in this order.
READING_FIELDS = "index,uuid,utilization.gpu,memory.used,memory.free,memory.total"
#: A card as nvidia-smi names it in its warnings, such as 0000:0B:00.0.
_BUS_ID = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]")
#: From here on an exit status means that it was killed: what it printed may not be all.
_KILLED = 128


def ask(conversation: Conversation, query: str, timeout_s: float) -> Answer:
    """Ask nvidia-smi for a table, for example with ``--query-gpu=index,uuid``. Raises BackendError if there is none."""
    return conversation.ask(["nvidia-smi", query, "--format=csv,noheader,nounits"], timeout_s)


@dataclass(frozen=True)
class Table:
    """An answer of nvidia-smi. rows: their cells. remarks: all other lines, also those on its standard error."""

    rows: Sequence[tuple[str, ...]]
    remarks: Sequence[str]


def read_gpus(answer: Answer, fields: str) -> Table | None:
    """Read an answer that has a row for each GPU. fields: those that were asked for, the index first."""
    return _read_table(answer, fields.count(",") + 1, lambda cells: integer(cells[0]) is not None)


def _read_table(answer: Answer, columns: int, is_row: Callable[[Sequence[str]], bool]) -> Table | None:
    """Read an answer whose rows have this many columns, of which only the last may hold commas; None if it is none.

    The exit status alone decides nothing: with a worn info ROM it is 14, and all rows are there.
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
    return Table(rows, remarks) if is_answer else None


def reading(cells: Sequence[str]) -> GpuReading:
    """Return a row of READING_FIELDS as a reading."""
    index, uuid, percent, used_mb, free_mb, total_mb = cells
    load = figure(percent)
    return GpuReading(
        int(index), uuid, None if load is None else load / 100, figure(used_mb), figure(free_mb), figure(total_mb)
    )


def figure(text: str) -> float | None:
    """Return a figure of a GPU; None if nvidia-smi does not say it: ``[N/A]``, ``ERR!``, ``[Not Supported]``, ..."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def query_processes(conversation: Conversation, timeout_s: float) -> dict[str, set[int]] | None:
    """Return the ids of the processes that compute on each GPU, by the GPU's UUID; None = no answer."""
    try:
        answer = ask(conversation, "--query-compute-apps=pid,gpu_uuid", timeout_s)
    except BackendError:
        return None
    table = _read_table(answer, 2, lambda cells: cells[1].startswith(("GPU-", "MIG-")))
    if table is None:
        return None
    found: dict[str, set[int]] = {}
    for pid, uuid in table.rows:
        # "[Insufficient Permissions]" and the like: someone computes there, whoever it is.
        found.setdefault(uuid, set()).add(integer(pid) or 0)
    return found


def foreign_gpus(
    conversation: Conversation, uuids: Mapping[int, str], leaders: Collection[str], tokens: Collection[str]
) -> set[int]:
    """Return on which of these GPUs (index -> UUID) a process computes that does not belong to this search.

    leaders: ids of its live jobs. tokens: of all its attempts, which may have left something behind.
    All GPUs if the driver does not say who computes there.
    """
    processes = query_processes(conversation, _PROCESSES_PATIENCE_S)
    if processes is None:
        return set(uuids)
    own = {pid_of(member.id) for member in members_of(tokens, leaders)}
    return {gpu for gpu, uuid in uuids.items() if processes.get(uuid, set()) - own}


class Remarks:
    """What nvidia-smi has said besides its rows, told once for each card, however often it is said."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def news(self, remarks: Sequence[str]) -> list[str]:
        """Return, for people, those that were not told before."""
        news = []
        for remark in remarks:
            # Counts and times change from answer to answer, and are no news.
            key = "".join(_BUS_ID.findall(remark)) + re.sub(r"\d+", "", _BUS_ID.sub("", remark))
            if key not in self._told:
                self._told.add(key)
                news.append(f"nvidia-smi says: {remark[:300]}; the GPUs that it lists are used all the same")
        return news
