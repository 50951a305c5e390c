"""If a scheduler's command could be started once, but no longer can, that counts as no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes
from hpsearch.core.errors import SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run


class SteppedClock:
    """A clock that goes on by ten seconds each time it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10
        return self.now


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def backend(tmp_path: Path, told: list[str]) -> ClusterBackend:
    """A Slurm whose commands are gone."""
    environment = {"PATH": str(tmp_path / "nowhere")}
    return ClusterBackend(Slurm(SlurmWishes()), ClusterWishes(), told.append, environment, SteppedClock())


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    run = Run(1, "sim_1", Configuration((("x", 1),)), str(tmp_path / "sim_1"))
    return Attempt(run, 1, "sim_1.1.abc", ("true",), tmp_path, tmp_path / "exit", tmp_path)


def test_no_job_ends_and_the_user_is_told_once(backend: ClusterBackend, attempt: Attempt, told: list[str]) -> None:
    job = Job(attempt, "12", Place(), 0.0)
    assert [list(backend.poll([job])), list(backend.poll([job]))] == [[attempt.token]] * 2
    (message,) = told
    assert message.startswith("warning: Slurm does not answer (squeue was not found)")


def test_a_submission_is_in_doubt(backend: ClusterBackend, attempt: Attempt) -> None:
    with pytest.raises(SubmissionUnsure, match="sbatch was not found"):
        backend.submit([attempt], Place())
