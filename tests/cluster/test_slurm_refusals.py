"""Submissions that Slurm refuses for good: the search stops with Slurm's own words and leaves nothing behind."""

from __future__ import annotations

import shutil

import pytest
from cluster_project import ClusterProject, said

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    "option, words",
    [
        ("--slurm_partition=nosuch", "invalid partition specified: nosuch"),
        ("--slurm_gres=gpu:99", "Requested node configuration is not available"),
        ("--slurm_gres=foo:1", "Invalid generic resource (gres) specification"),
        ("--slurm_constraint=nosuch", "Invalid feature specification"),
        ("--slurm_mem=900G", "Memory specification can not be satisfied"),
        ("--slurm_mem=8X", "Invalid --mem specification"),
        ("--slurm_options=--nosuchopt", "unrecognized option '--nosuchopt'"),
    ],
)
def test_a_lasting_refusal_of_the_first_job_ends_the_search(searches: ClusterProject, option: str, words: str) -> None:
    searches.acts("true", x=[1, 2])
    result = searches.run(option)
    assert (said(result, "hpsearch: sbatch refused the job: ", words), result.exit_status) == ([], 2)
    assert (searches.folder.exists(), searches.live_jobs(), searches.executions()) == (False, [], {})


@pytest.mark.slow
def test_unknown_accounts_and_qualities_of_service_are_refused(limited_searches: ClusterProject) -> None:
    searches = limited_searches
    searches.acts("true")
    results = [searches.run(option) for option in ("--slurm_qos=nosuch", "--slurm_options=--account=nosuch")]
    words = ["Invalid qos specification", "Invalid account or account/partition combination specified"]
    assert [said(result, part) for result, part in zip(results, words, strict=True)] == [[], []]
    assert ([result.exit_status for result in results], searches.folder.exists()) == ([2, 2], False)


def test_a_partition_that_takes_no_jobs_for_a_while_is_waited_for(searches: ClusterProject) -> None:
    # The first run drains its own partition.
    searches.acts("scontrol update PartitionName=short State=DRAIN", "true")
    try:
        search = searches.start("--num_jobs=1", "--slurm_partition=short", "--num_hours=0:05")
        searches.wait_for_message("cannot start runs at the moment (Batch job submission failed: Required partition")
        searches.cluster.run(["scontrol", "update", "PartitionName=short", "State=UP"])
        result = searches.end(search)
    finally:
        searches.cluster.run(["scontrol", "update", "PartitionName=short", "State=UP"])
    assert (result.exit_status, searches.executions()) == (0, {1: 1, 2: 1})


def test_a_machine_without_slurm_is_told_apart_before_anything_is_written(searches: ClusterProject) -> None:
    searches.acts("true")
    searches.project.environment["PATH"] = str(searches.project.path)
    result = searches.run()
    assert (said(result, "Slurm's sbatch was not found. Run this on a login node"), result.exit_status) == ([], 2)
    assert not searches.folder.exists()


#: Its calls with the numbers in a file fail with words of their own; all others go to the real sbatch.
WRAPPER = """\
#!/bin/bash
echo x >>calls
words=$(sed -n "s/^$(wc -l <calls) //p" refusals)
if [ -z "$words" ]; then exec {sbatch} "$@"; fi
echo "sbatch: error: $words" >&2
exit 1
"""


@pytest.mark.parametrize("option", ["--num_jobs=8", "--slurm_array"])
def test_refusals_of_a_moment_fail_no_run_and_leave_nothing(
    searches: ClusterProject, option: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    commands = tmp_path_factory.mktemp("bin")
    sbatch = shutil.which("sbatch", path=searches.project.environment["PATH"])
    wrapper = commands / "sbatch"
    wrapper.write_text(WRAPPER.format(sbatch=sbatch))
    wrapper.chmod(0o755)
    searches.project.environment["PATH"] = f"{commands}:{searches.project.environment['PATH']}"
    searches.project.write("calls", "x\n")
    # The first call asks for the version.
    standby = "Batch job submission failed: Slurm backup controller in standby mode"
    searches.project.write("refusals", f"3 {standby}\n5 Batch job submission failed: Unspecified error\n")
    searches.acts("true", x=[1, 2])
    result = searches.run(option)
    assert (result.exit_status, searches.executions()) == (0, {1: 1, 2: 1}), result.stderr
    assert result.stderr.count(standby) == 1
    logs = searches.folder / ".hpsearch" / "logs"
    assert [path.name for path in logs.iterdir() if ".batch." not in path.name] == []
