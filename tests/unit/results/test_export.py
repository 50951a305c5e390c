"""The table for other programs: where and when a run ran, and values that a careless writer would change."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.console.console import Console
from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import AttemptEnded, AttemptIntended, AttemptStarted, AttemptSubmitted, RunCollected
from hpsearch.results.export import as_csv, as_json, rows_of_folder
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch


@pytest.fixture
def folder(tmp_path: Path) -> SearchFolder:
    """A search of one run with the option x."""
    search = SearchFolder(tmp_path)
    search.create_state()
    with LiveSearch(search) as live:
        live.add_plan([Run(1, "sim_1", Configuration((("x", 1),)), "o/sim_1")], SETTINGS, 0.0)
    return search


def only_row(folder: SearchFolder) -> dict[str, object]:
    _, (row,) = rows_of_folder(folder, "", Console(stamps=False))
    return row


def test_a_scheduler_job_has_its_id_and_its_time_in_the_queue_does_not_count(folder: SearchFolder) -> None:
    with LiveSearch(folder) as live:
        live.open_for_work()
        live.note(
            AttemptIntended(1, "sim_1.1.a", 1.0),
            AttemptSubmitted(1, "sim_1.1.a", "4711", "login1", 2.0, is_queued=True),
            AttemptStarted(1, "sim_1.1.a", 100.0, place="node7"),
            AttemptEnded(1, "sim_1.1.a", 0, 160.5),
            RunCollected(1, "sim_1.1.a", "finished", 161.0, {"acc": ["0.5"], "finished": ["1"]}),
        )
    row = only_row(folder)
    assert (row["job"], row["host"], row["seconds"], row["acc"], row["finished"]) == ("4711", "node7", 60.5, 0.5, 1)


def test_a_job_that_nobody_saw_running_has_no_seconds(folder: SearchFolder) -> None:
    with LiveSearch(folder) as live:
        live.open_for_work()
        live.note(
            AttemptIntended(1, "sim_1.1.a", 1.0),
            AttemptSubmitted(1, "sim_1.1.a", "4711", "login1", 2.0, is_queued=True),
            AttemptEnded(1, "sim_1.1.a", 0, 160.5),
        )
    row = only_row(folder)
    assert (row["job"], row.keys() & {"host", "started", "seconds"}) == ("4711", set())


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-1e-12", -1e-12), ("nan", "nan"), ("adam", "adam"), ('"1,2"', '"1,2"'), ("9" * 18, 10**18 - 1)],
)
def test_a_result_that_is_a_number_is_one_in_json(folder: SearchFolder, text: str, value: object) -> None:
    with LiveSearch(folder) as live:
        live.open_for_work()
        live.note(
            AttemptIntended(1, "t", 1.0), RunCollected(1, "t", "finished", 2.0, {"acc": [text], "finished": ["1"]})
        )
    (row,) = json.loads(as_json(["acc"], [only_row(folder)]))
    assert repr(row["acc"]) == repr(value)


def test_json_writes_all_digits_and_no_nan() -> None:
    (row,) = json.loads(as_json(["a", "b", "c"], [{"a": 0.1 + 0.2, "b": float("inf")}]))
    assert row == {"a": 0.30000000000000004, "b": "inf", "c": None}


@pytest.mark.parametrize("text", ["a,b", 'say "a"', "a\nb", "a\rb", "a\r\nb", " ", "None"])
def test_csv_gives_a_text_back(text: str) -> None:
    content = as_csv(["a", "b"], [{"a": text}, {"b": [1, 2]}]).decode()
    assert list(csv.reader(io.StringIO(content, newline=""))) == [["a", "b"], [text, ""], ["", "[1, 2]"]]


def test_a_table_without_runs_has_its_columns() -> None:
    assert (as_csv(["a", "b"], []), as_json(["a"], [])) == (b"a,b\n", b"[\n\n]\n")
