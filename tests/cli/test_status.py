"""`hpsearch status` of live, ended and killed searches, from this machine and from others; it changes nothing."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from project import PYTHON_SCRIPT, Project, journal_has, run_folders, wait_until

#: Fails where x is 2.
FAILING = """\
import os, sys, time
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
print("x is", options["x"], flush=True)
time.sleep(float(options.get("sleep", 0)))
os.makedirs(options["out_dir"])
if options["x"] == "2":
    sys.exit("it went wrong")
with open(options["out_dir"] + "/summary.txt", "w") as file:
    file.write("acc %s\\nfinished 1\\n" % options["x"])
"""
FIRST = ("--out_dir=out", "--force_out_dir", "--deterministic_search")


@pytest.fixture
def live(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A search in the folder `out` that has finished run 1, works on run 2, and has not started run 3."""
    project.grid({"x": [5], "sleep": [0, 600, 601]})
    controller = project.start(*FIRST)
    folder = project.path / "out"
    wait_until(lambda: journal_has(folder, "submitted", 2) and journal_has(folder, "collected", 1), "a live run")
    # Run 2 has done all that it does before its end, and the launcher of run 3 is prepared: each has .out and .err.
    logs = folder / ".hpsearch" / "logs"
    wait_until(lambda: sorted(path.read_text() for path in logs.iterdir()) == ["", "", "", "x is 5\n"], "its output")
    yield controller
    controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=30)


@pytest.fixture
def ended(project: Project) -> Path:
    """The folder of a search with two finished runs and a failed one."""
    project.grid({"x": [1, 2, 3]}, script=FAILING)
    assert project.run(*FIRST).exit_status == 1
    return project.path / "out"


def status(project: Project, *options: str, folder: str = "out") -> dict[str, Any]:
    """Return what --json says."""
    result = project.ask("status", folder, "--json", *options)
    assert result.exit_status == 0, result.stderr
    assert result.stdout.count("\n") == 1
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def edit_lock(folder: Path, **changes: object) -> None:
    lock = folder / ".hpsearch" / "lock"
    lock.write_text(json.dumps(json.loads(lock.read_text()) | changes))


def test_a_live_search_tells_its_counts_and_what_runs_where(project: Project, live: subprocess.Popen[str]) -> None:
    text = project.ask("status", "out").stdout
    assert re.search(rf"^state    running: process {live.pid} on \S+, since ", text, re.MULTILINE)
    assert "runs     3: 1 finished, 1 running, 1 not started\n" in text
    # One end is not enough for an estimate.
    assert re.search(r"^(rate|left) ", text, re.MULTILINE) is None
    assert "best     acc 5 (run 1)\n         sleep=0\n" in text
    assert re.search(r"^ {9}2 +running +\S+ +process \d+ +[\d.]+ s$", text, re.MULTILINE)


def test_the_keys_for_scripts_stay(project: Project, live: subprocess.Popen[str]) -> None:
    answer = status(project)
    assert list(answer) == [
        "folder",
        "name",
        "state",
        "at",
        "started_at",
        "last_event_at",
        "controller",
        "runs",
        "to_be_chosen",
        "counts",
        "runs_per_hour",
        "seconds_left",
        "best",
        "live",
        "failures",
        "resume",
        "failure_groups",
        "dropped",
        "stopped_early",
    ]
    assert (answer["state"], answer["runs"], answer["failures"], answer["resume"]) == ("running", 3, [], None)
    assert {state: count for state, count in answer["counts"].items() if count} == {
        "planned": 1,
        "running": 1,
        "finished": 1,
    }
    assert list(answer["controller"]) == ["presence", "host", "process", "since"]
    assert (answer["controller"]["presence"], answer["controller"]["process"]) == ("live", live.pid)
    assert list(answer["live"][0]) == ["run", "state", "place", "host", "job", "since", "seconds"]
    folder = project.path / "out"
    assert answer["best"] == {
        "run": 1,
        "key": "acc",
        "value": 5.0,
        "options": {"x": 5, "sleep": 0},
        "folder": str(run_folders(folder)[0]),
    }
    assert answer["seconds_left"] == pytest.approx(2 / answer["runs_per_hour"] * 3600)


def test_an_ended_search_tells_its_failures_with_cause_and_log(project: Project, ended: Path) -> None:
    answer = status(project)
    assert (answer["state"], answer["controller"]["presence"], answer["live"]) == ("ended", "gone", [])
    (failure,) = answer["failures"]
    assert (failure["run"], failure["state"]) == (2, "failed")
    assert failure["reason"].startswith("exit status 1; there is no summary file")
    assert Path(failure["log"]).read_text() == "it went wrong\n"
    text = project.ask("status", "out").stdout
    assert "state    ended\n" in text
    (group,) = answer["failure_groups"]
    assert (failure["cause"], group["cause"], group["runs"]) == ("it went wrong", "it went wrong", [2])
    assert group["logs"].endswith(" 2 --err")
    options = " ".join(f"{name}={value}" for name, value in group["options"].items())
    assert f"failed   run 2 failed: it went wrong\n           with {options}\n           {group['logs']}\n" in text


def test_a_killed_controller_is_said_to_be_gone_and_how_to_go_on(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600, 601]})
    controller = project.start(*FIRST)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a live run")
    controller.kill()
    controller.communicate()
    try:
        answer = status(project)
        assert (answer["state"], answer["controller"]["presence"]) == ("stopped", "gone")
        assert [run["state"] for run in answer["live"]] == ["running"]
        assert answer["seconds_left"] is None
        text = project.ask("status", "out").stdout
        assert f"the controller is gone (process {controller.pid} on " in text
        assert f"state    stopped, 2 runs left; resume with: {answer['resume']}\n" in text
    finally:
        os.killpg(int(answer["live"][0]["job"].partition("@")[0]), signal.SIGKILL)
    wait_until(lambda: status(project)["live"][0]["state"] == "ended", "the run's end")


def test_a_controller_on_another_machine_is_named_and_not_guessed_at(
    project: Project, live: subprocess.Popen[str]
) -> None:
    edit_lock(project.path / "out", host="elsewhere")
    answer = status(project)
    assert (answer["state"], answer["controller"]["presence"]) == ("unknown", "unknown")
    text = project.ask("status", "out").stdout
    assert f"state    unknown: process {live.pid} on elsewhere, since " in text
    assert ", which cannot be seen from this machine\n" in text
    assert re.search(r"last event [\d.]+ s ago", text)


def test_a_process_that_got_the_number_of_the_controller_is_not_taken_for_it(project: Project, ended: Path) -> None:
    holder = {"host": os.uname().nodename, "pid": os.getpid(), "since": 1.0, "process": f"{os.getpid()}@1.abc"}
    (ended / ".hpsearch" / "lock").write_text(json.dumps(holder))
    assert status(project)["controller"]["presence"] == "gone"


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file and folder with its time of change and its content."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in [folder, *folder.rglob("*")]
    }


@pytest.mark.parametrize(
    "words",
    [
        ("status", "out"),
        ("status", "out", "--json"),
        ("best", "out"),
        ("best", "out", "--command"),
        ("logs", "out", "1"),
        ("logs", "out", "1", "-f"),
    ],
    ids=" ".join,
)
def test_asking_changes_nothing(project: Project, live: subprocess.Popen[str], words: tuple[str, ...]) -> None:
    before = contents(project.path / "out")
    assert project.ask(*words).exit_status == 0
    assert contents(project.path / "out") == before


def test_asking_does_not_keep_a_controller_from_starting(project: Project, ended: Path) -> None:
    project.grid({"x": [1, 2, 3]}, script=PYTHON_SCRIPT)
    watching = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from hpsearch.store.lock import *\nwhile True: lock_holder(Path('out/.hpsearch/lock'))",
        ],
        cwd=project.path,
        env=project.environ(),
    )
    try:
        assert project.run("--resume=out").exit_status == 0
    finally:
        watching.kill()
        watching.wait()


def test_a_torn_last_line_of_the_journal_is_left_out(project: Project, ended: Path) -> None:
    journal = ended / ".hpsearch" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    answer = status(project)
    assert (answer["counts"]["finished"], answer["state"]) == (1, "stopped")


def test_a_damaged_journal_is_named_with_its_line(project: Project, ended: Path) -> None:
    journal = ended / ".hpsearch" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:3], b"nonsense\n", *lines[4:]]))
    result = project.ask("status", "out")
    assert (result.exit_status, result.stdout) == (2, "")
    assert result.stderr.startswith(f"hpsearch: {journal}, line 4: damaged")
    assert result.stderr.count("\n") == 1


def unplanned(folder: Path) -> None:
    journal = folder / ".hpsearch" / "journal.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join(line for line in lines if '"event":"plan"' not in line))


def without_settings(folder: Path) -> None:
    journal = folder / ".hpsearch" / "journal.jsonl"
    journal.write_text("")


@pytest.mark.parametrize(
    ("damage", "message"),
    [(unplanned, "the journal is damaged"), (without_settings, "the journal holds no planned search")],
)
def test_a_journal_that_does_not_add_up_is_said_in_one_line(
    project: Project, ended: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(ended)
    result = project.ask("status", "out")
    assert result.exit_status == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("subcommand", ["status", "best", "cancel", "resume", "retry", "logs"])
@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nowhere", "nowhere: there is no such folder"),
        (".", "not a search folder"),
        ("train.py", "train.py: there is no such folder"),
    ],
)
def test_a_folder_that_is_no_search_is_said_in_one_line(
    project: Project, subcommand: str, folder: str, message: str
) -> None:
    project.grid({"x": [1]})
    more = ["1"] if subcommand == "logs" else []
    result = project.ask(subcommand, folder, *more)
    assert (result.exit_status, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_folder_above_leads_to_the_newest_search(project: Project) -> None:
    project.grid({"x": [1]})
    project.search()
    newest = project.search().folder
    result = project.ask("status", str(newest.parent))
    assert result.exit_status == 2
    assert f"did you mean {newest.relative_to(project.path)} (the newest of 2)?" in result.stderr


def test_the_table_of_results_stands_for_its_folder(project: Project, ended: Path) -> None:
    assert status(project, folder="out/search_results.csv")["folder"] == str(ended)


@pytest.mark.parametrize("is_killed, last", [(False, "ended"), (True, "stopped")])
def test_watching_ends_with_the_search_and_tells_how(project: Project, is_killed: bool, last: str) -> None:
    project.grid({"x": [1], "until": ["go"]})
    controller = project.start(*FIRST)
    wait_until(lambda: journal_has(project.path / "out", "submitted", 1), "a live run")
    watching = project.start_command([sys.executable, "-m", "hpsearch", "status", "out", "--watch", "--json"])
    assert watching.stdout is not None
    first = watching.stdout.readline()
    if is_killed:
        controller.kill()
    else:
        project.go()
    result = project.end(watching)
    project.go()
    controller.communicate()
    states = [json.loads(line)["state"] for line in (first, result.stdout.splitlines()[-1])]
    assert (states, result.exit_status) == (["running", last], 0)


def test_watching_on_a_terminal_draws_in_place_until_ctrl_c(project: Project, live: subprocess.Popen[str]) -> None:
    terminal, other_end = pty.openpty()
    watching = subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "status", "out", "--watch"],
        cwd=project.path,
        env=project.environ(),
        stdout=other_end,
    )
    os.close(other_end)
    shown = b""
    while shown.count(b"search   ") < 2:
        shown += os.read(terminal, 10_000)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(timeout=20) == 0
    os.close(terminal)
    # The second picture begins at the first line of the first one.
    first, second = shown.split(b"\x1b[J")[1:3]
    assert first.endswith(b"\x1b[%dF" % first.count(b"\n"))
    assert second.startswith(b"search   ")


def test_a_reader_that_goes_away_early_gets_no_traceback(project: Project, ended: Path) -> None:
    log = run_folders(ended)[0] / f"job_{run_folders(ended)[0].name}.out"
    log.write_text("line\n" * 1_000_000)
    for words in ("logs out 1", "logs out 1 -f", "status out", "best out"):
        shell = f"'{sys.executable}' -m hpsearch {words} | head -n 1"
        result = project.command(["sh", "-c", shell])
        assert (result.stdout.count("\n"), "Error" in result.stderr) == (1, False), (words, result.stderr)


SUBCOMMANDS = ["status", "best", "export", "logs", "cancel", "resume", "retry"]


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_help_has_an_example_and_fault_14_imports_nothing_heavy(project: Project, subcommand: str) -> None:
    result = project.call_lightly("from hpsearch.__main__ import main; main()", subcommand, "--help")
    assert re.search(rf"^examples?:\s+hpsearch {subcommand} ", result.stdout, re.MULTILINE)


def test_the_list_of_subcommands_names_each(project: Project) -> None:
    listed = project.ask("--help").stdout
    assert [name for name in SUBCOMMANDS if f"\n  {name} " not in listed] == []
