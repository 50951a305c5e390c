"""Runs that no journal tells of, their logs, and which of them are live."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from older_tool import older_command

from hpsearch.backends.process_identity import Process
from hpsearch.core.command import shell_line, words_of_line
from hpsearch.core.errors import SummaryError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.folder_scan import FoundRun
from hpsearch.folder.liveness import runs_named_by
from hpsearch.folder.run_files import read_summary_text
from hpsearch.results.postprocess import run_of_log
from hpsearch.store.classic_files import folder_name, list_folder, run_of_folder, run_of_row, runs_of_commands
from hpsearch.store.table import whole_rows

NAME = "sim_20210304050607_3"


@settings(max_examples=100)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_the_words_of_a_line_are_those_it_was_made_of(words: list[str]) -> None:
    assert words_of_line(shell_line(words)) == words


@pytest.mark.parametrize("text", ["'open", '"'])
def test_a_quote_that_is_not_closed_is_no_command(text: str) -> None:
    with pytest.raises(ValueError, match="quotation"):
        words_of_line(text)


@pytest.mark.parametrize("out_dir", [f"./out/s/{NAME}", f"/gone/{NAME}/", NAME, f"{NAME}//"])
def test_a_runs_folder_is_known_by_its_name_wherever_it_was(out_dir: str) -> None:
    assert folder_name(out_dir) == NAME


def told_by(folder: Path, **files: bytes) -> tuple[Run | None, str]:
    """Return what can be read from a run's folder with these files."""
    (folder / NAME).mkdir()
    for name, content in files.items():
        (folder / NAME / name.replace("__", ".")).write_bytes(content)
    return run_of_folder(folder / NAME, "out_dir", "train.py", 99)


OPTIONS: dict[str, object] = {"lr": 1e-05, "n": 3, "text": "a b", "odd": "03", "flag": True, "word": "nan x"}


def test_a_folder_tells_its_run_by_its_command(tmp_path: Path) -> None:
    command = "#!/bin/sh\n" + older_command({**OPTIONS, "out_dir": f"./o/{NAME}"}) + "\n"
    run, problem = told_by(tmp_path, hpsearch_command__sh=command.encode())
    assert (run, problem) == (Run(3, NAME, Configuration(tuple(OPTIONS.items())), f"./o/{NAME}"), "")


def test_the_options_of_an_interpreter_are_no_options_of_the_run(tmp_path: Path) -> None:
    command = f"singularity exec --nv image.sif python3 sub/train.py --x=1 --out_dir=o/{NAME}"
    run, _ = told_by(tmp_path, hpsearch_command__sh=command.encode())
    assert run is not None
    assert run.configuration.as_dict() == {"x": 1}


def test_a_folder_tells_its_run_by_its_config(tmp_path: Path) -> None:
    content = pickle.dumps(argparse.Namespace(**OPTIONS, out_dir=f"/gone/{NAME}"))
    run, problem = told_by(tmp_path, config__pickle=content)
    assert (run, problem) == (Run(3, NAME, Configuration(tuple(OPTIONS.items())), f"/gone/{NAME}"), "")


def test_a_folder_whose_command_names_another_folder_tells_nothing(tmp_path: Path) -> None:
    command = b"python3 train.py --x=1 --out_dir=o/sim_20210304050607_4"
    assert told_by(tmp_path, hpsearch_command__sh=command) == (None, "")


@pytest.mark.parametrize(
    ("name", "content"),
    [("hpsearch_command__sh", b"python3 train.py --x='1"), ("config__pickle", b"x"), ("config__pickle", b"K\x01.")],
)
def test_files_that_cannot_be_used_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    run, problem = told_by(tmp_path, **{name: content})
    assert run is None
    assert problem.startswith(f"{tmp_path / NAME / name.replace('__', '.')}: cannot be used (")


def test_commands_of_all_searches_in_a_folder_count_and_each_run_once(tmp_path: Path) -> None:
    first = [{"x": 1, "out_dir": "o/sim_1_1"}, {"x": 2, "out_dir": "o/sim_1_2"}]
    second = [{"x": 9, "out_dir": "o/sim_1_2"}, {"x": 3, "out_dir": "o/sim_2_1"}]
    (tmp_path / "commands.pickle").write_bytes(pickle.dumps(second))
    (tmp_path / "commands_2021-03-04_05-06-07.pickle").write_bytes(pickle.dumps(first))
    runs, problems = runs_of_commands(tmp_path, list_folder(tmp_path, tmp_path / "apart").files, "out_dir")
    assert {run.folder: run.configuration.as_dict()["x"] for run in runs} == {"sim_1_2": 9, "sim_2_1": 3, "sim_1_1": 1}
    assert problems == []


def test_a_row_tells_its_run() -> None:
    row = {"x": "1", "t": "01", "f": "True", "out_dir": f"o/{NAME}", "acc": "5", "finished": "1"}
    assert run_of_row(row, "out_dir", ("acc", "finished"), 1) == Run(
        3, NAME, Configuration((("x", 1), ("t", "01"), ("f", True))), f"o/{NAME}"
    )


@pytest.mark.parametrize("row", [{"x": "1"}, {"x": "1", "out_dir": "notes"}])
def test_a_row_without_a_runs_folder_tells_no_run(row: dict[str, str]) -> None:
    assert run_of_row(row, "out_dir", ("acc",), 1) is None


RUNS = {
    name: FoundRun(Run(k, name, Configuration(()), name), None, None)
    for k, name in enumerate(["sim_20210304050607_1", "sim_20210304050607_12"])
}


@pytest.mark.parametrize(
    ("log", "run"),
    [
        ("sim_20210304050607_1_4711.out", "sim_20210304050607_1"),
        ("sim_20210304050607_12_4711.err", "sim_20210304050607_12"),
        ("sim_20210304050607_1_47_11.out", "sim_20210304050607_1"),
        ("sim_20210304050607_12.out", "sim_20210304050607_12"),
        ("sim_20210304050607_1_script.sh", "sim_20210304050607_1"),
        ("job_sim_20210304050607_12.4711.out", "sim_20210304050607_12"),
        ("job_sim_20210304050607_1.4711.2.err", "sim_20210304050607_1"),
        ("job_sim_20210304050607_1.out", "sim_20210304050607_1"),
        ("sim_20210304050607_12.1.ab12cd.out", "sim_20210304050607_12"),
    ],
)
def test_a_log_belongs_to_the_run_that_its_name_begins_with(log: str, run: str) -> None:
    assert run_of_log(log, RUNS) is RUNS[run]


@pytest.mark.parametrize(
    "name",
    ["sim_20210304050607_2_1.out", "sim_20210304050607_1.txt", "x_sim_20210304050607_1.out", "train.out", "sim_.out"],
)
def test_other_files_are_no_logs_of_runs(name: str) -> None:
    assert run_of_log(name, RUNS) is None


@pytest.mark.parametrize(
    ("word", "cwd", "named"),
    [
        ("--out_dir=o/sim_1", "/w", ["sim_1"]),
        ("--out_dir=./o/../o/sim_1/x", "/w", ["sim_1"]),
        ("/w/o/sim_2/log", "/", ["sim_2"]),
        ("--out_dir=o/sim_1", "/elsewhere", []),
        ("--out_dir=o/sim_3", "/w", []),
        ("--out_dir=o/sim_1", None, ["sim_1"]),
        ("/elsewhere/o/sim_1", None, []),
        ("o/other", "/w", []),
    ],
)
def test_a_run_is_live_if_the_path_in_a_command_leads_to_it(word: str, cwd: str | None, named: list[str]) -> None:
    process = Process(("python3", "train.py", word), None if cwd is None else Path(cwd))
    assert runs_named_by([process], Path("/w/o"), ["sim_1", "sim_2"]) == frozenset(named)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("x;out_dir;acc\n1;o/sim_1;5\n2;o/sim_2;6\n", 2),
        ("x;out_dir;acc\n1;o/sim_1;5\n2;o/sim_2;6", 2),
        ("x;out_dir;acc\n1;o/sim_1;5\n2;o/sim_", 1),
        ("x;out_dir;acc\n1;o/sim_1;5\n2", 1),
        ("x;out_dir;acc\n1;o/sim_1;5\n2;;6\n", 2),
        ("x;out_d", 0),
        ("", 0),
    ],
)
def test_a_row_that_breaks_off_before_its_results_is_left_out(tmp_path: Path, text: str, count: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    assert len(whole_rows(path, "out_dir")) == count


def test_a_summary_that_may_not_be_looked_at_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SummaryError, match="cannot be read"):
        read_summary_text(tmp_path / ("x" * 300))


def test_a_link_that_leads_in_a_circle_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "sim_1").symlink_to("sim_2")
    (tmp_path / "sim_2").symlink_to("sim_1")
    listing = list_folder(tmp_path, tmp_path / "apart")
    assert (listing.files, listing.run_folders) == ({"sim_1", "sim_2"}, set())
