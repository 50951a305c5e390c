"""What a job gets: its arguments, folder, options and environment."""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_project import ClusterProject, said
from project import Project
from slurm_cluster import SlurmCluster

pytestmark = pytest.mark.cluster

#: Writes its options as they arrived.
WORDS = """\
import os, sys
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
os.makedirs(options["out_dir"])
open("words.txt", "a").write(repr(options["text"]) + "\\n")
open(os.path.join(options["out_dir"], "summary.txt"), "w").write("acc 1\\nfinished 1\\n")
"""
TEXTS = ["400,400", "a b", "$HOME", "`id`", "it's", 'say "hi"', "x;y|z&", "*", "two\nlines", "back\\slash", "#no", "ü"]


def test_fault_9_option_values_arrive_as_written(searches: ClusterProject) -> None:
    searches.project.grid({"text": TEXTS}, script=WORDS)
    result = searches.run("--num_jobs=12")
    words = (searches.project.path / "words.txt").read_text().splitlines()
    assert (result.exit_status, sorted(words)) == (0, sorted(map(repr, TEXTS)))


@pytest.mark.parametrize("option", ["--num_jobs=8", "--slurm_array"])
@pytest.mark.parametrize("name", ["with blanks", "100%j", "it's #1", 'a "b"', "$HOME"])
def test_the_search_folder_may_have_any_name(slurm: SlurmCluster, tmp_path: Path, name: str, option: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    searches = ClusterProject(Project(folder), slurm).use(slurm)
    searches.acts("echo hello")
    result = searches.run(option)
    (log,) = searches.folder.glob("sim_*/*.out")
    assert (result.exit_status, log.read_text(), len(searches.rows())) == (0, "hello\n", 1)


def test_setup_lines_come_before_the_run(searches: ClusterProject) -> None:
    searches.acts('[ "$FLAVOUR" = "sweet one" ]; echo "$FLAVOUR" >flavour.txt')
    setup = searches.project.write("setup.sh", "# modules\nexport FLAVOUR='sweet one'\n")
    result = searches.run(f"--job_setup={setup.name}")
    assert (result.exit_status, (searches.project.path / "flavour.txt").read_text()) == (0, "sweet one\n")


def test_a_failing_setup_line_can_end_the_job_before_the_run(searches: ClusterProject) -> None:
    searches.acts("true")
    searches.project.write("setup.sh", "echo no module >&2\nexit 7")
    result = searches.run("--job_setup=setup.sh")
    (log,) = searches.folder.glob("sim_*/*.err")
    assert (said(result, "exit status 7"), result.exit_status, searches.executions()) == ([], 1, {})
    assert log.read_text() == "no module\n"


@pytest.mark.parametrize(
    "hours, limit", [("24", "1-00:00:00"), ("0.5", "30:00"), ("1:05", "1:05:00"), ("0.001", "1:00")]
)
def test_the_options_of_the_search_reach_the_job(searches: ClusterProject, hours: str, limit: str) -> None:
    searches.acts("squeue -h -j $SLURM_JOB_ID -o '%l|%j|%m|%f|%b|%k' >job.txt; pwd >pwd.txt")
    options = ["--slurm_options=--comment='two words' --nice", "--slurm_options=-c 2", "--slurm_constraint=a100&test"]
    result = searches.run(f"--num_hours={hours}", "--slurm_gres=gpu:1", "--slurm_mem=200", *options)
    (run,) = searches.folder.glob("sim_*")
    job = (searches.project.path / "job.txt").read_text()
    assert (result.exit_status, job) == (0, f"{limit}|{run.name}|200M|a100&test|gres:gpu:1|two words\n")


def test_a_job_leaves_its_script_and_logs_in_the_folder_of_its_run(searches: ClusterProject) -> None:
    searches.acts("echo out; echo err >&2")
    searches.run()
    (run,) = searches.folder.glob("sim_*")
    (job_id,) = searches.job_ids()
    names = ["hpsearch_command.sh", f"{run.name}_{job_id}.err", f"{run.name}_{job_id}.out", f"{run.name}_script.sh"]
    assert sorted(path.name for path in run.iterdir()) == [*names, "summary.txt"]
    assert (run / names[1]).read_text() == "err\n"
