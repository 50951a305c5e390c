"""Postprocessing from the command line: our own searches in any state, and folders of the older tool."""

from __future__ import annotations

import argparse
import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from older_tool import OlderSearch
from project import ROOT, Project, Result, journal_events, load, rows, run_folders, wait_until

EVAL_HANDLE = """
def judge(summary, criterion):
    return float(summary["acc"][0]) >= criterion
_PERFORMANCE_EVAL_HANDLE = judge
"""
#: Leaves no summary for x=2, and a torn one for x=3.
FAILING_SCRIPT = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
x = options["x"]
if x == "2":
    sys.exit("it went wrong")
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc 1" if x == "3" else "acc %s\\nfinished 1\\n" % x)
"""


#: Does not finish; the run with x=2 waits while there is a file `wait`.
UNFINISHED_SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
while options["x"] == "2" and os.path.exists("wait"):
    open("waits", "w").close()
    time.sleep(0.05)
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc 1\\nfinished 0\\n")
"""


def postprocess(project: Project, *options: str) -> Result:
    return project.command([sys.executable, "-m", "hpsearch.hpsearch_postprocessing", *options])


def done(project: Project, *options: str) -> Result:
    """Postprocess with success."""
    result = postprocess(project, *options)
    assert result.exit_status == 0, result.stderr
    return result


def search(project: Project, grid: dict[str, list[object]], *options: str, script: str | None = None) -> Path:
    """Run a search into the folder `out`, whose runs may fail."""
    more = {} if script is None else {"script": script}
    project.grid(grid, more=EVAL_HANDLE, **more)  # type: ignore[arg-type]
    project.run("--out_dir=out", "--force_out_dir", "--deterministic_search", *options)
    return project.path / "out"


def jobs(folder: Path, which: str) -> list[dict[str, object]]:
    return load(folder / f"postprocessing_{which}_jobs.pickle")  # type: ignore[return-value]


def counts(folder: Path) -> tuple[int, int, int]:
    return tuple(len(jobs(folder, which)) for which in ("finished", "unfinished", "missing"))  # type: ignore[return-value]


def tree(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder with their contents."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def set_apart(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "TO_BE_DELETED").iterdir())


@pytest.fixture
def older(project: Project) -> OlderSearch:
    """A folder of the older tool with three finished runs, one that failed and one that never started."""
    older = OlderSearch(project.path / "older")
    for acc, lr in (("99.04", 0.1), ("108.04", 1e-05), ("9.5", 0.2)):
        older.run({"lr": lr, "hidden": '"400,400"', "name": "a b", "flag": True}, f"acc {acc}\nfinished 1\n")
    older.run({"lr": 3, "hidden": '"400,400"', "name": "a b", "flag": False})
    older.run({"lr": 4, "hidden": '"400,400"', "name": "a b", "flag": False}, folder=False)
    older.write_commands()
    return older


def test_an_ended_search_gets_table_and_pickles(project: Project) -> None:
    folder = search(project, {"x": [1, 2, 3, 4]}, script=FAILING_SCRIPT)
    result = done(project, "out")
    assert result.stdout == f"{folder / 'postprocessing_results.csv'}\n"
    table = (folder / "postprocessing_results.csv").read_text()
    assert table == (folder / "search_results.csv").read_text()
    assert [job["x"] for job in jobs(folder, "finished")] == [1, 4]
    assert [job["x"] for job in jobs(folder, "unfinished")] == [2, 3]
    assert jobs(folder, "missing") == []
    commands = load(folder / "commands.pickle")
    assert jobs(folder, "finished") == [commands[0], commands[3]]  # type: ignore[index]


def test_the_state_of_the_search_is_never_changed(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    before = tree(folder / ".hpsearch")
    done(project, "out", "--performance_criteria=5")
    done(project, "out", "--undo")
    assert tree(folder / ".hpsearch") == before


def test_earlier_results_are_renamed_with_a_time_stamp(project: Project) -> None:
    folder = search(project, {"x": [1]})
    done(project, "out")
    (folder / "postprocessing_results.csv").write_text("earlier")
    done(project, "out")
    kept = [path for path in folder.glob("postprocessing_results_20*.csv*") if path.read_text() == "earlier"]
    assert len(kept) == 1
    assert len(list(folder.glob("postprocessing_missing_jobs_20*.pickle*"))) == 1


def test_a_killed_search_gets_the_rows_that_its_table_lacks(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "sleep": [0, 0.5]})
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir", "--num_cpu_jobs=6")
    wait_until(lambda: len(list(folder.glob("sim_*"))) == 6, "all runs")
    controller.kill()
    controller.communicate()
    exits = folder / ".hpsearch" / "exits"
    wait_until(lambda: len(list(folder.glob("sim_*/summary.txt"))) == 6, "the summaries")
    wait_until(lambda: all(path.read_text().endswith("\n") for path in exits.iterdir()), "the ends")
    before = (folder / "search_results.csv").read_text().splitlines()
    journal = tree(folder / ".hpsearch")[f"{'journal.jsonl'}"]
    done(project, "out")
    table = rows(folder)
    assert [row["acc"] for row in table] == ["3", "3", "2", "2", "1", "1"]
    assert set(before) <= set((folder / "search_results.csv").read_text().splitlines())
    assert counts(folder) == (6, 0, 0)
    assert tree(folder / ".hpsearch")["journal.jsonl"] == journal
    # The logs of runs that ended unseen lie where those of all others do.
    assert all((run / f"job_{run.name}.out").read_text().startswith("x is") for run in run_folders(folder))
    assert project.run("--resume=out").exit_status == 0
    assert len(rows(folder)) == 6


def test_a_live_search_goes_on_undisturbed(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "sleep": [0, 60]}, more=EVAL_HANDLE)
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir", "--num_cpu_jobs=6")
    wait_until(lambda: (folder / "search_results.csv").exists() and len(rows(folder)) == 3, "three results")
    wait_until(lambda: len(list(folder.glob("sim_*"))) == 6, "all runs")
    log = folder / ".hpsearch" / "controller.log"
    wait_until(lambda: log.read_text().count(" finished after ") == 3, "three lines in the log")
    before = tree(folder / ".hpsearch"), (folder / "search_results.csv").read_bytes()
    result = done(project, "out", "--performance_criteria=3")
    after = tree(folder / ".hpsearch"), (folder / "search_results.csv").read_bytes()
    # The controller's heart beats in its lock file meanwhile.
    assert before[0].pop("lock") and after[0].pop("lock")
    assert after == before
    assert "the search is running (process" in result.stderr
    assert result.stderr.count("  run ") == 6  # three unfinished ones, which are the three that stay
    assert len(set_apart(folder)) == 2
    assert counts(folder) == (3, 3, 0)
    controller.terminate()
    controller.communicate()


def test_a_half_copied_search_keeps_what_its_journal_and_table_know(project: Project) -> None:
    folder = search(project, {"x": [1, 2, 3, 4]}, script=FAILING_SCRIPT)
    copy = project.path / "copy"
    shutil.copytree(folder, copy)
    for path in run_folders(copy)[:3]:
        shutil.rmtree(path)
    journal = copy / ".hpsearch" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    done(project, "copy")
    assert [row["acc"] for row in rows(copy, "postprocessing_results.csv")] == ["4", "1"]
    assert counts(copy) == (2, 0, 2)


def test_rows_that_are_in_the_table_are_never_lost(project: Project) -> None:
    folder = search(project, {"x": [1, 2]})
    table = folder / "search_results.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], "77;;5;1", "8;./elsewhere/sim_20200101000000_1;3;1", lines[1]]) + "\n")
    done(project, "out")
    accs = ["5", "3", "2", "1"]
    assert [row["acc"] for row in rows(folder)] == accs
    assert [row["acc"] for row in rows(folder, "postprocessing_results.csv")] == accs


def test_a_damaged_journal_is_told_and_nothing_is_moved(project: Project) -> None:
    folder = search(project, {"x": [1, 2]})
    journal = folder / ".hpsearch" / "journal.jsonl"
    journal.write_bytes(b"nonsense\n" + journal.read_bytes())
    result = done(project, "out", "--performance_criteria=100")
    assert "journal.jsonl, line 1: damaged" in result.stderr
    assert counts(folder) == (2, 0, 0)
    assert not (folder / "TO_BE_DELETED").exists()


def test_a_search_that_was_moved_is_found_where_it_lies(project: Project) -> None:
    search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    (project.path / "out").rename(project.path / "moved")
    (project.path / "config.py").unlink()
    done(project, "moved", "--performance_criteria=0")
    assert counts(project.path / "moved") == (1, 1, 0)
    assert len(set_apart(project.path / "moved")) == 1


def test_a_folder_of_the_older_tool_is_read(project: Project, older: OlderSearch) -> None:
    done(project, "older")
    assert counts(older.path) == (3, 1, 1)
    assert jobs(older.path, "finished") == older.commands[:3]
    table = rows(older.path, "postprocessing_results.csv")
    assert list(table[0]) == ["lr", "hidden", "name", "flag", "out_dir", "acc", "finished"]
    assert table[0] == {
        "lr": "1e-05",
        "hidden": '"400,400"',
        "name": "a b",
        "flag": "True",
        "out_dir": f"{older.recorded}/sim_20210304050607_01",
        "acc": "108.04",
        "finished": "1",
    }
    assert rows(older.path) == table


def test_fault_18_numbers_are_sorted_as_numbers(project: Project, older: OlderSearch) -> None:
    done(project, "older")
    assert [row["acc"] for row in rows(older.path, "postprocessing_results.csv")] == ["108.04", "99.04", "9.5"]


def test_ascending_order_is_asked_for_by_the_module(project: Project, older: OlderSearch) -> None:
    module = older.path / "hpsearch_config.py"
    module.write_text(module.read_text() + "_PERFORMANCE_SORT_ASC = True\n")
    done(project, "older")
    assert [row["acc"] for row in rows(older.path, "postprocessing_results.csv")] == ["9.5", "99.04", "108.04"]


AWKWARD = ["a b", 'say "x" twice', "'q'", "a;b", "line\nbreak\n", "$HOME", '"400,400"', "100%", "back\\slash", ""]


@pytest.mark.parametrize("value", AWKWARD)
def test_fault_18_texts_with_blanks_and_quotes_are_read_back(project: Project, value: str) -> None:
    folder = search(project, {"x": [1], "s": [value]})
    shutil.rmtree(folder / ".hpsearch")
    for name in ("commands.pickle", "search_results.csv"):
        (folder / name).unlink()
    done(project, "out")
    (job,) = jobs(folder, "finished")
    told = value.strip('"') if value == '"400,400"' else value
    assert (job["x"], job["s"]) == (1, told)
    assert [row["s"] for row in rows(folder)] == [told]


def test_fault_18_the_users_own_folders_stay(project: Project, older: OlderSearch) -> None:
    own = ["sim_notes", "my_plots", "sim_20990101000000_1", "results.old"]
    for name in own:
        (older.path / name).mkdir()
        (older.path / name / "notes.txt").write_text("mine")
    done(project, "older", "--performance_criteria=1000")
    assert all((older.path / name / "notes.txt").read_text() == "mine" for name in own)
    assert set_apart(older.path) == [f"sim_20210304050607_{k:02d}" for k in range(4)]


def test_fault_18_a_run_of_another_search_that_lies_here_stays(project: Project) -> None:
    folder = search(project, {"x": [1, 2]})
    other = OlderSearch(project.path / "other")
    foreign = other.run({"x": 9}, "acc 1\nfinished 1\n")
    shutil.copytree(foreign, folder / foreign.name)
    result = done(project, "out", "--performance_criteria=1000")
    assert len(set_apart(folder)) == 2
    assert (folder / foreign.name).is_dir()
    assert "the search does not know" in result.stderr


def test_fault_12_neither_config_pickle_nor_argparse_handle_is_needed(project: Project, older: OlderSearch) -> None:
    assert not list(older.path.rglob("config.pickle"))
    assert "_ARGPARSE_HANDLE" not in (older.path / "hpsearch_config.py").read_text()
    done(project, "older", "--performance_criteria=50")
    assert set_apart(older.path) == ["sim_20210304050607_02", "sim_20210304050607_03"]


def test_fault_11_a_pickle_that_wants_to_run_code_is_not_trusted(project: Project, older: OlderSearch) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {project.path}/executed",)

    (older.path / "commands.pickle").write_bytes(pickle.dumps([Hostile()]))
    result = done(project, "older")
    assert not (project.path / "executed").exists()
    assert "commands.pickle: cannot be used (it holds an object of the class posix.system)" in result.stderr
    assert counts(older.path) == (3, 1, 0)


@pytest.mark.parametrize("damage", [b"", b"nonsense", pickle.dumps({"a": 1}), pickle.dumps([{"lr": 1}])])
def test_a_damaged_commands_pickle_is_made_up_for_by_the_folders(
    project: Project, older: OlderSearch, damage: bytes
) -> None:
    (older.path / "commands.pickle").write_bytes(damage)
    result = done(project, "older")
    assert "commands.pickle: cannot be used" in result.stderr
    assert counts(older.path) == (3, 1, 0)
    assert [(row["name"], row["acc"]) for row in rows(older.path)] == [("a b", a) for a in ("108.04", "99.04", "9.5")]


def test_a_run_that_is_not_in_commands_pickle_is_found_by_its_own_files(project: Project, older: OlderSearch) -> None:
    older.run({"lr": 5, "name": "by command"}, "acc 1\nfinished 1\n")
    older.run({"lr": 6, "name": "by config"}, "acc 2\nfinished 1\n", command=False, config=True)
    done(project, "older")
    by_name = {job["name"]: job for job in jobs(older.path, "finished")}
    assert by_name["by command"] == {
        "lr": 5,
        "name": "by command",
        "flag": False,
        "out_dir": f"{older.recorded}/sim_20210304050607_05",
    }
    assert by_name["by config"]["lr"] == 6


def test_a_config_pickle_with_other_classes_is_named(project: Project, older: OlderSearch) -> None:
    folder = older.run({"lr": 6}, "acc 2\nfinished 1\n", command=False)
    content = argparse.Namespace(out_dir=folder.name, device=Path("x"))
    (folder / "config.pickle").write_bytes(pickle.dumps(content))
    result = done(project, "older")
    assert "config.pickle: cannot be used (it holds an object of the class pathlib" in result.stderr
    assert [row["acc"] for row in rows(older.path)] == ["108.04", "99.04", "9.5", "2"]


def test_an_absolute_folder_that_no_longer_exists_does_not_matter(project: Project) -> None:
    older = OlderSearch(project.path / "older", recorded="/scratch/gone/search_1")
    older.run({"lr": 1}, "acc 1\nfinished 1\n")
    older.write_commands()
    done(project, "older")
    assert [row["out_dir"] for row in rows(older.path)] == ["/scratch/gone/search_1/sim_20210304050607_00"]


def test_the_folder_may_be_given_relative_to_run_cwd(project: Project, older: OlderSearch) -> None:
    work = project.path / "work"
    work.mkdir()
    shutil.move(older.path, work / "older")
    result = done(project, "older", "--run_cwd=work")
    assert result.stdout == f"{work / 'older' / 'postprocessing_results.csv'}\n"


def test_old_rows_whose_runs_are_gone_stay_in_the_tables(project: Project, older: OlderSearch) -> None:
    gone = {"lr": "7", "out_dir": f"{older.recorded}/sim_20210304050607_77", "acc": "1000", "finished": "1"}
    older.write_table([gone])
    done(project, "older")
    assert [row["acc"] for row in rows(older.path)] == ["1000", "108.04", "99.04", "9.5"]
    assert {"lr": 7, "out_dir": gone["out_dir"]} in jobs(older.path, "finished")


def test_bad_runs_are_moved_and_moved_back(project: Project, older: OlderSearch) -> None:
    before = {path.name: tree(path) for path in run_folders(older.path)}
    result = done(project, "older", "--performance_criteria=50")
    assert "moved to" in result.stderr
    assert "(1 below the criterion, 1 without a readable summary)" in result.stderr
    assert set_apart(older.path) == ["sim_20210304050607_02", "sim_20210304050607_03"]
    done(project, "older", "--undo")
    assert {path.name: tree(path) for path in run_folders(older.path)} == before
    assert not (older.path / "TO_BE_DELETED").exists()


def test_runs_that_were_moved_away_stay_in_the_table(project: Project, older: OlderSearch) -> None:
    done(project, "older", "--performance_criteria=100")
    done(project, "older")
    assert counts(older.path) == (3, 1, 1)
    assert [row["acc"] for row in rows(older.path, "postprocessing_results.csv")] == ["108.04", "99.04", "9.5"]


def test_a_newer_folder_of_a_run_is_not_overwritten_by_undo(project: Project, older: OlderSearch) -> None:
    done(project, "older", "--performance_criteria=100")
    newer = older.path / "sim_20210304050607_02"
    newer.mkdir()
    result = postprocess(project, "older", "--undo")
    assert result.exit_status == 1
    assert "sim_20210304050607_02 stays: the run has a newer folder" in result.stderr
    assert list(newer.iterdir()) == []
    assert set_apart(older.path) == ["sim_20210304050607_02"]


def test_an_error_of_the_users_function_concerns_its_run_only(project: Project, older: OlderSearch) -> None:
    module = older.path / "hpsearch_config.py"
    module.write_text(
        module.read_text() + "_PERFORMANCE_EVAL_HANDLE = lambda s, c: 1 / (float(s['acc'][0]) != 9.5) > 2\n"
    )
    result = postprocess(project, "older", "--performance_criteria=1")
    assert result.exit_status == 1
    assert "run 2 (sim_20210304050607_02) stays: _PERFORMANCE_EVAL_HANDLE: ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    assert set_apart(older.path) == [f"sim_20210304050607_{k:02d}" for k in (0, 1, 3)]


def test_a_function_that_forgets_to_answer_moves_nothing(project: Project, older: OlderSearch) -> None:
    module = older.path / "hpsearch_config.py"
    module.write_text(module.read_text() + "_PERFORMANCE_EVAL_HANDLE = lambda s, c: print('noise')\n")
    result = postprocess(project, "older", "--performance_criteria=1")
    assert result.exit_status == 1
    assert "returned None; expected True (keep) or False" in result.stderr
    assert "noise" not in result.stdout
    assert set_apart(older.path) == ["sim_20210304050607_03"]


def test_the_criterion_needs_the_users_function(project: Project, older: OlderSearch) -> None:
    module = older.path / "hpsearch_config.py"
    module.write_text(module.read_text() + "_PERFORMANCE_EVAL_HANDLE = None\n")
    before = tree(older.path)
    result = postprocess(project, "older", "--performance_criteria=1")
    assert result.exit_status == 2
    assert "hpsearch_config.py: _PERFORMANCE_EVAL_HANDLE is missing" in result.stderr
    assert tree(older.path) == before


def test_the_users_own_parser_reads_the_summaries(project: Project, older: OlderSearch) -> None:
    module = older.path / "hpsearch_config.py"
    parser = "def parse(out_dir, cmd_ident):\n    text = open(out_dir + '/performance_overview.txt').read()\n"
    module.write_text(
        module.read_text() + parser + "    return {'acc': [float(text.split()[1]) * 2], 'finished': 1}\n"
        "_SUMMARY_PARSER_HANDLE = parse\n"
    )
    done(project, "older")
    assert [row["acc"] for row in rows(older.path)] == ["216.08", "198.08", "19.0"]
    assert counts(older.path) == (3, 1, 1)


def test_the_grid_module_can_be_named(project: Project, older: OlderSearch) -> None:
    text = (older.path / "hpsearch_config.py").read_text().replace('"acc", "finished"', '"finished"')
    project.write("sims/mine.py", text.replace('KEY = "acc"', 'KEY = "finished"'))
    done(project, "older", "--grid_module=sims.mine")
    assert list(rows(older.path)[0]) == ["lr", "hidden", "name", "flag", "out_dir", "finished"]


def test_without_any_grid_module_the_remedy_is_named(project: Project, older: OlderSearch) -> None:
    (older.path / "hpsearch_config.py").unlink()
    result = postprocess(project, "older")
    assert (result.exit_status, result.stdout) == (2, "")
    assert "name the module with --grid_module=MODULE" in result.stderr


def test_several_copies_of_grid_modules_are_told_apart_by_the_user(project: Project, older: OlderSearch) -> None:
    shutil.copy(older.path / "hpsearch_config.py", older.path / "hpsearch_config2.py")
    assert "as in --grid_module=hpsearch_config" in postprocess(project, "older").stderr
    done(project, "older", "--grid_module=hpsearch_config")


def test_reading_a_copy_leaves_no_compiled_file(project: Project, older: OlderSearch) -> None:
    project.environment["PYTHONDONTWRITEBYTECODE"] = ""
    done(project, "older")
    assert not (older.path / "__pycache__").exists()


@pytest.mark.parametrize("place", ["older", ".", "logs", "work", "work/logs"])
def test_stray_cluster_logs_come_into_their_runs_folder(project: Project, older: OlderSearch, place: str) -> None:
    run = run_folders(older.path)[0]
    (project.path / "work").mkdir()
    (project.path / place).mkdir(exist_ok=True, parents=True)
    names = [f"{run.name}_1234.out", f"{run.name}_1234.err", f"{run.name}_script.sh", f"job_{run.name}.77.out"]
    for name in names:
        (project.path / place / name).write_text(name)
    others = ["sim_20990101000000_1_5.out", f"{run.name}_notes.txt", "train.out", f"{run.name}.batch.a8b6cdf9.out"]
    for name in others:
        (project.path / place / name).write_text("stays")
    done(project, str(older.path), "--run_cwd=work")
    assert {name: (run / name).read_text() for name in names} == {name: name for name in names}
    assert all((project.path / place / name).read_text() == "stays" for name in others)


def test_a_log_does_not_replace_one_that_is_there(project: Project, older: OlderSearch) -> None:
    run = run_folders(older.path)[0]
    (run / f"{run.name}_1.out").write_text("first")
    (older.path / f"{run.name}_1.out").write_text("second")
    done(project, "older")
    assert sorted(path.read_text() for path in run.glob("*_1.out*")) == ["first", "second"]


def test_a_log_of_a_run_without_folder_stays(project: Project, older: OlderSearch) -> None:
    log = older.path / "sim_20210304050607_04_9.out"
    log.write_text("why")
    done(project, "older")
    assert log.read_text() == "why"
    assert counts(older.path) == (3, 1, 1)


def test_a_run_of_the_older_tool_that_is_live_here_stays(project: Project, older: OlderSearch) -> None:
    elsewhere = project.path / "elsewhere"
    elsewhere.mkdir()
    waiting = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen([*waiting, "--out_dir=older/sim_20210304050607_03"], cwd=project.path, stdin=subprocess.PIPE),
        subprocess.Popen([*waiting, "--out_dir=older/sim_20210304050607_02"], cwd=elsewhere, stdin=subprocess.PIPE),
    ):
        result = done(project, "older", "--performance_criteria=1000")
    assert "may be live" in result.stderr
    assert set_apart(older.path) == [f"sim_20210304050607_{k:02d}" for k in range(3)]


def left_on_slurm(folder: Path) -> str:
    """Turn the journal of a search of two runs into one that was killed while run 2 was a job; return its token."""
    journal = folder / ".hpsearch" / "journal.jsonl"
    events = journal_events(folder)
    known = [event for event in events if event.get("run") != 2 or event["event"] not in ("ended", "collected")]
    for event in known:
        if event["event"] == "submitted":
            event.update(id="4711", is_queued=True)
        elif event["event"] == "search":
            event["settings"]["options"].update(run_cluster=True, scheduler="slurm")
    journal.write_text("".join(json.dumps(event) + "\n" for event in known))
    return next(event["token"] for event in reversed(known) if event.get("run") == 2 and "token" in event)


def test_a_job_of_which_nobody_knows_whether_it_lives_stays(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    log = folder / ".hpsearch" / "logs" / f"{left_on_slurm(folder)}.out"
    log.write_text("so far")
    result = done(project, "out", "--performance_criteria=1000")
    assert [name[-2:] for name in set_apart(folder)] == ["_1"]
    assert "stay, because they may be live" in result.stderr
    assert log.read_text() == "so far"


def test_a_run_that_may_have_been_submitted_to_a_scheduler_stays(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    journal = folder / ".hpsearch" / "journal.jsonl"
    events = journal_events(folder)
    controller = next(event for event in events if event["event"] == "controller")
    resumed = controller | {"options": controller["options"] | {"run_cluster": True}}
    intended = {"event": "intended", "run": 2, "token": "sim_2.2.abcdef", "at": controller["at"]}
    journal.write_text("".join(json.dumps(event) + "\n" for event in [*events, resumed, intended]))
    result = done(project, "out", "--performance_criteria=1000")
    assert [name[-2:] for name in set_apart(folder)] == ["_1"]
    assert "stay, because they may be live" in result.stderr


def test_a_report_that_lsf_wrote_late_comes_into_its_runs_folder(project: Project) -> None:
    folder = search(project, {"x": [1]})
    (token,) = (event["token"] for event in journal_events(folder, "intended"))
    (folder / ".hpsearch" / "logs" / f"{token}.lsf").write_text("Successfully completed.")
    done(project, "out")
    (run,) = run_folders(folder)
    assert (run / f"job_{run.name}.lsf").read_text() == "Successfully completed."


def test_a_run_that_a_resumed_search_will_start_at_any_moment_stays(project: Project) -> None:
    folder = search(project, {"x": [1, 2, 3, 4]}, script=UNFINISHED_SCRIPT)
    project.write("wait", "")
    controller = project.start("--resume=out")
    wait_until(lambda: (project.path / "waits").exists(), "the second run")
    result = done(project, "out", "--performance_criteria=1000")
    (project.path / "wait").unlink()
    controller.communicate()
    assert [name[-2:] for name in set_apart(folder)] == ["_1"], result.stderr


def test_what_concerns_several_runs_is_no_log_of_the_first(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    left_on_slurm(folder)
    batch = folder / ".hpsearch" / "logs" / f"{run_folders(folder)[0].name}.batch.0123abcd.out"
    batch.write_text("said before any run began")
    done(project, "out")
    assert batch.read_text() == "said before any run began"


@pytest.mark.parametrize("job", ["4711@cluster", "queue@cluster"])
def test_an_at_sign_in_a_schedulers_id_makes_no_process_of_it(project: Project, job: str) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    left_on_slurm(folder)
    journal = folder / ".hpsearch" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"4711"', json.dumps(job)))
    result = done(project, "out", "--performance_criteria=1000")
    assert "stay, because they may be live" in result.stderr


def test_a_job_that_left_its_exit_status_is_over_and_gets_its_logs(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    token = left_on_slurm(folder)
    (folder / ".hpsearch" / "logs" / f"{token}.out").write_text("to the end")
    (folder / ".hpsearch" / "exits" / token).write_text("1\n")
    done(project, "out")
    run = run_folders(folder)[1]
    assert (run / f"{run.name}_4711.out").read_text() == "to the end"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere: there is no such folder"),
        (["."], "not a search folder"),
        (["older", "--run_cwd=nowhere"], "--run_cwd=nowhere: there is no such folder"),
        (["older", "--performance_criteria=much"], "expected a number, found 'much'"),
        (["older", "--performance_criteria=nan"], "expected a number, found 'nan'"),
        (["older", "--performance_criteria=1", "--undo"], "not allowed with argument"),
        (["older", "--grid_module=nothing"], "--grid_module=nothing: there is no module 'nothing'"),
        ([], "the following arguments are required: OUT_DIR"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_written(
    project: Project, older: OlderSearch, options: list[str], message: str
) -> None:
    before = tree(older.path)
    result = postprocess(project, *options)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert tree(older.path) == before


def test_a_folder_without_any_run_is_no_search_folder(project: Project) -> None:
    project.grid({"x": [1]})
    project.search()
    newest = next((project.path / "out" / "hyperparam_search").iterdir())
    result = postprocess(project, "out/hyperparam_search")
    assert result.exit_status == 2
    assert (
        f"out/hyperparam_search: not a search folder itself; did you mean {newest.relative_to(project.path)}?\n"
        in result.stderr
    )


def test_a_folder_of_which_nothing_can_be_used_says_why(project: Project, older: OlderSearch) -> None:
    for path in run_folders(older.path):
        shutil.rmtree(path)
    (older.path / "commands.pickle").write_bytes(b"nonsense")
    result = postprocess(project, "older")
    assert (result.exit_status, result.stdout) == (2, "")
    assert "commands.pickle: cannot be used (" in result.stderr


def test_help_has_an_example_and_imports_nothing_heavy(project: Project) -> None:
    result = done(project, "--help")
    assert "--performance_criteria=90" in result.stdout
    code = (
        "import sys\nfrom hpsearch import hpsearch_postprocessing\n"
        "hpsearch_postprocessing.run([sys.argv[1]])\n"
        "sys.exit(str({'numpy', 'pandas', 'GPUtil', 'bsub'} & set(sys.modules) or '') or 0)\n"
    )
    search(project, {"x": [1]})
    assert project.command([sys.executable, "-c", code, "out"]).exit_status == 0


def test_it_starts_as_a_subcommand_and_in_place(project: Project, older: OlderSearch) -> None:
    expected = f"{older.path / 'postprocessing_results.csv'}\n"
    assert project.command([sys.executable, "-m", "hpsearch", "postprocess", "older"]).stdout == expected
    script = [sys.executable, "hpsearch_postprocessing.py", str(older.path)]
    project.environment["PYTHONPATH"] = ""
    assert project.command(script, cwd=ROOT / "hpsearch").stdout == expected


def test_the_function_returns_the_path(project: Project, older: OlderSearch) -> None:
    code = "from hpsearch import hpsearch_postprocessing as p; print(p.run(['older']))"
    result = project.command([sys.executable, "-c", code])
    assert result.stdout.splitlines()[-1] == str(older.path / "postprocessing_results.csv")


def test_a_flag_that_is_off_is_known_where_only_commands_tell_of_runs(project: Project, older: OlderSearch) -> None:
    (older.path / "commands.pickle").unlink()
    done(project, "older")
    assert [job["flag"] for job in jobs(older.path, "finished")] == [True] * 3
    assert [job["flag"] for job in jobs(older.path, "unfinished")] == [False]


@pytest.mark.parametrize("cut", range(1, 60, 4))
def test_a_table_that_breaks_off_is_made_whole_again(project: Project, cut: int) -> None:
    name = "sim_20210304050607_00"
    folder = project.path / "out"
    whole = f"x;out_dir;acc;finished\n3;./out/{name[:-1]}9;5.25;1\n7;./out/{name};0.125;1\n"
    older = OlderSearch(folder, recorded="./out")
    older.run({"x": 7}, "acc 0.125\nfinished 1\n")
    older.write_commands()
    (folder / "search_results.csv").write_text(whole[:-cut])
    done(project, "out")
    table = (folder / "search_results.csv").read_text()
    assert table.splitlines()[-1] == whole.splitlines()[-1]
    assert all(line in whole for line in table.splitlines() if cut < 40)


def test_runs_of_the_older_tool_to_which_a_search_was_added_are_judged_too(
    project: Project, older: OlderSearch
) -> None:
    project.grid({"lr": [1, 200]}, script=SCRIPT_WITH_LR, more=EVAL_HANDLE)
    project.search("--out_dir=older", "--force_out_dir", "--dont_force_new_dir")
    done(project, "older", "--grid_module=hpsearch_config")
    result = done(project, "older", "--performance_criteria=50")
    assert counts(older.path) == (5, 1, 1)
    assert "(2 below the criterion, 1 without a readable summary)" in result.stderr


SCRIPT_WITH_LR = """\
import os, sys
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc %s\\nfinished 1\\n" % options["lr"])
"""


def test_a_copy_that_the_user_made_of_a_run_is_no_second_run(project: Project, older: OlderSearch) -> None:
    run = run_folders(older.path)[0]
    shutil.copytree(run, older.path / f"{run.name}_copy")
    result = done(project, "older", "--performance_criteria=1000")
    assert counts(older.path) == (3, 1, 1)
    assert (older.path / f"{run.name}_copy").is_dir()
    assert f"left alone: {run.name}_copy" in result.stderr


def test_a_run_that_only_its_summary_tells_of_has_a_row_and_stays(project: Project, older: OlderSearch) -> None:
    (older.path / "commands.pickle").unlink()
    run = run_folders(older.path)[0]
    (run / "hpsearch_command.sh").unlink()
    done(project, "older", "--performance_criteria=1000")
    assert [row["acc"] for row in rows(older.path, "postprocessing_results.csv")] == ["108.04", "99.04", "9.5"]
    assert run.is_dir()


def test_a_run_that_was_moved_away_and_run_again_counts_once(project: Project) -> None:
    folder = search(project, {"x": [1, 2]}, script=FAILING_SCRIPT)
    for _ in range(2):
        done(project, "out", "--performance_criteria=0")
        project.run("--resume=out")
    done(project, "out", "--performance_criteria=0")
    assert counts(folder) == (1, 1, 0)
    name = next(path.name for path in run_folders(folder))[:-1] + "2"
    assert set_apart(folder) == [name, f"{name}.2", f"{name}.3"]
