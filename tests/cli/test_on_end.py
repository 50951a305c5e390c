"""`--on_end` for users: the command is executed once for each end, whatever kills or stops the search."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from project import PAUSED, Project, journal_has, wait_until

TELL = '--on_end=echo "$HPSEARCH_EXIT_STATUS $HPSEARCH_FINISHED/$HPSEARCH_RUNS" >>told.txt'
OPTIONS = ("--out_dir=out", "--force_out_dir", "--visible_gpus=-1", "--deterministic_search", TELL)


def told(project: Project) -> str:
    path = project.path / "told.txt"
    return path.read_text() if path.exists() else ""


def test_a_stopped_search_tells_its_end_and_so_does_the_resumed_one(project: Project) -> None:
    project.grid({"x": [1, 2], "until": ["go"]})
    controller = project.start(*OPTIONS)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a live run")
    controller.send_signal(signal.SIGINT)
    assert project.end(controller).exit_status == 130
    project.go()
    project.search("--resume=out")
    assert told(project) == "130 0/2\n0 2/2\n"


@pytest.mark.parametrize(
    ("target", "function", "lines"),
    [("hpsearch.search.search", "_end", "0 1/1\n"), ("hpsearch.search.on_end", "run_command", "")],
)
def test_a_search_killed_at_its_end_tells_it_at_most_once(
    project: Project, target: str, function: str, lines: str
) -> None:
    project.grid({"x": [1]})
    program = PAUSED.format(target=f"import_module({target!r})", function=function)
    controller = project.start_python(program, "run", "--grid_module=config", *OPTIONS)
    wait_until(lambda: Path(project.path, "waiting").exists(), "the search's end")
    controller.kill()
    project.end(controller)
    project.search("--resume=out")
    project.search("--resume=out")
    assert told(project) == lines


def test_a_command_that_fails_leaves_results_and_exit_status(project: Project) -> None:
    project.grid({"x": [1]})
    result = project.search("--on_end=echo said; exit 3")
    assert result.stdout.splitlines()[-1].endswith("search_results.csv")
    assert result.stderr.splitlines()[-2] == "said"
    assert result.stderr.splitlines()[-1].endswith("warning: --on_end: exit status 3: echo said; exit 3")
