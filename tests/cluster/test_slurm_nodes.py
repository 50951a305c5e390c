"""Jobs whose node dies, and jobs that Slurm or an administrator takes off their node."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster_project import WAITS, ClusterProject, said

pytestmark = pytest.mark.cluster

#: One partition above the other; {mode} is what happens to the lower one's jobs.
PREEMPTION = {"PreemptType": "preempt/partition_prio", "KillWait": 1}


def test_the_run_of_a_dead_node_is_run_again_and_its_old_process_changes_nothing(
    searches_on: Callable[..., ClusterProject],
) -> None:
    searches = searches_on(nodes=2)
    # The first execution goes on behind the broken network, and fails at last.
    searches.acts(
        f"[ -e second ] || {{ touch second; {WAITS}; echo >late; exit 3; }}; until [ -e late ]; do sleep 0.1; done"
    )
    search = searches.start()
    searches.wait_for_executions(1)
    job_id = searches.job_ids()[0]
    node = searches.cluster.squeue("-j", job_id, "-o", "%N")[0]
    searches.cluster.kill_node(searches.cluster.nodes.index(node) + 1, noticed=True)
    searches.wait_for_executions(2)
    searches.go()
    result = searches.end(search)
    assert (said(result, "run 1/1 lost", "Slurm: NODE_FAIL", "; running it again"), result.exit_status) == ([], 0)
    assert (searches.executions(), searches.states(), len(searches.rows())) == ({1: 2}, {1: "finished"}, 1)


def test_a_job_that_is_requeued_by_hand_goes_on_as_the_same_job(searches: ClusterProject) -> None:
    searches.acts(WAITS)
    search = searches.start("--slurm_options=--requeue")
    searches.wait_for_executions(1)
    (job_id,) = searches.job_ids()
    searches.cluster.run(["scontrol", "requeue", job_id])
    searches.hasten(job_id)
    searches.wait_for_executions(2)
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, searches.job_ids(), searches.executions()) == (0, [job_id], {1: 2})
    assert (len(searches.rows()), searches.states()) == (1, {1: "finished"})


@pytest.mark.parametrize("mode, jobs", [("CANCEL", 2), ("REQUEUE", 1)])
def test_a_preempted_run_is_no_failure(searches_on: Callable[..., ClusterProject], mode: str, jobs: int) -> None:
    searches = searches_on(nodes=1, extra={**PREEMPTION, "PreemptMode": mode})
    searches.acts(WAITS)
    option = "--requeue" if mode == "REQUEUE" else "--no-requeue"
    search = searches.start(f"--slurm_options=--exclusive {option}", "--slurm_partition=main")
    searches.wait_for_executions(1)
    searches.cluster.wait_for(searches.cluster.submit("true", "--exclusive", "--partition=short"), limit_s=60)
    searches.hasten(searches.job_ids()[0])
    searches.wait_for_executions(2)
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, searches.executions(), len(searches.job_ids())) == (0, {1: 2}, jobs)
    assert (len(searches.rows()), "failed" in result.stderr) == (1, False)
