"""A PBS cluster for tests: make it, read its state, and end it."""

from __future__ import annotations

import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from .lsf.standin_lsf.processes import is_same_alive, send
from .pbs.standin_pbs import DEFAULTS, Cluster, read_json
from .worlds import HERE, World, refuse_unknown, wait_until, write_whole


class FakePbs(World):
    """A PBS cluster with real processes. The end of the `with` block ends all of them."""

    commands = dict.fromkeys(("qsub", "qstat", "qdel", "qsig"), HERE / "pbs" / "standin_pbs.py")
    foreign_variables = ("PBS_",)

    def _install(self, name: str, script: Path) -> None:
        words = shlex.join([sys.executable, "-S", "-E", str(script), str(self.folder), name])
        launcher = self.bin / name
        launcher.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
        launcher.chmod(0o755)

    def write(self, **settings: Any) -> FakePbs:
        """Set how the cluster behaves from now on; the keys are those of `DEFAULTS` in standin_pbs.py."""
        refuse_unknown("setting", settings, set(DEFAULTS))
        write_whole(self.folder / "config.json", settings)
        return self

    def own_variables(self) -> dict[str, str]:
        return {}

    def log_file(self) -> Path:
        return self.folder / "calls.log"

    def silence(self) -> None:
        """Let the server answer no command from now on."""
        (self.folder / "down").touch()

    def answer(self) -> None:
        """Let the server answer again."""
        (self.folder / "down").unlink(missing_ok=True)

    def jobs(self) -> list[dict[str, Any]]:
        """Return all jobs, in order of submission."""
        cluster = Cluster(str(self.folder))
        return [cluster.job(number) for number in cluster.numbers()]

    def stop(self) -> None:
        """End all jobs and their keepers."""
        self.silence()
        records = [read_json(str(path)) for path in (self.folder / "jobs").glob("*.keeper")]
        for keeper in filter(is_same_alive, records):
            send(keeper["pid"], signal.SIGINT)
        wait_until(lambda: not any(map(is_same_alive, records)))
