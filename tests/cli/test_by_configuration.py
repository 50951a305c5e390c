"""`search_results_by_configuration.csv` and ``--over``: mean and spread over seeds, whatever ended the search."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pytest
from older_tool import OlderSearch
from project import Project, journal_has, wait_until

#: The accuracy is x + seed; the last run waits.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
seed = options["random_seed"]
while (options["x"], seed) == ("2", "2") and not os.path.exists("go"):
    time.sleep(0.005)
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %d\\ncurve %s 2\\nfinished 1\\n" % (int(options["x"]) + int(seed), seed))
"""
NAME = "search_results_by_configuration.csv"
CALL = ("--num_seeds=3", "--deterministic_search", "--visible_gpus=-1", "--out_dir=out", "--force_out_dir")


def cells(path: Path, *names: str) -> list[list[str]]:
    """Some columns of a table."""
    with path.open(newline="") as file:
        return [[row[name] for name in names] for row in csv.DictReader(file, delimiter=";")]


def with_five_results(project: Project) -> subprocess.Popen[str]:
    """Start a search of two configurations with three seeds each; the last of its six runs waits."""
    project.grid({"x": [1, 2]}, script=SCRIPT, keywords=("acc", "curve", "finished"))
    controller = project.start(*CALL)
    wait_until(lambda: journal_has(project.path / "out", "collected", 5), "five runs have ended")
    return controller


def test_a_killed_search_that_is_resumed_has_the_table_of_one_that_was_not(project: Project) -> None:
    controller = with_five_results(project)
    controller.kill()
    controller.communicate()
    assert not (project.path / "out" / NAME).exists()
    project.write("go", "")
    assert project.ask("resume", "out").exit_status == 0
    assert cells(project.path / "out" / NAME, "x", "n", "acc_mean", "acc_std", "acc_min", "acc_max", "curve_mean") == [
        ["2", "3", "3.0", "1.0", "2.0", "4.0", '"1.0,2.0"'],
        ["1", "3", "2.0", "1.0", "1.0", "3.0", '"1.0,2.0"'],
    ]
    assert len(cells(project.path / "out" / "search_results.csv", "x")) == 6


def test_a_stopped_search_and_postprocessing_leave_the_table_of_what_there_is(project: Project) -> None:
    controller = with_five_results(project)
    controller.terminate()
    controller.communicate()
    table = project.path / "out" / NAME
    stopped = cells(table, "x", "n", "acc_mean")
    table.unlink()
    told = project.ask("postprocess", "out").stderr
    assert stopped == cells(table, "x", "n", "acc_mean") == [["2", "2", "2.5"], ["1", "3", "2.0"]]
    assert f"configurations in {NAME}: 2 (over random_seed; std divides by n - 1)\n" in told


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A folder of the older tool: two configurations under two seeds, and one run that did not finish."""
    project = Project(tmp_path_factory.mktemp("older"))
    search = OlderSearch(project.path / "older")
    for lr, seed, acc in ((0.1, 0, 80), (1e-05, 0, 90), (0.1, 1, 81), (1e-05, 1, 88)):
        options = {"lr": lr, "hidden": '"400,400"', "flag": True, "random_seed": seed}
        search.run(options, f"acc {acc}\nfinished 1\n")
    search.run({"lr": 0.1, "hidden": '"400,400"', "flag": True, "random_seed": 2})
    search.write_commands()
    return project


def test_a_folder_of_the_older_tool_is_summed_up_over_any_option(older: Project) -> None:
    first, second = json.loads(older.ask("export", "older", "--over", "random_seed", "--format=json").stdout)
    assert [first[name] for name in ("lr", "flag", "n", "acc_mean", "acc_max")] == [1e-05, True, 2, 89.0, 90.0]
    assert list(second)[:5] == ["search", "lr", "hidden", "flag", "n"]
    (whole,) = json.loads(older.ask("export", "older", "--over=lr,random_seed", "--format=json").stdout)
    assert (whole["n"], whole["acc_mean"]) == (4, 84.75)


def test_postprocessing_writes_the_table_of_an_older_folder(older: Project) -> None:
    assert older.ask("postprocess", "older", "--over=random_seed").exit_status == 0
    assert cells(older.path / "older" / NAME, "lr", "n", "acc_mean") == [["1e-05", "2", "89.0"], ["0.1", "2", "80.5"]]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("export", "older", "--over=randm_seed"),
            "no run in {older} has such an option; there are: lr, hidden, flag, ",
        ),
        (("postprocess", "older", "--over=x"), "--over=x: no run in {older} has such an option"),
        (("export", "older", "--over=random_seed", "--all"), "--over sums up finished runs: leave out --all"),
        (("postprocess", "older", "--over=lr", "--undo"), "--undo only moves runs back: leave out --over"),
        (("export", "older", "--over="), "argument --over: expected options' names such as random_seed"),
    ],
)
def test_an_over_that_cannot_be_is_one_line(older: Project, words: tuple[str, ...], problem: str) -> None:
    result = older.ask(*words)
    assert (result.exit_status, result.stdout) == (2, "")
    *usage, line = result.stderr.splitlines()
    assert problem.format(older=older.path / "older") in line
    assert [word for word in usage if not word.startswith(("usage:", "  "))] == []
