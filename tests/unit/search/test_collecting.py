"""Bookkeeping of one run never harms another, and a journal that cannot be written ends no run."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock, dispatch, planned_search
from small_disk import fill, small_disk

from hpsearch.config.options import SearchOptions
from hpsearch.console.console import Console
from hpsearch.core.errors import NoRoomError, StoreError
from hpsearch.journal.events import AttemptEnded, RunCollected
from hpsearch.journal.record import SearchRecord
from hpsearch.search.collect import Collector
from hpsearch.search.controller import Controller
from hpsearch.store import run_folders
from hpsearch.store.journal_file import Journal, JournalReader
from hpsearch.store.live import LiveSearch
from hpsearch.store.run_folders import put_files_in_place
from hpsearch.store.table import read_table


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def search(tmp_path: Path) -> Iterator[LiveSearch]:
    with planned_search(tmp_path, runs=3) as search:
        yield search


def fail_for(
    monkeypatch: pytest.MonkeyPatch, call: str, is_hit: Callable[[Path], bool], number: int, times: int
) -> None:
    """Let a call of `os` fail for some paths, as a failing disk does; from the `times`-th call on it works again."""
    whole = getattr(os, call)
    left = [times]

    def failing(path: str | Path, *args: object, **kwargs: object) -> object:
        if is_hit(Path(path)) and left[0] > 0:
            left[0] -= 1
            raise OSError(number, os.strerror(number), str(path))
        return whole(path, *args, **kwargs)

    monkeypatch.setattr(os, call, failing)


def is_summary_of(folder: str) -> Callable[[Path], bool]:
    return lambda path: path.parts[-2:] == (folder, "s.txt")


def recorded(search: LiveSearch) -> dict[int, str]:
    """Return the states that the journal on the disk adds up to."""
    return {
        entry.run.number: entry.state.value
        for entry in SearchRecord.of(JournalReader(search.folder.journal).new_events())
    }


ALL_FINISHED = {1: "finished", 2: "finished", 3: "finished"}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_summary_that_cannot_be_read_for_a_moment_is_read_later(
    search: LiveSearch,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
) -> None:
    fail_for(monkeypatch, "open", is_summary_of("sim_1"), number, times=2)
    dispatch(search, FakeBackend(clock))
    assert recorded(search) == ALL_FINISHED
    assert len(read_table(search.folder.results)) == 3
    assert capsys.readouterr().err.count("run 1 has ended, and its results cannot be read yet") == 1


def test_the_last_summary_that_cannot_be_read_for_some_seconds_is_waited_for(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(monkeypatch, "open", is_summary_of("sim_3"), errno.ESTALE, times=4)
    began = clock.steady_s
    dispatch(search, FakeBackend(clock))
    assert recorded(search) == ALL_FINISHED
    assert clock.steady_s - began >= 6


def test_a_summary_that_can_never_be_read_fails_its_own_run_at_the_end(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(monkeypatch, "open", is_summary_of("sim_1"), errno.EACCES, times=1000)
    dispatch(search, FakeBackend(clock))
    assert recorded(search) == {1: "failed", 2: "finished", 3: "finished"}
    assert search.record.runs[1].problem.endswith("s.txt: cannot be read (Permission denied)")


def test_an_exit_file_that_cannot_be_removed_for_a_moment_is_removed_later(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fail_for(monkeypatch, "unlink", lambda path: path.parent == search.folder.exits, errno.EIO, times=1)
    dispatch(search, FakeBackend(clock))
    assert recorded(search) == ALL_FINISHED
    assert "cannot be removed (Input/output error)" in capsys.readouterr().err


def test_a_row_that_finds_no_room_comes_with_the_next_one(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    append = search._table.append  # type: ignore[union-attr]
    calls = iter([NoRoomError("full")])

    def failing(row: dict[str, str]) -> None:
        for error in calls:
            raise error
        append(row)

    monkeypatch.setattr(search._table, "append", failing)
    seen: list[int] = []
    backend = FakeBackend(clock)
    backend.while_waiting = lambda: seen.append(len(read_table(search.folder.results)))
    dispatch(search, backend)
    assert len(read_table(search.folder.results)) == 3
    assert "run 1: full; its results are kept and will be added to the table later" in capsys.readouterr().err


class Failing:
    """Lets a journal fail from the moment on that a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: StoreError | None = None
        for name in ("append", "check_room"):
            monkeypatch.setattr(Journal, name, self._failing(getattr(Journal, name)))

    def _failing(self, whole: Callable[..., None]) -> Callable[..., None]:
        def method(*args: object, **kwargs: object) -> None:
            if self.error is not None:
                raise self.error
            whole(*args, **kwargs)

        return method


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Failing:
    return Failing(monkeypatch)


def test_without_room_for_the_journal_runs_go_on_and_nothing_new_starts_until_there_is_room(
    search: LiveSearch, clock: FakeClock, journal: Failing, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = FakeBackend(clock, slots=2)
    started: list[int] = []

    def fill_and_empty() -> None:
        journal.error = NoRoomError("journal: full") if clock.steady_s < 400 else None
        if clock.steady_s < 400:
            started[:] = backend.started

    backend.while_waiting = fill_and_empty
    dispatch(search, backend)
    assert (started, backend.cancelled) == ([1, 2], [])
    assert recorded(search) == ALL_FINISHED
    said = capsys.readouterr().err
    assert (said.count("journal: full: no new run starts"), said.count("can be written again")) == (1, 1)


def test_the_search_ends_after_ten_minutes_without_room_and_without_a_live_run(
    search: LiveSearch, clock: FakeClock, journal: Failing
) -> None:
    backend = FakeBackend(clock, slots=2)
    backend.while_waiting = lambda: setattr(journal, "error", NoRoomError("journal: full"))
    with pytest.raises(NoRoomError, match="journal: full"):
        dispatch(search, backend)
    assert backend.cancelled == []
    assert 600 <= clock.steady_s - 100 < 620


def test_a_journal_that_can_never_be_written_ends_the_search_when_the_last_live_run_has_ended(
    search: LiveSearch, clock: FakeClock, journal: Failing
) -> None:
    backend = FakeBackend(clock, slots=2)
    backend.while_waiting = lambda: setattr(journal, "error", StoreError("journal: gone"))
    with pytest.raises(StoreError, match="journal: gone"):
        dispatch(search, backend)
    assert (backend.started, backend.cancelled) == ([1, 2], [])
    assert clock.steady_s - 100 == pytest.approx(1, abs=2)


def test_a_local_run_starts_only_when_the_journal_has_it(
    search: LiveSearch, clock: FakeClock, journal: Failing
) -> None:
    backend = FakeBackend(clock)
    submit = backend.submit

    def submit_and_fill(*args: object) -> object:
        journal.error = NoRoomError("journal: full") if clock.steady_s < 105 else None
        return submit(*args)  # type: ignore[arg-type]

    def make_room() -> None:
        assert journal.error is None or backend.started == []
        if clock.steady_s >= 105:
            journal.error = None

    backend.submit = submit_and_fill  # type: ignore[method-assign, assignment]
    backend.while_waiting = make_room
    dispatch(search, backend)
    assert recorded(search) == ALL_FINISHED


def test_an_exit_file_stays_as_long_as_the_journal_does_not_have_what_it_says(
    search: LiveSearch, clock: FakeClock, journal: Failing
) -> None:
    backend = FakeBackend(clock)
    stayed: list[bool] = []

    def look() -> None:
        token = search.record.runs[1].token
        if clock.steady_s < 110:
            journal.error = NoRoomError("journal: full")
            if not stayed:
                search.folder.exit_file(token).write_text("0\n")
            stayed.append(search.folder.exit_file(token).exists())
        else:
            journal.error = None

    backend.while_waiting = look
    dispatch(search, backend)
    assert all(stayed)
    assert list(search.folder.exits.iterdir()) == []


def test_a_mistake_of_ours_ends_no_run(
    search: LiveSearch, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    backend = FakeBackend(clock)

    def fail() -> None:
        raise RuntimeError("a mistake")

    backend.while_waiting = fail
    with pytest.raises(RuntimeError):
        dispatch(search, backend)
    assert backend.cancelled == []
    assert "1 run may still be running; resume the search to collect them" in capsys.readouterr().err


def test_a_journal_on_a_full_disk_keeps_its_whole_lines_and_goes_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, closing(Journal(disk / "journal")) as journal:
        event = RunCollected(1, "a", "lost", 1.0, None, "a" * 3000)
        journal.append(event)
        filler = fill(disk)
        with pytest.raises(NoRoomError, match="No space left on device"):
            journal.append(event, event)
        with pytest.raises(NoRoomError):
            journal.check_room()
        before = list(JournalReader(disk / "journal").new_events())
        filler.unlink()
        journal.check_room()
        journal.append(event)
        assert (before, list(JournalReader(disk / "journal").new_events())) == ([event], [event, event])


def test_a_finished_run_whose_folder_cannot_be_looked_at_for_a_moment_is_not_executed_again(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = search.folder.run_folder(search.record.runs[1].run)
    folder.mkdir()
    (folder / "s.txt").write_text("acc 1\nfinished 1\n")
    fail_for(monkeypatch, "stat", lambda path: path == folder, errno.EIO, 1)
    backend = FakeBackend(clock)
    dispatch(search, backend)
    assert (sorted(backend.started), recorded(search)) == ([2, 3], ALL_FINISHED)


def test_the_result_of_a_run_that_cannot_be_noted_to_run_again_stays_in_its_place(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch(search, FakeBackend(clock))

    def read_only(*_: object, **__: object) -> None:
        raise StoreError("the journal cannot be written")

    monkeypatch.setattr(Journal, "append", read_only)
    with pytest.raises(StoreError):
        dispatch(search, FakeBackend(clock), again=[1], only=[1])
    assert (search.folder.run_folder(search.record.runs[1].run) / "s.txt").exists()


def test_logs_are_moved_before_anything_is_written_beside_them(
    search: LiveSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, log = search.record.runs[1], search.folder.logs / "sim_1.1.abc.out"
    log.parent.mkdir(exist_ok=True)
    log.write_text("said")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(run_folders, "write_run_command", full)
    folder = search.folder.run_folder(entry.run)
    with pytest.raises(OSError):
        put_files_in_place(str(folder), [(log, "job.out")], entry.run, search.settings)
    assert ((folder / "job.out").read_text(), log.exists()) == ("said", False)


def test_the_last_results_that_cannot_be_read_are_waited_for_ten_seconds(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(monkeypatch, "open", is_summary_of("sim_1"), errno.EACCES, times=1000)
    with planned_search(tmp_path, 1) as search:
        dispatch(search, FakeBackend(clock))
    # The run took the first second.
    assert clock.steady_s == pytest.approx(111, abs=0.01)


def test_a_run_whose_results_stay_unreadable_is_retried_after_the_last_try(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(monkeypatch, "open", lambda path: path.name == "s.txt" and clock.steady_s < 112, errno.EACCES, times=1000)
    backend = FakeBackend(clock)
    with planned_search(tmp_path, 1) as search:
        dispatch(search, backend, retries=1)
        assert recorded(search) == {1: "finished"}
    assert backend.started == [1, 1]


def test_logs_that_cannot_be_moved_are_told_once_and_tried_until_they_are_moved(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tries = []

    def put(folder: str, *_: object) -> None:
        tries.append(Path(folder).name)
        if tries.count("sim_1") < 3:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("hpsearch.search.collect.put_files_in_place", put)
    with planned_search(tmp_path, 2) as search:
        dispatch(search, FakeBackend(clock, run_s=20))
    told = f"warning: run 1: its logs stay in .hpsearch/logs for now ({os.strerror(errno.EIO)})"
    assert [line[20:] for line in capsys.readouterr().err.splitlines() if "logs stay" in line] == [told]
    assert (tries.count("sim_1"), tries.count("sim_2")) == (3, 1)


def test_a_run_that_has_finished_after_all_has_an_end_in_the_journal(tmp_path: Path, clock: FakeClock) -> None:
    with planned_search(tmp_path, 1) as search:
        (tmp_path / "sim_1").mkdir()
        (tmp_path / "sim_1" / "s.txt").write_text("acc 7\nfinished 1\n")
        dispatch(search, FakeBackend(clock))
        events = list(JournalReader(search.folder.journal).new_events())
    assert [event.run for event in events if isinstance(event, AttemptEnded)] == [1]


def collector(search: LiveSearch, clock: FakeClock, **more: object) -> Collector:
    controller = Controller(search, CONFIG, FakeBackend(clock), Console(), clocks=clock.clocks, **more)
    return Collector(controller)


def test_a_run_that_is_known_to_have_finished_is_not_noted_again(search: LiveSearch, clock: FakeClock) -> None:
    dispatch(search, FakeBackend(clock))
    size = search.folder.journal.stat().st_size
    assert not collector(search, clock).finished_after_all(search.record.runs[1])
    assert search.folder.journal.stat().st_size == size


@pytest.mark.parametrize(
    ("more", "may_pack"),
    [
        ({}, True),
        ({"options": SearchOptions(stop_early="median")}, False),
        ({"chooser": object()}, False),
    ],
)
def test_records_that_others_keep_are_not_packed(
    search: LiveSearch, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, more: dict[str, object], may_pack: bool
) -> None:
    packed: list[int] = []
    monkeypatch.setattr("hpsearch.search.collect.PACK_SIZE", 1)
    monkeypatch.setattr(SearchRecord, "pack", lambda _, numbers: packed.extend(numbers))
    tested, entry = collector(search, clock, **more), search.record.runs[1]
    (folder := search.folder.path / "sim_1").mkdir()
    (folder / "s.txt").write_text("acc 7\nfinished 1\n")
    assert tested.finished_after_all(entry)
    tested.pack_collected()
    assert packed == ([1] if may_pack else [])
