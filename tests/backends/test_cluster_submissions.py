"""What is left of refused submissions, and how the size of arrays adapts to what a scheduler accepts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.local import SequentialBackend
from hpsearch.backends.scheduler import ClusterWishes, JobRow, Scheduler
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused, SubmissionUnexplained, SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, Status


class Clock:
    """Stands still unless a test moves it."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Cluster:
    """A scheduler whose commands print what a test sets."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.told = folder, Clock(), list[str]()
        for name in ("bin", "logs", "exits"):
            (folder / name).mkdir()

    def says(self, command: str, stdout: str = "", stderr: str = "", status: int = 0) -> None:
        """Let a command answer so from now on; its calls are counted."""
        (self.folder / f"{command}.out").write_text(stdout)
        (self.folder / f"{command}.err").write_text(stderr)
        script = self.folder / "bin" / command
        files = " ".join(f"{self.folder}/{command}.{ending}" for ending in ("calls", "out", "err"))
        calls, out, err = files.split()
        script.write_text(f'#!/bin/sh\necho "$*" >>{calls}\ncat {out}\ncat {err} >&2\nexit {status}\n')
        script.chmod(0o755)

    def calls(self, command: str) -> list[str]:
        """Return the words of each call of a command."""
        path = self.folder / f"{command}.calls"
        return path.read_text().splitlines() if path.exists() else []

    def backend(self, scheduler: Scheduler, **wishes: object) -> ClusterBackend:
        """Return a controller's backend."""
        environment = {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        own = ClusterWishes(**wishes)  # type: ignore[arg-type]
        return ClusterBackend(scheduler, own, self.told.append, environment, self.clock)

    def attempts(self, *numbers: int) -> list[Attempt]:
        """Return first attempts at these runs."""
        return [self._attempt(number, Run(number, f"sim_{number}", Configuration(()), "")) for number in numbers]

    def _attempt(self, number: int, run: Run) -> Attempt:
        token = f"sim_{number}.1.abc"
        exit_file = self.folder / "exits" / token
        return Attempt(run, 1, token, ("touch", "executed"), self.folder, exit_file, self.folder / "logs")

    def files(self) -> list[str]:
        """Return what lies in the folder of logs."""
        return sorted(path.name for path in (self.folder / "logs").iterdir())


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


DOWN = {
    "slurm": ("sbatch", "sbatch: error: Slurm backup controller in standby mode\n"),
    "lsf": ("bsub", "LSF is down. Job not submitted.\n"),
}
REFUSED = {
    "slurm": ("sbatch", "sbatch: error: Invalid partition name specified\n"),
    "lsf": ("bsub", "nosuch: No such queue. Job not submitted.\n"),
}
SCHEDULERS = {"slurm": lambda: Slurm(SlurmWishes()), "lsf": lambda: Lsf(LsfWishes())}


@pytest.mark.parametrize("name", ["slurm", "lsf"])
@pytest.mark.parametrize("answers, error", [(DOWN, SubmissionDelayed), (REFUSED, SubmissionRefused)])
@pytest.mark.parametrize("wishes, size", [({}, 1), ({"runs_per_job": 2}, 2), ({"as_arrays": True}, 3)])
def test_nothing_is_left_of_a_submission_that_was_not_taken(
    cluster: Cluster, name: str, answers: dict[str, tuple[str, str]], error: type[Exception], wishes: dict, size: int
) -> None:
    command, words = answers[name]
    cluster.says(command, stderr=words, status=1)
    cluster.says("scontrol")
    cluster.says("bparams")
    backend = cluster.backend(SCHEDULERS[name](), **wishes)
    with pytest.raises(error):
        backend.submit(cluster.attempts(*range(1, size + 1)), Place(capacity=size))
    assert (cluster.files(), len(cluster.calls(command))) == ([], 1)


@pytest.mark.parametrize("wishes, size", [({}, 1), ({"runs_per_job": 2}, 2), ({"as_arrays": True}, 2)])
def test_nothing_is_left_of_a_submission_in_doubt_that_turns_out_not_to_exist(
    cluster: Cluster, wishes: dict, size: int
) -> None:
    cluster.says("sbatch", stderr="Socket timed out on send/recv operation\n", status=1)
    cluster.says("squeue")
    cluster.says("scontrol")
    attempts = cluster.attempts(*range(1, size + 1))
    with pytest.raises(SubmissionUnsure):
        cluster.backend(SCHEDULERS["slurm"](), **wishes).submit(attempts, Place(capacity=size))
    kept = cluster.files()
    # Also by the next controller, which knows of it from the scripts.
    backend = cluster.backend(SCHEDULERS["slurm"](), **wishes)
    with pytest.raises(SubmissionUnsure):
        backend.find(attempts)
    assert (cluster.files(), len(kept)) == (kept, size + (size > 1))
    assert (backend.find(attempts), cluster.files()) == ({}, [])


def test_the_scripts_of_an_array_stay_while_one_of_its_runs_is_a_job(cluster: Cluster) -> None:
    cluster.says("scontrol")
    cluster.says("sbatch", stderr="Socket timed out on send/recv operation\n", status=1)
    attempts = cluster.attempts(1, 2)
    backend = cluster.backend(SCHEDULERS["slurm"](), as_arrays=True)
    with pytest.raises(SubmissionUnsure):
        backend.submit(attempts, Place(capacity=2))
    (script,) = (name for name in cluster.files() if ".batch." in name)
    cluster.says("squeue", f"7|2|RUNNING|None|n1|{cluster.folder}/logs/{script}\n")
    with pytest.raises(SubmissionUnsure):
        backend.find(attempts)
    assert dict(backend.find(attempts)) == {attempts[1].token: "7_2"}
    assert cluster.files() == sorted([script, f"{attempts[1].token}.sh"])


@pytest.mark.parametrize("wishes", [{}, {"runs_per_job": 2}, {"as_arrays": True}])
def test_a_job_that_turns_up_late_runs_nothing(cluster: Cluster, wishes: dict) -> None:
    cluster.says("sbatch", stderr="Socket timed out on send/recv operation\n", status=1)
    cluster.says("squeue")
    cluster.says("scontrol")
    backend, attempts = cluster.backend(SCHEDULERS["slurm"](), **wishes), cluster.attempts(1)
    with pytest.raises(SubmissionUnsure):
        backend.submit(attempts, Place())
    handed_over = Path(cluster.calls("sbatch")[0].split()[-1]).read_text()
    with pytest.raises(SubmissionUnsure):
        backend.find(attempts)
    backend.find(attempts)
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": "1"}
    subprocess.run(["bash"], input=handed_over, text=True, env=environment, capture_output=True, check=False)
    assert not (cluster.folder / "executed").exists()


def test_nothing_is_left_of_a_run_that_cannot_be_started_here(cluster: Cluster) -> None:
    (attempt,) = cluster.attempts(1)
    backend = SequentialBackend()
    with pytest.raises(SubmissionRefused):
        backend.submit([replace(attempt, cwd=cluster.folder / "gone")], Place())
    backend.close()
    assert cluster.files() == []


# Arrays


def tried(cluster: Cluster, backend: ClusterBackend, answers: list[str]) -> list[int]:
    """Return the sizes of the submitted arrays; sbatch answers each with the next of these words, empty = accepted."""
    sizes, number = [], 1
    for words in answers:
        cluster.says("sbatch", "" if words else f"{number}\n", words, 1 if words else 0)
        place = backend.place([])
        assert place is not None
        sizes.append(place.capacity)
        attempts = cluster.attempts(*range(number, number + place.capacity))
        try:
            backend.submit(attempts, place)
            number += place.capacity
        except (SubmissionDelayed, SubmissionUnexplained):
            continue
    return sizes


STANDBY = "Slurm backup controller in standby mode"
LIMIT = "QOSMaxSubmitJobPerUserLimit"
TOO_LARGE = "Batch job submission failed: Invalid job array specification"


@pytest.mark.parametrize(
    "answers, sizes",
    [
        ([STANDBY] * 4 + [""] * 2, [16] * 6),
        (["Moon in the seventh house"] * 3 + [""], [16] * 4),
        ([LIMIT, LIMIT, STANDBY, "", "", ""], [16, 8, 4, 4, 8, 16]),
        ([LIMIT] * 6, [16, 8, 4, 2, 1, 1]),
        ([TOO_LARGE, "", ""], [16, 8, 8]),
    ],
    ids=["outage", "unknown", "limit", "limit of one", "too large"],
)
def test_only_a_refusal_for_its_size_makes_the_next_array_smaller(
    cluster: Cluster, answers: list[str], sizes: list[int]
) -> None:
    cluster.says("scontrol", "MaxArraySize = 17\n")
    assert tried(cluster, cluster.backend(SCHEDULERS["slurm"](), as_arrays=True), answers) == sizes


@pytest.mark.parametrize(
    "name, command, job_id",
    [("slurm", "squeue", "7_{}"), ("slurm", "squeue", "7_{};two"), ("lsf", "bjobs", "7[{}]")],
)
def test_an_array_is_asked_for_once_however_many_jobs_it_has(
    cluster: Cluster, name: str, command: str, job_id: str
) -> None:
    cluster.says(command, stderr="slurm_load_jobs error: Invalid job id specified\nNo matching job found\n", status=1)
    cluster.says("sacct")
    backend = cluster.backend(SCHEDULERS[name]())
    jobs = [Job(one, job_id.format(one.run.number), Place(), 0.0) for one in cluster.attempts(*range(1, 1201))]
    cluster.clock.now = 1.0
    backend.poll(jobs)
    assert [call.split()[-1] for call in cluster.calls(command)] == ["7"]


def test_an_array_of_one_job_that_is_too_large_is_refused_for_good(cluster: Cluster) -> None:
    cluster.says("scontrol", "MaxArraySize = 1\n")
    cluster.says("sbatch", stderr=TOO_LARGE, status=1)
    with pytest.raises(SubmissionRefused):
        cluster.backend(SCHEDULERS["slurm"](), as_arrays=True).submit(cluster.attempts(1), Place())


@pytest.mark.parametrize("named", ["4711;c1\x0f", "-1", "", "4711\ud800", None, 4711])
def test_a_job_gets_no_id_that_the_journal_would_refuse(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, named: object
) -> None:
    cluster.says("sbatch")
    cluster.says("squeue", stdout="")
    scheduler = Slurm(SlurmWishes())
    monkeypatch.setattr(scheduler, "submitted_id", lambda answer: named)
    monkeypatch.setattr(scheduler, "rows", lambda answer: [JobRow(named, "sim_1.1.abc", Status(JobPhase.QUEUED))])
    backend, attempts = cluster.backend(scheduler), cluster.attempts(1)
    with pytest.raises(SubmissionUnsure, match=r"named the job .*, which is no id"):
        backend.submit(attempts, Place())
    with pytest.raises(SubmissionUnsure, match="asking once more"):
        backend.find(attempts)
