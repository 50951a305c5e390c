"""The loop of a search: start runs, notice ends, collect results, until all runs have ended."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from signal import SIGINT

from hpsearch.backends.base import LeftoverEnder
from hpsearch.choosers.chooser import Choices
from hpsearch.console.follow import LogFollower
from hpsearch.console.text import amount
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.core.model import JobPhase, RunState, Status
from hpsearch.journal.events import AttemptEnded, AttemptStarted
from hpsearch.journal.run_record import RunRecord
from hpsearch.search.collect import Collector
from hpsearch.search.continuing import end_of_patience, is_interrupted
from hpsearch.search.controller import WRITE_PAUSE_S, Controller, FailureLimit, OpenRun, Standstill, latest_run
from hpsearch.search.early_stop import EarlyStop
from hpsearch.search.progress import Progress
from hpsearch.search.submissions import Submissions

#: A run that is interrupted this many times (preemption, lost nodes) is given up.
MAX_INTERRUPTIONS = 10
_ECHO_INTERVAL_S = 0.1
#: The interval at which to look in the search folder for a request to stop.
_REQUEST_INTERVAL_S = 2.0


class Dispatcher:
    """Drives one search on one backend."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self._options = controller, controller.options
        self._search, self._backend, self._console = controller.search, controller.backend, controller.console
        self._stop, self._clocks, self._runs = controller.stop, controller.clocks, controller.runs
        self._choices = Choices(
            controller.chooser,
            self._search,
            self._backend,
            self._options.num_jobs * self._options.runs_per_job,
            lambda count: self._progress.added(count),
        )
        self._submissions = Submissions(controller, self._is_needless, self._end_without_job, self._choices)
        self._collector = Collector(controller)
        self.early_stop = EarlyStop(controller)
        self._standstill = Standstill(self._search, self._console, self._clocks.steady)
        self._failures: Counter[int] = Counter()
        self._limit = FailureLimit(controller)
        self._again: set[int] = set()
        #: Numbers of runs whose earlier result counts again, since no newer attempt has finished.
        self.restored: set[int] = set()
        self._next_look = self._clocks.steady() + _REQUEST_INTERVAL_S

    def take_over(self, runs: Sequence[int], again: Collection[int] = (), takes_up_all: bool = True) -> None:
        """Take runs into the loop, whatever state an earlier controller left them in.

        runs: their numbers. again: numbers of runs that are run again in any case; other finished runs are left alone.
        takes_up_all: also run again those that ended unfinished while no controller was there.
        """
        self._again.update(again)
        self._progress = Progress(self._controller, runs, again)
        record = self._search.record
        entries = {entry.run.number: entry for entry in record.with_events}
        self._restore_kept(entries[number] for number in runs if number in entries and number not in again)
        self._collector.place_left([entries[number] for number in runs if number in entries])
        waiting: list[int] = []
        for number in runs:
            if number not in entries:
                waiting.append(number)
                continue
            entry, is_wanted = entries[number], number in again
            if entry.submitted is not None and entry.submitted.is_queued:
                self._submissions.job_was_accepted(entry.collected_at is None)
            if entry.is_open:
                run = latest_run(self._search, entry)
                is_taken_up = takes_up_all and number not in record.left_out
                run.is_unseen = run.job is not None and (is_taken_up or is_wanted)
                self._runs.add(run)
            elif entry.state is not RunState.FINISHED or is_wanted:
                if entry.state is RunState.OUT_OF_MEMORY:
                    self._submissions.queue.can_have_memory(latest_run(self._search, entry))
                waiting.append(number)
        self._submissions.queue.fill(waiting)

    def run(self) -> None:
        """Run until every run has ended, or a stop is requested.

        Raises SubmissionRefused if the very first submission is refused for good, StoreError if the last live run has
        ended and the journal cannot be written.
        """
        try:
            self._notice()
            self._collect_ended()
            while self._is_busy() or self._collect_ended(is_last_try=True):
                if self._stop.signal_number is not None:
                    self._end(self._stop.signal_number)
                    return
                for run in self._limit.to_take_back():
                    self._submissions.taken_back(run)
                self._submissions.settle()
                self._submissions.fill_places()
                self._announce()
                self._wait()
                self._notice()
                is_choosing = self._controller.chooser is not None and not self._submissions.queue
                if self._limit.may_be_reached or is_choosing:
                    self._collect_ended()
                # Fill the slot first: reading summaries can wait, a GPU should not.
                self._submissions.fill_places()
                self._show()
                self._collect_ended()
                self._search.write_noted()
                self._announce()
                self.early_stop.look()
                self._standstill.look(has_live=any(not run.is_held for run in self._runs.active))
                self._submissions.release_recorded()
                self._collector.pack_collected()
            self._progress.refresh(is_last=True)
        except BaseException as error:
            jobs = self._runs.jobs
            if jobs and isinstance(error, Exception):
                # An error of ours is no reason to end runs: they go on, as after the death of this controller.
                self._console.warn(
                    f"{amount(len(jobs), 'run')} may still be running; resume the search to collect them"
                )
            elif jobs and not self._backend.jobs_outlive_controller:
                # The program around this search ends it without a signal: local runs would go on unseen.
                self._backend.cancel(jobs, self._stop.alarm)
            raise

    def finish(self) -> None:
        """Sort the table and write the list of unfinished runs, once there is room. Raises StoreError if that fails."""
        self._restore_kept(self._search.record.with_events)
        is_finished = False
        while not is_finished:
            try:
                self._search.write_rest()
                self._search.finish()
                if self.chosen:
                    self._search.write_commands()
                is_finished = True
            except NoRoomError as error:
                if self._stop.signal_number is not None:
                    raise
                self._standstill.bear(error, has_live=False)
                self._backend.wait([], WRITE_PAUSE_S, self._stop.alarm)
        if self._collector.left_undone():
            raise StoreError(self._collector.left_undone())

    def _is_busy(self) -> bool:
        has_live = not self._options.submit_only and bool(self._runs.active)
        return has_live or bool(self._submissions) or self._search.trouble is not None or self._collector.is_waiting()

    @property
    def chosen(self) -> Sequence[RunRecord]:
        """The runs that were added to the search while it was carried out."""
        return self._choices.added

    def _announce(self) -> None:
        """Tell people which runs were started, after the ends that made room for them."""
        for run in self._runs.values():
            if run.job is not None and not run.is_announced:
                run.is_announced = True
                self._progress.started(run.job, is_queued=self._backend.has_queue)
                if self._backend.shows_output:
                    run.follower = LogFollower(log.path for log in self._backend.logs(run.job))

    def _wait(self) -> None:
        """Sleep until something may have happened."""
        jobs = self._runs.jobs
        if jobs:
            self._submissions.prepare()
        if not self._is_busy():
            return
        limits = [self._console.refresh_s, self._submissions.time_to_next_try(), _REQUEST_INTERVAL_S]
        limits += [WRITE_PAUSE_S if self._search.trouble is not None else None, self.early_stop.seconds_left()]
        has_output = any(run.follower is not None for run in self._runs.values())
        limits.append(_ECHO_INTERVAL_S if has_output else None)
        self._backend.wait(jobs, min(limit for limit in limits if limit is not None), self._stop.alarm)

    def _show(self) -> None:
        """Show what runs have printed since the last look, and look for a request to stop."""
        self._look_for_request()
        for run in self._runs.values():
            # What an ended run has printed is shown when it is collected, in a moment.
            if run.follower is not None and run.entry.ended is None:
                self._console.echo(run.follower)
        self._progress.refresh()

    def _look_for_request(self) -> None:
        """Stop, as at Ctrl-C, if someone who cannot send a signal has asked for it."""
        if self._clocks.steady() < self._next_look:
            return
        self._next_look = self._clocks.steady() + _REQUEST_INTERVAL_S
        asked_by = None
        with contextlib.suppress(OSError):  # The file system may be away; a request there is seen later.
            asked_by = self._search.who_asked_to_cancel()
        if asked_by is not None:
            self._console.note(f"Asked to stop by {asked_by}")
            self._stop.request(SIGINT)

    def _notice(self) -> None:
        """Ask the backend once about all jobs; note which ones have started, and which have ended."""
        active = self._runs.active
        statuses = self._backend.poll(self._runs.jobs) if active else {}
        for run in active:
            status = statuses.get(run.attempt.token)
            if status is None:
                continue
            if status.phase is JobPhase.ENDED:
                self._note_end(run, status)
            elif status.phase is JobPhase.RUNNING:
                run.is_unseen = False
                if run.entry.state is RunState.QUEUED and run.job is not None:
                    now = self._clocks.wall()
                    self._search.note_happened(AttemptStarted(run.number, run.attempt.token, now, status.place))
                    self._progress.runs_now(run.job, status.place)

    def _note_end(self, run: OpenRun, status: Status) -> None:
        at, noted = self._clocks.wall(), status.ended_at
        submitted_at = run.entry.submitted.at if run.entry.submitted is not None else 0.0
        # The time that its host noted, unless that host's clock cannot be right.
        if noted is not None and submitted_at <= noted <= at:
            at = noted
        # Hosts note the beginning in whole seconds.
        began = status.began_at if submitted_at - 1 <= (status.began_at or 0) <= at else None
        cause, reason = status.cause.value if status.cause is not None else "", status.reason
        if run.entry.stopped is not None and run.entry.is_stopped:
            # It was told to end, whatever its backend says.
            cause, reason = RunState.STOPPED_EARLY.value, run.entry.stopped.reason
        # A crash may lose this event; the exit file keeps its content until the run is collected.
        self._search.note_soon(
            AttemptEnded(run.number, run.attempt.token, status.exit_status, at, cause, reason, began)
        )
        if run.job is not None:
            self._submissions.job_has_ended()

    def _end_without_job(self, run: OpenRun, reason: str, cause: RunState = RunState.FAILED) -> None:
        """Note the end of an attempt that never became a job."""
        self._runs.add(run)
        self._note_end(run, Status(JobPhase.ENDED, None, cause, reason))
        self._collect(run)

    def _collect_ended(self, is_last_try: bool = False) -> bool:
        """Collect ended runs, if it is time to; return whether there were any."""
        ended = self._collector.due(is_last_try)
        for run in ended:
            self._collect(run, is_last_try)
            self._progress.refresh()
        return bool(ended)

    def _collect(self, run: OpenRun, is_last_try: bool = False) -> None:
        """Find out a run's outcome; decide whether it is run again."""
        entry = run.entry
        if run.follower is not None:
            self._console.echo(run.follower, is_last=True)
            run.follower.close()
            run.follower = None
        self.early_stop.ended(run)
        if not self._collector.collect(run, is_last_try):
            return
        del self._runs[run.number]
        is_blameless = run.is_unseen or is_interrupted(self._search.settings, entry.state)
        limit_reached = "" if is_blameless else self._limit.see(entry)
        self._submissions.is_closed |= self._limit.is_reached
        is_again = self._runs_again(run)
        if is_again and entry.state is RunState.OUT_OF_MEMORY:
            is_again = self._submissions.queue.can_have_memory(run) or run.is_unseen
        if is_again:
            self._submissions.queue.append(run.number)
        elif entry.result.summary is not None:
            self._collector.add_row(entry)
        self._progress.ended(entry, is_again)
        if limit_reached:
            self._console.warn(limit_reached)
        if not is_again:
            self._restore_kept([entry])

    def _restore_kept(self, entries: Iterable[RunRecord]) -> None:
        """Let earlier results count again if no newer attempt has finished or is on its way."""
        for entry in entries:
            is_done = entry.state.is_done
            if entry.kept is not None and not entry.is_open and self._collector.restore(entry) and not is_done:
                self.restored.add(entry.run.number)

    def _is_needless(self, entry: RunRecord) -> bool:
        """Return whether a run that is about to be run again has finished after all, as its summary now says."""
        if entry.run.number in self._again:
            self._again.discard(entry.run.number)
            return False
        if not self._collector.finished_after_all(entry):
            return False
        self._console.note(f"run {entry.run.number} has finished after all, as its summary says; it is not run again")
        self._limit.see(entry)
        self._collector.add_row(entry)
        self._progress.ended(entry, False)
        return True

    def _runs_again(self, run: OpenRun) -> bool:
        entry = run.entry
        is_over = self._stop.signal_number is not None or self._submissions.is_over or entry.is_out
        if is_over or entry.state.is_done:
            return False
        if run.is_unseen:
            # It ended while no controller was there, and resuming runs what has not finished.
            return True
        if is_interrupted(self._search.settings, entry.state):
            too_often = end_of_patience(entry, self._options.max_continuations, self._search.folder)
            self._console.notes(filter(None, [too_often]))
            return not too_often
        if entry.state in (RunState.UNFINISHED, RunState.CANCELLED):
            # Whoever cancels a job does not want it to run again, at least not now.
            return False
        if entry.state.is_interruption:
            return entry.interruptions <= MAX_INTERRUPTIONS
        self._failures[run.number] += 1
        return self._failures[run.number] <= self._options.retries

    def _end(self, signal_number: int) -> None:
        """End live runs and note their ends; a scheduler's jobs are left alone unless Ctrl-C ends the search."""
        is_left_alone = self._backend.jobs_outlive_controller and signal_number != SIGINT
        if not is_left_alone:
            self._settle_doubtful()
        # A run that ended by itself before the signal does not count as cancelled.
        self._notice()
        self._collect_ended()
        active = self._runs.active
        if active and is_left_alone:
            self._console.note(f"{amount(len(active), 'run')} left to {self._backend.name}, where they keep running")
        elif active:
            self._cancel(active)
        self._collect_ended(is_last_try=True)
        self._progress.refresh(is_last=True)
        if isinstance(self._backend, LeftoverEnder):
            over = [entry.token for entry in self._search.record.with_events if entry.token and not entry.is_open]
            for process in self._backend.end_leftovers(over, self._stop.alarm):
                self._console.note(f"ended a process that a run had left behind: {process}")

    def _cancel(self, active: list[OpenRun]) -> None:
        jobs = self._runs.jobs
        self._console.note("Stopping... (a second Ctrl-C kills the runs at once)")
        self._stop.silence()
        self._backend.cancel(jobs, self._stop.alarm)
        statuses = self._backend.poll(jobs)
        for run in active:
            status = statuses.get(run.attempt.token)
            if status is None or status.phase is not JobPhase.ENDED:
                self._console.warn(f"run {run.number}: its job {run.job and run.job.id} may still be running")
                continue
            reason = "cancelled with the search"
            self._note_end(run, Status(JobPhase.ENDED, status.exit_status, RunState.CANCELLED, reason))
            self._collect(run)

    def _settle_doubtful(self) -> None:
        """Find out which doubtful submissions became jobs, so that no job is left behind."""
        doubtful = self._runs.doubtful
        self._stop.silence()
        self._submissions.settle_at_last()
        for run in doubtful:
            if run.number not in self._runs:
                self._end_without_job(run, "cancelled before it was accepted", RunState.CANCELLED)
            elif run.entry.is_doubtful:
                token = run.attempt.token
                self._console.warn(
                    f"the scheduler did not say whether it has a job {token}: run hpsearch cancel again later"
                )
