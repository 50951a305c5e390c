"""Runs that are planned together: as a block, in the journal, and in a record that builds each when it is needed."""

from __future__ import annotations

import base64
import pickle
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.core.coding import Order
from hpsearch.core.conditions import Condition
from hpsearch.core.model import Configuration, Run, RunState
from hpsearch.core.space import enumerate_space
from hpsearch.journal.events import (
    AttemptIntended,
    RunCollected,
    RunMoved,
    RunPlanned,
    RunReused,
    RunsPlanned,
    SearchMoved,
    SearchStarted,
)
from hpsearch.journal.lines import from_line, to_line
from hpsearch.journal.planned import RunBlock, block_of
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.classic_files import block_lines, command_line, write_commands, write_not_completed
from hpsearch.store.layout import SearchFolder

SETTINGS = Settings(
    program=("python3", "my train.py"),
    run_cwd="/work",
    shown_folder="./o ut",
    summary_filename="s.txt",
    summary_keywords=("acc", "finished"),
    performance_key="acc",
    option_names=("x", "word", "flag", "new"),
)
GRID = {"x": [1, 1.0, True], "word": ["a b", "it's", "two\nlines", "50%"], "flag": [False, True], "unused": [()]}
CONDITIONS = [Condition({"x": [1.0], "flag": [True]}, {"new": [None, (1, [2])]})]


def block(first: int = 1) -> RunBlock:
    """Runs of all kinds of options."""
    selection = enumerate_space(GRID, CONDITIONS, Order(deterministic=True))
    codes = next(selection.blocks(1000))
    return block_of(first, "sim_20260102030405_", 3, "./o ut", selection.columns, codes)


def few(first: int, values: list[object]) -> RunsPlanned:
    """One run for each value of an option."""
    codes = [list(range(1, len(values) + 1))]
    return RunsPlanned.of(RunBlock(first, "sim_", 2, "o", [[("x", value) for value in values]], codes))


def test_the_runs_of_a_block_are_those_of_the_space() -> None:
    configurations = list(enumerate_space(GRID, CONDITIONS, Order(deterministic=True)))
    names = [f"sim_20260102030405_{number:03d}" for number in range(7, 7 + len(configurations))]
    found = list(block(7).runs())
    assert found == [
        Run(number, name, configuration, f"./o ut/{name}")
        for number, (name, configuration) in enumerate(zip(names, configurations), start=7)
    ]
    assert [block(7).run(number) for number in block(7).numbers] == found


def test_a_journal_keeps_a_block_with_the_types_of_its_values() -> None:
    line = to_line(RunsPlanned.of(block()))
    event = from_line(line)
    assert isinstance(event, RunsPlanned)
    runs = list(event.block().runs())
    assert (runs, to_line(event)) == (list(block().runs()), line)
    kinds = [[type(value) for _, value in run.configuration.options] for run in block().runs()]
    assert [[type(value) for _, value in run.configuration.options] for run in runs] == kinds


@pytest.mark.parametrize("count", [255, 256, 65_535, 65_536])
def test_codes_are_as_wide_as_an_option_has_values(count: int) -> None:
    event = from_line(to_line(few(1, list(range(count)))))
    assert isinstance(event, RunsPlanned)
    assert [run.configuration.options for run in event.block().runs()] == [(("x", k),) for k in range(count)]


@pytest.mark.parametrize(
    "damage",
    [
        lambda event: replace(event, count=3),
        lambda event: replace(event, count=0),
        lambda event: replace(event, first=0),
        lambda event: replace(event, width=0),
        lambda event: replace(event, folder="../sim_"),
        lambda event: replace(event, out_dir=""),
        lambda event: replace(event, options=[]),
        lambda event: replace(event, options=[["x", []]]),
        lambda event: replace(event, options=[["x", 5]]),
        lambda event: replace(event, options=[["x", [{"numpy": ["O", True, [1]]}, 2]]]),
        lambda event: replace(event, codes="?"),
        lambda event: replace(event, codes=base64.b64encode(b"no").decode()),
        lambda event: replace(event, codes=base64.b64encode(zlib.compress(b"\1\3")).decode()),
        lambda event: replace(event, codes=base64.b64encode(zlib.compress(b"\1" * 10_000_000)).decode()),
    ],
)
def test_a_damaged_block_is_no_event(damage: Callable[[RunsPlanned], RunsPlanned]) -> None:
    line = to_line(damage(few(1, ["a", "b"])))
    with pytest.raises(ValueError, match=r"."):
        from_line(line)


def test_a_run_is_made_when_something_is_told_about_it_and_stays_the_same() -> None:
    record = SearchRecord.of([few(1, ["a", "b", "c"])])
    assert (record.with_events, len(record.runs), list(record.runs), record.runs.last) == ([], 3, [1, 2, 3], 3)
    record.apply(AttemptIntended(2, "t", 0.0))
    second = record.runs[2]
    assert record.with_events == [second]
    assert record.states() == {RunState.PLANNED: 3}
    record.apply(RunCollected(2, "t", "finished", 1.0, {"acc": ["1"]}))
    assert record.states() == {RunState.FINISHED: 1, RunState.PLANNED: 2}
    assert [entry.run.configuration.options[0][1] for entry in record] == ["a", "b", "c"]
    assert record.runs[2] is second is list(record)[1]


def test_runs_that_are_chosen_later_follow_those_planned_together() -> None:
    alone = RunPlanned(4, "sim_04", "o/sim_04", [["x", "d"]], candidate=1)
    record = SearchRecord.of([few(1, ["a", "b"]), few(3, ["c"]), alone])
    assert (list(record.runs), record.runs.last, len(record.runs)) == ([1, 2, 3, 4], 4, 4)
    assert [entry.run.number for entry in record.with_events] == [4]
    assert [entry.run.configuration.options[0][1] for entry in record] == ["a", "b", "c", "d"]
    record.apply(RunPlanned(5, "sim_05", "o/sim_05", [["x", "e"]]))
    assert [entry.run.number for entry in record] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("first", [1, 2, 3])
def test_runs_that_are_there_already_are_not_planned_again(first: int) -> None:
    record = SearchRecord.of([few(2, ["a", "b"])])
    with pytest.raises(ValueError, match=r"is planned already"):
        record.apply(few(first, ["c", "d"]))
    assert list(record.runs) == [2, 3]


def test_a_search_that_was_moved_takes_all_runs_along_but_those_elsewhere() -> None:
    moved = from_line(to_line(SearchMoved("o", "/new/place")))
    repeated = [
        AttemptIntended(2, "t.1", 0.0),
        RunCollected(2, "t.1", "finished", 1.0, {}),
        AttemptIntended(2, "t.2", 2.0),
    ]
    record = SearchRecord.of([few(1, ["a", "b", "c"]), RunMoved(3, "else/sim_03"), *repeated])
    assert record.parents() == ["o", "else"]
    record.apply(moved)
    assert [entry.run.out_dir for entry in record] == ["/new/place/sim_01", "/new/place/sim_02", "else/sim_03"]
    assert record.parents() == ["/new/place", "else"]
    again = record.runs[2]
    assert again.before is not None
    assert again.before.run.out_dir == again.result.run.out_dir == "/new/place/sim_02"


def test_the_parents_of_runs_do_not_name_one_that_all_have_left() -> None:
    record = SearchRecord.of([few(1, ["a", "b"]), RunMoved(1, "new/sim_01")])
    assert record.parents() == ["new", "o"]
    record.apply(RunMoved(2, "new/sim_02"))
    assert record.parents() == ["new"]


def test_an_unknown_run_is_no_run() -> None:
    record = SearchRecord.of([few(2, ["a", "b"])])
    assert [number in record.runs for number in (1, 2, 3, 4)] == [False, True, True, False]
    with pytest.raises(KeyError):
        record.runs[4]


@pytest.mark.parametrize("with_folder", [True, False])
def test_the_commands_of_a_block_are_those_of_its_runs(with_folder: bool) -> None:
    lines = list(block_lines(block(), SETTINGS, with_folder))
    assert lines == [command_line(run, SETTINGS, with_folder) for run in block().runs()]


def record_of_all_kinds() -> SearchRecord:
    """A search in which some runs are planned, and others were moved aside, were reused or have finished."""
    started = SearchStarted(replace(SETTINGS, program=("t.py",), option_names=("x",)).to_json(), 0.0)
    done = [AttemptIntended(5, "t", 0.0), RunCollected(5, "t", "finished", 1.0, {"acc": ["1"]})]
    reused = RunReused(3, "/other/sim_9", 0.0, {"acc": ["1"]})
    alone = RunPlanned(6, "sim_06", "o/sim_06", [["x", "f"]])
    return SearchRecord.of(
        [few(1, ["a", "b", "c", "d", "e"]), alone, started, RunMoved(2, "new/sim_02"), reused, *done]
    )


def test_the_files_of_all_commands_say_what_became_of_runs(tmp_path: Path) -> None:
    folder = SearchFolder(tmp_path)
    write_commands(folder, record_of_all_kinds())
    assert folder.commands.read_text().splitlines()[1:] == [
        "# The 5 commands of this search, in order of execution.",
        "# Run in: /work",
        "t.py --x=a --out_dir=o/sim_01",
        "t.py --x=b --out_dir=new/sim_02",
        "t.py --x=d --out_dir=o/sim_04",
        "t.py --x=e --out_dir=o/sim_05",
        "t.py --x=f --out_dir=o/sim_06",
    ]
    assert folder.commands_without_folders.read_text().splitlines()[3:] == [
        "# The output option is left out here; commands.sh has it.",
        *(f"t.py --x={value}" for value in "abdef"),
    ]
    assert [each["x"] for each in pickle.loads(folder.commands_pickle.read_bytes())] == list("abdef")
    write_not_completed(folder, record_of_all_kinds())
    assert [each["x"] for each in pickle.loads(folder.not_completed.read_bytes())] == list("abdf")


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2001])
def test_a_pickle_that_is_written_in_parts_is_one_list(tmp_path: Path, count: int) -> None:
    values: list[object] = [("a long text", k) for k in range(count)]
    started = SearchStarted(SETTINGS.to_json(), 0.0)
    write_commands(SearchFolder(tmp_path), SearchRecord.of([few(1, values), started]))
    found = pickle.loads((tmp_path / "commands.pickle").read_bytes())
    assert found == [{"x": value, "out_dir": f"o/sim_{number:02d}"} for number, value in enumerate(values, start=1)]


def test_a_value_that_cannot_be_pickled_is_a_text_in_all_parts(tmp_path: Path) -> None:
    record = SearchRecord.of([SearchStarted(SETTINGS.to_json(), 0.0)])
    values = [*range(1500), lambda: None]
    options = [[("x", value) for value in values]]
    record.runs.add_block(RunBlock(1, "sim_", 4, "o", options, [list(range(1, len(values) + 1))]))
    write_commands(SearchFolder(tmp_path), record)
    found = pickle.loads((tmp_path / "commands.pickle").read_bytes())
    assert ([each["x"] for each in found[:-1]], "lambda" in found[-1]["x"]) == (list(range(1500)), True)


def test_options_are_listed_block_by_block() -> None:
    record = SearchRecord.of([few(1, [1]), few(2, [1]), few(3, [2])])
    assert [([value for _, value in pairs], runs) for pairs, runs in record.listed_options()] == [
        ([1], 1),
        ([1], 1),
        ([2], 1),
    ]


def test_a_configuration_without_any_word_has_a_command(tmp_path: Path) -> None:
    runs = RunBlock(1, "sim_", 1, "o", [[("flag", False)]], [[1]])
    assert list(block_lines(runs, SETTINGS)) == ["python3 'my train.py' --out_dir=o/sim_1"]
    assert next(runs.runs()).configuration == Configuration((("flag", False),))
