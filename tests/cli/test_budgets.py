"""``--budgets``: all configurations with the smallest budget, the best again with larger ones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from project import Project, journal_has, rows, wait_until

from hpsearch.choosers.budgets import Budgets
from hpsearch.config.options import options_from_names
from hpsearch.journal.events import RunPlanned
from hpsearch.journal.lines import from_line
from hpsearch.journal.record import SearchRecord

#: The accuracy is x plus one digit that the epochs decide; each line of a file is one execution.
SCRIPT = """\
#!/bin/sh
for word; do case $word in
  --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; --epochs=*) n=${word#*=};; --from=*) from=${word#*=};;
esac; done
mkdir "$out" || exit 3
began=0
[ -z "$from" ] || began=$(cat "$from/saved") || exit 4
echo "$x $began $n" >>executed.txt
echo "$n" >"$out/saved"
[ ! -e wait ] || while [ ! -e go ]; do sleep 0.05; done
[ "$x $n" != "$(cat fails 2>/dev/null)" ] || exit 5
echo "acc $x.$n
finished 1" >"$out/summary.txt"
"""
BUDGETS = ("--out_dir=out", "--force_out_dir", "--budgets=1,3,9", "--deterministic_search")
#: The runs of each of nine configurations, one after another: from epoch, to epoch.
WHOLE = sorted([*(f"{x} 0 1" for x in range(9)), "6 1 3", "7 1 3", "8 1 3", "8 3 9"])


#: What a grid module adds: how long a run trains, and from which folder it goes on.
TRAINS, GOES_ON = "_BUDGET_ARG = 'epochs'\n", "_CONTINUE_ARG = 'from'\n"


def write_grid(project: Project, more: str = TRAINS + GOES_ON, script: str = SCRIPT, **first: list[int]) -> None:
    project.grid({**first, "x": [*range(9)]}, script=script, more=more)


@pytest.fixture
def project(project: Project) -> Project:
    write_grid(project)
    return project


def executed(project: Project) -> list[str]:
    return sorted((project.path / "executed.txt").read_text().splitlines())


def check_all_prefixes(folder: Path) -> None:
    """Compare each run that goes on with the choice that the journal before it leads to."""
    record = SearchRecord()
    for line in (folder / ".hpsearch" / "journal.jsonl").read_bytes().splitlines(keepends=True):
        event = from_line(line)
        if isinstance(event, RunPlanned) and event.after is not None:
            choice = next(iter(Budgets(record, options_from_names(record.options)).coming()))
            assert (choice.after, choice.why) == (event.after, event.why)
        record.apply(event)


def test_the_best_go_on_from_where_they_were(project: Project) -> None:
    result = project.run(*BUDGETS)
    assert result.exit_status == 0, result.stderr
    assert executed(project) == WHOLE
    assert (
        "budgets: 9 with epochs=1, 3 with epochs=3, 1 with epochs=9; going on from the smaller one: " in result.stderr
    )
    assert "budgets: 9 of 9 at epochs=1, 3 of 3 at epochs=3, 1 of 1 at epochs=9\n" in result.stderr
    assert "best by acc with epochs=9 (highest first):\n" in result.stderr
    assert [(row["x"], row["epochs"]) for row in rows(project.path / "out")][:3] == [("8", "9"), ("8", "3"), ("8", "1")]
    commands = (project.path / "out" / "commands.sh").read_text().splitlines()
    assert len([line for line in commands if "--epochs=" in line]) == 13


def test_why_tells_what_a_run_goes_on_from(project: Project) -> None:
    assert project.run(*BUDGETS).exit_status == 0
    said = project.ask("why", "out", "13").stdout
    assert "goes on from run " in said
    assert "with epochs=3 it was number 1 of the 3 with a result, so it was sure to be among the best\n" in said
    assert "no sampler has chosen it" in project.ask("why", "out", "1").stdout


def test_a_killed_search_goes_on_as_if_nothing_had_happened(project: Project) -> None:
    (project.path / "wait").touch()
    controller = project.start(*BUDGETS)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a live run")
    controller.kill()
    controller.communicate()
    (project.path / "go").touch()
    for kind, count in (("collected", 9), ("collected", 11)):
        controller = project.start("--resume=out")
        wait_until(lambda kind=kind, count=count: journal_has(project.path / "out", kind, count), "some more runs")
        controller.kill()
        controller.communicate()
    assert project.run("--resume=out").exit_status == 0
    assert executed(project) == WHOLE
    check_all_prefixes(project.path / "out")


def test_several_at_once_lose_nothing(project: Project) -> None:
    result = project.run(*BUDGETS, "--num_cpu_jobs=4")
    assert result.exit_status == 0, result.stderr
    assert set(executed(project)) >= set(WHOLE)
    assert len(executed(project)) == len(set(executed(project)))
    check_all_prefixes(project.path / "out")


def test_best_looks_at_the_largest_budget(project: Project) -> None:
    """Of the runs with the largest budget, though smaller ones have better numbers."""
    script = SCRIPT.replace("acc $x.$n", "acc $((x - n)).5")
    write_grid(project, TRAINS, script)
    assert project.run(*BUDGETS).exit_status == 0
    (best,) = json.loads(project.ask("best", "out", "--json").stdout)
    assert best["options"]["epochs"] == 9
    status = json.loads(project.ask("status", "out", "--json").stdout)
    assert status["best"]["options"]["epochs"] == 9
    (listed,) = json.loads(project.ask("list", ".", "--json").stdout)
    assert listed["best"] == {"key": "acc", "value": -1.5}


def test_an_extension_runs_what_failed_with_a_larger_budget(project: Project) -> None:
    (project.path / "fails").write_text("8 9\n")
    assert project.run(*BUDGETS).exit_status == 1
    (project.path / "fails").unlink()
    extended = project.ask("extend", "out")
    assert "runs: 9 finished already, 0 new\n" in extended.stderr
    assert "budgets: 9 of 9 at epochs=1, 3 of 3 at epochs=3, 1 of 1 at epochs=9\n" in extended.stderr


def test_seeds_repeats_the_best_with_the_largest_budget_only(project: Project) -> None:
    write_grid(project, TRAINS, SCRIPT.replace("acc $x.$n", "acc $((x - n)).5"))
    assert project.run(*BUDGETS).exit_status == 0
    before = executed(project)
    result = project.ask("seeds", "out", "--top=2", "--num_seeds=1")
    assert result.exit_status == 0, result.stderr
    assert sorted([*before, "8 0 9"]) == executed(project)


def test_best_names_the_options_of_a_lone_run_with_the_largest_budget(project: Project) -> None:
    assert project.run(*BUDGETS).exit_status == 0
    header, row = project.ask("best", "out").stdout.splitlines()
    assert header.split() == ["acc", "run", "x", "epochs"]
    assert row.split()[2:] == ["8", "9"]


def test_the_best_is_one_with_a_number(project: Project) -> None:
    """Else a search would have no best run once the first long one came to nothing."""
    write_grid(project, TRAINS, SCRIPT.replace('echo "acc $x.$n', '[ "$n" != 9 ] || x=nan n=""; echo "acc $x$n'))
    assert project.run(*BUDGETS).exit_status == 0
    assert json.loads(project.ask("status", "out", "--json").stdout)["best"]["options"]["epochs"] == 3
    assert json.loads(project.ask("best", "out", "--json").stdout)[0]["options"]["epochs"] == 3


def test_a_search_that_was_killed_after_its_first_budget_has_not_ended(project: Project) -> None:
    write_grid(project, TRAINS, SCRIPT.replace("[ ! -e wait ]", '[ "$n" = 1 ]'))
    controller = project.start(*BUDGETS)
    wait_until(lambda: journal_has(project.path / "out", "collected", 9), "the first budget's results")
    controller.kill()
    controller.communicate()
    project.go()
    (listed,) = json.loads(project.ask("list", ".", "--json").stdout)
    assert (listed["state"], listed["runs"]) == ("stopped", 13)
    assert project.run("--resume=out").exit_status == 0


def test_folders_have_names_as_wide_as_the_number_of_all_runs(project: Project) -> None:
    assert project.run(*BUDGETS).exit_status == 0
    assert {len(folder.name) for folder in (project.path / "out").glob("sim_*")} == {len("sim_20261128000000_01")}


def test_without_checkpoints_each_starts_anew(project: Project) -> None:
    write_grid(project, TRAINS)
    result = project.run(*BUDGETS)
    assert "each from the start: " in result.stderr
    assert executed(project) == sorted(line.replace("1 3", "0 3").replace("3 9", "0 9") for line in WHOLE)


def test_the_next_best_goes_on_where_one_failed(project: Project) -> None:
    (project.path / "fails").write_text("8 3\n")
    result = project.run(*BUDGETS)
    assert result.exit_status == 1
    assert executed(project) == sorted([*(line for line in WHOLE if line != "8 3 9"), "7 3 9"])
    (project.path / "fails").unlink()
    # It is as good as the rule wants now, and that is what counts.
    assert project.run("--resume=out").exit_status == 0
    assert "8 3 9" in executed(project)


def test_a_grid_may_give_one_value_of_the_budget(project: Project) -> None:
    write_grid(project, epochs=[7])
    assert project.run(*BUDGETS).exit_status == 0
    assert executed(project) == WHOLE


def test_a_dry_run_shows_the_smallest_budget(project: Project) -> None:
    result = project.run(*BUDGETS, "--dry_run")
    assert re.findall(r"--epochs=(\d+)", result.stdout) == ["1"] * 9
    assert not (project.path / "out").exists()


@pytest.mark.parametrize(
    ("words", "more", "told"),
    [
        (["--budgets=5"], "", "expected two or more rising numbers such as 5,15,45, found '5'"),
        (["--budgets="], "", "--budgets: expected rising numbers such as 5,15,45, found an empty text"),
        (["--budgets=5,5"], "", "expected two or more rising numbers"),
        (["--budgets=9,3"], "", "expected two or more rising numbers"),
        (["--budgets=a,b"], "", "expected a positive number"),
        (["--budgets=1,3", "--num_seeds=2"], "", "--num_seeds does not go with --budgets"),
        (["--budgets=1,3", "--seeds_list=1,2"], "", "--seeds_list does not go with --budgets"),
        (["--budgets=1,3", "--sampler=bayes", "--num_searches=3"], "", "--sampler=bayes does not go with --budgets"),
        (
            ["--budgets=1,3", "--run_cluster", "--submit_only"],
            "",
            "--submit_only returns before there are results",
        ),
        (["--budgets=1,3"], "_BUDGET_ARG = None", "has no _BUDGET_ARG: name the option that says how long a run"),
        (["--budgets=1,3"], "_BUDGET_ARG = '--epochs'", "expected the option's name without dashes in front"),
        (["--budgets=1,3"], "_BUDGET_ARG = 'out_dir'", "which is the output option (_OUT_ARG)"),
        (["--budgets=1,3"], "_BUDGET_ARG = 'x'", "the grid has several values of x, which --budgets sets"),
        (
            ["--budgets=1,3"],
            "conditions = [({'x': [1]}, {'epochs': [2]})]",
            "condition 1 names epochs, which --budgets sets: take it out there",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(project: Project, words: list[str], more: str, told: str) -> None:
    write_grid(project, TRAINS + more)
    result = project.run("--out_dir=out", *words)
    assert result.exit_status == 2
    assert told in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not (project.path / "out").exists()
