"""Totals over the runs of a search, kept up to date at the cost of what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hpsearch.console.bar import runs_per_second
from hpsearch.core.model import RunState, Summary
from hpsearch.core.ranking import Mean, ranking_number
from hpsearch.core.summary import cell_under
from hpsearch.folder.failures import Failures
from hpsearch.folder.means import means_of
from hpsearch.folder.run_tables import best_runs, performance
from hpsearch.journal.courses import Course
from hpsearch.journal.events import ControllerStarted
from hpsearch.journal.packed import PACK_SIZE
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.store.layout import SearchFolder

#: A set, since asking the property of perhaps 100,000 runs takes five times as long.
_FINAL = frozenset(state for state in RunState if state.is_final)
_DONE = frozenset(state for state in RunState if state.is_done)
_FAILURES = frozenset(state for state in RunState if state.is_failure)


class RunTally:
    """Looks again only at runs with new events.

    done: numbers of the runs that need not run any more. ended: numbers of runs known to have ended, but not collected.
    """

    def __init__(self, record: SearchRecord, folder: SearchFolder) -> None:
        self.record, self._folder = record, folder
        self._begin()

    def _begin(self) -> None:
        self._settings, self._controller = self.record.known_settings(), self.record.controller
        self._states: dict[int, RunState] = {}
        self._counts: Counter[RunState] = Counter()
        self.done, self.ended = set[int](), set[int]()
        self._live, self._failed, self._stopped = (dict[int, RunRecord]() for _ in range(3))
        self._unpacked = set[int]()
        self._planned = 0
        self._failures: Failures | None = None
        self._stopped_early: Failures | None = None
        self._means: dict[Sequence[str], list[Mean[RunRecord]]] = {}
        self._best: int | None = None
        #: The record of the best run, once it was asked for; None again when runs are packed.
        self._best_entry: RunRecord | None = None
        self._best_rank, self._is_best_known = (0.0, 0), not self._settings.budget_option
        self._begin_controller(self._controller)

    def _begin_controller(self, controller: ControllerStarted | None) -> None:
        self._controller = controller
        self._ended_at: dict[int, float] = {}
        self._last_end_at: float | None = 0.0
        self._took_s: dict[int, float] = {}
        self._sum_s = 0.0

    def update(self) -> None:
        """Take in what is new in the record since the last call."""
        record, touched = self.record, self.record.take_touched()
        if record.settings is not self._settings:
            # A later search was added, so other results may count.
            touched |= self._states.keys()
            self._begin()
        if record.controller is not self._controller:
            self._begin_controller(record.controller)
        if touched:
            self._means.clear()
        if len(record.runs) != self._planned:
            # New runs may make other options vary.
            self._planned, self._failures, self._stopped_early = len(record.runs), None, None
        courses = record.courses
        for number in touched:
            if number in self._states:
                self._forget(number)
            course = courses.get(number)
            if course is not None and course.state is RunState.FINISHED:
                self._take_course(number, course)
            else:
                self._take(number, record.runs[number])

    def _take_course(self, number: int, course: Course) -> None:
        """Take in a run that finished at its first attempt, without making its record."""
        self._states[number] = RunState.FINISHED
        self._counts[RunState.FINISHED] += 1
        self.done.add(number)
        if self.record.is_of_now(course) and self._controller is not None:
            submitted_at, ended_at, collected_at = course.times()
            self._take_end(number, collected_at, ended_at - submitted_at)
        if self._is_best_known:
            self._compare(number, course.summary)

    def pack_finished(self, at_least: int = PACK_SIZE) -> None:
        """Keep finished runs in little memory, if there are enough more of them; only the best is needed again."""
        if len(self._unpacked) >= at_least:
            self.record.pack(self._unpacked)
            self._unpacked.clear()
            # Later events do not reach the record of a packed run.
            self._best_entry = None

    def _take(self, number: int, entry: RunRecord) -> None:
        state, result = entry.state, entry.result
        self._states[number] = state
        self._counts[state] += 1
        if result.state in _DONE:
            self.done.add(number)
        if entry.is_live:
            self._live[number] = entry
        elif state not in _FINAL and entry.ended is not None and entry.submitted is not None:
            self.ended.add(number)
        if state in _FAILURES:
            self._failed[number], self._failures = entry, None
        elif state is RunState.STOPPED_EARLY:
            self._stopped[number], self._stopped_early = entry, None
        elif state is RunState.FINISHED:
            self._unpacked.add(number)
        if state in _FINAL and self.record.is_of_now(entry) and self._controller is not None:
            ended, submitted = entry.ended, entry.submitted
            took_s = None if ended is None or submitted is None else ended.at - submitted.at
            self._take_end(number, entry.collected_at, took_s)
        if result.state is RunState.FINISHED and self._is_best_known:
            self._compare(number, result.summary)

    def _take_end(self, number: int, collected_at: float | None, took_s: float | None) -> None:
        if collected_at is not None:
            self._ended_at[number] = collected_at
            self._last_end_at = None if self._last_end_at is None else max(self._last_end_at, collected_at)
        if took_s is not None:
            self._took_s[number] = took_s
            self._sum_s += took_s

    def _compare(self, number: int, summary: Summary | None) -> None:
        value = ranking_number(cell_under(summary, self._settings.performance_key))
        if value is not None:
            rank = (value if self._settings.sort_ascending else -value, number)
            if self._best is None or rank < self._best_rank:
                self._best, self._best_rank, self._best_entry = number, rank, None

    def _forget(self, number: int) -> None:
        self._counts[self._states.pop(number)] -= 1
        self.done.discard(number)
        self.ended.discard(number)
        self._unpacked.discard(number)
        self._live.pop(number, None)
        if self._failed.pop(number, None) is not None:
            self._failures = None
        if self._stopped.pop(number, None) is not None:
            self._stopped_early = None
        if self._ended_at.pop(number, None) is not None:
            self._last_end_at = None
            self._sum_s -= self._took_s.pop(number, 0.0)
        if self._best == number:
            self._best, self._is_best_known, self._best_entry = None, False, None

    @property
    def counts(self) -> Counter[RunState]:
        """How many runs are in each state, by the journal."""
        counts = Counter(self._counts)
        counts[RunState.PLANNED] += len(self.record.runs) - len(self._states)
        return counts

    @property
    def live(self) -> list[RunRecord]:
        """Runs without a recorded end, by number."""
        return [entry for _, entry in sorted(self._live.items())]

    @property
    def failures(self) -> Failures:
        """Runs that ended without finishing, except cancelled ones, by number."""
        if self._failures is None:
            self._failures = self._failures_of(self._failed)
        return self._failures

    @property
    def stopped(self) -> Failures:
        """Runs that were stopped early, by number."""
        if self._stopped_early is None:
            self._stopped_early = self._failures_of(self._stopped)
        return self._stopped_early

    def _failures_of(self, runs: dict[int, RunRecord]) -> Failures:
        return Failures([entry for _, entry in sorted(runs.items())], self.record, self._folder)

    @property
    def best(self) -> RunRecord | None:
        """The best finished run so far; None if none has a number."""
        if not self._is_best_known:
            best = next(iter(best_runs(self.record.with_events, self._settings)), None)
            self._best, self._best_entry = None if best is None else best.run.number, best
            self._is_best_known = not self._settings.budget_option
            if best is not None and self._is_best_known:
                value = performance(best, self._settings.performance_key) or 0.0
                self._best_rank = (value if self._settings.sort_ascending else -value, best.run.number)
        if self._best is not None and self._best_entry is None:
            self._best_entry = self.record.runs[self._best].result
        return self._best_entry

    def means(self, over: Sequence[str]) -> list[Mean[RunRecord]]:
        """Return the configurations by their means, see `means_of`."""
        key = tuple(over)
        if key not in self._means:
            self._means[key] = means_of(self.record, over)
        return self._means[key]

    @property
    def lengths_s(self) -> tuple[int, float]:
        """How many runs have ended under the latest controller, and their mean duration in seconds."""
        return len(self._took_s), self._sum_s / max(1, len(self._took_s))

    def runs_per_hour(self, now: float) -> float | None:
        """Return how many runs end in an hour under the latest controller; None if none has ended."""
        if self._controller is None or not self._ended_at:
            return None
        if self._last_end_at is None:
            self._last_end_at = max(self._ended_at.values())
        rate = runs_per_second(len(self._ended_at), self._controller.at, self._last_end_at, now)
        return rate and 3600 * rate
