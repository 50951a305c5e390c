"""sbatch as text: what the user's options and environment ask for, and what a refusal means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hpsearch.backends.refusals import SYSTEM_IS_SHORT, meanings
from hpsearch.core.errors import (
    ArrayTooLarge,
    SubmissionDelayed,
    SubmissionRefused,
    SubmissionUnsure,
    SubmitLimitReached,
    UsageError,
)
from hpsearch.startup.classes import dataclass


def _letters(text: str) -> dict[str, str]:
    """Return name -> letter, empty if it has none."""
    return {name: letter for name, _, letter in (word.partition("=") for word in text.split())}


#: Options of sbatch and their letters (Slurm 22.05 and later), by whether a value follows; sbatch judges all others.
_NEED_VALUE = _letters("""
    account=A acctg-freq array=a batch bb bbf begin=b chdir=D cluster cluster-constraint clusters=M comment constraint=C
    container container-id core-spec=S cores-per-socket cpu-freq cpus-per-gpu cpus-per-task=c deadline delay-boot
    dependency=d distribution=m error=e exclude=x export export-file extra extra-node-info=B gid gpu-bind gpu-freq
    gpus=G gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input=i job-name=J kill-on-invalid-dep
    licenses=L mail-type mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mincpus network nodefile=F nodelist=w
    nodes=N ntasks=n ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output=o partition=p
    power prefer priority profile qos=q reservation segment signal sockets-per-node switches thread-spec
    threads-per-core time=t time-min tmp tres-bind tres-per-task uid wait-all-nodes wckey wrap
""")
_MAY_HAVE_VALUE = _letters("exclusive get-user-env nice no-kill=k propagate")
_HAVE_NONE = _letters("""
    contiguous help=h hold=H ignore-pbs no-requeue overcommit=O oversubscribe=s parsable quiet=Q reboot requeue
    spread-job test-only usage use-min-nodes verbose=v version=V wait=W
""")
_KNOWN = {**_NEED_VALUE, **_MAY_HAVE_VALUE, **_HAVE_NONE}
_NAMES = {letter: name for name, letter in _KNOWN.items() if letter}
#: Options that the user cannot set, and why.
_NOT_TO_BE_GIVEN = {
    **dict.fromkeys(("output", "error"), "each run's output is kept in its own folder"),
    "open-mode": "it would overwrite a run's earlier output",
    "input": "a run's standard input is empty",
    "array": "use --slurm_array instead",
    "wait": "sbatch would wait for the job's end",
    "test-only": "sbatch would submit nothing",
    "parsable": "the search sets it already",
    "quiet": "sbatch would not print the job's id",
    "wrap": "the search writes the job's script",
    "job-name": "jobs are named after their runs",
    **dict.fromkeys(("help", "usage"), "it only prints help"),
    "version": "it only prints a version",
}


@dataclass(frozen=True)
class GivenOption:
    """An option in a word. name: in full; as given if unknown; empty if the word is no option."""

    name: str
    word: str
    value: str | None = None


def read_options(words: Sequence[str]) -> list[GivenOption]:
    """Return the options in a command line, read as getopt_long does for sbatch."""
    rest, options = list(words), []
    while rest:
        word = rest.pop(0)
        for name, value in _options_in(word):
            is_unknown = name not in ("", *_KNOWN) and word.startswith("--")
            # A word without a hyphen after an unknown option is taken as its value.
            needs_value = name in _NEED_VALUE or (is_unknown and rest and not rest[0].startswith("-"))
            options.append(GivenOption(name, word, rest.pop(0) if needs_value and value is None and rest else value))
    return options


def _options_in(word: str) -> Iterator[tuple[str, str | None]]:
    """Yield name and value of each option in a word, as in ``--name=value`` (perhaps cut short) and ``-Hofile``."""
    if word in ("-", "--") or not word.startswith("-"):
        yield "", None
    elif word.startswith("--"):
        given, equals, value = word[2:].partition("=")
        meant = [given] if given in _KNOWN else [name for name in _KNOWN if name.startswith(given)]
        yield meant[0] if len(meant) == 1 else given, value if equals else None
    else:
        for position, letter in enumerate(word[1:], start=2):
            name = _NAMES.get(letter, letter)
            if name in _NEED_VALUE or name in _MAY_HAVE_VALUE:
                yield name, word[position:] or None
                return
            yield name, None


def check_further_options(words: Sequence[str]) -> None:
    """Raise UsageError if the user's further options of sbatch include one that the search sets itself."""
    for option in read_options(words):
        if not option.name:
            raise UsageError(
                f"--slurm_options: {option.word!r} is not an option, and sbatch would take it for the job's script; "
                "a value with blanks needs quotes, as in --slurm_options=\"--comment='two words'\""
            )
        may_be_short = option.word.startswith("--") and option.name not in _KNOWN
        for name, reason in _NOT_TO_BE_GIVEN.items():
            if name == option.name or (may_be_short and name.startswith(option.name)):
                raise UsageError(f"--slurm_options: {option.word} cannot be given: {reason}")


#: Variables that would change what the search relies on: where output goes, names, what sbatch does and answers.
#: Clusters are given on the command line, so that all commands ask the same ones.
_DROPPED = frozenset(
    "SBATCH_ARRAY_INX SBATCH_CLUSTERS SBATCH_ERROR SBATCH_INPUT SBATCH_JOB_NAME SBATCH_OPEN_MODE SBATCH_OUTPUT"
    " SBATCH_REQUEUE SBATCH_WAIT SLURM_CLUSTERS SLURM_EXIT_ERROR".split()
)
#: Variables with defaults for options: filters would hide jobs, SCANCEL_INTERACTIVE would ask and wait.
_HABITS = ("SQUEUE_", "SACCT_", "SCANCEL_")
#: Slurm sets these for a job; a job that inherits them takes them for its own.
_OF_A_JOB = ("SLURM_", "SLURMD_", "SRUN_", "SBATCH_MEM_BIND", "SBATCH_CPU_BIND")
#: These variables of a surrounding job tell where the cluster is.
_KEPT = frozenset(("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT"))
_GPUS = ("gpus", "gpus-per-node", "gpus-per-socket", "gpus-per-task")
#: Our option -> options of sbatch that ask for the same. sbatch refuses two sizes of memory, and adds up GPUs.
_SAME_OPTIONS = {"time": ("time",), "mem": ("mem", "mem-per-cpu", "mem-per-gpu"), "gres": ("gres", *_GPUS)}
_SAME_VARIABLES = {
    "time": ("SBATCH_TIMELIMIT",),
    "mem": ("SBATCH_MEM_PER_NODE", "SBATCH_MEM_PER_CPU", "SBATCH_MEM_PER_GPU"),
    "gres": ("SBATCH_GRES", "SBATCH_GPUS", "SBATCH_GPUS_PER_NODE", "SBATCH_GPUS_PER_SOCKET", "SBATCH_GPUS_PER_TASK"),
}


class FurtherWishes:
    """What the user asks of sbatch besides the search's options: by --slurm_options and in the environment."""

    def __init__(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        check_further_options(words)
        self._options = {option.name: option.value or "" for option in read_options(words)}
        self._environ = environ
        self.clusters_option = self._options.get("clusters", self._options.get("cluster", ""))
        self.clusters = self.clusters_option or environ.get("SBATCH_CLUSTERS") or environ.get("SLURM_CLUSTERS") or ""

    def is_in_options(self, name: str) -> bool:
        """Return whether the options ask for the same as our option time, mem or gres."""
        return not self._options.keys().isdisjoint(_SAME_OPTIONS[name])

    def variables_for(self, name: str) -> list[str]:
        """Return, as ``NAME=value``, the variables that ask for the same as our option time, mem or gres."""
        given = ((variable, self._environ.get(variable)) for variable in _SAME_VARIABLES[name])
        return [f"{variable}={value}" for variable, value in given if value]

    def environment(self, environ: Mapping[str, str], is_gpu_asked: bool) -> dict[str, str]:
        """Return the environment for Slurm's commands. is_gpu_asked: the search's own options ask for GPUs."""
        # Jobs inherit the environment, so drop variables of a job that this process may run in. A user's SBATCH_* stay
        # unless the search gives the option itself, or both ask for GPUs.
        strange = (*_HABITS, *(_OF_A_JOB if "SLURM_JOB_ID" in environ else ()))
        dropped = set(_DROPPED)
        if is_gpu_asked or "gpu" in self._options.get("gres", "") or not self._options.keys().isdisjoint(_GPUS):
            is_gpu_in_gres = "gpu" in environ.get("SBATCH_GRES", "")
            dropped.update(name for name in _SAME_VARIABLES["gres"] if name != "SBATCH_GRES" or is_gpu_in_gres)
        return {
            name: value
            for name, value in environ.items()
            if name in _KEPT or not (name in dropped or name.startswith(strange))
        }


#: What sbatch says when it refuses a job -> what that means (slurm_errno.c; reports from many sites).
SBATCH_REFUSALS = meanings(
    # The job may have been submitted.
    (SubmissionUnsure, r"timed out|Zero Bytes|Transport endpoint|Communication connection failure|Connection reset"),
    (SubmissionUnsure, r"Unexpected message|Broken pipe|Header lengths|Insane message"),
    # Limits on the number of jobs. Limits on a single job have other names (QOSMaxCpuPerJobLimit).
    (SubmitLimitReached, r"(?:Max|Grp)(?:Submit)?Jobs?"),
    (ArrayTooLarge, r"Invalid job array specification"),
    # Passing trouble.
    (SubmissionDelayed, r"(?:Unable|failed) to contact|not respond|unable to accept job"),
    (SubmissionDelayed, r"backup controller|standby|\brestart(?:ing|ed)?\b|reconfigur|starting up|shutting down"),
    (SubmissionDelayed, r"Unable to process configuration|configuration source|DNS SRV lookup"),
    (SubmissionDelayed, r"slurmdbd|(?:talking|connect(?:ing)?) to (?:the )?database|accounting storage"),
    (SubmissionDelayed, r"authentication error|Munge (?:en|de)code|(?:Expired|Rewound|Replayed) credential"),
    (SubmissionDelayed, r"inactive or drain|down, drained|not usable now|nodes are busy|is in use"),
    (SubmissionDelayed, r"writing script/environment|submissions? (?:are |is )?disabled"),
    (SubmissionDelayed, SYSTEM_IS_SHORT),
    # What the job asks for, by name.
    (SubmissionRefused, r"partition|\baccounts?\b|(?<!accounting/)\bQOS|QOS(?:Max|Min|Grp)|Assoc(?:Max|Min|Grp)|wckey"),
    (SubmissionRefused, r"\bgres\b|generic resource|feature|constraint|Memory (?:spec|req)|licen[cs]e spec"),
    (SubmissionRefused, r"reservation|time limit is|Invalid time|\bwall|--\w|option|No cluster|dependency"),
    (SubmissionRefused, r"(?:CPU|node|task|processor|core|socket|thread|GPU)s? (?:count|name|config|spec|list|dist)"),
    (SubmissionRefused, r"(?:Requested|Required|Invalid|More|Too many) (?:nodes?|processors|CPUs|GPUs|tasks)\b"),
    # This sentence gives three reasons; without a name beside it, the first is the one that sites enforce.
    (SubmitLimitReached, r"job submit limit"),
)
