"""What a scheduler is asked and told for many jobs, and what people hear of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hpsearch.backends.cluster.client import FORGOTTEN, SchedulerClient
from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import Command, JobRow, Scheduler
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Place, Run, Status


class OwnScheduler(Lsf):
    """A scheduler of a user's: it has arrays, and asks for jobs as it is told."""

    asks_for_arrays = False

    def query_command(self, ids: Sequence[str]) -> Command:
        return Command(["true", *ids])


COMMANDS = ("query_command", "history_command", "cancel_command", "cancel_pending_command")


def client_of(scheduler: Scheduler, tell: Callable[[str], None] = lambda text: None) -> SchedulerClient:
    return SchedulerClient(scheduler, tell, {"PATH": "/usr/bin:/bin"})


def jobs_of(*ids: str) -> list[Job]:
    """Return jobs with these ids; their runs have the numbers 1, 2, ..."""
    here = Path.cwd()
    runs = [Run(number, f"sim_{number}", Configuration(()), f"out/sim_{number}") for number in range(1, len(ids) + 1)]
    attempts = [Attempt(run, 1, f"{run.folder}.1.abc", ("true",), here, here / "exit", here) for run in runs]
    return [Job(attempt, job_id, Place(), 0.0) for attempt, job_id in zip(attempts, ids)]


def asked_by(ask: Callable[[SchedulerClient, list[Job]], object], scheduler: Scheduler, *ids: str) -> list[list[str]]:
    """Return the words of the commands that a client runs for jobs with these ids."""
    asked = list[list[str]]()

    def noting(made: Callable[..., Command]) -> Callable[..., Command]:
        def note(*arguments: object) -> Command:
            asked.append(list(made(*arguments).argv))
            return Command(["true"])

        return note

    for name in COMMANDS:
        if getattr(scheduler, name, None) is not None:
            setattr(scheduler, name, noting(getattr(scheduler, name)))
    ask(client_of(scheduler), jobs_of(*ids))
    return asked


def asked_for(scheduler: Scheduler, *ids: str) -> list[list[str]]:
    """Return the words of the queries for jobs with these ids."""
    return asked_by(SchedulerClient.query, scheduler, *ids)


def test_a_scheduler_of_ones_own_is_asked_for_the_ids_that_it_gave() -> None:
    scheduler = OwnScheduler(LsfWishes())
    assert asked_for(scheduler, "7[1]", "7[2]", "9") == [["true", "7[1]", "7[2]", "9"]]


def test_an_array_of_more_jobs_than_one_command_may_name_is_asked_for_once() -> None:
    members = [f"7_{number}" for number in range(1, 1501)]
    (query,) = asked_for(Slurm(SlurmWishes()), *members, "9")
    assert query[query.index("-j") + 1] == "7,9"


def test_jobs_are_cancelled_by_one_command_and_at_once_by_a_second_one() -> None:
    assert asked_by(SchedulerClient.cancel, Slurm(SlurmWishes()), "7", FORGOTTEN, "8") == [["scancel", "7", "8"]]
    at_once = asked_by(lambda client, jobs: client.cancel(jobs, at_once=True), Slurm(SlurmWishes()), "7")
    assert at_once == [["scancel", "7"], ["scancel", "--signal=KILL", "--full", "7"]]


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [(Slurm(SlurmWishes()), ["scancel", "--state=PENDING", "7"]), (Lsf(LsfWishes()), ["bkill", "7"])],
    ids=["slurm", "lsf"],
)
def test_waiting_jobs_are_cancelled_as_such_where_that_can_be_said(scheduler: Scheduler, words: list[str]) -> None:
    assert asked_by(SchedulerClient.cancel_pending, scheduler, "7") == [words]


def test_the_accounting_is_asked_for_jobs_that_the_scheduler_has_not_forgotten() -> None:
    (words,) = asked_by(SchedulerClient.history, Slurm(SlurmWishes()), "7", FORGOTTEN, "8_1")
    assert words[-2:] == ["-j", "7,8_1"]


def test_a_scheduler_without_accounting_tells_of_no_job_that_has_ended() -> None:
    assert client_of(Lsf(LsfWishes())).history(jobs_of("7")) == []


class Answering(Slurm):
    """Slurm, whose answers the test gives."""

    answer: Sequence[str] = ("true",)

    def query_command(self, ids: Sequence[str]) -> Command:
        return Command(self.answer)


def test_a_silent_scheduler_is_told_of_once_and_once_more_when_it_answers() -> None:
    told, scheduler, jobs = list[str](), Answering(SlurmWishes()), jobs_of("7")
    client = client_of(scheduler, told.append)
    scheduler.answer = ("sh", "-c", "echo no daemon >&2; exit 1")
    assert [client.query(jobs) for _ in range(2)] == [([], []), ([], [])]
    scheduler.answer = ("printf", "7|N/A|RUNNING|None|n1|/x/sim_1.1.abc.sh\\n")
    heard = [client.query(jobs) for _ in range(2)]
    assert [(found, [row.id for row in rows]) for found, rows in heard] == [(jobs, ["7"])] * 2
    warning = "warning: Slurm does not answer (no daemon); running jobs continue, and hpsearch keeps asking"
    assert (told[0].startswith(warning), told[1:]) == (True, ["Slurm answers again"])


class OnClusters(Answering):
    """Slurm, of which one cluster is silent."""

    def query_command(self, ids: Sequence[str]) -> Command:
        return Command(["false" if ids[0].endswith(";one") else "true"])


def test_the_jobs_of_a_silent_cluster_are_not_heard_of_although_another_answers() -> None:
    told, jobs = list[str](), jobs_of("7;one", "8;two")
    assert client_of(OnClusters(SlurmWishes()), told.append).query(jobs) == (jobs[1:], [])
    (warning,) = told
    assert warning.startswith("warning: Slurm on one does not answer (it gives no answer); running jobs continue")


def test_a_command_that_cannot_be_started_is_no_answer() -> None:
    answer = client_of(Slurm(SlurmWishes())).run(Command(["/no/such/command"]))
    assert (answer.exit_status, "/no/such/command" in answer.words) == (None, True)


def rows_with(*troubles: str) -> dict[str, JobRow]:
    """Return a row for each job, whose ids are 1, 2, ..."""
    return {str(n): JobRow(str(n), "", Status(JobPhase.QUEUED), trouble=each) for n, each in enumerate(troubles, 1)}


def test_why_jobs_do_not_start_is_told_once_for_all_that_wait_for_the_same() -> None:
    told = list[str]()
    client, jobs = client_of(Slurm(SlurmWishes()), told.append), jobs_of("1", "2", "3", "4", "5")
    client.tell_of_trouble(jobs, rows_with("no room on 3 hosts; busy", "busy; no room on 1 host", "", "held"))
    client.tell_of_trouble(jobs, rows_with("no room on 9 hosts; busy", "busy; no room on 2 hosts", "", "held"))
    assert told == [
        "warning: run 1 (and 1 other): job 1 does not start: no room on 3 hosts; busy",
        "warning: run 4: job 4 does not start: held",
    ]


def test_a_new_reason_is_told_as_well() -> None:
    told = list[str]()
    client = client_of(Slurm(SlurmWishes()), told.append)
    client.tell_of_trouble(jobs_of("1", "2", "3"), rows_with("held", "held", "held"))
    client.tell_of_trouble(jobs_of("1"), rows_with("no room"))
    assert told == [
        "warning: run 1 (and 2 others): job 1 does not start: held",
        "warning: run 1: job 1 does not start: no room",
    ]
