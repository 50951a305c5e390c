"""A user's project whose searches run on a private Slurm, and access to what such a search leaves."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from project import Project, Result, journal_events, load, rows, wait_until
from slurm_cluster import FINAL_STATES, JobRow, SlurmCluster

#: Notes that it was started, executes its option --act (a piece of shell), and leaves a summary.
SIMULATION = """\
#!/bin/bash
for word; do name=${word%%=*}; printf -v "${name#--}" %s "${word#*=}"; done
echo "${out_dir##*_}" >>executions.txt
mkdir "$out_dir" || exit 3
eval "$act"
printf 'acc %s\\nfinished 1\\n' "${x:-1}" >"$out_dir/summary.part"
mv "$out_dir/summary.part" "$out_dir/summary.txt"
"""
#: Goes on as soon as there is a file `go` in the project.
WAITS = "until [ -e go ]; do read -t 0.1 <> <(:) || true; done"
CLASSIC = ("--run_cluster", "--scheduler=slurm", "--slurm_mem=100", "--slurm_gres=", "--poll_interval_max=1")


@dataclass
class ClusterProject:
    """A project, and the cluster to which its command submits."""

    project: Project
    cluster: SlurmCluster
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The search folder of all searches."""
        return self.project.path / "out"

    def use(self, cluster: SlurmCluster) -> ClusterProject:
        """Submit to this cluster from now on."""
        self.cluster = cluster
        self.project.environment.update({"SLURM_CONF": str(cluster.conf), "PATH": cluster.env["PATH"]})
        return self

    def acts(self, *acts: str, **grid: Sequence[object]) -> None:
        """Write a grid with one run for each piece of shell, in this order (times the other options)."""
        self.project.grid({"act": list(acts), **grid}, script=SIMULATION)

    def options(self, *options: str) -> list[str]:
        """Return the options of a search on this cluster, or those of a resumed one."""
        if any(option.startswith("--resume") for option in options):
            return list(options)
        return [*CLASSIC, "--deterministic_search", "--out_dir=out", "--force_out_dir", *options]

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start a search; it is ended with the test."""
        process = self.project.start(*self.options(*options))
        self.processes.append(process)
        return process

    def run(self, *options: str, timeout: float = 120) -> Result:
        """Run a search to its end."""
        return self.project.run(*self.options(*options), timeout=timeout)

    def resume(self, *options: str) -> Result:
        """Go on with the search."""
        return self.run(f"--resume={self.folder}", *options)

    def end(self, process: subprocess.Popen[str], timeout: float = 120) -> Result:
        """Wait for the end of a search that was started."""
        stdout, stderr = process.communicate(timeout=timeout)
        return Result(process.returncode, stdout, stderr)

    def close(self) -> None:
        """End the searches that still run; their jobs end with the cluster."""
        for process in self.processes:
            process.kill()
            process.communicate()

    def go(self) -> None:
        """Let runs that wait go on."""
        self.project.write("go", "")

    def wait_for_executions(self, count: int) -> None:
        """Wait until `count` executions of the simulation have begun."""
        wait_until(lambda: sum(self.executions().values()) >= count, f"{count} executions", 60)

    def hasten(self, job_id: str) -> None:
        """Let a requeued job start soon, instead of two minutes after its first execution has ended."""
        if self.cluster.wait_for(job_id, "PENDING", *FINAL_STATES) == "PENDING":
            # A job that starts in the second in which its earlier execution was revoked is taken for revoked, too.
            self.cluster.run(["scontrol", "update", f"JobId={job_id}", "StartTime=now+2"])

    def executions(self) -> Mapping[int, int]:
        """Return run number -> how often the simulation was executed for it."""
        path = self.project.path / "executions.txt"
        return Counter(int(line) for line in path.read_text().split()) if path.exists() else Counter()

    def events(self, kind: str) -> list[dict[str, object]]:
        """Return the events of one kind in the journal, in order."""
        return journal_events(self.folder, kind)

    def wait_for_events(self, kind: str, count: int = 1) -> list[dict[str, object]]:
        """Wait until the journal has `count` events of this kind; return them."""
        wait_until(lambda: len(self.events(kind)) >= count, f"{count} events '{kind}'", 60)
        return self.events(kind)

    def wait_for_message(self, text: str) -> None:
        """Wait until the search has said this."""
        log = self.folder / ".hpsearch" / "controller.log"
        wait_until(lambda: log.exists() and text in log.read_text(), f"the message '{text}'", 60)

    def states(self) -> dict[int, str]:
        """Return run number -> the state in which it was collected last."""
        return {int(str(event["run"])): str(event["state"]) for event in self.events("collected")}

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs that the search submitted, in order."""
        return [str(event["id"]) for event in self.events("submitted")]

    def rows(self) -> list[dict[str, str]]:
        """Return the rows of the table of results."""
        return rows(self.folder)

    def not_completed(self) -> list[object]:
        """Return the acts of the runs in not_completed.pickle."""
        path = self.folder / "not_completed.pickle"
        return [entry["act"] for entry in load(path)] if path.exists() else []  # type: ignore[attr-defined]

    def live_jobs(self) -> list[JobRow]:
        """Return the jobs on the cluster that have not ended."""
        return [row for row in self.cluster.jobs().values() if row.job_id in set(self.cluster.squeue("-r", "-o", "%i"))]


def said(result: Result, *parts: str) -> list[str]:
    """Return the parts of messages that are missing in standard error; a test expects none."""
    return [part for part in parts if part not in result.stderr]
