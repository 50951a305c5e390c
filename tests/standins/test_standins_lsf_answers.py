"""What the LSF stand-in writes: bjobs' answers in their forms and faults, and the files of -o and -e."""

import json
import re

import pytest

from .worlds import FakeLsf, wait_until

HEADER = "JOBID   USER    STAT  QUEUE      FROM_HOST   EXEC_HOST   JOB_NAME   SUBMIT_TIME\n"
CONNECTION_LOST = "Failed in an LSF library call: A socket operation has failed: Connection reset by peer"
RECORDS = ("bjobs", "-a", "-noheader", "-o", "jobid stat exit_code delimiter='^'")


@pytest.fixture(scope="module")
def with_jobs(tmp_path_factory):
    """Give a cluster with a finished job 1001, a failed one 1002 and a held one 1003."""
    with FakeLsf(tmp_path_factory.mktemp("answers") / "lsf") as made:
        made.write(user="me")
        made.run("bsub", "-J", "good", "true")
        made.run("bsub", "-J", "a_longer_name", "exit 3")
        made.run("bsub", "-J", "held", "-H", "true")
        wait_until(lambda: [job.state for job in made.jobs()] == ["DONE", "EXIT", "PSUSP"])
        yield made


@pytest.fixture
def lsf(with_jobs):
    """Give this cluster, in which tests change only the settings."""
    return with_jobs.write(user="me")


def spoken(done):
    return done.stdout, done.stderr, done.returncode


def without_times(text):
    return re.sub(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d", "TIME", text)


def test_the_table_shows_unfinished_jobs(lsf):
    row = "1003    me      PSUSP normal     login                   held       TIME\n"
    assert without_times(lsf.run("bjobs").stdout) == HEADER + row


def test_the_table_cuts_long_names_in_front(lsf):
    assert lsf.run("bjobs", "1002").stdout.split()[-4] == "*nger_name"


def test_the_wide_table_cuts_nothing(lsf):
    rows = without_times(lsf.run("bjobs", "-w", "-a").stdout).splitlines()[1:]
    assert [row.split() for row in rows] == [
        ["1001", "me", "DONE", "normal", "login", "node2", "good", "TIME"],
        ["1002", "me", "EXIT", "normal", "login", "node1", "a_longer_name", "TIME"],
        ["1003", "me", "PSUSP", "normal", "login", "-", "held", "TIME"],
    ]


def test_records_have_a_delimiter_and_a_dash_for_what_is_missing(lsf):
    assert lsf.run(*RECORDS).stdout == "1001^DONE^-\n1002^EXIT^3\n1003^PSUSP^-\n"


def test_records_have_a_header_unless_switched_off(lsf):
    assert lsf.run("bjobs", "-o", "jobid stat delimiter=','").stdout == "JOBID,STAT\n1003,PSUSP\n"


def test_records_without_a_delimiter_stand_in_columns(lsf):
    shown = lsf.run("bjobs", "-a", "-noheader", "-o", "jobid:5 job_name:6 stat").stdout
    assert shown == "1001  good   DONE \n1002  *_name EXIT \n1003  held   PSUSP\n"


def test_json_has_empty_texts_and_an_error_for_an_unknown_id(lsf):
    shown = json.loads(lsf.run("bjobs", "-json", "-o", "jobid stat exit_code", "1001", "99").stdout)
    assert shown == {
        "COMMAND": "bjobs",
        "JOBS": 2,
        "RECORDS": [
            {"JOBID": "1001", "STAT": "DONE", "EXIT_CODE": ""},
            {"JOBID": "99", "ERROR": "Job <99> is not found"},
        ],
    }


def test_json_conflicts_with_noheader(lsf):
    assert lsf.run("bjobs", "-json", "-noheader", "-o", "jobid").returncode == 255


def test_the_exit_reason_of_a_killed_job_is_told(fake_lsf):
    fake_lsf.run("bsub", "sleep 60")
    fake_lsf.wait_for("1001", "RUN")
    fake_lsf.run("bkill", "1001")
    fake_lsf.wait_for("1001")
    shown = fake_lsf.run("bjobs", "-a", "-noheader", "-o", "stat exit_reason delimiter='^'").stdout
    assert shown == "EXIT^TERM_OWNER: job killed by owner\n"


@pytest.mark.parametrize("with_index, id_shown", [(False, "1001"), (True, "1001[2]")])
def test_array_elements_share_an_id_unless_the_site_shows_indices(fake_lsf, with_index, id_shown):
    fake_lsf.write(array_ids=with_index)
    fake_lsf.run("bsub", "-H", "-J", "train[1-3]", "true")
    shown = fake_lsf.run("bjobs", "-noheader", "-o", "jobid jobindex job_name delimiter='^'", "1001[2]").stdout
    assert shown == f"{id_shown}^2^train[2]\n"


@pytest.mark.parametrize(
    "words, shown",
    [
        (("-J", "held"), "1003"),
        (("-a", "-J", "*o*"), "1001 1002"),
        (("-d",), "1001 1002"),
        (("-u", "me"), "1003"),
        (("-u", "you"), ""),
        (("-q", "short"), ""),
        (("1002", "1001"), "1002 1001"),
    ],
)
def test_jobs_are_chosen_by_options_and_ids(lsf, words, shown):
    assert lsf.run("bjobs", "-noheader", "-o", "jobid", *words).stdout.split() == shown.split()


@pytest.mark.parametrize(
    "words, said, code",
    [
        (("-r",), "No running job found\n", 0),
        (("-J", "nosuch"), "Job <nosuch> is not found\n", 0),
        (("99",), "Job <99> is not found\n", 255),
        (("1003", "99"), "Job <99> is not found\n", 255),
    ],
)
def test_what_is_not_found_is_said_on_stderr(lsf, words, said, code):
    done = lsf.run("bjobs", *words)
    assert (done.stderr, done.returncode) == (said, code)


@pytest.mark.parametrize(
    "settings, words, code",
    [
        ({}, (), 0),
        ({"consistent_exit_code": True}, (), 255),
        ({"openlava": True}, (), 254),
        ({"code_unknown_ids": 0}, ("99",), 0),
        ({"code_unknown_ids": 0, "consistent_exit_code": True}, ("99",), 255),
    ],
)
def test_sites_differ_in_the_exit_status_for_nothing(fake_lsf, settings, words, code):
    fake_lsf.write(**settings)
    assert fake_lsf.run("bjobs", *words).returncode == code


def test_some_sites_deny_finished_jobs_asked_for_by_id(lsf):
    lsf.write(finished_by_id=False)
    assert spoken(lsf.run("bjobs", "1001")) == ("", "Job <1001> is not found\n", 255)


def test_finished_jobs_are_forgotten(lsf):
    lsf.write(clean_period_s=0)
    assert lsf.run(*RECORDS).stdout == "1003^PSUSP^-\n"


def test_openlava_knows_no_records(fake_lsf):
    fake_lsf.write(openlava=True)
    assert spoken(fake_lsf.run(*RECORDS)) == ("", "bjobs: illegal option -- noheader\n", 255)


@pytest.mark.parametrize("state", ["UNKWN", "ZOMBI", "SSUSP", "WAIT", "NEWWORD"])
def test_a_job_can_be_shown_in_any_state(lsf, state):
    lsf.write(shown_states={"1003": state})
    assert lsf.run("bjobs", "-noheader", "-o", "stat delimiter=','").stdout == f"{state}\n"


@pytest.mark.parametrize(
    "fault, answered",
    [
        ({"kind": "empty"}, ("", "", 0)),
        ({"kind": "library_error"}, ("", f"{CONNECTION_LOST}\n", 255)),
        ({"kind": "noise", "stdout": "debug\n"}, ("debug\n1003^PSUSP\n", "", 0)),
        ({"kind": "states", "states": {"1003": "UNKWN"}}, ("1003^UNKWN\n", "", 0)),
        ({"kind": "missing", "jobs": ["1003"]}, ("", "Job <1003> is not found\n", 255)),
        ({"kind": "missing", "jobs": ["1003"], "silent": True}, ("", "", 0)),
        (
            {"kind": "query_limit", "seconds": 0},
            ("1003^PSUSP\n", "Batch system concurrent query limit exceeded\n", 0),
        ),
        ({"kind": "say", "stdout": "a", "stderr": "b", "code": 7}, ("a", "b", 7)),
    ],
)
def test_bjobs_goes_wrong_once_as_it_is_told(lsf, fault, answered):
    next_call = len(lsf.calls("bjobs")) + 1
    lsf.write(faults=[{"command": "bjobs", "calls": next_call, **fault}], user="me")
    answers = [spoken(lsf.run("bjobs", "-noheader", "-o", "jobid stat delimiter='^'", "1003")) for _ in range(2)]
    assert answers == [answered, ("1003^PSUSP\n", "", 0)]


def test_a_running_job_can_be_missing_from_the_list(fake_lsf):
    fake_lsf.write(faults=[{"command": "bjobs", "kind": "missing", "calls": 1}])
    fake_lsf.run("bsub", "-J", "train[1-2]", "sleep 60")
    wait_until(lambda: [job.state for job in fake_lsf.jobs()] == ["RUN", "RUN"])
    shown = [fake_lsf.run("bjobs", "-noheader", "-o", "jobindex").stdout.split() for _ in range(2)]
    assert shown == [["2"], ["1", "2"]]


# The files of -o and -e


def output_of(lsf, folder, text, *options, **more):
    """Run a job in a folder; return what is in its files `out` and `err` (None: no such file)."""
    lsf.run("bsub", *options, text=text, cwd=folder, **more)
    lsf.wait_for_all()
    return [path.read_text() if path.exists() else None for path in (folder / "out", folder / "err")]


def test_the_report_of_a_job_that_succeeded(fake_lsf, tmp_path):
    out, err = output_of(fake_lsf, tmp_path, "echo said; echo moaned >&2", "-J", "train", "-o", "out", "-e", "err")
    assert "\nSubject: Job 1001: <train> in cluster <standin> Done\n" in out
    assert "\n\nSuccessfully completed.\n\nResource usage summary:\n" in out
    note = f"PS:\n\nRead file <{tmp_path}/err> for stderr output of this job.\n\n"
    assert out.endswith(f"The output (if any) follows:\n\nsaid\n\n\n{note}")
    assert err == "moaned\n"


@pytest.mark.parametrize(
    "text, result",
    [
        ("exit 3", "\n\nExited with exit code 3.\n\n"),
        (
            "kill -ALRM $$",
            "\n\nTERM_EXTERNAL_SIGNAL: job killed by a signal external to LSF.\n"
            "Exited with signal termination: 14.\n\n",
        ),
    ],
)
def test_the_report_of_a_job_that_failed(fake_lsf, tmp_path, text, result):
    out, _ = output_of(fake_lsf, tmp_path, text, "-J", "train", "-o", "out")
    assert "\nSubject: Job 1001: <train> in cluster <standin> Exited\n" in out
    assert result in out


def test_the_report_of_a_job_that_ran_too_long(fake_lsf, tmp_path):
    fake_lsf.write(seconds_per_minute=0.05)
    out, _ = output_of(fake_lsf, tmp_path, "exec sleep 60", "-W", "1", "-o", "out")
    wanted = "\n\nTERM_RUNLIMIT: job killed after reaching LSF run time limit.\nExited with exit code 140.\n\n"
    assert wanted in out


def test_stderr_joins_the_output_without_an_error_file(fake_lsf, tmp_path):
    out, err = output_of(fake_lsf, tmp_path, "echo said; echo moaned >&2", "-o", "out")
    assert (out.endswith("follows:\n\nsaid\nmoaned\n\n"), err) == (True, None)


@pytest.mark.parametrize("options, count", [(("-o", "out"), 2), (("-oo", "out"), 1)])
def test_output_is_appended_unless_it_is_to_be_replaced(fake_lsf, tmp_path, options, count):
    output_of(fake_lsf, tmp_path, "true", *options)
    out, _ = output_of(fake_lsf, tmp_path, "true", *options)
    assert out.count("Successfully completed.") == count


def test_nothing_is_in_the_files_before_the_job_ends(fake_lsf, tmp_path):
    fake_lsf.run("bsub", "-o", "out", text="echo said; touch up; sleep 60", cwd=tmp_path)
    wait_until((tmp_path / "up").exists)
    assert not (tmp_path / "out").exists()


def test_direct_output_is_there_at_once_and_above_the_report(fake_lsf, tmp_path):
    env = {**fake_lsf.env(), "LSB_STDOUT_DIRECT": "Y"}
    fake_lsf.run(
        "bsub", "-o", "out", text="echo said; touch up; until test -e go; do sleep 0.01; done", cwd=tmp_path, env=env
    )
    wait_until((tmp_path / "up").exists)
    assert (tmp_path / "out").read_text() == "said\n"
    (tmp_path / "go").touch()
    fake_lsf.wait_for("1001")
    assert (tmp_path / "out").read_text().endswith("\nThe output (if any) is above this job summary.\n\n")


def test_output_for_a_missing_folder_is_lost(fake_lsf, tmp_path):
    output_of(fake_lsf, tmp_path, "echo said", "-o", "nosuch/out", "-e", "nosuch/err")
    assert (fake_lsf.job("1001").state, (tmp_path / "nosuch").exists()) == ("DONE", False)


def test_a_folder_named_with_a_slash_is_made(fake_lsf, tmp_path):
    output_of(fake_lsf, tmp_path, "echo said", "-o", "logs/")
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["1001.out"]


def test_without_an_output_file_the_report_is_mailed(fake_lsf, tmp_path):
    output_of(fake_lsf, tmp_path, "echo said")
    assert (fake_lsf.folder / "mail" / "1001.txt").read_text().endswith("follows:\n\nsaid\n\n")


# bparams


def test_bparams_tells_how_large_an_array_may_be(fake_lsf):
    fake_lsf.write(max_array_size=12)
    shown = fake_lsf.run("bparams", "-a").stdout.splitlines()[0]
    assert shown.split() == ["MAX_JOB_ARRAY_SIZE", "=", "12"]
