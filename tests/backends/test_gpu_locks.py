"""Locks that keep two searches of one machine from starting on the same GPU at once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.backends.gpu_locks import GpuLocks

HOLDER = """
import sys
from pathlib import Path
from hpsearch.backends.gpu_locks import GpuLocks
locks = GpuLocks(Path(sys.argv[1]))
print(locks.take("GPU-a"), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


def locks_in(folder: Path) -> GpuLocks:
    locks = GpuLocks(folder)
    assert locks.prepare() == ""
    return locks


def test_two_searches_do_not_hold_the_same_gpu(folder):
    first, second = locks_in(folder), locks_in(folder)
    assert (first.take("GPU-a"), second.take("GPU-a"), second.take("GPU-b")) == (True, False, True)


def test_a_lock_that_is_given_back_is_free(folder):
    first, second = locks_in(folder), locks_in(folder)
    first.take("GPU-a")
    first.keep(())
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
    first.keep(())
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
    first.keep(())
    second.take("GPU-a")
    assert not second.has_other_start("GPU-a", since=5.0, now=6.0)


def test_a_link_in_the_common_folder_is_not_followed(folder, tmp_path):
    locks = locks_in(folder)
    target = tmp_path / "precious"
    target.write_text("precious")
    (folder / "GPU-a.lock").symlink_to(target)
    locks.take("GPU-a")
    locks.note_start("GPU-a", 1000.5)
    assert target.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    problem = GpuLocks(tmp_path / "file" / "locks").prepare()
    assert problem.endswith("cannot be made (Not a directory); two searches may start on a GPU at once")
