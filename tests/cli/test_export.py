"""`hpsearch export`: the runs of our own searches and of the older tool's as one table, in five formats."""

from __future__ import annotations

import io
import json
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from older_tool import OlderSearch
from project import Project, Result, journal_has, wait_until

#: Leaves two keywords, one of them a list; fails where x is 3, waits where x is 4.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
if options["x"] == "3":
    sys.exit(1)
while options["x"] == "4" and not os.path.exists("go"):
    time.sleep(0.005)
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nall 1 2\\nfinished 1\\n" % options["x"])
"""
KEYWORDS = ("acc", "all", "finished")
OWN = ["search", "run", "state", "submitted", "started", "ended", "seconds", "host", "job", "cause"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A search `out` with two finished runs and one that failed; run 2 has an option more. Tests only read it."""
    project = Project(tmp_path_factory.mktemp("my project"))
    grid = {"x": [0.5, 2, 3], "name": ["a, b"], "sizes": [[1, 2]], "state": [1e-12]}
    project.grid(grid, [({"x": [2]}, {"more": [1]})], script=SCRIPT, keywords=KEYWORDS)
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    return project


def exported(result: Result) -> list[dict[str, Any]]:
    assert result.exit_status == 0, result.stderr
    return json.loads(result.stdout)


def test_the_table_has_each_finished_run_with_options_and_keywords(searched: Project) -> None:
    import pandas

    result = searched.ask("export", "out", "-o", "runs.csv")
    told = "2 finished runs; 1 more did not finish: --all exports them, too\n"
    assert (result.exit_status, result.stdout, result.stderr) == (0, "", told)
    frame = pandas.read_csv(searched.path / "runs.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns) == [*OWN, "x", "name", "sizes", "state_", "more", "out_dir", "acc", "all", "finished"]
    assert frame[["run", "state", "x", "name", "sizes", "state_", "more", "acc", "all"]].to_numpy().tolist() == [
        ["1", "finished", "0.5", "a, b", "[1, 2]", "1e-12", "", "0.5", '"1,2"'],
        ["2", "finished", "2", "a, b", "[1, 2]", "1e-12", "1", "2", '"1,2"'],
    ]


def test_json_keeps_values_as_they_are_and_has_null_for_what_a_run_lacks(searched: Project) -> None:
    first, second, failed = exported(searched.ask("export", "out", "--format=json", "--all"))
    options = {"x": 0.5, "name": "a, b", "sizes": [1, 2], "state_": 1e-12, "more": None}
    assert options.items() <= first.items()
    assert (first["search"], first["run"], first["acc"], first["job"]) == (str(searched.path / "out"), 1, 0.5, None)
    assert [repr(second[name]) for name in ("x", "acc", "more", "finished")] == ["2", "2", "1", "1"]
    assert (failed["run"], failed["state"], failed["acc"], failed["finished"]) == (3, "failed", None, None)
    assert (first["cause"], failed["cause"]) == (None, "exit status 1")


def test_times_are_local_and_seconds_are_those_between_start_and_end(searched: Project) -> None:
    first, *_ = exported(searched.ask("export", "out", "--format=json"))
    started, ended = (datetime.fromisoformat(first[name]) for name in ("started", "ended"))
    assert abs((ended - started).total_seconds() - first["seconds"]) <= 1
    assert abs((datetime.now() - ended).total_seconds()) < 300


def test_a_live_search_is_exported_as_it_stands(project: Project) -> None:
    project.grid({"x": [1, 4, 5]}, script=SCRIPT, keywords=KEYWORDS)
    process = project.start("--out_dir=out", "--force_out_dir", "--deterministic_search")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 2), "the second run has started")
    found = exported(project.ask("export", "out", "--format=json", "--all"))
    project.go()
    assert project.end(process).exit_status == 0
    assert [entry["state"] for entry in found] == ["finished", "running", "planned"]
    assert [entry["started"] is None for entry in found] == [False, False, True]
    assert found[1]["seconds"] is None


def test_folders_come_one_below_the_other_with_the_columns_of_both(project: Project, searched: Project) -> None:
    project.grid({"y": [7]}, script=SCRIPT.replace('["x"]', '["y"]'), keywords=KEYWORDS)
    project.search("--out_dir=two", "--force_out_dir")
    found = exported(project.ask("export", str(searched.path / "out"), "two/search_results.csv", "--format=json"))
    assert [(Path(entry["search"]).name, entry["x"], entry["y"]) for entry in found] == [
        ("out", 0.5, None),
        ("out", 2, None),
        ("two", None, 7),
    ]
    assert list(found[0])[-2:] == ["finished", "y"]


def test_a_moved_folder_is_exported_from_its_new_place(project: Project) -> None:
    project.grid({"x": [0.5, 2]}, script=SCRIPT, keywords=KEYWORDS)
    project.search("--out_dir=out", "--force_out_dir")
    (project.path / "out").rename(project.path / "moved")
    found = exported(project.ask("export", "moved", "--format=json"))
    assert [(entry["search"], entry["acc"]) for entry in found] == [(str(project.path / "moved"), n) for n in (0.5, 2)]


def test_a_folder_of_the_older_tool_is_exported_without_times(project: Project) -> None:
    older = OlderSearch(project.path / "older")
    older.run({"lr": 0.1, "hidden": '"400,400"', "flag": True}, "acc 99.04\nfinished 1\n")
    older.run({"lr": 1, "hidden": '"400,400"', "flag": False})
    older.write_commands()
    first, second = exported(project.ask("export", "older", "--all", "--format=json"))
    known = {"run": 0, "state": "finished", "started": None, "lr": 0.1, "flag": True, "acc": 99.04}
    assert known.items() <= first.items()
    assert (second["run"], second["state"], second["lr"], second["acc"]) == (1, "unfinished", 1, None)
    assert [row["run"] for row in exported(project.ask("export", "older", "--format=json"))] == [0]


def test_rows_that_were_in_the_table_before_the_journal_are_runs_too(project: Project) -> None:
    project.write(
        "out/search_results.csv", "lr;out_dir;acc;all;finished\n0.1;./old/sim_1;99;;1\n0.2;./old/sim_2;5;;0\n"
    )
    project.grid({"x": [1]}, script=SCRIPT, keywords=KEYWORDS)
    project.search("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    found = exported(project.ask("export", "out", "--all", "--format=json"))
    assert [(entry["run"], entry["state"], entry["lr"], entry["acc"]) for entry in found] == [
        (None, "finished", 0.1, 99),
        (None, "unfinished", 0.2, 5),
        (1, "finished", None, 1),
    ]


def test_parquet_keeps_the_types_of_options_and_results(searched: Project) -> None:
    import pandas

    result = searched.ask("export", "out", "--all", "--format=parquet", "-o", "runs.parquet")
    assert (result.exit_status, result.stdout, result.stderr) == (0, "", "")
    frame = pandas.read_parquet(searched.path / "runs.parquet")
    assert list(frame.columns) == [*OWN, "x", "name", "sizes", "state_", "more", "out_dir", "acc", "all", "finished"]
    kinds = [frame[name].dtype.kind for name in ("run", "x", "state_", "acc", "submitted", "seconds")]
    assert (kinds, frame["sizes"].tolist()) == (["i", "f", "f", "f", "M", "f"], ["[1, 2]"] * 3)


def test_parquet_is_written_to_a_pipe_and_not_to_a_terminal(searched: Project) -> None:
    import pandas

    words = [*searched.argv()[:2], "hpsearch", "export", "out", "--format=parquet"]
    piped = subprocess.run(words, cwd=searched.path, env=searched.environ(), capture_output=True, check=True)
    assert pandas.read_parquet(io.BytesIO(piped.stdout))["run"].tolist() == [1, 2]
    ours, terminal = os.openpty()
    with open(ours, "rb", buffering=0), open(terminal, "wb", buffering=0) as out:  # noqa: PTH123  (descriptors)
        shown = subprocess.run(words, cwd=searched.path, env=searched.environ(), stdout=out, stderr=subprocess.PIPE)
    assert (shown.returncode, shown.stderr) == (
        2,
        b"hpsearch: --format=parquet is no text for a terminal: give -o FILE\n",
    )


def test_without_pyarrow_one_line_says_how_to_install_it(searched: Project) -> None:
    program = (
        "import sys; sys.modules['pyarrow'] = None\nfrom hpsearch.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    )
    words = [*searched.argv()[:1], "-c", program, "export", "out", "--format=parquet", "-o", "none.parquet"]
    result = searched.command(words)
    told, line = result.stderr.splitlines()
    assert (result.exit_status, (searched.path / "none.parquet").exists()) == (2, False)
    assert line.startswith("hpsearch: --format=parquet needs pyarrow, which is not installed: ")
    assert line.endswith(" -m pip install pyarrow")


def test_people_get_a_table_for_a_paper_or_a_readme(searched: Project) -> None:
    lines = searched.ask("export", "out", "--format=latex").stdout.splitlines()
    assert lines[:3] == [r"% needs \usepackage{booktabs}", rf"\begin{{tabular}}{{{'l' * 19}}}", r"\toprule"]
    assert " & 0.5 & a, b & [1, 2] & 1e-12 &  & " in lines[5]
    title, rule, *rows = searched.ask("export", "out", "--format=markdown").stdout.splitlines()
    assert (title.split()[:4], set(rule), len(rows)) == (["|", "search", "|", "run"], set("| -"), 2)
    assert r" | a, b | \[1, 2\] | 1e-12 " in rows[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere",), "nowhere: there is no such folder"),
        ((".",), "not a search folder itself; did you mean"),
        (("out", "-o", "no/runs.csv"), "-o {}/no/runs.csv: cannot be written (No such file or directory)"),
        (("out", "-o", "out"), "-o {}/out: expected a file, found something else (a folder, a device)"),
        (("out", "-o", "out/search_results.csv"), "this is the search's own table; give another file"),
        (("out", "--format=xml"), "invalid choice"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_said(searched: Project, words: tuple[str, ...], message: str) -> None:
    table = (searched.path / "out" / "search_results.csv").read_bytes()
    result = searched.ask("export", *words)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message.format(searched.path) in result.stderr
    assert (searched.path / "out" / "search_results.csv").read_bytes() == table


def test_a_link_to_itself_is_no_file_to_write(searched: Project) -> None:
    link = searched.path / "link.csv"
    link.symlink_to(link)
    result = searched.ask("export", "out", "-o", "link.csv")
    told = f"hpsearch: -o {link}: expected a file, found a link that leads back to itself\n"
    assert (result.exit_status, result.stderr) == (2, told)


def test_a_reader_that_goes_away_early_gets_no_traceback(searched: Project) -> None:
    process = searched.start_command([*searched.argv()[:2], "hpsearch", "export", "out", "--all"])
    assert process.stdout is not None
    process.stdout.close()
    assert (process.wait(60), process.stderr.read() if process.stderr else None) == (0, "")
