"""Fixtures for all tests: a project folder of a user, with scripts and grid modules, and the command as a process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from project import Project


def pytest_configure() -> None:
    """Let searches notice SIGHUP, also if these tests were started by nohup, which all processes inherit."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A user's project in a folder of its own (whose name needs quoting), with a small script and grid module."""
    folder = tmp_path / "my project"
    folder.mkdir()
    return Project(folder)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees what the caller's shell says about GPUs, schedulers or the terminal."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "SBATCH_", "LSB_", "CUDA_")):
            monkeypatch.delenv(name)
