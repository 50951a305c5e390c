"""Asking about 100,000 runs against plain JSON parsing of their journal, and what a watched status costs a core.

Measured are `status`, `best` and `list`, without the interpreter's start and in CPU seconds, which other work on the
machine changes little: for a search that has ended, one stopped after a tenth, and one half done with failed runs.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from _large_search import SCRIPT, events_of, grid_text, write_search
from _measure import ROOT, answer, scratch_project, seconds

from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

RUNS, ROUNDS = 100_000, 3
#: The searches by name: how many runs have ended, and whether some failed.
SEARCHES = {
    "all finished": (RUNS, False),
    "a tenth finished": (RUNS // 10, False),
    "half, 1 % failed": (RUNS // 2, True),
}
COMMANDS = ("status", "best", "list")
#: The limits: seconds beyond the interpreter's start; the share of a core that a watched status takes.
MOST_S, MOST_OF_A_CORE = 2.0, 0.02
#: The watched search: how many runs end in a second, how long it is measured, and after how long that begins.
RATE, WATCHED_S, SETTLED_S = 5, 10.0, 8.0
_PLAIN = """\
import json
with open("out/.hpsearch/journal.jsonl", "rb") as file:
    events = [json.loads(line) for line in file]
print(len(events))
"""


def main() -> None:
    """Print the ratios of the medians and seconds beyond the interpreter's start, then the share of a core."""
    for what, (ended, fails) in SEARCHES.items():
        with scratch_project(grid_text(RUNS), script=SCRIPT) as folder:
            write_search(folder / "out", RUNS, ended, fails=fails)
            ours = [[sys.executable, "-m", "hpsearch", command, "out"] for command in COMMANDS]
            commands = (*ours, [sys.executable, "-c", _PLAIN], [sys.executable, "-c", "pass"])
            rounds = [[_cpu_seconds(argv, folder) for argv in commands] for _ in range(ROUNDS)]
            *of_ours, plain, start = (statistics.median(column) for column in zip(*rounds))
            for command, took in zip(COMMANDS, of_ours):
                details = (
                    f"{took - start:.2f} s CPU beyond the start (at most {MOST_S:g}), json alone {plain - start:.2f}"
                )
                name = f"{command} of {RUNS:,} runs, {what} / json.loads of its journal"
                answer(name, (took - start) / (plain - start), MOST_S / (plain - start), details)
            if fails:
                share = _watched(folder / "out", ended)
                details = f"{RATE} of {RUNS:,} runs end in a second"
                answer("status --watch / a core", share, MOST_OF_A_CORE, details)


def _cpu_seconds(argv: Sequence[str], cwd: Path) -> float:
    """Run a command to its end; return its CPU time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds(argv, cwd)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _watched(path: Path, ended: int) -> float:
    """Let runs of a search end while its status is watched; return the share of a core that watching takes."""
    argv = [sys.executable, "-m", "hpsearch", "status", path.name, "--watch"]
    with LiveSearch(SearchFolder(path), this_controller(), lock_ways(print)) as search:
        search.open_for_work()
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        watch = subprocess.Popen(argv, cwd=path.parent, env=environment, stdout=subprocess.DEVNULL)
        try:
            used = []
            for wait_s in (SETTLED_S, WATCHED_S):
                until = time.monotonic() + wait_s
                while time.monotonic() < until:
                    ended += 1
                    search.note(*events_of(search.record.runs[ended].run, True))
                    time.sleep(1 / RATE)
                used.append(_cpu_of(watch.pid))
        finally:
            watch.terminate()
            watch.wait()
    return (used[1] - used[0]) / WATCHED_S


def _cpu_of(pid: int) -> float:
    """Return the CPU time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
