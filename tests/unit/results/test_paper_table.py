"""`hpsearch table`: which runs a cell has, which configuration counts, what is best, and how to fill empty cells."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from searches import SETTINGS

from hpsearch.core.errors import FolderError, UsageError
from hpsearch.core.model import Configuration, Run
from hpsearch.journal.events import (
    AttemptEnded,
    AttemptIntended,
    AttemptSubmitted,
    ControllerStarted,
    Event,
    RunCollected,
    RunPlanned,
    RunReused,
    RunsLeftOut,
    SearchStarted,
)
from hpsearch.journal.lines import to_line
from hpsearch.results.paper import table as paper_table
from hpsearch.store.layout import SearchFolder
from hpsearch.store.lock import ControllerLock

#: A run's options and its outcome: a value, several by keyword, or a state.
Known = tuple[Mapping[str, object], str | Mapping[str, str]]
WITH_SEEDS = {"num_seeds": 3, "seed_option": "seed"}


def over_seeds(options: Mapping[str, object], *results: str | Mapping[str, str]) -> list[Known]:
    """Return a run for each result, under the seeds 0, 1, ..."""
    return [({**options, "seed": seed}, result) for seed, result in enumerate(results)]


def search_of(
    path: Path,
    runs: Sequence[Known],
    options: Mapping[str, object] = WITH_SEEDS,
    more: Sequence[Event] = (),
    **settings: object,
) -> SearchFolder:
    """Write the journal of a search. options: of the search. more: events at its end."""
    folder = SearchFolder(path)
    folder.create_state()
    names = tuple(dict.fromkeys(name for given, _ in runs for name in given))
    events: list[Event] = []
    for number, (given, _) in enumerate(runs, start=1):
        events.append(
            RunPlanned.of(Run(number, f"sim_{number}", Configuration(tuple(given.items())), f"o/sim_{number}"))
        )
    recorded = replace(SETTINGS, option_names=names, **settings)  # type: ignore[arg-type]
    events += [SearchStarted(recorded.to_json(), 1.0), ControllerStarted("h", 1, 1.0, options)]
    for number, (_, result) in enumerate(runs, start=1):
        events += came_to(number, result)
    folder.journal.write_bytes(b"".join(map(to_line, [*events, *more])))
    return folder


def came_to(number: int, result: str | Mapping[str, str]) -> list[Event]:
    if result == "planned":
        return []
    token, is_failed = f"sim_{number}.1.ab", result in ("failed", "cancelled")
    cells = result if isinstance(result, Mapping) else {"acc": result}
    summary = None if is_failed else {**{name: [cell] for name, cell in cells.items()}, "finished": ["1"]}
    begun = [AttemptIntended(number, token, 1.0), AttemptSubmitted(number, token, "7@1", "h", 1.0)]
    state, cause = (str(result), "exit status 1") if is_failed else ("finished", "")
    collected = RunCollected(number, token, state, 2.0, summary, cause=cause)
    return [*begun, AttemptEnded(number, token, int(is_failed), 2.0), collected]


def printed(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[list[str], list[str]]:
    """Return what `hpsearch table` prints: lines of results, lines of messages."""
    assert paper_table.main(list(map(str, words))) == 0
    out, err = capsys.readouterr()
    return out.splitlines(), err.replace("python -m hpsearch", "hpsearch").splitlines()


@pytest.fixture(autouse=True)
def _started_as_users_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands in messages are spelled as this process was started."""
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "hpsearch"])
    monkeypatch.setattr(sys, "argv", ["hpsearch"])


METHODS = [
    *over_seeds({"method": "svm", "data": "a"}, "0.90", "0.92", "0.94"),
    *over_seeds({"method": "tree", "data": "a"}, "0.93", "0.95", "0.97"),
    *over_seeds({"method": "rule", "data": "a"}, "0.50", "0.51", "0.52"),
    *over_seeds({"method": "svm", "data": "b"}, "0.80", "0.81", "0.82"),
    *over_seeds({"method": "tree", "data": "b"}, "0.70", "0.71"),
    *over_seeds({"method": "rule", "data": "b"}, "0.1", "0.1", "0.1"),
]


def test_a_cell_is_mean_and_deviation_the_best_marked_and_those_not_worse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path, METHODS)
    assert printed(capsys, tmp_path, "--rows=method", "--columns=data") == (
        [
            "method    a                 b",
            "rule      0.510 +- 0.010    0.100 +- 0.000",
            "svm     ~ 0.920 +- 0.020  * 0.810 +- 0.010",
            "tree    * 0.950 +- 0.020    0.705 +- 0.007 (2)",
            "",
            "acc: mean +- std over seed, n = 3 unless in brackets; std divides by n - 1",
            "*: best of its column (highest); ~: not significantly worse (Welch's t-test, p > 0.05); "
            "not tested with fewer than 3 runs",
        ],
        [],
    )


def test_a_difference_counts_as_in_the_other_views(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # One-sided, p would be 0.04.
    runs = [*over_seeds({"x": "a"}, "0.50", "0.52", "0.54"), *over_seeds({"x": "b"}, "0.54", "0.56", "0.58")]
    search_of(tmp_path, runs)
    assert [line[:4] for line in printed(capsys, tmp_path, "--rows=x")[0][1:3]] == ["a  ~", "b  *"]


MARKS = (
    "best of its column (highest); underlined: not significantly worse (Welch's t-test, p > 0.05); "
    "not tested with fewer than 3 runs"
)
LATEX = r"""% acc: mean +- std over seed, n = 3 unless in brackets; std divides by n - 1
% bold: {marks}
% needs \usepackage{booktabs}
\begin{tabular}{lcc}
\toprule
method & a & b \\
\midrule
rule & 0.510 $\pm$ 0.010 & 0.100 $\pm$ 0.000 \\
svm & \underline{0.920 $\pm$ 0.020} & \textbf{0.810 $\pm$ 0.010} \\
tree & \textbf{0.950 $\pm$ 0.020} & 0.705 $\pm$ 0.007 (2) \\
\bottomrule
\end{tabular}
""".replace("{marks}", MARKS)
MARKDOWN = """\
| method | a                 | b                 |
| ------ | ----------------- | ----------------- |
| rule   | 0.510 ± 0.010     | 0.100 ± 0.000     |
| svm    | *0.920 ± 0.020*   | **0.810 ± 0.010** |
| tree   | **0.950 ± 0.020** | 0.705 ± 0.007 (2) |

acc: mean ± std over seed, n = 3 unless in brackets; std divides by n - 1"""
CSV = """\
method,data,key,mean,std,n,mark
rule,a,acc,51.0,1.0,3,
svm,a,acc,92.0,2.0,3,close
tree,a,acc,95.0,2.0,3,best
rule,b,acc,10.0,0.0,3,
svm,b,acc,81.0,1.0,3,best
tree,b,acc,,,0,
"""


@pytest.mark.parametrize(("form", "shown"), [("latex", LATEX), ("markdown", MARKDOWN)])
def test_other_programs_get_the_same_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, shown: str
) -> None:
    search_of(tmp_path, METHODS)
    assert paper_table.main([str(tmp_path), "--rows=method", "--columns=data", f"--format={form}"]) == 0
    assert shown in capsys.readouterr().out


def test_csv_has_a_line_for_each_cell_with_all_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = [(options, str(round(float(str(result)) * 100))) for options, result in METHODS]
    missing = [run for run in whole if (run[0]["method"], run[0]["data"]) != ("tree", "b")]
    search_of(tmp_path, missing)
    assert paper_table.main([str(tmp_path), "--rows=method", "--columns=data", "--format=csv"]) == 0
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == (CSV, 2)


def test_what_may_not_stand_in_latex_is_escaped_also_in_its_comments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [({"my_opt": "[50%] a_b&c\nd", "neg": 1}, "-0.5"), ({"my_opt": "--x", "neg": 1}, "1e-30")]
    search_of(tmp_path, runs, {})
    lines, _ = printed(capsys, tmp_path, "--rows=my_opt", "--columns=neg", "--format=latex")
    assert [line for line in lines if not line.startswith(("%", "\\"))] == [
        r"my\_opt & neg=1 \\",
        r"-{}-x & \textbf{1e$-$30} \\",
        r"{}[50\%] a\_b\&c\textbackslash{}nd & $-$0.5 \\",
    ]
    assert lines[1] == "% acc: of one run each"


def test_a_cell_has_the_configuration_that_is_best_by_the_performance_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        *over_seeds({"x": "a", "lr": 1, "units": 3}, {"acc": "1", "loss": "9"}, {"acc": "3", "loss": "7"}),
        *over_seeds({"x": "a", "lr": 2, "units": 3}, {"acc": "4", "loss": "10"}, {"acc": "6", "loss": "8"}),
        *over_seeds({"x": "b", "lr": 1, "units": 4}, {"acc": "2", "loss": "5"}, {"acc": "4", "loss": "7"}),
    ]
    search_of(tmp_path, runs, summary_keywords=("acc", "loss", "finished"))
    lines, notes = printed(capsys, tmp_path, "--rows=x", "--value=acc,loss")
    assert lines == [
        "x    acc           loss",
        "a  * 5.0 +- 1.4    9.0 +- 1.4",
        "b    3.0 +- 1.4  * 6.0 +- 1.4",
        "",
        "acc, loss: mean +- std over seed, n = 2; std divides by n - 1",
        "*: best of its column (acc highest, loss lowest); not tested with fewer than 3 runs",
        "each cell has the best of up to 2 configurations by mean acc (highest), which differ in lr",
    ]
    assert notes == ["loss: the lowest is best, by its name; --highest=loss reverses that"]
    latex, _ = printed(capsys, tmp_path, "--rows=x", "--columns=units", "--value=acc,loss", "--format=latex")
    assert latex[6:9] == [
        r"& \multicolumn{2}{c}{units=3} & \multicolumn{2}{c}{units=4} \\",
        r"\cmidrule(lr){2-3} \cmidrule(lr){4-5}",
        r"x & acc & loss & acc & loss \\",
    ]
    records, _ = printed(capsys, tmp_path, "--rows=x", "--format=csv")
    assert [line.rpartition(",")[2] for line in records] == ["lr", "2", "1"]


def test_the_best_in_a_column_is_what_the_grid_module_or_the_user_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path, [({"x": "a"}, "1"), ({"x": "b"}, "2")], {}, sort_ascending=True)
    starred = [printed(capsys, tmp_path, "--rows=x", *words)[0][1:3] for words in ((), ("--highest=acc",))]
    assert starred == [["a  * 1", "b    2"], ["a    1", "b  * 2"]]


def test_it_is_said_what_is_good_under_a_keyword_of_which_nobody_said_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path, [({"x": "a"}, {"acc": "1", "f1": "2"})], {})
    notes = [printed(capsys, tmp_path, "--rows=x", "--value=f1,acc", *more)[1] for more in ((), ("--highest=f1",))]
    assert notes == [["f1: the highest is best; --lowest=f1 reverses that"], []]


def test_equal_means_are_both_best_and_a_lucky_run_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [
        *over_seeds({"x": "a"}, "1", "2", "3"),
        *over_seeds({"x": "b"}, "3", "1", "2"),
        *over_seeds({"x": "c"}, "9", "failed", "failed"),
    ]
    search_of(tmp_path, runs)
    lines, _ = printed(capsys, tmp_path, "--rows=x")
    assert lines[1:4] == ["a  * 2.0 +- 1.0", "b  * 2.0 +- 1.0", "c    9.0 (1)"]
    latex, _ = printed(capsys, tmp_path, "--rows=x", "--columns=seed", "--format=latex")
    assert [line for line in latex if line.startswith("c")] == [r"c & \textbf{9} & -- & -- \\"]


def test_a_seed_that_nobody_named_is_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, METHODS, {})
    lines, notes = printed(capsys, tmp_path, "--rows=method", "--columns=data")
    assert lines[1].split() == ["rule", "0.52", "0.10"]
    assert notes == ["warning: the best seed was chosen in each cell; for the mean over it: --over seed"]
    lines, notes = printed(capsys, tmp_path, "--rows=method", "--columns=data", "--over=seed")
    assert (lines[1], notes) == ("rule      0.510 +- 0.010    0.100 +- 0.000", [])


def test_an_option_to_average_over_is_taken_besides_the_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [*over_seeds({"x": "a", "fold": 1}, "1", "2"), *over_seeds({"x": "a", "fold": 2}, "3", "4")]
    search_of(tmp_path, runs)
    lines, _ = printed(capsys, tmp_path, "--rows=x", "--over=fold")
    assert (lines[1], lines[3][:39]) == ("a    2.5 +- 1.3", "acc: mean +- std over fold and seed, n ")
    lines, _ = printed(capsys, tmp_path, "--rows=x,seed", "--over=fold")
    assert lines[1:3] == ["a  0       2.0 +- 1.4", "a  1     * 3.0 +- 1.4"]


def test_numbers_come_by_size_words_as_in_the_grid_and_a_missing_option_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = [10, 9, "ours", "baseline", "1e-3", "zz", "new"]
    search_of(tmp_path, [*(({"x": value}, "1") for value in values), ({"y": 1}, "1")], {})
    (tmp_path / "grid.py").write_text("grid = [{'x': ['baseline', 'ours']}, {'y': [1]}]\n")
    lines, _ = printed(capsys, tmp_path, "--rows=x")
    assert [line.split("  ")[0] for line in lines[1:9]] == [
        *("1e-3", "9", "10", "baseline", "ours", "new", "zz", "no x"),
    ]


def test_a_flag_that_is_not_given_is_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [({"x": 1, "flag": True}, "1"), ({"x": 1, "flag": False}, "2"), ({"x": 2}, "3")]
    search_of(tmp_path, runs, {})
    assert printed(capsys, tmp_path, "--rows=x", "--columns=flag")[0][:3] == [
        "x    flag=False    flag=True",
        "1    2             1",
        "2  * 3             -",
    ]


def test_what_is_no_number_stands_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = {"a": ("nan", "nan"), "b": ("inf", "inf"), "c": ("adam", "sgd"), "d": ("", ""), "e": ("2", "nan")}
    search_of(tmp_path, [run for x, pair in results.items() for run in over_seeds({"x": x}, *pair)])
    lines, notes = printed(capsys, tmp_path, "--rows=x")
    assert lines[1:6] == ["a    nan", "b  * inf", "c    -", "d    -", "e    2 (1)"]
    assert notes == ["3 cells have no number under 'acc' but 'nan', 'adam', 'sgd', nothing"]


def test_a_cell_whose_configuration_nothing_chooses_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [({"x": 1, "y": y}, {"acc": "nan", "loss": str(y)}) for y in (3, 4)]
    search_of(tmp_path, [*runs, ({"x": 2, "y": 3}, {"acc": "1", "loss": "5"})])
    lines, notes = printed(capsys, tmp_path, "--rows=x", "--value=loss")
    assert lines[1:3] == ["1    -", "2    5"]
    assert "1 cell has no 'loss': no number under 'acc', by which its configuration is chosen" in notes


def test_rows_of_two_options_are_those_that_occur(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [({"x": "a", "y": 1, "z": 0.5}, "1"), ({"x": "b", "y": 2, "z": 0.5}, "2")]
    search_of(tmp_path, runs, {})
    lines, _ = printed(capsys, tmp_path, "--rows=x,y", "--columns=z")
    assert lines[:3] == ["x  y    z=0.5", "a  1    1", "b  2  * 2"]


def test_searches_are_one_table_and_a_run_that_one_reuses_counts_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = search_of(tmp_path / "ours", over_seeds({"x": "a"}, "1", "2", "3"))
    reused = RunReused(1, str(first.path / "sim_1"), 3.0, {"acc": ["1"], "finished": ["1"]})
    again = [({"x": "a", "seed": 0}, "planned"), *over_seeds({"x": "b"}, "5", "7")]
    search_of(tmp_path / "theirs", again, more=[reused])
    both = (first.path, tmp_path / "theirs", tmp_path / "ours")
    assert printed(capsys, *both, "--rows=x")[0][1:3] == ["a    2.0 +- 1.0", "b  * 6.0 +- 1.4 (2)"]
    lines, _ = printed(capsys, *both, "--rows=x", "--columns=search")
    assert lines[:3] == ["x    ours          theirs", "a    2.0 +- 1.0    -", "b    -             6.0 +- 1.4 (2)"]


FILLED = {"method": "svm", "data": "a"}, {"method": "tree", "data": "b"}


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (
            ("failed", "failed"),
            ["empty: method=tree data=a; method=svm data=b (2 failed: exit status 1)", "  hpsearch retry {}"],
        ),
        (
            ("cancelled", "failed"),
            [
                "empty: method=tree data=a; method=svm data=b (1 cancelled, 1 failed: exit status 1)",
                "  hpsearch resume {}",
            ],
        ),
        (("planned", "1"), ["empty: method=svm data=b (1 planned)", "  hpsearch resume {}"]),
        (
            (None, "failed"),
            [
                "empty: method=tree data=a (1 failed: exit status 1)",
                "  hpsearch retry {}",
                "empty: method=svm data=b (no such run)",
                "  hpsearch extend {} --set method=svm --set data=b",
            ],
        ),
    ],
)
def test_an_empty_cell_is_named_with_the_command_that_fills_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], results: tuple[str | None, str], said: list[str]
) -> None:
    others = zip([{"method": "svm", "data": "b"}, {"method": "tree", "data": "a"}], results)
    runs = [*((options, "1") for options in FILLED), *((options, came) for options, came in others if came)]
    search_of(tmp_path / "s", runs, {})
    lines, notes = printed(capsys, tmp_path / "s", "--rows=method", "--columns=data")
    assert notes == [line.format(tmp_path / "s") for line in said]
    assert lines[1].split()[-1] == "-"


def test_only_the_failed_runs_of_the_table_are_named_where_the_search_has_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [*over_seeds({"x": "a", "lr": 1}, "1", "failed", "failed"), *over_seeds({"x": "a", "lr": 2}, "failed")]
    search_of(tmp_path / "s", runs)
    assert printed(capsys, tmp_path / "s", "--rows=x")[1] == [
        "fewer runs: x=a (2 failed: exit status 1)",
        f"  hpsearch retry {tmp_path / 's'} --run=2 --run=3",
    ]


def test_runs_that_the_grid_has_no_more_are_named_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [({"x": "a"}, "1"), ({"x": "b"}, "planned")]
    search_of(tmp_path / "s", runs, {}, more=[RunsLeftOut([2])])
    assert printed(capsys, tmp_path / "s", "--rows=x")[1][1] == f"  hpsearch retry {tmp_path / 's'} --run=2"


def test_what_runs_now_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = search_of(tmp_path / "s", [({"x": "a"}, "1"), ({"x": "b"}, "planned")], {})
    with ControllerLock(folder.lock):
        notes = printed(capsys, folder.path, "--rows=x")[1]
    assert notes == ["empty: x=b (1 planned)", f"  the search is running: hpsearch status {folder.path}"]


def test_of_several_searches_the_one_with_the_column_is_extended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search_of(tmp_path / "a", [({"x": "svm", "data": "a"}, "1"), ({"x": "don't, ", "data": "a"}, "1")], {})
    search_of(tmp_path / "b", [({"x": "svm", "data": "b"}, "1")], {})
    notes = printed(capsys, tmp_path / "a", tmp_path / "b", "--rows=x", "--columns=data")[1]
    value = """'x="don'"'"'t, "'"""
    assert notes == [
        """empty: x='don'"'"'t,' data=b (no such run)""",
        f"  hpsearch extend {tmp_path / 'b'} --set {value}",
    ]


def test_a_row_with_options_of_its_own_is_extended_by_the_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [({"x": "svm", "gamma": 1, "data": "a"}, "1"), *(({"x": "tree", "data": each}, "1") for each in "ab")]
    search_of(tmp_path / "s", runs, {})
    notes = printed(capsys, tmp_path / "s", "--rows=x", "--columns=data")[1]
    assert notes == ["empty: x=svm data=b (no such run)", f"  hpsearch extend {tmp_path / 's'} --set data=b"]


@pytest.mark.parametrize(
    ("runs", "grid", "empty"),
    [
        ([{"x": 1, "y": 1}, {"x": 2, "y": 2}], "{('x', 'y'): [(1, 1), (2, 2)]}", ["y=2 x=1", "y=1 x=2"]),
        ([{"y": 1}, {"x": 2, "y": 2}], "{}", ["y=1 x=2", "y=2 no x"]),
    ],
)
def test_what_no_option_of_extend_says_has_to_be_listed_in_the_grid(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    runs: Sequence[Mapping[str, object]],
    grid: str,
    empty: list[str],
) -> None:
    search_of(tmp_path / "s", [(options, "1") for options in runs], {})
    (tmp_path / "s" / "grid.py").write_text(f"grid = {grid}\n")
    _, notes = printed(capsys, tmp_path / "s", "--rows=y", "--columns=x")
    assert notes[::2] == [f"empty: {cell} (no such run)" for cell in empty]
    assert notes[-1] == f"  list it in the grid, then hpsearch extend {tmp_path / 's'}"


def test_many_hints_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path, [({"x": number, "y": number}, "1") for number in range(40)], {})
    lines, notes = printed(capsys, tmp_path, "--rows=x", "--columns=y")
    assert (len(lines), len(notes), notes[-1]) == (43, 21, "... and there are more such cells")
    assert notes[0] == "empty: x=1 y=0; x=2 y=0; x=3 y=0; x=4 y=0; and 35 more cells (no such run)"
    assert notes[1] == f"  hpsearch extend {tmp_path} --set y=0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--rows=metod",),
            "--rows=metod: no run in {} has such an option; there are: method, data, seed; did you mean",
        ),
        (("--rows=method", "--columns=dat"), "--columns=dat: no run in"),
        (("--rows=method", "--over=sed"), "--over=sed: no run in"),
        (("--rows=method", "--columns=method"), "method is named twice; an option is one of --rows"),
        (("--rows=method", "--over=method"), "method is named twice"),
        (
            ("--rows=method", "--value=ac"),
            "--value=ac: no finished run has such a keyword; there are: acc; did you mean",
        ),
        (("--rows=method", "--lowest=ac"), "--lowest=ac: no finished run has such a keyword"),
        (("--rows=method", "--lowest=acc", "--highest=acc"), "acc: give --lowest or --highest, not both"),
    ],
    ids=str,
)
def test_what_is_named_in_vain_is_one_line(tmp_path: Path, words: Sequence[str], message: str) -> None:
    search_of(tmp_path, METHODS)
    with pytest.raises(UsageError) as raised:
        paper_table.main([str(tmp_path), *words])
    assert str(raised.value).startswith(message.format(tmp_path))
    assert "\n" not in str(raised.value)


def test_a_table_that_nobody_can_read_is_refused(tmp_path: Path) -> None:
    search_of(tmp_path, [({"x": number, "y": "a"}, "1") for number in range(300)], {})
    with pytest.raises(UsageError, match="the table would have 1 rows and 300 columns"):
        paper_table.main([str(tmp_path), "--rows=y", "--columns=x"])


@pytest.mark.parametrize("result", ["failed", "planned"])
def test_without_a_finished_run_there_is_no_table(tmp_path: Path, result: str) -> None:
    search_of(tmp_path, [({"x": 1}, result)], {})
    with pytest.raises(FolderError, match="no run has finished yet"):
        paper_table.main([str(tmp_path), "--rows=x"])


def test_without_a_number_there_is_no_table(tmp_path: Path) -> None:
    search_of(tmp_path, [({"x": 1}, "adam")], {})
    with pytest.raises(FolderError, match="no finished run has a number under 'acc'; choose another: --value=KEY"):
        paper_table.main([str(tmp_path), "--rows=x"])


def test_searches_with_different_keys_need_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search_of(tmp_path / "a", [({"x": 1}, {"acc": "1", "loss": "2"})], {})
    search_of(tmp_path / "b", [({"x": 2}, {"acc": "3", "loss": "4"})], {}, performance_key="loss", sort_ascending=True)
    both = [str(tmp_path / "a"), str(tmp_path / "b"), "--rows=x"]
    with pytest.raises(UsageError, match=r"different performance keys \(acc, loss\): give --value=KEY"):
        paper_table.main(both)
    assert printed(capsys, *both, "--value=acc,loss")[0][1:3] == ["1    1    * 2", "2  * 3      4"]
