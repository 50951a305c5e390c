"""Standard output is redirected while code of the user runs: by several at once, and restored whatever happens."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from hpsearch.console.user_output import output_on_stderr


def test_output_comes_back_when_the_last_of_several_needs_no_detour(capfd: pytest.CaptureFixture[str]) -> None:
    with output_on_stderr():
        with output_on_stderr():
            os.write(1, b"inside\n")
        os.write(1, b"still inside\n")
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("after\n", "inside\nstill inside\n")


def test_output_comes_back_after_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    stream = sys.stdout
    with pytest.raises(ValueError, match="boom"), output_on_stderr():
        raise ValueError("boom")
    os.write(1, b"after\n")
    assert (sys.stdout is stream, capfd.readouterr().out) == (True, "after\n")


def test_what_was_printed_before_stays_a_result(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("before")
    with output_on_stderr():
        print("inside")  # noqa: T201
    assert capfd.readouterr() == ("before", "inside\n")


def test_two_threads_share_one_detour(capfd: pytest.CaptureFixture[str]) -> None:
    stream, first_is_in, second_is_in = sys.stdout, threading.Event(), threading.Event()

    def first() -> None:
        with output_on_stderr():
            first_is_in.set()
            assert second_is_in.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(10)
    with output_on_stderr():
        second_is_in.set()
        thread.join()
        os.write(1, b"inside\n")
    os.write(1, b"after\n")
    assert capfd.readouterr() == ("after\n", "inside\n")
    assert sys.stdout is stream
