"""The options of early stopping, and the attributes of a grid module for values that runs report while they go on."""

from __future__ import annotations

import argparse
from types import ModuleType

import pytest

from hpsearch.config.grid_module import config_from_module
from hpsearch.config.option_checks import check_together, with_given
from hpsearch.config.option_values import stop_rules
from hpsearch.config.options import SearchOptions
from hpsearch.config.written_options import recorded, to_argv
from hpsearch.core.errors import ConfigError, UsageError
from hpsearch.journal.settings import Settings
from hpsearch.stopping.rules import StopRule


def module(**attributes: object) -> ModuleType:
    made = ModuleType("a_grid")
    vars(made).update(
        grid={"x": [1]}, conditions=[], _SCRIPT_NAME="t.py", _SUMMARY_FILENAME="s", _SUMMARY_KEYWORDS=["finished"]
    )
    vars(made).update(attributes)
    return made


@pytest.mark.parametrize(
    "text, read",
    [("none", "none"), ("median", "median"), ("nan, median", "nan,median"), ("asha,asha,nan", "asha,nan")],
)
def test_rules_are_read_each_once(text: str, read: str) -> None:
    assert stop_rules(text) == read


@pytest.mark.parametrize("text", ["", "nan,", "none,nan", "mean", "Median"])
def test_other_words_are_no_rules_and_all_rules_are_told(text: str) -> None:
    every = ", ".join(rule.value for rule in StopRule)
    with pytest.raises(argparse.ArgumentTypeError, match=f"none, or one or more of {every} with"):
        stop_rules(text)


@pytest.mark.parametrize("name, value", [("stop_after", 3), ("progress_pattern", "acc (.*)"), ("stop_dry_run", True)])
def test_options_of_stopping_need_a_rule(name: str, value: object) -> None:
    options = SearchOptions(grid_module="m", given_by_hand=(name,), **{name: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=f"--{name} has no effect without a rule"):
        check_together(options)


def test_nobody_stops_runs_that_are_only_submitted() -> None:
    with pytest.raises(UsageError, match="--stop_early=nan: --submit_only returns at once"):
        check_together(SearchOptions(grid_module="m", stop_early="nan", run_cluster=True, submit_only=True))


def test_a_resume_can_turn_stopping_off() -> None:
    earlier = SearchOptions(stop_early="median", stop_after=3, given_by_hand=("stop_early", "stop_after"))
    assert with_given(earlier, {"stop_early": "none"}).stop_early == "none"


def test_the_journal_of_a_search_without_stopping_stays_as_it_was() -> None:
    names = {name for name in recorded(SearchOptions()) if "stop" in name or "progress" in name}
    settings = Settings(summary_filename="s", summary_keywords=("finished",), performance_key="finished")
    assert (names, {name for name in settings.to_json() if "progress" in name}) == (set(), set())


def test_options_of_stopping_come_back_from_the_command_line() -> None:
    options = SearchOptions(stop_early="nan,median", stop_after=2.5, progress_pattern=r"acc (\S+)", stop_dry_run=True)
    words = ["--stop_early=nan,median", "--stop_after=2.5", r"--progress_pattern=acc (\S+)", "--stop_dry_run"]
    assert to_argv(options) == words


@pytest.mark.parametrize(
    "keys, read", [(("acc", "epoch"), ("acc", "epoch")), (["acc"], ("acc",)), ("acc", ("acc",)), ((), ()), (None, ())]
)
def test_a_grid_module_names_file_and_keys_of_values(keys: object, read: tuple[str, ...]) -> None:
    settings = config_from_module(module(_PROGRESS_FILE="m.csv", _PROGRESS_KEYS=keys), "a_grid").settings
    assert (settings.progress_file, settings.progress_keys) == ("m.csv", read)


def test_a_grid_module_need_not_tell_of_values() -> None:
    settings = config_from_module(module(), "a_grid").settings
    assert (settings.progress_file, settings.progress_keys) == ("", ())


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("_PROGRESS_FILE", 3, "_PROGRESS_FILE is 3; expected a text that is not empty"),
        ("_PROGRESS_FILE", "", "_PROGRESS_FILE is ''; expected a text that is not empty"),
        ("_PROGRESS_KEYS", 3, "_PROGRESS_KEYS is 3; expected the name of the values"),
        ("_PROGRESS_KEYS", {"acc": 1}, "_PROGRESS_KEYS is {'acc': 1}; expected the name of the values"),
        ("_PROGRESS_KEYS", ("a", "b", "c"), "_PROGRESS_KEYS is ('a', 'b', 'c'); expected the name of the values"),
        ("_PROGRESS_KEYS", ("a", 1), "_PROGRESS_KEYS is ('a', 1); expected the name of the values"),
    ],
)
def test_mistakes_in_them_are_told(name: str, value: object, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        config_from_module(module(**{name: value}), "a_grid")
    assert expected in str(error.value)


def test_settings_keep_file_and_keys() -> None:
    settings = config_from_module(module(_PROGRESS_FILE="m.csv", _PROGRESS_KEYS=("acc", "epoch")), "a_grid").settings
    written = {**settings.to_json(), "program": ["t"], "run_cwd": "/", "shown_folder": "o"}
    read = Settings.from_json(written)
    assert (read.progress_file, read.progress_keys) == ("m.csv", ("acc", "epoch"))
