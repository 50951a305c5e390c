"""``--max_failures``: a search that only fails, each time alike, starts nothing more."""

from collections import Counter
from collections.abc import Hashable

from hpsearch.backends.base import TakesBackQueued
from hpsearch.config.program import resume_hint
from hpsearch.console.text import amount
from hpsearch.core.failures import likeness
from hpsearch.core.model import RunState
from hpsearch.folder.failures import known_cause
from hpsearch.search.controller import Controller, OpenRun
from hpsearch.store.record import RunRecord

#: Between two tries to take back what waits in a scheduler's queue, in seconds.
_PAUSE_S = 10.0


class FailureLimit:
    """Counts failures that are alike, each attempt for itself, until one run of the search finishes."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        trial = controller.trial_failures
        self._is_trial = trial is not None
        self._most = controller.options.max_failures if trial is None else trial
        self._counts: Counter[Hashable] = Counter()
        self._next_try = 0.0
        finished = (entry.result.state is RunState.FINISHED for entry in controller.search.record)
        self._has_success = not self._is_trial and any(finished)
        self.is_reached = False

    @property
    def may_be_reached(self) -> bool:
        """True if the next failure may be the one after which nothing starts."""
        return bool(self._most) and not self._has_success and not self.is_reached

    def see(self, entry: RunRecord) -> str:
        """Take in what an attempt came to; return why nothing more may start, empty if it may."""
        self._has_success |= entry.state is RunState.FINISHED
        # Interruptions are no fault of the script.
        is_own_failure = entry.state.is_failure and not entry.state.is_interruption
        if not self.may_be_reached or not is_own_failure:
            return ""
        cause = known_cause(entry, self._controller.search.folder)
        kind = likeness(entry.state, cause)
        self._counts[kind] += 1
        self.is_reached = self._counts[kind] >= self._most
        return self._message(entry, cause) if self.is_reached else ""

    def _message(self, entry: RunRecord, cause: str) -> str:
        folder, live = self._controller.search.folder.path, len(self._controller.runs.active)
        alike, kind = " alike" if self._most > 1 else "", "new run" if self._is_trial else "run"
        what = f"{amount(self._most, 'failure')}{alike} and no finished {kind}"
        rest = f" ({amount(live, 'live run')} left to end)" if live else ""
        return (
            f"--max_failures={self._most}: {what}, so nothing more starts{rest}: {cause}, e.g. run {entry.run.number}; "
            f"fix that, then resume with: {resume_hint(folder)}"
        )

    def to_take_back(self) -> list[OpenRun]:
        """Return the runs that only wait in a scheduler's queue, if it is time to take them back."""
        backend, clock = self._controller.backend, self._controller.clocks.steady
        if not self.is_reached or not isinstance(backend, TakesBackQueued) or clock() < self._next_try:
            return []
        self._next_try = clock() + _PAUSE_S
        queued = [run for run in self._controller.runs.active if run.entry.state is RunState.QUEUED]
        jobs = [run.job for run in queued if run.job is not None]
        taken = backend.take_back(jobs, self._controller.stop.alarm) if jobs else ()
        return [run for run in queued if run.attempt.token in taken]
