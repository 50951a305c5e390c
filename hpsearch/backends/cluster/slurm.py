"""Slurm's commands and answers, as text (sbatch, squeue, sacct, scancel; manual pages of Slurm 22.05)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType

from hpsearch.backends.base import LogFile
from hpsearch.backends.cluster.sbatch import (
    SLURM_REFUSALS,
    asks_for_gpus,
    check_further_options,
    clusters_wanted,
    environment_for_commands,
    is_in_options,
    read_options,
    variables_for,
)
from hpsearch.backends.refusals import meaning, refusal
from hpsearch.backends.scheduler import (
    ClusterWishes,
    Command,
    JobRow,
    Submission,
    cluster_of,
    on_cluster,
    refuse_characters,
    script_path,
    time_limit,
    without_cluster,
)
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import SubmissionUnsure
from hpsearch.core.integers import integer
from hpsearch.core.model import Job, JobPhase, RunState, Status

#: Fields of a row: array or job id, number in the array, state, reason, node, and the script, which may hold a "|".
_FORMAT, _FIELDS = "|%K|%T|%r|%N|%o", 6
#: Said before the rows of each cluster, where several are asked.
_CLUSTER_LINE = "CLUSTER: "
_HISTORY_FORMAT = "JobID,State,ExitCode,JobName"
#: A row of the history; the cluster stands in it if one was named. The name may hold a "|".
_HISTORY_ROW = re.compile(r"(?:([^|]+)\|)?([0-9]+(?:_[0-9]+)?)\|([^|]*)\|([^|]*:[^|]*)\|(.*)")
#: A job's id alone on its line; the cluster follows if one was named.
_ID = re.compile(r"[0-9]+(?:;\S+)?")
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
    "JobHeldUser": "someone holds it; scontrol{on} release {id}",
    "JobHeldAdmin": "an administrator holds it; ask there, or scancel{on} {id}",
    "PartitionNodeLimit": "its partition has too few nodes that are up",
    "PartitionDown": "its partition is down",
    # Was valid when the job was accepted, and is again when the accounting database is back, say.
    "InvalidAccount": "its account is not valid any more; ask the administrators, or scancel{on} {id}",
    "InvalidQOS": "its quality of service is not valid any more; ask the administrators, or scancel{on} {id}",
}
_NO_ANSWER = re.compile(r"Unable to contact|timed out|Zero Bytes|Transport endpoint|Communication|Connection reset")
#: Lines of sbatch that tell of an error; all others may be a plugin's.
_ERROR = re.compile(r"sbatch: (?:error|fatal):|.*\bfailed:")
_SMALLEST_MAX_ARRAY = 1001
#: The node takes backslashes out of the name of the output file: the job would be accepted, and fail at its start
#: without a word.
_NOT_IN_PATHS = {"\\": "a backslash", "\n": "a line break"}


@dataclass(frozen=True)
class SlurmWishes:
    """What the user asks for in Slurm's own words; empty = not given.

    options: words of further options of sbatch. by_hand: which of time, mem and gres the user has said, even if it is
    what they are by default.
    """

    mem: str = "8G"
    gres: str = "gpu:1"
    partition: str = ""
    qos: str = ""
    constraint: str = ""
    options: tuple[str, ...] = ()
    by_hand: frozenset[str] = frozenset()


class Slurm:
    """Slurm, from version 20 on."""

    name = "Slurm"
    index_variable = "SLURM_ARRAY_TASK_ID"
    remedy = "run this on a login node of the cluster, or leave --run_cluster out"
    writes_output_live = True

    def __init__(self, wishes: SlurmWishes, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        """Tell the user's wishes, and the environment, in which more of them may stand (``SBATCH_*``).

        Raises UsageError if they take away what the search needs for itself.
        """
        check_further_options(wishes.options)
        self._wishes, self._environ = wishes, environ
        self._further = {option.name: option.value or "" for option in read_options(wishes.options)}
        self._clusters_option = self._further.get("clusters", self._further.get("cluster", ""))
        self._clusters = self._clusters_option or clusters_wanted(environ)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for Slurm's commands: the user's ``SBATCH_*`` stay, a surrounding job's do not."""
        is_gpu_asked = "gpu" in self._wishes.gres and not self._is_default(
            "gres", self._wishes.gres, SlurmWishes().gres
        )
        return environment_for_commands(environ, is_gpu_asked or asks_for_gpus(self._further))

    def replaced_defaults(self, wishes: ClusterWishes) -> str:
        """Return which defaults of the search give way to the user's environment, for people; empty = none."""
        ours = {"time": f"--num_hours={wishes.hours}", "mem": f"--slurm_mem={self._wishes.mem}"}
        ours["gres"] = f"--slurm_gres={self._wishes.gres}"
        left = [name for name in self._left_to_user(wishes) if not is_in_options(name, self._further)]
        told = {ours[name]: variables_for(name, self._environ) for name in left}
        replaced = [option for option, variables in told.items() if variables]
        if not replaced:
            return ""
        variables = [variable for option in replaced for variable in told[option]]
        return f"taken from the environment instead of {', '.join(replaced)}: {', '.join(variables)}"

    def version_command(self) -> Command:
        """Ask sbatch for its version, which needs no controller."""
        return Command(["sbatch", "--version"])

    def check_version(self, answer: Answer) -> None:
        """Accept every version."""

    def header(self, submission: Submission, wishes: ClusterWishes) -> list[str]:
        """Return the options for sbatch once more, for people who hand the script in again.

        Raises SubmissionRefused if Slurm cannot write to the log folder.
        """
        refuse_characters(submission.log_folder, _NOT_IN_PATHS, self.name)
        own, further, clusters = self._options(submission, wishes)
        lines = [shlex.join(words) for words in (*([word] for word in own), further, clusters) if words]
        # sbatch reads options line by line, and takes a backslash for an escape between any quotes.
        return ["#SBATCH {}".format(line.replace("\\", "\\\\")) for line in lines if "\n" not in line]

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Submit the script as a file, because squeue then shows its path.

        The options stand on the command line, because a user's environment would win against those in the script.
        """
        words = [word for part in self._options(submission, wishes) for word in part]
        return Command(["sbatch", "--parsable", *words, str(submission.script)])

    def _options(self, submission: Submission, wishes: ClusterWishes) -> tuple[list[str], list[str], list[str]]:
        """Return the words for sbatch: the search's own, then the user's, then the clusters."""
        own, single, logs = self._wishes, submission.single, _escaped(submission.log_folder)
        after = without_cluster(submission.after or "")
        options = {
            "job-name": submission.label,
            "output": f"{logs}/{single.token}.out" if single is not None else f"{logs}/{submission.name}.out",
            "error": f"{logs}/{single.token}.err" if single is not None else "",
            "time": f"{time_limit(wishes.hours)}:00",
            "mem": own.mem,
            "gres": own.gres,
            "partition": own.partition,
            "qos": own.qos,
            "constraint": own.constraint,
            "array": f"1-{len(submission.jobs)}%{submission.at_once}" if submission.is_array else "",
            "dependency": f"afterany:{after}" if after else "",
        }
        left = self._left_to_user(wishes)
        words = [f"--{name}={value}" for name, value in options.items() if value and name not in left]
        # A job that Slurm starts again by itself may run twice at once: its first node may only seem to be lost.
        words += ["--no-requeue", "--open-mode=append"]
        # Jobs can wait for those of their own cluster only.
        clusters = cluster_of(submission.after or "") or self._clusters
        return words, list(own.options), [f"--clusters={clusters}"] if clusters != self._clusters_option else []

    def _left_to_user(self, wishes: ClusterWishes) -> list[str]:
        """Return those options of the search that stand at their defaults, while the user has told another wish."""
        defaults = {
            "time": self._is_default("time", wishes.hours, ClusterWishes().hours),
            "mem": self._is_default("mem", self._wishes.mem, SlurmWishes().mem),
            "gres": self._is_default("gres", self._wishes.gres, SlurmWishes().gres),
        }
        return [
            name
            for name, is_default in defaults.items()
            if is_default and (is_in_options(name, self._further) or variables_for(name, self._environ))
        ]

    def _is_default(self, name: str, value: object, default: object) -> bool:
        return value == default and name not in self._wishes.by_hand

    def submitted_id(self, answer: Answer) -> str:
        """Read the line that is ``123`` or ``123;cluster``; what a site's wrapper says may stand around it."""
        if answer.exit_status == 0:
            lines = [line.strip() for line in answer.stdout.splitlines()]
            ids = set(filter(_ID.fullmatch, lines))
            if len(ids) == 1:
                return ids.pop()
            raise SubmissionUnsure(f"sbatch answered {answer.stdout.strip()!r}: no line, or several, are a job's id")
        said = _words(answer)
        if answer.exit_status is None or answer.exit_status < 0:
            raise SubmissionUnsure(said or "sbatch gave no answer in time")
        errors = "\n".join(line for line in answer.stderr.splitlines() if _ERROR.match(line))
        raise refusal("sbatch", said or f"exit status {answer.exit_status}", meaning(said, SLURM_REFUSALS, errors))

    def array_member(self, array: str, number: int) -> str:
        """Return the id as in ``123_4`` or ``123_4;cluster``."""
        return _member(array, str(number))

    def array_of(self, job_id: str) -> str | None:
        """Return 123 of 123_4."""
        array, underscore, _ = without_cluster(job_id).partition("_")
        return on_cluster(array, cluster_of(job_id)) if underscore else None

    def throttle_command(self, array: str, at_once: int) -> Command:
        """Change the number behind the percent sign of --array."""
        what = [f"JobId={without_cluster(array)}", f"ArrayTaskThrottle={at_once}"]
        return Command(["scontrol", *_on(cluster_of(array)), "update", *what])

    def array_limit_command(self) -> Command:
        """Ask for the configuration, of the one cluster that is named; scontrol takes no list of them."""
        one = "" if "," in self._clusters or self._clusters == "all" else self._clusters
        return Command(["scontrol", *_on(one), "show", "config"])

    def array_limit(self, answer: Answer | None) -> int:
        """Return one less than MaxArraySize, which is the first number that is too large."""
        match = re.search(
            r"^MaxArraySize\s*=\s*([0-9]{1,18})\b", answer.stdout if answer is not None else "", re.MULTILINE
        )
        return max(1, (int(match.group(1)) if match else _SMALLEST_MAX_ARRAY) - 1)

    def own_cluster_command(self) -> Command:
        """Ask for the configuration."""
        return Command(["scontrol", "show", "config"])

    def own_cluster(self, answer: Answer) -> str:
        """Return ClusterName."""
        match = re.search(r"^ClusterName\s*=\s*(\S+)", answer.stdout, re.MULTILINE)
        return match.group(1) if match else ""

    def query_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs and whole arrays. One row a task: in the short form, long lists of tasks are cut."""
        cluster = cluster_of(ids[0])
        arrays = dict.fromkeys(without_cluster(id).partition("_")[0] for id in ids)
        form = f"{on_cluster('%F', cluster)}{_FORMAT}"
        return Command(["squeue", *_on(cluster), "-h", "-r", "-t", "all", "-o", form, "-j", ",".join(arrays)])

    def own_jobs_command(self) -> Command:
        """List the user's jobs on the clusters that get some, ended ones included as long as they are known."""
        # With -h, squeue would not say which cluster a row is of.
        how = _on(self._clusters) or ["-h"]
        return Command(["squeue", *how, "--me", "-r", "-t", "all", "-o", f"%F{_FORMAT}"])

    def rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the rows; a single id that is not known (any more) is an error for squeue, and an answer for us."""
        is_unknown = "Invalid job id specified" in answer.stderr
        if answer.exit_status != 0 and not is_unknown:
            return None
        if answer.exit_status == 0 and not answer.stdout.strip() and _NO_ANSWER.search(answer.stderr):
            return None
        return list(_rows(answer.stdout))

    def history_command(self, ids: Sequence[str]) -> Command:
        """Ask the accounting, from the beginning of time: by default it tells of today's jobs only."""
        cluster, jobs = cluster_of(ids[0]), ",".join(dict.fromkeys(map(without_cluster, ids)))
        form = f"Cluster,{_HISTORY_FORMAT}" if cluster else _HISTORY_FORMAT
        return Command(["sacct", *_on(cluster), "-X", "-n", "-P", "-S", "1970-01-01", "-o", form, "-j", jobs])

    def history_rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the rows; sites without accounting answer with an error."""
        if answer.exit_status != 0:
            return None
        matched = [match for line in answer.stdout.splitlines() if (match := _HISTORY_ROW.fullmatch(line)) is not None]
        rows = [
            _history_row(on_cluster(id, cluster or ""), *rest) for cluster, id, *rest in map(re.Match.groups, matched)
        ]
        return [row for row in rows if row is not None]

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Cancel; or kill all processes of running jobs, the batch shell included, which ends the jobs as well."""
        how = ["--signal=KILL", "--full"] if at_once else []
        return Command(["scancel", *_on(cluster_of(ids[0])), *how, *map(without_cluster, ids)])

    def log_files(self, job: Job) -> list[LogFile]:
        """Return output, errors and script."""
        attempt = job.attempt
        name = f"{attempt.run.folder}_{without_cluster(job.id)}"
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


def _member(array: str, number: str) -> str:
    return on_cluster(f"{without_cluster(array)}_{number}", cluster_of(array))


def _on(clusters: str) -> list[str]:
    """Return the words with which a command asks these clusters; none where it asks its own."""
    return ["-M", clusters] if clusters else []


def _rows(text: str) -> Iterator[JobRow]:
    """Read what squeue says of each job, below the line with its cluster if there is one."""
    cluster = ""
    for line in text.splitlines():
        fields = line.split("|", _FIELDS - 1)
        if line.startswith(_CLUSTER_LINE):
            cluster = line.removeprefix(_CLUSTER_LINE).strip()
        elif len(fields) == _FIELDS and _ID.fullmatch(fields[0]):
            yield _row(on_cluster(fields[0], cluster), *fields[1:])


def _row(array: str, number: str, state: str, reason: str, node: str, script: str) -> JobRow:
    task = integer(number)
    job_id = array if task is None else _member(array, number)
    status, trouble, is_hopeless = _status(job_id, state, reason, node)
    name = PurePath(script).name.removesuffix(".sh")
    # So ends a job that its node cannot start, if Slurm may not queue it again.
    may_be_unstarted = state == "CANCELLED" and bool(node)
    # So a federation's cluster calls a job that started on another one, from then on.
    is_elsewhere = state == "REVOKED"
    return JobRow(job_id, name, status, task, trouble, is_hopeless, may_be_unstarted, is_elsewhere=is_elsewhere)


def _status(job_id: str, state: str, reason: str, node: str) -> tuple[Status, str, bool]:
    """Return a job's status, why it does not start, and whether it never would."""
    if state in _ENDS:
        return _ended(state, reason), "", False
    if state not in _QUEUED:
        # Also a word that a later version may bring: whatever it means, the job has not ended.
        return Status(JobPhase.RUNNING, place=node), "", False
    if _BROKEN_START in reason.replace("_", " "):
        return Status(JobPhase.ENDED, None, RunState.LOST, f"Slurm: {reason}"), f"{reason}; it is replaced", True
    words = [word.strip() for word in reason.strip("()").split(",")]
    never = next((f"{word}: {_NEVER[word]}" for word in words if word in _NEVER), "")
    if never:
        return Status(JobPhase.ENDED, None, RunState.FAILED, f"Slurm: {never}"), never, True
    named = {"id": without_cluster(job_id), "on": "".join(f" {word}" for word in _on(cluster_of(job_id)))}
    held = next((f"{word}: {_HELD[word].format(**named)}" for word in words if word in _HELD), "")
    return Status(JobPhase.QUEUED, reason="" if reason == "None" else reason), held, False


def _ended(state: str, reason: str) -> Status:
    cause = _ENDS[state]
    if state == "COMPLETED":
        return Status(JobPhase.ENDED, 0)
    # A job that is cancelled while it waits keeps the reason for its waiting.
    is_told = state != "CANCELLED" and reason not in ("", "None", "NonZeroExitCode")
    told = f" ({reason})" if is_told else ""
    return Status(JobPhase.ENDED, None, cause, f"Slurm: {state}{told}")


def _history_row(job_id: str, state: str, exit_code: str, label: str) -> JobRow | None:
    """Read a row of sacct: the state may be ``CANCELLED by 0``, the exit code is ``status:signal``.

    None if the job has not ended there, which proves nothing: the accounting lags behind.
    """
    word = state.partition(" ")[0]
    if word not in _ENDS:
        return None
    code = exit_code.partition(":")[0]
    own = integer(code) if _ENDS[word] is None else None
    ended = _ended(word, "")
    status = Status(JobPhase.ENDED, own, ended.cause, ended.reason.replace(word, state))
    return JobRow(job_id, "", status, label=label)
