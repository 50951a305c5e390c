"""What nvidia-smi prints: rows about GPUs, and lines about other things before, between and behind them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpsearch.backends.gpu.slots import GpuReading
from hpsearch.backends.shell import Answer
from hpsearch.core.integers import integer

#: What `reading` reads, in this order.
READING_FIELDS = "index,uuid,utilization.gpu,memory.used,memory.free,memory.total"
#: A card as nvidia-smi names it in its warnings, such as 0000:0B:00.0.
_BUS_ID = re.compile(r"[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]")
#: From here on an exit status means that it was killed: what it printed may not be all.
_KILLED = 128


@dataclass(frozen=True)
class Table:
    """An answer of nvidia-smi. rows: their cells. remarks: all other lines, those on its standard error included."""

    rows: Sequence[tuple[str, ...]]
    remarks: Sequence[str]


def read_table(answer: Answer, columns: int, is_row: Callable[[Sequence[str]], bool]) -> Table | None:
    """Read an answer whose rows have this many columns, of which only the last may hold commas; None if it is none.

    The exit status alone decides nothing: with a worn info ROM it is 14, and all rows are there.
    """
    rows, remarks = split_rows(answer.stdout, columns, is_row)
    remarks += [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    status = answer.exit_status
    if status is None or not 0 <= status < _KILLED:
        return None
    is_answer = status == 0 or rows or (remarks and all(_BUS_ID.search(remark) for remark in remarks))
    return Table(rows, remarks) if is_answer else None


def split_rows(
    text: str, columns: int, is_row: Callable[[Sequence[str]], bool]
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the rows of a text, as their cells, and its other lines, as far as they are not empty."""
    rows, others = [], []
    for line in text.splitlines():
        cells = tuple(cell.strip() for cell in line.split(",", columns - 1))
        if len(cells) == columns and is_row(cells):
            rows.append(cells)
        elif line.strip():
            others.append(line.strip())
    return rows, others


def begins_with_index(cells: Sequence[str]) -> bool:
    """Return whether a row begins with the number of a GPU."""
    return integer(cells[0]) is not None


def names_a_gpu(cells: Sequence[str]) -> bool:
    """Return whether a row ends with the UUID of a GPU."""
    return cells[-1].startswith(("GPU-", "MIG-"))


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
