"""The lock of a search on file systems of all kinds: with locks, without them, and with locks for one machine only."""

from __future__ import annotations

import errno
import json
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from fake_search import planned_search
from project import wait_until

from hpsearch.core.errors import ControllerPresent, FolderError
from hpsearch.journal.events import AttemptIntended
from hpsearch.startup.host import host_name
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch
from hpsearch.store.lock import ControllerLock, Holder, LockWays, holder_in, lock_holder, record_of

OWN = Holder("here", 7, 5.0, "7@1", boot="b1")
OTHER = Holder("far", 9, 4e9, "9@2", boot="b2", beat_s=5.0)


def no_flock(descriptor: int, operation: int) -> None:
    raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))


def flock_of_one_host(descriptor: int, operation: int) -> None:
    """An flock that always succeeds: it does not see holders on other machines."""


@dataclass
class Time:
    """A clock that goes on only during waits; `while_waiting` is what others do then."""

    now_s: float = 100.0
    while_waiting: Callable[[], None] = lambda: None
    told: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.while_waiting()

    def ways(self, is_there: bool | None = None, flock: Callable[[int, int], None] = flock_of_one_host) -> LockWays:
        """Return ways with a heart that beats once in an hour, so that only the test moves."""
        return LockWays(lambda holder: is_there, self.told.append, 3600.0, flock, lambda: self.now_s, self.sleep)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    state = tmp_path / "s" / ".hpsearch"
    state.mkdir(parents=True)
    return state / "lock"


def left(path: Path, holder: Holder) -> None:
    """Write the lock file as this holder left it."""
    path.touch()
    path.write_bytes(record_of(replace(holder, inode=path.stat().st_ino)))


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_no_other_controller(path: Path, number: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    with ControllerLock(path, OWN, Time().ways(flock=flock)):
        assert lock_holder(path) == replace(OWN, inode=path.stat().st_ino, beat_s=3600.0)
    assert lock_holder(path) is None


def test_a_lock_that_another_process_has_is_another_controller(path: Path) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EWOULDBLOCK, "Resource temporarily unavailable")

    left(path, OTHER)
    with pytest.raises(ControllerPresent, match=r"s: this search is already running \(process 9 on far, since"):
        ControllerLock(path, OWN, Time().ways(flock=flock))


def test_the_lock_of_a_killed_controller_is_waited_for_while_a_process_that_it_was_starting_has_it(path: Path) -> None:
    clock = Time()

    def flock(descriptor: int, operation: int) -> None:
        if clock.now_s < 100.5:
            raise OSError(errno.EWOULDBLOCK, "Resource temporarily unavailable")

    left(path, replace(OTHER, boot="b1"))
    with ControllerLock(path, OWN, clock.ways(is_there=False, flock=flock)) as lock:
        assert lock_holder(path) == lock.holder
    assert 100.5 <= clock.now_s < 101.0


@pytest.mark.parametrize("is_there, waited_s", [(True, 0.0), (None, 0.0), (False, 2.0)])
def test_a_lock_that_stays_taken_is_another_controller(path: Path, is_there: bool | None, waited_s: float) -> None:
    clock = Time()

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EWOULDBLOCK, "Resource temporarily unavailable")

    left(path, replace(OTHER, boot="b1"))
    with pytest.raises(ControllerPresent):
        ControllerLock(path, OWN, clock.ways(is_there=is_there, flock=flock))
    assert clock.now_s == pytest.approx(100.0 + waited_s, abs=0.05)


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_any_other_refusal_is_told_as_what_it_is(path: Path, number: int) -> None:
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(FolderError, match=f"lock: cannot be locked \\({os.strerror(number)}\\)") as caught:
        ControllerLock(path, OWN, Time().ways(flock=flock))
    assert not isinstance(caught.value, ControllerPresent)


@pytest.mark.parametrize("flock", [no_flock, flock_of_one_host])
def test_a_holder_that_lives_is_another_controller_whatever_flock_says(
    path: Path, flock: Callable[[int, int], None]
) -> None:
    left(path, replace(OTHER, boot="b1"))
    with pytest.raises(ControllerPresent):
        ControllerLock(path, OWN, Time().ways(is_there=True, flock=flock))
    assert holder_in(path.read_bytes()) == replace(OTHER, boot="b1", inode=path.stat().st_ino)


@pytest.mark.parametrize("flock", [no_flock, flock_of_one_host])
def test_a_holder_of_this_boot_that_is_gone_is_followed_at_once(path: Path, flock: Callable[[int, int], None]) -> None:
    left(path, replace(OTHER, boot="b1"))
    clock = Time()
    with ControllerLock(path, OWN, clock.ways(is_there=False, flock=flock)):
        assert (clock.now_s, clock.told) == (100.0, [])


@pytest.mark.parametrize("is_there", [None, False], ids=["another machine", "another machine of this name"])
def test_a_heart_that_stands_still_for_two_beats_is_taken_over_from(path: Path, is_there: bool | None) -> None:
    left(path, OTHER)
    clock = Time()
    with ControllerLock(path, OWN, clock.ways(is_there)) as lock:
        assert lock_holder(path) == lock.holder
    assert 110.0 <= clock.now_s < 111.0
    assert ["checking for 10 s" in told for told in clock.told] == [True]


@pytest.mark.parametrize("beats_after_s", [0.5, 5.0, 9.5])
def test_a_heart_that_beats_is_never_taken_over_from(path: Path, beats_after_s: float) -> None:
    left(path, OTHER)
    clock = Time()

    def beat() -> None:
        if clock.now_s >= 100.0 + beats_after_s:
            left(path, replace(OTHER, beat=1))

    clock.while_waiting = beat
    with pytest.raises(ControllerPresent, match="process 9 on far"):
        ControllerLock(path, OWN, clock.ways())
    assert holder_in(path.read_bytes()) == replace(OTHER, inode=path.stat().st_ino)


def test_a_lock_that_is_given_back_while_it_is_watched_is_free(path: Path) -> None:
    left(path, OTHER)
    clock = Time(while_waiting=lambda: path.write_bytes(b"") and None)
    with ControllerLock(path, OWN, clock.ways()):
        assert clock.now_s < 101.0


@pytest.mark.parametrize(
    "content", [b'{"host": "x"', b"[]", b"5", b"\xff\xfe", b"[" * 50_000, b'{"host": 5, "pid": "x", "since": {}}']
)
def test_a_lock_file_that_cannot_be_read_is_watched_like_one_of_another_machine(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    clock = Time()
    with ControllerLock(path, OWN, clock.ways()) as lock:
        assert lock_holder(path) == lock.holder
    assert len(clock.told) == 1


def test_a_holder_of_an_earlier_version_is_followed_where_the_lock_of_the_system_says_so(path: Path) -> None:
    path.write_text(json.dumps({"host": "far", "pid": 9, "since": 1.0}))
    with ControllerLock(path, OWN, Time().ways()) as lock:
        assert lock_holder(path) == lock.holder


def test_a_holder_of_an_earlier_version_is_asked_about_where_there_are_no_locks(path: Path) -> None:
    path.write_text(json.dumps({"host": "far", "pid": 9, "since": 1.0}))
    with pytest.raises(
        ControllerPresent, match=r"may still be working on this search.*if you know that it is not, remove "
    ):
        ControllerLock(path, OWN, Time().ways(flock=no_flock))


def test_why_an_earlier_version_may_still_be_at_work_is_told_with_the_remedy(path: Path) -> None:
    path.write_text(json.dumps({"host": "far", "pid": 9, "since": 1.0}))
    with pytest.raises(ControllerPresent) as caught:
        ControllerLock(path, OWN, Time().ways(flock=no_flock))
    holder = holder_in(path.read_bytes())
    problem = f"{holder} may still be working on this search, and this machine cannot see it"
    assert str(caught.value) == f"{path.parent.parent}: {problem}; if you know that it is not, remove {path}"


@pytest.mark.parametrize("is_made_anew", [True, False])
def test_a_lock_whose_folder_went_and_came_at_that_moment_is_missing(path: Path, is_made_anew: bool) -> None:
    def replace_file(descriptor: int, operation: int) -> None:
        path.unlink()
        if is_made_anew:
            # A name of its own first: a new file may get the number of the one before.
            path.with_name("new").touch()
            path.with_name("new").rename(path)

    with pytest.raises(FileNotFoundError) as caught:
        ControllerLock(path, OWN, Time().ways(flock=replace_file))
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_and_blocks_nobody(path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(FolderError, match=r"lock: (expected a file|cannot be written)"):
        ControllerLock(path, OWN, Time().ways())
    assert lock_holder(path) == Holder("", 0, 0.0)


def test_of_many_that_come_at_once_without_locks_one_gets_it(path: Path) -> None:
    for _ in range(30):
        count = 6
        together, done = threading.Barrier(count), threading.Barrier(count)

        def take(number: int, together: threading.Barrier = together, done: threading.Barrier = done) -> bool:
            own = Holder("here", number, 5.0, f"{number}@1", boot="b1")
            together.wait()
            try:
                lock = ControllerLock(path, own, LockWays(lambda holder: True, flock=no_flock))
            except ControllerPresent:
                done.wait()
                return False
            done.wait()
            lock.release()
            return True

        with ThreadPoolExecutor(count) as pool:
            assert sum(pool.map(take, range(count))) == 1


def test_of_two_that_watched_the_same_dead_holder_one_follows_it(path: Path) -> None:
    left(path, OTHER)
    first: list[ControllerLock] = []

    def another_comes_first() -> None:
        if clock.now_s >= 109.9 and not first:
            first.append(ControllerLock(path, OWN, Time().ways(is_there=None)))

    clock = Time(while_waiting=another_comes_first)
    with pytest.raises(ControllerPresent, match="process 7 on here"):
        ControllerLock(path, replace(OWN, pid=8), clock.ways())
    assert lock_holder(path) == first[0].holder
    first[0].release()


def test_a_claim_that_a_killed_process_left_holds_nobody_up_for_ever(path: Path) -> None:
    path.with_name("lock.claim").touch()
    with ControllerLock(path, OWN, replace(Time().ways(), beat_s=20.0)):
        assert not list(path.parent.glob("lock.claim*"))


def test_a_controller_that_stood_still_notices_that_another_took_over_and_writes_nothing(tmp_path: Path) -> None:
    planned_search(tmp_path, 1).close()
    folder, clock, later = SearchFolder(tmp_path), Time(), Time()
    slow = LiveSearch(folder, OWN, clock.ways())
    slow.open_for_work()
    with LiveSearch(folder, replace(OWN, host="far", boot="b2"), later.ways()) as other:
        other.open_for_work()
        before = folder.journal.read_bytes(), folder.results.read_bytes()
        clock.now_s += 3 * 3600
        with pytest.raises(ControllerPresent) as caught:
            slow.note(AttemptIntended(1, "sim_1.1.ab", 1.0))
        problem = f"another controller has taken over this search ({lock_holder(folder.lock)})"
        reason = "because this one showed no sign of life for too long; this one writes nothing more"
        assert str(caught.value) == f"{tmp_path}: {problem}, {reason}"
        with pytest.raises(ControllerPresent):
            slow.finish()
        slow.close()
        assert (folder.journal.read_bytes(), folder.results.read_bytes()) == before
        assert lock_holder(folder.lock) is not None


def leave(folder: SearchFolder, *names: str) -> list[Path]:
    """Make files in a search folder, all empty; return them."""
    paths = [folder.path / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def test_the_controller_after_a_killed_one_removes_what_that_left_half_made(tmp_path: Path) -> None:
    planned_search(tmp_path, 1).close()
    folder = SearchFolder(tmp_path)
    no_process = 2**31 - 1
    names = (".commands.sh", ".hpsearch/.journal.jsonl", ".hpsearch/provenance/.1.json")
    logs = leave(
        folder, *(f".hpsearch/{name}" for name in ("logs/sim_1.1.ab.out", "logs/sim_1.1.ab.err", "exits/sim_1.1.ab"))
    )
    logs[1].write_bytes(b"\n")
    left = leave(folder, *(f"{name}.{host_name()}.{no_process}.part" for name in names))
    left += leave(folder, ".hpsearch/cancel-requested")
    others = (f"{host_name()}.{os.getppid()}", f"elsewhere.{no_process}")
    of_others = leave(folder, *(f".search_results.csv.{other}.part" for other in others), ".users.part", "users.part")
    with LiveSearch(folder, replace(OWN, pid=8), Time().ways(is_there=False)) as search:
        search.open_for_work()
        search.finish()
    assert [path for path in (*left, *logs) if path.exists()] == []
    assert all(path.exists() for path in of_others)


def test_logs_and_exit_file_of_a_run_that_may_be_live_stay(tmp_path: Path) -> None:
    search = planned_search(tmp_path, 1)
    search.note(AttemptIntended(1, "sim_1.1.ab", 1.0))
    kept = leave(search.folder, ".hpsearch/logs/sim_1.1.ab.out", ".hpsearch/exits/sim_1.1.ab")
    search.finish()
    search.close()
    assert all(path.exists() for path in kept)


def test_nothing_goes_before_a_search_is_carried_out_again(tmp_path: Path) -> None:
    planned_search(tmp_path, 1).close()
    folder = SearchFolder(tmp_path)
    kept = leave(folder, ".hpsearch/logs/sim_1.1.ab.out", ".hpsearch/exits/sim_1.1.ab")
    folder.journal.write_bytes(b"")
    LiveSearch(folder, replace(OWN, pid=8), Time().ways(is_there=False)).close()
    assert all(path.exists() for path in kept)


def test_the_heart_beats_and_no_reader_sees_half_of_it(path: Path) -> None:
    with ControllerLock(path, OWN, LockWays(beat_s=0.005)):
        size, seen = path.stat().st_size, set[int]()

        def has_beaten() -> bool:
            holder = holder_in(path.read_bytes())
            assert holder is not None and holder.host == "here"
            seen.add(holder.beat)
            return len(seen) > 12

        wait_until(has_beaten, "twelve beats")
        assert path.stat().st_size == size


def test_a_lock_file_that_was_damaged_under_its_holder_is_mended_by_the_next_beat(path: Path) -> None:
    with ControllerLock(path, OWN, LockWays(beat_s=0.005)) as lock:
        path.write_bytes(b"x" * 1000)
        wait_until(lambda: lock_holder(path) == lock.holder, "the record is whole again")


def test_a_request_says_the_same_of_its_holder_whenever_it_was_written(path: Path) -> None:
    assert Holder(**{**asdict(OTHER), "beat": 7}) == OTHER
    assert len(record_of(replace(OTHER, beat=7))) == len(record_of(replace(OTHER, beat=123_456)))


def test_a_holder_is_named_by_process_machine_and_time() -> None:
    assert re.fullmatch(r"process 7 on here, since 1970-01-0[12] \d\d:\d\d:05", str(OWN))
    assert str(Holder(host="", pid=0, since=0.0)) == "the lock file cannot be read"


def test_a_search_that_runs_already_is_told_with_its_holder_and_the_remedy(path: Path) -> None:
    left(path, OTHER)
    with pytest.raises(ControllerPresent) as caught:
        ControllerLock(path, OWN, Time().ways(is_there=True))
    problem = f"this search is already running ({lock_holder(path)})"
    remedy = "wait until it ends, or stop it first (hpsearch cancel)"
    assert str(caught.value) == f"{path.parent.parent}: {problem}; {remedy}"


def test_a_lock_that_is_refused_leaves_no_file_open(path: Path) -> None:
    left(path, OTHER)
    before = len([*Path("/proc/self/fd").iterdir()])
    for _ in range(5):
        with pytest.raises(ControllerPresent):
            ControllerLock(path, OWN, Time().ways(is_there=True))
    # Threads of other tests may open or close one or two meanwhile.
    assert len([*Path("/proc/self/fd").iterdir()]) < before + 5


def test_claims_that_killed_processes_left_hold_nobody_up_and_are_taken_away(path: Path) -> None:
    for name in ("lock.claim", "lock.claim1", "lock.claim2"):
        path.with_name(name).touch()
    clock = Time()
    ControllerLock(path, OWN, replace(clock.ways(), beat_s=1.0)).release()
    assert (clock.now_s, [each.name for each in path.parent.iterdir()]) == (pytest.approx(106, abs=0.1), ["lock"])
