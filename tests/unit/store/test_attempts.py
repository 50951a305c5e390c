"""Where the folders and logs of a run's earlier attempts lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpsearch.core.model import Configuration, Run
from hpsearch.folder.reading import logs_of_attempts
from hpsearch.journal.events import AttemptSubmitted
from hpsearch.journal.run_record import RunRecord
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import folders_aside, move_aside, move_back, move_entry

RUN = Run(1, "sim_1", Configuration((("x", 1),)), "out/sim_1")


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    search = SearchFolder(tmp_path / "out" / "search")
    search.create_state()
    return search


@pytest.fixture(params=["../../scratch/here", "../../scratch/./here", "elsewhere", ".hpsearch/attempts/odd"])
def linked(folder: SearchFolder, request: pytest.FixtureRequest) -> Path:
    """The output folder of the run, which its script made as a relative link."""
    path = folder.run_folder(RUN)
    path.symlink_to(request.param)
    path.resolve().mkdir(parents=True)
    (path / "file").write_text("content")
    return path


def test_a_relative_link_leads_to_the_same_place_when_it_is_moved_aside_and_back(
    folder: SearchFolder, linked: Path
) -> None:
    leads_to = linked.readlink()
    moved = move_aside(folder, RUN, 1)
    assert moved is not None
    assert (moved / "file").read_text() == "content"
    assert not linked.is_symlink()
    move_back(folder, RUN, moved)
    assert (linked / "file").read_text() == "content"
    assert linked.resolve() == (linked.parent / leads_to).resolve()


def test_a_link_that_is_moved_back_says_what_it_said_before(folder: SearchFolder) -> None:
    path = folder.run_folder(RUN)
    path.symlink_to("../../scratch/here")
    moved = move_aside(folder, RUN, 1)
    assert moved is not None
    move_back(folder, RUN, moved)
    assert str(path.readlink()) == "../../scratch/here"


def test_an_absolute_link_is_moved_as_it_is(folder: SearchFolder, tmp_path: Path) -> None:
    folder.run_folder(RUN).symlink_to(tmp_path)
    moved = move_aside(folder, RUN, 1)
    assert moved is not None
    assert moved.readlink() == tmp_path


def test_a_link_is_set_apart_whole(folder: SearchFolder, linked: Path) -> None:
    folder.to_be_deleted.mkdir()
    move_entry(linked, folder.to_be_deleted / RUN.folder)
    assert (folder.to_be_deleted / RUN.folder / "file").read_text() == "content"


def leave(folder: SearchFolder, attempt: int, log: str = "") -> None:
    """Let an attempt leave its folder, moved aside; log: what it printed, nothing = it left none."""
    path = folder.run_folder(RUN)
    path.mkdir()
    if log:
        (path / "job_sim_1.out").write_text(log)
    move_aside(folder, RUN, attempt)


def texts(folder: SearchFolder, attempts: int) -> dict[int, str]:
    submitted = AttemptSubmitted(1, "token", "1@1", "here", 0.0)
    entry = RunRecord(RUN, token="token", attempts=attempts, submitted=submitted)
    return {number: path.read_text() for number, path in logs_of_attempts(folder, entry, ".out").items()}


def test_a_log_is_that_of_its_own_attempt_whichever_others_left_none(folder: SearchFolder) -> None:
    leave(folder, 1)
    leave(folder, 2, "second")
    leave(folder, 4, "fourth")
    folder.run_folder(RUN).mkdir()
    (folder.run_folder(RUN) / "job_sim_1.out").write_text("fifth")
    assert texts(folder, attempts=5) == {2: "second", 4: "fourth", 5: "fifth"}


def test_the_folder_that_returned_to_its_place_is_that_of_an_earlier_attempt(folder: SearchFolder) -> None:
    leave(folder, 2, "second")
    folder.run_folder(RUN).mkdir()
    (folder.run_folder(RUN) / "job_sim_1.out").write_text("first")
    assert texts(folder, attempts=2) == {1: "first", 2: "second"}


def test_the_log_of_a_live_attempt_is_the_newest(folder: SearchFolder) -> None:
    leave(folder, 1, "first")
    (folder.logs / "token.out").write_text("second")
    assert texts(folder, attempts=2) == {1: "first", 2: "second"}


def test_folders_with_the_names_of_earlier_versions_are_told_apart(folder: SearchFolder) -> None:
    for name in ("sim_1.attempt1", "sim_1.attempt1.2", "sim_1.attempt1.10", "sim_1.attempt_mine"):
        (folder.attempts / name).mkdir()
    assert list(folders_aside(folder, RUN)) == [1, 2, 10]
