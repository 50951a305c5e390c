"""A race: which configurations are dropped, which seeds come next; a kill changes neither."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock
from hypothesis import given
from hypothesis import strategies as st
from project import journal_events
from searches import SETTINGS

from hpsearch.choosers.of_search import chooser_lines, has_more
from hpsearch.choosers.race import Contender, Race, coming_seeds, drops_after
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.model import Configuration, Job, Run, RunState
from hpsearch.core.statistics import spread_of, worse_p
from hpsearch.search.controller import Controller, StopRequest
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.resume import RunChoice
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

NAN = math.nan
GOOD, BAD = [0.90, 0.91, 0.92, 0.93], [0.10, 0.11, 0.12, 0.13]


def dropped(
    contenders: Sequence[Contender], seeds: int = 3, p: float = 0.05, ascending: bool = False
) -> list[int] | None:
    """Return the indexes of the configurations that are dropped; None if that is not known yet."""
    drops = drops_after(seeds, contenders, p, ascending)
    return None if drops is None else [drop.index for drop in drops]


@pytest.mark.parametrize(
    "results, ascending, indexes",
    [
        ([GOOD, BAD], False, [1]),
        ([GOOD, BAD], True, [0]),
        ([GOOD, GOOD], False, []),
        ([GOOD, [0.1, 0.9, 0.5]], False, []),
        ([GOOD, [0.1, None, 0.1]], False, None),
        ([GOOD, [0.1, 0.1]], False, None),
        ([GOOD, [NAN, 0.1, 0.1]], False, []),
        ([GOOD, [NAN, NAN, NAN]], False, [1]),
        ([[NAN, NAN, NAN], [NAN, NAN, NAN]], False, [0, 1]),
        ([[0.5, 0.5, 0.5], [0.4, 0.4, 0.4], [0.5, 0.5, 0.5]], False, [1]),
        ([GOOD, [math.inf, 0.9, 0.9]], True, [1]),
        ([GOOD, [math.inf, -math.inf, 0.9]], True, []),
        ([[0.9]], False, None),
        ([GOOD], False, []),
    ],
)
def test_the_worse_is_dropped_once_all_have_three_seeds(
    results: Sequence[Sequence[float | None]], ascending: bool, indexes: list[int] | None
) -> None:
    assert dropped([Contender(found, [9]) for found in results], ascending=ascending) == indexes


def test_only_the_seeds_that_all_have_are_compared() -> None:
    contenders = [Contender(GOOD, [9]), Contender([0.90, 0.91, 0.92, 0.0], [9])]
    assert (dropped(contenders, 3), dropped(contenders, 4)) == ([], [])


def test_one_that_cannot_get_more_seeds_is_compared_by_those_it_has() -> None:
    assert dropped([Contender(GOOD, [9]), Contender(BAD[:3])], 4) == [1]


def test_what_was_dropped_later_is_still_compared_with() -> None:
    best = Contender(GOOD, dropped_after=4)
    assert dropped([best, Contender(BAD, [9])], 3) == [1]
    assert dropped([replace(best, dropped_after=3), Contender(BAD, [9])], 4) == []


@given(st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=1, max_size=6), st.booleans())
def test_drops_follow_the_rule_in_plain_words(results: list[list[int]], ascending: bool) -> None:
    spreads = [spread_of(map(float, found)) for found in results]
    means = [spread.mean for spread in spreads if spread]
    best = spreads[means.index(min(means) if ascending else max(means))]
    worse = [k for k, one in enumerate(spreads) if best and one and (worse_p(best, one, ascending) or 0.5) < 0.1]
    assert dropped([Contender(list(map(float, found)), [9]) for found in results], 5, 0.1, ascending) == worse


def coming(*contenders: Contender, count: int = 99) -> list[tuple[int, int]]:
    """Return what comes next."""
    return list(islice(coming_seeds(contenders, ascending=False), count))


def test_those_with_fewer_seeds_come_first_and_of_these_the_better() -> None:
    contenders = [
        Contender([0.1, 0.1, 0.1], [3, 4]),
        Contender([0.5, None, 0.9], [3, 4]),
        Contender([0.2, 0.2], [2, 3]),
    ]
    assert coming(*contenders) == [(2, 2), (1, 3), (2, 3), (0, 3), (1, 4), (0, 4)]


@pytest.mark.parametrize(
    "others, expected",
    [
        ([], []),
        ([Contender(BAD, [4], dropped_after=4)], []),
        ([Contender([NAN, NAN, NAN], [3])], [(0, 4)]),
        ([Contender(GOOD)], [(0, 4)]),
    ],
)
def test_nothing_comes_for_the_last_one_left(others: Sequence[Contender], expected: list[tuple[int, int]]) -> None:
    assert coming(Contender(GOOD, [4]), *others) == expected


def value_of(x: int, seed: int) -> float:
    """Return the result of a configuration under a seed."""
    return x / 80 + random.Random(100 * x + seed).gauss(0, 0.02)


@dataclass
class NoisyBackend(FakeBackend):
    """Runs whose result depends on configuration and seed; `failing` configurations leave none."""

    failing: Sequence[int] = ()
    lasts: dict[tuple[int, int], float] = field(default_factory=dict)
    executed: list[tuple[int, int]] = field(default_factory=list)

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run."""
        super().release(jobs)
        for job in jobs:
            options = job.attempt.run.configuration.as_dict()
            x, seed = int(str(options["x"])), int(str(options["random_seed"]))
            self.executed.append((x, seed))
            self._ends[job.attempt.token] += self.lasts.get((x, seed), 0)
            text = "nothing" if x in self.failing else f"acc {value_of(x, seed)}\nfinished 1\n"
            (job.attempt.log_folder.parent.parent / job.attempt.run.folder / "s.txt").write_text(text)


OPTIONS = SearchOptions(race=True, num_seeds=8, seed_option="random_seed")


def planned_race(folder: Path, configurations: int = 6, seeds: int = 3, **limits: int) -> None:
    """Plan a search of some configurations under their first seeds."""
    pairs = [(x, seed) for seed in range(seeds) for x in range(configurations)]
    plan = [
        Run(n, f"sim_{n}", Configuration((("x", x), ("random_seed", seed))), str(folder / f"sim_{n}"))
        for n, (x, seed) in enumerate(pairs, start=1)
    ]
    with LiveSearch(SearchFolder(folder)) as search:
        names = ("x", "random_seed")
        settings = replace(SETTINGS, run_cwd=str(folder), shown_folder=str(folder), option_names=names)
        search.add_plan(plan, replace(settings, options={"race": True, "num_seeds": 8, **limits}), 0.0)


def go_on(folder: Path, backend: FakeBackend, options: SearchOptions = OPTIONS) -> list[str]:
    """Resume the race and carry it out; return the messages about drops."""
    told: list[str] = []
    with LiveSearch(SearchFolder(folder)) as search, StopRequest() as stop:
        search.open_for_work()
        clocks = backend.clock.clocks
        race = Race(search, options, told.append, clocks.wall)
        controller = Controller(search, CONFIG, backend, Console(), options, stop, clocks, chooser=race)
        dispatcher = Dispatcher(controller)
        dispatcher.take_over([entry.run.number for entry in RunChoice().of(search.record)])
        dispatcher.run()
        dispatcher.finish()
    return told


def drops_in(folder: Path) -> list[tuple[object, object]]:
    """Return which configuration was dropped after how many seeds, and why."""
    return [(event["seeds"], event["why"]) for event in journal_events(folder, "dropped")]


@pytest.fixture
def backend() -> NoisyBackend:
    return NoisyBackend(FakeClock())


@pytest.mark.parametrize(
    "limits, told",
    [({}, "18 runs of at most 48"), ({"max_runs": 30}, "18 runs of at most 30"), ({"num_seeds": 2}, "18 runs")],
)
def test_the_limit_of_a_race_is_told_where_there_is_one(tmp_path: Path, limits: dict[str, int], told: str) -> None:
    planned_race(tmp_path, **limits)
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert chooser_lines(search.record) == [f"race: 6 of 6 configurations left, 0 dropped; {told}"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[object, object]]:
    """The drops of the race when nothing disturbs it."""
    folder = tmp_path_factory.mktemp("whole")
    planned_race(folder)
    go_on(folder, NoisyBackend(FakeClock()))
    return drops_in(folder)


def test_a_race_needs_fewer_runs_and_leaves_the_best(tmp_path: Path, backend: NoisyBackend) -> None:
    planned_race(tmp_path)
    told = go_on(tmp_path, backend)
    assert told[0] == (
        "x=1 dropped after 3 seeds: 0.019 +- 0.015 (3) is worse than 0.057 +- 0.017 (3) of run 6 (p 0.023)"
    )
    left = {x for x, seed in backend.executed if seed == 7}
    assert (len(backend.executed), left, len(told)) == (35, {3, 4, 5}, 3)
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert not has_more(search.record)
        assert chooser_lines(search.record) == ["race: 3 of 6 configurations left, 3 dropped; 35 runs of at most 48"]
        commands = search.folder.commands.read_text().splitlines()
    assert len([line for line in commands if not line.startswith("#")]) == 35


@pytest.mark.parametrize("slots, lasts", [(2, {}), (3, {(5, 1): 9.0}), (3, {(0, 2): 20.0}), (18, {})])
def test_slots_and_slow_runs_do_not_change_what_is_dropped(
    tmp_path: Path,
    backend: NoisyBackend,
    whole: list[tuple[object, object]],
    slots: int,
    lasts: dict[tuple[int, int], float],
) -> None:
    backend.slots, backend.lasts = slots, lasts
    planned_race(tmp_path)
    go_on(tmp_path, backend)
    assert drops_in(tmp_path) == whole
    assert len(backend.executed) == len(set(backend.executed))


def test_no_slot_stays_empty_while_a_slow_run_ends(tmp_path: Path, backend: NoisyBackend) -> None:
    backend.slots, backend.lasts = 2, {(0, 2): 3.0}
    planned_race(tmp_path, configurations=2)
    go_on(tmp_path, backend)
    assert backend.executed[4:8] == [(0, 2), (1, 2), (0, 3), (1, 3)]
    assert [event["run"] for event in journal_events(tmp_path, "collected")][4:7] == [6, 7, 8]


class KilledError(Exception):
    """The controller is killed here."""


@pytest.mark.parametrize("after", [1, 18, 24])
@pytest.mark.parametrize("slots", [1, 3])
def test_a_killed_race_goes_on_with_the_same_drops(
    tmp_path: Path, backend: NoisyBackend, whole: list[tuple[object, object]], after: int, slots: int
) -> None:
    def kill_once() -> None:
        if len(backend.executed) >= after:
            backend.while_waiting = lambda: None
            raise KilledError

    backend.slots, backend.while_waiting = slots, kill_once
    planned_race(tmp_path)
    with pytest.raises(KilledError):
        go_on(tmp_path, backend)
    go_on(tmp_path, backend)
    assert drops_in(tmp_path) == whole
    assert len(backend.executed) == len(set(backend.executed))


@pytest.mark.parametrize("kind, count", [("dropped", 0), ("dropped", 1), ("dropped", 2), ("planned", 18)])
def test_a_journal_that_ends_before_a_decision_leads_to_the_same_one(tmp_path: Path, kind: str, count: int) -> None:
    planned_race(tmp_path)
    go_on(tmp_path, NoisyBackend(FakeClock()))
    drops, journal = drops_in(tmp_path), tmp_path / ".hpsearch" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    indexes = [k for k, line in enumerate(lines) if line.startswith(f'{{"event":"{kind}"'.encode())]
    journal.write_bytes(b"".join(lines[: indexes[count]]))
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert has_more(search.record)
    go_on(tmp_path, NoisyBackend(FakeClock()))
    assert drops_in(tmp_path) == drops


def test_no_more_than_max_runs_are_run(tmp_path: Path, backend: NoisyBackend) -> None:
    planned_race(tmp_path)
    go_on(tmp_path, backend, replace(OPTIONS, max_runs=22))
    assert len(backend.executed) == 22
    go_on(tmp_path, backend, replace(OPTIONS, max_runs=24))
    assert len(backend.executed) == 24


def test_failed_seeds_drop_a_configuration_until_they_are_run_again(tmp_path: Path, backend: NoisyBackend) -> None:
    backend.failing = [5]
    planned_race(tmp_path)
    told = go_on(tmp_path, backend)
    assert told[0] == "x=5 dropped after 3 seeds: 3 of its seeds gave no result"
    assert sum(x == 5 for x, _ in backend.executed) == 3
    backend.failing = []
    go_on(tmp_path, backend)
    assert sum(x == 5 for x, _ in backend.executed) == 11
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert {drop.p is None for drop in search.record.drops} == {False}


def test_runs_of_dropped_configurations_are_not_taken_up_again(tmp_path: Path, backend: NoisyBackend) -> None:
    planned_race(tmp_path)
    go_on(tmp_path, backend)
    with LiveSearch(SearchFolder(tmp_path)) as search:
        entry = search.record.runs[1]
        assert entry.is_out
        entry.state = RunState.CANCELLED
        assert entry not in RunChoice().of(search.record)
        assert entry in RunChoice([1]).of(search.record)
