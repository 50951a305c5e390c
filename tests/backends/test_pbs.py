"""A scheduler in one file: its functions of text, and a search that names it on the command line."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from pbs import Pbs
from project import Project, rows
from standins.pbs_world import FakePbs

from hpsearch.backends.scheduler import JobRow
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import SearchError, SubmissionDelayed, SubmissionRefused, SubmissionUnsure
from hpsearch.core.model import JobPhase, RunState, Status
from hpsearch.user_code.user_modules import own_scheduler

RUNNING = """\
Job Id: 12.pbs01
    Job_Name = sim_20260101000000_1.1.a
\tbcdef
    job_state = R
    exec_host = node7/0*4

"""


def ended(*lines: str) -> str:
    return "\n".join(
        ["Job Id: 12.pbs01", "    Job_Name = a", "    job_state = F", *(f"    {line}" for line in lines), ""]
    )


def test_an_id_is_found_behind_the_chatter_of_a_hook() -> None:
    assert Pbs().submitted_id(Answer(0, "Welcome!\n12.pbs01\n", "")) == "12.pbs01"


@pytest.mark.parametrize(
    "answer, error",
    [
        (Answer(170, "", "qsub: Unknown queue\n"), SubmissionRefused),
        (Answer(2, "", "qsub: cannot connect to server pbs01 (errno=15010)\n"), SubmissionDelayed),
        (Answer(38, "", "qsub: would exceed queue generic's per-user limit of jobs\n"), SubmissionDelayed),
        (Answer(None, "", ""), SubmissionUnsure),
        (Answer(0, "thank you\n", ""), SubmissionUnsure),
    ],
)
def test_a_submission_that_fails_says_whether_to_try_again(answer: Answer, error: type[SearchError]) -> None:
    with pytest.raises(error):
        Pbs().submitted_id(answer)


def test_a_long_line_is_read_whole() -> None:
    expected = JobRow("12.pbs01", "sim_20260101000000_1.1.abcdef", Status(JobPhase.RUNNING, place="node7"))
    assert Pbs().rows(Answer(0, RUNNING, "")) == [expected]


@pytest.mark.parametrize(
    "lines, exit_status, cause",
    [
        (["Exit_status = 0", "substate = 92"], 0, None),
        (["Exit_status = 3", "substate = 93"], 3, None),
        (["Exit_status = -29", "substate = 93"], None, RunState.TIMED_OUT),
        (["Exit_status = -27", "substate = 93"], None, RunState.OUT_OF_MEMORY),
        (["Exit_status = 271", "substate = 91"], None, RunState.CANCELLED),
        (["substate = 91"], None, RunState.CANCELLED),
        (["Exit_status = -3", "substate = 93"], None, RunState.LOST),
    ],
)
def test_the_end_of_a_job_says_what_became_of_its_run(
    lines: list[str], exit_status: int | None, cause: RunState | None
) -> None:
    (row,) = Pbs().history_rows(Answer(0, ended(*lines), "")) or []
    assert (row.status.phase, row.status.exit_status, row.status.cause) == (JobPhase.ENDED, exit_status, cause)


@pytest.mark.parametrize(
    "answer, expected",
    [
        (Answer(153, "", "qstat: Unknown Job Id 12.pbs01\n"), []),
        (Answer(35, "", "qstat: 12.pbs01 Job has finished, use -x or -H to obtain historical job information\n"), []),
        (Answer(2, "", "qstat: cannot connect to server pbs01 (errno=15010)\n"), None),
        (Answer(None, "", ""), None),
    ],
)
def test_absence_is_told_apart_from_silence(answer: Answer, expected: list[JobRow] | None) -> None:
    assert Pbs().rows(answer) == expected


def test_an_unknown_state_is_running() -> None:
    (row,) = Pbs().rows(Answer(0, RUNNING.replace("job_state = R", "job_state = Z"), "")) or []
    assert row.status.phase is JobPhase.RUNNING


@pytest.fixture
def pbs_project(project: Project, tmp_path: Path) -> Iterator[Project]:
    """A project with the worked example beside its grid module, on a cluster that has PBS."""
    with FakePbs(tmp_path / "pbs") as cluster:
        cluster.write()
        project.environment["PATH"] = cluster.env()["PATH"]
        project.write("pbs.py", Path(__file__).with_name("pbs.py").read_text(encoding="utf-8"))
        project.grid({"x": [1, 2, 3]})
        yield project


def test_a_search_runs_through_a_scheduler_of_the_users_own(pbs_project: Project) -> None:
    done = pbs_project.search("--run_cluster", "--scheduler=pbs:Pbs", "--num_jobs=2")
    assert sorted(row["x"] for row in rows(done.folder)) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "name, words",
    [
        ("torque", "expected lsf, slurm, or MODULE:NAME"),
        ("nowhere:Pbs", "No module named 'nowhere'"),
        ("pbs:Torque", "has no attribute 'Torque'"),
        ("pathlib:Path", "it lacks "),
        ("torn:Pbs", "torn.py, line 1: "),
        ("unlicensed:Pbs", "ValueError: no licence"),
    ],
)
def test_a_scheduler_that_cannot_be_had_is_named(pbs_project: Project, name: str, words: str) -> None:
    pbs_project.write("torn.py", "class Pbs(\n")
    pbs_project.write("unlicensed.py", "def Pbs():\n    raise ValueError('no licence')\n")
    done = pbs_project.run("--run_cluster", f"--scheduler={name}")
    assert (done.exit_status, words in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_a_scheduler_of_the_users_own_is_found_from_any_folder(pbs_project: Project, tmp_path: Path) -> None:
    pbs_project.grid({"x": [1, 2]}, script="#!/bin/sh\nexit 3\n")
    failed = pbs_project.run("--run_cluster", "--scheduler=pbs:Pbs", "--out_dir=out", "--force_out_dir")
    pbs_project.grid({"x": [1, 2]})
    (tmp_path / "elsewhere").mkdir()
    resumed = pbs_project.ask("resume", str(pbs_project.path / "out"), cwd=tmp_path / "elsewhere")
    assert (failed.exit_status, resumed.exit_status) == (1, 0), resumed.stderr


def test_a_scheduler_of_the_users_own_is_not_forgotten_on_its_hosts(pbs_project: Project) -> None:
    refused = pbs_project.ask("run", "--grid_module=config", "--scheduler=pbs:Pbs")
    assert (refused.exit_status, refused.stdout) == (2, "")
    assert "--scheduler has no effect without --run_cluster: add --run_cluster to submit the runs to" in refused.stderr


def test_job_arrays_are_refused_where_the_scheduler_has_none(pbs_project: Project) -> None:
    done = pbs_project.run("--run_cluster", "--scheduler=pbs:Pbs", "--submit_only", "--out_dir=out", "--force_out_dir")
    assert (done.exit_status, "job arrays cannot be used" in done.stderr) == (2, True)
    assert not (pbs_project.path / "out").exists()


def test_what_a_scheduler_of_the_users_own_can_do_is_seen_without_calling_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ("import pbs", "class Named(pbs.Pbs):", "    def own_cluster(self, answer): ...")
    (tmp_path / "named_pbs.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(str(tmp_path))
    # So isinstance looks for a protocol's methods, from Python 3.12 on.
    assert callable(inspect.getattr_static(own_scheduler("named_pbs:Named"), "own_cluster"))
