"""A look-alike of Slurm and LSF for thousands of jobs: one process, which runs each job's real script at its end.

A job that "runs" costs nothing until its time is over; then its script is executed, and takes some milliseconds. The
commands are shell scripts that ask this process. It knows only what a search asks for, and answers at once. If asked
to, it lets a share of all calls fail: half of them are not carried out, of the others only the answer is lost.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

COMMANDS = "sbatch squeue sacct scancel scontrol bsub bjobs bkill bmod bparams lsid".split()
#: Sends its name, words and (bsub) input, and prints the answer.
CLIENT = """\
#!/bin/bash -p
exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1
if [ "${{0##*/}}" = bsub ]; then read -r -d '' text; fi
printf '%s\\0' $# "${{0##*/}}" "$@" "$text" >&3
read -r status <&3
if [ "$status" = 0 ]; then exec cat <&3; fi
cat <&3 >&2
exit "$status"
"""
#: For how long an ended job is still shown: MinJobAge of Slurm, CLEAN_PERIOD of LSF, at their defaults.
SLURM_SHOWS_S, LSF_SHOWS_S = 300.0, 3600.0
#: What a command says that does not reach the scheduler, and one that gets no answer.
NOT_REACHED, NOT_ANSWERED = (
    "Unable to contact slurm controller (connect failure)",
    "Socket timed out on send/recv operation",
)
#: How Slurm's commands fail: exit status and text. Others fail as LSF's do.
FAILURES = {
    "sbatch": (1, "sbatch: error: Batch job submission failed: {}"),
    "squeue": (1, "slurm_load_jobs error: {}"),
    "scontrol": (1, "slurm_update error: {}"),
    "scancel": (8, "scancel: error: Kill job error on job id 1001: {}"),
    "sacct": (1, "sacct: error: Problem talking to the database: Connection refused"),
}
LSF_FAILURE = (255, "Failed in an LSF library call: A socket operation has failed: Connection reset by peer")


@dataclass(slots=True)
class Task:
    """A job, alone or in an array. number: its number in the array; None if it is alone."""

    array: Submission
    number: int | None
    state: str = "PENDING"
    ended: float = 0.0


@dataclass
class Submission:
    """What one submit command submitted. throttle: how many of its jobs may run at once."""

    id: int
    script: str
    out: str
    err: str
    label: str
    throttle: float
    index_variable: str
    owns_script: bool = False
    tasks: dict[int | None, Task] = field(default_factory=dict)
    pending: deque[Task] = field(default_factory=deque)
    running: int = 0


class Cluster:
    """slots: how many jobs run at once. job_s: the mean run time; a job takes 0.5 to 1.5 times as long.

    failing: the share of all calls that fail.
    """

    def __init__(
        self, folder: Path, slots: int, job_s: float, array_size: int, runs_scripts: bool, failing: float
    ) -> None:
        self._folder, self._slots, self._job_s, self._array_size = folder, slots, job_s, array_size
        self._runs_scripts, self._failing, self._chance = runs_scripts, failing, random.Random(2)
        self._submissions: dict[int, Submission] = {}
        self._waiting: deque[Submission] = deque()
        self._ends: list[tuple[float, int, Task]] = []
        self._random, self._next_id, self._running = random.Random(1), 1000, 0
        self._kept: deque[Task] = deque()
        self.counts: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._environment = {"PATH": os.defpath, "HOME": str(folder), "HOSTNAME": "node1"}

    async def serve(self) -> None:
        """Start and end jobs when it is time, until the process ends."""
        while True:
            self._start_tasks()
            now = time.monotonic()
            while self._ends and self._ends[0][0] <= now:
                self._end(heapq.heappop(self._ends)[2])
            wait_s = max(0.0, self._ends[0][0] - now) if self._ends else None
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except asyncio.TimeoutError:
                pass
            self._wake.clear()

    def submit(self, count: int | None, submission: Submission) -> int:
        """Take a job, or an array of this size."""
        self._next_id += 1
        submission.id = self._next_id
        numbers: Iterable[int | None] = [None] if count is None else range(1, count + 1)
        submission.tasks = {number: Task(submission, number) for number in numbers}
        submission.pending.extend(submission.tasks.values())
        self._submissions[submission.id] = submission
        self._waiting.append(submission)
        self.counts["submitted"] += len(submission.tasks)
        self._wake.set()
        return submission.id

    def _start_tasks(self) -> None:
        for submission in list(self._waiting):
            while submission.pending and self._running < self._slots and submission.running < submission.throttle:
                self._start(submission.pending.popleft())
            if not submission.pending:
                self._waiting.remove(submission)
            if self._running >= self._slots:
                return

    def _start(self, task: Task) -> None:
        task.state = "RUNNING"
        task.array.running += 1
        self._running += 1
        self.counts["started"] += 1
        if task.number is None and self._runs_scripts:
            for path in filter(None, (task.array.out, task.array.err)):
                Path(path).touch()
        lasts_s = self._job_s * self._random.uniform(0.5, 1.5)
        if self.counts["started"] <= self._slots:
            # The first jobs are shorter, as if they had begun earlier: so jobs end at the same rate from the beginning.
            lasts_s *= self._random.random()
        heapq.heappush(self._ends, (time.monotonic() + lasts_s, self.counts["started"], task))

    def _end(self, task: Task) -> None:
        if task.state != "RUNNING":
            return
        if not self._runs_scripts:
            self._has_ended(task, "COMPLETED")
            return
        process = self._executed(task)
        descriptor = os.pidfd_open(process.pid)

        def ended() -> None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
            self._has_ended(task, "FAILED" if process.wait() else "COMPLETED")

        asyncio.get_running_loop().add_reader(descriptor, ended)

    def _executed(self, task: Task) -> subprocess.Popen[bytes]:
        job, number = task.array, task.number or 0
        environment = {**self._environment, job.index_variable: str(number)} if number else self._environment
        out = Path(job.out or os.devnull).open("ab")  # noqa: SIM115
        err = Path(job.err).open("ab") if job.err else out  # noqa: SIM115
        with out, err:
            return subprocess.Popen(
                ["/bin/bash", "-p", job.script], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )

    def _has_ended(self, task: Task, state: str) -> None:
        if task.state == "RUNNING":
            self._running -= 1
            task.array.running -= 1
        task.state, task.ended = state, time.monotonic()
        self.counts["ended"] += 1
        self._kept.append(task)
        self._wake.set()

    def change_throttle(self, submission: int, at_once: int) -> None:
        self._submissions[submission].throttle = at_once
        self._wake.set()

    def cancel(self, words: Iterable[str]) -> None:
        for word in words:
            for task in self.tasks_of(word):
                if task.state in ("PENDING", "RUNNING"):
                    if task.state == "PENDING":
                        task.array.pending.remove(task)
                    self._has_ended(task, "CANCELLED")

    def tasks_of(self, word: str) -> list[Task]:
        """Return the jobs that an id stands for: ``12``, ``12_3`` or ``12[3]``."""
        array, _, number = re.sub(r"[\]]", "", word.replace("[", "_")).partition("_")
        submission = self._submissions.get(int(array))
        if submission is None:
            return []
        return [submission.tasks[int(number)]] if number else list(submission.tasks.values())

    def shown(self, words: Iterable[str], shows_s: float) -> list[Task]:
        """Return the jobs with these ids that have not ended, or ended not long ago."""
        since = time.monotonic() - shows_s
        while self._kept and self._kept[0].ended < since - SLURM_SHOWS_S:
            old = self._kept.popleft()
            if all(task.ended and task.ended < since for task in old.array.tasks.values()):
                self._submissions.pop(old.array.id, None)
        tasks = [task for word in words for task in self.tasks_of(word)]
        return [task for task in tasks if not task.ended or task.ended >= since]

    def all_ids(self) -> list[str]:
        return list(map(str, self._submissions))

    # The commands' answers: exit status and text.

    def answer(self, name: str, words: list[str], text: str) -> tuple[int, str]:
        """Return what a command answers."""
        command: Callable[[list[str], str], str] = getattr(self, f"_{name}")
        self.counts[name] += 1
        fails = name != "stats" and self._chance.random() < self._failing
        is_reached = not fails or self._chance.random() < 0.5
        try:
            said = command(words, text) if is_reached else ""
        except (KeyError, ValueError) as error:
            return 1, f"{name}: {error!r}\n"
        if not fails:
            return 0, said
        self.counts[f"{name} {'not answered' if is_reached else 'not reached'}"] += 1
        status, words_of_failure = FAILURES.get(name, LSF_FAILURE)
        return status, words_of_failure.format(NOT_ANSWERED if is_reached else NOT_REACHED) + "\n"

    def _stats(self, words: list[str], text: str) -> str:
        return json.dumps(dict(self.counts, running=self._running))

    def _sbatch(self, words: list[str], text: str) -> str:
        if "--version" in words:
            return "slurm-wlm 22.05.8\n"
        options = dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
        count, throttle = None, 1.0
        if "array" in options:
            last, _, at_once = options["array"].partition("-")[2].partition("%")
            count, throttle = int(last), float(at_once or "inf")
            if count > self._array_size:
                raise ValueError("Invalid job array specification")
        out, err = (options.get(name, "").replace("%%", "%") for name in ("output", "error"))
        label, variable = options.get("job-name", ""), "SLURM_ARRAY_TASK_ID"
        return f"{self.submit(count, Submission(0, words[-1], out, err, label, throttle, variable))}\n"

    def _squeue(self, words: list[str], text: str) -> str:
        if "-j" in words:
            ids = words[words.index("-j") + 1].split(",")
        else:
            ids = self.all_ids()
        rows = (
            f"{task.array.id}|{'N/A' if task.number is None else task.number}|{task.state}|None|"
            f"{'' if task.state == 'PENDING' else 'node1'}|{task.array.script}\n"
            for task in self.shown(ids, SLURM_SHOWS_S if "-t" in words else 0)
        )
        return "".join(rows)

    def _sacct(self, words: list[str], text: str) -> str:
        tasks = [task for word in words[words.index("-j") + 1].split(",") for task in self.tasks_of(word)]
        names = (f"{task.array.id}{'' if task.number is None else f'_{task.number}'}" for task in tasks)
        return "".join(f"{name}|{task.state}|0:0|{task.array.label}\n" for name, task in zip(names, tasks, strict=True))

    def _scancel(self, words: list[str], text: str) -> str:
        self.cancel(word for word in words if not word.startswith("-"))
        return ""

    def _scontrol(self, words: list[str], text: str) -> str:
        if words[0] == "show":
            return f"ClusterName = lookalike\nMaxArraySize            = {self._array_size + 1}\n"
        given = dict(word.split("=") for word in words[1:])
        self.change_throttle(int(given["JobId"]), int(given["ArrayTaskThrottle"]))
        return ""

    def _bsub(self, words: list[str], text: str) -> str:
        name, _, members = words[words.index("-J") + 1].partition("[1-")
        count, throttle = None, 1.0
        if members:
            last, _, at_once = members.partition("]")
            count, throttle = int(last), float(at_once[1:] or "inf")
        script = self._folder / f"job.{self._next_id + 1}"
        script.write_text(text)
        submission = Submission(0, str(script), "", "", name, throttle, "LSB_JOBINDEX", True)
        submission.out = words[words.index("-o") + 1] if "-o" in words else ""
        return f"Job <{self.submit(count, submission)}> is submitted to default queue <normal>.\n"

    def _bjobs(self, words: list[str], text: str) -> str:
        ids = words[words.index("-o") + 2 :] if "-o" in words else []
        shows_s = LSF_SHOWS_S if "-a" in words else 0
        states = {"PENDING": "PEND", "RUNNING": "RUN", "COMPLETED": "DONE", "FAILED": "EXIT", "CANCELLED": "EXIT"}
        rows = (
            f"{task.array.id}^{task.number or 0}^{states[task.state]}^-^{'-' if task.state == 'PENDING' else 'node1'}^"
            f"{task.array.out}^-^-\n"
            for task in self.shown(ids or self.all_ids(), shows_s)
        )
        return "".join(rows)

    def _bkill(self, words: list[str], text: str) -> str:
        self.cancel(word for word in words if word[0].isdigit())
        return ""

    def _bmod(self, words: list[str], text: str) -> str:
        self.change_throttle(int(words[-1]), int(words[words.index("-J") + 1].lstrip("%")))
        return ""

    def _bparams(self, words: list[str], text: str) -> str:
        return f"MAX_JOB_ARRAY_SIZE = {self._array_size}\n"

    def _lsid(self, words: list[str], text: str) -> str:
        return "My cluster name is lookalike\n"


async def talk(cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one command."""

    async def word() -> str:
        return (await reader.readuntil(b"\0"))[:-1].decode("utf-8", "surrogateescape")

    count, name = int(await word()), await word()
    words = [await word() for _ in range(count)]
    status, text = cluster.answer(name, words, await word())
    writer.write(f"{status}\n{text}".encode("utf-8", "surrogateescape"))
    await writer.drain()
    writer.close()


async def run(folder: Path, *numbers: str) -> None:
    """Serve until ended. numbers: slots, mean seconds of a job, jobs of an array, are scripts executed, what fails."""
    slots, job_s, array_size, runs_scripts, failing = numbers
    cluster = Cluster(folder, int(slots), float(job_s), int(array_size), runs_scripts == "1", float(failing))
    server = await asyncio.start_server(
        lambda reader, writer: talk(cluster, reader, writer), "127.0.0.1", 0, limit=1 << 24
    )
    port = server.sockets[0].getsockname()[1]
    commands = folder / "bin"
    commands.mkdir()
    for name in (*COMMANDS, "stats"):
        (commands / name).write_text(CLIENT.format(port=port))
        (commands / name).chmod(0o755)
    (folder / "ready").touch()
    await cluster.serve()


class LookAlike:
    """A context manager: a look-alike cluster in a process of its own, which ends with the block."""

    def __init__(
        self,
        folder: Path,
        slots: int,
        job_s: float,
        array_size: int = 1000,
        scripts: bool = True,
        failing: float = 0.0,
    ) -> None:
        """failing: the share of all calls of its commands that fail."""
        self.folder = folder
        folder.mkdir()
        numbers = [str(slots), str(job_s), str(array_size), str(int(scripts)), str(failing)]
        self._process = subprocess.Popen([sys.executable, __file__, str(folder), *numbers])

    def __enter__(self) -> LookAlike:
        deadline = time.monotonic() + 10
        while not (self.folder / "ready").exists():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise SystemExit("the look-alike of a cluster does not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def env(self) -> dict[str, str]:
        """The environment in which its commands are found."""
        return {**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def stats(self) -> Counter[str]:
        """Return how often each command was called, and how many jobs were submitted, started and ended."""
        answer = subprocess.run([str(self.folder / "bin" / "stats")], capture_output=True, text=True, check=True)
        return Counter(json.loads(answer.stdout))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), *sys.argv[2:]))
