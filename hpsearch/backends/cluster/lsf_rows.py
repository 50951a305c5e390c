"""bjobs: the records in which it tells of jobs, and what their states and reasons lead to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePath

from hpsearch.backends.scheduler import JobRow
from hpsearch.backends.shell import Answer, one_line
from hpsearch.core.integers import integer
from hpsearch.core.model import JobPhase, RunState, Status

#: The fields of a record before the reasons. Only the path at their end may hold the delimiter.
FIELDS = ("jobid", "jobindex", "stat", "exit_code", "exec_host", "output_file")
#: Free text for people; not every version of LSF has both.
REASON_FIELDS = ("exit_reason", "pend_reason")
DELIMITER = "^"
#: Ending of the file of LSF's report on a job, which names the submission; in an array, the job's number follows.
REPORT_ENDING = ".lsf"

#: A job with another output file is not ours.
_REPORT = re.compile(r"(.+)\.lsf(?:\.(?:%I|[0-9]+))?")
_ID = re.compile(r"([0-9]+)(?:\[([0-9]+)\])?")
#: On standard error when there are no such jobs, whatever the exit status.
_NOTHING_THERE = re.compile(r"^(?:Job <.*> is not found|No .*job.* found|No matching job)", re.MULTILINE)
#: The records before these words may not be all.
_BROKEN_OFF = "library call"

_QUEUED = {"PEND": "", "PROV": "its host is being started", "WAIT": "waits in a chunk of jobs", "PSUSP": "held"}
#: In a report: its first line, and the lines around the job's own output.
_REPORT_BEGINS = "Sender: LSF System"
_OUTPUT_FOLLOWS, _OUTPUT_IS_ABOVE = "The output (if any) follows:", "The output (if any) is above this job summary."
#: A word that is unknown here is taken for running, too.
_RUNNING = {
    "USUSP": "suspended by its owner or an administrator",
    "SSUSP": "suspended by LSF",
    "UNKWN": "LSF has lost contact with its host",
}
_POST_PROCESSED = ("POST_DONE", "POST_ERR")
#: What a run came to <- why LSF ended its job. For other reasons the exit status decides.
_CAUSES = {
    RunState.TIMED_OUT: "RUNLIMIT CPULIMIT DEADLINE",
    RunState.OUT_OF_MEMORY: "MEMLIMIT SWAP SWAPLIMIT",
    RunState.CANCELLED: "OWNER ADMIN FORCE_OWNER FORCE_ADMIN BUCKET_KILL ORPHAN_SYSTEM",
    RunState.PREEMPTED: "PREEMPT LOAD WINDOW CHKPNT OTHER MC_RECALL RC RC_RECLAIM REQUEUE_OWNER REQUEUE_ADMIN",
    RunState.LOST: "ZOMBIE RMS SLURM REMOVE_HUNG_JOB CSM_ALLOC KUBE",
    RunState.FAILED: "CWD_NOTEXIST PRE_EXEC_FAIL DATA PROCESSLIMIT THREADLIMIT",
}
_CAUSE_OF = {f"TERM_{word}": cause for cause, words in _CAUSES.items() for word in words.split()}
#: Without a reason: SIGUSR2 (+ 128) ends a job at its run limit, SIGINT and SIGTERM come from bkill.
_CAUSE_OF_STATUS = {140: RunState.TIMED_OUT, 130: RunState.CANCELLED, 143: RunState.CANCELLED}
#: Why a pending job will not start soon, unless there are other reasons, and what helps.
_TROUBLES = {
    "Job's resource requirements not satisfied": "if no host ever satisfies them, change --resources",
    "The queue is inactivated by the administrator": "give another --lsf_queue, or wait",
    "Job will not finish before queue's run window is closed": "give a smaller --num_hours",
    "Job will not finish on the host before queue's run window is closed": "give a smaller --num_hours",
    "Job no longer satisfies queue PROCLIMIT configuration": "change -n in --lsf_options, or --lsf_queue",
    "Host or host group is not used by the queue": "change -m in --lsf_options, or --lsf_queue",
    "Unable to determine user account for execution": "ask the administrators",
    "There is no such user account": "ask the administrators",
    "The user has no permission to run the job on remote host/cluster": "ask the administrators",
    "Can't run jobs submitted by root": "submit as an ordinary user",
}
_NEVER = "Dependency condition invalid or never satisfied"


def read_rows(answer: Answer, reason_fields: Sequence[str]) -> list[JobRow] | None:
    """Return what bjobs says of each job; None if it gave no answer.

    Only its words count: its exit status differs from site to site.
    """
    if answer.exit_status is None or _BROKEN_OFF in answer.stderr:
        return None
    rows = [row for line in answer.stdout.splitlines() if (row := _row(line, reason_fields)) is not None]
    return rows if rows or _NOTHING_THERE.search(answer.stderr) else None


def report_words(text: str) -> str:
    """Return a job's own output in LSF's report as one line. With LSB_STDOUT_DIRECT, it comes before the report."""
    before, _, report = text.partition(_REPORT_BEGINS)
    said = before.removesuffix("-" * 60 + "\n") if _OUTPUT_IS_ABOVE in report else report.partition(_OUTPUT_FOLLOWS)[2]
    return one_line(said.partition("\nPS:\n")[0])


def _row(line: str, reason_fields: Sequence[str]) -> JobRow | None:
    """Return the row of a record; None for any other line, which some sites print."""
    fields = line.split(DELIMITER, len(FIELDS) - 1)
    if len(fields) < len(FIELDS):
        return None
    job_id, index, state, code, host, rest = (_value(field) for field in fields)
    file, *reasons = rest.rsplit(DELIMITER, len(reason_fields))
    match = _ID.fullmatch(job_id)
    if match is None or len(reasons) < len(reason_fields):
        return None
    told = {name: _value(reason) for name, reason in zip(reason_fields, reasons, strict=True)}
    number = integer(match.group(2) or index) or None
    own_id = match.group(1) if number is None else f"{match.group(1)}[{number}]"
    report = _REPORT.fullmatch(PurePath(file).name)
    submission = report.group(1) if report is not None else ""
    if state in _QUEUED:
        return _queued(own_id, number, submission, state, told.get("pend_reason", ""))
    return JobRow(own_id, submission, _status(state, code, host, told.get("exit_reason", "")), number)


def _value(field: str) -> str:
    """Return a field's text; a hyphen means a missing value."""
    return "" if field.strip() == "-" else field.strip()


def _queued(job_id: str, number: int | None, name: str, state: str, reason: str) -> JobRow:
    """Return the row of a job that has not started yet."""
    reasons = [part.strip() for part in reason.split(";") if part.strip()]
    if any(_NEVER in part for part in reasons):
        status = Status(JobPhase.ENDED, None, RunState.FAILED, f"LSF: {_NEVER}")
        return JobRow(job_id, name, status, number, f"{_NEVER}; change -w in --lsf_options", is_hopeless=True)
    if state == "PSUSP":
        trouble = f"{'; '.join(reasons) or 'it is held'}; bresume {shlex.quote(job_id)} lets it start"
    else:
        trouble = _trouble(reasons)
    return JobRow(job_id, name, Status(JobPhase.QUEUED, reason="; ".join(reasons) or _QUEUED[state]), number, trouble)


def _trouble(reasons: Sequence[str]) -> str:
    """Return what to do about a job that will not start soon; empty if one of the reasons may pass by itself."""
    found = [next((text for text in _TROUBLES if text in reason), "") for reason in sorted(reasons)]
    if not found or not all(found):
        return ""
    return f"{'; '.join(sorted(reasons))}: {'; '.join(dict.fromkeys(_TROUBLES[text] for text in found))}"


def _status(state: str, code: str, host: str, reason: str) -> Status:
    """Return the status of a job that was started."""
    if state == "DONE":
        return Status(JobPhase.ENDED, 0, place=host)
    if state == "EXIT":
        exit_status = integer(code)
        return Status(JobPhase.ENDED, exit_status, _cause(reason, exit_status), reason and f"LSF: {reason}", host)
    if state == "ZOMBI":
        # Someone ended it while its host was out of reach; it may still run there.
        return Status(JobPhase.ENDED, None, RunState.LOST, "LSF: ZOMBI: its host is out of reach", host)
    if state in _POST_PROCESSED:
        return Status(JobPhase.ENDED, place=host)
    return Status(JobPhase.RUNNING, reason=_RUNNING.get(state, ""), place=host)


def _cause(reason: str, exit_status: int | None) -> RunState | None:
    word = reason.partition(":")[0].strip()
    if word in _CAUSE_OF or word.startswith("TERM_"):
        return _CAUSE_OF.get(word)
    return None if exit_status is None else _CAUSE_OF_STATUS.get(exit_status)
