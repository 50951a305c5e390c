"""Which ids a scheduler is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.backends.cluster.client import SchedulerClient
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import Command, Scheduler
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run


class OwnScheduler(Lsf):
    """A scheduler of a user's: it has arrays, and asks for jobs as it is told."""

    asks_for_arrays = False

    def query_command(self, ids: Sequence[str]) -> Command:
        return Command(["true", *ids])


def asked_for(scheduler: Scheduler, *ids: str) -> list[list[str]]:
    """Return the words of the queries for jobs with these ids."""
    queries = list[list[str]]()
    query_command = scheduler.query_command

    def noting(ids: Sequence[str]) -> Command:
        queries.append(list(query_command(ids).argv))
        return Command(["true"])

    scheduler.query_command = noting  # type: ignore[method-assign]
    here = Path.cwd()
    run = Run(1, "sim_1", Configuration(()), "out/sim_1")
    attempt = Attempt(run, 1, "sim_1.1.abc", ("true",), here, here / "exit", here)
    jobs = [Job(attempt, job_id, Place(), 0.0) for job_id in ids]
    SchedulerClient(scheduler, lambda text: None, {"PATH": "/usr/bin:/bin"}).query(jobs)
    return queries


def test_a_scheduler_of_ones_own_is_asked_for_the_ids_that_it_gave() -> None:
    scheduler = OwnScheduler(LsfWishes())
    assert asked_for(scheduler, "7[1]", "7[2]", "9") == [["true", "7[1]", "7[2]", "9"]]


def test_an_array_of_more_jobs_than_one_command_may_name_is_asked_for_once() -> None:
    members = [f"7_{number}" for number in range(1, 1501)]
    (query,) = asked_for(Slurm(SlurmWishes()), *members, "9")
    assert query[query.index("-j") + 1] == "7,9"
