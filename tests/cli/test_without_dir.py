"""Commands for a search whose folder is not named: the one around the current folder, or the newest below ./out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from project import Project, journal_has, run_folders, wait_until


@pytest.fixture
def ended(project: Project) -> Path:
    """Two searches below ./out; returns the folder of the newer one."""
    project.grid({"x": [1, 2]})
    first = project.search("--out_dir=out/first", "--force_out_dir").folder
    os.utime(first / ".hpsearch" / "journal.jsonl", (1.0, 1.0))
    return project.search().folder


@pytest.mark.parametrize(
    "words, answer",
    [
        (("status",), "runs     2: 2 finished"),
        (("best",), "acc  run  x"),
        (("logs", "2"), "x is 2"),
        (("logs", "--err", "2"), ""),
        (("export",), "search,run,state"),
    ],
)
def test_the_newest_search_answers_and_is_named_on_standard_error(
    words: tuple[str, ...], answer: str, project: Project, ended: Path
) -> None:
    asked = project.ask(*words)
    assert (asked.exit_status, answer in asked.stdout) == (0, True), asked
    assert asked.stderr.splitlines()[0] == f"using {ended.relative_to(project.path)} (newest of 2)"


def test_inside_a_runs_folder_its_own_search_answers(project: Project, ended: Path) -> None:
    older = project.path / "out" / "first"
    asked = project.ask("status", cwd=run_folders(older)[0])
    assert (asked.stdout.splitlines()[0], asked.stderr) == (f"search   {older}", "using .. (first)\n")


@pytest.mark.parametrize(
    "words", [("status",), ("best",), ("logs", "7"), ("cancel",), ("resume",), ("retry",), ("export",), ("repair",)]
)
def test_where_there_is_no_search_it_is_said_what_to_do(words: tuple[str, ...], project: Project) -> None:
    asked = project.ask(*words)
    assert asked.exit_status == 2
    assert asked.stderr == (
        "hpsearch: say which search: the current folder lies in none, and none is below ./out; "
        "give its folder, or start one: hpsearch run --help says how\n"
    )


def test_a_single_number_is_a_folder_where_that_holds_a_search(project: Project) -> None:
    project.grid({"x": [1]})
    project.search("--out_dir=7", "--force_out_dir")
    (asked, meant) = (project.ask("logs", "7"), project.ask("logs", "7", "1"))
    assert (asked.exit_status, meant.stdout) == (2, "x is 1\n")
    assert "say which run of 7, by its number:" in asked.stderr


def test_the_only_live_search_is_cancelled_without_naming_it(project: Project, ended: Path) -> None:
    project.grid({"x": [1], "sleep": [600]})
    live = project.start("--out_dir=out/live", "--force_out_dir")
    wait_until(lambda: journal_has(project.path / "out" / "live", "submitted", 1), "a live run")
    os.utime(ended / ".hpsearch" / "journal.jsonl")
    cancelled = project.ask("cancel")
    assert (cancelled.exit_status, project.end(live).exit_status) == (0, 130), cancelled
    assert cancelled.stderr.splitlines()[0] == "using out/live"
    assert project.ask("cancel").exit_status == 2


@pytest.mark.parametrize("words", [("status",), ("best",), ("resume",), ("retry",), ("cancel",), ("export",)])
@pytest.mark.parametrize("folder", ["out", "."])
def test_a_folder_above_searches_leads_to_the_newest(
    folder: str, words: tuple[str, ...], project: Project, ended: Path
) -> None:
    asked = project.ask(*words, folder)
    path, newest = (project.path / folder).resolve(), ended.relative_to(project.path)
    meant = f"did you mean {newest} (the newest of 2)?"
    assert (asked.exit_status, asked.stderr) == (2, f"hpsearch: {path}: not a search folder itself; {meant}\n")


def test_of_two_live_searches_none_is_cancelled(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600]})
    places = ["out/a", "out/b"]
    live = [project.start(f"--out_dir={place}", "--force_out_dir") for place in places]
    for place in places:
        wait_until(lambda: journal_has(project.path / place, "submitted", 1), "a live run")  # noqa: B023
    asked, above = project.ask("cancel"), project.ask("cancel", "out")
    ended = [project.ask("cancel", place).exit_status for place in places]
    assert (asked.exit_status, ended, [project.end(each).exit_status for each in live]) == (2, [0, 0], [130, 130])
    assert (above.exit_status, above.stderr) == (2, asked.stderr)
    first, *lines = asked.stderr.splitlines()
    assert first == "hpsearch: 2 searches may be live; say which one is meant:"
    assert sorted(line.rpartition(" ")[2] for line in lines) == places
