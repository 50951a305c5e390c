"""The caller's variables for sbatch: they hold beside the search's own options, but do not override them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_project import ClusterProject
from test_slurm_wrapped import environment_of_the_run, submit_search

pytestmark = pytest.mark.cluster

#: A search with none of the options that the environment may replace.
PLAIN = ("--run_cluster", "--scheduler=slurm", "--poll_interval_max=1", "--out_dir=out", "--force_out_dir")
#: Writes what its job was given: partition, time limit, memory, GPUs, comment, account.
ASKS = "squeue -h -j $SLURM_JOB_ID -o '%P|%l|%m|%b|%k|%a' >job.txt"


def job(searches: ClusterProject) -> str:
    return (searches.project.path / "job.txt").read_text().strip()


def test_what_the_user_asks_for_holds_against_the_environment(searches: ClusterProject) -> None:
    environ = {
        "SBATCH_PARTITION": "short",
        "SBATCH_TIMELIMIT": "3",
        "SBATCH_MEM_PER_NODE": "50",
        "SBATCH_GRES": "gpu:3",
        "SBATCH_OUTPUT": "elsewhere.txt",
        "SBATCH_ERROR": "elsewhere.txt",
        "SBATCH_JOB_NAME": "other",
        "SBATCH_ARRAY_INX": "1-3",
        "SBATCH_WAIT": "1",
        "SBATCH_REQUEUE": "1",
        "SBATCH_ACCOUNT": "lab",
    }
    searches.project.environment.update(environ)
    searches.acts(f"{ASKS}; echo out; scontrol show job $SLURM_JOB_ID | grep -o Requeue=. >requeue.txt")
    result = searches.run("--slurm_partition=main", "--num_hours=2", "--slurm_mem=200", "--slurm_gres=gpu:2")
    (log,) = searches.folder.glob("sim_*/*.out")
    assert (result.exit_status, job(searches)) == (0, "main|2:00:00|200M|gres:gpu:2|(null)|lab")
    assert (log.read_text(), (searches.project.path / "requeue.txt").read_text()) == ("out\n", "Requeue=0\n")
    assert (len(searches.job_ids()), (searches.project.path / "elsewhere.txt").exists()) == (1, False)


@pytest.mark.parametrize("is_in_job", [False, True], ids=["login node", "job"])
def test_a_default_gives_way_to_the_environment_which_is_told_once(searches: ClusterProject, is_in_job: bool) -> None:
    environ = {"SBATCH_MEM_PER_NODE": "150", "SBATCH_GPUS_PER_NODE": "2", "SBATCH_ACCOUNT": "lab"}
    if is_in_job:
        environ |= {"SLURM_JOB_ID": "1", "SLURM_MEM_PER_CPU": "77", "SBATCH_MEM_BIND": "quiet"}
    searches.project.environment.update(environ)
    searches.acts(ASKS)
    result = searches.project.run(*PLAIN, "--num_hours=1")
    told = "SBATCH_GPUS_PER_NODE=2 from the environment instead of --slurm_mem=8G, --slurm_gres=gpu:1"
    assert (result.exit_status, job(searches)) == (0, "main|1:00:00|150M|gres:gpu:2|(null)|lab")
    assert result.stderr.count(told) == 1


def test_a_default_that_is_said_by_hand_wins_against_the_environment_also_after_resume(
    searches: ClusterProject,
) -> None:
    searches.project.environment.update({"SBATCH_MEM_PER_CPU": "150", "SBATCH_GPUS": "2", "SBATCH_TIMELIMIT": "5"})
    searches.acts(f"{ASKS}; [ -e go ] || exit 3")
    told = []
    for options in ([*PLAIN, "--slurm_mem=8G", "--slurm_gres=gpu:1", "--num_hours=24"], ["--resume=out"]):
        result = searches.project.run(*options)
        told.append((job(searches), "environment instead" in result.stderr))
        searches.go()
    assert searches.executions() == {1: 2}
    assert told == [("main|1-00:00:00|8G|gres:gpu:1|(null)|(null)", False)] * 2


def test_a_search_inside_a_job_passes_on_what_the_user_tells_sbatch(searches: ClusterProject, tmp_path: Path) -> None:
    searches.acts("env >environment.txt")
    searches.project.environment["SBATCH_ACCOUNT"] = "lab"
    searches.cluster.env["SBATCH_ACCOUNT"] = "lab"
    try:
        outer = submit_search(searches)
        assert searches.cluster.wait_for(outer) == "COMPLETED"
    finally:
        del searches.cluster.env["SBATCH_ACCOUNT"]
    assert environment_of_the_run(searches.project.path)["SLURM_JOB_ACCOUNT"] == "lab"
