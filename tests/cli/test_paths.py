"""Paths that cannot be used, given to every command: one line, exit status 2, nothing written, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from project import PYTHON_SCRIPT, Project, let_permissions_count, rows

#: Calls many commands in one process: each is `hpsearch WORDS`. Prints a list of [exit status, standard error].
MANY = """\
import contextlib, io, json, sys
from hpsearch.__main__ import main
answers = []
for words in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            status = main(words)
        except SystemExit as end:
            status = end.code
        except BaseException as error:
            status = repr(error)
    answers.append([status, said.getvalue()])
print(json.dumps(answers))
"""
#: Commands with a place for the path.
COMMANDS = [
    "run --grid_module=config --visible_gpus=-1 --run_cwd={}",
    "run --grid_module=config --visible_gpus=-1 --out_dir={}",
    "run --grid_module=config --visible_gpus=-1 --out_dir={} --force_out_dir --dont_force_new_dir",
    "status {}",
    "best {}",
    "logs {} 1",
    "cancel {}",
    "resume {}",
    "retry {}",
    "postprocess {}",
    "postprocess out --run_cwd={}",
    "seeds --grid_module=config --run_dir={}",
    "seeds --grid_module=config --seeds_dir={}",
    "seeds --grid_module=config --run_dir=out --run_cwd={}",
    # Where empty means that the option is not given:
    "run --grid_module=config --visible_gpus=-1 --interpreter={}",
    "run --grid_module=config --visible_gpus=-1 --grid_config={}",
    "run --grid_module=config --run_cluster --scheduler=lsf --job_setup={}",
    "run --resume={}",
]
PATHS = {
    "below a folder one may not enter": "closed/inner",
    "a folder one may not enter": "closed",
    "a link that leads in a circle": "circle",
    "below a link that leads in a circle": "circle/inner",
    "a name of 300 characters": "n" * 300,
    "the home of nobody": "~no_such_user/x",
    "a NUL character": "a\0b",
    "a file": "a_file",
    "below a file": "a_file/inner",
    "a link that leads nowhere": "dangling",
}


def answers(project: Project, commands: list[list[str]]) -> list[tuple[object, str]]:
    done = subprocess.run(
        [sys.executable, "-c", MANY],
        input=json.dumps(commands),
        cwd=project.path,
        env=project.environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=let_permissions_count,
    )
    assert done.returncode == 0, done.stderr
    return [(status, said) for status, said in json.loads(done.stdout)]


@pytest.fixture
def places(project: Project) -> Project:
    """A project with everything that can be wrong with a path."""
    project.grid({"x": [1]})
    (project.path / "out").mkdir()
    (project.path / "a_file").write_text("no pickle")
    (project.path / "circle").symlink_to("circle")
    (project.path / "dangling").symlink_to("nothing")
    (project.path / "closed" / "inner").mkdir(parents=True)
    (project.path / "closed").chmod(0)
    return project


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_a_path_that_cannot_be_used_is_one_line(places: Project, path: str) -> None:
    before = files(places.path)
    commands = [[word.format(path) for word in command.split()] for command in COMMANDS]
    told = answers(places, commands)
    assert [(words, status, said) for words, (status, said) in zip(commands, told) if status != 2] == []
    # Lines with a time are messages about the plan, from before the folder was made.
    errors = [[line for line in said.splitlines() if not line.startswith("20")] for _, said in told]
    assert [(words, lines) for words, lines in zip(commands, errors) if len(lines) != 1] == []
    assert files(places.path) == before


def test_an_empty_text_is_no_folder(places: Project) -> None:
    commands = [[word.format("") for word in command.split()] for command in COMMANDS[:10]]
    told = answers(places, commands)
    said = "expected a folder, found an empty text"
    assert [(words, answer) for words, answer in zip(commands, told) if answer[0] != 2 or said not in answer[1]] == []


def test_a_search_below_a_closed_folder_does_not_hide_the_one_that_is_meant(places: Project) -> None:
    (places.path / "out" / "closed").mkdir()
    (places.path / "out" / "closed").chmod(0)
    places.search("--out_dir=out")
    [(status, said)] = answers(places, [["status", "out"]])
    assert status == 2
    assert "did you mean" in said


def test_an_interpreter_below_the_home_folder_is_found_by_its_runs(project: Project) -> None:
    project.grid({"x": [1]}, script=PYTHON_SCRIPT)
    (project.path / "my_python").symlink_to(sys.executable)
    project.environment["HOME"] = str(project.path)
    project.search("--interpreter=~/my_python")


def test_an_interpreter_that_is_a_folder_is_refused(project: Project) -> None:
    project.grid({"x": [1]})
    (project.path / "folder").mkdir()
    result = project.run("--interpreter=./folder")
    assert (result.exit_status, "there is no command './folder'" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("how", ["gone", "closed"])
def test_a_search_whose_working_directory_cannot_be_used_keeps_its_runs(project: Project, how: str) -> None:
    project.grid({"x": [1, 2]}, script_name="work/train.sh")
    config = project.path / "config.py"
    config.write_text(config.read_text().replace("work/train.sh", "train.sh"))
    project.search("--run_cwd=work", "--out_dir=../out", "--force_out_dir")
    work = project.path / "work"
    work.rename(project.path / "elsewhere") if how == "gone" else work.chmod(0)
    [(status, said)] = answers(project, [["retry", "out", "--run=1"]])
    assert (status, said.startswith(f"hpsearch: the working directory of this search's runs: {work}: ")) == (2, True), (
        said
    )
    assert len(rows(project.path / "out")) == 2


@pytest.mark.parametrize("place", ["attempts", "logs"])
def test_a_retry_ends_with_the_reason_where_its_folders_may_not_be_written(project: Project, place: str) -> None:
    project.grid({"x": [1]}, script="raise SystemExit(1)")
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 1
    folder = project.path / "out" / ".hpsearch" / place
    folder.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-m", "hpsearch", "retry", "out"],
        cwd=project.path,
        env=project.environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=let_permissions_count,
    )
    folder.chmod(0o755)
    assert done.returncode == 1, done.stderr
    warning = next(line for line in done.stderr.splitlines() if "warning: " in line)
    assert "warning: 1 run not submitted: " in warning
    assert str(folder) in warning
    assert "(Permission denied); fix that, then resume with: " in warning
