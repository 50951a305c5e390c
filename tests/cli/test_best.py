"""`hpsearch best`: table, JSON and commands, of our own folders and of the older tool's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from project import Project, rows

#: Leaves three keywords; fails where x is 3.
SCRIPT = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
if options["x"] == "3":
    sys.exit(1)
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nloss -%s\\nfinished 1\\n" % (options["x"], options["x"]))
"""
KEYWORDS = ("acc", "finished", "loss")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A search `out` by `acc` with finished runs 1, 2 and 4, whose numbers sort differently as texts. Only read."""
    project = Project(tmp_path_factory.mktemp("my project"))
    grid = {"x": [9.5, 108.04, 3, 99.04], "name": ["a b"], "flag": [True]}
    project.grid(grid, script=SCRIPT, keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    return project


def test_the_table_has_the_value_the_run_what_varies_and_the_other_keywords(searched: Project) -> None:
    result = searched.ask("best", "out")
    assert result.exit_status == 0, result.stderr
    assert result.stdout.splitlines() == [
        "acc     run  x       loss",
        "108.04  2    108.04  -108.04",
        "99.04   4    99.04   -99.04",
        "9.5     1    9.5     -9.5",
    ]
    assert result.stderr == "best by acc (highest first) of 3 finished runs\n"


@pytest.mark.parametrize(
    ("words", "runs"),
    [
        (("--top=2",), [2, 4]),
        (("--lowest",), [1, 4, 2]),
        (("--by=loss",), [1, 4, 2]),
        (("--by=loss", "--lowest", "--top=1"), [2]),
        (("--by=x",), [2, 4, 1]),
    ],
    ids=str,
)
def test_order_and_number_can_be_chosen(searched: Project, words: tuple[str, ...], runs: list[int]) -> None:
    found = json.loads(searched.ask("best", "out", "--json", *words).stdout)
    assert [entry["run"] for entry in found] == runs


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "best by loss (highest first; --lowest reverses that) of 3 finished runs\n"),
        (("--json",), "best by loss (highest first; --lowest reverses that)\n"),
        (("--lowest",), "best by loss (lowest first) of 3 finished runs\n"),
        (("--lowest", "--json"), ""),
    ],
    ids=str,
)
def test_a_keyword_of_ones_own_says_in_which_order_it_sorts(
    searched: Project, words: tuple[str, ...], told: str
) -> None:
    assert searched.ask("best", "out", "--by=loss", *words).stderr == told


def test_only_the_options_that_tell_the_shown_apart_are_shown(project: Project) -> None:
    project.grid({"a": [5, 6], "x": [1, 2, 3], "same": [1]})
    project.search("--out_dir=out", "--force_out_dir")
    result = project.ask("best", "out", "--top=2", "--differences")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["acc", "run", "a"],
        ["3", "3", "5"],
        ["3", "6", "6"],
    ]
    assert "the same in all that are shown: x=3\n" in result.stderr
    found = json.loads(project.ask("best", "out", "--top=2", "--differences", "--json").stdout)
    assert [entry["options"] for entry in found] == [{"a": 5}, {"a": 6}]


def test_ascending_order_is_the_modules_own(project: Project) -> None:
    project.grid({"x": [2, 1]}, more="_PERFORMANCE_SORT_ASC = True\n")
    project.search("--out_dir=out", "--force_out_dir", "--deterministic_search")
    assert project.ask("best", "out", "--top=1").stdout.splitlines()[1].split() == ["1", "2", "1"]
    assert project.ask("best", "out", "--top=1", "--highest").stdout.splitlines()[1].split()[0] == "2"


def test_the_json_has_stable_keys(searched: Project) -> None:
    (best,) = json.loads(searched.ask("best", "out", "--json", "--top=1").stdout)
    assert list(best) == ["run", "key", "value", "options", "summary", "folder", "command"]
    assert (best["run"], best["key"], best["value"]) == (2, "acc", 108.04)
    assert best["options"] == {"x": 108.04, "name": "a b", "flag": True}
    assert best["summary"] == {"acc": "108.04", "finished": "1", "loss": "-108.04"}
    assert best["folder"] == rows(searched.path / "out")[0]["out_dir"]
    assert best["command"].endswith(" train.py --x=108.04 '--name=a b' --flag")


def test_the_command_runs_from_anywhere_into_a_new_folder(searched: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = searched.ask("best", str(searched.path / "out"), "--command", "--out_dir=again", cwd=elsewhere)
    assert result.exit_status == 0, result.stderr
    assert result.stdout.startswith(f"cd '{searched.path}' && ")
    subprocess.run(["sh", "-c", result.stdout], cwd=elsewhere, check=True)
    assert (elsewhere / "again" / "summary.txt").read_text() == "acc 108.04\nloss -108.04\nfinished 1\n"


def test_the_command_comes_without_the_output_option_and_says_so(searched: Project) -> None:
    result = searched.ask("best", "out", "--command", "--top=2")
    lines = result.stdout.splitlines()
    assert [line.partition(" train.py ")[2] for line in lines] == [
        "--x=108.04 '--name=a b' --flag",
        "--x=99.04 '--name=a b' --flag",
    ]
    assert result.stderr.count("the output option is left out: add --out_dir=NEW_FOLDER") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--by=nonsense",),
            "--by=nonsense: no finished run has such a keyword; there are: x, name, flag, out_dir, acc",
        ),
        (("--by=name",), "no finished run has a number under 'name'; choose another: --by=KEY"),
        (("--out_dir=new",), "--out_dir is for the command of one run"),
        (("--command", "--differences"), "--differences is for the table and --json: a command needs all its options"),
        (("--command", "--top=2", "--out_dir=new"), "--out_dir is for the command of one run"),
        (("--top=0",), "expected a whole number of at least 1, found 0"),
        (("--command", "--json"), "not allowed with argument --command"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_said(searched: Project, words: tuple[str, ...], message: str) -> None:
    result = searched.ask("best", "out", *words)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr


def test_a_search_without_a_finished_run_has_no_best(project: Project) -> None:
    project.grid({"x": [3]}, script=SCRIPT, keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    result = project.ask("best", "out")
    assert (result.exit_status, result.stderr) == (2, f"hpsearch: {project.path / 'out'}: no run has finished yet\n")


#: A table as the older tool leaves it: in any order, without an index, with a copy of the grid module.
OLD_TABLE = """\
lr;name;out_dir;acc;finished
0.1;a;./out/old/sim_1;99.04;1
0.2;a;./out/old/sim_2;108.04;1
0.3;a;./out/old/sim_3;500;0
"""
OLD_MODULE = """\
import no_such_module
grid = {"lr": [0.1]}
_SUMMARY_KEYWORDS = ["finished", "acc"]
_PERFORMANCE_KEY = "acc"
_OTHER = grid["lr"]
raise RuntimeError("never run this")
"""


@pytest.fixture
def old_folder(project: Project) -> Path:
    """A folder of the older tool, without a journal."""
    project.write("old/search_results.csv", OLD_TABLE)
    project.write("old/hpsearch_config.py", OLD_MODULE)
    return project.path / "old"


def test_a_folder_of_the_older_tool_is_read_without_running_its_module(project: Project, old_folder: Path) -> None:
    result = project.ask("best", "old")
    assert result.exit_status == 0, result.stderr
    assert result.stdout == "acc     run    lr\n108.04  sim_2  0.2\n99.04   sim_1  0.1\n"
    (best,) = json.loads(project.ask("best", "old", "--json", "--top=1").stdout)
    assert best["options"] == {"lr": "0.2", "name": "a"}
    assert (best["run"], best["command"], best["folder"]) == (None, None, "./out/old/sim_2")


def test_the_command_is_not_known_there_and_that_is_said(project: Project, old_folder: Path) -> None:
    result = project.ask("best", "old", "--command")
    assert (result.exit_status, result.stdout) == (2, "")
    assert (
        "there is no journal that knows the command of ./out/old/sim_2; it may be in commands.sh there" in result.stderr
    )


def test_without_the_grid_module_the_key_has_to_be_given(project: Project, old_folder: Path) -> None:
    (old_folder / "hpsearch_config.py").unlink()
    result = project.ask("best", "old")
    assert result.exit_status == 2
    assert "give --by=KEY, one of: lr, name, out_dir, acc, finished" in result.stderr
    assert project.ask("best", "old", "--by=acc").stdout.splitlines()[1].split()[0] == "108.04"


def test_rows_that_an_older_search_left_in_the_folder_count(project: Project, old_folder: Path) -> None:
    project.grid({"x": [100]})
    project.search("--out_dir=old", "--force_out_dir", "--dont_force_new_dir")
    values = [line.split()[:2] for line in project.ask("best", "old").stdout.splitlines()[1:]]
    assert values == [["108.04", "sim_2"], ["100", "1"], ["99.04", "sim_1"]]
