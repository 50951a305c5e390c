"""The ends of runs' logs, in the wanted order, as far as they fit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hpsearch.core.failures import clean_lines
from hpsearch.folder.failures import log_end
from hpsearch.startup.classes import dataclass
from hpsearch.store.layout import SearchFolder

#: Limits: of all ends together, in bytes of the page; of one, in characters.
_MOST_BYTES, _LONGEST = 400_000, 4000
#: The most runs whose folders are read: on a network file system each takes milliseconds.
_MOST_RUNS = 300
#: An end starts at a line's start if that drops at most this many characters.
_MOST_CUT = 500


@dataclass(frozen=True)
class WantedLog:
    """A wanted log. index: of the run. folder: the run's, relative to the search's; token: of a live attempt.

    is_err_first: standard error says more than standard output.
    """

    index: int
    search: SearchFolder
    folder: str
    token: str
    is_err_first: bool


def log_tails(wanted: Iterable[WantedLog]) -> dict[str, str]:
    """Return the ends that fit: index of the run, as text -> the log's end without control characters."""
    found, left = dict[str, str](), _MOST_BYTES
    for each, _ in zip(wanted, range(_MOST_RUNS)):
        text = next(filter(None, map(_end_of, _logs(each))), "")
        size = len(json.dumps(text))
        if text and size <= left:
            found[str(each.index)] = text
            left -= size
    return found


def _logs(wanted: WantedLog) -> Iterator[Path]:
    """Yield the logs of a run's newest attempt, the likeliest first."""
    folder = wanted.search.path / wanted.folder
    try:
        with os.scandir(folder) as entries:
            # Schedulers put the job's id into a log's name; it always has the run's name.
            logs = {entry.name: entry for entry in entries if folder.name in entry.name and entry.is_file()}
    except OSError:
        logs = {}
    for suffix in (".err", ".out") if wanted.is_err_first else (".out", ".err"):
        if wanted.token:
            yield wanted.search.logs / f"{wanted.token}{suffix}"
        named = [entry for name, entry in logs.items() if suffix in name]
        yield from (Path(entry.path) for entry in sorted(named, key=_changed_at, reverse=True))


def _changed_at(entry: os.DirEntry[str]) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0  # It has just been moved.


def _end_of(path: Path) -> str:
    """Return the end of a log as people read it; empty if there is none."""
    # A progress bar overwrites its line again and again: keep only the last state.
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in log_end(path).split("\n"))
    if len(text) > _LONGEST:
        text = text[-_LONGEST:]
        first, _, rest = text.partition("\n")
        text = f"...\n{rest if len(first) <= _MOST_CUT else text}"
    return "\n".join(clean_lines(text)).strip("\n")
