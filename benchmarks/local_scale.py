"""10,000 short runs on this machine, 8 at once, watched all the time: memory, open files, CPU; each run once.

benchmarks/local_scale.py [--runs N] [--slots N] [--samples FILE]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from _measure import ROOT, new_search, scratch_project
from _usage import LEDGER, SCRIPT, Sample, each_once, end_watch, samples_of, tell_usage, watch_beside

#: The most CPU time of the controller and of the watch, in % of a core: runs end as fast as the machine lets them.
MOST_CPU = {"the controller": 50, "the watch": 5}


def search(folder: Path, runs: int, slots: int) -> list[Sample]:
    """Carry out a search to its end; return the samples."""
    environment, ledger = {**os.environ, "PYTHONPATH": str(ROOT)}, folder / LEDGER
    # As where it is installed: modules are compiled once, not at each start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (folder / "said.txt").open("wb") as said:
        argv = new_search(f"--num_cpu_jobs={slots}", "--deterministic_search")
        process = subprocess.Popen(argv, cwd=folder, env=environment, stdout=said, stderr=said)
        watch = watch_beside(folder, environment, process)
        samples = list(samples_of(process, watch, lambda: {"ended": lines(ledger)}, 0.5))
    end_watch(watch, is_ended=True)
    if process.wait():
        raise SystemExit((folder / "said.txt").read_text(errors="replace")[-3000:])
    each_once(folder, runs, is_ended=True)
    return samples


def lines(path: Path) -> int:
    """Return how many lines a file has; 0 if there is none."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def tell_fifths(samples: Sequence[Sample], runs: int) -> None:
    """Print memory and open files in the first and the last fifth of the runs."""
    for name, part in (
        ("first", [each for each in samples if 0 < each.ended <= runs / 5]),
        ("last", [each for each in samples if each.ended > runs * 4 / 5]),
    ):
        own = [each.own for each in part]
        beside = [each.watch for each in part if each.watch is not None]
        told = (
            f"{who} {max(one.rss_kb for one in used) / 1024:.1f} MB, {max(one.descriptors for one in used)} open files"
            for who, used in (("the controller", own), ("the watch", beside))
        )
        print(f"  most in the {name} fifth: {'; '.join(told)}")


def main() -> None:
    """Print what the search costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--samples", default="", help="add all samples to this file, as JSON")
    given = parser.parse_args()
    began = time.monotonic()
    with scratch_project(f"{{'x': list(range({given.runs}))}}", script=SCRIPT) as folder:
        samples = search(folder, given.runs, given.slots)
    print(f"{given.runs:,} runs, {given.slots} at once: {time.monotonic() - began:.0f} s in all")
    if given.samples:
        with Path(given.samples).open("a") as file:
            file.writelines(json.dumps(dataclasses.asdict(each)) + "\n" for each in samples)
    # Both have to load their modules first.
    warm = [each for each in samples if each.ended >= given.runs / 20]
    tell_usage("the controller", warm, lambda each: each.own, MOST_CPU["the controller"], is_ended=True)
    tell_usage("the watch", warm, lambda each: each.watch, MOST_CPU["the watch"], is_ended=True)
    tell_fifths(samples, given.runs)


if __name__ == "__main__":
    main()
