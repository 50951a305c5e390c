"""Jobs that do not start: held, never satisfiable, refused by a node, above a limit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster_project import WAITS, ClusterProject, said

pytestmark = pytest.mark.cluster


def test_a_held_job_is_told_once_and_goes_on_after_its_release(searches: ClusterProject) -> None:
    searches.acts("true")
    search = searches.start("--slurm_options=--hold")
    remedy = "does not start: JobHeldUser: a user holds it; to release it: scontrol release"
    searches.wait_for_message(remedy)
    (job_id,) = searches.job_ids()
    searches.cluster.run(["scontrol", "release", job_id])
    result = searches.end(search)
    assert (result.exit_status, searches.executions()) == (0, {1: 1})
    assert result.stderr.count(f"{remedy} {job_id}") == 1


@pytest.mark.parametrize(
    "options, jobs, reason",
    [
        (["--slurm_partition=short", "--num_hours=1"], 2, "PartitionTimeLimit: its time limit is longer"),
        (["--slurm_options=-c 99"], 2, "PartitionConfig: it asks for more than the partition has"),
        (["--slurm_options=-c 99", "--slurm_array"], 4, "PartitionConfig: it asks for more than the partition has"),
    ],
)
def test_jobs_that_never_would_start_end_the_search_with_the_reason(
    searches: ClusterProject, options: list[str], jobs: int, reason: str
) -> None:
    searches.acts("true", x=[1, 2, 3, 4])
    result = searches.run("--num_jobs=2", *options, timeout=40)
    assert (result.stderr.count(f"does not start: {reason}"), result.exit_status) == (1, 1)
    assert searches.states() == dict.fromkeys(range(1, 5), "failed")
    assert (searches.executions(), len(searches.job_ids()), searches.live_jobs()) == ({}, jobs, [])


@pytest.mark.parametrize("option", ["--no-requeue", "--requeue"])
def test_a_job_that_its_node_cannot_launch_is_replaced(searches_on: Callable[..., ClusterProject], option: str) -> None:
    searches = searches_on(nodes=1)
    spool = searches.cluster.folder / "spool" / searches.cluster.nodes[0]
    away = spool.rename(spool.with_suffix(".away"))
    searches.acts("true")
    search = searches.start(f"--slurm_options={option}")
    searches.wait_for_events("collected")
    away.rename(spool)
    result = searches.end(search)
    assert (said(result, "run 1/1 lost", "running it again"), result.exit_status) == ([], 0)
    assert (searches.executions(), len(searches.rows())) == ({1: 1}, 1)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--num_jobs=14", "--slurm_array"])
def test_a_limit_on_submitted_jobs_is_waited_out(limited_searches: ClusterProject, option: str) -> None:
    searches = limited_searches
    searches.acts(WAITS, x=list(range(14)))
    search = searches.start("--slurm_qos=small", option)
    searches.wait_for_message("cannot start runs at the moment (QOSMaxSubmitJobPerUserLimit")
    searches.go()
    assert searches.end(search).exit_status == 0
    assert (searches.executions(), len(searches.rows())) == (dict.fromkeys(range(1, 15), 1), 14)
