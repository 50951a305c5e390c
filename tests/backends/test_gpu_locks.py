"""Locks that keep two searches of one machine from starting on the same GPU at once."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.backends.gpu.locks import GpuLocks

HOLDER = """
import sys
from pathlib import Path
from hpsearch.backends.gpu.locks import GpuLocks
locks = GpuLocks(Path(sys.argv[1]), print)
print(locks.take("GPU-a"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def locks_in(folder: Path) -> GpuLocks:
    locks = GpuLocks(folder, pytest.fail)
    locks.prepare()
    return locks


def test_two_searches_do_not_hold_the_same_gpu(folder):
    first, second = locks_in(folder), locks_in(folder)
    assert (first.take("GPU-a"), second.take("GPU-a"), second.take("GPU-b")) == (True, False, True)


def test_a_lock_that_is_given_back_is_free(folder):
    first, second = locks_in(folder), locks_in(folder)
    first.take("GPU-a")
    first.keep_only(())
    assert second.take("GPU-a")


def test_a_dead_search_holds_nothing(folder):
    ours = locks_in(folder)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    held = other.stdout.readline().strip(), ours.take("GPU-a")
    other.kill()
    other.communicate()
    assert (held, ours.take("GPU-a")) == (("True", False), True)


def test_another_users_search_may_use_the_folder_and_the_files(folder):
    earlier = os.umask(0o077)
    try:
        locks_in(folder).take("GPU-a")
    finally:
        os.umask(earlier)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "GPU-a.lock")]
    assert modes == [0o1777, 0o666]


def test_a_start_of_another_search_makes_earlier_readings_worthless(folder):
    first, second = locks_in(folder), locks_in(folder)
    first.take("GPU-a")
    first.note_start("GPU-a", 1000.5)
    first.keep_only(())
    second.take("GPU-a")
    news = [second.has_other_start("GPU-a", since=since, now=1002.0) for since in (1000.0, 1001.0)]
    assert news == [True, False]


def test_a_start_of_ones_own_is_no_news(folder):
    locks = locks_in(folder)
    locks.take("GPU-a")
    locks.note_start("GPU-a", 1000.5)
    assert not locks.has_other_start("GPU-a", since=1000.0, now=1001.0)


def test_a_stamp_from_before_the_machine_was_started_is_no_start(folder):
    first, second = locks_in(folder), locks_in(folder)
    first.take("GPU-a")
    first.note_start("GPU-a", 90_000.0)
    first.keep_only(())
    second.take("GPU-a")
    assert not second.has_other_start("GPU-a", since=5.0, now=6.0)


def test_a_link_in_the_common_folder_is_not_followed(folder, tmp_path):
    locks = GpuLocks(folder, print)
    locks.prepare()
    target = tmp_path / "precious"
    target.write_text("precious")
    (folder / "GPU-a.lock").symlink_to(target)
    locks.take("GPU-a")
    locks.note_start("GPU-a", 1000.5)
    assert target.read_text() == "precious"


def test_a_folder_that_is_a_link_is_told_and_not_followed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    folder.symlink_to(target)
    warnings: list[str] = []
    locks = GpuLocks(folder, warnings.append)
    locks.prepare()
    assert (locks.take("GPU-a"), locks._held, list(target.iterdir())) == (True, {}, [])
    assert warnings == [
        f"{folder}: is a link, not a folder; two searches may start on a GPU at once; "
        "remove it, or give another folder by HPSEARCH_GPU_LOCKS, the same for all users"
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_in_which_another_user_may_change_everything_is_not_used(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    os.chown(folder, 65534, -1)
    warnings: list[str] = []
    locks = GpuLocks(folder, warnings.append)
    assert (locks.take("GPU-a"), list(folder.iterdir())) == (True, [])
    assert [text.startswith(f"{folder}: belongs to ") for text in warnings] == [True]


def plant_fifo(path: Path, elsewhere: Path) -> None:
    os.mkfifo(path)


def plant_folder(path: Path, elsewhere: Path) -> None:
    path.mkdir()


def plant_link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere)


def plant_dangling_link(path: Path, elsewhere: Path) -> None:
    path.symlink_to(elsewhere.with_name("nothing"))


def plant_second_name(path: Path, elsewhere: Path) -> None:
    path.hardlink_to(elsewhere)


def plant_socket(path: Path, elsewhere: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    "plant, kind",
    [
        (plant_fifo, "a FIFO"),
        (plant_folder, "a folder"),
        (plant_link, "a link"),
        (plant_dangling_link, "a link"),
        (plant_second_name, "a file with a second name"),
        (plant_socket, "a socket"),
    ],
)
def test_what_is_no_lock_is_named_once_and_keeps_no_search_from_its_gpu(
    folder: Path, tmp_path: Path, plant: Callable[[Path, Path], None], kind: str
) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("precious")
    warnings: list[str] = []
    locks = GpuLocks(folder, warnings.append)
    locks.prepare()
    plant(folder / "GPU-a.lock", elsewhere)
    taken = [locks.take("GPU-a"), locks.take("GPU-a")]
    locks.note_start("GPU-a", 1000.5)
    owner = pwd.getpwuid(os.geteuid()).pw_name
    assert (taken, locks._held, elsewhere.read_text()) == ([True, True], {}, "precious")
    assert warnings == [
        f"{folder / 'GPU-a.lock'}: is {kind} of {owner}, not a lock; two searches may start on a GPU at once; remove it"
    ]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_locks_is_not_another_search(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    warnings: list[str] = []
    locks = GpuLocks(folder, warnings.append)
    locks.prepare()
    assert (locks.take("GPU-a"), locks._held) == (True, {})
    assert warnings == [
        f"{folder / 'GPU-a.lock'}: cannot be locked ({os.strerror(number)}); two searches may start on a GPU at once; "
        "give HPSEARCH_GPU_LOCKS a folder on a local disk"
    ]


@pytest.mark.parametrize("stamp", ["5000.0", "inf", "nan", "1e300", "", "never", "\x00\xff"])
def test_a_stamp_that_can_be_of_no_start_refuses_no_gpu(folder: Path, stamp: str) -> None:
    locks = locks_in(folder)
    (folder / "GPU-a.lock").write_text(stamp)
    locks.take("GPU-a")
    assert not locks.has_other_start("GPU-a", since=1000.0, now=2000.0)


def test_a_folder_that_is_cleaned_away_in_a_long_search_is_made_anew(folder: Path) -> None:
    first, second = locks_in(folder), locks_in(folder)
    shutil.rmtree(folder)
    assert (first.take("GPU-a"), second.take("GPU-a"), set(first._held)) == (True, False, {"GPU-a"})


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    GpuLocks(tmp_path / "file" / "locks", warnings.append).prepare()
    assert [text.split(": ")[-1] for text in warnings] == [
        "cannot be made (Not a directory); two searches may start on a GPU at once"
    ]
