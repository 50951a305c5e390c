"""Searches as jobs of LSF, from the command line, over look-alike commands whose jobs are real processes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from project import PYTHON_SCRIPT, ROOT, SCRIPT, Project, Result, has_said, rows, run_folders, wait_until
from standins.worlds import FakeLsf

#: Like the project's own script; every execution leaves a line.
COUNTED = SCRIPT.replace("set -eu\n", "set -eu\necho x >>executions.txt\n")
LIBRARY_ERROR = "Failed in an LSF library call: A socket operation has failed: Connection reset by peer"
OUT = ("--out_dir=out", "--force_out_dir")


def run(project: Project, *options: str) -> Result:
    return project.run("--run_cluster", *OUT, *options)


def accs(project: Project) -> list[str]:
    return sorted(row["acc"] for row in rows(project.path / "out"))


def executions(project: Project) -> int:
    path = project.path / "executions.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def option(argv: Sequence[str], name: str) -> str:
    return argv[list(argv).index(name) + 1]


def most_at_once(lsf: FakeLsf) -> int:
    """Return how many of the jobs existed at the same time, from bsub's call to the job's end."""
    moments = [(call.time, 1) for call in lsf.calls("bsub")]
    moments += [(job.end, -1) for job in lsf.jobs() if job.end is not None]
    count = most = 0
    for _, change in sorted(moments):
        count += change
        most = max(most, count)
    return most


def start_running(project: Project, lsf: FakeLsf, count: int, *options: str) -> subprocess.Popen[str]:
    """Start a search and wait until `count` of its runs run."""
    controller = project.start("--run_cluster", *OUT, *options)
    wait_until(lambda: executions(project) == count, f"{count} runs")
    return controller


def run_until_asked(project: Project, lsf: FakeLsf, times: int, *options: str) -> Result:
    """Run a search whose runs wait for the given number of calls of bjobs; the first is the check at the start."""
    controller = project.start("--run_cluster", *OUT, *options)
    wait_until(lambda: len(lsf.calls("bjobs")) >= times, f"{times} calls of bjobs")
    project.go()
    return project.end(controller)


def test_a_search_on_lsf_leaves_what_every_search_leaves(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2, 3]})
    result = run(project)
    assert (result.exit_status, accs(project)) == (0, ["1", "2", "3"]), result.stderr
    folders = run_folders(project.path / "out")
    assert sorted(job.name for job in lsf.jobs()) == [f"job_{folder.name}" for folder in folders]
    for folder in folders:
        assert (folder / f"job_{folder.name}.out").read_text().startswith("x is ")
        assert (folder / f"job_{folder.name}.err").read_text() == ""


def test_lsf_is_told_the_defaults(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    run(project)
    (call,) = lsf.calls("bsub")
    told = {name: option(call.argv, name) for name in ("-W", "-n", "-R")}
    assert told == {"-W": "24:00", "-n": "1", "-R": "rusage[mem=8000, ngpus_excl_p=1]"}
    assert "-q" not in call.argv


def test_lsf_is_told_what_was_asked_for(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    asked = ('--resources=select[type=="X 86"] rusage[mem=1]', "--lsf_queue=short", "--num_hours=1:30")
    run(project, *asked, "--lsf_options=-P 'the lab'", "--lsf_options=-M 8000")
    argv = lsf.calls("bsub")[0].argv
    told = [option(argv, name) for name in ("-R", "-q", "-W", "-P", "-M")]
    assert told == ['select[type=="X 86"] rusage[mem=1]', "short", "1:30", "the lab", "8000"]


def test_fault_9_values_reach_a_job_as_written(project: Project, lsf: FakeLsf) -> None:
    values = ["a b", "$HOME", "$(date)", "`date`", "a;b", "*", "it's", 'say "x"', "line\nbreak", "%J", "\\n", ""]
    script = (
        PYTHON_SCRIPT.replace('options["x"])', "1)")
        + "import json\njson.dump(options['x'], open(out_dir + '/x.json', 'w'))\n"
    )
    project.grid({"x": [*values, '"quoted"']}, script=script)
    result = run(project, "--deterministic_search")
    arrived = [json.loads((folder / "x.json").read_text()) for folder in run_folders(project.path / "out")]
    assert (result.exit_status, arrived) == (0, [*values, "quoted"])


def test_the_output_of_a_job_can_be_read_while_it_runs(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1], "sleep": [60]}, script=COUNTED)
    controller = start_running(project, lsf, 1)
    logs = project.path / "out" / ".hpsearch" / "logs"
    wait_until(lambda: [path.read_text() for path in logs.glob("*.out")] == ["x is 1\n"], "the output")
    controller.send_signal(signal.SIGINT)
    controller.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"project_line": "cpp", "esub_lines": ["Generic job.", "Job <7> is a good job."]},
        {"consistent_exit_code": True},
        {"code_unknown_ids": 0, "code_some_unknown": 0},
        {"finished_by_id": False},
        {"array_ids": True},
        {"clean_period_s": 0},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_no_habit_of_a_site_ends_or_loses_a_run(project: Project, lsf: FakeLsf, settings: dict[str, object]) -> None:
    lsf.write(**settings)
    project.grid({"x": [1, 2, 3], "until": ["go"]}, script=COUNTED)
    result = run_until_asked(project, lsf, 2, "--num_jobs=2")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr
    assert most_at_once(lsf) <= 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "empty", "calls": "2-3"},
        {"kind": "missing", "calls": "2-3"},
        {"kind": "missing", "calls": "2-3", "silent": True},
        {"kind": "library_error", "calls": "2-3"},
        {"kind": "noise", "calls": "2-", "stdout": "debug ^ output\n"},
        {"kind": "query_limit", "calls": 2, "seconds": 0.1},
        {"kind": "crash", "calls": 2},
        {"kind": "states", "calls": "2-3", "states": {"1001": "UNKWN", "1002": "NEWWORD"}},
    ],
    ids=lambda fault: fault["kind"],
)
def test_no_odd_answer_of_bjobs_ends_or_loses_a_run(project: Project, lsf: FakeLsf, fault: dict[str, object]) -> None:
    lsf.write(faults=[{"command": "bjobs", **fault}])
    project.grid({"x": [1, 2], "until": ["go"]}, script=COUNTED)
    result = run_until_asked(project, lsf, 3)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2"], 2), result.stderr


@pytest.mark.slow
def test_a_silent_lsf_is_told_once_and_so_is_its_return(project: Project, lsf: FakeLsf) -> None:
    lsf.write(faults=[{"command": "bjobs", "kind": "library_error", "calls": "2-3"}])
    project.grid({"x": [1], "until": ["go"]})
    controller = project.start("--run_cluster", *OUT)
    wait_until(lambda: has_said(project.path / "out", "LSF answers again"), "the return of LSF")
    project.go()
    said = project.end(controller).stderr
    assert said.count(f"LSF does not answer ({LIBRARY_ERROR}); running jobs continue") == 1
    assert said.count("LSF answers again") == 1


def test_a_job_that_is_refused_later_concerns_its_run_only(project: Project, lsf: FakeLsf) -> None:
    refusal = {"kind": "say", "stderr": "nosuch: No such queue. Job not submitted.\n", "calls": 4}
    lsf.write(faults=[{"command": "bsub", **refusal}])
    project.grid({"x": [1, 2, 3, 4, 5]}, script=COUNTED)
    result = run(project, "--num_jobs=4")
    assert (result.exit_status, len(accs(project)), executions(project)) == (1, 4, 4)
    assert "run 4 failed: bsub refused the job: nosuch: No such queue. Job not submitted." in result.stderr


def test_a_scheduler_that_refuses_one_after_another_is_not_asked_for_all_runs(project: Project, lsf: FakeLsf) -> None:
    refusal = {"kind": "say", "stderr": "lab: No such project. Job not submitted.\n", "calls": "3-99"}
    lsf.write(faults=[{"command": "bsub", **refusal}])
    project.grid({"x": list(range(9))}, script=COUNTED)
    refused = run(project, "--num_jobs=2")
    said = "4 runs not submitted: bsub refused the job: lab: No such project. Job not submitted.; fix that, then "
    assert (refused.exit_status, len(accs(project)), len(lsf.calls("bsub"))) == (1, 2, 5)
    assert said in refused.stderr
    lsf.write()
    resumed = project.run("--resume=out")
    assert (resumed.exit_status, len(accs(project)), executions(project)) == (0, 9, 9), resumed.stderr


def test_an_odd_refusal_is_waited_out_once_a_job_was_accepted(project: Project, lsf: FakeLsf) -> None:
    odd = {"kind": "say", "stderr": "Internal error 17. Job not submitted.\n", "calls": "2-3"}
    lsf.write(faults=[{"command": "bsub", **odd}])
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    result = run(project)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr
    assert result.stderr.count("Internal error 17") == 1


def test_ctrl_c_and_cancel_end_a_wait_for_the_scheduler(project: Project, lsf: FakeLsf) -> None:
    down = {"kind": "say", "stderr": "LSF is down. Please wait ...\n"}
    lsf.write(faults=[{"command": "bsub", "calls": "1-", **down}])
    project.grid({"x": [1, 2]})
    controller = project.start("--run_cluster", *OUT)
    log = project.path / "out" / ".hpsearch" / "controller.log"
    wait_until(lambda: log.exists() and "LSF is down" in log.read_text(), "the warning")
    cancelled = project.command([sys.executable, "-m", "hpsearch", "cancel", "out"])
    _, stderr = controller.communicate(timeout=30)
    assert (cancelled.exit_status, controller.returncode) == (0, 130), stderr
    assert list((log.parent / "logs").iterdir()) == []


def test_a_wait_can_be_limited(project: Project, lsf: FakeLsf) -> None:
    down = {"kind": "say", "stderr": "LSF is down. Please wait ...\n"}
    lsf.write(faults=[{"command": "bsub", "calls": "1-", **down}])
    project.grid({"x": [1, 2]})
    result = run(project, "--max_wait_for_scheduler=0")
    assert (result.exit_status, "gave up waiting (--max_wait_for_scheduler)" in result.stderr) == (2, True), (
        result.stderr
    )
    assert not (project.path / "out").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (("--lsf_queue=nosuch",), "nosuch: No such queue. Job not submitted."),
        (("--resources=rusage[mem",), "Bad resource requirement syntax. Job not submitted."),
        (("--lsf_queue=nosuch", "--lsf_array"), "nosuch: No such queue. Job not submitted."),
    ],
)
def test_a_first_job_that_is_refused_ends_the_search(
    project: Project, lsf: FakeLsf, options: Sequence[str], words: str
) -> None:
    project.grid({"x": [1, 2]})
    result = run(project, *options)
    assert (result.exit_status, words in result.stderr, "Traceback" in result.stderr) == (2, True, False)
    assert not (project.path / "out").exists()
    assert len(lsf.calls("bsub")) == 1


@pytest.mark.parametrize("option", ["-o mine", "-K", "-J name", "-P 'open"])
def test_options_that_cannot_be_left_to_the_user_are_refused(project: Project, lsf: FakeLsf, option: str) -> None:
    project.grid({"x": [1]})
    result = run(project, f"--lsf_options={option}")
    assert (result.exit_status, "--lsf_options" in result.stderr) == (2, True)
    assert not (project.path / "out").exists()


def test_a_relative_of_lsf_without_records_is_told_at_the_start(project: Project, lsf: FakeLsf) -> None:
    lsf.write(openlava=True)
    project.grid({"x": [1]})
    result = run(project)
    assert (result.exit_status, "LSF 9.1 or later is needed" in result.stderr) == (2, True)
    assert not (project.path / "out").exists()


@pytest.mark.slow
def test_fault_5_a_submission_that_fails_once_is_made_again(project: Project, lsf: FakeLsf) -> None:
    lsf.write(faults=[{"command": "bsub", "kind": "non_lsf_host", "calls": 2}])
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    result = run(project)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr
    assert "Request from non-LSF host rejected. Job not submitted.); trying again in 2 s" in result.stderr


@pytest.mark.slow
def test_fault_5_a_submission_that_breaks_off_once_is_made_again(project: Project, lsf: FakeLsf) -> None:
    lsf.write(faults=[{"command": "bsub", "kind": "library_error", "calls": 1}])
    project.grid({"x": [1, 2]}, script=COUNTED)
    result = run(project)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2"], 2), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("fault", [{"kind": "lost_reply"}, {"kind": "hang_after", "seconds": 0}])
@pytest.mark.parametrize("arrays", [(), ("--lsf_array",)])
def test_a_lost_reply_doubles_no_run(
    project: Project, lsf: FakeLsf, fault: dict[str, object], arrays: Sequence[str]
) -> None:
    lsf.write(faults=[{"command": "bsub", "calls": 1, **fault}])
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    result = run(project, *arrays)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr


@pytest.mark.slow
def test_a_reply_that_never_comes_doubles_no_run(project: Project, lsf: FakeLsf) -> None:
    lsf.write(faults=[{"command": "bsub", "kind": "hang_after", "calls": 1}])
    project.grid({"x": [1, 2]}, script=COUNTED)
    result = run(project)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2"], 2), result.stderr


@pytest.mark.slow
def test_a_search_outlasts_a_time_in_which_lsf_is_down(project: Project, lsf: FakeLsf) -> None:
    down = {"kind": "say", "stderr": "LSF is down. Please wait ...\n"}
    lsf.write(faults=[{"command": "bsub", "calls": "2-3", **down}, {"command": "bjobs", "calls": "2-4", **down}])
    project.grid({"x": [1, 2, 3], "until": ["go"]}, script=COUNTED)
    result = run_until_asked(project, lsf, 5, "--num_jobs=2")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr


@pytest.mark.slow
def test_a_limit_of_pending_jobs_is_waited_for(project: Project, lsf: FakeLsf) -> None:
    lsf.write(pending_limit=1, slots=1, pending_retry_s=60)
    project.grid({"x": [1, 2, 3], "sleep": [0.5]}, script=COUNTED)
    result = run(project)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr


@pytest.mark.slow
def test_a_job_at_its_time_limit_has_timed_out(project: Project, lsf: FakeLsf) -> None:
    lsf.write(seconds_per_minute=1)
    project.grid({"x": [1], "sleep": [60]})
    result = run(project, "--num_hours=0:01")
    assert result.exit_status == 1
    assert "run 1 timed out: LSF: TERM_RUNLIMIT: job killed after reaching LSF run time limit" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "reason, outcome", [("TERM_MEMLIMIT", "out of memory"), ("TERM_ADMIN", "cancelled"), ("TERM_SWAP", "out of memory")]
)
def test_what_lsf_says_of_an_end_is_what_the_user_reads(
    project: Project, lsf: FakeLsf, reason: str, outcome: str
) -> None:
    project.grid({"x": [1], "sleep": [60]}, script=COUNTED)
    controller = start_running(project, lsf, 1)
    lsf.terminate("1001", reason)
    _, stderr = controller.communicate()
    assert (controller.returncode, f"run 1 {outcome}: LSF: {reason}: job killed" in stderr) == (1, True), stderr


@pytest.mark.slow
def test_a_job_that_was_preempted_runs_again(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1], "until": ["go"]}, script=COUNTED)
    controller = start_running(project, lsf, 1)
    lsf.terminate("1001", "TERM_PREEMPT")
    wait_until(lambda: executions(project) == 2, "the second execution")
    project.go()
    _, stderr = controller.communicate()
    assert (controller.returncode, accs(project), executions(project)) == (0, ["1"], 2), stderr


@pytest.mark.slow
def test_a_job_that_is_killed_by_hand_is_cancelled(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2], "until": ["go"]}, script=COUNTED)
    controller = start_running(project, lsf, 2, "--deterministic_search")
    lsf.run("bkill", "1001")
    lsf.wait_for("1001")
    project.go()
    _, stderr = controller.communicate()
    assert (controller.returncode, accs(project), executions(project)) == (1, ["2"], 2), stderr
    assert "run 1 cancelled: LSF: TERM_OWNER: job killed by owner" in stderr


@pytest.mark.parametrize("options", [(), ("--lsf_array",), ("--runs_per_job=2",)])
def test_a_job_that_no_host_can_start_is_told_at_once_in_the_words_of_lsf(
    project: Project, lsf: FakeLsf, options: Sequence[str]
) -> None:
    lsf.write(without_bash=True)
    project.grid({"x": [1, 2]})
    began = time.monotonic()
    result = run(project, *options)
    assert (result.exit_status, time.monotonic() - began < 20) == (1, True), result.stderr
    told = "2 runs failed: LSF: exit code 127; it never started: [Errno 2] No such file or directory: '/nowhere/bash'"
    assert told in result.stderr
    log = re.findall(r" \(?(?:log|report): ([^()]+/[^()/]+[.]lsf)\b", result.stderr)[0]
    assert "Exited with exit code 127." in Path(log).read_text()


def test_a_held_job_is_told_with_the_command_that_lets_it_go(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1]})
    controller = project.start("--run_cluster", *OUT, "--lsf_options=-H")
    assert controller.stderr is not None
    told = next(line for line in controller.stderr if "bresume" in line)
    lsf.run("bkill", "-s", "CONT", "1001")
    controller.communicate()
    assert "run 1: job 1001 does not start: it is held; to release it: bresume 1001" in told
    assert controller.returncode == 0


def test_fault_7_ctrl_c_ends_the_jobs_of_this_search_only(project: Project, lsf: FakeLsf) -> None:
    lsf.run("bsub", "-J", "job_of_another", text="sleep 600")
    project.grid({"x": [1, 2, 3], "sleep": [60]}, script=COUNTED)
    controller = start_running(project, lsf, 2, "--num_jobs=2")
    controller.send_signal(signal.SIGINT)
    _, stderr = controller.communicate()
    states = {job.key: job.state for job in lsf.jobs()}
    assert (controller.returncode, states) == (130, {"1001": "RUN", "1002": "EXIT", "1003": "EXIT"}), stderr
    assert "--resume" in stderr


def test_ctrl_c_ends_an_array(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2, 3], "sleep": [60]}, script=COUNTED)
    controller = start_running(project, lsf, 2, "--num_jobs=2", "--lsf_array")
    controller.send_signal(signal.SIGINT)
    _, stderr = controller.communicate()
    assert (controller.returncode, {job.state for job in lsf.jobs()}) == (130, {"EXIT"}), stderr


@pytest.mark.slow
def test_after_sigterm_the_jobs_go_on_and_a_resumed_search_collects_them(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2, 3], "until": ["go"]}, script=COUNTED)
    controller = start_running(project, lsf, 2, "--num_jobs=2")
    controller.terminate()
    _, stderr = controller.communicate()
    assert (controller.returncode, "2 runs left to LSF, where they keep running" in stderr) == (143, True), stderr
    project.go()
    lsf.wait_for_all()
    result = project.run("--resume=out")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3"], 3), result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arrays", [(), ("--lsf_array",)])
def test_a_search_whose_controller_was_killed_loses_and_doubles_nothing(
    project: Project, lsf: FakeLsf, arrays: Sequence[str]
) -> None:
    project.grid({"x": [1, 2, 3, 4], "until": ["go"]}, script=COUNTED)
    controller = start_running(project, lsf, 2, "--num_jobs=2", *arrays)
    controller.kill()
    controller.communicate()
    project.go()
    result = project.run("--resume=out")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3", "4"], 4), result.stderr


def test_no_more_jobs_than_allowed_wait_or_run(project: Project, lsf: FakeLsf) -> None:
    lsf.write(slots=2)
    project.grid({"x": list(range(9)), "sleep": [0.2]})
    assert run(project, "--num_jobs=3").exit_status == 0
    assert most_at_once(lsf) == 3


def test_one_question_is_asked_whatever_the_number_of_jobs(project: Project, lsf: FakeLsf) -> None:
    lsf.write(slots=8)
    project.grid({"x": list(range(8)), "until": ["go"]})
    run_until_asked(project, lsf, 2)
    asked = lsf.calls("bjobs")[1:]
    assert 1 <= len(asked) <= 4
    assert set(map(str, range(1001, 1009))) <= set(asked[0].argv)


def test_an_array_takes_one_submission_and_keeps_to_the_limit(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2, 3, 4], "sleep": [0.3]}, script=COUNTED)
    result = run(project, "--num_jobs=2", "--lsf_array")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3", "4"], 4), result.stderr
    (call,) = lsf.calls("bsub")
    assert re.fullmatch(r"job_sim_\d+_1-4\[1-4\]%2", option(call.argv, "-J"))
    for folder in run_folders(project.path / "out"):
        assert (folder / f"job_{folder.name}.out").read_text().startswith("x is ")


def test_arrays_keep_to_the_size_that_the_site_allows(project: Project, lsf: FakeLsf) -> None:
    lsf.write(max_array_size=2)
    project.grid({"x": [1, 2, 3, 4, 5]}, script=COUNTED)
    result = run(project, "--lsf_array")
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3", "4", "5"], 5), result.stderr
    assert len(lsf.calls("bsub")) == 3


def test_a_refused_search_leaves_an_earlier_one_in_its_folder_as_it_was(project: Project, lsf: FakeLsf) -> None:
    project.grid({"x": [1, 2]})
    run(project)
    before = (project.path / "out" / "commands.sh").read_text()
    project.grid({"x": [3, 4]})
    refused = run(project, "--dont_force_new_dir", "--lsf_queue=nosuch")
    counts = json.loads(project.ask("status", "out", "--json").stdout)["counts"]
    assert (refused.exit_status, counts["finished"], counts["planned"]) == (2, 2, 0)
    assert (project.path / "out" / "commands.sh").read_text() == before
    assert accs(project) == ["1", "2"]


def test_an_array_that_waits_for_another_will_have_all_slots(project: Project, lsf: FakeLsf) -> None:
    lsf.write(max_array_size=2)
    project.grid({"x": [1, 2, 3, 4]})
    run(project, "--submit_only", "--num_jobs=2")
    assert [option(call.argv, "-J").partition("]")[2] for call in lsf.calls("bsub")] == ["%2", "%2"]


@pytest.mark.slow
def test_a_second_array_takes_the_slots_that_the_first_leaves(project: Project, lsf: FakeLsf) -> None:
    lsf.write(max_array_size=2, slots=8)
    # The third run still goes on when the first array has ended.
    project.grid({"x": [1, 2, 3, 4], "sleep": [0.5]}, [({"x": [3]}, {"sleep": [3]})], script=COUNTED)
    result = run(project, "--num_jobs=3", "--lsf_array", "--deterministic_search")
    assert (result.exit_status, executions(project)) == (0, 4), result.stderr
    assert [option(call.argv, "-J").partition("]")[2] for call in lsf.calls("bsub")] == ["%3", "%1"]
    # To two jobs or three, depending on whether both jobs of the first array were seen to end at the same moment.
    assert [call.argv[::2] for call in lsf.calls("bmod")] == [("-J", "1002")]
    starts = sorted(job.start for job in lsf.jobs())
    first_end = min(job.end for job in lsf.jobs())
    assert starts[2] < first_end <= starts[3]


@pytest.mark.parametrize("more", [(), ("--runs_per_job_sequential",), ("--lsf_array",)])
def test_several_runs_go_into_one_job(project: Project, lsf: FakeLsf, more: Sequence[str]) -> None:
    script = COUNTED + '[ "$x" != 2 ] || exit 3\n'
    project.grid({"x": [1, 2, 3, 4, 5]}, script=script)
    result = run(project, "--runs_per_job=2", "--deterministic_search", *more)
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2", "3", "4", "5"], 5), result.stderr
    assert "run 2/5 finished" in result.stderr and "exit status 3" in result.stderr
    assert len(lsf.jobs()) == 3
    outputs = [(folder / f"job_{folder.name}.out").read_text() for folder in run_folders(project.path / "out")]
    assert outputs == [f"x is {number}\n" for number in range(1, 6)]


def test_a_search_can_be_handed_over_and_collected_later(project: Project, lsf: FakeLsf) -> None:
    lsf.write(max_array_size=2)
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    handed_over = run(project, "--submit_only", "--num_jobs=2")
    assert "Submitted 3 runs to LSF (array jobs 1001, 1002)" in handed_over.stderr
    lsf.wait_for_all()
    collected = project.run("--resume=out")
    assert (handed_over.exit_status, collected.exit_status) == (0, 0), handed_over.stderr + collected.stderr
    assert (accs(project), executions(project)) == (["1", "2", "3"], 3)
    assert option(lsf.calls("bsub")[1].argv, "-w") == "ended(1001)"


def test_what_ends_while_more_is_submitted_counts_as_submitted(project: Project, lsf: FakeLsf) -> None:
    lsf.write(max_array_size=2, faults=[{"command": "bsub", "kind": "slow", "seconds": 2, "calls": 2}])
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    handed_over = run(project, "--submit_only", "--num_jobs=2")
    assert "Submitted 3 runs to LSF (array jobs 1001, 1002)" in handed_over.stderr


def test_what_was_not_handed_over_is_said_and_submitted_later(project: Project, lsf: FakeLsf) -> None:
    refusal = {"kind": "say", "stderr": "LSF is down. Please wait ...\n", "calls": 2}
    lsf.write(max_array_size=2, faults=[{"command": "bsub", **refusal}])
    project.grid({"x": [1, 2, 3]}, script=COUNTED)
    result = run(project, "--submit_only", "--max_wait_for_scheduler=0")
    said = [line for line in result.stderr.splitlines() if "ubmitted" in line and " as job " not in line]
    assert (result.exit_status, len(said)) == (1, 3), result.stderr
    assert "1 run not submitted: cannot start runs at the moment (LSF is down. Please wait ...); gave up" in said[0]
    assert ["Submitted 2 runs to LSF (array job 1001)" in said[1], "1 run not submitted yet" in said[2]] == [True, True]
    again = project.ask("resume", "out", "--submit_only")
    assert (again.exit_status, "Submitted 1 run to LSF (array job 1002)" in again.stderr) == (0, True), again.stderr


def test_the_users_shell_lines_come_before_each_run(project: Project, lsf: FakeLsf) -> None:
    project.write("setup.sh", "export GREETING='hello there'\n")
    script = SCRIPT + 'echo "$GREETING"\n'
    project.grid({"x": [1]}, script=script)
    run(project, "--job_setup=setup.sh")
    (folder,) = run_folders(project.path / "out")
    assert (folder / f"job_{folder.name}.out").read_text() == "x is 1\nhello there\n"


def test_shell_lines_from_windows_are_refused_before_anything_is_submitted(project: Project, lsf: FakeLsf) -> None:
    project.write("setup.sh", "module load cuda\n").write_bytes(b"module load cuda\r\n")
    project.grid({"x": [1]})
    result = run(project, "--job_setup=setup.sh")
    assert (result.exit_status, lsf.calls("bsub")) == (2, [])
    assert "setup.sh: line 1 ends with a carriage return" in result.stderr


def test_what_was_asked_of_the_scheduler_is_kept_and_named_where_it_refuses(project: Project, lsf: FakeLsf) -> None:
    lsf.write(
        faults=[
            {
                "command": "bsub",
                "kind": "say",
                "calls": "2-",
                "stderr": "nosuch: No such queue. Job not submitted.\n",
                "code": 255,
            }
        ]
    )
    project.grid({"x": [1, 2]})
    result = run(project, "--deterministic_search")
    kept = project.path / "out" / ".hpsearch" / "conversation.jsonl"
    asked = [json.loads(line) for line in kept.read_text().splitlines()]
    refused = [entry for entry in asked if entry["asked"].startswith("bsub ")][-1]
    assert (refused["status"], "No such queue" in refused["errors"], asked[0]["asked"][:5]) == (255, True, "bjobs")
    assert f"No such queue. Job not submitted. (asked and answered: {kept})" in result.stderr


def test_a_refused_first_job_says_what_was_asked_and_answered(project: Project, lsf: FakeLsf) -> None:
    lsf.write(
        faults=[
            {"command": "bsub", "kind": "say", "stderr": "nosuch: No such queue. Job not submitted.\n", "code": 255}
        ]
    )
    project.grid({"x": [1]})
    result = run(project, "--lsf_queue=nosuch")
    assert (result.exit_status, (project.path / "out").exists()) == (2, False)
    assert re.search(
        r" \(asked: bsub .*-q nosuch .*; exit status 255; answered: nosuch: No such queue. Job not submitted.\)\n",
        result.stderr,
    )


def test_a_search_may_be_a_job_itself(project: Project, lsf: FakeLsf) -> None:
    script = SCRIPT + 'echo "${LSB_HOSTS-None}" "$LSB_JOBNAME" "$OWN"\n'
    project.grid({"x": [1, 2]}, script=script)
    line = f"{sys.executable} -m hpsearch.hpsearch --grid_module=config --run_cluster --out_dir=out --force_out_dir"
    environment = {**project.environ(), "OWN": "kept", "LSB_SUSP_REASONS": "0"}
    lsf.run("bsub", "-J", "controller", "-o", "controller.log", line, cwd=project.path, env=environment)
    lsf.wait_for_all()
    assert (accs(project), lsf.job("1001").state) == (["1", "2"], "DONE")
    log = (project.path / "controller.log").read_text()
    assert ("run 1/2 submitted as job 1002" in log, "\r" in log) == (True, False)
    for folder in run_folders(project.path / "out"):
        seen = (folder / f"job_{folder.name}.out").read_text().splitlines()[1]
        assert re.fullmatch(rf"node\d job_{folder.name} kept", seen)


@pytest.mark.slow
def test_a_search_at_the_time_limit_of_its_own_job_leaves_the_others_alone(project: Project, lsf: FakeLsf) -> None:
    lsf.write(seconds_per_minute=4)
    project.grid({"x": [1, 2], "until": ["go"]}, script=COUNTED)
    script = f"exec {sys.executable} -m hpsearch.hpsearch --grid_module=config --run_cluster {' '.join(OUT)}"
    lsf.run("bsub", "-W", "1", "-o", "controller.log", text=script, cwd=project.path, env=project.environ())
    controller = lsf.wait_for("1001")
    left = {job.state for job in lsf.jobs()[1:]}
    project.go()
    result = project.run("--resume=out")
    assert (controller.exit_code, controller.reason, left) == (140, "TERM_RUNLIMIT", {"RUN"})
    assert "hpsearch --resume" in (project.path / "controller.log").read_text()
    assert (result.exit_status, accs(project), executions(project)) == (0, ["1", "2"], 2), result.stderr


def test_fault_14_only_a_search_on_lsf_imports_its_package(project: Project) -> None:
    imports = "import sys, hpsearch.hpsearch, hpsearch.search.backend_choice"
    code = f"{imports}; print('bsub' in sys.modules, 'six' in sys.modules)"
    assert project.command([sys.executable, "-c", code], cwd=ROOT).stdout == "False False\n"


def test_a_missing_package_is_told_before_anything_is_written(project: Project, lsf: FakeLsf) -> None:
    project.write("bsub.py", "raise ImportError('No module named six')\n")
    project.grid({"x": [1]})
    result = run(project)
    assert (result.exit_status, "pip install bsub six" in result.stderr) == (2, True), result.stderr
    assert not (project.path / "out").exists()


def test_a_job_does_not_carry_the_mark_of_a_run_around_its_search(project: Project, lsf: FakeLsf) -> None:
    project.environment["HPSEARCH_ATTEMPT"] = "/outer"
    project.grid({"x": [1]}, script='#!/bin/sh\necho "${HPSEARCH_ATTEMPT-none}" >mark.txt\n')
    run(project)
    assert (project.path / "mark.txt").read_text() == "none\n"


def test_when_all_jobs_fail_alike_those_in_the_queue_are_taken_back(project: Project, lsf: FakeLsf) -> None:
    lsf.write(slots=2)
    script = COUNTED.replace("set -eu\n", "set -eu\ncase $1 in --x=[12]) echo no data >&2; exit 1; esac\n")
    project.grid({"x": [1, 2, 3, 4, 5, 6], "until": ["go"]}, script=script)
    options = ("--run_cluster", *OUT, "--deterministic_search", "--num_jobs=6", "--max_failures=2")
    controller = project.start(*options)
    # LSF itself starts two more when the first two have failed.
    wait_until(lambda: executions(project) == 2, "two live runs")
    wait_until(lambda: has_said(project.path / "out", "--max_failures=2"), "the message")
    wait_until(lambda: sum(job.state == "PEND" for job in lsf.jobs()) == 0, "an empty queue")
    project.go()
    result = project.end(controller)
    assert (result.exit_status, accs(project)) == (1, ["3", "4"]), result.stderr
    assert "--max_failures=2: 2 failures alike and no finished run, so nothing more starts" in result.stderr
    counts = json.loads(project.ask("status", "out", "--json").stdout)["counts"]
    assert (counts["planned"], counts["failed"], counts["finished"]) == (2, 2, 2)
    resumed = project.ask("resume", "out")
    assert (resumed.exit_status, accs(project), executions(project)) == (1, ["3", "4", "5", "6"], 4), resumed.stderr
