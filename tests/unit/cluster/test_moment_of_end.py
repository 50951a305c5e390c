"""The end of a run is the time that its host noted, not the time of the poll."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search

from hpsearch.backends.cluster.jobs import JobWatch
from hpsearch.backends.launcher import ExitNote, read_exit_note
from hpsearch.core.model import Status


@pytest.mark.parametrize(
    ("noted", "recorded"),
    [
        (1_000_000.25, 1_000_000.25),
        (None, 1_000_001.0),
        pytest.param(999_990.0, 1_000_001.0, id="a clock that is slow"),
        pytest.param(1_000_060.0, 1_000_001.0, id="a clock that is fast"),
    ],
)
def test_the_end_of_a_run_is_recorded_as_its_host_noted_it(tmp_path: Path, noted: float, recorded: float) -> None:
    backend = FakeBackend(FakeClock(), noted_ends={} if noted is None else {1: noted})
    with planned_search(tmp_path, runs=1) as search:
        dispatch(search, backend)
        ended = search.record.runs[1].ended
    assert ended is not None
    assert ended.at == recorded


@pytest.mark.parametrize("exit_status", [0, 3])
def test_a_cluster_job_ended_when_its_exit_file_says(exit_status: int) -> None:
    watch = JobWatch()
    watch.see_note(ExitNote(exit_status, ended=1234.0), now=10.0)
    status: Status = watch.status(1e6)
    assert status.ended_at == 1234.0


def test_the_time_of_the_end_is_the_fourth_word_of_a_note() -> None:
    assert read_exit_note("3 1 1000 2000 node7\n") == ExitNote(3, True, 2000, 1000)
