"""1,000 tiny runs in 1, 2 and 4 slots, everything included, against a bare loop of `Popen` on the same launcher.

It also shows `xargs` and GNU parallel on the script itself, and the CPU time of the bare loop's own process beside that
of the controller. ``tiny_runs.py N`` takes N rounds instead of 2.
"""

from __future__ import annotations

import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from _measure import ROOT, answer, making_a_file_us, scratch_project, seconds, set_aside

COUNT, SLOTS = 1000, (1, 2, 4)
SCRIPT = ["./train.sh", "--x={}", "--out_dir=peer/{}"]
#: Runs a search in this process, and writes the controller's CPU time in seconds, without its children's.
SEARCH = """\
import sys
from hpsearch import hpsearch
from tiny_runs import note_cpu
hpsearch.run(sys.argv[1:])
note_cpu()
"""


def note_cpu() -> None:
    """Write the CPU time of this process, in seconds; its children do not count."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    Path("cpu.txt").write_text(str(used.ru_utime + used.ru_stime))


def bare_loop(slots: int) -> None:
    """Do the least that a search needs without hpsearch: start each run's launcher, wait for it, write a row."""
    sys.path.insert(0, str(ROOT))
    from hpsearch.backends.launcher import LAUNCHER

    cwd, live, started = Path.cwd(), dict[int, tuple[int, subprocess.Popen[bytes]]](), 0
    (cwd / "exits").mkdir(exist_ok=True)
    with (cwd / "bare.csv").open("w") as file:
        table = csv.writer(file)
        while started < COUNT or live:
            while started < COUNT and len(live) < slots:
                gate, bell = os.pipe()
                os.write(bell, b"go\n")
                run = ["./train.sh", f"--x={started}", f"--out_dir=bare/{started}"]
                words = ["/bin/sh", "-c", LAUNCHER, "sh", f"{cwd}/exits/{started}", str(cwd), *run]
                null = subprocess.DEVNULL
                process = subprocess.Popen(words, stdin=gate, stdout=null, stderr=null, start_new_session=True)
                live[process.pid] = started, process
                os.close(gate)
                os.close(bell)
                started += 1
            pid, status = os.wait()
            number, process = live.pop(pid)
            process.returncode = status
            table.writerow([number, status])
            file.flush()
    note_cpu()


def search(folder: Path, slots: int, count: int = COUNT) -> tuple[float, float]:
    """Run a search whose messages go to a file, as those of a job do; return its time and its CPU time, in seconds."""
    set_aside(folder, "out")
    options = ["--grid_module=config", "--visible_gpus=-1", "--out_dir=out", "--force_out_dir"]
    options += [f"--num_cpu_jobs={slots}", f"--num_searches={count}"]
    began = time.perf_counter()
    with (folder / "said.txt").open("w") as said:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "benchmarks", folder)))}
        # As where it is installed: modules are compiled once, not at each start.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        words = [sys.executable, "-c", SEARCH, *options]
        subprocess.run(words, cwd=folder, env=environment, stdout=said, stderr=said, check=True)
    return time.perf_counter() - began, cpu_seconds(folder)


def cpu_seconds(folder: Path) -> float:
    """Return what the latest process noted by `note_cpu`."""
    return float((folder / "cpu.txt").read_text())


def peer_seconds(folder: Path, words: Sequence[str], stdin: str = "") -> float:
    """Return how long a peer takes for all runs."""
    set_aside(folder, "bare", "peer", "exits")
    return seconds(words, folder, stdin)


def main(rounds: int = 2) -> None:
    """Print the ratio for each number of slots, that of two slots to one, and the CPU time of the controller."""
    numbers = "".join(f"{number}\n" for number in range(COUNT))
    ours, bare, xargs = ({slots: list[float]() for slots in SLOTS} for _ in range(3))
    cpu_ms, bare_cpu_ms = list[float](), list[float]()
    with scratch_project(f"{{'x': list(range({COUNT}))}}") as folder:
        search(folder, 1, 1)  # The first one compiles.
        startup = statistics.median(search(folder, 1, 1)[1] for _ in range(3))
        for _ in range(rounds):
            for slots in SLOTS:
                words = [sys.executable, str(Path(__file__).resolve()), "--bare", str(slots)]
                bare[slots].append(peer_seconds(folder, words))
                bare_cpu_ms.append(1000 * cpu_seconds(folder) / COUNT)
                took, cpu = search(folder, slots)
                ours[slots].append(took)
                cpu_ms.append(1000 * (cpu - startup) / COUNT)
                xargs[slots].append(peer_seconds(folder, ["xargs", f"-P{slots}", "-I{}", *SCRIPT], numbers))
        file_us = making_a_file_us(folder)
        if shutil.which("parallel") is not None:
            joblog = ["parallel", "--will-cite", "-j1", "--joblog", "log", *SCRIPT]
            print(f"GNU parallel --joblog: {peer_seconds(folder, joblog, numbers):.2f} ms a run, one at a time")
    ms = {slots: 1000 * statistics.median(ours[slots]) / COUNT for slots in SLOTS}
    for slots in SLOTS:
        loop, plain = (1000 * statistics.median(times[slots]) / COUNT for times in (bare, xargs))
        details = f"{ms[slots]:.2f} ms a run, the loop {loop:.2f}, xargs {plain:.2f}"
        answer(f"{COUNT} tiny runs, {slots} at once / bare loop", ms[slots] / loop, 1.2, details)
    answer("tiny runs, 2 at once / 1 at once", ms[2] / ms[1], 1, f"{ms[2]:.2f} ms, {ms[1]:.2f} ms")
    details = (
        f"and {startup:.2f} s to begin with; the bare loop's own process {statistics.median(bare_cpu_ms):.2f} ms; "
    )
    details += f"making a file here takes {file_us:.0f} us"
    answer("CPU time of the controller a run, ms", statistics.median(cpu_ms), 0.8, details)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--bare"]:
        bare_loop(int(sys.argv[2]))
    else:
        main(*map(int, sys.argv[2:3]))
