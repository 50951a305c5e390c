"""A journal is lost, or its last lines: nothing is executed twice, and no process stays behind unseen."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project, is_alive, journal_has, rows, wait_until

ONE_FOLDER = ("--out_dir=s", "--force_out_dir", "--deterministic_search")
#: Notes that it was executed, and its process id. Only the first run may take long: the one that tests find alive.
TELLING = """
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--x"), parser.add_argument("--sleep", type=float), parser.add_argument("--out_dir")
options = parser.parse_args()
with open("executed", "a") as file:
    file.write(f"{options.x} {os.getpid()}\\n")
time.sleep(options.sleep if options.x == "1" else min(options.sleep, 0.3))
out_dir = pathlib.Path(options.out_dir)
out_dir.mkdir()
(out_dir / "summary.txt").write_text(f"acc {options.x}\\nfinished 1\\n")
"""


def journal_of(project: Project) -> Path:
    return project.path / "s" / ".hpsearch" / "journal.jsonl"


def executed(project: Project) -> list[str]:
    return [line.split()[0] for line in (project.path / "executed").read_text().splitlines()]


def left_by_a_kill(project: Project, sleep: float, kind: str, number: int) -> None:
    """Begin a search of four runs, and kill its controller after `number` events of a kind, when a run has begun."""
    project.grid({"x": [1, 2, 3, 4], "sleep": [sleep]}, script=TELLING)
    controller = project.start(*ONE_FOLDER)
    wait_until(lambda: journal_has(project.path / "s", kind, number), f"{number} x {kind}")
    # Before that, the run may still wait for its controller to release it.
    wait_until(lambda: (project.path / "executed").exists() and bool(executed(project)), "the run has begun")
    controller.kill()
    controller.communicate()


def assert_all_finished_once(project: Project) -> None:
    result = project.ask("resume", "s")
    assert result.exit_status == 0, result.stderr
    assert sorted(row["acc"] for row in rows(project.path / "s")) == ["1", "2", "3", "4"]
    assert sorted(executed(project)) == ["1", "2", "3", "4"]


def empty(path: Path) -> None:
    path.write_bytes(b"")


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 20)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("lose", [empty, binary, pipe, folder, Path.unlink])
def test_a_search_whose_journal_is_lost_is_repaired_and_no_finished_run_is_executed_again(
    project: Project, lose: Callable[[Path], None]
) -> None:
    left_by_a_kill(project, 0.3, "collected", 2)
    lose(journal_of(project))
    refused = project.ask("resume", "s")
    assert (refused.exit_status, "hpsearch repair" in refused.stderr) == (2, True), refused.stderr
    repaired = project.ask("repair", "s")
    assert repaired.exit_status == 0, repaired.stderr
    assert_all_finished_once(project)


@pytest.mark.parametrize("lose", [empty, binary, pipe, Path.unlink])
def test_live_runs_of_a_search_whose_journal_is_lost_are_waited_for_after_its_repair(
    project: Project, lose: Callable[[Path], None]
) -> None:
    left_by_a_kill(project, 3, "submitted", 1)
    lose(journal_of(project))
    assert project.ask("repair", "s").exit_status == 0
    assert_all_finished_once(project)


@pytest.mark.parametrize("lose", [empty, binary])
def test_live_runs_of_a_search_whose_journal_is_lost_are_cancelled(
    project: Project, lose: Callable[[Path], None]
) -> None:
    left_by_a_kill(project, 60, "submitted", 1)
    pid = int((project.path / "executed").read_text().split()[1])
    lose(journal_of(project))
    result = project.ask("cancel", "s")
    assert (result.exit_status, is_alive(pid)) == (0, False), result.stderr


def test_a_lock_file_that_cannot_be_read_keeps_no_live_run_from_being_cancelled(project: Project) -> None:
    left_by_a_kill(project, 60, "submitted", 1)
    pid = int((project.path / "executed").read_text().split()[1])
    binary(journal_of(project).with_name("lock"))
    result = project.ask("cancel", "s")
    assert (result.exit_status, is_alive(pid)) == (0, False), result.stderr


@pytest.mark.parametrize("kind", ["submitted", "intended"])
def test_a_run_whose_last_events_are_lost_with_the_machine_is_not_executed_again(project: Project, kind: str) -> None:
    left_by_a_kill(project, 0.2, "collected", 2)
    lines = journal_of(project).read_bytes().splitlines(keepends=True)
    lost = max(number for number, line in enumerate(lines) if f'"{kind}","run":2'.encode() in line)
    wait_until(lambda: "3" in executed(project), "the run has begun")
    wait_until(lambda: len(list((project.path / "s").glob("sim_*/summary.txt"))) == 3, "its end")
    journal_of(project).write_bytes(b"".join(lines[:lost]))
    assert_all_finished_once(project)
