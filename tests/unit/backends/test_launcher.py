"""How a run's launcher is started, on old and new systems."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import wait_until

from hpsearch.backends import launcher as module
from hpsearch.backends.launcher import Launcher, Starter, note_in
from hpsearch.backends.process_identity import group_is_alive, process_table
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused
from hpsearch.core.model import Attempt, Configuration, Run


def no_posix_spawn(*_: object, **__: object) -> int:
    raise NotImplementedError


def no_pidfd(pid: int) -> None:
    return None


@pytest.fixture(params=["new system", "no sessions in posix_spawn", "no pidfds"])
def starter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starter]:
    """Start runs as this system does, and as older ones do."""
    module._has_pidfds.cache_clear()
    if request.param == "no sessions in posix_spawn":
        monkeypatch.setattr(os, "posix_spawn", no_posix_spawn)
    elif request.param == "no pidfds":
        monkeypatch.setattr(module, "open_pidfd", no_pidfd)
    yield Starter()
    module._has_pidfds.cache_clear()


def attempt(folder: Path, *argv: str, cwd: Path | None = None) -> Attempt:
    run = Run(1, "sim_1", Configuration(()), str(folder / "sim_1"))
    return Attempt(run, 1, "sim_1.1.abc", argv, cwd or folder, folder / "exit", folder)


def ended(launcher: Launcher) -> int | None:
    """Let a launcher run its command; return its exit status."""
    launcher.let_go()
    status = launcher.process.wait()
    os.close(launcher.ended)
    return status


def children_of(parent: int) -> list[int]:
    return [pid for pid, entry in process_table().items() if entry.parent == parent]


def test_a_run_has_its_folder_its_variables_its_logs_and_leaves_its_status(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    script = 'echo "$PWD $GPU"; echo wrong >&2; exit 3'
    launcher = starter.start(attempt(tmp_path, "sh", "-c", script, cwd=tmp_path / "work"), {"GPU": "7"})
    assert ended(launcher) == 3
    assert (tmp_path / "sim_1.1.abc.out").read_text() == f"{tmp_path / 'work'} 7\n"
    assert (tmp_path / "sim_1.1.abc.err").read_text() == "wrong\n"
    note = note_in(tmp_path / "exit")
    assert note is not None and note.exit_status == 3


def test_a_run_without_the_word_to_go_does_nothing(starter: Starter, tmp_path: Path) -> None:
    launcher = starter.start(attempt(tmp_path, "touch", "begun"), {})
    launcher.shut_gate()
    launcher.process.wait()
    os.close(launcher.ended)
    wait_until(lambda: not group_is_alive(launcher.process.pid), "the end of what waited for the word")
    assert not (tmp_path / "begun").exists()
    assert note_in(tmp_path / "exit") is None


def test_a_run_whose_launcher_was_killed_does_not_begin(starter: Starter, tmp_path: Path) -> None:
    launcher = starter.start(attempt(tmp_path, "touch", "begun"), {})
    wait_until(lambda: len(children_of(launcher.process.pid)) == 1, "the process that becomes the run")
    os.kill(launcher.process.pid, signal.SIGKILL)
    select.select([launcher.ended], [], [], 30)
    assert ended(launcher) != 0
    wait_until(lambda: not group_is_alive(launcher.process.pid), "the end of what waited for the word")
    assert not (tmp_path / "begun").exists()


def test_a_run_begins_in_the_folder_that_is_there_then(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    launcher = starter.start(attempt(tmp_path, "touch", "begun", cwd=tmp_path / "work"), {})
    wait_until(lambda: len(children_of(launcher.process.pid)) == 1, "the process that becomes the run")
    (tmp_path / "work").rename(tmp_path / "old")
    (tmp_path / "work").mkdir()
    assert ended(launcher) == 0
    assert [*(tmp_path / "old").iterdir()] == []


def test_a_run_is_the_process_that_waited_for_the_word(starter: Starter, tmp_path: Path) -> None:
    launcher = starter.start(attempt(tmp_path, "sh", "-c", "echo $$"), {})
    wait_until(lambda: len(children_of(launcher.process.pid)) == 1, "the process that becomes the run")
    (waiting,) = children_of(launcher.process.pid)
    assert ended(launcher) == 0
    assert (tmp_path / "sim_1.1.abc.out").read_text() == f"{waiting}\n"


def test_a_run_inherits_no_file_that_the_controllers_caller_left_open(tmp_path: Path) -> None:
    kept = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(kept, True)
    try:
        launcher = Starter().start(attempt(tmp_path, "ls", "-l", "/proc/self/fd"), {})
    finally:
        os.close(kept)
    assert ended(launcher) == 0
    assert f"-> {tmp_path}\n" not in (tmp_path / "sim_1.1.abc.out").read_text()


def test_a_run_leads_a_session_and_ignores_no_signal_that_only_python_ignores(starter: Starter, tmp_path: Path) -> None:
    launcher = starter.start(attempt(tmp_path, "grep", "SigIgn", "/proc/self/status"), {})
    assert os.getsid(launcher.process.pid) == launcher.process.pid
    assert ended(launcher) == 0
    ignored = int((tmp_path / "sim_1.1.abc.out").read_text().split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


def test_a_run_without_its_working_folder_is_refused_and_leaves_no_log(starter: Starter, tmp_path: Path) -> None:
    with pytest.raises(SubmissionRefused, match="No such file or directory"):
        starter.start(attempt(tmp_path, "true", cwd=tmp_path / "gone"), {})
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_log_cannot_be_written_waits(starter: Starter, tmp_path: Path) -> None:
    (tmp_path / "sim_1.1.abc.err").symlink_to("/dev/full")
    with pytest.raises(SubmissionDelayed, match="no log can be written there"):
        starter.start(attempt(tmp_path, "true"), {})
    assert list(tmp_path.iterdir()) == []


def test_a_run_starts_where_open_files_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.listdir

    def listed(path: str) -> list[str]:
        if path == "/dev/fd":
            raise FileNotFoundError(path)
        return whole(path)

    monkeypatch.setattr(os, "listdir", listed)
    assert ended(Starter().start(attempt(tmp_path, "true"), {})) == 0
