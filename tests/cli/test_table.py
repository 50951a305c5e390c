"""`hpsearch table`: the command that it names for an empty cell fills it, in searches of every kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from older_tool import OlderSearch
from project import Project, journal_has, wait_until

#: The accuracy depends on method, data and seed. Fails where the file `broken` names method and data, waits where
#: `waits` does.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
cell = options["method"] + options["data"]
named = lambda name: os.path.exists(name) and cell in open(name).read().split()
if named("broken"):
    sys.exit("broken: " + cell)
while named("waits"):
    time.sleep(0.005)
os.makedirs(options["out_dir"])
acc = {"m": 10, "n": 20, "o": 30}[options["method"]] + int(options["data"]) + int(options.get("seed", 0)) / 10
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nfinished 1\\n" % acc)
"""
HERE = ("--out_dir=out/s", "--force_out_dir")
TABLE = ("table", "out/s", "--rows=method", "--columns=data")


def cells(project: Project, *words: str) -> tuple[list[list[str]], list[str]]:
    """Return the rows of a table of out/s without titles and marks, and the commands that are named below it."""
    result = project.ask(*(words or TABLE))
    assert result.exit_status == 0, result.stderr
    lines = result.stdout.split("\n\n")[0].splitlines()[1:]
    rows = [[word for word in line.split() if word not in ("*", "~")] for line in lines]
    return rows, [line.strip() for line in result.stderr.splitlines() if line.startswith("  ")]


def follow(project: Project, command: str) -> None:
    """Type a command that a message names."""
    subprocess.run(["sh", "-c", command], cwd=project.path, env=project.environ(), check=True, capture_output=True)


def test_a_retry_fills_what_has_failed(project: Project) -> None:
    project.grid({"method": ["m", "n"], "data": [1, 2]}, script=SCRIPT)
    project.write("broken", "m2")
    project.run(*HERE, "--num_seeds=2", "--seed_option=seed", "--num_cpu_jobs=2")
    rows, (command,) = cells(project)
    assert rows == [["m", "11.05", "+-", "0.07", "-"], ["n", "21.05", "+-", "0.07", "22.05", "+-", "0.07"]]
    (project.path / "broken").unlink()
    follow(project, command)
    rows, commands = cells(project)
    assert (rows[0][4:], commands) == (["12.05", "+-", "0.07"], [])


def test_a_resume_fills_what_was_stopped(project: Project) -> None:
    project.grid({"method": ["m", "n"], "data": [1]}, script=SCRIPT)
    project.write("waits", "n1")
    search = project.start(*HERE)
    wait_until(lambda: journal_has(project.path / "out" / "s", "submitted", 2), "the second run has started")
    rows, (live,) = cells(project)
    search.kill()
    project.end(search)
    (project.path / "waits").unlink()
    wait_until(lambda: cells(project)[1] != [live], "the search is seen to be gone")
    rows, (command,) = cells(project)
    assert (live.startswith("the search is running: "), rows) == (True, [["m", "11"], ["n", "-"]])
    follow(project, command)
    assert cells(project) == ([["m", "11"], ["n", "21"]], [])


def test_an_extension_fills_what_the_grid_did_not_have(project: Project) -> None:
    project.grid({"method": ["m", "n"], "data": [1]}, script=SCRIPT)
    project.search(*HERE)
    assert project.ask("extend", "out/s", "--set=method=m,o", "--set=data=2").exit_status == 0
    rows, commands = cells(project)
    assert rows == [["m", "11", "12"], ["n", "21", "-"], ["o", "-", "32"]]
    for command in commands:
        follow(project, command)
    assert cells(project) == ([["m", "11", "12"], ["n", "21", "22"], ["o", "31", "32"]], [])


def test_an_extension_of_a_list_of_grids_gives_no_row_the_options_of_another(project: Project) -> None:
    grids = '[{"method": ["m"], "data": [1, 2], "own": [1]}, {"method": ["n"], "data": [1]}]'
    project.grid({}, script=SCRIPT, more=f"grid = {grids}\n")
    project.search(*HERE)
    rows, (command,) = cells(project)
    assert rows == [["m", "11", "12"], ["n", "21", "-"]]
    follow(project, command)
    assert cells(project) == ([["m", "11", "12"], ["n", "21", "22"]], [])
    assert cells(project, "table", "out/s", "--rows=method,own", "--columns=data")[0] == [
        ["m", "1", "11", "12"],
        ["n", "no", "own", "21", "22"],
    ]


def test_of_two_searches_the_one_of_the_column_is_extended(project: Project) -> None:
    project.grid({"method": ["m", "n"], "data": [1]}, script=SCRIPT)
    project.search(*HERE)
    project.search("--out_dir=out/t", "--force_out_dir", "--set=data=2", "--set=method=m")
    both = ("table", "out/s", "out/t", "--rows=method", "--columns=data")
    rows, (command,) = cells(project, *both)
    assert rows == [["m", "11", "12"], ["n", "21", "-"]]
    follow(project, command)
    assert cells(project, *both) == ([["m", "11", "12"], ["n", "21", "22"]], [])
    assert cells(project)[0] == [["m", "11"], ["n", "21"]]


@pytest.fixture
def older(project: Project) -> Path:
    """A folder of the older tool with two finished runs and one that is not; its script and grid module are here."""
    project.grid({"method": ["m", "n"], "data": [1, 2]}, script=SCRIPT, name="hpsearch_config")
    search = OlderSearch(project.path / "out" / "s")
    search.run({"method": "m", "data": 1}, "acc 11\nfinished 1\n")
    search.run({"method": "n", "data": 1}, "acc 21\nfinished 1\n")
    search.run({"method": "n", "data": 2})
    search.write_commands()
    done = [("m", 11), ("n", 21)]
    names = [Path(str(command["out_dir"])).name for command in search.commands]
    rows = zip(names, done)
    search.write_table(
        [{"method": m, "data": 1, "out_dir": f"o/{name}", "acc": acc, "finished": 1} for name, (m, acc) in rows]
    )
    return search.path


def test_a_search_of_the_older_tool_is_extended_by_the_module_that_the_user_names(
    project: Project, older: Path
) -> None:
    text = (older / "hpsearch_config.py").read_text()
    (older / "hpsearch_config.py").write_text(text.replace("performance_overview", "summary"))
    for path in older.glob("sim_*/performance_overview.txt"):
        path.rename(path.with_name("summary.txt"))
    rows, commands = cells(project)
    assert rows == [["m", "11", "-"], ["n", "21", "-"]]
    assert [command.partition(" extend ")[2] for command in commands] == [
        "out/s --grid_module=MODULE",
        "out/s --grid_module=MODULE --set method=m --set data=2",
    ]
    for command in commands:
        follow(project, command.replace("MODULE", "hpsearch_config"))
    assert cells(project) == ([["m", "11", "12"], ["n", "21", "22"]], [])
