"""Slurm's commands and answers, as text (sbatch, squeue, sacct, scancel; manual pages of Slurm 22.05)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from hpsearch.backends.base import LogFile
from hpsearch.backends.refusals import meaning, refusal
from hpsearch.backends.scheduler import ClusterWishes, Command, JobRow, Submission, refuse_characters, script_path
from hpsearch.backends.shell import Answer
from hpsearch.backends.slurm_refusals import SLURM_REFUSALS
from hpsearch.core.errors import SubmissionUnsure
from hpsearch.core.integers import integer
from hpsearch.core.model import Job, JobPhase, RunState, Status

#: Fields of a row: array or job id, number in the array, state, reason, node, and the script, which may hold a "|".
_FORMAT, _FIELDS = "%F|%K|%T|%r|%N|%o", 6
_HISTORY_FORMAT = "JobID,State,ExitCode"
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
#: A node could not start it, and Slurm holds it for ever: another job will do better.
_BROKEN_START = "launch failed requeued held"
#: Reasons for which it does not start by itself.
_HELD = {
    "JobHeldUser": "someone holds it; scontrol release {id}",
    "JobHeldAdmin": "an administrator holds it; ask there, or scancel {id}",
    "PartitionNodeLimit": "its partition has too few nodes that are up",
    "PartitionDown": "its partition is down",
    # Was valid when the job was accepted, and is again when the accounting database is back, say.
    "InvalidAccount": "its account is not valid any more; ask the administrators, or scancel {id}",
    "InvalidQOS": "its quality of service is not valid any more; ask the administrators, or scancel {id}",
}
_NO_ANSWER = re.compile(r"Unable to contact|timed out|Zero Bytes|Transport endpoint|Communication|Connection reset")
#: Lines of sbatch that tell of an error; all others may be a plugin's.
_ERROR = re.compile(r"sbatch: (?:error|fatal):|.*\bfailed:")
#: Of a surrounding job's variables, these say where the cluster is and not what the job was given.
_KEPT = frozenset(("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_JWT"))
#: Defaults of options: a filter would hide jobs, SCANCEL_INTERACTIVE would ask and wait.
_HABITS = ("SQUEUE_", "SACCT_", "SCANCEL_")
_SMALLEST_MAX_ARRAY = 1001
#: sbatch reads options line by line, and the node takes backslashes out of the name of the output file: the job would
#: be accepted, and fail at its start without a word.
_NOT_IN_PATHS = {"\\": "a backslash", "\n": "a line break"}


@dataclass(frozen=True)
class SlurmWishes:
    """What the user asks for in Slurm's own words; empty = not given. options: words of further options of sbatch."""

    mem: str = "8G"
    gres: str = "gpu:1"
    partition: str = ""
    qos: str = ""
    constraint: str = ""
    options: tuple[str, ...] = ()


class Slurm:
    """Slurm, from version 20 on."""

    name = "Slurm"
    index_variable = "SLURM_ARRAY_TASK_ID"
    remedy = "run this on a login node of the cluster, or leave --run_cluster out"
    writes_output_live = True

    def __init__(self, wishes: SlurmWishes) -> None:
        self._wishes = wishes

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment without what Slurm gave to the job that this process may be part of.

        A job inherits its submitter's environment, and its own srun then finds orders meant for the outer job.
        Nor are the user's habits in it that change what the client commands show or ask.
        """
        strange = ("SLURM_", "SLURMD_", "SBATCH_", "SRUN_") if "SLURM_JOB_ID" in environ else ()
        prefixes = (*strange, *_HABITS)
        return {name: value for name, value in environ.items() if name in _KEPT or not name.startswith(prefixes)}

    def version_command(self) -> Command:
        """Ask sbatch for its version, which needs no controller."""
        return Command(["sbatch", "--version"])

    def check_version(self, answer: Answer) -> None:
        """Accept every version."""

    def header(self, submission: Submission, wishes: ClusterWishes) -> list[str]:
        """Return the lines of options for sbatch. Raises SubmissionRefused if it cannot write to the log folder."""
        refuse_characters(submission.log_folder, _NOT_IN_PATHS, self.name)
        own, hours = self._wishes, wishes.hours
        single, logs = submission.single, _escaped(submission.log_folder)
        minutes = max(1, round(hours * 60))
        options = {
            "job-name": submission.label,
            "output": f"{logs}/{single.token}.out" if single is not None else f"{logs}/{submission.name}.out",
            "error": f"{logs}/{single.token}.err" if single is not None else "",
            "time": f"{minutes // 60}:{minutes % 60:02d}:00",
            "mem": own.mem,
            "gres": own.gres,
            "partition": own.partition,
            "qos": own.qos,
            "constraint": own.constraint,
            "array": f"1-{len(submission.jobs)}%{submission.at_once}" if submission.is_array else "",
            "dependency": f"afterany:{submission.after}" if submission.after else "",
        }
        words = [shlex.join([f"--{name}={value}"]) for name, value in options.items() if value]
        # A job that Slurm starts again by itself may run twice at once: its first node may only seem to be lost.
        words += ["--no-requeue", "--open-mode=append", shlex.join(own.options)]
        # sbatch takes a backslash for an escape between any quotes.
        return ["#SBATCH {}".format(word.replace("\\", "\\\\")) for word in words if word]

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Submit the script as a file, because squeue then shows its path."""
        return Command(["sbatch", "--parsable", str(submission.script)])

    def submitted_id(self, answer: Answer) -> str:
        """Read ``123`` or ``123;cluster``; what a site's plugin says may stand before it."""
        lines = answer.stdout.split()
        if answer.exit_status == 0:
            ids = [match.group(1) for line in lines if (match := re.fullmatch(r"([0-9]+)(?:;\S+)?", line))]
            if ids:
                return ids[-1]
            raise SubmissionUnsure(f"sbatch answered {answer.stdout.strip()!r}, which is no job id")
        said = _words(answer)
        if answer.exit_status is None or answer.exit_status < 0:
            raise SubmissionUnsure(said or "sbatch gave no answer in time")
        errors = "\n".join(line for line in answer.stderr.splitlines() if _ERROR.match(line))
        raise refusal("sbatch", said or f"exit status {answer.exit_status}", meaning(said, SLURM_REFUSALS, errors))

    def array_member(self, array: str, number: int) -> str:
        """Return the id as in ``123_4``."""
        return f"{array}_{number}"

    def array_of(self, job_id: str) -> str | None:
        """Return 123 of 123_4."""
        array, underscore, _ = job_id.partition("_")
        return array if underscore else None

    def throttle_command(self, array: str, at_once: int) -> Command:
        """Change the number behind the percent sign of --array."""
        return Command(["scontrol", "update", f"JobId={array}", f"ArrayTaskThrottle={at_once}"])

    def array_limit_command(self) -> Command:
        """Ask for the configuration."""
        return Command(["scontrol", "show", "config"])

    def array_limit(self, answer: Answer | None) -> int:
        """Return one less than MaxArraySize, which is the first number that is too large."""
        match = re.search(
            r"^MaxArraySize\s*=\s*([0-9]{1,18})\b", answer.stdout if answer is not None else "", re.MULTILINE
        )
        return max(1, (int(match.group(1)) if match else _SMALLEST_MAX_ARRAY) - 1)

    def query_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs and whole arrays. One row a task: in the short form, long lists of tasks are cut."""
        arrays = dict.fromkeys(id.partition("_")[0] for id in ids)
        return Command(["squeue", "-h", "-r", "-t", "all", "-o", _FORMAT, "-j", ",".join(arrays)])

    def own_jobs_command(self) -> Command:
        """List the user's jobs, ended ones included as long as they are known."""
        return Command(["squeue", "--me", "-h", "-r", "-t", "all", "-o", _FORMAT])

    def rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the rows; a single id that is not known (any more) is an error for squeue, and an answer for us."""
        is_unknown = "Invalid job id specified" in answer.stderr
        if answer.exit_status != 0 and not is_unknown:
            return None
        if answer.exit_status == 0 and not answer.stdout.strip() and _NO_ANSWER.search(answer.stderr):
            return None
        split = [line.split("|", _FIELDS - 1) for line in answer.stdout.splitlines()]
        return [_row(fields) for fields in split if len(fields) == _FIELDS]

    def history_command(self, ids: Sequence[str]) -> Command:
        """Ask the accounting, from the beginning of time: by default it tells of today's jobs only."""
        jobs = ",".join(dict.fromkeys(ids))
        return Command(["sacct", "-X", "-n", "-P", "-S", "1970-01-01", "-o", _HISTORY_FORMAT, "-j", jobs])

    def history_rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the rows; sites without accounting answer with an error."""
        if answer.exit_status != 0:
            return None
        split = [line.split("|") for line in answer.stdout.splitlines()]
        rows = [_history_row(*fields) for fields in split if len(fields) == _HISTORY_FORMAT.count(",") + 1]
        return [row for row in rows if row is not None]

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Cancel; or kill all processes of running jobs, the batch shell included, which ends the jobs as well."""
        return Command(["scancel", *(["--signal=KILL", "--full"] if at_once else []), *ids])

    def log_files(self, job: Job) -> list[LogFile]:
        """Return output, errors and script."""
        attempt = job.attempt
        name = f"{attempt.run.folder}_{job.id}"
        return [
            LogFile(attempt.log_folder / f"{attempt.token}.out", f"{name}.out"),
            LogFile(attempt.log_folder / f"{attempt.token}.err", f"{name}.err"),
            LogFile(script_path(attempt.log_folder, attempt.token), f"{attempt.run.folder}_script.sh"),
        ]


def _escaped(path: PurePath) -> str:
    """Return a path for --output, where a percent sign begins a replacement symbol."""
    return str(path).replace("%", "%%")


def _words(answer: Answer) -> str:
    """Return what a command said, without its name before each line."""
    lines = (answer.stderr or answer.stdout).splitlines()
    texts = [re.sub(r"^\w+: (?:error: )?", "", line.strip()) for line in lines]
    return "; ".join(dict.fromkeys(filter(None, texts)))


def _row(fields: Sequence[str]) -> JobRow:
    array, number, state, reason, node, script = fields
    task = integer(number)
    job_id = array if task is None else f"{array}_{number}"
    status, trouble, is_hopeless = _status(job_id, state, reason, node)
    name = PurePath(script).name.removesuffix(".sh")
    # So ends a job that its node cannot start, if Slurm may not queue it again.
    may_be_unstarted = state == "CANCELLED" and bool(node)
    return JobRow(job_id, name, status, task, trouble, is_hopeless, may_be_unstarted)


def _status(job_id: str, state: str, reason: str, node: str) -> tuple[Status, str, bool]:
    """Return a job's status, why it does not start, and whether it never would."""
    if state in _ENDS:
        return _ended(state, reason), "", False
    if state not in _QUEUED:
        # Also a word that a later version may bring: whatever it means, the job has not ended.
        return Status(JobPhase.RUNNING, place=node), "", False
    if _BROKEN_START in reason.replace("_", " "):
        return Status(JobPhase.ENDED, None, RunState.LOST, f"Slurm: {reason}"), f"{reason}; it is replaced", True
    word = reason.partition(",")[0].strip("()")
    if word in _NEVER:
        trouble = f"{word}: {_NEVER[word]}"
        return Status(JobPhase.ENDED, None, RunState.FAILED, f"Slurm: {trouble}"), trouble, True
    held = f"{word}: {_HELD[word].format(id=job_id)}" if word in _HELD else ""
    return Status(JobPhase.QUEUED, reason="" if reason == "None" else reason), held, False


def _ended(state: str, reason: str) -> Status:
    cause = _ENDS[state]
    if state == "COMPLETED":
        return Status(JobPhase.ENDED, 0)
    # A job that is cancelled while it waits keeps the reason for its waiting.
    is_told = state != "CANCELLED" and reason not in ("", "None", "NonZeroExitCode")
    told = f" ({reason})" if is_told else ""
    return Status(JobPhase.ENDED, None, cause, f"Slurm: {state}{told}")


def _history_row(job_id: str, state: str, exit_code: str) -> JobRow | None:
    """Read a row of sacct: the state may be ``CANCELLED by 0``, the exit code is ``status:signal``.

    None if the job has not ended there, which proves nothing: the accounting lags behind.
    """
    word = state.partition(" ")[0]
    if word not in _ENDS:
        return None
    code = exit_code.partition(":")[0]
    own = integer(code) if _ENDS[word] is None else None
    ended = _ended(word, "")
    return JobRow(job_id, "", Status(JobPhase.ENDED, own, ended.cause, ended.reason.replace(word, state)))
