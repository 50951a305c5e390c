"""A search from the command line, and all files that it leaves in its folder."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from project import PYTHON_SCRIPT, SCRIPT, Project, journal_events, journal_has, load, rows, run_folders, wait_until

#: Writes its arguments as JSON beside its summary.
ECHO_SCRIPT = """\
import json, os, sys
out_dir = next(word for word in sys.argv if word.startswith("--out_dir=")).partition("=")[2]
os.makedirs(out_dir)
json.dump(sys.argv[1:-1], open(out_dir + "/words.json", "w"))
json.dump([sys.stdin.read(), os.getcwd()], open(out_dir + "/context.json", "w"))
open(out_dir + "/summary.txt", "w").write("acc 1\\nfinished 1\\n")
"""

AWKWARD = [
    "a b",
    "$HOME",
    "`date`",
    "$(date)",
    "a;b",
    "*",
    "'q'",
    'say "x" twice',
    "line\nbreak\n",
    "ünï☃",
    "",
    "-x",
    "\\n",
    "%s",
]


def test_a_search_leaves_what_older_users_read(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "flag": [True, False]}, more="_PERFORMANCE_KEY = 'acc'\n")
    result = project.search()
    folder = result.folder
    assert re.fullmatch(r"search_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", folder.name)
    assert result.stdout == f"{folder / 'search_results.csv'}\n"
    names = {path.name for path in folder.iterdir() if not path.name.startswith("sim_")}
    assert names == {
        ".hpsearch",
        "config.py",
        "commands.sh",
        "commands_wo_dirs.sh",
        "commands.pickle",
        "search_results.csv",
    }
    runs = run_folders(folder)
    assert all(re.fullmatch(r"sim_\d{14}_[1-6]", path.name) for path in runs)
    assert sorted(path.name for path in runs[0].iterdir()) == [
        "hpsearch_command.sh",
        f"job_{runs[0].name}.err",
        f"job_{runs[0].name}.out",
        "summary.txt",
    ]
    commands = load(folder / "commands.pickle")
    assert [list(command) for command in commands] == [["x", "flag", "out_dir"]] * 6  # type: ignore[attr-defined]
    assert (folder / "config.py").read_text() == (project.path / "config.py").read_text()


def test_the_table_is_sorted_by_number_and_pandas_reads_the_values_back(project: Project) -> None:
    import pandas

    project.grid({"x": [9.5, 108.04, 99.04], "name": ['"a,b"'], "flag": [True], "none": [None], "list": [[1, 2]]})
    frame = pandas.read_csv(project.search().folder / "search_results.csv", sep=";")
    assert list(frame.columns) == ["x", "name", "flag", "none", "list", "out_dir", "acc", "finished"]
    assert list(frame["x"]) == [108.04, 99.04, 9.5]
    assert frame["acc"].dtype == np.float64
    assert list(frame["name"]) == ['"a,b"'] * 3
    assert list(frame["flag"]) == [True] * 3
    assert list(frame["list"]) == ["[1, 2]"] * 3


def test_ascending_order_is_asked_for_by_the_module(project: Project) -> None:
    project.grid({"x": [3, 1, 2]}, more="_PERFORMANCE_SORT_ASC = True\n")
    assert [row["acc"] for row in rows(project.search().folder)] == ["1", "2", "3"]


def test_every_value_arrives_as_written(project: Project) -> None:
    project.grid({"x": AWKWARD}, script=ECHO_SCRIPT)
    folder = project.search("--deterministic_search").folder
    arrived = [json.loads((path / "words.json").read_text()) for path in run_folders(folder)]
    assert arrived == [[f"--x={value}"] for value in AWKWARD]
    assert [row["x"] for row in rows(folder)] == AWKWARD


def test_the_scripts_of_commands_run_again_with_sh(project: Project) -> None:
    project.grid({"x": AWKWARD}, script=ECHO_SCRIPT)
    folder = project.search("--deterministic_search", "--out_dir=out", "--force_out_dir").folder
    text = (folder / "commands.sh").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert text.startswith("#!/bin/sh\n")
    assert len(lines) == len(AWKWARD)
    for path in run_folders(folder):
        shutil.rmtree(path)
    subprocess.run(["sh", folder / "commands.sh"], cwd=project.path, check=True)
    arrived = [json.loads((path / "words.json").read_text()) for path in run_folders(folder)]
    assert arrived == [[f"--x={value}"] for value in AWKWARD]


def test_a_runs_own_command_runs_again_with_sh(project: Project) -> None:
    project.grid({"x": ["a b\n"]}, script=ECHO_SCRIPT)
    run = run_folders(project.search().folder)[0]
    script = (run / "hpsearch_command.sh").read_text()
    shutil.rmtree(run)
    subprocess.run(["sh", "-c", script], cwd=project.path, check=True)
    assert json.loads((run / "words.json").read_text()) == ["--x=a b\n"]


def test_a_run_has_empty_input_and_the_asked_working_directory(project: Project) -> None:
    project.grid({"x": [1]}, script=ECHO_SCRIPT)
    work = project.path / "work"
    work.mkdir()
    shutil.move(project.path / "train.py", work)
    folder = project.search("--run_cwd=work").folder
    assert json.loads((run_folders(folder)[0] / "context.json").read_text()) == ["", str(work)]
    assert folder.parent == work / "out" / "hyperparam_search"


def test_a_dry_run_prints_the_commands_and_writes_nothing(project: Project) -> None:
    project.grid({"x": [1, 2], "s": ["a b"]}, more="print('noise from the module')\n")
    before = {path for path in project.path.rglob("*") if "__pycache__" not in path.parts}
    result = project.search("--dry_run", "--out_dir=out", "--force_out_dir")
    assert {path for path in project.path.rglob("*") if "__pycache__" not in path.parts} == before
    searched = project.search("--out_dir=out", "--force_out_dir").folder
    body = [line for line in (searched / "commands.sh").read_text().splitlines() if not line.startswith("#")]
    without_stamp = re.compile(r"sim_\d{14}")
    assert [without_stamp.sub("", line) for line in result.stdout.splitlines()] == [
        without_stamp.sub("", line) for line in body
    ]


def test_fault_4_a_deterministic_search_keeps_the_order_in_any_process(project: Project) -> None:
    project.grid({"x": [3, 1, 2], "s": ["b", "a"]})
    found = []
    for seed in ("0", "1", "77"):
        project.environment["PYTHONHASHSEED"] = seed
        printed = project.search("--dry_run", "--deterministic_search", "--out_dir=o", "--force_out_dir").stdout
        found.append(re.findall(r"--x=(\d) --s=(\w)", printed))
    assert found == [[("3", "b"), ("3", "a"), ("1", "b"), ("1", "a"), ("2", "b"), ("2", "a")]] * 3


def test_the_random_order_depends_on_the_seed_alone(project: Project) -> None:
    project.grid({"x": list(range(20))})

    def order(*options: str) -> list[str]:
        return re.findall(r"--x=(\d+)", project.search("--dry_run", *options).stdout)

    assert order("--num_searches=-1") == order("--random_seed=42") != order("--random_seed=1")
    assert order("--num_searches=5") == order("--random_seed=42")[:5]


def test_the_grid_may_come_from_a_file(project: Project) -> None:
    project.grid({"x": [1]})
    config = {"grid": {"x": [np.int64(5)], "y": [1]}, "conditions": [({"x": [5]}, {"y": [2]})]}
    project.path.joinpath("c.pickle").write_bytes(pickle.dumps(config))
    folder = project.search("--grid_config=c.pickle").folder
    assert [(row["x"], row["y"]) for row in rows(folder)] == [("5", "2")]
    assert (folder / "c.pickle").exists()
    assert json.loads((folder / "c.json").read_text()) == {
        "grid": {"x": [5], "y": [1]},
        "conditions": [[{"x": [5]}, {"y": [2]}]],
    }


def test_the_grid_may_come_from_json_with_a_negation(project: Project) -> None:
    project.grid({"x": [1]})
    project.write("c.json", '{"grid": {"x": [1, 2]}, "conditions": [[{"x": {"not": [1]}}, {"y": [7]}]]}')
    folder = project.search("--grid_config=c.json", "--deterministic_search").folder
    assert {(row["x"], row["y"]) for row in rows(folder)} == {("1", ""), ("2", "7")}


def test_values_from_the_command_line_replace_those_of_the_grid(project: Project) -> None:
    project.grid({"x": [1], "y": [2]})
    folder = project.search("--set=x=5,'a,b'", "--set=new=True").folder
    assert sorted((row["x"], row["y"], row["new"]) for row in rows(folder)) == [
        ("5", "2", "True"),
        ("a,b", "2", "True"),
    ]
    assert project.run("--resume=" + str(folder), "--set=x=1").stderr == (
        "hpsearch: --set cannot be given with --resume: the runs of that search are already planned; "
        "to add runs: hpsearch extend DIR\n"
    )


def test_ties_and_a_list_of_grids_with_constraints_are_searched(project: Project) -> None:
    more = "grid = [{('x', 'y'): [(1, 5), (2, 6)], 'z': [0, 3]}, {'x': [1, 9]}]\n"
    project.grid({}, more=more + "constraints = [lambda o: print('asked') or o.get('z') != 3 or o['x'] == 2]\n")
    result = project.search("--deterministic_search")
    commands = result.folder.joinpath("commands_wo_dirs.sh").read_text().splitlines()
    assert [command.partition("train.sh ")[2] for command in commands if "train.sh" in command] == [
        "--x=1 --y=5 --z=0",
        "--x=2 --y=6 --z=0",
        "--x=2 --y=6 --z=3",
        "--x=1",
        "--x=9",
    ]
    assert "constraint 1 left out 1 of 6 configurations" in result.stderr
    assert "asked" not in result.stdout


def test_json_can_tie_options_and_list_grids(project: Project) -> None:
    project.grid({"x": [1]})
    grids = '[{"x,y": [[1, 2], [3, [4]]]}, {"x": [5]}]'
    project.write("c.json", f'{{"grid": {grids}, "conditions": [[{{"x": [5]}}, {{"z, w": [[6, 7]]}}]]}}')
    folder = project.search("--grid_config=c.json").folder
    assert sorted((row["x"], row["y"], row["z"], row["w"]) for row in rows(folder)) == [
        ("1", "2", "", ""),
        ("3", "[4]", "", ""),
        ("5", "", "6", "7"),
    ]


def test_the_readable_copy_of_a_pickled_grid_is_a_grid_too(project: Project) -> None:
    project.grid({"x": [1]})
    config = {"grid": [{("x", "y"): [(1, 2)]}, {"x": [5]}], "conditions": [({"x": [5]}, {("z", "w"): [(6, 7)]})]}
    project.path.joinpath("c.pickle").write_bytes(pickle.dumps(config))
    folder = project.search("--grid_config=c.pickle", "--deterministic_search").folder
    first = folder.joinpath("commands_wo_dirs.sh").read_text()
    again = project.search(f"--grid_config={folder / 'c.json'}", "--deterministic_search").folder
    assert again.joinpath("commands_wo_dirs.sh").read_text() == first


def test_fault_16_not_completed_names_runs_that_failed(project: Project) -> None:
    script = "import sys, os\nif '--x=2' in sys.argv: sys.exit('it went wrong')\n" + SCRIPT_TAIL
    project.grid({"x": [1, 2, 3]}, script=script)
    result = project.run("--out_dir=out", "--force_out_dir")
    folder = project.path / "out"
    assert result.exit_status == 1
    assert [entry["x"] for entry in load(folder / "not_completed.pickle")] == [2]  # type: ignore[attr-defined]
    assert sorted(row["acc"] for row in rows(folder)) == ["1", "3"]
    failed = next(path for path in run_folders(folder) if path.joinpath(f"job_{path.name}.err").read_text())
    assert failed.joinpath(f"job_{failed.name}.err").read_text() == "it went wrong\n"
    number = int(failed.name.rpartition("_")[2])
    assert f"run {number}/3 failed after " in result.stderr
    assert re.search(
        rf"run {number} failed: it went wrong\n.* with x=2\n.* hpsearch logs .* {number} --err\n", result.stderr
    )
    assert "no summary file" not in result.stderr


SCRIPT_TAIL = """\
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write(open("broken.txt").read() if os.path.exists("broken.txt") and options["x"] == "2" else
               "acc %s\\nfinished 1\\n" % options["x"])
"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "summary.txt: the file is empty"),
        ("acc [1\nfinished 1\n", "summary.txt, line 1: the list after 'acc' does not end on its line"),
        ("acc 1\nfin", "no line starts with the keyword 'finished'"),
        ("acc 1\n\0\0", "summary.txt, line 2: binary data"),
    ],
)
def test_fault_8_a_bad_summary_is_reported_and_harms_no_other_run(project: Project, content: str, message: str) -> None:
    project.grid({"x": [1, 2, 3]}, script="import os, sys\n" + SCRIPT_TAIL)
    project.write("broken.txt", content)
    result = project.run("--out_dir=out", "--force_out_dir")
    assert result.exit_status == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(row["acc"] for row in rows(project.path / "out")) == ["1", "3"]


def test_an_unfinished_run_has_a_row_and_the_exit_status_is_1(project: Project) -> None:
    project.grid({"x": [1]}, script="import os, sys\n" + SCRIPT_TAIL.replace("finished 1", "finished 0"))
    result = project.run("--out_dir=out", "--force_out_dir")
    assert result.exit_status == 1
    assert [row["finished"] for row in rows(project.path / "out")] == ["0"]
    assert "1 unfinished" in result.stderr


def test_a_finished_summary_with_a_bad_exit_is_finished_with_a_warning(project: Project) -> None:
    project.grid({"x": [1]}, script="import os, sys\n" + SCRIPT_TAIL + "sys.exit(3)\n")
    result = project.search()
    assert "the summary says finished, but: exit status 3" in result.stderr


def test_failed_runs_are_tried_again_in_a_free_folder(project: Project) -> None:
    script = (
        "import os, sys\nif not os.path.exists('tried'):\n    open('tried', 'w')\n"
        "    os.makedirs(sys.argv[-1].partition('=')[2])\n    sys.exit(1)\n" + SCRIPT_TAIL
    )
    project.grid({"x": [1]}, script=script)
    folder = project.search("--retries=1").folder
    assert [row["acc"] for row in rows(folder)] == ["1"]
    (aside,) = (folder / ".hpsearch" / "attempts").iterdir()
    assert (aside / f"job_{run_folders(folder)[0].name}.err").exists()


def test_a_custom_parser_is_asked_only_for_what_it_takes(project: Project) -> None:
    more = """
import os
def parse(out_dir, cmd_ident):
    print("noise")
    text = open(os.path.join(out_dir, "summary.txt")).read()
    return {"acc": float(text.split()[1]) * 2, "finished": [1], "extra": [cmd_ident]}
_SUMMARY_PARSER_HANDLE = parse
"""
    project.grid({"x": [1, 2]}, more=more)
    result = project.search("--deterministic_search")
    assert "noise" not in result.stdout
    assert [(row["acc"], row["extra"]) for row in rows(result.folder)] == [("4.0", "1"), ("2.0", "0")]


def test_a_custom_parser_may_use_the_default_parser_of_the_package(project: Project) -> None:
    more = """
from hpsearch import hpsearch
def parse(out_dir, cmd_ident, summary_fn=None):
    summary = hpsearch._get_performance_summary(out_dir, cmd_ident, summary_fn=summary_fn)
    assert hpsearch._PERFORMANCE_KEY == "acc"
    return {**summary, "acc": ["7"]}
_SUMMARY_PARSER_HANDLE = parse
"""
    project.grid({"x": [1]}, more=more)
    assert [row["acc"] for row in rows(project.search().folder)] == ["7"]


def test_a_custom_parser_that_raises_fails_its_run_only(project: Project) -> None:
    more = "def parse(out_dir, ident):\n    return {'acc': 1 / ident, 'finished': 1}\n_SUMMARY_PARSER_HANDLE = parse\n"
    project.grid({"x": [1, 2]}, more=more)
    result = project.run("--out_dir=out", "--force_out_dir")
    assert result.exit_status == 1
    assert "ZeroDivisionError: division by zero" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(rows(project.path / "out")) == 1


def test_an_existing_folder_is_added_to_on_request(project: Project) -> None:
    project.grid({"x": [1, 2]})
    options = ("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    folder = project.search(*options).folder
    project.grid({"x": [3], "y": [5]})
    project.search(*options)
    assert [(row["acc"], row["y"]) for row in rows(folder)] == [("3", "5"), ("2", ""), ("1", "")]
    assert len(load(folder / "commands.pickle")) == 3  # type: ignore[arg-type]
    assert len(run_folders(folder)) == 3


def test_finished_configurations_that_run_again_in_their_folder_are_counted(project: Project) -> None:
    project.grid({"x": [1, 2]})
    options = ("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    assert "run again" not in project.search(*options).stderr
    project.grid({"x": [2, 1, 0]})
    again = project.search(*options).stderr
    assert "warning: 2 of 3 configurations finished here before and will run again; " in again


def test_rows_of_the_older_tool_stay_in_the_table(project: Project) -> None:
    folder = project.path / "out"
    folder.mkdir()
    (folder / "search_results.csv").write_text("acc;finished;out_dir;x\n5;1;./out/sim_1;9\n")
    project.grid({"x": [7]})
    project.search("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    assert [(row["x"], row["acc"]) for row in rows(folder)] == [("7", "7"), ("9", "5")]


def test_the_output_is_live_on_the_terminal_and_kept_in_the_log(project: Project) -> None:
    project.grid({"x": [1], "sleep": [30]})
    controller = project.start("--out_dir=out", "--force_out_dir")
    assert controller.stderr is not None
    started = time.monotonic()
    seen = next(line for line in controller.stderr if line == "x is 1\n")
    assert time.monotonic() - started < 25
    controller.terminate()
    controller.communicate()
    run = run_folders(project.path / "out")[0]
    assert (run / f"job_{run.name}.out").read_text() == seen


def test_a_run_goes_on_with_log_and_exit_status_when_the_controller_dies(project: Project) -> None:
    project.grid({"x": [1], "until": ["go"]})
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: folder.exists() and run_folders(folder) != [], "the run")
    controller.kill()
    controller.communicate()
    project.go()
    exits = folder / ".hpsearch" / "exits"
    wait_until(lambda: [path.read_text() for path in exits.iterdir() if "part" not in path.name] == ["0\n"], "the end")
    assert [path.read_text() for path in folder.glob(".hpsearch/logs/*.out")] == ["x is 1\n"]


def test_fault_2_a_slot_is_filled_the_moment_a_run_ends(project: Project) -> None:
    project.grid({"x": list(range(20))}, script="#!/bin/sh\nexit 0\n")
    project.run("--out_dir=out", "--force_out_dir")
    events = journal_events(project.path / "out")
    at = {(event["event"], event["run"]): event["at"] for event in events if "run" in event and "at" in event}
    gaps = sorted(at["submitted", run + 1] - at["ended", run] for run in range(1, 20))
    assert gaps[10] < 0.5


def test_fault_1_results_are_appended_and_not_rewritten(project: Project) -> None:
    project.grid({"x": [1, 2], "sleep": [0, 30]})
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir", "--deterministic_search")
    table = folder / "search_results.csv"
    wait_until(table.exists, "the table")
    inode = table.stat().st_ino
    wait_until(lambda: len(table.read_text().splitlines()) == 2, "a row")
    assert table.stat().st_ino == inode
    controller.terminate()
    controller.communicate()


@pytest.mark.parametrize("order", ["--deterministic_search", "--random_seed=1"])
def test_a_search_of_a_plain_grid_imports_no_numpy(project: Project, order: str) -> None:
    project.grid({"x": [1, 2]})
    code = "import sys; from hpsearch import hpsearch; hpsearch.run(); sys.exit('numpy' in sys.modules)"
    result = project.command([sys.executable, "-c", code, *project.argv(order, "--num_seeds=2")[3:]])
    assert (result.exit_status, len(rows(result.folder))) == (0, 4), result.stderr


def test_fault_14_help_imports_nothing_heavy(project: Project) -> None:
    result = project.call_lightly("from hpsearch import hpsearch; hpsearch.run()", "--help")
    assert "Default: 0.5." in result.stdout


def test_fault_20_one_note_for_all_duplicates_and_one_about_missing_gpus(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "y": list(range(50))}, conditions=[({"x": [1, 2]}, {"y": [0], "x": [1]})])
    result = project.search("--visible_gpus=", "--num_searches=3")
    assert result.stderr.count("duplicate") == 1
    assert "removed 99 duplicates: 150 -> 51 runs" in result.stderr
    assert len([line for line in result.stderr.splitlines() if "no GPU found" in line]) == 1


def test_the_interpreter_can_be_chosen(project: Project) -> None:
    project.grid({"x": [1]}, script=PYTHON_SCRIPT)
    project.write("my python", f"#!/bin/sh\nexec '{sys.executable}' \"$@\"\n", executable=True)
    result = project.search("--interpreter='./my python' -S")
    assert "'./my python' -S train.py --x=1" in (result.folder / "commands.sh").read_text()


def test_the_interpreter_is_python3_where_that_is_the_running_one(project: Project, tmp_path: Path) -> None:
    project.grid({"x": [1]}, script=PYTHON_SCRIPT)
    project.environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    assert project.search("--dry_run").stdout.startswith("python3 train.py --x=1 --out_dir=")
    project.environment["PATH"] = "/usr/bin:/bin"
    assert project.search("--dry_run").stdout.startswith(f"{sys.executable} train.py")


def test_an_executable_script_of_any_language_is_run_directly(project: Project) -> None:
    script = "#!/bin/sh\nout=${2#*=}\nmkdir $out\nprintf 'acc 1\\nfinished 1\\n' >$out/summary.txt\n"
    project.grid({"x": [1]}, script=script)
    assert project.search("--dry_run", "--out_dir=o", "--force_out_dir").stdout.startswith("./train.sh --x=1 ")
    assert len(rows(project.search("--out_dir=o", "--force_out_dir").folder)) == 1


def test_several_runs_at_once_are_at_most_as_many_as_asked(project: Project) -> None:
    script = (
        "#!/bin/sh\nout=${2#*=}\nmkdir live.$$\nls -d live.* | wc -l >>seen.txt\nsleep 0.1\nrmdir live.$$\n"
        "mkdir $out\nprintf 'acc 1\\nfinished 1\\n' >$out/summary.txt\n"
    )
    project.grid({"x": list(range(9))}, script=script)
    project.search("--num_cpu_jobs=3", "--out_dir=o", "--force_out_dir")
    assert max(map(int, (project.path / "seen.txt").read_text().split())) == 3


def test_the_older_names_work_for_modules_that_import_them(project: Project) -> None:
    project.grid({"x": [1]}, script=PYTHON_SCRIPT)
    code = """
import argparse, config
from hpsearch import hpsearch
assert hpsearch._OUT_ARG == "out_dir" and hpsearch._SUMMARY_FILENAME is None and hpsearch._DEFAULT_GRID == ""
hpsearch._read_config(config)
assert hpsearch._SUMMARY_FILENAME == "summary.txt" and hpsearch._SUMMARY_KEYWORDS == ["acc", "finished"]
assert hpsearch._PERFORMANCE_KEY == "acc" and hpsearch._PERFORMANCE_SORT_ASC is False
assert hpsearch._PERFORMANCE_EVAL_HANDLE is None and hpsearch._ARGPARSE_HANDLE is None
assert hpsearch._args_to_cmd_str({"x": 1, "f": True}, out_dir="d") == "python3 train.py --x=1 --f --out_dir=d"
open("summary.txt", "w").write("acc 1e-05\\nfinished 1\\n")
assert hpsearch._SUMMARY_PARSER_HANDLE(".", 0) == hpsearch._get_performance_summary(".", 0) == {
    "acc": ["1e-05"], "finished": ["1"]}
parser = argparse.ArgumentParser()
hpsearch.hpsearch_cli_arguments(parser.add_argument_group("search"), show_num_searches=False, dout_dir="./mine")
args = parser.parse_args(["--num_hours=3"])
assert args.out_dir == "./mine" and not hasattr(args, "num_searches")
assert args.resources == '"rusage[mem=8000, ngpus_excl_p=1]"'
name = hpsearch._write_slurm_script(args, "python3 train.py", "sim_1")
assert open(name).read() == (
    "#!/bin/bash\\n#SBATCH --job-name sim_1\\n#SBATCH --output sim_1_%j.out\\n#SBATCH --error sim_1_%j.err\\n"
    "#SBATCH --time 3:00:00\\n#SBATCH --mem 8G\\n#SBATCH --gres gpu:1\\npython3 train.py\\n")
try:
    hpsearch._nonsense
except AttributeError as error:
    print(error)
"""
    result = project.command([sys.executable, "-c", code])
    assert result.exit_status == 0, result.stderr
    assert result.stdout == "module 'hpsearch.hpsearch' has no attribute '_nonsense'\n"


def test_a_resumed_search_takes_new_limits_and_keeps_its_own_options(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "sleep": [0.3]})
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: (folder / "search_results.csv").exists(), "the start")
    controller.kill()
    controller.communicate()
    result = project.run(f"--resume={folder}", "--num_cpu_jobs=3")
    assert result.exit_status == 0, result.stderr
    assert len(rows(folder)) == 3


def test_a_moved_search_is_resumed_where_it_lies_now(project: Project) -> None:
    project.grid({"x": [1, 2]}, script="#!/bin/sh\nexit 1\n")
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    (project.path / "out").rename(project.path / "moved")
    project.grid({"x": [1, 2]})
    result = project.run("--resume=moved")
    assert result.exit_status == 0, result.stderr
    assert len(run_folders(project.path / "moved")) == 2
    assert not (project.path / "out").exists()


def out_dirs(folder: Path) -> list[str]:
    return sorted(row["out_dir"] for row in rows(folder))


def test_a_moved_search_stays_where_it_lies_now_at_every_later_resume(project: Project) -> None:
    project.grid({"x": [1, 2]}, script=SCRIPT.replace("set -eu\n", 'set -eu\n[ "$1" = --x=1 ]\n'))
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    moved = project.path / "moved"
    (project.path / "out").rename(moved)
    project.grid({"x": [1, 2]})
    places = [str(folder) for folder in run_folders(moved)]
    for _ in range(2):
        assert project.run("--resume=moved").exit_status == 0
        places = [str(folder) for folder in run_folders(moved)]
        assert out_dirs(moved) == places
        assert [command["out_dir"] for command in load(moved / "commands.pickle")] == places  # type: ignore[attr-defined]
        assert (moved / ".hpsearch" / "journal.jsonl").read_text().count('"search_moved"') == 1
    assert project.ask("retry", "moved", "--run=1").exit_status == 0
    assert out_dirs(moved) == places
    assert not (project.path / "out").exists()


def test_a_copy_of_a_moved_search_is_known_as_such(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600]})
    first = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a live run")
    first.kill()
    first.communicate()
    (project.path / "out").rename(project.path / "moved")
    second = project.start("--resume=moved")
    wait_until(lambda: journal_has(project.path / "moved", "controller", 2), "the second controller")
    second.kill()
    second.communicate()
    shutil.copytree(project.path / "moved", project.path / "copy")
    try:
        result = project.run("--resume=copy")
        assert (result.exit_status, "copy is a copy of" in result.stderr) == (2, True), result.stderr
    finally:
        assert project.ask("cancel", "moved").exit_status == 0


def test_a_search_that_the_system_stops_says_how_to_go_on(project: Project) -> None:
    spoils = "rm -r out/.hpsearch/exits\n: >out/.hpsearch/exits\n"
    project.grid({"x": [1]}, script=SCRIPT + spoils)
    result = project.run("--out_dir=out", "--force_out_dir")
    assert (result.exit_status, "--resume" in result.stderr.splitlines()[-1]) == (1, True), result.stderr


def test_a_single_run_is_not_spoken_of_as_several(project: Project) -> None:
    project.grid({"x": [1]}, conditions=[({"x": [1]}, {"y": [2]})])
    message = project.search().stderr
    assert ("grid: 1 configuration in" in message, "changed y in 1 of 1 configuration\n" in message) == (True, True)
    assert "1 run: 1 finished (" in message
