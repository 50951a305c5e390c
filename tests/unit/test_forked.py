"""Commands that tests fork."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from forked import ForkedCommand
from project import FORK_SERVER, SURROUNDINGS


def test_a_command_that_has_ended_without_news_of_it_yet_may_be_killed() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    news, teller = os.pipe()
    os.write(teller, str(ended.pid).encode())
    command = ForkedCommand(["true"], news, ())
    command.send_signal(signal.SIGKILL)
    os.write(teller, b"0")
    os.close(teller)
    assert command.wait(0) == 0


def test_ctrl_c_ends_a_command_that_is_being_forked() -> None:
    command = FORK_SERVER.start([sys.executable, "-c", "pass"], Path.cwd(), {**os.environ, **SURROUNDINGS})
    assert command is not None
    command.communicate(timeout=30)
    status = dict(line.split(":\t") for line in Path(f"/proc/{FORK_SERVER.pid}/status").read_text().splitlines())
    handled_or_ignored = int(status["SigCgt"], 16) | int(status["SigIgn"], 16)
    assert (command.returncode, handled_or_ignored >> signal.SIGINT - 1 & 1) == (0, 0)
