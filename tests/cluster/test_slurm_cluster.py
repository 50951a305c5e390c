"""The cluster of the fixtures itself: it runs jobs, can be disturbed, and leaves nothing behind."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import slurm_cluster as cluster_module
from slurm_cluster import (
    ClusterError,
    JobRow,
    SlurmCluster,
    need_cluster,
    option_words,
    wait_for_line,
    wait_until,
    why_no_cluster,
)

pytestmark = pytest.mark.cluster


def test_a_submitted_job_runs_to_its_end(slurm, tmp_path):
    job_id = slurm.submit("echo done >result", cwd=tmp_path)
    assert (slurm.wait_for(job_id), (tmp_path / "result").read_text()) == ("COMPLETED", "done\n")


def test_every_array_task_is_a_row_of_its_own(slurm):
    job_id = slurm.submit("true", "--hold", "--array=0-1", "--job-name=grid")
    tasks = [row for row in slurm.jobs().values() if row.array_id == job_id]
    held = ("PENDING", "JobHeldUser", "grid", "(null)")
    assert tasks == [JobRow(f"{job_id}_{task}", job_id, task, *held) for task in "01"]


def test_clear_leaves_no_job(slurm):
    slurm.wait_for(slurm.submit("sleep 60"), "RUNNING")
    slurm.submit("true", "--hold")
    slurm.clear()
    assert slurm.squeue() == []


def test_two_clusters_share_no_port_and_no_node_name(slurm, slurm_cluster):
    other = slurm_cluster(nodes=1)
    assert not set(other.ports) & set(slurm.ports)
    assert not set(other.nodes) & set(slurm.nodes)


@pytest.mark.slow
def test_an_ended_job_is_forgotten_after_the_minimum_age(slurm_cluster):
    cluster = slurm_cluster(nodes=1, min_job_age=2)
    job_id = cluster.submit("true")
    cluster.wait_for(job_id, "COMPLETED")
    cluster.wait_until_forgotten(job_id)
    assert cluster.jobs() == {}


def test_a_controller_that_stops_in_good_order_remembers_its_jobs(slurm_cluster):
    cluster = slurm_cluster(nodes=1)
    job_id = cluster.submit("sleep 60")
    cluster.wait_for(job_id, "RUNNING")
    cluster.stop_controller()
    cluster.start_controller()
    assert cluster.state(job_id) == "RUNNING"


def test_a_killed_controller_answers_nothing_until_it_is_back(slurm_cluster):
    cluster = slurm_cluster(nodes=1, extra={"MessageTimeout": 2})
    cluster.stop_controller(kill=True)
    with pytest.raises(ClusterError, match="Unable to contact slurm controller"):
        cluster.jobs()
    cluster.start_controller()
    assert cluster.jobs() == {}


def test_a_hung_controller_times_out_and_answers_afterwards(slurm_cluster):
    cluster = slurm_cluster(nodes=1, extra={"MessageTimeout": 2})
    with cluster.hang_controller(), pytest.raises(ClusterError, match="timed out"):
        cluster.jobs()
    assert cluster.jobs() == {}


def test_a_job_of_a_killed_node_is_lost_while_its_process_lives_on(slurm_cluster, tmp_path):
    cluster = slurm_cluster(nodes=1)
    job_id = cluster.submit("echo $$ >pid; exec sleep 60", "--no-requeue", cwd=tmp_path)
    pid = wait_for_line(tmp_path / "pid")
    cluster.kill_node(1, noticed=True)
    assert cluster.wait_for(job_id) == "NODE_FAIL"
    assert f"{pid} sleep" in cluster.processes()


def test_a_restarted_node_takes_jobs_again(slurm_cluster):
    cluster = slurm_cluster(nodes=1)
    cluster.kill_node(1, noticed=True)
    cluster.start_node(1)
    assert cluster.wait_for(cluster.submit("true")) == "COMPLETED"


@pytest.mark.parametrize("cgroup", [True, False])
def test_purge_leaves_no_process_and_no_folder(slurm_cluster, tmp_path, cgroup):
    cluster = slurm_cluster(nodes=1, cgroup=cgroup)
    cluster.submit("sleep 300 & echo started >started; sleep 300", cwd=tmp_path)
    wait_for_line(tmp_path / "started")
    cluster.kill_node(1)
    cluster.stop_controller(kill=True)
    cluster.purge()
    assert (cluster.processes(), cluster.folder.exists()) == ([], False)


def test_purge_of_a_cluster_without_cgroups_spares_the_processes_of_others(slurm, tmp_path):
    for folder in ("run", "log"):
        (tmp_path / folder).mkdir()
    (tmp_path / "log" / "slurmd.gone1.log").touch()
    stop = shlex.join([str(Path(__file__).parent / "stop-slurm"), "--dir", str(tmp_path), "--purge"])
    # In a process namespace of its own, so that a mistake kills nothing else; in "/", as the guard calls it.
    world = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]
    script = f"sleep 60 & {stop}; kill -0 $! && kill $!"
    call = {"cwd": "/", "start_new_session": True, "capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run([*world, script], **call)
    assert (done.returncode, done.stderr, tmp_path.exists()) == (0, "", False)


def test_the_cluster_of_a_killed_test_run_ends_by_itself(slurm):
    start = "from slurm_cluster import *; print(SlurmCluster.start(nodes=1).folder, flush=True); time.sleep(60)"
    argv = [sys.executable, "-c", start]
    with subprocess.Popen(argv, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True) as test_run:
        cluster = SlurmCluster(Path(test_run.stdout.readline().strip()))
        test_run.kill()
    wait_until("the cluster's folder to go", lambda: not cluster.folder.exists())
    assert cluster.processes() == []


@pytest.mark.slow
def test_accounting_remembers_what_the_queue_forgot(slurm_cluster):
    cluster = slurm_cluster(nodes=1, accounting=True, min_job_age=2)
    job_id = cluster.submit("exit 3")
    cluster.wait_for(job_id, "FAILED")
    cluster.wait_until_forgotten(job_id)
    ends = cluster.run(["sacct", "-X", "-n", "-P", "-j", job_id, "-o", "JobID,State,ExitCode"])
    assert ends == f"{job_id}|FAILED|3:0\n"


def test_options_become_words():
    options = {"min_job_age": 5, "accounting": True, "cgroup": False, "extra": {"KillWait": 9, "Epilog": "/e"}}
    words = ["--min-job-age", "5", "--accounting", "--no-cgroup", "--extra", "KillWait=9", "--extra", "Epilog=/e"]
    assert option_words(options) == words


def test_missing_programs_are_named_with_their_packages(slurm, tmp_path):
    assert why_no_cluster(path=str(tmp_path)) == (
        "no slurmctld, slurmd, sbatch, squeue, scancel, scontrol, munged here; "
        "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge"
    )


@pytest.mark.parametrize("required, outcome", [("1", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_a_missing_cluster_fails_where_one_is_required_and_skips_elsewhere(monkeypatch, required, outcome):
    monkeypatch.setenv("HPSEARCH_REQUIRE_SLURM", required)
    monkeypatch.setattr(cluster_module, "why_no_cluster", lambda accounting: "no slurmctld here")
    with pytest.raises(outcome, match="no slurmctld here"):
        need_cluster()
