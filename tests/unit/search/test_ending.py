"""What the loop does when it is to stop and the backend fails."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.backends.local import SequentialBackend
from hpsearch.config.grid_module import SearchConfig
from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.errors import SubmissionUnsure
from hpsearch.core.model import Attempt, Configuration, Job, JobPhase, Run, Status
from hpsearch.journal.events import AttemptIntended, AttemptSubmitted
from hpsearch.search.controller import Clocks, Controller, StopRequest
from hpsearch.search.dispatch import Dispatcher
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

CONFIG = SearchConfig(SETTINGS, "t.py")


class Scheduler(SequentialBackend):
    """A scheduler with one job of the name `known`, which ends when it is cancelled unless it is stubborn."""

    has_queue = jobs_outlive_controller = starts_unreleased = refusal_concerns_all = True

    def __init__(self, known: str = "", silences: int = 0, is_stubborn: bool = False) -> None:
        super().__init__()
        self._known, self._silences, self._is_stubborn = known, silences, is_stubborn
        self.cancelled: list[str] = []

    def wait(self, active: Sequence[Job], timeout_s: float | None, alarm: int) -> None:
        """No time passes here."""

    def release(self, jobs: Sequence[Job]) -> None:
        """A scheduler's jobs start by themselves."""

    def find(self, attempts: Sequence[Attempt]) -> Mapping[str, str]:
        self._silences -= 1
        if self._silences >= 0:
            raise SubmissionUnsure("no answer")
        return {attempt.token: "4711" for attempt in attempts if attempt.token == self._known}

    def poll(self, active: Sequence[Job]) -> Mapping[str, Status]:
        has_ended = self.cancelled and not self._is_stubborn
        return {job.attempt.token: Status(JobPhase.ENDED if has_ended else JobPhase.RUNNING) for job in active}

    def cancel(self, active: Sequence[Job], alarm: int) -> None:
        self.cancelled += [job.id for job in active]


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    """A search of one run, whose first attempt was intended under the name `token`."""
    with LiveSearch(SearchFolder(tmp_path)) as search:
        settings = replace(SETTINGS, run_cwd=str(tmp_path))
        search.add_plan([Run(1, "sim_1", Configuration((("x", 1),)), "o/sim_1")], settings, 0.0)
        search.open_for_work()
        search.note(AttemptIntended(1, "token", 1.0))
        yield search


def end(search: LiveSearch, backend: Scheduler) -> str:
    """Take the search over only to end it; return the state of its run."""
    console = Console()
    with StopRequest() as stop:
        clocks = Clocks(lambda: 100.0, lambda: 100.0)
        dispatcher = Dispatcher(Controller(search, CONFIG, backend, console, SearchOptions(), stop, clocks))
        dispatcher.take_over(list(search.record.runs))
        stop.request(signal.SIGINT)
        dispatcher.run()
    return search.record.runs[1].state.value


def test_a_doubtful_job_that_exists_is_cancelled(search: LiveSearch) -> None:
    backend = Scheduler(known="token")
    assert (end(search, backend), backend.cancelled) == ("cancelled", ["4711"])


def test_a_doubtful_job_that_does_not_exist_is_settled(search: LiveSearch) -> None:
    backend = Scheduler()
    assert (end(search, backend), backend.cancelled) == ("cancelled", [])
    assert not search.record.runs[1].is_open


def test_a_scheduler_that_does_not_know_a_job_at_once_is_asked_again(search: LiveSearch) -> None:
    backend = Scheduler(known="token", silences=1)
    assert (end(search, backend), backend.cancelled) == ("cancelled", ["4711"])


def test_a_doubtful_job_of_which_there_is_no_word_stays_open(
    search: LiveSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end(search, Scheduler(silences=100)) == "planned"
    assert search.record.runs[1].is_open
    assert (
        "the scheduler did not say whether it has a job token: run hpsearch cancel again later"
        in capsys.readouterr().err
    )


def test_a_job_that_cannot_be_ended_is_said_and_not_noted_as_cancelled(
    search: LiveSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    search.note(AttemptSubmitted(1, "token", "4711", socket.gethostname(), 2.0))
    assert end(search, Scheduler(is_stubborn=True)) == "running"
    assert search.record.runs[1].is_live
    assert "run 1: its job 4711 may still be running" in capsys.readouterr().err
