"""Job arrays, and several runs in one job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_project import WAITS, ClusterProject, said
from project import rows, wait_until

pytestmark = pytest.mark.cluster

#: Notes when it begins and ends, so that the order of several is seen.
NOTES_ITS_TIMES = 'echo "begin" >>times.txt; sleep 0.3; echo "end" >>times.txt'


def array_ids(searches: ClusterProject) -> list[str]:
    return list(dict.fromkeys(job_id.partition("_")[0] for job_id in searches.job_ids()))


def test_one_array_holds_all_runs(searches: ClusterProject) -> None:
    searches.acts("true", "exit 3", "kill -9 $$", "echo hello", x=[1, 2, 3])
    result = searches.run("--slurm_array")
    assert (result.exit_status, len(array_ids(searches)), len(searches.job_ids())) == (1, 1, 12)
    assert searches.executions() == dict.fromkeys(range(1, 13), 1)
    assert [searches.states()[number] for number in range(1, 13)] == (
        ["finished"] * 3 + ["failed"] * 6 + ["finished"] * 3
    )
    (log,) = searches.folder.glob(f"sim_*_12/sim_*_12_{searches.job_ids()[-1]}.out")
    assert log.read_text() == "hello\n"


def test_fault_21_the_tasks_of_an_array_are_told_apart_from_jobs_with_alike_numbers(searches: ClusterProject) -> None:
    searches.acts(WAITS, x=list(range(12)))
    search = searches.start("--slurm_array", "--num_jobs=2")
    searches.wait_for_executions(2)
    searches.wait_for_events("started", 2)
    array, _ = searches.job_ids()[0].split("_")
    searches.cluster.run(["scancel", f"{array}_11"])
    cancelled = searches.wait_for_events("collected")[0]["run"]
    searches.go()
    result = searches.end(search)
    assert (cancelled, result.exit_status) == (11, 1)
    assert searches.states() == {**dict.fromkeys(range(1, 13), "finished"), 11: "cancelled"}
    assert searches.executions() == {number: 1 for number in range(1, 13) if number != 11}


def test_arrays_are_split_at_the_largest_size_of_the_cluster(searches_on: Callable[..., ClusterProject]) -> None:
    searches = searches_on(nodes=1, max_array=4)
    searches.acts("true", x=list(range(7)))
    result = searches.run("--slurm_array")
    assert (result.exit_status, len(array_ids(searches))) == (0, 3)
    assert searches.executions() == dict.fromkeys(range(1, 8), 1)


@pytest.mark.parametrize(
    "options, times", [([], ["begin"] * 3 + ["end"] * 3), (["--runs_per_job_sequential"], ["begin", "end"] * 3)]
)
def test_a_job_can_hold_several_runs(searches: ClusterProject, options: list[str], times: list[str]) -> None:
    searches.acts(f"{NOTES_ITS_TIMES}; echo $x", x=[1, 2, 3])
    result = searches.run("--runs_per_job=3", *options)
    assert (result.exit_status, len(set(searches.job_ids())), len(searches.rows())) == (0, 1, 3)
    assert (searches.project.path / "times.txt").read_text().split() == times
    logs = sorted(searches.folder.glob(f"sim_*/sim_*_{searches.job_ids()[0]}.out"))
    assert [log.read_text() for log in logs] == ["1\n", "2\n", "3\n"]


def test_runs_of_one_job_end_in_different_states(searches: ClusterProject) -> None:
    searches.acts("exit 4", "true", WAITS, "kill -9 $$")
    search = searches.start("--slurm_array", "--runs_per_job=3")
    searches.wait_for_executions(4)
    wait_until(lambda: any(searches.folder.glob(".hpsearch/exits/sim_*_1.*")), "the end of run 1", 60)
    searches.wait_for_events("ended")
    searches.cluster.run(["scancel", searches.job_ids()[0]])
    result = searches.end(search)
    assert searches.states() == {1: "failed", 2: "finished", 3: "cancelled", 4: "failed"}
    assert (result.exit_status, len(set(searches.job_ids())), len(searches.rows())) == (1, 2, 1)


def test_submit_only_leaves_and_resume_collects(searches: ClusterProject) -> None:
    searches.acts("true", "exit 3", x=[1, 2])
    result = searches.run("--submit_only", "--num_jobs=2")
    array = searches.job_ids()[0].partition("_")[0]
    told = said(result, f"Submitted 4 runs to Slurm (array job {array})", "look: ", "collect: ")
    assert (result.exit_status, told) == (0, [])
    for job_id in searches.job_ids():
        searches.cluster.wait_for(job_id)
    resumed = searches.resume()
    assert (resumed.exit_status, len(searches.rows())) == (1, 2)
    assert searches.executions() == dict.fromkeys(range(1, 5), 1)
    assert [searches.states()[number] for number in range(1, 5)] == ["finished", "finished", "failed", "failed"]


def folder_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_but_the_batch_script_is_left_of_an_array(searches: ClusterProject) -> None:
    searches.acts("true", x=[1, 2])
    searches.run("--slurm_array")
    state = searches.folder / ".hpsearch"
    left = [name for folder in ("logs", "exits") for name in folder_names(state / folder)]
    assert [name for name in left if ".batch." not in name] == []


def test_seeds_of_a_search_and_more_seeds_of_its_best_are_arrays(searches: ClusterProject) -> None:
    searches.acts("true", x=[1, 2])
    result = searches.run("--slurm_array", "--num_seeds=2")
    assert (result.exit_status, len(array_ids(searches))) == (0, 1), result.stderr
    added = searches.project.ask("seeds", "out", "--top=1", "--num_seeds=4")
    assert (added.exit_status, len(array_ids(searches))) == (0, 2), added.stderr
    seeds = sorted((row["x"], row["random_seed"]) for row in rows(searches.folder))
    assert seeds == [("1", "0"), ("1", "1"), ("2", "0"), ("2", "1"), ("2", "2"), ("2", "3")]
