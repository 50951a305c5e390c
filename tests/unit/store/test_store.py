"""The journal, the table, and values as JSON."""

from __future__ import annotations

import csv
import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptSubmitted,
    AttemptWithdrawn,
    Event,
    RunCollected,
    RunPlanned,
)
from hpsearch.journal.lines import LineReader, from_line, to_line
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.values import decode, encode
from hpsearch.store.classic_files import runs_of_commands
from hpsearch.store.journal_file import Journal, JournalReader
from hpsearch.store.layout import write_whole
from hpsearch.store.table import (
    Columns,
    ResultsTable,
    breaks_off,
    more_cells,
    read_table,
    seed_of,
    whole_rows,
    write_table,
)

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(max_examples=100)
@given(PLAIN)
def test_a_value_comes_back_with_its_type(value: object) -> None:
    event = RunPlanned(1, "f", "o", [["x", encode(value)]])
    read = from_line(to_line(event))
    assert isinstance(read, RunPlanned)
    assert repr(decode(read.options[0][1])) == repr(value)


@pytest.mark.parametrize("value", [np.float32(0.5), np.int64(3), np.bool_(True), np.array([[1, 2]]), np.array(["a"])])
def test_a_numpy_value_comes_back_with_its_type(value: np.ndarray) -> None:
    read = decode(encode(value))
    assert type(read) is type(value)
    assert read.dtype == value.dtype  # type: ignore[attr-defined]
    assert np.array_equal(read, value)  # type: ignore[arg-type]


def test_a_torn_last_line_is_left_out_and_cut_before_the_next_event(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    first, second = AttemptIntended(1, "a", 1.0), AttemptIntended(2, "b", 2.0)
    path.write_bytes(to_line(first) + to_line(second)[:-5])
    assert list(JournalReader(path).new_events()) == [first]
    with closing(Journal(path)) as journal:
        journal.append(second)
    assert list(JournalReader(path).new_events()) == [first, second]


def test_a_reader_tells_only_what_was_added_since_it_read_last(tmp_path: Path) -> None:
    path, reader = tmp_path / "journal", JournalReader(tmp_path / "journal")
    told = []
    for number in (1, 2):
        with path.open("ab") as file:
            file.write(to_line(AttemptIntended(number, "a", 1.0)))
        told.append([event.run for event in reader.new_events()])
    assert told == [[1], [2]]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(to_line(AttemptIntended(1, "a", 1.0)) + b"nonsense\n")
    with pytest.raises(FolderError, match=r"journal, line 2: damaged"):
        list(JournalReader(path).new_events())


@pytest.mark.parametrize("line", [b"  %b \n", b"%b\r\n", b"%b", b"\t%b\n"])
def test_white_space_around_an_event_does_not_matter(line: bytes) -> None:
    event = AttemptIntended(1, "a", 1.0)
    assert from_line(line % to_line(event).rstrip()) == event


@pytest.mark.parametrize("rest", [b"{}", b" {}", b"x", b",", b"\0"])
def test_a_line_with_more_than_an_event_is_damaged(rest: bytes) -> None:
    with pytest.raises(ValueError, match="Extra data"):
        from_line(to_line(AttemptIntended(1, "a", 1.0)).rstrip() + rest + b"\n")


def test_an_event_is_read_back_whole_even_if_fields_are_left_out() -> None:
    line = b'{"event":"submitted","run":1,"token":"a","id":"7@1","host":"h","at":1.0}\n'
    event = AttemptSubmitted(1, "a", "7@1", "h", 1.0)
    assert from_line(line) == event
    assert to_line(from_line(line)) == to_line(event)


USUAL: list[Event] = [
    AttemptIntended(1, "sim_1_1.1.abcdef", 1.5),
    AttemptSubmitted(7, "a", "12@34.5f", "node-1", 1.0, "GPU 0", {"CUDA_VISIBLE_DEVICES": "0", "B": "1"}, 1e-05),
    AttemptSubmitted(8, "a", "4711", "h", 0.25, is_queued=True),
    AttemptStarted(1, "a", 2.0, "node-2"),
    AttemptEnded(1, "a", 3, 2.5, reason="exit status 3", began=1.5),
    AttemptEnded(1, "a", None, 2.5),
    RunCollected(1, "a", "finished", 2.75, {"acc": ["0.5"], "finished": ["1"]}),
    RunCollected(1, "a", "out of memory", 2.75, None, "no summary", "CUDA out of memory"),
]
UNUSUAL: list[Event] = [
    AttemptIntended(1, "a", 1.5, continues="sim_1"),
    AttemptSubmitted(1, "a", "12_[3]", "h", 1.0, is_queued=True),
    AttemptSubmitted(1, "a", "12@34", 'h"', 1.0, environment={"A": "ä"}, waited_s=1e10),
    AttemptEnded(1, "a", -9, -2.5, "timed out"),
    RunCollected(1, "a", "finished", 2.75, {"acc": [0.5], "": ["a\tb"]}, "ü"),
    RunCollected(1, "a", "finished", 2.75, {}),
    AttemptWithdrawn(1, "a", 2.0),
    RunPlanned(1, "f", "o", [["x", 3]]),
]


def outcome(read: Callable[[bytes], Event], line: bytes) -> bytes | str:
    """Return all that is read of a line, or the error."""
    try:
        return to_line(read(line))
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("event", [*USUAL, *UNUSUAL])
def test_many_lines_are_read_as_single_ones_are(event: Event) -> None:
    assert LineReader()(to_line(event)) == event


READER = LineReader()
DAMAGE = [b"", b'"', b"\\", b"0", b"-", b"9" * 20, b",", b"}", b"\n", b"\xff", b" ", b"e1"]


@settings(max_examples=100)
@given(st.sampled_from([*USUAL, *UNUSUAL]), st.data())
def test_a_damaged_line_among_many_is_taken_as_a_single_one_is(event: Event, data: st.DataObject) -> None:
    line = to_line(event)
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, min(start + 2, len(line))))
    damage = data.draw(
        st.sampled_from([b"", b'"', b"\\", b"0", b"-", b"9" * 20, b",", b"}", b"\n", b"\xff", b" ", b"e1"])
    )
    line = line[:start] + damage + line[end:]
    assert outcome(READER, line) == outcome(from_line, line)


def test_an_event_that_was_read_has_its_own_fields_and_no_others() -> None:
    read = LineReader()(to_line(USUAL[0]))
    assert isinstance(read, AttemptIntended)
    assert (read.at, read.continues) == (1.5, None)
    with pytest.raises(AttributeError, match="colour"):
        getattr(read, "colour")  # noqa: B009


@pytest.mark.parametrize("is_on", [True, False])
def test_reading_leaves_the_search_for_garbage_as_it_was(tmp_path: Path, is_on: bool) -> None:
    path = tmp_path / "journal"
    path.write_bytes(to_line(RunPlanned(1, "f", "o", [])) + to_line(AttemptIntended(1, "a", 1.0)) + b"nonsense\n")
    with search_for_garbage(is_on):
        with pytest.raises(FolderError, match="line 3"):
            JournalReader(path).read_into(SearchRecord())
        assert gc.isenabled() is is_on


def test_a_record_of_a_long_journal_is_freed_when_nobody_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(to_line(RunPlanned(1, "f", "o", [])) + to_line(AttemptIntended(1, "a", 1.0)))
    record = SearchRecord()
    JournalReader(path, long=0).read_into(record)
    kept = weakref.ref(record)
    del record
    gc.collect()
    assert kept() is None


@contextmanager
def search_for_garbage(is_on: bool) -> Iterator[None]:
    before = gc.isenabled()
    try:
        gc.enable() if is_on else gc.disable()
        yield
    finally:
        gc.enable() if before else gc.disable()


def test_what_was_known_before_an_attempt_stays_as_it_was() -> None:
    first = [AttemptIntended(1, "a", 1.0), RunCollected(1, "a", "failed", 1.5), AttemptIntended(1, "b", 2.0)]
    record = SearchRecord.of([RunPlanned(1, "f", "o", [["x", 3]]), *first])
    before = record.runs[1].before
    assert before is not None
    record.apply(AttemptSubmitted(1, "b", "7@1", "h", 2.0))
    assert (before.token, before.submitted, before.before, before.state) == ("a", None, None, RunState.FAILED)


@pytest.mark.parametrize("later", [[], [AttemptSubmitted(1, "a", "7", "h", 1.0, is_queued=True)]])
def test_a_first_attempt_that_is_taken_back_leaves_the_run_as_it_was_planned(later) -> None:
    plan = RunPlanned(1, "f", "o", [["x", 3]], candidate=4, why={"rule": "first"})
    record = SearchRecord.of([plan, AttemptIntended(1, "a", 1.0), *later, AttemptWithdrawn(1, "a", 2.0)])
    assert record.runs == SearchRecord.of([plan]).runs


def test_an_attempt_that_has_run_cannot_be_taken_back() -> None:
    begun = [AttemptIntended(1, "a", 1.0), AttemptSubmitted(1, "a", "7@1", "h", 1.0)]
    record = SearchRecord.of([RunPlanned(1, "f", "o", []), *begun, AttemptWithdrawn(1, "a", 2.0)])
    assert (record.runs[1].state, record.runs[1].token) == (RunState.RUNNING, "a")


def test_reading_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(to_line(AttemptIntended(1, "a", 1.0)) + b"torn")
    before = path.read_bytes(), path.stat().st_mtime_ns
    list(JournalReader(path).new_events())
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_events_add_up_to_a_state() -> None:
    events = [
        RunPlanned(1, "sim_1", "o/sim_1", [["x", 3]]),
        AttemptIntended(1, "t", 1.0),
        RunCollected(1, "t", "finished", 2.0, {"acc": ["0.5"]}),
    ]
    entry = SearchRecord.of(events).runs[1]
    assert (entry.state.value, entry.attempts, entry.summary) == ("finished", 1, {"acc": ["0.5"]})


def test_a_table_grows_by_rows_and_can_be_read_at_any_moment(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    table = ResultsTable(path, ["a", "b"], [])
    table.append({"a": "1;2", "b": 'say "x"\nagain'})
    assert read_table(path) == [{"a": "1;2", "b": 'say "x"\nagain'}]
    table.append({"b": "3"})
    assert read_table(path)[1] == {"b": "3"}
    table.close()


CELLS = [
    *("a\rb", "\r", "a\nb", "a\r\nb", "a;b", '"', 'a"b', '""', '"1,2"', "'", "\\", "#", " a ", "a\tb", "a,b"),
    *(
        "a\x0bb",
        "a\x0cb",
        "a\x1cb",
        "a\x1db",
        "a\x1eb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "\ufeffa",
        "\u00e9\U0001f600",
    ),
]


@pytest.mark.parametrize("cell", CELLS, ids=ascii)
def test_a_cell_stays_one_cell_of_one_row_for_every_reader(tmp_path: Path, cell: str) -> None:
    import pandas

    path = tmp_path / "t.csv"
    rows = [{"x": "1", "y": cell}, {"x": cell, "y": "2"}]
    table = ResultsTable(path, ["x", "y"], rows[:1])
    table.append(rows[1])
    assert read_table(path) == rows
    table.rewrite(["x", "y"], read_table(path))
    table.close()
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file, delimiter=";")) == rows
    for engine in ("c", "python"):
        assert pandas.read_csv(path, sep=";", dtype=str, engine=engine).to_dict("records") == rows


def test_a_column_named_with_a_carriage_return_stays_one_column(tmp_path: Path) -> None:
    write_table(tmp_path / "t.csv", ["a\rb", "c"], [{"a\rb": "1", "c": "2"}])
    assert read_table(tmp_path / "t.csv") == [{"a\rb": "1", "c": "2"}]


def test_fault_17_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table"
    write_whole(path, b"old")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, b"new content")
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("content", "rows", "is_torn"),
    [
        ("", 0, False),
        ("a;out\n", 0, False),
        ("a;out\n1;o/sim_1\n", 1, False),
        ("a;out\n1;o/sim_1\n2;o/si", 1, True),
        ("a;out\n1;o/sim_1\n2", 1, True),
        ("out;a\no/sim_1;1\no/sim_2;2", 2, True),
        ("a;out\n1;o/sim_1\n2;o/sim_2\n3;o/sim_3\n4;o/si", 3, True),
        ("a;b;out\n1;2;o/sim_1\n3;4;o/si", 1, True),
        ("a;out\n1;o/sim_1\n2;o/sim_2\n3", 2, True),
        ("a;out;b\n1;o/sim_1;1\n2;o/sim_2;1\n3;o/si", 2, True),
        ("a;out;b\n1;o/sim_1\n2;o/sim_2;1\n3;o/sim_3;1", 3, True),
    ],
)
def test_a_row_that_breaks_off_in_its_output_option_is_left_out(
    tmp_path: Path, content: str, rows: int, is_torn: bool
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert (len(whole_rows(path, "out")), breaks_off(path)) == (rows, is_torn)


@pytest.mark.parametrize(
    ("options", "seed"),
    [
        ({"lr": 1}, ""),
        ({"seed": 3, "lr": 1}, "3"),
        ({"data_seed": 4, "random_seed": 5, "seed": 6}, "5"),
        ({"Data_Seed": 4}, "4"),
        ({"data_seed": 4, "model_seed": 5}, ""),
        ({"seeds": 4}, ""),
    ],
)
def test_a_seed_is_told_where_its_option_is_sure(options: dict[str, object], seed: str) -> None:
    assert seed_of(options) == seed


def test_a_row_can_tell_number_state_seconds_and_seed() -> None:
    run = Run(7, "sim_7", Configuration((("lr", 1), ("seed", 3))), "o/sim_7")
    started, ended = AttemptStarted(7, "t", 10.0), AttemptEnded(7, "t", 0, 12.34567)
    over = RunRecord(run, RunState.FAILED, token="t", started=started, ended=ended)
    assert more_cells(over) == {"run": "7", "state": "failed", "seconds": "2.346", "seed": "3"}
    assert more_cells(RunRecord(run)) == {"run": "7", "state": "planned", "seconds": "", "seed": "3"}


def test_further_columns_give_way_to_options_of_their_names_and_are_not_read_back(tmp_path: Path) -> None:
    names = Columns.of(["run", "run_", "x"], has_more=True).names
    assert names == ["run", "run_", "x", "run__", "state", "seconds", "seed"]
    (tmp_path / "t.csv").write_text(f"{';'.join(names)}\n1;2;3;4;5;6;7\n")
    assert read_table(tmp_path / "t.csv") == [{"run": "1", "run_": "2", "x": "3"}]


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    limit = csv.field_size_limit(131_072)
    (tmp_path / "t.csv").write_text(f"x\n{'1' * 200_000}\n")
    assert len(read_table(tmp_path / "t.csv")[0]["x"]) == 200_000
    csv.field_size_limit(limit)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([1], "expected a list of dicts, found list"),
        ({"out": "x"}, "expected a list of dicts, found dict"),
        ([{"x": 1}], "expected the output option 'out' in every dict; is _OUT_ARG of the grid module right?"),
    ],
)
def test_a_pickle_of_commands_that_lists_none_is_told(tmp_path: Path, content: object, problem: str) -> None:
    (tmp_path / "commands.pickle").write_bytes(pickle.dumps(content))
    told = f"{tmp_path}/commands.pickle: cannot be used ({problem})"
    assert runs_of_commands(tmp_path, ["commands.pickle"], "out") == ([], [told])
