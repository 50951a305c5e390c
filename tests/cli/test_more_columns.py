"""``--more_columns``: run, state, seconds and seed behind the classic columns of both tables."""

from __future__ import annotations

import pytest
from project import Project, rows

from hpsearch.store.table import Columns, read_table, seed_of, write_table

SCRIPT = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
if options["x"] == "3" and not os.path.exists("go"):
    sys.exit(1)
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nfinished 1\\n" % options["x"])
"""
GRID = {"x": [1, 2, 3], "random_seed": [7]}
CLASSIC = ["x", "random_seed", "out_dir", "acc", "finished"]
MORE = ["run", "state", "seconds", "seed"]


def header(project: Project, name: str = "search_results.csv") -> list[str]:
    return (project.path / "out" / name).read_text().splitlines()[0].split(";")


@pytest.fixture
def searched(project: Project) -> Project:
    """A search of three runs with the further columns; the third run failed."""
    project.grid(GRID, script=SCRIPT)
    argv = ("--out_dir=out", "--force_out_dir", "--deterministic_search", "--more_columns")
    assert project.run(*argv).exit_status == 1
    return project


def test_they_stand_behind_the_classic_ones_and_failed_runs_have_no_row(searched: Project) -> None:
    assert header(searched) == CLASSIC + MORE
    found = rows(searched.path / "out")
    assert [[row[name] for name in ("acc", "run", "state", "seed")] for row in found] == [
        ["2", "2", "finished", "7"],
        ["1", "1", "finished", "7"],
    ]
    assert [0 < float(row["seconds"]) < 100 for row in found] == [True, True]


def test_they_stay_on_resume_and_in_the_table_of_postprocessing(searched: Project) -> None:
    searched.go()
    assert searched.ask("resume", "out").exit_status == 0
    assert [row["run"] for row in rows(searched.path / "out")] == ["3", "2", "1"]
    assert searched.ask("postprocess", "out").exit_status == 0
    table = (searched.path / "out" / "search_results.csv").read_text()
    assert (searched.path / "out" / "postprocessing_results.csv").read_text() == table
    assert [list(row) for row in read_table(searched.path / "out" / "search_results.csv")] == [CLASSIC] * 3


def test_they_can_be_added_on_resume(project: Project) -> None:
    project.grid(GRID, script=SCRIPT)
    assert project.run("--out_dir=out", "--force_out_dir", "--deterministic_search").exit_status == 1
    assert header(project) == CLASSIC
    project.go()
    assert project.ask("resume", "out", "--more_columns").exit_status == 0
    assert header(project) == CLASSIC + MORE
    assert [row["run"] for row in rows(project.path / "out")] == ["3", "2", "1"]


def test_a_name_that_is_taken_gets_an_underscore_and_the_classic_column_stays(project: Project) -> None:
    project.grid({"x": [1], "seed": [5], "run_": ["a"], "run": ["b"]}, script=SCRIPT)
    assert project.run("--out_dir=out", "--force_out_dir", "--more_columns").exit_status == 0
    assert header(project)[-4:] == ["run__", "state", "seconds", "seed_"]
    (row,) = rows(project.path / "out")
    assert [row[name] for name in ("seed", "run_", "run", "run__", "seed_")] == ["5", "a", "b", "1", "5"]


def test_rows_of_an_earlier_search_without_a_journal_have_empty_cells(project: Project) -> None:
    (project.path / "out").mkdir()
    write_table(project.path / "out" / "search_results.csv", CLASSIC, [{"x": "9", "out_dir": "o/sim_1", "acc": "9"}])
    project.grid({"x": [1]}, script=SCRIPT)
    argv = ("--out_dir=out", "--force_out_dir", "--dont_force_new_dir", "--more_columns")
    assert project.run(*argv).exit_status == 0
    assert [(row["x"], row["run"], row["state"]) for row in rows(project.path / "out")] == [
        ("9", "", ""),
        ("1", "1", "finished"),
    ]


@pytest.mark.parametrize(
    ("options", "seed"),
    [
        ({"random_seed": 3, "seed": 4, "data_random_seed": 5}, "3"),
        ({"seed": 4, "data_seed": 5}, "4"),
        ({"lr": 1, "torch_seed": 5}, "5"),
        ({"torch_seed": 4, "data_seed": 5}, ""),
        ({"lr": 1}, ""),
    ],
)
def test_the_seed_is_told_only_where_it_is_sure(options: dict[str, object], seed: str) -> None:
    assert seed_of(options) == seed


def test_a_table_without_them_is_read_whole(project: Project) -> None:
    names = [*CLASSIC, "run", "state", "seed", "seconds"]
    write_table(project.path / "t.csv", names, [dict.fromkeys(names, "1")])
    assert [list(row) for row in read_table(project.path / "t.csv")] == [names]
    assert Columns.of(names, has_more=False).names == names
