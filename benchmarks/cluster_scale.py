"""A large search on a look-alike of a cluster, as jobs and as arrays: what the controller costs, how often it asks.

    benchmarks/cluster_scale.py                                 # 40 s of 20,000 runs, 500 at once, 5 ends a second
    benchmarks/cluster_scale.py --to_the_end                    # all of them: over an hour for each kind
    benchmarks/cluster_scale.py --kinds slurm_array --profile F # cProfile of the controller

With ``--to_the_end``, a second look-alike gets the same number of jobs as one array by hand: nothing can be faster.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from _cluster import COMMANDS, LookAlike
from _measure import ROOT, answer, hpsearch_argv, rows, scratch_project

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024
KINDS = {
    "slurm": ("--scheduler=slurm", "--slurm_gres="),
    "slurm_array": ("--scheduler=slurm", "--slurm_gres=", "--slurm_array"),
    "lsf": ("--scheduler=lsf",),
    "lsf_array": ("--scheduler=lsf", "--lsf_array"),
}
#: One array by hand; it is over when the queue is empty.
BARE = """\
printf '#!/bin/sh\\ntrue\\n' >true.sh
sbatch --parsable --array=1-{runs}%{slots} true.sh >/dev/null
while squeue -h -j 1001 | grep -q .; do sleep {pause_s}; done
"""


@dataclass(frozen=True)
class Sample:
    """The controller at one moment. cpu_s, commands_s: CPU time of its own, and of the commands that it has called."""

    at: float
    cpu_s: float
    commands_s: float
    rss_kb: int
    descriptors: int
    counts: dict[str, int]

    @property
    def asked(self) -> int:
        return sum(self.counts.get(name, 0) for name in COMMANDS)


def sample(pid: int, cluster: LookAlike) -> Sample:
    """Measure a process. Raises OSError if it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, child_user, child_system = (int(text) / TICKS for text in fields[11:15])
    rss = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    counts = dict(cluster.stats())
    return Sample(time.monotonic(), user + system, child_user + child_system, rss, descriptors, counts)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through the points by least squares."""
    mean_x, mean_y = (sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def samples_of(process: subprocess.Popen[bytes], cluster: LookAlike, pause_s: float) -> Iterator[Sample]:
    """Yield samples until the process has ended."""
    while process.poll() is None:
        try:
            yield sample(process.pid, cluster)
        except (OSError, ValueError, IndexError):
            return
        time.sleep(pause_s)


def controller_argv(kind: str, given: argparse.Namespace) -> list[str]:
    """Return the command of the search."""
    argv = hpsearch_argv("--grid_module=config", "--out_dir=out", "--force_out_dir", "--run_cluster")
    argv += [f"--num_jobs={given.slots}", "--deterministic_search", *KINDS[kind], *given.more]
    if given.profile:
        argv[1:3] = ["-c", _PROFILED.format(given.profile + "." + kind), argv[2]]
    return argv


#: Executes a module as `python -m` does, and profiles its CPU time.
_PROFILED = """\
import cProfile, runpy, sys, time
module = sys.argv.pop(1)
profile = cProfile.Profile(time.process_time)
try:
    profile.runcall(runpy.run_module, module, run_name="__main__", alter_sys=True)
finally:
    profile.dump_stats({!r})
"""


def measure(kind: str, given: argparse.Namespace) -> None:
    """Carry out a search of one kind, and print what it cost."""
    job_s = given.slots / given.rate
    with scratch_project(f"{{'x': list(range({given.runs}))}}") as folder:
        with (
            LookAlike(folder / "cluster", given.slots, job_s) as cluster,
            LookAlike(folder / "bare", given.slots, job_s, given.runs, scripts=False) as bare,
            (folder / "controller.log").open("wb") as log,
        ):
            environment, argv = {**cluster.env, "PYTHONPATH": given.code}, controller_argv(kind, given)
            began = time.monotonic()
            search = subprocess.Popen(argv, cwd=folder, env=environment, stdout=log, stderr=log)
            by_hand = array_by_hand(folder, bare, given) if given.to_the_end else None
            samples, by_hand_s = list[Sample](), 0.0
            for each in samples_of(search, cluster, 5 if given.to_the_end else 1):
                samples.append(each)
                if by_hand is not None and not by_hand_s and by_hand.poll() is not None:
                    by_hand_s = time.monotonic() - began
                if not given.to_the_end and each.at - steady(samples, given)[0].at >= given.seconds:
                    search.send_signal(signal.SIGTERM)
                    break
            status, ours_s = search.wait(), time.monotonic() - began
            if by_hand is not None:
                by_hand.wait()
                by_hand_s = by_hand_s or time.monotonic() - began
        if status not in (0, 128 + signal.SIGTERM):
            raise SystemExit((folder / "controller.log").read_text()[-3000:])
        assert not given.to_the_end or rows(folder, "out") == given.runs, f"{rows(folder, 'out')} rows"
    if given.samples:
        lines = (json.dumps({"kind": kind, **vars(each)}) + "\n" for each in samples)
        with Path(given.samples).open("a") as file:
            file.writelines(lines)
    tell(kind, given, steady(samples, given))
    if given.to_the_end:
        answer("  time / array by hand", ours_s / by_hand_s, 1.1, f"{ours_s:.1f} s, by hand {by_hand_s:.1f} s")


def array_by_hand(folder: Path, cluster: LookAlike, given: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start a shell that submits one array and waits for its end."""
    (folder / "by_hand").mkdir()
    text = BARE.format(runs=given.runs, slots=given.slots, pause_s=min(5.0, 5 / given.rate))
    return subprocess.Popen(["sh", "-c", text], cwd=folder / "by_hand", env=cluster.env)


def steady(samples: Sequence[Sample], given: argparse.Namespace) -> Sequence[Sample]:
    """Return the samples between the first time that nearly all slots are in use and the last submissions."""
    enough = 0.98 * given.slots
    first = next((place for place, each in enumerate(samples) if each.counts.get("running", 0) >= enough), -1)
    last = [each for each in samples[first:] if each.counts.get("ended", 0) <= given.runs - given.slots]
    return last or samples[-1:]


def tell(kind: str, given: argparse.Namespace, samples: Sequence[Sample]) -> None:
    """Print the figures of the samples."""
    one, other = samples[0], samples[-1]
    took_s, runs = other.at - one.at, other.counts["ended"] - one.counts.get("ended", 0)
    cpu_s, commands_s = other.cpu_s - one.cpu_s, other.commands_s - one.commands_s
    calls = {name: other.counts.get(name, 0) - one.counts.get(name, 0) for name in COMMANDS}
    told = ", ".join(f"{60 * count / took_s:.1f} {name}" for name, count in calls.items() if count)
    in_all = ", ".join(f"{other.counts[name]:,} {name}" for name in COMMANDS if name in other.counts)
    scale = f"{given.runs:,} runs, {given.slots} at once"
    print(f"{kind}: {scale}; {runs:,} ends in {took_s:.0f} s ({runs / took_s:.1f} a second)", flush=True)
    per_run = f"{cpu_s:.2f} s, {1000 * cpu_s / runs:.2f} ms a run"
    answer("  CPU of the controller, % of a core", 100 * cpu_s / took_s, 2 * given.rate / 5, per_run)
    print(f"  commands that it called: {100 * commands_s / took_s:.2f} % of a core")
    print(f"  calls a minute: {told or 'none'}; in all so far: {in_all}")
    descriptors = [each.descriptors for each in samples]
    memory = f"{one.rss_kb / 1024:.1f} to {other.rss_kb / 1024:.1f} MB"
    print(f"  memory: {memory}; open files: {min(descriptors)} to {max(descriptors)}")
    if given.to_the_end:
        growth_kb = 1000 * slope([(each.counts.get("ended", 0), each.rss_kb) for each in samples])
        answer("  memory, kB for 1,000 runs", growth_kb, 2500, memory)


def main() -> None:
    """Print what each kind of search costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=5, help="ends a second (%(default)s)")
    parser.add_argument("--slots", type=int, default=500)
    parser.add_argument(
        "--seconds", type=float, default=40, help="how long to measure, if not to the end (%(default)s)"
    )
    parser.add_argument("--to_the_end", action="store_true")
    parser.add_argument("--kinds", default="slurm,slurm_array", help=", ".join(KINDS))
    parser.add_argument("--profile", default="", help="write cProfile's figures to this file")
    parser.add_argument("--samples", default="", help="add all samples to this file, as JSON")
    parser.add_argument("--code", default=str(ROOT), help="where the package lies")
    parser.add_argument("more", nargs="*", help="further options of the search")
    given = parser.parse_args()
    for kind in given.kinds.split(","):
        measure(kind, given)


if __name__ == "__main__":
    main()
