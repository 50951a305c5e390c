"""What a long search and ``hpsearch status --watch`` beside it use, in samples; and whether each run ran once."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _measure import TINY_SCRIPT, answer

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
#: Each execution of a run adds a line to the ledger.
LEDGER = "ledger.txt"
SCRIPT = f'{TINY_SCRIPT}echo "$x" >>{LEDGER}\n'
#: How long the watch may take to start, and to notice the end.
_WATCH_S = 90
#: The most memory that a run may add, in kB for 1,000 runs.
_MOST_GROWTH_KB = 2500


@dataclass(frozen=True)
class Usage:
    """What a process has used so far. commands_s: CPU time of the commands that it has called."""

    cpu_s: float
    commands_s: float
    rss_kb: int
    descriptors: int


@dataclass(frozen=True)
class Sample:
    """The controller and the watch, if there is one, at one moment. counts: what has happened so far."""

    at: float
    own: Usage
    watch: Usage | None
    counts: Mapping[str, int]

    @property
    def ended(self) -> int:
        return self.counts.get("ended", 0)


def usage(pid: int) -> Usage:
    """Measure a process. Raises OSError, ValueError or IndexError if it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, child_user, child_system = (int(text) / TICKS for text in fields[11:15])
    rss = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Usage(user + system, child_user + child_system, rss, descriptors)


def samples_of(
    search: subprocess.Popen[bytes],
    watch: subprocess.Popen[bytes] | None,
    counts: Callable[[], Mapping[str, int]],
    pause_s: float,
) -> Iterator[Sample]:
    """Yield samples until the search has ended. counts: of ended runs, by "ended", and whatever else there is."""
    while search.poll() is None:
        try:
            own, beside = usage(search.pid), None if watch is None else usage(watch.pid)
            yield Sample(time.monotonic(), own, beside, dict(counts()))
        except (OSError, ValueError, IndexError):
            return
        time.sleep(pause_s)


def watch_beside(
    folder: Path, environment: Mapping[str, str], search: subprocess.Popen[bytes]
) -> subprocess.Popen[bytes]:
    """Start ``hpsearch status --watch`` as soon as there is a search to watch."""
    deadline = time.monotonic() + _WATCH_S
    while not (folder / "out" / ".hpsearch" / "journal.jsonl").exists():
        if search.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the search does not start")
        time.sleep(0.05)
    with (folder / "watch.txt").open("wb") as said:
        argv = [sys.executable, "-m", "hpsearch", "status", "out", "--watch"]
        return subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)


def end_watch(watch: subprocess.Popen[bytes] | None, is_ended: bool) -> None:
    """Wait for the watch to notice the end of the search, or end it."""
    if watch is None:
        return
    if not is_ended:
        watch.terminate()
    status = watch.wait(_WATCH_S)
    if is_ended and status:
        raise SystemExit(f"the watch ended with status {status}")


def each_once(folder: Path, runs: int, is_ended: bool) -> None:
    """Make sure that no run was executed twice and that none has two rows; at the end, that each has one."""
    executed = Counter((folder / LEDGER).read_text().split())
    with (folder / "out" / "search_results.csv").open(newline="") as file:
        rows = Counter(row["x"] for row in csv.DictReader(file, delimiter=";"))
    twice = [f"{name} {x}" for name, times in (("run", executed), ("row", rows)) for x in times if times[x] > 1]
    missing = runs - len(rows) if is_ended else 0
    if twice or missing:
        raise SystemExit(f"{missing} runs have no row; more than once: {', '.join(twice) or 'none'}")
    print(f"{len(executed):,} runs were executed, each once; {len(rows):,} have a row, each one", flush=True)


def tell_usage(
    name: str, samples: Sequence[Sample], usage_in: Callable[[Sample], Usage | None], most_cpu: float, is_ended: bool
) -> None:
    """Print what a process has used between the first and the last sample. most_cpu: the limit, in % of a core."""
    used = [(each, own) for each in samples if (own := usage_in(each)) is not None]
    (first, one), (last, other) = used[0], used[-1]
    took_s, runs, cpu_s = last.at - first.at, last.ended - first.ended, other.cpu_s - one.cpu_s
    per_run = f"{cpu_s:.2f} s, {1000 * cpu_s / runs:.2f} ms a run"
    answer(f"  CPU of {name}, % of a core", 100 * cpu_s / took_s, most_cpu, per_run)
    descriptors = [own.descriptors for _, own in used]
    memory = f"{one.rss_kb / 1024:.1f} to {other.rss_kb / 1024:.1f} MB"
    print(f"  {name}: memory {memory}; open files {min(descriptors)} to {max(descriptors)}")
    if is_ended:
        growth_kb = 1000 * _slope([(each.ended, own.rss_kb) for each, own in used])
        answer(f"  memory of {name}, kB for 1,000 runs", growth_kb, _MOST_GROWTH_KB, memory)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through the points by least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
