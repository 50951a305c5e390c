"""OpenPBS's commands and answers, as text (qsub, qstat, qdel, qsig): a scheduler in one file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hpsearch.backends.base import LogFile
from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meaning, meanings, refusal
from hpsearch.backends.scheduler import ClusterWishes, Command, JobRow, Submission, script_path
from hpsearch.backends.shell import Answer
from hpsearch.core.errors import SubmissionDelayed, SubmissionRefused, SubmissionUnsure, SubmitLimitReached
from hpsearch.core.model import Job, JobPhase, RunState, Status

#: What PBS itself puts into Exit_status when it ends a job for its limits -> what the run came to.
_LIMITS = {-29: RunState.TIMED_OUT, -27: RunState.OUT_OF_MEMORY, -26: RunState.OUT_OF_MEMORY}
#: The substate of a job that someone deleted.
_DELETED = "91"
_QUEUED, _HELD, _ENDED = frozenset("QWT"), "H", "F"
#: What qsub says when it refuses a job -> what that means; the first that is found holds.
_REFUSALS = meanings(
    (SubmissionUnsure, r"timed out|End of File|communication failure"),  # It may have been handed over.
    (SubmitLimitReached, r"would exceed .* limit"),
    (SubmissionDelayed, r"cannot connect to server|Connection refused"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    (SubmissionRefused, r"queue|resource|select|account|project|option|limit"),
)
#: Said of single jobs; all other complaints mean that there is no answer.
_NOT_THERE = re.compile(r"qstat: (?:Unknown Job Id|\S+ Job has finished)")
#: Of a surrounding job's variables, these say where the cluster is and not what the job was given.
_KEPT = frozenset(("PBS_CONF_FILE", "PBS_EXEC", "PBS_HOME", "PBS_SERVER", "PBS_DEFAULT"))


class Pbs:
    """OpenPBS and PBS Professional, from version 18 on; without job arrays, which differ too much between versions."""

    name = "PBS"
    index_variable = "PBS_ARRAY_INDEX"
    remedy = "run this on a login node of the cluster, or drop --run_cluster"
    writes_output_live = True

    def __init__(self, options: Sequence[str] = ()) -> None:
        """Give further options of qsub, as words: ``("-q", "gpu", "-l", "select=1:ncpus=4:ngpus=1")``."""
        self._options = tuple(options)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return an environment without what PBS gave to the job that this process may be part of."""
        own = {name for name in environ if name.startswith("PBS_") and name not in _KEPT}
        return {name: value for name, value in environ.items() if name not in own}

    def version_command(self) -> Command:
        """Ask for the version, which needs no server."""
        return Command(["qstat", "--version"])

    def check_version(self, answer: Answer) -> None:
        """Accept every version."""

    def header(self, submission: Submission, wishes: ClusterWishes) -> list[str]:
        """Nothing: qsub gets its options as words, in which a blank or a quote needs no care."""
        if submission.is_array:
            raise SubmissionRefused("PBS: job arrays cannot be used here; leave out --submit_only and --..._array")
        return []

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Submit the script as a file, with the submitter's environment.

        -k doe: output goes to its files at once. -r n: PBS never starts it again by itself, for it might run twice.
        """
        minutes = max(1, round(wishes.hours * 60))
        files = submission.log_folder / submission.name
        words = ["-N", submission.name, "-l", f"walltime={minutes // 60}:{minutes % 60:02d}:00", "-S", "/bin/bash"]
        words += ["-o", f"{files}.out", "-e", f"{files}.err", "-k", "doe", "-r", "n", "-V"]
        return Command(["qsub", *words, *self._options, str(submission.script)])

    def submitted_id(self, answer: Answer) -> str:
        """Read ``123.server``; what a site's hook says may stand before it."""
        if answer.exit_status == 0:
            ids = re.findall(r"^\d+\.\S+$", answer.stdout, re.MULTILINE)
            if ids:
                return str(ids[-1])
            raise SubmissionUnsure(f"qsub answered {answer.stdout.strip()!r}, which is no job id")
        said = "; ".join(answer.stderr.split("\n")).strip("; ")
        if answer.exit_status is None:
            raise SubmissionUnsure(said or "qsub gave no answer in time")
        raise refusal("qsub", said or f"exit status {answer.exit_status}", meaning(said, _REFUSALS))

    def array_member(self, array: str, number: int) -> str:
        """Return ``123[4].server`` for ``123[].server``."""
        return array.replace("[]", f"[{number}]")

    def array_of(self, job_id: str) -> str | None:
        """None: there are no arrays."""
        return None

    def throttle_command(self, array: str, at_once: int) -> Command | None:
        """None: there are no arrays."""
        return None

    def array_limit_command(self) -> Command | None:
        """None: there are no arrays."""
        return None

    def array_limit(self, answer: Answer | None) -> int:
        """Return the least there can be: `header` refuses arrays, with words for the user."""
        return 1

    def query_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs in the queue, in the long form."""
        return Command(["qstat", "-f", *ids])

    def own_jobs_command(self) -> Command:
        """List everyone's jobs: the long form knows no choice of a user, and another's job has another name."""
        return Command(["qstat", "-f"])

    def rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the answer. A job that has left the queue makes qstat fail, and still is an answer."""
        complaints = [line for line in answer.stderr.splitlines() if line.strip()]
        is_answer = answer.exit_status == 0 or (complaints and all(map(_NOT_THERE.match, complaints)))
        return _rows(answer.stdout) if is_answer and answer.exit_status is not None else None

    def history_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs that have left the queue, too."""
        return Command(["qstat", "-x", "-f", *ids])

    def history_rows(self, answer: Answer) -> list[JobRow] | None:
        """Read the answer; sites that keep no history answer with an error."""
        return self.rows(answer)

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Delete jobs (SIGTERM, and SIGKILL after the queue's kill_delay); or kill their processes now."""
        return Command(["qsig", "-s", "SIGKILL", *ids] if at_once else ["qdel", *ids])

    def log_files(self, job: Job) -> list[LogFile]:
        """Return output, errors and script."""
        attempt = job.attempt
        logs, folder = attempt.log_folder, attempt.run.folder
        return [
            LogFile(logs / f"{attempt.token}.out", f"job_{folder}.out"),
            LogFile(logs / f"{attempt.token}.err", f"job_{folder}.err"),
            LogFile(script_path(logs, attempt.token), f"{folder}_script.sh"),
        ]


def _rows(text: str) -> list[JobRow]:
    """Read the long form: a line with the id, then ``name = value``; a tab begins the rest of a long line."""
    jobs = re.split(r"^Job Id: ", text.replace("\n\t", ""), flags=re.MULTILINE)[1:]
    return [
        _row(job.partition("\n")[0].strip(), dict(re.findall(r"^ +(\S+) = (.*)$", job, re.MULTILINE))) for job in jobs
    ]


def _row(job_id: str, fields: Mapping[str, str]) -> JobRow:
    state, comment = fields.get("job_state", ""), fields.get("comment", "")
    name = fields.get("Job_Name", "")
    if state == _ENDED:
        return JobRow(job_id, name, _end(fields))
    if state in _QUEUED:
        return JobRow(job_id, name, Status(JobPhase.QUEUED, reason=comment))
    if state == _HELD:
        trouble = f"it is held; qrls {job_id}" + (f" ({comment})" if comment else "")
        return JobRow(job_id, name, Status(JobPhase.QUEUED, reason=comment), trouble=trouble)
    # Also a letter that a later version may bring: whatever it means, the job has not ended.
    return JobRow(job_id, name, Status(JobPhase.RUNNING, place=fields.get("exec_host", "").partition("/")[0]))


def _end(fields: Mapping[str, str]) -> Status:
    """Return how a job ended. Exit_status: of its script; 256 + N where signal N ended it; below 0 where PBS did."""
    text = fields.get("Exit_status", "")
    code = int(text) if re.fullmatch(r"-?\d{1,9}", text) else None
    if fields.get("substate") == _DELETED:
        return Status(JobPhase.ENDED, None, RunState.CANCELLED, "PBS: the job was deleted")
    if code is not None and 0 <= code < 256:
        return Status(JobPhase.ENDED, code)
    cause = RunState.LOST if code is None or code not in _LIMITS else _LIMITS[code]
    told = f"Exit_status {text}" if text else "it says no exit status"
    return Status(JobPhase.ENDED, None, cause, f"PBS: {told}")
