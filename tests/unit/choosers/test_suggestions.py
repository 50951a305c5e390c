"""A sampler's suggestions: none twice, and determined by the journal alone, whatever kills the search in between."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock
from project import journal_events
from searches import SETTINGS
from suggested import check_each_prefix, idle_places, suggested

from hpsearch.choosers import suggestions as module
from hpsearch.choosers.candidates import candidates_in, listed
from hpsearch.choosers.of_search import chooser_lines, expected_runs, has_more, new_chooser
from hpsearch.choosers.suggestions import Suggestions, space_text
from hpsearch.config.options import SearchOptions
from hpsearch.config.written_options import recorded
from hpsearch.console.console import Console
from hpsearch.core.coding import Order
from hpsearch.core.conditions import Condition
from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Job, Run
from hpsearch.core.space import enumerate_space
from hpsearch.journal.events import (
    AttemptIntended,
    RunCollected,
    RunPlanned,
    SearchCandidates,
)
from hpsearch.journal.lines import from_line, to_line
from hpsearch.samplers.candidates import Candidates, Observed, Suggestion
from hpsearch.search.controller import Controller, StopRequest
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.resume import RunChoice
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

OPTIONS = SearchOptions(sampler="bayes", num_searches=8, seed_option="")
GRID = {"x": [1, 2, 3, 4], "y": ["a", "b", "c"]}


class Greedy:
    """Suggests an unseen candidate by a hash of all its inputs, so that any difference shows."""

    def __init__(self, sampler: str, candidates: Candidates, optuna_sampler: str) -> None:
        self._size = len(candidates)

    def suggest(self, observed: Observed, seed: int) -> Suggestion | None:
        """Return a candidate that depends on every score, on what is pending, in which order, and on the seed."""
        scores = {candidate: list(found) for candidate, found in observed.scores.items()}
        assert not scores.keys() & set(observed.pending)
        free = [each for each in range(self._size) if each not in scores and each not in observed.pending]
        told = f"{scores} {list(observed.pending)} {seed}"
        return Suggestion(random.Random(told).choice(free), {"rule": "greedy", "told": told}) if free else None


@pytest.fixture(autouse=True)
def greedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "new_sampler", Greedy)


@dataclass
class ScoringBackend(FakeBackend):
    """Runs whose result depends on their options alone. odd: what certain values of x leave as their result."""

    odd: Mapping[int, str] = field(default_factory=dict)
    capacity: int = 1
    executed: list[dict[str, object]] = field(default_factory=list)

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run."""
        super().release(jobs)
        for job in jobs:
            options = job.attempt.run.configuration.as_dict()
            self.executed.append(options)
            x, y, seed = int(str(options["x"])), str(options["y"]), int(str(options.get("seed", 0)))
            value = f"acc {x * 10 + ord(y) + seed / 10}\nfinished 1\n"
            if job.attempt.run.number not in self.exit_statuses:
                folder = job.attempt.log_folder.parent.parent / job.attempt.run.folder
                (folder / "s.txt").write_text(self.odd.get(x, value))

    def place(self, active: Sequence[Job]):
        """Return a place for as many runs at once as a job takes."""
        place = super().place(active)
        return None if place is None else replace(place, capacity=self.capacity)


def planned(folder: Path, options: SearchOptions = OPTIONS, grid: dict[str, list[object]] | None = None) -> None:
    """Plan a search in which a sampler chooses everything."""
    space = enumerate_space(grid or GRID, [], Order(limit=20_000))
    with LiveSearch(SearchFolder(folder)) as search:
        names = (*space.option_names, *options.seed_options)
        place = replace(SETTINGS, run_cwd=str(folder), shown_folder=str(folder), option_names=names)
        search.add_plan([], replace(place, options=recorded(options)), 1e6, [listed(space)])
        search.write_commands()


def go_on(folder: Path, backend: FakeBackend, options: SearchOptions = OPTIONS, console: Console | None = None) -> None:
    """Resume the search and carry it out."""
    with LiveSearch(SearchFolder(folder)) as search, StopRequest() as stop:
        search.open_for_work()
        chooser = new_chooser(search, options, lambda text: None)
        clocks = backend.clock.clocks
        controller = Controller(search, CONFIG, backend, console or Console(), options, stop, clocks, chooser=chooser)
        dispatcher = Dispatcher(controller)
        dispatcher.take_over([entry.run.number for entry in RunChoice().of(search.record)])
        dispatcher.run()
        dispatcher.finish()


@pytest.fixture
def backend() -> ScoringBackend:
    return ScoringBackend(FakeClock())


def test_a_budget_is_used_up_without_running_anything_twice(tmp_path: Path, backend: ScoringBackend) -> None:
    planned(tmp_path)
    go_on(tmp_path, backend)
    assert len(backend.executed) == 8
    assert len({tuple(options.items()) for options in backend.executed}) == 8
    assert len(set(suggested(tmp_path))) == 8


@pytest.mark.parametrize("slots, capacity", [(1, 1), (3, 1), (2, 4), (20, 1)])
def test_each_suggestion_comes_out_again_from_the_journal_before_it(
    tmp_path: Path, backend: ScoringBackend, slots: int, capacity: int
) -> None:
    backend.slots, backend.capacity = slots, capacity
    planned(tmp_path)
    go_on(tmp_path, backend)
    assert check_each_prefix(tmp_path) == 8
    assert capacity > 1 or idle_places(tmp_path, slots, 8) == 0


class KilledError(Exception):
    """The controller is killed here."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The suggestions, one run at a time, when nothing disturbs the search."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "new_sampler", Greedy)
        planned(folder)
        go_on(folder, ScoringBackend(FakeClock()))
    return suggested(folder)


@pytest.mark.parametrize("writes", range(24))
def test_a_search_killed_at_any_write_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, backend: ScoringBackend, whole: list[object], monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    planned(tmp_path)
    left, write = iter(range(writes)), LiveSearch._write

    def write_or_die(search: LiveSearch, *said: object, **how: bool) -> None:
        if next(left, None) is None:
            raise KilledError
        write(search, *said, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(LiveSearch, "_write", write_or_die)
    with pytest.raises(KilledError):
        go_on(tmp_path, backend)
    monkeypatch.undo()
    monkeypatch.setattr(module, "new_sampler", Greedy)
    go_on(tmp_path, backend)
    assert (suggested(tmp_path), len(backend.executed)) == (whole, 8)
    assert check_each_prefix(tmp_path) == 8


@pytest.mark.parametrize("slots", [1, 3])
def test_each_suggestion_gets_all_seeds_before_the_next_one(
    tmp_path: Path, backend: ScoringBackend, slots: int
) -> None:
    options = replace(OPTIONS, num_searches=3, seeds_list="4,5,6", seed_option="seed")
    backend.slots = slots
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    assert [each["seed"] for each in backend.executed] == [4, 5, 6] * 3
    assert len(set(suggested(tmp_path)[::3])) == 3
    assert suggested(tmp_path) == [each for each in suggested(tmp_path)[::3] for _ in range(3)]
    assert ["why" in event for event in journal_events(tmp_path, "planned")] == [True, False, False] * 3
    assert check_each_prefix(tmp_path) == 3


def observed(folder: Path, options: SearchOptions = OPTIONS) -> Observed:
    """Return the observations that a sampler of a search gets now."""
    with LiveSearch(SearchFolder(folder)) as search:
        return Suggestions(search.record, options).observed()


@pytest.mark.parametrize("text", ["acc nan\nfinished 1\n", "acc inf\nfinished 1\n", "acc 3\nfinished 0\n", "torn"])
def test_a_run_without_a_finite_result_counts_as_failed(tmp_path: Path, backend: ScoringBackend, text: str) -> None:
    options = replace(OPTIONS, num_searches=12)
    backend.odd = {1: text, 2: text}
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    # Candidates are in the order of the grid, three of each x.
    assert [len(found) for _, found in sorted(observed(tmp_path).scores.items())] == [0] * 6 + [1] * 6
    assert check_each_prefix(tmp_path) == 12


def test_scores_are_larger_where_results_are_better(tmp_path: Path, backend: ScoringBackend) -> None:
    planned(tmp_path)
    go_on(tmp_path, backend)
    highest = observed(tmp_path).scores
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert search.record.settings is not None
        search.record.settings = replace(search.record.settings, sort_ascending=True)
        lowest = Suggestions(search.record, OPTIONS).observed().scores
    assert {each: [-score for score in scores] for each, scores in lowest.items()} == highest


def test_what_runs_or_waits_is_pending(tmp_path: Path, backend: ScoringBackend) -> None:
    def look() -> None:
        raise KilledError

    backend.slots, backend.while_waiting = 3, look
    planned(tmp_path)
    with pytest.raises(KilledError):
        go_on(tmp_path, backend)
    assert observed(tmp_path) == Observed({}, suggested(tmp_path))  # type: ignore[arg-type]


def test_a_run_that_is_tried_again_is_pending_meanwhile(tmp_path: Path, backend: ScoringBackend) -> None:
    options = replace(OPTIONS, retries=2, num_searches=4)
    backend.exit_statuses = {2: 1}
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    third = next(event for event in journal_events(tmp_path, "planned") if event["run"] == 3)
    assert [event["run"] for event in journal_events(tmp_path, "intended")] == [1, 2, 2, 2, 3, 4]
    assert f"{suggested(tmp_path)[1]}: []" in str(third["why"])
    assert check_each_prefix(tmp_path) == 4


def test_a_space_that_is_used_up_ends_the_search(tmp_path: Path, backend: ScoringBackend) -> None:
    options = replace(OPTIONS, num_searches=40)
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    assert sorted(suggested(tmp_path)) == list(range(12))  # type: ignore[type-var]
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert not has_more(search.record)
        assert chooser_lines(search.record) == ["sampler: bayes, all 12 configurations have run"]


def test_the_only_candidate_is_run(tmp_path: Path, backend: ScoringBackend) -> None:
    planned(tmp_path, OPTIONS, {"x": [1], "y": ["a"]})
    go_on(tmp_path, backend)
    assert backend.executed == [{"x": 1, "y": "a"}]


def test_a_search_before_its_first_run_says_what_comes(tmp_path: Path) -> None:
    planned(tmp_path)
    with LiveSearch(SearchFolder(tmp_path)) as search:
        assert (has_more(search.record), expected_runs(search.record)) == (True, 8)
        assert chooser_lines(search.record) == ["sampler: bayes, 0 suggested so far; it takes 8 of 12 configurations"]


def test_too_many_failures_alike_end_the_suggestions(tmp_path: Path, backend: ScoringBackend) -> None:
    options = replace(OPTIONS, max_failures=3)
    backend.exit_statuses = dict.fromkeys(range(1, 9), 1)
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    assert len(suggested(tmp_path)) == 3


def test_commands_are_there_when_their_runs_start(tmp_path: Path, backend: ScoringBackend) -> None:
    counts: list[int] = []

    def look() -> None:
        lines = (tmp_path / "commands.sh").read_text().splitlines()
        counts.append(sum(not line.startswith("#") for line in lines))

    backend.while_waiting = look
    planned(tmp_path)
    go_on(tmp_path, backend)
    assert counts[:3] == [1, 2, 3]
    assert len((tmp_path / "commands_wo_dirs.sh").read_text().splitlines()) == 8 + 4


def test_runs_have_names_as_wide_as_the_budget(tmp_path: Path, backend: ScoringBackend) -> None:
    options = replace(OPTIONS, num_searches=10)
    planned(tmp_path, options)
    go_on(tmp_path, backend, options)
    names = [str(event["folder"]) for event in journal_events(tmp_path, "planned")]
    assert {len(name) for name in names} == {len("sim_20260101000000_01")}
    assert len({name.split("_")[1] for name in names}) == 1


def test_runs_that_no_sampler_chose_count_as_those_of_their_configuration(
    tmp_path: Path, backend: ScoringBackend
) -> None:
    planned(tmp_path)
    go_on(tmp_path, backend)
    first = suggested(tmp_path)[0]
    with LiveSearch(SearchFolder(tmp_path)) as search:
        options = {**search.record.runs[1].run.configuration.as_dict(), "random_seed": 5}
        run = Run(9, "sim_9", Configuration(tuple(options.items())), str(tmp_path / "sim_9"))
        search.add_plan(
            [run], replace(search.settings, options=recorded(replace(OPTIONS, seed_option="random_seed"))), 2e6
        )
    go_on(tmp_path, backend)
    known = observed(tmp_path)
    assert (len(known.scores), len(known.scores[first])) == (8, 2)


def test_a_lost_number_of_a_candidate_is_found_again(tmp_path: Path, backend: ScoringBackend) -> None:
    planned(tmp_path)
    go_on(tmp_path, backend)
    before, journal = observed(tmp_path), tmp_path / ".hpsearch" / "journal.jsonl"
    lines = [line for line in map(json.loads, journal.read_text().splitlines()) if line.pop("candidate", 0) is not None]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert observed(tmp_path) == before


@pytest.mark.parametrize(
    ("available", "text"),
    [
        (None, "3 of 12 configurations"),
        (0, "3 of 12 sampled configurations"),
        (5000, "3 of 12 sampled configurations (of 5,000)"),
    ],
)
def test_a_space_that_was_sampled_is_told_as_such(available: int | None, text: str) -> None:
    candidates = replace(listed(enumerate_space(GRID, [], Order())), available=available)
    assert space_text(candidates, 3) == text


@pytest.mark.parametrize("values", [[1, 1.0, "1", True], [0.5, 0.25, 0.125], [None, [1, 2], (1, 2)], [{"a": 1}, "b"]])
def test_candidates_come_back_from_the_journal_as_they_were(values: list[object]) -> None:
    conditions = [Condition({"y": ["a"]}, {"z": [1, 2], "y": ["a", "b"]})]
    space = enumerate_space({"x": values, "y": ["a", "b"]}, conditions, Order(limit=20_000))
    event = from_line(to_line(listed(space)))
    assert isinstance(event, SearchCandidates)
    found = candidates_in(event)
    assert len(found) == event.count == len(space)
    assert {repr(found.configuration(row)) for row in range(len(found))} == {repr(each) for each in space}


@pytest.mark.parametrize("count", [-4, 1_000_001, 2**62])
def test_a_count_of_candidates_that_nobody_writes_is_told_as_damage(count: int) -> None:
    event = replace(listed(enumerate_space(GRID, [], Order())), count=count)
    with pytest.raises(FolderError, match="list of configurations"):
        candidates_in(event)


@pytest.mark.parametrize(
    ("state", "summary", "scores"),
    [
        ("finished", {"acc": ["0.5"], "finished": ["1"]}, [0.5]),
        ("stopped early", {"acc": ["0.5"], "finished": ["0"]}, [0.5]),
        ("stopped early", None, []),
        ("failed", {"acc": ["0.5"], "finished": ["0"]}, []),
        ("cancelled", None, []),
    ],
)
def test_a_run_that_was_stopped_early_counts_with_the_value_that_it_had(
    tmp_path: Path, state: str, summary: Mapping[str, object] | None, scores: list[float]
) -> None:
    planned(tmp_path)
    with LiveSearch(SearchFolder(tmp_path)) as search:
        search.open_for_work()
        choice = next(Suggestions(search.record, OPTIONS).coming())
        run = Run(1, "sim_1", choice.configuration, str(tmp_path / "sim_1"))
        search.note(
            RunPlanned.of(run, choice.candidate, choice.why),
            AttemptIntended(1, "sim_1.1.abc", 1.0),
            RunCollected(1, "sim_1.1.abc", state, 2.0, summary),
        )
    assert observed(tmp_path) == Observed({choice.candidate: scores}, [])  # type: ignore[dict-item]


class Seen(Console):
    """Records how many runs its bar has counted, and the text behind it."""

    has_bar = True

    def __init__(self) -> None:
        super().__init__()
        self.totals: list[int] = []
        self.texts: list[str] = []

    def start_bar(self, total: int, done: int) -> None:
        """Begin to count."""
        self.totals.append(total)

    def extend_bar(self, count: int) -> None:
        """Count more."""
        self.totals.append(self.totals[-1] + count)

    def describe_bar(self, texts: Sequence[Sequence[str]]) -> None:
        """Note the longest wordings."""
        self.texts += [each[0] for each in texts]


def test_the_bar_counts_the_budget_and_says_what_is_expected(
    tmp_path: Path, backend: ScoringBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = {"rule": "improvement", "expected": 0.5, "low": 0.4, "high": 0.6, "best": 0.45, "chance": 0.3}

    def suggest(sampler: Greedy, observed: Observed, seed: int) -> Suggestion:
        return Suggestion(len(observed.scores) + len(observed.pending), why)

    monkeypatch.setattr(Greedy, "suggest", suggest)
    console = Seen()
    planned(tmp_path)
    go_on(tmp_path, backend, console=console)
    assert set(console.totals) == {8}
    assert "next expected 0.5, chance of a better one 30 %" in console.texts


def test_a_run_that_no_sampler_chose_is_noted_as_it_always_was() -> None:
    run = Run(1, "sim_1", Configuration((("x", 1),)), "o/sim_1")
    assert to_line(RunPlanned.of(run)) == (
        b'{"event":"planned","run":1,"folder":"sim_1","out_dir":"o/sim_1","options":[["x",1]]}\n'
    )
