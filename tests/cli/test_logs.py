"""`hpsearch logs`: what a run printed, live, ended, tried again, or left by a killed controller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from project import Project, journal_has, run_folders, wait_until

#: Prints until there is a file `stop`, then leaves a summary.
TALKING = """\
import os, sys, time
print("begin", flush=True)
print("trouble", file=sys.stderr, flush=True)
os.makedirs(sys.argv[-1].partition("=")[2])
while not os.path.exists("stop"):
    time.sleep(0.02)
print("end")
with open(sys.argv[-1].partition("=")[2] + "/summary.txt", "w") as file:
    file.write("acc 1\\nfinished 1\\n")
"""
OPTIONS = ("--out_dir=out", "--force_out_dir", "--deterministic_search")


@pytest.fixture
def ended(project: Project) -> Path:
    """The folder of a search with one finished run."""
    project.grid({"x": [1]}, script=TALKING)
    project.write("stop", "")
    return project.search(*OPTIONS).folder


@pytest.mark.parametrize(
    ("words", "output"),
    [(("1",), "begin\nend\n"), (("1", "--err"), "trouble\n"), (("1", "-f"), "begin\nend\n")],
    ids=str,
)
def test_the_output_of_an_ended_run_is_printed(
    project: Project, ended: Path, words: tuple[str, ...], output: str
) -> None:
    result = project.ask("logs", "out", *words)
    assert (result.exit_status, result.stdout, result.stderr) == (0, output, "")


def test_the_output_comes_byte_for_byte(project: Project, ended: Path) -> None:
    run = run_folders(ended)[0]
    (run / f"job_{run.name}.out").write_bytes(b"\xff\x00\r50%\r100%")
    command = [sys.executable, "-m", "hpsearch", "logs", "out", "1"]
    done = subprocess.run(command, cwd=project.path, env=project.environ(), capture_output=True, check=True)
    assert done.stdout == b"\xff\x00\r50%\r100%"


def follow(project: Project) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "logs", "out", "1", "-f"],
        cwd=project.path,
        env=project.environ(),
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("is_killed", [False, True], ids=["with its controller", "without a controller"])
def test_a_live_run_is_followed_until_it_ends(project: Project, is_killed: bool) -> None:
    project.grid({"x": [1]}, script=TALKING)
    controller = project.start(*OPTIONS)
    logs = project.path / "out" / ".hpsearch" / "logs"
    wait_until(lambda: [path.read_text() for path in logs.glob("*.out")] == ["begin\n"], "the run's first line")
    assert project.ask("logs", "out", "1").stdout == "begin\n"
    if is_killed:
        controller.kill()
        controller.communicate()
    following = follow(project)
    assert following.stdout is not None
    assert following.stdout.readline() == "begin\n"
    assert following.poll() is None
    project.write("stop", "")
    assert following.communicate(timeout=20)[0] == "end\n"
    assert following.returncode == 0
    controller.communicate(timeout=20)


def test_a_run_that_has_not_started_has_no_log(project: Project) -> None:
    project.grid({"x": [1, 2]}, script=TALKING)
    controller = project.start(*OPTIONS)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "the first run")
    result = project.ask("logs", "out", "2")
    assert (result.exit_status, result.stdout, result.stderr) == (
        2,
        "",
        "hpsearch: run 2 left no log yet: it has not started\n",
    )
    controller.kill()
    controller.communicate()
    result = project.ask("logs", "out", "2", "--follow")
    assert (result.exit_status, result.stderr) == (2, "hpsearch: run 2 left no log yet: it has not started\n")
    assert project.ask("cancel", "out").exit_status == 0


def test_following_a_run_that_has_not_started_says_that_it_waits(project: Project) -> None:
    project.grid({"x": [1, 2]}, script=TALKING)
    controller = project.start(*OPTIONS)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "the first run")
    following = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "logs", "out", "2", "-f"],
        cwd=project.path,
        env=project.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert following.stderr is not None
    assert following.stderr.readline() == "run 2 has not started yet: waiting for its output\n"
    project.write("stop", "")
    assert following.communicate(timeout=20)[0] == "begin\nend\n"
    controller.communicate(timeout=20)


def test_earlier_attempts_keep_their_logs(project: Project, ended: Path) -> None:
    project.write("train.py", TALKING.replace("begin", "second"))
    assert project.ask("retry", "out", "--run=1").exit_status == 0
    project.write("train.py", TALKING.replace("begin", "third"))
    assert project.ask("retry", "out", "--run=1").exit_status == 0
    shown = [project.ask("logs", "out", "1", f"--attempt={number}").stdout for number in (1, 2, 3)]
    assert shown == ["begin\nend\n", "second\nend\n", "third\nend\n"]
    assert project.ask("logs", "out", "1").stdout == shown[2]
    missing = project.ask("logs", "out", "1", "--attempt=4")
    assert (missing.exit_status, missing.stderr) == (
        2,
        "hpsearch: run 1 has the logs of 3 attempts; there is no attempt 4\n",
    )


def test_an_empty_log_points_to_the_errors(project: Project) -> None:
    project.grid({"x": [1]}, script="import sys; sys.exit('it went wrong')")
    assert project.run(*OPTIONS).exit_status == 1
    result = project.ask("logs", "out", "1")
    assert (result.exit_status, result.stdout) == (0, "")
    assert result.stderr.endswith(".out is empty; --err shows the run's errors\n")
    assert project.ask("logs", "out", "1", "--err").stdout == "it went wrong\n"


def test_what_a_job_of_several_runs_says_is_no_output_of_the_first(project: Project, ended: Path) -> None:
    (run,) = ended.glob("sim_*_1")
    batch = ended / ".hpsearch" / "logs" / f"{run.name}.batch.0123abcd.out"
    batch.write_text("said by the job")
    assert "said by the job" not in project.ask("logs", str(ended), "1").stdout


@pytest.mark.parametrize("number", ["0", "-1", "one"])
def test_what_is_no_number_of_a_run_is_refused(project: Project, ended: Path, number: str) -> None:
    result = project.ask("logs", "out", number)
    assert result.exit_status == 2
    assert "Traceback" not in result.stderr
