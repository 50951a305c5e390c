"""Two searches that start in one folder at the same moment: the later one removes nothing of the other."""

from __future__ import annotations

import subprocess
from collections import Counter

import pytest
from project import PAUSED, Project, rows, run_folders, wait_until

ONE_FOLDER = ("--out_dir=s", "--force_out_dir", "--dont_force_new_dir", "--visible_gpus=-1")

BEFORE_THE_LOCK = PAUSED.format(target='import_module("hpsearch.store.new_folder")', function="LiveSearch")
BEFORE_THE_JOURNAL = PAUSED.format(target='import_module("hpsearch.store.live").LiveSearch', function="add_plan")
FAILING = BEFORE_THE_JOURNAL.replace("return original(*args, **kwargs)", "raise OSError(28, 'No space')")


def starts(project: Project, program: str) -> subprocess.Popen[str]:
    return project.start_python(program, "run", "--grid_module=config", *ONE_FOLDER)


def test_a_folder_that_another_search_took_over_is_left_to_it(project: Project) -> None:
    project.grid({"x": [1, 2], "sleep": [0.5]})
    slow = starts(project, BEFORE_THE_LOCK)
    wait_until((project.path / "waiting").exists, "the first search has made the folder")
    winner = project.start(*ONE_FOLDER)
    wait_until(lambda: (project.path / "s" / "search_results.csv").exists(), "the second search runs")
    project.go()
    _, told = slow.communicate(timeout=60)
    assert (slow.returncode, "this search is already running" in told) == (2, True)
    winner.communicate(timeout=60)
    assert (winner.returncode, len(rows(project.path / "s"))) == (0, 2)


def test_a_folder_in_which_another_search_has_ended_keeps_its_results(project: Project) -> None:
    project.grid({"x": [1, 2]})
    slow = starts(project, BEFORE_THE_LOCK)
    wait_until((project.path / "waiting").exists, "the first search has made the folder")
    project.search(*ONE_FOLDER)
    # This makes the first one fail.
    (project.path / "s" / ".hpsearch" / "exits").rmdir()
    (project.path / "s" / ".hpsearch" / "exits").touch()
    project.go()
    _, told = slow.communicate(timeout=60)
    assert (slow.returncode, "Traceback" in told) == (2, False)
    assert len(rows(project.path / "s")) == 2
    assert len(run_folders(project.path / "s")) == 2


def test_a_search_that_fails_at_its_start_takes_away_what_it_made_and_nothing_else(project: Project) -> None:
    project.grid({"x": [1]})
    failing = starts(project, FAILING)
    wait_until((project.path / "waiting").exists, "the search has the lock")
    project.write("s/notes.txt", "mine")
    project.go()
    failing.communicate(timeout=60)
    assert failing.returncode == 2
    assert [path.name for path in (project.path / "s").iterdir()] == ["notes.txt"]


def test_a_search_that_fails_at_its_start_leaves_no_folder(project: Project) -> None:
    project.grid({"x": [1]})
    failing = starts(project, FAILING)
    project.go()
    _, told = failing.communicate(timeout=60)
    assert "the search folder" in told
    assert not (project.path / "s").exists()


@pytest.mark.parametrize("number", range(6))
def test_of_searches_that_start_at_once_none_loses_a_result(project: Project, number: int) -> None:
    project.grid({"x": [1, 2]})
    together = [project.start(*ONE_FOLDER) for _ in range(3)]
    outputs = [each.communicate(timeout=90) for each in together]
    statuses = [each.returncode for each in together]
    assert all("Traceback" not in told for _, told in outputs)
    assert set(statuses) <= {0, 2}, outputs
    # Each search that was not refused ran its two runs.
    assert len(rows(project.path / "s")) == 2 * Counter(statuses)[0] > 0
    assert len(run_folders(project.path / "s")) == 2 * Counter(statuses)[0]
