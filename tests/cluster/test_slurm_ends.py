"""How jobs end on a real Slurm, and how a search understands it."""

from __future__ import annotations

import pytest
from cluster_project import WAITS, ClusterProject, said

pytestmark = pytest.mark.cluster

TAKES_300_MB = "exec tail -c 300M < <(cat /dev/zero)"
UNFINISHED = "printf 'acc 1\\nfinished 0\\n' >\"$out_dir/summary.txt\"; exit 0"


def test_every_end_of_a_run_leads_to_its_own_state(searches: ClusterProject) -> None:
    searches.acts("true", "exit 3", "kill -9 $$", TAKES_300_MB, UNFINISHED)
    result = searches.run()
    states = ["finished", "failed", "failed", "out of memory", "unfinished"]
    assert searches.states() == dict(enumerate(states, start=1))
    assert searches.executions() == dict.fromkeys(range(1, 6), 1)
    assert [row["act"] for row in searches.rows()] == ["true", UNFINISHED]
    assert searches.not_completed() == ["exit 3", "kill -9 $$", TAKES_300_MB, UNFINISHED]
    reasons = ["exit status 3", "ended by signal 9 (SIGKILL)", "Slurm: OUT_OF_MEMORY", "does not say finished 1"]
    assert (said(result, *reasons), result.exit_status) == ([], 1)


def test_a_run_that_fails_because_its_child_got_no_memory_is_out_of_memory(searches: ClusterProject) -> None:
    searches.acts("cat /dev/zero | tail -c 300M || exit 1")
    result = searches.run()
    assert (searches.states(), result.exit_status) == ({1: "out of memory"}, 1)


def test_jobs_cancelled_by_hand_are_not_submitted_again_before_the_search_is_resumed(searches: ClusterProject) -> None:
    searches.acts(WAITS, x=[1, 2, 3])
    search = searches.start("--num_jobs=2", f"--slurm_options=--exclusive --nodelist={searches.cluster.nodes[0]}")
    searches.wait_for_executions(1)
    searches.wait_for_events("submitted", 2)
    running, pending = searches.job_ids()
    searches.cluster.run(["scancel", running, pending])
    searches.go()
    result = searches.end(search)
    assert searches.states() == {1: "cancelled", 2: "cancelled", 3: "finished"}
    assert (said(result, "run 1/3 cancelled", "run 2/3 cancelled"), result.exit_status) == ([], 1)
    assert searches.executions() == {1: 1, 3: 1}
    assert searches.resume().exit_status == 0
    assert searches.executions() == {1: 2, 2: 1, 3: 1}
    assert len(searches.rows()) == 3


def test_a_suspended_job_is_waited_for(searches: ClusterProject) -> None:
    searches.acts(WAITS)
    search = searches.start()
    searches.wait_for_executions(1)
    (job_id,) = searches.job_ids()
    searches.cluster.run(["scontrol", "suspend", job_id])
    searches.go()
    searches.cluster.wait_for(job_id, "SUSPENDED")
    is_alive = search.poll() is None
    searches.cluster.run(["scontrol", "resume", job_id])
    assert (is_alive, searches.end(search).exit_status, searches.executions()) == (True, 0, {1: 1})


@pytest.mark.slow
def test_jobs_above_their_time_limit_or_behind_their_deadline_are_timed_out(searches: ClusterProject) -> None:
    searches.acts(WAITS, "true")
    node = searches.cluster.nodes[0]
    late = "--deadline=now+2minutes"
    search = searches.start("--num_hours=0:01", f"--slurm_options=--exclusive --nodelist={node} {late}", "--num_jobs=2")
    searches.wait_for_executions(1)
    searches.wait_for_events("submitted", 2)
    running, pending = searches.job_ids()
    searches.cluster.run(["scontrol", "update", f"JobId={pending}", "Deadline=now+1"])
    searches.cluster.wait_for(pending, "DEADLINE")
    # Slurm checks time limits every 30 s.
    searches.cluster.run(["scontrol", "update", f"JobId={running}", "EndTime=now+1"])
    result = searches.end(search)
    assert searches.states() == {1: "timed out", 2: "timed out"}
    assert (said(result, "run 1 timed out: Slurm: TIMEOUT", "Slurm: DEADLINE"), result.exit_status) == ([], 1)
    assert (searches.executions(), searches.not_completed()) == ({1: 1}, [WAITS, "true"])


@pytest.mark.parametrize("options", [(), ("--slurm_array",), ("--runs_per_job=2",)], ids=str)
def test_when_every_run_fails_alike_the_queue_is_taken_back(searches: ClusterProject, options: tuple[str, ...]) -> None:
    searches.acts("if [ ! -e fixed ]; then echo 'no data' >&2; exit 3; fi", x=[1, 2, 3, 4, 5, 6, 7, 8])
    one_by_one = f"--slurm_options=--exclusive --nodelist={searches.cluster.nodes[0]}"
    result = searches.run("--max_failures=2", "--num_jobs=8", one_by_one, *options)
    said_of_cause = said(result, "--max_failures=2: 2 failures alike and no finished run", "runs failed: no data")
    assert (result.exit_status, said_of_cause) == (1, [])
    states, executions = searches.states(), searches.executions()
    failed = {number for number, state in states.items() if state == "failed"}
    # Slurm starts the next job before the search can know of the second failure; it may be ended halfway.
    assert (len(failed) >= 2, len(states) <= 6, set(states.values()) <= {"failed", "cancelled"}) == (True, True, True)
    assert (failed <= set(executions) <= set(states), set(executions.values()), searches.live_jobs()) == (True, {1}, [])
    searches.project.write("fixed", "")
    resumed = searches.resume()
    assert (resumed.exit_status, len(searches.rows())) == (0, 8), resumed.stderr
