"""A `_SCRIPT_NAME` of several words, as grid modules of the older tool have it: `-W ignore train.py soft_block_mlp`."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from project import PYTHON_SCRIPT, Project, rows

#: Leaves what it was started with; its first argument decides what it trains.
ARGUMENTS = PYTHON_SCRIPT + (
    "with open(os.path.join(out_dir, 'arguments'), 'w') as file:\n"
    "    file.write(' '.join([*sys.warnoptions, '|', *(w for w in sys.argv[1:] if '=' not in w)]))\n"
)


def grid(project: Project, name: str, values: tuple[int, ...] = (1, 2), script: str = "train.py") -> None:
    project.grid({"x": list(values)}, script=ARGUMENTS, script_name=script)
    config = project.path / "config.py"
    config.write_text(config.read_text().replace(f"_SCRIPT_NAME = {script!r}", f"_SCRIPT_NAME = {name!r}"))


def started_with(folder: Path) -> list[str]:
    return sorted(path.read_text() for path in folder.glob("sim_*/arguments"))


@pytest.mark.parametrize(
    ("name", "script", "arguments"),
    [
        ("-W ignore train.py soft_block_mlp", "train.py", "ignore | soft_block_mlp"),
        ("-W ignore -X dev -u train.py a b", "train.py", "default ignore | a b"),
        ("train.py a", "train.py", "| a"),
        ("my train.py", "my train.py", "|"),
        ("-W ignore 'my train.py' a", "my train.py", "ignore | a"),
        ("-W ignore -m pkg.train a", "pkg/train.py", "ignore | a"),
        ("run_me a", "run_me", "| a"),
        ("-W ignore run_me a", "run_me", "ignore | a"),
    ],
)
def test_the_words_around_the_script_go_where_they_belong(
    project: Project, name: str, script: str, arguments: str
) -> None:
    grid(project, name, script=script)
    if script == "run_me":
        project.write(script, f"#!{sys.executable}\n{ARGUMENTS}", executable=True)
    result = project.search("--out_dir=out", "--force_out_dir")
    assert len(rows(result.folder)) == 2
    assert started_with(result.folder) == [arguments, arguments]


def test_the_script_is_looked_up_where_the_runs_work(project: Project) -> None:
    grid(project, "-W ignore train.py a", script="work/train.py")
    config = project.path / "config.py"
    config.write_text(config.read_text().replace("'work/train.py'", "'-W ignore train.py a'"))
    result = project.search("--run_cwd=work")
    assert started_with(result.folder) == ["ignore | a", "ignore | a"]


def test_an_interpreter_of_ones_own_gets_the_words_before_the_script(project: Project) -> None:
    grid(project, "-W ignore train.py a")
    project.write("wrapped", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', executable=True)
    result = project.search("--interpreter=./wrapped -X dev")
    assert started_with(result.folder) == ["default ignore | a", "default ignore | a"]


def test_each_line_of_the_commands_can_be_run(project: Project) -> None:
    grid(project, "-W ignore train.py a")
    result = project.search("--out_dir=out", "--force_out_dir")
    for folder in result.folder.glob("sim_*"):
        shutil.rmtree(folder)
    subprocess.run(["sh", result.folder / "commands.sh"], cwd=project.path, check=True, stdout=subprocess.DEVNULL)
    assert started_with(result.folder) == ["ignore | a", "ignore | a"]


def test_a_run_is_tried_again_with_the_same_words(project: Project) -> None:
    grid(project, "-W ignore train.py a")
    project.search("--out_dir=out", "--force_out_dir")
    (project.path / "config.py").unlink()
    result = project.ask("retry", "out", "--run=1")
    assert result.exit_status == 0, result.stderr
    assert started_with(project.path / "out") == ["ignore | a", "ignore | a"]


def test_the_best_command_has_all_words(project: Project) -> None:
    grid(project, "-W ignore train.py a")
    project.search("--out_dir=out", "--force_out_dir")
    words = shlex.split(project.ask("best", "out", "--command").stdout)
    assert words[1:] == ["-W", "ignore", "train.py", "a", "--x=2"]


@pytest.mark.parametrize("name", ["-W ignore train.py a", "train.py --fast", "-m train a"])
def test_seeds_are_run_with_the_same_words_once(project: Project, name: str) -> None:
    grid(project, name)
    project.search("--out_dir=out", "--force_out_dir")
    result = project.ask("seeds", "--run_dir=out", "--seeds_list=1,2", "--start_gathering", "--visible_gpus=-1")
    assert result.exit_status == 0, result.stderr
    [line] = {
        " ".join(word for word in shlex.split(line)[1:] if "random_seed" not in word and "out_dir" not in word)
        for line in (Path(result.stdout.split("\n")[-2]).parent / "commands.sh").read_text().splitlines()
        if not line.startswith("#")
    }
    assert line == f"{name} --x=2"


def test_postprocessing_reads_the_commands_of_a_folder_without_a_journal(project: Project) -> None:
    grid(project, "train.py --fast")
    project.search("--out_dir=out", "--force_out_dir")
    shutil.rmtree(project.path / "out" / ".hpsearch")
    for name in ("commands.pickle", "search_results.csv"):
        (project.path / "out" / name).unlink()
    result = project.ask("postprocess", "out", "--grid_module=config")
    assert result.exit_status == 0, result.stderr
    assert [sorted(row) for row in rows(project.path / "out", "postprocessing_results.csv")] == 2 * [
        ["acc", "finished", "out_dir", "x"]
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-W ignore no.py a", "but there is no file {cwd}/no.py (nor one with the whole as its name)"),
        ("no.py", "but there is no file {cwd}/no.py; is --run_cwd right?"),
        ("-W ignore", "but it names no script"),
        ("train.py 'a", "but No closing quotation"),
        ("-m pkg.no", "but there is no module pkg.no: neither {cwd}/pkg/no.py nor {cwd}/pkg/no/__main__.py"),
        ("-m no_such_package", "but there is no module no_such_package"),
        ("-m pkg/train.py", "but 'pkg/train.py' behind -m is no dotted name of a module"),
        ("closed.py", "but {cwd}/closed.py is no file"),
        ("n" * 300, "cannot be looked at (File name too long)"),
    ],
)
def test_a_script_that_is_not_there_is_named(project: Project, name: str, message: str) -> None:
    grid(project, name)
    (project.path / "closed.py").mkdir()
    (project.path / "pkg").mkdir()
    result = project.run()
    assert result.exit_status == 2
    assert message.format(cwd=project.path) in result.stderr
    assert len(result.stderr.splitlines()) == 1
