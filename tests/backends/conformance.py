"""The conformance suite's access to a backend under test, and the attempts that it submits.

A new backend adds one factory to `FACTORIES` in conftest.py; the tests stay as they are.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from project import wait_until

from hpsearch.backends.base import Backend
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, Status

PATIENCE_S = 30.0


@dataclass
class World:
    """One kind of backend in surroundings of its own.

    make: returns a new, checked backend, as a controller that starts (again) would have.
    silence: makes the system behind the backend give no answer from now on; None where that is impossible.
    """

    make: Callable[[], Backend]
    silence: Callable[[], None] | None = None


#: Sets up a world in a folder; what is put on the stack is ended after the test.
Factory = Callable[[Path, ExitStack], World]


@dataclass
class Bench:
    """A backend at work, as the dispatcher uses it: every job that was submitted is ended after the test."""

    world: World
    folder: Path
    backend: Backend
    alarm: int
    bell: int
    started: list[Job] = field(default_factory=list)

    def attempt(self, script: str, name: str = "sim_1") -> Attempt:
        """Return an attempt that runs a piece of Python in `folder`."""
        logs = self.folder / ".hpsearch" / "logs"
        exits = self.folder / ".hpsearch" / "exits"
        for made in (logs, exits):
            made.mkdir(parents=True, exist_ok=True)
        token = f"{name}.1.{secrets.token_hex(3)}"
        run = Run(1, name, Configuration((("x", 1),)), str(self.folder / name))
        argv = (sys.executable, "-S", "-c", script)
        return Attempt(run, 1, token, argv, self.folder, exits / token, logs)

    def place(self, active: Sequence[Job] = ()) -> Place:
        """Return the place for one more run, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            place = self.backend.place(active)
            if place is not None:
                return place
            self.backend.wait(active, 1.0, self.alarm)
        raise TimeoutError(f"no place within {PATIENCE_S} s")

    def submit(self, attempt: Attempt, active: Sequence[Job] = ()) -> Job:
        """Submit an attempt, not yet released."""
        place = self.place(active)
        (job_id,) = self.backend.submit([attempt], place)
        job = Job(attempt, job_id, place, time.time())
        self.started.append(job)
        return job

    def start(self, script: str, name: str = "sim_1", active: Sequence[Job] = ()) -> Job:
        """Submit a piece of Python and let it run."""
        job = self.submit(self.attempt(script, name), active)
        self.backend.release([job])
        return job

    def status(self, job: Job) -> Status:
        """Ask for one job; unknown if it is left out of the answer."""
        return self.backend.poll([job]).get(job.attempt.token, Status(JobPhase.UNKNOWN))

    def ended(self, job: Job, timeout_s: float = PATIENCE_S) -> Status:
        """Wait, as the dispatcher does, for a job's end."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            status = self.status(job)
            if status.phase is JobPhase.ENDED:
                return status
            self.backend.wait([job], 1.0, self.alarm)
        raise TimeoutError(f"{job.id} has not ended within {timeout_s} s")

    def restart(self) -> None:
        """Go on with a new backend, as after the controller's death."""
        self.backend.close()
        self.backend = self.world.make()

    def ring(self) -> None:
        """Raise the alarm, as a signal does."""
        os.write(self.bell, b"!")

    def close(self) -> None:
        """End everything."""
        self.ring()
        self.backend.cancel(self.started, self.alarm)
        self.backend.close()
        os.close(self.alarm)
        os.close(self.bell)


def changed_environment(variables: Mapping[str, str | None], stack: ExitStack) -> None:
    """Set variables of this process (None = none) until the stack is closed; backends start runs from it."""

    def put(values: Mapping[str, str | None]) -> None:
        for name, value in values.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    earlier = {name: os.environ.get(name) for name in variables}
    stack.callback(put, earlier)
    put(variables)


def wait_for_file(path: Path) -> str:
    """Wait until a file has content, and return it."""
    wait_until(lambda: path.exists() and path.read_text() != "", f"a text in {path}", PATIENCE_S)
    return path.read_text()
