"""Which searches are near a folder, and which is the newest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hpsearch.folder.nearby import (
    default_searches,
    holds_search,
    nearest_search,
    search_above,
    searches_below,
    searches_called,
    searches_named,
)


def search(path: Path, at: float = 0.0) -> Path:
    """Make a search folder in which something happened last at this time."""
    return _written(path, at, ".hpsearch/journal.jsonl")


def old_search(path: Path, at: float = 0.0) -> Path:
    """Make a search folder of the older tool."""
    return _written(path, at, "search_results.csv", "commands.pickle")


def _written(path: Path, at: float, *names: str) -> Path:
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
        os.utime(path / name, (at, at))
    return path


def test_the_search_with_the_latest_activity_is_the_first_and_names_decide_ties(tmp_path: Path) -> None:
    early, late = search(tmp_path / "a" / "search_2", 5.0), search(tmp_path / "search_1", 7.0)
    twin, old = search(tmp_path / "b" / "search_3", 5.0), old_search(tmp_path / "forced", 6.0)
    assert searches_below(tmp_path) == [late, old, twin, early]


def test_a_folder_counts_as_a_search_by_its_files_and_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "search_2026-01-31_12-00-00").mkdir()
    (tmp_path / "table_only").mkdir()
    (tmp_path / "table_only" / "search_results.csv").touch()
    assert searches_below(tmp_path) == []


@pytest.mark.parametrize("name", ["sim_20260131120000_1", "TO_BE_DELETED", ".trash"])
def test_no_search_is_looked_for_in_runs_folders_and_hidden_ones(name: str, tmp_path: Path) -> None:
    search(tmp_path / name / "search_1")
    assert searches_below(tmp_path) == []


def test_seeds_that_were_gathered_for_a_run_are_a_search_of_its_name(tmp_path: Path) -> None:
    seeds = search(tmp_path / "random_seeds" / "sim_20260131120000_1", 2.0)
    source = search(tmp_path / "search_2026-01-31_12-00-00", 1.0)
    search(source / "sim_20260131120000_1")
    assert searches_below(tmp_path) == [seeds, source]


def test_a_forced_folder_may_hold_other_searches(tmp_path: Path) -> None:
    outer, inner = search(tmp_path, 1.0), search(tmp_path / "hyperparam_search" / "search_1", 2.0)
    assert searches_below(tmp_path) == [inner, outer]


def test_links_are_followed_and_no_search_is_found_twice(tmp_path: Path) -> None:
    found = search(tmp_path / "scratch" / "search_1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(tmp_path / "scratch")
    (tmp_path / "out" / "b").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch" / "circle").symlink_to(tmp_path / "out")
    assert [path.resolve() for path in searches_below(tmp_path / "out")] == [found]


def test_a_folder_that_is_not_there_holds_no_search(tmp_path: Path) -> None:
    assert (searches_below(tmp_path / "none"), holds_search(tmp_path / "none")) == ([], False)


@pytest.mark.parametrize("below", ["", "sim_1", "sim_1/checkpoints/last", ".hpsearch/logs"])
def test_a_folder_lies_in_the_search_above_it(below: str, tmp_path: Path) -> None:
    found = search(tmp_path / "out" / "search_1")
    (found / below).mkdir(parents=True, exist_ok=True)
    assert search_above(found / below) == found


def test_the_search_around_the_current_folder_comes_before_the_newest_below_out(tmp_path: Path) -> None:
    search(tmp_path / "out" / "search_1" / "out" / "search_2", 9.0)
    around = search(tmp_path / "out" / "search_1")
    assert (default_searches(around), default_searches(tmp_path)) == ([around], [around / "out" / "search_2", around])


@pytest.mark.parametrize("here", ["", "out", "out/h", "out/h/search_2026-01-31_12-00-00", "src"])
def test_a_name_is_looked_up_from_around_the_usual_place(here: str, tmp_path: Path) -> None:
    named = search(tmp_path / "out" / "h" / "search_2026-01-31_12-00-00_long")
    search(tmp_path / "out" / "h" / "search_2026-01-31_12-00-00")
    (tmp_path / "src").mkdir()
    assert searches_called("long", tmp_path / here) == ([] if here == "src" else [named])


@pytest.mark.parametrize(
    ("name", "found"),
    [("lon", "long"), ("logn", "long"), ("LONG", "long"), ("2026-01-31_12-00-01", ""), ("nowhere", None), ("", None)],
)
def test_the_search_with_the_nearest_name_is_known(name: str, found: str | None, tmp_path: Path) -> None:
    search(tmp_path / "out" / "search_2026-01-31_12-00-00_long", 5.0)
    search(tmp_path / "out" / "search_2026-01-31_12-00-01", 1.0)
    near = nearest_search(name, tmp_path)
    assert (near and near[1]) == found


@pytest.mark.parametrize("name", ["search_2026-01-31_12-00-00_adam", "adam"])
def test_a_search_is_known_by_its_folders_name_and_by_its_own(name: str) -> None:
    named, other = Path("out/search_2026-01-31_12-00-00_adam"), Path("out/search_2026-01-31_12-00-00")
    assert searches_named(name, [other, named]) == [named]
