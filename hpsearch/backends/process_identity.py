"""Which process an id means: the system reuses a process number, but never with the same start time."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from hpsearch.core.errors import BackendError
from hpsearch.startup.classes import dataclass
from hpsearch.startup.host import host_name

#: In bytes: one line of about fifty numbers and a short name.
_MOST_STAT = 4096
#: Which field behind the name says when a process started, and what the first one says of a zombie.
_STARTED, _ENDED = 19, (b"Z", b"X")


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the beginning of the id of this machine's boot; empty if there is none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    return ""


@dataclass(frozen=True)
class ProcessEntry:
    """What the kernel says of a process (proc(5)). has_ended: it is a zombie. started: in ticks since the boot."""

    pid: int
    name: str
    has_ended: bool
    parent: int
    group: int
    session: int
    started: int

    @classmethod
    def of(cls, pid: int) -> ProcessEntry:
        """Read the entry of a process. Raises OSError if there is no such process, or no /proc."""
        name, fields = _stat_of(pid)
        numbers = [int(fields[index]) for index in (1, 2, 3, _STARTED)]
        return cls(pid, name.decode("utf-8", "replace"), fields[0] in _ENDED, *numbers)

    @property
    def id(self) -> str:
        return job_id(self.pid, f"{self.started}.{boot_id()}")


def _stat_of(pid: int) -> tuple[bytes, list[bytes]]:
    """Return a process's name and the fields behind it up to its start time (and the rest as one field).

    Raises OSError if there is no such process, or no /proc.
    """
    # `Path.read_bytes` makes ten system calls instead of three, and each run needs its start time.
    descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        line = os.read(descriptor, _MOST_STAT)
    finally:
        os.close(descriptor)
    # The name, field 2, may hold blanks and parentheses.
    name, _, rest = line.partition(b"(")[2].rpartition(b")")
    return name, rest.split(None, _STARTED + 1)


def process_table() -> dict[int, ProcessEntry]:
    """Return all live processes by number; none without /proc."""
    table = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # It has ended meanwhile.
            entry = ProcessEntry.of(int(folder.name))
            if not entry.has_ended:
                table[entry.pid] = entry
    return table


def start_time(pid: int) -> str | None:
    """Return when the process started, as the same text at every call; None if it is gone or a zombie.

    Raises BackendError if there is one, and nothing here tells when it started.
    """
    try:
        _, fields = _stat_of(pid)
    except (FileNotFoundError, ProcessLookupError):
        return None if _has_proc() else _start_time_by_ps(pid)
    return None if fields[0] in _ENDED else f"{int(fields[_STARTED])}.{boot_id()}"


def _has_proc() -> bool:
    return Path("/proc/self/stat").exists()


def _start_time_by_ps(pid: int) -> str | None:
    from hpsearch.backends.shell import run_command  # not needed with /proc

    fields: list[str] = []
    with contextlib.suppress(BackendError):  # There is no ps.
        fields = run_command(["ps", "-o", "stat=,lstart=", "-p", str(pid)], timeout_s=20).stdout.split()
    if fields:
        return None if fields[0].startswith("Z") else "-".join(fields[1:])
    # Linux's own ps needs /proc, too, and says nothing of any process without it.
    if _is_given_out(pid):
        raise BackendError(f"nothing here tells when process {pid} started: there is no /proc, and no ps that knows it")
    return None


def _is_given_out(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return pid > 0


def job_id(pid: int, started: str = "") -> str:
    """Return a process's id as one word: pid, start time, boot, and the namespaces of pid and host name."""
    if not started:
        # A run may start all the same: only those who look for this process later cannot tell.
        with contextlib.suppress(BackendError):
            started = start_time(pid) or "ended"
    return f"{pid}@{started}.{_space('pid')}.{_space('uts')}" if boot_id() else f"{pid}@{started}"


@lru_cache(maxsize=2)
def _space(kind: str) -> str:
    """Return this process's namespace: containers on one machine have their own process ids and host names."""
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/self/ns/{kind}").stat().st_ino)
    return ""


def pid_of(job: str) -> int:
    return int(job.partition("@")[0])


def is_alive(job: str) -> bool:
    """Return whether the very process that the id stands for still lives. Raises BackendError as `start_time`."""
    if job.endswith("@") and _is_given_out(pid_of(job)):
        raise BackendError(f"nothing was known of when process {pid_of(job)} started: it may be another one by now")
    now = start_time(pid_of(job))
    # An id may go on after the start time.
    return now is not None and f"{job}.".startswith(f"{pid_of(job)}@{now}.")


def lives(job: str, host: str) -> bool | None:
    """Return whether the process that the id stands for on `host` lives; None if that cannot be told from here.

    A renamed machine is known by its boot. A process that has the number now may be the same one although its start
    time differs: a container may show another time.
    """
    with contextlib.suppress(BackendError):
        if host == host_name():
            return is_alive(job)
        _, boot, space, _ = (*job.split(".", 3), "", "", "")[:4]
        is_this_system = bool(boot) and (boot, space) == (boot_id(), _space("pid"))
        return False if is_this_system and start_time(pid_of(job)) is None else None
    return None


def shares_host_name(job: str) -> bool:
    """Return whether the process of this id shares this process's host name, even if the name has changed since."""
    return bool(boot_id()) and job.endswith(f".{boot_id()}.{_space('pid')}.{_space('uts')}")


def signal_process(job: str, number: int) -> bool:
    """Send a signal to the very process that the id stands for; False if it is gone.

    Raises PermissionError if this user may not signal it, BackendError as `start_time`.
    """
    # An open descriptor always means the same process: if the id is alive after opening, it is the right one.
    descriptor = open_pidfd(pid_of(job))
    try:
        if not is_alive(job):
            return False
        if descriptor is None:
            os.kill(pid_of(job), number)
        else:
            signal.pidfd_send_signal(descriptor, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)


def open_pidfd(pid: int) -> int | None:
    """Return a file descriptor that stands for a process; None if the process is gone, or the system has no pidfds."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            return os.pidfd_open(pid)
    return None


def group_is_alive(pid: int) -> bool:
    """Return whether the group that `pid` leads has any process left. Zombies do not count."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # Zombies stay in a container whose first process does not wait for children.
    if not _has_proc() or start_time(pid) is not None:
        return True
    return any(entry.group == pid for entry in process_table().values())


@dataclass(frozen=True)
class Process:
    """What a process was started with. cwd: its current working directory, None if that may not be read."""

    words: tuple[str, ...]
    cwd: Path | None


def processes() -> Iterator[Process]:
    """Yield all processes of this machine but this one; none without /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        if folder.name != str(os.getpid()):
            with contextlib.suppress(OSError):  # It has ended meanwhile.
                words = (folder / "cmdline").read_bytes().decode("utf-8", "surrogateescape").split("\0")
                cwd = None
                with contextlib.suppress(OSError):
                    cwd = (folder / "cwd").readlink()
                yield Process(tuple(words), cwd)
