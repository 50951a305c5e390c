"""Standard output is closed, full, or not read to its end: no traceback, and the right exit status."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from project import SCRIPT, Project

from hpsearch.console.colour import without_colour

ASKING = ["--help", "--version", "status out", "best out", "logs out 1", "status out --json"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a search, which no test changes."""
    project = Project(tmp_path_factory.mktemp("searched"))
    project.grid({"x": [1, 2]})
    project.search("--out_dir=out", "--force_out_dir")
    return project


def through_shell(project: Project, words: str, redirection: str) -> subprocess.CompletedProcess[str]:
    """Run ``hpsearch WORDS`` in bash with a redirection; return the exit status of hpsearch."""
    line = f'"$PYTHON" -m hpsearch {words} {redirection}; exit "${{PIPESTATUS[0]}}"'
    environment = {**project.environ(), "PYTHON": sys.executable}
    return subprocess.run(
        ["bash", "-c", line], cwd=project.path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("redirection", ["| true", ">&-"])
@pytest.mark.parametrize("words", ASKING)
def test_a_reader_that_is_gone_is_no_error(searched: Project, words: str, redirection: str) -> None:
    done = through_shell(searched, words, redirection)
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [*ASKING, "run --grid_module=config --visible_gpus=-1 --dry_run"])
def test_output_that_cannot_be_written_is_one_message(searched: Project, words: str) -> None:
    done = through_shell(searched, words, ">/dev/full")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "hpsearch: standard output cannot be written: No space left on device"
    assert "Traceback" not in done.stderr


def test_a_missing_subcommand_is_refused_where_there_is_no_standard_error(searched: Project) -> None:
    assert through_shell(searched, "", "2>&-").returncode == 2


def test_on_a_narrow_terminal_the_bar_makes_room_for_what_is_best(project: Project) -> None:
    conditions = [({"x": [3000]}, {"until": ["go"]})]
    script = SCRIPT.replace("acc", "validation_acc")
    project.grid({"x": [1000, 2000, 3000]}, conditions, script, keywords=("validation_acc", "finished"))
    terminal, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    options = ("--num_cpu_jobs=2", "--deterministic_search")
    search = subprocess.Popen(
        project.argv(*options), cwd=project.path, env=project.environ(), stdout=subprocess.DEVNULL, stderr=other_end
    )
    os.close(other_end)
    shown, end = b"", time.monotonic() + 30
    # The other end is closed, which Linux reports as an error.
    with contextlib.suppress(OSError):
        while time.monotonic() < end and (part := os.read(terminal, 10_000)):
            shown += part
            if re.search(rb"2/3 [^\r]*best 2000", shown):
                project.go()
    os.close(terminal)
    assert search.wait(timeout=20) == 0
    pieces = without_colour(shown.decode()).replace("\n", "\r").split("\r")
    bars = [piece.rstrip() for piece in pieces if re.match(r"2/3 .* running, best", piece)]
    assert re.fullmatch(r"2/3 \|█+[^|]*\| 0:\d\d elapsed, 0:\d\d left, 1 running, best 2000 \(run 2\)", bars[-1])


def test_the_bar_names_the_best_of_all_runs_in_the_folder(project: Project) -> None:
    options = ("--out_dir=out", "--force_out_dir", "--dont_force_new_dir")
    project.grid({"x": [5]})
    project.search(*options)
    project.grid({"x": [3]})
    terminal, other_end = pty.openpty()
    search = subprocess.Popen(
        project.argv(*options), cwd=project.path, env=project.environ(), stdout=subprocess.DEVNULL, stderr=other_end
    )
    os.close(other_end)
    shown = b""
    # The other end is closed, which Linux reports as an error.
    with contextlib.suppress(OSError):
        while part := os.read(terminal, 10_000):
            shown += part
    os.close(terminal)
    assert search.wait(timeout=20) == 0
    bars = [piece for piece in re.split("[\r\n]", without_colour(shown.decode())) if piece.startswith("1/1 ")]
    assert bars and all("best acc 5 (run 1)" in bar for bar in bars)
