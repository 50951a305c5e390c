"""A search is stopped, or dies, while its jobs are on the cluster."""

from __future__ import annotations

import signal
from collections import Counter
from itertools import accumulate

import pytest
from cluster_project import WAITS, ClusterProject, said
from project import journal_events

pytestmark = pytest.mark.cluster

#: An sbatch that submits, but does not print the answer.
STANDS_STILL = """\
#!/bin/sh
[ "$1" != --version ] || exec /usr/bin/sbatch "$@"
/usr/bin/sbatch "$@" >id
while kill -0 $PPID 2>/dev/null; do sleep 0.1; done
"""


@pytest.mark.parametrize("option", ["--num_jobs=2", "--slurm_array"])
def test_fault_7_ctrl_c_cancels_the_jobs_of_this_search_and_no_others(searches: ClusterProject, option: str) -> None:
    other = searches.cluster.submit("sleep 60")
    searches.acts(WAITS, x=[1, 2, 3])
    # Of the jobs in the queue one runs: the others are cancelled while they wait.
    node = searches.cluster.nodes[1]
    search = searches.start(option, f"--slurm_options=--exclusive --nodelist={node}")
    searches.wait_for_executions(1)
    submitted = len(searches.job_ids())
    search.send_signal(signal.SIGINT)
    result = searches.end(search)
    assert (said(result, "Stopping...", "--resume"), result.exit_status) == ([], 130)
    assert "may not have ended" not in result.stderr
    assert [row.job_id for row in searches.live_jobs()] == [other]
    assert Counter(searches.states().values()) == {"cancelled": submitted}
    searches.go()
    assert (searches.resume().exit_status, len(searches.rows())) == (0, 3)
    assert searches.executions() == {1: 2, 2: 1, 3: 1}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_fault_6_a_controller_that_is_terminated_leaves_its_jobs_alone(
    searches: ClusterProject, number: signal.Signals
) -> None:
    searches.acts(WAITS, x=[1, 2, 3])
    search = searches.start("--num_jobs=2")
    searches.wait_for_executions(2)
    search.send_signal(number)
    result = searches.end(search)
    left = said(result, "2 runs left to Slurm, where they keep running", "--resume out")
    assert (left, result.exit_status) == ([], 128 + number)
    assert len(searches.live_jobs()) == 2
    searches.go()
    resumed = searches.resume()
    assert (resumed.exit_status, len(searches.rows()), searches.executions()) == (0, 3, {1: 1, 2: 1, 3: 1})


@pytest.mark.parametrize("option", ["--num_jobs=3", "--slurm_array"])
def test_fault_6_a_controller_killed_between_submission_and_its_record_doubles_nothing(
    searches: ClusterProject, option: str
) -> None:
    searches.acts(WAITS, x=[1, 2, 3])
    # Slurm has accepted the job when this stands still, so that its answer is never recorded.
    searches.project.write("bin/sbatch", STANDS_STILL, executable=True)
    path = searches.project.environment["PATH"]
    searches.project.environment["PATH"] = f"{searches.project.path}/bin:{path}"
    search = searches.start(option)
    searches.wait_for_executions(1)
    search.kill()
    searches.end(search)
    recorded = searches.events("submitted")
    searches.project.environment["PATH"] = path
    searches.go()
    resumed = searches.resume()
    assert (recorded, resumed.exit_status, len(searches.rows())) == ([], 0, 3)
    assert searches.executions() == {1: 1, 2: 1, 3: 1}


def test_no_more_jobs_than_wanted_are_queued_or_running(searches: ClusterProject) -> None:
    # Every run counts the jobs of the cluster while it runs; its own is one of them. Slurm counts a job that has left
    # its exit status a moment longer than the search does.
    searches.acts("squeue -h -r -t PD,R,CF | wc -l >>counts.txt", x=list(range(12)))
    result = searches.run("--num_jobs=3")
    counts = [int(line) for line in (searches.project.path / "counts.txt").read_text().split()]
    assert (result.exit_status, len(counts), max(counts) <= 5) == (0, 12, True)
    changes = [{"submitted": 1, "ended": -1}.get(str(event["event"]), 0) for event in journal_events(searches.folder)]
    assert max(accumulate(changes)) == 3
