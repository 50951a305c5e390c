"""How full a search keeps the slots of look-alike GPUs, against `xargs` with as many; and what watching them costs."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _measure import ROOT, answer, hpsearch_argv, scratch_project, seconds

sys.path.insert(0, str(ROOT / "tests"))
from standins.worlds import FakeGpus, wait_until

#: Notes when it starts, and sleeps for --seconds.
SLEEPING = """\
#!/bin/bash
for word; do case $word in --out_dir=*) out=${word#*=};; --seconds=*) seconds=${word#*=};; esac; done
echo $EPOCHREALTIME >>started.txt
mkdir -p "$out"
sleep "$seconds"
printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
"""
TOO_FULL = {"load_percent": 100}
WATCHED_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def lab_box(grid: str, *others: dict[str, Any]) -> Iterator[Path]:  # Any: numbers and texts
    """Make a project on a machine with four idle look-alike GPUs, and others."""
    with scratch_project(grid, script=SLEEPING) as folder, tempfile.TemporaryDirectory() as name:
        with FakeGpus(Path(name)) as gpus:
            gpus.write({}, {}, {}, {}, *others)
            os.environ.update(gpus.own_variables(), PATH=gpus.env()["PATH"], HPSEARCH_GPU_LOCKS=f"{name}/locks")
            yield folder


def search_argv(*options: str) -> list[str]:
    """Return the command of a search on all GPUs."""
    return hpsearch_argv("--grid_module=config", "--out_dir=out", "--force_out_dir", *options)


def xargs_argv(places: int) -> list[str]:
    """Return the xargs command: runs of one second, `places` at once, their numbers on standard input."""
    return ["xargs", f"-P{places}", "-I{}", "./train.sh", "--seconds=1", "--out_dir=peer/{}"]


def short_runs(what: str, count: int, slots: int, ideal_s: float, *options: str, without_start: bool) -> None:
    """Print how long runs of one second take in all, as a multiple of the ideal time; the best of three searches."""
    with lab_box(f"{{'x': list(range({count})), 'seconds': [1]}}") as folder:
        peer = seconds(xargs_argv(slots), folder, "".join(f"{number}\n" for number in range(count)))
        ours, start = min(search_times(folder, f"--out_dir=out{attempt}", *options) for attempt in range(3))
    counted = ours - start if without_start else ours
    details = f"{ours:.2f} s, of it {start:.2f} s until the first run; xargs -P{slots} {peer:.2f} s: {ours / peer:.2f}"
    answer(what, counted / ideal_s, 1.6, f"{details} times that; ideal {ideal_s:g} s")


def search_times(folder: Path, *options: str) -> tuple[float, float]:
    """Return how long a search takes, and how much of that passes until its first run starts."""
    stamps = folder / "started.txt"
    stamps.unlink(missing_ok=True)
    begun = time.time()
    took = seconds(search_argv(*options), folder)
    return took, min(map(float, stamps.read_text().split())) - begun


def cpu_s(pid: int) -> tuple[float, float]:
    """Return the processor seconds of a process so far: its own, and those of children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own, children = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
    return own / TICKS, children / TICKS


def spent_s(argv: list[str], folder: Path, stdin: str) -> tuple[float, float]:
    """Start a command with 8 long runs; return its CPU time, as `cpu_s` does, in a minute in which all of them work.

    It is ended afterwards.
    """
    started = folder / "started.txt"
    started.unlink(missing_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = subprocess.Popen(
        argv,
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert command.stdin is not None
    command.stdin.write(stdin.encode())
    command.stdin.close()
    wait_until(lambda: started.exists() and len(started.read_text().split()) == 8)
    before = cpu_s(command.pid)
    time.sleep(WATCHED_S)
    after = cpu_s(command.pid)
    os.killpg(command.pid, signal.SIGTERM)
    command.wait()
    return after[0] - before[0], after[1] - before[1]


def long_runs() -> None:
    """Print the controller's CPU time while 8 runs work, more are waiting, and one more GPU is someone else's."""
    with lab_box("{'x': list(range(12)), 'seconds': [100]}", TOO_FULL) as folder:
        peer, _ = spent_s(
            [*xargs_argv(8)[:4], "--seconds=100", "--out_dir=peer/{}"], folder, "1\n2\n3\n4\n5\n6\n7\n8\n"
        )
        options = ("--max_num_jobs_per_gpu=2", "--sim_startup_time=0")
        own, children = spent_s(search_argv(*options), folder, "")
    share = own / WATCHED_S
    answer(
        "controller while 8 long runs work, share of a core in percent",
        100 * share,
        1,
        f"{own:.2f} s in {WATCHED_S:g} s, and {children:.2f} s in the look-alike nvidia-smi; xargs -P8 {peer:.2f} s",
    )


def main() -> None:
    """Print the results of all three benchmarks."""
    crowded = ("--max_num_jobs_per_gpu=2", "--sim_startup_time=0")
    short_runs("20 one-second runs, 4 GPUs, 2 on each / ideal", 20, 8, 3, *crowded, without_start=False)
    careful = ("--sim_startup_time=15",)
    short_runs("8 one-second runs, 4 GPUs, start-up time 15 s / ideal", 8, 4, 2, *careful, without_start=True)
    long_runs()


if __name__ == "__main__":
    main()
