"""A terminal or pipe that nobody reads holds up no search and no signal; a file gets everything."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest
from project import Project, has_rows, has_said, journal_has, wait_until

#: Prints more than a pipe or terminal holds, then leaves its summary.
LOUD = """\
#!/bin/sh
sleep=0
for word; do case $word in --out_dir=*) out=${word#*=};; --size=*) size=${word#*=};; --sleep=*) sleep=${word#*=};; esac
done
mkdir "$out" || exit 3
head -c "$size" /dev/zero | tr '\\0' 'Z'
echo "the end of $out"
sleep "$sleep"
printf 'acc 1\\nfinished 1\\n' >"$out/summary.txt"
"""


@pytest.fixture
def loud(project: Project) -> Project:
    """A project whose three runs print a megabyte each."""
    project.grid({"x": [1, 2, 3], "size": [1_000_000]}, script=LOUD)
    return project


def start(project: Project, out: int, err: int, *options: str) -> subprocess.Popen[str]:
    """Start a search in the folder `out`, with these files as its standard output and standard error."""
    argv = project.argv("--out_dir=out", "--force_out_dir", *options)
    return subprocess.Popen(
        argv, cwd=project.path, env=project.environ(), stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True
    )


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe that has a reader who never reads."""
    reader, writer = os.pipe()
    yield writer
    os.close(writer)
    os.close(reader)


def test_a_search_ends_although_nobody_reads_what_it_prints(loud: Project, unread: int) -> None:
    search = start(loud, subprocess.DEVNULL, unread)
    assert search.wait(timeout=60) == 0
    assert has_rows(loud.path / "out", 3)


def test_an_unread_line_of_results_is_waited_for_and_a_signal_ends_the_waiting(loud: Project, unread: int) -> None:
    search = start(loud, unread, unread)
    wait_until(lambda: journal_has(loud.path / "out", "collected", 3), "all runs", 60)
    wait_until(lambda: has_said(loud.path / "out", "3 finished"), "the closing lines")
    search.send_signal(signal.SIGINT)
    assert search.wait(timeout=20) in (0, 130)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_search_that_nobody_reads(
    project: Project, unread: int, number: signal.Signals, status: int
) -> None:
    project.grid({"x": [1, 2], "size": [1_000_000], "sleep": [600]}, script=LOUD)
    search = start(project, unread, unread)
    logs = project.path / "out" / ".hpsearch" / "logs"
    wait_until(lambda: any("the end" in path.read_text() for path in logs.glob("*.out")), "a run that has printed all")
    search.send_signal(number)
    assert search.wait(timeout=20) == status


def test_a_terminal_that_was_stopped_gets_the_results_when_it_goes_on(loud: Project) -> None:
    terminal, other_end = pty.openpty()
    os.write(terminal, b"\x13")
    search = start(loud, other_end, other_end)
    os.close(other_end)
    wait_until(lambda: journal_has(loud.path / "out", "collected", 3), "all runs", 60)
    os.write(terminal, b"\x11")
    shown = read_all(terminal)
    assert search.wait(timeout=20) == 0
    assert shown.splitlines()[-1].decode() == str(loud.path / "out" / "search_results.csv")


def test_a_terminal_that_goes_on_shows_no_text_behind_the_bar(project: Project) -> None:
    project.grid({"x": [1, 2, 3], "size": [9], "sleep": [3]}, script=LOUD)
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    search = start(project, other_end, other_end)
    os.close(other_end)
    shown = b""
    # The bar is drawn anew while nothing happens: it is the next output on the terminal.
    while shown.count(b"1/3 |") < 3:
        shown += os.read(terminal, 65536)
    os.write(terminal, b"\x13")
    wait_until(lambda: journal_has(project.path / "out", "collected", 3), "all runs", 60)
    os.write(terminal, b"\x11")
    shown += read_all(terminal)
    assert search.wait(timeout=20) == 0
    # The final text of each line; the terminal makes line breaks "\r\n".
    lines = [line.rpartition(b"\r")[2] for line in shown.replace(b"\r\n", b"\n").split(b"\n")]
    assert [line[:5] for line in lines if b" elapsed" in line] == [b"3/3 |"]
    assert [line for line in lines if line.startswith(b"run 3/3 started")] != []


def test_a_line_that_is_written_in_parts_stands_whole_on_a_terminal(project: Project) -> None:
    slow_line = "printf 'half a '; sleep 1.5; echo line; printf 'no line break'; exit 1"
    script = LOUD.replace("head -c", f"{slow_line}\nhead -c")
    project.grid({"x": [1]}, script=script)
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    search = start(project, other_end, other_end)
    os.close(other_end)
    shown = read_all(terminal)
    assert search.wait(timeout=20) == 1
    lines = [line.rpartition(b"\r")[2] for line in shown.replace(b"\r\n", b"\n").split(b"\n")]
    assert [line for line in lines if line in (b"half a line", b"no line break")] == [b"half a line", b"no line break"]


def read_all(terminal: int) -> bytes:
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:
        pass  # The other end is closed, which Linux reports as an error.
    os.close(terminal)
    return shown


def test_what_a_slow_reader_does_not_see_is_said(loud: Project) -> None:
    reader, writer = os.pipe()
    search = start(loud, subprocess.DEVNULL, writer)
    os.close(writer)
    wait_until(lambda: journal_has(loud.path / "out", "collected", 3), "all runs", 60)
    shown = read_all(reader).decode()
    assert search.wait(timeout=20) == 0
    assert shown.count("Z") < 3_000_000
    assert "bytes are not shown here; the run's log has them all" in shown
    assert [line.partition(" ")[2] for line in shown.splitlines() if "finished after" in line] != []


def test_a_file_gets_all_that_the_runs_print(loud: Project) -> None:
    with (loud.path / "err.txt").open("wb") as file:
        search = start(loud, subprocess.DEVNULL, file.fileno())
        assert search.wait(timeout=60) == 0
    shown = (loud.path / "err.txt").read_text()
    assert (shown.count("Z"), shown.count("the end of")) == (3_000_000, 3)


def test_a_reader_that_keeps_up_gets_all_that_the_runs_print(loud: Project) -> None:
    shown = loud.search().stderr
    assert (shown.count("Z"), shown.count("the end of")) == (3_000_000, 3)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_goes_away_ends_no_search(loud: Project, stream: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": (writer, subprocess.DEVNULL), "stderr": (subprocess.DEVNULL, writer)}
    search = start(loud, *streams[stream])
    os.close(writer)
    assert search.wait(timeout=60) == 0
    assert has_rows(loud.path / "out", 3)


def test_a_terminal_shows_only_the_end_of_what_a_run_prints_at_once(loud: Project) -> None:
    terminal, other_end = pty.openpty()
    search = start(loud, subprocess.DEVNULL, other_end)
    os.close(other_end)
    shown = read_all(terminal)
    assert search.wait(timeout=20) == 0
    assert shown.count(b"Z") < 1_500_000
    assert shown.count(b"the end of") == 3
    assert b"bytes are not shown here; the run's log has them all" in shown


@pytest.fixture
def in_little_memory() -> list[str]:
    """The command prefix that limits the address space to half a gigabyte."""
    return ["sh", "-c", 'ulimit -v 500000; exec "$@"', "sh"]


@pytest.mark.parametrize("to_terminal", [True, False])
def test_a_run_that_prints_without_measure_costs_no_memory(
    project: Project, in_little_memory: list[str], to_terminal: bool
) -> None:
    project.grid({"x": [1], "size": [200_000_000]}, script=LOUD)
    terminal, other_end = pty.openpty()
    with (project.path / "err.txt").open("wb") as file:
        search = subprocess.Popen(
            [*in_little_memory, *project.argv("--out_dir=out", "--force_out_dir")],
            cwd=project.path,
            env=project.environ(),
            stdout=subprocess.DEVNULL,
            stderr=other_end if to_terminal else file.fileno(),
        )
    os.close(other_end)
    read_all(terminal)
    assert search.wait(timeout=60) == 0


def test_following_a_log_costs_no_memory(project: Project, in_little_memory: list[str]) -> None:
    project.grid({"x": [1], "size": [200_000_000]}, script=LOUD)
    assert start(project, subprocess.DEVNULL, subprocess.DEVNULL).wait(timeout=60) == 0
    argv = [*in_little_memory, sys.executable, "-m", "hpsearch", "logs", "out", "1", "-f"]
    with subprocess.Popen(argv, cwd=project.path, env=project.environ(), stdout=subprocess.PIPE) as asked:
        assert asked.stdout is not None
        seen = sum(part.count(b"Z") for part in iter(lambda: asked.stdout.read(1 << 20), b""))  # type: ignore[union-attr]
    assert (asked.returncode, seen) == (0, 200_000_000)


def test_what_a_parser_of_the_user_prints_holds_up_no_search(project: Project, unread: int) -> None:
    parser = """
import sys
def parse(out_dir, number):
    print("x" * 1_000_000)
    print("y" * 1_000_000, file=sys.stderr)
    return {"acc": [1], "finished": [1]}
_SUMMARY_PARSER_HANDLE = parse
"""
    project.grid({"x": [1, 2]}, more=parser)
    search = start(project, subprocess.DEVNULL, unread)
    assert search.wait(timeout=60) == 0
    assert has_rows(project.path / "out", 2)
