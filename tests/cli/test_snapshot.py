"""`--snapshot`: runs execute the code as it was when the search started, however it changes meanwhile."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest
from project import Project, journal_has, rows, wait_until
from repository import commit_all

#: Notes what it imports and reads, once there is a file `go` beside the repository.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
print("live", flush=True)
while not os.path.exists(options["go"]):
    time.sleep(0.02)
import late, lib
acc = late.VALUE + lib.VALUE + int(open("../data/x.txt").read()) + int(open("link.txt").read())
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc %d\\nfinished 1\\n" % acc)
"""
OPTIONS = ("--run_cwd=sims", "--out_dir=results", "--force_out_dir", "--snapshot")


@pytest.fixture
def code(project: Project) -> Path:
    """A repository: a script in `sims`, a library found by PYTHONPATH, ignored data, and a link."""
    code = project.path
    (code / "sims").mkdir()
    project.grid({"x": [1, 2], "go": [str(code.parent / "go")]}, script=SCRIPT, script_name="sims/train.py")
    grid = (code / "config.py").read_text()
    project.write("config.py", grid.replace("sims/train.py", "train.py"))
    for name, text in (("sims/late.py", "VALUE = 1"), ("lib/lib.py", "VALUE = 10"), ("data/x.txt", "100")):
        project.write(name, text)
    project.write("value.txt", "1000")
    (code / "sims" / "link.txt").symlink_to("../value.txt")
    project.write(".gitignore", "data/\n")
    project.environment["PYTHONPATH"] = f"{project.environ()['PYTHONPATH']}:{code / 'lib'}"
    commit_all(code)
    return code


def edit(code: Path) -> None:
    for name in ("sims/late.py", "lib/lib.py"):
        (code / name).write_text("raise SystemExit('this is not finished')")
    (code / "value.txt").unlink()
    (code / "sims" / "train.py").unlink()


def test_editing_the_code_changes_nothing_for_runs_of_a_snapshot(project: Project, code: Path) -> None:
    (code / "sims" / "late.py").write_text("VALUE = 2")  # not committed
    controller = project.start(*OPTIONS, "--on_end=touch told.txt")
    wait_until(lambda: journal_has(code / "sims" / "results", "submitted", 1), "a live run")
    edit(code)
    controller.send_signal(signal.SIGKILL)
    controller.communicate()
    # The search is moved and resumed: the remaining runs execute the same code.
    shutil.move(code / "sims" / "results", code.parent / "moved")
    (code.parent / "go").touch()
    result = project.search("--resume=../moved", "--runs_are_gone")
    assert [row["acc"] for row in rows(code.parent / "moved")] == ["1112", "1112"], result.stderr
    assert (code.parent / "moved" / ".hpsearch" / "code" / "data").readlink() == code / "data"
    extended = project.command([sys.executable, "-m", "hpsearch", "extend", "../moved", "--set", "x=1,2,3"])
    assert [row["acc"] for row in rows(code.parent / "moved")] == ["1112"] * 3, extended.stderr
    # The user's own command starts in the user's own folder.
    assert (code / "sims" / "told.txt").exists()


def test_outside_a_repository_there_is_nothing_to_copy(project: Project) -> None:
    project.grid({"x": [1]})
    result = project.run("--snapshot")
    assert (result.exit_status, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"hpsearch: --snapshot copies what git knows around {project.path}, but git: fatal")
    assert result.stderr.endswith("; git init makes one\n")
    assert not (project.path / "out").exists()


def test_runs_with_and_without_a_snapshot_do_not_share_a_folder(project: Project, code: Path) -> None:
    (code.parent / "go").touch()
    project.search(*OPTIONS)
    others = [option for option in OPTIONS if option != "--snapshot"]
    result = project.run(*others, "--dont_force_new_dir")
    assert result.exit_status == 2
    assert result.stderr.splitlines()[-1].endswith(
        ": of this search and the one there, only one executes a copy of the code (--snapshot); give another --out_dir"
    )


def test_a_search_without_its_snapshot_is_not_resumed_elsewhere(project: Project, code: Path) -> None:
    (code.parent / "go").touch()
    (code / "data" / "x.txt").write_text("no number")
    assert project.run(*OPTIONS).exit_status == 1
    shutil.rmtree(code / "sims" / "results" / ".hpsearch" / "code")
    result = project.run("--resume=sims/results")
    assert (result.exit_status, result.stderr.count("\n")) == (2, 1), result.stderr
    assert "the working directory of this search's runs" in result.stderr
