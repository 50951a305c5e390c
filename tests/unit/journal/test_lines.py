"""How an event is written into the journal."""

import json
import math
from typing import Any

import pytest

from hpsearch.journal.events import AttemptIntended, RunCollected
from hpsearch.journal.lines import to_line

VALUES = [
    *("", "plain", 'é "quoted"\n\\', "\ud800"),
    *(0, -5, 10**20, True, False, None),
    *(1.5, 0.1, -0.0, 1e-07, 1e22, 1790000000.123456, math.nan, math.inf, -math.inf),
    *({}, {"acc": ["0.5"], "é": [None, {"a": 1.0}]}, [], [1, [2.5]], (1, "a")),
]


@pytest.mark.parametrize("value", VALUES)
def test_a_line_says_what_json_says(value: Any) -> None:  # Any: more than events hold
    said = {"event": "collected", "run": 1, "token": "a", "state": "finished", "at": 2.0}
    said |= {"summary": value, "problem": "", "cause": ""}
    assert (
        to_line(RunCollected(1, "a", "finished", 2.0, value))
        == json.dumps(said, separators=(",", ":")).encode() + b"\n"
    )


def test_a_line_leaves_out_only_what_it_may() -> None:
    assert b"continues" not in to_line(AttemptIntended(1, "a", 1.0))
    assert to_line(AttemptIntended(1, "a", 1.0, "")).endswith(b',"continues":""}\n')
