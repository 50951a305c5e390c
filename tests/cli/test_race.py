"""``--race``: seeds only for configurations that are not yet worse than the best."""

from __future__ import annotations

import json
import re
import sys

import pytest
from project import Project, journal_has, rows, wait_until

#: The accuracy is x, and some noise that depends on x and seed; each line of a file is one execution.
SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; --y=*) y=${word#*=};; esac
case $word in --random_seed=*) s=${word#*=}; esac; done
mkdir "$out" || exit 3
echo "$x $y $s" >>executed.txt
[ ! -e wait ] || while [ ! -e go ]; do sleep 0.05; done
echo "acc $x.$(( (s * 7 + x * 3 + y) % 10 ))
finished 1" >"$out/summary.txt"
"""
RACE = ("--out_dir=out", "--force_out_dir", "--num_seeds=5", "--deterministic_search", "--race")


@pytest.fixture
def project(project: Project) -> Project:
    project.grid({"x": [5, 7], "y": [0, 1]}, script=SCRIPT)
    return project


def executed(project: Project) -> list[str]:
    return sorted((project.path / "executed.txt").read_text().splitlines())


def dropped(project: Project) -> list[str]:
    """Return why configurations were dropped, in order."""
    answer = json.loads(project.ask("status", "out", "--json").stdout)
    return [drop["reason"] for drop in answer["dropped"]]


def test_a_killed_race_loses_and_repeats_nothing(project: Project) -> None:
    whole = project.run(*RACE)
    assert whole.exit_status == 0, whole.stderr
    told = re.findall(r"x=\d y=\d dropped after \d seeds: (.*)", whole.stderr)
    runs = executed(project)
    assert (len(told), dropped(project)) == (2, told)
    assert "race: 2 of 4 configurations left, 2 dropped; 16 runs of at most 20\n" in whole.stderr
    (project.path / "out").rename(project.path / "earlier")
    (project.path / "executed.txt").unlink()

    (project.path / "wait").touch()
    controller = project.start(*RACE, "--num_cpu_jobs=2")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 2), "two live runs")
    controller.kill()
    controller.communicate()
    (project.path / "go").touch()
    # With two at once, a free place would get a seed before the last result of the round is known.
    assert project.run("--resume=out", "--num_cpu_jobs=1").exit_status == 0
    assert (executed(project), dropped(project)) == (runs, told)
    assert sorted(row["x"] for row in rows(project.path / "out")) == [line.split()[0] for line in runs]


def test_an_ended_search_can_be_raced(project: Project) -> None:
    project.search(*RACE[:2], "--deterministic_search")
    argv = [sys.executable, "-m", "hpsearch", "seeds", "out", "--race", "--num_seeds=4", "--max_runs=17"]
    shown = project.command([*argv, "--dry_run"])
    assert [re.findall(r"--x=\d --y=\d --random_seed=\d", line) for line in shown.stdout.splitlines()][::11] == [
        ["--x=5 --y=0 --random_seed=0"],
        ["--x=7 --y=1 --random_seed=2"],
    ]
    result = project.command(argv)
    assert (result.exit_status, len(dropped(project))) == (0, 2)
    assert result.stdout == f"{project.path}/out/search_results.csv\n"


@pytest.mark.parametrize(
    "words, told",
    [
        (["--race"], "--race compares configurations that have at least 3 seeds: say how many each may get with"),
        (["--race", "--num_seeds=2"], "--race compares configurations that have at least 3 seeds"),
        (["--max_runs=9"], "--max_runs has no effect without --race"),
        (["--race_p=0.1", "--num_seeds=4"], "--race_p has no effect without --race"),
        (["--race", "--num_seeds=4", "--max_runs=3"], "--max_runs=3 is less than one run for each of 4 configurations"),
        (
            ["--race", "--num_seeds=4", "--run_cluster", "--submit_only"],
            "--submit_only returns before there are results",
        ),
    ],
)
def test_what_makes_no_race_is_refused_in_one_line(project: Project, words: list[str], told: str) -> None:
    result = project.run("--out_dir=out", *words)
    assert (result.exit_status, result.stderr.count("\n")) == (2, 1)
    assert told in result.stderr
    assert not (project.path / "out").exists()
