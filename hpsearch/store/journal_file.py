"""The journal of a search: events, one a line, appended by the one controller. Reading them back is resuming."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from hpsearch.core.errors import FolderError, StoreError, reason_of, unwritable
from hpsearch.core.hints import hint
from hpsearch.journal.events import Event, SearchStarted
from hpsearch.journal.lines import LONG, LineReader, from_line, to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.startup.garbage import collected_later
from hpsearch.store.layout import NO_FILE, SearchFolder, open_file

if TYPE_CHECKING:
    import threading

    from hpsearch.journal.courses import Stretch

#: Durable events are synced to the disk together, this long after the first: a sync takes as long as a short run.
_SYNC_AFTER_S = 1.0
#: Errors of file systems that cannot sync.
_NO_SYNC = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)
#: The disk has room again when it takes this many bytes.
_ROOM = 4096
#: How many bytes of a long journal are read at once.
_LARGEST_PART = 1 << 22


class Journal:
    """Appends events. Each line is written by one system call, so killing the controller loses none."""

    def __init__(self, path: Path) -> None:
        """Open or make the journal; a torn last line is cut. Raises StoreError if it cannot be opened."""
        self._path = path
        self._has_lasting_name = self._has_rest = False
        self._timer: threading.Timer | None = None
        self._sync_error: OSError | None = None
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            self._size = _whole_lines(self._descriptor)
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written ({reason_of(error)})") from error

    def append(self, *events: Event, durable: bool = False, at_once: bool = False) -> None:
        """Write events.

        durable: they also survive a power failure, unless it comes within about a second (then the run's own folder
        still tells its result). at_once: they survive a power failure as soon as this returns.
        Raises StoreError if the disk takes no more (the file then has no part of the events), or if another process has
        changed or deleted the file.
        """
        content = b"".join(to_line(event) for event in events)
        self._check_is_own()
        try:
            self._write(content)
            if at_once:
                self._sync_with_name()
        except OSError as error:
            self._cut(error)
        self._size += len(content)
        if durable and not at_once and self._timer is None:
            from threading import Timer  # Here, because readers do not need it.

            self._timer = Timer(_SYNC_AFTER_S, self._sync_in_time)
            self._timer.daemon = True
            self._timer.start()

    def check_room(self) -> None:
        """Raise StoreError if no more can be written."""
        self._check_is_own()
        try:
            # Without a line break: readers take the blanks for a line that is still being written.
            self._write(b" " * _ROOM)
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self._cut(error)

    def _write(self, content: bytes) -> None:
        """Write after the last whole line; raises OSError unless all is written."""
        written = os.pwrite(self._descriptor, content, self._size)
        if written < len(content):
            # A disk that fills up takes only a part; the next call raises the reason.
            os.pwrite(self._descriptor, content[written:], self._size + written)

    def _cut(self, error: OSError) -> NoReturn:
        """Remove a torn line; raises StoreError saying why it cannot be written whole."""
        self._has_rest = True
        with contextlib.suppress(OSError):
            self._cut_rest()
        raise unwritable(self._path, error) from error

    def _cut_rest(self) -> None:
        os.ftruncate(self._descriptor, self._size)
        self._has_rest = False

    def close(self) -> None:
        """Write everything to the disk and close the file. Raises OSError if the disk takes no more."""
        if (timer := self._timer) is not None:
            timer.cancel()
            # It is not alive if a signal came before it was started.
            if timer.is_alive():
                timer.join()
        try:
            _sync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _check_is_own(self) -> None:
        """Raise StoreError if the file is not as this controller left it: others' lines must not be overwritten."""
        if self._sync_error is not None:
            error, self._sync_error = self._sync_error, None
            raise unwritable(self._path, error) from error
        try:
            if self._has_rest:
                self._cut_rest()
            found = os.fstat(self._descriptor)
            is_there = os.stat(self._path).st_ino == found.st_ino  # noqa: PTH116  (before each write: 5 us less)
        except (FileNotFoundError, NotADirectoryError):
            is_there = False
        except OSError as error:
            raise unwritable(self._path, error) from error
        if not is_there:
            raise StoreError(f"{self._path}: was deleted, moved or replaced while the search ran")
        if found.st_size != self._size:
            problem = "was changed by another program while the search ran; nothing is overwritten"
            raise StoreError(f"{self._path}: {problem}")

    def _sync_in_time(self) -> None:
        """Sync the file to the disk, in a thread of its own: no run waits for that."""
        # An event that comes from now on needs a new timer.
        self._timer = None
        try:
            _sync(self._descriptor)
        except OSError as error:
            self._sync_error = error

    def _sync_with_name(self) -> None:
        """Sync the file to the disk, and the first time also the three folders above it, which hold its name."""
        _sync(self._descriptor)
        if not self._has_lasting_name:
            for folder in self._path.parents[:3]:
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    _sync(descriptor)
                finally:
                    os.close(descriptor)
            self._has_lasting_name = True


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _whole_lines(descriptor: int) -> int:
    """Return the length of the file up to its last line break."""
    end = os.fstat(descriptor).st_size
    while end:
        start = max(0, end - 65536)
        block = os.pread(descriptor, end - start, start)
        if b"\n" in block:
            return start + block.rindex(b"\n") + 1
        end = start
    return 0


class JournalReader:
    """Reads a journal, which another process may be writing: an unfinished last line is left for later."""

    def __init__(
        self, path: Path, passes_over_damage: bool = False, long: int = LONG, part: int = _LARGEST_PART
    ) -> None:
        """Read from the beginning. passes_over_damage: skip what cannot be used, and note it in `damage`.

        long: from this many new bytes on, lines are read together, which is then faster. part: how many bytes together.
        """
        self._path, self._long, self._part = path, long, part
        self._passes_over_damage = passes_over_damage
        self._offset = self._lines = 0
        self._inode: int | None = None
        self._read: Callable[[bytes], Event] = from_line
        self.damage: list[str] = []
        #: Whether a search's settings have been read.
        self.has_settings = False

    def is_replaced(self) -> bool:
        """Return whether the file was replaced (a later search was added): a new reader must then start again."""
        try:
            found = self._path.stat()
        except OSError:
            return False
        return self._inode is not None and (found.st_ino != self._inode or found.st_size < self._offset)

    def read_into(self, record: SearchRecord) -> None:
        """Take in the events since the last call. Raises FolderError, with the remedy, if they cannot be read."""
        with collected_later(), self._opened() as file:
            if file is None:
                return
            is_long = os.fstat(file.fileno()).st_size - self._offset >= self._long
            if is_long:
                self._read = LineReader()
            if not is_long or not record.takes_stretches:
                self._apply(self._events(file), record)
                return
            for lines, stretch in self._stretches(file):
                if stretch is None or not record.take_stretch(stretch):
                    self._apply(self._events(line.encode("latin-1") + b"\n" for line in lines), record)
                else:
                    self._lines += len(lines)
                    self._offset += sum(map(len, lines)) + len(lines)

    def _stretches(self, file: BinaryIO) -> Iterator[tuple[Sequence[str], Stretch | None]]:
        from hpsearch.journal.courses import StretchReader  # only a long journal needs it

        reader, rest = StretchReader(), b""
        # In parts, which take less memory than the whole. Runs with lines in two parts take a little longer.
        while content := file.read(self._part):
            whole, line_end, rest = (rest + content).rpartition(b"\n")
            # Each byte becomes a character, also in a damaged line.
            yield from reader.stretches((whole + line_end).decode("latin-1"))
            if len(content) < self._part:
                # By now, the rest may be cut, see `check_room`: reading on would begin in the middle of a line.
                return

    def _apply(self, events: Iterable[Event], record: SearchRecord) -> None:
        for event in events:
            try:
                record.apply(event)
            except (KeyError, ValueError, TypeError) as error:
                problem = f"the journal is damaged: this line does not fit the ones before it ({error!r})"
                self._found_damage(problem, error)

    def new_events(self) -> Iterator[Event]:
        """Yield the events that were added since the last call. Raises FolderError as `read_into` does."""
        with self._opened() as file:
            yield from () if file is None else self._events(file)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[BinaryIO | None]:
        """Open the journal where reading goes on; None if the file was just replaced, as `is_replaced` will say."""
        path = self._path
        try:
            with open(path, "rb", opener=open_file) as file:
                found = os.fstat(file.fileno())
                is_other = self._inode not in (None, found.st_ino)
                if not is_other:
                    self._inode = found.st_ino
                    file.seek(self._offset)
                yield None if is_other else file
        except FileNotFoundError as error:
            raise FolderError(f"{path.parent.parent}: not a search folder of this tool (there is no {path})") from error
        except OSError as error:
            remedy = f"; {remedy_for(path)}" if error.errno in NO_FILE else ""
            raise FolderError(f"{path}: cannot be read ({reason_of(error)}){remedy}") from error

    def _events(self, lines: Iterable[bytes]) -> Iterator[Event]:
        read = self._read
        for line in lines:
            if not line.endswith(b"\n"):
                return
            self._lines += 1
            self._offset += len(line)
            try:
                event = read(line)
            except ValueError as error:
                self._found_damage(f"damaged, or written by a newer version ({error})", error)
            else:
                if type(event) is SearchStarted:
                    self.has_settings = True
                yield event

    def _found_damage(self, problem: str, error: Exception) -> None:
        message = f"{self._path}, line {self._lines}: {problem}"
        if not self._passes_over_damage:
            raise FolderError(f"{message}; {remedy_for(self._path)}") from error
        self.damage.append(message)


def remedy_for(journal: Path) -> str:
    """Return what people can do about a journal that cannot be used."""
    return f"{hint('repair', journal.parent.parent)} keeps the undamaged lines"


def read_record(folder: SearchFolder, passes_over_damage: bool = False) -> SearchRecord:
    """Return what a journal adds up to; where it is damaged, with what other files tell. See `JournalReader`."""
    record = SearchRecord(fills_gaps=passes_over_damage)
    reader = JournalReader(folder.journal, passes_over_damage)
    reader.read_into(record)
    if passes_over_damage and (reader.damage or not reader.has_settings):
        from hpsearch.store.repair import fill_in

        fill_in(record, folder)
    return record
