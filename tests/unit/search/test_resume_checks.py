"""Which runs of an earlier controller this one can reach."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.config.options import SearchOptions
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    SearchMoved,
    SearchStarted,
)
from hpsearch.journal.record import SearchRecord
from hpsearch.search.resume import (
    RunChoice,
    check_adoptable,
    check_is_safe,
    check_same_cluster,
    check_same_place,
    moves,
    resume_lines,
    resumed_text,
)
from hpsearch.startup.host import host_name
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

INTENDED = AttemptIntended(1, "sim_1.1.abc", 0)


def accepted(job_id: str) -> AttemptSubmitted:
    return AttemptSubmitted(1, "sim_1.1.abc", job_id, "login", 0, is_queued=True)


@pytest.mark.parametrize(
    "events, before, now, is_refused",
    [
        ([INTENDED, accepted("7")], "one", "two", True),
        # It is looked up by its name whether that is a job.
        ([INTENDED], "one", "two", True),
        ([INTENDED, accepted("7")], "one", "one", False),
        ([INTENDED, accepted("7;one")], "one", "two", False),
        ([INTENDED, accepted("7")], "", "two", False),
        ([INTENDED, accepted("7")], "one", "", False),
        ([INTENDED, accepted("7"), AttemptEnded(1, "sim_1.1.abc", 0, 1)], "one", "two", False),
        ([], "one", "two", False),
    ],
)
def test_a_job_is_looked_for_on_its_own_cluster_only(
    tmp_path: Path, events: Sequence[Event], before: str, now: str, is_refused: bool
) -> None:
    planned = RunPlanned(1, "sim_1", "out/sim_1", [])
    record = SearchRecord.of([planned, ControllerStarted("login", 1, 0, cluster=before), *events])
    outcome = pytest.raises(UsageError, match="cluster one") if is_refused else contextlib.nullcontext()
    with outcome:
        check_same_cluster(SearchFolder(tmp_path), list(record), now)


def test_a_job_that_has_left_its_exit_status_is_looked_for_nowhere(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    folder.exit_file("sim_1.1.abc").write_text("0\n")
    planned = RunPlanned(1, "sim_1", "out/sim_1", [])
    record = SearchRecord.of([planned, ControllerStarted("login", 1, 0, cluster="one"), INTENDED, accepted("7")])
    check_same_cluster(folder, list(record), "two")


def record_of(folder: Path, *events: Event, **options: object) -> SearchRecord:
    """Return a search of three runs with these options."""
    settings = replace(SETTINGS, run_cwd=str(folder), options=options)
    plan = [RunPlanned(number, f"sim_{number}", f"out/sim_{number}", []) for number in (1, 2, 3)]
    return SearchRecord.of([*plan, SearchStarted(settings.to_json(), 0), *events])


PROCESS = AttemptSubmitted(1, "sim_1.1.abc", "7@1@boot", "elsewhere", 0)


@pytest.mark.parametrize(
    "submitted, options, problem",
    [
        (accepted("7"), SearchOptions(run_cluster=True, scheduler="lsf"), "--scheduler=lsf: .* as a job of slurm;"),
        (accepted("7"), SearchOptions(run_cluster=True, scheduler="slurm"), None),
        (PROCESS, SearchOptions(run_cluster=True, scheduler="slurm"), "--run_cluster: .* process on elsewhere;"),
        (PROCESS, SearchOptions(), None),
    ],
)
def test_live_runs_are_looked_for_where_they_were_started(
    tmp_path: Path, submitted: AttemptSubmitted, options: SearchOptions, problem: str | None
) -> None:
    record = record_of(tmp_path, INTENDED, submitted, scheduler="slurm")
    outcome = contextlib.nullcontext() if problem is None else pytest.raises(UsageError, match=problem)
    with outcome:
        # The live run comes last.
        check_same_place(record, options, list(record)[::-1])


def test_a_process_of_another_machine_is_not_taken_over(tmp_path: Path) -> None:
    record = record_of(tmp_path, INTENDED, PROCESS)
    with pytest.raises(FolderError) as raised:
        check_adoptable(SearchFolder(tmp_path), record, list(record))
    where = f"was started on elsewhere and may still be running there, which {host_name()} cannot see"
    remedy = "or add --runs_are_gone if you know that nothing of the search is running there any more"
    assert str(raised.value) == f"run 1 {where}: resume there, {remedy}"


def test_the_other_runs_of_a_search_with_a_run_on_another_machine_are_taken_over(tmp_path: Path) -> None:
    record = record_of(tmp_path, INTENDED, PROCESS)
    check_adoptable(SearchFolder(tmp_path), record, [record.runs[2], record.runs[3]])


@pytest.mark.parametrize(
    "choice, numbers",
    [
        (RunChoice(), [1, 2, 3]),
        # Open runs are collected whichever runs were asked for, and ended where they can be reached.
        (RunChoice([3]), [1, 3]),
        (RunChoice(only_ends=True), []),
    ],
)
def test_runs_are_chosen_by_number_and_by_what_they_need(tmp_path: Path, choice: RunChoice, numbers: list[int]) -> None:
    ended = [AttemptIntended(2, "b", 1), RunCollected(2, "b", "failed", 2)]
    record = record_of(tmp_path, INTENDED, PROCESS, *ended)
    assert [entry.run.number for entry in choice.of(record)] == numbers


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ((6, 0, 0, 34), "6 of 40 runs already finished; running the other 34"),
        (
            (6, 1, 2, 31),
            "6 of 40 runs already finished, 1 ended meanwhile, 2 may still be running; running the other 31",
        ),
        ((0, 0, 2, 38), "2 of 40 runs may still be running; running the other 38"),
        ((0, 0, 0, 40), "running all 40 runs"),
        ((0, 0, 0, 1), "running 1 run"),
        ((40, 0, 0, 0), "40 of 40 runs already finished"),
    ],
)
def test_a_resumed_search_says_what_becomes_of_its_runs(counts: tuple[int, int, int, int], text: str) -> None:
    assert resumed_text(*counts) == text


def test_a_run_that_only_other_files_know_is_moved_nowhere(tmp_path: Path) -> None:
    search = LiveSearch(SearchFolder(tmp_path))
    for event in (SearchStarted(SETTINGS.to_json(), 1.0), RunPlanned(1, "sim_1", "sim_1", [])):
        search.record.apply(event)
    search.record.apply(RunPlanned(2, "sim_2", "/elsewhere/sim_2", []))
    assert moves(search) == [SearchMoved("/elsewhere", str(tmp_path))]
    search.close()


def test_a_search_with_a_live_process_elsewhere_is_resumed_only_if_the_user_says_that_it_is_gone(
    tmp_path: Path,
) -> None:
    search = LiveSearch(SearchFolder(tmp_path))
    search.record = record_of(tmp_path, INTENDED, PROCESS)
    entries = list(search.record)
    with pytest.raises(FolderError, match="run 1 was started on elsewhere"):
        check_is_safe(search, SearchOptions(), entries, RunChoice())
    check_is_safe(search, SearchOptions(runs_are_gone=True), entries, RunChoice())
    search.close()


def test_a_retry_of_runs_that_may_be_live_says_that_it_waits_for_them(tmp_path: Path) -> None:
    search = LiveSearch(SearchFolder(tmp_path))
    search.record = record_of(tmp_path, INTENDED, PROCESS)
    lines = resume_lines(search, [search.record.runs[1]], RunChoice([1]))
    assert lines == [f"Waiting for 1 run of {tmp_path} that may still be running"]
    search.close()
