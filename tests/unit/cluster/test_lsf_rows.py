"""How bjobs' records are understood."""

from __future__ import annotations

import pytest

from hpsearch.backends.cluster.lsf import Lsf, LsfWishes
from hpsearch.backends.scheduler import JobRow
from hpsearch.backends.shell import Answer
from hpsearch.core.model import JobPhase, RunState, Status

FILE = "/s/.hpsearch/logs/sim_1.1.abc.lsf"


def record(
    job_id: str = "1001",
    state: str = "RUN",
    index: str = "0",
    code: str = "-",
    host: str = "-",
    file: str = FILE,
    exit_reason: str = "-",
    pend_reason: str = "-",
) -> str:
    return "^".join([job_id, index, state, code, host, file, exit_reason, pend_reason]) + "\n"


def rows(stdout: str, stderr: str = "", exit_status: int | None = 0) -> list[JobRow] | None:
    return Lsf(LsfWishes()).rows(Answer(exit_status, stdout, stderr))


def row(**fields: str) -> JobRow:
    (only,) = rows(record(**fields)) or []
    return only


def test_a_record_tells_id_submission_state_and_host() -> None:
    assert row(host="node1") == JobRow("1001", "sim_1.1.abc", Status(JobPhase.RUNNING, place="node1"))


@pytest.mark.parametrize(
    "job_id, index, file, found",
    [
        ("1001", "0", FILE, ("1001", None, "sim_1.1.abc")),
        ("1001", "3", f"{FILE}.3", ("1001[3]", 3, "sim_1.1.abc")),
        ("1001[3]", "3", f"{FILE}.%I", ("1001[3]", 3, "sim_1.1.abc")),
        ("1001[3]", "-", f"{FILE}.3", ("1001[3]", 3, "sim_1.1.abc")),
        ("1001", "0", "/s/my logs^2/sim_1.1.123456.lsf", ("1001", None, "sim_1.1.123456")),
        ("1001", "0", "/home/me/other.out", ("1001", None, "")),
        ("1001", "0", "-", ("1001", None, "")),
    ],
)
def test_a_job_is_known_by_its_id_and_its_report(
    job_id: str, index: str, file: str, found: tuple[str, int | None, str]
) -> None:
    only = row(job_id=job_id, index=index, file=file)
    assert (only.id, only.number, only.name) == found


@pytest.mark.parametrize(
    "state, phase",
    [
        ("PEND", JobPhase.QUEUED),
        ("PROV", JobPhase.QUEUED),
        ("WAIT", JobPhase.QUEUED),
        ("PSUSP", JobPhase.QUEUED),
        ("RUN", JobPhase.RUNNING),
        ("USUSP", JobPhase.RUNNING),
        ("SSUSP", JobPhase.RUNNING),
        ("UNKWN", JobPhase.RUNNING),
        ("NEWWORD", JobPhase.RUNNING),
        ("ZOMBI", JobPhase.ENDED),
        ("DONE", JobPhase.ENDED),
        ("EXIT", JobPhase.ENDED),
        ("POST_DONE", JobPhase.ENDED),
    ],
)
def test_each_state_is_a_phase(state: str, phase: JobPhase) -> None:
    assert row(state=state).status.phase is phase


@pytest.mark.parametrize(
    "reason, code, cause",
    [
        ("TERM_RUNLIMIT: job killed after reaching LSF run time limit", "140", RunState.TIMED_OUT),
        ("TERM_CPULIMIT: job killed after reaching LSF CPU usage limit", "152", RunState.TIMED_OUT),
        ("TERM_MEMLIMIT: job killed after reaching LSF memory usage limit", "137", RunState.OUT_OF_MEMORY),
        ("TERM_SWAP: job killed after reaching LSF swap usage limit", "137", RunState.OUT_OF_MEMORY),
        ("TERM_OWNER: job killed by owner", "-", RunState.CANCELLED),
        ("TERM_ADMIN: job killed by root or LSF administrator", "130", RunState.CANCELLED),
        ("TERM_FORCE_OWNER: job killed by owner without time for cleanup", "-", RunState.CANCELLED),
        ("TERM_PREEMPT: job killed after preemption", "130", RunState.PREEMPTED),
        ("TERM_LOAD: job killed after load exceeds threshold", "130", RunState.PREEMPTED),
        ("TERM_ZOMBIE: job exited while LSF is not available", "-", RunState.LOST),
        ("TERM_CWD_NOTEXIST: ...", "2", RunState.FAILED),
        ("TERM_EXTERNAL_SIGNAL: job killed by a signal external to LSF", "143", None),
        ("TERM_SOMETHING_NEW: words", "143", None),
        ("-", "140", RunState.TIMED_OUT),
        ("-", "130", RunState.CANCELLED),
        ("-", "143", RunState.CANCELLED),
        ("-", "3", None),
        ("-", "-", None),
    ],
)
def test_the_reason_of_an_end_decides_what_the_run_came_to(reason: str, code: str, cause: RunState | None) -> None:
    status = row(state="EXIT", code=code, exit_reason=reason).status
    said = "" if reason == "-" else f"LSF: {reason}"
    assert status == Status(JobPhase.ENDED, None if code == "-" else int(code), cause, said)


def test_a_job_on_a_host_that_is_gone_for_good_is_lost() -> None:
    assert row(state="ZOMBI").status.cause is RunState.LOST


def test_done_is_exit_status_0() -> None:
    assert row(state="DONE", host="n1").status == Status(JobPhase.ENDED, 0, place="n1")


@pytest.mark.parametrize(
    "reason, trouble",
    [
        ("-", ""),
        ("New job is waiting for scheduling;", ""),
        ("Job slot limit reached: 3 hosts;", ""),
        ("Job's resource requirements not satisfied: 3 hosts; Job slot limit reached: 1 host;", ""),
        (
            "Job's resource requirements not satisfied: 4 hosts;",
            "Job's resource requirements not satisfied: 4 hosts: if no host ever satisfies them, change --resources",
        ),
        (
            "The queue is inactivated by the administrator;",
            "The queue is inactivated by the administrator: choose another --lsf_queue, or wait",
        ),
        (
            "Job will not finish before queue's run window is closed;",
            "Job will not finish before queue's run window is closed: reduce --num_hours",
        ),
        (
            "Job no longer satisfies queue PROCLIMIT configuration;",
            "Job no longer satisfies queue PROCLIMIT configuration: change -n in --lsf_options, or --lsf_queue",
        ),
        (
            "Host or host group is not used by the queue;",
            "Host or host group is not used by the queue: change -m in --lsf_options, or --lsf_queue",
        ),
        (
            "Unable to determine user account for execution; There is no such user account;",
            "There is no such user account; Unable to determine user account for execution: ask the administrators",
        ),
        (
            "The user has no permission to run the job on remote host/cluster;",
            "The user has no permission to run the job on remote host/cluster: ask the administrators",
        ),
        ("Can't run jobs submitted by root;", "Can't run jobs submitted by root: submit as an ordinary user"),
    ],
)
def test_only_reasons_that_do_not_pass_by_themselves_are_told(reason: str, trouble: str) -> None:
    assert row(state="PEND", pend_reason=reason).trouble == trouble


@pytest.mark.parametrize(
    "state, words",
    [
        ("PEND", ""),
        ("PROV", "its host is being started"),
        ("WAIT", "waits in a chunk of jobs"),
        ("PSUSP", "held"),
        ("USUSP", "suspended by its owner or an administrator"),
        ("SSUSP", "suspended by LSF"),
        ("UNKWN", "LSF has lost contact with its host"),
    ],
)
def test_a_state_says_in_words_why_a_job_does_not_go_on(state: str, words: str) -> None:
    assert row(state=state).status.reason == words


@pytest.mark.parametrize(("reason", "words"), [("-", "it is held"), ("Held by me; Late;", "Held by me; Late")])
def test_a_held_job_is_told_with_what_lsf_says_of_it(reason: str, words: str) -> None:
    assert row(state="PSUSP", pend_reason=reason).trouble == f"{words}; to release it: bresume 1001"


def test_a_held_job_is_told_with_the_command_that_lets_it_go() -> None:
    held = row(state="PSUSP", index="2", pend_reason="The job was suspended by the user while pending;")
    assert held.trouble == "The job was suspended by the user while pending; to release it: bresume '1001[2]'"


def test_a_dependency_that_cannot_be_met_is_hopeless() -> None:
    told = row(state="PEND", pend_reason="Dependency condition invalid or never satisfied;")
    assert (told.is_hopeless, told.status.cause) == (True, RunState.FAILED)


def test_lines_that_are_no_records_are_passed_over() -> None:
    found = rows(
        f"debug: slow ^ answer\nJOBID^STAT\n{record()}\nBye.\n", "Batch system concurrent query limit exceeded"
    )
    assert [only.id for only in found or []] == ["1001"]


@pytest.mark.parametrize("exit_status", [0, 254, 255])
def test_records_count_whatever_the_exit_status_is(exit_status: int) -> None:
    assert len(rows(record(), "Job <99> is not found\n", exit_status) or []) == 1


@pytest.mark.parametrize("exit_status", [0, 254, 255])
@pytest.mark.parametrize("said", ["Job <99> is not found", "No unfinished job found", "No job found"])
def test_no_such_job_is_an_answer_without_rows(said: str, exit_status: int) -> None:
    assert rows("", f"{said}\n", exit_status) == []


@pytest.mark.parametrize(
    "stdout, stderr, exit_status",
    [
        ("", "", 0),
        ("", "", 255),
        ("debug\n", "", 0),
        ("", "LSF is down. Please wait ...\n", 255),
        ("", "Failed in an LSF library call: Connection reset by peer\n", 255),
        (record(), "Failed in an LSF library call: Connection reset by peer\n", 255),
        (record(), "", None),
        ("", "Batch system concurrent query limit exceeded\n", 0),
    ],
)
def test_what_is_no_answer_says_nothing_of_any_job(stdout: str, stderr: str, exit_status: int | None) -> None:
    assert rows(stdout, stderr, exit_status) is None


@pytest.mark.parametrize("line", [record(job_id="JOBID"), f"1002^0^PEND^-^-^{FILE}\n", f"1002^0^PEND^-^-^{FILE}^-\n"])
def test_lines_without_an_id_or_without_the_reasons_are_passed_over(line: str) -> None:
    assert [only.id for only in rows(line + record()) or []] == ["1001"]


def test_a_waiting_job_without_reasons_waits_without_a_word() -> None:
    lsf = Lsf(LsfWishes())
    lsf.check_version(Answer(255, "", "exit_reason: Illegal field. pend_reason: Illegal field.\n"))
    assert lsf.rows(Answer(0, f"1001^0^PEND^-^-^{FILE}\n", "")) == [
        JobRow("1001", "sim_1.1.abc", Status(JobPhase.QUEUED)),
    ]


def test_records_without_reasons_are_read_as_well() -> None:
    lsf = Lsf(LsfWishes())
    lsf.check_version(Answer(255, "", "exit_reason: Illegal field. pend_reason: Illegal field.\n"))
    assert lsf.rows(Answer(0, f"1001^0^EXIT^140^node1^{FILE}\n", "")) == [
        JobRow("1001", "sim_1.1.abc", Status(JobPhase.ENDED, 140, RunState.TIMED_OUT, "", "node1")),
    ]


RULE = "-" * 60
HEAD = f"\n{RULE}\nSender: LSF System <lsf@n1>\nSubject: Job 1: <j> in c Exited\n\nExited with exit code 127.\n\n"


@pytest.mark.parametrize(
    "text, words",
    [
        (f"{HEAD}The output (if any) follows:\n\nbash: not found\n\n\n", "bash: not found"),
        (
            f"{HEAD}The output (if any) follows:\n\na\n b\n\nPS:\n\nRead file <x> for stderr output of this job.\n",
            "a; b",
        ),
        (f"bash: not found\n{HEAD}The output (if any) is above this job summary.\n\n", "bash: not found"),
        (f"{HEAD}The output (if any) follows:\n\n\n", ""),
        ("", ""),
        ("x" * 1000, ""),
    ],
)
def test_what_a_job_said_is_found_in_its_report(text: str, words: str) -> None:
    assert Lsf(LsfWishes()).report_words(text) == words
