"""``hpsearch list`` and the names of searches."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from project import Project


@pytest.fixture
def named(project: Project) -> Path:
    """The folder of a search with a name."""
    project.grid({"x": [1, 2]})
    return project.search("--name=first try: x & y").folder


def test_a_search_is_named_and_known_by_its_name(project: Project, named: Path) -> None:
    assert re.fullmatch(r"search_[\d-]{10}_[\d-]{8}_first_try_x_y", named.name)
    status = project.ask("status", "first try: x & y", "--json")
    assert json.loads(status.stdout)["name"] == "first try: x & y"
    assert status.stderr == f"using {named.relative_to(project.path)}\n"


def test_a_search_in_a_forced_folder_is_known_by_its_name(project: Project) -> None:
    project.grid({"x": [1]})
    project.search("--name=first try", "--out_dir=out/a", "--force_out_dir")
    assert project.ask("status", "first try").stderr == "using out/a\n"


def test_a_resumed_search_keeps_its_name(project: Project, named: Path) -> None:
    resumed = project.ask("resume")
    assert (resumed.exit_status, "first try: x & y: 2 runs: 2 finished" in resumed.stderr) == (0, True), resumed.stderr


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "?!", "two\nlines"])
def test_a_text_that_names_nothing_is_refused(name: str, project: Project) -> None:
    project.grid({"x": [1]})
    result = project.run(f"--name={name}")
    assert (result.exit_status, "--name: expected a text with a letter or digit" in result.stderr) == (2, True)
    assert not (project.path / "out").exists()


def test_searches_of_any_origin_are_listed(project: Project, named: Path) -> None:
    shutil.copytree(named, project.path / "out" / "old", ignore=shutil.ignore_patterns(".hpsearch"))
    shutil.copytree(named, project.path / "out" / "damaged")
    (project.path / "out" / "damaged" / ".hpsearch" / "journal.jsonl").write_text("no line of ours\n")
    listed = project.ask("list", "--json")
    found = {Path(each["folder"]).name: each for each in json.loads(listed.stdout)}
    states = {name: (each["state"], each["done"], each["runs"]) for name, each in found.items()}
    assert states == {named.name: ("ended", 2, 2), "old": ("ended", 2, 2), "damaged": ("damaged", None, None)}
    assert (found["old"]["best"], found[named.name]["best"]["value"]) == ({"key": "acc", "value": 2.0}, 2.0)
    assert listed.stderr.count("\n") == 1


def test_where_no_search_lies_the_list_is_empty(project: Project) -> None:
    listed, refused = project.ask("list"), project.ask("list", "no_folder")
    assert (listed.exit_status, listed.stdout, refused.exit_status) == (0, "", 2)


def test_a_name_in_place_of_a_folder_lists_the_searches_of_that_name(project: Project, named: Path) -> None:
    project.search()
    listed = project.ask("list", "first try: x & y", "--json")
    assert [each["folder"] for each in json.loads(listed.stdout)] == [str(named)]
    assert project.ask("status", "first try: x & y", cwd=project.path / "out").exit_status == 0


@pytest.mark.parametrize("words", [("list",), ("status",), ("resume",), ("cancel",), ("logs",), ("export",)])
def test_half_a_name_leads_to_the_search(words: tuple[str, ...], project: Project, named: Path) -> None:
    asked = project.ask(*words, "first")
    assert (asked.exit_status, asked.stdout) == (2, "")
    assert asked.stderr.endswith(f"; did you mean {named.relative_to(project.path)} (named first_try_x_y)?\n")


def test_a_word_that_names_no_run_and_no_search_is_told_as_such(project: Project, named: Path) -> None:
    asked = [project.ask("logs", word) for word in ("abc", str(named), "out")]
    first, folder, above = (each.stderr.strip() for each in asked)
    assert first == (
        "hpsearch: abc: neither the number of a run nor the folder or name of a search; "
        "a run is named by its number: hpsearch logs 7"
    )
    assert "say which run of" in folder
    assert "out: not a search folder itself; did you mean " in above


def test_postprocessing_and_seeds_find_a_named_search(project: Project, named: Path) -> None:
    postprocessed = project.ask("postprocess", "first try: x & y")
    assert (postprocessed.exit_status, postprocessed.stdout.strip()) == (0, f"{named}/postprocessing_results.csv")
