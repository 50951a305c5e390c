"""Messages about jobs that do not start: one for each reason, also if the numbers in it change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.backends.cluster.backend import ClusterBackend
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes, Scheduler
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run

UNFIT = "Job's resource requirements not satisfied: {}"
CLOSED = "The queue is inactivated by the administrator"


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def backend(tmp_path: Path, told: list[str]) -> Callable[[Scheduler, str, list[str]], ClusterBackend]:
    """Make a backend whose question is answered by these lines, one after another; jobs are cancelled by nobody."""

    def make(scheduler: Scheduler, command: str, lines: list[str]) -> ClusterBackend:
        for number, line in enumerate(lines):
            (tmp_path / f"answer.{number}").write_text(f"{line}\n")
        script = f'#!/bin/sh\ncd {tmp_path}; set -- answer.*; cat "$1"; rm "$1"\n'
        for name, text in ((command, script), ("scancel", "#!/bin/sh\n"), ("bkill", "#!/bin/sh\n")):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        clock = iter(range(0, 100000, 100)).__next__
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        return ClusterBackend(scheduler, ClusterWishes(), told.append, environ, clock)

    return make


def jobs(folder: Path, *ids: str) -> list[Job]:
    runs = [Run(number, f"sim_{number}", Configuration(()), "out") for number, _ in enumerate(ids, start=1)]
    (folder / "logs").mkdir()
    return [
        Job(
            Attempt(run, 1, f"{run.folder}.1.ab", ("true",), folder, folder / "e" / run.folder, folder / "logs"),
            id,
            Place(),
            0,
        )
        for run, id in zip(runs, ids, strict=True)
    ]


def pending(reason: str, job_id: str = "12", run: int = 1) -> str:
    """Return a record of bjobs."""
    return f"{job_id}^0^PEND^-^-^/l/sim_{run}.1.ab.lsf^-^{reason};"


@pytest.mark.parametrize(
    "reasons, warnings",
    [
        ([UNFIT.format("12 hosts"), UNFIT.format("13 hosts"), UNFIT.format("1 host")], 1),
        ([f"{CLOSED}; {UNFIT.format('12 hosts')}", f"{UNFIT.format('9 hosts')}; {CLOSED}"], 1),
        ([UNFIT.format("12 hosts"), CLOSED, UNFIT.format("13 hosts")], 2),
    ],
    ids=["numbers", "order", "another trouble"],
)
def test_a_job_of_lsf_is_warned_of_once_for_each_trouble(
    backend: Callable[[Scheduler, str, list[str]], ClusterBackend],
    told: list[str],
    tmp_path: Path,
    reasons: list[str],
    warnings: int,
) -> None:
    lsf, active = backend(Lsf(LsfWishes()), "bjobs", [pending(reason) for reason in reasons]), jobs(tmp_path, "12")
    for _ in reasons:
        lsf.poll(active)
    assert len(told) == warnings


def test_jobs_whose_troubles_differ_in_numbers_only_are_told_together(
    backend: Callable[[Scheduler, str, list[str]], ClusterBackend], told: list[str], tmp_path: Path
) -> None:
    lines = [pending(UNFIT.format("12 hosts")), pending(UNFIT.format("9 hosts"), "13", 2)]
    backend(Lsf(LsfWishes()), "bjobs", ["\n".join(lines)]).poll(jobs(tmp_path, "12", "13"))
    advice = "if no host ever satisfies them, change --resources"
    assert told == [f"warning: run 1 (and 1 other): job 12 does not start: {UNFIT.format('12 hosts')}: {advice}"]


def test_held_jobs_of_slurm_are_told_together(
    backend: Callable[[Scheduler, str, list[str]], ClusterBackend], told: list[str], tmp_path: Path
) -> None:
    lines = [f"1{n};two|N/A|PENDING|JobHeldUser||/l/sim_{n}.1.ab.sh" for n in (1, 2, 3)]
    slurm = backend(Slurm(SlurmWishes()), "squeue", ["\n".join(lines)] * 2)
    active = jobs(tmp_path, "11;two", "12;two", "13;two")
    slurm.poll(active)
    slurm.poll(active)
    assert told == [
        "warning: run 1 (and 2 others): job 11;two does not start: "
        "JobHeldUser: a user holds it; to release it: scontrol -M two release 11"
    ]
