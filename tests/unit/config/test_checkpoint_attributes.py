"""The attributes of a grid module for checkpoints, and what the journal keeps of them."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from searches import SETTINGS

from hpsearch.config.grid_module import SearchConfig, config_from_module
from hpsearch.core.errors import ConfigError
from hpsearch.journal.events import AttemptIntended
from hpsearch.journal.lines import from_line, to_line
from hpsearch.journal.settings import Settings


def config_with(**attributes: object) -> SearchConfig:
    module = ModuleType("grid")
    usual: dict[str, Any] = {  # Any: of the attributes' types
        "grid": {"x": [1]},
        "conditions": [({"x": [1]}, {"y": [2]})],
        "_SCRIPT_NAME": "train.py",
        "_SUMMARY_FILENAME": "s.txt",
        "_SUMMARY_KEYWORDS": ["finished"],
    }
    vars(module).update(usual | attributes)
    return config_from_module(module, "grid")


@pytest.mark.parametrize(
    "attributes, keeps, name",
    [
        ({}, False, ""),
        ({"_KEEP_OUT_DIR": True}, True, ""),
        ({"_CONTINUE_ARG": "resume_from"}, False, "resume_from"),
        ({"_KEEP_OUT_DIR": False, "_CONTINUE_ARG": "from"}, False, "from"),
        ({"_KEEP_OUT_DIR": True, "_CONTINUE_ARG": None}, True, ""),
    ],
)
def test_the_attributes_are_taken_over(attributes: dict[str, object], keeps: bool, name: str) -> None:
    settings = config_with(**attributes).settings
    assert (settings.keep_out_dir, settings.continue_arg, settings.continues) == (keeps, name, keeps or bool(name))
    settings = replace(settings, program=("true",), run_cwd="/", shown_folder="out")
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    "attributes, message",
    [
        ({"_KEEP_OUT_DIR": "yes"}, "_KEEP_OUT_DIR is 'yes'; expected True or False"),
        ({"_CONTINUE_ARG": 3}, "_CONTINUE_ARG is 3; expected a text that is not empty"),
        ({"_CONTINUE_ARG": ""}, "_CONTINUE_ARG is ''; expected a text that is not empty"),
        ({"_CONTINUE_ARG": "--from"}, "_CONTINUE_ARG is '--from'; expected the option's name without dashes in front"),
        ({"_CONTINUE_ARG": "out_dir"}, "_CONTINUE_ARG is 'out_dir', which is the output option (_OUT_ARG)"),
        ({"_CONTINUE_ARG": "x"}, "grid: 'x' is _CONTINUE_ARG, which hpsearch sets itself; take it out"),
        ({"_CONTINUE_ARG": "y"}, "condition 1, second dict: 'y' is _CONTINUE_ARG"),
        ({"_CONTINUE_ARG": "from", "_KEEP_OUT_DIR": True}, "one folder for all attempts; take one of the two out"),
    ],
)
def test_a_mistake_in_them_is_named(attributes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as told:
        config_with(**attributes)
    assert message in str(told.value)


def test_a_search_without_checkpoints_writes_what_it_always_wrote() -> None:
    assert not {"keep_out_dir", "continue_arg"} & SETTINGS.to_json().keys()
    assert to_line(AttemptIntended(1, "a", 1.0)) == b'{"event":"intended","run":1,"token":"a","at":1.0}\n'


@pytest.mark.parametrize("continues", [None, "", "./out/s/.hpsearch/attempts/sim_1.attempt1"])
def test_an_attempt_that_goes_on_is_read_back(continues: str | None) -> None:
    event = AttemptIntended(1, "a", 1.0, continues)
    assert from_line(to_line(event)) == event
