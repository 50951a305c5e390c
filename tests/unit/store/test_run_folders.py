"""Logs and the command of a run are put into its folder when it ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from searches import SETTINGS

from hpsearch.core.errors import StoreError
from hpsearch.core.model import Configuration, Run
from hpsearch.store.layout import SearchFolder
from hpsearch.store.run_folders import (
    copy_run,
    holds_work,
    move_file,
    move_log_aside,
    put_files_in_place,
    set_logs_aside,
)

RUN = Run(1, "sim_1", Configuration((("x", 1),)), "o/sim_1")


def put(folder: Path, *logs: str) -> list[str]:
    """Put logs of these names in place; return what is in the run's folder then."""
    put_files_in_place(str(folder / "sim_1"), [(folder / name, f"job.{name}") for name in logs], RUN, SETTINGS)
    return sorted(path.name for path in (folder / "sim_1").iterdir())


def test_a_folder_that_the_run_did_not_make_is_made_for_its_logs_and_command(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("printed")
    (tmp_path / "err").write_text("")
    assert put(tmp_path, "out", "err") == ["hpsearch_command.sh", "job.err", "job.out"]
    assert (tmp_path / "sim_1" / "job.out").read_text() == "printed"
    assert not (tmp_path / "out").exists()


def test_a_run_without_logs_has_a_folder_with_its_command(tmp_path: Path) -> None:
    assert put(tmp_path, "out") == ["hpsearch_command.sh"]


def test_putting_files_in_place_twice_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("printed")
    assert put(tmp_path, "out") == put(tmp_path, "out") == ["hpsearch_command.sh", "job.out"]


def test_a_file_of_the_script_with_the_name_of_a_log_stays(tmp_path: Path) -> None:
    (tmp_path / "sim_1").mkdir()
    (tmp_path / "sim_1" / "job.out").write_text("the script's")
    (tmp_path / "out").write_text("printed")
    assert put(tmp_path, "out") == ["hpsearch_command.sh", "job.out", "job.out.2"]
    assert (tmp_path / "sim_1" / "job.out").read_text() == "the script's"


def test_a_file_is_moved_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("x")

    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", refuse)
    move_file(tmp_path / "a", tmp_path / "b")
    assert ((tmp_path / "b").read_text(), (tmp_path / "a").exists()) == ("x", False)


def test_logs_are_set_aside_and_the_folder_goes_if_nothing_else_is_in_it(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    own = folder.run_folder(RUN)
    own.mkdir()
    for name in ("job_sim_1.out", "job_sim_1.err"):
        (own / name).write_text(name)
    set_logs_aside(folder, RUN, 1)
    aside = folder.attempts / "sim_1.attempt1"
    assert (sorted(path.name for path in aside.iterdir()), own.exists()) == (["job_sim_1.err", "job_sim_1.out"], False)


def test_logs_that_cannot_be_set_aside_are_told(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    own, target = folder.run_folder(RUN), folder.attempts / "sim_1.attempt1"
    own.mkdir()
    (own / "job_sim_1.out").touch()
    folder.attempts.rmdir()
    folder.attempts.touch()
    with pytest.raises(StoreError) as caught:
        set_logs_aside(folder, RUN, 1)
    assert str(caught.value) == f"{own}: its logs cannot be moved to {target} (Not a directory)"


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_the_log_of_an_earlier_attempt_goes_to_the_folder_of_that_attempt_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool
) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    aside = folder.attempts / "sim_1.attempt2"
    aside.mkdir()
    logs = [folder.logs / f"sim_1.{number}.aaaaaa.out" for number in (1, 2)]
    if is_elsewhere:
        # As if the user had made the attempt's folder a link to another file system.
        monkeypatch.setattr(os, "rename", Mock(side_effect=OSError(errno.EXDEV, "Invalid cross-device link")))
    for number, log in enumerate(logs, start=1):
        log.touch()
        move_log_aside(folder, RUN, number, log)
    assert [log.exists() for log in logs] == [True, False]
    assert [path.name for path in aside.iterdir()] == ["sim_1.2.aaaaaa.out"]


def test_files_of_the_script_stay_where_they_are_when_logs_are_set_aside(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    folder.run_folder(RUN).mkdir()
    (folder.run_folder(RUN) / "model.pt").write_text("")
    set_logs_aside(folder, RUN, 1)
    assert [path.name for path in folder.run_folder(RUN).iterdir()] == ["model.pt"]
    assert not list(folder.attempts.iterdir())


@pytest.mark.parametrize(
    ("names", "answer"),
    [
        ([], False),
        (["job_sim_1.out", "job_sim_1.err.2", "hpsearch_command.sh"], False),
        (["model.pt.new", "model.pt.part", "model.pt.tmp"], False),
        (["job_sim_1.out", "model.pt"], True),
        (["other.out"], True),
    ],
)
def test_a_folder_holds_work_if_the_script_has_completed_a_file(tmp_path: Path, names: list[str], answer: bool) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert holds_work(tmp_path, RUN) is answer
    assert not holds_work(tmp_path / "missing", RUN)


def test_a_run_is_copied_whole_although_a_copy_was_begun_before(tmp_path: Path) -> None:
    for path, text in {"sim_1/a/b": "x", "results/.sim_1.part/half": ""}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "sim_1" / "dead").symlink_to("nowhere")
    copy_run(tmp_path / "sim_1", tmp_path / "results")
    assert [str(path.relative_to(tmp_path)) for path in sorted((tmp_path / "results").rglob("*"))] == [
        *("results/sim_1", "results/sim_1/a", "results/sim_1/a/b")
    ]


def test_a_run_that_cannot_be_copied_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "sim_1").mkdir()
    os.mkfifo(tmp_path / "sim_1" / "pipe")
    with pytest.raises(StoreError) as caught:
        copy_run(tmp_path / "sim_1", tmp_path / "results")
    assert str(caught.value) == (
        f"{tmp_path}/sim_1: cannot be copied to {tmp_path}/results (`{tmp_path}/sim_1/pipe` is a named pipe)"
    )
    assert not list((tmp_path / "results").iterdir())
