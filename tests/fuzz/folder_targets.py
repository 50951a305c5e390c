"""Readers of what lies in a search folder, ours or the older tool's, and in those of its runs."""

from __future__ import annotations

import argparse
import contextlib
import ctypes  # noqa: F401  (see scheduler_targets)
import json
import math
import pickle
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from searches import SETTINGS

from fuzz.target import Target, is_text, text_of
from hpsearch.backends.launcher import exit_reason, read_exit_note
from hpsearch.choosers.candidates import candidates_in
from hpsearch.config.grid_module import SearchConfig, load_config
from hpsearch.config.options import SearchOptions, options_from_names
from hpsearch.core.command import shell_line, words_of_line
from hpsearch.core.conditions import LogUniform, Not
from hpsearch.core.errors import FolderError
from hpsearch.core.failures import RunEnd, cause_of, error_line
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.summary import cell_of, is_finished, numbers_of, same_cell, says_gpu_out_of_memory
from hpsearch.folder.overview import overview
from hpsearch.folder.provenance import Provenance, provenance_facts, provenance_lines, provenances
from hpsearch.folder.run_files import options_of, read_summary
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStarted,
    AttemptStopped,
    AttemptSubmitted,
    AttemptWithdrawn,
    ConfigurationDropped,
    ControllerStarted,
    EndTold,
    Event,
    RowCarried,
    RunCollected,
    RunMoved,
    RunPlanned,
    RunReused,
    RunsLeftOut,
    RunsPlanned,
    SearchCandidates,
    SearchMoved,
    SearchStarted,
)
from hpsearch.journal.lines import LineReader, from_line, to_line
from hpsearch.journal.planned import RunBlock
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.pickles.plain_pickle import load_plain_pickle
from hpsearch.store.classic_files import (
    namespace_in,
    options_of_command,
    options_of_row,
    run_of_row,
    runs_of_commands,
)
from hpsearch.store.configuration_table import configuration_table, repetitions, repetitions_of_rows
from hpsearch.store.journal_file import read_record
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import Holder, holder_in, record_of, take_request
from hpsearch.store.repair import fill_in_settings, journal_repair
from hpsearch.store.table import columns_of, read_table, row_of, rows_of, sorted_rows, write_table

_CONFIG = SearchConfig(SETTINGS, "train.py")
_RUN = Run(1, "sim_1", Configuration((("x", 1),)), "o/sim_1")
_HOLDER = Holder("here", 7, 1e9, "7-4711", True, 99, "boot", 5.0)
_TOKEN, _LATER = "sim_1_1.1.abcdef", "sim_1_1.2.012345"
_READ_AMONG_MANY = LineReader()
_CANDIDATES = "eJxjYGRgYgAAAA0ABA=="
_HISTORY: list[Event] = [
    RowCarried({"x": "7", "out_dir": "o/old", "acc": "0.5", "finished": "1"}),
    RunPlanned(1, "sim_1_1", "o/sim_1_1", [["x", 1], ["y", {"numpy": ["float32", False, 0.5]}]]),
    RunPlanned(2, "sim_1_2", "o/sim_1_2", [["x", {"tuple": [1, "a"]}], ["y", {"dict": [["k", None]]}]], 0, {"p": 1}, 1),
    RunsPlanned.of(RunBlock(3, "sim_1_", 1, "o", [[("x", 3), ("x", "4")], [("y", None)]], [[1, 2], [0, 1]])),
    SearchCandidates(2, None, [["x", [1, 2]]], _CANDIDATES),
    SearchStarted(json.loads(json.dumps(SETTINGS.to_json())), 1.0),
    ControllerStarted("here", 7, 1.0, json.loads(json.dumps(asdict(SearchOptions()))), "c1"),
    AttemptIntended(1, _TOKEN, 2.0),
    AttemptWithdrawn(1, _TOKEN, 2.5),
    AttemptIntended(1, _TOKEN, 3.0),
    AttemptSubmitted(1, _TOKEN, "4711", "here", 3.5, "GPU 1", {"A": "1"}, 0.5, True),
    AttemptStarted(1, _TOKEN, 4.0, "node"),
    AttemptStopped(1, _TOKEN, 4.5, "median", "hopeless", "3.0", "nan", True),
    AttemptEnded(1, _TOKEN, 0, 5.0, "", "well", 3.75),
    RunCollected(1, _TOKEN, "finished", 6.0, {"acc": ["0.5"], "finished": ["1"]}),
    AttemptIntended(1, _LATER, 7.0, "o/sim_1_1"),
    AttemptSubmitted(1, _LATER, "77@here", "here", 7.5),
    RunReused(2, "/other/sim_1_9", 8.0, {"acc": ['"1,2"'], "finished": ["1"]}),
    RunMoved(2, "p/sim_1_2"),
    SearchMoved("p", "/q"),
    ConfigurationDropped([2], 9.0, 3, 0.01, "worse"),
    RunsLeftOut([2]),
    EndTold("true", 10.0),
]
_LINES = [to_line(event) for event in _HISTORY]
#: Most journals are short: a changed line is then read among lines that it has to do with, and sooner.
_STORIES = [
    b"".join(_LINES[at] for at in places)
    for places in (
        (1, 5, 9, 10, 11, 13, 14),
        (1, 2, 5, 17, 18, 19),
        (0, 3, 4, 5, 6, 20, 21, 22),
        (1, 5, 7, 8, 9, 12, 15, 16),
    )
]
_SETTINGS_LINE = to_line(SearchStarted(json.loads(json.dumps(SETTINGS.to_json())), 1.0))


def _summary(content: bytes, folder: Path) -> None:
    (folder / SETTINGS.summary_filename).write_bytes(content)
    found = read_summary(folder, _RUN, _CONFIG)
    assert list(found) == list(SETTINGS.summary_keywords)
    assert all(len(value) == 1 and is_text(value[0]) for value in found.values())
    assert all(type(number) is float for value in found.values() for number in numbers_of(value[0]))
    assert type(is_finished(found)) is bool


def _cell(content: bytes, _: Path) -> None:
    text = text_of(content)
    cell = cell_of(text)
    assert is_text(cell) and cell_of(cell) == cell
    assert all(type(number) is float for number in numbers_of(text))
    assert same_cell(text, text)


def _log(content: bytes, _: Path) -> None:
    text = content.decode("utf-8", "replace")
    assert is_text(says_gpu_out_of_memory(text))
    found = error_line(text)
    assert found is None or is_text(str(found))
    for end in (RunEnd(RunState.FAILED, 1, err=text), RunEnd(RunState.LOST, None, out=text, err=text)):
        cause = cause_of(end)
        assert cause and len(cause) <= 360 and cause.isprintable()


def _event(content: bytes, _: Path) -> None:
    line = _line_read(from_line, content)
    assert line and _line_read(_READ_AMONG_MANY, content) == line
    if isinstance(line, bytes):
        event = from_line(line)
        assert to_line(event) == line
        with contextlib.suppress(KeyError, ValueError, TypeError):
            SearchRecord(fills_gaps=True).apply(event)


def _line_read(read: Callable[[bytes], Event], content: bytes) -> bytes | str:
    """Return all that is read of a line, or why it cannot be read."""
    try:
        return to_line(read(content))
    except ValueError as error:
        return str(error)


def _journal(content: bytes, folder: Path) -> None:
    search = SearchFolder(folder)
    search.journal.parent.mkdir(exist_ok=True)
    search.journal.write_bytes(content)
    try:
        _use(read_record(search))
        assert type(overview(search).left) is int
        return
    except FolderError as error:
        damaged = str(error)
    _use(read_record(search, passes_over_damage=True))
    with contextlib.suppress(FolderError):
        assert type(overview(search).left) is int
    if "no planned search" not in damaged:
        repair = journal_repair(search, lambda event: None, lambda token: True)
        search.journal.write_bytes(b"".join(to_line(event) for _, event in repair.events))
        _use(read_record(search))


def _use(record: SearchRecord) -> None:
    """Use a record as its readers do, and check the types."""
    if record.settings is None:
        return
    rows = rows_of(record)
    assert all(is_text(part) for row in rows for pair in row.items() for part in pair)
    columns_of(record.settings, sorted_rows(rows, record.settings))
    configuration_table(list(repetitions(record)), record.settings, record.over)
    for entry in record:
        _use_run(entry)
    assert all(drop in record.drops for drop in record.drops)
    try:
        options_from_names(record.options)
    except ValueError as error:
        assert "expected" in str(error)


def _use_run(entry: RunRecord) -> None:
    assert type(entry.run.number) is int and is_text(entry.run.folder) and type(entry.state) is RunState
    assert entry.took_s is None or math.isfinite(entry.took_s)
    assert all(map(is_text, (entry.out_dir, entry.place, entry.token, entry.cause, entry.problem)))
    assert all(type(truth) is bool for truth in (entry.is_live, entry.is_doubtful, entry.is_open, entry.is_out))
    summary = entry.result.summary
    assert summary is None or all(is_text(key) and value for key, value in summary.items())


def _candidates(content: bytes, _: Path) -> None:
    try:
        event = from_line(content)
    except ValueError:
        return
    if isinstance(event, SearchCandidates):
        found = candidates_in(event)
        assert len(found) == event.count and found.rows.shape == (event.count, len(event.options))


def _exit_note(content: bytes, _: Path) -> None:
    note = read_exit_note(content.decode("utf-8", "replace"))
    if note is not None:
        assert type(note.exit_status) is int and note.exit_status >= 0 and is_text(exit_reason(note.exit_status))
        assert type(note.was_told_to_stop) is bool and type(note.was_told_to_save) is bool


def _lock(content: bytes, _: Path) -> None:
    holder = holder_in(content)
    if holder is not None:
        assert is_text(str(holder)) and type(holder.pid) is int and is_text(holder.host)
        assert holder_in(record_of(holder)) == holder or not holder.host


def _request(content: bytes, folder: Path) -> None:
    path = folder / "cancel-requested"
    path.write_bytes(content)
    by = take_request(path, _HOLDER)
    assert (by is None or is_text(by)) and not path.exists()


def _settings(content: bytes, folder: Path) -> None:
    search = SearchFolder(folder)
    search.settings_copy.parent.mkdir(exist_ok=True)
    search.settings_copy.write_bytes(content)
    record = SearchRecord()
    event = fill_in_settings(record, search)
    assert (event is None) == (record.settings is None)
    if record.settings is not None:
        assert all(map(is_text, (*record.settings.columns, *record.settings.program, record.settings.name)))


def _provenance(content: bytes, folder: Path) -> None:
    search = SearchFolder(folder)
    search.provenance.mkdir(parents=True, exist_ok=True)
    (search.provenance / "1.json").write_bytes(content)
    found = provenances(search)
    assert all(map(is_text, provenance_lines(found, search)))
    assert all(is_text(part) for fact in provenance_facts(found, search) for part in fact)


def _table(content: bytes, folder: Path) -> None:
    path = folder / "search_results.csv"
    path.write_bytes(content)
    rows = read_table(path)
    assert all(is_text(part) and (part or part is name) for row in rows for name, part in row.items())
    assert all(is_text(name) for row in rows for name in row)
    for row in rows:
        assert all(map(is_text, options_of_row(row, ("acc",))))
        run = run_of_row(row, "out_dir", ("acc", "finished"), 3)
        assert run is None or type(run.number) is int
    configuration_table(list(repetitions_of_rows(rows, SETTINGS)), SETTINGS, ())
    columns = list(dict.fromkeys(name for row in rows for name in row))
    write_table(path, columns, rows)
    # A row without cells is an empty line, or one of separators only.
    assert [row for row in read_table(path) if row] == [row for row in rows if row]
    assert all(is_text(cell) for row in rows for cell in row_of(RunRecord(_RUN, summary={"a": [1]}), SETTINGS).values())


def _pickle(content: bytes, _: Path) -> None:
    _check_plain(load_plain_pickle(content, may_be_namespace=True))


def _check_plain(value: Any) -> None:  # Any: whatever a pickle may hold
    if type(value) in (list, tuple, set, frozenset):
        for part in value:
            _check_plain(part)
    elif isinstance(value, dict):
        for part in (*value.keys(), *value.values()):
            _check_plain(part)
    elif isinstance(value, (argparse.Namespace, Not)):
        _check_plain(dict(vars(value)))
    else:
        is_plain = value is None or type(value) in (str, bytes, bytearray, int, float, complex, bool, range, slice)
        is_numpy = type(value).__module__ == "numpy" and value.dtype.kind in "biufcSU"
        assert is_plain or is_numpy or type(value).__module__ == "hpsearch.core.conditions", type(value)


def _commands_pickle(content: bytes, folder: Path) -> None:
    (folder / "commands.pickle").write_bytes(content)
    runs, problems = runs_of_commands(folder, ["commands.pickle"], "out_dir")
    assert all(map(is_text, problems)) and not (runs and problems)
    assert all(type(run.number) is int and is_text(run.out_dir) for run in runs)


def _config_pickle(content: bytes, _: Path) -> None:
    attributes = namespace_in(content)
    assert all(map(is_text, options_of(attributes, {"x": 1})))


def _command_file(content: bytes, _: Path) -> None:
    options = options_of_command(content, "train.py")
    assert all(is_text(name) and type(value) in (str, int, float, bool) for name, value in options.items())


def _words(content: bytes, _: Path) -> None:
    words = words_of_line(text_of(content))
    assert all(map(is_text, words)) and words_of_line(shell_line(words)) == words


def _grid_json(content: bytes, folder: Path) -> None:
    path = folder / "grid.json"
    path.write_bytes(content)
    config = load_config("fuzz.grid", path)
    assert all(type(grid) is dict for grid in config.grids)
    assert config.size_text(1)


_NAMESPACE = argparse.Namespace(lr=0.1, names=["a", ("b", None)], flag=True, out_dir="o/sim_1_1")
_PLAIN = [{"a": 1, "b": [0.5, True, None], ("c", b"x"): {"d": frozenset((1, 2))}, "n": -(2**70), "c": 1 + 2j}]
_GRID = {
    "grid": {"a": [1, 2], "b,c": [[1, "x"], [2, "y"]], "lr": {"log_uniform": [1e-4, 0.1]}},
    "conditions": [[{"a": [1]}, {"d": [0.5]}], [{"a": {"not": [2]}}, {"e": [True]}]],
}


def _pickles(*values: object) -> list[bytes]:
    return [pickle.dumps(value, protocol) for value in values for protocol in (0, 2, 4, 5)]


_REQUEST = json.dumps({"to": asdict(_HOLDER), "by": "process 9 on there"}).encode()
_ROWS = "x;out_dir;acc;finished;run;state;seconds;seed\n1;o/sim_1_1;0.5;1;1;finished;2.0;\n"
_TABLE = [
    _ROWS.encode(),
    b'x;"y;z";out_dir\r\n"a""b";"l1\nl2";o/sim_1_2\n',
    b"\xef\xbb\xbfacc,b\n\xff\xfe;;\n",
    b"a;a;b\n1;2;3;4\n\n;;\n",
]
_TRACEBACK = (
    b'Traceback (most recent call last):\n  File "train.py", line 3, in main\n    run()\nValueError: no such lr\n'
)
_NUMPY = [np.arange(6, dtype="<i2").reshape(2, 3), np.float32(0.5), np.array(["ab", "c"]), np.asfortranarray(np.eye(2))]

FOLDER_TARGETS = (
    Target("summary", _summary, [b"acc 0.5\nfinished 1\n", b"\xef\xbb\xbfacc [1, 2 3]\r\nfinished nan", b"acc\n"]),
    Target(
        "cell",
        _cell,
        [b"tensor([1., 2.], device='cpu')", b"np.float64(0.5)", b"'1,2;3'", b"((-.5e-3))", b"[nan inf]", b"adam"],
    ),
    Target(
        "log",
        _log,
        [_TRACEBACK, b"CUDA out of memory. Tried\r 50%\x1b[0m\n", b"ERROR: x\nslurmstepd: error: y\n"],
        mutations=200,
    ),
    Target("event", _event, _LINES),
    Target("journal", _journal, [b"".join(_LINES), b"".join(_LINES[3:])[:-5], *_STORIES], mutations=200),
    Target("candidates", _candidates, [_LINES[3]]),
    Target("exit_note", _exit_note, [b"0\n", b"137 2 1700000000 1700000001\n", b"1 0 5 6 7\n", b"-1\n"]),
    Target("lock", _lock, [record_of(_HOLDER), record_of(replace(_HOLDER, host="", pid=0)), b"", b"[]"]),
    Target("cancel_request", _request, [_REQUEST, _REQUEST.replace(b"here", b"elsewhere"), b"[]"]),
    Target("settings_copy", _settings, [_SETTINGS_LINE]),
    Target(
        "provenance", _provenance, [json.dumps(asdict(Provenance(1.0, "h", commit="ab", packages=("a==1",)))).encode()]
    ),
    Target("results_table", _table, _TABLE),
    Target("pickle", _pickle, _pickles(*_PLAIN, _NAMESPACE, LogUniform(0.1, 1), Not([1])), (ValueError,)),
    Target("numpy_pickle", _pickle, _pickles(*_NUMPY), (ValueError,)),
    Target("commands_pickle", _commands_pickle, _pickles([{"x": 1, "out_dir": "o/sim_1_1"}])),
    Target("config_pickle", _config_pickle, _pickles(_NAMESPACE), (ValueError,)),
    Target(
        "command_file",
        _command_file,
        [b"#!/bin/sh\n# Run in: /x\npython3 train.py --lr=0.1 '--n=a b' --flag --out_dir=o\n"],
        (ValueError,),
    ),
    Target("words", _words, [b'a \'b c\' "d\\"e" f\\ g', b"eval \"$(printf 'a %%s\\n b')\"", b"x # y"], (ValueError,)),
    Target("grid_json", _grid_json, [json.dumps(_GRID).encode(), b'{"grid": [{"a": [1]}, {"b": [[]]}]}']),
)
