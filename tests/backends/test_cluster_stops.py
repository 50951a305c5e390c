"""Single jobs of a scheduler are stopped while others go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cluster_submissions import SCHEDULERS, Cluster

from hpsearch.core.model import Job, JobPhase, Place, RunState


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def started(cluster: Cluster, **wishes: object) -> tuple[object, list[Job]]:
    """Return a backend, and two jobs of one array that run."""
    cluster.says("scontrol")
    cluster.says("sbatch", "7\n")
    cluster.says("scancel")
    backend, attempts = cluster.backend(SCHEDULERS["slurm"](), as_arrays=True), cluster.attempts(1, 2)
    ids = backend.submit(attempts, Place(capacity=2))
    jobs = [Job(attempt, job_id, Place(), 0.0) for attempt, job_id in zip(attempts, ids, strict=True)]
    (script,) = (name for name in cluster.files() if ".batch." in name)
    rows = [f"7|{number}|RUNNING|None|n1|{cluster.folder}/logs/{script}\n" for number in (1, 2)]
    cluster.says("squeue", "".join(rows))
    return backend, jobs


def test_one_task_of_an_array_is_cancelled_alone(cluster: Cluster) -> None:
    backend, jobs = started(cluster)
    told = backend.stop([jobs[1]])  # type: ignore[attr-defined]
    assert (set(told), [call.split()[-1] for call in cluster.calls("scancel")]) == ({jobs[1].attempt.token}, ["7_2"])


def test_a_job_that_is_someone_elses_by_now_is_left_alone(cluster: Cluster) -> None:
    backend, jobs = started(cluster)
    cluster.says("squeue", "7|2|RUNNING|None|n1|/home/other/logs/theirs.sh\n")
    assert (set(backend.stop([jobs[1]])), cluster.calls("scancel")) == (set(), [])  # type: ignore[attr-defined]


def test_nobody_is_told_through_a_silent_scheduler(cluster: Cluster) -> None:
    backend, jobs = started(cluster)
    cluster.says("squeue", stderr="Socket timed out on send/recv operation\n", status=1)
    assert (set(backend.stop(jobs)), cluster.calls("scancel")) == (set(), [])  # type: ignore[attr-defined]


def test_a_run_that_was_told_to_end_has_ended_with_its_exit_file(cluster: Cluster) -> None:
    backend, jobs = started(cluster)
    backend.stop([jobs[1]])  # type: ignore[attr-defined]
    # Otherwise the backend would wait for the scheduler, which alone knows who ended it.
    jobs[1].attempt.exit_file.write_text("143 1 10 20 n1\n")
    statuses = backend.poll(jobs)  # type: ignore[attr-defined]
    found = {token: (status.phase, status.cause) for token, status in statuses.items()}
    assert found[jobs[1].attempt.token] == (JobPhase.ENDED, RunState.CANCELLED)
    assert found.get(jobs[0].attempt.token, (JobPhase.RUNNING, None))[0] is not JobPhase.ENDED
