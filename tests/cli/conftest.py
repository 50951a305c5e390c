"""Fixtures that several black-box tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import ROOT, Project
from standins.worlds import FakeLsf


@pytest.fixture
def lsf(project: Project, tmp_path: Path) -> Iterator[FakeLsf]:
    """A cluster with four slots, to which the project's commands talk."""
    with FakeLsf(tmp_path / "lsf") as cluster:
        cluster.write(terminate_interval_s=0.2)
        project.environment.update({**cluster.own_variables(), "PATH": cluster.env()["PATH"]})
        yield cluster


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make a folder one that has the package in it, as in a clone or where it was installed, and return the folder.

    Its files are links to a copy that all these folders share: replace them or add some, but change none.
    """
    shared = tmp_path_factory.mktemp("package") / "hpsearch"
    shutil.copytree(ROOT / "hpsearch", shared)

    def made(folder: Path) -> Path:
        shutil.copytree(shared, folder / "hpsearch", copy_function=os.link)
        return folder

    return made
