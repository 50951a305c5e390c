"""``hpsearch seeds DIR``: seeds of the best configurations, added to the search in its own folder."""

from __future__ import annotations

import json
import shlex
import signal
import sys
from pathlib import Path

import pytest
from project import Project, Result, journal_events, rows, run_folders, wait_until
from standins.worlds import FakeLsf

from .seeds_project import COMMAND_SCRIPT, commands_in, seeds_of, seeds_project, summary_of


def seeds(project: Project, *words: str) -> Result:
    """Run ``hpsearch seeds``."""
    return project.command([sys.executable, "-m", "hpsearch", "seeds", *words])


def without_seeds(project: Project) -> Path:
    """Run a search whose commands set no seed; return its folder."""
    return seeds_project(project, {"lr": [0.2, 0.5, 0.3]})


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a search to which two seeds were added, which no test changes."""
    project = Project(tmp_path_factory.mktemp("extended"))
    seeds_project(project)
    result = seeds(project, "out/search", "--num_seeds=3", "--retries=1")
    assert result.exit_status == 0, result.stderr
    return project


def test_seeds_are_new_runs_in_the_table_of_the_search(extended: Project) -> None:
    found = [(row["lr"], row["random_seed"]) for row in rows(extended.path / "out" / "search")]
    assert sorted(found) == [("0.2", "42"), ("0.3", "42"), ("0.5", "0"), ("0.5", "1"), ("0.5", "42")]
    assert seeds_of(commands_in(extended.path / "out" / "search")) == ["42", "42", "42", "0", "1"]


def test_seeds_run_as_the_search_did_unless_options_say_otherwise(extended: Project) -> None:
    options = [event["options"] for event in journal_events(extended.path / "out" / "search", "controller")]
    assert [(each["visible_gpus"], each["retries"]) for each in options] == [("-1", 0), ("-1", 1)]


def test_nothing_is_added_by_a_second_call(extended: Project) -> None:
    before = sorted((extended.path / "out" / "search").rglob("*"))
    result = seeds(extended, "out/search", "--num_seeds=3")
    summary = extended.path / "out" / "search" / "seeds_of_run_2" / "seeds_summary_text.txt"
    assert (result.exit_status, result.stdout) == (0, f"{summary}\n")
    assert "Nothing to run: all 3 seeds have finished" in result.stderr
    assert sorted((extended.path / "out" / "search").rglob("*")) == before


def test_the_newest_search_is_meant_where_none_is_named(extended: Project) -> None:
    result = seeds(extended, "--num_seeds=3")
    assert "using out/search\n" in result.stderr
    assert "Nothing to run: all 3 seeds have finished" in result.stderr


def test_the_summary_names_the_configuration(extended: Project) -> None:
    folder = extended.path / "out" / "search"
    names = [path.name for path in run_folders(folder)]
    assert (folder / "seeds_of_run_2" / "seeds_summary_text.txt").read_text().splitlines() == [
        "acc (mean +/- std): 5.14 +- 0.20",
        "Number of seeds: 3",
        "",
        "Row of a LaTeX table:",
        "acc",
        r"5.14 $\pm$ 0.20",
        "",
        "Configuration: lr=0.5 (run 2)",
        "",
        "std divides by n, the number of seeds (as numpy.std does); in search_results_by_configuration.csv, "
        "std divides by n - 1",
        "",
        "Runs:",
        "  seed  acc   folder",
        f"  0     5.0   {names[3]}",
        f"  1     5.01  {names[4]}",
        f"  42    5.42  {names[1]}",
    ]


def test_the_option_of_the_seed_is_found_in_the_source_of_the_script(project: Project) -> None:
    script = COMMAND_SCRIPT.replace("data_random_seed", "data_seed").replace("random_seed", "seed")
    folder = seeds_project(project, {"lr": [0.5]}, script)
    result = seeds(project, "--num_seeds=2")
    assert result.exit_status == 0, result.stderr
    assert "seeds go to --seed (--seed_option=NAME for another)\n" in result.stderr
    assert commands_in(folder)[1:] == [["--lr=0.5", "--seed=0"], ["--lr=0.5", "--seed=1"]]
    assert "std divides by n" in result.stderr


def test_an_option_that_the_script_does_not_know_fails_once(project: Project) -> None:
    folder = seeds_project(project, {"lr": [0.5], "random_seed": [42]}, COMMAND_SCRIPT)
    result = seeds(project, str(folder), "--num_seeds=3", "--seed_option=other")
    counts = json.loads(project.ask("status", str(folder), "--json").stdout)["counts"]
    assert (result.exit_status, counts["failed"], counts["planned"]) == (1, 1, 2)
    assert "if the script does not know --other, name its own with --seed_option=NAME" in result.stderr
    again = seeds(project, str(folder), "--num_seeds=2")
    assert (again.exit_status, summary_of(again)[1]) == (0, "Number of seeds: 2"), again.stderr


def test_a_killed_call_is_resumed_like_any_search(project: Project) -> None:
    project.go()
    folder = seeds_project(project, {"lr": [0.5], "until": ["go"], "random_seed": [42]})
    (project.path / "go").unlink()
    controller = project.start_command([sys.executable, "-m", "hpsearch", "seeds", str(folder), "--num_seeds=3"])
    wait_until(lambda: len(run_folders(folder)) == 2, "the first seed is running")
    refused = seeds(project, str(folder), "--num_seeds=3")
    assert refused.exit_status == 2
    assert f"the search is still running (process {controller.pid} on " in refused.stderr
    controller.send_signal(signal.SIGKILL)
    project.end(controller)
    project.go()
    resumed = project.command([sys.executable, "-m", "hpsearch", "resume", str(folder)])
    assert resumed.exit_status == 0, resumed.stderr
    assert sorted(row["random_seed"] for row in rows(folder)) == ["0", "1", "42"]
    assert "all 3 seeds have finished" in seeds(project, str(folder), "--num_seeds=3").stderr


def test_the_best_configurations_each_get_their_seeds_and_a_summary(project: Project) -> None:
    folder = without_seeds(project)
    result = seeds(project, str(folder), "--num_seeds=2", "--top=2")
    assert result.exit_status == 0, result.stderr
    assert [line.removeprefix(f"{folder}/") for line in result.stdout.splitlines()] == [
        "search_results.csv",
        "seeds_of_run_2/seeds_summary_text.txt",
        "seeds_of_run_3/seeds_summary_text.txt",
    ]
    assert "The original run's command sets no random_seed, so it is not counted" in result.stderr
    assert "Running 2 seeds (0-1)" in result.stderr
    assert commands_in(folder)[3:] == [[f"--lr={lr}", f"--random_seed={n}"] for lr in (0.5, 0.3) for n in (0, 1)]
    assert summary_of(result)[:2] == ["acc (mean +/- std): 3.0050 +- 0.0050", "Number of seeds: 2"]


def test_the_printed_call_adds_the_seeds_to_the_search(project: Project) -> None:
    folder = without_seeds(project)
    printed = seeds(project, str(folder), "--num_seeds=2", "--print")
    call, last = printed.stdout.splitlines()
    assert shlex.split(last)[::2] == ["config", str(folder)]
    assert len(rows(folder)) == 3
    assert project.command(["sh", "-c", call]).exit_status == 0
    assert commands_in(folder)[3:] == [["--lr=0.5", f"--random_seed={n}"] for n in (0, 1)]
    assert "all 2 seeds have finished" in seeds(project, str(folder), "--num_seeds=2").stderr


def test_a_configuration_whose_seeds_did_not_finish_is_found_again(project: Project) -> None:
    folder = without_seeds(project)
    script, text = project.path / "train.py", (project.path / "train.py").read_text()
    script.write_text("raise SystemExit(3)")
    assert seeds(project, str(folder), "--num_seeds=2").exit_status == 1
    script.write_text(text)
    result = seeds(project, str(folder), "--num_seeds=2")
    assert result.exit_status == 0, result.stderr
    assert commands_in(folder)[3:] == [["--lr=0.5", f"--random_seed={n}"] for n in (0, 1)]


def test_a_failed_seed_is_run_again_in_its_own_run(project: Project) -> None:
    folder = seeds_project(project, {"lr": [0.5], "name": ["fails"], "random_seed": [42]})
    assert seeds(project, str(folder), "--num_seeds=3").exit_status == 1
    script = project.path / "train.py"
    script.write_text(script.read_text().replace('"fails"', '"mended"'))
    result = seeds(project, str(folder), "--num_seeds=3")
    assert result.exit_status == 0, result.stderr
    assert seeds_of(commands_in(folder)) == ["42", "0", "1"]
    assert summary_of(result)[1] == "Number of seeds: 3"


def test_seeds_that_a_scheduler_refuses_leave_the_search_as_it_was(project: Project, lsf: FakeLsf) -> None:
    folder = without_seeds(project)
    before = (folder / "commands.sh").read_text()
    refused = seeds(project, str(folder), "--num_seeds=2", "--run_cluster", "--lsf_queue=nosuch")
    counts = json.loads(project.ask("status", str(folder), "--json").stdout)["counts"]
    assert (refused.exit_status, refused.stdout, counts["finished"], counts["planned"]) == (2, "", 3, 0)
    assert "nosuch: No such queue" in refused.stderr
    assert (folder / "commands.sh").read_text() == before


def test_seeds_that_were_left_to_a_scheduler_are_collected_by_the_next_call(project: Project, lsf: FakeLsf) -> None:
    folder = without_seeds(project)
    left = seeds(project, str(folder), "--num_seeds=2", "--run_cluster", "--submit_only")
    assert (left.exit_status, (folder / "seeds_of_run_2").exists()) == (0, False), left.stderr
    collected = seeds(project, str(folder), "--num_seeds=2", "--poll_interval_max=1")
    assert collected.exit_status == 0, collected.stderr
    assert commands_in(folder)[3:] == [["--lr=0.5", f"--random_seed={n}"] for n in (0, 1)]
    assert summary_of(collected)[1] == "Number of seeds: 2"
    assert len(lsf.calls("bsub")) == 1


def test_a_run_gets_its_seeds_in_a_folder_of_its_own(project: Project) -> None:
    folder = seeds_project(project)
    run = run_folders(folder)[0]
    result = seeds(project, str(run), "--num_seeds=2", "--visible_gpus=-1")
    assert result.exit_status == 0, result.stderr
    assert Path(result.stdout.splitlines()[-1]).parent == project.path / "out" / "random_seeds" / run.name
    assert f"Configuration: lr=0.2 ({run.name})" in summary_of(result)
    assert len(rows(folder)) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["out"], "not a search folder itself; did you mean "),
        (["out/search", "--run_dir=out/search"], "--run_dir cannot be given together with DIR"),
        (["out/search", "--interpreter=python3"], "--interpreter cannot be given: the search in "),
        (["out/search", "--top=2", "--print"], "--print prints the call for one configuration"),
        (["--run_dir=out/search", "--top=2"], "--top adds seeds to a search in its own folder"),
        (["out/search", "--seed_option=seed"], "has no option 'seed'; name the script's own with --seed_option"),
        (["out/search", "--summary_keys=nope"], "summary_keys names 'nope'"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(extended: Project, words: list[str], message: str) -> None:
    before = sorted(extended.path.rglob("*"))
    result = seeds(extended, *words)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr
    assert sorted(extended.path.rglob("*")) == before


def test_the_table_of_configurations_knows_seeds_that_were_added(extended: Project) -> None:
    found = rows(extended.path / "out" / "search", "search_results_by_configuration.csv")
    assert [(row["lr"], row["n"]) for row in found] == [("0.5", "3"), ("0.3", "1"), ("0.2", "1")]


def test_seeds_of_a_search_that_varies_the_data_seed_vary_it_too(project: Project) -> None:
    project.grid({"lr": [0.5]}, script=COMMAND_SCRIPT)
    folder = project.search("--out_dir=out/search", "--force_out_dir", "--seeds_list=7", "--vary_data_seed").folder
    result = seeds(project, str(folder), "--num_seeds=2")
    assert result.exit_status == 0, result.stderr
    assert commands_in(folder)[1:] == [["--lr=0.5", "--random_seed=0", "--data_random_seed=0"]]
