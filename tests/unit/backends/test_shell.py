"""Calls of other programs: each has a time limit, whatever processes it leaves behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from hpsearch.backends.shell import run_command


def test_a_daemon_that_a_command_leaves_does_not_keep_us_waiting(tmp_path: Path) -> None:
    answer = run_command(["bash", "-c", "setsid sleep 30 & echo $! > pid; sleep 30"], 0.5, folder=tmp_path)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert answer.exit_status is None
