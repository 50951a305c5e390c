"""``hpsearch why``: what a sampler knew and expected when it chose a run, and the run's result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.choosers.candidates import listed
from hpsearch.core.coding import Order
from hpsearch.core.model import Run
from hpsearch.core.space import enumerate_space
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import (
    AttemptIntended,
    AttemptStopped,
    ConfigurationDropped,
    Event,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.results.why import reason_text, why_lines
from hpsearch.store.layout import SearchFolder

SPACE = enumerate_space({"lr": [0.1, 0.2, 0.3], "opt": ["sgd", "adam"]}, [], Order(deterministic=True))
GUESS = {"rule": "improvement", "expected": 0.9, "low": 0.8, "high": 0.95, "best": 0.7, "chance": 0.62, "results": 2}


def planned(number: int, candidate: int | None, why: Mapping[str, object] | None) -> Event:
    """Return the event of a run, whose options are those of the candidate of its number."""
    run = Run(number, f"sim_{number}", list(SPACE)[number - 1], f"o/sim_{number}")
    return RunPlanned.of(run, candidate, why)


def ended(number: int, value: str, state: str = "finished") -> list[Event]:
    """Return the events of a run from its start to its end."""
    token = f"sim_{number}.1.abc"
    summary = {"acc": [value], "finished": ["1"]}
    return [AttemptIntended(number, token, 1.0), RunCollected(number, token, state, 2.0, summary)]


def told(folder: Path, number: int, *events: Event) -> list[str]:
    """Write a journal of a search with a sampler; return the answer about one of its runs."""
    options = {"sampler": "bayes", "num_searches": 5}
    settings = replace(SETTINGS, option_names=("lr", "opt"), options=options)
    (folder / ".hpsearch").mkdir()
    lines = map(to_line, [listed(SPACE), SearchStarted(settings.to_json(), 0.0), *events])
    (folder / ".hpsearch" / "journal.jsonl").write_bytes(b"".join(lines))
    reader = SearchReader(SearchFolder(folder))
    return list(why_lines(reader, reader.run(number)))


def test_a_suggestion_is_told_with_what_was_known_and_what_came_of_it(tmp_path: Path) -> None:
    before = [planned(1, 0, {"rule": "start"}), planned(2, 1, {"rule": "start"}), *ended(1, "0.5"), *ended(2, "0.7")]
    after = [planned(5, 4, GUESS), planned(3, 2, {"rule": "start"}), *ended(3, "0.9"), *ended(5, "0.8")]
    assert told(tmp_path, 5, *before, *after) == [
        "run 5: lr=0.3 opt=sgd",
        "suggested by bayes as configuration 3 of 5, when 2 runs had ended",
        "why: most improvement to expect: expected acc 0.9, probably 0.8 to 0.95; best then 0.7, "
        "chance of a better one 62 %",
        "result: finished, acc 0.8, rank 2 of 4 now, rank 1 of 3 then",
        "nearest earlier ones, and how they differ:",
        "  run 1  acc 0.5  lr=0.1",
        "  run 2  acc 0.7  lr=0.1 opt=adam",
    ]


def test_the_first_suggestion_has_nothing_to_go_by(tmp_path: Path) -> None:
    start = {"rule": "start", "results": 0, "needed": 8}
    assert told(tmp_path, 1, planned(1, 0, start)) == [
        "run 1: lr=0.1 opt=sgd",
        "suggested by bayes as configuration 1 of 5, before all others",
        "why: at random: only 0 of the 8 results that a guess needs",
        "result: planned",
    ]


def test_a_run_that_no_sampler_chose_says_so_and_why_it_ended(tmp_path: Path) -> None:
    stop = AttemptStopped(2, "sim_2.1.abc", 1.5, "median", "median: 0.1 is below the median 0.4", "7", "0.1")
    intended, collected = ended(2, "0.1", "stopped early")
    drop = ConfigurationDropped([2], 3.0, 3, 0.01, "it is worse")
    assert told(tmp_path, 2, planned(2, None, None), intended, stop, collected, drop) == [
        "run 2: lr=0.1 opt=adam",
        "planned with the search, or added to it: no sampler has chosen it",
        "result: stopped early, acc 0.1",
        "it was stopped early: median: 0.1 is below the median 0.4",
        "its configuration gets no more seeds: it is worse",
    ]


@pytest.mark.parametrize(
    ("why", "text"),
    [
        ({}, "the journal does not say"),
        ({"rule": "start", "results": 12, "needed": 8}, "at random: all results so far were alike"),
        ({"rule": "Optuna tpe", "best": -0.25}, "rule Optuna tpe, best 0.25"),
        (
            {"rule": "improvement", "expected": -0.3, "low": -0.4, "high": -0.2, "best": -0.25, "chance": 0.0},
            "most improvement to expect: expected loss 0.3, probably 0.2 to 0.4; best then 0.25, "
            "chance of a better one 0 %",
        ),
        (
            {"rule": "resemblance", "expected": -0.3, "low": -0.4, "high": -0.2, "best": -0.25, "chance": 0.1},
            "resembles the best so far, and few others: expected loss 0.3, probably 0.2 to 0.4; best then 0.25, "
            "chance of a better one 10 %",
        ),
    ],
)
def test_scores_are_told_as_the_users_results(why: Mapping[str, object], text: str) -> None:
    assert reason_text(why, "loss", ascending=True) == text
