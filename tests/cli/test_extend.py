"""``hpsearch extend DIR``: new configurations of an edited grid run in the same folder; ``--reuse`` takes over runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import Project, journal_events, journal_has, rows, run_folders, wait_until
from standins.worlds import FakeLsf
from version_1 import restored

from hpsearch.store.journal_file import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

HERE = ("--out_dir=out/s", "--force_out_dir")


def values(folder: Path, *names: str) -> list[tuple[str, ...]]:
    """Return these cells of all rows."""
    return sorted(tuple(row[name] for name in names) for row in rows(folder))


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project with a search of x=1,2, extended by x=3 and without x=1, and by an option; and what extend said."""
    project = Project(tmp_path_factory.mktemp("extended"))
    project.grid({"x": [1, 2]})
    project.search(*HERE)
    project.grid({"x": [2, 3], "flag": [False, True]})
    said = project.ask("extend", "out/s")
    assert said.exit_status == 0, said.stderr
    return project, said.stderr


def test_only_what_has_not_finished_runs_and_all_rows_stay(extended: tuple[Project, str]) -> None:
    project, said = extended
    found = values(project.path / "out" / "s", "x", "flag")
    assert found == [("1", ""), ("2", ""), ("2", "True"), ("3", "False"), ("3", "True")]
    assert "runs: 1 finished already, 3 new, 1 no longer in the grid (kept)" in said


def test_the_copies_of_all_grids_stay(extended: tuple[Project, str]) -> None:
    project, _ = extended
    folder = project.path / "out" / "s"
    assert "[1, 2]" in (folder / "config.py").read_text()
    assert (folder / "config.2.py").read_text() == (project.path / "config.py").read_text()


def test_finished_runs_of_another_search_become_rows(extended: tuple[Project, str]) -> None:
    project, _ = extended
    other = project.path / "out" / "s"
    before = sorted(other.rglob("*"))
    result = project.search("--out_dir=out/b", "--force_out_dir", "--reuse=out/s", "--set", "x=3,4", "--set=flag=True")
    found = {row["x"]: Path(row["out_dir"]) for row in rows(result.folder)}
    assert (found["3"].parent, found["4"].parent) == (other, Path("out/b"))
    assert "x is 3" in project.ask("logs", "out/b", "1").stdout
    assert len(run_folders(result.folder)) == 1
    assert sorted(other.rglob("*")) == before
    assert [event["out_dir"] for event in journal_events(result.folder, "reused")] == [str(found["3"])]


def test_an_extension_that_is_killed_is_resumed(project: Project) -> None:
    project.grid({"x": [1]})
    project.search(*HERE)
    project.grid({"x": [1, 2, 3], "until": ["go"]})
    project.write("go", "")
    folder = project.path / "out" / "s"
    process = project.start_command([*project.argv()[:2], "hpsearch", "extend", "out/s"])
    wait_until(lambda: journal_has(folder, "collected", 2), "one of the new runs is collected")
    process.kill()
    project.end(process)
    result = project.ask("resume", "out/s")
    assert result.exit_status == 0, result.stderr
    assert values(folder, "x", "until") == [("1", ""), ("1", "go"), ("2", "go"), ("3", "go")]
    assert len(read_record(SearchFolder(folder)).runs) == 4


def test_a_live_search_is_not_extended(project: Project) -> None:
    project.grid({"x": [1]})
    folder = project.search(*HERE).folder
    with LiveSearch(SearchFolder(folder)):
        result = project.ask("extend", "out/s")
    assert (result.exit_status, result.stdout) == (2, "")
    assert "already running" in result.stderr


def test_new_runs_of_a_search_become_jobs_of_a_cluster(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    folder = project.search(*HERE).folder
    result = project.ask("extend", "out/s", "--set", "x=1,2", "--run_cluster", "--submit_only")
    assert (result.exit_status, len(lsf.calls("bsub"))) == (0, 1), result.stderr
    assert project.ask("resume", "out/s").exit_status == 0
    assert values(folder, "x") == [("1",), ("2",)]


def test_a_search_of_the_older_tool_is_extended(project: Project) -> None:
    folder = restored("older_tool", project)
    grid = "'hidden': ['\"400,400\"'], 'name': ['a b'], 'flag': [True]"
    project.write("grid.py", (folder / "hpsearch_config.py").read_text() + f"\ngrid = {{'lr': [0.1, 3], {grid}}}\n")
    result = project.ask("extend", "searches/s", "--grid_module=grid", "--dry_run")
    assert "runs: 1 finished already, 1 new" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_a_sampler_that_goes_by_results_cannot_join_a_search_later(extended: tuple[Project, str]) -> None:
    project, _ = extended
    journal = project.path / "out" / "s" / ".hpsearch" / "journal.jsonl"
    before = journal.read_bytes()
    refused = project.ask("extend", "out/s", "--sampler=bayes", "--num_searches=9")
    assert (refused.exit_status, refused.stderr) == (
        2,
        "hpsearch: --sampler=bayes cannot be given to extend: it chooses from the first run on; start another search, "
        "or leave it out\n",
    )
    assert journal.read_bytes() == before
