"""Slurm's commands and answers as text; most answers were recorded from a real Slurm (tests/cluster)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from project import ROOT

from hpsearch.backends.cluster.slurm import Slurm, SlurmWishes
from hpsearch.backends.scheduler import ClusterWishes, JobRow, Submission
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import (
    ArrayTooLarge,
    BackendError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
)
from hpsearch.core.model import Attempt, Configuration, JobPhase, Run, RunState, Status

TRANSCRIPTS = ROOT / "tests" / "cluster" / "transcripts.json"
SLURM = Slurm(SlurmWishes())


def recorded(note: str, command: str = "") -> Answer:
    """Return the answer of a recorded call with this note, whose command begins so."""
    calls = json.loads(TRANSCRIPTS.read_text())["calls"]
    (call, *_) = (call for call in calls if call["note"] == note and call["cmd"].startswith(command))
    return Answer(call["rc"], call["stdout"], call["stderr"])


def squeue(*lines: str) -> Answer:
    return Answer(0, "".join(f"{line}\n" for line in lines), "")


def row(line: str) -> JobRow:
    rows = SLURM.rows(squeue(line))
    assert rows is not None
    return rows[0]


def attempt(number: int = 1, logs: str = "/s/out/.hpsearch/logs") -> Attempt:
    name = f"sim_{number}"
    run = Run(number, name, Configuration(()), f"out/{name}")
    return Attempt(run, 1, f"{name}.1.abc", ("./train.sh",), Path("/s"), Path(f"/s/exits/{name}.1.abc"), Path(logs))


def submission(*jobs: tuple[Attempt, ...], name: str = "sim_1.1.abc", **more: object) -> Submission:
    return Submission(name, "sim_1", jobs[0][0].log_folder, jobs, **more)  # type: ignore[arg-type]


# Submitting


@pytest.mark.parametrize("answer", ["123", "123;two"])
@pytest.mark.parametrize(
    "stdout",
    ["{}\n", "Welcome to the cluster\n{}\n", "{}\nEstimated cost: 12 credits\n", "7 jobs before\n {} \n12 %\n"],
)
def test_only_a_whole_line_is_the_id_of_a_submitted_job(stdout: str, answer: str) -> None:
    assert SLURM.submitted_id(Answer(0, stdout.format(answer), "")) == answer


def test_the_recorded_submission_gave_an_id() -> None:
    assert SLURM.submitted_id(recorded("submit, --parsable")) == "2"


@pytest.mark.parametrize(
    "note, words",
    [
        (
            "bad partition",
            "invalid partition specified: nosuch; Batch job submission failed: Invalid partition name spec",
        ),
        ("gres: too many", "Batch job submission failed: Requested node configuration is not available"),
        ("gres: unknown name", "Invalid generic resource (gres) specification"),
        ("too much memory", "Memory specification can not be satisfied"),
        ("unknown feature", "Batch job submission failed: Invalid feature specification"),
        ("bad --time text", "Invalid --time specification"),
        ("bad --mem text", "Invalid --mem specification"),
        ("unknown option", "unrecognized option '--nosuchopt'"),
        ("unknown node", "Invalid node name specified"),
        ("array index beyond MaxArraySize", "Invalid job array specification"),
    ],
)
def test_a_lasting_refusal_has_the_words_of_sbatch(note: str, words: str) -> None:
    with pytest.raises(SubmissionRefused) as caught:
        SLURM.submitted_id(recorded(note))
    assert not isinstance(caught.value, SubmissionUnexplained)
    assert str(caught.value).startswith("sbatch refused the job: ")
    assert words in str(caught.value)


def failed(words: str, exit_status: int | None = 1) -> Answer:
    return Answer(exit_status, "", f"sbatch: error: {words}\n")


POLICY = (
    "Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
)


@pytest.mark.parametrize(
    "answer",
    [
        recorded("controller hangs: sbatch (the job IS created later)"),
        failed("Zero Bytes were transmitted or received"),
        failed("Unexpected message received"),
        failed("Insane message length"),
        failed("QOSMaxSubmitJobPerUserLimit", None),
        Answer(None, "", ""),
        Answer(-9, "", ""),
        Answer(0, "", ""),
        Answer(0, "thank you\n", ""),
        Answer(0, "Submitted batch job 12\n", ""),
        Answer(0, "12\n13\n", ""),
    ],
)
def test_an_unclear_answer_proves_nothing(answer: Answer) -> None:
    with pytest.raises(SubmissionUnsure):
        SLURM.submitted_id(answer)


@pytest.mark.parametrize(
    "words",
    [
        "QOSMaxSubmitJobPerUserLimit",
        "AssocGrpSubmitJobsLimit",
        "AssocMaxSubmitJobLimit",
        f"AssocMaxSubmitJobLimit\nsbatch: error: {POLICY}",
        "QOSMaxJobsPerUserLimit",
        POLICY,
    ],
)
def test_a_limit_on_the_number_of_jobs_is_recognised(words: str) -> None:
    with pytest.raises(SubmitLimitReached):
        SLURM.submitted_id(failed(words))


@pytest.mark.parametrize(
    "words",
    [
        "Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "Batch job submission failed: I/O error writing script/environment to file",
        "Unable to process configuration file",
        "_parse_next_key: Unable to process configuration file",
        "resolve_ctls_from_dns_srv: res_nsearch error\nsbatch: error: fetch_config: DNS SRV lookup failed",
        "_establish_config_source: failed to fetch config\nsbatch: fatal: Could not establish a configuration source",
        "Batch job submission failed: Resource temporarily unavailable",
        "Batch job submission failed: Slurm backup controller in standby mode",
        "Slurm backup controller failed",
        "Slurm controller is restarting",
        "Slurm controller is shutting down",
        "Slurm controller not responding, sleeping and retrying",
        "Slurm temporarily unable to accept job, sleeping and retrying.",
        "Required partition not available (inactive or drain)",
        "Required node not available (down, drained or reserved)",
        "Batch job submission failed: Protocol authentication error",
        "Problem talking to the database: Connection refused",
        "slurmdbd: Unable to register with slurmdbd, account information may be missing",
        "Batch job submission failed: Unable to create job record, try again",
        "Batch job submission failed: No space left on device",
        "fork: Cannot allocate memory",
    ],
)
def test_a_refusal_that_is_known_to_pass_is_delayed(words: str) -> None:
    with pytest.raises(SubmissionDelayed) as delayed:
        SLURM.submitted_id(failed(words))
    assert not isinstance(delayed.value, SubmitLimitReached)


@pytest.mark.parametrize(
    "words",
    [
        f"QOSMaxCpuPerJobLimit\nsbatch: error: {POLICY}",
        f"QOSMaxWallDurationPerJobLimit\nsbatch: error: {POLICY}",
        f"AssocGrpMemLimit\nsbatch: error: {POLICY}",
        "Batch job submission failed: Invalid account or account/partition combination specified",
        "Batch job submission failed: User's group not permitted to use this partition",
        "Batch job submission failed: Invalid qos specification",
        "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
        "Batch job submission failed: Access denied to requested reservation",
        "Batch job submission failed: Requested reservation is invalid",
        "Batch job submission failed: Node count specification invalid",
        "Batch job submission failed: CPU count specification invalid",
        "Batch job submission failed: More processors requested than permitted",
        "Batch job submission failed: Memory required by task is not available",
        "Batch job submission failed: Invalid license specification",
        "Batch job submission failed: Invalid wckey specification",
        "Batch job submission failed: Job dependency problem",
        "No cluster 'two' known by database.",
        "This cluster wants a constraint.\nsbatch: error: Batch job submission failed: Unspecified error",
    ],
)
def test_a_refusal_of_what_the_job_asks_for_is_for_good(words: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        SLURM.submitted_id(failed(words))
    assert not isinstance(refused.value, SubmissionUnexplained)


def test_what_a_plugin_says_beside_a_refusal_is_no_reason_for_it() -> None:
    chatter = "sbatch: lua: account lab, partition main, qos normal\n"
    with pytest.raises(SubmissionUnexplained):
        SLURM.submitted_id(Answer(1, "", f"{chatter}sbatch: error: Batch job submission failed: Unspecified error\n"))


@pytest.mark.parametrize("words", ["Unspecified error", "Access/permission denied", "Invalid user id", ""])
def test_a_refusal_in_other_words_is_not_explained(words: str) -> None:
    with pytest.raises(SubmissionUnexplained, match=r"sbatch refused the job: ."):
        SLURM.submitted_id(failed(words))


def test_an_array_that_is_too_large_is_recognised() -> None:
    with pytest.raises(ArrayTooLarge):
        SLURM.submitted_id(recorded("array index beyond MaxArraySize"))


# The job script's options


def test_the_options_of_a_job_stand_in_its_script() -> None:
    wishes = SlurmWishes("2G", "gpu:2", "main", "high", "a100&test", ("--comment", "it's two"))
    lines = Slurm(wishes).header(submission((attempt(),)), ClusterWishes(hours=1.5))
    assert lines == [
        "#SBATCH --job-name=sim_1",
        "#SBATCH --output=/s/out/.hpsearch/logs/sim_1.1.abc.out",
        "#SBATCH --error=/s/out/.hpsearch/logs/sim_1.1.abc.err",
        "#SBATCH --time=1:30:00",
        "#SBATCH --mem=2G",
        "#SBATCH --gres=gpu:2",
        "#SBATCH --partition=main",
        "#SBATCH --qos=high",
        "#SBATCH '--constraint=a100&test'",
        "#SBATCH --no-requeue",
        "#SBATCH --open-mode=append",
        "#SBATCH --comment 'it'\"'\"'s two'",
    ]


def test_all_options_of_a_job_stand_on_the_command_line() -> None:
    wishes = SlurmWishes("2G", "gpu:2", "main", "high", "a100&test", ("--comment", "it's two\nlines"))
    job = submission((attempt(),))
    command = Slurm(wishes).submit_command(job, "", ClusterWishes(hours=1.5))
    assert command.argv == [
        "sbatch",
        "--parsable",
        "--job-name=sim_1",
        "--output=/s/out/.hpsearch/logs/sim_1.1.abc.out",
        "--error=/s/out/.hpsearch/logs/sim_1.1.abc.err",
        "--time=1:30:00",
        "--mem=2G",
        "--gres=gpu:2",
        "--partition=main",
        "--qos=high",
        "--constraint=a100&test",
        "--no-requeue",
        "--open-mode=append",
        "--comment",
        "it's two\nlines",
        "/s/out/.hpsearch/logs/sim_1.1.abc.sh",
    ]


def test_an_option_of_two_lines_does_not_become_a_line_of_the_script() -> None:
    wishes = SlurmWishes(options=("--comment", "a\nrm -r x"))
    assert [line for line in Slurm(wishes).header(submission((attempt(),)), ClusterWishes()) if "rm" in line] == []


def test_an_array_has_its_size_its_share_and_the_array_before_it() -> None:
    wishes = Slurm(SlurmWishes("", ""))
    jobs = [(attempt(1),), (attempt(2),)]
    lines = wishes.header(submission(*jobs, name="b", is_array=True, at_once=5, after="7"), ClusterWishes(hours=1))
    assert lines[1:5] == [
        "#SBATCH --output=/s/out/.hpsearch/logs/b.out",
        "#SBATCH --time=1:00:00",
        "#SBATCH --array=1-2%5",
        "#SBATCH --dependency=afterany:7",
    ]


@pytest.mark.parametrize("hours, limit", [(24, "24:00:00"), (0.5, "0:30:00"), (0.001, "0:01:00"), (100, "100:00:00")])
def test_a_time_limit_is_whole_minutes(hours: float, limit: str) -> None:
    assert f"#SBATCH --time={limit}" in SLURM.header(submission((attempt(),)), ClusterWishes(hours=hours))


def test_a_percent_sign_of_a_folder_is_no_replacement_symbol() -> None:
    lines = SLURM.header(submission((attempt(logs="/s/100%j"),)), ClusterWishes())
    assert lines[1] == "#SBATCH --output=/s/100%%j/sim_1.1.abc.out"


# Asking


@pytest.mark.parametrize("name, what", [("a\\b", "a backslash"), ("a\nb", "a line break")])
def test_a_folder_that_slurm_cannot_write_to_is_refused(name: str, what: str) -> None:
    with pytest.raises(SubmissionRefused, match=f"contains {what}.*--out_dir"):
        SLURM.header(submission((attempt(logs=f"/s/{name}/logs"),)), ClusterWishes())


def test_one_question_names_each_array_once() -> None:
    argv = SLURM.query_command(["7_1", "7_2", "9"]).argv
    assert (argv[0], argv[-2:]) == ("squeue", ["-j", "7,9"])


@pytest.mark.parametrize(
    "line, expected",
    [
        ("12|N/A|RUNNING|None|n1|/l/a.sh", JobRow("12", "a", Status(JobPhase.RUNNING, place="n1"))),
        ("12|4|RUNNING|None|n1|/l/a.sh", JobRow("12_4", "a", Status(JobPhase.RUNNING, place="n1"), 4)),
        ("12|N/A|PENDING|None||/l/a.sh", JobRow("12", "a", Status(JobPhase.QUEUED))),
        ("12|N/A|PENDING|Priority||/l/a|b.sh", JobRow("12", "a|b", Status(JobPhase.QUEUED, reason="Priority"))),
        ("12|N/A|PENDING|Resources||(null)", JobRow("12", "(null)", Status(JobPhase.QUEUED, reason="Resources"))),
        ("12;two|4|RUNNING|None|n1|/l/a.sh", JobRow("12_4;two", "a", Status(JobPhase.RUNNING, place="n1"), 4)),
    ],
)
def test_a_row_of_squeue_is_read(line: str, expected: JobRow) -> None:
    assert row(line) == expected


def test_fault_21_a_task_is_not_taken_for_a_job_with_an_alike_number() -> None:
    rows = SLURM.rows(squeue("123|4|RUNNING|None|n1|/l/a.sh", "1234|N/A|RUNNING|None|n1|/l/b.sh"))
    assert rows is not None
    assert [row.id for row in rows] == ["123_4", "1234"]


@pytest.mark.parametrize(
    "word", ["COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "REVOKED", "NEW_IN_25.11", ""]
)
def test_an_unknown_word_is_running(word: str) -> None:
    assert row(f"12|N/A|{word}|None|n1|/l/a.sh").status.phase is JobPhase.RUNNING


@pytest.mark.parametrize("word", ["PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"])
def test_a_job_that_waits_is_queued(word: str) -> None:
    assert row(f"12|N/A|{word}|None||/l/a.sh").status.phase is JobPhase.QUEUED


@pytest.mark.parametrize(
    "state, reason, status",
    [
        ("COMPLETED", "None", Status(JobPhase.ENDED, 0)),
        ("FAILED", "NonZeroExitCode", Status(JobPhase.ENDED, reason="Slurm: FAILED")),
        ("FAILED", "JobLaunchFailure", Status(JobPhase.ENDED, reason="Slurm: FAILED (JobLaunchFailure)")),
        ("TIMEOUT", "TimeLimit", Status(JobPhase.ENDED, None, RunState.TIMED_OUT, "Slurm: TIMEOUT (TimeLimit)")),
        ("DEADLINE", "DeadLine", Status(JobPhase.ENDED, None, RunState.TIMED_OUT, "Slurm: DEADLINE (DeadLine)")),
        ("OUT_OF_MEMORY", "None", Status(JobPhase.ENDED, None, RunState.OUT_OF_MEMORY, "Slurm: OUT_OF_MEMORY")),
        ("NODE_FAIL", "None", Status(JobPhase.ENDED, None, RunState.LOST, "Slurm: NODE_FAIL")),
        ("BOOT_FAIL", "None", Status(JobPhase.ENDED, None, RunState.LOST, "Slurm: BOOT_FAIL")),
        ("PREEMPTED", "None", Status(JobPhase.ENDED, None, RunState.PREEMPTED, "Slurm: PREEMPTED")),
        ("CANCELLED", "Resources", Status(JobPhase.ENDED, None, RunState.CANCELLED, "Slurm: CANCELLED")),
    ],
)
def test_every_end_has_its_cause(state: str, reason: str, status: Status) -> None:
    assert row(f"12|N/A|{state}|{reason}||/l/a.sh").status == status


@pytest.mark.parametrize(
    "reason, cause",
    [
        ("PartitionTimeLimit", RunState.FAILED),
        ("PartitionConfig", RunState.FAILED),
        ("BadConstraints", RunState.FAILED),
        ("DependencyNeverSatisfied", RunState.FAILED),
        ("(Priority,PartitionTimeLimit)", RunState.FAILED),
        ("launch failed requeued held", RunState.LOST),
        ("launch_failed_requeued_held", RunState.LOST),
    ],
)
def test_a_job_that_never_would_start_is_hopeless(reason: str, cause: RunState) -> None:
    seen = row(f"12|N/A|PENDING|{reason}||/l/a.sh")
    assert (seen.is_hopeless, seen.status.phase, seen.status.cause) == (True, JobPhase.ENDED, cause)


@pytest.mark.parametrize(
    "reason, trouble",
    [
        (
            "PartitionTimeLimit",
            "its time limit is longer than the partition's; reduce --num_hours, or change the partition",
        ),
        (
            "(PartitionConfig)",
            "it asks for more than the partition has; ask for less, or choose another --slurm_partition",
        ),
        ("BadConstraints", "no node has what it asks for; change --slurm_constraint or --slurm_gres"),
        ("DependencyNeverSatisfied", "the job that it depends on has failed; change --slurm_options"),
    ],
)
def test_why_a_job_never_would_start_is_told_with_what_helps(reason: str, trouble: str) -> None:
    seen, told = row(f"12|N/A|PENDING|{reason}||/l/a.sh"), f"{reason.strip('()')}: {trouble}"
    assert (seen.trouble, seen.status) == (told, Status(JobPhase.ENDED, None, RunState.FAILED, f"Slurm: {told}"))


def test_a_job_that_its_node_could_not_start_is_lost_without_an_exit_status() -> None:
    reason = "launch failed requeued held"
    seen = row(f"12|N/A|PENDING|{reason}||/l/a.sh")
    assert seen.status == Status(JobPhase.ENDED, None, RunState.LOST, f"Slurm: {reason}")
    assert seen.trouble == f"{reason}; a new job replaces it"


@pytest.mark.parametrize(
    "reason, trouble",
    [
        ("JobHeldUser", "a user holds it; to release it: scontrol release 12"),
        ("JobHeldAdmin", "an administrator holds it; ask them, or cancel it: scancel 12"),
        ("PartitionDown", "its partition is down"),
        ("PartitionNodeLimit", "too few nodes of its partition are up"),
        (
            "InvalidAccount",
            "its account is no longer valid; ask the administrators, or cancel it: scancel 12",
        ),
        (
            "InvalidQOS",
            "its quality of service is no longer valid; ask the administrators, or cancel it: scancel 12",
        ),
    ],
)
def test_a_job_that_something_holds_waits_and_is_told_of(reason: str, trouble: str) -> None:
    seen = row(f"12|N/A|PENDING|{reason}||/l/a.sh")
    assert (seen.is_hopeless, seen.status.phase, seen.trouble) == (False, JobPhase.QUEUED, f"{reason}: {trouble}")


def test_slurm_is_there_if_sbatch_tells_its_version() -> None:
    assert SLURM.version_command().argv == ["sbatch", "--version"]


@pytest.mark.parametrize(
    "answer",
    [
        recorded("controller down", "squeue --me"),
        recorded("controller down", "squeue -h"),
        recorded("controller hangs"),
        Answer(None, "", ""),
        Answer(-15, "", ""),
        Answer(0, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n"),
    ],
)
def test_a_failed_question_is_no_answer(answer: Answer) -> None:
    assert SLURM.rows(answer) is None


@pytest.mark.parametrize("note", ["unknown id, one", "unknown ids, several"])
def test_ids_that_are_not_known_are_an_answer_without_rows(note: str) -> None:
    assert SLURM.rows(recorded(note, "squeue")) == []


def test_lines_that_are_no_rows_are_left_out() -> None:
    heading = "ARRAY_JOB_ID|ARRAY_TASK_ID|STATE|REASON|NODELIST|COMMAND"
    assert SLURM.rows(squeue("CLUSTER: test", heading, "12|N/A|RUN", "", "note|1|2|3|4|5")) == []


# The accounting


def test_a_site_without_accounting_has_no_history() -> None:
    assert SLURM.history_rows(recorded("accounting disabled")) is None


@pytest.mark.parametrize(
    "line, expected",
    [
        ("COMPLETED|0:0", Status(JobPhase.ENDED, 0)),
        ("FAILED|3:0", Status(JobPhase.ENDED, 3, None, "Slurm: FAILED")),
        ("CANCELLED by 0|0:15", Status(JobPhase.ENDED, None, RunState.CANCELLED, "Slurm: CANCELLED by 0")),
        ("OUT_OF_MEMORY|0:125", Status(JobPhase.ENDED, None, RunState.OUT_OF_MEMORY, "Slurm: OUT_OF_MEMORY")),
    ],
)
def test_the_history_tells_how_a_job_ended(line: str, expected: Status) -> None:
    rows = SLURM.history_rows(squeue(f"12|{line}|sim_1|b", f"two|12_3|{line}|sim_2"))
    assert rows == [JobRow("12", "", expected, label="sim_1|b"), JobRow("12_3;two", "", expected, label="sim_2")]


@pytest.mark.parametrize(
    "line",
    ["12|RUNNING|0:0|a", "12|PENDING|0:0|allocation", "12|REQUEUED|0:0|a", "12|NEW WORD|0:0|a", "12|COMPLETED|0:0"],
)
def test_a_history_without_an_end_proves_nothing(line: str) -> None:
    assert SLURM.history_rows(squeue(line)) == []


# Surroundings


def test_inside_a_job_what_slurm_gave_to_it_is_dropped_and_what_the_user_told_sbatch_is_kept() -> None:
    of_the_job = {"SLURM_JOB_ID": "1", "SLURM_MEM_PER_CPU": "9", "SBATCH_MEM_BIND_TYPE": "none", "SRUN_DEBUG": "3"}
    cluster = {"SLURM_CONF": "/c", "SLURM_CONF_SERVER": "c:6817", "SLURM_JWT": "x"}
    kept = {**cluster, "SBATCH_ACCOUNT": "lab", "SBATCH_PARTITION": "short", "PATH": "/bin"}
    assert SLURM.environment({**of_the_job, **kept}) == kept


def test_outside_of_a_job_the_users_defaults_for_sbatch_are_kept() -> None:
    environ = {"SBATCH_ACCOUNT": "lab", "SBATCH_MEM_BIND": "local", "SLURM_HINT": "multithread", "PATH": "/bin"}
    assert SLURM.environment(environ) == environ


@pytest.mark.parametrize("job", [{}, {"SLURM_JOB_ID": "1"}], ids=["login node", "job"])
@pytest.mark.parametrize(
    "name", "WAIT ARRAY_INX OUTPUT ERROR JOB_NAME REQUEUE OPEN_MODE INPUT CLUSTERS".split(), ids=lambda name: name
)
def test_what_belongs_to_the_search_is_never_left_to_the_environment(name: str, job: dict[str, str]) -> None:
    assert "SBATCH_" + name not in SLURM.environment({"SBATCH_" + name: "x", **job})


@pytest.mark.parametrize("name", ["SQUEUE_PARTITION", "SQUEUE_USERS", "SCANCEL_INTERACTIVE", "SACCT_FORMAT"])
def test_habits_that_hide_jobs_or_ask_back_are_never_kept(name: str) -> None:
    assert SLURM.environment({name: "x"}) == {}


@pytest.mark.parametrize(
    "text, size", [("MaxArraySize            = 10001\n", 10000), ("", 1000), ("MaxArraySize = 0\n", 1)]
)
def test_the_largest_array_is_one_below_the_limit(text: str, size: int) -> None:
    assert SLURM.array_limit(Answer(0, f"Configuration data\n{text}", "")) == size


def test_jobs_are_killed_with_all_their_processes_in_a_hurry() -> None:
    commands = [list(SLURM.cancel_command(["1", "2_3"], at_once).argv) for at_once in (False, True)]
    assert commands == [["scancel", "1", "2_3"], ["scancel", "--signal=KILL", "--full", "1", "2_3"]]


def test_a_host_with_slurms_commands_and_no_cluster_is_refused_before_anything_is_written() -> None:
    words = "sbatch: error: fetch_config: lookup failed\nsbatch: fatal: Could not establish a configuration source\n"
    with pytest.raises(BackendError, match="no cluster is configured"):
        SLURM.check_version(Answer(1, "", words))
