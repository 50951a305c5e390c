"""How searches are shown whose configurations are repeated under several seeds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_search import CONFIG, FakeBackend, FakeClock
from searches import SETTINGS

from hpsearch.config.options import SearchOptions
from hpsearch.console.colour import without_colour
from hpsearch.console.console import Console
from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.model import Configuration, Run
from hpsearch.folder.reading import SearchReader
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.results import best, listing, status
from hpsearch.results.search_status import StatusReader
from hpsearch.results.status import as_json, status_lines
from hpsearch.search.controller import Controller, StopRequest
from hpsearch.search.progress import Progress, closing_lines
from hpsearch.store.layout import SearchFolder
from hpsearch.store.live import LiveSearch

#: Configuration -> the outcomes of its runs under the seeds 0, 1, ...: a number, or a state.
CLOSE = {"a": ["0.50", "0.52", "0.54"], "b": ["0.53", "0.54", "0.55"]}
LUCKY = {"a": ["0.50", "0.52", "0.54"], "b": ["0.51", "failed", "0.55"], "c": ["nan", "0.99", "failed"]}
WITH_SEEDS = {"num_seeds": 3, "seed_option": "seed"}


def search_of(
    path: Path,
    results: Mapping[str, Sequence[str]],
    options: Mapping[str, object] | None = None,
    keywords: tuple[str, ...] = ("acc", "finished"),
) -> SearchFolder:
    """Write the journal of a search, breadth first. options: of the search; results: see `LUCKY`."""
    folder = SearchFolder(path)
    folder.create_state()
    pairs = [(name, seed) for seed in range(3) for name in results if seed < len(results[name])]
    events: list[Event] = []
    for number, (name, seed) in enumerate(pairs, start=1):
        configuration = Configuration((("x", name), ("seed", seed), ("same", 1)))
        events.append(RunPlanned.of(Run(number, f"sim_{number}", configuration, f"o/sim_{number}")))
    settings = replace(SETTINGS, option_names=("x", "seed", "same"), summary_keywords=keywords)
    events += [SearchStarted(settings.to_json(), 1.0), ControllerStarted("h", 1, 1.0, options or {})]
    for number, (name, seed) in enumerate(pairs, start=1):
        events += came_to(number, results[name][seed])
    folder.journal.write_bytes(b"".join(map(to_line, events)))
    return folder


def came_to(number: int, result: str) -> list[Event]:
    token, is_failed = f"sim_{number}.1.ab", result == "failed"
    summary = None if is_failed else {"acc": [result], "finished": ["1"]}
    state = "failed" if is_failed else "finished"
    begun = [AttemptIntended(number, token, 1.0), AttemptSubmitted(number, token, "7@1", "h", 1.0)]
    return [*begun, AttemptEnded(number, token, int(is_failed), 2.0), RunCollected(number, token, state, 2.0, summary)]


def shown(folder: SearchFolder, *over: str) -> list[str]:
    """Return the status lines about the best configurations."""
    lines = list(map(without_colour, status_lines(StatusReader(SearchReader(folder), over).status(9.0), 80)))
    first = next(place for place, line in enumerate(lines) if line.startswith("best"))
    return [line for line in lines[first:] if "failed" not in line and "with x=" not in line and "logs" not in line]


def table(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[str], list[str]]:
    """Return what `hpsearch best` prints: results, and messages."""
    assert best.main(words) == 0
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


def test_status_shows_the_best_two_configurations_and_whether_they_differ(tmp_path: Path) -> None:
    assert shown(search_of(tmp_path, CLOSE, WITH_SEEDS)) == [
        "best     acc 0.540 +- 0.010 (3): runs 2, 4, 6",
        "         x=b",
        "second   0.520 +- 0.020 (3): x=a",
        "         first and second do not differ significantly (Welch's t, p = 0.22)",
    ]


def test_two_runs_of_each_are_too_few_for_a_verdict(tmp_path: Path) -> None:
    few = {name: results[:2] for name, results in CLOSE.items()}
    assert shown(search_of(tmp_path, few, WITH_SEEDS))[2:] == ["second   0.510 +- 0.014 (2): x=a"]


def test_a_search_with_the_seed_in_its_grid_is_shown_over_it_on_request(tmp_path: Path) -> None:
    folder = search_of(tmp_path, CLOSE)
    assert shown(folder)[0] == "best     acc 0.55 (run 6)"
    assert shown(folder, "seed") == shown(search_of(tmp_path / "other", CLOSE, WITH_SEEDS))


def test_configurations_are_shown_by_what_tells_them_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, CLOSE, WITH_SEEDS)
    lines, notes = table(capsys, str(tmp_path), "--top=1", "--differences")
    assert lines == ["acc                 runs", "0.540 +- 0.010 (3)  2, 4, 6"]
    assert notes[0] == "the same in all that are shown: x=b"
    found, _ = table(capsys, str(tmp_path), "--json", "--differences")
    assert [entry["options"] for entry in json.loads(found[0])] == [{"x": "b"}, {"x": "a"}]


def test_a_lucky_run_comes_behind_the_means_of_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, LUCKY, WITH_SEEDS)
    assert table(capsys, str(tmp_path)) == (
        [
            "acc                 runs     counted          x",
            "0.530 +- 0.028 (2)  2, 8     2 of 3           b",
            "0.520 +- 0.020 (3)  1, 4, 7                   a",
            "0.99 (1)            6        1 of 3, too few  c",
        ],
        ["best by mean acc over seed (highest first) of 3 configurations"],
    )


def test_a_keyword_without_numbers_has_no_column_of_means(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, CLOSE, WITH_SEEDS, keywords=("acc", "words", "finished"))
    assert table(capsys, str(tmp_path))[0][0].split() == ["acc", "runs", "x"]


def test_the_command_of_a_configuration_is_that_of_its_first_run_that_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path, {"a": ["failed", "0.5", "0.6"], "b": ["0.1", "0.2", "0.3"]}, WITH_SEEDS)
    commands, notes = table(capsys, str(tmp_path), "--command", "--out_dir=/tmp/new")
    assert commands == ["cd / && true --x=a --seed=1 --same=1 --out_dir=/tmp/new"]
    assert notes == ["of each configuration, its first run that counts: run 3"]


def test_scripts_get_the_numbers_behind_a_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = search_of(tmp_path, CLOSE, WITH_SEEDS)
    first, second = json.loads(table(capsys, str(tmp_path), "--json")[0][0])
    told = {name: round(value, 6) if isinstance(value, float) else value for name, value in first["seeds"].items()}
    p = told.pop("p")
    numbers = {"mean": 0.54, "std": 0.01, "sem": 0.005774, "min": 0.53, "max": 0.55}
    assert told == {"over": ["seed"], "n": 3, **numbers, "runs": [2, 4, 6]}
    assert (first["value"], first["run"], first["options"]["seed"]) == (pytest.approx(0.54), 2, 0)
    assert (round(p, 2), second["seeds"]["p"], second["seeds"]["runs"]) == (0.22, first["seeds"]["p"], [1, 3, 5])
    of_status = as_json(StatusReader(SearchReader(folder)).status(9.0))["best"]
    assert of_status == {**{name: first[name] for name in of_status}, "folder": str(tmp_path / "sim_2")}


def test_without_seeds_there_are_no_numbers_behind_a_value(tmp_path: Path) -> None:
    assert "seeds" not in as_json(StatusReader(SearchReader(search_of(tmp_path, CLOSE))).status(9.0))["best"]


def test_the_list_shows_means_and_p_of_searches_that_have_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path / "search_with", CLOSE, WITH_SEEDS)
    search_of(tmp_path / "search_without", CLOSE)
    assert listing.main([str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    cells = [line.split()[1:8] for line in sorted(out.splitlines()[1:])]
    assert cells[0] == ["ended", "6/6", "0.540", "+-", "0.010", "(3)", "acc"]
    assert cells[1][:4] == ["ended", "6/6", "0.55", "acc"]
    assert "  0.22  " in out
    assert err == "p: Welch's t-test, first and second; above 0.05 they do not differ significantly\n"


def test_the_list_takes_over_where_a_search_has_such_an_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path / "search_without", CLOSE)
    assert listing.main([str(tmp_path), "--over=seed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["best"]["seeds"]["n"] == 3
    assert listing.main([str(tmp_path), "--over=nonsense", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["best"] == {"key": "acc", "value": 0.55}


def test_a_folder_of_the_older_tool_is_shown_over_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = [(0.1, seed, 0.5 + seed / 100) for seed in range(3)] + [
        (1e-05, seed, 0.9 + seed / 10) for seed in range(2)
    ]
    lines = [f"{lr};{seed};./o/sim_{k};{acc:.2f};1" for k, (lr, seed, acc) in enumerate(values)]
    lines += ["1e-05;2;./o/sim_9;0.1;0"]
    (tmp_path / "search_results.csv").write_text("\n".join(["lr;seed;out_dir;acc;finished", *lines, ""]))
    (tmp_path / "grid.py").write_text("_SUMMARY_KEYWORDS = ['acc', 'finished']\n")
    assert table(capsys, str(tmp_path), "--over=seed") == (
        [
            "acc                 runs        counted  lr",
            "0.95 +- 0.07 (2)    sim_3, ...  2 of 3   1e-05",
            "0.510 +- 0.010 (3)  sim_0, ...           0.1",
        ],
        ["best by mean acc over seed (highest first) of 2 configurations"],
    )


def test_an_option_that_the_summary_repeats_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, CLOSE, keywords=("acc", "seed", "finished"))
    assert table(capsys, str(tmp_path), "--over=seed")[0][1].split() == [
        "0.540",
        "+-",
        "0.010",
        "(3)",
        "2,",
        "4,",
        "6",
        "b",
    ]


def test_without_any_mean_there_is_no_best(tmp_path: Path) -> None:
    search_of(tmp_path, {"a": ["inf", "-inf"]}, WITH_SEEDS)
    with pytest.raises(FolderError, match="no finished run has a number under 'acc'"):
        best.main([str(tmp_path)])


@pytest.mark.parametrize("ask", [best.main, status.main])
def test_an_option_that_no_run_has_is_said(tmp_path: Path, ask: Callable[[Sequence[str]], int]) -> None:
    search_of(tmp_path, CLOSE)
    with pytest.raises(UsageError, match=r"--over=sed: no run in .* there are: x, seed, same; did you mean 'seed'"):
        ask([str(tmp_path), "--over=sed"])


def test_the_closing_table_ranks_by_mean(tmp_path: Path) -> None:
    folder = search_of(tmp_path, CLOSE | {"c": ["failed"] * 3}, WITH_SEEDS)
    assert list(map(without_colour, closing_lines(SearchReader(folder).record, folder, 1.0)))[-5:] == [
        "best by mean acc over seed (highest first):",
        "  acc                 runs     x",
        "  0.540 +- 0.010 (3)  2, 5, 8  b",
        "  0.520 +- 0.020 (3)  1, 4, 7  a",
        "first and second do not differ significantly (Welch's t, p = 0.22)",
    ]


def test_the_end_names_the_table_by_configuration_where_there_is_one(tmp_path: Path) -> None:
    folder = search_of(tmp_path, CLOSE, WITH_SEEDS)
    folder.results_by_configuration.touch()
    last = closing_lines(SearchReader(folder).record, folder, 1.0)[-1]
    assert last == "all of them, with mean and spread: search_results_by_configuration.csv"


class Seen(Console):
    """Shows nothing, and records the text behind the bar."""

    has_bar = True
    texts: Sequence[Sequence[str]] = ()

    def describe_bar(self, texts: Sequence[Sequence[str]]) -> None:
        self.texts = [list(map(without_colour, each)) for each in texts]


def test_the_bar_ranks_by_mean_and_says_in_the_end_that_two_do_not_differ(tmp_path: Path) -> None:
    folder = search_of(tmp_path, CLOSE, WITH_SEEDS)
    clock, console = FakeClock(), Seen()
    with LiveSearch(folder) as search, StopRequest() as stop:
        controller = Controller(search, CONFIG, FakeBackend(clock), console, SearchOptions(), stop, clock.clocks)
        Progress(controller, list(search.record.runs)).refresh()
    assert console.texts[:-1] == [
        ["best acc 0.540 +- 0.010 (3)", "best 0.540 +- 0.010 (3)"],
        ["first and second do not differ significantly (Welch's t, p = 0.22)", "p = 0.22 to second", ""],
    ]
