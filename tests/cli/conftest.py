"""Surroundings that several black-box tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from project import Project
from standins.worlds import FakeLsf


@pytest.fixture
def lsf(project: Project, tmp_path: Path) -> Iterator[FakeLsf]:
    """A cluster with four slots, to which the project's commands talk."""
    with FakeLsf(tmp_path / "lsf") as cluster:
        cluster.write(terminate_interval_s=0.2)
        project.environment.update({**cluster.own_variables(), "PATH": cluster.env()["PATH"]})
        yield cluster
