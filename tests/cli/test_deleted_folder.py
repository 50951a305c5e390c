"""A search folder is deleted or moved while the search runs: the message says so."""

from __future__ import annotations

import shutil

import pytest
from project import Project, journal_has, wait_until


@pytest.mark.parametrize("is_moved", [False, True], ids=["deleted", "moved"])
def test_a_folder_that_went_away_is_told_and_nobody_is_asked_to_make_room(project: Project, is_moved: bool) -> None:
    project.grid({"x": [1, 2, 3], "sleep": [0.5]})
    controller = project.start("--out_dir=s", "--force_out_dir")
    folder = project.path / "s"
    wait_until(lambda: journal_has(folder, "submitted", 1), "a live run")
    folder.rename(project.path / "elsewhere")
    if not is_moved:
        shutil.rmtree(project.path / "elsewhere")
    _, told = controller.communicate(timeout=60)
    assert (controller.returncode, "Traceback" in told, "make room" in told) == (1, False, False), told
    assert "the search folder was deleted or moved while the search ran" in told
    if is_moved:
        assert project.ask("resume", "elsewhere").exit_status == 0
