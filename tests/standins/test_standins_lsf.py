"""The LSF stand-in's jobs: submission, limits, ends and kills; directly and through the real bsub package."""

import os
import signal
import subprocess
import sys
from itertools import pairwise

import pytest

from .lsf.standin_lsf.processes import session_members
from .worlds import ADMIN, wait_until

SUBMITTED = "Job <{}> is submitted to default queue <normal>.\n"
CONNECTION_LOST = "Failed in an LSF library call: A socket operation has failed: Connection reset by peer"


@pytest.fixture
def bsub_class(fake_lsf, monkeypatch, tmp_path):
    """Give the class of the real bsub package; its jobs write into the current folder, which is tmp_path."""
    fake_lsf.install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    return pytest.importorskip("bsub").bsub


def submit(lsf, text, *options, **more):
    """Submit a script and return the id as text."""
    done = lsf.run("bsub", *options, text=text, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout.rpartition("Job <")[2].partition(">")[0]


def end_of(lsf, text, *options, **more):
    """Submit a script and wait for the end of its job."""
    return lsf.wait_for(submit(lsf, text, *options, **more))


def running(lsf, text, before=""):
    """Submit a script that runs `before` and then `text`, return its job's id once it is between the two."""
    up = lsf.folder / "up"
    key = submit(lsf, f"{before}\ntouch {up}\n{text}")
    wait_until(up.exists)
    return key


# The bsub package


def test_the_package_submits_and_its_job_runs(bsub_class, fake_lsf, tmp_path):
    job = bsub_class("train", R="rusage[mem=8000, ngpus_excl_p=1]", n=1, W="24:00")("echo hello")
    assert (job.job_id, fake_lsf.wait_for("1001").state) == ("1001", "DONE")
    assert "\n\nhello\n" in (tmp_path / "train.1001.out").read_text()


def test_the_package_lists_running_jobs(bsub_class, fake_lsf):
    bsub_class("train")("sleep 60")
    fake_lsf.wait_for("1001", "RUN")
    assert (bsub_class.running_jobs(), bsub_class.running_jobs(names=True)) == (["1001"], ["train"])


def test_the_package_kills_by_name(bsub_class, fake_lsf):
    bsub_class("train")("sleep 60")
    fake_lsf.wait_for("1001", "RUN")
    bsub_class.bkill("train")
    assert fake_lsf.wait_for("1001").reason == "TERM_OWNER"


def test_the_package_takes_a_project_for_the_job_id(bsub_class, fake_lsf):
    fake_lsf.write(project_line="cpp")
    assert bsub_class("train")("true").job_id == "cpp"


# What is accepted


def test_a_script_gets_its_environment_and_its_cluster_s(fake_lsf, tmp_path):
    text = f'echo "$LSB_JOBID/$LSB_JOBINDEX/$LSB_JOBNAME/$LSB_QUEUE/$OWN" > {tmp_path}/seen; test ! -t 0'
    done = end_of(fake_lsf, text, "-J", "train", "-q", "short", env={**fake_lsf.env(), "OWN": "a b"})
    assert (done.state, (tmp_path / "seen").read_text()) == ("DONE", "1001/0/train/short/a b\n")


def test_a_script_is_run_by_the_interpreter_it_names(fake_lsf, tmp_path):
    end_of(fake_lsf, f"#!{sys.executable}\nopen('{tmp_path}/seen', 'w').write('python')\n")
    assert (tmp_path / "seen").read_text() == "python"


def test_a_command_is_run_by_a_shell(fake_lsf, tmp_path):
    fake_lsf.run("bsub", "-n", "1", f"echo one > {tmp_path}/seen; echo two >> {tmp_path}/seen")
    fake_lsf.wait_for("1001")
    assert (tmp_path / "seen").read_text() == "one\ntwo\n"


def test_options_may_stand_in_the_script_and_the_command_line_wins(fake_lsf):
    job = end_of(fake_lsf, '#!/bin/sh\n#BSUB -J "from script"\n#BSUB -q short  # quick\ntrue\n', "-J", "from line")
    assert (job.name, job.queue) == ("from line", "short")


def test_a_job_runs_where_cwd_says(fake_lsf, tmp_path):
    (tmp_path / "sub").mkdir()
    end_of(fake_lsf, "pwd > seen", "-cwd", "sub", cwd=tmp_path)
    assert (tmp_path / "sub" / "seen").read_text() == f"{tmp_path}/sub\n"


def test_an_array_has_one_job_per_index(fake_lsf, tmp_path):
    end = 'echo "$LSB_JOBINDEX of $LSB_JOBINDEX_END: $LSB_JOBNAME"'
    submit(fake_lsf, end, "-J", "train[1-5:2,8]", "-o", f"{tmp_path}/%J.%I", env={**fake_lsf.env(), "X": ""})
    jobs = fake_lsf.wait_for_all()
    assert [(job.key, job.state) for job in jobs] == [(f"1001[{i}]", "DONE") for i in (1, 3, 5, 8)]
    assert "\n3 of 8: train[3]\n" in (tmp_path / "1001.3").read_text()


def test_no_more_jobs_run_than_there_are_slots(fake_lsf):
    fake_lsf.write(slots=2)
    submit(fake_lsf, "sleep 60", "-J", "train[1-4]")
    wait_until(lambda: [job.state for job in fake_lsf.jobs()] == ["RUN", "RUN", "PEND", "PEND"])


def test_an_array_may_limit_itself(fake_lsf):
    submit(fake_lsf, "sleep 60", "-J", "train[1-3]%1")
    wait_until(lambda: [job.state for job in fake_lsf.jobs()] == ["RUN", "PEND", "PEND"])


def test_an_array_s_limit_can_be_changed(fake_lsf):
    submit(fake_lsf, "sleep 60", "-J", "train[1-3]%1")
    done = fake_lsf.run("bmod", "-J", "%2", "1001")
    assert done.stdout == "Parameters of job <1001> are being changed\n"
    wait_until(lambda: [job.state for job in fake_lsf.jobs()] == ["RUN", "RUN", "PEND"])


def test_a_free_slot_is_filled_at_once(fake_lsf):
    fake_lsf.write(slots=1)
    submit(fake_lsf, "true", "-J", "train[1-6]")
    jobs = fake_lsf.wait_for_all(timeout_s=5)
    assert all(before.end <= after.start for before, after in pairwise(jobs))


def test_jobs_submitted_at_the_same_time_get_their_own_ids(fake_lsf):
    children = [subprocess.Popen(["bsub", "true"], env=fake_lsf.env(), stdout=subprocess.DEVNULL) for _ in range(8)]
    assert [child.wait() for child in children] == [0] * 8
    jobs = fake_lsf.wait_for_all()
    assert [(job.key, job.state) for job in jobs] == [(str(1001 + i), "DONE") for i in range(8)]


def test_a_job_waits_for_another(fake_lsf):
    first = submit(fake_lsf, "exit 3")
    second = end_of(fake_lsf, "true", "-w", f"ended({first})")
    assert (second.state, second.start >= fake_lsf.job(first).end) == ("DONE", True)


def test_a_held_job_does_not_start_until_it_is_resumed(fake_lsf):
    key = submit(fake_lsf, "true", "-H")
    assert fake_lsf.job(key).state == "PSUSP"
    fake_lsf.run("bkill", "-s", "CONT", key)
    assert fake_lsf.wait_for(key).state == "DONE"


def test_a_new_scheduler_serves_after_the_first_has_left(fake_lsf):
    fake_lsf.write(idle_exit_s=0)
    first = end_of(fake_lsf, "true")
    assert (first.state, end_of(fake_lsf, "true").state) == ("DONE", "DONE")


# What bsub says


@pytest.mark.parametrize(
    "settings, options, said",
    [
        ({}, (), SUBMITTED.format(1001)),
        ({}, ("-q", "short"), "Job <1001> is submitted to queue <short>.\n"),
        ({"esub_lines": ["Generic job."]}, (), "Generic job.\n" + SUBMITTED.format(1001)),
        ({"project_line": "cpp"}, (), "Job is submitted to <cpp> project.\n" + SUBMITTED.format(1001)),
    ],
)
def test_bsub_says_which_job_it_accepted(fake_lsf, settings, options, said):
    fake_lsf.write(**settings)
    done = fake_lsf.run("bsub", *options, text="true")
    assert (done.stdout, done.stderr, done.returncode) == (said, "", 0)


@pytest.mark.parametrize(
    "options, said",
    [
        (["-q", "nosuch"], "nosuch: No such queue"),
        (["-R", '"rusage[mem=8000, ngpus_excl_p=1]"'], "Error in rusage section"),
        (["-R", "rusage[mem]"], "Error in rusage section"),
        (["-R", "rusage[mem=8000"], "Bad resource requirement syntax"),
        (["-R", "select[mem>1] select[ncpus>1]"], 'Error near "select" : duplicate section'),
        (
            ["-R", "select[]"],
            'Error in select section: Expected number, string, name, or "(" but found end of section',
        ),
        (["-n", "x"], "Bad argument for option -n"),
        (["-n", "999"], "Too many processors requested"),
        (["-W", "soon"], "soon: Bad RUNLIMIT specification"),
        (["-W", "9:00", "-q", "quick"], "RUNLIMIT: Cannot exceed queue's hard limit(s)"),
        (["-J", "train[0]"], "Job array index error"),
        (["-J", "train[1-1001]"], "Job array index too large"),
    ],
)
def test_bsub_refuses_with_the_words_of_lsf(fake_lsf, options, said):
    fake_lsf.write(queues={"normal": {}, "quick": {"max_run_limit_minutes": 60}})
    done = fake_lsf.run("bsub", *options, text="true")
    assert (done.stdout, done.stderr, done.returncode) == ("", f"{said}. Job not submitted.\n", 255)
    assert fake_lsf.jobs() == []


@pytest.mark.parametrize(
    "text",
    [
        "rusage[mem=8000, ngpus_excl_p=1]",
        "rusage[mem=10G:duration=10h]",
        "select[type==any && mem>4000] rusage[mem=4096] span[hosts=1]",
        "mem>1000",
    ],
)
def test_bsub_accepts_common_resource_requirements(fake_lsf, text):
    assert fake_lsf.run("bsub", "-H", "-R", text, "true").returncode == 0


def test_bsub_refuses_an_empty_script(fake_lsf):
    assert fake_lsf.run("bsub", text=" \n").stderr == "Empty job. Job not submitted.\n"


@pytest.mark.parametrize(
    "kind, said",
    [
        ("non_lsf_host", "Request from non-LSF host rejected"),
        ("library_error", CONNECTION_LOST),
        ("esub_abort", "Request aborted by esub"),
    ],
)
def test_a_refusal_passes_with_the_call_it_is_set_for(fake_lsf, kind, said):
    fake_lsf.write(faults=[{"command": "bsub", "kind": kind, "calls": 2}])
    answers = [fake_lsf.run("bsub", "true") for _ in range(3)]
    assert [(done.stderr, done.returncode) for done in answers] == [
        ("", 0),
        (f"{said}. Job not submitted.\n", 255),
        ("", 0),
    ]
    assert [job.id for job in fake_lsf.jobs()] == [1001, 1002]


def test_a_fault_can_be_meant_for_one_job_name(fake_lsf):
    fake_lsf.write(faults=[{"command": "bsub", "kind": "say", "stderr": "no\n", "code": 1, "match": "-J two"}])
    answers = [fake_lsf.run("bsub", "-J", name, "true").returncode for name in ("one", "two", "three")]
    assert answers == [0, 1, 0]


def test_a_lost_reply_leaves_a_job_behind(fake_lsf):
    fake_lsf.write(faults=[{"command": "bsub", "kind": "lost_reply"}])
    done = fake_lsf.run("bsub", "true")
    assert (done.stdout, done.returncode) == ("", 255)
    assert fake_lsf.wait_for("1001").state == "DONE"


def test_a_reply_that_never_comes_leaves_a_job_behind(fake_lsf):
    fake_lsf.write(faults=[{"command": "bsub", "kind": "hang_after"}])
    with pytest.raises(subprocess.TimeoutExpired):
        fake_lsf.run("bsub", "true", timeout_s=1)
    assert fake_lsf.wait_for("1001").state == "DONE"


@pytest.mark.parametrize("command", ["bsub", "bjobs", "bkill"])
def test_a_cluster_that_is_down_makes_its_callers_wait(fake_lsf, command):
    fake_lsf.write(faults=[{"command": command, "kind": "down"}])
    with pytest.raises(subprocess.TimeoutExpired) as waited:
        fake_lsf.run(command, "1001", timeout_s=1)
    assert waited.value.stderr == b"LSF is down. Please wait ...\n"


def test_bsub_waits_for_room_and_then_submits(fake_lsf):
    fake_lsf.write(pending_limit=1, pending_retry_s=0.02, user="me")
    submit(fake_lsf, "true", "-H")
    child = subprocess.Popen(["bsub", "true"], env=fake_lsf.env(), stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    first_words = child.stderr.readline()
    fake_lsf.run("bkill", "1001")
    assert first_words == b"User <me>: Pending job threshold reached. Retrying in 60 seconds...\n"
    assert child.communicate(timeout=20)[0] == SUBMITTED.format(1002).encode()


def test_bsub_gives_up_after_lsb_ntries(fake_lsf):
    fake_lsf.write(pending_limit=0, pending_retry_s=0, user="me")
    done = fake_lsf.run("bsub", "true", env={**fake_lsf.env(), "LSB_NTRIES": "3"})
    again = "User <me>: Pending job threshold reached. Retrying in 60 seconds...\n"
    refused = "User <me>: Pending job threshold reached. Job not submitted.\n"
    assert (done.stderr, done.returncode) == (2 * again + refused, 255)


# Ends, limits, kills


@pytest.mark.parametrize(
    "text, state, code", [("exit 0", "DONE", 0), ("exit 3", "EXIT", 3), ("kill -9 $$", "EXIT", 137)]
)
def test_a_job_ends_as_its_script_does(fake_lsf, text, state, code):
    job = end_of(fake_lsf, text)
    assert (job.state, job.exit_code, job.reason) == (state, code, None)


def test_a_job_that_outruns_its_limit_is_told_by_sigusr2(fake_lsf):
    fake_lsf.write(seconds_per_minute=0.05)
    job = end_of(fake_lsf, "exec sleep 60", "-W", "0:02")
    assert (job.state, job.exit_code, job.reason) == ("EXIT", 140, "TERM_RUNLIMIT")


def test_a_job_that_ignores_sigusr2_is_killed_after_the_grace_time(fake_lsf):
    fake_lsf.write(seconds_per_minute=0.5, run_limit_grace_minutes=0.1, terminate_interval_s=0.02)
    job = end_of(fake_lsf, "trap '' USR2 INT TERM; while :; do sleep 60; done", "-W", "1")
    assert (job.exit_code, job.reason) == (137, "TERM_RUNLIMIT")


def test_a_job_may_use_the_grace_time_to_finish(fake_lsf):
    fake_lsf.write(seconds_per_minute=0.5)
    job = end_of(fake_lsf, "trap 'kill $!; exit 0' USR2; sleep 60 & wait", "-W", "1")
    assert (job.state, job.exit_code) == ("DONE", 0)


@pytest.mark.parametrize("trap, code", [("", 130), ("trap '' INT", 143), ("trap '' INT TERM", 137)])
def test_bkill_grows_harder_step_by_step(fake_lsf, trap, code):
    fake_lsf.write(terminate_interval_s=0.05)
    key = running(fake_lsf, "exec sleep 60", before=trap)
    done = fake_lsf.run("bkill", key)
    job = fake_lsf.wait_for(key)
    assert (done.stdout, done.returncode) == (f"Job <{key}> is being terminated\n", 0)
    assert (job.state, job.exit_code, job.reason) == ("EXIT", code, "TERM_OWNER")


def test_bkill_reaches_every_process_of_a_job(fake_lsf):
    key = running(
        fake_lsf, f"{sys.executable} -c 'import os, time; os.setpgid(0, 0); time.sleep(60)' & sleep 60 & wait"
    )
    session = fake_lsf.job(key).pid
    wait_until(lambda: len(session_members(session)) == 3)
    fake_lsf.run("bkill", key)
    fake_lsf.wait_for(key)
    wait_until(lambda: not session_members(session))


def test_bkill_forgets_a_pending_job_at_once(fake_lsf):
    key = submit(fake_lsf, "true", "-H")
    fake_lsf.run("bkill", key)
    job = fake_lsf.wait_for(key)
    assert (job.state, job.start, fake_lsf.run("bjobs", key).stderr) == ("EXIT", None, f"Job <{key}> is not found\n")


def test_bkill_takes_one_element_of_an_array(fake_lsf):
    submit(fake_lsf, "sleep 60", "-J", "train[1-3]")
    done = fake_lsf.run("bkill", "1001[2]")
    fake_lsf.wait_for("1001[2]")
    assert done.stdout == "Job <1001[2]> is being terminated\n"
    wait_until(lambda: [job.state for job in fake_lsf.jobs()] == ["RUN", "EXIT", "RUN"])


def test_bkill_0_takes_everything(fake_lsf):
    submit(fake_lsf, "sleep 60", "-J", "train[1-2]")
    done = fake_lsf.run("bkill", "0")
    assert done.stdout == "Job <1001[1]> is being terminated\nJob <1001[2]> is being terminated\n"
    assert {job.state for job in fake_lsf.wait_for_all()} == {"EXIT"}


def test_bkill_with_a_name_alone_takes_the_last_job(fake_lsf):
    submit(fake_lsf, "sleep 60", "-H", "-J", "a")
    submit(fake_lsf, "sleep 60", "-H", "-J", "a")
    submit(fake_lsf, "sleep 60", "-H", "-J", "b")
    assert fake_lsf.run("bkill", "-J", "a").stdout == "Job <1002> is being terminated\n"


def test_bkill_says_what_it_cannot_kill(fake_lsf):
    over = end_of(fake_lsf, "true").key
    done = fake_lsf.run("bkill", over, "22")
    assert (done.stdout, done.returncode) == ("", 255)
    assert done.stderr == f"Job <{over}>: Job has already finished\nJob <22>: No matching job found\n"


def test_bkill_can_send_a_signal(fake_lsf):
    key = running(fake_lsf, "while :; do sleep 0.01; done", before="trap 'exit 7' USR1")
    done = fake_lsf.run("bkill", "-s", "USR1", key)
    assert (done.stdout, fake_lsf.wait_for(key).exit_code) == (f"Job <{key}> is being signaled\n", 7)


def test_a_stopped_job_is_suspended_and_goes_on(fake_lsf, tmp_path):
    key = running(fake_lsf, f"until test -e {tmp_path}/go; do sleep 0.01; done")
    fake_lsf.run("bkill", "-s", "STOP", key)
    assert fake_lsf.job(key).state == "USUSP"
    (tmp_path / "go").touch()
    fake_lsf.run("bkill", "-s", "CONT", key)
    assert fake_lsf.wait_for(key).state == "DONE"


def test_a_kill_may_be_ignored(fake_lsf):
    fake_lsf.write(faults=[{"command": "bkill", "kind": "ignored", "calls": 1}])
    key = running(fake_lsf, "exec sleep 60")
    answers = [fake_lsf.run("bkill", key).stdout, fake_lsf.job(key).state]
    assert answers == [f"Job <{key}> is being terminated\n", "RUN"]


def test_the_system_can_kill_a_job_for_a_reason_of_its_own(fake_lsf):
    key = running(fake_lsf, "exec sleep 60")
    fake_lsf.terminate(key, "TERM_MEMLIMIT")
    job = fake_lsf.wait_for(key)
    assert (job.exit_code, job.reason) == (137, "TERM_MEMLIMIT")


def test_a_job_whose_scheduler_died_is_not_lost_sight_of(fake_lsf):
    fake_lsf.write(slots=9)
    key = running(fake_lsf, "exec sleep 60")
    scheduler = int(fake_lsf.run("ps", "-o", "ppid=", "-p", str(fake_lsf.job(key).pid)).stdout)
    os.kill(scheduler, signal.SIGKILL)
    fake_lsf.run("bkill", key)
    assert fake_lsf.wait_for(key).state == "EXIT"


def test_stopping_a_cluster_ends_all_its_processes(fake_lsf):
    fake_lsf.write(faults=[{"command": "bjobs", "kind": "hang"}])
    end_of(fake_lsf, "trap '' HUP; sleep 60 &")
    running(fake_lsf, "sleep 60 & sleep 60")
    waiting = subprocess.Popen(["bjobs"], env=fake_lsf.env())
    wait_until(lambda: fake_lsf.calls("bjobs"))
    sessions = [job.pid for job in fake_lsf.jobs()]
    subprocess.run([sys.executable, ADMIN, "--stop", fake_lsf.folder], check=True)
    assert waiting.wait() == -signal.SIGKILL
    wait_until(lambda: not any(map(session_members, sessions)))
    assert fake_lsf.run("bsub", "true").stderr == "LSF is down. Job not submitted.\n"


def test_calls_are_logged_and_counted(fake_lsf):
    fake_lsf.run("bjobs", "-w")
    fake_lsf.run("bsub", "true")
    fake_lsf.run("bjobs")
    logged = [(call.command, call.number, call.argv) for call in fake_lsf.calls()]
    assert logged == [("bjobs", 1, ("-w",)), ("bsub", 1, ("true",)), ("bjobs", 2, ())]


def test_a_misspelt_setting_is_refused(fake_lsf):
    with pytest.raises(ValueError, match="no such setting: slot;"):
        fake_lsf.write(slot=3)
