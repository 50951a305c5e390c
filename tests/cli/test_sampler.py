"""``--sampler=bayes`` and ``optuna`` as users run them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import Project, Result, journal_events, journal_has, load, rows, wait_until
from suggested import check_each_prefix, suggested

#: The accuracy is best at x = 7 and y = 3; each line of a file is one execution.
SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; --y=*) y=${word#*=};; esac; done
echo "$x $y" >>executed.txt
[ ! -e wait ] || while [ ! -e go ]; do sleep 0.05; done
mkdir "$out" || exit 3
[ "$x" != 0 ] || exit 1
echo "acc $((100 - (x - 7) * (x - 7) - 3 * (y - 3) * (y - 3)))
finished 1" >"$out/summary.txt"
"""
BAYES = ("--sampler=bayes", "--num_searches=12", "--out_dir=out", "--force_out_dir")


@pytest.fixture
def project(project: Project) -> Project:
    project.grid({"x": list(range(10)), "y": list(range(6))}, script=SCRIPT)
    return project


def executed(project: Project) -> list[str]:
    return (project.path / "executed.txt").read_text().splitlines()


def hpsearch(project: Project, *words: str) -> Result:
    return project.command([sys.executable, "-m", "hpsearch", *words])


def before_its_first_run(project: Project) -> Path:
    """Leave a search whose controller was killed before it planned a run."""
    project.run(*BAYES)
    folder = project.path / "out"
    journal = folder / ".hpsearch" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]))
    for path in folder.glob("sim_*"):
        subprocess.run(["rm", "-r", path], check=True)
    for name in ("search_results.csv", "commands.pickle", "not_completed.pickle"):
        (folder / name).unlink(missing_ok=True)
    (project.path / "executed.txt").unlink()
    return folder


def test_a_search_leaves_what_every_search_leaves(project: Project) -> None:
    result = project.run(*BAYES, "--num_cpu_jobs=2")
    folder = project.path / "out"
    assert "sampler: bayes, 12 of 60 configurations, each chosen by the results so far (seed 42)" in result.stderr
    assert re.search(r"run 12/12 started: x=. y=. \(expected [0-9.]+, chance of a better one .*%\)\n", result.stderr)
    failed = sum(line.startswith("0 ") for line in executed(project))
    assert (result.exit_status, len(executed(project)), len(set(executed(project)))) == (bool(failed), 12, 12)
    assert len(rows(folder)) == 12 - failed
    assert [f"{each['x']} {each['y']}" for each in load(folder / "commands.pickle")] == [  # type: ignore[attr-defined]
        f"{dict(event['options'])['x']} {dict(event['options'])['y']}" for event in planned(folder)
    ]
    assert len((folder / "commands.sh").read_text().splitlines()) == 12 + 3
    assert check_each_prefix(folder) == 12


def planned(folder: Path) -> list[dict[str, list[tuple[str, int]]]]:
    return journal_events(folder, "planned")


def test_a_dry_run_shows_what_comes_first_and_writes_nothing(project: Project) -> None:
    shown = project.run(*BAYES, "--dry_run")
    assert "The next 3 runs if no result comes in between; results choose 9 more runs\n" in shown.stderr
    assert len(shown.stdout.splitlines()) == 3
    assert not (project.path / "out").exists()
    project.run(*BAYES)
    assert f"--x={executed(project)[0].split()[0]} " in shown.stdout.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--num_searches=-1"], "--sampler=bayes chooses configurations: say how many with --num_searches=N"),
        (["--deterministic_search"], "--deterministic_search does not go with --sampler=bayes: it keeps the order"),
        (["--run_cluster", "--submit_only"], "--submit_only does not go with --sampler=bayes: it returns before"),
        (["--race", "--num_seeds=4"], "--race does not go with --sampler=bayes"),
        (["--dont_generate_full_grid"], "--sampler=bayes: --dont_generate_full_grid is --sampler=random: leave one"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_does_not_go_with_a_sampler_is_refused_in_one_line(project: Project, words: list[str], told: str) -> None:
    result = project.run(*BAYES, *words)
    assert (result.exit_status, result.stderr.count("\n")) == (2, 1)
    assert told in result.stderr
    assert not (project.path / "out").exists()


def test_a_search_that_was_killed_before_its_first_run_answers_all_commands(project: Project) -> None:
    folder = before_its_first_run(project)
    status = hpsearch(project, "status", "out")
    assert "stopped, 12 runs left" in status.stdout
    assert re.search(r"runs +0: 0 finished, 12 to be chosen\n", status.stdout)
    assert json.loads(hpsearch(project, "status", "out", "--json").stdout)["runs"] == 0
    assert re.search(r"stopped +0/12 ", hpsearch(project, "list", ".").stdout)
    assert hpsearch(project, "why", "out", "1").stderr == (
        f"hpsearch: there is no run 1 in {folder}; no run was chosen yet\n"
    )
    for words in (["logs", "out", "1"], ["best", "out"], ["postprocess", "out"], ["seeds", "out"]):
        answer = hpsearch(project, *words)
        assert (answer.exit_status, "Traceback" in answer.stderr) == (2, False), words
    assert hpsearch(project, "cancel", "out").exit_status == 0
    assert len(hpsearch(project, "resume", "out", "--dry_run").stdout.splitlines()) == 3
    assert hpsearch(project, "resume", "out").exit_status in (0, 1)
    assert (len(executed(project)), check_each_prefix(folder)) == (12, 12)


def test_a_search_goes_on_without_its_grid_module(project: Project) -> None:
    folder = before_its_first_run(project)
    (project.path / "config.py").unlink()
    hpsearch(project, "resume", "out")
    assert len(set(suggested(folder))) == 12


def test_the_budget_can_be_raised_and_nothing_else(project: Project) -> None:
    project.run(*BAYES)
    refused = hpsearch(project, "extend", "out", "--set", "x=99")
    assert refused.stderr.startswith("hpsearch: --set cannot be given to extend: the configurations of a search with")
    refused = hpsearch(project, "extend", "out")
    assert (refused.exit_status, "--num_searches=N, more than the 12 so far" in refused.stderr) == (2, True)
    shown = hpsearch(project, "extend", "out", "--num_searches=14", "--dry_run")
    assert "The next 2 runs if no result comes in between\n" in shown.stderr
    hpsearch(project, "extend", "out", "--num_searches=14")
    assert len(suggested(project.path / "out")) == 14
    assert check_each_prefix(project.path / "out") == 14
    hpsearch(project, "extend", "out", "--num_searches=99")
    assert sorted(suggested(project.path / "out")) == list(range(60))
    assert "sampler  bayes, all 60 configurations have run" in hpsearch(project, "status", "out").stdout


def test_a_search_has_a_folder_of_its_own(project: Project) -> None:
    project.run("--num_searches=2", "--out_dir=out", "--force_out_dir")
    refused = project.run(*BAYES, "--dont_force_new_dir")
    assert (refused.exit_status, refused.stderr.count("\n")) == (2, 1)
    assert "there is a search already, and one with --sampler=bayes needs a folder of its own" in refused.stderr


def test_a_search_that_is_cancelled_tells_how_many_runs_are_left(project: Project) -> None:
    (project.path / "wait").touch()
    controller = project.start(*BAYES, "--num_cpu_jobs=2")
    wait_until(lambda: journal_has(project.path / "out", "submitted", 2), "two live runs")
    assert hpsearch(project, "cancel", "out").exit_status == 0
    stopped = project.end(controller)
    assert stopped.exit_status == 130, stopped.stderr
    assert "stopped, 12 runs left" in hpsearch(project, "status", "out").stdout
    (project.path / "go").touch()
    hpsearch(project, "resume", "out")
    assert len(set(suggested(project.path / "out"))) == 12


def test_seeds_of_a_suggestion_run_before_the_next_one(project: Project) -> None:
    result = project.run(*BAYES[:1], "--num_searches=4", *BAYES[2:], "--num_seeds=3")
    assert "runs: 12, each configuration under all seeds at once (random_seed 0-2)" in result.stderr
    assert re.search(r"run 1/12 started: .*random_seed=0", result.stderr)
    found = suggested(project.path / "out")
    assert found == [each for each in found[::3] for _ in range(3)]
    assert (project.path / "out" / "search_results_by_configuration.csv").exists()
    assert check_each_prefix(project.path / "out") == 4


def test_what_a_sampler_has_found_can_be_raced_and_is_complete_then(project: Project) -> None:
    project.run("--sampler=bayes", "--num_searches=4", "--out_dir=out", "--force_out_dir")
    raced = hpsearch(project, "seeds", "out", "--race", "--num_seeds=3")
    assert "race: " in raced.stderr
    refused = hpsearch(project, "extend", "out", "--num_searches=9")
    assert (refused.exit_status, "its configurations race by now" in refused.stderr) == (2, True)
