"""Two searches that are started in one folder at the same moment: the one that comes too late takes nothing away."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest
from project import Project, rows, run_folders, wait_until

ONE_FOLDER = ("--out_dir=s", "--force_out_dir", "--dont_force_new_dir", "--visible_gpus=-1")

#: Starts a search whose FUNCTION waits, once, until the file "go" is there; "waiting" says that it does.
DELAYED = """\
import sys, time
from importlib import import_module
from pathlib import Path
target = getattr(import_module("{module}"), "{owner}") if "{owner}" else import_module("{module}")
original = target.{function}
def delayed(*args, **kwargs):
    target.{function} = original
    Path("waiting").touch()
    end = time.monotonic() + 60
    while not Path("go").exists() and time.monotonic() < end:
        time.sleep(0.005)
    return original(*args, **kwargs)
target.{function} = delayed
from hpsearch.search.command import main
sys.exit(main(sys.argv[1:], "config"))
"""


@pytest.fixture
def starts(project: Project) -> Callable[..., subprocess.Popen[str]]:
    def start(program: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", program, *ONE_FOLDER],
            cwd=project.path,
            env=project.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def delayed(module: str, function: str, owner: str = "") -> str:
    return DELAYED.format(module=module, function=function, owner=owner)


BEFORE_THE_LOCK = delayed("hpsearch.search.new_folder", "LiveSearch")
BEFORE_THE_JOURNAL = delayed("hpsearch.store.live", "add_plan", "LiveSearch")


def test_a_folder_that_another_search_took_over_is_left_to_it(
    project: Project, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    project.grid({"x": [1, 2], "sleep": [0.5]})
    slow = starts(BEFORE_THE_LOCK)
    wait_until((project.path / "waiting").exists, "the first search has made the folder")
    winner = project.start(*ONE_FOLDER)
    wait_until(lambda: (project.path / "s" / "search_results.csv").exists(), "the second search runs")
    (project.path / "go").touch()
    _, told = slow.communicate(timeout=60)
    assert (slow.returncode, "another controller works on this search" in told) == (2, True)
    winner.communicate(timeout=60)
    assert (winner.returncode, len(rows(project.path / "s"))) == (0, 2)


def test_a_folder_in_which_another_search_has_ended_keeps_its_results(
    project: Project, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    project.grid({"x": [1, 2]})
    slow = starts(BEFORE_THE_LOCK)
    wait_until((project.path / "waiting").exists, "the first search has made the folder")
    project.search(*ONE_FOLDER)
    # So that the first one fails.
    (project.path / "s" / ".hpsearch" / "exits").rmdir()
    (project.path / "s" / ".hpsearch" / "exits").touch()
    (project.path / "go").touch()
    _, told = slow.communicate(timeout=60)
    assert (slow.returncode, "Traceback" in told) == (2, False)
    assert len(rows(project.path / "s")) == 2
    assert len(run_folders(project.path / "s")) == 2


def test_a_search_that_fails_at_its_start_takes_away_what_it_made_and_nothing_else(
    project: Project, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    project.grid({"x": [1]})
    failing = starts(BEFORE_THE_JOURNAL.replace("return original(*args, **kwargs)", "raise OSError(28, 'No space')"))
    wait_until((project.path / "waiting").exists, "the search has the lock")
    project.write("s/notes.txt", "mine")
    (project.path / "go").touch()
    failing.communicate(timeout=60)
    assert failing.returncode == 2
    assert [path.name for path in (project.path / "s").iterdir()] == ["notes.txt"]


def test_a_search_that_fails_at_its_start_leaves_no_folder(
    project: Project, starts: Callable[..., subprocess.Popen[str]]
) -> None:
    project.grid({"x": [1]})
    failing = starts(BEFORE_THE_JOURNAL.replace("return original(*args, **kwargs)", "raise OSError(28, 'No space')"))
    (project.path / "go").touch()
    _, told = failing.communicate(timeout=60)
    assert "the search folder" in told
    assert not (project.path / "s").exists()


@pytest.mark.parametrize("number", range(6))
def test_of_searches_that_start_at_once_none_loses_a_result(project: Project, number: int) -> None:
    project.grid({"x": [1, 2]})
    together = [project.start(*ONE_FOLDER) for _ in range(3)]
    outputs = [each.communicate(timeout=90) for each in together]
    statuses = [each.returncode for each in together]
    assert all("Traceback" not in told for _, told in outputs)
    assert set(statuses) <= {0, 2}, outputs
    # Each search that was not refused ran its two runs.
    assert len(rows(project.path / "s")) == 2 * Counter(statuses)[0] > 0
    assert len(run_folders(project.path / "s")) == 2 * Counter(statuses)[0]
