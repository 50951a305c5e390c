"""The table of configurations: one row for each, with mean and spread over the runs that repeat it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.core.model import Configuration, Run, RunState, Summary
from hpsearch.journal.events import ControllerStarted, SearchStarted
from hpsearch.journal.record import SearchRecord
from hpsearch.journal.run_record import RunRecord
from hpsearch.journal.settings import Settings
from hpsearch.store.configuration_table import configuration_table, repetitions, write_configurations
from hpsearch.store.layout import SearchFolder

SETTINGS = Settings(
    summary_filename="summary.txt",
    summary_keywords=("acc", "loss", "finished"),
    performance_key="acc",
    option_names=("lr", "random_seed", "flag"),
)
#: Behind the name of a keyword, in order.
NAMES = ("mean", "std", "sem", "min", "max")


def run(acc: object, loss: object = "1", **options: object) -> tuple[Mapping[str, object], Summary]:
    """A finished run."""
    return options, {"acc": [acc], "loss": [loss], "finished": ["1"]}


def table(
    *runs: tuple[Mapping[str, object], Summary], over: tuple[str, ...] = ("random_seed",)
) -> list[dict[str, object]]:
    """The rows of the table of some runs."""
    return configuration_table(runs, SETTINGS, over)[1]


def test_a_configuration_has_one_row_with_options_count_and_statistics() -> None:
    runs = [run("0.5", lr=1, random_seed=0, flag=True), run("0.7", "3", lr=1, random_seed=1, flag=True)]
    columns, rows = configuration_table(runs, SETTINGS, ("random_seed",))
    assert columns == ["lr", "flag", "n", *(f"{key}_{name}" for key in ("acc", "loss") for name in NAMES)]
    assert [list(rows[0].values())[:3]] == [[1, True, 2]]
    found = [rows[0][f"acc_{name}"] for name in NAMES]
    assert found == pytest.approx([0.6, 0.02**0.5, 0.1, 0.5, 0.7])
    assert [rows[0][f"loss_{name}"] for name in NAMES] == pytest.approx([2, 2**0.5, 1, 1, 3])


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.integers(0, 3), st.floats(-1e3, 1e3)), min_size=1, max_size=12
    )
)
def test_the_table_is_what_a_data_frame_says_grouped_by_the_options(runs: list[tuple[float, int, float]]) -> None:
    import pandas

    frame = pandas.DataFrame(runs, columns=["lr", "seed", "acc"])
    groups = {lr: list(group["acc"]) for lr, group in frame.groupby("lr", sort=False)}
    rows = table(*(run(repr(acc), lr=lr, random_seed=seed) for lr, seed, acc in runs))
    assert {row["lr"]: (row["n"], row["acc_min"], row["acc_max"]) for row in rows} == {
        lr: (len(accs), min(accs), max(accs)) for lr, accs in groups.items()
    }
    means = {row["lr"]: row["acc_mean"] for row in rows}
    assert means == pytest.approx({lr: statistics.fmean(accs) for lr, accs in groups.items()})
    stds = {row["lr"]: row["acc_std"] for row in rows if "acc_std" in row}
    several = {lr: statistics.stdev(accs) for lr, accs in groups.items() if len(accs) > 1}
    assert stds == pytest.approx(several, abs=1e-9)
    assert list(means.values()) == sorted(means.values(), reverse=True)


def test_configurations_without_a_number_come_behind_in_the_order_of_single_runs() -> None:
    runs = [run("", lr=1), run("bad", lr=2), run("nan", lr=3), run("-inf", lr=4), run("0.5", lr=5), run("nan", lr=6)]
    assert [row["lr"] for row in table(*runs)] == [5, 4, 3, 6, 2, 1]


def test_what_is_no_number_is_left_out_and_the_count_says_so() -> None:
    runs = [run(acc, lr=1, random_seed=seed) for seed, acc in enumerate(("0.5", "nan", "word", "", "0.7"))]
    row = table(*runs)[0]
    assert (row["n"], row["acc_n"], row["acc_mean"]) == (5, 2, 0.6)
    assert "loss_n" not in row


def test_learning_curves_are_summed_up_element_by_element() -> None:
    runs = [run(f'"{curve}"', lr=1, random_seed=seed) for seed, curve in enumerate(("1,2,3", "3,4,nan", "2,6"))]
    row = table(*runs)[0]
    assert [row[f"acc_{name}"] for name in ("mean", "std", "min", "max")] == [
        '"2.0,4.0,3.0"',
        '"1.0,2.0,nan"',
        '"1.0,2.0,3.0"',
        '"3.0,6.0,3.0"',
    ]


def test_one_run_has_a_mean_and_no_spread() -> None:
    row = table(run("0.5", lr=1))[0]
    assert {name: row.get(f"acc_{name}") for name in NAMES} == {
        "mean": 0.5,
        "std": None,
        "sem": None,
        "min": 0.5,
        "max": 0.5,
    }


def test_words_and_the_keyword_finished_have_no_columns() -> None:
    columns, _ = configuration_table([run("0.5", "adam", lr=1)], SETTINGS, ())
    assert columns == ["lr", "random_seed", "flag", "n", *(f"acc_{name}" for name in NAMES)]


def test_a_column_whose_name_is_taken_gets_an_underscore() -> None:
    columns, rows = configuration_table([run("0.5", n=8, acc_mean=3)], SETTINGS, ())
    assert columns[3:7] == ["n", "acc_mean", "n_", "acc_mean_"]
    assert [rows[0][name] for name in columns[3:7]] == [8, 3, 1, 0.5]


def test_an_option_that_is_also_a_keyword_makes_up_a_configuration_by_what_was_given() -> None:
    runs = [({"acc": 9, "random_seed": seed}, {"acc": [str(seed)]}) for seed in range(3)]
    rows = table(*runs)
    assert [(row["acc"], row["n"], row["acc_mean"]) for row in rows] == [(9, 3, 1.0)]


def record_of(*entries: RunRecord) -> SearchRecord:
    """A search with these runs."""
    record = SearchRecord()
    record.settings = SETTINGS
    for entry in entries:
        record.runs[entry.run.number] = entry
    return record


def entry_of(number: int, state: RunState, acc: str) -> RunRecord:
    """A run with the seed `number` that delivered a summary."""
    options = Configuration((("lr", 0.1), ("random_seed", number)))
    done = "1" if state is RunState.FINISHED else "0"
    summary: dict[str, list[object]] = {"acc": [acc], "loss": ["1"], "finished": [done]}
    return RunRecord(Run(number, f"sim_{number}", options, f"out/sim_{number}"), state, summary=summary)


def test_finished_runs_count_with_the_rows_from_before_the_journal(tmp_path: Path) -> None:
    record = record_of(entry_of(1, RunState.FINISHED, "0.5"), entry_of(2, RunState.UNFINISHED, "9"))
    earlier = {"lr": "0.1", "random_seed": "7", "acc": "0.7", "loss": "1", "finished": "1"}
    record.carried = [{**earlier, "out_dir": "out/sim_0"}, {**earlier, "acc": "8", "out_dir": "out/sim_1"}]
    write_configurations(SearchFolder(tmp_path), repetitions(record), SETTINGS, ("random_seed",))
    lines = (tmp_path / "search_results_by_configuration.csv").read_text().splitlines()
    assert [line.split(";")[:4] for line in lines] == [["lr", "flag", "n", "acc_mean"], ["0.1", "", "2", "0.6"]]


@pytest.mark.parametrize(
    ("options", "over"),
    [
        ({}, ()),
        ({"num_seeds": None, "seeds_list": "", "seed_option": ""}, ()),
        ({"seed_option": "seed"}, ("seed",)),
        ({"num_seeds": 3}, ("random_seed",)),
        ({"num_seeds": 3, "seed_option": "seed"}, ("seed",)),
        ({"seeds_list": "1,2", "vary_data_seed": True}, ("random_seed", "data_random_seed")),
    ],
)
def test_a_search_with_seeds_says_over_what_it_is_repeated(options: dict[str, object], over: tuple[str, ...]) -> None:
    settings = {**SETTINGS.to_json(), "program": ["python3"], "run_cwd": "/", "shown_folder": "out", "options": options}
    later = [ControllerStarted("host", 1, 0.0, {}), SearchStarted({**settings, "options": {}}, 1.0)]
    assert SearchRecord.of([SearchStarted(settings, 0.0), *later]).over == over


def test_a_search_without_a_finished_run_has_a_table_without_rows() -> None:
    assert configuration_table([], SETTINGS, ("random_seed",)) == (["lr", "flag", "n"], [])


def test_a_keyword_that_only_a_summary_has_gets_columns_as_well() -> None:
    options, summary = run("0.5", lr=1)
    columns, rows = configuration_table([(options, {**summary, "more": ["3"]})], SETTINGS, ())
    assert columns[-len(NAMES) :] == [f"more_{name}" for name in NAMES]
    assert rows[0]["more_mean"] == 3
