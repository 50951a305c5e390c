"""What names, rows and commands in a search folder tell of runs, also in folders of the older tool."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import pytest

from hpsearch.core.model import Configuration, Run
from hpsearch.store.classic_files import (
    Listing,
    folder_name,
    has_name_of_run,
    is_search_folder,
    options_of_command,
    options_of_row,
    run_of_folder,
    run_of_row,
    runs_of_commands,
)
from hpsearch.store.layout import SearchFolder


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("sim_20260102_1", True), ("sim_1_20", True), ("sim_1", False), ("sim_1_2_copy", False), ("my_sim_1_2", False)],
)
def test_a_users_copy_has_not_the_name_of_a_run(name: str, is_one: bool) -> None:
    assert has_name_of_run(name) is is_one


@pytest.mark.parametrize(
    ("out_dir", "name"), [("o/sim_1", "sim_1"), ("o/sim_X/", "sim_X"), ("sim_1//", "sim_1"), (3, "3"), ("", "")]
)
def test_a_run_folder_is_named_by_the_last_part_of_its_output_option(out_dir: object, name: str) -> None:
    assert folder_name(out_dir) == name


@pytest.mark.parametrize(
    ("files", "runs", "to_be_deleted", "has_journal", "is_one"),
    [
        ((), (), (), False, False),
        (("notes.txt", "commands.txt"), (), (), False, False),
        (("search_results.csv",), (), (), False, True),
        (("commands_2026-01-02.pickle",), (), (), False, True),
        ((), ("sim_1_2",), (), False, True),
        ((), (), ("sim_1_2",), False, True),
        ((), (), (), True, True),
    ],
)
def test_one_thing_of_a_search_makes_a_folder_a_searchs(
    tmp_path: Path,
    files: tuple[str, ...],
    runs: tuple[str, ...],
    to_be_deleted: tuple[str, ...],
    has_journal: bool,
    is_one: bool,
) -> None:
    folder = SearchFolder(tmp_path)
    if has_journal:
        folder.create_state()
        folder.journal.touch()
    listing = Listing(frozenset(files), frozenset(runs), frozenset(to_be_deleted))
    assert is_search_folder(folder, listing) is is_one


def test_a_row_gives_back_numbers_and_truths_as_they_were_written() -> None:
    row = {"a": "True", "b": "False", "c": "3", "d": "0.10", "e": "1e-05", "f": "x", "acc": "1"}
    assert options_of_row(row, ["acc"]) == {"a": True, "b": False, "c": 3, "d": "0.10", "e": 1e-05, "f": "x"}


def test_a_row_tells_a_run_if_it_names_the_folder_of_one() -> None:
    row = {"x": "3", "out": "o/sim_7_12", "acc": "1"}
    assert run_of_row(row, "out", ["acc"], 5) == Run(12, "sim_7_12", Configuration((("x", 3),)), "o/sim_7_12")
    assert run_of_row({**row, "out": "o/other"}, "out", ["acc"], 5) is None
    assert run_of_row({"x": "3"}, "out", ["acc"], 5) is None


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("python t.py --x=1 --flag --y='a b'", {"x": 1, "flag": True, "y": "a b"}),
        ("env --n=9 python ./code/t.py --x=1", {"x": 1}),
        ("other --x=1 --n=2", {"x": 1, "n": 2}),
    ],
)
def test_the_options_of_a_command_are_those_behind_the_script(command: str, options: dict[str, object]) -> None:
    assert options_of_command(f"#!/bin/sh\n# Run in: /\n{command}\n".encode(), "t.py") == options


def commands(folder: Path, name: str, *out_dirs: str) -> None:
    (folder / name).write_bytes(pickle.dumps([{"x": n, "out": each} for n, each in enumerate(out_dirs)]))


def test_runs_of_all_lists_of_commands_are_told_once_and_numbered_by_their_names(tmp_path: Path) -> None:
    commands(tmp_path, "commands.pickle", "o/sim_1_4", "o/first", "o/known")
    commands(tmp_path, "commands_2026.pickle", "o/sim_1_4", "o/last")
    (tmp_path / "commands_2.pickle").write_bytes(b"no pickle")
    files = ["commands_2026.pickle", "commands.pickle", "commands_2.pickle", "other.pickle"]
    runs, problems = runs_of_commands(tmp_path, files, "out", ["known"])
    assert [(run.number, run.folder) for run in runs] == [(4, "sim_1_4"), (3, "first"), (4, "last")]
    (problem,) = problems
    assert problem.startswith(f"{tmp_path}/commands_2.pickle: cannot be used (")


def test_a_run_folder_tells_its_run_if_its_command_names_it(tmp_path: Path) -> None:
    own, other = tmp_path / "sim_1_2", tmp_path / "sim_1_3"
    for folder in (own, other):
        folder.mkdir()
        (folder / "hpsearch_command.sh").write_text("#!/bin/sh\n# Run in: /\npython t.py --x=1 --out=o/sim_1_2\n")
    run = Run(2, "sim_1_2", Configuration((("x", 1),)), "o/sim_1_2")
    assert run_of_folder(own, "out", "t.py", 9) == (run, "")
    assert run_of_folder(other, "out", "t.py", 9) == (None, "")


def test_a_run_folder_with_a_damaged_command_tells_its_run_by_the_pickle_of_its_options(tmp_path: Path) -> None:
    own = tmp_path / "sim_1_2"
    own.mkdir()
    command = own / "hpsearch_command.sh"
    command.write_text("python t.py --x='1\n")
    (own / "config.pickle").write_bytes(pickle.dumps(argparse.Namespace(x=1, out="o/sim_1_2")))
    run, problem = run_of_folder(own, "out", "t.py", 9)
    assert run == Run(2, "sim_1_2", Configuration((("x", 1),)), "o/sim_1_2")
    assert problem.startswith(f"{command}: cannot be used (")


def test_an_empty_folder_tells_no_run(tmp_path: Path) -> None:
    assert run_of_folder(tmp_path, "out", "t.py", 9) == (None, "")
