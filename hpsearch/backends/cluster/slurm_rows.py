"""squeue and sacct: the rows in which they tell of jobs, and what states and reasons mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from hpsearch.backends.scheduler import JobRow, cluster_of, on_cluster, without_cluster
from hpsearch.core.integers import integer
from hpsearch.core.model import JobPhase, RunState, Status

#: Columns after a job's id: its number in the array, state, reason, node, and the script, which may hold a "|".
COLUMNS = "|%K|%T|%r|%N|%o"
HISTORY_COLUMNS = "JobID,State,ExitCode,JobName"
#: A job's id; the cluster follows if one was named.
ID = re.compile(r"[0-9]+(?:;\S+)?")
#: squeue begins the rows of each cluster with it, if it asks several.
_CLUSTER_LINE = "CLUSTER: "
#: A row of the history, after the cluster if one was named. The job's name may hold a "|".
_HISTORY_ROW = re.compile(r"(?:([^|]+)\|)?([0-9]+(?:_[0-9]+)?)\|([^|]*)\|([^|]*:[^|]*)\|(.*)")
_QUEUED = frozenset("PENDING CONFIGURING REQUEUED REQUEUE_FED REQUEUE_HOLD RESV_DEL_HOLD SPECIAL_EXIT".split())
#: How a job ended -> what its run came to; None: as its own exit status says.
_ENDS: Mapping[str, RunState | None] = {
    "COMPLETED": None,
    "FAILED": None,
    "TIMEOUT": RunState.TIMED_OUT,
    "DEADLINE": RunState.TIMED_OUT,
    "OUT_OF_MEMORY": RunState.OUT_OF_MEMORY,
    "NODE_FAIL": RunState.LOST,
    "BOOT_FAIL": RunState.LOST,
    "PREEMPTED": RunState.PREEMPTED,
    "CANCELLED": RunState.CANCELLED,
}
#: Reasons for which a job never starts, and what helps.
_NEVER = {
    "PartitionTimeLimit": "its time limit is above the partition's; give a smaller --num_hours or another partition",
    "PartitionConfig": "it asks for more than the partition has; ask for less, or give another --slurm_partition",
    "BadConstraints": "no node has what it asks for; change --slurm_constraint or --slurm_gres",
    "DependencyNeverSatisfied": "the job that it depends on has failed; change --slurm_options",
}
#: A node could not start it, and Slurm holds it for ever; a new job has better chances.
_BROKEN_START = "launch failed requeued held"
#: Reasons for which it does not start by itself.
_HELD = {
    "JobHeldUser": "someone holds it; scontrol{on} release {id}",
    "JobHeldAdmin": "an administrator holds it; ask there, or scancel{on} {id}",
    "PartitionNodeLimit": "its partition has too few nodes that are up",
    "PartitionDown": "its partition is down",
    # Was valid when the job was accepted, and may be again, when the accounting database is back, say.
    "InvalidAccount": "its account is not valid any more; ask the administrators, or scancel{on} {id}",
    "InvalidQOS": "its quality of service is not valid any more; ask the administrators, or scancel{on} {id}",
}


def member(array: str, number: int | str) -> str:
    """Return the id of one job of an array, as in ``123_4`` or ``123_4;cluster``."""
    return on_cluster(f"{without_cluster(array)}_{number}", cluster_of(array))


def on_option(clusters: str) -> list[str]:
    """Return the option by which a command asks these clusters; none for its own."""
    return ["-M", clusters] if clusters else []


def read_rows(text: str) -> Iterator[JobRow]:
    """Yield what squeue says of each job."""
    cluster = ""
    for line in text.splitlines():
        array, *fields = line.split("|", COLUMNS.count("|"))
        if line.startswith(_CLUSTER_LINE):
            cluster = line.removeprefix(_CLUSTER_LINE).strip()
        elif len(fields) == COLUMNS.count("|") and ID.fullmatch(array):
            yield _row(on_cluster(array, cluster), *fields)


def read_history(text: str) -> Iterator[JobRow]:
    """Yield what sacct says of each ended job; the accounting lags behind, so another may have ended as well."""
    for match in filter(None, map(_HISTORY_ROW.fullmatch, text.splitlines())):
        # The state may be "CANCELLED by 0", the code is "exit status:signal".
        cluster, job_id, told, code, label = match.groups()
        state = told.partition(" ")[0]
        if state in _ENDS:
            exit_status = integer(code.partition(":")[0]) if _ENDS[state] is None else None
            reason = "" if state == "COMPLETED" else f"Slurm: {told}"
            status = Status(JobPhase.ENDED, exit_status, _ENDS[state], reason)
            yield JobRow(on_cluster(job_id, cluster or ""), "", status, label=label)


def _row(array: str, number: str, state: str, reason: str, node: str, script: str) -> JobRow:
    task = integer(number)
    job_id = array if task is None else member(array, number)
    status, trouble, is_hopeless = _status(job_id, state, reason, node)
    return JobRow(
        job_id,
        PurePath(script).name.removesuffix(".sh"),
        status,
        task,
        trouble,
        is_hopeless,
        # A job that its node cannot start ends like this, if Slurm may not queue it again.
        may_be_unstarted=state == "CANCELLED" and bool(node),
        # A federation's cluster says this of a job from the moment that it starts on another one.
        is_elsewhere=state == "REVOKED",
    )


def _status(job_id: str, state: str, reason: str, node: str) -> tuple[Status, str, bool]:
    """Return a job's status, why it does not start, and whether it never would."""
    if state in _ENDS:
        return _ended(state, reason), "", False
    if state not in _QUEUED:
        # A word of a later version, too: whatever it means, the job has not ended.
        return Status(JobPhase.RUNNING, place=node), "", False
    if _BROKEN_START in reason.replace("_", " "):
        return Status(JobPhase.ENDED, None, RunState.LOST, f"Slurm: {reason}"), f"{reason}; it is replaced", True
    words = [word.strip() for word in reason.strip("()").split(",")]
    never = next((f"{word}: {_NEVER[word]}" for word in words if word in _NEVER), "")
    if never:
        return Status(JobPhase.ENDED, None, RunState.FAILED, f"Slurm: {never}"), never, True
    named = {"id": without_cluster(job_id), "on": "".join(f" {word}" for word in on_option(cluster_of(job_id)))}
    held = next((f"{word}: {_HELD[word].format(**named)}" for word in words if word in _HELD), "")
    return Status(JobPhase.QUEUED, reason="" if reason == "None" else reason), held, False


def _ended(state: str, reason: str) -> Status:
    if state == "COMPLETED":
        return Status(JobPhase.ENDED, 0)
    # A job that is cancelled while it waits keeps the reason for its waiting.
    is_told = state != "CANCELLED" and reason not in ("", "None", "NonZeroExitCode")
    return Status(JobPhase.ENDED, None, _ENDS[state], f"Slurm: {state} ({reason})" if is_told else f"Slurm: {state}")
