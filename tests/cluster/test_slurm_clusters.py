"""Two clusters under one accounting: jobs that a search sends to the other one."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from cluster_project import WAITS, ClusterProject
from project import Project
from slurm_cluster import SlurmCluster, need_cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[SlurmCluster, SlurmCluster]]:
    """The clusters `one`, whose commands are called, and `two`."""
    need_cluster(accounting=True)
    one = SlurmCluster.start(nodes=1, accounting=True, name="one", extra={"MessageTimeout": 2})
    two = SlurmCluster.start(nodes=1, name="two", join=one.folder, extra={"MessageTimeout": 2})
    yield one, two
    two.purge()
    one.purge()


@pytest.fixture
def searches(project: Project, pair: tuple[SlurmCluster, SlurmCluster]) -> Iterator[ClusterProject]:
    """A project whose searches call the commands of cluster one."""
    made = ClusterProject(project, pair[0]).use(pair[0])
    yield made
    made.close()
    for cluster in pair:
        cluster.clear()


@pytest.fixture
def two(pair: tuple[SlurmCluster, SlurmCluster]) -> SlurmCluster:
    """The other cluster."""
    return pair[1]


def live_on(cluster: SlurmCluster) -> list[str]:
    return cluster.squeue("-r", "-o", "%i")


@pytest.mark.parametrize("options", [["--slurm_options=--clusters=two"], ["--slurm_options=-M two", "--slurm_array"]])
def test_runs_on_another_cluster_are_executed_once(
    searches: ClusterProject, two: SlurmCluster, options: list[str]
) -> None:
    searches.acts("true", "exit 3", WAITS)
    search = searches.start(*options)
    searches.wait_for_executions(3)
    # Several questions are asked while the last one runs.
    searches.wait_for_events("collected", 2)
    assert len(live_on(two)) == 1
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, searches.states()) == (1, {1: "finished", 2: "failed", 3: "finished"})
    assert (searches.executions(), searches.cluster.jobs()) == ({1: 1, 2: 1, 3: 1}, {})
    assert {job_id.partition(";")[2] for job_id in searches.job_ids()} == {"two"}


def test_the_clusters_of_the_environment_count_as_those_of_the_command_line(
    searches: ClusterProject, two: SlurmCluster
) -> None:
    searches.acts("true")
    searches.project.environment["SBATCH_CLUSTERS"] = "two"
    result = searches.run()
    (job_id,) = searches.job_ids()
    assert (result.exit_status, searches.executions(), job_id[-4:]) == (0, {1: 1}, ";two")


@pytest.mark.parametrize("is_named_again", [True, False])
def test_a_killed_controller_loses_no_job_on_another_cluster(
    searches: ClusterProject, two: SlurmCluster, is_named_again: bool
) -> None:
    searches.acts(WAITS, x=[1, 2])
    searches.project.environment["SLURM_CLUSTERS"] = "two"
    search = searches.start()
    searches.wait_for_executions(2)
    search.kill()
    searches.end(search)
    if not is_named_again:
        del searches.project.environment["SLURM_CLUSTERS"]
    resumed = searches.start(f"--resume={searches.folder}")
    searches.wait_for_events("controller", 2)
    searches.go()
    result = searches.end(resumed)
    assert (result.exit_status, searches.executions(), len(searches.rows())) == (0, {1: 1, 2: 1}, 2)


@pytest.mark.parametrize("option", ["--num_jobs=4", "--slurm_array"])
def test_ctrl_c_cancels_the_jobs_on_all_clusters_and_no_others(
    searches: ClusterProject, two: SlurmCluster, option: str
) -> None:
    others = [cluster.submit("sleep 60") for cluster in (searches.cluster, two)]
    searches.acts(WAITS, x=[1, 2, 3, 4])
    # Each cluster has room for one of them only, so that the next goes to the other.
    search = searches.start(option, "--slurm_options=--clusters=one,two -c 5")
    searches.wait_for_executions(1)
    searches.wait_for_events("submitted", 4)
    search.send_signal(signal.SIGINT)
    result = searches.end(search)
    assert (result.exit_status, "may not have ended" in result.stderr) == (130, False)
    assert [live_on(searches.cluster), live_on(two)] == [[others[0]], [others[1]]]


def test_a_submission_without_clear_answer_is_found_on_the_other_cluster(
    searches: ClusterProject, two: SlurmCluster
) -> None:
    searches.acts("true")
    text = '#!/bin/sh\n/usr/bin/sbatch "$@" >>answers\n[ "$1" = --version ] || echo "Thank you for job 12"\n'
    searches.project.write("bin/sbatch", text, executable=True)
    searches.project.environment["PATH"] = f"{searches.project.path / 'bin'}:{searches.cluster.env['PATH']}"
    result = searches.run("--slurm_options=-M one,two")
    (job_id,) = searches.job_ids()
    assert "no clear answer to a submission" in result.stderr
    assert (result.exit_status, searches.executions(), ";" in job_id) == (0, {1: 1}, True)


def test_a_cluster_that_does_not_answer_loses_no_job_and_hides_no_other(
    searches: ClusterProject, two: SlurmCluster
) -> None:
    searches.acts(WAITS)
    search = searches.start("--slurm_options=-M two")
    searches.wait_for_executions(1)
    searches.wait_for_events("submitted")
    two.stop_controller()
    try:
        searches.wait_for_message("warning: Slurm on two does not answer")
    finally:
        two.start_controller()
    searches.wait_for_message("Slurm on two answers again")
    searches.go()
    result = searches.end(search)
    assert (result.exit_status, searches.executions()) == (0, {1: 1})


def test_a_job_that_someone_cancels_on_the_other_cluster_is_told_as_cancelled(
    searches: ClusterProject, two: SlurmCluster
) -> None:
    searches.acts(WAITS)
    search = searches.start("--slurm_options=-M two")
    searches.wait_for_executions(1)
    (event,) = searches.wait_for_events("submitted")
    two.run(["scancel", str(event["id"]).partition(";")[0]])
    result = searches.end(search)
    assert (result.exit_status, searches.states(), searches.executions()) == (1, {1: "cancelled"}, {1: 1})


def test_a_cluster_that_does_not_exist_is_refused_in_slurms_own_words(searches: ClusterProject) -> None:
    searches.acts("true")
    result = searches.run("--slurm_options=-M nosuch")
    assert (result.exit_status, "No cluster 'nosuch' known" in result.stderr) == (2, True)


def test_runs_that_were_left_to_another_cluster_are_collected_from_there(
    searches: ClusterProject, two: SlurmCluster
) -> None:
    searches.acts(WAITS, x=[1, 2, 3])
    left = searches.run("--submit_only", "--slurm_options=-M two", "--num_jobs=2")
    searches.wait_for_executions(2)
    jobs = two.squeue("-o", "%F")
    searches.go()
    resumed = searches.resume()
    assert (left.exit_status, resumed.exit_status, len(set(jobs))) == (0, 0, 1)
    assert (searches.executions(), len(searches.rows())) == ({1: 1, 2: 1, 3: 1}, 3)


def test_jobs_on_another_cluster_are_ended_by_the_command_for_that(searches: ClusterProject, two: SlurmCluster) -> None:
    searches.acts(WAITS, x=[1, 2])
    searches.run("--submit_only", "--slurm_options=-M two")
    searches.wait_for_executions(2)
    other = two.submit("sleep 60")
    result = searches.project.ask("cancel", str(searches.folder))
    assert (result.exit_status, live_on(two)) == (0, [other]), result.stderr


def test_jobs_of_one_cluster_are_not_looked_for_where_the_commands_ask_the_other(
    searches: ClusterProject, two: SlurmCluster, pair: tuple[SlurmCluster, SlurmCluster]
) -> None:
    searches.acts(WAITS, x=[1, 2])
    search = searches.start()
    searches.wait_for_executions(2)
    search.kill()
    searches.end(search)
    searches.use(two)
    resumed, cancelled = searches.resume(), searches.project.ask("cancel", str(searches.folder))
    for answer in (resumed, cancelled):
        assert (answer.exit_status, "job of the cluster one" in answer.stderr) == (2, True), answer.stderr
    searches.use(pair[0])
    searches.go()
    result = searches.resume()
    assert (result.exit_status, searches.executions(), len(searches.rows())) == (0, {1: 1, 2: 1}, 2)
