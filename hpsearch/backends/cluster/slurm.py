"""Slurm's commands and answers, as text (sbatch, squeue, sacct, scancel; manual pages of Slurm 22.05)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.sbatch import SBATCH_REFUSALS, FurtherWishes
from hpsearch.backends.refusals import meaning, refusal
from hpsearch.backends.scheduler import (
    ClusterWishes,
    Command,
    JobRow,
    Scheduler,
    Submission,
    cluster_of,
    found_in,
    on_cluster,
    script_path,
    time_limit,
    without_cluster,
)
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import BackendError, SubmissionUnsure
from hpsearch.core.model import Job, JobPhase, RunState, Status
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

_NO_ANSWER = re.compile(r"Unable to contact|timed out|Zero Bytes|Transport endpoint|Communication|Connection reset")


@dataclass(frozen=True)
class SlurmWishes:
    """What the user asks for in Slurm's own terms; empty = not given. options: further words of sbatch's command line.

    by_hand: which of time, mem and gres the user has given, even if with their defaults.
    """

    mem: str = "8G"
    gres: str = "gpu:1"
    partition: str = ""
    qos: str = ""
    constraint: str = ""
    options: tuple[str, ...] = ()
    by_hand: frozenset[str] = frozenset()


class Slurm(Scheduler):
    """Slurm, from version 20 on."""

    name = "Slurm"
    index_variable = "SLURM_ARRAY_TASK_ID"
    remedy = "run this on a login node of the cluster, or drop --run_cluster"
    writes_output_live = asks_for_arrays = True

    def __init__(self, wishes: SlurmWishes, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        """environ: may hold further wishes (``SBATCH_*``). Raises UsageError as `check_further_options` does."""
        self._wishes, self._further = wishes, FurtherWishes(wishes.options, environ)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        gres = self._wishes.gres
        is_default = gres == SlurmWishes.gres and "gres" not in self._wishes.by_hand
        return self._further.environment(environ, "gpu" in gres and not is_default)

    def replaced_defaults(self, wishes: ClusterWishes) -> str:
        """Return a message naming the defaults of the search that the user's environment replaces; empty = none."""
        left, further = self._left_to_user(wishes), self._further
        ours = {name: given for name, given in left.items() if not further.is_in_options(name)}
        theirs = ", ".join(given for name in ours for given in further.variables_for(name))
        return f"using {theirs} from the environment instead of {', '.join(ours.values())}" if ours else ""

    def version_command(self) -> Command:
        return Command(["sbatch", "--version"])

    def check_version(self, answer: Answer) -> None:
        """Make sure that there is a cluster: an unconfigured host may have sbatch installed, too."""
        if "Could not establish a configuration source" in answer.stderr:
            raise BackendError(f"Slurm is installed here, but no cluster is configured (no slurm.conf); {self.remedy}")

    def header(self, submission: Submission, wishes: ClusterWishes) -> list[str]:
        """Repeat the options of the command line, for people who submit the script again."""
        # The node drops backslashes from the output file's name: the job would fail silently at its start.
        submission.refuse_characters({"\\": "a backslash", "\n": "a line break"}, self.name)
        lines = [shlex.join(words) for words in self._options(submission, wishes) if words]
        # sbatch reads options line by line, and takes a backslash in any quotes for an escape.
        return ["#SBATCH {}".format(line.replace("\\", "\\\\")) for line in lines if "\n" not in line]

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Submit the script as a file, because squeue then shows its path."""
        # A user's environment would override options in the script.
        words = [word for line in self._options(submission, wishes) for word in line]
        return Command(["sbatch", "--parsable", *words, str(submission.script)])

    def _options(self, submission: Submission, wishes: ClusterWishes) -> list[Sequence[str]]:
        """Return sbatch's options as lines of words: each of the search's own, then the user's, then the clusters."""
        own, after = self._wishes, submission.after or ""
        # sbatch replaces symbols such as %j.
        output = str(submission.log_folder / submission.name).replace("%", "%%")
        options = {
            "job-name": submission.label,
            "output": f"{output}.out",
            "error": f"{output}.err" if submission.single is not None else "",
            "time": f"{time_limit(wishes.hours)}:00",
            "mem": own.mem,
            "gres": own.gres,
            "partition": own.partition,
            "qos": own.qos,
            "constraint": own.constraint,
            "array": f"1-{len(submission.jobs)}%{submission.at_once}" if submission.is_array else "",
            # B: only the job's shell gets the signal and passes it on; it would kill the run's other processes.
            "signal": f"B:USR1@{wishes.signal_before_end_s}" if wishes.signal_before_end_s else "",
            "dependency": f"afterany:{without_cluster(after)}" if after else "",
        }
        left = self._left_to_user(wishes)
        words = [f"--{name}={value}" for name, value in options.items() if value and name not in left]
        # A job that Slurm restarts may run twice at once: its first node may only seem lost.
        words += ["--no-requeue", "--open-mode=append"]
        # Jobs can wait only for jobs of their own cluster.
        clusters = cluster_of(after) or self._further.clusters
        others = [f"--clusters={clusters}"] if clusters != self._further.clusters_option else []
        return [*([word] for word in words), own.options, others]

    def _left_to_user(self, wishes: ClusterWishes) -> dict[str, str]:
        """Return name -> ``--flag=value`` of our options at their defaults that the user sets in another way."""
        ours = {
            "time": ("num_hours", wishes.hours, ClusterWishes.hours),
            "mem": ("slurm_mem", self._wishes.mem, SlurmWishes.mem),
            "gres": ("slurm_gres", self._wishes.gres, SlurmWishes.gres),
        }
        return {
            name: f"--{flag}={value}"
            for name, (flag, value, default) in ours.items()
            if value == default and name not in self._wishes.by_hand
            if self._further.is_in_options(name) or self._further.variables_for(name)
        }

    def submitted_id(self, answer: Answer) -> str:
        """Read the line ``123`` or ``123;cluster``; a site's wrapper may print other lines around it."""
        if answer.exit_status == 0:
            ids = set(filter(_ID.fullmatch, (line.strip() for line in answer.stdout.splitlines())))
            if len(ids) == 1:
                return ids.pop()
            raise SubmissionUnsure(f"sbatch answered {answer.stdout.strip()!r}: expected exactly one job id in it")
        lines = (answer.stderr or answer.stdout).splitlines()
        texts = (re.sub(r"^\w+: (?:error: )?", "", line.strip()) for line in lines)
        said = "; ".join(dict.fromkeys(filter(None, texts)))
        if answer.exit_status is None or answer.exit_status < 0:
            raise SubmissionUnsure(said or "sbatch gave no answer in time")
        # All other lines may come from a plugin.
        errors = "\n".join(re.findall(r"^sbatch: (?:error|fatal):.*|^.*\bfailed:.*", answer.stderr, re.MULTILINE))
        raise refusal("sbatch", said or f"exit status {answer.exit_status}", meaning(said, SBATCH_REFUSALS, errors))

    def array_member(self, array: str, number: int) -> str:
        return on_cluster(f"{without_cluster(array)}_{number}", cluster_of(array))

    def array_of(self, job_id: str) -> str | None:
        array, underscore, _ = without_cluster(job_id).partition("_")
        return on_cluster(array, cluster_of(job_id)) if underscore else None

    def throttle_command(self, array: str, at_once: int) -> Command:
        change = (f"JobId={without_cluster(array)}", f"ArrayTaskThrottle={at_once}")
        return _command("scontrol", cluster_of(array), "update", *change)

    def array_limit_command(self) -> Command:
        """Ask for the configuration of the one named cluster; scontrol takes no list of clusters."""
        clusters = self._further.clusters
        return _command("scontrol", "" if "," in clusters or clusters == "all" else clusters, "show", "config")

    def array_limit(self, answer: Answer | None) -> int:
        """Return MaxArraySize - 1: MaxArraySize is the first index that is too large."""
        return max(1, int(found_in(answer, r"^MaxArraySize\s*=\s*([0-9]{1,18})\b") or 1001) - 1)

    def own_cluster_command(self) -> Command:
        return _command("scontrol", "", "show", "config")

    def own_cluster(self, answer: Answer) -> str:
        return found_in(answer, r"^ClusterName\s*=\s*(\S+)")

    def query_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs and whole arrays, with one row a task (-r): the short form cuts long lists of tasks."""
        cluster = cluster_of(ids[0])
        arrays = dict.fromkeys(without_cluster(id).partition("_")[0] for id in ids)
        form = f"{on_cluster('%F', cluster)}{_COLUMNS}"
        return _command("squeue", cluster, "-h", "-r", "-t", "all", "-o", form, "-j", ",".join(arrays))

    def own_jobs_command(self) -> Command:
        # With -h, squeue would not name a row's cluster.
        head = () if self._further.clusters else ("-h",)
        return _command("squeue", self._further.clusters, *head, "--me", "-r", "-t", "all", "-o", f"%F{_COLUMNS}")

    def rows(self, answer: Answer) -> list[JobRow] | None:
        """Read squeue; that it fails for a single id that it does not know (any more) is an answer, too."""
        if answer.exit_status == 0:
            is_answer = bool(answer.stdout.strip()) or not _NO_ANSWER.search(answer.stderr)
        else:
            is_answer = "Invalid job id specified" in answer.stderr
        if not is_answer:
            return None
        rows, cluster = [], ""
        for line in answer.stdout.splitlines():
            array, *fields = line.split("|", _COLUMNS.count("|"))
            # With several clusters, each cluster's rows follow its name.
            if line.startswith("CLUSTER: "):
                cluster = line.partition(":")[2].strip()
            elif len(fields) == _COLUMNS.count("|") and _ID.fullmatch(array):
                rows.append(self._row(on_cluster(array, cluster), *fields))
        return rows

    def _row(self, array: str, number: str, state: str, reason: str, node: str, script: str) -> JobRow:
        task = integer(number)
        job_id = array if task is None else self.array_member(array, task)
        # A job that its node cannot start ends like this if requeueing is off.
        may_be_unstarted = state == "CANCELLED" and bool(node)
        # In a federation, a cluster says this once the job starts on another cluster.
        is_elsewhere = state == "REVOKED"
        name = script.rpartition("/")[2].removesuffix(".sh")
        status, trouble, is_hopeless = _status(job_id, state, reason, node)
        return JobRow(job_id, name, status, task, trouble, is_hopeless, may_be_unstarted, is_elsewhere=is_elsewhere)

    def history_command(self, ids: Sequence[str]) -> Command:
        """Ask the accounting for all times: by default, sacct tells of today's jobs only."""
        cluster, jobs = cluster_of(ids[0]), ",".join(dict.fromkeys(map(without_cluster, ids)))
        form = f"{'Cluster,' if cluster else ''}JobID,State,ExitCode,JobName"
        return _command("sacct", cluster, "-X", "-n", "-P", "-S", "1970-01-01", "-o", form, "-j", jobs)

    def history_rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the jobs that have ended; sacct fails at sites without accounting, and lags behind."""
        if answer.exit_status != 0:
            return None
        rows = []
        for match in filter(None, map(_HISTORY_ROW.fullmatch, answer.stdout.splitlines())):
            # The state may be "CANCELLED by 0", the code is "exit status:signal".
            cluster, job_id, state_text, code, label = match.groups()
            state = state_text.partition(" ")[0]
            if state in _ENDS:
                exit_status = integer(code.partition(":")[0]) if _ENDS[state] is None else None
                reason = "" if state == "COMPLETED" else f"Slurm: {state_text}"
                status = Status(JobPhase.ENDED, exit_status, _ENDS[state], reason)
                rows.append(JobRow(on_cluster(job_id, cluster or ""), "", status, label=label))
        return rows

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Cancel; or, at once, kill all processes of the jobs, the batch shell included, which ends them, too."""
        how = ("--signal=KILL", "--full") if at_once else ()
        return _command("scancel", cluster_of(ids[0]), *how, *map(without_cluster, ids))

    def cancel_pending_command(self, ids: Sequence[str]) -> Command:
        return _command("scancel", cluster_of(ids[0]), "--state=PENDING", *map(without_cluster, ids))

    def log_files(self, job: Job) -> list[LogFile]:
        logs, token, folder = job.attempt.log_folder, job.attempt.token, job.attempt.run.folder
        name = f"{folder}_{without_cluster(job.id)}"
        output = [LogFile(logs / f"{token}{end}", f"{name}{end}") for end in (".out", ".err")]
        return [*output, LogFile(script_path(logs, token), f"{folder}_script.sh")]


#: Columns after a job's id: index in the array, state, reason, node, and the script, which may hold a "|".
_COLUMNS = "|%K|%T|%r|%N|%o"
#: A job's id; the cluster follows if one was named.
_ID = re.compile(r"[0-9]+(?:;\S+)?")
#: A row of the history, after the cluster if one was named. The job's name may hold a "|".
_HISTORY_ROW = re.compile(r"(?:([^|]+)\|)?([0-9]+(?:_[0-9]+)?)\|([^|]*)\|([^|]*:[^|]*)\|(.*)")
_QUEUED = frozenset("PENDING CONFIGURING REQUEUED REQUEUE_FED REQUEUE_HOLD RESV_DEL_HOLD SPECIAL_EXIT".split())
#: How a job ended -> its run's state; None: the exit status tells.
_ENDS: Mapping[str, RunState | None] = {
    **dict.fromkeys(("COMPLETED", "FAILED")),
    **dict.fromkeys(("TIMEOUT", "DEADLINE"), RunState.TIMED_OUT),
    **dict.fromkeys(("NODE_FAIL", "BOOT_FAIL"), RunState.LOST),
    "OUT_OF_MEMORY": RunState.OUT_OF_MEMORY,
    "PREEMPTED": RunState.PREEMPTED,
    "CANCELLED": RunState.CANCELLED,
}
#: Reasons for which a job never starts, and what helps.
_NEVER = {
    "PartitionTimeLimit": "its time limit is longer than the partition's; reduce --num_hours, or change the partition",
    "PartitionConfig": "it asks for more than the partition has; ask for less, or choose another --slurm_partition",
    "BadConstraints": "no node has what it asks for; change --slurm_constraint or --slurm_gres",
    "DependencyNeverSatisfied": "the job that it depends on has failed; change --slurm_options",
}
#: Reasons for which a job does not start by itself, and what helps.
_HELD = {
    "JobHeldUser": "a user holds it; to release it: scontrol{on} release {id}",
    "JobHeldAdmin": "an administrator holds it; ask them, or cancel it: scancel{on} {id}",
    "PartitionNodeLimit": "too few nodes of its partition are up",
    "PartitionDown": "its partition is down",
    # It was valid when the job was accepted, and may become valid again (when the accounting database is back, say).
    "InvalidAccount": "its account is no longer valid; ask the administrators, or cancel it: scancel{on} {id}",
    "InvalidQOS": "its quality of service is no longer valid; ask the administrators, or cancel it: scancel{on} {id}",
}


def _command(program: str, clusters: str, *words: str) -> Command:
    """Return a command that asks these clusters; empty = the default cluster."""
    return Command([program, *(("-M", clusters) if clusters else ()), *words])


def _status(job_id: str, state: str, reason: str, node: str) -> tuple[Status, str, bool]:
    """Return a job's status, why it does not start, and whether it never would."""
    if state == "COMPLETED":
        return Status(JobPhase.ENDED, 0), "", False
    if state in _ENDS:
        # A job that is cancelled while it waits keeps the reason for waiting.
        has_reason = state != "CANCELLED" and reason not in ("", "None", "NonZeroExitCode")
        said = f"Slurm: {state} ({reason})" if has_reason else f"Slurm: {state}"
        return Status(JobPhase.ENDED, None, _ENDS[state], said), "", False
    if state not in _QUEUED:
        # An unknown state, of a later version say, does not mean that the job has ended.
        return Status(JobPhase.RUNNING, place=node), "", False
    # Its node could not start it, and Slurm holds it for ever; a new job may start.
    if "launch failed requeued held" in reason.replace("_", " "):
        return Status(JobPhase.ENDED, None, RunState.LOST, f"Slurm: {reason}"), f"{reason}; a new job replaces it", True
    words = [word.strip() for word in reason.strip("()").split(",")]
    never = next((f"{word}: {_NEVER[word]}" for word in words if word in _NEVER), "")
    if never:
        return Status(JobPhase.ENDED, None, RunState.FAILED, f"Slurm: {never}"), never, True
    cluster = cluster_of(job_id)
    named = {"id": without_cluster(job_id), "on": f" -M {cluster}" if cluster else ""}
    held = next((f"{word}: {_HELD[word].format(**named)}" for word in words if word in _HELD), "")
    return Status(JobPhase.QUEUED, reason="" if reason == "None" else reason), held, False
