"""What a search says of its plan before anything is written, and what it refuses then."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from whole_searches import Searches, told

from hpsearch.core.errors import StoreError, UsageError
from hpsearch.search.search import SearchEnd

ORDER = "in the order of the grid"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, [f"runs: 2, {ORDER}"]),
        ({"num_searches": 1}, [f"runs: 1 of 2, {ORDER}"]),
        (
            {"num_searches": 5, "sampler": "random"},
            [f"runs: 2 sampled at random (seed 0), only 2 of 5 exist, {ORDER}"],
        ),
        (
            {"num_seeds": 2, "seed_option": "seed"},
            [f"configurations: 2, {ORDER}", "runs: 4, one seed after another (seed 0-1)"],
        ),
    ],
)
def test_a_dry_run_says_how_many_runs_there_are_and_writes_nothing(
    searches: Searches, capsys: pytest.CaptureFixture[str], options: dict[str, Any], lines: list[str]
) -> None:
    assert searches.run(random_seed=0, dry_run=True, **options) == SearchEnd(None, 0)
    shown = told(capsys)
    assert [line for line in shown if line.startswith(("runs: ", "configurations: "))] == lines
    assert (searches.folder().path.exists(), searches.backend.started) == (False, [])


def test_a_dry_run_prints_the_command_of_each_run(searches: Searches, capsys: pytest.CaptureFixture[str]) -> None:
    searches.run(dry_run=True)
    commands = capsys.readouterr().out.splitlines()
    assert [line.partition(" train.py ")[2].partition(" --out_dir=")[0] for line in commands] == ["--x=1", "--x=2"]


def test_a_dry_run_of_a_resume_prints_what_is_left(searches: Searches, capsys: pytest.CaptureFixture[str]) -> None:
    searches.backend.exit_statuses = {2: 3}
    searches.run()
    capsys.readouterr()
    assert searches.resume(dry_run=True) == SearchEnd(None, 0)
    (line,) = capsys.readouterr().out.splitlines()
    assert " --x=2 " in line
    assert searches.backend.started == [1, 2]


def test_the_grid_of_a_pickle_lies_in_the_folder_as_json_too(searches: Searches) -> None:
    grid = {"grid": {"x": [7]}, "conditions": [[{"x": [7]}, {"y": [8]}]]}
    (searches.here / "given.pickle").write_bytes(pickle.dumps(grid))
    searches.write_grid(x=[1], y=[1])
    searches.run(grid_config="given.pickle")
    assert json.loads((searches.here / "out" / "given.json").read_text()) == grid
    assert [entry.run.configuration.as_dict()["x"] for entry in searches.read().record] == [7]


def test_a_folder_of_its_own_ends_with_the_name_of_the_search(searches: Searches) -> None:
    end = searches.run(force_out_dir=False, name="a b")
    assert end.results is not None
    assert end.results.parent.name.startswith("search_")
    assert end.results.parent.name.endswith("_a_b")


def test_a_search_whose_runs_are_chosen_is_added_to_no_other_search(searches: Searches) -> None:
    searches.run()
    with pytest.raises(UsageError) as raised:
        searches.run(dont_force_new_dir=True, sampler="bayes", num_searches=2, deterministic_search=False)
    why = "there is a search already, and one with --sampler=bayes needs a folder of its own: give another --out_dir"
    assert str(raised.value) == f"--out_dir=out: {why}"


def test_a_search_that_has_nothing_to_reuse_says_what_was_looked_for(
    searches: Searches, capsys: pytest.CaptureFixture[str]
) -> None:
    searches.run("other")
    searches.write_grid(x=[3])
    told(capsys)
    other = str(searches.folder("other").path)
    searches.run(reuse=(other,), dry_run=True)
    problem = f"no finished run of {other} has a command of this grid and a value of acc"
    assert f"warning: nothing to reuse: {problem}" in told(capsys)


def test_a_search_does_not_reuse_itself(searches: Searches) -> None:
    searches.run()
    folder = str(searches.folder().path)
    with pytest.raises(UsageError) as raised:
        searches.extend(reuse=(folder,))
    assert str(raised.value) == f"--reuse={folder}: this is the search itself; its finished runs count anyway"


def test_an_extension_of_a_samplers_search_has_to_say_how_many_it_runs_in_all(searches: Searches) -> None:
    searches.run(sampler="bayes", num_searches=2, deterministic_search=False)
    with pytest.raises(UsageError, match=r"in all: --num_searches=N, more than the 2 so far$"):
        searches.extend()


def test_a_folder_that_is_moved_away_while_the_search_runs_is_not_promised_to_be_there(searches: Searches) -> None:
    def move() -> None:
        searches.folder().path.rename(searches.here / "moved")

    searches.backend.while_waiting = move
    with pytest.raises(StoreError, match="was deleted or moved while the search ran; if it was moved, resume it in"):
        searches.run()
