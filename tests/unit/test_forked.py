"""Commands that tests fork."""

from __future__ import annotations

import os
import signal
import subprocess

from forked import ForkedCommand


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
