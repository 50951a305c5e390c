"""A dry run of a resume names the runs that the resume starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, dispatch, planned_search

from hpsearch.folder.reading import SearchReader
from hpsearch.search.resume import WHAT_IS_LEFT, RunChoice, due_runs


@pytest.mark.parametrize(
    "choice, due",
    [
        (WHAT_IS_LEFT, [2, 4]),
        (RunChoice({2}, (), True), [2]),
        (RunChoice({1}, {1}, False), [1]),
        (RunChoice({3}, {3}, False), [3]),
        (RunChoice({1, 2}, {1}, True), [1, 2]),
    ],
)
def test_the_runs_that_are_named_are_those_that_are_started(choice: RunChoice, due: list[int], tmp_path: Path) -> None:
    clock = FakeClock()
    with planned_search(tmp_path, 4) as search:
        dispatch(search, FakeBackend(clock, exit_statuses={2: 1}), only=[1, 2])
    # It finished, but its controller died before it recorded that.
    (tmp_path / "sim_3").mkdir()
    (tmp_path / "sim_3" / "s.txt").write_text("acc 3\nfinished 1\n")
    reader = SearchReader(search.folder)
    named = due_runs(reader, choice.of(reader.record), choice, CONFIG)
    assert [entry.run.number for entry in named] == due
