"""The controller is killed around the moment at which it stops a hopeless run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from project import Project, is_alive, journal_events, journal_has, rows, wait_until

#: Prints a value that is small where `x` is, notes that it has begun, and goes on until there is a file `go`. Told to
#: end, it takes until there is a file `may_end`.
LINGERS = """\
import os, signal, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
os.makedirs(options["out_dir"])
with open("begun", "a") as file:
    file.write(options["x"] + "\\n")
def linger(number, frame):
    open("told", "w").close()
    while not os.path.exists("may_end"):
        time.sleep(0.02)
    sys.exit(1)
signal.signal(signal.SIGTERM, linger)
print("value", min(10, int(options["x"])), flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
    file.write("acc " + options["x"] + "\\nfinished 1\\n")
"""
OPTIONS = (
    *("--out_dir=out", "--force_out_dir", "--num_cpu_jobs=4", "--stop_early=median", "--stop_after=1"),
    r"--progress_pattern=value (\d+)",
)


def kill(controller: subprocess.Popen[str]) -> None:
    controller.kill()
    controller.communicate()


def begun(project: Project) -> list[str]:
    return sorted((project.path / "begun").read_text().split())


def launcher_of_run_4(folder: Path) -> int:
    """Return the process, with a group of its own, that has started the hopeless run."""
    (job,) = (event["id"] for event in journal_events(folder, "submitted") if event["run"] == 4)
    return int(job.partition("@")[0])


@pytest.fixture
def killed(project: Project) -> tuple[Project, Path]:
    """A search whose controller has noted that run 4 is hopeless, and was killed while that run still lived."""
    project.grid({"x": [10, 11, 12, 1]}, script=LINGERS)
    folder, controller = project.path / "out", project.start(*OPTIONS)
    wait_until(lambda: journal_has(folder, "stopped", 1), "the stop")
    kill(controller)
    return project, folder


def check_end(project: Project, folder: Path, controller: subprocess.Popen[str]) -> None:
    """Let all runs end; the stopped one counts as that, and none was executed twice."""
    result = project.end(controller)
    assert result.exit_status == 0, result.stderr
    assert "3 finished, 1 stopped early" in result.stderr
    assert (begun(project), sorted(row["x"] for row in rows(folder))) == (["1", "10", "11", "12"], ["10", "11", "12"])
    assert journal_has(folder, "stopped", 1) and not journal_has(folder, "stopped", 2)


def test_a_stopped_run_that_ended_meanwhile_was_stopped_early(killed: tuple[Project, Path]) -> None:
    project, folder = killed
    launcher = launcher_of_run_4(folder)
    # The controller may have been killed before it sent the signal.
    os.killpg(launcher, signal.SIGTERM)
    project.write("may_end", "")
    wait_until(lambda: not is_alive(launcher), "the end of the stopped run")
    assert not journal_has(folder, "ended", 1)
    controller = project.start("--resume=out")
    wait_until(lambda: journal_has(folder, "ended", 1), "the news of its end")
    project.go()
    check_end(project, folder, controller)


def test_a_stopped_run_that_still_lives_is_told_when_the_search_goes_on(killed: tuple[Project, Path]) -> None:
    project, folder = killed
    controller = project.start("--resume=out")
    wait_until((project.path / "told").exists, "the signal")
    project.go()
    wait_until(lambda: journal_has(folder, "ended", 3), "the end of the others")
    project.write("may_end", "")
    check_end(project, folder, controller)


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments_stop_nothing_twice_and_run_nothing_again(project: Project, seed: int) -> None:
    chance = random.Random(seed)
    project.grid({"x": [10, 11, 12, 1]}, script=LINGERS)
    folder, controller = project.path / "out", project.start(*OPTIONS)
    wait_until(lambda: journal_has(folder, "submitted", 4), "four runs")
    for _ in range(6):
        moment = time.monotonic() + chance.uniform(0, 1.5)
        wait_until(lambda: time.monotonic() > moment or controller.poll() is not None, "the moment")  # noqa: B023
        kill(controller)
        controller = project.start("--resume=out")
    wait_until((project.path / "told").exists, "the signal")
    project.write("may_end", "")
    project.go()
    check_end(project, folder, controller)
