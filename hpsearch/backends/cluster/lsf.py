"""LSF's commands and answers, as text (bsub, bjobs, bkill; LSF 9.1 and later)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from hpsearch.backends.base import LogFile
from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meaning, meanings, refusal
from hpsearch.backends.scheduler import ClusterWishes, Command, JobRow, Scheduler, Submission, found_in, time_limit
from hpsearch.backends.shell import Answer, one_line
from hpsearch.core.errors import (
    ArrayTooLarge,
    BackendError,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnexplained,
    SubmissionUnsure,
    SubmitLimitReached,
    UsageError,
)
from hpsearch.core.model import Job, JobPhase, RunState, Status
from hpsearch.core.value_text import integer
from hpsearch.startup.classes import dataclass

#: Variables that users set for all their jobs; LSF sets the others for one job.
_KEPT = ("LSB_DEFAULT", "LSB_JOB_REPORT_MAIL", "LSB_STDOUT_DIRECT")


@dataclass(frozen=True)
class LsfWishes:
    """What the user asks for in LSF's own terms; empty = not given. options: further words of bsub's command line."""

    resources: str = "rusage[mem=8000, ngpus_excl_p=1]"
    queue: str = ""
    options: tuple[str, ...] = ()


class Lsf(Scheduler):
    """LSF, from version 9.1 on, whose bjobs answers in records."""

    name = "LSF"
    index_variable = "LSB_JOBINDEX"
    remedy = "run this on an LSF host, add --scheduler=slurm, or drop --run_cluster"
    # bsub's -o and -e files appear only after the job has ended.
    writes_output_live = False
    asks_for_arrays = True

    def __init__(self, wishes: LsfWishes) -> None:
        """Keep the user's wishes. Raises UsageError if they set options that the search sets itself."""
        check_further_options(wishes.options)
        self._wishes = wishes
        self._reason_fields: tuple[str, ...] = _REASON_FIELDS

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Make LSF's commands answer soon and in full, and not on behalf of a surrounding job."""
        # BSUB_QUIET hides the id, BSUB_CHK_RESREQ prevents the submission, BSUB_BLOCK waits for the job's end.
        strange = ("BSUB_", "LSB_") if "LSB_JOBID" in environ else ("BSUB_",)
        others = {
            name: text for name, text in environ.items() if name.startswith(_KEPT) or not name.startswith(strange)
        }
        # Else bsub retries for ever at the limit of pending jobs, as does every command while LSF is down.
        return {**others, "LSB_NTRIES": "1"}

    def version_command(self) -> Command:
        return self._bjobs()

    def check_version(self, answer: Answer) -> None:
        """Make sure that bjobs has its option -o, and that the package bsub is there."""
        load_package()
        # A bjobs before 9.1, or from a relative of LSF, says this.
        if re.search(r"(?:illegal|invalid|unrecognized|unknown) option", answer.words, re.IGNORECASE):
            raise BackendError(f"bjobs does not know its option -o ({answer.words}): LSF 9.1 or later is needed")
        # An older version names the fields that it lacks; we can do without them.
        self._reason_fields = tuple(field for field in _REASON_FIELDS if field not in answer.stderr)

    def submit_command(self, submission: Submission, script: str, wishes: ClusterWishes) -> Command:
        """Hand over the script on standard input. Raises SubmissionRefused if bjobs cannot show the log folder."""
        submission.refuse_characters({"\n": "a line break"}, self.name)
        members = f"[1-{len(submission.jobs)}]%{submission.at_once}" if submission.is_array else ""
        further = self._wishes.options
        options = {
            "W": time_limit(wishes.hours),
            "n": "1",
            "R": resource_text(self._wishes.resources),
            "q": self._wishes.queue,
            "w": f"ended({submission.after})" if submission.after else "",
            **_warning(wishes.signal_before_end_s),
        }
        # LSF combines several -R.
        given = {key: value for key, value in options.items() if value and (key == "R" or f"-{key}" not in further)}
        report = f"{submission.log_folder / submission.name}{_REPORT_ENDING}{'.%I' if submission.is_array else ''}"
        # A job that LSF restarts may run twice at once: its first host may only seem lost.
        no_rerun = [] if "-r" in further else ["-rn"]
        words = composed(f"job_{submission.label}{members}", given)
        return Command([*words, *no_rerun, *further, "-o", report], script)

    def submitted_id(self, answer: Answer) -> str:
        # BSUB_STDERR, perhaps set by a site's wrapper, sends it to standard error.
        accepted = set(_ACCEPTED.findall(f"{answer.stdout}\n{answer.stderr}"))
        if len(accepted) == 1:
            return str(accepted.pop())
        if accepted:
            raise SubmissionUnsure(f"bsub named several jobs: {', '.join(sorted(accepted))}")
        said, all_said = answer.words, f"{answer.stderr}\n{answer.stdout}"
        if answer.exit_status is None:
            # bsub may have waited for LSF, and reached it at the last moment.
            raise SubmissionUnsure(said or "bsub gave no answer in time")
        # The site's own program (esub) has refused the job: nothing was submitted, whatever it says.
        is_aborted, kind = "aborted by esub" in all_said, meaning(all_said, _REFUSALS, answer.stderr.strip())
        if not is_aborted and (answer.exit_status <= 0 or not said):
            raise SubmissionUnsure(said or f"bsub said nothing and ended with exit status {answer.exit_status}")
        raise refusal("bsub", said, SubmissionUnexplained if is_aborted and kind is SubmissionUnsure else kind)

    def array_member(self, array: str, number: int) -> str:
        return f"{array}[{number}]"

    def array_of(self, job_id: str) -> str | None:
        array, bracket, _ = job_id.partition("[")
        return array if bracket else None

    def throttle_command(self, array: str, at_once: int) -> Command:
        return Command(["bmod", "-J", f"%{at_once}", array])

    def array_limit_command(self) -> Command:
        return Command(["bparams", "-a"])

    def array_limit(self, answer: Answer | None) -> int:
        return max(1, int(found_in(answer, r"\bMAX_JOB_ARRAY_SIZE\s*=\s*([0-9]{1,18})\b") or 1000))

    def own_cluster_command(self) -> Command:
        return Command(["lsid"])

    def own_cluster(self, answer: Answer) -> str:
        return found_in(answer, r"^My cluster name is (\S+)")

    def query_command(self, ids: Sequence[str]) -> Command:
        """Ask for jobs and whole arrays, ended ones included; arrays, because bjobs asks LSF once for each id."""
        return self._bjobs("-a", ids=list(dict.fromkeys(id.partition("[")[0] for id in ids)))

    def own_jobs_command(self) -> Command:
        return self._bjobs("-a")

    def rows(self, answer: Answer) -> list[JobRow] | None:
        """Read bjobs by its words alone; its exit status differs from site to site."""
        # The records before these words may be incomplete.
        if answer.exit_status is None or "library call" in answer.stderr:
            return None
        rows = [row for line in answer.stdout.splitlines() if (row := self._row(line)) is not None]
        return rows if rows or _NOTHING_THERE.search(answer.stderr) else None

    def _row(self, line: str) -> JobRow | None:
        """Return a record's row; None for other lines, which some sites print."""
        fields = line.split(_DELIMITER, len(_FIELDS) - 1)
        if len(fields) < len(_FIELDS):
            return None
        job_id, index, state, code, host, rest = map(_value, fields)
        file, *reasons = rest.rsplit(_DELIMITER, len(self._reason_fields))
        match = _ID.fullmatch(job_id)
        if match is None or len(reasons) < len(self._reason_fields):
            return None
        said = dict(zip(self._reason_fields, map(_value, reasons), strict=True))
        number = integer(match.group(2) or index) or None
        own_id = match.group(1) if number is None else self.array_member(match.group(1), number)
        report = _REPORT.fullmatch(PurePath(file).name)
        if state in _QUEUED:
            status, trouble, is_hopeless = _queued(own_id, state, said.get("pend_reason", ""))
        else:
            status, trouble, is_hopeless = _started(state, code, host, said.get("exit_reason", "")), "", False
        return JobRow(own_id, report.group(1) if report else "", status, number, trouble, is_hopeless)

    def cancel_command(self, ids: Sequence[str], at_once: bool) -> Command:
        """Kill the jobs: by SIGINT, SIGTERM and SIGKILL with some seconds between them, or by SIGKILL."""
        return Command(["bkill", *(["-s", "KILL"] if at_once else []), *ids])

    def log_files(self, job: Job) -> list[LogFile]:
        """Return the run's log files and LSF's own report, which may come later."""
        stem, name = job.attempt.log_folder / job.attempt.token, f"job_{job.attempt.run.folder}"
        return [LogFile(Path(f"{stem}{end}"), f"{name}{end}") for end in (".out", ".err", ".sh", _REPORT_ENDING)]

    def reports(self, job: Job, submission: str, number: int | None) -> list[LogFile]:
        """Return the file of -o; in an array, its name ends in a number."""
        ends = ("",) if number is None else (f".{number}", "")
        file, name = job.attempt.log_folder / f"{submission}{_REPORT_ENDING}", f"job_{job.attempt.run.folder}.lsf"
        return [LogFile(Path(f"{file}{end}"), name) for end in ends]

    def report_words(self, text: str) -> str:
        # With LSB_STDOUT_DIRECT, the job's own output comes before the report.
        before, _, report = text.partition("Sender: LSF System")
        is_above = "The output (if any) is above this job summary." in report
        said = before.removesuffix("-" * 60 + "\n") if is_above else report.partition("The output (if any) follows:")[2]
        return one_line(said.partition("\nPS:\n")[0])

    def _bjobs(self, *options: str, ids: Sequence[str] = ()) -> Command:
        form = f"{' '.join([*_FIELDS, *self._reason_fields])} delimiter='{_DELIMITER}'"
        return Command(["bjobs", *options, "-noheader", "-o", form, *ids])


#: Options of bsub that the user cannot set, and why.
_NOT_TO_BE_GIVEN = {
    **dict.fromkeys(("-o", "-oo", "-e", "-eo"), "each run's output is kept in its own folder"),
    **dict.fromkeys(("-J", "-Jd"), "jobs are named after their runs"),
    **dict.fromkeys(("-I", "-Ip", "-Is", "-IS", "-ISp", "-ISs", "-IX", "-K"), "bsub would wait for the job's end"),
    **dict.fromkeys(("-i", "-is", "-pack"), "the job's script goes to bsub's standard input"),
    **dict.fromkeys(("-json", "-yaml", "-jsdl", "-jsdl_strict"), "the search itself describes the job"),
    "-h": "it only prints help",
    "-V": "it only prints a version",
}
#: Options of bsub without a value.
_FLAGS = frozenset(("-ar", "-B", "-H", "-hl", "-N", "-Ne", "-r", "-rn", "-ul", "-x", "-XF", "-Zs"))
#: Sites print other lines around this one; one about the project looks much like it.
_ACCEPTED = re.compile(r"^Job <([0-9]+)> is submitted to .*queue <", re.MULTILINE)
#: What may stand between two words of one message. The limit keeps a long text that repeats the first of them from
#: being read to its end again from each.
_SAME_SENTENCE = "[^;]{0,150}"
#: What bsub says when it refuses a job -> what that means.
_REFUSALS = meanings(
    # LSF may have accepted the job before that: "Job not submitted." after these words proves nothing.
    (SubmissionUnsure, r"library call|connection|communication|socket|timed? ?out|broken pipe"),
    (SubmitLimitReached, r"pending (?:job|slot)s? (?:threshold|limit)|MAX_PEND_"),
    (ArrayTooLarge, rf"array (?:index|size){_SAME_SENTENCE}(?:too large|exceed)|MAX_JOB_ARRAY_SIZE"),
    (SubmissionDelayed, r"non-LSF host|LSF is down|cannot connect to LSF|not responding|queue has been closed"),
    (SubmissionDelayed, rf"\b(?:mbatchd|batch daemon|LIM|LSF)\b{_SAME_SENTENCE}(?:down|busy|restart|reconfig)"),
    (SubmissionDelayed, "query limit"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    # What the job asks for, by name.
    (SubmissionRefused, r"queue|resource (?:req|string)|rusage|section|processors?|slots? req|job slots"),
    (SubmissionRefused, r"project|\bgroup"),
    (SubmissionRefused, r"\boptions?\b|argument|\b[A-Z]+LIMIT\b|hard limit|dependency|application profile"),
    (SubmissionRefused, r"\bhost (?:name|group)|service class|job name|array|reservation|licen[cs]e proj|\bGPUs? req"),
)


def load_package() -> Any:  # Any: the package has no types
    """Return the package's class that composes submit commands. Raises BackendError if it cannot be imported."""
    try:
        from bsub import bsub
    except ImportError as error:
        raise BackendError(f"the package bsub cannot be imported ({error}); run: pip install bsub six") from error
    return bsub


def composed(job_name: str, options: Mapping[str, str]) -> list[str]:
    """Return the words of the submit command, without -o and -e. options: name without the hyphen -> value."""
    # The package composes a line for a shell. It quotes some values wrongly unless they are quoted already, and always
    # adds its own -o and -e.
    quoted = {name: shlex.quote(value) for name, value in options.items()}
    words = shlex.split(load_package()(job_name, **quoted).command)
    pairs = zip(words[1::2], words[2::2], strict=True)
    return [words[0], *(word for pair in pairs if pair[0] not in ("-o", "-e") for word in pair)]


def check_further_options(words: Sequence[str]) -> None:
    """Raise UsageError if the user's further options of bsub include one that the search sets itself."""
    needs_value = False
    for word in words:
        if word in _NOT_TO_BE_GIVEN:
            raise UsageError(f"--lsf_options: {word} cannot be given: {_NOT_TO_BE_GIVEN[word]}")
        is_option = word.startswith("-") and word not in ("-", "--")
        if not (is_option or needs_value) or word == "--":
            raise UsageError(
                f"--lsf_options: {word!r} is not an option, and bsub would execute it instead of the job's script; "
                "a value with blanks needs quotes, as in --lsf_options=\"-P 'my lab'\""
            )
        needs_value = is_option and word not in _FLAGS


def _warning(seconds: int) -> dict[str, str]:
    """Return the options that ask for SIGUSR1 before the time limit, in whole minutes, never later; 0 = none."""
    return {"wa": "USR1", "wt": str(-(-seconds // 60))} if seconds else {}


def resource_text(text: str) -> str:
    """Return a resource string without the quotes around it that were meant for a shell."""
    try:
        return " ".join(shlex.split(text)) if text.strip().startswith(("'", '"')) else text
    except ValueError:
        return text  # LSF will complain.


#: The fields of a record before the reasons. Only the path at their end may hold the delimiter.
_FIELDS = ("jobid", "jobindex", "stat", "exit_code", "exec_host", "output_file")
#: Free text for people; not every version of LSF has both.
_REASON_FIELDS = ("exit_reason", "pend_reason")
_DELIMITER = "^"
#: Ending of the file of LSF's report on a job, which names the submission; in an array, the job's number follows.
_REPORT_ENDING = ".lsf"
#: Our jobs have such an output file.
_REPORT = re.compile(r"(.+)\.lsf(?:\.(?:%I|[0-9]+))?")
_ID = re.compile(r"([0-9]+)(?:\[([0-9]+)\])?")
#: bjobs prints these on standard error if there are no such jobs, whatever its exit status.
_NOTHING_THERE = re.compile(r"^(?:Job <.*> is not found|No .*job.* found|No matching job)", re.MULTILINE)
_QUEUED = {"PEND": "", "PROV": "its host is being started", "WAIT": "waits in a chunk of jobs", "PSUSP": "held"}
_RUNNING = {
    "USUSP": "suspended by its owner or an administrator",
    "SSUSP": "suspended by LSF",
    "UNKWN": "LSF has lost contact with its host",
}
#: State of a run <- why LSF ended its job. For other reasons the exit status decides.
_CAUSES = {
    RunState.TIMED_OUT: "RUNLIMIT CPULIMIT DEADLINE",
    RunState.OUT_OF_MEMORY: "MEMLIMIT SWAP SWAPLIMIT",
    RunState.CANCELLED: "OWNER ADMIN FORCE_OWNER FORCE_ADMIN BUCKET_KILL ORPHAN_SYSTEM",
    RunState.PREEMPTED: "PREEMPT LOAD WINDOW CHKPNT OTHER MC_RECALL RC RC_RECLAIM REQUEUE_OWNER REQUEUE_ADMIN",
    RunState.LOST: "ZOMBIE RMS SLURM REMOVE_HUNG_JOB CSM_ALLOC KUBE",
    RunState.FAILED: "CWD_NOTEXIST PRE_EXEC_FAIL DATA PROCESSLIMIT THREADLIMIT",
}
_CAUSE_OF = {
    **{f"TERM_{word}": cause for cause, words in _CAUSES.items() for word in words.split()},
    # Exit codes, used without a reason: SIGUSR2 (+ 128) ends a job at its run limit, bkill sends SIGINT and SIGTERM.
    **{"140": RunState.TIMED_OUT, "130": RunState.CANCELLED, "143": RunState.CANCELLED},
}
#: Reason why a pending job will not start soon, if there is no other -> what helps.
_TROUBLES = {
    "Job's resource requirements not satisfied": "if no host ever satisfies them, change --resources",
    "The queue is inactivated by the administrator": "choose another --lsf_queue, or wait",
    "before queue's run window is closed": "reduce --num_hours",
    "Job no longer satisfies queue PROCLIMIT configuration": "change -n in --lsf_options, or --lsf_queue",
    "Host or host group is not used by the queue": "change -m in --lsf_options, or --lsf_queue",
    "Unable to determine user account for execution": "ask the administrators",
    "There is no such user account": "ask the administrators",
    "The user has no permission to run the job on remote host/cluster": "ask the administrators",
    "Can't run jobs submitted by root": "submit as an ordinary user",
}
_NEVER = "Dependency condition invalid or never satisfied"


def _value(field: str) -> str:
    """Return a field's text; a hyphen means a missing value."""
    return "" if field.strip() == "-" else field.strip()


def _queued(job_id: str, state: str, reason: str) -> tuple[Status, str, bool]:
    """Return a waiting job's status, why it does not start, and whether it never would."""
    reasons = [part.strip() for part in reason.split(";") if part.strip()]
    if any(_NEVER in part for part in reasons):
        status = Status(JobPhase.ENDED, None, RunState.FAILED, f"LSF: {_NEVER}")
        return status, f"{_NEVER}; change -w in --lsf_options", True
    status = Status(JobPhase.QUEUED, reason="; ".join(reasons) or _QUEUED[state])
    if state == "PSUSP":
        return status, f"{'; '.join(reasons) or 'it is held'}; to release it: bresume {shlex.quote(job_id)}", False
    reasons.sort()
    helps = [next((help for text, help in _TROUBLES.items() if text in part), "") for part in reasons]
    # A reason without help may pass by itself.
    is_trouble = bool(helps) and all(helps)
    return status, f"{'; '.join(reasons)}: {'; '.join(dict.fromkeys(helps))}" if is_trouble else "", False


def _started(state: str, code: str, host: str, reason: str) -> Status:
    if state in ("DONE", "POST_DONE", "POST_ERR"):
        return Status(JobPhase.ENDED, 0 if state == "DONE" else None, place=host)
    if state == "EXIT":
        cause = _CAUSE_OF.get(reason.partition(":")[0].strip() if reason.startswith("TERM_") else code)
        return Status(JobPhase.ENDED, integer(code), cause, reason and f"LSF: {reason}", host)
    if state == "ZOMBI":
        # It was killed while its host was out of reach; it may still run there.
        return Status(JobPhase.ENDED, None, RunState.LOST, "LSF: ZOMBI: its host is out of reach", host)
    # Unknown states, too, mean that it runs.
    return Status(JobPhase.RUNNING, reason=_RUNNING.get(state, ""), place=host)
