"""All processes of a run, even outside its process group: found by a mark in their environment, and ended."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from hpsearch.backends.base import sleep
from hpsearch.backends.process_identity import ProcessEntry, is_alive, pid_of, process_table, signal_process
from hpsearch.core.model import Job
from hpsearch.startup.classes import dataclass

#: The environment variable that all processes of an attempt inherit: ``JOB/TOKEN,TOKEN``. The last token is the
#: attempt's own; earlier tokens belong to the runs around its search. JOB is the scheduler's job that the processes run
#: in, or empty: a job that a run submits inherits the variable, and is not ours to end.
MARK = "HPSEARCH_ATTEMPT"
#: Slurm, LSF, PBS, Grid Engine.
_JOB_VARIABLES = ("SLURM_JOB_ID", "LSB_JOBID", "PBS_JOBID", "JOB_ID")
#: Between SIGTERM and SIGKILL.
GRACE_S = 10.0
#: How often to look for processes that start while others are being killed.
_LAST_ROUNDS = 3
#: A crashed run's children need a moment to notice the crash.
_MOMENT_S = 1.0
#: How long the end of a search waits for leftovers to end by themselves.
_LAST_GRACE_S = 3.0
#: A message names at most this many processes.
_MOST_NAMED = 8


@dataclass(frozen=True)
class Member:
    """A live process of a run. id: see `job_id`. token: of its attempt; empty without a mark.

    is_nested: it belongs to a search that the run has started.
    """

    id: str
    name: str
    leads_group: bool
    token: str
    is_nested: bool

    def __str__(self) -> str:
        return f"{self.name} ({pid_of(self.id)})"


def mark_of(token: str, environ: Mapping[str, str]) -> str:
    """Return the value of `MARK` for an attempt that is started with this environment."""
    job = surrounding_job(environ)
    outer_job, _, outer = environ.get(MARK, "").rpartition("/")
    tokens = [outer, token] if outer and outer_job == job else [token]
    return f"{job}/{','.join(tokens)}"


def surrounding_job(environ: Mapping[str, str]) -> str:
    """Return the id of the scheduler's job that a process with this environment is part of; empty if there is none."""
    return next((environ[name] for name in _JOB_VARIABLES if environ.get(name)), "")


def _marks_of(pid: int) -> list[str]:
    """Return the tokens in a process's mark; none if it may not be read, or the process is part of another job."""
    with contextlib.suppress(OSError):
        content = Path(f"/proc/{pid}/environ").read_bytes()
        if f"{MARK}=".encode() in content:
            words = content.decode("utf-8", "replace").split("\0")
            environ = dict(word.partition("=")[::2] for word in words)
            job, _, tokens = environ.get(MARK, "").rpartition("/")
            return tokens.split(",") if tokens and job == surrounding_job(environ) else []
    return []


def members_of(tokens: Collection[str], leaders: Iterable[str] = ()) -> list[Member]:
    """Return the live processes of these attempts: marked processes, and descendants of them or of `leaders`.

    leaders: ids of live processes that each lead a session. This process itself is left out. A process that clears its
    environment, leaves its session and loses its parent cannot be found; without /proc, none can.
    """
    table = process_table()
    found = {pid: ("", False) for leader in leaders if (pid := pid_of(leader)) in table and table[pid].id == leader}
    # Parents may have ended, but a leader's processes began in its session.
    found |= {pid: ("", False) for pid, entry in table.items() if entry.session in found}
    for pid in table:
        for token in (chain := _marks_of(pid)):
            if token in tokens:
                found[pid] = (token, chain[-1] != token)
    _add_descendants(found, table)
    found.pop(os.getpid(), None)
    return [Member(table[pid].id, table[pid].name, table[pid].group == pid, *owner) for pid, owner in found.items()]


def _add_descendants(found: dict[int, tuple[str, bool]], table: Mapping[int, ProcessEntry]) -> None:
    """Add all descendants of these processes, but not of this one."""
    children = defaultdict[int, list[int]](list)
    for pid, entry in table.items():
        children[entry.parent].append(pid)
    to_follow = list(found)
    for parent in to_follow:
        for pid in children[parent] if parent != os.getpid() else ():
            # A process younger than the child is no parent: it reuses the parent's number.
            if pid not in found and table[pid].started >= table[parent].started:
                found[pid] = found[parent]
                to_follow.append(pid)


def end_family(tokens: Collection[str], known: Sequence[Member] = (), alarm: int | None = None) -> list[Member]:
    """End the processes that ended attempts have left, as `Backend.cancel` does; return these processes.

    known: processes seen while their parents still lived. Processes of nested searches are told last, as these
    searches end their own runs in good order.
    """
    signalled: dict[str, Member] = {}

    def tell(left: Sequence[Member], number: int, alarm: int | None) -> bool:
        signalled.update((member.id, member) for member in left)
        _send(left, number)
        return await_end(lambda: not any(is_alive(member.id) for member in left), alarm)

    for takes_nested in (False, True):
        left = [member for member in _left(tokens, known) if takes_nested or not member.is_nested]
        if not tell(left, signal.SIGTERM, alarm):
            break
    for _ in range(_LAST_ROUNDS):
        if not (left := _left(tokens, known)):
            break
        tell(left, signal.SIGKILL, None)
    return list(signalled.values())


def _send(members: Iterable[Member], number: int) -> None:
    for member in members:
        with contextlib.suppress(PermissionError):
            signal_process(member.id, number)


def await_end(is_over: Callable[[], bool], alarm: int | None, patience_s: float = GRACE_S) -> bool:
    """Wait until nothing is left; False after `patience_s`, or if the file `alarm` becomes readable."""
    # No system call waits for processes other than children, so look again and again, soon at first.
    deadline, pause_s = time.monotonic() + patience_s, 0.002
    while not is_over():
        if time.monotonic() >= deadline or sleep(pause_s, alarm):
            return False
        pause_s = min(pause_s * 1.5, 0.1)
    return True


def _left(tokens: Collection[str], known: Sequence[Member]) -> list[Member]:
    live = [*(member for member in known if is_alive(member.id)), *members_of(tokens)]
    return list({member.id: member for member in live}.values())


class Stops:
    """Runs that were told to end while others go on; after the grace period they are killed."""

    def __init__(self) -> None:
        self._kill_at: dict[str, float] = {}
        self._members: dict[str, list[Member]] = {}

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._members

    def begin(self, jobs: Sequence[Job]) -> None:
        """Note that these jobs are about to be told. Their processes are looked up now, while their parents live."""
        for job in jobs:
            self._members[job.id] = members_of([job.attempt.token], [job.id])
            self._kill_at[job.id] = time.monotonic() + GRACE_S

    def over(self, job_id: str) -> list[Member]:
        """Forget a job that has ended; return the processes it had started."""
        self._kill_at.pop(job_id, None)
        return self._members.pop(job_id, [])

    def seconds_left(self) -> float | None:
        """Return in how many seconds `look` has something to do; None = never."""
        return min(self._kill_at.values()) - time.monotonic() if self._kill_at else None

    def look(self) -> None:
        for job_id in [job_id for job_id, kill_at in self._kill_at.items() if kill_at <= time.monotonic()]:
            del self._kill_at[job_id]
            if is_alive(job_id):
                signal_group(pid_of(job_id), signal.SIGKILL)


def signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # The whole group is gone, as was wanted.
        os.killpg(pid, number)


@dataclass
class _Case:
    """A run that ended badly, or was told to end. due: when to look for its leftovers, by the monotonic clock.

    known: processes it had started. is_told: the leftovers were told to end. is_silent: do not tell people of them.
    """

    run: int
    due: float
    known: Sequence[Member] = ()
    is_told: bool = False
    is_silent: bool = False


class Leftovers:
    """Processes left behind by runs that ended badly: named, told to end after a moment, killed if they do not."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """tell: shows people a message."""
        self._tell = tell
        self._cases: dict[str, _Case] = {}

    def expect(self, job: Job, known: Sequence[Member] = (), is_silent: bool = False) -> None:
        """Look for a run's leftovers in a moment. known: processes it had started. is_silent: tell people nothing."""
        due = time.monotonic() + _MOMENT_S
        self._cases.setdefault(job.attempt.token, _Case(job.attempt.run.number, due, known, is_silent=is_silent))

    def seconds_left(self) -> float | None:
        """Return in how many seconds `look` has something to do; None = never."""
        return min(case.due for case in self._cases.values()) - time.monotonic() if self._cases else None

    def look(self) -> None:
        now = time.monotonic()
        self._look_at([token for token, case in self._cases.items() if case.due <= now])

    def finish(self) -> None:
        """End all leftovers: the search ends."""
        tokens = list(self._cases)
        if tokens and not await_end(lambda: not members_of(tokens), None, _MOMENT_S):
            self._look_at([token for token, case in self._cases.items() if not case.is_told])
            await_end(lambda: not members_of(tokens), None, _LAST_GRACE_S)
            _send(members_of(tokens), signal.SIGKILL)
        self._cases.clear()

    def _look_at(self, tokens: Sequence[str]) -> None:
        if not tokens:
            return
        members = members_of(tokens)
        for token in tokens:
            case = self._cases[token]
            left = [member for member in members if member.token == token]
            left += [member for member in case.known if member not in left and is_alive(member.id)]
            if not left or case.is_told:
                _send(left, signal.SIGKILL)
                del self._cases[token]
                continue
            if not case.is_silent:
                self._tell(f"run {case.run} ended badly and left processes behind, which are ended: {_names(left)}")
            _send(left, signal.SIGTERM)
            case.is_told, case.due = True, time.monotonic() + GRACE_S


def _names(members: Sequence[Member]) -> str:
    more = f" and {len(members) - _MOST_NAMED} more" if len(members) > _MOST_NAMED else ""
    return ", ".join(map(str, members[:_MOST_NAMED])) + more
