"""Processes on this machine: started, waited for without polling, recognised after a restart, ended as whole groups."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from io import FileIO
from pathlib import Path

from hpsearch.backends.base import LogFile
from hpsearch.backends.launcher import LOCAL_LAUNCHER, note_in
from hpsearch.backends.process_identity import group_is_alive, is_alive, job_id, open_pidfd, pid_of
from hpsearch.backends.run_family import MARK, Leftovers, await_end, end_family, mark_of, members_of
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused, reason_of
from hpsearch.core.model import Attempt, Job, JobPhase, RunState, Status

#: What the operating system lacks may be there again soon: files, processes, memory, room, a file system that is away.
_PASSING = (
    *(errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT),
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
)
#: Signals by which systems and people end whatever runs.
_ENDING_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
#: How often an adopted process is looked at where the system cannot announce its end.
_ADOPTED_POLL_S = 0.5


@dataclass
class _Child:
    """A launcher that this controller started: its process, the pipe that lets it go, what announces its end."""

    process: subprocess.Popen[bytes]
    gate: int | None
    ended: int


class LocalProcesses:
    """Keeps the processes of one controller. Thread-free where the system has pidfds."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Nothing runs so far; `tell` shows people a message."""
        self._leftovers = Leftovers(tell)
        self._children: dict[str, _Child] = {}
        self._prepared: dict[str, tuple[Attempt, str]] = {}
        self._adopted: dict[str, int] = {}

    def prepare(self, attempt: Attempt) -> None:
        """Start an attempt's launcher before there is a place for the run; only for runs without an environment.

        A failure is not told here: `start` will meet it, too.
        """
        if attempt.token not in self._prepared:
            with contextlib.suppress(SubmissionDelayed, SubmissionRefused):
                self._prepared[attempt.token] = (attempt, self._launch(attempt, {}))

    def start(self, attempt: Attempt, environment: Mapping[str, str]) -> str:
        """Start an attempt's launcher, which waits for `let_go`; return its job id.

        Raises SubmissionRefused or SubmissionDelayed if the operating system refuses.
        """
        prepared = self._prepared.pop(attempt.token, None)
        return prepared[1] if prepared is not None else self._launch(attempt, environment)

    def _launch(self, attempt: Attempt, environment: Mapping[str, str]) -> str:
        """Start a launcher, or leave nothing behind."""
        try:
            return self._launched(attempt, environment)
        except (SubmissionDelayed, SubmissionRefused):
            _remove_logs(attempt)
            raise

    def _launched(self, attempt: Attempt, environment: Mapping[str, str]) -> str:
        try:
            read_end, gate = os.pipe()
        except OSError as error:
            raise _delayed(error) from error
        try:
            process = _start_launcher(attempt, environment, read_end)
        except BaseException:
            os.close(gate)
            raise
        finally:
            os.close(read_end)
        try:
            ended = _end_announcer(process)
        except OSError as error:
            # Without a word through its gate, the launcher ends by itself.
            os.close(gate)
            process.wait()
            raise _delayed(error) from error
        job = job_id(process.pid)
        self._children[job] = _Child(process, gate, ended)
        return job

    def find(self, attempts: Sequence[Attempt]) -> dict[str, str]:
        """Return token -> job id of those attempts that live although no id of them is known.

        A launcher never starts its command before its id is recorded; but a damaged journal may have lost it.
        """
        found: dict[str, str] = {}
        for attempt in attempts:
            for member in members_of({attempt.token}):
                with contextlib.suppress(ProcessLookupError):
                    if os.getpgid(pid_of(member.id)) == pid_of(member.id) and not member.is_nested:
                        found.setdefault(attempt.token, member.id)
        return found

    def let_go(self, job: str) -> None:
        """Let a started launcher run its command; one of an earlier controller does so already."""
        child = self._children.get(job)
        if child is not None and child.gate is not None:
            try:
                os.write(child.gate, b"go\n")
            except BrokenPipeError:
                pass  # It was killed meanwhile; its end is noticed like any other.
            self._shut_gate(job)

    def status(self, job: Job) -> Status:
        """Return what is known of a job, of this controller's or an earlier one's."""
        child = self._children.get(job.id)
        is_running = is_alive(job.id) if child is None else child.process.poll() is None
        if is_running:
            return Status(JobPhase.RUNNING)
        self._forget(job.id)
        exit_status, ended_at = _read_exit_file(job.attempt.exit_file)
        status = _ended(exit_status, None if child is None else child.process.returncode)
        if status.exit_status != 0:
            self._leftovers.expect(job)
        return replace(status, ended_at=ended_at)

    def wait(self, jobs: Sequence[Job], timeout_s: float | None, *alarms: int) -> None:
        """Sleep until one of the jobs ends, the time is over, or one of the files `alarms` becomes readable."""
        poller = select.poll()
        for alarm in alarms:
            poller.register(alarm, select.POLLIN)
        for job in jobs:
            announcer = self._announcer(job.id)
            if announcer is None:
                timeout_s = _ADOPTED_POLL_S if timeout_s is None else min(timeout_s, _ADOPTED_POLL_S)
            else:
                poller.register(announcer, select.POLLIN)
        limits = [limit for limit in (timeout_s, self._leftovers.seconds_left()) if limit is not None]
        poller.poll(max(0, min(limits) * 1000) if limits else None)
        self._leftovers.look()

    def cancel(self, jobs: Sequence[Job], alarm: int) -> None:
        """End runs with all their processes: SIGTERM, and SIGKILL to what is left after the grace period or an alarm.

        First each run's group; what left the group (a service with a session of its own) is told once the run is
        over, which may need it to end in good order.
        """
        groups = {job.id: pid_of(job.id) for job in jobs if job.id in self._children or is_alive(job.id)}
        tokens = [job.attempt.token for job in jobs]
        family = members_of(tokens, groups)
        for job, pid in groups.items():
            self._shut_gate(job)
            _signal_group(pid, signal.SIGTERM)
        left = self._await_groups(groups, alarm)
        for pid in left.values():
            _signal_group(pid, signal.SIGKILL)
        self._await_groups(left, None)
        end_family(tokens, family, alarm)

    def end_leftovers(self, tokens: Collection[str], alarm: int) -> list[str]:
        """End what attempts that are over have left on this machine; return the processes, for people."""
        return [str(member) for member in end_family(tokens, (), alarm)]

    def close(self) -> None:
        """Close all files; live runs go on. What was prepared and never started leaves nothing."""
        for attempt, _ in self._prepared.values():
            _remove_logs(attempt)
        self._prepared.clear()
        for job in [*self._children, *self._adopted]:
            self._forget(job)
        self._leftovers.finish()

    def _await_groups(self, groups: Mapping[str, int], alarm: int | None) -> dict[str, int]:
        """Wait until the groups are empty; return those that are not after the grace period or at an alarm."""
        left = dict(groups)

        def are_empty() -> bool:
            for job in list(left):
                child = self._children.get(job)
                if child is not None:
                    child.process.poll()
                if not group_is_alive(left[job]):
                    del left[job]
            return not left

        await_end(are_empty, alarm)
        return left

    def _shut_gate(self, job: str) -> None:
        child = self._children.get(job)
        if child is not None and child.gate is not None:
            os.close(child.gate)
            child.gate = None

    def _announcer(self, job: str) -> int | None:
        """Return a file that becomes readable when the job ends; None if the system has no such thing."""
        if job in self._children:
            return self._children[job].ended
        if job not in self._adopted:
            descriptor = open_pidfd(pid_of(job)) if is_alive(job) else None
            if descriptor is None:
                return None
            self._adopted[job] = descriptor
        return self._adopted[job]

    def _forget(self, job: str) -> None:
        self._shut_gate(job)
        child = self._children.pop(job, None)
        if child is not None:
            os.close(child.ended)
        adopted = self._adopted.pop(job, None)
        if adopted is not None:
            os.close(adopted)


def _start_launcher(attempt: Attempt, environment: Mapping[str, str], gate: int) -> subprocess.Popen[bytes]:
    """Start the process of a launcher, whose standard input is `gate`.

    Raises SubmissionDelayed if the system lacks something that may be there again, else SubmissionRefused.
    """
    out, err = log_paths(attempt)
    with _open_log(out) as out_file, _open_log(err) as err_file:
        try:
            return subprocess.Popen(
                ["/bin/sh", "-c", LOCAL_LAUNCHER, "sh", str(attempt.exit_file), *attempt.argv],
                cwd=attempt.cwd,
                env={**os.environ, **environment, MARK: mark_of(attempt.token, os.environ)},
                stdin=gate,
                stdout=out_file,
                stderr=err_file,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _PASSING:
                raise _delayed(error) from error
            raise SubmissionRefused(f"cannot start {attempt.argv[0]}: {error}") from error


def _delayed(error: OSError) -> SubmissionDelayed:
    return SubmissionDelayed(f"cannot start another process now ({reason_of(error)})")


def _open_log(path: Path) -> FileIO:
    """Make a log of a run, and make sure that something can be written to it.

    Raises SubmissionDelayed if it cannot be written now: it lies in a folder of ours, so no run is to blame for that,
    and the next one would fare no better.
    """
    try:
        file = FileIO(path, "a")
        try:
            # On a full disk an empty file may still be made, but a run could write nothing into it.
            file.write(b"\n")
            file.truncate(0)
        except OSError:
            file.close()
            raise
        return file
    except OSError as error:
        raise SubmissionDelayed(f"{path.parent}: no log can be written there ({reason_of(error)})") from error


def _remove_logs(attempt: Attempt) -> None:
    for path in log_paths(attempt):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def log_paths(attempt: Attempt) -> tuple[Path, Path]:
    """Return where a local attempt's output and errors go while it lives."""
    return attempt.log_folder / f"{attempt.token}.out", attempt.log_folder / f"{attempt.token}.err"


def local_logs(job: Job) -> tuple[LogFile, LogFile]:
    """Return a local job's log files with the names that they get in the run's folder."""
    out, err = log_paths(job.attempt)
    name = f"job_{job.attempt.run.folder}"
    return LogFile(out, f"{name}.out"), LogFile(err, f"{name}.err")


def _end_announcer(process: subprocess.Popen[bytes]) -> int:
    """Return a file descriptor that becomes readable when the child ends."""
    descriptor = open_pidfd(process.pid)
    if descriptor is not None:
        return descriptor
    read_end, write_end = os.pipe()

    def announce() -> None:
        process.wait()
        os.close(write_end)

    threading.Thread(target=announce, daemon=True).start()
    return read_end


def _read_exit_file(path: Path) -> tuple[int | None, float | None]:
    """Return the exit status that a launcher left, and when; None if there is none, or it cannot be read."""
    note = note_in(path)
    if note is None:
        return None, None
    with contextlib.suppress(OSError):
        return note.exit_status, path.stat().st_mtime
    return note.exit_status, None


def _ended(exit_status: int | None, launcher_status: int | None) -> Status:
    """Return the status of a job whose launcher is gone; the exit file counts, the launcher's own end comes second."""
    if exit_status is None and launcher_status is not None:
        exit_status = 128 - launcher_status if launcher_status < 0 else launcher_status
    if exit_status is None:
        return Status(JobPhase.ENDED, None, RunState.LOST, "it ended without leaving its exit status")
    if launcher_status is None and exit_status - 128 in _ENDING_SIGNALS:
        # Whoever ended the controller (a shutdown, a closed session) most likely ended the run as well.
        reason = f"{exit_reason(exit_status)} while no controller was there"
        return Status(JobPhase.ENDED, exit_status, RunState.LOST, reason)
    return Status(JobPhase.ENDED, exit_status, None, exit_reason(exit_status))


def exit_reason(exit_status: int) -> str:
    """Return a non-zero exit status in words: ``exit status 3``, ``ended by signal 9 (SIGKILL)``; else nothing."""
    if exit_status == 0:
        return ""
    if exit_status > 128:
        try:
            return f"ended by signal {exit_status - 128} ({signal.Signals(exit_status - 128).name})"
        except ValueError:
            pass  # Some programs end with such a status of their own.
    return f"exit status {exit_status}"


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        pass  # The whole group is gone, which is what was wanted.
