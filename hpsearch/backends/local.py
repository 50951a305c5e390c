"""Runs on this machine: started, awaited without polling, recognised after a restart, ended with all processes."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.base import LogFile, sleep
from hpsearch.backends.launcher import Launcher, Starter, dated_note_in, exit_reason, log_paths, remove_logs
from hpsearch.backends.process_identity import group_is_alive, is_alive, job_id, open_pidfd, pid_of
from hpsearch.backends.run_family import Leftovers, Stops, await_end, end_family, members_of, signal_group
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused
from hpsearch.core.model import Attempt, Job, JobPhase, Place, RunState, Status

_log = logging.getLogger(__name__)

#: Signals by which systems and people end all that runs.
_ENDING_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
_RUNNING = Status(JobPhase.RUNNING)
#: How often an adopted process is looked at if the system cannot announce its end.
_ADOPTED_POLL_S = 0.5


class LocalBackend:
    """What all backends on this machine share: everything but the choice of a place.

    Jobs of an earlier controller are adopted: found by their ids, and waited for and ended like our own.
    """

    has_queue = jobs_outlive_controller = starts_unreleased = refusal_concerns_all = False

    def __init__(self, tell: Callable[[str], None]) -> None:
        """tell: shows people a message."""
        self._tell = tell
        self._leftovers, self._stops = Leftovers(tell), Stops()
        self._starter: Starter | None = None
        self._launchers: dict[str, Launcher] = {}
        self._prepared: dict[str, str] = {}
        self._ends: dict[str, int] = {}

    def prepare(self, attempt: Attempt) -> None:
        """Nothing: where a run goes is known only when it starts."""

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Start the launchers; they wait for `release`."""
        jobs = []
        for attempt in attempts:
            jobs.append(self._prepared.pop(attempt.token, "") or self._launch(attempt, place.environment))
        return jobs

    def release(self, jobs: Sequence[Job]) -> None:
        """Let the launchers run their commands; an earlier controller's launchers do so already."""
        for job in jobs:
            if job.id in self._launchers:
                self._launchers[job.id].let_go()

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        """Return token -> job id of the live attempts; a damaged journal may have lost their ids."""
        members = members_of([attempt.token for attempt in attempts])
        # The first leader: the run itself may have started others later.
        leaders = [member for member in reversed(members) if member.leads_group and not member.is_nested]
        return {member.token: member.id for member in leaders}

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        return {job.attempt.token: self._status(job) for job in active}

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        """End runs with all their processes: SIGTERM, then SIGKILL for what is left after the grace period or an alarm.

        Each run's group comes first, and then the processes that left the group (a service with its own session): the
        run may need them to end in good order.
        """
        groups = {job.id: pid_of(job.id) for job in active if job.id in self._launchers or is_alive(job.id)}
        tokens = [job.attempt.token for job in active]
        family = members_of(tokens, groups)
        for job, pid in groups.items():
            if job in self._launchers:
                self._launchers[job].shut_gate()
            # A run that was told before may be saving its state, and take a second signal as a sign of hurry.
            if job not in self._stops:
                signal_group(pid, signal.SIGTERM)
        left = self._await_groups(groups, alarm)
        for pid in left.values():
            signal_group(pid, signal.SIGKILL)
        self._await_groups(left, None)
        end_family(tokens, family, alarm)

    def stop(self, jobs: Sequence[Job]) -> Collection[str]:
        """Send SIGTERM to each run's group; `wait` kills the runs that do not end in time."""
        news = [job for job in jobs if job.id not in self._stops and self._is_running(job.id)]
        self._stops.begin(news)
        for job in news:
            if job.id in self._launchers:
                self._launchers[job.id].shut_gate()
            signal_group(pid_of(job.id), signal.SIGTERM)
        return [job.attempt.token for job in jobs if job.id in self._stops]

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> Sequence[str]:
        return [str(member) for member in end_family(tokens, (), alarm)]

    def logs(self, job: Job) -> Sequence[LogFile]:
        out, err = log_paths(job.attempt)
        name = f"job_{job.attempt.run.folder}"
        return LogFile(Path(out), f"{name}.out"), LogFile(Path(err), f"{name}.err")

    def close(self) -> None:
        """Close all files; live runs go on. A launcher that was prepared and never used leaves nothing."""
        for job in self._prepared.values():
            remove_logs(self._launchers[job].attempt)
        self._prepared.clear()
        for job in {*self._launchers, *self._ends}:
            self._forget(job)
        self._leftovers.finish()

    def _launch(self, attempt: Attempt, environment: Mapping[str, str]) -> str:
        if self._starter is None:
            # Now, not before: the program around a search may set variables for runs until the first one starts.
            self._starter = Starter()
        launcher = self._starter.start(attempt, environment)
        job = job_id(launcher.process.pid)
        self._launchers[job], self._ends[job] = launcher, launcher.ended
        return job

    def _status(self, job: Job) -> Status:
        launcher = self._launchers.get(job.id)
        launcher_status = None if launcher is None else launcher.process.poll()
        if is_alive(job.id) if launcher is None else launcher_status is None:
            return _RUNNING
        self._forget(job.id)
        status = _ended(job, launcher_status)
        if job.id in self._stops:
            self._leftovers.expect(job, self._stops.over(job.id), is_silent=True)
        elif status.exit_status != 0:
            self._leftovers.expect(job)
        return status

    def _is_running(self, job: str) -> bool:
        launcher = self._launchers.get(job)
        return is_alive(job) if launcher is None else launcher.process.poll() is None

    def _sleep(self, jobs: Sequence[Job], limits: Sequence[float | None], *alarms: int | None) -> None:
        """Sleep until a job ends, the shortest of `limits` is over, or one of the files `alarms` becomes readable."""
        announcers = [self._announcer(job.id) for job in jobs]
        limits = [*limits, self._leftovers.seconds_left(), self._stops.seconds_left()]
        limits.append(_ADOPTED_POLL_S if None in announcers else None)
        sleep(min((limit for limit in limits if limit is not None), default=None), *alarms, *announcers)
        self._stops.look()
        self._leftovers.look()

    def _await_groups(self, groups: Mapping[str, int], alarm: int | None) -> dict[str, int]:
        """Wait until the groups are empty; return those that are not empty after the grace period or at an alarm."""
        left = dict(groups)

        def are_empty() -> bool:
            for job in list(left):
                if job in self._launchers:
                    self._launchers[job].process.poll()
                if not group_is_alive(left[job]):
                    del left[job]
            return not left

        await_end(are_empty, alarm)
        return left

    def _announcer(self, job: str) -> int | None:
        """Return a file that becomes readable when the job ends; None if the system has no such files."""
        if job not in self._ends and is_alive(job) and (descriptor := open_pidfd(pid_of(job))) is not None:
            self._ends[job] = descriptor
        return self._ends.get(job)

    def _forget(self, job: str) -> None:
        if job in self._launchers:
            self._launchers.pop(job).shut_gate()
        if job in self._ends:
            os.close(self._ends.pop(job))


class SequentialBackend(LocalBackend):
    """Runs in the foreground, no GPU assigned: one after another, or at most `slots` side by side."""

    name = "foreground"

    def __init__(self, slots: int = 1, tell: Callable[[str], None] = _log.warning) -> None:
        """slots: how many may run at once. tell: shows people a message."""
        super().__init__(tell)
        self._slots, self.shows_output = slots, slots == 1

    def check(self) -> None:
        """Nothing to check: nothing can be missing."""

    def place(self, active: Sequence[Job]) -> Place | None:
        """Return a place while fewer than `slots` runs are active."""
        return Place() if len(active) < self._slots else None

    def prepare(self, attempt: Attempt) -> None:
        """Start the launcher of the next run, so that filling a slot takes no process start."""
        if attempt.token not in self._prepared:
            # `submit` will meet the same failure, and raise it.
            with contextlib.suppress(SubmissionDelayed, SubmissionRefused):
                self._prepared[attempt.token] = self._launch(attempt, {})

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        self._sleep(active, [timeout_s], alarm)


def _ended(job: Job, launcher_status: int | None) -> Status:
    """Return the status of a job whose launcher is gone, from its exit file, or else from the launcher's own end."""
    note, written_at = dated_note_in(job.attempt.exit_file)
    ended_at = None if note is None else written_at
    if note is not None:
        exit_status = note.exit_status
    elif launcher_status is not None:
        exit_status = 128 - launcher_status if launcher_status < 0 else launcher_status
    else:
        return Status(JobPhase.ENDED, None, RunState.LOST, "it ended without leaving its exit status")
    if launcher_status is None and exit_status - 128 in _ENDING_SIGNALS:
        # What ended the controller (a shutdown, a closed session) most likely ended the run, too.
        reason = f"{exit_reason(exit_status)} while no controller was there"
        return Status(JobPhase.ENDED, exit_status, RunState.LOST, reason, ended_at=ended_at)
    return Status(JobPhase.ENDED, exit_status, None, exit_reason(exit_status), ended_at=ended_at)
