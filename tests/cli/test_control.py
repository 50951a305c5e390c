"""`hpsearch cancel`, `resume` and `retry`, as real processes beside a live, killed or ended search."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import PYTHON_SCRIPT, Project, is_alive, journal_events, journal_has, load, rows, wait_until

#: Notes its own process and a child's; ends at once where x is 0, never by itself elsewhere.
SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; --x=*) x=${word#*=};; esac; done
mkdir "$out"
if [ "$x" != 0 ]; then
    sleep 600 & echo $! >>pids.txt
    echo $$ >>pids.txt
    wait
fi
printf 'acc %s\\nfinished 1\\n' "$x" >"$out/summary.txt"
"""
OPTIONS = ("--force_out_dir", "--deterministic_search", "--num_cpu_jobs=2")


def pids(project: Project) -> list[int]:
    path = project.path / "pids.txt"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


@pytest.fixture(autouse=True)
def nothing_stays_behind(project: Project) -> Iterator[None]:
    yield
    for pid in filter(is_alive, pids(project)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def live(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A search in the folder `out`: run 1 finished, runs 2 and 3 (with a child each) live, run 4 to come."""
    project.grid({"x": [0, 1, 2, 3]}, script=SCRIPT)
    controller = project.start("--out_dir=out", *OPTIONS)
    wait_until(lambda: len(pids(project)) == 4, "two live runs")
    state = project.path / "out" / ".hpsearch"
    wait_until(lambda: not [*(state / "logs").glob("*_1.1.*"), *(state / "exits").iterdir()], "run 1 is put in place")
    yield controller
    if controller.poll() is None:
        controller.send_signal(signal.SIGINT)
    controller.communicate(timeout=30)


def kill(controller: subprocess.Popen[str]) -> None:
    controller.kill()
    controller.communicate()


def states(folder: Path) -> dict[int, str]:
    """Return the last state of each run in the journal, or the kind of its last event."""
    events = journal_events(folder)
    plans = [range(event["first"], event["first"] + event["count"]) for event in events if event["event"] == "plan"]
    planned = {number: "planned" for numbers in plans for number in numbers}
    return planned | {event["run"]: event.get("state", event["event"]) for event in events if "run" in event}


def edit_journal(folder: Path, old: str, new: str) -> None:
    journal = folder / ".hpsearch" / "journal.jsonl"
    journal.write_text(journal.read_text().replace(old, new))


def test_a_live_search_is_cancelled_from_a_second_process_and_no_process_is_left(
    project: Project, live: subprocess.Popen[str]
) -> None:
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert live.wait(timeout=5) == 130
    assert [pid for pid in pids(project) if is_alive(pid)] == []
    folder = project.path / "out"
    assert states(folder) == {1: "finished", 2: "cancelled", 3: "cancelled", 4: "planned"}
    assert [entry["x"] for entry in load(folder / "not_completed.pickle")] == [1, 2, 3]  # type: ignore[attr-defined]
    assert result.stdout == f"{folder / 'search_results.csv'}\n"
    assert "Stopped: 1 finished, 2 cancelled, 1 not started\n" in result.stderr
    assert "hpsearch resume out\n" in result.stderr


def test_cancelling_leaves_other_searches_alone(project: Project, live: subprocess.Popen[str]) -> None:
    other = project.start("--out_dir=other", *OPTIONS)
    try:
        wait_until(lambda: len(pids(project)) == 8, "four live runs")
        assert project.ask("cancel", "out").exit_status == 0
        assert len([pid for pid in pids(project) if is_alive(pid)]) == 4
        assert other.poll() is None
    finally:
        assert project.ask("cancel", "other").exit_status == 0
        other.communicate()
    assert [pid for pid in pids(project) if is_alive(pid)] == []


def test_what_a_killed_controller_left_is_ended_and_noted(project: Project, live: subprocess.Popen[str]) -> None:
    kill(live)
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert [pid for pid in pids(project) if is_alive(pid)] == []
    folder = project.path / "out"
    assert states(folder) == {1: "finished", 2: "cancelled", 3: "cancelled", 4: "planned"}
    assert [row["x"] for row in rows(folder)] == ["0"]
    assert [entry["x"] for entry in load(folder / "not_completed.pickle")] == [1, 2, 3]  # type: ignore[attr-defined]
    assert result.stdout == f"{folder / 'search_results.csv'}\n"


def test_a_run_that_ended_after_its_controller_keeps_its_result_when_the_search_is_cancelled(project: Project) -> None:
    project.grid({"x": [7], "until": ["go", "never"]})
    controller = project.start("--out_dir=out", *OPTIONS)
    folder = project.path / "out"
    wait_until(lambda: journal_has(folder, "submitted", 2), "two live runs")
    kill(controller)
    project.go()
    wait_until(lambda: len(list(folder.glob("sim_*/summary.txt"))) == 1, "a run's end")
    assert project.ask("cancel", "out").exit_status == 0
    assert states(folder) == {1: "finished", 2: "cancelled"}
    assert [row["acc"] for row in rows(folder)] == ["7"]


def test_a_copy_of_a_live_search_is_not_cancelled_in_its_stead(project: Project, live: subprocess.Popen[str]) -> None:
    shutil.copytree(project.path / "out", project.path / "copy")
    result = project.ask("cancel", "copy")
    assert result.exit_status == 2
    assert f"copy is a copy of a search that is running elsewhere (process {live.pid} on " in result.stderr
    assert [pid for pid in pids(project) if not is_alive(pid)] == []


def test_a_broken_grid_module_does_not_keep_a_search_from_being_cancelled(project: Project) -> None:
    more = "def parse(out_dir, number):\n    return {'acc': 1, 'finished': 1}\n_SUMMARY_PARSER_HANDLE = parse\n"
    project.grid({"x": [1]}, script=SCRIPT, more=more)
    controller = project.start("--out_dir=out", *OPTIONS)
    wait_until(lambda: len(pids(project)) == 2, "a live run")
    kill(controller)
    project.write("config.py", "nonsense(\n")
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert [pid for pid in pids(project) if is_alive(pid)] == []
    assert "warning: summaries of runs that have ended cannot be read" in result.stderr


def test_a_process_that_got_the_number_of_the_controller_is_never_signalled(
    project: Project, live: subprocess.Popen[str]
) -> None:
    kill(live)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        lock = project.path / "out" / ".hpsearch" / "lock"
        lock.write_text(
            json.dumps(json.loads(lock.read_text()) | {"pid": stranger.pid, "process": f"{stranger.pid}@7"})
        )
        assert project.ask("cancel", "out").exit_status == 0
        assert stranger.poll() is None
        stranger.kill()
    assert [pid for pid in pids(project) if is_alive(pid)] == []


def test_a_process_that_got_the_number_of_a_run_is_never_ended(project: Project, live: subprocess.Popen[str]) -> None:
    kill(live)
    folder = project.path / "out"
    job = next(event["id"] for event in journal_events(folder, "submitted") if event["run"] == 2)
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        edit_journal(folder, job, f"{stranger.pid}@{job.partition('@')[2]}")
        project.ask("cancel", "out")
        assert stranger.poll() is None
        stranger.kill()


#: A program with a search in a thread, as a notebook may have: signals do not reach it.
PROGRAM = """\
import sys, threading
from hpsearch import hpsearch
def search():
    try:
        hpsearch.run(sys.argv[1:])
    except Exception as error:
        print(type(error).__name__, flush=True)
thread = threading.Thread(target=search)
thread.start()
thread.join()
print("the program goes on")
"""


def test_a_search_that_signals_do_not_reach_is_cancelled_by_a_request(project: Project) -> None:
    project.grid({"x": [1]}, script=SCRIPT)
    words = project.argv("--out_dir=out", *OPTIONS)[3:]
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=project.path,
        env=project.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(pids(project)) == 2, "a live run")
    result = project.ask("cancel", "out")
    assert result.exit_status == 0, result.stderr
    assert f"Stopping... (asked process {program.pid} on " in result.stderr
    stdout, stderr = program.communicate(timeout=30)
    assert stdout.splitlines()[-2:] == ["SearchInterrupted", "the program goes on"]
    assert "Asked to stop by process " in stderr
    assert [pid for pid in pids(project) if is_alive(pid)] == []
    assert not (project.path / "out" / ".hpsearch" / "cancel-requested").exists()


def elsewhere(project: Project, *words: str) -> list[str]:
    """Return a subcommand as a machine that shares the files would run it."""
    command = f"hostname elsewhere; exec '{sys.executable}' -m hpsearch {' '.join(words)}"
    return ["unshare", "--uts", "sh", "-c", command]


needs_other_host = pytest.mark.skipif(
    subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode != 0,
    reason="no other host name can be had here (unshare --uts)",
)


@needs_other_host
def test_a_search_is_cancelled_from_another_machine(project: Project, live: subprocess.Popen[str]) -> None:
    result = project.command(elsewhere(project, "cancel", "out"))
    assert result.exit_status == 0, result.stderr
    assert "through the search folder" in result.stderr
    assert live.wait(timeout=5) == 130
    assert [pid for pid in pids(project) if is_alive(pid)] == []


@needs_other_host
def test_what_can_only_be_ended_on_another_machine_is_named_and_left(
    project: Project, live: subprocess.Popen[str]
) -> None:
    kill(live)
    silent = project.command(elsewhere(project, "cancel", "out", "--timeout=0"))
    assert silent.exit_status == 1
    assert "has not answered within " in silent.stderr
    assert f"run this on {os.uname().nodename}" in silent.stderr
    gone = project.command(elsewhere(project, "cancel", "out", "--controller_is_gone"))
    assert gone.exit_status == 1
    assert f"run 2 was started on {os.uname().nodename} and can only be stopped there" in gone.stderr
    assert [pid for pid in pids(project) if not is_alive(pid)] == []
    assert states(project.path / "out")[2] == "submitted"
    assert project.ask("cancel", "out").exit_status == 0
    assert [pid for pid in pids(project) if is_alive(pid)] == []


def test_a_request_to_an_earlier_controller_is_not_taken_by_the_next(project: Project) -> None:
    project.grid({"x": [1, 2], "sleep": [0]})
    folder = project.search("--out_dir=out", *OPTIONS).folder
    request = folder / ".hpsearch" / "cancel-requested"
    request.write_text(json.dumps({"to": {"host": "h", "pid": 1, "since": 1.0}, "by": "process 2 on h"}))
    project.grid({"x": [3], "sleep": [3]})
    project.search("--out_dir=out", "--dont_force_new_dir", *OPTIONS)
    assert Counter(states(folder).values()) == {"finished": 3}
    assert not request.exists()


def test_a_controller_that_does_not_end_in_time_is_said_so(project: Project, live: subprocess.Popen[str]) -> None:
    live.send_signal(signal.SIGSTOP)
    try:
        result = project.ask("cancel", "out", "--timeout=0.2")
    finally:
        live.send_signal(signal.SIGCONT)
    assert result.exit_status == 1
    assert "the search is still stopping after 0.2 s" in result.stderr
    assert live.wait(timeout=30) == 130


def test_cancelling_an_ended_search_changes_nothing(project: Project) -> None:
    project.grid({"x": [1]})
    folder = project.search("--out_dir=out", "--force_out_dir").folder
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
    result = project.ask("cancel", "out")
    assert (result.exit_status, "Nothing to stop: 1 finished\n" in result.stderr) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


@pytest.mark.parametrize("timeout", ["-1", "soon", "nan"])
def test_a_timeout_that_is_no_time_is_refused(project: Project, timeout: str) -> None:
    result = project.ask("cancel", "out", f"--timeout={timeout}")
    assert result.exit_status == 2
    assert f"expected a number of seconds, found '{timeout}'" in result.stderr


#: Notes each start; acc tells how many had been started. x = 2 waits while there is a file `slow`, and x = 2 and x = 3
#: fail while there is a file `broken`.
NOTING = """\
import os, sys, time
x = sys.argv[1][-1]
with open("started.txt", "a") as file:
    file.write(x)
if x in "23" and os.path.exists("broken"):
    sys.exit(1)
while x == "2" and os.path.exists("slow"):
    time.sleep(0.02)
out = sys.argv[-1].partition("=")[2]
os.makedirs(out)
with open(out + "/summary.txt", "w") as file:
    file.write("acc %s%s\\nfinished 1\\n" % (x, os.path.getsize("started.txt")))
"""
ONE_BY_ONE = ("--out_dir=out", "--force_out_dir", "--deterministic_search")


@pytest.fixture
def half_failed(project: Project) -> Path:
    """The folder of an ended search whose runs 2 and 3 failed, and would not fail again."""
    project.grid({"x": [1, 2, 3, 4]}, script=NOTING)
    project.write("broken", "")
    assert project.run(*ONE_BY_ONE).exit_status == 1
    (project.path / "broken").unlink()
    return project.path / "out"


def started(project: Project) -> str:
    """Return x of each start so far, in order."""
    return (project.path / "started.txt").read_text()


def test_resuming_is_the_option_resume(project: Project, half_failed: Path) -> None:
    result = project.ask("resume", "out", "--retries=1")
    assert result.exit_status == 0, result.stderr
    assert result.stdout == f"{half_failed / 'search_results.csv'}\n"
    assert started(project) == "1234" + "23"


def test_what_an_earlier_attempt_writes_late_is_put_beside_its_folder(project: Project) -> None:
    project.grid({"x": [1]})
    folder = project.search("--out_dir=out", "--force_out_dir").folder
    token = journal_events(folder, "intended")[0]["token"]
    assert project.ask("retry", "out", "--run", "1").exit_status == 0
    late = folder / ".hpsearch" / "logs" / f"{token}.err"
    late.write_text("this run has ended before and was collected\n")
    assert project.ask("resume", "out").exit_status == 0
    assert [path.parent.name[-9:] for path in folder.rglob(late.name)] == [".attempt1"]


@pytest.mark.parametrize("subcommand", ["resume", "cancel", "retry"])
def test_a_copy_does_not_take_over_the_runs_of_its_original(
    project: Project, live: subprocess.Popen[str], subcommand: str
) -> None:
    kill(live)
    shutil.copytree(project.path / "out", project.path / "copy")
    words = ("--run=1",) if subcommand == "retry" else ()
    result = project.ask(subcommand, "copy", *words)
    assert (result.exit_status, "is a copy of" in result.stderr) == (2, True), result.stderr
    assert all(map(is_alive, pids(project)))


def test_a_search_that_was_moved_takes_its_runs_along(project: Project, live: subprocess.Popen[str]) -> None:
    kill(live)
    (project.path / "out").rename(project.path / "moved")
    result = project.ask("cancel", "moved")
    assert (result.exit_status, any(map(is_alive, pids(project)))) == (0, False), result.stderr


def left_elsewhere(project: Project, controller: subprocess.Popen[str]) -> None:
    """Kill a controller, and make its runs processes of another machine."""
    kill(controller)
    edit_journal(project.path / "out", f'"host":"{socket.gethostname()}"', '"host":"elsewhere"')
    edit_journal(project.path / "out", "@", "@1")


@pytest.mark.parametrize("words", [("resume", "out"), ("cancel", "out"), ("retry", "out", "--run=2")], ids=str)
def test_runs_that_died_under_an_earlier_name_of_this_machine_are_known_to_be_dead(
    project: Project, live: subprocess.Popen[str], words: tuple[str, ...]
) -> None:
    kill(live)
    # Kill the script before its child: otherwise it would go on.
    for pid in reversed(pids(project)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, pids(project))), "the end of the runs")
    folder = project.path / "out"
    for path in (folder / ".hpsearch" / "journal.jsonl", folder / ".hpsearch" / "lock"):
        path.write_text(path.read_text().replace(f'"{socket.gethostname()}"', '"earlier-name"'))
    project.write("train.sh", SCRIPT.replace('"$x" != 0', "1 = 0"), executable=True)
    status = project.ask("status", "out")
    assert "unknown" not in status.stdout, status.stdout
    result = project.ask(*words)
    assert "may still be running" not in result.stderr, result.stderr
    assert result.exit_status == 0, result.stderr


def test_what_may_be_live_on_another_machine_is_not_run_again(project: Project, live: subprocess.Popen[str]) -> None:
    left_elsewhere(project, live)
    result = project.ask("retry", "out", "--run=1")
    assert (result.exit_status, "started on elsewhere" in result.stderr) == (2, True), result.stderr
    assert not journal_has(project.path / "out", "collected", 2)


def test_what_is_known_to_be_gone_from_another_machine_is_run_again(
    project: Project, live: subprocess.Popen[str]
) -> None:
    left_elsewhere(project, live)
    project.grid({"x": [1, 2, 3]}, script="#!/bin/sh\nexit 3\n")
    result = project.ask("resume", "out", "--runs_are_gone")
    assert (result.exit_status, "running it again" in result.stderr) == (1, True), result.stderr


def test_runs_on_this_machine_cannot_be_left_to_a_scheduler(project: Project, half_failed: Path) -> None:
    result = project.ask("resume", str(half_failed), "--submit_only")
    assert (result.exit_status, "give --run_cluster, too" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("words", [(), ("--failed",)], ids=str)
def test_only_failed_runs_are_run_again(project: Project, half_failed: Path, words: tuple[str, ...]) -> None:
    edit_journal(half_failed, '"run":4,"token"', '"run":1,"token"')  # Run 4 was never started.
    result = project.ask("retry", "out", *words)
    assert result.exit_status == 0, result.stderr
    assert started(project) == "1234" + "23"
    assert states(half_failed)[4] == "planned"


def test_a_run_that_finished_is_run_again_if_it_is_named(project: Project, half_failed: Path) -> None:
    result = project.ask("retry", "out", "--run", "4")
    assert result.exit_status == 0, result.stderr
    assert started(project) == "1234" + "4"
    assert [row["acc"] for row in rows(half_failed)] == ["45", "11"]
    (earlier,) = (half_failed / ".hpsearch" / "attempts").iterdir()
    assert (earlier / "summary.txt").read_text() == "acc 44\nfinished 1\n"


#: Ends at once with the value that `value.txt` holds; where that is "wait", it never ends by itself.
VALUE_SCRIPT = """\
#!/bin/sh
for word; do case $word in --out_dir=*) out=${word#*=};; esac; done
read -r value <value.txt
mkdir "$out"
[ "$value" != wait ] || { echo $$ >>pids.txt; sleep 600; }
[ "$value" != fail ] || exit 3
printf 'acc %s\\nfinished 1\\n' "$value" >"$out/summary.txt"
"""


@pytest.fixture
def with_results(project: Project) -> Path:
    """A search in the folder `out` whose two runs finished with the value 5."""
    project.grid({"x": [1, 2]}, script=VALUE_SCRIPT)
    project.write("value.txt", "5\n")
    project.search("--out_dir=out", *OPTIONS)
    return project.path / "out"


def assert_results_stay(project: Project, folder: Path) -> None:
    assert [row["acc"] for row in rows(folder)] == ["5", "5"]
    assert [path.read_text() for path in folder.glob("sim_*/summary.txt")] == ["acc 5\nfinished 1\n"] * 2
    assert project.ask("postprocess", "out").exit_status == 0
    assert [row["acc"] for row in rows(folder, "postprocessing_results.csv")] == ["5", "5"]
    assert states(folder) == {1: "finished", 2: "finished"}


def test_a_stopped_retry_leaves_the_result_of_a_finished_run(project: Project, with_results: Path) -> None:
    project.write("value.txt", "wait\n")
    argv = [sys.executable, "-m", "hpsearch", "retry", "out", "--run=1"]
    retry = subprocess.Popen(argv, cwd=project.path, env=project.environ(), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(pids(project)) == 1, "the newer attempt")
    assert [row["acc"] for row in rows(with_results)] == ["5", "5"]
    retry.send_signal(signal.SIGINT)
    _, stderr = retry.communicate(timeout=30)
    assert retry.returncode == 130, stderr
    assert "run 1: attempt 2 cancelled (cancelled with the search)" in stderr
    assert "; keeping the result of attempt 1\n" in stderr
    assert "hpsearch retry out --run=1" in stderr.splitlines()[-1]
    assert_results_stay(project, with_results)


def test_the_result_of_a_finished_run_stays_when_the_controller_of_its_retry_is_killed(
    project: Project, with_results: Path
) -> None:
    project.write("value.txt", "wait\n")
    argv = [sys.executable, "-m", "hpsearch", "retry", "out", "--run=1"]
    retry = subprocess.Popen(argv, cwd=project.path, env=project.environ(), stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(pids(project)) == 1, "the newer attempt")
    kill(retry)
    assert project.ask("postprocess", "out").exit_status == 0
    assert [row["acc"] for row in rows(with_results, "postprocessing_results.csv")] == ["5", "5"]
    assert project.ask("cancel", "out").exit_status == 0
    assert_results_stay(project, with_results)


def test_a_retry_refuses_what_shapes_the_runs_also_where_none_failed(project: Project, with_results: Path) -> None:
    result = project.ask("retry", "out", "--num_seeds=3")
    refused = "hpsearch: --num_seeds cannot be given with --resume: the runs of that search are already planned; for "
    assert (result.exit_status, result.stderr) == (2, f"{refused}more seeds: hpsearch seeds DIR\n")


def test_a_cancelled_run_does_not_count_as_failed(project: Project, live: subprocess.Popen[str]) -> None:
    assert project.ask("cancel", "out").exit_status == 0
    result = project.ask("retry", "out")
    assert (result.exit_status, result.stdout) == (0, "")
    assert result.stderr.endswith("no run of this search failed, so there is nothing to retry\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("retry", "out", "--run", "5"), "there is no run 5 in {folder}; runs go from 1 to 4"),
        (("retry", "out", "--run", "0"), "there is no run 0 in {folder}; runs go from 1 to 4"),
        (("logs", "out", "7"), "there is no run 7 in {folder}; runs go from 1 to 4"),
    ],
)
def test_a_run_that_is_none_is_said_in_one_line_before_anything_is_done(
    project: Project, half_failed: Path, words: tuple[str, ...], message: str
) -> None:
    before = (half_failed / ".hpsearch" / "journal.jsonl").read_bytes()
    result = project.ask(*words)
    assert (result.exit_status, result.stderr) == (2, f"hpsearch: {message.format(folder=half_failed)}\n")
    assert (half_failed / ".hpsearch" / "journal.jsonl").read_bytes() == before


@pytest.mark.parametrize("subcommand", ["resume", "retry"])
def test_a_live_search_is_not_taken_over(project: Project, live: subprocess.Popen[str], subcommand: str) -> None:
    more = ["--run=1"] if subcommand == "retry" else []
    result = project.ask(subcommand, "out", *more)
    assert result.exit_status == 2
    assert f"this search is already running (process {live.pid} on " in result.stderr


def test_runs_that_are_still_live_are_waited_for_by_a_retry(project: Project) -> None:
    project.grid({"x": [1, 2, 3]}, script=NOTING)
    project.write("slow", "")
    controller = project.start(*ONE_BY_ONE)
    folder = project.path / "out"
    wait_until(lambda: (project.path / "started.txt").exists() and started(project) == "12", "the second run")
    kill(controller)
    retried = project.start_command([sys.executable, "-m", "hpsearch", "retry", "out", "--run=1"])
    wait_until(lambda: journal_has(folder, "controller", 2), "the second controller")
    (project.path / "slow").unlink()
    result = project.end(retried)
    assert result.exit_status == 0, result.stderr
    assert states(folder) == {1: "finished", 2: "finished", 3: "planned"}
    assert started(project) == "121"


def test_options_of_a_resumed_search_hold_until_others_are_given(project: Project) -> None:
    project.grid({"x": [1], "sleep": [600, 601, 602]})
    controller = project.start("--out_dir=out", "--force_out_dir")
    folder = project.path / "out"
    wait_until(lambda: journal_has(folder, "submitted", 1), "a live run")
    kill(controller)
    resumed = project.start(f"--resume={folder}", "--num_cpu_jobs=3")
    wait_until(lambda: list(states(folder).values()) == ["submitted"] * 3, "three live runs")
    assert project.ask("cancel", "out").exit_status == 0
    resumed.communicate()
    again = project.start(f"--resume={folder}")
    wait_until(lambda: list(states(folder).values()) == ["submitted"] * 3, "three live runs without being asked for")
    assert project.ask("cancel", "out").exit_status == 0
    again.communicate()


def test_a_search_that_only_fails_stops_by_itself_and_is_resumed_when_that_is_fixed(project: Project) -> None:
    project.grid({"x": [1, 2, 3, 4]}, script="import sys\nsys.exit('no data')\n")
    first = project.run("--out_dir=out", "--force_out_dir", "--max_failures=2")
    folder = project.path / "out"
    assert (first.exit_status, list(states(folder).values())) == (1, ["failed", "failed", "planned", "planned"])
    (message,) = [line for line in first.stderr.splitlines() if "--max_failures" in line]
    assert "no data, e.g. run 2; fix that, then resume with: " in message
    again = project.ask("resume", "out", "--max_failures=1")
    assert (again.exit_status, list(states(folder).values())) == (1, ["failed", "failed", "planned", "planned"])
    project.write("train.py", PYTHON_SCRIPT)
    resumed = project.ask("resume", "out")
    assert (resumed.exit_status, set(states(folder).values())) == (0, {"finished"}), resumed.stderr
