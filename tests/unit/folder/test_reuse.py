"""Which finished runs of another search may be taken over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from project import Project
from searches import SETTINGS
from version_1 import restored

from hpsearch.console.console import Console
from hpsearch.core.configurations import identity
from hpsearch.core.errors import UsageError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.reuse import finished_elsewhere, searches_to_reuse
from hpsearch.journal.events import AttemptIntended, RunCollected, RunReused
from hpsearch.journal.settings import Settings
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

SUMMARY = {"acc": ["0.5"], "finished": ["1"]}
PYTHON = ("python3", "train.py")


def settings(home: Path, **changes: object) -> Settings:
    """Return those of a search whose script lies in a folder."""
    home.mkdir(exist_ok=True)
    (home / "train.py").touch()
    return replace(SETTINGS, **{"program": PYTHON, "run_cwd": str(home), **changes})  # type: ignore[arg-type]


def search_in(folder: Path, of: Settings) -> Path:
    """Make a search with x=1, which finished, x=2, which failed, and x=3, which is reused itself; return its folder."""
    folder.mkdir()
    runs = [Run(n, f"sim_{n}", Configuration((("x", n),)), str(folder / f"sim_{n}")) for n in (1, 2, 3)]
    with LiveSearch(SearchFolder(folder)) as search:
        search.add_plan(runs, of, 0.0, [RunReused(3, "/third/sim_7", 0.0, SUMMARY)])
        search.open_for_work()
        for number, state in ((1, "finished"), (2, "failed")):
            token = f"sim_{number}.1.abcdef"
            search.note(AttemptIntended(number, token, 1.0), RunCollected(number, token, state, 2.0, SUMMARY))
    return folder


def key(options: Mapping[str, object]) -> object:
    return identity(options, ())


def test_finished_runs_are_found_by_their_commands_where_their_results_lie(tmp_path: Path) -> None:
    ours = settings(tmp_path)
    found = finished_elsewhere(search_in(tmp_path / "s", ours), ours)
    places = {key({"x": 1}): str(tmp_path / "s" / "sim_1"), key({"x": 3}): "/third/sim_7"}
    assert {command: run.out_dir for command, run in found.items()} == places


@pytest.mark.parametrize(
    "changes",
    [
        {"program": ("/some/where/python3.12", "train.py")},
        {"program": ("./../home/train.py",)},
        {"program": ("nice", "env", "train.py"), "options": {"interpreter": "nice env"}},
        {"run_cwd": "/gone"},
        {"run_cwd": "/copy", "options": {"snapshot": True, "run_cwd": "HOME"}},
    ],
)
def test_a_script_is_the_same_by_its_file(tmp_path: Path, changes: Mapping[str, object]) -> None:
    home = tmp_path / "home"
    ours = settings(home)
    given = {name: {**value, "run_cwd": str(home)} if name == "options" else value for name, value in changes.items()}
    assert len(finished_elsewhere(search_in(tmp_path / "s", settings(home, **given)), ours)) == 2


@pytest.mark.parametrize(
    "program", [("python3", "other.py"), ("python3", "train.py", "sub"), ("python3", "-m", "train")]
)
def test_runs_of_another_script_are_refused(tmp_path: Path, program: tuple[str, ...]) -> None:
    ours = settings(tmp_path)
    other = search_in(tmp_path / "s", settings(tmp_path, program=program))
    with pytest.raises(UsageError, match="another script"):
        finished_elsewhere(other, ours)


def test_a_script_of_the_same_name_elsewhere_is_another_one(tmp_path: Path) -> None:
    ours, theirs = settings(tmp_path / "a"), settings(tmp_path / "b")
    with pytest.raises(UsageError, match="another script"):
        finished_elsewhere(search_in(tmp_path / "s", theirs), ours)


def test_runs_of_the_older_tool_are_found(project: Project) -> None:
    folder = restored("older_tool", project)
    ours = replace(SETTINGS, program=PYTHON, run_cwd=str(project.path))
    assert [run.out_dir for run in finished_elsewhere(folder, ours).values()] == [str(folder / "sim_20210304050607_00")]


def test_runs_without_the_performance_key_are_left_out(tmp_path: Path) -> None:
    ours = settings(tmp_path, performance_key="loss")
    assert finished_elsewhere(search_in(tmp_path / "s", settings(tmp_path)), ours) == {}


def test_a_search_that_is_not_there_is_told_with_the_option(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--reuse: .*nowhere: there is no such folder"):
        searches_to_reuse([str(tmp_path / "nowhere")], Console())


def test_a_search_that_is_given_twice_is_reused_once(tmp_path: Path) -> None:
    folder = str(search_in(tmp_path / "s", settings(tmp_path)))
    assert searches_to_reuse([folder, f"{folder}/"], Console()) == (folder,)
