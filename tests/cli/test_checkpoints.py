"""Runs that go on from an earlier attempt, on this machine."""

from __future__ import annotations

import pickle
import shlex
from pathlib import Path

import pytest
from project import Project, journal_has, load, rows, run_folders, wait_until
from standins.worlds import FakeLsf

from .seeds_project import KEYWORDS, SEEDS_SCRIPT, gather

#: Counts to 4, each step a line of `steps`; saves the count. It fails after step 2 while there is no file `mended`, or
#: waits there if its options say so.
COUNTS = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
out_dir = options["out_dir"]
saved = os.path.join(options.get("resume_from", out_dir), "step")
start = int(open(saved).read()) if os.path.exists(saved) else 0
os.makedirs(out_dir, exist_ok="keeps" in options)
for step in range(start + 1, 5):
    with open("steps", "a") as file:
        file.write(f"{step}\\n")
    with open(os.path.join(out_dir, "step"), "w") as file:
        file.write(str(step))
    while step == 2 and options["then"] == "wait" and not os.path.exists("mended"):
        time.sleep(0.02)
    if step == 2 and options["then"] == "fail" and not start:
        sys.exit("no more")
with open(os.path.join(out_dir, "summary.txt"), "w") as file:
    file.write(f"acc {start}\\nfinished 1\\n")
"""
NAMES, KEEPS = '_CONTINUE_ARG = "resume_from"\n', "_KEEP_OUT_DIR = True\n"
ATTRIBUTES = pytest.mark.parametrize("attribute", [NAMES, KEEPS], ids=["fresh folder", "same folder"])


def _write(project: Project, attribute: str, then: str) -> Path:
    """Write the project; return the folder of its search."""
    project.grid({"then": [then], "keeps": [attribute == KEEPS]}, script=COUNTS, more=attribute)
    return project.path / "out"


def _steps(project: Project) -> list[str]:
    return (project.path / "steps").read_text().split()


@ATTRIBUTES
def test_a_failed_run_that_is_tried_again_goes_on_where_it_was(project: Project, attribute: str) -> None:
    folder = _write(project, attribute, "fail")
    result = project.run("--out_dir=out", "--force_out_dir", "--retries=1", "--more_columns")
    assert (result.exit_status, _steps(project)) == (0, ["1", "2", "3", "4"]), result.stderr
    (row,) = rows(folder)
    assert (row["acc"], Path(row["out_dir"]).name) == ("2", next(folder.glob("sim_*")).name)
    logs = project.ask("logs", str(folder), "1", "--err", "--attempt=1")
    assert logs.stdout == "no more\n"


@ATTRIBUTES
def test_a_cancelled_run_goes_on_when_the_search_is_resumed(project: Project, attribute: str) -> None:
    folder = _write(project, attribute, "wait")
    search = project.start("--out_dir=out", "--force_out_dir")
    wait_until(lambda: any(folder.glob("sim_*/step")) and _steps(project) == ["1", "2"], "step 2")
    search.terminate()
    project.end(search)
    project.write("mended", "")
    rehearsed = project.run("--resume=out", "--dry_run")
    source = f"--resume_from=out/.hpsearch/attempts/{next(folder.glob('sim_*')).name}.attempt1 "
    assert (source in rehearsed.stdout) == (attribute == NAMES)
    result = project.run("--resume=out")
    assert (result.exit_status, _steps(project)) == (0, ["1", "2", "3", "4"]), result.stderr


#: Counts on from its checkpoint, and saves the count on the signal that its time is nearly over.
SAVES = """\
#!/bin/bash
for word; do name=${word%%=*}; printf -v "${name#--}" %s "${word#*=}"; done
start=0
if [ -n "$resume_from" ]; then start=$(<"$resume_from/step"); fi
mkdir "$out_dir" || exit 3
trap 'echo $((start + 1)) >"$out_dir/step"; exit 5' USR1
if [ "$start" = 1 ]; then printf 'acc %s\\nfinished 1\\n' "$start" >"$out_dir/summary.txt"; exit; fi
while :; do read -t 0.02 <> <(:); done
"""


def test_lsf_tells_a_run_of_its_end_and_it_goes_on_in_the_next_job(project: Project, lsf: FakeLsf) -> None:
    # The signal comes after 1.5 s: before that, even on a busy machine, the script is ready for it.
    lsf.write(seconds_per_minute=0.5)
    project.grid({"x": [1]}, script=SAVES, more=NAMES)
    options = ("--run_cluster", "--num_hours=0:05", "--signal_before_end=120", "--poll_interval_max=0.2")
    result = project.run("--out_dir=out", "--force_out_dir", "--scheduler=lsf", *options)
    assert (result.exit_status, [row["acc"] for row in rows(project.path / "out")]) == (0, ["1"]), result.stderr
    assert result.stderr.count("it ended after SIGUSR1 (exit status 5); continuing it") == 1


def test_a_finished_run_that_is_retried_by_hand_begins_anew(project: Project) -> None:
    folder = _write(project, KEEPS, "go on")
    assert project.run("--out_dir=out", "--force_out_dir").exit_status == 0
    again = project.ask("retry", str(folder), "--run=1")
    assert (again.exit_status, _steps(project)) == (0, ["1", "2", "3", "4"] * 2), again.stderr


def test_an_attempt_that_left_nothing_leaves_no_folder_behind_either(project: Project) -> None:
    script = (
        "import os, sys\nout = sys.argv[-1][10:]\nos.path.exists('tried') and os.makedirs(out)\nopen('tried', 'w')\n"
    )
    project.grid(
        {"x": [1]}, script=script + "open(out + '/summary.txt', 'w').write('acc 1\\nfinished 1')\n", more=KEEPS
    )
    assert project.run("--retries=1").exit_status == 0


def test_another_seed_does_not_start_from_the_checkpoint_of_the_run_that_it_repeats(project: Project) -> None:
    script = SEEDS_SCRIPT.replace("config = parser", "parser.add_argument('--resume_from')\nconfig = parser")
    project.grid({"lr": [0.5], "random_seed": [1]}, script=script, keywords=KEYWORDS, more=NAMES)
    (run,) = run_folders(project.search("--out_dir=out", "--force_out_dir").folder)
    with (run / "config.pickle").open("r+b") as file:
        config = pickle.load(file)
        config.resume_from = "out/.hpsearch/attempts/sim_1.attempt1"
        file.seek(0)
        pickle.dump(config, file)
    gathered = shlex.split(gather(project, f"--run_dir={run}", "--num_seeds=2").stdout)[-2]
    assert "resume_from" not in load(Path(gathered))["grid"]  # type: ignore[index]


@pytest.mark.parametrize(
    "more, options, message",
    [
        ("", ("--max_continuations=3",), "has neither _KEEP_OUT_DIR nor _CONTINUE_ARG"),
        (
            KEEPS,
            ("--run_cluster", "--scheduler=lsf", "--num_hours=0:10", "--signal_before_end=600"),
            "--signal_before_end=600: expected fewer seconds than the 600 of --num_hours",
        ),
    ],
)
def test_an_option_that_cannot_work_is_refused_in_one_line(
    project: Project, more: str, options: tuple[str, ...], message: str
) -> None:
    project.grid({"x": [1]}, more=more)
    result = project.run("--dry_run", *options)
    assert (result.exit_status, message in result.stderr, result.stderr.count("\n")) == (2, True, 1), result.stderr


def test_a_limit_that_means_nothing_to_a_search_is_refused_when_it_is_resumed(project: Project) -> None:
    project.grid({"x": [1]})
    folder = project.run().folder
    result = project.run(f"--resume={folder}", "--max_continuations=3")
    assert (result.exit_status, result.stderr.count("\n")) == (2, 1)
    assert journal_has(folder, "collected", 1)
