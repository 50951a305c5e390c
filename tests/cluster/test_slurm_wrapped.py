"""A search that is a job of the cluster itself, as in ``sbatch my_hpsearch.sh``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from cluster_project import WAITS, ClusterProject, said
from project import ROOT, Result

pytestmark = pytest.mark.cluster

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=outer --output=outer.log --mem-per-cpu=300 --cpus-per-task=3
export PYTHONPATH={root}
exec {command}
"""


def submit_search(searches: ClusterProject) -> str:
    """Submit a job that wraps a search; return its id."""
    command = [sys.executable, "-m", "hpsearch.hpsearch", "--grid_module=config", *searches.options()]
    text = SCRIPT.format(root=shlex.quote(str(ROOT)), command=shlex.join(command))
    script = searches.project.write("my_hpsearch.sh", text)
    return searches.cluster.run(["sbatch", "--parsable", str(script)], cwd=searches.project.path).strip()


def outer_log(searches: ClusterProject) -> str:
    return (searches.project.path / "outer.log").read_text()


def environment_of_the_run(path: Path) -> dict[str, str]:
    lines = (path / "environment.txt").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_the_jobs_of_a_search_inside_a_job_get_nothing_of_it(searches: ClusterProject) -> None:
    searches.acts("env >environment.txt; srun true || exit 5")
    outer = submit_search(searches)
    assert searches.cluster.wait_for(outer) == "COMPLETED"
    environment = environment_of_the_run(searches.project.path)
    assert environment["SLURM_JOB_NAME"].startswith("sim_")
    assert environment["SLURM_CONF"] == str(searches.cluster.conf)
    assert environment["SLURM_MEM_PER_NODE"] == "100"
    assert {"SLURM_MEM_PER_CPU", "SLURM_CPUS_PER_TASK"} & set(environment) == set()
    assert [environment["SLURM_JOB_ID"]] == searches.job_ids()


def test_a_search_inside_a_job_writes_plain_lines(searches: ClusterProject) -> None:
    searches.acts("true")
    searches.cluster.wait_for(submit_search(searches))
    log = outer_log(searches)
    assert ("run 1/1 finished" in log, "\r" in log, "\x1b" in log) == (True, False, False)
    assert log.splitlines()[-1].endswith("search_results.csv")


def test_a_search_inside_a_job_that_ends_leaves_its_jobs_alone(searches: ClusterProject) -> None:
    searches.acts(WAITS)
    outer = submit_search(searches)
    searches.wait_for_executions(1)
    searches.wait_for_events("submitted")
    searches.cluster.run(["scancel", outer])
    searches.cluster.wait_for(outer)
    log = Result(143, "", outer_log(searches))
    assert said(log, "1 run left to Slurm, where they keep running", "stopped; resume with:") == []
    assert [row.job_id for row in searches.live_jobs()] == searches.job_ids()
    searches.go()
    assert searches.resume().exit_status == 0
    assert (searches.executions(), len(searches.rows())) == ({1: 1}, 1)
