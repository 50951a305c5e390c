"""The controller is killed, at any moment; nothing is lost, nothing is repeated."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from project import (
    SCRIPT,
    Project,
    has_rows,
    has_said,
    is_alive,
    journal_events,
    journal_has,
    load,
    rows,
    run_folders,
    wait_until,
)

#: Says at its end, in a file beside the project, that it finished; each line is one finished execution.
COUNTING_SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; --sleep=*) sleep=${word#*=};; esac; done
mkdir "$out" || exit 3
[ -z "$sleep" ] || sleep "$sleep"
printf 'acc %s\\nfinished 1\\n' "$x" >"$out/summary.tmp"
echo "$x" >>finished.txt
mv "$out/summary.tmp" "$out/summary.txt"
"""


def resume_until_done(project: Project, folder: Path, *options: str) -> None:
    result = project.run("--resume", str(folder), *options)
    assert result.exit_status == 0, result.stderr


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_fault_6_a_killed_controller_loses_nothing_and_its_live_runs_are_adopted(project: Project) -> None:
    project.grid({"x": list(range(6)), "sleep": [0.6]}, script=COUNTING_SCRIPT)
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir", "--num_cpu_jobs=2")
    wait_until(lambda: has_rows(folder, 1) and journal_has(folder, "submitted", 4), "a result and a live run")
    kill(controller)
    resume_until_done(project, folder)
    finished = (project.path / "finished.txt").read_text().split()
    assert sorted(map(int, finished)) == list(range(6))
    assert sorted(int(row["acc"]) for row in rows(folder)) == list(range(6))


def test_random_kills_repeat_no_finished_run(project: Project) -> None:
    kill_at_random(project, runs=30, kills=8, seed=2)


@pytest.mark.slow
def test_a_hundred_kills_over_two_hundred_runs_repeat_no_finished_run(project: Project) -> None:
    kill_at_random(project, runs=200, kills=100, seed=7)


def test_a_killed_search_of_tied_options_goes_on_as_planned_whatever_its_module_says_by_now(project: Project) -> None:
    more = "grid = [{('x', 'sleep'): [(0, 0.2), (1, 0.2), (2, 9), (3, 0.2)]}, {'x': [4]}]\n"
    more += "constraints = [lambda options: options['x'] != 2]\n"
    project.grid({}, script=COUNTING_SCRIPT, more=more)
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir", "--set", "new=7")
    wait_until(lambda: has_rows(folder, 1), "a result")
    kill(controller)
    project.grid({}, script=COUNTING_SCRIPT, more=more + "constraints = 3\n")
    resume_until_done(project, folder)
    assert sorted(map(int, (project.path / "finished.txt").read_text().split())) == [0, 1, 3, 4]
    assert sorted((row["x"], row["new"]) for row in rows(folder)) == [("0", "7"), ("1", "7"), ("3", "7"), ("4", "7")]


def kill_at_random(project: Project, runs: int, kills: int, seed: int) -> None:
    """Kill the controller after random times, resume each time, and compare what came out."""
    chance = random.Random(seed)
    project.grid({"x": list(range(runs)), "sleep": ["0.02"]}, script=COUNTING_SCRIPT)
    folder = project.path / "out"
    first = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(folder, "submitted", 1), "the first run")
    kill(first)
    for _ in range(kills - 1):
        controller = project.start(f"--resume={folder}")
        started = time.monotonic()
        pause = chance.uniform(0.0, 0.5)
        wait_until(lambda: controller.poll() is not None or time.monotonic() - started > pause, "the moment")  # noqa: B023
        kill(controller)
    resume_until_done(project, folder)
    table = rows(folder)
    assert sorted(int(row["x"]) for row in table) == list(range(runs))
    finished = (project.path / "finished.txt").read_text().split()
    assert sorted(map(int, finished)) == list(range(runs))
    assert len(run_folders(folder)) == runs


def test_a_run_ended_together_with_its_controller_is_run_again(project: Project) -> None:
    project.grid({"x": [1]}, script="#!/bin/sh\necho $$ >>pids.txt\nexec sleep 600\n")
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir")
    pids = project.path / "pids.txt"
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"), "a run")
    kill(controller)
    os.kill(int(pids.read_text()), signal.SIGTERM)
    exits = folder / ".hpsearch" / "exits"
    wait_until(lambda: [path.read_text() for path in exits.iterdir()] == ["143\n"], "the run's end")
    project.write("train.sh", COUNTING_SCRIPT, executable=True)
    resume_until_done(project, folder)
    assert [row["acc"] for row in rows(folder)] == ["1"]


def test_a_run_that_ended_while_no_controller_was_there_took_as_long_as_it_took(project: Project) -> None:
    project.grid({"x": [1], "sleep": ["0.5"]}, script=COUNTING_SCRIPT)
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: journal_has(folder, "submitted", 1), "the run")
    kill(controller)
    exits = folder / ".hpsearch" / "exits"
    wait_until(lambda: [path.read_text() for path in exits.iterdir()] == ["0\n"], "the run's end")
    (exit_file,) = exits.iterdir()
    ended = exit_file.stat().st_mtime
    resume_until_done(project, folder)
    (event,) = journal_events(folder, "ended")
    assert event["at"] == ended


def test_a_second_controller_is_refused_and_told_who_is_first(project: Project) -> None:
    project.grid({"x": [1], "sleep": [30]})
    folder = project.path / "out"
    first = project.start("--out_dir=out", "--force_out_dir")
    try:
        wait_until(lambda: journal_has(folder, "submitted", 1), "the first run")
        second = project.run(f"--resume={folder}")
        assert second.exit_status == 2
        assert f"this search is already running (process {first.pid} on " in second.stderr
    finally:
        first.terminate()
        first.communicate()


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGUSR2, 140)],
    ids=str,
)
def test_fault_7_a_signal_ends_whole_process_groups_and_says_how_to_resume(
    project: Project, number: signal.Signals, status: int
) -> None:
    script = "#!/bin/sh\nsleep 600 & echo $! >>pids.txt\necho $$ >>pids.txt\nwait\n"
    project.grid({"x": [1, 2, 3]}, script=script)
    controller = project.start("--out_dir=out", "--force_out_dir", "--num_cpu_jobs=2")
    pids = project.path / "pids.txt"
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 4, "two runs with a child each")
    controller.send_signal(number)
    _, stderr = controller.communicate(timeout=30)
    assert controller.returncode == status
    assert "--resume" in stderr.splitlines()[-1]
    wait_until(lambda: not any(is_alive(int(pid)) for pid in pids.read_text().split()), "no process left")
    states = [entry["x"] for entry in load(project.path / "out" / "not_completed.pickle")]  # type: ignore[attr-defined]
    assert sorted(states) == [1, 2, 3]


def test_a_run_that_was_prepared_and_never_started_leaves_no_log(project: Project) -> None:
    project.grid({"x": [1, 2], "sleep": [600]})
    controller = project.start("--out_dir=out", "--force_out_dir")
    logs = project.path / "out" / ".hpsearch" / "logs"
    wait_until(lambda: logs.is_dir() and len(list(logs.iterdir())) == 4, "the logs of a live run and of the next one")
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=30)
    assert list(logs.iterdir()) == []


def test_a_run_that_ignores_sigterm_is_killed_at_the_second_signal(project: Project) -> None:
    script = "#!/bin/sh\ntrap '' TERM\necho $$ >>pids.txt\nsleep 600\n"
    project.grid({"x": [1]}, script=script)
    controller = project.start("--out_dir=out", "--force_out_dir")
    pids = project.path / "pids.txt"
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"), "a run")
    controller.send_signal(signal.SIGINT)
    wait_until(lambda: has_said(project.path / "out", "Stopping"), "the message")
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=8)
    assert controller.returncode == 130
    wait_until(lambda: not is_alive(int(pids.read_text().split()[0])), "no process left")


def test_a_cancelled_run_is_run_again_in_a_free_folder_and_the_first_attempt_is_kept(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600]})
    folder = project.path / "out"
    controller = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: run_folders(folder) != [] if folder.exists() else False, "the run's folder")
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=30)
    project.write("train.sh", SCRIPT.replace('sleep "$sleep"', ":"), executable=True)
    resume_until_done(project, folder)
    assert [row["acc"] for row in rows(folder)] == ["1"]
    assert [path.name for path in (folder / ".hpsearch" / "attempts").iterdir()] == [
        run_folders(folder)[0].name + ".attempt1"
    ]


def test_logs_that_could_not_be_moved_are_moved_when_the_search_goes_on(project: Project) -> None:
    project.grid({"x": [1, 2]}, script=COUNTING_SCRIPT)
    folder = project.search("--out_dir=out", "--force_out_dir").folder
    first, _ = run_folders(folder)
    token = next(event["token"] for event in journal_events(folder, "submitted") if event["run"] == 1)
    placed = sorted(path.name for path in first.iterdir())
    for kind in ("out", "err"):
        (first / f"job_{first.name}.{kind}").rename(folder / ".hpsearch/logs" / f"{token}.{kind}")
    (first / "hpsearch_command.sh").unlink()
    resume_until_done(project, folder)
    assert sorted(path.name for path in first.iterdir()) == placed
    assert list((folder / ".hpsearch/logs").iterdir()) == []
