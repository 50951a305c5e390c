"""When the journal is on the disk: before anything that it announces can outlive a crash, else after about 1 s."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_search import FakeBackend, FakeClock, dispatch, planned_search
from project import wait_until

from hpsearch.core.errors import StoreError, SubmissionUnsure
from hpsearch.core.model import Attempt, Job, Place
from hpsearch.journal.events import AttemptIntended
from hpsearch.journal.lines import to_line
from hpsearch.store import journal_file as journal_module
from hpsearch.store.journal_file import Journal, JournalReader


@dataclass
class Disk:
    """The synced state: path -> the file's size at its last fsync; folders count as 0."""

    carried: dict[Path, int] = field(default_factory=dict)
    calls: int = 0

    def fsync(self, descriptor: int) -> None:
        """Take the place of os.fsync."""
        self.calls += 1
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.carried[path] = path.stat().st_size if path.is_file() else 0

    def text(self, path: Path) -> str:
        """Return the part of a file that would survive a crash of the machine."""
        return path.read_bytes()[: self.carried.get(path, 0)].decode()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    fake = Disk()
    monkeypatch.setattr(os, "fsync", fake.fsync)
    return fake


@dataclass
class CrashingMachine(FakeBackend):
    """Notes what a crash would leave of the journal when a run is submitted, and when its job is released."""

    disk: Disk = field(default_factory=Disk)
    journal: Path = Path()
    at_submission: list[bool] = field(default_factory=list)
    at_release: list[bool] = field(default_factory=list)

    def submit(self, attempts: Sequence[Attempt], place: Place) -> Sequence[str]:
        """Note whether the intention is on the disk."""
        text = self.disk.text(self.journal)
        self.at_submission += [
            f'"intended","run":{each.run.number},"token":"{each.token}"' in text for each in attempts
        ]
        return super().submit(attempts, place)

    def release(self, jobs: Sequence[Job]) -> None:
        """Note whether the id is on the disk."""
        text = self.disk.text(self.journal)
        self.at_release += [f'"token":"{job.attempt.token}","id":"{job.id}"' in text for job in jobs]
        super().release(jobs)


def crashing(
    tmp_path: Path, disk: Disk, is_scheduler: bool, answers: Sequence[Exception | None] = ()
) -> CrashingMachine:
    with planned_search(tmp_path, 2) as search:
        machine = CrashingMachine(
            FakeClock(),
            is_scheduler=is_scheduler,
            answers=list(answers),
            disk=disk,
            journal=search.folder.journal,
        )
        dispatch(search, machine)
    return machine


def test_intention_and_id_are_on_the_disk_before_and_after_a_submission(tmp_path: Path, disk: Disk) -> None:
    machine = crashing(tmp_path, disk, is_scheduler=True)
    assert (machine.at_submission, machine.at_release) == ([True, True], [True, True])


def test_a_submission_without_a_clear_answer_is_on_the_disk_as_well(tmp_path: Path, disk: Disk) -> None:
    machine = crashing(tmp_path, disk, True, [SubmissionUnsure("no answer")])
    assert machine.at_submission == [True, True, True]


def test_the_journals_name_and_its_folders_are_on_the_disk_with_it(tmp_path: Path, disk: Disk) -> None:
    crashing(tmp_path, disk, is_scheduler=True)
    assert {tmp_path / ".hpsearch", tmp_path, tmp_path.parent} <= set(disk.carried)


def test_runs_on_this_machine_wait_for_no_disk(tmp_path: Path, disk: Disk) -> None:
    with planned_search(tmp_path, 30) as search:
        before = disk.calls
        dispatch(search, FakeBackend(FakeClock()))
        # A slow machine may take more than a second for all of this.
        assert disk.calls - before < 5


def test_a_durable_event_is_on_the_disk_about_a_second_later_though_none_follows(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal:
        journal.append(AttemptIntended(1, "a", 1.0), durable=True)
        journal.append(AttemptIntended(2, "b", 2.0), durable=True)
        wait_until(lambda: disk.text(path) == path.read_text(), "the journal on the disk", 10)


def test_many_durable_events_are_carried_to_the_disk_together(tmp_path: Path, disk: Disk) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        for number in range(1000):
            journal.append(AttemptIntended(number, "a", 1.0), durable=True)
        assert disk.calls < 10


def test_a_disk_that_refuses_later_is_told_at_the_next_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(journal_module, "_SYNC_AFTER_S", 0.01)
    journal = Journal(tmp_path / "journal")
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", refuse)
        journal.append(AttemptIntended(1, "a", 1.0), durable=True)
        wait_until(lambda: journal._sync_error is not None, "the refusal", 10)
    with pytest.raises(StoreError, match=r"journal: cannot be written \(Disk quota exceeded\)"):
        journal.append(AttemptIntended(2, "b", 2.0))
    journal.append(AttemptIntended(2, "b", 2.0))
    journal.close()
    assert [event.run for event in JournalReader(tmp_path / "journal").new_events()] == [1, 2]  # type: ignore[union-attr]


def test_a_file_system_that_knows_no_fsync_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", unknown)
    with closing(Journal(tmp_path / "journal")) as journal:
        journal.append(AttemptIntended(1, "a", 1.0), at_once=True)
    assert len(list(JournalReader(tmp_path / "journal").new_events())) == 1


def test_what_another_process_wrote_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal, closing(Journal(path)) as other:
        other.append(AttemptIntended(1, "other", 1.0))
        before = path.read_bytes()
        with pytest.raises(StoreError, match="journal: was changed by another program while the search ran"):
            journal.append(AttemptIntended(1, "own", 1.0))
    assert path.read_bytes() == before


def test_room_is_not_tried_out_over_what_another_process_wrote(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal, closing(Journal(path)) as other:
        other.append(AttemptIntended(1, "other", 1.0))
        before = path.read_bytes()
        with pytest.raises(StoreError, match="journal: was changed by another program while the search ran"):
            journal.check_room()
    assert path.read_bytes() == before


def test_trying_out_whether_there_is_room_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal:
        journal.append(AttemptIntended(1, "a", 1.0))
        before = path.read_bytes()
        journal.check_room()
    assert path.read_bytes() == before


def test_events_that_the_disk_takes_in_two_parts_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write, parts = tmp_path / "journal", os.pwrite, [10, 1000]
    event = AttemptIntended(1, "a", 1.0)
    with closing(Journal(path)) as journal, monkeypatch.context() as filling:
        filling.setattr(os, "pwrite", lambda to, content, offset: write(to, content[: parts.pop(0)], offset))
        journal.append(event)
    assert path.read_bytes() == to_line(event)


def test_a_full_disk_is_told_and_nothing_of_the_try_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, write = tmp_path / "journal", os.pwrite

    def fill_up(to: int, content: bytes, offset: int) -> int:
        if offset > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(to, content[:11], offset)

    with closing(Journal(path)) as journal:
        monkeypatch.setattr(os, "pwrite", fill_up)
        with pytest.raises(StoreError, match="journal: cannot be written"):
            journal.check_room()
        assert path.read_bytes() == b""
        with pytest.raises(StoreError, match="journal: cannot be written"):
            journal.append(AttemptIntended(1, "a", 1.0))
        assert path.read_bytes() == b""


def test_a_torn_line_longer_than_what_is_read_at_once_is_cut(tmp_path: Path) -> None:
    path, first = tmp_path / "journal", to_line(AttemptIntended(1, "a", 1.0))
    path.write_bytes(first + b"x" * 200_000)
    Journal(path).close()
    assert path.read_bytes() == first


def test_a_journal_without_one_whole_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"x" * 70_000)
    Journal(path).close()
    assert path.read_bytes() == b""


def test_a_journal_that_was_read_to_its_end_is_not_replaced_until_it_is_shorter_or_another(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal", JournalReader(tmp_path / "journal")
    line = to_line(AttemptIntended(1, "a", 1.0))
    path.write_bytes(line + line)
    assert len(list(reader.new_events())) == 2
    assert not reader.is_replaced()
    path.write_bytes(line)
    assert reader.is_replaced()


def test_a_journal_that_was_deleted_takes_no_more(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal:
        path.unlink()
        with pytest.raises(StoreError, match="journal: was deleted, moved or replaced while the search ran"):
            journal.append(AttemptIntended(1, "a", 1.0))


def test_what_could_not_be_cut_off_at_once_is_cut_off_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    path = tmp_path / "journal"
    with closing(Journal(path)) as journal:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", refuse)
            broken.setattr(os, "ftruncate", refuse)
            with pytest.raises(StoreError):
                journal.append(AttemptIntended(1, "a", 1.0), at_once=True)
        journal.append(AttemptIntended(2, "b", 2.0))
    assert list(JournalReader(path).new_events()) == [AttemptIntended(2, "b", 2.0)]


def test_a_journal_is_closed_although_a_signal_came_before_its_timer_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: threading.Timer) -> None:
        raise KeyboardInterrupt

    with (
        closing(Journal(tmp_path / "journal")) as journal,
        pytest.raises(KeyboardInterrupt),
        monkeypatch.context() as patch,
    ):
        patch.setattr(threading.Timer, "start", interrupt)
        journal.append(AttemptIntended(1, "a", 1.0), durable=True)
