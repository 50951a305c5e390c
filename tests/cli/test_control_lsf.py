"""`hpsearch status`, `cancel` and `logs` of a search whose runs are jobs of LSF, over look-alike commands."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from project import Project, is_alive, journal_events, journal_has, rows, run_folders, wait_until
from standins.worlds import FakeLsf

#: Notes its process and says something; never ends by itself.
SCRIPT = """\
#!/bin/sh
echo "running as a job"
echo $$ >>pids.txt
exec sleep 600
"""


@pytest.fixture
def controller(project: Project, lsf: FakeLsf) -> Iterator[subprocess.Popen[str]]:
    """The controller of a search in the folder `out` with four running jobs, one queued, one run to come."""
    project.grid({"x": [1, 2, 3, 4, 5, 6]}, script=SCRIPT)
    options = ("--run_cluster", "--num_jobs=5", "--out_dir=out", "--force_out_dir", "--deterministic_search")
    controller = project.start(*options)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 5), "five jobs")
    wait_until(lambda: len(pids(project)) == 4, "four running jobs")
    yield controller
    if controller.poll() is None:
        controller.kill()
    controller.communicate()


def pids(project: Project) -> list[int]:
    path = project.path / "pids.txt"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def live_states(project: Project) -> Counter[str]:
    answer = json.loads(project.ask("status", "out", "--json").stdout)
    return Counter(run["state"] for run in answer["live"])


def is_left(project: Project, lsf: FakeLsf) -> bool:
    """Return whether a process or a job of the search is left."""
    return any(map(is_alive, pids(project))) or any(job.state in ("PEND", "RUN") for job in lsf.jobs())


def test_status_tells_queued_jobs_from_running_ones(
    project: Project, lsf: FakeLsf, controller: subprocess.Popen[str]
) -> None:
    wait_until(lambda: live_states(project) == {"running": 4, "queued": 1}, "five jobs")
    controller.kill()
    controller.wait()
    assert live_states(project) == {"running": 4, "queued": 1}


def test_a_running_jobs_output_can_be_read(project: Project, lsf: FakeLsf, controller: subprocess.Popen[str]) -> None:
    wait_until(lambda: project.ask("logs", "out", "1").stdout == "running as a job\n", "the job's output")


@pytest.mark.parametrize("is_killed", [False, True], ids=["live controller", "killed controller"])
def test_cancelling_leaves_no_job(
    project: Project, lsf: FakeLsf, controller: subprocess.Popen[str], is_killed: bool
) -> None:
    if is_killed:
        controller.kill()
        controller.wait()
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert not is_left(project, lsf)
    counts = json.loads(project.ask("status", "out", "--json").stdout)["counts"]
    assert (counts["cancelled"], counts["planned"]) == (5, 1)


def test_a_schedulers_jobs_can_be_cancelled_from_any_machine(
    project: Project, lsf: FakeLsf, controller: subprocess.Popen[str]
) -> None:
    controller.kill()
    controller.wait()
    lock = project.path / "out" / ".hpsearch" / "lock"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | {"host": "elsewhere"}))
    journal = project.path / "out" / ".hpsearch" / "journal.jsonl"
    events = journal_events(project.path / "out")
    moved = [event | ({"host": "elsewhere"} if "host" in event else {}) for event in events]
    journal.write_text("".join(json.dumps(event) + "\n" for event in moved))
    result = project.ask("cancel", "out", "--controller_is_gone")
    assert result.exit_status == 0, result.stderr
    assert not is_left(project, lsf)


def test_jobs_left_to_the_scheduler_are_cancelled_later(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2]}, script=SCRIPT)
    submitted = project.run("--run_cluster", "--submit_only", "--out_dir=out", "--force_out_dir")
    assert submitted.exit_status == 0, submitted.stderr
    wait_until(lambda: len(pids(project)) == 2, "two running jobs")
    told = project.ask("status", "out").stdout
    assert "state    left to LSF: 2 running; collect with: " in told, told
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert not is_left(project, lsf)


def test_jobs_of_one_scheduler_are_not_looked_for_at_another(
    project: Project, lsf: FakeLsf, controller: subprocess.Popen[str]
) -> None:
    controller.kill()
    controller.wait()
    result = project.ask("resume", "out", "--scheduler=slurm")
    assert (result.exit_status, "may still be running as a job of lsf" in result.stderr) == (2, True), result.stderr


def test_processes_are_not_looked_for_at_a_scheduler(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]}, script=SCRIPT)
    controller = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: len(pids(project)) == 1, "a run")
    controller.kill()
    controller.communicate()
    result = project.ask("resume", "out", "--run_cluster")
    assert (result.exit_status, "may still be running as a process" in result.stderr) == (2, True), result.stderr
    assert project.ask("cancel", "out").exit_status == 0
    assert not any(map(is_alive, pids(project)))


def test_a_retry_that_is_refused_leaves_everything_as_it_was(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2]})
    assert project.run("--visible_gpus=-1", "--out_dir=out", "--force_out_dir").exit_status == 0
    before = rows(project.path / "out"), sorted(run_folders(project.path / "out"))
    refused = project.ask("retry", "out", "--run", "1", "--run_cluster", "--lsf_queue=nosuch")
    assert (refused.exit_status, "nosuch: No such queue" in refused.stderr) == (2, True), refused.stderr
    assert (rows(project.path / "out"), sorted(run_folders(project.path / "out"))) == before
    resumed = project.ask("resume", "out")
    assert (resumed.exit_status, "2 of 2 runs already finished" in resumed.stderr) == (0, True), resumed.stderr
    assert len(lsf.calls("bsub")) == 1


def test_jobs_of_one_cluster_are_not_looked_for_on_another(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]}, script=SCRIPT)
    answers = 'echo "IBM Spectrum LSF Standard 10.1.0.9"\necho "My cluster name is $LSF_NAME"\n'
    project.write("bin/lsid", f"#!/bin/sh\n{answers}", executable=True)
    path = project.environment.get("PATH", os.environ["PATH"])
    project.environment.update({"PATH": f"{project.path / 'bin'}:{path}", "LSF_NAME": "east"})
    controller = project.start("--run_cluster", "--out_dir=out", "--force_out_dir")
    wait_until(lambda: len(pids(project)) == 1, "a running job")
    controller.kill()
    controller.communicate()
    project.environment["LSF_NAME"] = "west"
    for answer in (project.run("--resume=out"), project.ask("cancel", "out")):
        assert (answer.exit_status, "job of the cluster east" in answer.stderr) == (2, True), answer.stderr
    project.environment["LSF_NAME"] = "east"
    ended = project.ask("cancel", "out")
    assert (ended.exit_status, is_left(project, lsf)) == (0, False), ended.stderr
