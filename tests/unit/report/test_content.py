"""The page's content for searches of all kinds: it is always JSON, and nothing is hidden."""

from __future__ import annotations

import json
import math
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_content import unpacked
from searches import SETTINGS

from hpsearch.core.errors import FolderError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.liveness import lock_ways, this_controller
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptStopped,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    RunReused,
    SearchStarted,
    encode_summary,
)
from hpsearch.journal.lines import to_line
from hpsearch.report.content import content_of
from hpsearch.report.packing import packed
from hpsearch.report.page import page_html
from hpsearch.report.searches import OpenSearch
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import ControllerLock, Holder

MADE = datetime(2026, 1, 2, 3, 4, 5)
HOSTILE = "</script><!--\u202e\x1b[31m\x00\ud800 \U0001f600\u2028"


def run_events(
    number: int, options: Mapping[str, object], summary: Mapping[str, object] | None, name: str = ""
) -> list[Event]:
    """Return the events of a run that has ended; summary: None = it failed."""
    name = name or f"sim_{number:02d}"
    token, run = f"{name}.1.abcdef", Run(number, name, Configuration(tuple(options.items())), f"o/{name}")
    ended = AttemptEnded(number, token, 0 if summary else 1, 20.0 + number)
    if summary is None:
        collected = RunCollected(number, token, "failed", 21.0 + number, cause="ValueError: odd")
    else:
        encoded = encode_summary({keyword: [value] for keyword, value in summary.items()})
        collected = RunCollected(number, token, "finished", 21.0 + number, encoded)
    sent = AttemptSubmitted(number, token, "7@8", "host", 10.0 + number)
    return [RunPlanned.of(run), AttemptIntended(number, token, 10.0), sent, ended, collected]


def folder_with(path: Path, *events: Event, **settings: Any) -> SearchFolder:
    folder = SearchFolder(path)
    folder.create_state()
    started = SearchStarted(replace(SETTINGS, **settings).to_json(), 1.0)
    folder.journal.write_bytes(b"".join(map(to_line, [started, ControllerStarted("host", 1, 2.0), *events])))
    return folder


def content(*folders: SearchFolder, over: Sequence[str] = ()) -> dict[str, Any]:
    """Return the content as the page's script sees it."""
    found = content_of([OpenSearch(folder, "", over).shown() for folder in folders], MADE)
    assert page_html(found, "").encode()
    return unpacked(json.loads(json.dumps(packed(found), allow_nan=False)))


def of_runs(path: Path, *runs: tuple[Mapping[str, object], Mapping[str, object] | None], **settings: Any) -> Any:
    events = [event for number, run in enumerate(runs, start=1) for event in run_events(number, *run)]
    return content(folder_with(path, *events, **settings))


def column(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["columns"] if each["name"] == name)


def test_a_search_without_any_result_has_a_page(tmp_path: Path) -> None:
    found = of_runs(tmp_path, ({"x": 1}, None), ({"x": 2}, None))
    assert [each["name"] for each in found["columns"]] == ["x"]
    assert (found["performance"]["key"], found["importance"], found["searches"][0]["counts"]) == (
        "acc",
        None,
        {"failed": 2},
    )
    assert found["failures"] == [{"cause": "ValueError: odd", "runs": [0, 1], "log": 0}]


def test_a_search_of_one_run_has_a_page(tmp_path: Path) -> None:
    found = of_runs(tmp_path, ({}, {"acc": 0.5, "finished": 1}))
    assert (found["runs"]["number"], column(found, "acc")["cells"]) == ([1], [0.5])


def test_values_of_every_kind_stay_what_they_are(tmp_path: Path) -> None:
    summary = {"acc": math.nan, "loss": -math.inf, "big": 2**60, "curve": [[1, 2]], "flag": True, "none": None}
    options = {"x": np.float64(0.1), "layers": [1, 2], "more": {"a": None}, "nothing": None, "on": True}
    found = of_runs(tmp_path, (options, summary))
    shown = {each["name"]: each.get("cells", each.get("values")) for each in found["columns"]}
    assert shown == {
        "x": [0.1],
        "layers": ["[1, 2]"],
        "more": ["{'a': None}"],
        "nothing": ["None"],
        "on": ["True"],
        "acc": ["nan"],
        "loss": ["-inf"],
        "big": [str(2**60)],
        "curve": [[1, 2]],
        "flag": ["True"],
    }


def test_forty_options_are_all_there(tmp_path: Path) -> None:
    options = {f"o{number}": number for number in range(40)}
    assert len(of_runs(tmp_path, (options, {"acc": 1}))["columns"]) == 41


def test_a_result_named_like_an_option_gets_an_underscore_and_still_counts(tmp_path: Path) -> None:
    found = of_runs(tmp_path, ({"acc": 3}, {"acc": 0.5}))
    assert [(each["name"], each["role"]) for each in found["columns"]] == [("acc", "option"), ("acc_", "result")]
    assert found["performance"]["key"] == "acc_"


def test_finished_is_no_result_unless_it_says_more(tmp_path: Path) -> None:
    found = of_runs(tmp_path, ({"x": 1}, {"acc": 1, "finished": 1}), ({"x": 2}, {"acc": 1, "finished": 0}))
    assert column(found, "finished")["cells"] == [1, 0]


@pytest.mark.parametrize("text", [HOSTILE, "\ud800", "a\rb", "'\"$(rm)`"], ids=ascii)
def test_hostile_text_in_any_place_leaves_a_page(tmp_path: Path, text: str) -> None:
    text = text.replace("\0", "")
    events = run_events(1, {text: text}, {"acc": text, text: 1})
    folder = folder_with(tmp_path / "search", *events, option_names=(text,), program=(text,), performance_key=text)
    (folder.path / "sim_01").mkdir()
    (folder.path / "sim_01" / "job_sim_01.out").write_bytes(text.encode("utf-8", "surrogatepass") * 3)
    found = content(folder)
    assert column(found, "acc")["values"][0].isprintable()
    assert all(each["name"].isprintable() for each in found["columns"])
    assert all(line.isprintable() for line in found["logs"].get("0", "").split("\n"))


def test_the_best_log_ends_are_those_of_failures(tmp_path: Path) -> None:
    events = [
        event for number in range(1, 6) for event in run_events(number, {"x": 1}, None if number == 4 else {"acc": 1})
    ]
    folder = folder_with(tmp_path, *events)
    for number in range(1, 6):
        (folder.path / f"sim_{number:02d}").mkdir()
        (folder.path / f"sim_{number:02d}" / f"job_sim_{number:02d}.err").write_text(f"line of {number}\n")
    found = content(folder)
    assert next(iter(found["logs"].items())) == ("3", "line of 4")
    assert found["failures"][0]["log"] == 3


def test_a_run_that_is_repeated_counts_with_its_earlier_result(tmp_path: Path) -> None:
    again = AttemptIntended(1, "sim_01.2.abcdef", 40.0)
    folder = folder_with(tmp_path, *run_events(1, {"x": 1}, {"acc": 0.5}), again)
    found = content(folder)
    assert (found["searches"][0]["counts"], column(found, "acc")["cells"]) == ({"finished": 1}, [0.5])
    assert found["runs"]["attempts"] == [2]


def test_a_run_taken_over_from_another_search_names_its_folder(tmp_path: Path) -> None:
    planned = RunPlanned.of(Run(1, "sim_01", Configuration((("x", 1),)), "o/sim_01"))
    reused = RunReused(1, "/other/sim_07", 5.0, {"acc": [0.5]})
    found = content(folder_with(tmp_path, planned, reused))
    assert (found["runs"]["folder"], found["states"]) == (["/other/sim_07"], ["finished"])


def test_a_grid_is_whole_until_some_configurations_have_more_seeds(tmp_path: Path) -> None:
    """Random order would not have drawn the best more often."""
    first = [*run_events(1, {"x": 1, "seed": 0}, {"acc": 0.5}), *run_events(2, {"x": 2, "seed": 0}, {"acc": 0.7})]
    seeds = {"options": {"seed_option": "seed", "num_seeds": 1}}
    assert content(folder_with(tmp_path / "whole", *first, **seeds))["searches"][0]["whole"] is True
    more = run_events(3, {"x": 2, "seed": 1}, {"acc": 0.8})
    assert content(folder_with(tmp_path / "more", *first, *more, **seeds))["searches"][0]["whole"] is False


def test_the_undamaged_lines_of_a_journal_are_shown_and_the_damage_is_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, *run_events(1, {"x": 1}, {"acc": 0.5}))
    with folder.journal.open("ab") as journal:
        journal.write(b"\0\0\0 damage\n" + b"".join(map(to_line, run_events(2, {"x": 2}, {"acc": 0.7}))))
    found = content(folder)
    assert column(found, "acc")["cells"] == [0.5, 0.7]
    assert "line 8: damaged" in found["searches"][0]["notes"][0]


def live_run() -> list[Event]:
    """Return the events of a run that has started, by a process that is gone."""
    return [
        *run_events(1, {"x": 1}, None)[:2],
        AttemptSubmitted(1, "sim_01.1.abcdef", "4194305@8", socket.gethostname(), 11.0),
    ]


def test_a_run_of_a_live_search_runs(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, *live_run())
    with ControllerLock(folder.lock, this_controller(), lock_ways(print)):
        found = content(folder)
    assert (found["searches"][0]["state"], found["states"]) == ("running", ["running"])


def test_a_run_whose_controller_and_process_have_gone_is_not_collected(tmp_path: Path) -> None:
    found = content(folder_with(tmp_path, *live_run()))
    assert (found["searches"][0]["state"], found["states"]) == ("stopped, 1 run left", ["not collected"])


def test_a_copy_of_a_live_search_is_at_rest(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "original", *live_run())
    with ControllerLock(folder.lock, this_controller(), lock_ways(print)):
        shutil.copytree(folder.path, tmp_path / "copy")
        found = content(SearchFolder(tmp_path / "copy"))
    assert found["searches"][0]["state"] == "stopped, 1 run left"


def test_a_search_on_another_machine_is_unknown(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, *live_run())
    folder.lock.write_text(json.dumps(Holder("elsewhere", 12, 2.0, "8").__dict__))
    assert content(folder)["searches"][0]["state"] == "unknown"


def test_the_order_of_words_is_that_of_the_grid(tmp_path: Path) -> None:
    (tmp_path / "grid.py").write_text("grid = {'x': ['small', 'large']}")
    assert column(of_runs(tmp_path, ({"x": "large"}, None), ({"x": "small"}, None)), "x")["values"] == [
        "small",
        "large",
    ]


def test_searches_are_told_apart_and_say_what_is_best_elsewhere(tmp_path: Path) -> None:
    first = folder_with(tmp_path / "runs" / "a", *run_events(1, {"x": 1}, {"acc": 1}))
    second = folder_with(tmp_path / "runs" / "b", *run_events(1, {"x": 1}, {"acc": 1}), sort_ascending=True)
    found = content(first, second)
    assert [search["name"] for search in found["searches"]] == ["a", "b"]
    assert [search["notes"] for search in found["searches"]] == [[], ["here, the lowest acc is best"]]


def test_a_folder_that_holds_no_search_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="not a search folder"):
        OpenSearch(SearchFolder(tmp_path), "", ()).shown()


WHY = "median: its best value 0.1 up to step 5 is below the median 0.5 of 3 others at step 5"


def stopped_run(number: int) -> list[Event]:
    """Return the events of a run that was stopped early, with a summary that can be read."""
    name, token = f"sim_{number:02d}", f"sim_{number:02d}.1.abcdef"
    run = Run(number, name, Configuration((("x", number),)), f"o/{name}")
    summary = encode_summary({"acc": ["0.1"], "finished": ["0"]})
    return [
        RunPlanned.of(run),
        AttemptIntended(number, token, 10.0),
        AttemptSubmitted(number, token, "7@8", "host", 11.0),
        AttemptStopped(number, token, 15.0, "median", WHY, "5", "0.1"),
        AttemptEnded(number, token, 143, 20.0, "stopped early", WHY),
        RunCollected(number, token, "stopped early", 21.0, summary, WHY, WHY),
    ]


def test_a_stopped_run_has_a_state_and_a_reason_and_is_no_failure(tmp_path: Path) -> None:
    events = [*run_events(1, {"x": 1}, {"acc": 0.5, "finished": 1}), *stopped_run(2)]
    found = content(folder_with(tmp_path, *events))
    states = [found["states"][code] for code in found["runs"]["state"]]
    causes = [None if code is None else found["causes"][code] for code in found["runs"]["cause"]]
    assert (states, causes, found["failures"]) == (["finished", "stopped early"], [None, WHY], [])
    assert found["searches"][0]["counts"] == {"finished": 1, "stopped early": 1}


def test_a_stopped_run_shows_its_last_value(tmp_path: Path) -> None:
    found = content(folder_with(tmp_path, *stopped_run(1)))
    assert [float(cell) for cell in column(found, "acc")["cells"]] == [0.1]


def test_the_timeline_shows_its_attempt_as_stopped(tmp_path: Path) -> None:
    found = content(folder_with(tmp_path, *stopped_run(1)))
    attempts = found["attempts"]
    assert ([found["states"][code] for code in attempts["state"]], attempts["ended"]) == (["stopped early"], [20.0])
