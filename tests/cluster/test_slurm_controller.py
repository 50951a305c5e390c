"""Slurm's own controller is down, hangs, forgets or crashes while a search has jobs there."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from cluster_project import WAITS, ClusterProject

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SOON = {"MessageTimeout": 2}


def test_fault_5_a_controller_that_is_down_during_submissions_loses_no_run(
    searches_on: Callable[..., ClusterProject],
) -> None:
    searches = searches_on(nodes=1, extra=SOON)
    searches.acts("true", x=[1, 2, 3])
    searches.cluster.stop_controller()
    search = searches.start("--num_jobs=2")
    searches.wait_for_message("cannot start runs at the moment (Batch job submission failed: Unable to contact")
    searches.cluster.start_controller()
    result = searches.end(search)
    assert (result.exit_status, len(searches.rows()), searches.executions()) == (0, 3, {1: 1, 2: 1, 3: 1})


def test_a_controller_that_is_down_while_jobs_run_ends_none(searches_on: Callable[..., ClusterProject]) -> None:
    searches = searches_on(nodes=1, extra=SOON)
    searches.acts(WAITS, f"{WAITS}; exit 3")
    search = searches.start()
    searches.wait_for_executions(2)
    searches.cluster.stop_controller()
    searches.wait_for_message("warning: Slurm does not answer (slurm_load_jobs error: Unable to contact")
    before = searches.states()
    searches.go()
    # The end of a run is seen without the controller's word.
    searches.wait_for_events("collected")
    searches.cluster.start_controller()
    result = searches.end(search)
    assert (before, searches.states()) == ({}, {1: "finished", 2: "failed"})
    assert (result.exit_status, searches.executions()) == (1, {1: 1, 2: 1})
    assert result.stderr.count("does not answer") == 1


def test_fault_5_a_submission_that_was_accepted_without_an_answer_is_not_doubled(
    searches_on: Callable[..., ClusterProject],
) -> None:
    searches = searches_on(nodes=1, extra=SOON)
    searches.acts("true", x=[1, 2, 3])
    with searches.cluster.hang_controller():
        search = searches.start("--num_jobs=2")
        searches.wait_for_message("no clear answer to a submission (Batch job submission failed: Socket timed out")
    result = searches.end(search)
    assert (result.exit_status, len(searches.rows()), searches.executions()) == (0, 3, {1: 1, 2: 1, 3: 1})
    assert len(searches.cluster.jobs()) == 3


def test_fault_7_ctrl_c_cancels_a_job_whose_submission_had_no_answer(
    searches_on: Callable[..., ClusterProject],
) -> None:
    searches = searches_on(nodes=1, extra=SOON)
    searches.acts(WAITS)
    with searches.cluster.hang_controller():
        search = searches.start()
        searches.wait_for_message("no clear answer to a submission")
        search.send_signal(signal.SIGINT)
    result = searches.end(search)
    assert (result.exit_status, searches.live_jobs()) == (130, [])
    assert len(searches.cluster.jobs()) == 1


@pytest.mark.parametrize("accounting, state, executions", [(True, "cancelled", {1: 1}), (False, "finished", {1: 2})])
def test_a_job_that_slurm_has_forgotten_is_told_by_the_accounting_or_run_again(
    searches_on: Callable[..., ClusterProject], accounting: bool, state: str, executions: dict[int, int]
) -> None:
    searches = searches_on(nodes=1, min_job_age=2, accounting=accounting)
    searches.acts(WAITS)
    search = searches.start()
    searches.wait_for_events("started")
    searches.wait_for_executions(1)
    (job_id,) = searches.job_ids()
    # Let the search poll seldom.
    search.send_signal(signal.SIGSTOP)
    searches.cluster.run(["scancel", job_id])
    searches.cluster.wait_until_forgotten(job_id)
    search.send_signal(signal.SIGCONT)
    searches.wait_for_events("ended")
    searches.go()
    result = searches.end(search)
    assert (searches.states(), searches.executions()) == ({1: state}, executions)
    assert result.exit_status == (0 if state == "finished" else 1)


def test_jobs_that_a_crashed_controller_forgot_are_run_again_and_their_ids_are_of_others(
    searches_on: Callable[..., ClusterProject],
) -> None:
    searches = searches_on(nodes=1, extra=SOON)
    searches.acts(WAITS, x=[1, 2])
    node = searches.cluster.nodes[0]
    searches.cluster.submit("sleep 300", "--exclusive")
    search = searches.start(f"--slurm_options=--exclusive --nodelist={node}")
    searches.wait_for_events("submitted", 2)
    before = searches.job_ids()
    searches.cluster.stop_controller(kill=True)
    searches.cluster.start_controller()
    known = set(searches.cluster.jobs())
    others = [searches.cluster.submit("sleep 300", "--hold") for _ in range(3)]
    for job_id in known - set(before) - set(others):
        searches.cluster.run(["scancel", job_id])
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, len(searches.rows()), searches.executions()) == (0, 2, {1: 1, 2: 1})
    assert [searches.cluster.state(job_id) for job_id in others] == ["PENDING"] * 3
