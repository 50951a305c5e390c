"""Fixtures with a machine with GPUs and an LSF cluster; load them with `pytest_plugins` or by importing them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .worlds import FakeGpus, FakeLsf


@pytest.fixture
def fake_gpus(tmp_path: Path) -> Iterator[FakeGpus]:
    """Give a machine with two idle GPUs of 16384 MiB; `write` describes another one."""
    with FakeGpus(tmp_path / "gpus") as gpus:
        yield gpus.write({}, {})


@pytest.fixture
def fake_lsf(tmp_path: Path) -> Iterator[FakeLsf]:
    """Give an LSF cluster with four slots; `write` changes its settings. All its jobs end with the test."""
    with FakeLsf(tmp_path / "lsf") as lsf:
        yield lsf.write()
