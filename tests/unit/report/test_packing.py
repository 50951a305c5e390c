"""Tables in the page are packed, and come back as they were."""

from __future__ import annotations

import json
from typing import Any

import pytest
from report_content import unpacked

from hpsearch.report.packing import packed

COLUMNS: list[tuple[list[Any], Any]] = [
    ([], []),
    ([1, 2], [1, 2]),
    ([7], [7]),
    ([7, 7, 7], {"all": 7, "count": 3}),
    ([None, None], {"all": None, "count": 2}),
    ([1, 1.0], [1, 1.0]),
    ([4, 5, 6], {"first": 4, "count": 3}),
    ([4, 5, 7], [4, 5, 7]),
    ([4, 5, None], [4, 5, None]),
    (["sim_01", None, "sim_02"], {"base": "sim_0", "rest": ["1", None, "2"]}),
    (["sim", "sims"], {"base": "sim", "rest": ["", "s"]}),
    (["a", "b"], ["a", "b"]),
    (["", "ab"], ["", "ab"]),
    ([1764e6 + 0.25, None, 1764e6 + 100.5], {"base": 1764000000, "rest": [0.25, None, 100.5]}),
    ([0.5, 1764e6 + 0.25], [0.5, 1764e6 + 0.25]),
]


@pytest.mark.parametrize("values, expected", COLUMNS, ids=str)
def test_a_column_is_packed_where_that_is_shorter(values: list[Any], expected: Any) -> None:
    assert packed({"runs": {"x": values}})["runs"]["x"] == expected


@pytest.mark.parametrize("values, _", COLUMNS, ids=str)
def test_a_packed_column_comes_back_as_it_was(values: list[Any], _: Any) -> None:
    content = {"runs": {"x": values}, "attempts": {}}
    assert repr(unpacked(json.loads(json.dumps(packed(content))))) == repr(content)


def test_all_else_stays() -> None:
    assert packed({"logs": {"1": "text"}, "cut": []}) == {"logs": {"1": "text"}, "cut": []}
