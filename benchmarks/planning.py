"""From the command to the first run's start, and the peak of memory, with many planned runs, against a bare loop.

The loop goes through the same product and writes a line of JSON for each run; then it starts the first one. With
``--million``: a million planned runs, and their ``--dry_run``. With ``--later``: whether runs cost more as more of
100,000 have run, by default 20,000 of them (``--later 4000``: 4,000), and what they add to the controller's memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _measure import ROOT, TINY_SCRIPT, answer, new_search, scratch_project

#: How many options with ten values each -> the limits of the time to the first start (s), and of the peak (MB).
GOALS = {3: (0.15, 100), 5: (1.0, 100)}
MILLION = {6: (10.0, 600)}
#: A run that writes its process id when it has begun, and then waits to be killed.
FIRST = """\
#!/bin/sh
echo $$ >"$PWD/begun.part" && mv "$PWD/begun.part" "$PWD/begun"
exec sleep 600
"""
PEER = """\
import itertools, json, os, subprocess, sys
from config import grid
names = list(grid)
with open("journal", "w") as file:
    for number, values in enumerate(itertools.product(*grid.values()), start=1):
        file.write(json.dumps({"run": number, "out_dir": f"out/sim_{number:07d}", **dict(zip(names, values))}) + "\\n")
    file.flush()
    os.fsync(file.fileno())
subprocess.Popen(["./train.sh"]).wait()
"""


@dataclass(frozen=True)
class Start:
    """What it took until the first run began: time, processor time, and peak memory."""

    took_s: float
    cpu_s: float
    peak_mb: float


def first_start(argv: Sequence[str], folder: Path) -> Start:
    """Execute a command until its first run has begun."""
    begun = folder / "begun"
    begun.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{folder}"}
    started = time.time()
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)
    while not begun.exists():
        if process.poll() is not None:
            raise SystemExit((folder / "said").read_text()[-2000:])
        time.sleep(0.001)
    took, state = begun.stat().st_mtime - started, Path(f"/proc/{process.pid}")
    peak_kb = next(line.split()[1] for line in (state / "status").read_text().splitlines() if line[:5] == "VmHWM")
    used_s = cpu_s(process.pid)
    process.kill()
    process.wait()
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(begun.read_text()), signal.SIGKILL)
    return Start(took, used_s, int(peak_kb) / 1024)


def cpu_s(pid: int) -> float:
    """Return the processor time of a process without its children."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return how much memory a process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def interpreter_s(folder: Path) -> float:
    """Return how long Python takes to start and end."""
    started = time.time()
    subprocess.run([sys.executable, "-c", "pass"], cwd=folder, check=True)
    return time.time() - started


def planned(options: int, goal_s: float, goal_mb: float, rounds: int) -> None:
    """Print how long the first start takes. options: how many options the grid has, of ten values each."""
    ours, peers, bare = [], [], []
    with scratch_project(f"{{f'o{{k}}': list(range(10)) for k in range({options})}}", script=FIRST) as folder:
        for number in range(rounds):
            bare.append(interpreter_s(folder))
            peers.append(first_start([sys.executable, "-c", PEER], folder))
            ours.append(first_start([*new_search(), f"--out_dir=out{number}"], folder))
    beyond = statistics.median(start.took_s for start in ours) - statistics.median(bare)
    cpu_s, peer_s = (statistics.median(start.cpu_s for start in starts) for starts in (ours, peers))
    peak_mb = max(start.peak_mb for start in ours)
    details = (
        f"{beyond:.2f} s beyond the interpreter's start (at most {goal_s:g}), {cpu_s:.2f} s of CPU time, "
        f"peak {peak_mb:.0f} MB (at most {goal_mb:g}); the loop {peer_s:.2f} s of CPU time, "
        f"peak {max(start.peak_mb for start in peers):.0f} MB"
    )
    peer_beyond = statistics.median(start.took_s for start in peers) - statistics.median(bare)
    answer(
        f"first start of {10**options:,} planned runs / bare loop", beyond / peer_beyond, goal_s / peer_beyond, details
    )


def dry_run(options: int) -> None:
    """Print when the first of a million commands is shown, and the peak of memory until the last is."""
    with scratch_project(f"{{f'o{{k}}': list(range(10)) for k in range({options})}}") as folder:
        environment, started = {**os.environ, "PYTHONPATH": str(ROOT)}, time.time()
        argv = [*new_search("--dry_run", "--deterministic_search")]
        with subprocess.Popen(
            argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as run:
            assert run.stdout is not None
            lines = iter(run.stdout)
            next(lines)
            first_s = time.time() - started
            count = 1 + sum(1 for _ in lines)
            _, _, usage = os.wait4(run.pid, 0)
            run.returncode = 0
    took = time.time() - started
    details = (
        f"first line after {first_s:.2f} s, {count:,} lines after {took:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MB"
    )
    answer("first line of a dry run / its last", first_s / took, 0.2, details)


def later(runs: int) -> None:
    """Of 100,000 planned runs, execute some; print what the last of them cost in time, CPU time and memory."""
    at, cpu, memory, share = list[float](), dict[int, float](), dict[int, float](), runs // 10
    with scratch_project("{f'x': list(range(100_000))}", script=TINY_SCRIPT) as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with (folder / "said").open("w") as said:
            process = subprocess.Popen(new_search(), cwd=folder, env=environment, stdout=said, stderr=said)
        journal = folder / "out" / ".hpsearch" / "journal.jsonl"
        while not journal.exists():
            time.sleep(0.1)
        with journal.open() as file:
            line = ""
            while len(at) < runs:
                if not (part := file.readline()):
                    time.sleep(0.2)
                line += part
                if line.endswith("\n"):
                    event, line = json.loads(line), ""
                    at += [event["at"]] if event["event"] == "collected" else []
                    if len(at) not in cpu and len(at) in (1, share, runs - share, runs):
                        cpu[len(at)], memory[len(at)] = cpu_s(process.pid), memory_mb(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait()
    first_s, last_s = at[share] - at[0], at[-1] - at[-1 - share]
    first_cpu_s, last_cpu_s = cpu[share] - cpu[1], cpu[runs] - cpu[runs - share]
    details = (
        f"{1000 * first_s / share:.2f} ms each of the first {share:,}, {1000 * last_s / share:.2f} of the last; of CPU "
        f"time {1000 * first_cpu_s / share:.2f} and {1000 * last_cpu_s / share:.2f}"
    )
    answer(f"the last of {runs:,} runs / the first", last_s / first_s, 1.1, details)
    growth_mb = 1000 * (memory[runs] - memory[share]) / (runs - share)
    details = f"{memory[share]:.1f} MB after {share:,} runs, {memory[runs]:.1f} MB after {runs:,}"
    answer("  memory, MB for 1,000 runs", growth_mb, 0.3, details)


def main() -> None:
    """Print the ratios that are asked for."""
    if "--later" in sys.argv:
        later(int(sys.argv[-1]) if sys.argv[-1].isdigit() else 20_000)
    elif "--million" in sys.argv:
        planned(*next((options, *goals) for options, goals in MILLION.items()), rounds=1)
        dry_run(6)
    else:
        for options, (goal_s, goal_mb) in GOALS.items():
            planned(options, goal_s, goal_mb, rounds=7 if options == 3 else 3)


if __name__ == "__main__":
    main()
