"""Jobs that another cluster of a federation has taken over: their own cluster shows them so also after their end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (tmp_path / "logs").mkdir()
    run = Run(1, "sim_1", Configuration(()), "out")
    return Job(
        Attempt(run, 1, "sim_1.1.ab", ("true",), tmp_path, tmp_path / "exit", tmp_path / "logs"), "11", Place(), 0
    )


@pytest.fixture
def backend(tmp_path: Path) -> Callable[[], ClusterBackend]:
    """Make a Slurm whose squeue always says that job 11 was taken over; each call leaves a line."""

    def make() -> ClusterBackend:
        row = f"11|N/A|REVOKED|None||{tmp_path}/logs/sim_1.1.ab.sh"
        for name, text in (("squeue", f"echo x >>{tmp_path}/asked\necho '{row}'"), ("scancel", "")):
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        clock = iter(range(0, 100_000, 10)).__next__
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return ClusterBackend(Slurm(SlurmWishes()), ClusterWishes(), lambda text: None, environ, clock)

    return make


@pytest.fixture
def alarm() -> Iterator[int]:
    """A file that never becomes readable."""
    reader, writer = os.pipe()
    yield reader
    os.close(reader)
    os.close(writer)


def phase(backend: ClusterBackend, job: Job) -> JobPhase:
    return backend.poll([job])[job.attempt.token].phase


def test_a_job_that_another_cluster_has_ended_is_waited_for_no_longer(
    backend: Callable[[], ClusterBackend], job: Job, alarm: int, tmp_path: Path
) -> None:
    job.attempt.exit_file.write_text("143 1 0 1 node\n")
    slurm = backend()
    slurm.cancel([job], alarm)
    assert len((tmp_path / "asked").read_text().split()) == 2
    assert phase(slurm, job) is JobPhase.ENDED


def test_a_job_that_may_live_on_another_cluster_is_not_told_as_ended(
    backend: Callable[[], ClusterBackend], job: Job, alarm: int
) -> None:
    slurm = backend()
    slurm.cancel([job], alarm)
    assert phase(slurm, job) is JobPhase.RUNNING
