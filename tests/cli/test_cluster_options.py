"""Options for a cluster without --run_cluster, and without --scheduler, on hosts of each kind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from project import PYTHON_SCRIPT, Project, Result
from standins.worlds import FakeLsf

from .seeds_project import seeds_project

OUT = ("--grid_module=config", "--deterministic_search", "--out_dir=out", "--force_out_dir")
WAYS_OUT = (
    "hpsearch: --num_jobs has no effect without --run_cluster: add --run_cluster to submit the runs to LSF, or "
    "--visible_gpus=... to run them on this machine (-1: without GPUs)\n"
)
IDLE = "--num_jobs has no effect without --run_cluster; the runs start on this machine"


def search(project: Project, *options: str) -> Result:
    return project.ask("run", *OUT, *options)


@pytest.fixture
def lab_box(project: Project) -> Project:
    """A project on a machine without any scheduler."""
    project.grid({"x": [1]}, script=PYTHON_SCRIPT)
    project.environment["PATH"] = str(Path(sys.executable).parent)
    return project


def test_on_a_host_of_the_cluster_nothing_runs_by_mistake(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    answers = [search(project, "--num_jobs=4", *more) for more in ((), ("--dry_run",))]
    assert [(answer.exit_status, answer.stdout, answer.stderr) for answer in answers] == [(2, "", WAYS_OUT)] * 2
    assert not (project.path / "out").exists()


def test_both_ways_out_lead_out(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    here = search(project, "--num_jobs=4", "--visible_gpus=-1")
    assert (here.exit_status, here.stderr.count(IDLE), lsf.calls("bsub")) == (0, 1, []), here.stderr
    there = project.ask("run", *OUT[:2], "--num_jobs=4", "--run_cluster")
    assert (there.exit_status, "no effect" in there.stderr, len(lsf.calls("bsub"))) == (0, False, 1), there.stderr


def test_inside_a_job_the_runs_start_there_with_one_note(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    project.environment["LSB_JOBID"] = "12"
    result = search(project, "--num_jobs=4")
    assert (result.exit_status, result.stderr.count(IDLE), lsf.calls("bsub")) == (0, 1, []), result.stderr


def test_a_lab_box_runs_old_calls_without_run_cluster_with_one_note(lab_box: Project) -> None:
    result = search(lab_box, "--scheduler=slurm", "--slurm_mem=8G", "--num_jobs=4")
    told = (
        "--scheduler, --slurm_mem and --num_jobs have no effect without --run_cluster; the runs start on this machine"
    )
    assert (result.exit_status, result.stderr.count(told)) == (0, 1), result.stderr


def test_a_resumed_search_and_one_that_is_retried_are_held_to_the_same(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]}, script="import sys\nsys.exit(3)\n")
    environment, project.environment = project.environment, {"PATH": str(Path(sys.executable).parent)}
    assert search(project).exit_status == 1
    project.environment = environment
    answers = [project.ask(*words, "out", "--num_jobs=4") for words in (["resume"], ["retry"])]
    assert [(answer.exit_status, answer.stderr) for answer in answers] == [(2, WAYS_OUT)] * 2
    # A search that was told to run here goes on here.
    assert search(project, "--out_dir=here", "--visible_gpus=-1").exit_status == 1
    resumed = project.ask("resume", "here", "--num_jobs=4")
    assert (resumed.exit_status, resumed.stderr.count(IDLE)) == (1, 1), resumed.stderr


def test_seeds_are_gathered_by_the_same_rule(project: Project, lsf: FakeLsf) -> None:
    found = seeds_project(project)
    words = ("--num_seeds=2", "--start_gathering", "--num_jobs=4")
    result = project.command([sys.executable, "-m", "hpsearch.gather_random_seeds", f"--run_dir={found}", *words])
    assert (result.exit_status, result.stdout, result.stderr) == (2, "", WAYS_OUT)
    assert not (project.path / "out" / "random_seeds").exists()


def test_the_scheduler_that_is_installed_is_taken_said_and_kept(lab_box: Project) -> None:
    bin_folder = lab_box.write("bin/squeue", "#!/bin/sh\n", executable=True).parent
    lab_box.write("bin/sbatch", "#!/bin/sh\necho 'slurm 23.02'\nexit 1\n", executable=True)
    lab_box.environment["PATH"] += f":{bin_folder}"
    result = search(lab_box, "--run_cluster", "--max_wait_for_scheduler=0")
    told = "using Slurm, because LSF is not installed here (--scheduler=slurm)"
    assert (result.exit_status, result.stderr.count(told), "slurm 23.02" in result.stderr) == (2, 1, True)


def test_without_any_scheduler_the_message_names_what_can_be_done(lab_box: Project) -> None:
    result = search(lab_box, "--run_cluster")
    assert (result.exit_status, result.stderr) == (
        2,
        "hpsearch: LSF's bjobs was not found. Run this on an LSF host, add --scheduler=slurm, or drop --run_cluster\n",
    )
    assert not (lab_box.path / "out").exists()
