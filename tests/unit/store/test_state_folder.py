"""Files in a search's state folder are checked when they are read; a message names the problem and a remedy."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.backends.gpu.slots import free_mb_of
from hpsearch.backends.launcher import ExitNote, note_in
from hpsearch.config.options import SearchOptions, options_from_names
from hpsearch.console.console import Console
from hpsearch.core.errors import FolderError, StoreError
from hpsearch.core.model import Attempt, Configuration, Job, Place, Run
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    AttemptWithdrawn,
    ControllerStarted,
    Event,
    RowCarried,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.startup.host import host_name
from hpsearch.store.journal_file import JournalReader, read_record
from hpsearch.store.layout import GrowingLog, SearchFolder, append_text, write_whole
from hpsearch.store.lock import Holder, leave_request, take_request
from hpsearch.store.table import columns_of, read_table, row_of, rows_of

TOKEN = "sim_1.1.ab"
EVENTS: list[Event] = [
    RowCarried({"x": "7", "out_dir": "o/old"}),
    RunPlanned(1, "sim_1", "o/sim_1", [["x", 1], ["y", {"numpy": ["float32", False, 0.5]}]]),
    SearchStarted(json.loads(json.dumps(SETTINGS.to_json())), 1.0),
    ControllerStarted("here", 7, 1.0, json.loads(json.dumps(asdict(SearchOptions())))),
    AttemptIntended(1, TOKEN, 2.0),
    AttemptWithdrawn(1, TOKEN, 2.5),
    AttemptIntended(1, TOKEN, 3.0),
    AttemptSubmitted(1, TOKEN, "4711", "here", 3.5, "GPU 1", {"A": "1"}, 0.5, True),
    AttemptStarted(1, TOKEN, 4.0, "node"),
    AttemptEnded(1, TOKEN, 0, 5.0, "", "well"),
    RunCollected(1, TOKEN, "finished", 6.0, {"acc": ["0.5"], "finished": ["1"]}),
]
LINES = [to_line(event) for event in EVENTS]

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["..", "a/b", "\0", "\ud800"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["text", "tuple", "numpy"]), inner),
    max_leaves=6,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values inside a value of JSON, itself included."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def with_value(value: Any, path: tuple[Any, ...], new: object) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = with_value(value[path[0]], path[1:], new)
    return copy


def use(record: SearchRecord) -> None:
    """Use a record as its readers do."""
    known = record.known_settings()
    columns_of(known, rows_of(record))
    for entry in record:
        row_of(entry, known)
        os.fsencode(entry.run.out_dir), os.fsencode(entry.token)
    options_from_names(record.options)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_json_in_any_field_loads_or_is_named_with_file_line_and_remedy(tmp_path: Path, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(LINES) - 1))
    line = json.loads(LINES[number])
    path = data.draw(st.sampled_from(places(line)))
    changed = json.dumps(with_value(line, path, data.draw(JSON))).encode() + b"\n"
    journal = tmp_path / "s" / ".hpsearch" / "journal.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    journal.write_bytes(b"".join([*LINES[:number], changed, *LINES[number + 1 :]]))
    try:
        use(read_record(SearchFolder(tmp_path / "s")))
    except FolderError as error:
        expected = rf"{re.escape(str(journal))}, line \d+: .*; hpsearch repair {re.escape(str(tmp_path / 's'))} keeps"
        assert re.match(expected, str(error), re.DOTALL) or "holds no planned search" in str(error)
    except ValueError as error:
        # The type of an option: its user reports it.
        assert number in (2, 3) and "expected" in str(error)


@pytest.mark.parametrize(
    "line",
    [
        b'{"event":[]}',
        b'{"event":{}}',
        b"[]",
        b"5",
        b"",
        b"\xff",
        b"[" * 100_000,
        b'{"event":' + b"[" * 100_000,
        b'{"event":"intended","run":1,"token":"a","at":"yesterday"}',
        b'{"event":"intended","run":1,"token":"../../x","at":1}',
        b'{"event":"intended","run":true,"token":"a","at":1}',
        b'{"event":"intended","run":7,"token":"a","at":1}',
        b'{"event":"intended","run":1,"token":"a","at":1e300}',
        b'{"event":"intended","run":1,"token":"a","at":' + b"9" * 6000 + b"}",
        b'{"event":"planned","run":1,"folder":5,"out_dir":"o","options":[]}',
        b'{"event":"planned","run":1,"folder":"a/../b","out_dir":"o","options":[]}',
        b'{"event":"planned","run":1,"folder":"a","out_dir":"o","options":[["x",{"numpy":["O",true,[1]]}]]}',
        b'{"event":"planned","run":1,"folder":"a","out_dir":"o","options":[["x",{"numpy":["U999999",true,['
        + b",".join([b'"a"'] * 3000)
        + b"]]}]]}",
        b'{"event":"planned","run":1,"folder":"a","out_dir":"o","options":[["x",{}]]}',
        b'{"event":"collected","run":1,"token":"a","state":"fine","at":1}',
        b'{"event":"collected","run":1,"token":"a","state":"lost","at":1,"summary":[]}',
        b'{"event":"collected","run":1,"token":"a","state":"lost","at":1,"summary":{"acc":[]}}',
        b'{"event":"submitted","run":1,"token":"a","id":"-u me","host":"h","at":1,"is_queued":true}',
        b'{"event":"submitted","run":1,"token":"a","id":"\xc2\xb2@5","host":"h","at":1}',
        b'{"event":"submitted","run":1,"token":"a","id":"0@5","host":"h","at":1}',
        b'{"event":"submitted","run":1,"token":"a","id":"1@5","host":"h","at":1,"place":[]}',
        b'{"event":"search","settings":{},"at":1}',
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, line: bytes) -> None:
    journal = tmp_path / ".hpsearch" / "journal.jsonl"
    journal.parent.mkdir()
    journal.write_bytes(LINES[1] + line + b"\n" + LINES[2])
    with pytest.raises(FolderError, match=r"journal\.jsonl, line 2: .*; hpsearch repair .* keeps the undamaged lines"):
        read_record(SearchFolder(tmp_path))
    reader, record = JournalReader(journal, passes_over_damage=True), SearchRecord()
    reader.read_into(record)
    assert (len(reader.damage), record.settings) == (1, SETTINGS)


def test_a_submission_whose_announcement_is_lost_is_looked_after(tmp_path: Path) -> None:
    journal = tmp_path / ".hpsearch" / "journal.jsonl"
    journal.parent.mkdir()
    journal.write_bytes(LINES[1] + LINES[7])
    entry = read_record(SearchFolder(tmp_path)).runs[1]
    assert (entry.token, entry.is_open, entry.attempts) == (TOKEN, True, 1)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_journal_that_is_no_file_is_told_and_blocks_nobody(tmp_path: Path, make: Callable[[Path], None]) -> None:
    (tmp_path / ".hpsearch").mkdir()
    make(tmp_path / ".hpsearch" / "journal.jsonl")
    with pytest.raises(FolderError, match=r"journal.jsonl: cannot be read \((expected a file|Is a directory)"):
        read_record(SearchFolder(tmp_path))


@pytest.mark.parametrize(
    "content",
    [b"\xff\n", b"9" * 6000 + b"\n", b"\xc2\xb2\n", b"256\n", b"0 0 1 " + b"9" * 12 + b" host\n", b"", b"0", b"\0\n"],
)
def test_an_exit_file_that_says_nothing_has_no_exit_status(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "exit").write_bytes(content)
    assert note_in(tmp_path / "exit") is None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_an_exit_file_that_is_no_file_blocks_nobody(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "exit")
    assert note_in(tmp_path / "exit") is None


def test_an_exit_file_tells_status_and_end_whatever_its_host_is_called(tmp_path: Path) -> None:
    (tmp_path / "exit").write_bytes(b"3 1 10 20 n\xff\n")
    assert note_in(tmp_path / "exit") == ExitNote(3, True, 20, 10)


HOLDER = Holder("here", 7, 5.0, beat_s=5.0)


@pytest.mark.parametrize(
    "content",
    [b"[]", b"[" * 50_000, b"5", b"\xff", b"", b"{}", b'{"to":[],"by":1}', b'{"to":{"host":[],"pid":1,"since":1}}'],
)
def test_a_request_that_is_none_is_taken_away_and_stops_nobody(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cancel-requested"
    path.write_bytes(content)
    assert take_request(path, HOLDER) is None
    assert not path.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_request_that_is_no_file_stops_nobody(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "cancel-requested")
    assert take_request(tmp_path / "cancel-requested", HOLDER) is None


def test_a_request_reaches_its_holder_although_the_heart_has_beaten_since(tmp_path: Path) -> None:
    leave_request(tmp_path / "cancel-requested", HOLDER)
    asked = take_request(tmp_path / "cancel-requested", replace(HOLDER, beat=9))
    assert asked == f"process {os.getpid()} on {host_name()}"


def test_a_gpus_memory_that_is_no_number_is_not_known() -> None:
    run = Run(1, "sim_1", Configuration(()), "o")
    attempt = Attempt(run, 1, TOKEN, ("true",), Path("/"), Path("/e"), Path("/l"))
    assert free_mb_of(Job(attempt, "1@1", Place("", {"HPSEARCH_GPU_FREE_MB": "x"}), 0.0)) == 0.0


def test_a_log_and_a_table_that_are_pipes_block_nobody(tmp_path: Path) -> None:
    for name in ("controller.log", "search_results.csv"):
        os.mkfifo(tmp_path / name)
    console = Console()
    console.keep_log(lambda text: append_text(tmp_path / "controller.log", text))
    console.note("told all the same")
    with pytest.raises(
        StoreError, match=r"search_results\.csv: cannot be read \(expected a file, found something else"
    ):
        read_table(tmp_path / "search_results.csv")


def test_a_journal_that_may_not_be_read_is_not_said_to_be_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = SearchFolder(tmp_path)
    folder.create_state()
    folder.journal.write_bytes(b"".join(LINES))

    def refused(path: str, flags: int, *rest: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(FolderError) as caught:
        read_record(folder)
    assert str(caught.value) == f"{folder.journal}: cannot be read (Permission denied)"


def test_a_log_that_is_kept_open_takes_messages_also_when_it_is_closed(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path / "controller.log")
    log.write("first\n")
    assert (tmp_path / "controller.log").read_text() == "first\n"
    log.close()
    log.write("last\n")
    assert (tmp_path / "controller.log").read_text() == "first\nlast\n"


def test_a_link_in_the_place_of_a_half_written_file_is_not_written_through(tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "report.html"
    precious.write_text("precious")
    (tmp_path / f".report.html.{host_name()}.{os.getpid()}.part").symlink_to(precious)
    write_whole(path, b"new")
    assert (precious.read_text(), path.read_text(), path.is_symlink()) == ("precious", "new", False)
