"""Gathering random seeds: which run is repeated, with which seeds, and what comes out of it."""

from __future__ import annotations

import json
import pickle
import shlex
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from importlib.util import find_spec
from pathlib import Path

import pytest
from project import ROOT, Project, Result, journal_events, load, rows, run_folders, wait_until
from standins.worlds import FakeLsf

from .seeds_project import (
    COMMAND_SCRIPT,
    KEYWORDS,
    SEEDS_SCRIPT,
    commands_in,
    gather,
    seeds_argv,
    seeds_of,
    seeds_project,
    summary_of,
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a search, which no test changes."""
    project = Project(tmp_path_factory.mktemp("searched"))
    seeds_project(project)
    (project.path / "empty").mkdir()
    return project


def results_of(result: Result) -> Path:
    """The folder of results: where the summary lies."""
    return Path(result.stdout.splitlines()[-1]).parent


@pytest.mark.parametrize(("ascending", "lr"), [(False, "0.5"), (True, "0.2")])
def test_fault_19_the_best_run_of_a_search_is_repeated(project: Project, ascending: bool, lr: str) -> None:
    project.grid(
        {"lr": [0.3, 0.2, 0.5], "random_seed": [42]},
        more=f"_PERFORMANCE_SORT_ASC = {ascending}\n",
        keywords=KEYWORDS,
        script=SEEDS_SCRIPT,
    )
    search = project.search("--out_dir=out", "--force_out_dir").folder
    result = gather(project, f"--run_dir={search}", "--num_seeds=3", "--start_gathering")
    commands = commands_in(results_of(result))
    assert [word for words in commands for word in words if word.startswith("--lr=")] == [f"--lr={lr}"] * 2
    assert seeds_of(commands) == ["0", "1"]


def test_what_is_best_is_what_the_search_recorded(project: Project) -> None:
    search = seeds_project(project)
    module = project.path / "config.py"
    module.write_text(module.read_text() + "_PERFORMANCE_SORT_ASC = True\n")
    result = gather(project, f"--run_dir={search}", "--grid_module=config", "--num_seeds=2", "--start_gathering")
    assert "--lr=0.5" in commands_in(results_of(result))[0]


def test_the_repeated_run_is_the_one_that_best_names(project: Project) -> None:
    search = seeds_project(project)
    journal = search / ".hpsearch" / "journal.jsonl"
    events = journal_events(search)
    (collected,) = (event for event in events if (event["event"], event.get("run")) == ("collected", 2))
    collected["state"] = "failed"
    journal.write_text("".join(json.dumps(event) + "\n" for event in events))
    best = json.loads(project.ask("best", str(search), "--json").stdout)[0]
    printed = gather(project, f"--run_dir={search}", "--num_seeds=2")
    assert Path(shlex.split(printed.stdout)[-1]).name == Path(best["folder"]).name


def test_fault_19_the_search_starts_from_any_folder(project: Project, tmp_path: Path) -> None:
    search = seeds_project(project)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = project.command(seeds_argv(f"--run_dir={search}", "--num_seeds=2", "--start_gathering"), cwd=elsewhere)
    assert result.exit_status == 0, result.stderr
    assert results_of(result).parent == project.path / "out" / "random_seeds"
    assert len(rows(results_of(result))) == 1


def test_fault_19_a_search_that_fails_is_no_success(project: Project) -> None:
    search = seeds_project(project)
    (project.path / "train.py").unlink()
    result = project.command(seeds_argv(f"--run_dir={search}", "--num_seeds=2", "--start_gathering"))
    assert result.exit_status == 2
    assert "_SCRIPT_NAME is 'train.py', but there is no file" in result.stderr
    assert result.stdout == ""


def test_the_summary_has_mean_spread_seeds_and_a_row_for_latex(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--num_seeds=3", "--start_gathering")
    folder = results_of(result)
    new = [path.name for path in run_folders(folder)]
    assert summary_of(result) == [
        "acc (mean +/- std): 5.14 +- 0.20",
        "Number of seeds: 3",
        "",
        "Row of a LaTeX table:",
        "acc",
        r"5.14 $\pm$ 0.20",
        "",
        f"Configuration: lr=0.5 ({new[0]})",
        "",
        "std divides by n, the number of seeds (as numpy.std does); in search_results_by_configuration.csv, "
        "std divides by n - 1",
        "",
        "Runs:",
        "  seed  acc   folder",
        f"  0     5.0   {new[1]}",
        f"  1     5.01  {new[2]}",
        f"  42    5.42  {new[0]}",
    ]


def test_keywords_precision_and_standard_error_can_be_chosen(project: Project) -> None:
    search = seeds_project(project)
    options = ("--summary_keys=finished,acc", "--summary_precs=0,3", "--summary_sem")
    result = gather(project, f"--run_dir={search}", "--num_seeds=3", "--start_gathering", *options)
    assert summary_of(result)[:6] == [
        "finished (mean +/- sem): 1 +- 0",
        "acc (mean +/- sem): 5.143 +- 0.113",
        "Number of seeds: 3",
        "",
        "Row of a LaTeX table:",
        "finished & acc",
    ]


def test_a_run_that_did_not_finish_is_named_and_left_out(project: Project) -> None:
    seeds_project(project, {"lr": [0.5], "name": ["fails"], "random_seed": [42]})
    result = project.command(seeds_argv("--run_dir=out/search", "--num_seeds=3", "--start_gathering"))
    assert result.exit_status == 1
    failed = run_folders(results_of(result))[2]
    assert summary_of(result)[1] == "Number of seeds: 2"
    assert summary_of(result)[-2:] == [
        "Left out:",
        f"  {failed.name} (seed 1): its summary does not say finished 1",
    ]


def test_a_second_call_adds_only_the_seeds_that_are_missing(project: Project) -> None:
    search = seeds_project(project)
    first = gather(project, f"--run_dir={search}", "--num_seeds=3", "--start_gathering")
    second = gather(project, f"--run_dir={search}", "--num_seeds=5", "--start_gathering")
    assert results_of(first) == results_of(second)
    assert seeds_of(commands_in(results_of(second))) == ["0", "1", "2", "3"]
    assert sorted(row["random_seed"] for row in rows(results_of(second))) == ["0", "1", "2", "3"]
    assert summary_of(second)[1] == "Number of seeds: 5"


def test_a_call_with_no_seed_missing_starts_nothing(project: Project) -> None:
    search = seeds_project(project)
    first = gather(project, f"--run_dir={search}", "--num_seeds=3", "--start_gathering")
    before = sorted(results_of(first).iterdir())
    second = gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    assert "Nothing to run: all 3 seeds have finished" in second.stderr
    assert second.stdout == f"{before[0].parent}/seeds_summary_text.txt\n"
    assert sorted(results_of(first).iterdir()) == before


def test_a_failed_seed_is_run_again_by_a_second_call(project: Project) -> None:
    seeds_project(project, {"lr": [0.5], "name": ["fails"], "random_seed": [42]})
    project.command(seeds_argv("--run_dir=out/search", "--num_seeds=3", "--start_gathering"))
    script = project.path / "train.py"
    script.write_text(script.read_text().replace("fails", "mended"))
    result = gather(project, "--run_dir=out/search", "--num_seeds=3", "--start_gathering")
    assert seeds_of(commands_in(results_of(result))) == ["0", "1", "1"]
    assert summary_of(result)[1] == "Number of seeds: 3"


def test_listed_seeds_are_run_exactly(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--seeds_list=7,42,5", "--start_gathering")
    assert seeds_of(commands_in(results_of(result))) == ["7", "5"]
    assert summary_of(result)[1] == "Number of seeds: 3"


def test_the_seed_of_the_data_varies_if_wanted(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--seeds_list=3,4", "--vary_data_seed", "--start_gathering")
    words = [[word for word in words if "seed" in word] for words in commands_in(results_of(result))]
    assert words == [["--random_seed=3", "--data_random_seed=3"], ["--random_seed=4", "--data_random_seed=4"]]


def test_the_seed_may_have_another_name(project: Project) -> None:
    script = SEEDS_SCRIPT.replace("random_seed", "seed").replace("data_seed", "data_random_seed")
    search = seeds_project(project, {"lr": [0.5], "seed": [42]}, script)
    options = ("--seed_option=seed", "--seeds_list=1", "--start_gathering")
    result = gather(project, f"--run_dir={search}", *options)
    assert "--seed=1" in commands_in(results_of(result))[0]
    assert summary_of(result)[1] == "Number of seeds: 2"


def test_the_configuration_in_the_run_folder_decides(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.5], "flag": [True, False], "name": ["a b;$c"]})
    unflagged = run_folders(search)[1]
    result = gather(project, f"--run_dir={unflagged}", "--seeds_list=1", "--start_gathering")
    assert commands_in(results_of(result)) == [
        ["--lr=0.5", "--name=a b;$c", "--sleep=0", "--random_seed=1", "--data_random_seed=42"]
    ]


def test_a_path_inside_the_run_is_not_given_to_other_runs(project: Project) -> None:
    script = SEEDS_SCRIPT.replace('"--unset"', '"--log_dir"')
    script = script.replace("os.makedirs(", "config.log_dir = config.out_dir + '/logs'\nos.makedirs(")
    search = seeds_project(project, {"lr": [0.5]}, script)
    result = gather(project, f"--run_dir={search}", "--seeds_list=1", "--start_gathering")
    assert "log_dir" not in (results_of(result) / "commands.sh").read_text()


def test_a_run_without_a_pickle_has_the_configuration_of_its_command(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.5], "name": ["two\nlines"], "random_seed": [3]}, COMMAND_SCRIPT)
    result = gather(project, f"--run_dir={run_folders(search)[0]}", "--seeds_list=1", "--start_gathering")
    assert [options["name"] for options in load_list(results_of(result) / "commands.pickle")] == ["two\nlines"]
    assert summary_of(result)[1] == "Number of seeds: 2"


def load_list(path: Path) -> list[dict[str, object]]:
    loaded = pickle.loads(path.read_bytes())
    assert isinstance(loaded, list)
    return loaded


def test_a_run_that_was_carried_elsewhere_is_known_by_its_script(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.5], "name": ["two\nlines"], "random_seed": [3]}, COMMAND_SCRIPT)
    carried = project.path / "carried"
    run_folders(search)[0].rename(carried)
    options = ("--seeds_list=1", "--grid_module=config", "--start_gathering")
    result = gather(project, "--run_dir=carried", *options)
    assert [options["name"] for options in load_list(results_of(result) / "commands.pickle")] == ["two\nlines"]
    assert sorted(path.name for path in results_of(result).iterdir() if path.is_dir())[1] == "carried"


def test_the_parser_of_the_grid_module_reads_the_summaries(project: Project) -> None:
    more = (
        "import os\ndef parse(out_dir, cmd_ident):\n"
        "    text = open(os.path.join(out_dir, 'summary.txt')).read().split()\n"
        "    return {'acc': -float(text[1]), 'finished': 1}\n_SUMMARY_PARSER_HANDLE = parse\n"
    )
    grid = {"lr": [0.2, 0.5], "random_seed": [42]}
    project.grid(grid, script=SEEDS_SCRIPT, more=more, keywords=("acc", "finished"))
    search = project.search("--out_dir=out/search", "--force_out_dir").folder
    result = gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    assert summary_of(result)[:2] == ["acc (mean +/- std): -2.21 +- 0.21", "Number of seeds: 2"]


def test_a_run_that_was_copied_to_the_seeds_can_be_repeated_itself(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.5], "random_seed": [42]})
    first = results_of(gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering"))
    options = (f"--run_dir={run_folders(first)[0]}", "--out_dir=again", "--num_seeds=2", "--start_gathering")
    assert seeds_of(commands_in(results_of(gather(project, *options)))) == ["0"]


def test_a_run_whose_seed_nothing_tells_does_not_count(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.5]}, COMMAND_SCRIPT)
    result = gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    assert "The original run's command sets no random_seed, so it is not counted" in result.stderr
    assert seeds_of(commands_in(results_of(result))) == ["0", "1"]


@pytest.fixture
def older_search(project: Project) -> Path:
    """A search as the older tool left it: pickle, table, runs' folders; no journal, no copy of anything of ours."""
    project.grid({"lr": [0.1]}, script=SEEDS_SCRIPT, keywords=KEYWORDS)
    folder = project.path / "out" / "search_2021-01-01_10-00-00"
    runs = [(1, 0.3, 1), (2, 0.9, 0), (3, 0.5, 1)]
    commands = []
    for number, lr, finished in runs:
        run = folder / f"sim_20210101100000_{number}"
        run.mkdir(parents=True)
        out_dir = f"./out/{folder.name}/{run.name}"
        config = Namespace(lr=lr, name="a b", flag=False, unset=None, random_seed=42, out_dir=out_dir)
        (run / "config.pickle").write_bytes(pickle.dumps(config))
        (run / "summary.txt").write_text(f"acc {lr}\nword x\nfinished {finished}\n")
        commands.append({"lr": lr, "name": '"a b"', "out_dir": out_dir})
    (folder / "commands.pickle").write_bytes(pickle.dumps(commands))
    return folder


def test_the_best_run_of_an_older_search_is_repeated(project: Project, older_search: Path) -> None:
    result = gather(project, f"--run_dir={older_search}", "--grid_module=config", "--num_seeds=2", "--start_gathering")
    assert commands_in(results_of(result)) == [["--lr=0.5", "--name=a b", "--random_seed=0"]]
    assert results_of(result).name == "sim_20210101100000_3"


def test_a_search_of_the_older_tool_is_repeated_in_a_folder_of_its_own(project: Project, older_search: Path) -> None:
    words = [str(older_search), "--grid_module=config", "--num_seeds=2", "--visible_gpus=-1"]
    result = project.command([sys.executable, "-m", "hpsearch", "seeds", *words])
    assert result.exit_status == 0, result.stderr
    assert results_of(result) == project.path / "out" / "random_seeds" / "sim_20210101100000_3"
    assert "Configuration: lr=0.5 (sim_20210101100000_3)" in summary_of(result)


def test_seeds_that_an_older_tool_gathered_are_summed_up(project: Project, older_search: Path) -> None:
    for seed, run in enumerate(run_folders(older_search)):
        config = Namespace(lr=0.5, random_seed=seed, out_dir=str(run))
        (run / "config.pickle").write_bytes(pickle.dumps(config))
    result = gather(project, f"--seeds_dir={older_search}", "--grid_module=config")
    assert summary_of(result)[:2] == ["acc (mean +/- std): 0.40 +- 0.10", "Number of seeds: 2"]
    assert summary_of(result)[-1] == "  sim_20210101100000_2 (seed 1): its summary does not say finished 1"


def test_runs_of_several_configurations_are_warned_of_when_summed_up(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.2, 0.5], "random_seed": [1, 2]})
    result = gather(project, f"--seeds_dir={search}")
    first, other = (run_folders(search)[number].name for number in (0, 2))
    assert f"warning: {other} (seed 1) has another configuration than {first} (seed 1): --lr=0.5 instead" in (
        result.stderr
    )
    assert summary_of(result)[-2] == f"  {other} (seed 1): the same seed as in {first}"


def test_the_last_line_starts_the_search_in_a_pipe(project: Project, tmp_path: Path) -> None:
    seeds_project(project)
    # A path with a space does not survive the `echo` of this classic pipe.
    plain = tmp_path / "plain"
    shutil.copytree(project.path, plain)
    gathering = " ".join(seeds_argv("--run_dir=out/search", "--grid_module=config", "--num_seeds=3", "--run_cwd=."))
    pipe = (
        f"{gathering} | awk 'END{{print}}' | xargs bash -c 'echo --grid_module=$0 --grid_config=$1 --force_out_dir "
        f"--dont_force_new_dir --out_dir=$2' | xargs {sys.executable} -m hpsearch.hpsearch --visible_gpus=-1 "
        "--run_cwd=."
    )
    result = project.command(["bash", "-c", pipe], cwd=plain)
    assert result.exit_status == 0, result.stderr
    assert result.folder.parent == plain / "out" / "random_seeds"
    assert sorted(row["random_seed"] for row in rows(result.folder)) == ["0", "1"]


def test_the_last_line_is_quoted_for_a_shell(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--config_name=./my seeds")
    words = project.command(["sh", "-c", f"printf '%s\\n' {result.stdout.splitlines()[-1]}"]).stdout.splitlines()
    best = run_folders(search)[1].name
    results = project.path / "out" / "random_seeds" / best
    assert words == ["config", f"{project.path}/my seeds.pickle", str(results)]


def test_the_printed_call_works_in_another_folder(project: Project, tmp_path: Path) -> None:
    search = seeds_project(project)
    call = gather(project, f"--run_dir={search}", "--num_seeds=3").stdout.splitlines()[0]
    result = project.command(["sh", "-c", call], cwd=tmp_path)
    assert result.exit_status == 0, result.stderr
    assert sorted(row["random_seed"] for row in rows(result.folder)) == ["0", "1"]


def test_nothing_goes_into_the_pipe_if_no_seed_is_missing(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--num_seeds=1")
    assert result.stdout == ""
    assert "Number of seeds: 1" in result.stderr


#: A scheduler's command that notes its words.
SUBMIT = "#!/bin/sh\nprintf '%s\\n' \"$@\" > submitted.txt\n"


@pytest.mark.parametrize(
    ("command", "options", "expected"),
    [
        (
            "bsub",
            ["--hps_num_hours=4"],
            "-J random_seeds_{run} -n 1 -W 4:00 -o {log}.out -e {log}.err -R rusage[mem=8000]",
        ),
        (
            "sbatch",
            ["--scheduler=slurm", "--slurm_partition=long", "--hps_slurm_mem=2G"],
            "--job-name=random_seeds_{run} --output={log}_%j.out --error={log}_%j.err --time=24:00:00 --mem=2G "
            "--partition=long",
        ),
    ],
)
def test_with_a_cluster_the_printed_call_submits_the_search_itself(
    project: Project, command: str, options: list[str], expected: str
) -> None:
    search = seeds_project(project)
    submit = project.write(f"bin/{command}", SUBMIT, executable=True)
    project.environment["PATH"] = f"{submit.parent}:/usr/bin:/bin"
    argv = [word for word in seeds_argv(f"--run_dir={search}", "--num_seeds=3") if "visible_gpus" not in word]
    printed = project.command([*argv, "--run_cluster", *options])
    call = printed.stdout.splitlines()[0]
    run = run_folders(search)[1].name
    log = project.path / "out" / "random_seeds" / run / "random_seeds"
    project.command(["sh", "-c", call])
    words = (project.path / "submitted.txt").read_text().splitlines()
    assert words[:-1] == [word.format(run=run, log=log) for word in expected.split()]
    assert "-m hpsearch.hpsearch --grid_module=config" in words[-1]
    assert "--run_cluster" in words[-1]


def test_a_default_that_is_said_by_hand_is_said_in_the_printed_call(project: Project) -> None:
    seeds_project(project)
    # Left out, it would give way to SBATCH_MEM_PER_NODE where the call is started.
    result = gather(project, "--run_dir=out/search", "--num_seeds=3", "--slurm_mem=8G")
    words = shlex.split(result.stdout.splitlines()[0])
    assert [word for word in words if word.startswith("--slurm")] == ["--slurm_mem=8G"]


def test_a_dry_run_shows_the_commands_and_writes_nothing(project: Project) -> None:
    search = seeds_project(project)
    result = gather(project, f"--run_dir={search}", "--num_seeds=3", "--dry_run")
    assert [line.count("--random_seed=") for line in result.stdout.splitlines()] == [1, 1]
    assert not (project.path / "out" / "random_seeds").exists()


def test_seeds_of_another_configuration_are_not_mixed(project: Project) -> None:
    search = seeds_project(project)
    first, second = run_folders(search)[:2]
    to = ("--out_dir=mine", "--force_out_dir", "--num_seeds=2", "--start_gathering")
    gather(project, f"--run_dir={first}", *to)
    result = project.command(seeds_argv(f"--run_dir={second}", *to))
    assert result.exit_status == 2
    assert "was gathered for another configuration (--lr=0.2 instead of --lr=0.5); give another --out_dir" in (
        result.stderr
    )


@pytest.mark.parametrize(
    ("option", "difference"),
    [
        ("--vary_data_seed", "no --data_random_seed instead of --data_random_seed="),
        ("--forced_params=sleep=0.1", "no --sleep instead of --sleep=0.1"),
    ],
)
def test_seeds_whose_commands_lack_an_option_are_not_mixed(project: Project, option: str, difference: str) -> None:
    search = seeds_project(project, {"lr": [0.5]}, COMMAND_SCRIPT)
    options = (f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    gather(project, *options)
    result = project.command(seeds_argv(*options, option))
    assert result.exit_status == 2
    assert f"for another configuration ({difference}" in result.stderr


def test_unknown_summary_keys_are_refused_before_anything_runs(project: Project) -> None:
    search = seeds_project(project)
    result = project.command(seeds_argv(f"--run_dir={search}", "--summary_keys=acc,los", "--start_gathering"))
    assert (result.exit_status, (project.path / "out" / "random_seeds").exists()) == (2, False)
    assert "summary_keys names 'los', but _SUMMARY_KEYWORDS has only acc, word, finished" in result.stderr


def test_a_wrong_number_of_precisions_is_refused_before_anything_runs(project: Project) -> None:
    search = seeds_project(project)
    keys = ("--summary_keys=acc,word", "--summary_precs=1,2,3")
    result = project.command(seeds_argv(f"--run_dir={search}", *keys, "--start_gathering"))
    assert (result.exit_status, (project.path / "out" / "random_seeds").exists()) == (2, False)
    assert "summary_precs has 3 numbers, summary_keys 2 keywords" in result.stderr


def test_an_interrupted_gathering_of_another_configuration_is_not_resumed(project: Project) -> None:
    search = seeds_project(project)
    options = (f"--run_dir={search}", "--num_seeds=3", "--start_gathering")
    results = results_of(gather(project, *options))
    journal = results / ".hpsearch" / "journal.jsonl"
    planned = [line for line in journal.read_text().splitlines(True) if json.loads(line)["event"] in ("plan", "search")]
    journal.write_text("".join(planned))
    for run in run_folders(results)[1:]:
        shutil.rmtree(run)
    result = project.command(seeds_argv(*options, "--forced_params=lr=0.7"))
    assert result.exit_status == 2
    assert "was gathered for another configuration (--lr=0.5 instead of --lr=0.7)" in result.stderr
    assert "resum" not in result.stderr
    assert summary_of(gather(project, *options))[1] == "Number of seeds: 3"


def test_the_repeated_run_counts_though_an_option_is_forced(project: Project) -> None:
    search = seeds_project(project)
    result = gather(
        project,
        f"--run_dir={search}",
        "--num_seeds=2",
        "--forced_params=lr=0.7",
        "--ignore_kwds=name",
        "--start_gathering",
    )
    assert "differs from the runs that are added: --lr=0.5 instead of --lr=0.7" in result.stderr
    assert commands_in(results_of(result)) == [["--lr=0.7", "--sleep=0", "--random_seed=0", "--data_random_seed=42"]]
    assert summary_of(result)[1] == "Number of seeds: 2"


@pytest.mark.slow
def test_an_interrupted_gathering_is_resumed_and_no_seed_runs_twice(project: Project) -> None:
    project.go()
    seeds_project(project, {"lr": [0.5], "until": ["go"], "random_seed": [42]})
    (project.path / "go").unlink()
    options = ("--run_dir=out/search", "--num_seeds=3", "--start_gathering")
    controller = subprocess.Popen(
        seeds_argv(*options),
        cwd=project.path,
        env=project.environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    results = project.path / "out" / "random_seeds" / run_folders(project.path / "out" / "search")[0].name
    wait_until(lambda: len(list(results.glob("sim_*/config.pickle"))) == 2, "the first seed is running")
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    project.go()
    result = gather(project, *options)
    assert "did not end; resuming them first" in result.stderr
    assert seeds_of(commands_in(results)) == ["0", "1"]
    assert summary_of(result)[1] == "Number of seeds: 3"


def test_seeds_that_were_left_to_a_scheduler_do_not_run_twice(project: Project, lsf: FakeLsf) -> None:
    lsf.write(slots=0)
    search = seeds_project(project)
    options = (f"--run_dir={search}", "--start_gathering", "--run_cluster", "--submit_only")
    first = gather(project, *options, "--num_seeds=3")
    gather(project, *options, "--num_seeds=4")
    printed = gather(project, f"--run_dir={search}", "--num_seeds=5")
    assert seeds_of(commands_in(results_of(first))) == ["0", "1", "2"]
    grid = load(Path(shlex.split(printed.stdout.splitlines()[-1])[1]))["grid"]  # type: ignore[index]
    assert grid["random_seed"] == [3]


def test_fault_11_a_hostile_config_pickle_runs_no_code(project: Project) -> None:
    project.grid({"lr": [0.5]}, keywords=KEYWORDS)
    run = project.path / "hostile"
    run.mkdir()
    (run / "config.pickle").write_bytes(b"cos\nsystem\n(S'touch harmed'\ntR.")
    result = project.command(seeds_argv("--run_dir=hostile", "--grid_module=config"))
    assert result.exit_status == 2
    assert result.stderr == (
        f"hpsearch: {run}/config.pickle: expected a pickled argparse.Namespace of plain values, "
        "but it holds an object of the class os.system\n"
    )
    assert not (project.path / "harmed").exists()


@pytest.mark.parametrize("what", ["a path", "cut off", "no namespace"])
def test_an_unreadable_config_pickle_gives_way_to_the_command(project: Project, what: str) -> None:
    search = seeds_project(project)
    contents = {
        "a path": pickle.dumps(Namespace(lr=0.9, data=Path("x"))),
        "cut off": pickle.dumps(Namespace(lr=0.9))[:-5],
        "no namespace": pickle.dumps([1]),
    }
    for run in run_folders(search):
        (run / "config.pickle").write_bytes(contents[what])
    result = gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    assert commands_in(results_of(result)) == [["--lr=0.5", "--random_seed=0"]]
    assert result.stderr.count("config.pickle: expected a pickled argparse.Namespace of plain values") == 1
    assert "; using the run's command instead\n" in result.stderr


def test_the_command_in_a_runs_own_folder_stands_in_for_its_config_pickle(project: Project) -> None:
    project.grid({"lr": [0.5]}, script=SEEDS_SCRIPT, keywords=KEYWORDS)
    run = project.path / "alone"
    run.mkdir()
    (run / "config.pickle").write_bytes(pickle.dumps(Namespace(data=Path("x"))))
    (run / "hpsearch_command.sh").write_text("#!/bin/sh\npython3 train.py --lr=0.25 --out_dir=alone\n")
    result = gather(project, "--run_dir=alone", "--grid_module=config", "--num_seeds=1", "--start_gathering")
    assert commands_in(results_of(result)) == [["--lr=0.25", "--random_seed=0"]]


def test_gathered_runs_with_an_unreadable_config_pickle_still_count(project: Project) -> None:
    search = seeds_project(project, {"lr": [0.2], "random_seed": [1, 2]})
    for run in run_folders(search):
        (run / "config.pickle").write_bytes(pickle.dumps(Namespace(data=Path("x"))))
    result = gather(project, f"--seeds_dir={search}")
    assert summary_of(result)[1] == "Number of seeds: 2"
    assert "(and likewise in 1 more); using the commands of the runs instead" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"lr": 1}), "found an object of the class dict"),
        (pickle.dumps(Namespace(device=Path("x"))), "but it holds an object of the class pathlib"),
        (b"no pickle", "but not a readable pickle"),
    ],
)
def test_a_config_pickle_of_another_class_is_named(project: Project, content: bytes, message: str) -> None:
    project.grid({"lr": [0.5]}, keywords=KEYWORDS)
    run = project.path / "other"
    run.mkdir()
    (run / "config.pickle").write_bytes(content)
    result = project.command(seeds_argv("--run_dir=other", "--grid_module=config"))
    assert result.exit_status == 2
    assert f"{run}/config.pickle: expected a pickled argparse.Namespace of plain values" in result.stderr
    assert message in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say what to repeat: --run_dir=DIR"),
        (["--run_dir=nowhere"], "--run_dir=nowhere: there is no such folder"),
        (["--run_dir=empty", "--grid_module=config"], "not a search folder"),
        (["--run_dir=empty"], "name the grid module of these runs: --grid_module=NAME"),
        (["--run_dir=out/search", "--seeds_list=1,a"], "expected a whole number, found 'a'"),
        (["--run_dir=out/search", "--seeds_list=1.5"], "expected a whole number, found '1.5'"),
        (["--run_dir=out/search", "--num_seeds=0"], "expected a whole number of at least 1, found 0"),
        (["--run_dir=out/search", "--seed_option=seed"], "has no option 'seed'; name the script's own"),
        (["--run_dir=out/search", "--run_cwd=nowhere"], "--run_cwd=nowhere: there is no such folder"),
        (["--run_dir=out/search", "--config_name=folder/"], "--config_name=folder/: expected the name of a file"),
        (["--run_dir=out/search", "--forced_params=lr"], "expected NAME=VALUE, found 'lr'"),
        (["--run_dir=out/search", "--grid_config=x"], "unrecognized arguments: --grid_config=x"),
        (["--run_dir=out/search", "--seeds_dir=out/search"], "it cannot be given together with --run_dir"),
        (["--seeds_dir=nowhere"], "--seeds_dir=nowhere: there is no such folder"),
        (["--seeds_dir=empty", "--grid_module=config"], "no finished run in here"),
        (["--seeds_dir=out/search", "--summary_keys=nope"], "names 'nope', but the summaries have only acc, word, fin"),
        (["--seeds_dir=out/search", "--summary_precs=1,2"], "summary_precs has 2 numbers, summary_keys 1 keywords"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(searched: Project, options: list[str], message: str) -> None:
    before = sorted(searched.path.rglob("*"))
    result = searched.command(seeds_argv(*options))
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(searched.path.rglob("*")) == before


def test_a_search_without_a_finished_run_has_no_best(project: Project) -> None:
    project.grid({"lr": [0.5]}, script="import sys; sys.exit(1)\n", keywords=KEYWORDS)
    project.run("--out_dir=out", "--force_out_dir")
    result = project.command(seeds_argv("--run_dir=out", "--start_gathering"))
    assert result.exit_status == 2
    assert "there is no best run to repeat: no run finished in it" in result.stderr


def test_help_imports_nothing_heavy_and_has_an_example(project: Project) -> None:
    result = project.call_lightly("from hpsearch import gather_random_seeds; gather_random_seeds.run()", "--help")
    assert "python -m hpsearch.gather_random_seeds --run_dir=" in result.stdout


def test_it_is_a_subcommand_too(project: Project) -> None:
    search = seeds_project(project)
    argv = [sys.executable, "-m", "hpsearch", "seeds", f"--run_dir={search}", "--num_seeds=2", "--visible_gpus=-1"]
    result = project.command([*argv, "--start_gathering"])
    assert result.exit_status == 0, result.stderr
    assert summary_of(result)[1] == "Number of seeds: 2"


@pytest.mark.slow
def test_the_best_digits_network_under_two_seeds(project: Project) -> None:
    if find_spec("sklearn") is None:
        pytest.skip("scikit-learn has the digits, and is not installed")
    digits = project.path / "digits"
    ignored = shutil.ignore_patterns("out", "__pycache__")
    shutil.copytree(ROOT / "examples" / "digits", digits, ignore=ignored)
    shutil.copytree(ROOT / "tests" / "standins" / "digits", digits, ignore=ignored, dirs_exist_ok=True)
    grid = {"optimizer": ["adam"], "lr": [0.0001, 0.01], "num_epochs": [3], "random_seed": [42]}
    (project.path / "few.json").write_text(json.dumps({"grid": grid, "conditions": []}))
    options = ("--grid_module=digits.hpsearch_config", "--grid_config=few.json", "--run_cwd=digits")
    search = project.search(*options, "--out_dir=out", "--force_out_dir", timeout=120).folder
    result = gather(project, f"--run_dir={search}", "--num_seeds=2", "--start_gathering")
    lines = summary_of(result)
    assert lines[0].startswith("acc_val (mean +/- std): 9")
    assert "Number of seeds: 2" in lines
    assert "--lr=0.01" in commands_in(results_of(result))[0]
    assert seeds_of(commands_in(results_of(result))) == ["0"]
