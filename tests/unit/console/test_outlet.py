"""Text is written whole and in order; a slow or missing reader holds up only callers that choose to wait."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

import pytest

from hpsearch.console.outlet import Outlet, OutletStream, outlets_of

#: More than a pipe holds.
MUCH = "x" * 300_000


class Pipe:
    """A pipe whose reader reads when a test says so."""

    def __init__(self) -> None:
        self.reader, writer = os.pipe()
        self.stream: TextIO = os.fdopen(writer, "w")

    def read(self, count: int) -> bytes:
        """Return this many bytes."""
        content = b""
        while len(content) < count:
            content += os.read(self.reader, count - len(content))
        return content


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.stream.close()
    os.close(pipe.reader)


def test_a_file_gets_text_at_once(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as stream:
        Outlet(stream).write(MUCH)
        assert (tmp_path / "out").read_text() == MUCH


@pytest.mark.parametrize(("text", "written"), [("ä", b"\xc3\xa4"), ("\udcff", b"\xff"), ("\ud800", b"\\ud800")])
def test_text_is_written_as_utf8_and_bytes_of_a_shell_as_they_were(pipe: Pipe, text: str, written: bytes) -> None:
    Outlet(pipe.stream).write(text)
    assert pipe.read(len(written)) == written


def test_what_waits_for_a_slow_reader_arrives_in_order(pipe: Pipe) -> None:
    outlet = Outlet(pipe.stream)
    assert outlet.write(MUCH)
    assert outlet.write("the end", most_waiting=len(MUCH))
    assert pipe.read(len(MUCH) + 7) == f"{MUCH}the end".encode()


def test_what_would_wait_behind_too_much_is_dropped(pipe: Pipe) -> None:
    outlet = Outlet(pipe.stream)
    outlet.write(MUCH)
    assert not outlet.write("dropped", most_waiting=100)
    pipe.read(len(MUCH))
    outlet.write_whole("kept")
    assert pipe.read(4) == b"kept"


def test_a_result_is_given_up_when_its_patience_ends(pipe: Pipe) -> None:
    Outlet(pipe.stream).write_whole(MUCH, patience_s=0.01)
    assert pipe.read(len(MUCH)) == MUCH.encode()


def test_only_results_tell_of_a_reader_that_is_gone() -> None:
    pipe = Pipe()
    os.close(pipe.reader)
    outlet = Outlet(pipe.stream)
    assert outlet.write("a message")
    with pytest.raises(BrokenPipeError):
        outlet.write_whole("a result")
    pipe.stream.close()


def test_ctrl_c_at_any_moment_leaves_an_outlet_that_writes_on(pipe: Pipe) -> None:
    outlet, interrupted = Outlet(pipe.stream), 0
    reader = threading.Thread(target=_read_until_end, args=(pipe.reader,), daemon=True)
    reader.start()

    def interrupt(number: int, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code is not Outlet.write_whole.__code__:
            frame = frame.f_back
        if frame is not None:
            raise KeyboardInterrupt

    earlier, until = signal.signal(signal.SIGALRM, interrupt), time.monotonic() + 20
    signal.setitimer(signal.ITIMER_REAL, 0.0001, 0.0001)
    try:
        while interrupted < 300 and time.monotonic() < until:
            try:
                outlet.write_whole("a line\n")
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)
    assert interrupted == 300
    outlet.write_whole("the end\n")
    # Otherwise it would read from the next pipe, which gets the same number.
    pipe.stream.close()
    reader.join()


def _read_until_end(descriptor: int) -> None:
    while os.read(descriptor, 65536):
        pass


def test_streams_with_one_reader_share_an_outlet(pipe: Pipe, tmp_path: Path) -> None:
    with os.fdopen(os.dup(pipe.stream.fileno()), "w") as same, (tmp_path / "err").open("w") as other:
        out, err = outlets_of(pipe.stream, same)
        assert out is err
        out, err = outlets_of(pipe.stream, other)
        assert out is not err


def test_who_writes_later_never_comes_first(pipe: Pipe, tmp_path: Path) -> None:
    """A command's own words and those on its error are written by two consoles."""
    with (tmp_path / "out").open("w") as out:
        _, first = outlets_of(out, pipe.stream)
        first.write(MUCH)
        _, second = outlets_of(out, pipe.stream)
        second.write("the end")
    assert pipe.read(len(MUCH) + 7) == f"{MUCH}the end".encode()


def test_a_stream_for_libraries_writes_through_the_outlet(pipe: Pipe) -> None:
    stream = OutletStream(Outlet(pipe.stream))
    print("a line", file=stream)
    assert (pipe.read(7), stream.isatty(), stream.fileno()) == (b"a line\n", False, pipe.stream.fileno())


def test_a_file_on_a_disk_that_is_away_holds_up_nobody(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    with open(descriptor, "w", closefd=False) as stream:
        os.close(descriptor)
        assert Outlet(stream).write("lost\n")
