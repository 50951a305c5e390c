"""Whether a group of processes is left: those that have ended and are not waited for do not count."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from project import wait_until

from hpsearch.backends.process_identity import group_is_alive, is_alive, lives, start_time
from hpsearch.core.errors import BackendError
from hpsearch.startup.host import host_name

#: Its child outlives it, in the same group.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=0)
print(child.pid, flush=True)
"""


def test_a_process_that_nobody_waits_for_is_no_live_group() -> None:
    with subprocess.Popen(["true"], start_new_session=True) as process:
        wait_until(lambda: start_time(process.pid) is None, "its end")
        assert not group_is_alive(process.pid)


def test_a_child_that_outlives_its_parent_keeps_the_group_alive() -> None:
    argv = [sys.executable, "-S", "-c", PARENT]
    with subprocess.Popen(
        argv, start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        child = int(process.stdout.readline())  # type: ignore[union-attr]
        wait_until(lambda: start_time(process.pid) is None, "the parent's end")
        with_child = group_is_alive(process.pid)
        process.stdin.close()  # type: ignore[union-attr]
        wait_until(lambda: start_time(child) is None, "the child's end")
        assert (with_child, group_is_alive(process.pid)) == (True, False)


def test_whether_a_process_lives_whose_start_was_not_known_cannot_be_told() -> None:
    with pytest.raises(BackendError, match="nothing was known of when process"):
        is_alive(f"{os.getpid()}@")
    assert lives(f"{os.getpid()}@", host_name()) is None
    assert not is_alive("999999999@")
