"""Folders of version 1.0 and of the older tool can be looked at, resumed and postprocessed as they could then."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from project import Project, rows, run_folders
from standins.worlds import FakeLsf
from version_1 import restored

from .seeds_project import gather, summary_of


def accs(folder: Path, name: str = "search_results.csv") -> list[str]:
    return [row["acc"] for row in rows(folder, name)]


@pytest.mark.parametrize(
    "kind, told",
    [
        ("finished", "3: 3 finished"),
        ("killed", "3: 1 finished, 1 not started, 1 ended but not collected"),
        ("failed", "3: 2 finished, 1 failed"),
        ("grid_config", "2: 1 finished, 1 cancelled"),
        ("lsf", "3: 0 finished, 3 ended but not collected"),
        ("slurm", "3: 0 finished, 3 ended but not collected"),
    ],
)
def test_the_states_of_runs_are_told(project: Project, kind: str, told: str) -> None:
    restored(kind, project)
    result = project.ask("status", "searches/s")
    assert (result.exit_status, f"\nruns     {told}\n" in result.stdout) == (0, True), result.stdout


@pytest.mark.parametrize(
    "kind, best, found",
    [
        ("finished", "3.42", ["3.42", "2.42", "1.42"]),
        ("killed", "1.42", ["1.42"]),
        ("failed", "3.42", ["3.42", "1.42"]),
        ("grid_config", "1.42", ["1.42"]),
        ("older_tool", "7", ["7", "3"]),
    ],
)
def test_the_best_run_is_found_and_the_search_is_postprocessed(
    project: Project, kind: str, best: str, found: list[str]
) -> None:
    folder = restored(kind, project)
    asked = project.ask("best", "searches/s")
    assert (asked.exit_status, asked.stdout.splitlines()[1].split()[0]) == (0, best), asked.stderr
    done = project.ask("postprocess", "searches/s")
    assert (done.exit_status, accs(folder, "postprocessing_results.csv")) == (0, found), done.stderr


@pytest.mark.parametrize("kind", ["finished", "killed", "failed", "grid_config", "lsf", "slurm"])
def test_the_output_of_a_run_is_found(project: Project, kind: str) -> None:
    restored(kind, project)
    result = project.ask("logs", "searches/s", "1")
    assert (result.exit_status, result.stdout) == (0, "x is 1\n"), result.stderr


@pytest.mark.parametrize(
    "kind, found, kept",
    [
        ("finished", ["3.42", "2.42", "1.42"], []),
        ("killed", ["3.42", "2.42", "1.42"], ["_2.attempt1"]),
        ("failed", ["3.42", "2.42", "1.42"], ["_2.attempt1", "_2.attempt2"]),
        ("grid_config", ["2.07", "1.42"], ["_2.attempt1"]),
    ],
)
def test_what_did_not_finish_is_run_again_and_nothing_else(
    project: Project, kind: str, found: list[str], kept: list[str]
) -> None:
    folder = restored(kind, project)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("sim_*/summary.txt")}
    result = project.run("--resume=searches/s")
    assert (result.exit_status, accs(folder)) == (0, found), result.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    attempts = folder / ".hpsearch" / "attempts"
    assert sorted(path.name[-len("_2.attempt1") :] for path in attempts.iterdir()) == kept


def test_a_failed_run_is_tried_again(project: Project) -> None:
    folder = restored("failed", project)
    result = project.ask("retry", "searches/s", "--failed")
    assert (result.exit_status, accs(folder)) == (0, ["3.42", "2.42", "1.42"]), result.stderr


def test_a_search_is_gone_on_with_where_it_was_moved(project: Project) -> None:
    folder = restored("killed", project)
    moved = folder.rename(project.path / "moved")
    result = project.run("--resume=moved")
    assert (result.exit_status, accs(moved)) == (0, ["3.42", "2.42", "1.42"]), result.stderr


def test_a_run_is_repeated_with_the_seeds_that_are_missing(project: Project) -> None:
    restored("seeds", project)
    (results,) = (project.path / "out" / "random_seeds").iterdir()
    before = len(run_folders(results))
    result = gather(project, "--run_dir=searches/s", "--num_seeds=3", "--start_gathering")
    assert (summary_of(result)[1], len(run_folders(results)) - before) == ("Number of seeds: 3", 1)


def test_jobs_that_were_left_to_lsf_are_collected(project: Project, lsf: FakeLsf) -> None:
    folder = restored("lsf", project)
    result = project.run("--resume=searches/s", "--poll_interval_max=1")
    assert (result.exit_status, accs(folder), lsf.calls("bsub")) == (0, ["3.42", "2.42", "1.42"], []), result.stderr


def test_a_folder_of_the_older_tool_is_no_search_to_go_on_with(project: Project) -> None:
    folder = restored("older_tool", project)
    before = Counter(path.name for path in folder.rglob("*"))
    result = project.run("--resume=searches/s")
    assert (result.exit_status, "there is no " in result.stderr) == (2, True)
    assert Counter(path.name for path in folder.rglob("*")) == before
