"""A real, private Slurm cluster on this machine, for tests: start it, disturb it, remove it without a trace."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
REQUIRE = "HPSEARCH_REQUIRE_SLURM"
PACKAGES = ("slurmctld", "slurmd", "slurm-client", "munge")
ACCOUNTING_PACKAGES = ("slurmdbd", "slurm-wlm-mysql-plugin", "mariadb-server")
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "munged")
ACCOUNTING_PROGRAMS = ("slurmdbd", "sacct", "sacctmgr", "mariadbd", "mariadb-install-db")
FINAL_STATES = frozenset(
    ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT")
)


class ClusterError(Exception):
    """The cluster did not do what a test asked of it; the text says what it answered."""


class JobRow(NamedTuple):
    """One job, or one task of a job array, as squeue shows it."""

    job_id: str  # "12", or "12_3" for a task
    array_id: str  # "12"
    task: str  # "3", or "N/A" without an array
    state: str  # e.g. "RUNNING"
    reason: str
    name: str
    script: str = ""  # path of the batch script


def why_no_cluster(accounting: bool = False, path: str | None = None) -> str | None:
    """Say what is missing for a cluster on this machine, or None if nothing is.

    path: where to look for the programs, as $PATH is written; None: $PATH itself and the system's sbin folders.
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "a test cluster needs root: slurmd starts jobs as the submitting user"
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin" if path is None else path
    programs = PROGRAMS + (ACCOUNTING_PROGRAMS if accounting else ())
    missing = [program for program in programs if not shutil.which(program, path=path)]
    if not missing:
        return None
    packages = PACKAGES + (ACCOUNTING_PACKAGES if accounting else ())
    return f"no {', '.join(missing)} here; apt-get install --no-install-recommends {' '.join(packages)}"


def need_cluster(accounting: bool = False) -> None:
    """Skip the running test if this machine can't run a cluster; fail it instead where one is required.

    Required means that the environment says HPSEARCH_REQUIRE_SLURM=1, as a build server does.
    """
    reason = why_no_cluster(accounting)
    if reason and os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{REQUIRE}=1, but {reason}", pytrace=False)
    if reason:
        pytest.skip(reason)


class SlurmCluster:
    """A running cluster. Client commands reach it with `env`; `purge` ends it and removes its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "etc" / "slurm.conf"
        self.env = {**_without_slurm(os.environ), "SLURM_CONF": str(self.conf)}
        self.env["PATH"] = f"{self.env.get('PATH', os.defpath)}:/usr/sbin:/sbin"

    @classmethod
    def start(cls, **options: object) -> SlurmCluster:
        """Start a cluster and return it when all its nodes are idle.

        options: those of start-slurm with `_` for `-`: `nodes=2`, `min_job_age=5`, `accounting=True`;
        `cgroup=False` means --no-cgroup; `extra={"MessageTimeout": 2}` sets keys of slurm.conf. Two nodes unless told.
        The cluster is purged when this process ends, in whatever way.
        Raises ClusterError, with the ends of the logs, if it does not come up.
        """
        # Not in pytest's folder: the path of a Unix socket is limited to 107 bytes.
        cluster = cls(Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp")).resolve())
        atexit.register(cluster._purge_at_exit, os.getpid())
        argv = [str(HERE / "start-slurm"), "--quiet", "--dir", str(cluster.folder), "--owner", str(os.getpid())]
        try:
            cluster.run(argv + option_words({"nodes": 2, **options}), timeout_s=180)
        except BaseException:
            cluster.purge()
            raise
        return cluster

    @property
    def nodes(self) -> list[str]:
        """Names of the nodes, in order."""
        lines = self.conf.read_text().splitlines()
        return [line.split()[0].partition("=")[2] for line in lines if line.startswith("NodeName=")]

    @property
    def ports(self) -> list[int]:
        """The controller's port, then those of the nodes."""
        words = self.conf.read_text().split()
        return [int(word.partition("=")[2]) for word in words if word.startswith(("SlurmctldPort=", "Port="))]

    # Commands

    def run(self, argv: Sequence[str], timeout_s: float = 60, stdin: str = "", cwd: Path | None = None) -> str:
        """Run a client command and return its standard output; raise ClusterError if it fails or takes too long."""
        try:
            done = subprocess.run(
                argv, input=stdin, capture_output=True, text=True, timeout=timeout_s, env=self.env, cwd=cwd
            )
        except subprocess.TimeoutExpired as error:
            raise ClusterError(f"{' '.join(argv)}: no answer within {timeout_s:g} s") from error
        if done.returncode != 0:
            raise ClusterError(f"{' '.join(argv)}: exit status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def submit(self, command: str, *options: str, cwd: Path | None = None) -> str:
        """Submit a shell command (or lines of them) as a batch job, without output file unless told; return its id."""
        argv = ["sbatch", "--parsable", "--output=/dev/null", *options]
        return self.run(argv, stdin=f"#!/bin/sh\n{command}\n", cwd=cwd).strip().partition(";")[0]

    def squeue(self, *options: str) -> list[str]:
        """Return the lines of `squeue -h` with these options."""
        return self.run(["squeue", "-h", *options]).splitlines()

    def jobs(self) -> dict[str, JobRow]:
        """Return every job and array task that the controller still knows, also ended ones, by id."""
        rows = [JobRow(*line.split("|", 6)) for line in self.squeue("-r", "-t", "all", "-o", "%i|%F|%K|%T|%r|%j|%o")]
        return {row.job_id: row for row in rows}

    def state(self, job_id: str) -> str | None:
        """Return the job's state, or None if the controller does not know it (any more)."""
        row = self.jobs().get(job_id)
        return row.state if row else None

    def wait_for(self, job_id: str, *states: str, limit_s: float = 60) -> str:
        """Wait until the job is in one of these states (none given: ended in any way) and return that state."""
        wanted = frozenset(states) or FINAL_STATES
        seen = self.state(job_id)
        deadline = time.monotonic() + limit_s
        while seen not in wanted:
            if time.monotonic() > deadline:
                raise ClusterError(f"job {job_id} is {seen} after {limit_s:g} s, not {' or '.join(sorted(wanted))}")
            time.sleep(0.1)
            seen = self.state(job_id)
        return str(seen)

    def wait_until_forgotten(self, job_id: str) -> None:
        """Wait until the controller knows this ended job no more; it looks every 10 s for jobs past `min_job_age`."""
        wait_until(f"job {job_id} to be forgotten", lambda: self.state(job_id) is None)

    def clear(self) -> None:
        """Cancel every job and wait until none is queued, running or completing."""
        waiting = set(self.squeue("-o", "%A"))
        for how in (["--signal=KILL", "--full"], []) if waiting else ():
            # scancel fails for a job that has ended since it was listed.
            with contextlib.suppress(ClusterError):
                self.run(["scancel", *how, *waiting])
        wait_until("all jobs to go", lambda: not self.squeue())

    # Disturbances

    def stop_controller(self, kill: bool = False) -> None:
        """End the controller: in good order, or by SIGKILL so that it saves nothing."""
        self._end("slurmctld", "slurmctld.pid", signal.SIGKILL if kill else signal.SIGTERM)

    def start_controller(self) -> None:
        """Start the controller from the state it saved, and wait until it answers."""
        self._daemon("slurmctld", "-i")
        wait_until("the controller to answer", self._controller_answers)

    @contextlib.contextmanager
    def hang_controller(self) -> Iterator[None]:
        """Let the controller accept connections without ever answering, inside a `with` block."""
        pid = self._pid("slurmctld", "slurmctld.pid")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_node(self, n: int, noticed: bool = False) -> None:
        """SIGKILL the daemon of node n (1 is the first); its jobs' processes live on, as behind a broken network.

        noticed: also mark the node down, so that the controller gives up its jobs now and not after some 25 s.
        """
        name = self.nodes[n - 1]
        self._end("slurmd", f"slurmd.{name}.pid", signal.SIGKILL)
        if noticed:
            self.run(["scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed"])

    def start_node(self, n: int) -> None:
        """Start the daemon of node n again and wait until the node takes jobs."""
        name = self.nodes[n - 1]
        self._daemon("slurmd", "-N", name)
        wait_until(f"node {name} to take jobs", lambda: self._node_state(name) in {"idle", "mixed", "allocated"})

    # The end

    def processes(self) -> list[str]:
        """Return "pid name" of each live process that knows this cluster: daemons, the guard, jobs, clients."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                environ = (entry / "environ").read_bytes().split(b"\0")
                if f"SLURM_CONF={self.conf}".encode() in environ and _lives(entry):
                    found.append(f"{entry.name} {(entry / 'comm').read_text().strip()}")
        return found

    def purge(self) -> None:
        """End every process of the cluster, jobs included, and remove its folder. Doing it again is no error."""
        atexit.unregister(self._purge_at_exit)
        stop = [str(HERE / "stop-slurm"), "--dir", str(self.folder), "--purge"]
        subprocess.run(stop, env=self.env, timeout=120, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _purge_at_exit(self, owner: int) -> None:
        # A forked child of the test run ends with the same atexit list; the cluster is not its own.
        if os.getpid() == owner:
            self.purge()

    # Daemons

    def _daemon(self, *argv: str) -> None:
        """Start a daemon, which goes to the background by itself; it must not keep a pipe of ours open."""
        quiet = subprocess.DEVNULL
        subprocess.run(argv, env=self.env, cwd="/", stdin=quiet, stdout=quiet, stderr=quiet, timeout=60, check=True)

    def _end(self, program: str, pid_file: str, how: signal.Signals) -> None:
        pid = self._pid(program, pid_file)
        os.kill(pid, how)
        wait_until(f"{program} to end", lambda: not _lives(Path(f"/proc/{pid}")))

    def _pid(self, program: str, pid_file: str) -> int:
        pid = int((self.folder / "run" / pid_file).read_text())
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name != program:
            raise ClusterError(f"{pid_file} holds {pid}, which is {name} now, not {program}")
        return pid

    def _controller_answers(self) -> bool:
        with contextlib.suppress(ClusterError):
            return " is UP" in self.run(["scontrol", "ping"])
        return False

    def _node_state(self, name: str) -> str:
        return self.run(["sinfo", "-h", "-N", "-n", name, "-p", "main", "-o", "%T"]).strip()


def wait_for_line(path: Path, limit_s: float = 30) -> str:
    """Wait until this file has a whole line and return the file's text without the last newline.

    A job's state is RUNNING up to a second before its first command runs; only what it writes shows that it does.
    """
    wait_until(f"a line in {path}", lambda: path.exists() and path.read_text().endswith("\n"), limit_s)
    return path.read_text().rstrip("\n")


def option_words(options: Mapping[str, object]) -> list[str]:
    """Turn `min_job_age=5, cgroup=False, extra={"A": 1}` into the words that start-slurm takes."""
    words: list[str] = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, Mapping):
            words += [word for key, item in value.items() for word in (flag, f"{key}={item}")]
        elif value is False:
            words += ["--no-cgroup"] if name == "cgroup" else []
        elif value is True:
            words += [] if name == "cgroup" else [flag]
        else:
            words += [flag, str(value)]
    return words


def _without_slurm(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what another Slurm, inside whose job the tests may run, has put there.

    Without the mark of the test that happens to need a cluster first, too: the cluster outlives it.
    """
    prefixes = ("HPSEARCH_TEST", "SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SACCT_", "SINFO_")
    return {name: value for name, value in environ.items() if not name.startswith(prefixes)}


def _lives(entry: Path) -> bool:
    """True if this process of /proc exists and is no zombie, which a slow init may keep for seconds."""
    try:
        state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until(what: str, is_true: Callable[[], bool], limit_s: float = 30) -> None:
    """Ask until the answer is True; raise ClusterError, naming `what`, if that takes longer than `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not is_true():
        if time.monotonic() > deadline:
            raise ClusterError(f"waited {limit_s:g} s in vain for {what}")
        time.sleep(0.05)
