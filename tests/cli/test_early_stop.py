"""``--stop_early`` for users: their script is unchanged, its runs are stopped, and commands show that."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project import Project, load, rows, wait_until

#: Prints three values, which depend on `x`, and goes on until there is a file `go`. Told to end, it saves its state.
PRINTS = """\
import os, signal, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
out_dir, x = options["out_dir"], float(options["x"])
os.makedirs(out_dir)
def save(number, frame):
    with open(os.path.join(out_dir, "checkpoint"), "w") as file:
        file.write("saved")
    sys.exit(1)
signal.signal(signal.SIGTERM, save)
def tell(finished):
    with open(os.path.join(out_dir, "summary.txt"), "w") as file:
        file.write(f"acc {x}\\nfinished {finished}\\n")
tell(0)
for epoch in range(1, 4):
    print(f"epoch {epoch}: acc {x * epoch / 3}", flush=True)
while not os.path.exists("go"):
    time.sleep(0.02)
tell(1)
"""
PATTERN = r"--progress_pattern=epoch (\d+): acc ([\d.]+)"


@pytest.fixture
def stopped(project: Project) -> tuple[Project, Path]:
    """A search of four runs that stopped the last one, and then let the others finish."""
    project.grid({"x": [10, 11, 12, 1]}, script=PRINTS)
    controller = project.start(
        "--out_dir=out", "--force_out_dir", "--num_cpu_jobs=4", "--more_columns", "--stop_early=nan,median",
        "--stop_after=3", PATTERN,
    )  # fmt: skip
    folder = project.path / "out"
    wait_until(lambda: any(folder.glob("sim_*_4/checkpoint")), "the saved state")
    project.go()
    result = project.end(controller)
    assert result.exit_status == 0, result.stderr
    assert "4 runs: 3 finished, 1 stopped early" in result.stderr
    return project, folder


def test_a_hopeless_run_ends_with_its_state_saved_and_the_others_finish(stopped: tuple[Project, Path]) -> None:
    _, folder = stopped
    by_x = {row["x"]: (row["acc"], row["finished"], row["state"]) for row in rows(folder)}
    finished = {x: (f"{x}.0", "1", "finished") for x in ("10", "11", "12")}
    assert by_x == {**finished, "1": ("1.0", "0", "stopped early")}
    assert [each["x"] for each in load(folder / "not_completed.pickle")] == [1]  # type: ignore[attr-defined]


def test_commands_say_that_a_run_was_stopped_and_why(stopped: tuple[Project, Path]) -> None:
    project, _ = stopped
    status = project.ask("status", "out").stdout
    assert "3 finished, 1 stopped early" in status
    assert "run 4 stopped early: median: its best value 1 up to step 3 is below the median" in status
    answer = json.loads(project.ask("status", "out", "--json").stdout)
    (why,) = answer["stopped_early"]
    assert (answer["state"], answer["failures"], answer["counts"]["stopped early"]) == ("ended", [], 1)
    assert (why["run"], why["rule"], why["step"], why["value"]) == (4, "median", 3, 1)


def test_a_stopped_run_is_exported_with_its_reason_and_not_ranked(stopped: tuple[Project, Path]) -> None:
    project, _ = stopped
    best = project.ask("best", "out", "--lowest", "--json")
    assert [each["run"] for each in json.loads(best.stdout)] == [1, 2, 3]
    exported = project.ask("export", "out", "--all", "--format=json")
    (run,) = [each for each in json.loads(exported.stdout) if each["run"] == 4]
    assert (run["state"], run["cause"].startswith("median: its best value 1 up to step 3")) == ("stopped early", True)


def test_a_resume_has_nothing_to_do_and_a_retry_runs_it_again(stopped: tuple[Project, Path]) -> None:
    project, folder = stopped
    resumed = project.run("--resume=out")
    assert (resumed.exit_status, "started" in resumed.stderr) == (0, False), resumed.stderr
    retried = project.ask("retry", "out")
    assert "no run of this search failed" in retried.stderr
    again = project.ask("retry", "out", "--run=4", "--stop_early=none")
    assert (again.exit_status, {row["x"]: row["finished"] for row in rows(folder)}["1"]) == (0, "1"), again.stderr


def test_a_search_without_values_is_refused_before_anything_is_written(project: Project) -> None:
    parser = "def parse(out_dir, cmd_ident):\n    return {}\n_SUMMARY_PARSER_HANDLE = parse\n"
    project.grid({"x": [1]}, more=parser)
    result = project.run("--out_dir=out", "--stop_early=median")
    assert (result.exit_status, (project.path / "out").exists()) == (2, False)
    assert "--stop_early=median needs values while a run goes on" in result.stderr
