"""The controller of a search with a sampler is killed at any moment: the sampler suggests what it would have anyway."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from project import Project, journal_has, rows, wait_until
from suggested import check_each_prefix, suggested

SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; --y=*) y=${word#*=};; esac; done
mkdir "$out" || exit 3
echo "$x $y" >>executed.txt
echo "acc $((100 - (x - 7) * (x - 7) - 3 * (y - 3) * (y - 3)))
finished 1" >"$out/summary.tmp"
mv "$out/summary.tmp" "$out/summary.txt"
"""


def kill_at_random(project: Project, runs: int, kills: int, seed: int, slots: int) -> Path:
    """Kill the controller after random times, and resume it each time; return the folder of the ended search."""
    chance, folder = random.Random(seed), project.path / "out"
    project.grid({"x": list(range(20)), "y": list(range(10))}, script=SCRIPT)
    budget = ("--sampler=bayes", f"--num_searches={runs}", f"--num_cpu_jobs={slots}")
    controller = project.start(*budget, "--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(folder, "controller", 1), "the controller")
    for _ in range(kills):
        started, pause = time.monotonic(), chance.uniform(0.0, 0.6)
        wait_until(lambda: controller.poll() is not None or time.monotonic() - started > pause, "the moment")  # noqa: B023
        controller.kill()
        controller.communicate()
        controller = project.start("--resume=out")
    result = project.end(controller)
    assert result.exit_status == 0, result.stderr
    assert len(rows(folder)) == len(set(suggested(folder))) == runs
    executed = (project.path / "executed.txt").read_text().splitlines()
    assert len(executed) == len(set(executed)) == runs
    assert check_each_prefix(folder) == runs
    return folder


def same_unkilled(project: Project, runs: int) -> list[int]:
    """Return the suggestions of the same search when nobody kills it."""
    project.run("--sampler=bayes", f"--num_searches={runs}", "--out_dir=whole", "--force_out_dir")
    return suggested(project.path / "whole")


def test_kills_change_nothing_of_what_is_suggested_one_at_a_time(project: Project) -> None:
    folder = kill_at_random(project, runs=25, kills=6, seed=1, slots=1)
    assert suggested(folder) == same_unkilled(project, 25)


def test_after_kills_of_four_at_once_each_suggestion_comes_out_of_the_journal_again(project: Project) -> None:
    kill_at_random(project, runs=30, kills=6, seed=3, slots=4)


@pytest.mark.slow
def test_fifty_kills_change_nothing_of_what_is_suggested(project: Project) -> None:
    folder = kill_at_random(project, runs=150, kills=50, seed=7, slots=1)
    assert suggested(folder) == same_unkilled(project, 150)
