"""The options of a search: what the journal keeps of them, and which go together."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from hpsearch.config.options import SearchOptions, check_together, recorded, to_argv, with_given
from hpsearch.core.errors import UsageError


def test_a_search_without_new_options_records_what_it_always_did() -> None:
    kept = recorded(SearchOptions(grid_module="m", retries=2))
    new = {"num_seeds", "seeds_list", "seed_option", "vary_data_seed"}
    assert asdict(SearchOptions()).keys() - kept.keys() >= new
    assert (kept["grid_module"], kept["retries"], kept["num_searches"]) == ("m", 2, -1)


def test_a_search_with_seeds_records_them_and_gives_them_back_as_words() -> None:
    options = SearchOptions(seeds_list="42,7", seed_option="s")
    assert {"seeds_list": "42,7", "seed_option": "s"}.items() <= recorded(options).items()
    assert to_argv(options) == ["--seeds_list=42,7", "--seed_option=s"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (SearchOptions(), ()),
        (SearchOptions(num_seeds=2), ("random_seed",)),
        (SearchOptions(seeds_list="1", seed_option="s", vary_data_seed=True), ("s", "data_random_seed")),
    ],
)
def test_the_seed_goes_to_these_options(options: SearchOptions, names: tuple[str, ...]) -> None:
    assert options.seed_options == names


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (SearchOptions(num_seeds=2, seeds_list="1"), "--num_seeds and --seeds_list both say which seeds"),
        (SearchOptions(seed_option="s"), "--seed_option has no effect without seeds: add --num_seeds=N or"),
        (SearchOptions(vary_data_seed=True), "--vary_data_seed has no effect without seeds"),
    ],
)
def test_options_of_seeds_that_make_no_sense_together_are_refused(options: SearchOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_together(options)


def test_seeds_on_a_resume_are_refused_with_the_command_that_adds_them() -> None:
    with pytest.raises(UsageError, match=r"already planned; for more seeds: hpsearch seeds DIR$"):
        with_given(SearchOptions(), {"num_seeds": 5})
