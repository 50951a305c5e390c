"""``--stop_early``: which runs are stopped, when, and which messages say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, planned_search, states
from searches import SETTINGS

from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.errors import StoreError, UsageError
from hpsearch.core.model import Configuration, Job, Run, RunState
from hpsearch.folder.run_tables import best_runs
from hpsearch.journal.events import AttemptIntended, AttemptStopped, AttemptSubmitted
from hpsearch.journal.lines import from_line, to_line
from hpsearch.search.controller import Clocks, Controller, StopRequest, latest_run
from hpsearch.search.dispatch import Dispatcher
from hpsearch.search.early_stop import EarlyStop, RunValues, check_values, value_source
from hpsearch.search.resume import WHAT_IS_LEFT
from hpsearch.stopping.curves import Curve, Point, with_points
from hpsearch.store.classic_files import read_plain_pickle
from hpsearch.store.journal_file import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

NAN = math.nan
#: One value a second, each larger than the one before; `x` says how good the configuration is.
GOOD, BAD = [10.0, 11.0, 12.0, 13.0], [1.0, 1.1, 1.2, 1.3]


@dataclass
class TellingBackend(FakeBackend):
    """Runs that write one value a second into their summary, `finished 0`, and `finished 1` with the last one.

    values: run -> its values; all others take a second and tell nothing before.
    broken: runs that leave no readable summary when they are told to end.
    shared: runs that share one job.
    """

    values: dict[int, Sequence[float]] = field(default_factory=dict)
    broken: Sequence[int] = ()
    shared: Sequence[int] = ()
    stop_error: Callable[[], None] = lambda: None
    _began: dict[int, tuple[float, Path]] = field(default_factory=dict)

    def submit(self, attempts: Sequence[object], place: object) -> Sequence[str]:
        """Accept; runs that share a job get its id."""
        ids = super().submit(attempts, place)  # type: ignore[arg-type]
        return ["0@job" if int(each.partition("@")[0]) in self.shared else each for each in ids]

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run."""
        super().release(jobs)
        for job in jobs:
            number, folder = job.attempt.run.number, job.attempt.log_folder.parent.parent / job.attempt.run.folder
            if number in self.values:
                self._began[number] = (self.clock.steady_s, folder)
                self._ends[job.attempt.token] = self.clock.steady_s + len(self.values[number])
                (folder / "s.txt").unlink()
        self.tell()

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """Let time pass; live runs tell what they have by then."""
        super().wait(active, timeout_s, alarm)
        self.tell()

    def tell(self) -> None:
        """Write the summaries."""
        for number, (began, folder) in self._began.items():
            if number not in self.stopped:
                count = int(self.clock.steady_s - began + 0.01)
                self._write(folder / "s.txt", self.values[number][:count], count >= len(self.values[number]))

    def _write(self, path: Path, told: Sequence[float], is_last: bool) -> None:
        if told:
            # Files of one size that are written within a few milliseconds look the same.
            size = "." * len(told)
            path.write_text(f"acc {told[-1]}\nepoch {len(told)}\nfinished {int(is_last)}\n{size}\n")

    def stop(self, jobs: Sequence[Job]) -> list[str]:
        """Let the jobs end; some leave nothing readable."""
        self.stop_error()
        told = super().stop(jobs)
        for number in (job.attempt.run.number for job in jobs if job.attempt.run.number in self.broken):
            (self._began[number][1] / "s.txt").write_text("torn")
        return told


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def backend(clock: FakeClock) -> TellingBackend:
    """Four runs at once; run 4 is the bad one."""
    return TellingBackend(clock, slots=4, values={1: GOOD, 2: GOOD, 3: GOOD, 4: BAD})


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, 4) as search:
        yield search


def run(search: LiveSearch, backend: FakeBackend, rules: str = "median", **options: object) -> list[str]:
    """Run a search to its end; return the last lines about early stopping."""
    given = SearchOptions(**{"stop_early": rules, "stop_after": 2, **options})  # type: ignore[arg-type]
    with StopRequest() as stop:
        dispatcher = Dispatcher(Controller(search, CONFIG, backend, Console(), given, stop, backend.clock.clocks))
        dispatcher.take_over([entry.run.number for entry in WHAT_IS_LEFT.of(search.record)])
        dispatcher.run()
        dispatcher.finish()
        return dispatcher.early_stop.closing_lines()


def why(search: LiveSearch, number: int) -> AttemptStopped:
    stopped = search.record.runs[number].stopped
    assert stopped is not None
    return stopped


def test_a_run_worse_than_the_median_of_others_is_stopped(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    expected = {1: "finished", 2: "finished", 3: "finished", 4: "stopped early"}
    assert (states(search), backend.stopped) == (expected, [4])


class LateRivals(TellingBackend):
    """Run 4 tells its values first, and then nothing for a while; the others tell theirs later."""

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the jobs run."""
        super().release(jobs)
        for job in jobs:
            number, waits_s = job.attempt.run.number, 20.0
            if number != 4:
                self._began[number] = (self.clock.steady_s + 10, self._began[number][1])
                waits_s = 10.0
            self._ends[job.attempt.token] += waits_s

    def _write(self, path: Path, told: Sequence[float], is_last: bool) -> None:
        # A script does not write its earlier values again.
        if not path.exists() or f"epoch {len(told)}\n" not in path.read_text():
            super()._write(path, told, is_last and told[-1] not in BAD)


def test_a_run_that_tells_nothing_more_is_judged_by_what_others_tell_later(
    search: LiveSearch, clock: FakeClock
) -> None:
    late = LateRivals(clock, slots=4, values={1: GOOD, 2: GOOD, 3: GOOD, 4: BAD})
    run(search, late)
    assert states(search)[4] == "stopped early"


def test_the_journal_says_why_with_step_and_value(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    stopped = why(search, 4)
    assert (stopped.rule, stopped.step, stopped.value, stopped.is_dry) == ("median", "2", "1.1", False)
    assert stopped.reason.startswith("median: its best value 1.1 up to step 2 is below the median")


def test_nothing_is_stopped_without_a_rule(search: LiveSearch, backend: TellingBackend) -> None:
    lines = run(search, backend, "none")
    assert (set(states(search).values()), backend.stopped, lines) == ({"finished"}, [], [])


def test_nothing_is_compared_before_its_time(search: LiveSearch, backend: TellingBackend) -> None:
    lines = run(search, backend, stop_after=5)
    expected = "--stop_early=median: no run came as far as step 5 (--stop_after); the longest told values up to step 4"
    assert (backend.stopped, lines) == ([], [expected])


def test_a_run_that_is_no_number_twice_is_stopped(search: LiveSearch, backend: TellingBackend) -> None:
    backend.values[2] = [5.0, NAN, NAN, 5.0]
    run(search, backend, "nan")
    assert (states(search)[2], why(search, 2).value) == ("stopped early", "nan")


def test_a_stopped_run_is_done_and_no_failure(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    state = search.record.runs[4].state
    assert (state.is_final, state.is_done, state.is_failure, state.is_interruption) == (True, True, False, False)


def test_the_end_says_why_a_run_was_stopped(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    ended = search.record.runs[4].ended
    assert ended is not None and (ended.cause, ended.reason) == ("stopped early", why(search, 4).reason)
    assert search.record.runs[4].cause == why(search, 4).reason


def test_a_stopped_run_has_a_row_with_its_last_value(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    rows = (search.folder.path / "search_results.csv").read_text().splitlines()
    assert [row.split(";")[2:] for row in rows if "sim_4" in row] == [["1.1", "0"]]


def test_a_stopped_run_without_a_readable_summary_has_no_row(search: LiveSearch, backend: TellingBackend) -> None:
    backend.broken = [4]
    run(search, backend)
    table = (search.folder.path / "search_results.csv").read_text()
    assert ("sim_4" in table, states(search)[4]) == (False, "stopped early")


def test_a_stopped_run_is_listed_as_not_completed(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    listed = read_plain_pickle(search.folder.path / "not_completed.pickle")
    assert [each["x"] for each in listed] == [4]  # type: ignore[attr-defined]


def test_a_stopped_run_is_not_ranked(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    assert [entry.run.number for entry in best_runs(search.record, search.settings)] == [1, 2, 3]


def test_a_run_that_finishes_all_the_same_has_finished(search: LiveSearch, backend: TellingBackend) -> None:
    backend.stop_error = lambda: backend._write(search.folder.path / "sim_4" / "s.txt", [9.0], True)
    run(search, backend)
    assert (states(search)[4], backend.stopped) == ("finished", [4])


def test_a_stopped_run_is_not_tried_again(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend, retries=3, max_failures=1)
    assert (backend.started.count(4), states(search)[4]) == (1, "stopped early")


def test_a_resume_leaves_stopped_runs_alone(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    assert WHAT_IS_LEFT.of(search.record) == [search.record.runs[number] for number in (1, 2, 3)]


def test_others_start_and_end_while_a_stopped_run_saves_its_state(tmp_path: Path, clock: FakeClock) -> None:
    values = {1: GOOD, 2: GOOD, 3: GOOD, 4: [*BAD, *BAD], 5: [12.0], 6: [12.0]}
    backend = TellingBackend(clock, slots=4, values=values, stop_takes_s=40.0)
    with planned_search(tmp_path, 6) as search:
        run(search, backend)
        ends = {e.run.number: e.ended.at for e in search.record if e.ended is not None}
    assert max(ends[5], ends[6]) < ends[4] - 30


def test_a_run_is_told_once_and_again_after_a_minute(search: LiveSearch, backend: TellingBackend) -> None:
    calls: list[float] = []
    backend.stop_error = lambda: calls.append(backend.clock.steady_s)
    backend.stop_takes_s = 70.0
    run(search, backend)
    assert [round(call - calls[0]) for call in calls] == [0, 60]


def test_a_run_that_shares_its_job_is_ended_once_it_is_alone(
    search: LiveSearch, backend: TellingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.shared, backend.values[4] = [3, 4], [*BAD, 1.4, 1.5, 1.6, 1.7]
    run(search, backend)
    said = capsys.readouterr().err
    ended = search.record.runs[3].ended
    assert ended is not None and why(search, 4).at >= ended.at
    assert said.count("run 4 is hopeless, but it can be ended only when it is alone in its job") == 1


def test_a_dry_run_stops_nothing_and_says_what_it_would_have_saved(
    search: LiveSearch, backend: TellingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = run(search, backend, stop_dry_run=True)
    would = "1 of 4 finished runs would have been stopped, which saves 12% of all steps; the best (run 1 and run 2"
    assert (set(states(search).values()), backend.stopped) == ({"finished"}, [])
    assert lines[0].startswith(f"--stop_dry_run: {would}")
    assert capsys.readouterr().err.count("run 4 would be stopped: median: its best value 1.1") == 1


def test_a_run_that_ends_with_nan_says_so(
    search: LiveSearch, backend: TellingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.values[4] = [NAN]
    run(search, backend)
    assert ": acc nan [" in capsys.readouterr().err


def test_a_dry_run_says_how_many_runs_told_nothing(search: LiveSearch, backend: TellingBackend) -> None:
    del backend.values[3]
    lines = run(search, backend, stop_dry_run=True)
    assert "--stop_dry_run: 0 of 3 finished runs (and 1 told no values) would have been stopped" in lines[-1]


def test_silent_runs_are_told_of(
    search: LiveSearch, backend: TellingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.values.clear()
    backend.slots = 1
    lines = run(search, backend)
    assert lines[0].startswith("--stop_early=median: no values were read from 4 runs while going on (")
    assert capsys.readouterr().err.count("--stop_early=median: no values were read so far (") == 1


def test_an_error_of_early_stopping_harms_no_run(
    search: LiveSearch, backend: TellingBackend, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise RuntimeError("a bug")

    backend.stop_error = fail
    run(search, backend)
    said = "--stop_early=median: it does not work as it should (RuntimeError: a bug)"
    # Its value would have counted; the journal says that it was to be stopped.
    assert (states(search), capsys.readouterr().err.count(said)) == (dict.fromkeys(range(1, 5), "finished"), 1)


def stopped_and_left(folder: Path, is_dry: bool = False) -> None:
    """Leave a search whose controller died between the note that run 1 is hopeless and its end."""
    with planned_search(folder, 1) as search:
        submitted = AttemptSubmitted(1, "sim_1.1.a", "1@job", "host", 2.0)
        stopped = AttemptStopped(1, "sim_1.1.a", 3.0, "median", "median: too bad", "2", "1.1", is_dry)
        search.note(AttemptIntended(1, "sim_1.1.a", 1.0), submitted, stopped)
        (folder / "sim_1").mkdir()
        (folder / "sim_1" / "s.txt").write_text("acc 1.1\nfinished 0\n")


def resumed(folder: Path, backend: TellingBackend, rules: str = "median") -> LiveSearch:
    with LiveSearch(SearchFolder(folder)) as search:
        search.open_for_work()
        run(search, backend, rules)
        return search


@pytest.mark.parametrize("cause", [None, RunState.LOST, RunState.CANCELLED])
def test_a_stopped_run_that_ended_without_controller_was_stopped_early(
    tmp_path: Path, clock: FakeClock, cause: RunState | None
) -> None:
    stopped_and_left(tmp_path)
    backend = TellingBackend(clock, exit_statuses={1: 143}, causes={} if cause is None else {1: cause}, cancelled=[1])
    search = resumed(tmp_path, backend)
    assert (states(search), search.record.runs[1].cause) == ({1: "stopped early"}, "median: too bad")
    assert backend.started == []


@pytest.mark.parametrize("rules", ["median", "none"])
def test_a_stopped_run_that_still_lives_is_told_after_a_resume(tmp_path: Path, clock: FakeClock, rules: str) -> None:
    stopped_and_left(tmp_path)
    backend = TellingBackend(clock)
    search = resumed(tmp_path, backend, rules)
    assert (backend.stopped, states(search)) == ([1], {1: "stopped early"})


def test_a_run_of_a_dry_run_is_not_told_after_a_resume(tmp_path: Path, clock: FakeClock) -> None:
    stopped_and_left(tmp_path, is_dry=True)
    backend = TellingBackend(clock, exit_statuses={1: 1}, cancelled=[1])
    search = resumed(tmp_path, backend)
    # It ended while nobody was there, and a resume runs what has not finished.
    assert (backend.stopped, backend.started, states(search)) == ([], [1], {1: "failed"})


def seeded(folder: Path, configurations: int = 4, seeds: int = 2) -> LiveSearch:
    """Return a search of some configurations under each seed, one seed after another."""
    search = LiveSearch(SearchFolder(folder))
    pairs = [(x, seed) for seed in range(seeds) for x in range(1, configurations + 1)]
    plan = [
        Run(n, f"sim_{n}", Configuration((("x", x), ("random_seed", seed))), str(folder / f"sim_{n}"))
        for n, (x, seed) in enumerate(pairs, start=1)
    ]
    settings = replace(
        SETTINGS,
        run_cwd=str(folder),
        shown_folder=str(folder),
        option_names=("x", "random_seed"),
        options={"num_seeds": seeds},
    )
    search.add_plan(plan, settings, 0.0)
    search.open_for_work()
    return search


def test_the_first_seed_of_a_configuration_is_not_compared(tmp_path: Path, clock: FakeClock) -> None:
    values = {number: BAD if number in (4, 8) else GOOD for number in range(1, 9)}
    backend = TellingBackend(clock, slots=4, values=values)
    with seeded(tmp_path) as search:
        run(search, backend)
        assert (states(search)[4], states(search)[8], backend.stopped) == ("finished", "stopped early", [8])


def test_a_first_seed_without_numbers_is_stopped(tmp_path: Path, clock: FakeClock) -> None:
    values = {1: [NAN, 3.0, NAN, NAN, 3.0], **dict.fromkeys(range(2, 9), GOOD)}
    backend = TellingBackend(clock, slots=4, values=values)
    with seeded(tmp_path) as search:
        run(search, backend, "nan,median")
        assert why(search, 1).rule == "nan"


def test_what_an_earlier_attempt_told_says_nothing_of_a_new_one(search: LiveSearch) -> None:
    """Else a new attempt would be ended before it was read for the first time."""
    source = value_source(CONFIG.settings, SearchOptions(stop_early="nan"))
    values, entry = RunValues(search, source, ()), search.record.runs[1]
    values.curves[1] = with_points(Curve(), [Point(1, NAN), Point(2, NAN)])
    search.note(AttemptIntended(1, "sim_1.2.b", 1.0))
    assert not values.has_told(entry)
    assert (values.read(entry).points, values.has_told(entry)) == ((), False)


def test_a_configuration_is_not_compared_with_its_own_seeds(tmp_path: Path, clock: FakeClock) -> None:
    # Three others would be needed: there are two, and the run of its own configuration.
    values = {1: GOOD, 2: GOOD, 3: GOOD, 4: GOOD, 5: GOOD, 6: BAD}
    backend = TellingBackend(clock, slots=3, values=values)
    with seeded(tmp_path, configurations=3) as search:
        run(search, backend)
        assert backend.stopped == []


def test_the_event_is_read_back() -> None:
    event = AttemptStopped(1, "sim_1.1.a", 3.0, "nan", "nan: twice", "1e+300", "nan", True)
    assert from_line(to_line(event)) == event


def test_what_is_known_of_a_stop_survives_the_controller(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    assert read_record(search.folder).runs[4].stopped == why(search, 4)


def test_a_new_attempt_is_not_hopeless(search: LiveSearch, backend: TellingBackend) -> None:
    run(search, backend)
    search.note(AttemptIntended(4, "sim_4.2.b", 5.0))
    assert (search.record.runs[4].stopped, search.record.runs[4].is_stopped) == (None, False)


def test_a_search_whose_values_are_nowhere_is_refused() -> None:
    settings = replace(SETTINGS, has_parser=True)
    with pytest.raises(UsageError, match="--stop_early=median"):
        check_values(settings, SearchOptions(stop_early="median"))
    check_values(settings, SearchOptions())


def test_a_scheduler_runs_job_is_stopped_once_it_runs(tmp_path: Path, clock: FakeClock) -> None:
    backend = TellingBackend(
        clock, slots=4, is_scheduler=True, values=dict.fromkeys((1, 2, 3), GOOD * 5) | {4: BAD * 5}
    )
    with planned_search(tmp_path, 4) as search:
        run(search, backend)
        assert states(search)[4] == "stopped early"


def test_the_search_says_first_by_what_runs_are_stopped(search: LiveSearch, backend: TellingBackend) -> None:
    options = SearchOptions(stop_early="nan,asha", stop_after=2, stop_dry_run=True)
    with StopRequest() as stop:
        controller = Controller(search, CONFIG, backend, Console(), options, stop, backend.clock.clocks)
        (line,) = Dispatcher(controller).early_stop.opening_lines()
    assert line == "runs would be stopped early by nan or asha from step 2 on: 'acc' in s.txt (large is good)"


def test_a_search_that_is_about_to_end_reads_and_says_nothing(search: LiveSearch, backend: TellingBackend) -> None:
    options = SearchOptions(stop_early="median")
    with StopRequest() as stop:
        stop.request(2)
        controller = Controller(search, CONFIG, backend, Console(), options, stop, backend.clock.clocks)
        early_stop = Dispatcher(controller).early_stop
        assert (early_stop.opening_lines(), early_stop.closing_lines()) == ([], [])


def test_a_look_is_short_and_all_runs_have_their_turn(tmp_path: Path) -> None:
    clock, runs = FakeClock(), 30

    def slow() -> float:
        """Everything takes some time."""
        clock.go_on(0.05)
        return clock.steady_s

    with planned_search(tmp_path, runs) as search, StopRequest() as stop:
        controller = Controller(
            search, CONFIG, FakeBackend(clock), Console(), SearchOptions(stop_early="nan", progress_pattern="(.*)"),
            stop, Clocks(slow, slow),
        )  # fmt: skip
        for number in range(1, runs + 1):
            token = f"sim_{number}.1.a"
            search.note(
                AttemptIntended(number, token, 1.0), AttemptSubmitted(number, token, f"{number}@job", "host", 2.0)
            )
            controller.runs.add(latest_run(search, search.record.runs[number]))
            search.folder.logs.mkdir(exist_ok=True)
            (search.folder.logs / f"{token}.out").write_text("nan\nnan\n")
        early_stop, looks, most = EarlyStop(controller), 0, 0
        while looks < 100 and len(stopped := [e for e in search.record if e.is_stopped]) < runs:
            clock.go_on(100)
            early_stop.look()
            looks, most = looks + 1, max(most, sum(e.is_stopped for e in search.record) - len(stopped))
    assert (1 < looks < runs, most < runs / 3) == (True, True)


def test_nothing_is_stopped_while_the_journal_cannot_be_written(tmp_path: Path, clock: FakeClock) -> None:
    stopped_and_left(tmp_path)
    backend, options = TellingBackend(clock), SearchOptions(stop_early="median")
    with LiveSearch(SearchFolder(tmp_path)) as search, StopRequest() as stop:
        controller = Controller(search, CONFIG, backend, Console(), options, stop, clock.clocks)
        controller.runs.add(latest_run(search, search.record.runs[1]))
        early_stop = EarlyStop(controller)
        search.trouble = StoreError("no room")
        early_stop.look()
        # And the search pauses between two polls.
        assert (backend.stopped, early_stop.seconds_left()) == ([], 1.0)
        search.trouble = None
        clock.steady_s += 1
        early_stop.look()
        assert backend.stopped == [1]
