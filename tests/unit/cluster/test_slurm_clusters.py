"""Jobs on other clusters of a Slurm: the cluster belongs to a job's id, and each command asks there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes, Submission, ids_for_commands
from hpsearch.backends.shell import Answer
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run

SLURM = Slurm(SlurmWishes())
RUN = Run(1, "sim_1", Configuration(()), "out/sim_1")
ATTEMPT = Attempt(RUN, 1, "sim_1.1.abc", ("train",), Path("/s"), Path("/s/exits/sim_1.1.abc"), Path("/s/logs"))


def submitted(slurm: Slurm, after: str | None = None) -> list[str]:
    """Return the words about clusters and dependencies in the submission of an array."""
    array = Submission("b", "b", Path("/s/logs"), ((ATTEMPT,),), is_array=True, after=after)
    words = slurm.submit_command(array, "", ClusterWishes()).argv
    return [word for word in words if word.startswith(("--cluster", "--dependency", "-M"))]


@pytest.mark.parametrize("word", ["-Mtwo", "--clusters=two", "--cluster=two", "--clusters=one,two"])
@pytest.mark.parametrize("environ", [{}, {"SBATCH_CLUSTERS": "three"}, {"SLURM_CLUSTERS": "three"}])
def test_the_clusters_that_the_user_names_are_told_once(word: str, environ: Mapping[str, str]) -> None:
    assert submitted(Slurm(SlurmWishes(options=(word,)), environ)) == [word]


@pytest.mark.parametrize("name", ["SBATCH_CLUSTERS", "SLURM_CLUSTERS"])
def test_the_clusters_of_the_environment_count_as_named(name: str) -> None:
    slurm = Slurm(SlurmWishes(), {name: "two"})
    assert submitted(slurm) == ["--clusters=two"]
    # Otherwise a question about a job of this cluster would go there, too.
    assert slurm.environment({name: "two"}) == {}


def test_an_array_waits_for_the_one_before_it_on_the_same_cluster() -> None:
    slurm = Slurm(SlurmWishes(options=("-M", "one,two")))
    assert submitted(slurm, "7;two") == ["--dependency=afterany:7", "-M", "--clusters=two"]


def test_every_command_asks_the_cluster_of_its_jobs() -> None:
    commands = [
        SLURM.query_command(["7_1;two", "7_2;two", "9;two"]),
        SLURM.history_command(["7_1;two"]),
        SLURM.cancel_command(["7_1;two", "9;two"], True),
        SLURM.throttle_command("7;two", 4),
        Slurm(SlurmWishes(options=("-M", "two"))).array_limit_command(),
    ]
    assert [list(command.argv) for command in commands] == [
        "squeue -M two -h -r -t all -o %F;two|%K|%T|%r|%N|%o -j 7,9".split(),
        "sacct -M two -X -n -P -S 1970-01-01 -o Cluster,JobID,State,ExitCode,JobName -j 7_1".split(),
        "scancel -M two --signal=KILL --full 7_1 9".split(),
        "scontrol -M two update JobId=7 ArrayTaskThrottle=4".split(),
        "scontrol -M two show config".split(),
    ]


@pytest.mark.parametrize("clusters", ["one,two", "all"])
def test_scontrol_is_asked_about_one_cluster_only(clusters: str) -> None:
    slurm = Slurm(SlurmWishes(options=(f"--clusters={clusters}",)))
    assert slurm.array_limit_command().argv == ["scontrol", "show", "config"]


def test_a_job_without_clear_answer_is_looked_for_on_all_clusters_that_may_have_it() -> None:
    command = Slurm(SlurmWishes(options=("-M", "one,two"))).own_jobs_command()
    assert list(command.argv) == "squeue -M one,two --me -r -t all -o %F|%K|%T|%r|%N|%o".split()
    answer = """\
CLUSTER: one
ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON|NODELIST|COMMAND
1|N/A|RUNNING|None|c170n1|/l/a.sh

CLUSTER: two
ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON|NODELIST|COMMAND
1|2|RUNNING|None|c171n1|/l/b.sh
"""
    rows = SLURM.rows(Answer(0, answer, "")) or []
    assert [(row.id, row.name) for row in rows] == [("1;one", "a"), ("1_2;two", "b")]


def test_the_members_of_an_array_are_on_its_cluster() -> None:
    assert SLURM.array_member("7;two", 3) == "7_3;two"
    assert [SLURM.array_of(job_id) for job_id in ("7_3;two", "7;two", "7_3")] == ["7;two", None, "7"]


def test_a_held_job_is_released_on_its_cluster() -> None:
    (row,) = SLURM.rows(Answer(0, "12;two|N/A|PENDING|JobHeldUser||/l/a.sh\n", "")) or []
    assert row.trouble == "JobHeldUser: a user holds it; to release it: scontrol -M two release 12"


def test_the_names_of_logs_hold_no_cluster() -> None:
    names = [log.final_name for log in SLURM.log_files(Job(ATTEMPT, "12;two", Place(), 0))]
    assert names == ["sim_1_12.out", "sim_1_12.err", "sim_1_script.sh"]


def test_a_command_names_each_job_once_and_jobs_of_one_cluster_only() -> None:
    ids = ["1", "1;two", "2", "1;two", "3;two", "3", "4"]
    assert list(ids_for_commands(ids, 3)) == [["1", "2", "3"], ["4"], ["1;two", "3;two"]]
