"""A machine with GPUs and an LSF cluster for tests: make them, read their state, and end them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from .lsf.standin_lsf.cluster import DEFAULTS, UNFINISHED, Cluster
from .lsf.standin_lsf.ending import stop as end_cluster
from .lsf.standin_lsf.processes import is_same_alive, send

HERE = Path(__file__).resolve().parent
FAKE_TRAIN = HERE / "gpu" / "fake_train.py"
ADMIN = HERE / "lsf" / "admin.py"
SCENARIO_KEYS = set("driver_version started_at cuda_order others hide_processes failures".split())
SCENARIO_KEYS.update("before after errors code line_end".split())
GPU_KEYS = set(
    "name uuid memory_total_mb memory_used_mb memory_reserved_mb load_percent mig mig_devices compute_mode bus_id "
    "serial temperature display_active display_mode fields".split()
)
PATIENCE_S = 20.0
Found = TypeVar("Found")


def wait_until(question: Callable[[], Found], timeout_s: float = PATIENCE_S) -> Found:
    """Ask until the answer is true, and return it. Raises TimeoutError after `timeout_s` seconds."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"still {answer!r} after {timeout_s} s")
        time.sleep(0.01)


@dataclass(frozen=True)
class Call:
    """One call of a stand-in; numbered from 1 among the calls of its command."""

    command: str
    number: int
    time: float
    argv: tuple[str, ...]


@dataclass(frozen=True)
class TrainRun:
    """One execution of fake_train.py; `end` is None while it trains, and stays None if it is killed."""

    pid: int
    start: float
    end: float | None
    visible_devices: str | None
    device_order: str | None
    cwd: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class LsfJob:
    """One job, or one element of an array, as the cluster knows it. `key` is "1001" or "1001[3]"."""

    key: str
    id: int
    index: int
    state: str
    name: str
    queue: str
    host: str | None
    pid: int | None
    start: float | None
    end: float | None
    exit_code: int | None
    reason: str | None


class World:
    """The base of the stand-ins: a folder, commands that come first on PATH, a log of their calls."""

    commands: Mapping[str, Path] = {}
    foreign_variables: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()
        self.bin = self.folder / "bin"
        self.bin.mkdir(parents=True, exist_ok=True)
        for name, script in self.commands.items():
            self._install(name, script)

    def _install(self, name: str, script: Path) -> None:
        # Through this interpreter without site-packages: a version manager's python3 would start far slower.
        words = shlex.join([sys.executable, "-S", "-E", str(script)])
        launcher = self.bin / name
        launcher.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)

    def own_variables(self) -> dict[str, str]:
        raise NotImplementedError

    def env(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return an environment with the stand-ins on PATH: `base` (by default this process's) with few changes.

        Give one world's environment as `base` of the other's to have both.
        """
        start = os.environ if base is None else base
        kept = {name: value for name, value in start.items() if not name.startswith(self.foreign_variables)}
        path = os.pathsep.join([str(self.bin), kept.get("PATH", os.defpath)])
        return {**kept, **self.own_variables(), "PATH": path}

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Change this process's environment until the test ends, to call the packages above in-process."""
        wanted = self.env()
        for name in set(os.environ) - set(wanted):
            monkeypatch.delenv(name)
        for name, value in wanted.items():
            monkeypatch.setenv(name, value)

    def run(
        self, *words: str, text: str = "", timeout_s: float = PATIENCE_S, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Call a command in this world, with `text` on its standard input. `more` goes to subprocess.run."""
        more.setdefault("env", self.env())
        return subprocess.run(words, input=text, capture_output=True, text=True, timeout=timeout_s, **more)

    def log_file(self) -> Path:
        raise NotImplementedError

    def calls(self, command: str | None = None) -> list[Call]:
        """Return the calls so far, in order; all, or those of one command."""
        only = next(iter(self.commands))
        entries = [(entry.get("command", only), entry) for entry in json_lines(self.log_file())]
        return [
            Call(name, entry["call"], entry["time"], tuple(entry["argv"]))
            for name, entry in entries
            if command in (None, name)
        ]

    def stop(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class FakeGpus(World):
    """A machine whose GPUs the nvidia-smi stand-in reports. The end of the `with` block kills what still trains."""

    commands = {"nvidia-smi": HERE / "gpu" / "nvidia-smi"}
    foreign_variables = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.scenario = self.folder / "gpus.json"
        self.train_log = self.folder / "train.log"

    def write(self, *gpus: Mapping[str, Any], **scenario: Any) -> FakeGpus:
        """Describe the machine; the keys are those of standin_gpu's docstring. The log of calls goes on."""
        refuse_unknown("scenario", scenario, SCENARIO_KEYS)
        for gpu in gpus:
            refuse_unknown("GPU", gpu, GPU_KEYS)
        write_whole(self.scenario, {"started_at": time.time(), **scenario, "gpus": list(gpus)})
        return self

    def own_variables(self) -> dict[str, str]:
        return {"FAKE_NVIDIA_SMI": str(self.scenario), "FAKE_TRAIN_LOG": str(self.train_log)}

    def log_file(self) -> Path:
        return Path(f"{self.scenario}.state", "calls.log")

    def processes(self) -> list[int]:
        """Return the ids of the living processes that say they use a GPU."""
        found = []
        for file in Path(f"{self.scenario}.state", "procs").glob("*[0-9]"):
            record = {"pid": int(file.name), **json.loads(file.read_text(encoding="utf-8"))}
            if is_same_alive(record):
                found.append(record["pid"])
        return sorted(found)

    def runs(self) -> list[TrainRun]:
        """Return the executions of fake_train.py, in order of their start."""
        entries = json_lines(self.train_log)
        ends = {entry["pid"]: entry["time"] for entry in entries if entry["event"] == "end"}
        return [
            TrainRun(
                pid=entry["pid"],
                start=entry["time"],
                end=ends.get(entry["pid"]),
                visible_devices=entry["visible_devices"],
                device_order=entry["device_order"],
                cwd=entry["cwd"],
                argv=tuple(entry["argv"]),
            )
            for entry in entries
            if entry["event"] == "start"
        ]

    def stop(self) -> None:
        for pid in self.processes():
            send(pid, signal.SIGKILL)


class FakeLsf(World):
    """An LSF cluster with real processes. The end of the `with` block ends all of them."""

    commands = {name: HERE / "lsf" / name for name in ("bsub", "bjobs", "bkill", "bmod", "bparams")}
    foreign_variables = ("LSB_", "LSF_", "BSUB_")

    def write(self, **settings: Any) -> FakeLsf:
        """Set how the cluster behaves from now on; the keys are those of `DEFAULTS` in standin_lsf/cluster.py."""
        refuse_unknown("setting", settings, set(DEFAULTS))
        write_whole(self.folder / "config.json", settings)
        Cluster(self.folder).wake()
        return self

    def own_variables(self) -> dict[str, str]:
        return {"FAKE_LSF_DIR": str(self.folder)}

    def log_file(self) -> Path:
        return self.folder / "calls.log"

    def jobs(self) -> list[LsfJob]:
        """Return all jobs, also those that bjobs has forgotten, in order of submission."""
        return [job_from(key, record) for key, record in Cluster(self.folder).read()["jobs"].items()]

    def job(self, key: str) -> LsfJob:
        return next(job for job in self.jobs() if job.key == key)

    def wait_for(self, key: str, *states: str, timeout_s: float = PATIENCE_S) -> LsfJob:
        """Wait until a job is in one of these states; until it is over, if none is given."""
        wanted = states or ("DONE", "EXIT")
        wait_until(lambda: self.job(key).state in wanted, timeout_s)
        return self.job(key)

    def wait_for_all(self, timeout_s: float = PATIENCE_S) -> list[LsfJob]:
        """Wait until no job pends or runs."""
        wait_until(lambda: not any(job.state in UNFINISHED for job in self.jobs()), timeout_s)
        return self.jobs()

    def terminate(self, key: str, reason: str) -> bool:
        """Kill a running job as the system does, for a reason such as TERM_MEMLIMIT; False if it does not run."""
        argv = [sys.executable, "-S", "-E", str(ADMIN), "--terminate", str(self.folder), key, reason]
        done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
        if done.returncode != 0 and "does not run" not in done.stderr:
            raise RuntimeError(done.stderr)
        return done.returncode == 0

    def stop(self) -> None:
        # Not by admin.py: hundreds of tests end a cluster, and another process would take a tenth of their time.
        end_cluster(Cluster(self.folder))


def job_from(key: str, record: Mapping[str, Any]) -> LsfJob:
    return LsfJob(
        key=key,
        id=record["id"],
        index=record["index"],
        state=record["stat"],
        name=record["name"],
        queue=record["queue"],
        host=record["host"],
        pid=record["process"] and record["process"]["pid"],
        start=record["start_time"],
        end=record["finish_time"],
        exit_code=record["exit_code"],
        reason=record["reason"],
    )


def refuse_unknown(what: str, given: Iterable[str], known: set[str]) -> None:
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"no such {what}: {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def write_whole(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that a stand-in that reads at the same moment sees the old or the new, never half of it."""
    half_written = path.with_name(path.name + ".new")
    half_written.write_text(json.dumps(content), encoding="utf-8")
    half_written.replace(path)


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file with one JSON object a line, none if it does not exist yet."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
