"""Which runs go on from an earlier attempt, and from which; a controller that is killed at any moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search, states
from hypothesis import given
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, RunState, Status
from hpsearch.journal.events import AttemptEnded, AttemptIntended, RunPlanned
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.search.continuing import continues_from, end_of_patience, is_interrupted
from hpsearch.store.journal_file import Journal
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

KEEPS, NAMES = {"keep_out_dir": True}, {"continue_arg": "resume_from"}
RUN = Run(1, "sim_1", Configuration(()), "./out/s/sim_1")


def entry_of(state: RunState, attempts: int = 1, **more: Any) -> RunRecord:
    """Return the record of a run. Any: the types of its fields."""
    return RunRecord(RUN, state, attempts=attempts, **more)


def left(folder: Path, *names: str) -> None:
    """Let an attempt leave these files in a folder."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    return SearchFolder(tmp_path)


@pytest.mark.parametrize("state", RunState)
def test_only_a_search_with_checkpoints_continues_runs_that_were_interrupted(state: RunState) -> None:
    continued = {RunState.PREEMPTED, RunState.LOST, RunState.TIMED_OUT}
    assert not is_interrupted(SETTINGS, state)
    assert is_interrupted(replace(SETTINGS, keep_out_dir=True), state) == (state in continued)
    assert is_interrupted(replace(SETTINGS, continue_arg="from"), state) == (state in continued)


@pytest.mark.parametrize("continuations, is_told", [(0, False), (2, False), (3, True), (4, True)])
def test_a_run_is_continued_up_to_the_limit(folder: SearchFolder, continuations: int, is_told: bool) -> None:
    entry = entry_of(RunState.TIMED_OUT, continuations=continuations)
    assert bool(end_of_patience(entry, 3, folder)) == is_told


@pytest.mark.parametrize(
    "more, entry, source",
    [
        ({}, entry_of(RunState.TIMED_OUT), None),
        (NAMES, entry_of(RunState.PLANNED, 0), None),
        (NAMES, entry_of(RunState.FINISHED), None),
        (KEEPS, entry_of(RunState.PLANNED, 0), None),
        (KEEPS, entry_of(RunState.FINISHED), None),
        *((KEEPS, entry_of(state), "") for state in RunState if state not in (RunState.PLANNED, RunState.FINISHED)),
        *((NAMES, entry_of(state), "./out/s/.hpsearch/attempts/sim_1.attempt1") for state in (
            RunState.TIMED_OUT, RunState.FAILED, RunState.CANCELLED, RunState.UNFINISHED, RunState.OUT_OF_MEMORY,
        )),
    ],
)  # fmt: skip
def test_an_attempt_goes_on_unless_it_is_the_first_or_follows_a_finished_one(
    folder: SearchFolder, more: dict[str, Any], entry: RunRecord, source: str | None
) -> None:
    left(folder.path / "sim_1", "checkpoint")
    assert continues_from(folder, replace(SETTINGS, **more), entry) == source


OURS = ("hpsearch_command.sh", "job_sim_1.out", "sim_1_77.err", "sim_1_script.sh", "job_sim_1.lsf", "job_sim_1.out.2")


@pytest.mark.parametrize(
    "earlier, now, attempts, source",
    [
        ({1: ["state"]}, ["state"], 2, ".attempt2"),
        ({1: ["state"]}, OURS, 2, ".attempt1"),
        ({1: ["state"]}, None, 2, ".attempt1"),
        ({1: ["state"]}, ["state.new", *OURS], 2, ".attempt1"),
        ({1: ["state"], 2: OURS}, [], 3, ".attempt1"),
        ({1: ["state"], 2: ["sim_1_best.pt"]}, None, 3, ".attempt2"),
        ({9: ["state"], 10: ["state"]}, None, 11, ".attempt10"),
        ({1: OURS}, OURS, 2, None),
        ({}, None, 1, None),
    ],
)
def test_it_goes_on_from_the_newest_attempt_that_left_anything(
    folder: SearchFolder, earlier: Mapping[int, Sequence[str]], now: Sequence[str] | None, attempts: int, source: str
) -> None:
    for number, names in earlier.items():
        left(folder.attempts / f"sim_1.attempt{number}", *names)
    if now is not None:
        left(folder.path / "sim_1", *now)
    expected = f"./out/s/.hpsearch/attempts/sim_1{source}" if source else ""
    found = continues_from(folder, replace(SETTINGS, continue_arg="from"), entry_of(RunState.LOST, attempts))
    assert found == expected


def test_what_a_finished_run_left_is_no_start_for_its_repetition(folder: SearchFolder) -> None:
    left(folder.attempts / "sim_1.attempt3", "state")
    kept = entry_of(RunState.FINISHED, attempts=3)
    entry = entry_of(RunState.PREEMPTED, attempts=4, kept=kept)
    assert continues_from(folder, replace(SETTINGS, continue_arg="from"), entry) == ""


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100), st.booleans()), min_size=1, max_size=8))
def test_a_run_took_as_long_as_the_attempts_that_went_on_from_each_other(
    attempts: list[tuple[bool, int, bool]],
) -> None:
    record, now, chain = SearchRecord.of([RunPlanned(1, "sim_1", "o/sim_1", [])]), 0.0, list[float]()
    for number, (is_continued, seconds, is_lost) in enumerate(attempts):
        chain = [*(chain if is_continued and number else ()), 0.0 if is_lost else float(seconds)]
        token, began = f"sim_1.{number}.ab", None if is_lost else now
        record.apply(AttemptIntended(1, token, now, "" if is_continued and number else None))
        now += seconds
        record.apply(AttemptEnded(1, token, 0, now, began=began))
    entry = record.runs[1]
    assert (entry.took_s or 0.0, entry.continuations) == (sum(chain), len(chain) - 1)


@dataclass
class Steps(FakeBackend):
    """A scheduler whose jobs count to 5, three steps in each attempt, and are then timed out; they save the count."""

    is_scheduler: bool = True
    done: list[int] = field(default_factory=list)
    _jobs: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Execute them at once; they end a second later."""
        for attempt in attempts:
            self._execute(attempt)
        return [self._jobs[attempt.token][0] for attempt in attempts]

    def _execute(self, attempt: Attempt) -> None:
        out_dir = Path(attempt.argv[-1].partition("=")[2])
        source = next((word.partition("=")[2] for word in attempt.argv if word.startswith("--resume_from=")), out_dir)
        start = int(saved.read_text()) if (saved := Path(source) / "step").exists() else 0
        out_dir.mkdir(exist_ok=attempt.keeps_folder)
        steps = range(start + 1, min(start + 3, 5) + 1)
        self.done += steps
        (out_dir / "step").write_text(str(steps[-1]))
        if steps[-1] == 5:
            (out_dir / "s.txt").write_text("acc 5\nfinished 1\n")
        self._jobs[attempt.token] = (f"{len(self._jobs) + 1}@job", steps[-1] == 5)
        self._ends[attempt.token] = self.clock.steady_s + self.run_s

    def release(self, jobs: Sequence[Job]) -> None:
        """Nothing: they have started."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Return the jobs whose submission was not noted."""
        return {attempt.token: self._jobs[attempt.token][0] for attempt in attempts if attempt.token in self._jobs}

    def _status(self, job: Job) -> Status:
        if self.clock.steady_s < self._ends[job.attempt.token]:
            return Status(JobPhase.RUNNING)
        is_over, now = self._jobs[job.attempt.token][1], self.clock.wall_s
        cause = None if is_over else RunState.TIMED_OUT
        return Status(JobPhase.ENDED, 0, cause, ended_at=now, began_at=now - self.run_s)


class Killed(BaseException):
    """The controller dies here."""


@pytest.mark.parametrize("more", [KEEPS, NAMES], ids=["same folder", "fresh folder"])
def test_the_steps_of_all_attempts_and_their_time_add_up(tmp_path: Path, more: dict[str, Any]) -> None:
    backend = Steps(FakeClock())
    with planned_search(tmp_path, 1, **more) as search:
        dispatch(search, backend, max_failures=1)
        (entry,) = search.record
        assert (backend.done, entry.attempts, entry.continuations) == ([1, 2, 3, 4, 5], 2, 1)
        assert entry.took_s == pytest.approx(2, abs=0.1)
    assert sorted(path.name for path in (tmp_path / "sim_1").iterdir()) == ["hpsearch_command.sh", "s.txt", "step"]
    with LiveSearch(SearchFolder(tmp_path)) as again:
        assert next(iter(again.record)).took_s == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("more", [KEEPS, NAMES], ids=["same folder", "fresh folder"])
@pytest.mark.parametrize("is_written", [False, True], ids=["before the line", "behind the line"])
@pytest.mark.parametrize("fatal_line", range(1, 7))
def test_a_controller_killed_at_any_line_of_its_journal_repeats_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], is_written: bool, fatal_line: int
) -> None:
    backend, append, written = Steps(FakeClock()), Journal.append, []

    def dies(self: Journal, *events: Any, **how: Any) -> None:
        written.append(events)
        if len(written) != fatal_line or is_written:
            append(self, *events, **how)
        if len(written) == fatal_line:
            raise Killed

    monkeypatch.setattr(Journal, "append", dies)
    search = planned_search(tmp_path, 1, **more)
    with pytest.raises(Killed):
        dispatch(search, backend)
    search._lock.release()
    with LiveSearch(SearchFolder(tmp_path)) as resumed:
        resumed.open_for_work()
        dispatch(resumed, backend)
        assert (states(resumed), backend.done) == ({1: "finished"}, [1, 2, 3, 4, 5])


def test_a_run_that_stays_interrupted_is_given_up_and_a_resume_goes_on(tmp_path: Path) -> None:
    backend = Steps(FakeClock())
    with planned_search(tmp_path, 1, keep_out_dir=True) as search:
        dispatch(search, backend, max_continuations=0)
        assert (states(search), backend.done) == ({1: "timed out"}, [1, 2, 3])
        dispatch(search, backend, max_continuations=0)
        assert (states(search), backend.done) == ({1: "finished"}, [1, 2, 3, 4, 5])


def test_a_finished_run_that_is_repeated_begins_anew(tmp_path: Path) -> None:
    backend = Steps(FakeClock())
    with planned_search(tmp_path, 1, keep_out_dir=True) as search:
        dispatch(search, backend)
        backend.done.clear()
        dispatch(search, backend, again=[1])
        (entry,) = search.record
    assert (backend.done, entry.continuations, entry.attempts) == ([1, 2, 3, 4, 5], 1, 4)


@pytest.mark.parametrize("state", RunState)
def test_a_larger_budget_goes_on_only_from_a_run_that_finished(folder: SearchFolder, state: RunState) -> None:
    left(folder.path / "sim_1", "state")
    larger, smaller = entry_of(RunState.PLANNED, 0), entry_of(state)
    found = continues_from(folder, replace(SETTINGS, continue_arg="from"), larger, smaller)
    assert found == (smaller.run.out_dir if state is RunState.FINISHED else None)
