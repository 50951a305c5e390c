"""How a list of searches looks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hpsearch.results.listing import Listed, lines_of

SEARCH = Listed(
    Path("/p/out/h/search_2026-01-31_12-00-00"), "running", 0.0, "", 40, 38, None, "acc", 0.98765, started_at=0.0
)


def test_each_search_has_its_line() -> None:
    older = Listed(Path("/p/out/old"), "unknown", 0.0, runs=None, done=3)
    broken = Listed(Path("/p/out/broken"), "damaged", 0.0)
    assert lines_of([SEARCH, older, broken], 200.0, 80, has_short_names=True) == [
        "search                      state    done   best        age",
        "search_2026-01-31_12-00-00  running  38/40  0.9877 acc  3 min 20 s",
        "old                         unknown  3/?",
        "broken                      damaged",
    ]


def test_long_names_and_large_numbers_fit_into_80_columns() -> None:
    path = Path("/p/out/h/search_2026-01-31_12-00-00_with_a_name_of_very_many_words_in_it")
    search = replace(SEARCH, path=path, runs=100_000, done=99_999, key="accuracy_of_validation", best=-1.23456e-05)
    lines = lines_of([search], 1e6, 80, has_short_names=True)
    assert [max(map(len, lines)) < 80, lines[1].split()[0].endswith("many_words_in_it")] == [True, True]


def test_the_name_of_a_search_in_a_forced_folder_is_shown() -> None:
    assert lines_of([replace(SEARCH, path=Path("/p/out/a"), name="b")], 0.0, 80, True)[1].startswith("a (b)   running")
