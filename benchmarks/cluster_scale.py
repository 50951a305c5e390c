"""A large search on a look-alike of a cluster, as jobs and as arrays: what the controller costs, how often it asks.

    benchmarks/cluster_scale.py                                 # 40 s of 20,000 runs, 500 at once, 5 ends a second
    benchmarks/cluster_scale.py --to_the_end                    # all of them: over an hour for each kind
    benchmarks/cluster_scale.py --kinds slurm_array --profile F # cProfile of the controller
    benchmarks/cluster_scale.py --to_the_end --failing 0.1 --watch

With ``--to_the_end``, a second look-alike gets the same number of jobs as one array by hand: nothing can be faster.
With ``--failing``, this share of all calls of the scheduler's commands fails, before or after they are carried out.
With ``--watch``, ``hpsearch status --watch`` goes on beside the search, and is measured, too.
At the end, each run has to be in the table once, and must have been executed once.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from _cluster import COMMANDS, LookAlike
from _measure import ROOT, answer, hpsearch_argv, scratch_project
from _usage import SCRIPT, Sample, each_once, end_watch, samples_of, tell_usage, watch_beside

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
    has_other = given.to_the_end and not given.failing
    with scratch_project(f"{{'x': list(range({given.runs}))}}", script=SCRIPT) as folder:
        with (
            LookAlike(folder / "cluster", given.slots, job_s, given.array_size, failing=given.failing) as cluster,
            LookAlike(folder / "bare", given.slots, job_s, given.runs, scripts=False) as bare,
            (folder / "controller.log").open("wb") as log,
        ):
            environment, argv = {**cluster.env, "PYTHONPATH": given.code}, controller_argv(kind, given)
            began = time.monotonic()
            search = subprocess.Popen(argv, cwd=folder, env=environment, stdout=log, stderr=log)
            watch = watch_beside(folder, environment, search) if given.watch else None
            by_hand = array_by_hand(folder, bare, given) if has_other else None
            samples, by_hand_s = list[Sample](), 0.0
            for each in samples_of(search, watch, cluster.stats, 5 if given.to_the_end else 1):
                samples.append(each)
                if by_hand is not None and not by_hand_s and by_hand.poll() is not None:
                    by_hand_s = time.monotonic() - began
                if not given.to_the_end and each.at - steady(samples, given)[0].at >= given.seconds:
                    search.send_signal(signal.SIGTERM)
                    break
            status, ours_s = search.wait(), time.monotonic() - began
            end_watch(watch, given.to_the_end)
            if by_hand is not None:
                by_hand.wait()
                by_hand_s = by_hand_s or time.monotonic() - began
        said = (folder / "controller.log").read_text(errors="replace")
        if status not in (0, 128 + signal.SIGTERM) or "Traceback" in said:
            raise SystemExit(said[-3000:])
        each_once(folder, given.runs, given.to_the_end)
    if given.samples:
        lines = (json.dumps({"kind": kind, **dataclasses.asdict(each)}) + "\n" for each in samples)
        with Path(given.samples).open("a") as file:
            file.writelines(lines)
    found = steady(samples, given)
    # Where many calls fail, the slots may never have been full.
    tell(kind, given, found if len(found) > 1 else samples)
    if has_other:
        answer("  time / array by hand", ours_s / by_hand_s, 1.1, f"{ours_s:.1f} s, by hand {by_hand_s:.1f} s")
    else:
        print(f"  in all {ours_s:.1f} s")


def array_by_hand(folder: Path, cluster: LookAlike, given: argparse.Namespace) -> subprocess.Popen[bytes]:
    """Start a shell that submits one array and waits for its end."""
    (folder / "by_hand").mkdir()
    text = BARE.format(runs=given.runs, slots=given.slots, pause_s=min(5.0, 5 / given.rate))
    return subprocess.Popen(["sh", "-c", text], cwd=folder / "by_hand", env=cluster.env)


def steady(samples: Sequence[Sample], given: argparse.Namespace) -> Sequence[Sample]:
    """Return the samples between the first time that nearly all slots are in use and the last submissions."""
    enough = 0.98 * given.slots
    first = next((place for place, each in enumerate(samples) if each.counts.get("running", 0) >= enough), -1)
    last = [each for each in samples[first:] if each.ended <= given.runs - given.slots]
    return last or samples[-1:]


def tell(kind: str, given: argparse.Namespace, samples: Sequence[Sample]) -> None:
    """Print the figures of the samples."""
    one, other = samples[0], samples[-1]
    took_s, runs = other.at - one.at, other.ended - one.ended
    calls = {name: other.counts.get(name, 0) - one.counts.get(name, 0) for name in COMMANDS}
    told = ", ".join(f"{60 * count / took_s:.1f} {name}" for name, count in calls.items() if count)
    in_all = ", ".join(f"{count:,} {name}" for name, count in other.counts.items() if name.split()[0] in COMMANDS)
    scale = f"{given.runs:,} runs, {given.slots} at once"
    print(f"{kind}: {scale}; {runs:,} ends in {took_s:.0f} s ({runs / took_s:.1f} a second)", flush=True)
    most_cpu = 2 * given.rate / 5
    tell_usage("the controller", samples, lambda each: each.own, most_cpu, given.to_the_end)
    print(f"  commands that it called: {100 * (other.own.commands_s - one.own.commands_s) / took_s:.2f} % of a core")
    print(f"  calls a minute: {told or 'none'}; in all so far: {in_all}")
    if given.watch:
        tell_usage("the watch", samples, lambda each: each.watch, most_cpu, given.to_the_end)


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
    parser.add_argument("--array_size", type=int, default=1000, help="the most jobs of an array (%(default)s)")
    parser.add_argument("--failing", type=float, default=0, help="share of the commands' calls that fail (%(default)s)")
    parser.add_argument("--watch", action="store_true", help="watch the search all the time")
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
