"""Ctrl-C at any moment: exit status 130 without a traceback, from our first line to the end of the process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from project import Project

#: Python imports a module of this name when it starts. Sends SIGINT as soon as the module INTERRUPT_AT is imported.
HOOK = """\
import os, signal, sys
def hook(event, arguments):
    if event == "import" and arguments[0] == os.environ["INTERRUPT_AT"]:
        os.kill(os.getpid(), signal.SIGINT)
sys.addaudithook(hook)
"""
#: Options for which a search lists all configurations, and imports numpy for it.
CONDITIONS = [({"x": [1]}, {"x": [3]})]
#: Modules in the order in which a search needs them, from our first lines to the code that starts runs.
OF_A_SEARCH = [
    "hpsearch.search",
    "hpsearch.console.exit_status",
    "hpsearch.config.options",
    "hpsearch.search.search",
    "hpsearch.search.dispatch",
    "wave",
    "hpsearch.core.space_table",
]
OF_SUBCOMMANDS = [
    ("status", "hpsearch.console"),
    ("status", "hpsearch.config.command_parser"),
    ("status", "hpsearch.folder.reading"),
    ("best", "hpsearch.config.option_values"),
    ("best", "hpsearch.user_code.copied_module"),
    ("logs", "hpsearch.folder.reading"),
    ("cancel", "hpsearch.folder.liveness"),
    ("retry", "hpsearch.search.search"),
    ("postprocess", "hpsearch.results.postprocess"),
    ("seeds", "hpsearch.seeds.gathering"),
]


def interrupted(project: Project, module: str, *words: str) -> tuple[int, str]:
    """Run Python with Ctrl-C at the import of a module; return the exit status and standard error."""
    project.write("hook/sitecustomize.py", HOOK)
    path = f"{project.path / 'hook'}:{project.environ()['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, *words],
        cwd=project.path,
        env={**project.environ(), "PYTHONPATH": path, "INTERRUPT_AT": module},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.fixture
def searched(project: Project) -> Project:
    project.grid({"x": [1, 2]})
    project.search("--out_dir=out", "--force_out_dir")
    return project


@pytest.mark.parametrize("module", OF_A_SEARCH)
def test_ctrl_c_before_the_first_run_leaves_nothing_and_says_nothing(project: Project, module: str) -> None:
    project.grid({"x": [1, 2]}, CONDITIONS, more="import wave\n")
    assert interrupted(project, module, *project.argv("--deterministic_search")[1:]) == (130, "")
    assert not (project.path / "out").exists()


@pytest.mark.parametrize(("subcommand", "module"), OF_SUBCOMMANDS)
def test_ctrl_c_ends_a_subcommand_without_a_word(searched: Project, subcommand: str, module: str) -> None:
    more = {"logs": ["1"], "retry": ["--run=1"]}.get(subcommand, [])
    folder = "--run_dir=out" if subcommand == "seeds" else "out"
    assert interrupted(searched, module, "-m", "hpsearch", subcommand, folder, *more) == (130, "")


@pytest.mark.parametrize("module", ["hpsearch.core", "hpsearch.search.command", "numpy"])
def test_ctrl_c_ends_a_copy_beside_the_simulation(project: Project, module: str) -> None:
    project.grid({"x": [1, 2]}, CONDITIONS)
    source = Path(__file__).resolve().parents[2] / "hpsearch" / "hpsearch.py"
    project.write("hpsearch.py", source.read_text().replace('_DEFAULT_GRID = ""', '_DEFAULT_GRID = "config"'))
    assert interrupted(project, module, "hpsearch.py", "--visible_gpus=-1") == (130, "")


@pytest.mark.parametrize("name", ["gather_random_seeds", "hpsearch_postprocessing"])
def test_ctrl_c_ends_the_other_commands(searched: Project, name: str) -> None:
    assert interrupted(searched, "argparse", "-m", f"hpsearch.{name}", "--help") == (130, "")


@pytest.mark.parametrize("name", ["gather_random_seeds", "hpsearch_postprocessing"])
def test_ctrl_c_ends_the_other_commands_started_as_files(searched: Project, name: str) -> None:
    file = Path(__file__).resolve().parents[2] / "hpsearch" / f"{name}.py"
    assert interrupted(searched, "argparse", str(file), "--help") == (130, "")


def test_ctrl_c_at_the_end_of_the_process_is_quiet(project: Project) -> None:
    project.grid({"x": [1]}, more="import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)\n")
    result = project.run()
    assert (result.exit_status, "Traceback" in result.stderr) == (130, False), result.stderr
    assert result.stdout.endswith("search_results.csv\n")


def test_a_shell_that_ignores_ctrl_c_for_its_background_goes_on_doing_so(project: Project) -> None:
    project.grid({"x": [1]}, more="import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    words = " ".join(f"'{word}'" for word in project.argv())
    result = project.command(["bash", "-c", f"trap '' INT; {words}"])
    assert result.exit_status == 0, result.stderr


def test_a_program_that_calls_a_search_gets_its_keyboard_interrupt(project: Project) -> None:
    project.grid({"x": [1]}, more="import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    project.write(
        "program.py",
        "from hpsearch import hpsearch\ntry:\n    hpsearch.run(['--grid_module=config', '--visible_gpus=-1'])\n"
        "except KeyboardInterrupt:\n    print('mine')\n",
    )
    result = project.command([sys.executable, "program.py"])
    assert (result.exit_status, result.stdout) == (0, "mine\n"), result.stderr
