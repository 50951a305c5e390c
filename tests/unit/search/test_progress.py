"""The text behind the bar, and what was left to a scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fake_search import CONFIG, FakeBackend, FakeClock, dispatch, planned_search
from searches import SETTINGS

from hpsearch.config.options import SearchOptions
from hpsearch.console.colour import green, red
from hpsearch.console.console import Console
from hpsearch.core.model import Configuration, Run
from hpsearch.search.controller import Controller, StopRequest
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.progress import Progress, submitted_lines
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch


class BarConsole(Console):
    """A console whose bar always wants to be drawn; it keeps what would be drawn."""

    has_bar = is_bar_due = True

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Sequence[Sequence[str]]] = []
        self.added: list[int] = []

    def describe_bar(self, texts: Sequence[Sequence[str]]) -> None:
        self.shown.append(texts)

    def extend_bar(self, count: int) -> None:
        self.added.append(count)


def test_the_bar_tells_what_runs_what_failed_and_the_best_until_nothing_runs(tmp_path: Path) -> None:
    console = BarConsole()
    with planned_search(tmp_path, 3) as search:
        dispatch(search, FakeBackend(FakeClock(), exit_statuses={2: 3}), console=console)
    best = [green("best acc 1.1 (run 1)"), green("best 1.1 (run 1)")]
    assert [["1 running"], [red("1 failed")], best, ["", ""]] in console.shown
    best = [green("best acc 3.1 (run 3)"), green("best 3.1 (run 3)")]
    assert console.shown[-1] == [[red("1 failed")], best, ["", ""]]


def test_over_seeds_the_bar_tells_that_the_best_two_may_not_differ(tmp_path: Path) -> None:
    console, search = BarConsole(), LiveSearch(SearchFolder(tmp_path))
    settings = replace(SETTINGS, run_cwd=str(tmp_path), shown_folder=str(tmp_path), option_names=("x", "seed"))
    settings = replace(settings, options={"seed_option": "seed", "num_seeds": 3})
    options = [(("x", x), ("seed", seed)) for seed in (1, 2, 3) for x in (1, 2)]
    plan = [Run(n, f"sim_{n}", Configuration(each), f"{tmp_path}/sim_{n}") for n, each in enumerate(options, start=1)]
    search.add_plan(plan, settings, 0.0)
    search.open_for_work()
    with search:
        dispatch(search, FakeBackend(FakeClock()), console=console)
    # The values are 1.1, 3.1, 5.1 and 2.1, 4.1, 6.1.
    best, difference, _ = console.shown[-1]
    assert best[0] == green("best acc 4.1 +- 2.0 (3)")
    why = "first and second do not differ significantly (Welch's t, p = 0.57)"
    assert difference == [why, "p = 0.57 to second", ""]


def test_runs_that_are_added_lengthen_the_bar(tmp_path: Path) -> None:
    console = BarConsole()
    with planned_search(tmp_path, 3) as search:
        Progress(Controller(search, CONFIG, FakeBackend(FakeClock()), console), [1]).added(2)
    assert console.added == [2]


def test_what_was_left_to_a_scheduler_is_counted(tmp_path: Path) -> None:
    backend = FakeBackend(FakeClock(), slots=2, is_scheduler=True, queued=(1, 2))
    with planned_search(tmp_path, 3) as search, StopRequest() as stop:
        controller = Controller(search, CONFIG, backend, Console(), SearchOptions(), stop, backend.clock.clocks)
        dispatcher = Dispatcher(controller)
        dispatcher.take_over([1, 2, 3])
        backend.while_waiting = lambda: stop.request(15)
        dispatcher.run()
        lines = submitted_lines(controller, [1, 2, 3], ())
    assert lines[:2] == ["Submitted 2 runs to fake", "1 run not submitted yet: resume submits them"]
