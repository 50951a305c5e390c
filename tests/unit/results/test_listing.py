"""How a list of searches looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.results.listing import Listed, lines_of

SEARCH = Listed(
    Path("/p/out/h/search_2026-01-31_12-00-00"), "running", 0.0, "", 40, 38, None, "acc", 0.98765, started_at=0.0
)


def test_each_search_has_its_line() -> None:
    older = Listed(Path("/p/out/old"), "unknown", 0.0, runs=None, done=3)
    broken = Listed(Path("/p/out/broken"), "damaged", 0.0)
    assert lines_of([SEARCH, older, broken], 200.0, 80, has_short_names=True) == [
        "search                      state    done   best         age",
        "search_2026-01-31_12-00-00  running  38/40  0.98765 acc  3 min 20 s",
        "old                         unknown  3/?",
        "broken                      damaged",
    ]


def test_long_names_and_large_numbers_fit_into_80_columns() -> None:
    path = Path("/p/out/h/search_2026-01-31_12-00-00_with_a_name_of_very_many_words_in_it")
    search = replace(SEARCH, path=path, runs=100_000, done=99_999, key="accuracy_of_validation", best=-1.23456e-05)
    lines = lines_of([search], 1e6, 80, has_short_names=True)
    assert [max(map(len, lines)) < 80, lines[1].split()[0].endswith("many_words_in_it")] == [True, True]


@pytest.mark.parametrize("width", [None, 82, 160])
def test_nothing_is_cut_where_there_is_room(width: int | None) -> None:
    path = Path("/p/out/hyperparam_search/search_2026-01-31_12-00-00_long")
    search = replace(SEARCH, path=path, key="val_accuracy", best=1.0362)
    assert lines_of([search], 200.0, width, has_short_names=True)[1] == (
        "search_2026-01-31_12-00-00_long  running  38/40  1.0362 val_accuracy  3 min 20 s"
    )


def test_outside_a_terminal_nothing_is_cut() -> None:
    path, key = Path("/p") / ("folder/" * 40) / "search_2026-01-31_12-00-00", "k" * 200
    line = lines_of([replace(SEARCH, path=path, key=key)], 200.0, None, has_short_names=False)[1]
    assert (str(path) in line, key in line) == (True, True)


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (110, "/projects/out/hyperparam_search/search_2026-01-31_12-00-00  running  38/40  0.98765 loss  3 min 20 s"),
        (94, ".../hyperparam_search/search_2026-01-31_12-00-00  running  38/40  0.98765 loss  3 min 20 s"),
        (80, ".../search_2026-01-31_12-00-00  running  38/40  0.98765 loss  3 min 20 s"),
        (60, "...01-31_12-00-00  running  38/40  0.98765 loss  3 min 20 s"),
    ],
)
def test_the_folders_before_a_search_are_cut_before_its_name(width: int, line: str) -> None:
    path = Path("/projects/out/hyperparam_search/search_2026-01-31_12-00-00")
    assert lines_of([replace(SEARCH, path=path, key="loss")], 200.0, width, False)[1] == line


def test_the_key_is_cut_before_the_name_of_a_search() -> None:
    lines = lines_of([replace(SEARCH, key="validation_accuracy_top_5")], 200.0, 80, has_short_names=True)
    assert lines[1] == "search_2026-01-31_12-00-00  running  38/40  0.98765 validation_a...  3 min 20 s"


def test_the_name_of_a_search_in_a_forced_folder_is_shown() -> None:
    assert lines_of([replace(SEARCH, path=Path("/p/out/a"), name="b")], 0.0, 80, True)[1].startswith("a (b)   running")


def test_a_search_that_one_is_in_is_called_by_its_folders_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "search_1").mkdir()
    monkeypatch.chdir(tmp_path / "search_1")
    assert lines_of([replace(SEARCH, path=tmp_path / "search_1")], 0.0, 80, False)[1].startswith("search_1  running")
