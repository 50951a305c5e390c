"""200 tiny runs on a private real Slurm, as jobs and as arrays, against a bare loop of sbatch with the same scripts.

Needs root and Debian's Slurm packages, as the tests of the cluster do.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

from _measure import answer, hpsearch_argv, loop_seconds, rows, scratch_project, seconds

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "cluster"))
from slurm_cluster import SlurmCluster, why_no_cluster

COUNT = 200
COUNTED = ("sbatch", "squeue", "sacct", "scontrol")
#: Submits all scripts one after another and waits until no job is left in the queue.
LOOP = """\
for script in "$1"/.hpsearch/logs/*.sh; do sbatch --parsable "$script" >>ids || exit 1; done
while [ -n "$(squeue -h)" ]; do sleep 0.1; done
"""
#: The same number of jobs that do nothing, as one array by hand: no client is faster than this.
ARRAY = f"""\
printf '#!/bin/sh\\ntrue\\n' >true.sh
sbatch --output=/dev/null --mem=100 --array=1-{COUNT}%50 true.sh
while [ -n "$(squeue -h)" ]; do sleep 0.1; done
"""


def count_calls(folder: Path) -> None:
    """Put wrappers of Slurm's commands on PATH that note each call in the file `calls`."""
    commands = folder / "counted"
    commands.mkdir()
    for name in COUNTED:
        real = shutil.which(name)
        if real is not None:
            log, path = shlex.quote(str(folder / "calls")), shlex.quote(real)
            (commands / name).write_text(f'#!/bin/sh\necho {name} >>{log}\nexec {path} "$@"\n')
            (commands / name).chmod(0o755)
    os.environ["PATH"] = f"{commands}:{os.environ['PATH']}"


def calls(folder: Path) -> str:
    """Return how often each command was called since this was last asked."""
    counts = Counter((folder / "calls").read_text().split())
    (folder / "calls").unlink()
    return ", ".join(f"{counts[name]} {name}" for name in COUNTED)


def search(out_dir: str, *options: str) -> list[str]:
    """Return the command of a search on Slurm."""
    fixed = ("--run_cluster", "--scheduler=slurm", "--slurm_gres=", "--slurm_mem=100", "--num_jobs=50")
    return hpsearch_argv("--grid_module=config", f"--out_dir={out_dir}", "--force_out_dir", *fixed, *options)


def main() -> None:
    """Print the ratios of the wall times, and how often Slurm was asked."""
    reason = why_no_cluster()
    if reason:
        print(f"no comparison with a real Slurm: {reason}")
        return
    cluster = SlurmCluster.start(nodes=4, cpus=16)
    try:
        with scratch_project(f"{{'x': list(range({COUNT}))}}") as folder:
            os.environ.update(cluster.env)
            count_calls(folder)
            times, loop_times = [], []
            for out_dir in ("first", "second"):
                times.append(seconds(search(out_dir), folder))
                asked, found = calls(folder), rows(folder, out_dir)
                time.sleep(1)
                loop_times.append(loop_seconds(folder, LOOP, out_dir, "sim_*/*_script.sh", COUNT))
                (folder / "calls").unlink()
            ours, by_loop = min(times), min(loop_times)
            figures = f"best of 2: {ours:.2f} s, loop {by_loop:.2f} s; {found} rows; calls: {asked}"
            answer(f"{COUNT} runs as jobs / loop of sbatch", ours / by_loop, 1.3, figures)
            floor = seconds(["sh", "-c", ARRAY], folder)
            print(
                f"an array of {COUNT} empty jobs by hand / loop of sbatch: ratio {floor / by_loop:.2f}; {floor:.2f} s"
            )
            (folder / "calls").unlink()
            as_array = seconds(search("array", "--slurm_array"), folder)
            figures = f"{as_array:.2f} s; {rows(folder, 'array')} rows; calls: {calls(folder)}"
            print(f"{COUNT} runs as an array / loop of sbatch: ratio {as_array / by_loop:.2f}; {figures}")
            answer(f"{COUNT} runs as an array / array of empty jobs by hand", as_array / floor, 2, figures)
            packed = seconds(search("packed", "--slurm_array", "--runs_per_job=20"), folder)
            figures = f"{packed:.2f} s; {rows(folder, 'packed')} rows; calls: {calls(folder)}"
            answer(f"{COUNT} runs as an array, 20 in a job / loop of sbatch", packed / by_loop, 0.5, figures)
    finally:
        cluster.purge()


if __name__ == "__main__":
    main()
