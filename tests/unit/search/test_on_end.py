"""`--on_end`: when the command is executed, its variables, and what happens if it fails or hangs."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, dispatch, planned_search

from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.journal.events import AttemptIntended
from hpsearch.search.controller import Controller
from hpsearch.search.on_end import EndCommand, end_variables
from hpsearch.store.live import LiveSearch

#: Adds a line to a file in the working directory of the runs.
NOTE = "echo $HPSEARCH_FINISHED finished >>told.txt"


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    """Three runs; the second failed."""
    with planned_search(tmp_path, runs=3) as search:
        dispatch(search, FakeBackend(FakeClock(), exit_statuses={2: 1}))
        yield search


def end(search: LiveSearch, command: str, longest_s: float = 10, **options: bool) -> None:
    with EndCommand(Console(stamps=False), longest_s) as at_end:
        given = SearchOptions(on_end=command, **options)
        at_end.expect(Controller(search, CONFIG, FakeBackend(FakeClock()), Console(), given), 1)


def told(search: LiveSearch) -> str:
    path = search.folder.path / "told.txt"
    return path.read_text() if path.exists() else ""


def test_the_variables_say_what_became_of_a_search(search: LiveSearch) -> None:
    folder = search.folder.path
    assert end_variables(search.record, search.folder, 1) == {
        "HPSEARCH_NAME": "",
        "HPSEARCH_FOLDER": str(folder),
        "HPSEARCH_RESULTS": str(folder / "search_results.csv"),
        "HPSEARCH_EXIT_STATUS": "1",
        "HPSEARCH_RUNS": "3",
        "HPSEARCH_FINISHED": "2",
        "HPSEARCH_FAILED": "1",
        "HPSEARCH_STOPPED_EARLY": "0",
        "HPSEARCH_LEFT": "0",
        "HPSEARCH_BEST": "3.1",
        "HPSEARCH_BEST_RUN": "3",
        "HPSEARCH_BEST_FOLDER": str(folder / "sim_3"),
    }


def test_an_end_at_which_nothing_new_happened_is_told_once(search: LiveSearch) -> None:
    end(search, NOTE)
    end(search, NOTE)
    assert told(search) == "2 finished\n"


def test_what_happens_later_is_told_again(search: LiveSearch) -> None:
    end(search, NOTE)
    search.note(AttemptIntended(2, "sim_2.2.abc", 5.0))
    end(search, NOTE)
    assert told(search) == "2 finished\n2 finished\n"


def test_another_command_is_told_too(search: LiveSearch) -> None:
    end(search, NOTE)
    end(search, "echo another >>told.txt")
    assert told(search) == "2 finished\nanother\n"


def test_runs_that_are_left_to_a_scheduler_are_no_end(search: LiveSearch) -> None:
    search.note(AttemptIntended(2, "sim_2.2.abc", 5.0))
    end(search, NOTE, submit_only=True)
    assert told(search) == ""


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("exit 3", "exit status 3: exit 3"),
        ("kill -9 $$", "ended by signal 9 (SIGKILL): kill -9 $$"),
        ("sleep 30", "stopped, as it took longer than 0.2 s (with & at its end it may): sleep 30"),
        ("true", ""),
    ],
)
def test_a_command_that_fails_or_hangs_is_a_warning(
    search: LiveSearch, command: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    end(search, command, 0.2)
    assert capsys.readouterr().err == (f"warning: --on_end: {problem}\n" if problem else "")


def test_a_command_in_the_background_goes_on(search: LiveSearch, capfd: pytest.CaptureFixture[str]) -> None:
    end(search, "sleep 30 & echo $! >pid.txt; echo said")
    os.kill(int((search.folder.path / "pid.txt").read_text()), signal.SIGKILL)
    assert capfd.readouterr().err == "said\n"


def test_over_seeds_the_best_mean_counts(search: LiveSearch) -> None:
    search.record.over = ("x",)
    variables = end_variables(search.record, search.folder, 0)
    assert (variables["HPSEARCH_BEST"], variables["HPSEARCH_BEST_RUN"]) == ("2.1", "1")
