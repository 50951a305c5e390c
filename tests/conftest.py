"""Fixtures for all tests: a project folder of a user, with scripts and grid modules, and the command as a process."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project

#: All processes that a test starts inherit this variable, whose value is the test's own.
_TEST_MARK = "HPSEARCH_TEST"
#: So long may what a test has started and told to end take to be gone, on a busy machine.
_LAST_BREATH_S = 10.0


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
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees what the caller's shell says about GPUs, schedulers or the terminal, or leaves processes behind."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "SBATCH_", "LSB_", "CUDA_")) or name == "HPSEARCH_ATTEMPT":
            monkeypatch.delenv(name)
    mark = secrets.token_hex(8)
    monkeypatch.setenv(_TEST_MARK, mark)
    yield
    left = _left_of(mark)
    deadline = time.monotonic() + _LAST_BREATH_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = _left_of(mark)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not left, f"this test left processes behind: {left}"


def _left_of(mark: str) -> dict[int, str]:
    """Return the live processes that a test has started: number -> command line."""
    left = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{_TEST_MARK}={mark}".encode() in (folder / "environ").read_bytes():
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
                left[int(folder.name)] = " ".join(words).strip()
    return left
