"""`hpsearch reproduce`: a run is executed again with the code it ran with, whatever the working tree has by now."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import pytest
from project import Project, Result, wait_until
from repository import commit_all, git

#: Its results depend on a module, on data that git ignores, and on a file that git does not know.
SCRIPT = """\
import os, sys, time
import model
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc %s\\nloss %s\\nfinished 1\\n" % (model.ACC, open("data/x.txt").read()))
print("live", flush=True)
while os.path.exists("data/wait"):
    time.sleep(0.02)
"""
SEARCH = ("--out_dir=out", "--force_out_dir")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    project.environment["TMPDIR"] = str(tmp_path / "temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.fixture
def code(project: Project) -> Path:
    """A repository with a change that is not committed."""
    project.grid({"x": [1]}, script=SCRIPT, keywords=("acc", "loss", "finished"))
    project.write("model.py", "ACC = 1")
    project.write("data/x.txt", "0.50")
    project.write(".gitignore", "data/\nout/\n")
    commit_all(project.path)
    project.write("model.py", "ACC = 2")
    return project.path


def reproduce(project: Project, *words: str) -> Result:
    return project.ask("reproduce", "out", "1", *words)


@pytest.mark.parametrize("option", ["", "--snapshot"])
def test_a_run_is_repeated_with_its_own_code(project: Project, code: Path, temporary: Path, option: str) -> None:
    project.search(*SEARCH, *filter(None, [option]))
    project.write("model.py", "raise SystemExit('this is not finished')")
    project.write("data/x.txt", "5e-1")
    result = reproduce(project)
    assert (result.exit_status, result.stdout.splitlines()) == (
        0,
        [
            "keyword   run 1  again",
            "acc       2      2",
            "loss      0.50   5e-1",
            "finished  1      1",
            "equal: run 1 gave the same 3 values again",
        ],
    ), result.stderr
    assert (list(temporary.iterdir()), git(code, "worktree", "list").count("\n")) == ([], 0)
    assert git(code, "status", "--porcelain", "model.py") == "M model.py"


def test_what_differs_is_named_and_kept(project: Project, code: Path) -> None:
    project.search(*SEARCH)
    project.write("data/x.txt", "0.6")
    result = reproduce(project, "--out_dir=again")
    assert (result.exit_status, result.stdout.splitlines()[-1]) == (1, "different: 1 of 3 keywords (loss)")
    assert "loss      0.50   0.6    differs" in result.stdout.splitlines()
    assert (code / "again" / "summary.txt").read_text() == "acc 2\nloss 0.6\nfinished 1\n"


def test_a_run_that_fails_this_time_is_a_difference(project: Project, code: Path) -> None:
    project.search(*SEARCH)
    (code / "data" / "x.txt").unlink()
    result = reproduce(project)
    assert (result.exit_status, result.stdout) == (1, "")
    assert "warning: run 1 left no summary this time: exit status 1; " in result.stderr


def test_without_a_recorded_commit_it_says_what_to_do(project: Project) -> None:
    project.grid({"x": [1]})
    project.search(*SEARCH)
    result = reproduce(project)
    assert (result.exit_status, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("hpsearch: the code of run 1 is not known: git: fatal: not a git repository")
    assert result.stderr.endswith("; a search with --snapshot keeps its code\n")


def test_ctrl_c_takes_the_worktree_away(project: Project, code: Path, temporary: Path) -> None:
    project.search(*SEARCH)
    project.write("data/wait", "")
    argv = [project.argv()[0], "-m", "hpsearch", "reproduce", "out", "1"]
    process = project.start_command(argv)
    wait_until(lambda: any(temporary.glob("*/sim_*/summary.txt")), "the run")
    process.send_signal(signal.SIGINT)
    assert project.end(process).exit_status == 130
    assert (list(temporary.iterdir()), git(code, "worktree", "list").count("\n")) == ([], 0)
