"""Looking at a search: who holds its lock, whether that process lives, and what is new in its journal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.backends.process_identity import job_id, signal_process
from hpsearch.console.colour import green, without_colour
from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.liveness import Liveness, liveness_of_controller, this_controller
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    RunsPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.journal.packed import PACK_SIZE
from hpsearch.journal.planned import RunBlock
from hpsearch.results.search_status import StatusReader
from hpsearch.results.status import as_json, status_lines
from hpsearch.store.journal_file import JournalReader
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import ControllerLock, Holder, leave_request, lock_holder, take_request
from hpsearch.store.table import read_table

#: A number that no process can have.
DEAD = 2**22 + 1


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    search = SearchFolder(tmp_path)
    search.create_state()
    return search


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def write(folder: SearchFolder, *events: Event) -> None:
    with folder.journal.open("ab") as file:
        file.write(b"".join(map(to_line, events)))


def planned(number: int) -> RunPlanned:
    return RunPlanned(number, f"sim_{number}", f"o/sim_{number}", [["x", number]])


def run_events(
    number: int, job: str, at: float, host: str = "", value: str = "", is_queued: bool = False
) -> list[Event]:
    """Return the events of a run from `at` on; if it has a value, it ends a second later."""
    token = f"sim_{number}.1.ab"
    begun: list[Event] = [
        AttemptIntended(number, token, at),
        AttemptSubmitted(number, token, job, host or socket.gethostname(), at, "GPU 3", is_queued=is_queued),
    ]
    if not value:
        return begun
    summary = {"acc": [value], "finished": ["1"]}
    return [*begun, AttemptEnded(number, token, 0, at + 1), RunCollected(number, token, "finished", at + 1, summary)]


def test_a_lock_names_its_holder_until_it_is_given_back(folder: SearchFolder) -> None:
    assert lock_holder(folder.lock) is None
    holder = Holder("here", 7, 5.0, "7@8", takes_signals=True)
    with ControllerLock(folder.lock, holder):
        assert lock_holder(folder.lock) == replace(holder, inode=folder.lock.stat().st_ino, beat_s=5.0)
        with pytest.raises(FolderError, match=r"this search is already running \(process 7 on here, since "):
            ControllerLock(folder.lock)
    assert lock_holder(folder.lock) is None


def test_a_lock_file_that_cannot_be_read_names_nobody_in_particular(folder: SearchFolder) -> None:
    folder.lock.write_text('{"host": "x"')
    assert liveness_of_controller(lock_holder(folder.lock)) is Liveness.UNKNOWN


@pytest.mark.parametrize(
    ("holder", "liveness"),
    [
        (None, Liveness.GONE),
        (this_controller(), Liveness.LIVE),
        (Holder(socket.gethostname(), os.getpid(), 1.0, f"{os.getpid()}@1.ab"), Liveness.GONE),
        (Holder(socket.gethostname(), os.getpid(), 1.0), Liveness.UNKNOWN),
        (Holder("elsewhere", os.getpid(), 1.0, job_id(os.getpid())), Liveness.UNKNOWN),
        (Holder("earlier-name", DEAD, 1.0, job_id(os.getpid()).replace(f"{os.getpid()}@", f"{DEAD}@")), Liveness.GONE),
        (Holder("elsewhere", DEAD, 1.0, f"{DEAD}@1.otherboot.4026531836"), Liveness.UNKNOWN),
        (
            Holder("elsewhere", DEAD, 1.0, job_id(os.getpid()).replace(f"{os.getpid()}@", f"{DEAD}@") + "1"),
            Liveness.UNKNOWN,
        ),
        (Holder("elsewhere", DEAD, 1.0, f"{DEAD}@1"), Liveness.UNKNOWN),
    ],
    ids=[
        *("nobody", "this process", "recycled number", "no identity", "another machine", "another name"),
        *("another boot", "another container", "no boot"),
    ],
)
def test_liveness_is_told_only_where_it_is_known(holder: Holder | None, liveness: Liveness) -> None:
    assert liveness_of_controller(holder) is liveness


def test_a_controller_in_another_thread_takes_no_signals() -> None:
    found: list[Holder] = []
    thread = threading.Thread(target=lambda: found.append(this_controller()))
    thread.start()
    thread.join()
    assert (this_controller().takes_signals, found[0].takes_signals) == (True, False)


def test_a_signal_reaches_the_very_process(sleeper: subprocess.Popen[bytes]) -> None:
    assert signal_process(job_id(sleeper.pid), signal.SIGTERM)
    assert sleeper.wait(timeout=10) == -signal.SIGTERM


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_a_process_with_the_number_of_another_is_not_signalled(
    sleeper: subprocess.Popen[bytes], has_pidfd: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert not signal_process(f"{sleeper.pid}@1.ab", signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_process_that_is_gone_is_not_signalled(sleeper: subprocess.Popen[bytes]) -> None:
    identity = job_id(sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    assert not signal_process(identity, signal.SIGTERM)


def test_a_request_is_taken_once_and_only_by_whom_it_is_for(folder: SearchFolder) -> None:
    holder, other = Holder("here", 7, 5.0), Holder("here", 7, 6.0)
    assert take_request(folder.cancel_request, holder) is None
    leave_request(folder.cancel_request, holder)
    asked_by = f"process {os.getpid()} on {socket.gethostname()}"
    assert [take_request(folder.cancel_request, holder) for _ in range(2)] == [asked_by, None]
    leave_request(folder.cancel_request, other)
    assert take_request(folder.cancel_request, holder) is None
    assert not folder.cancel_request.exists()


def test_a_reader_takes_only_what_is_new_and_waits_for_the_rest_of_a_line(folder: SearchFolder) -> None:
    reader = JournalReader(folder.journal)
    write(folder, planned(1))
    assert list(reader.new_events()) == [planned(1)]
    line = to_line(planned(2))
    with folder.journal.open("ab") as file:
        file.write(line[:10])
    assert list(reader.new_events()) == []
    with folder.journal.open("ab") as file:
        file.write(line[10:])
    assert list(reader.new_events()) == [planned(2)]


def test_a_reader_starts_anew_where_the_journal_was_replaced(folder: SearchFolder) -> None:
    write(folder, planned(1), SearchStarted(SETTINGS.to_json(), 1.0))
    reader = SearchReader(folder)
    content = folder.journal.read_bytes()
    replacement = folder.journal.with_name("new")
    replacement.write_bytes(content + to_line(planned(2)))
    replacement.replace(folder.journal)
    reader.update()
    assert list(reader.record.runs) == [1, 2]


def test_rates_and_the_time_left_come_from_what_the_latest_controller_did(folder: SearchFolder) -> None:
    plan = [planned(number) for number in range(1, 7)]
    write(folder, *plan, SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("h", 1, 0.0))
    write(folder, *run_events(1, "1@1", 0.0, value="0.5"), ControllerStarted("h", 2, 1000.0))
    write(folder, *run_events(2, "2@2", 1009.0, value="0.7"), *run_events(3, "3@3", 1019.0, value="0.6"))
    folder.lock.write_text(json.dumps({"host": "elsewhere", "pid": 2, "since": 1000.0}))
    status = StatusReader(SearchReader(folder)).status(1025.0)
    assert status.runs_per_hour == pytest.approx(360)
    assert status.left_s == pytest.approx(30)
    # A silence longer than usual slows the estimate down.
    assert StatusReader(SearchReader(folder)).status(1040.0).left_s == pytest.approx(45)


@pytest.mark.parametrize("over, left", [((), 1), (("x",), PACK_SIZE)])
def test_a_watch_keeps_finished_runs_in_little_memory_unless_each_look_needs_them(
    folder: SearchFolder, over: tuple[str, ...], left: int
) -> None:
    """All but the best run: each look shows where that one is."""
    codes = [*range(1, PACK_SIZE + 1)]
    block = RunBlock(1, "sim_", 1, "o", [[("x", code) for code in codes]], [codes])
    write(folder, RunsPlanned.of(block), SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("h", 1, 0.0))
    for code in codes:
        write(folder, *run_events(code, "1@1", 0.0, value=f"0.{code}"))
    reader = SearchReader(folder)
    source = StatusReader(reader, over)
    first = status_lines(source.status(9.0), 80)
    source.update()
    assert status_lines(source.status(9.0), 80) == first
    assert len(reader.record.runs.by_number) == left


def test_jobs_of_a_scheduler_are_queued_until_they_are_seen_running_or_their_log_is_there(
    folder: SearchFolder,
) -> None:
    plan = [planned(number) for number in (1, 2, 3)]
    write(folder, *plan, SearchStarted(SETTINGS.to_json(), 0.0), ControllerStarted("h", 1, 0.0))
    for number in (1, 2, 3):
        write(folder, *run_events(number, f"471{number}", 5.0, "login", is_queued=True))
    write(folder, AttemptStarted(1, "sim_1.1.ab", 9.0, "node7"))
    (folder.logs / "sim_2.1.ab.out").touch()
    folder.lock.write_text(json.dumps({"host": "login", "pid": 2, "since": 1000.0}))
    status = StatusReader(SearchReader(folder)).status(65.0)
    assert [(run.phase.value, run.job, run.place, run.for_s) for run in status.live] == [
        ("running", "4711", "node7", 60.0),
        ("running", "4712", "GPU 3", 60.0),
        ("queued", "4713", "GPU 3", 60.0),
    ]
    counts = as_json(status)["counts"]
    assert (counts["queued"], counts["running"]) == (1, 2)


@pytest.mark.parametrize(
    "runs, told",
    [
        (3, "left to Slurm: 1 running, 1 queued, 1 ended; collect with: "),
        (5, "left to Slurm: 1 running, 1 queued, 1 ended; 2 other runs not done; resume with: "),
    ],
)
def test_what_was_left_to_a_scheduler_is_told_with_the_way_to_collect_it(
    folder: SearchFolder, runs: int, told: str
) -> None:
    plan = [planned(number) for number in range(1, runs + 1)]
    controller = ControllerStarted("login", 1, 0.0, {"scheduler": "slurm", "submit_only": True})
    write(folder, *plan, SearchStarted(SETTINGS.to_json(), 0.0), controller)
    for number in (1, 2, 3):
        write(folder, *run_events(number, f"27_{number}", 5.0, "login", is_queued=True))
    (folder.logs / "sim_2.1.ab.out").touch()
    folder.exit_file("sim_3.1.ab").write_text("0 0 1 2 host\n")
    status = StatusReader(SearchReader(folder)).status(65.0)
    state = next(line for line in status_lines(status, None) if line.startswith("state"))
    assert (state.startswith(f"state    {told}"), as_json(status)["state"]) == (True, "stopped"), state


def test_no_line_but_a_path_or_a_row_is_wider_than_the_terminal(folder: SearchFolder) -> None:
    settings = replace(SETTINGS, option_names=("first_option", "second_option", "third_option"))
    plans = [
        RunPlanned(k, f"sim_{k}", f"o/sim_{k}", [[name, f"value number {k}"] for name in settings.option_names])
        for k in (1, 2)
    ]
    write(folder, *plans, SearchStarted(settings.to_json(), 0.0), ControllerStarted("h", 1, 0.0))
    write(folder, *run_events(1, "1@1", 0.0, value="0.5"), *run_events(2, "2@2", 3.0, "far"))
    lines = [without_colour(line) for line in status_lines(StatusReader(SearchReader(folder)).status(9.0), 60)]
    assert [line for line in lines if len(line) > 60 and str(folder.path) not in line] == []
    assert any(line.startswith("best     acc 0.5 (run 1)") for line in lines)
    piped = status_lines(StatusReader(SearchReader(folder)).status(9.0), None)
    options = " ".join(f"{name}='value number 1'" for name in settings.option_names)
    assert " " * 9 + green(options) in piped


def test_a_run_that_is_run_again_keeps_one_row_in_the_table(folder: SearchFolder) -> None:
    with LiveSearch(folder) as search:
        runs = [Run(number, f"sim_{number}", Configuration((("x", number),)), f"o/sim_{number}") for number in (1, 2)]
        search.add_plan(runs, SETTINGS, 0.0)
        search.open_for_work()
        for value in ("0.5", "0.7"):
            search.note(*run_events(1, "1@1", 0.0, value=value))
            search.add_row(search.record.runs[1])
    assert [row["acc"] for row in read_table(folder.results)] == ["0.7"]
