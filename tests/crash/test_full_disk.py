"""The disk is full for a while: no run is ended or burnt, and the search goes on by itself when there is room."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from project import Project, rows, wait_until
from small_disk import fill, small_disk

#: Writes its results before it waits for the file `go`: after that, only bookkeeping meets the full disk. A run that
#: starts while there is only a little room waits for more, as the search does.
SCRIPT = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
def deliver():
    os.makedirs(options["out_dir"], exist_ok=True)
    with open(os.path.join(options["out_dir"], "summary.txt"), "w") as file:
        file.write("acc %s\\nfinished 1\\n" % options["x"])
while True:
    try:
        deliver()
        break
    except OSError:
        time.sleep(0.02)
while not os.path.exists("go"):
    time.sleep(0.02)
"""


@pytest.fixture
def disk(project: Project) -> Iterator[Path]:
    """A small disk for the search folder `disk/out`, in a project of six runs that wait for the file `go`."""
    project.grid({"x": list(range(6))}, script=SCRIPT)
    with small_disk(project.path / "disk", files=80) as disk:
        yield disk


def use_up_files(folder: Path) -> list[Path]:
    """Make files until there can be no more; return them."""
    made = []
    for number in range(1000):
        path = folder / f"file{number}"
        try:
            path.touch()
        except OSError:
            return made
        made.append(path)
    return made


def read_until(controller: subprocess.Popen[str], word: str) -> str:
    """Return what a controller says up to a word."""
    said = b""
    descriptor = controller.stderr.fileno()
    os.set_blocking(descriptor, False)

    def is_said() -> bool:
        nonlocal said
        with contextlib.suppress(BlockingIOError):
            said += os.read(descriptor, 65536)
        return word.encode() in said

    wait_until(is_said, f"{word!r} on standard error")
    os.set_blocking(descriptor, True)
    return said.decode()


@pytest.mark.parametrize("use_up", [lambda disk: [fill(disk)], use_up_files], ids=["no room", "no files"])
def test_a_search_waits_for_room_and_goes_on_by_itself(
    project: Project, disk: Path, use_up: Callable[[Path], list[Path]]
) -> None:
    controller = project.start("--out_dir=disk/out", "--force_out_dir", "--num_cpu_jobs=2")
    wait_until(lambda: len(list(disk.glob("out/sim_*/summary.txt"))) == 2, "two live runs")
    wait_until(lambda: any(disk.glob("out/.hpsearch/provenance/1.json")), "nothing else writes into the folder")
    used = use_up(disk)
    (project.path / "go").touch()
    said = read_until(controller, "No space left on device")
    for path in used:
        path.unlink()
    _, rest = controller.communicate(timeout=60)
    assert controller.returncode == 0, said + rest
    assert sorted(int(row["acc"]) for row in rows(disk / "out")) == list(range(6))
    assert "failed" not in said + rest, said + rest


@pytest.mark.parametrize("use_up", [lambda disk: [fill(disk)], use_up_files], ids=["no room", "no files"])
def test_live_runs_of_a_killed_search_are_cancelled_although_nothing_can_be_written(
    project: Project, disk: Path, use_up: Callable[[Path], list[Path]]
) -> None:
    controller = project.start("--out_dir=disk/out", "--force_out_dir", "--num_cpu_jobs=2")
    wait_until(lambda: len(list(disk.glob("out/sim_*/summary.txt"))) == 2, "two live runs")
    controller.kill()
    controller.communicate()
    use_up(disk)
    result = project.ask("cancel", "disk/out")
    assert (result.exit_status, "No space left on device" in result.stderr) == (1, True), result.stderr
    assert "Traceback" not in result.stderr
    # A fixture checks after every test that no process is left.
