"""The messages of an extension, and which runs it starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_search import planned_search

from hpsearch.core.configurations import Growth
from hpsearch.core.model import Configuration
from hpsearch.journal.events import RunsLeftOut
from hpsearch.search.extend import growth_text
from hpsearch.search.resume import WHAT_IS_LEFT, RunChoice

ONE, NONE = [Configuration(())], frozenset[int]()


@pytest.mark.parametrize(
    ("growth", "text"),
    [
        (Growth(ONE * 32, 40, NONE, NONE, 3), "40 finished already, 32 new, 3 no longer in the grid (kept)"),
        (Growth((), 1234, NONE, NONE, 0), "1,234 finished already, 0 new"),
        (Growth(ONE, 0, frozenset({7}), NONE, 0), "0 finished already, 1 unfinished, 1 new"),
        (
            Growth(ONE, 2, NONE, frozenset({3}), 0),
            "2 finished already, 1 new, 1 unfinished and no longer in the grid (left out)",
        ),
    ],
)
def test_what_is_new_is_told_in_one_line(growth: Growth, text: str) -> None:
    assert growth_text(growth, is_sample=False) == text


def test_runs_left_out_run_only_if_somebody_names_them(tmp_path: Path) -> None:
    with planned_search(tmp_path, 3) as search:
        search.note(RunsLeftOut([1, 2]))
        left = [[entry.run.number for entry in choice.of(search.record)] for choice in (WHAT_IS_LEFT, RunChoice([2]))]
    assert left == [[3], [2]]
