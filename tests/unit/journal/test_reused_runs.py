"""Runs that another search has finished, and runs that are no longer in the grid, in the record of a search."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_search import planned_search

from hpsearch.core.model import RunState
from hpsearch.journal.events import (
    AttemptIntended,
    AttemptWithdrawn,
    Event,
    RunCollected,
    RunMoved,
    RunReused,
    RunsLeftOut,
)
from hpsearch.journal.lines import from_line, to_line
from hpsearch.store.journal_file import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.table import read_table

SUMMARY = {"acc": ["0.5"], "finished": ["1"]}
REUSED = RunReused(1, "/other/sim_7", 5.0, SUMMARY)
TRIED = AttemptIntended(1, "sim_1.1.abcdef", 6.0)


@pytest.mark.parametrize("event", [REUSED, RunsLeftOut([]), RunsLeftOut([1, 2])])
def test_an_event_comes_back(event: Event) -> None:
    assert from_line(to_line(event)) == event


def noted(folder: Path, *events: Event) -> LiveSearch:
    """Return a search with two runs and these events."""
    search = planned_search(folder, 2)
    search.note(*events)
    return search


def test_a_reused_run_is_finished_and_its_row_names_the_other_folder(tmp_path: Path) -> None:
    with noted(tmp_path, REUSED) as search:
        search.finish()
    entry = read_record(SearchFolder(tmp_path)).runs[1]
    assert (entry.state, entry.summary, entry.is_open) == (RunState.FINISHED, SUMMARY, False)
    assert [row["out_dir"] for row in read_table(tmp_path / "search_results.csv")] == ["/other/sim_7"]


def test_a_reused_run_that_runs_here_keeps_one_row(tmp_path: Path) -> None:
    noted(tmp_path, REUSED).close()
    with LiveSearch(SearchFolder(tmp_path)) as search:
        search.open_for_work()
        search.note(TRIED, RunCollected(1, TRIED.token, "finished", 7.0, SUMMARY))
        search.add_row(search.record.runs[1])
    assert [row["out_dir"] for row in read_table(tmp_path / "search_results.csv")] == [str(tmp_path / "sim_1")]


def test_the_reused_result_counts_until_a_run_here_has_finished(tmp_path: Path) -> None:
    with noted(tmp_path, REUSED, TRIED, RunCollected(1, TRIED.token, "failed", 7.0)) as search:
        assert search.record.runs[1].result.out_dir == "/other/sim_7"
        assert search.record.runs[1].out_dir == str(tmp_path / "sim_1")


def test_a_withdrawn_attempt_leaves_a_reused_run_as_it_was(tmp_path: Path) -> None:
    with noted(tmp_path, REUSED, TRIED, AttemptWithdrawn(1, TRIED.token, 7.0)) as search:
        assert search.record.runs[1].out_dir == "/other/sim_7"


def test_a_run_that_never_started_counts_as_cancelled_while_it_is_left_out(tmp_path: Path) -> None:
    with noted(tmp_path, RunsLeftOut([1, 2])) as search:
        assert [entry.state for entry in search.record] == [RunState.CANCELLED] * 2
        search.note(RunsLeftOut([2]))
        assert [entry.state for entry in search.record] == [RunState.PLANNED, RunState.CANCELLED]


def test_commands_name_only_what_runs_here(tmp_path: Path) -> None:
    with noted(tmp_path, REUSED) as search:
        search.write_commands()
    assert "sim_1" not in (tmp_path / "commands.sh").read_text()


def test_a_plan_takes_no_row_twice_where_a_kill_came_between_a_move_and_the_table(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    done = RunCollected(1, TRIED.token, "finished", 7.0, SUMMARY)
    with noted(tmp_path / "old", TRIED, done) as search:
        search.add_row(search.record.runs[1])
        # The first event of a resumed search, before its table is written anew.
        search.note(RunMoved(1, str(tmp_path / "new" / "sim_1")))
    (tmp_path / "old").rename(tmp_path / "new")
    with LiveSearch(SearchFolder(tmp_path / "new")) as search:
        search.add_plan([], search.settings, 8.0)
        search.open_for_work()
    assert [row["out_dir"] for row in read_table(tmp_path / "new" / "search_results.csv")] == [
        str(tmp_path / "new" / "sim_1")
    ]
