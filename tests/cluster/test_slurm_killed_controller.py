"""The controller of a search on a real Slurm is killed at any moment: each run is one job, and leaves one row."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable

import pytest
from project import Project, journal_has, rows, wait_until
from slurm_cluster import SlurmCluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

#: Notes each execution, in one write, before it does anything else.
SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; esac; done
echo "$x" >>started.txt
mkdir -p "${out%/*}" && mkdir "$out" || exit 3
sleep 0.3
printf 'acc %s\\nfinished 1\\n' "$x" >"$out/summary.txt"
"""
OPTIONS = ("--run_cluster", "--scheduler=slurm", "--slurm_gres=", "--slurm_mem=100", "--num_jobs=10")


def kill_when(is_time: Callable[[], bool], controller: subprocess.Popen[str]) -> None:
    """Kill a controller at this time, unless it has done its work before."""
    wait_until(lambda: controller.poll() is not None or is_time(), "the moment to kill")
    controller.kill()
    controller.communicate()


def after(pause_s: float) -> Callable[[], bool]:
    """Return a condition that becomes true after this number of seconds."""
    end = time.monotonic() + pause_s
    return lambda: time.monotonic() > end


@pytest.mark.parametrize("more", [(), ("--slurm_array", "--runs_per_job=2")], ids=["jobs", "arrays"])
def test_twenty_kills_over_a_hundred_jobs_lose_and_double_nothing(
    project: Project, slurm: SlurmCluster, more: tuple[str, ...]
) -> None:
    project.environment.update({"SLURM_CONF": str(slurm.conf), "PATH": slurm.env["PATH"]})
    project.grid({"x": list(range(100))}, script=SCRIPT)
    folder, chance = project.path / "out", random.Random(3)
    first = project.start("--out_dir=out", "--force_out_dir", *OPTIONS, *more)
    kill_when(lambda: journal_has(folder, "submitted", 1), first)
    for _ in range(19):
        kill_when(after(chance.uniform(0.3, 1.5)), project.start(f"--resume={folder}"))
    last = project.run(f"--resume={folder}")
    jobs = [job for job in slurm.jobs().values() if job.script.startswith(str(project.path))]
    assert last.exit_status == 0, last.stderr
    assert sorted(int(row["x"]) for row in rows(folder)) == list(range(100))
    assert sorted(map(int, (project.path / "started.txt").read_text().split())) == list(range(100))
    assert len(jobs) == (50 if more else 100)
