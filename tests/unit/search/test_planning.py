"""A plan of very many runs is made and shown some thousands at a time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from itertools import islice

from fake_search import SETTINGS

from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.core.coding import Column, Selection
from hpsearch.core.space_report import SpaceReport
from hpsearch.journal.planned import MOST_RUNS
from hpsearch.journal.settings import Settings
from hpsearch.search.plan import Plan

MILLION = 10**6


def plan_of_a_million(asked: list[int], settings: Settings = SETTINGS) -> Plan:
    """A plan that notes how many configurations are decoded."""
    column = Column("x")
    column.add(range(10))

    def codes_at(positions: Sequence[int]) -> list[list[int]]:
        asked.append(len(positions))
        return [[position % 10 + 1 for position in positions]]

    selection = Selection([column], range(MILLION), codes_at, SpaceReport(MILLION))
    return Plan(SearchConfig(settings, "train.py"), SearchOptions(), selection, MILLION, (), 0.0)


def test_the_first_commands_of_a_million_need_no_others() -> None:
    asked: list[int] = []
    commands = plan_of_a_million(asked).commands()
    assert next(commands).endswith("_0000001")
    assert asked == [MOST_RUNS]
    assert next(islice(commands, MOST_RUNS - 1, None)).endswith("_0010001")
    assert asked == [MOST_RUNS] * 2


def test_commands_that_were_shown_are_not_kept() -> None:
    tracemalloc.start()
    try:
        shown = sum(1 for _ in islice(plan_of_a_million([]).commands(), 5 * MOST_RUNS))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The lines of all of them would take more than 100 bytes each.
    assert (shown, peak < 50 * shown) == (5 * MOST_RUNS, True)


def test_the_runs_of_a_million_are_noted_some_at_a_time() -> None:
    asked: list[int] = []
    events = plan_of_a_million(asked).events(first_number=8)
    first, second = islice(events, 2)
    assert [(each.first, each.count, each.width) for each in (first, second)] == [  # type: ignore[union-attr]
        (8, MOST_RUNS, 7),
        (8 + MOST_RUNS, MOST_RUNS, 7),
    ]
    assert asked == [MOST_RUNS] * 2
