"""Failed runs in one line for each kind, also where an older version collected them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search

from hpsearch.core.model import RunState
from hpsearch.folder.failures import failure_groups, failure_lines, known_cause, log_end
from hpsearch.journal.run_record import RunRecord
from hpsearch.store.live import LiveSearch

ERROR = 'Traceback (most recent call last):\n  File "t.py", line 8, in f\nValueError: shapes (3,) and ({},)\n'


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    """A search whose runs 2 to 4 of 4 failed, with the log of an older version, which did not tell causes."""
    with planned_search(tmp_path, runs=4) as search:
        dispatch(search, FakeBackend(FakeClock(), exit_statuses={2: 1, 3: 1, 4: 7}))
        for number, log in {2: ERROR.format(4), 3: ERROR.format(5), 4: ""}.items():
            (search.folder.path / f"sim_{number}" / f"job_sim_{number}.err").write_text(log)
            search.record.runs[number].cause = ""
        yield search


def failed(search: LiveSearch) -> list[RunRecord]:
    return [entry for entry in search.record if entry.state.is_failure]


def test_the_cause_of_a_run_of_an_older_version_is_found_in_its_log(search: LiveSearch) -> None:
    causes = [known_cause(entry, search.folder) for entry in failed(search)]
    same = "ValueError: shapes (3,) and ({},) (t.py:8)"
    assert causes == [same.format(4), same.format(5), "exit status 7"]


def test_runs_that_failed_alike_are_one_line(search: LiveSearch) -> None:
    lines = list(failure_lines(failed(search), search.record, search.folder))
    assert [line for line in lines if not line.startswith("  ")] == [
        "2 runs failed: ValueError: shapes (3,) and (4,) (t.py:8), e.g. run 2",
        "run 4 failed: exit status 7",
    ]
    # Runs 2 and 3 have no option in common; run 4 has left no log.
    assert lines[1] == "  run 2 with x=2"
    assert lines[2].endswith(f" hpsearch logs {search.folder.path} 2 --err")
    assert lines[4:] == ["  with x=4"]


def test_a_script_that_does_not_know_the_seed_option_has_a_remedy(search: LiveSearch) -> None:
    search.record.over = ("random_seed",)
    entries = [replace(failed(search)[0], cause="unrecognized arguments: --random_seed=0")]
    lines = list(failure_lines(entries, search.record, search.folder))
    assert lines[2] == "  if the script has no --random_seed: name its own with --seed_option=NAME"


def test_many_kinds_of_failures_are_not_all_told(search: LiveSearch) -> None:
    (first, *_) = failed(search)
    entries = [replace(first, cause=f"no {chr(97 + number)}") for number in range(13)]
    lines = list(failure_lines(entries, search.record, search.folder))
    assert lines[-1] == "... and 3 runs for 3 other reasons"


def test_cancelled_runs_need_one_line_and_no_hint(search: LiveSearch) -> None:
    entries = [replace(entry, state=RunState.CANCELLED, cause="cancelled with the search") for entry in failed(search)]
    lines = list(failure_lines(entries, search.record, search.folder))
    assert lines == ["3 runs cancelled with the search, e.g. run 2"]


def test_the_largest_group_comes_first(search: LiveSearch) -> None:
    groups = failure_groups(reversed(failed(search)), search.folder)
    assert [[entry.run.number for entry in group.runs] for group in groups] == [[3, 2], [4]]


def test_of_a_large_log_only_the_end_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a" * 1_000_000 + b"\xffend\n")
    end = log_end(tmp_path / "log")
    assert (len(end), end[-5:]) == (65536, "\ufffdend\n")


def test_what_is_no_file_is_an_empty_log(tmp_path: Path) -> None:
    assert [log_end(None), log_end(tmp_path), log_end(tmp_path / "none")] == ["", "", ""]
