"""The search that a controller holds: what is written when, to the journal, the tables and the list of the rest."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_search import planned_search

from hpsearch.core.errors import StoreError
from hpsearch.journal.events import AttemptEnded, AttemptIntended, ControllerStarted, Event, RunCollected
from hpsearch.store.journal_file import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

INTENDED = AttemptIntended(1, "sim_1.1.aaaaaa", 1.0)


def finished(number: int, value: str = "0.5") -> list[Event]:
    """Return the events of a run that finishes."""
    token = f"sim_{number}.1.aaaaaa"
    summary = {"acc": [value], "finished": ["1"]}
    return [
        AttemptIntended(number, token, 1.0),
        AttemptEnded(number, token, 0, 2.0),
        RunCollected(number, token, "finished", 3.0, summary),
    ]


def on_disk(search: LiveSearch) -> list[str]:
    """Return the tokens of the attempts that another process finds in the journal."""
    return [entry.token for entry in read_record(search.folder) if entry.token]


class Syncs:
    """Counts what takes the place of os.fsync; it may refuse."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, descriptor: int) -> None:
        self.count += 1


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> Syncs:
    counted = Syncs()
    monkeypatch.setattr(os, "fsync", counted)
    return counted


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what makes the disk refuse everything, or take it again."""
    write = os.pwrite
    disk = {"is_full": False}

    def refuse(descriptor: int, content: bytes, offset: int) -> int:
        if disk["is_full"]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, content, offset)

    monkeypatch.setattr(os, "pwrite", refuse)
    return lambda is_full: disk.update(is_full=is_full)


Note = Callable[..., None]


@pytest.mark.parametrize("note", [LiveSearch.note, LiveSearch.note_happened])
@pytest.mark.parametrize(("how", "waits"), [({}, False), ({"durable": True}, True)], ids=["usual", "durable"])
def test_only_a_durable_event_is_carried_to_the_disk_later(
    tmp_path: Path, note: Note, how: dict[str, bool], waits: bool
) -> None:
    with planned_search(tmp_path, 1) as search:
        note(search, INTENDED, **how)
        assert search._journal is not None
        assert (search._journal._timer is not None) is waits


@pytest.mark.parametrize("note", [LiveSearch.note, LiveSearch.note_happened])
@pytest.mark.parametrize(("at_once", "syncs_of_it"), [(True, 4), (False, 0)])
def test_an_event_that_has_to_be_is_on_the_disk_with_the_journals_folders(
    tmp_path: Path, syncs: Syncs, note: Note, at_once: bool, syncs_of_it: int
) -> None:
    with planned_search(tmp_path, 1) as search:
        before = syncs.count
        note(search, INTENDED, at_once=at_once)
        assert syncs.count - before == syncs_of_it


def test_the_first_events_of_a_controller_are_durable(tmp_path: Path) -> None:
    planned_search(tmp_path, 1).close()
    with LiveSearch(SearchFolder(tmp_path)) as search:
        search.open_for_work(INTENDED)
        assert search._journal is not None
        assert search._journal._timer is not None
        assert on_disk(search) == [INTENDED.token]


def test_what_happened_while_the_disk_was_full_is_written_before_what_comes_next(
    tmp_path: Path, full: Callable[[bool], None]
) -> None:
    with planned_search(tmp_path, 2) as search:
        full(True)
        search.note_happened(INTENDED)
        assert (search.trouble is not None, search.record.runs[1].token, on_disk(search)) == (True, INTENDED.token, [])
        full(False)
        search.note(AttemptIntended(2, "sim_2.1.aaaaaa", 2.0))
        assert (search.trouble, on_disk(search)) == (None, [INTENDED.token, "sim_2.1.aaaaaa"])


def test_a_torn_line_is_gone_when_runs_are_added_to_a_search(tmp_path: Path) -> None:
    planned_search(tmp_path, 1).close()
    folder = SearchFolder(tmp_path)
    before = folder.journal.read_bytes()
    folder.journal.write_bytes(before + b'{"event"')
    with LiveSearch(folder) as search:
        search.add_plan([], search.settings, 1.0)
    assert folder.journal.read_bytes().startswith(before + b'{"event":"search"')
    assert [entry.run.number for entry in read_record(folder)] == [1]


def test_what_the_journal_does_not_take_has_not_happened(tmp_path: Path, full: Callable[[bool], None]) -> None:
    with planned_search(tmp_path, 1) as search:
        full(True)
        with pytest.raises(StoreError):
            search.note(INTENDED)
        assert search.record.runs[1].token == ""
        full(False)


@pytest.mark.parametrize("is_still_full", [True, False])
def test_trouble_ends_when_the_disk_takes_the_rest(
    tmp_path: Path, full: Callable[[bool], None], is_still_full: bool
) -> None:
    with planned_search(tmp_path, 1) as search:
        full(True)
        search.note_happened(INTENDED)
        full(is_still_full)
        search.end_trouble()
        assert (search.trouble is not None) is is_still_full
        assert on_disk(search) == ([] if is_still_full else [INTENDED.token])
        full(False)


def test_the_rest_is_on_the_disk_at_once_when_it_is_written_at_the_end(tmp_path: Path, syncs: Syncs) -> None:
    with planned_search(tmp_path, 1) as search:
        search.note_soon(INTENDED)
        assert on_disk(search) == []
        before = syncs.count
        search.write_rest()
        assert (syncs.count - before, on_disk(search)) == (4, [INTENDED.token])
        search.write_rest()
        assert syncs.count - before == 4


def test_what_was_noted_for_soon_is_written_without_waiting_for_the_disk(tmp_path: Path, syncs: Syncs) -> None:
    with planned_search(tmp_path, 1) as search:
        before = syncs.count
        search.note_soon(INTENDED)
        search.write_noted()
        assert search._journal is not None
        assert (on_disk(search), syncs.count - before, search._journal._timer) == ([INTENDED.token], 0, None)


def test_what_ends_trouble_is_on_the_disk_at_once(tmp_path: Path, syncs: Syncs, full: Callable[[bool], None]) -> None:
    with planned_search(tmp_path, 1) as search:
        full(True)
        search.note_happened(INTENDED)
        full(False)
        before = syncs.count
        search.end_trouble()
        assert (search.trouble, syncs.count - before) == (None, 4)


def test_what_was_noted_for_soon_is_written_when_the_search_is_closed(tmp_path: Path) -> None:
    search = planned_search(tmp_path, 1)
    search.note_soon(INTENDED)
    search.close()
    assert on_disk(search) == [INTENDED.token]


def test_rows_are_added_to_a_whole_table_and_a_repeated_run_keeps_one(tmp_path: Path) -> None:
    with planned_search(tmp_path, 2) as search:
        inode = search.folder.results.stat().st_ino
        for number in (1, 2):
            search.note(*finished(number, f"0.{number}"))
            search.add_row(search.record.runs[number])
        assert search.folder.results.stat().st_ino == inode
        search.note(AttemptIntended(1, "sim_1.2.aaaaaa", 4.0), AttemptEnded(1, "sim_1.2.aaaaaa", 0, 5.0))
        search.note(RunCollected(1, "sim_1.2.aaaaaa", "finished", 6.0, {"acc": ["0.9"], "finished": ["1"]}))
        search.add_row(search.record.runs[1])
        lines = search.folder.results.read_text().splitlines()
    assert [line.split(";")[:3] for line in lines[1:]] == [
        ["1", f"{tmp_path}/sim_1", "0.9"],
        ["2", f"{tmp_path}/sim_2", "0.2"],
    ]


def test_a_value_that_nobody_announced_gets_a_column(tmp_path: Path) -> None:
    with planned_search(tmp_path, 1) as search:
        search.note(*finished(1)[:2])
        search.note(RunCollected(1, "sim_1.1.aaaaaa", "finished", 3.0, {"loss": ["2"], "finished": ["1"]}))
        search.add_row(search.record.runs[1])
        header, row = (line.split(";") for line in search.folder.results.read_text().splitlines())
    assert dict(zip(header, row))["loss"] == "2"


def test_a_finished_table_is_sorted_and_the_rest_is_listed_until_nothing_is_left(tmp_path: Path) -> None:
    with planned_search(tmp_path, 2) as search:
        search.note(*finished(1, "0.1"))
        search.finish()
        assert [entry["x"] for entry in pickle.loads(search.folder.not_completed.read_bytes())] == [2]
        search.note(*finished(2, "0.9"))
        search.finish()
        assert not search.folder.not_completed.exists()
        lines = search.folder.results.read_text().splitlines()
    assert [line.split(";")[2] for line in lines[1:]] == ["0.9", "0.1"]


@pytest.mark.parametrize("options", [{}, {"num_seeds": 2}])
def test_a_search_over_seeds_ends_with_a_table_of_configurations(tmp_path: Path, options: dict[str, object]) -> None:
    with planned_search(tmp_path, 1) as search:
        search.note(ControllerStarted("here", 7, 1.0, options), *finished(1))
        search.finish()
        assert search.folder.results_by_configuration.exists() is bool(options)


def test_a_disk_that_does_not_take_the_rest_is_told_when_the_search_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    search = planned_search(tmp_path, 1)
    with monkeypatch.context() as broken, pytest.raises(StoreError) as caught:
        broken.setattr(os, "fsync", refuse)
        search.close_files()
    search.close()
    assert str(caught.value) == f"{search.folder.state}: cannot be written (Input/output error)"


def test_a_table_with_more_columns_has_their_cells_also_after_it_was_sorted(tmp_path: Path) -> None:
    with planned_search(tmp_path, 1) as search:
        search.note(ControllerStarted("here", 7, 1.0, {"more_columns": True}), *finished(1))
        search.finish()
        header, row = (line.split(";") for line in search.folder.results.read_text().splitlines())
    found = dict(zip(header, row))
    assert [found[name] for name in ("run", "state", "seconds", "seed")] == ["1", "finished", "", ""]
