"""All readers of the table see the same cells, whatever the cells and the columns' names hold."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from searches import SETTINGS

from hpsearch.journal.events import AttemptIntended, RowCarried, RunCollected, RunPlanned, SearchStarted
from hpsearch.journal.record import SearchRecord
from hpsearch.store.table import ResultsTable, Row, read_table, rows_of

#: Python 3.10's own reader takes no NUL; half characters stand for bytes that are no UTF-8.
_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_STRANGE = st.sampled_from(
    [";", '"', "\n", "\r", "\r\n", ",", "\t", " ", "'", "\\", "\x85", "\u2028", "\udcff", '""', "#"]
)
TEXT = st.lists(_STRANGE | st.text(_CHARACTERS, max_size=3), max_size=5).map("".join)
COLUMNS = st.lists(TEXT.filter(bool), min_size=1, max_size=4, unique=True)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[Row]]:
    """Columns, and rows in which cells may be missing or empty."""
    columns = draw(COLUMNS)
    rows = draw(st.lists(st.dictionaries(st.sampled_from(columns), TEXT), max_size=5))
    return columns, [dict(row) for row in rows]


def by_the_rules(text: str) -> Iterator[list[str]]:
    """Read lines of cells as RFC 4180 says, with semicolons: character by character."""
    cells, cell, is_quoted, at = list[str](), "", False, 0
    while at < len(text):
        here, following = text[at], text[at + 1 : at + 2]
        at += 1
        if is_quoted:
            if here == '"' and following == '"':
                cell, at = cell + '"', at + 1
            elif here == '"':
                is_quoted = False
            else:
                cell += here
        elif here == '"' and not cell:
            is_quoted = True
        elif here == ";":
            cells, cell = [*cells, cell], ""
        elif here == "\n":
            yield [*cells, cell]
            cells, cell = [], ""
        else:
            cell += here
    assert not (cells or cell or is_quoted), "the last line has no end"


def full(row: Row, columns: Sequence[str]) -> list[str]:
    return [row.get(column, "") for column in columns]


@settings(max_examples=100)
@given(tables(), st.integers(0, 5))
def test_a_table_is_read_back_as_it_was_written_by_all_readers(table: tuple[list[str], list[Row]], first: int) -> None:
    columns, rows = table
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        written = ResultsTable(path, columns, rows[:first])
        for row in rows[first:]:
            written.append(row)
        written.close()
        content = path.read_bytes().decode("utf-8", "surrogateescape")
        assert read_table(path) == [{name: cell for name, cell in row.items() if cell} for row in rows]
    assert list(by_the_rules(content)) == [columns, *(full(row, columns) for row in rows)]
    assert list(csv.reader(io.StringIO(content, newline=""), delimiter=";")) == list(by_the_rules(content))


def test_a_row_from_before_the_journal_gives_way_to_the_row_of_a_run_with_its_folder() -> None:
    record = SearchRecord.of(
        [
            RowCarried({"x": "9", "out_dir": "o/sim_1", "acc": "0.1"}),
            RowCarried({"x": "8", "out_dir": "o/old", "acc": "0.2"}),
            RunPlanned(1, "sim_1", "o/sim_1", [["x", 3]]),
            SearchStarted(SETTINGS.to_json(), 0.0),
            AttemptIntended(1, "t", 1.0),
            RunCollected(1, "t", "finished", 2.0, {"acc": ["0.5"]}),
        ]
    )
    assert rows_of(record) == [
        {"x": "8", "out_dir": "o/old", "acc": "0.2"},
        {"x": "3", "out_dir": "o/sim_1", "acc": "0.5"},
    ]


def test_a_row_that_the_disk_takes_in_two_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, write = ResultsTable(tmp_path / "t.csv", ["x", "y"], []), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:2]))
    table.append({"x": "1", "y": "2"})
    monkeypatch.undo()
    table.close()
    assert (tmp_path / "t.csv").read_text() == "x;y\n1;2\n"
